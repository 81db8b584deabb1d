"""Documents are read in batches; a bad line, row or row group is a row, and the others go on."""

import gzip
import json
from datetime import date
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import (
    ReadLimits,
    ReadOptions,
    SourceSpec,
    list_units,
    read_unit,
)


def read(path: Path, limits: ReadLimits | None = None, **fields: str) -> list[Record]:
    spec = msgspec.structs.replace(
        SourceSpec(name="set", kind="documents", component="text", paths=(path.name,)), **fields
    )
    (unit,) = list_units(spec, base=str(path.parent), memo=DigestMemo())
    return list(read_unit(unit, limits or ReadLimits(), options=ReadOptions.of(spec)))


def drops(records: list[Record]) -> list[str | None]:
    return [record.read_drop for record in records]


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)],
)
def test_json_lines_give_one_row_each(tmp_path: Path, suffix: str, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(pack(lines({"text": "one", "id": 7, "language": "de"}, {"text": "two"})))
    first, second = read(path)
    assert (first.path, first.text, first.language_hint) == ("7", "one", "de")
    assert (second.path, second.origin_offset, second.collection) == (f"{path.name}#1", 1, "set")
    assert second.origin_file == path.name


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-02T01:00:00Z", 90_000),
        ("1970-01-02T01:00:00+01:00", 86_400),
        (86_400, 86_400),
        ("yesterday", None),
        (-1, None),
        (True, None),
        (["1970-01-02"], None),
    ],
)
def test_a_date_is_a_field_if_the_source_names_it(
    tmp_path: Path, value: object, seconds: int | None
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"text": "x", "meta": {"created": value}}))
    assert read(path, date_field="meta.created")[0].repository_created == seconds
    assert read(path)[0].repository_created is None


@pytest.mark.parametrize(
    ("value", "licence"),
    [("MIT", "MIT"), (["MIT", "Apache-2.0"], "Apache-2.0 AND MIT"), ([], None), ("", None)],
)
def test_a_licence_is_a_field_if_the_source_names_it(
    tmp_path: Path, value: object, licence: str | None
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"text": "x", "license": value}))
    assert read(path, licence_field="license")[0].declared_licence == licence
    assert read(path)[0].declared_licence is None


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.timestamp("ns"), pa.timestamp("us", "Asia/Tokyo")]
)
def test_a_date_column_of_parquet_is_a_date(tmp_path: Path, kind: pa.DataType) -> None:
    dates = pa.array([date(2020, 2, 29), None]).cast(pa.timestamp("s", "UTC")).cast(kind)
    table = pa.table({"text": ["a", "b"], "day": dates, "licences": [["MIT"], None]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", date_field="day", licence_field="licences")
    assert [row.repository_created for row in found] == [1_582_934_400, None]
    assert [row.declared_licence for row in found] == ["MIT", None]


def test_the_field_names_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"content": "x", "link": "http://h/p", "lang": "fr"}))
    (row,) = read(path, text_field="content", url_field="link", language_field="lang")
    assert (row.text, row.path, row.language_hint) == ("x", "http://h/p", "fr")


def test_bad_lines_are_rows_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    bad = [b"{", b"[1]", b'{"text": null}', b'{"x": 1}', b"\xff\xfe", b"[" * 100_000]
    path.write_bytes(b"\n".join([*bad, b'{"text": "good", "score": NaN}']))
    rows = read(path)
    assert drops(rows) == ["corrupt"] * 6 + [None]
    assert [row.origin_offset for row in rows] == list(range(7))
    assert all(f"line {i + 1} " in (rows[i].read_error or "") for i in range(6))


def test_texts_that_no_table_can_hold_are_rows_without_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"text": "\ud800"}, {"text": "a\0b"}, {"text": ""}, {"text": "ok"}))
    assert drops(read(path)) == ["undecodable", "binary", "empty", None]


def test_long_lines_are_huge_and_do_not_stop_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"text": "x" * 10_000_000}, {"text": "y" * 2_000_000}, {"text": "ok"}))
    assert drops(read(path)) == ["huge", "huge", None]


def test_a_cut_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    data = gzip.compress(lines(*({"text": f"{i} {i * i}"} for i in range(5000))))
    path.write_bytes(data[: len(data) // 2])
    *good, last = read(path)
    assert len(good) > 1000
    assert [row.text for row in good if row.read_drop is None][:2] == ["0 0", "1 1"]
    assert last.read_drop == "corrupt"
    assert "cut short" in (last.read_error or "")


def test_parquet_rows_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"text {i}" for i in range(1000)]
    texts[500] = None  # type: ignore[call-overload]
    pq.write_table(pa.table({"text": texts, "id": list(range(1000))}), path, row_group_size=300)
    rows = read(path)
    assert [row.origin_offset for row in rows] == list(range(1000))
    assert [row.text for row in rows] == texts
    assert rows[500].read_drop == "corrupt"


def test_a_dictionary_column_and_bad_utf8_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    bad = pa.array([b"caf\xe9", b"ok"]).view(pa.string())
    pq.write_table(pa.table({"text": bad, "kind": pa.array(["a", "b"]).dictionary_encode()}), path)
    assert drops(read(path)) == ["undecodable", None]
    assert [row.text for row in read(path, text_field="kind")] == ["a", "b"]


def test_a_damaged_row_group_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"text {i} {i * 7919}" for i in range(300)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=100, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 60] = b"\xff" * 60
    path.write_bytes(data)
    rows = read(path)
    assert [row.text for row in rows if row.text] == texts[:100] + texts[200:]
    assert "rows 100 to 199 are lost" in (rows[100].read_error or "")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1", b"{}"])
def test_what_is_no_parquet_file_is_one_corrupt_row(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    assert drops(read(path)) == ["corrupt"]


def test_a_missing_text_column_is_the_recipes_mistake(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"body": ["x"]}), path)
    with pytest.raises(GristmillError, match="text_field"):
        read(path)


@pytest.mark.parametrize(
    ("data", "drop"),
    [(b"hello\r\n", None), (b"", "empty"), (b"a\0", "binary"), (b"x" * 2_000_000, "huge")],
)
def test_a_text_file_is_one_document(tmp_path: Path, data: bytes, drop: str | None) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    (row,) = read(path)
    assert (row.read_drop, row.num_bytes, row.path) == (drop, len(data), "a.txt")
    assert row.text == ("hello\r\n" if drop is None else None)
