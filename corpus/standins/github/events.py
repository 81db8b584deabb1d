"""GH Archive's hour files: births of repositories, issues and comments in the words of each era.

Until the end of 2014 events come from the Timeline API, with a whole `repository` object, Pacific
time and no id; then from the Events API; since October 2025 with payloads cut to their ids.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Literal

import msgspec

from .answers import Json
from .state import StandinComment, StandinIssue, StandinRepository, at, login_id

FIRST_HOUR = datetime(2011, 2, 12, tzinfo=timezone.utc)
EVENTS_API_SINCE = datetime(2015, 1, 1, 8, tzinfo=timezone.utc)
TRIMMED_SINCE = datetime(2025, 10, 7, tzinfo=timezone.utc)
PACIFIC = timezone(timedelta(hours=-8))
EVENTS_PER_MEMBER = 100
Kind = Literal["repository", "branch", "issue", "comment"]
_TYPES = {
    "repository": "CreateEvent",
    "branch": "CreateEvent",
    "issue": "IssuesEvent",
    "comment": "IssueCommentEvent",
}


class StandinEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in public; it may have been recorded more than once."""

    kind: Kind
    at: datetime
    repository: StandinRepository
    issue: StandinIssue | None = None
    comment: StandinComment | None = None
    num_copies: int = 1


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
            events.append(
                StandinEvent(kind="issue", at=issue.created_at, repository=repository, issue=issue)
            )
            events += [
                StandinEvent(
                    kind="comment",
                    at=comment.created_at,
                    repository=repository,
                    issue=issue,
                    comment=comment,
                )
                for comment in issue.comments
            ]
    return sorted(events, key=lambda event: (event.at, event.repository.id))


def hour_files(events: Iterable[StandinEvent], api: str) -> dict[str, bytes]:
    """Return the file of every hour that has an event, by name; a day's hours are 0 to 23."""
    hours: defaultdict[str, list[Json]] = defaultdict(list)
    for event in events:
        if event.at >= FIRST_HOUR:
            hours[hour_name(event.at)] += [_as_json(event, api)] * event.num_copies
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


def _as_json(event: StandinEvent, api: str) -> Json:
    if event.at < EVENTS_API_SINCE:
        return _timeline_event(event)
    actor = _actor(event)
    number = login_id(f"{event.kind} {event.at.isoformat()} {event.repository.id} {actor}")
    content: Json = {
        "id": str(number),
        "type": _TYPES[event.kind],
        "actor": {
            "id": login_id(actor),
            "login": actor,
            "display_login": actor,
            "gravatar_id": "",
            "url": f"{api}/users/{actor}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{login_id(actor)}?",
        },
        "repo": {
            "id": event.repository.id,
            "name": event.repository.full_name,
            "url": f"{api}/repos/{event.repository.full_name}",
        },
        "payload": _payload(event, is_trimmed=event.at >= TRIMMED_SINCE),
        "public": True,
        "created_at": at(event.at),
    }
    if not event.repository.is_user_owned:
        owner = event.repository.owner
        content["org"] = {"id": login_id(owner), "login": owner, "url": f"{api}/orgs/{owner}"}
    return content


def _actor(event: StandinEvent) -> str:
    if event.comment is not None:
        return event.comment.author
    return event.repository.owner if event.issue is None else event.issue.author


def _payload(event: StandinEvent, *, is_trimmed: bool) -> Json:
    if event.issue is None:
        payload = _create_payload(event)
        if is_trimmed and event.kind == "branch":
            payload["full_ref"] = f"refs/heads/{event.repository.default_branch}"
        return payload
    issue: Json = {"id": event.issue.id, "number": event.issue.number}
    if not is_trimmed:
        issue |= {
            "title": event.issue.title,
            "body": event.issue.body,
            "user": {"login": event.issue.author},
            "state": "open",
            "labels": [{"name": name} for name in event.issue.labels],
            "created_at": at(event.issue.created_at),
        }
        if event.issue.is_pull_request:
            issue["pull_request"] = {}
    if event.comment is None:
        return {"action": "opened", "issue": issue}
    comment: Json = {"id": event.comment.id}
    if not is_trimmed:
        comment |= {
            "body": event.comment.body,
            "user": {"login": event.comment.author},
            "created_at": at(event.comment.created_at),
        }
    return {"action": "created", "issue": issue, "comment": comment}


def _create_payload(event: StandinEvent) -> Json:
    is_branch = event.kind == "branch"
    return {
        "ref": event.repository.default_branch if is_branch else None,
        "ref_type": event.kind,
        "master_branch": event.repository.default_branch,
        "description": event.repository.description,
        "pusher_type": "user",
    }


def _timeline_event(event: StandinEvent) -> Json:
    repository = event.repository
    payload: Json
    if event.issue is None:
        payload = _create_payload(event)
        del payload["pusher_type"]
    elif event.comment is None:
        payload = {"action": "opened", "issue": event.issue.id, "number": event.issue.number}
    else:
        payload = {"issue_id": event.issue.id, "comment_id": event.comment.id}
    url = f"https://github.com/{repository.full_name}"
    return {
        "created_at": event.at.astimezone(PACIFIC).isoformat(),
        "payload": payload,
        "public": True,
        "type": _TYPES[event.kind],
        "url": url,
        "actor": _actor(event),
        "actor_attributes": {"login": _actor(event), "type": "User"},
        "repository": {
            "id": repository.id,
            "name": repository.name,
            "url": url,
            "description": repository.description,
            "watchers": repository.stars,
            "stargazers": repository.stars,
            "forks": 0,
            "fork": repository.is_fork,
            "size": repository.disk_usage_kib,
            "owner": repository.owner,
            "private": False,
            "open_issues": 0,
            "has_issues": repository.has_issues,
            "has_downloads": True,
            "has_wiki": True,
            "language": repository.language,
            "created_at": repository.created_at.astimezone(PACIFIC).isoformat(),
            "pushed_at": repository.pushed_at.astimezone(PACIFIC).isoformat(),
            "master_branch": repository.default_branch,
        },
    }
