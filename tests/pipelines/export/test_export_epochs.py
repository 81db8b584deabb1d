"""Exports of later epochs: rows as the documented reader has them, and Megatron's blend of all."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import Mixture, MixtureShard, make_mixture, read_mixture
from gristmill.corpus.rates import LanguageBalance, PartSettings, RateSettings
from gristmill.pipelines.cli import cli
from gristmill.pipelines.export.blend import blend_weights
from gristmill.pipelines.export.run import ExportResult
from gristmill.pipelines.export.seen import variant_tokens
from gristmill.pipelines.export.settings import make_settings
from gristmill.pipelines.export.write import WrittenFile

Exporter = Callable[..., ExportResult]
ReadRows = Callable[[Path, int], Iterator[tuple[bytes, str, int, list[int]]]]
PAGE = Path(__file__).parents[3] / "docs/tokens.md"


@pytest.fixture(scope="module")
def read_rows() -> ReadRows:
    """The reader of docs/tokens.md, without the lines that use it."""
    page = PAGE.read_text(encoding="utf-8")
    code = page.split("## A reader\n\n```python\n")[1].split("\n\nfor epoch in ")[0]
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    found: ReadRows = names["read_rows"]
    return found


def shards(built: Path, component: str = "*", language: str = "*") -> list[Path]:
    return sorted(built.glob(f"tokens/{component}/{language}/*.parquet"))


@pytest.mark.parametrize("epoch", [0, 1, 3, 6])
def test_rows_are_those_of_the_documented_reader(
    built: Path, tmp_path: Path, exporter: Exporter, read_rows: ReadRows, epoch: int
) -> None:
    exporter(built, tmp_path / "out", make_settings("parquet", content="tokens", epoch=epoch))
    table = pq.read_table(sorted((tmp_path / "out").glob("*/*.parquet")))
    names = ("id", "language", "fim", "tokens", "num_tokens")
    rows = sorted(zip(*(table[name].to_pylist() for name in names), strict=True))
    told = [row for path in shards(built) for row in read_rows(path, epoch)]
    assert rows == sorted((row[0].hex(), *row[1:], len(row[3])) for row in told)


def test_a_rearranged_row_names_its_documents_without_offsets(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    for epoch in (0, 1):
        settings = make_settings("parquet", content="tokens", epoch=epoch, components=("code",))
        exporter(built, tmp_path / str(epoch), settings)
    first, later = (pq.read_table(tmp_path / name / "code").to_pylist() for name in "01")
    for one, other in zip(first, later, strict=True):
        assert one["id"] == other["id"]
        assert {p["id"] for p in one["documents"]} == {p["id"] for p in other["documents"]}
        if other["tokens"] != one["tokens"]:
            assert {part["offset"] for part in other["documents"]} <= {None}


def test_samples_of_a_later_epoch_are_texts_that_are_cut_elsewhere(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    found = []
    for epoch in (0, 2):
        settings = make_settings("parquet", content="samples", epoch=epoch, components=("code",))
        exporter(built, tmp_path / str(epoch), settings)
        found.append(pq.read_table(tmp_path / str(epoch) / "code")["text"].to_pylist())
    assert all("<\uff5cfim\u2581hole\uff5c>" in text for text in found[1])
    assert not set(found[0]) & set(found[1])


def test_megatron_has_a_prefix_for_each_epoch_that_training_sees(
    built: Path, tmp_path: Path, exporter: Exporter, read_rows: ReadRows
) -> None:
    exporter(built, tmp_path / "out", make_settings("megatron", epoch="all"))
    for epoch in range(4):
        (path,) = (tmp_path / "out/code").glob(f"Python-train-epoch{epoch}-*.bin")
        told = [
            row[-1] for shard in shards(built, "code", "Python") for row in read_rows(shard, epoch)
        ]
        assert np.fromfile(path, "<i4").tolist() == [token for row in told for token in row]
    assert [path.name for path in (tmp_path / "out/text").glob("en-*.bin")] == [
        "en-train-epoch0-00000.bin"
    ]


def test_a_blend_of_all_epochs_keeps_the_weights_of_components(
    built: Path, tmp_path: Path, exporter: Exporter
) -> None:
    exporter(built, tmp_path / "out", make_settings("megatron", epoch="all"))
    words = (tmp_path / "out/blend-train.txt").read_text().split()
    weights = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    assert all((tmp_path / f"out/{prefix}.idx").exists() for prefix in weights)
    for component in read_mixture(str(built / "mixture.json")).components:
        own = (weight for name, weight in weights.items() if name.startswith(component.name))
        assert sum(own) == pytest.approx(component.weight)


@pytest.mark.parametrize(
    ("target", "seen"),
    [(5, [5, 0, 0]), (10, [10, 0, 0]), (35, [10, 12, 13]), (36, [11, 12, 13]), (90, [30, 34, 26])],
)
def test_epochs_go_through_the_variants_in_turn(target: int, seen: list[int]) -> None:
    totals = [10, 12, 13]
    found = variant_tokens(target, totals)
    assert sum(found) == target
    assert found == seen


def mixture(rates: RateSettings, total: int) -> Mixture:
    """Return a mixture of code in two languages, 600 and 400 tokens, in two variants."""
    found = [
        MixtureShard(
            path=f"tokens/code/{name}.parquet",
            digest="",
            language=name,
            documents=1,
            block_tokens=(tokens,),
            later_block_tokens=((tokens,),),
            part=part,
        )
        for name, tokens, part in (("Ada", 400, "rare"), ("C", 600, "common"))
    ]
    weights: Mapping[Any, float] = {"code": 1.0}
    return make_mixture(
        {"code": found}, tokenizer="", weights=weights, total_tokens=total, rates=rates
    )


def weights_of(mixture: Mixture, epochs: tuple[int | None, ...]) -> dict[str, float]:
    files = [
        WrittenFile(
            path=f"{shard.language}-{epoch}.bin",
            digest="",
            num_bytes=0,
            component="code",
            language=shard.language,
            part=shard.part,
            epoch=epoch,
            split="train",
            documents=1,
            tokens=shard.block_tokens[0],
        )
        for shard in mixture.components[0].shards
        for epoch in epochs
    ]
    return blend_weights(mixture, files, "train")


def test_a_blend_follows_the_weights_of_languages() -> None:
    rates = RateSettings(balance={"code": LanguageBalance(weights={"Ada": 3.0})})
    # 3 x 400 against 600: Ada has two thirds.
    found = weights_of(mixture(rates, 900), (None,))
    assert found == pytest.approx({"Ada-None": 2 / 3, "C-None": 1 / 3})


def test_a_blend_follows_the_weights_of_parts_and_the_epochs_that_each_is_seen() -> None:
    parts = tuple(
        PartSettings(name=name, component="code", of=("*",), weight=0.5)
        for name in ("rare", "common")
    )
    # 600 tokens each: C once, Ada one and a half times, the half from its second variant.
    found = weights_of(mixture(RateSettings(part=parts), 1200), (0, 1))
    assert found == pytest.approx({"Ada-0": 400 / 1200, "Ada-1": 200 / 1200, "C-0": 0.5})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "mds", "--epoch", "all"), "only megatron blends all epochs"),
        (("--format", "jsonl", "--epoch", "1"), "documents are the same in every epoch"),
        (("--format", "mds", "--epoch", "-1"), "'-1' is no epoch"),
    ],
)
def test_an_epoch_that_cannot_be_is_an_error(
    built: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    command = ["export", str(built), "--out", str(tmp_path / "out"), *arguments]
    with pytest.raises(GristmillError, match=message):
        CliRunner().invoke(cli, command, catch_exceptions=False, standalone_mode=False)
