"""Where GitHub's tokens come from: an environment variable, and a file of its owner's alone."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import GristmillError
from ..settings import GithubCrawl

_TOKEN = re.compile(r"[!-~]+")
_OTHERS = 0o077


def read_tokens(
    settings: GithubCrawl,
    *,
    base: Path,
    environment: Mapping[str, str],
    note: Callable[[str], None],
) -> list[str]:
    """Return the tokens of the variable and the file, without repeats.

    Args:
        base: what a relative token_file starts from.
        note: is told of a file that others can read, and if there is no token at all.
    """
    words = re.split(r"[,\s]+", environment.get(settings.token_variable, ""))
    where = f"environment variable {settings.token_variable}"
    tokens = [_checked(word, where) for word in words if word]
    if settings.token_file is not None:
        tokens += _read_file(base / settings.token_file, note)
    if not tokens:
        note("no token: GitHub allows 60 requests an hour without one")
    return list(dict.fromkeys(tokens))


def _read_file(path: Path, note: Callable[[str], None]) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        mode = path.stat().st_mode
    except OSError as error:
        raise GristmillError(
            f"the token file cannot be read: {error.strerror}",
            where=str(path),
            todo="Make it readable, or leave token_file out.",
        ) from None
    if mode & _OTHERS:
        note(f"others can read the token file {path}: chmod 600 makes it private")
    stripped = (line.strip() for line in lines)
    return [_checked(line, str(path)) for line in stripped if line and not line.startswith("#")]


def _checked(token: str, where: str) -> str:
    if _TOKEN.fullmatch(token) is None:
        raise GristmillError(
            "a token has characters that none of GitHub's has",
            where=where,
            todo="Write one token a line, and nothing else.",
        )
    return token
