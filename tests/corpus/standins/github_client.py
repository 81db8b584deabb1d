"""What the tests of GitHub's stand-in share: a few repositories and a plain client."""

import http.client
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from gristmill.corpus.standins.github import StandinComment, StandinIssue, StandinRepository

TOKEN = "loopback-token"
BORN = datetime(2020, 1, 1, 12, tzinfo=timezone.utc)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Reply:
    """One answer: its status, headers in lower case, and body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> object:
        return json.loads(self.body)

    @property
    def links(self) -> dict[str, str]:
        parts = [part.split("; rel=") for part in self.headers.get("link", "").split(", ") if part]
        return {relation.strip('"'): url.strip("<>") for url, relation in parts}


def call(
    url: str,
    headers: Mapping[str, str | None] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    token: str | None = TOKEN,
) -> Reply:
    """Ask as a good client does; a header that is None is left out."""
    parts = urlsplit(url)
    sent: dict[str, str | None] = {"User-Agent": "gristmill-tests"}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    sent.update(headers or {})
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        given = {name: value for name, value in sent.items() if value is not None}
        connection.request(method, path, body=body, headers=given)
        reply = connection.getresponse()
        named = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, named, reply.read())
    finally:
        connection.close()


def repository(number: int, full_name: str = "", **changes: object) -> StandinRepository:
    """Return a repository without content."""
    facts: dict[str, object] = {
        "created_at": BORN + timedelta(days=number),
        "pushed_at": BORN + timedelta(days=number + 30),
        "commit": COMMIT,
        "licence": "MIT",
        "language": "Python",
    }
    name = full_name or f"owner/name-{number}"
    return StandinRepository(id=number, full_name=name, **(facts | changes))  # type: ignore[arg-type]


def issue(number: int, **changes: object) -> StandinIssue:
    """Return an issue with one comment."""
    created = BORN + timedelta(days=100 + number)
    said = StandinComment(
        id=9000 + number, author="bob", body="Me too.", created_at=created + timedelta(hours=1)
    )
    facts: dict[str, object] = {
        "title": f"Issue {number}",
        "author": "alice",
        "body": "It fails.",
        "created_at": created,
        "comments": (said,),
        "labels": ("bug",),
    }
    return StandinIssue(id=8000 + number, number=number, **(facts | changes))  # type: ignore[arg-type]
