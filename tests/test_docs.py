"""The documentation: every example prints what the page shows, every key and column has its row."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.settings import (
    CommonCrawl,
    CrawlSettings,
    Endpoints,
    GithubCrawl,
    SiteCrawl,
    Standins,
)
from gristmill.corpus.fim import FimSettings
from gristmill.corpus.groups import MixtureGroup
from gristmill.corpus.held_out import HeldOut, HeldOutShard
from gristmill.corpus.mixture import Mixture, MixtureComponent, MixtureShard
from gristmill.corpus.rates import LanguageBalance, LongDocuments, PartSettings
from gristmill.corpus.shards import ShardMetadata
from gristmill.corpus.sources.unit import ReadLimits, SourceSpec
from gristmill.corpus.token_rows import HELD_OUT_ROW
from gristmill.corpus.tokenizer_file import TokenizerSettings
from gristmill.corpus.tokenizer_info import Sentinels
from gristmill.dedup.lines import Boilerplate
from gristmill.dedup.minhash import MinHashScheme
from gristmill.dedup.substrings import Substrings
from gristmill.filters.datatrove.settings import DatatroveStep
from gristmill.filters.ranges import SIGNAL_RANGES
from gristmill.filters.recall.audit import AuditSettings
from gristmill.filters.recall.described import DescribedSettings
from gristmill.filters.recall.domains import DomainSettings
from gristmill.filters.recall.guards import GuardSettings
from gristmill.filters.recall.model import TrainSettings
from gristmill.filters.recall.prefixes import PrefixSettings
from gristmill.filters.recall.stopping import StopSettings
from gristmill.filters.rule import Rule
from gristmill.filters.rules import PRESETS
from gristmill.filters.syntax_scope import SyntaxSettings
from gristmill.pipelines.artifact import InputRecord, Manifest, Slice
from gristmill.pipelines.cli import cli
from gristmill.pipelines.decontamination import DecontaminationSettings
from gristmill.pipelines.dedup_settings import DedupSettings
from gristmill.pipelines.expect import Expectation
from gristmill.pipelines.held_out_settings import HeldOutSettings
from gristmill.pipelines.ledger_totals import HeldOutTotals, Totals
from gristmill.pipelines.licence_settings import LicenceSettings
from gristmill.pipelines.mixture_settings import MixtureSettings, StageSettings
from gristmill.pipelines.published import BuildRecord, FileRecord, HeldOutRecord, ShardRecord
from gristmill.pipelines.recall_settings import (
    DrawSettings,
    EvidenceSettings,
    LanguageBar,
    NearSettings,
    RecallSettings,
    RecallTarget,
)
from gristmill.pipelines.recipe import (
    OrderSettings,
    RawRecipe,
    ShardSettings,
)
from gristmill.pipelines.redaction_settings import RedactionSettings
from gristmill.pipelines.removals import Removals, TakeDown
from gristmill.pipelines.remove import Receipt, RewrittenShard
from gristmill.trainer import recipe as training
from gristmill.trainer.evaluation.ablation_recipe import AblationRecipe, BuildSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
MAX_PAGE_LINES = 250
NOT_RUN = re.compile(
    r"apt-get install .*|\.venv/bin/python (?:-m (?:pip install|gristmill\.filters\.\w+)|"
    r"bench/languages\.py) .*|"
    r"make (?:demo|train-demo|test|lint)|torchrun .*|gristmill ablate .*|"
    r"\.venv/bin/python docs/refresh\.py|ray start .*|.* --ray .*"
)
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "Top level": RawRecipe,
    "`[[source]]`": SourceSpec,
    "`[read]`": ReadLimits,
    "`[rules]`": Rule,
    "`[syntax]`": SyntaxSettings,
    "`[[datatrove]]`": DatatroveStep,
    "`[decontamination]`": DecontaminationSettings,
    "`[dedup]`": DedupSettings,
    "`[dedup.minhash]`": MinHashScheme,
    "`[dedup.boilerplate]`": Boilerplate,
    "`[dedup.substrings]`": Substrings,
    "`[licences]`": LicenceSettings,
    "`[redaction]`": RedactionSettings,
    "`[held_out]`": HeldOutSettings,
    "`[order]`": OrderSettings,
    "`[tokenizer]`": TokenizerSettings,
    "`[fim]`": FimSettings,
    "`[shards]`": ShardSettings,
    "`[mixture]`": MixtureSettings,
    "`[[mixture.part]]`": PartSettings,
    "`[mixture.balance.COMPONENT]`": LanguageBalance,
    "`[mixture.long]`": LongDocuments,
    "`[[mixture.stage]]`": StageSettings,
    "`[expect.SOURCE]`": Expectation,
    "`[crawl]`": CrawlSettings,
    "`[crawl.endpoints]`": Endpoints,
    "`[crawl.standins]`": Standins,
    "`[[crawl.github]]`": GithubCrawl,
    "`[[crawl.commoncrawl]]`": CommonCrawl,
    "`[[crawl.site]]`": SiteCrawl,
    "Manners": Manners,
    "`[recall]`": RecallSettings,
    "`[[recall.target]]`": RecallTarget,
    "`[recall.target.languages.TAG]`": LanguageBar,
    "`[recall.target.near]`": NearSettings,
    "`[recall.target.described]`": DescribedSettings,
    "`[recall.target.train]`": TrainSettings,
    "`[recall.target.draw]`": DrawSettings,
    "`[recall.target.evidence]`": EvidenceSettings,
    "`[recall.target.domains]`": DomainSettings,
    "`[recall.target.prefixes]`": PrefixSettings,
    "`[recall.target.stop]`": StopSettings,
    "`[recall.target.guards]`": GuardSettings,
    "`[recall.target.sample]`": AuditSettings,
    "Training recipe": training.TrainRecipe,
    "`[[stage]]`": training.StageSettings,
    "`[optimizer]`": training.OptimizerSettings,
    "`[schedule]`": training.ScheduleSettings,
    "`[mesh]`": training.MeshSettings,
    "`[data]`": training.DataSettings,
    "`[checkpoint]`": training.CheckpointSettings,
    "`[log]`": training.LogSettings,
    "`[evaluation]`": training.EvaluationSettings,
    "`[spikes]`": training.SpikeSettings,
    "Ablation recipe": AblationRecipe,
    "`[[build]]`": BuildSettings,
}
FORMATS: tuple[type[msgspec.Struct], ...] = (
    *(Mixture, MixtureComponent, MixtureGroup, MixtureShard, ShardMetadata, Sentinels),
    *(HeldOut, HeldOutShard),
    *(BuildRecord, FileRecord, HeldOutRecord, ShardRecord, HeldOutTotals, Totals),
    *(Removals, TakeDown, Receipt, RewrittenShard),
    *(Manifest, InputRecord, Slice),
)


DATA_PAGES = ("formats", "mixture", "tokens", "held-out")  # which describe the fields of files


def load_refresh() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs/refresh.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


refresh = load_refresh()


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def recipe_pages() -> str:
    """Return the pages that list the keys of a recipe."""
    return "".join(
        page(f"docs/{name}.md")
        for name in (
            "recipes",
            "tokenizer",
            "datatrove",
            "dedup",
            "fim",
            "held-out",
            "mixture",
            "web",
            "crawl-settings",
            "recall-settings",
            "licences-and-secrets",
            "training-recipe",
            "evaluation",
        )
    )


def section(text: str, title: str) -> str:
    """Return what stands below a heading of the second level."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of tables that open with a name in backticks: name -> the other cells."""
    lines = [
        line.strip("| \n").split(" | ") for line in text.splitlines() if line.startswith("| `")
    ]
    return {cells[0].strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines}


def default_of(struct: type[msgspec.Struct], name: str) -> object:
    (field,) = [field for field in msgspec.structs.fields(struct) if field.name == name]
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def commands() -> Iterator[tuple[str, str, str]]:
    """Yield the page, the info string and the text of every command."""
    for name in refresh.PAGES:
        lines = page(name).split("\n")
        for block in refresh.read_blocks(lines):
            if block.info.startswith("console"):
                for step in refresh.read_steps(lines, block):
                    yield name, block.info, step.command


@pytest.mark.parametrize("name", refresh.PAGES)
def test_every_example_prints_what_the_page_shows(
    name: str, demo_build: Path, tmp_path: Path
) -> None:
    sandbox = refresh.make_sandbox(tmp_path / "sandbox", demo_build)
    actual = refresh.refresh(page(name), sandbox)
    assert str(tmp_path) not in actual
    assert actual.splitlines() == page(name).splitlines(), "run: python docs/refresh.py"


def test_only_commands_that_no_test_can_run_are_not_run() -> None:
    for name, info, command in commands():
        expected = "console not-run" if NOT_RUN.fullmatch(command) else "console"
        assert info == expected, (name, command)


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    known = {"console", "console not-run", "python", "text", "toml"}
    for name in refresh.PAGES:
        found = {block.info for block in refresh.read_blocks(page(name).split("\n"))}
        assert found <= known, name


def test_the_readme_shows_both_commands_and_their_output_by_line_30() -> None:
    head = page("README.md").split("\n")[:30]
    for command in ("$ make demo", "$ make test"):
        assert head.index(command) < head.index("```", head.index(command)) - 1


@pytest.mark.parametrize("name", refresh.PAGES)
def test_a_page_is_short(name: str) -> None:
    assert page(name).count("\n") <= MAX_PAGE_LINES


@pytest.mark.parametrize("name", [*refresh.PAGES, "CHANGELOG.md"])
def test_links_lead_to_files(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page(name)):
        assert "://" in target or (ROOT / name).parent.joinpath(target).exists(), target


def every_command(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its name, those of groups too."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_every_command_and_option_is_documented() -> None:
    documented = rows(section(page("docs/operations.md"), "Commands"))
    for name, command in every_command(cli):
        row = next(cells for usage, cells in documented.items() if f" {name} " in usage)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`{parameter.opts[0]}`" in row[1], (name, parameter.opts)


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_of_a_recipe_has_a_row_with_its_default(title: str) -> None:
    struct = SECTIONS[title]
    documented = rows(section(recipe_pages(), title))
    for name in struct.__struct_fields__:
        cell, default = documented[name][0], default_of(struct, name)
        if cell == "table":
            assert isinstance(default, dict | msgspec.Struct), name
        elif cell == "table's name":
            assert (struct, name) == (Rule, "name")
        elif cell in ("required", "none"):
            assert default is (msgspec.NODEFAULT if cell == "required" else None), name
        else:
            shown = tomllib.loads(f"value = {cell.strip('`')}")["value"]
            assert shown == msgspec.json.decode(msgspec.json.encode(default)), name


def test_no_row_documents_a_key_that_is_gone() -> None:
    for title, struct in SECTIONS.items():
        text = section(recipe_pages(), title)
        names = rows(text).keys() - (set(PRESETS) if struct is Rule else set())
        assert names == set(struct.__struct_fields__), title


def test_every_signal_has_a_row_with_its_type() -> None:
    documented = rows(section(page("docs/signals.md"), "Every signal"))
    assert {name: cells[0] for name, cells in documented.items()} == {
        name: signal.type for name, signal in SIGNAL_RANGES.items()
    }


def test_every_preset_is_documented() -> None:
    assert set(PRESETS) <= rows(section(page("docs/recipes.md"), "`[rules]`")).keys()


def type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {type_name(kind.value_type)}"
    if pa.types.is_fixed_size_binary(kind):
        return f"binary({kind.byte_width})"
    return re.split(r"[<\[]", str(kind))[0]


def test_every_column_of_the_ledger_has_a_row_with_its_type(demo_build: Path) -> None:
    schema = pq.read_schema(next((demo_build / "ledger").glob("github*.parquet")))
    documented = rows(section(page("docs/formats.md"), "Ledger"))
    assert {name: cells[0] for name, cells in documented.items()} == {
        field.name: type_name(field.type) for field in schema
    }


def test_every_column_of_a_token_row_has_a_row_with_its_type() -> None:
    documented = rows(section(page("docs/tokens.md"), "Token rows"))
    documented |= rows(section(page("docs/held-out.md"), "Files"))
    for field in HELD_OUT_ROW:
        assert documented[field.name][0] == type_name(field.type)


@pytest.mark.parametrize("struct", FORMATS, ids=lambda struct: str(struct.__name__))
def test_every_field_of_a_file_is_documented(struct: type[msgspec.Struct]) -> None:
    text = "".join(page(f"docs/{name}.md") for name in DATA_PAGES)
    missing = [name for name in struct.__struct_fields__ if f"`{name}`" not in text]
    assert not missing


def test_another_figure_is_a_difference() -> None:
    assert not refresh.matches(["5 documents"], ["6 documents"])
    assert not refresh.matches(["one"], ["one", "two"])


def test_a_cut_stands_for_any_number_of_lines() -> None:
    for middle in ([], ["a"], ["a", "b"]):
        assert refresh.matches(["first", "...", "last"], ["first", *middle, "last"])
    assert not refresh.matches(["first", "...", "last"], ["first", "a"])


def test_times_and_sizes_of_compressed_files_are_not_compared() -> None:
    assert refresh.matches(["took 0.7 s, 1.5 MB"], ["took 12.0 s, 1,024.0 MB"])
    assert not refresh.matches(["5 shards"], ["6 shards"])


def test_new_output_is_cut_as_the_old_was() -> None:
    shown = ["seen 5", "...", "kept 3", "...", "end"]
    actual = ["seen 6", "x", "y", "kept 4", "z", "end"]
    assert refresh.update(shown, actual) == ["seen 6", "...", "kept 4", "...", "end"]


def test_a_wrong_page_is_rewritten(tmp_path: Path) -> None:
    text = "```console\n$ echo one; echo two\nthree\n```\n"
    assert refresh.refresh(text, tmp_path) == "```console\n$ echo one; echo two\none\ntwo\n```\n"


def test_an_unknown_key_in_an_example_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shard"):
        refresh.refresh("```toml\n[shard]\n```\n", tmp_path)
