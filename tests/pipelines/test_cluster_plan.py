"""The plan for a cluster: volumes over rates by hand, and the text for the paper's whole recipe."""

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.sources.unit import SourceSpec
from gristmill.corpus.token_rates import CODE, estimate_tokens
from gristmill.pipelines.cli import cli
from gristmill.pipelines.cluster_plan import Cluster, ClusterPlan, PlannedStep, plan_cluster
from gristmill.pipelines.cluster_text import cluster_text
from gristmill.pipelines.expect import Expectation, expected_rate, expected_volume
from gristmill.pipelines.machine_rates import (
    KINDS,
    REFERENCE,
    STEPS,
    MachineRates,
    Rate,
    load_rates,
)
from gristmill.pipelines.recipe import load_recipe

PAPER = Path(__file__).parents[2] / "pipelines/recipes/deepseek_coder_v2.toml"
GOLDEN = Path(__file__).with_name("golden_cluster_plan.txt")
RECIPE = """\
name = "small"

[[source]]
name = "books"
kind = "documents"
component = "text"
paths = ["books/*.jsonl"]

[mixture]
weights = { text = 1.0 }
total_tokens = 1_000_000_000_000

[expect.books]
documents = 1_000_000
text_bytes = 3_600_000_000_000
passed = 0.5
unique = 0.5
"""


def rates(*, without: str = "") -> MachineRates:
    """Return rates of one byte in a nanosecond, and one token or document in a microsecond."""
    found = []
    for step in STEPS:
        for kind in KINDS if step.by_kind else (None,):
            amount = 10**9 if step.basis.endswith("_bytes") else 10**6
            rate = Rate(
                step=step.name,
                kind=kind,
                basis=step.basis,
                amount=amount,
                cpu_seconds=1.0,
                written_bytes=amount // 4,
            )
            found.append(rate)
    kept = tuple(rate for rate in found if rate.step != without)
    return MachineRates(
        date="2026-11-28", cpu="abacus", cores=2, python="3.11", gristmill="0", rates=kept
    )


def reckon(
    tmp_path: Path, recipe: str = RECIPE, *, without: str = "", **cluster: float
) -> ClusterPlan:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe)
    asked = msgspec.convert({"nodes": 2, "cores": 5, **cluster}, Cluster)
    return plan_cluster(load_recipe(str(path)), asked, rates(without=without), rates_from="here")


def step(plan: ClusterPlan, name: str) -> PlannedStep:
    return next(step for step in plan.steps if step.step == name)


def test_hours_are_bytes_over_the_rate_of_all_cores(tmp_path: Path) -> None:
    read = step(reckon(tmp_path), "read")
    # 3.6 TB at 1 GB/s are an hour of one core, a tenth of it on 10; 0.9 TB are written at 4 GB/s.
    assert (read.cpu_hours, read.wall_hours, read.limited_by) == (1.0, 0.1, "cores")
    assert (read.documents, read.text_bytes, read.written_bytes) == (
        1_000_000,
        3_600_000_000_000,
        900_000_000_000,
    )


def test_later_steps_have_what_rules_and_dedup_leave(tmp_path: Path) -> None:
    plan = reckon(tmp_path)
    assert step(plan, "decide").documents == 1_000_000
    assert step(plan, "dedup").documents == 500_000
    tokenize = step(plan, "tokenize")
    assert (tokenize.documents, tokenize.text_bytes) == (250_000, 900_000_000_000)
    assert tokenize.tokens == estimate_tokens("en", 900_000_000_000)
    assert tokenize.cpu_hours == 0.25


def test_slow_disks_limit_a_step(tmp_path: Path) -> None:
    read = step(reckon(tmp_path, disk=0.125), "read")
    # 900 GB written at 2 x 0.125 GB/s are 3,600 s.
    assert (read.wall_hours, read.limited_by) == (1.0, "disk")


def test_what_comes_from_other_nodes_takes_the_network(tmp_path: Path) -> None:
    plan = reckon(tmp_path, nodes=4, network=0.001)
    tokens, pack = step(plan, "tokenize"), step(plan, "pack")
    # Three quarters of what tokenize wrote lie on other nodes.
    assert pack.network_bytes == tokens.written_bytes * 3 // 4
    assert pack.wall_hours == pytest.approx(pack.network_bytes / (4 * 0.001e9) / 3600)
    assert pack.limited_by == "network"


def test_one_node_moves_nothing(tmp_path: Path) -> None:
    assert step(reckon(tmp_path, nodes=1), "pack").network_bytes == 0


def test_little_memory_leaves_cores_without_a_task(tmp_path: Path) -> None:
    plan = reckon(tmp_path, memory=5)  # 2 GiB a task
    assert plan.cluster.used_cores == 2
    assert step(plan, "read").wall_hours == 0.25
    assert "5 GB are enough for 2 tasks a node" in cluster_text(plan)
    plan = reckon(tmp_path, memory=3)
    assert "3 GB are enough for 1 task a node" in cluster_text(plan)


def test_the_slowest_step_is_the_bottleneck(tmp_path: Path) -> None:
    plan = reckon(tmp_path)
    assert plan.bottleneck == max(plan.steps, key=lambda step: step.wall_hours).step == "pack"
    fetching = RECIPE + "download_bytes = 1_000_000_000_000_000\n"
    assert reckon(tmp_path, fetching).bottleneck == "fetch"


def test_a_pool_is_read_by_the_cheap_tier_and_goes_no_further(tmp_path: Path) -> None:
    pool = RECIPE + "pool_documents = 7_000_000\npool_bytes = 36_000_000_000_000\n"
    plan = reckon(tmp_path, pool)
    assert (step(plan, "pool").documents, step(plan, "pool").cpu_hours) == (7_000_000, 10.0)
    assert step(plan, "read").documents == 1_000_000
    assert "what recall does with a pool" in plan.unknown[0]


def test_a_rate_that_is_missing_is_named_and_not_guessed(tmp_path: Path) -> None:
    plan = reckon(tmp_path, without="sign")
    assert plan.unknown == ("sign of document: the rates do not have it",)
    assert "sign" not in {step.step for step in plan.steps}
    assert "Not in these figures: sign of document" in cluster_text(plan)


def test_tokens_can_be_expected_in_place_of_bytes() -> None:
    expected = Expectation(documents=100, tokens=1000, passed=0.5, unique=0.5)
    volume = expected_volume(expected, 2.5)
    assert volume.tokens == 1000
    assert volume.kept_bytes == 2500
    assert volume.text_bytes == 4 * volume.kept_bytes
    assert (volume.passed_documents, volume.kept_documents) == (50, 25)


BOOKS = SourceSpec(name="books", kind="documents", component="text", paths=("books",))


def test_bytes_become_tokens_by_the_languages_of_a_source() -> None:
    expected = Expectation(documents=1, text_bytes=10_000, languages={"Python": 0.75, "zh": 0.25})
    rate = expected_rate(expected, BOOKS)
    tokens = estimate_tokens("Python", 7500) + estimate_tokens("zh", 2500)
    assert round(10_000 / rate.bytes_per_token) == pytest.approx(tokens, abs=1)
    assert (rate.assumed, rate.assumed_fraction) == ("", 0.0)


def test_languages_that_a_source_does_not_say_are_assumed_and_named(tmp_path: Path) -> None:
    plan = reckon(tmp_path, RECIPE + "languages = { zh = 0.75 }\n")
    assert "Assumed where no language is said: en for 25% of books." in cluster_text(plan)
    assert "Assumed where no language is said: en for books." in cluster_text(reckon(tmp_path))
    code = msgspec.structs.replace(BOOKS, component="code")
    rate = expected_rate(Expectation(documents=1, tokens=1), code)
    assert rate.bytes_per_token == pytest.approx(10**9 / estimate_tokens(CODE, 10**9))


def test_a_source_without_an_expectation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"Add \[expect.books\]"):
        reckon(tmp_path, RECIPE[: RECIPE.index("[expect.books]")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[expect.books]", "[expect.bocks]"), "there is no source `bocks`"),
        (("text_bytes = 3_600_000_000_000\n", ""), "either `text_bytes` or `tokens`"),
        (("unique = 0.5", "unique = 1.5"), "<= 1.0"),
        (("documents = 1", "document = 1"), "Did you mean `expect.books.documents`?"),
        (("unique = 0.5", "languages = { Pythn = 1.0 }"), "Did you mean `Python`?"),
        (("unique = 0.5", "languages = { en = 0.6, zh = 0.6 }"), "come to more than 1"),
        (("total_tokens", "max_epochs = 3\ntotal_tokens"), "its ceiling is 3"),
    ],
)
def test_a_mistake_in_an_expectation_is_named(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(GristmillError, match=re.escape(message)):
        reckon(tmp_path, RECIPE.replace(*change))


def test_the_whole_recipe_of_the_paper_on_a_cluster(request: pytest.FixtureRequest) -> None:
    cluster = Cluster(nodes=100, cores=64)
    text = cluster_text(plan_cluster(load_recipe(str(PAPER)), cluster, rates(), rates_from="fixed"))
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text + "\n")
    assert text + "\n" == GOLDEN.read_text()


def test_the_paper_s_recipe_sees_its_tokens_as_often_as_the_paper() -> None:
    recipe = load_recipe(str(PAPER))
    plan = plan_cluster(recipe, Cluster(nodes=1, cores=1), rates(), rates_from="fixed")
    found = {part.name: (part.tokens, round(part.epochs, 2)) for part in plan.mixture}
    billion = 10**9
    assert found["code"] == (1170 * billion, 3.08)
    assert found["math"] == (221 * billion, 2.71)
    assert found["text"][0] == 1800 * billion
    assert [stage.total_tokens for stage in recipe.raw.mixture.stage] == [37_748_736_000] * 2


def test_the_command_prints_the_plan_and_its_json(tmp_path: Path) -> None:
    arguments = ["plan", str(PAPER), "--nodes", "3", "--cores", "4", "--rates", str(REFERENCE)]
    text = CliRunner().invoke(cli, arguments)
    assert text.output.startswith("deepseek-coder-v2 on 3 nodes of 4 cores")
    found = CliRunner().invoke(cli, [*arguments, "--json"])
    assert msgspec.json.decode(found.output)["bottleneck"] == "pool"


@pytest.mark.parametrize(
    "extra", [[], ["--nodes", "3"], ["--out", "x", "--nodes", "3", "--cores", "1"]]
)
def test_a_plan_is_of_a_build_or_of_a_cluster(extra: list[str]) -> None:
    result = CliRunner().invoke(cli, ["plan", str(PAPER), *extra])
    assert result.exit_code == 2
    assert "give either --out, or --nodes with --cores" in result.output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--memory", "1"), "--memory must hold one task, 2.15 GB"),
        (("--memory", "0"), "--memory must hold one task, 2.15 GB"),
        (("--memory", "nan"), "--memory must hold one task, 2.15 GB"),
        (("--disk-gb-s", "nan"), "the rates of a node must be above 0"),
    ],
)
def test_a_node_that_can_do_nothing_is_refused(option: tuple[str, str], message: str) -> None:
    result = CliRunner().invoke(cli, ["plan", str(PAPER), "--nodes", "1", "--cores", "1", *option])
    assert result.exit_code == 2
    assert message in result.output


def test_rates_name_the_machine_that_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    path.write_bytes(msgspec.json.encode(rates()))
    found, origin = load_rates(str(path))
    assert found == rates()
    assert origin == f"{path} (abacus, Python 3.11, gristmill 0, 2026-11-28)"


def test_without_a_bench_the_rates_are_said_to_be_another_machine_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found, origin = load_rates()
    assert origin.startswith("reference rates of another machine")
    assert {rate.step for rate in found.rates} == {step.name for step in STEPS}
    mine = tmp_path / ".cache/gristmill/rates.json"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(msgspec.json.encode(rates()))
    assert load_rates()[1].startswith(str(mine))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "these are no rates"),
        (
            '{"format_version":9,"date":"","cpu":"","cores":1,"python":"","gristmill":"","rates":[]}',
            "format 9",
        ),
    ],
)
def test_a_file_that_holds_no_rates_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rates.json"
    path.write_text(content)
    with pytest.raises(GristmillError, match=message):
        load_rates(str(path))
    with pytest.raises(GristmillError, match="no such file"):
        load_rates(str(tmp_path / "none.json"))
