"""What GH Archive holds of discussions, kept until all hours are read, then put together."""

from collections.abc import Iterable, Iterator

import msgspec

from ..ledger import Ledger
from .events import Event, EventIssue, seconds_of
from .issue_thread import Comment, Thread, is_app

_TABLE = """
CREATE TABLE IF NOT EXISTS archive_issues(
    repository INTEGER NOT NULL, number INTEGER NOT NULL, comment INTEGER NOT NULL,
    said BLOB NOT NULL, PRIMARY KEY(repository, number, comment)
) WITHOUT ROWID
"""
ISSUE_ITSELF = 0  # in the place of a comment's id


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One comment, or an issue's own text with its title."""

    title: str | None = None
    said: Comment


class IssueEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What one event tells of an issue; with a comment it tells the issue's own text, too."""

    repository: int
    number: int
    parts: tuple[tuple[int, Said], ...]


def issue_event(event: Event) -> IssueEvent | str:
    """Return what an IssuesEvent or IssueCommentEvent tells, or why nothing."""
    issue = event.payload.issue
    number, _ = event.where()
    if number is None:
        return "no_repository"
    if not isinstance(issue, EventIssue) or issue.title is None or issue.user is None:
        return "no_text"  # before 2015 and since October 2025
    if issue.pull_request is not None:
        return "pull_request"
    if event.payload.action not in ("opened", "created"):
        return "other_action"
    opened = Comment(
        author=issue.user.login,
        is_bot=is_app(issue.user.type),
        text=issue.body or "",
        created=seconds_of(issue.created_at or event.created_at),
    )
    parts = [(ISSUE_ITSELF, Said(title=issue.title, said=opened))]
    comment = event.payload.comment
    if comment is not None and comment.user is not None and comment.body is not None:
        answer = Comment(
            author=comment.user.login,
            is_bot=is_app(comment.user.type),
            text=comment.body,
            created=seconds_of(comment.created_at or event.created_at),
        )
        parts.append((comment.id, Said(said=answer)))
    return IssueEvent(repository=number, number=issue.number, parts=tuple(parts))


class ArchivedIssues:
    """The collected parts of discussions, in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._connection = ledger.connection
        self._connection.execute(_TABLE)

    def add(self, events: Iterable[IssueEvent]) -> None:
        """Keep what events tell, within the caller's transaction."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO archive_issues VALUES (?, ?, ?, ?)",
            (
                (event.repository, event.number, part, msgspec.json.encode(said))
                for event in events
                for part, said in event.parts
            ),
        )

    def threads(self, repository: int) -> Iterator[Thread]:
        """Yield the discussions of a repository, by number."""
        rows = self._connection.execute(
            "SELECT number, comment, said FROM archive_issues WHERE repository = ?"
            " ORDER BY number, comment",
            (repository,),
        )
        parts: list[Said] = []
        current = -1
        for number, _, encoded in rows.fetchall():
            if number != current and parts:
                yield _thread(current, parts)
                parts = []
            current = number
            parts.append(msgspec.json.decode(encoded, type=Said))
        if parts:
            yield _thread(current, parts)

    def forget(self, repository: int) -> None:
        """Drop what is kept of a repository, within the caller's transaction."""
        self._connection.execute("DELETE FROM archive_issues WHERE repository = ?", (repository,))


def _thread(number: int, parts: list[Said]) -> Thread:
    ordered = sorted(parts, key=lambda part: (part.title is None, part.said.created))
    return Thread(
        number=number,
        title=ordered[0].title or "",
        comments=tuple(part.said for part in ordered),
    )
