"""The recipe's [decontamination] table, and its index files as stages take them."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

import msgspec
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.record import COMPONENTS, Component
from ..corpus.storage import exists, join, read_bytes
from ..dedup.contamination import ContaminationIndex
from ..dedup.contamination_index import read_index

HITS_COLUMN = "benchmark_hits"
CONTAMINATED = "contaminated"  # the reason of a drop


class DecontaminationSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Which benchmarks no document may hold (DeepSeek-Coder, section 2.4)."""

    index: tuple[str, ...] = ()  # files of `gristmill decontam index`; none: nothing is looked for
    near: bool = False  # also what was renamed or edited
    components: tuple[Component, ...] = COMPONENTS


class IndexFile(msgspec.Struct, frozen=True, kw_only=True):
    """An index file; only its digest is part of a task's key."""

    url: str
    digest: str


class BenchmarkHit(msgspec.Struct, frozen=True, kw_only=True):
    """What a document holds of a benchmark's item; start and length count characters."""

    benchmark: str
    item: str
    field: str
    kind: str
    start: int
    length: int
    num_words: int
    excerpt: str


def index_files(
    settings: DecontaminationSettings, *, base: str, where: str, digest: Callable[[str], str]
) -> tuple[IndexFile, ...]:
    """Return the index files of a recipe; one that is not there is a GristmillError."""
    urls = [join(base, path) for path in settings.index]
    for url in urls:
        if not exists(url):
            raise GristmillError(
                f"there is no index {url}",
                where=f"{where}: decontamination.index",
                todo="Make one with: gristmill decontam index FILES --out INDEX",
            )
        read_index(url, read_bytes(url))
    return tuple(IndexFile(url=url, digest=digest(url)) for url in urls)


@lru_cache(maxsize=2)
def open_index(files: tuple[IndexFile, ...], *, near: bool = False) -> ContaminationIndex:
    """Read index files as one; a worker keeps it.

    Raises:
        GristmillError: a file is no index, or not the one that the task was made for.
    """
    tables = []
    for file in files:
        data = read_bytes(file.url)
        if blake2b(data, digest_size=16).hexdigest() != file.digest:
            raise GristmillError(
                "the index has changed since the build began",
                where=file.url,
                todo="Run the same command again.",
            )
        tables.append(read_index(file.url, data))
    return ContaminationIndex(pa.concat_tables(tables), near=near)
