"""A discussion as it was written, from whichever interface it came."""

import msgspec


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What one person, or a bot, wrote.

    Args:
        created: Unix seconds, UTC.
    """

    author: str
    is_bot: bool
    text: str
    created: int


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """An issue with its comments; the first comment is the issue's own text."""

    number: int
    title: str
    comments: tuple[Comment, ...]


def is_app(kind: str | None) -> bool:
    """Tell whether GitHub says of an account that it is an app."""
    return kind == "Bot"
