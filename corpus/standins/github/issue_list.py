"""Issues from JSON lines: each names a repository and holds one issue with its comments."""

from collections import defaultdict
from pathlib import Path

import msgspec

from .state import StandinIssue


class _Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    full_name: str
    issue: StandinIssue


def read_issues(path: Path) -> dict[str, tuple[StandinIssue, ...]]:
    """Return the issues of a file by the full names of their repositories, in order of number."""
    found: defaultdict[str, list[StandinIssue]] = defaultdict(list)
    for line in path.read_bytes().splitlines():
        listed = msgspec.json.decode(line, type=_Listed)
        found[listed.full_name].append(listed.issue)
    return {
        full_name: tuple(sorted(issues, key=lambda issue: issue.number))
        for full_name, issues in found.items()
    }
