"""One event in the words of its era.

Until the end of 2014 events come from the Timeline API, with a whole `repository` object, Pacific
time and no id; then from the Events API; since October 2025 with payloads cut to their ids.
"""

from datetime import datetime, timedelta, timezone
from typing import Literal

import msgspec

from .answers import Json
from .state import StandinComment, StandinIssue, StandinRepository, at, login_id, stable_number

EVENTS_API_SINCE = datetime(2015, 1, 1, 8, tzinfo=timezone.utc)
TRIMMED_SINCE = datetime(2025, 10, 7, tzinfo=timezone.utc)
PACIFIC = timezone(timedelta(hours=-8))
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


def event_as_json(event: StandinEvent, api: str) -> Json:
    """Return an event as its hour's file holds it.

    Args:
        api: the root of the addresses in it.
    """
    if event.at < EVENTS_API_SINCE:
        return _timeline_event(event)
    actor = _actor(event)
    content: Json = {
        "id": _event_id(event),
        "type": _TYPES[event.kind],
        "actor": {"id": login_id(actor), "login": actor, "url": f"{api}/users/{actor}"},
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


def _event_id(event: StandinEvent) -> str:
    said = event.comment or event.issue
    parts = (event.kind, event.at.isoformat(), event.repository.id, said.id if said else 0)
    return str(stable_number(" ".join(map(str, parts)), num_bits=36))


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
    issue = _issue(event.issue, is_trimmed=is_trimmed)
    if event.comment is None:
        return {"action": "opened", "issue": issue}
    comment = _comment(event.comment, is_trimmed=is_trimmed)
    return {"action": "created", "issue": issue, "comment": comment}


def _issue(issue: StandinIssue, *, is_trimmed: bool) -> Json:
    content: Json = {"id": issue.id, "number": issue.number}
    if is_trimmed:
        return content
    content |= {
        "title": issue.title,
        "body": issue.body,
        "user": {"login": issue.author},
        "state": "open",
        "labels": [{"name": name} for name in issue.labels],
        "created_at": at(issue.created_at),
    }
    return content | ({"pull_request": {}} if issue.is_pull_request else {})


def _comment(comment: StandinComment, *, is_trimmed: bool) -> Json:
    content: Json = {"id": comment.id}
    if is_trimmed:
        return content
    said = {"body": comment.body, "user": {"login": comment.author}}
    return content | said | {"created_at": at(comment.created_at)}


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
    payload: Json
    if event.issue is None:
        payload = _create_payload(event)
        del payload["pusher_type"]
    elif event.comment is None:
        payload = {"action": "opened", "issue": event.issue.id, "number": event.issue.number}
    else:
        payload = {"issue_id": event.issue.id, "comment_id": event.comment.id}
    return {
        "created_at": event.at.astimezone(PACIFIC).isoformat(),
        "payload": payload,
        "public": True,
        "type": _TYPES[event.kind],
        "url": f"https://github.com/{event.repository.full_name}",
        "actor": _actor(event),
        "actor_attributes": {"login": _actor(event), "type": "User"},
        "repository": _timeline_repository(event.repository),
    }


def _timeline_repository(repository: StandinRepository) -> Json:
    return {
        "id": repository.id,
        "name": repository.name,
        "owner": repository.owner,
        "url": f"https://github.com/{repository.full_name}",
        "description": repository.description,
        "watchers": repository.stars,
        "stargazers": repository.stars,
        "forks": 0,
        "fork": repository.is_fork,
        "size": repository.disk_usage_kib,
        "private": False,
        "open_issues": 0,
        "has_issues": repository.has_issues,
        "has_downloads": True,
        "has_wiki": True,
        "language": repository.language,
        "created_at": repository.created_at.astimezone(PACIFIC).isoformat(),
        "pushed_at": repository.pushed_at.astimezone(PACIFIC).isoformat(),
        "master_branch": repository.default_branch,
    }
