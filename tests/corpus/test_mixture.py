"""Mixture accounting: the paper's figures, exact totals, and mistakes that are refused."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.budgets import apportion
from gristmill.corpus.dealt import dealt_groups
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import (
    Mixture,
    MixtureShard,
    make_mixture,
    plan_epochs,
    read_mixture,
    write_mixture,
)
from gristmill.corpus.record import Component

BILLION = 10**9
PAPER: dict[Component, int] = {
    "code": 1170 * BILLION,
    "math": 221 * BILLION,
    "text": 8100 * BILLION,
}


def make_shard(path: str, *block_tokens: int) -> MixtureShard:
    return MixtureShard(
        path=path, digest="00", language="Python", documents=2, block_tokens=block_tokens
    )


def small_mixture() -> Mixture:
    shards: dict[Component, list[MixtureShard]] = {
        "text": [make_shard("tokens/text/en/part.parquet", 30)],
        "code": [make_shard("tokens/code/b.parquet", 5, 7), make_shard("tokens/code/a.parquet", 9)],
        "math": [make_shard("tokens/math/en/part.parquet", 10)],
    }
    return make_mixture(shards, tokenizer="41f3", seed=3, total_tokens=1001)


def test_the_paper_sees_its_code_three_times() -> None:
    plans = plan_epochs(PAPER)
    assert [plan.name for plan in plans] == ["code", "math", "text"]
    assert [plan.target_tokens for plan in plans] == [3600 * BILLION, 600 * BILLION, 1800 * BILLION]
    assert [round(plan.epochs, 2) for plan in plans] == [3.08, 2.71, 0.22]


@given(parts=st.lists(st.integers(1, 1000), min_size=1, max_size=6), total=st.integers(0, 10**13))
def test_apportioned_parts_add_up_and_miss_their_share_by_less_than_one(
    parts: list[int], total: int
) -> None:
    counts = apportion([float(part) for part in parts], total)
    assert sum(counts) == total
    exact = [(part * total, sum(parts)) for part in parts]
    assert all(abs(c * d - n) < d for c, (n, d) in zip(counts, exact, strict=True))


def test_thirds_are_weights_that_add_up_to_one() -> None:
    third = 1 / 3
    plans = plan_epochs(
        PAPER, weights={"code": third, "math": third, "text": third}, total_tokens=8
    )
    assert [plan.target_tokens for plan in plans] == [3, 3, 2]


@pytest.mark.parametrize(
    "weights", [{"code": 0.6, "math": 0.1, "text": 0.2}, {"code": 1.5, "math": -0.5}, {}]
)
def test_weights_that_are_not_shares_are_refused(weights: dict[Component, float]) -> None:
    with pytest.raises(GristmillError, match="not to 1"):
        plan_epochs(PAPER, weights=weights)


def test_a_component_without_tokens_is_refused() -> None:
    with pytest.raises(GristmillError, match=r"math has a weight of .* and no tokens"):
        plan_epochs({"code": 5, "text": 5})
    with pytest.raises(GristmillError, match=r"text has a weight of .* and no tokens"):
        plan_epochs({"code": 5, "math": 5, "text": 0})


def test_tokens_are_left_out_only_when_the_weight_says_so() -> None:
    with pytest.raises(GristmillError, match="no weight"):
        plan_epochs(PAPER, weights={"code": 0.9, "math": 0.1})
    plans = plan_epochs(PAPER, weights={"code": 0.9, "math": 0.1, "text": 0.0})
    assert [plan.name for plan in plans] == ["code", "math"]


def test_a_mixture_counts_its_shards_in_path_order() -> None:
    code = small_mixture().components[0]
    assert (code.name, code.tokens, code.documents, code.target_tokens) == ("code", 21, 4, 601)
    assert [shard.path for shard in code.shards] == [
        "tokens/code/a.parquet",
        "tokens/code/b.parquet",
    ]


def test_a_mixture_file_comes_back_equal(tmp_path: Path) -> None:
    path = str(tmp_path / "mixture.json")
    write_mixture(small_mixture(), path)
    assert read_mixture(path) == small_mixture()
    assert read_mixture(path).digest == small_mixture().digest


@pytest.mark.parametrize(
    ("change", "message"),
    [(("{", "["), "not a mixture manifest"), (('"seed"', '"sed"'), "not a mixture manifest")],
)
def test_a_damaged_mixture_is_refused(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "mixture.json"
    write_mixture(small_mixture(), str(path))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(GristmillError, match=message):
        read_mixture(str(path))


def test_a_mixture_of_format_1_is_read_as_one_group_a_component(tmp_path: Path) -> None:
    mixture = msgspec.to_builtins(small_mixture())
    mixture["format_version"] = 1
    del mixture["long_min_tokens"]
    for component in mixture["components"]:
        del component["groups"]
        for shard in component["shards"]:
            del shard["part"], shard["long_tokens"]
    path = tmp_path / "mixture.json"
    path.write_bytes(msgspec.json.encode(mixture))
    old = dealt_groups(read_mixture(str(path)))
    new = dealt_groups(small_mixture())
    assert [group.name for group in old] == ["code", "math", "text"]
    assert [g.shards for g in old] == [g.shards for g in new]
    assert [g.target_tokens for g in old] == [g.target_tokens for g in new]


def test_a_mixture_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    write_mixture(small_mixture(), str(path))
    path.write_text(path.read_text().replace('"format_version":2', '"format_version":3'))
    with pytest.raises(GristmillError, match="format 3"):
        read_mixture(str(path))
