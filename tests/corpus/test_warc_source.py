"""A web archive loses exactly the records that are damaged, and says where they stood."""

import gzip
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
import zstandard

from gristmill.corpus.ids import origin_id
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit

PAGE = "<html lang='{0}'><body><main><p>This is page {1}, {2}.</p></main></body></html>"
Pack = Callable[[bytes], bytes]


def http(body: bytes, kind: str = "text/html; charset=utf-8", head: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Type: {kind}\r\n\r\n".encode() + body


def record(
    name: str, block: bytes, *, lie: int = 0, kind: str = "response", extra: str = ""
) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: <http://host.org/{name}>\r\n"
        f"WARC-Record-ID: <urn:uuid:{name}>\r\n{extra}"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block) + lie}"
    )
    return head.encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def page(name: str, *, lie: int = 0) -> bytes:
    return record(name, http(PAGE.format("en", name, "a sentence " * 9).encode()), lie=lie)


def read(
    folder: Path,
    data: bytes,
    limits: ReadLimits | None = None,
    wanted: Collection[bytes] | None = None,
) -> list[Record]:
    (folder / "a.warc").write_bytes(data)
    spec = SourceSpec(name="w", kind="warc", component="text", paths=("a.warc",))
    (unit,) = list_units(spec, base=str(folder), memo=DigestMemo())
    return list(read_unit(unit, limits or ReadLimits(), wanted=wanted))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def outcome(rows: list[Record]) -> list[tuple[str, str | None]]:
    return [(row.path.rpartition("/")[2], row.read_drop) for row in rows]


PACKS = pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
ABC = [("a", None), ("b", None), ("c", None)]


@PACKS
def test_every_response_is_a_row_with_its_origin(tmp_path: Path, pack: Pack) -> None:
    members = [pack(page(name)) for name in "abc"]
    rows = read(tmp_path, b"".join(members))
    assert outcome(rows) == ABC
    assert rows[1].origin_offset == len(members[0])
    assert (rows[1].collection, rows[1].path) == ("host.org", "http://host.org/b")
    assert (rows[1].revision, rows[1].language_hint) == ("urn:uuid:b", "en")
    assert (rows[1].text or "").startswith("This is page b, a sentence a")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_one_member_may_hold_the_whole_file(tmp_path: Path, pack: Pack) -> None:
    assert outcome(read(tmp_path, pack(page("a") + page("b") + page("c")))) == ABC


@PACKS
def test_only_the_pages_that_are_wanted_have_a_text(tmp_path: Path, pack: Pack) -> None:
    data = pack(page("a") + page("b") + page("c"))
    all_rows = read(tmp_path, data)
    wanted = {origin_id(row.origin_offset, row.revision, row.path) for row in all_rows[1:2]}
    rows = read(tmp_path, data, wanted=wanted)
    assert outcome(rows) == [("a", "not_recalled"), ("b", None), ("c", "not_recalled")]
    assert rows[1] == all_rows[1]
    assert [row.origin_offset for row in rows] == [row.origin_offset for row in all_rows]
    assert rows[0].num_bytes > all_rows[0].num_bytes  # with the HTTP headers


def test_a_zstd_dictionary_in_the_first_frame_is_used(tmp_path: Path) -> None:
    dictionary = zstandard.ZstdCompressionDict(page("x") * 3)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    raw = dictionary.as_bytes()
    head = b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw
    data = head + b"".join(compressor.compress(page(name)) for name in "abc")
    assert outcome(read(tmp_path, data)) == ABC


@pytest.mark.parametrize("frame", [b"", zstd(b"d" * 99)[:-3], b"\xff" * 99])
def test_a_damaged_zstd_dictionary_is_one_corrupt_row(tmp_path: Path, frame: bytes) -> None:
    dictionary = zstandard.ZstdCompressionDict(page("x") * 3)
    members = zstandard.ZstdCompressor(dict_data=dictionary).compress(page("a"))
    data = b"\x5d\x2a\x4d\x18" + len(frame).to_bytes(4, "little") + frame + members
    assert [row.read_drop for row in read(tmp_path, data)] == ["corrupt"]


@PACKS
@pytest.mark.parametrize("lie", [-30, -1, 5, 30, 3000, 10**9, 10**17])
def test_a_lying_content_length_costs_only_its_record(tmp_path: Path, pack: Pack, lie: int) -> None:
    data = pack(page("a")) + pack(page("b", lie=lie)) + pack(page("c")) + pack(page("d"))
    rows = read(tmp_path, data)
    assert outcome(rows) == [("a", None), ("b", "corrupt"), ("c", None), ("d", None)]
    assert f"byte {len(pack(page('a')))}" in (rows[1].read_error or "")


@PACKS
@pytest.mark.parametrize("length", ["-5", "x", ""])
def test_a_content_length_that_is_no_number_costs_only_its_record(
    tmp_path: Path, pack: Pack, length: str
) -> None:
    bad = page("b").replace(b"Content-Length: ", f"Content-Length: {length}z".encode())
    rows = read(tmp_path, pack(page("a")) + pack(bad) + pack(page("c")))
    assert outcome(rows) == [("a", None), ("b", "corrupt"), ("c", None)]


@PACKS
@pytest.mark.parametrize("junk", [b"garbage\r\nWARC\r\n", b"\xff" * 100_000])
def test_garbage_between_records_is_one_row(tmp_path: Path, pack: Pack, junk: bytes) -> None:
    rows = read(tmp_path, pack(page("a")) + junk + pack(page("b")) + pack(page("c")))
    assert [row.path[-1] for row in rows if row.read_drop is None] == ["a", "b", "c"]
    assert [row.read_drop for row in rows].count("corrupt") == 1


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.parametrize("cut", [1, 9, 60, 150])
def test_a_cut_last_member_is_one_corrupt_row(tmp_path: Path, pack: Pack, cut: int) -> None:
    data = b"".join(pack(page(name)) for name in "abc")
    rows = read(tmp_path, data[:-cut])
    assert outcome(rows)[:2] == ABC[:2]
    assert [row.read_drop for row in rows[2:]] in (["corrupt"], [None, "corrupt"])
    assert "cut short" in (rows[-1].read_error or "")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_flipped_byte_costs_only_its_member(tmp_path: Path, pack: Pack) -> None:
    members = [bytearray(pack(page(name))) for name in "abc"]
    members[1][len(members[1]) // 2] ^= 255
    rows = read(tmp_path, b"".join(members))
    assert [row.path[-1] for row in rows if row.read_drop is None] in (["a", "c"], ["a", "b", "c"])
    assert [row.read_drop for row in rows].count("corrupt") == 1


@pytest.mark.parametrize(
    "data", [b"\0" * 999, b"<html>" * 99, gzip.compress(b"x" * 9, mtime=0), b"\x1f\x8b\x08"]
)
def test_what_is_no_warc_is_one_corrupt_row(tmp_path: Path, data: bytes) -> None:
    assert [row.read_drop for row in read(tmp_path, data)] == ["corrupt"]


def test_an_arc_file_is_named_as_such(tmp_path: Path) -> None:
    members = [gzip.compress(b"filedesc://x 0 1 text/plain 9\n"), gzip.compress(b"http://a/ 1")]
    (row,) = read(tmp_path, b"".join(members))
    assert "ARC file" in (row.read_error or "")


def test_only_documents_are_rows(tmp_path: Path) -> None:
    kinds = ("warcinfo", "request", "metadata", "revisit", "continuation")
    data = b"".join(record(kind, b"x", kind=kind) for kind in kinds)
    assert read(tmp_path, data + page("a"))[0].path == "http://host.org/a"
    assert read(tmp_path, data) == []


def test_other_statuses_and_types_are_rows_without_text(tmp_path: Path) -> None:
    data = record("gone", http(b"<p>x</p>", head="404 Not Found"))
    data += record("image", http(b"\x89PNG", kind="image/png"))
    data += record("code", http(b"int x;\n", kind="text/x-csrc"))
    rows = read(tmp_path, data)
    assert [(row.read_drop, row.read_error) for row in rows[:2]] == [
        ("not_text", "HTTP 404"),
        ("not_text", "image/png"),
    ]
    assert rows[2].text == "int x;\n"


def test_a_wet_record_is_text_with_its_language(tmp_path: Path) -> None:
    block = b"Hello.\nWorld."
    extra = "WARC-Identified-Content-Language: eng\r\n"
    data = record("a", block, kind="conversion", extra=extra)
    (row,) = read(tmp_path, data.replace(b"application/http; msgtype=response", b"text/plain"))
    assert (row.text, row.language_hint) == ("Hello.\nWorld.", "eng")


def test_a_page_over_the_limit_is_huge(tmp_path: Path) -> None:
    big = record("big", http(b"<p>" + b"x" * (2 << 20)))
    rows = read(tmp_path, gzip.compress(big) + gzip.compress(page("a")))
    assert outcome(rows) == [("big", "huge"), ("a", None)]


def test_a_page_that_unpacks_to_more_than_the_limit_is_huge(tmp_path: Path) -> None:
    body = http(gzip.compress(b"x" * (50 << 20)), kind="text/html\r\nContent-Encoding: gzip")
    assert outcome(read(tmp_path, record("bomb", body))) == [("bomb", "huge")]


def test_packed_and_chunked_payloads_are_unpacked(tmp_path: Path) -> None:
    text = PAGE.format("en", "z", "packed").encode()
    packed = http(gzip.compress(text), kind="text/html\r\nContent-Encoding: gzip")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    chunked = http(chunks, kind="text/html\r\nTransfer-Encoding: chunked")
    stale = http(text, kind="text/html\r\nContent-Encoding: gzip")
    rows = read(tmp_path, b"".join(record("z", body) for body in (packed, chunked, stale)))
    assert [row.text for row in rows] == ["This is page z, packed."] * 3


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        ("text/html; charset=windows-1251", ""),
        ("text/html", "<meta charset=windows-1251>"),
        ("text/html; charset=zlib", "<meta charset='windows-1251'>"),
    ],
)
def test_the_declared_charset_is_used(tmp_path: Path, kind: str, meta: str) -> None:
    body = (meta + PAGE.format("ru", "1", "Да")).encode("cp1251")
    (row,) = read(tmp_path, record("ru", http(body, kind=kind)))
    assert (row.text, row.encoding) == ("This is page 1, Да.", "cp1251")


def test_nesting_without_an_end_is_refused_and_never_extracted(tmp_path: Path) -> None:
    data = record("deep", http(b"<div>" * 200_000 + b"x")) + page("a")
    assert outcome(read(tmp_path, data)) == [("deep", "huge"), ("a", None)]


def test_page_without_recognised_main_content_keeps_all_its_text(tmp_path: Path) -> None:
    web = Path(__file__).parents[2] / "fixtures/web"
    crawls = [web / "math/mpmath.warc.gz", web / "code/django.warc.gz"]
    rows = [row for crawl in crawls for row in read(tmp_path, crawl.read_bytes())]
    long = ("functions/bessel.html", "ref/models/relations.html")
    texts = [row.text or "" for row in rows if row.path.endswith(long)]
    assert len(texts) == len(long)
    assert all(len(text) > 4000 for text in texts)
