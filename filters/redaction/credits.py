"""Which files exist to name the people of a project: author lists and change logs."""

import re

_CREDITS = re.compile(
    r"(?:.*/)?(?:(?:AUTHORS?|CONTRIBUTORS?|CREDITS|MAINTAINERS|THANKS|ACKNOWLEDGE?MENTS?|OWNERS"
    r"|CODEOWNERS|PATENTS|COPYRIGHT|NOTICE|CHANGES|CHANGELOG|CHANGE_LOG|HISTORY|NEWS|RELEASES)"
    r"(?:[-.]\w+)*|\.mailmap|debian/(?:changelog|copyright|control))",
    re.IGNORECASE,
)


def is_credits(path: str) -> bool:
    """Return whether a file's path is that of an author list, a notice or a change log."""
    return _CREDITS.fullmatch(path) is not None
