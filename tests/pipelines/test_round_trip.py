"""The whole demo corpus, token by token: every row gives its documents back, nothing is lost."""

import io
import itertools
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.fim import FimMode
from gristmill.corpus.mixture import Mixture, read_mixture
from gristmill.corpus.packing import (
    PackedDataset,
    PackedSample,
    PackingSettings,
    document_ids,
)
from gristmill.corpus.sample import PieceShape, restore_pieces
from gristmill.corpus.shards import bucket_of, read_footer, shuffle_key
from gristmill.corpus.storage import digest_file
from gristmill.corpus.tokenizer import (
    EOS,
    FIM_BEGIN,
    FIM_END,
    FIM_HOLE,
    NUM_TEXT_TOKENS,
    load_tokenizer,
)
from gristmill.filters.languages import path_comment
from gristmill.pipelines.artifact import artifact_url
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.published import BuildRecord, read_build
from gristmill.pipelines.store import Store

TokenArray = npt.NDArray[np.int32]


class Document(NamedTuple):
    """A kept document as the read stage wrote it."""

    kind: str
    path: str
    text: str


class Row(NamedTuple):
    """A row of a token shard."""

    shard: str  # below tokens/
    row_group: int
    doc_id: bytes
    tokens: TokenArray
    language: str
    source: str
    fim: FimMode
    segments: list[tuple[bytes, int, int]]  # document, first token, one past the last


class Demo(NamedTuple):
    """The demo build in memory."""

    out: Path
    record: BuildRecord
    mixture: Mixture
    ledger: pa.Table
    kept: dict[bytes, Document]
    rows: list[Row]


@pytest.fixture(scope="module")
def demo(demo_build: Path) -> Demo:
    """The demo build, all of it in memory."""
    return _load(demo_build)


def _load(out: Path) -> Demo:
    record = read_build(str(out))
    assert record is not None
    ledger = pa.concat_tables(pq.read_table(out / path) for path in record.ledger)
    return Demo(
        out=out,
        record=record,
        mixture=read_mixture(str(out / "mixture.json")),
        ledger=ledger,
        kept=_kept_documents(out, record, ledger),
        rows=[row for path in record.tokens for row in _rows(out, path)],
    )


def _kept_documents(out: Path, record: BuildRecord, ledger: pa.Table) -> dict[bytes, Document]:
    store = Store(str(out))
    kept = set(ledger.filter(pc.is_null(ledger["dropped_by"]))["doc_id"].to_pylist())
    found = {}
    for shard, key in record.artifacts["read"].items():
        url = artifact_url(store.folder("read", shard), key)
        table = pq.read_table(url, columns=["doc_id", "kind", "path", "text"])
        for identity, *rest in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if identity in kept:
                found[identity] = Document(*rest)
    return found


def _rows(out: Path, path: str) -> Iterator[Row]:
    with pq.ParquetFile(out / path) as file:
        for row_group in range(file.num_row_groups):
            table = file.read_row_group(row_group).combine_chunks()
            lists = table["tokens"].chunk(0)
            flat, starts = lists.values.to_numpy(), lists.offsets.to_numpy()
            columns = table.drop_columns(["tokens"]).to_pylist()
            for row, start, stop in zip(columns, starts[:-1], starts[1:], strict=True):
                assert stop - start == row["num_tokens"]
                files = row["files"] or [{"doc_id": row["doc_id"], "offset": 0}]
                offsets = [*(file["offset"] for file in files), row["num_tokens"]]
                yield Row(
                    shard=path.removeprefix("tokens/"),
                    row_group=row_group,
                    doc_id=row["doc_id"],
                    tokens=flat[start:stop],
                    language=row["language"],
                    source=row["source"],
                    fim=FimMode(row["fim"]),
                    segments=[
                        (file["doc_id"], first, last)
                        for file, (first, last) in zip(
                            files, itertools.pairwise(offsets), strict=True
                        )
                    ],
                )


def _documents_in_order(row: Row) -> list[bytes]:
    """Return the documents of a row in the order of the text, FIM undone."""
    owner = np.repeat(
        np.arange(len(row.segments)), [last - first for _, first, last in row.segments]
    )
    if row.fim == FimMode.NONE:
        parts = [owner]
    else:
        hole, end = (int(np.flatnonzero(row.tokens == i)[0]) for i in (FIM_HOLE, FIM_END))
        parts = [owner[1:hole], owner[end + 1 : -1], owner[hole + 1 : end]]
    documents = [row.segments[i][0] for i in np.concatenate(parts)]
    return [identity for identity, _ in itertools.groupby(documents)]


def _shapes(row: Row, demo: Demo) -> list[PieceShape]:
    shapes = []
    for identity in _documents_in_order(row):
        document = demo.kept[identity]
        is_file = document.kind == "file"
        shapes.append(
            PieceShape(
                doc_id=identity,
                header=path_comment(row.language, document.path) if is_file else None,
                num_chars=len(document.text),
                ends_with_newline=document.text.endswith("\n"),
            )
        )
    return shapes


def test_every_row_gives_its_documents_back_byte_for_byte(demo: Demo) -> None:
    _check_texts(demo)


def _check_texts(demo: Demo) -> None:
    tokenizer = load_tokenizer()
    for row in demo.rows:
        shapes = _shapes(row, demo)
        texts = restore_pieces(row.tokens, shapes, tokenizer=tokenizer)
        assert texts == [demo.kept[shape.doc_id].text for shape in shapes], row.shard


def test_every_kept_document_is_in_one_row_and_no_dropped_one_in_any(demo: Demo) -> None:
    occurrences = Counter(
        identity for row in demo.rows for identity in {document for document, _, _ in row.segments}
    )
    assert occurrences == Counter(demo.kept.keys())
    assert len(demo.kept) > 4000
    assert len(demo.kept) == demo.record.totals.kept
    assert demo.ledger.num_rows == demo.record.totals.documents


def test_the_ledger_knows_row_shard_and_tokens_of_every_document(demo: Demo) -> None:
    placed: Counter[tuple[bytes, bytes, str]] = Counter()
    for row in demo.rows:
        for identity, first, last in row.segments:
            placed[identity, row.doc_id, row.shard] += last - first
    kept = demo.ledger.filter(pc.is_null(demo.ledger["dropped_by"]))
    names = ("doc_id", "sample_id", "shard", "tokens")
    ledger = zip(*(kept[name].to_pylist() for name in names), strict=True)
    assert {
        (identity, sample, shard): tokens for identity, sample, shard, tokens in ledger
    } == placed


def test_tokens_add_up_from_rows_to_shards_to_the_total(demo: Demo) -> None:
    of_shard: Counter[str] = Counter()
    for row in demo.rows:
        of_shard[f"tokens/{row.shard}"] += len(row.tokens)
    assert of_shard == {path: shard.tokens for path, shard in demo.record.tokens.items()}
    assert of_shard == {
        shard.path: sum(shard.block_tokens)
        for component in demo.mixture.components
        for shard in component.shards
    }
    assert sum(of_shard.values()) == demo.record.totals.tokens
    for path, shard in demo.record.tokens.items():
        info = read_footer(str(demo.out / path))
        assert (info.num_rows, info.block_tokens) == (shard.rows, shard.row_groups)


def test_rows_lie_in_the_shard_and_the_order_of_their_shuffle_key(demo: Demo) -> None:
    for shard, group in itertools.groupby(demo.rows, key=lambda row: row.shard):
        rows = list(group)
        keys = [shuffle_key(demo.mixture.seed, row.doc_id) for row in rows]
        assert keys == sorted(keys)
        prefix = Path(shard).stem.removeprefix("part").removeprefix("-")
        assert {f"{bucket_of(key, len(prefix)):0{len(prefix)}b}" for key in keys if prefix} <= {
            prefix
        }
        record = demo.record.tokens[f"tokens/{shard}"]
        assert {row.language for row in rows} == {record.language}
        assert shard.startswith(f"{record.component}/")


def test_row_groups_are_full_and_only_a_long_row_makes_a_larger_one(demo: Demo) -> None:
    target = int(demo.record.recipe["shards"]["block_tokens"])  # type: ignore[index]
    is_cut = False
    for _, group in itertools.groupby(demo.rows, key=lambda row: row.shard):
        blocks = [list(rows) for _, rows in itertools.groupby(group, key=lambda row: row.row_group)]
        sizes = [sum(len(row.tokens) for row in rows) for rows in blocks]
        assert all(
            size <= target or len(rows) == 1 for size, rows in zip(sizes, blocks, strict=True)
        )
        for size, following in zip(sizes, blocks[1:], strict=False):
            assert size + len(following[0].tokens) > target
            is_cut = True
    assert is_cut


def test_sentinels_stand_at_their_places_and_nowhere_else(demo: Demo) -> None:
    for row in demo.rows:
        special = row.tokens[row.tokens >= NUM_TEXT_TOKENS].tolist()
        if row.fim == FimMode.NONE:
            assert special == [EOS]
        else:
            assert special == [FIM_BEGIN, FIM_HOLE, FIM_END, EOS]
            assert row.tokens[0] == FIM_BEGIN
        assert row.tokens[-1] == EOS
        assert row.tokens.min() >= 0


@pytest.mark.parametrize("sequence_length", [4096, 32768])
def test_one_epoch_deals_every_token_out_once(demo: Demo, sequence_length: int) -> None:
    settings = PackingSettings(sequence_length=sequence_length, seed=3)
    dataset = PackedDataset(demo.mixture, str(demo.out), settings)
    of_row = _numbered(demo.rows)
    dealt: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
    for sample in _first_epochs(dataset):
        _check_padding(sample)
        numbers = document_ids(sample)
        ends = [*(span.start for span in sample.documents[1:]), sample.length]
        for i, (span, end) in enumerate(zip(sample.documents, ends, strict=True)):
            row = of_row[span.shard, span.row_group, span.row]
            stop = span.offset + end - span.start
            assert span.doc_id == row.doc_id
            assert np.array_equal(sample.tokens[span.start : end], row.tokens[span.offset : stop])
            assert (numbers[span.start : end] == i).all()
            dealt.setdefault((span.shard, span.row_group, span.row), []).append((span.offset, stop))
    assert dealt.keys() == of_row.keys()
    for place, ranges in dealt.items():
        borders = list(itertools.chain.from_iterable(sorted(ranges)))
        assert borders[0] == 0
        assert borders[-1] == len(of_row[place].tokens)
        assert borders[1:-1:2] == borders[2::2]


def _numbered(rows: list[Row]) -> dict[tuple[str, int, int], Row]:
    groups = itertools.groupby(rows, key=lambda row: (f"tokens/{row.shard}", row.row_group))
    return {(*place, i): row for place, group in groups for i, row in enumerate(group)}


def _first_epochs(dataset: PackedDataset) -> Iterator[PackedSample]:
    """Yield the samples of every component's first epoch, which the mixture deals out at once."""
    missing = {name: stream.num_windows for name, stream in enumerate(dataset.streams)}
    for index in itertools.count():
        if not any(missing.values()):
            return
        part, rank = dataset.deal.locate(index)
        if rank < dataset.streams[part].num_windows:
            missing[part] -= 1
            sample = dataset.sample(index)
            assert sample.epoch == 0
            yield sample


def _check_padding(sample: PackedSample) -> None:
    assert (sample.tokens[sample.length :] == EOS).all()
    assert (document_ids(sample)[sample.length :] == -1).all()


def test_shares_of_the_mixture_are_the_weights(demo: Demo) -> None:
    weights = [component.weight for component in demo.mixture.components]
    assert [component.name for component in demo.mixture.components] == ["code", "math", "text"]
    assert weights == [0.6, 0.1, 0.3]
    total = demo.mixture.total_tokens
    for component in demo.mixture.components:
        assert component.target_tokens == round(component.weight * total)
        assert component.epochs == component.target_tokens / component.tokens
    dataset = PackedDataset(demo.mixture, str(demo.out), PackingSettings(sequence_length=4096))
    period = dataset.num_samples
    parts = [dataset.deal.locate(index)[0] for index in range(2 * period)]
    for start in (0, period):
        counts = Counter(parts[start : start + period])
        for part, component in enumerate(demo.mixture.components):
            # Each epoch ends with a sample that is not full.
            assert counts[part] >= component.target_tokens / 4096
            assert counts[part] <= component.target_tokens / 4096 + component.epochs + 1


def test_pyarrow_and_duckdb_read_the_same_tokens_from_every_shard(demo: Demo) -> None:
    query = """
        select filename, count(*), sum(len(tokens)), sum(list_sum(tokens)), sum(num_tokens)
        from read_parquet(?, filename = true) group by filename
    """
    paths = [str(demo.out / path) for path in demo.record.tokens]
    with duckdb.connect() as connection:
        found = connection.execute(query, [paths]).fetchall()
    expected = {}
    for path in paths:
        table = pq.read_table(path, columns=["tokens", "num_tokens"], partitioning=None)
        lengths = pc.sum(pc.list_value_length(table["tokens"])).as_py()
        ids = pc.sum(pc.list_flatten(table["tokens"])).as_py()
        expected[path] = (table.num_rows, lengths, ids, pc.sum(table["num_tokens"]).as_py())
    assert {path: counts for path, *rest in found for counts in [tuple(rest)]} == expected


def test_the_share_of_rearranged_code_is_that_of_the_recipe(demo: Demo) -> None:
    code = [row for row in demo.rows if row.shard.startswith("code/")]
    num_fim = sum(row.fim == FimMode.PSM for row in code)
    deviation = (len(code) * 0.25) ** 0.5
    assert abs(num_fim - len(code) / 2) < 4 * deviation
    assert {row.fim for row in code} == {FimMode.NONE, FimMode.PSM}
    assert {row.fim for row in demo.rows if not row.shard.startswith("code/")} == {FimMode.NONE}


@pytest.fixture(scope="module")
def redrawn(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as another FIM epoch draws it, half of it suffix first."""
    base, root = tmp_path_factory.mktemp("redrawn"), Path(__file__).parents[2]
    recipe = base / "pipelines/recipes/demo.toml"
    recipe.parent.mkdir(parents=True)
    (base / "fixtures").symlink_to(root / "fixtures")
    text = (root / "pipelines/recipes/demo.toml").read_text()
    recipe.write_text(re.sub(r"(?m)^spm_rate = .*$", "spm_rate = 0.5\nepoch = 1", text))
    shutil.copytree(demo.out, base / "out", copy_function=os.link)
    result = build(
        str(recipe),
        out=str(base / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    return _load(base / "out")


def test_another_fim_epoch_draws_other_documents_and_cuts(demo: Demo, redrawn: Demo) -> None:
    old, new = ({row.doc_id: row for row in build.rows} for build in (demo, redrawn))
    assert old.keys() == new.keys()
    changed = [new[i] for i in new if not np.array_equal(new[i].tokens, old[i].tokens)]
    num_code = sum(row.shard.startswith("code/") for row in demo.rows)
    assert len(changed) > num_code / 2
    assert {row.shard.partition("/")[0] for row in changed} == {"code"}
    assert {row.fim for row in changed} == set(FimMode)
    _check_texts(redrawn)


def test_another_fim_epoch_leaves_the_bytes_of_math_and_text(demo: Demo, redrawn: Demo) -> None:
    before, after = (
        {path: digest for path, digest in shards.items() if not path.startswith("tokens/code/")}
        for shards in (_digests(demo), _digests(redrawn))
    )
    assert len(before) > 5
    assert before == after


def _digests(demo: Demo) -> dict[str, str]:
    return {path: digest_file(str(demo.out / path)) for path in demo.record.tokens}
