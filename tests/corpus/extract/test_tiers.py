"""A recipe's source says by which tier its pages are read."""

from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.extract import extract_page
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, ReadOptions, SourceSpec, list_units, read_unit

FIXTURES = Path(__file__).parents[3] / "fixtures/web"
PAGE = b"<html><body><main><p>A paragraph with \\(x\\) in it.</p></main></body></html>"


def record(kind: str, body: bytes) -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://host.org/p\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def read(folder: Path, settings: str) -> list[Record]:
    (folder / "a.warc").write_bytes(record("text/html", PAGE) + record("application/x-tex", b"$y$"))
    toml = f'name = "w"\nkind = "warc"\ncomponent = "math"\npaths = ["a.warc"]\n{settings}'
    spec = msgspec.toml.decode(toml, type=SourceSpec)
    (unit,) = list_units(spec, base=str(folder), memo=DigestMemo())
    return list(read_unit(unit, ReadLimits(), options=ReadOptions.of(spec)))


def test_the_fine_tier_is_asked_for_by_the_source(tmp_path: Path) -> None:
    page, source = read(tmp_path, 'extract = "fine"')
    assert page.text == "A paragraph with $x$ in it."
    assert source.text == "$y$"


def test_the_cheap_tier_is_the_default(tmp_path: Path) -> None:
    page, source = read(tmp_path, "")
    assert page.text == "A paragraph with \\(x\\) in it."
    assert source.read_drop == "not_text"


def test_only_pages_have_a_tier() -> None:
    with pytest.raises(ValueError, match="`extract` is for kind `warc`"):
        SourceSpec(name="r", kind="repository", component="code", paths=("a",), extract="fine")


@pytest.mark.parametrize(
    "name", ["math/mpmath.warc.gz", "math/sympy.warc.gz", "code/django.warc.gz"]
)
def test_real_pages_keep_their_formulas_and_code(name: str) -> None:
    spec = SourceSpec(
        name="w", kind="warc", component="math", paths=(str(FIXTURES / name),), extract="fine"
    )
    (unit,) = list_units(spec, base=str(FIXTURES), memo=DigestMemo())
    records = list(read_unit(unit, ReadLimits(), options=ReadOptions.of(spec)))
    texts = [record.text for record in records if record.text is not None]
    assert len(texts) >= 20
    assert all(text.startswith("# ") for text in texts)
    assert sum("```" in text for text in texts) >= len(texts) // 2


def test_a_page_is_the_same_text_every_time() -> None:
    pages = [extract_page(PAGE, mime="text/html", charset=None) for _ in range(2)]
    assert pages[0] == pages[1]
