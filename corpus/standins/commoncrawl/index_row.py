"""One capture as a row of the index table.

Registered domains come from a public suffix list in the real table. Here every last label is such a
suffix, and a few usual pairs, which is what that list's default rule says of hosts like `x.test`.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from ...extract.page import HTML_TYPES, extract_page
from .captures import Capture, SourceRecord, read_headers
from .page_language import page_language

Value = str | int | datetime | None
_SUFFIX_PAIRS = frozenset(
    ("ac.uk", "co.jp", "co.kr", "co.nz", "co.uk", "com.au", "com.br", "gov.uk")
)
_LANGUAGES = re.compile(r'"code-iso-639-3":"([a-z]{3})"')
_CHARSET = re.compile(r"charset-detected: *([^\r\n]+)")
_PARTS = ("2nd", "3rd", "4th", "5th")


class Page(msgspec.Struct, frozen=True):
    """What the index and the text extraction need to know of a capture.

    Attributes:
        subset: the folder of its segment in which it lies.
        text: of an HTML page, else None.
    """

    subset: str
    status: int
    mime: str
    charset: str | None
    languages: str | None
    redirect: str | None
    text: str | None


def describe(capture: Capture) -> Page:
    """Return what a capture's bytes say of it."""
    record = capture.page
    head, _, payload = record.block.partition(b"\r\n\r\n")
    http = read_headers(head)
    status = _status(head, record)
    declared = http.get("content-type", "").partition(";")[0].strip().lower()
    identified = record.headers.get("warc-identified-payload-type", "").lower()
    mime = "warc/revisit" if record.kind == "revisit" else identified or declared
    subset = _subset(record, status)
    page = None
    if subset == "warc" and mime in HTML_TYPES:
        page = extract_page(payload, mime=mime, charset=_charset(http), tier="cheap")
    notes = _notes(capture)
    return Page(
        subset=subset,
        status=status,
        mime=mime or "unk",
        charset=notes[0] or _upper(page.encoding if page else None),
        languages=notes[1] or page_language(page.text if page else None),
        redirect=http.get("location") if 300 <= status < 400 else None,
        text=page.text if page else None,
    )


def index_row(capture: Capture, page: Page, *, filename: str, offset: int) -> dict[str, Value]:
    """Return the row of a capture whose record lies at `offset` of `filename`."""
    record = capture.page
    url = urlsplit(record.url)
    host = (url.hostname or "").lower()
    return {
        "url_surtkey": surt(record.url),
        "url": record.url,
        **_host_columns(host),
        "url_protocol": url.scheme,
        "url_port": url.port,
        "url_path": url.path or "/",
        "url_query": url.query or None,
        "fetch_time": datetime.fromisoformat(record.headers["warc-date"].replace("Z", "+00:00")),
        "fetch_status": page.status,
        "fetch_redirect": page.redirect,
        "content_digest": record.headers.get("warc-payload-digest", "").rpartition(":")[2] or None,
        "content_mime_type": page.mime,
        "content_mime_detected": page.mime,
        "content_charset": page.charset,
        "content_languages": page.languages,
        "content_truncated": record.headers.get("warc-truncated"),
        "warc_filename": filename,
        "warc_record_offset": offset,
        "warc_record_length": len(record.member),
        "warc_segment": filename.split("/")[3],
    }


def surt(url: str) -> str:
    """Return the sort key of a URL: its host reversed, without `www`, then path and query."""
    parts = urlsplit(url.lower())
    host = re.sub(r"^www\d*\.", "", parts.hostname or "")
    is_usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    key = ",".join(reversed(host.split("."))) + ("" if is_usual else f":{parts.port}")
    return f"{key}){parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")


def _host_columns(host: str) -> dict[str, Value]:
    labels = host.split(".")[::-1]
    is_ip = host.replace(".", "").isdecimal() or ":" in host
    num_suffix = 2 if ".".join(labels[1::-1]) in _SUFFIX_PAIRS else 1
    suffix = ".".join(labels[:num_suffix][::-1])
    domain = ".".join(labels[: num_suffix + 1][::-1]) if len(labels) > num_suffix else None
    columns: dict[str, Value] = {
        "url_host_name": host,
        "url_host_tld": None if is_ip else labels[0],
        "url_host_registry_suffix": None if is_ip else suffix,
        "url_host_registered_domain": None if is_ip else domain,
        "url_host_private_suffix": None if is_ip else suffix,
        "url_host_private_domain": None if is_ip else domain,
        "url_host_name_reversed": None if is_ip else ".".join(labels),
    }
    for index, name in enumerate(_PARTS, start=1):
        is_there = not is_ip and index < len(labels)
        columns[f"url_host_{name}_last_part"] = labels[index] if is_there else None
    return columns


def _subset(record: SourceRecord, status: int) -> str:
    if urlsplit(record.url).path == "/robots.txt":
        return "robotstxt"
    return "warc" if status == 200 and record.kind == "response" else "crawldiagnostics"


def _status(head: bytes, record: SourceRecord) -> int:
    if record.kind == "revisit":
        return 304
    found = re.match(rb"HTTP/\S+ +(\d{3})", head)
    if found is None:
        raise ValueError(f"{record.url}: its record holds no HTTP response")
    return int(found[1])


def _notes(capture: Capture) -> tuple[str | None, str | None]:
    """Return the charset and languages that a metadata record names."""
    notes = b"".join(one.block for one in capture.records if one.kind == "metadata").decode()
    charset = _CHARSET.search(notes)
    return charset[1].strip() if charset else None, ",".join(_LANGUAGES.findall(notes)) or None


def _charset(http: dict[str, str]) -> str | None:
    return http.get("content-type", "").lower().partition("charset=")[2].strip(" \"'") or None


def _upper(charset: str | None) -> str | None:
    return charset.upper() if charset else None
