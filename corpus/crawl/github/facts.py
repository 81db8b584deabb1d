"""What is known of a repository, whichever of GitHub's interfaces told it."""

import time
from datetime import datetime

import msgspec


class RepositoryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as it was when it was asked for.

    Args:
        id: GitHub's own, which outlives a new name.
        created, pushed, hydrated_at: Unix seconds, UTC.
        licence: SPDX id, as GitHub sees it.
        disk_kib: of its git folder, as GitHub counts.
        commit: head of the default branch; None for an empty repository.
    """

    id: int
    full_name: str
    created: int
    pushed: int | None = None
    stars: int = 0
    licence: str | None = None
    is_fork: bool = False
    is_archived: bool = False
    is_private: bool = False
    is_disabled: bool = False
    disk_kib: int = 0
    language: str | None = None
    default_branch: str | None = None
    commit: str | None = None
    has_issues: bool = True
    hydrated_at: int


class RestLicence(msgspec.Struct, frozen=True):
    """The licence of a REST answer."""

    spdx_id: str | None = None


class RestRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as REST describes it in full."""

    id: int
    full_name: str
    created_at: datetime
    pushed_at: datetime | None = None
    stargazers_count: int = 0
    license: RestLicence | None = None
    fork: bool = False
    archived: bool = False
    private: bool = False
    disabled: bool = False
    size: int = 0
    language: str | None = None
    default_branch: str | None = None
    has_issues: bool = True


class ListedRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as a listing shows it."""

    id: int
    full_name: str
    node_id: str | None = None
    created_at: datetime | None = None


class Spdx(msgspec.Struct, frozen=True, rename="camel"):
    """The licence of a GraphQL answer."""

    spdx_id: str | None = None


class Language(msgspec.Struct, frozen=True):
    """The main language of a GraphQL answer."""

    name: str


class Target(msgspec.Struct, frozen=True):
    """What a branch points to."""

    oid: str


class Branch(msgspec.Struct, frozen=True):
    """The default branch of a GraphQL answer."""

    name: str
    target: Target | None = None


class Node(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A repository as GraphQL gives it; a node of another type has no id."""

    database_id: int | None = None
    name_with_owner: str = ""
    created_at: datetime | None = None
    pushed_at: datetime | None = None
    stargazer_count: int = 0
    license_info: Spdx | None = None
    is_fork: bool = False
    is_archived: bool = False
    is_private: bool = False
    is_disabled: bool = False
    disk_usage: int | None = None
    primary_language: Language | None = None
    default_branch_ref: Branch | None = None
    has_issues_enabled: bool = True


def from_node(node: Node) -> RepositoryFacts | None:
    """Return the facts of a GraphQL node; None if it is no repository."""
    if node.database_id is None or node.created_at is None:
        return None
    branch = node.default_branch_ref
    return RepositoryFacts(
        id=node.database_id,
        full_name=node.name_with_owner,
        created=int(node.created_at.timestamp()),
        pushed=_seconds(node.pushed_at),
        stars=node.stargazer_count,
        licence=None if node.license_info is None else node.license_info.spdx_id,
        is_fork=node.is_fork,
        is_archived=node.is_archived,
        is_private=node.is_private,
        is_disabled=node.is_disabled,
        disk_kib=node.disk_usage or 0,
        language=None if node.primary_language is None else node.primary_language.name,
        default_branch=None if branch is None else branch.name,
        commit=None if branch is None or branch.target is None else branch.target.oid,
        has_issues=node.has_issues_enabled,
        hydrated_at=int(time.time()),
    )


def from_rest(found: RestRepository, commit: str | None) -> RepositoryFacts:
    """Return the facts of a REST answer, which lacks the commit."""
    return RepositoryFacts(
        id=found.id,
        full_name=found.full_name,
        created=int(found.created_at.timestamp()),
        pushed=_seconds(found.pushed_at),
        stars=found.stargazers_count,
        licence=None if found.license is None else found.license.spdx_id,
        is_fork=found.fork,
        is_archived=found.archived,
        is_private=found.private,
        is_disabled=found.disabled,
        disk_kib=found.size,
        language=found.language,
        default_branch=found.default_branch,
        commit=commit,
        has_issues=found.has_issues,
        hydrated_at=int(time.time()),
    )


def read_facts(encoded: bytes) -> RepositoryFacts | None:
    """Return the facts of a ledger's item; None if it has not been hydrated."""
    if b'"hydrated_at"' not in encoded:
        return None
    return msgspec.json.decode(encoded, type=RepositoryFacts)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
