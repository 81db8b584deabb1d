"""Languages of a pool: bars of their own, what was taken of each, and those without a seed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.ids import digest_parts
from gristmill.pipelines.artifact import InputFile
from gristmill.pipelines.recall.draw import draw_pages
from gristmill.pipelines.recall.languages import (
    LanguageTaken,
    language_notes,
    taken_by_language,
)
from gristmill.pipelines.recall.pool import Pages
from gristmill.pipelines.recall.state import Rank
from gristmill.pipelines.recall.thresholds import decide_rank, reach_threshold
from gristmill.pipelines.recall_command import RecallResult
from gristmill.pipelines.recall_settings import DrawSettings, LanguageBar, RecallTarget
from gristmill.pipelines.recall_text import recall_text
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.stages.recall import POOL

Run = Callable[..., RecallResult]

LOGITS = np.array([5, 4, 3, 2, 1, 0.5, -1, -2], np.float32)
LANGUAGES = np.array(["en"] * 5 + ["zh"] * 3)
TOKENS = np.full(8, 10)


def target(budget: int = 50, **languages: LanguageBar) -> RecallTarget:
    return RecallTarget(
        name="math",
        sources=("web",),
        seeds=("seeds.txt",),
        token_budget=(budget,),
        languages=languages,
    )


def decide(settings: RecallTarget, number: int = 1) -> Rank:
    return decide_rank(LOGITS, TOKENS, LANGUAGES, settings, number=number, seed_tokens=1)


def taken(settings: RecallTarget, number: int = 1) -> list[int]:
    """Return which of the pages an iteration takes."""
    rank = decide(settings, number)
    found = reach_threshold(LOGITS, LANGUAGES, rank.threshold, rank.languages)
    return np.flatnonzero(found).tolist()


def test_without_bars_the_budget_goes_to_the_best_of_all() -> None:
    assert taken(target()) == [0, 1, 2, 3, 4]
    assert decide(target()).languages == {}


def test_a_share_of_the_budget_goes_to_the_best_pages_of_a_language_first() -> None:
    assert taken(target(zh=LanguageBar(share=0.4))) == [0, 1, 2, 5, 6]


def test_a_share_that_a_language_has_no_pages_for_goes_to_the_others() -> None:
    assert taken(target(ja=LanguageBar(share=0.4))) == [0, 1, 2, 3, 4]


def test_a_language_whose_best_pages_are_the_best_of_all_keeps_them_above_its_share() -> None:
    assert taken(target(en=LanguageBar(share=0.2))) == [0, 1, 2, 3, 4]


def test_a_later_iteration_needs_the_least_score_of_the_language() -> None:
    share = LanguageBar(share=0.4)
    assert taken(target(zh=share), number=2) == [0, 1, 2, 5]
    lower = LanguageBar(share=0.4, least_score=0.2)
    assert taken(target(zh=lower), number=2) == [0, 1, 2, 5, 6]
    higher = LanguageBar(least_score=0.9)
    assert taken(target(80, zh=higher), number=2) == [0, 1, 2, 3, 4]


def test_a_least_score_of_a_language_holds_for_it_alone() -> None:
    rank = decide(target(80, zh=LanguageBar(least_score=0.1)), number=2)
    assert rank.threshold == 0.0
    assert rank.languages["zh"] == -2.0


def test_what_was_taken_is_counted_by_language() -> None:
    is_ranked, is_seed = LOGITS > 0, LOGITS > 4
    found = taken_by_language(
        LANGUAGES,
        TOKENS,
        is_seed=is_seed,
        is_ranked=is_ranked,
        is_collected=is_ranked & (LOGITS < 5),
        thresholds={"zh": 0.0},
        threshold=100.0,
    )
    assert list(found) == ["en", "zh"]
    assert found["zh"] == LanguageTaken(
        pages=3,
        seed_pages=0,
        ranked_pages=1,
        collected_pages=1,
        collected_tokens=10,
        threshold=0.5,
    )
    assert (found["en"].seed_pages, found["en"].collected_tokens) == (1, 40)


def languages_taken(pages: int, seed_pages: int) -> dict[str, LanguageTaken]:
    one = LanguageTaken(
        pages=pages,
        seed_pages=seed_pages,
        ranked_pages=0,
        collected_pages=0,
        collected_tokens=0,
        threshold=0.5,
    )
    return {"zh": one}


def test_a_language_with_many_pages_and_no_seed_is_told_of() -> None:
    assert language_notes(languages_taken(100, 0), target()) == [
        "100 pages of the pool are in `zh`, and no seed is"
    ]
    assert not language_notes(languages_taken(99, 0), target())
    assert not language_notes(languages_taken(100, 1), target())


def test_a_bar_of_a_language_that_is_not_there_is_told_of() -> None:
    (note,) = language_notes(languages_taken(1, 1), target(ja=LanguageBar(share=0.1)))
    assert "no page of the pool is in `ja`" in note


def pool(folder: Path, languages: list[str]) -> Pages:
    num = len(languages)
    names = [f"{i}" for i in range(num)]
    table = pa.table(
        [
            [digest_parts("page", (name,)) for name in names],
            [f"https://{name}.example.org/" for name in names],
            [f"{name}.example.org" for name in names],
            ["/"] * num,
            [False] * num,
            languages,
            [10] * num,
            [None] * num,
            [None] * num,
            ["web.warc"] * num,
            [digest_parts("origin", (name,)) for name in names],
            ["words"] * num,
        ],
        schema=POOL,
    )
    path = folder / "pool.parquet"
    pq.write_table(table, path)
    return Pages([InputFile(shard="web", url=str(path), digest="")])


def test_a_language_gets_its_share_of_the_pool_among_the_positives(tmp_path: Path) -> None:
    pages = pool(tmp_path, ["en"] * 900 + ["zh"] * 100)
    seeds = np.array([True] * 500 + [False] * 480 + [True] * 20)
    drawn = draw_pages(
        pages,
        seeds=seeds,
        negatives=np.zeros(1000, dtype=np.bool_),
        barred=np.zeros(1000, dtype=np.bool_),
        settings=DrawSettings(positives=100, negatives=100),
        iteration=1,
    )
    languages = pages.labels("language")[drawn.rows]
    positives = languages[drawn.is_positive].tolist()
    assert (len(positives), positives.count("zh")) == (100, 10)
    assert languages[~drawn.is_positive].tolist().count("zh") == 10


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("zh = { share = 1.5 }", "share must lie between 0 and 1"),
        ("zh = { least_score = 1.0 }", "least_score must lie between 0 and 1"),
        ("zh = { share = 0.6 }\nen = { share = 0.6 }", "more than the whole budget"),
        ("zh = { quota = 1 }", r"languages.*quota"),
    ],
)
def test_a_bar_that_cannot_be_meant_is_an_error(web: Path, lines: str, what: str) -> None:
    path = web / "recipe.toml"
    path.write_text(f"{path.read_text()}\n[recall.target.languages]\n{lines}\n")
    with pytest.raises(GristmillError, match=what):
        load_recipe(str(path))


def test_a_run_says_what_it_took_of_each_language_and_which_has_no_seed(
    web: Path, recall_run: Run
) -> None:
    path = web / "recipe.toml"
    path.write_text(path.read_text().replace("stop =", "seedless_pages = 24\nstop ="))
    warc = (web / "kitchen.example.net.warc").read_bytes()
    (web / "kitchen.example.net.warc").write_bytes(warc.replace(b"lang=en", b"lang=la"))
    result = recall_run(web)
    assert "24 pages of the pool are in `la`, and no seed is" in result.targets[0].notes
    lines = recall_text(result).splitlines()
    assert any(line.startswith("  en: 96 of 204 pages") for line in lines)
    assert any(line.startswith("  la: 0 of 24 pages") for line in lines)
