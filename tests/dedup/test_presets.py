"""Schemes by name: their numbers, and a recipe that changes some of them."""

from pathlib import Path

import msgspec
import pytest

from gristmill.dedup.minhash import MinHashScheme, collision_probability
from gristmill.dedup.presets import SCHEME_PRESETS
from gristmill.pipelines.recipe import load_recipe

RECIPE = """
name = "small"
source = [{ name = "prose", kind = "documents", component = "text", paths = ["*.txt"] }]
mixture = { weights = { text = 1.0 } }
"""


def scheme_of(table: str, tmp_path: Path) -> MinHashScheme:
    path = tmp_path / "recipe.toml"
    path.write_text(f"{RECIPE}\n[dedup.minhash]\n{table}\n")
    return load_recipe(str(path)).raw.dedup.minhash


def numbers(scheme: MinHashScheme) -> tuple[int, int, int, int, float, str]:
    bands = (scheme.num_permutations, scheme.num_bands, scheme.rows_per_band)
    return *bands, scheme.ngram, scheme.threshold, scheme.method


def test_presets_have_the_published_numbers(tmp_path: Path) -> None:
    deepseek, datatrove = (scheme_of(f"preset = '{name}'", tmp_path) for name in SCHEME_PRESETS)
    assert numbers(deepseek) == (256, 25, 10, 5, 0.7, "fast")
    assert numbers(datatrove) == (112, 14, 8, 5, 0.72, "permutations")


def test_the_deepseek_preset_is_the_default(tmp_path: Path) -> None:
    assert scheme_of("preset = 'deepseek'", tmp_path) == scheme_of("", tmp_path) == MinHashScheme()


def test_the_threshold_of_datatrove_is_where_its_curve_is_steepest() -> None:
    scheme = SCHEME_PRESETS["datatrove"]
    assert scheme.threshold == pytest.approx((1 / 14) ** (1 / 8), abs=0.005)
    chances = [collision_probability(j, scheme) for j in (0.5, 0.7, 0.8)]
    assert chances == pytest.approx([0.0533, 0.5646, 0.9235], abs=1e-4)


def test_a_key_beside_a_preset_changes_that_number_only(tmp_path: Path) -> None:
    changed = scheme_of("preset = 'datatrove'\nngram = 13\nmethod = 'fast'", tmp_path)
    expected = msgspec.structs.replace(SCHEME_PRESETS["datatrove"], ngram=13, method="fast")
    assert changed == expected
