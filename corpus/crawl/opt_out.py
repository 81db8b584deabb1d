"""Who does not want to be fetched: a file with an owner, a repository, a host or a URL a line."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import GristmillError
from ..ids import digest_parts
from .list_file import read_lines

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_REPOSITORY = re.compile(rf"({_OWNER.pattern})/([A-Za-z0-9._-]+)")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d+)?")
GITHUB = ("github.com", "www.github.com")


class OptOut:
    """What an opt-out list covers.

    A line is `owner`, `owner/name`, a host such as `example.org` (its subdomains, too), or a URL:
    all that starts with it, up to a slash, is covered. What stands behind ` #` is a comment.
    """

    def __init__(self, lines: Iterable[str], *, where: str) -> None:
        """Read the lines of a list.

        Raises:
            GristmillError: for a line that is none of these.
        """
        self._owners: set[str] = set()
        self._repositories: set[str] = set()
        self._hosts: set[str] = set()
        self._prefixes: set[tuple[str, str]] = set()
        for number, line in enumerate(lines, 1):
            entry = line.split(" #")[0].strip()
            if entry and not entry.startswith("#"):
                self._add(entry, f"{where}, line {number}")

    @property
    def digest(self) -> str:
        """What tells two lists apart."""
        parts = [sorted(self._owners), sorted(self._repositories), sorted(self._hosts)]
        prefixes = [host + path for host, path in sorted(self._prefixes)]
        joined = ("\n".join(part) for part in [*parts, prefixes])
        return digest_parts("opt-out", joined).hex()

    def covers_owner(self, owner: str) -> bool:
        """Tell whether all repositories of an account are covered."""
        return owner.lower() in self._owners

    def covers_repository(self, full_name: str) -> bool:
        """Tell whether a repository of GitHub is covered, by its owner or itself."""
        name = full_name.lower()
        return self.covers_owner(name.partition("/")[0]) or name in self._repositories

    def covers_url(self, url: str) -> bool:
        """Tell whether a page is covered, by its host or where its URL starts."""
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path or "/"
        if host in GITHUB and "/" in path.strip("/"):
            owner, name = path.strip("/").split("/")[:2]
            if self.covers_repository(f"{owner}/{name.removesuffix('.git')}"):
                return True
        names = host.split(".")
        if any(".".join(names[i:]) in self._hosts for i in range(len(names))):
            return True
        return any(host == other and _is_below(path, top) for other, top in self._prefixes)

    def _add(self, entry: str, where: str) -> None:
        if "://" in entry:
            self._add_url(entry)
        elif _REPOSITORY.fullmatch(entry):
            self._repositories.add(entry.lower())
        elif _HOST.fullmatch(entry.lower()):
            self._hosts.add(entry.lower().partition(":")[0])
        elif _OWNER.fullmatch(entry):
            self._owners.add(entry.lower())
        else:
            raise GristmillError(
                f"{entry!r} is no owner, owner/name, host or URL",
                where=where,
                todo="Correct the line, or put # before it.",
            )

    def _add_url(self, entry: str) -> None:
        parts = urlsplit(entry)
        host, path = parts.hostname or "", parts.path.rstrip("/")
        names = [name.lower() for name in path.split("/") if name]
        if host in GITHUB and len(names) == 1:
            self._owners.add(names[0])
        elif host in GITHUB and len(names) == 2:
            self._repositories.add("/".join(names).removesuffix(".git"))
        elif path:
            self._prefixes.add((host, path))
        else:
            self._hosts.add(host)


def read_opt_out(path: Path | None) -> OptOut:
    """Return the list of a file, an empty one if there is none in the recipe."""
    if path is None:
        return OptOut((), where="")
    todo = "Give a text file; without its list nothing is fetched."
    lines = read_lines(path, name="the opt-out list", todo=todo)
    return OptOut(lines, where=str(path))


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top + "/")
