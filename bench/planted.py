"""Planted documents: items and signatures with known clusters, and the similarity of a pair.

Document n is the (n * STRIDE mod all)-th of the plan, so that families lie scattered over all
shards. Of every 1,000 of the plan, 800 are alone, 100 lie in clusters of 5, 90 in one chain and 10
are copies of others; every hundredth 1,000 is one chain. The last half of an id is the family and
the place in it; members d places apart are 1 - d / STEPS alike, and so are their signatures.
"""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.corpus.record import ID
from gristmill.dedup.cluster import EDGE
from gristmill.dedup.columns import binary_column, id_prefixes, partition_of
from gristmill.dedup.minhash import MinHashScheme
from gristmill.dedup.mixing import mix64
from gristmill.dedup.pairs import PAIR, left_prefixes
from gristmill.pipelines.output import Output
from gristmill.pipelines.stage import Inputs, Stage
from gristmill.pipelines.stages.exchange import Exchange, key_of_id, partition_name
from gristmill.pipelines.stages.items import ITEM

SHARD_DOCUMENTS = 50_000
SCHEME = MinHashScheme(num_permutations=16, num_bands=8, rows_per_band=2)
STEPS = 10  # after which nothing of a drifting document is left
STRIDE = 1_000_003  # shares no factor with 10^n
BLOCK = 1000
LONG_CHAIN_EVERY = 100  # blocks
PLACE_BITS = np.uint64(16)

Words = npt.NDArray[np.uint64]


class Plan:
    """Which documents a shard has."""

    def __init__(self, first: int, documents: int) -> None:
        """Plan the shard whose first document has the number `first`."""
        numbers = np.arange(first, first + SHARD_DOCUMENTS, dtype=np.uint64)
        self.numbers = numbers * np.uint64(STRIDE) % np.uint64(documents)
        block, within = np.divmod(self.numbers, np.uint64(BLOCK))
        heads, places = _families()
        is_long = block % np.uint64(LONG_CHAIN_EVERY) == 0
        head = np.where(is_long, np.uint64(0), heads[within])
        self.places = np.where(is_long, within, places[within])
        self.families = block * np.uint64(BLOCK) + head

    def ids(self) -> pa.Array:
        """Return ids whose first half is like a digest, and whose last half is the plan."""
        return _two_words(mix64(self.numbers), self.families << PLACE_BITS | self.places)

    def contents(self) -> pa.Array:
        """Return the content ids: members of a family at one place are copies."""
        words = mix64(self.families << PLACE_BITS | self.places)
        return _two_words(words, ~words)

    def signatures(self) -> npt.NDArray[np.uint32]:
        """Return signatures [n, num_permutations]; each number changes every STEPS places."""
        columns = np.arange(SCHEME.num_permutations, dtype=np.uint64)
        seeds = mix64(self.families[:, None] << PLACE_BITS | columns)
        turns = (self.places[:, None] + seeds % np.uint64(STEPS)) // np.uint64(STEPS)
        return (mix64(seeds + turns) >> np.uint64(32)).astype(np.uint32)


def _families() -> tuple[Words, Words]:
    """Return the head of the family and the place in it, of each document of a block."""
    within = np.arange(BLOCK)
    heads, places = within.copy(), np.zeros(BLOCK, dtype=np.int64)
    heads[800:900] = 800 + (within[800:900] - 800) // 5 * 5
    places[800:900] = (within[800:900] - 800) % 5
    heads[900:990], places[900:990] = 900, within[:90]
    heads[990:] = within[:10]
    return heads.astype(np.uint64), places.astype(np.uint64)


def _two_words(first: Words, last: Words) -> pa.Array:
    words = np.stack([first, last], axis=1).astype(">u8")
    return binary_column(words.view(np.uint8)).cast(ID)


class PlantedItems(Stage, frozen=True, kw_only=True):
    """Lists the items of a shard as a build does."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 1

    first: int
    documents: int
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write ITEMs sorted by content, one slice a partition."""
        plan = Plan(self.first, self.documents)
        ranks = mix64(~plan.numbers) >> np.uint64(40)
        rows = np.arange(SHARD_DOCUMENTS)
        sizes = np.full(SHARD_DOCUMENTS, 1000)
        items = pa.table([plan.ids(), plan.contents(), ranks, rows, sizes], schema=ITEM)
        items = items.sort_by([("item_content", "ascending"), ("row", "ascending")])
        partition = partition_of(key_of_id("item_content")(items), self.partitions)
        output.write(items.slice(0, 0))
        for index in np.unique(partition):
            part = items.filter(pa.array(partition == index))
            output.append(part, slice_name=partition_name(index))


class PlantedSignatures(Stage, frozen=True, kw_only=True):
    """Signs the documents of a shard."""

    name: ClassVar[str] = "sign"
    version: ClassVar[int] = 1

    first: int
    documents: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the signatures in the order of the rows."""
        values = Plan(self.first, self.documents).signatures()
        output.write(pa.table({"signature": binary_column(values.view(np.uint8))}))


class PlantedSimilarity(Exchange, frozen=True, kw_only=True):
    """Gives each pair of a partition the similarity that was planted, in the place of `near`."""

    name: ClassVar[str] = "near"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write EDGEs in the order of the pairs."""
        output.write(EDGE.empty_table())
        for block in self.merged(inputs.all("pairs"), PAIR.names, left_prefixes, output):
            left, right = (id_prefixes(block.table[side], half=1) for side in ("left", "right"))
            steps = np.abs(left.astype(np.int64) - right.astype(np.int64))
            alike = np.where(left >> PLACE_BITS == right >> PLACE_BITS, 1 - steps / STEPS, 0.0)
            edges = block.table.append_column(EDGE.field("similarity"), pa.array(alike.clip(0)))
            output.append(edges, slice_name="all")
