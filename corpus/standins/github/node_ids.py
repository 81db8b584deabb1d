"""Global node ids of repositories, which GitHub derives from their database ids.

The present form is `R_` and the base64url of the MessagePack array [0, id as uint32]; the form of
older repositories is the base64 of `010:Repository` and the id. GitHub takes both.
"""

import base64
import binascii
import re

_PREFIX = b"\x92\x00\xce"
_LEGACY = re.compile(rb"\d+:Repository(\d+)")


def repository_node_id(number: int) -> str:
    """Return the present node id of a repository."""
    packed = _PREFIX + number.to_bytes(4, "big")
    return "R_" + base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def legacy_repository_node_id(number: int) -> str:
    """Return the older node id of a repository."""
    return base64.b64encode(f"010:Repository{number}".encode()).decode("ascii")


def repository_number(node_id: str) -> int | None:
    """Return the database id in a node id of either form, or None for anything else."""
    if not node_id.isascii():
        return None
    try:
        if node_id.startswith("R_"):
            packed = base64.urlsafe_b64decode(node_id[2:] + "=" * (-len(node_id[2:]) % 4))
            is_whole = len(packed) == 7 and packed.startswith(_PREFIX)
            return int.from_bytes(packed[3:], "big") if is_whole else None
        match = _LEGACY.fullmatch(base64.b64decode(node_id, validate=True))
    except binascii.Error:
        return None
    return int(match[1]) if match else None


def other_node_id(kind: str, number: int) -> str:
    """Return a node id of something that is never looked up."""
    packed = _PREFIX + (number & 0xFFFFFFFF).to_bytes(4, "big")
    return f"{kind}_" + base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")
