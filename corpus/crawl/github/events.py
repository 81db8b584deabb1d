"""An event of GH Archive in any of its forms: what happened, to which repository, and when."""

import re
from datetime import datetime

import msgspec

_OLD_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")
_FULL_NAME = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+")


class User(msgspec.Struct, frozen=True):
    """Who wrote something; `type` is Bot for an app."""

    login: str = ""
    type: str = ""


class EventIssue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue or pull request; since October 2025 hardly more than its number."""

    number: int
    title: str | None = None
    body: str | None = None
    user: User | None = None
    created_at: str | None = None
    pull_request: dict[str, object] | None = None


class EventComment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment on an issue."""

    id: int
    body: str | None = None
    user: User | None = None
    created_at: str | None = None


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about; `issue` was once only an id."""

    ref_type: str | None = None
    object: str | None = None  # what ref_type was called in 2011
    action: str | None = None
    issue: EventIssue | int | None = None
    comment: EventComment | None = None


class TimelineRepository(msgspec.Struct, frozen=True, kw_only=True):
    """The repository of an event up to 2014."""

    id: int | None = None
    name: str | None = None
    owner: str | None = None


class EventRepository(msgspec.Struct, frozen=True, kw_only=True):
    """The repository of an event since 2015; `name` is its full name then."""

    id: int | None = None
    name: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an hour's file."""

    type: str = ""
    payload: Payload = Payload()
    repository: TimelineRepository | None = None
    repo: EventRepository | None = None
    created_at: str = ""

    def where(self) -> tuple[int | None, str | None]:
        """Return the repository's id and full name, as far as the event has them."""
        if self.repo is not None:
            return self.repo.id, _checked(self.repo.name or "")
        if self.repository is not None:
            found = self.repository
            return found.id, _checked(f"{found.owner or ''}/{found.name or ''}")
        return None, None


def is_birth(event: Event) -> bool | None:
    """Tell whether a CreateEvent is a repository's birth; None if it does not say of what it is."""
    kind = event.payload.ref_type or event.payload.object
    return None if kind is None else kind == "repository"


def seconds_of(moment: str) -> int:
    """Return the Unix seconds of a moment in either of the archive's forms.

    Raises:
        ValueError: if it is in neither.
    """
    old = _OLD_TIME.fullmatch(moment)
    if old is not None:
        moment = f"{old[1]}-{old[2]}-{old[3]}T{old[4]}{old[5]}:{old[6]}"
    return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp())


def _checked(full_name: str) -> str | None:
    return full_name if _FULL_NAME.fullmatch(full_name) else None
