"""GH Archive's hour files: when repositories were born and what was said in their issues."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from .answers import Json
from .event_words import EVENTS_API_SINCE, PACIFIC, StandinEvent, event_as_json
from .state import StandinIssue, StandinRepository

FIRST_HOUR = datetime(2011, 2, 12, tzinfo=timezone.utc)
EVENTS_PER_MEMBER = 100


def events_of(repositories: Iterable[StandinRepository]) -> list[StandinEvent]:
    """Return the births of repositories and branches, issues and comments, in order of time.

    What is private now may have been public then; it is left out all the same.
    """
    events: list[StandinEvent] = []
    for repository in repositories:
        if repository.is_private:
            continue
        born = repository.created_at
        events.append(StandinEvent(kind="repository", at=born, repository=repository))
        if repository.commit is not None:
            events.append(StandinEvent(kind="branch", at=born, repository=repository))
        for issue in repository.issues:
            events += _issue_events(repository, issue)
    return sorted(events, key=lambda event: (event.at, event.repository.id))


def _issue_events(repository: StandinRepository, issue: StandinIssue) -> list[StandinEvent]:
    opened = StandinEvent(kind="issue", at=issue.created_at, repository=repository, issue=issue)
    said = [
        StandinEvent(
            kind="comment",
            at=comment.created_at,
            repository=repository,
            issue=issue,
            comment=comment,
        )
        for comment in issue.comments
    ]
    return [opened, *said]


def hour_files(events: Iterable[StandinEvent], api: str) -> dict[str, bytes]:
    """Return the file of every hour that has an event, by name; a day's hours are 0 to 23."""
    hours: defaultdict[str, list[Json]] = defaultdict(list)
    for event in events:
        if event.at >= FIRST_HOUR:
            hours[hour_name(event.at)] += [event_as_json(event, api)] * event.num_copies
    return {name: _packed(lines) for name, lines in hours.items()}


def hour_name(moment: datetime) -> str:
    """Return the name of the file that an event of this moment lies in."""
    zone = PACIFIC if moment < EVENTS_API_SINCE else timezone.utc
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d}-{local.hour}.json.gz"


def _packed(lines: Sequence[Json]) -> bytes:
    """Return JSON lines as several gzip members, whose bytes tell no time."""
    members = []
    for start in range(0, len(lines), EVENTS_PER_MEMBER):
        text = "".join(json.dumps(line) + "\n" for line in lines[start : start + EVENTS_PER_MEMBER])
        members.append(gzip.compress(text.encode("utf-8"), mtime=0))
    return b"".join(members)
