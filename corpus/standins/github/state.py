"""What the stand-in knows: repositories, their issues, and how they are found by id and name."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from ...errors import GristmillError

Block = Literal["dmca", "tos", "unavailable"]
BLOCK_STATUS: dict[Block, int] = {"dmca": 451, "tos": 403, "unavailable": 403}
BLOCKED_AT = "2021-04-22T17:53:56Z"


class StandinComment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One comment of an issue."""

    id: int
    author: str
    body: str
    created_at: datetime


class StandinIssue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An issue or a pull request; GitHub numbers and lists both together."""

    id: int
    number: int
    title: str
    author: str
    created_at: datetime
    body: str | None = None
    state: Literal["open", "closed"] = "open"
    updated_at: datetime | None = None
    labels: tuple[str, ...] = ()
    is_pull_request: bool = False
    comments: tuple[StandinComment, ...] = ()

    @property
    def changed_at(self) -> datetime:
        """When the issue or its discussion last changed."""
        times = [comment.created_at for comment in self.comments]
        return max([*times, self.updated_at or self.created_at])


class StandinRepository(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One repository and the state that its owner and GitHub put it in.

    Args:
        git_dir: a bare repository; None when its content is gone.
        commit: the head of the default branch; None for an empty repository.
        licence: an SPDX identifier.
        old_names: full names that redirect to this repository.
        block: why GitHub refuses access: 451 for `dmca`, 403 for the others.
        is_deleted: the id is known to old listings and archives, and answers 404.
    """

    id: int
    full_name: str
    created_at: datetime
    pushed_at: datetime
    git_dir: Path | None = None
    commit: str | None = None
    default_branch: str = "main"
    stars: int = 0
    licence: str | None = None
    language: str | None = None
    description: str | None = None
    disk_usage_kib: int = 0
    parent: str | None = None
    is_fork: bool = False
    is_archived: bool = False
    is_private: bool = False
    is_disabled: bool = False
    is_locked: bool = False
    is_deleted: bool = False
    is_user_owned: bool = False
    has_issues: bool = True
    block: Block | None = None
    old_names: tuple[str, ...] = ()
    issues: tuple[StandinIssue, ...] = ()

    @property
    def owner(self) -> str:
        """The login of the owner."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """The name without its owner."""
        return self.full_name.split("/")[1]

    @property
    def is_visible(self) -> bool:
        """Tell whether anyone may know that the repository exists."""
        return not (self.is_private or self.is_deleted)


class GithubState:
    """All repositories, by id and by name; names are compared as GitHub does, without case."""

    def __init__(self, repositories: Iterable[StandinRepository]) -> None:
        self.repositories = tuple(sorted(repositories, key=lambda repository: repository.id))
        self._by_id = {repository.id: repository for repository in self.repositories}
        self._by_name = {r.full_name.lower(): r for r in self.repositories}
        self._moved = {old.lower(): r for r in self.repositories for old in r.old_names}
        if not len(self._by_id) == len(self._by_name) == len(self.repositories):
            raise GristmillError(
                "two repositories have the same id or name",
                where="the stand-in for GitHub",
                todo="Give each its own.",
            )

    @property
    def visible(self) -> tuple[StandinRepository, ...]:
        """The repositories that listings show, by id."""
        return tuple(repository for repository in self.repositories if repository.is_visible)

    def by_id(self, number: int) -> StandinRepository | None:
        """Return the visible repository of an id."""
        found = self._by_id.get(number)
        return found if found is not None and found.is_visible else None

    def by_name(self, full_name: str) -> StandinRepository | None:
        """Return the visible repository of a full name that is in use."""
        found = self._by_name.get(full_name.lower())
        return found if found is not None and found.is_visible else None

    def moved(self, full_name: str) -> StandinRepository | None:
        """Return the visible repository that had this name before."""
        found = self._moved.get(full_name.lower())
        return found if found is not None and found.is_visible else None


def login_id(login: str) -> int:
    """Return a stable id for an account."""
    return stable_number(login.lower(), num_bits=27)


def stable_number(text: str, *, num_bits: int) -> int:
    """Return a number that depends on a text alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - num_bits)


def at(moment: datetime) -> str:
    """Return a moment as GitHub writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
