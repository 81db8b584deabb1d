"""The pages that a recall target collected, as an input of a build."""

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import exists, join
from .artifact import InputFile
from .engine import Node
from .store import Store

FOLDER = "recall"
RECORD = "recall.json"
COLLECTED_FILE = "collected.parquet"


def with_collected(node: Node, store: Store, target: str | None) -> Node:
    """Return a node that is given the pages that a target collected; without one, as it is."""
    if target is None:
        return node
    file = collected_file(store, target)
    return msgspec.structs.replace(
        node, inputs=lambda done: {**node.inputs(done), "collected": [file]}
    )


def collected_file(store: Store, target: str) -> InputFile:
    """Return the list of pages that a target of this build directory collected.

    Raises:
        GristmillError: the loop has not run here yet.
    """
    url = join(store.out, FOLDER, target, COLLECTED_FILE)
    if not exists(url):
        raise GristmillError(
            f"the pages of `{target}` have not been collected yet",
            where=url,
            todo="Run `gristmill recall` with this recipe and this directory first.",
        )
    return InputFile(shard=target, url=url, digest=store.digest(url))
