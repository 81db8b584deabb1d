"""Reads an hour of GH Archive: which repositories were born in it, and what was said of issues.

Before 2015 an event has the Timeline API's `repository`, since then the Events API's `repo`; since
October 2025 payloads lack most of their fields. An event says what it says: one without an id of
its repository gives a name, one without either is counted.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ...sources.inflate import CorruptInputError, InflatedReader
from .archive_issues import IssueEvent, issue_event
from .events import Event, is_birth
from .intake import Seen

READ_BYTES = 1 << 20
MAX_LINE_BYTES = 16 << 20
_BIRTH = b'"CreateEvent"'
_ISSUES = (b'"IssuesEvent"', b'"IssueCommentEvent"')


class Hour(msgspec.Struct, kw_only=True):
    """What an hour's file holds.

    Attributes:
        skipped: how many events could not be used, by reason.
        damage: why the file could not be read to its end.
    """

    births: list[Seen] = []
    issues: list[IssueEvent] = []
    num_events: int = 0
    skipped: Counter[str] = Counter()
    damage: str | None = None


def read_hour(path: Path, *, with_issues: bool) -> Hour:
    """Read a file of JSON lines in any number of gzip members."""
    hour = Hour(births=[], issues=[], skipped=Counter())
    decoder = msgspec.json.Decoder(Event)
    try:
        with path.open("rb") as stream:
            for line in _lines(InflatedReader(stream), hour):
                hour.num_events += 1
                is_create = _BIRTH in line
                if is_create or (with_issues and any(name in line for name in _ISSUES)):
                    _take(decoder, line, hour, with_issues=with_issues)
    except CorruptInputError as error:
        hour.damage = str(error)
    return hour


def _take(
    decoder: msgspec.json.Decoder[Event], line: bytes, hour: Hour, *, with_issues: bool
) -> None:
    try:
        event = decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        hour.skipped["bad_json"] += 1
        return
    if event.type == "CreateEvent":
        born = is_birth(event)
        if born is None:
            hour.skipped["no_ref_type"] += 1
        elif born:
            number, full_name = event.where()
            if number is None and full_name is None:
                hour.skipped["no_repository"] += 1
            else:
                hour.births.append(Seen(id=number, full_name=full_name))
    elif with_issues:
        try:
            found = issue_event(event)
        except ValueError:
            found = "bad_time"
        if isinstance(found, str):
            hour.skipped[found] += 1
        else:
            hour.issues.append(found)


def _lines(stream: InflatedReader, hour: Hour) -> Iterator[bytes]:
    pending = bytearray()
    is_over = False
    while piece := stream.read(READ_BYTES):
        *ended, rest = piece.split(b"\n")
        for part in ended:
            if not is_over and (pending or part):
                yield bytes(pending) + part
            pending.clear()
            is_over = False
        if not is_over:
            pending += rest
        if len(pending) > MAX_LINE_BYTES:
            hour.skipped["huge_line"] += 1
            pending.clear()
            is_over = True
    if pending:
        yield bytes(pending)
