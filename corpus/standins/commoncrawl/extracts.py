"""The records of a WET file: a page's text, as a conversion of its response."""

import base64
import hashlib
import uuid

from .captures import SourceRecord


def extract_record(page: SourceRecord, text: str, languages: str | None) -> bytes:
    """Return the conversion record of a page's text."""
    block = text.encode()
    headers = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": page.url,
        "WARC-Date": page.headers["warc-date"],
        "WARC-Record-ID": _record_id(page.headers["warc-record-id"] + ":conversion"),
        "WARC-Refers-To": page.headers["warc-record-id"],
        "WARC-Block-Digest": _digest(block),
        "WARC-Payload-Digest": _digest(block),
    }
    if languages:
        headers["WARC-Identified-Content-Language"] = languages
    return _record(headers | {"Content-Type": "text/plain"}, block)


def extracts_warcinfo(filename: str, crawl: str, date: str) -> bytes:
    """Return the record that a WET file starts with."""
    block = (
        f"Software-Info: resiliparse\r\nisPartOf: {crawl}\r\npublisher: loopback\r\n\r\n".encode()
    )
    headers = {
        "WARC-Type": "warcinfo",
        "WARC-Date": date,
        "WARC-Filename": filename,
        "WARC-Record-ID": _record_id(f"{crawl}/{filename}"),
        "WARC-Block-Digest": _digest(block),
        "Content-Type": "application/warc-fields",
    }
    return _record(headers, block)


def _record(headers: dict[str, str], block: bytes) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(("WARC/1.0", *lines, f"Content-Length: {len(block)}", "", ""))
    return head.encode() + block + b"\r\n\r\n"


def _record_id(name: str) -> str:
    digest = hashlib.sha256(name.encode()).digest()
    return f"<urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}>"


def _digest(data: bytes) -> str:
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return "sha1:" + base64.b32encode(digest).decode()
