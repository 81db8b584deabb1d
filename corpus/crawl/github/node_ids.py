"""GraphQL's ids of repositories, from their numeric ids.

GitHub calls node ids opaque and has two forms; it answered to both in 2025 (cli/cli issue 10583
shows the two ids of one repository). A listing's own node id is preferred, and the hydrator does
not trust an id made here until one has been answered to.
"""

import base64

import msgspec

_SHORT = 1 << 16  # below this the packed form depends on the packer


def repository_node_id(number: int) -> str:
    """Return the node id of a repository: a packed [0, id]; of the oldest ones the earlier form."""
    if number < _SHORT:
        return base64.b64encode(f"010:Repository{number}".encode()).decode()
    packed = msgspec.msgpack.encode([0, number])
    return "R_" + base64.urlsafe_b64encode(packed).decode().rstrip("=")
