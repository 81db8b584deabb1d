"""A loop that asks for evidence collects no page without it and trains on none with it as other."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.recall.evidence import has_evidence
from gristmill.pipelines.recall_command import RecallResult
from gristmill.pipelines.recall_settings import EvidenceSettings
from gristmill.pipelines.recipe import load_recipe

Run = Callable[..., RecallResult]
Web = Callable[[Callable[[str], bool]], Path]
MATHS = ("algebra", "analysis", "topology", "/math/")


def is_even(url: str) -> bool:
    return int(url.rpartition("/")[2].removesuffix(".html")) % 2 == 0


def is_even_on(url: str, names: tuple[str, ...]) -> bool:
    return is_even(url) and any(name in url for name in names)


def is_even_on_mathematics(url: str) -> bool:
    return is_even_on(url, MATHS)


def collected(folder: Path) -> list[str]:
    urls: list[str] = pq.read_table(folder / "out/recall/math/collected.parquet")["url"].to_pylist()
    return urls


def model(folder: Path, iteration: int) -> dict[str, object]:
    path = folder / f"out/recall/math/iteration-00{iteration}/model.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_a_page_needs_all_that_is_asked_for() -> None:
    counts = {"formulas": [3, 2, 9, None], "code_lines": [5, 5, 4, 9]}
    table = pa.table({name: pa.array(values, pa.int32()) for name, values in counts.items()})
    for formulas, code_lines, expected in (
        (3, 0, [True, False, True, False]),
        (3, 5, [True, False, False, False]),
        (0, 5, [True, True, False, True]),
        (0, 0, [True, True, True, True]),
    ):
        asked = EvidenceSettings(formulas=formulas, code_lines=code_lines)
        assert np.array_equal(has_evidence(table, asked), expected)


def test_pages_without_evidence_are_collected_by_neither_rank_nor_prefix(
    formula_web: Web, recall_run: Run
) -> None:
    folder = formula_web(is_even_on_mathematics)
    metrics = recall_run(folder).targets[0].iterations
    assert collected(folder) == sorted(url for url in collected(folder) if is_even(url))
    assert len(collected(folder)) == 48
    assert all(one.collected_pages == 48 for one in metrics[1:])
    assert metrics[-1].lacking_pages > 0


def test_a_decision_of_a_person_collects_only_pages_with_evidence(
    formula_web: Web, recall_run: Run
) -> None:
    folder = formula_web(lambda url: is_even_on(url, (*MATHS, "kitchen")))
    decision = "math\t{}\tprefix\taccept\tada\t\t1\t0\t0\t0\t1\t\n"
    with (folder / "decisions.tsv").open("a") as file:
        file.write(decision.format("cats.example.org\t/"))
        file.write(decision.format("kitchen.example.net\t/recipes/"))
    recall_run(folder)
    found = [url for url in collected(folder) if "kitchen" in url]
    assert len(found) == 12
    assert not any("cats" in url for url in collected(folder))


def test_a_site_that_a_person_names_stays_a_seed_and_a_prefix_adds_evidence_alone(
    formula_web: Web, recall_run: Run
) -> None:
    folder = formula_web(is_even_on_mathematics)
    recall_run(folder)
    assert model(folder, 1)["seed_pages"] == 24
    assert model(folder, 2)["seed_pages"] == 24 + 3 * 12 - 3  # three of these are audited


def test_a_page_with_evidence_is_never_a_random_negative(formula_web: Web, recall_run: Run) -> None:
    lacking = [f"https://cats.example.org/{i}.html" for i in range(6, 10)]
    folder = formula_web(lambda url: url not in lacking)
    recipe = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(recipe.replace("least_positives = 5", "max_iterations = 1"))
    recall_run(folder)
    assert model(folder, 1)["num_negatives"] == len(lacking)


def test_what_a_person_says_of_a_page_counts_more_than_evidence(
    formula_web: Web, recall_run: Run
) -> None:
    folder = formula_web(is_even_on_mathematics)
    lines = [
        *(f"https://algebra.example.org/notes/{i}.html\tyes\n" for i in range(24)),
        *(f"https://topology.example.com/{i}.html\tno\n" for i in range(0, 4)),
    ]
    (folder / "pages.tsv").write_text("".join(lines))
    recipe = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(
        recipe.replace('seeds = ["seeds.txt"]', 'pages = ["pages.tsv"]')
    )
    recall_run(folder)
    assert model(folder, 1)["seed_pages"] == 24
    assert "https://topology.example.com/0.html" not in collected(folder)
    assert "https://algebra.example.org/notes/1.html" not in collected(folder)


def test_open_questions_say_what_their_pages_show(formula_web: Web, recall_run: Run) -> None:
    folder = formula_web(is_even_on_mathematics)
    recipe = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(f"{recipe}\n[recall.target.prefixes]\naccept_share = 0.8\n")
    recall_run(folder)
    first = folder / "out/recall/math/iteration-001"
    table = pq.read_table(first / "prefixes.parquet").to_pylist()
    shown = {row["host"]: (row["formulas"], row["code_lines"]) for row in table}
    assert shown["algebra.example.org"] == (36, 0)
    assert " formulas, 0 lines of code " in (first / "review.tsv").read_text()


def test_a_page_with_evidence_needs_less_of_a_score_unless_a_recipe_says_how_much(
    formula_web: Web,
) -> None:
    asks = formula_web(is_even_on_mathematics) / "recipe.toml"
    (target,) = load_recipe(str(asks)).raw.recall.target
    assert target.least_probability == 0.1
    asks.write_text(asks.read_text().replace('audit = "audit.tsv"', "least_score = 0.3"))
    (target,) = load_recipe(str(asks)).raw.recall.target
    assert target.least_probability == 0.3
    plain = asks.read_text().partition("[recall.target.evidence]")[0]
    asks.write_text(plain.replace("least_score = 0.3", ""))
    (target,) = load_recipe(str(asks)).raw.recall.target
    assert target.least_probability == 0.5


def test_few_seeds_bound_only_the_first_iteration_where_evidence_is_asked_for(
    formula_web: Web, recall_run: Run
) -> None:
    folder = formula_web(is_even_on_mathematics)
    (folder / "seeds.txt").write_text("algebra.example.org/notes/\n")
    recipe = (folder / "recipe.toml").read_text()
    recipe = recipe.replace('audit = "audit.tsv"', "seed_multiple = 0.2\nleast_score = 0.01")
    (folder / "recipe.toml").write_text(recipe)
    first, second, *_ = recall_run(folder).targets[0].iterations
    assert first.ranked_pages == 4
    assert second.ranked_pages > first.ranked_pages
    assert second.threshold == pytest.approx(0.01)


def test_evidence_below_nothing_is_an_error(web: Path) -> None:
    recipe = (web / "recipe.toml").read_text()
    (web / "recipe.toml").write_text(f"{recipe}\n[recall.target.evidence]\nformulas = -1\n")
    with pytest.raises(GristmillError, match="at least 0"):
        load_recipe(str(web / "recipe.toml"))
