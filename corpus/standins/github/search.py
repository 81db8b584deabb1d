"""The query language of the repository search, as far as the stand-in speaks it."""

import re
import shlex
from collections.abc import Callable
from datetime import datetime, time, timezone
from typing import TypeVar

from .state import StandinRepository

_Ordered = TypeVar("_Ordered", int, datetime)
_Test = Callable[[StandinRepository], bool]
_RANGE = re.compile(r"(>=|<=|>|<)?(.+)")


class SearchError(ValueError):
    """A query that GitHub would refuse with 422."""


def matches(query: str) -> _Test:
    """Return the test that a query stands for.

    Words are searched in the name; qualifiers are user, org, repo, language, license, created,
    pushed, stars, size, fork, archived and is. Forks are left out unless the query names them.
    """
    tests: list[_Test] = []
    has_fork = False
    for word in _words(query):
        name, colon, value = word.partition(":")
        has_fork |= name == "fork"
        tests.append(_qualifier(name.lower(), value) if colon else _in_name(word))
    if not tests:
        raise SearchError("missing")
    if not has_fork:
        tests.append(lambda repository: not repository.is_fork)
    return lambda repository: all(test(repository) for test in tests)


def _words(query: str) -> list[str]:
    try:
        return shlex.split(query)
    except ValueError as error:
        raise SearchError("invalid") from error


def _in_name(word: str) -> _Test:
    return lambda repository: word.lower() in repository.name.lower()


def _qualifier(name: str, value: str) -> _Test:
    wanted = value.lower()
    if name in ("user", "org"):
        return lambda repository: repository.owner.lower() == wanted
    if name == "repo":
        return lambda repository: repository.full_name.lower() == wanted
    if name == "language":
        return lambda repository: (repository.language or "").lower() == wanted
    if name == "license":
        return lambda repository: (repository.licence or "").lower() == wanted
    if name == "archived":
        return lambda repository: repository.is_archived == (wanted == "true")
    if name == "fork":
        return lambda repository: wanted == "true" or repository.is_fork == (wanted == "only")
    if name == "is":
        return lambda repository: wanted == "public"
    if name == "stars":
        num_stars = _within(value, int)
        return lambda repository: num_stars(repository.stars)
    if name == "size":
        size = _within(value, int)
        return lambda repository: size(repository.disk_usage_kib)
    if name in ("created", "pushed"):
        moment = _within(value, _moment)
        return lambda repository: moment(getattr(repository, f"{name}_at"))
    raise SearchError("invalid")


def _within(text: str, parse: Callable[[str], _Ordered]) -> Callable[[_Ordered], bool]:
    """Return the test of a range: `>=a`, `a..b`, `*..b`, or a value; a date is a whole day."""
    try:
        if ".." in text:
            first, last = text.split("..", 1)
            low = None if first == "*" else parse(first)
            high = None if last == "*" else _end(parse(last))
            return lambda value: (low is None or value >= low) and (high is None or value <= high)
        match = _RANGE.fullmatch(text)
        if match is None:
            raise SearchError("invalid")
        limit = parse(match[2])
    except ValueError as error:
        raise SearchError("invalid") from error
    tests: dict[str | None, Callable[[_Ordered], bool]] = {
        ">=": lambda value: value >= limit,
        "<=": lambda value: value <= _end(limit),
        ">": lambda value: value > _end(limit),
        "<": lambda value: value < limit,
        None: lambda value: limit <= value <= _end(limit),
    }
    return tests[match[1]]


def _end(value: _Ordered) -> _Ordered:
    """Return the last moment of a day that was given as a day, and any other value itself."""
    if isinstance(value, datetime) and value.time() == time.min:
        return datetime.combine(value.date(), time.max, timezone.utc)
    return value


def _moment(text: str) -> datetime:
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=timezone.utc)
