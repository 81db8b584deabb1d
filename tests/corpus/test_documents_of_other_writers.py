"""Text sources as others write them: pandas, DuckDB, datasets, datatrove, and C4's JSON lines."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import datasets
import duckdb
import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from datatrove.data import Document
from datatrove.pipeline.writers import ParquetWriter

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, ReadOptions, SourceSpec, list_units, read_unit
from gristmill.corpus.sources.documents import is_documents_file

TEXTS = [f"Text {i}, caf\u00e9 \u4e2d\u6587." for i in range(3000)]
META = [{"url": f"https://h/{i}", "lang": "fr", "score": i / 7} for i in range(3000)]
NESTED = {"url_field": "meta.url", "language_field": "meta.lang"}


def read(folder: Path, pattern: str, **fields: str) -> list[Record]:
    spec = msgspec.structs.replace(
        SourceSpec(name="set", kind="documents", component="text", paths=(pattern,)), **fields
    )
    units = list_units(spec, base=str(folder), memo=DigestMemo())
    options = ReadOptions.of(spec)
    return [row for unit in units for row in read_unit(unit, ReadLimits(), options=options)]


def check(rows: list[Record]) -> None:
    assert [row.text for row in rows] == TEXTS
    assert [row.path for row in rows] == [value["url"] for value in META]
    assert {row.language_hint for row in rows} == {"fr"}
    assert [row.origin_offset for row in rows] == list(range(len(TEXTS)))


def test_pandas(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS, "meta": META}, index=range(7, 3007))
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=1000)
    check(read(tmp_path, "*.parquet", **NESTED))


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "brotli", "uncompressed"])
def test_duckdb(tmp_path: Path, codec: str) -> None:
    table = pa.table({"text": TEXTS, "meta": META})
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute(f"COPY given TO '{tmp_path}/a.parquet' (CODEC {codec}, ROW_GROUP_SIZE 2048)")
    check(read(tmp_path, "*.parquet", **NESTED))


def test_datasets(tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict({"text": TEXTS, "meta": META})
    made.to_parquet(tmp_path / "train-00000-of-00001.parquet")
    made.to_json(tmp_path / "lines.jsonl")
    check(read(tmp_path, "*.parquet", **NESTED))
    check(read(tmp_path, "*.jsonl", **NESTED))


def test_datatrove(tmp_path: Path) -> None:
    with ParquetWriter(str(tmp_path)) as writer:
        for i, text in enumerate(TEXTS):
            writer.write(Document(text=text, id=f"d{i}", metadata=META[i]))
    rows = read(tmp_path, "*.parquet", language_field="metadata.lang")
    assert [row.text for row in rows] == TEXTS
    assert rows[5].path == "d5"
    assert rows[5].language_hint == "fr"


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("gz", gzip.compress), ("zst", zstandard.ZstdCompressor().compress)],
)
def test_c4s_lines(tmp_path: Path, suffix: str, pack: object) -> None:
    assert callable(pack)
    rows = zip(TEXTS, META, strict=True)
    lines = "".join(json.dumps({"text": text, "meta": meta}) + "\n" for text, meta in rows)
    path = tmp_path / f"c4-train.00000-of-01024.json.{suffix}"
    path.write_bytes(pack(lines.encode()))
    check(read(tmp_path, f"**/*.json.{suffix}", **NESTED))
    assert not is_documents_file("package.json")


def test_views_dictionaries_and_nulls_of_structs(tmp_path: Path) -> None:
    meta = pa.array([{"u": {"id": "one"}}, None, {"u": None}])
    table = pa.table({"text": pa.array(["a", "b", "c"], pa.string_view()), "meta": meta})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = read(tmp_path, "*.parquet", id_field="meta.u.id")
    assert [row.path for row in rows] == ["one", "a.parquet#1", "a.parquet#2"]
    assert [row.text for row in rows] == ["a", "b", "c"]


def test_a_name_with_a_dot_is_a_name_first(tmp_path: Path) -> None:
    row = {"text": "x", "meta.url": "flat", "meta": {"url": "deep"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    assert [row.path for row in read(tmp_path, "a.*", url_field="meta.url")] == ["flat"] * 2


def test_a_nested_text_and_a_wrong_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"doc": [{"body": "x"}]}), tmp_path / "a.parquet")
    (row,) = read(tmp_path, "*.parquet", text_field="doc.body")
    assert row.text == "x"
    with pytest.raises(GristmillError, match=r"no column 'doc\.bdy', only doc\.body"):
        read(tmp_path, "*.parquet", text_field="doc.bdy")


def test_shards_of_a_set_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2", "a/10", "a/9"):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": [name]}), path)
    assert [row.text for row in read(tmp_path, "**/*.parquet")] == ["a/10", "a/9", "b/2"]


def test_a_page_that_does_not_match_its_checksum_is_a_lost_row_group(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"sentence {i}" for i in range(300)]})
    pq.write_table(
        table,
        path,
        row_group_size=100,
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
    )
    path.write_bytes(path.read_bytes().replace(b"sentence 150", b"sentence 950"))
    rows = read(tmp_path, "*.parquet")
    assert [row.read_drop for row in rows] == [None] * 100 + ["corrupt"] + [None] * 100
    assert "CRC" in (rows[100].read_error or "")


def test_a_large_row_group_is_never_whole_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"{i}" + "x" * 12_000 for i in range(5000)]
    pq.write_table(pa.table({"text": texts}), path, compression="none", use_dictionary=False)
    code = (
        "import resource\n"
        "from gristmill.corpus.memo import DigestMemo\n"
        "from gristmill.corpus.sources import *\n"
        "spec = SourceSpec(name='s', kind='documents', component='text', paths=('a.parquet',))\n"
        f"(unit,) = list_units(spec, base={str(tmp_path)!r}, memo=DigestMemo())\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = peak()\n"
        "count = sum(1 for _ in read_unit(unit, ReadLimits(), options=ReadOptions()))\n"
        "print(count, peak() - before)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, peak_mib = map(int, shown.stdout.split())
    assert count == 5000
    assert peak_mib < 40  # of 57 MiB
