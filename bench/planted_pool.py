"""A pool of pages on a planted topic, made from numbers: hosts, paths, few words, and scores.

A tenth of the hosts have pages on the topic, all of them or those below one directory. Sizes of
hosts fall as those of the web do: the largest have a share of the pages, whatever their number.
"""

from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.corpus.record import ID
from gristmill.filters.recall.sampling import mix64
from gristmill.pipelines.dedup_graph import sliced_node
from gristmill.pipelines.engine import Node
from gristmill.pipelines.output import Output
from gristmill.pipelines.recall.graph import at
from gristmill.pipelines.recall.pool import PoolGraph
from gristmill.pipelines.stage import Inputs, Stage
from gristmill.pipelines.stages.recall import POOL, SCORE
from gristmill.pipelines.store import Store

SHARD_PAGES: Final = 50_000
PAGES_A_HOST: Final = 100
LANGUAGES: Final = pa.array(["en", "zh", "de", "und"])
WORDS: Final = pa.array([f"word{i}" for i in range(64)])

Numbers = npt.NDArray[np.uint64]


class Page:
    """The numbers that pages of a range are made from."""

    def __init__(self, first: int, num_pages: int) -> None:
        numbers = np.arange(first, min(first + SHARD_PAGES, num_pages), dtype=np.uint64)
        self.numbers = numbers
        draw = _draw(numbers, 1) / 2.0**64
        num_hosts = max(num_pages // PAGES_A_HOST, 10)
        self.host = (num_hosts * draw**2.5).astype(np.uint64)
        self.directory = _draw(numbers, 2) % np.uint64(8)
        whole, part = self.host % np.uint64(20) == 3, self.host % np.uint64(20) == 7
        self.on_topic = whole | (part & (self.directory == 2))

    def __len__(self) -> int:
        return len(self.numbers)

    def hosts(self) -> pa.Array:
        """Return the names of the hosts."""
        return pc.binary_join_element_wise("h", _text(self.host), ".test", "")

    def paths(self) -> pa.Array:
        """Return the paths of the pages."""
        directory, number = _text(self.directory), _text(self.numbers)
        return pc.binary_join_element_wise("/d", directory, "/p", number, ".html", "")


def _draw(numbers: Numbers, purpose: int) -> Numbers:
    return mix64(numbers * np.uint64(16) + np.uint64(purpose))


class PlantedPool(Stage, frozen=True, kw_only=True):
    """Makes the pages of a shard."""

    name: ClassVar[str] = "recall_pool"
    version: ClassVar[int] = 1

    first: int
    num_pages: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write POOL."""
        page = Page(self.first, self.num_pages)
        hosts, paths = page.hosts(), page.paths()
        ids = np.stack([_draw(page.numbers, 3), _draw(page.numbers, 4)], axis=1)
        size = len(page)
        columns = [
            pa.FixedSizeBinaryArray.from_buffers(ID, size, [None, pa.py_buffer(ids)]),
            pc.binary_join_element_wise("https://", hosts, paths, ""),
            hosts,
            paths,
            pa.array(np.zeros(size, dtype=np.bool_)),
            LANGUAGES.take(pa.array(_draw(page.host, 15) % np.uint64(4))),
            pa.array((50 + _draw(page.numbers, 5) % np.uint64(2000)).astype(np.int64)),
            *(pa.nulls(size, pa.int32()) for _ in range(2)),
            pa.repeat(f"{self.first}.warc", size),
            pa.FixedSizeBinaryArray.from_buffers(ID, size, [None, pa.py_buffer(ids)]),
            _words(page),
        ]
        output.write(pa.table(columns, schema=POOL))


def _text(numbers: Numbers) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _words(page: Page) -> pa.Array:
    """Return six words a page; pages on the topic have others than the rest."""
    shift = np.where(page.on_topic, 32, 0).astype(np.uint64)
    places = (_draw(page.numbers, 6 + i) % np.uint64(32) + shift for i in range(6))
    parts = [WORDS.take(pa.array(place)) for place in places]
    return pc.binary_join_element_wise(*parts, " ").cast(pa.large_string())


class PlantedScore(Stage, frozen=True, kw_only=True):
    """Scores the pages of a shard as a model does that is better with each iteration."""

    name: ClassVar[str] = "recall_score"
    version: ClassVar[int] = 1

    first: int
    num_pages: int
    iteration: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SCORE."""
        page = Page(self.first, self.num_pages)
        noise = _draw(page.numbers, 12 + self.iteration) / 2.0**64
        spread = np.log((noise + 1e-9) / (1 - noise + 1e-9))
        logits = spread + np.where(page.on_topic, 1 + self.iteration, -3 - self.iteration)
        output.write(pa.table([logits.astype(np.float32)], schema=SCORE))


class PlantedGraph(PoolGraph):
    """The nodes of a planted pool and of its scores."""

    def __init__(self, store: Store, num_pages: int) -> None:
        self._planted_store = store
        self._num_pages = num_pages
        self.names = [f"{i:05d}" for i in range(-(-num_pages // SHARD_PAGES))]

    def pool(self) -> list[Node]:
        """Return what makes the pool."""
        return [
            self._planted(PlantedPool(first=_first(name), num_pages=self._num_pages), name)
            for name in self.names
        ]

    def scores(self, iteration: int, model: Path, digest: str) -> list[Node]:
        """Return what makes the scores of an iteration, whatever the model is."""
        return [
            self._planted(
                PlantedScore(first=_first(name), num_pages=self._num_pages, iteration=iteration),
                at(name, iteration),
            )
            for name in self.names
        ]

    def _planted(self, stage: Stage, shard: str) -> Node:
        return sliced_node(self._planted_store, stage, shard, {})


def _first(name: str) -> int:
    return int(name) * SHARD_PAGES
