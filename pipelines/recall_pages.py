"""The pages that a recall target collected, as an input of a build."""

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import exists, join
from .artifact import InputFile
from .engine import Node
from .inputs import Shard
from .stages.recalled import Recalled
from .store import Store

FOLDER = "recall"
RECORD = "recall.json"
COLLECTED_FILE = "collected.parquet"


def recalled_node(shard: Shard, store: Store) -> list[Node]:
    """Return the node that finds the collected pages of a shard, for a source that wants them."""
    if shard.recall is None or shard.kind != "warc":
        return []
    file = collected_file(store, shard.recall)
    stage = Recalled(files=tuple(unit.relative for unit in shard.units))
    return [
        Node(stage=stage, shard=shard.name, needs=(), inputs=lambda done: {"collected": [file]})
    ]


def with_collected_files(node: Node, shard: Shard, store: Store) -> Node:
    """Return a node that is given the files that the shard's target collected, if it has one."""
    if shard.recall is None or shard.kind != "repository":
        return node
    file = collected_file(store, shard.recall)
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
