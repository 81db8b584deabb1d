"""Turns a discussion into a document: no bots, no e-mail boilerplate, no names of people.

The rules and constants are those of StarCoder's data (bigcode-dataset, filtering_issues.py), except
that a quotation is only taken out of a reply, that names are replaced as whole words, and that
addresses are masked.
"""

import re
from collections.abc import Iterable
from typing import Literal

from .email_text import strip_email
from .issue_thread import Comment, Thread

MIN_CHARS = 200
MAX_CHARS = 7000  # of a discussion with oneself
MAX_EVENTS = 10  # of a discussion with oneself
MAX_LINES = 80  # of one comment
TAIL_LINES = 20  # that are kept of a longer one
MIN_BARE_NAME = 4  # a shorter name is only replaced after an @
TRUNCATED = "[Truncated]"
EMAIL = "<email>"

ThreadDrop = Literal["only_bots", "too_short", "long_monologue"]

_BOT_ENDINGS = ("[bot]", "-bot", "_bot", "-robot", "-ci", "-automation")
_BOTS = frozenset(
    re.findall(
        r"\S+",
        """
        apache-hbase autorestci bors botmanager claassistant claassistantio cmsbuild codecov
        codecov-commenter codecov-io coveralls danger-public dependabot dnfclas googlebot
        greenkeeper homu houndci-bot jenkins karma-pr-reporter k8s-ci-robot mergify msftclas
        pep8speaks probot-stale pydocteur pyup-bot renovate rust-highfive rust-timer rustbot snyk-
        bot sonarcloud sparkqa stale traviscibot tensorflow-butler tfdocsbot vercel
        """,
    )
)
_ADDRESS = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}"
    r"(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}\b"
)
_MENTION = re.compile(r"(?<![\w`/@.])@([A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?)\b(?!/)")
_BLANKS = re.compile(r"\n{3,}")


def thread_text(thread: Thread) -> str | ThreadDrop:
    """Return the document of a discussion, or why there is none."""
    kept = [
        (comment, text)
        for index, comment in enumerate(thread.comments)
        if not is_bot(comment)
        and (text := clean_comment(comment.text, is_reply=index > 0))
        and not _is_command(text)
    ]
    if not kept:
        return "only_bots" if any(map(is_bot, thread.comments)) else "too_short"
    num_chars = sum(len(text) for _, text in kept)
    if num_chars < MIN_CHARS:
        return "too_short"
    num_people = len({comment.author.lower() for comment, _ in kept})
    if num_people < 2 and (num_chars > MAX_CHARS or len(kept) > MAX_EVENTS):
        return "long_monologue"
    mask = Names(comment.author for comment in thread.comments if not is_bot(comment))
    parts = [f"# {mask.masked(' '.join(thread.title.split()))}"]
    parts += [f"{mask.alias(comment.author)}: {mask.masked(text)}" for comment, text in kept]
    return "\n\n".join(parts) + "\n"


def is_bot(comment: Comment) -> bool:
    """Tell whether a comment's author is a program, as GitHub says or by name."""
    name = comment.author.lower()
    return comment.is_bot or name in _BOTS or name.endswith(_BOT_ENDINGS)


def clean_comment(text: str, *, is_reply: bool) -> str:
    """Return what a person wrote in a comment, its middle left out if it is long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = strip_email(_without_hints(text), is_reply=is_reply)
    lines = _BLANKS.sub("\n\n", text).strip().split("\n")
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - TAIL_LINES], TRUNCATED, *lines[-TAIL_LINES:]]
    return "\n".join(line.rstrip() for line in lines)


class Names:
    """The names of one discussion, each with its placeholder, in order of their first comment."""

    def __init__(self, authors: Iterable[str]) -> None:
        self._aliases: dict[str, str] = {}
        bare = [name for name in dict.fromkeys(authors) if self.alias(name)]
        long = sorted((name for name in bare if len(name) >= MIN_BARE_NAME), key=len, reverse=True)
        joined = "|".join(re.escape(name) for name in long)
        self._bare = re.compile(rf"(?<![\w-])(?:{joined})(?![\w-])", re.I) if long else None

    def alias(self, name: str) -> str:
        """Return the placeholder of a name."""
        return self._aliases.setdefault(name.lower(), f"username_{len(self._aliases)}")

    def masked(self, text: str) -> str:
        """Replace addresses, mentions and the authors' names."""
        text = _ADDRESS.sub(EMAIL, text)
        text = _MENTION.sub(lambda match: "@" + self.alias(match[1]), text)
        if self._bare is None:
            return text
        return self._bare.sub(lambda match: self.alias(match[0]), text)


def _without_hints(text: str) -> str:
    """Leave out HTML comments, with which templates tell what to write."""
    parts = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        parts.append(text[position:start])
        position = end + 3
    return "".join(parts) + text[position:]


def _is_command(text: str) -> bool:
    """Tell whether a comment only tells a bot what to do."""
    return text.startswith("/") and "\n" not in text and len(text.split()) <= 4
