"""The mixtures of a build: parts in shards of their own, and stages over the same shards."""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import Mixture, read_mixture
from gristmill.corpus.packing import PackedDataset, PackingSettings
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.mixture_settings import StageSettings
from gristmill.pipelines.plan import Plan, plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.summary import build_text, plan_text

if TYPE_CHECKING:
    from ..conftest import Corpus

MIXTURE = """\
[mixture]
weights = { code = 0.7, text = 0.3 }
total_tokens = 100_000
max_epochs = 50

[[mixture.part]]
name = "markdown"
component = "code"
of = [":Markdown"]
weight = 0.05

[[mixture.part]]
name = "source"
component = "code"
of = ["github"]
weight = 0.95

[mixture.balance.code]
weights = { Python = 2.0 }

[[mixture.stage]]
name = "long"
sequence_length = 4096
batch_samples = 2
steps = 3
long = { min_tokens = 600, weight = 3.0 }
"""


def with_mixture(corpus: "Corpus", mixture: str) -> None:
    text = corpus.recipe.read_text()
    corpus.recipe.write_text(text[: text.index("[mixture]")] + mixture)


def make(corpus: "Corpus") -> BuildResult:
    observer = JsonLines(sys.stderr)
    return build(
        str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor(), observer=observer
    )


def of_shard(mixture: Mixture, component: int, part: str) -> set[str]:
    shards = mixture.components[component].shards
    return {shard.path for shard in shards if shard.part == part}


def test_a_part_has_shards_of_its_own_and_its_weight(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    mixture = read_mixture(str(corpus.out / "mixture.json"))
    assert {path.split("/")[2] for path in of_shard(mixture, 0, "markdown")} == {"Markdown"}
    assert "tokens/code/C/source-part.parquet" in of_shard(mixture, 0, "source")
    targets = Counter[str]()
    for group in mixture.components[0].groups:
        targets[group.part] += group.target_tokens
    assert targets == {"markdown": 3_500, "source": 66_500}
    groups = [group for group in mixture.components[0].groups if group.part == "source"]
    epochs = {language: group.epochs for group in groups for language in group.languages}
    assert epochs["Python"] == pytest.approx(2 * epochs["C"], rel=0.001)
    assert not audit(str(corpus.out), by=("component",)).differences


def test_the_ledger_names_the_shards_of_the_parts(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    query = f"SELECT DISTINCT 'tokens/' || shard FROM '{corpus.out}/ledger/*.parquet'"
    named = {row[0] for row in duckdb.execute(f"{query} WHERE shard IS NOT NULL").fetchall()}
    written = {str(path.relative_to(corpus.out)) for path in corpus.out.glob("tokens/*/*/*")}
    assert named == written


def test_new_parts_tokenize_nothing_again(corpus: "Corpus") -> None:
    corpus.write()
    make(corpus)
    with_mixture(corpus, MIXTURE)
    make(corpus)
    ran = [path.parent.parent.name for path in (corpus.out / "work").glob("tokenize/*/*.json")]
    assert len(ran) == len(list((corpus.out / "work/tokenize").iterdir()))


def test_a_stage_sees_long_documents_more_often(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    stage = read_mixture(str(corpus.out / "mixture.long.json"))
    assert (stage.total_tokens, stage.long_min_tokens) == (4096 * 2 * 3, 600)
    lengths = _row_lengths(corpus.out)
    for method in ("greedy", "best_fit"):
        settings = msgspec.convert({"sequence_length": 512, "method": method}, PackingSettings)
        dataset = PackedDataset(stage, str(corpus.out), settings)
        assert {group.rows for group in dataset.groups} == {"long", "short"}
        dealt = Counter[str]()
        for index in range(dataset.num_samples):
            group = dataset.groups[dataset.deal.locate(index)[0]]
            sample = dataset.sample(index)
            dealt[group.name] += sample.length
            is_long = {lengths[span.shard, span.doc_id] >= 600 for span in sample.documents}
            assert is_long == {group.rows == "long"}
        for group in dataset.groups:
            assert abs(dealt[group.name] - group.target_tokens) < 512


def _row_lengths(out: Path) -> dict[tuple[str, bytes], int]:
    query = f"SELECT filename, doc_id, num_tokens FROM read_parquet('{out}/tokens/*/*/*.parquet')"
    found = duckdb.execute(query).fetchall()
    return {(path.removeprefix(f"{out}/"), bytes(row)): count for path, row, count in found}


def test_a_stage_that_is_gone_leaves_no_mixture(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    assert (corpus.out / "mixture.long.json").exists()
    with_mixture(corpus, MIXTURE[: MIXTURE.index("[[mixture.stage]]")])
    make(corpus)
    assert not (corpus.out / "mixture.long.json").exists()


@pytest.mark.parametrize("damage", [None, b"{"])
def test_a_mixture_that_is_gone_or_damaged_is_written_again(
    corpus: "Corpus", damage: bytes | None
) -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    path = corpus.out / "mixture.long.json"
    whole = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    text = build_text(make(corpus))
    assert path.read_bytes() == whole
    assert text.endswith("\nNo task ran; mixture.long.json written.")


def test_a_change_of_the_mixture_alone_is_something_done(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    with_mixture(corpus, MIXTURE.replace("total_tokens = 100_000", "total_tokens = 90_000"))
    assert build_text(make(corpus)).endswith("No task ran; mixture.json written.")
    assert "nothing to do" in build_text(make(corpus))


def planned(corpus: "Corpus") -> Plan:
    return plan(str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor())


def test_a_plan_says_what_a_change_of_the_mixture_alone_does(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    assert plan_text(planned(corpus)) == "Nothing to do."
    with_mixture(corpus, MIXTURE.replace("code = 0.7, text = 0.3", "code = 0.6, text = 0.4"))
    found = planned(corpus)
    assert [change.path for change in found.mixtures] == ["mixture.json", "mixture.long.json"]
    code = found.mixtures[0].components[0]
    assert (code.target_before, code.target_after) == (70_000, 60_000)
    assert code.epochs_after == pytest.approx(code.epochs_before * 6 / 7)
    make(corpus)
    made = read_mixture(str(corpus.out / "mixture.json")).components[0]
    assert (made.target_tokens, made.epochs) == (code.target_after, code.epochs_after)
    assert plan_text(planned(corpus)) == "Nothing to do."


def test_a_plan_refuses_a_mixture_that_the_build_would_refuse(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    with_mixture(corpus, MIXTURE.replace("max_epochs = 50", "max_epochs = 0.5"))
    with pytest.raises(GristmillError) as by_plan:
        planned(corpus)
    with pytest.raises(GristmillError) as by_build:
        make(corpus)
    assert str(by_plan.value) == str(by_build.value)


def test_a_stage_for_long_documents_of_which_there_are_none_is_refused(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE.replace("min_tokens = 600", "min_tokens = 60_000"))
    with pytest.raises(GristmillError, match=r"stage `long`: long.min_tokens.*document has 60,000"):
        make(corpus)


def test_a_plan_names_mixtures_that_come_and_go(corpus: "Corpus") -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE)
    make(corpus)
    (corpus.out / "mixture.json").write_bytes(b"{")
    with_mixture(corpus, MIXTURE.replace('name = "long"', 'name = "longer"'))
    changes = {change.path: change.change for change in planned(corpus).mixtures}
    assert changes == {
        "mixture.json": "write",
        "mixture.long.json": "remove",
        "mixture.longer.json": "write",
    }


def test_the_stages_of_the_paper_have_its_size() -> None:
    for length, batch in ((32_768, 1152), (131_072, 288)):
        stage = StageSettings(name="x", sequence_length=length, batch_samples=batch, steps=1000)
        assert stage.total_tokens == 37_748_736_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('of = ["github"]', 'of = ["prose"]'), "`prose` is no source of code"),
        (("weight = 0.05\n", ""), "some parts of code have a weight"),
        (('name = "source"', 'name = "markdown"'), "two parts of the mixture have one name"),
        (('name = "source"', 'name = "Source"'), "name"),
        (
            ("total_tokens = 100_000", "total_tokens = 0"),
            "Expected `int` >= 1 - at `$.mixture.total",
        ),
        (("max_epochs = 50", "max_epoch = 50"), "Did you mean `mixture.max_epochs`?"),
        (
            ("Python =", "Pyhton ="),
            "balance.code.weights: unknown language `Pyhton`. Did you mean `Python`?",
        ),
        (("min_tokens = 600, ", ""), "long.weight wants long.min_tokens"),
        (("balance.code", "balance.math"), "there is no source of math to balance"),
        ((":Markdown", ":Markdwn"), "part `markdown`: unknown language `Markdwn`"),
    ],
)
def test_a_mistake_in_the_mixture_is_found_at_once(
    corpus: "Corpus", change: tuple[str, str], message: str
) -> None:
    corpus.write()
    with_mixture(corpus, MIXTURE.replace(*change))
    with pytest.raises(GristmillError, match=re.escape(message)):
        load_recipe(str(corpus.recipe))
