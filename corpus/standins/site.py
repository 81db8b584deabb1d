"""Serves web sites by the Host header, from WARC files or folders, all on one port.

Stored answers are replayed with their status; what a live site adds is made here: robots.txt and
sitemap.xml where a site had none, ETag with 304, and the redirect of a folder without its slash.
All answers lie in memory: a stand-in is for fixtures.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web
from fastwarc import ArchiveIterator

from ..urls import fetch_url, parse_url

INDEX_PAGE: Final = "index.html"
ROBOTS_PATH: Final = "/robots.txt"
SITEMAP_PATH: Final = "/sitemap.xml"
_HTML = "text/html"
WARC_ENDINGS: Final = (".warc", ".warc.gz", ".warc.zst")
# The server writes these anew: they speak of another connection or of another time.
_OWN_HEADERS = frozenset(
    ("connection", "content-encoding", "content-length", "date", "etag", "keep-alive", "server")
) | {"transfer-encoding"}


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a site."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    changed_at: datetime | None = None

    @property
    def etag(self) -> str:
        """The body's digest, in quotation marks."""
        return f'"{hashlib.sha1(self.body, usedforsecurity=False).hexdigest()}"'

    @property
    def is_page(self) -> bool:
        """Tell whether a sitemap would list it."""
        kinds = [value for name, value in self.headers if name.lower() == "content-type"]
        return self.status == 200 and any(kind.startswith(_HTML) for kind in kinds)


Site = Mapping[str, StoredAnswer]  # by path and query


def read_warc_sites(folder: Path) -> dict[str, Site]:
    """Return every host in the WARC files below a folder, with the first answer of each URL."""
    sites: dict[str, dict[str, StoredAnswer]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.name.endswith(WARC_ENDINGS)):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                url = fetch_url((record.headers.get("WARC-Target-URI") or "").strip("<>"))
                if record.headers.get("WARC-Type") != "response" or not record.is_http or not url:
                    continue
                parts = parse_url(url)
                answer = StoredAnswer(
                    status=record.http_headers.status_code or 200,
                    headers=tuple(record.http_headers.astuples()),
                    body=bytes(record.reader.read()),
                    changed_at=record.record_date,
                )
                sites.setdefault(parts.host or "", {}).setdefault(_place(url), answer)
    return dict(sites)


def read_folder_site(folder: Path) -> Site:
    """Return the files below a folder as a site."""
    site: dict[str, StoredAnswer] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        answer = StoredAnswer(headers=(("Content-Type", kind),), body=path.read_bytes())
        site[f"/{quote(path.relative_to(folder).as_posix())}"] = answer
    return site


def sites_app(sites: Mapping[str, Site]) -> web.Application:
    """Return an application that answers for every host, with or without a port."""

    async def answer(request: web.Request) -> web.Response:
        host = request.host.rpartition(":")[0] or request.host
        if host not in sites:
            return web.Response(status=421, text=f"no site {host}")
        return _answer(request, host, sites[host])

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)  # HEAD, too
    return app


def _answer(request: web.Request, host: str, site: Site) -> web.Response:
    place = _place(f"http://{host}{request.raw_path}")
    stored = _stored(place, site)
    if stored is None or stored.status >= 400:
        stored = _made(place, request.host, site) or stored
    if stored is None and _stored(f"{place}/", site) is not None:
        return web.Response(status=301, headers={"Location": f"{place}/"})
    if stored is None:
        return web.Response(status=404, text="no such page")
    headers = web.Response().headers
    for name, value in stored.headers:
        if name.lower() not in _OWN_HEADERS:
            headers.add(name, value)
    if stored.status != 200:
        return web.Response(status=stored.status, headers=headers, body=stored.body)
    headers["ETag"] = stored.etag
    if stored.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers={"ETag": stored.etag})
    return web.Response(headers=headers, body=stored.body)


def _stored(place: str, site: Site) -> StoredAnswer | None:
    """Return what lies at a place; of a folder, its index page."""
    stored = site.get(place)
    return site.get(place + INDEX_PAGE) if stored is None and place.endswith("/") else stored


def _made(place: str, authority: str, site: Site) -> StoredAnswer | None:
    """Return a file that every site has, made for one that had none."""
    root = f"http://{authority}"
    if place == ROBOTS_PATH:
        text = f"User-agent: *\nAllow: /\n\nSitemap: {root}{SITEMAP_PATH}\n"
        return StoredAnswer(headers=(("Content-Type", "text/plain"),), body=text.encode())
    if place == SITEMAP_PATH:
        body = _sitemap(root, site).encode()
        return StoredAnswer(headers=(("Content-Type", "application/xml"),), body=body)
    return None


def _sitemap(root: str, site: Site) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
    for place, answer in site.items():
        if answer.is_page:
            changed = answer.changed_at.date().isoformat() if answer.changed_at else ""
            date = f"<lastmod>{changed}</lastmod>" if changed else ""
            lines.append(f"<url><loc>{escape(root + place)}</loc>{date}</url>")
    return "\n".join((*lines, "</urlset>", ""))


def _place(url: str) -> str:
    """Return the path and query of a URL in the form in which it is fetched."""
    parts = parse_url(fetch_url(url) or "/")
    return parts.path if parts.query is None else f"{parts.path}?{parts.query}"
