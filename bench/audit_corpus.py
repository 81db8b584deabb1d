"""A made-up build of any number of documents, for bench/audit.py: ledger, shards and build.json.

Every value follows from a row's number, so ids of rows in other files are known without reading
them: the keeper of a duplicate is a kept row anywhere. Ledger files are written as builds write
them, one row group each. Texts are a few tokens long, which leaves out what an audit only counts;
of code three files make a row of a shard.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute as pc

from gristmill.corpus.fim import FimSettings
from gristmill.corpus.mixture import MixtureShard, make_mixture, write_mixture
from gristmill.corpus.record import Component
from gristmill.corpus.shards import TOKEN_ROW, ShardMetadata, shard_path, write_token_shard
from gristmill.corpus.tokenizer import EOS, TOKENIZER_DIGEST
from gristmill.pipelines.ledger_totals import count_totals
from gristmill.pipelines.output import Output
from gristmill.pipelines.published import BuildRecord, FileRecord, ShardRecord

FILE_ROWS = 100_000
SHARD_FILES = 50  # ledger files whose documents share a language's shard
SAMPLE_FILES = 3
LANGUAGES: Mapping[Component, tuple[str, ...]] = {
    "code": tuple(f"Language {i}" for i in range(40)),
    "math": ("en", "de", "zh"),
    "text": ("en", "zh"),
}
LICENCES = ("MIT", "Apache-2.0", "GPL-3.0-only", "BSD-3-Clause", "MPL-2.0", "ISC", None)
RULES = tuple(f"rule_{i}" for i in range(30))
SIGNALS = tuple(f"signal_{i}" for i in range(12))  # never read by an audit

Numbers = npt.NDArray[np.uint64]


def make_build(out: Path, *, num_rows: int) -> None:
    """Write a build of so many documents below a folder."""
    for folder in ("ledger", "tokens"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    ledger: dict[str, FileRecord] = {}
    shards: dict[str, ShardRecord] = {}
    pending: list[pa.Table] = []
    starts = range(0, num_rows, FILE_ROWS)
    for number, start in enumerate(starts):
        rows = _rows(np.arange(start, min(start + FILE_ROWS, num_rows), dtype=np.uint64), number)
        path = f"ledger/github.{number:06d}.parquet"
        output = Output(out / path)
        output.write(rows.drop_columns(["position"]))
        output.finish()
        ledger[path] = _file_record(out / path, rows.num_rows)
        kept = rows.filter(pc.is_null(rows["dropped_by"]))
        columns = ["doc_id", "sample_id", "component", "language", "tokens", "shard", "position"]
        pending.append(kept.select(columns))
        if (number + 1) % SHARD_FILES == 0 or number + 1 == len(starts):
            shards.update(_write_shards(out, pa.concat_tables(pending)))
            pending = []
    _write_manifests(out, ledger, shards)


def _mixed(numbers: Numbers, salt: int) -> Numbers:
    """Return 64 pseudo-random bits for each number (the finalizer of SplitMix64)."""
    z = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64((salt * 0xD1B54A32D192ED03) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _ids(numbers: Numbers, *, salt: int = 1) -> pa.Array:
    data = np.stack([_mixed(numbers, salt), _mixed(numbers, salt + 1)], axis=1)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(numbers), [None, pa.py_buffer(np.ascontiguousarray(data))]
    )


def _below(numbers: Numbers, salt: int, limit: int) -> npt.NDArray[np.int64]:
    return (_mixed(numbers, salt) % np.uint64(limit)).astype(np.int64)


def _chosen(values: tuple[str | None, ...], index: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(index))


def _named(prefix: str, numbers: Numbers) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def _fate(numbers: Numbers) -> npt.NDArray[np.int64]:
    """Return 0 for kept, 1 for a duplicate, 2 for a rule, 3 for a file without text."""
    return np.searchsorted(np.array([60, 80, 95]), _below(numbers, 3, 100), side="right")


def _rows(numbers: Numbers, file: int) -> pa.Table:
    count = len(numbers)
    fate = _fate(numbers)
    keepers = _mixed(numbers, 5) % np.maximum(numbers + np.uint64(1), np.uint64(1))
    is_copy = (fate == 1) & (_fate(keepers) == 0)
    is_ruled = (fate == 2) | ((fate == 1) & ~is_copy)
    kind = _below(numbers // np.uint64(50), 6, 20)  # a repository's files lie together
    component = np.where(kind < 17, 0, np.where(kind < 18, 1, 2))
    names = [(part, name) for part, known in LANGUAGES.items() for name in known]
    first = np.array([0, 40, 43])[component]
    share = np.array([40, 3, 2])[component]
    spread = (_mixed(numbers, 7) >> np.uint64(40)).astype(np.float64) / 2.0**24
    language = first + np.minimum(share - 1, (share * spread**3).astype(np.int64))
    shards = tuple(
        shard_path(part, name, f"part-{file // SHARD_FILES:016b}") for part, name in names
    )
    kept = pa.array(fate == 0)
    null = pa.scalar(None)
    near = _below(numbers, 8, 2) == 0
    dropped = pa.array(
        np.select([is_copy & near, is_copy], ["near_duplicate", "exact_duplicate"], "binary")
    )
    rule = _below(numbers, 9, len(RULES))
    dropped = pc.if_else(pa.array(is_ruled), _chosen(RULES, rule), dropped)
    hits = np.where(is_ruled, 1 + _below(numbers, 10, 2), 0)
    flat = np.repeat(rule, hits) + (np.arange(hits.sum()) % 3)
    position, sample = _samples(numbers, language, fate == 0)
    doc_ids = _ids(numbers)
    return pa.table(
        {
            "doc_id": doc_ids,
            "content_id": pc.if_else(pa.array(fate == 3), null, _ids(numbers, salt=20)),
            "source": _chosen(("github", "web", "prose"), component),
            "component": _chosen(("code", "math", "text"), component),
            "kind": _chosen(("file", "page", "document"), component),
            "collection": _named("owner/repository-", numbers // np.uint64(50)),
            "path": _named("src/module/file_", numbers),
            "num_bytes": pa.array(200 + _below(numbers, 11, 20_000)),
            "encoding": _chosen(
                ("utf-8", "utf-8", "utf-8", "gb18030", None), _below(numbers, 12, 5)
            ),
            "read_drop": pc.if_else(pa.array(fate == 3), pa.scalar("binary"), null),
            "extracted_by": _chosen((None, "cheap", "cheap"), component),
            "extract_reason": pa.nulls(count, pa.string()),
            **{name: pa.array(np.zeros(count, np.int32)) for name in COUNTS},
            "language": _chosen(tuple(name for _, name in names), language),
            "language_evidence": _chosen(
                ("extension", "filename", "content"), _below(numbers, 13, 3)
            ),
            "language_confidence": pa.array(_below(numbers, 14, 100) / 100, pa.float32()),
            **{
                name: pa.array(_below(numbers, 30 + i, 1000) / 1000)
                for i, name in enumerate(SIGNALS)
            },
            "licence": _chosen(LICENCES, _below(numbers // np.uint64(50), 15, len(LICENCES))),
            "rule_hits": pa.ListArray.from_arrays(
                pa.array(np.concatenate([[0], np.cumsum(hits)]), pa.int32()),
                _chosen((*RULES, *RULES[:2]), flat),
            ),
            "dropped_by": pc.if_else(kept, null, dropped),
            "item_id": pc.if_else(pa.array(is_ruled | (fate == 3)), null, doc_ids),
            "cluster": pc.if_else(pa.array(is_copy), _ids(keepers), null),
            "keeper": pc.if_else(pa.array(is_copy), _ids(keepers), null),
            "similarity": pc.if_else(pa.array(is_copy & near), pa.scalar(0.9, pa.float32()), null),
            "sample_id": pc.if_else(kept, sample, null),
            "tokens": pc.if_else(kept, pa.array(2 + _below(numbers, 16, 8)), null),
            "shard": pc.if_else(kept, _chosen(shards, language), null),
            "position": pa.array(position),
        }
    )


COUNTS = ("formulas_found", "formulas_kept", "code_lines_found", "code_lines_kept")


def _samples(
    numbers: Numbers, language: npt.NDArray[np.int64], is_kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Return each row's place in its sample, and the sample's id: of code, that of the first."""
    position = np.zeros(len(numbers), np.int64)
    heads = numbers.copy()
    for code in range(len(LANGUAGES["code"])):
        rows = np.flatnonzero(is_kept & (language == code))
        place = np.arange(len(rows)) % SAMPLE_FILES
        position[rows] = place
        heads[rows] = numbers[rows[np.arange(len(rows)) - place]]
    return position, _ids(heads)


def _write_shards(out: Path, kept: pa.Table) -> Iterator[tuple[str, ShardRecord]]:
    for shard in sorted(kept["shard"].unique().to_pylist()):
        rows = kept.filter(pc.equal(kept["shard"], shard)).combine_chunks()
        component, language = rows["component"][0].as_py(), rows["language"][0].as_py()
        path = out / "tokens" / shard
        metadata = ShardMetadata(
            tokenizer=TOKENIZER_DIGEST,
            component=component,
            language=language,
            fim=FimSettings(),
        )
        table = _token_rows(rows)
        info = write_token_shard(str(path), [table], metadata=metadata)
        record = _file_record(path, info.num_rows)
        yield (
            f"tokens/{shard}",
            ShardRecord(
                **msgspec.structs.asdict(record),
                component=component,
                language=language,
                tokens=info.num_tokens,
                row_groups=info.block_tokens,
            ),
        )


def _token_rows(rows: pa.Table) -> pa.Table:
    counts = rows["tokens"].to_numpy()
    starts = np.flatnonzero(rows["position"].to_numpy() == 0)
    ends = np.append(starts[1:], len(rows))
    totals = np.add.reduceat(counts, starts)
    tokens = np.arange(totals.sum(), dtype=np.int32) % 1000
    tokens[np.cumsum(totals) - 1] = EOS
    before = np.cumsum(counts) - counts
    offsets = before - np.repeat(before[starts], ends - starts)
    is_alone = np.repeat(ends - starts == 1, ends - starts)
    num_files = np.where(ends - starts == 1, 0, ends - starts)
    source = {"code": "github", "math": "web", "text": "prose"}[rows["component"][0].as_py()]
    types = {field.name: field.type for field in TOKEN_ROW}
    file_type = types["files"].value_type
    files = pa.StructArray.from_arrays(
        [
            rows["doc_id"].combine_chunks().filter(pa.array(~is_alone)),
            pa.array(offsets[~is_alone], pa.int32()),
        ],
        fields=[file_type.field(i) for i in range(file_type.num_fields)],
    )
    ids = rows["doc_id"].combine_chunks().take(pa.array(starts))
    columns = [
        ids,
        _lists(tokens, totals, types["tokens"]),
        pa.array(totals, pa.int32()),
        pa.array([rows["language"][0].as_py()] * len(starts)),
        pa.array([source] * len(starts)),
        pa.array(np.zeros(len(starts), np.int8)),
        _lists(files, num_files, types["files"]),
        pa.array([[]] * len(starts), types["later_epochs"]),
    ]
    return pa.Table.from_arrays(columns, schema=TOKEN_ROW)


def _lists(values: object, counts: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(values), type=kind)


def _file_record(path: Path, rows: int) -> FileRecord:
    return FileRecord(key="", digest=path.name, rows=rows, num_bytes=path.stat().st_size)


def _write_manifests(
    out: Path, ledger: dict[str, FileRecord], shards: dict[str, ShardRecord]
) -> None:
    record = BuildRecord(
        format_version=1,
        name="made up",
        recipe={"rules": {}},
        artifacts={},
        tokens=shards,
        ledger=ledger,
        totals=count_totals([str(out / path) for path in sorted(ledger)]),
        versions={},
    )
    (out / "build.json").write_bytes(msgspec.json.encode(record))
    entries: dict[Component, list[MixtureShard]] = {"code": [], "math": [], "text": []}
    for path, shard in shards.items():
        entries[shard.component].append(
            MixtureShard(
                path=path,
                digest="",
                language=shard.language,
                documents=shard.rows,
                block_tokens=shard.row_groups,
            )
        )
    write_mixture(make_mixture(entries, tokenizer=TOKENIZER_DIGEST), str(out / "mixture.json"))
