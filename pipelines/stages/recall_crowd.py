"""The caps of hosts of a draw: of a host that may give c pages, the hash of the c-th one.

candidates -> crowded -> crowd -> caps: the partition of a host's domain counts its pages, asks the
shards for the least hashes of a host that has too many, and tells them where its cap lies.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.domains import suffix_list_digest
from ...filters.recall.histograms import likely_bound
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import Exchange, key_of_number, run_of, shard_slice, write_partitions
from .recall_draw import BOUNDS, Draw, bounds_of, grouped, host_limits
from .recall_pages import domain_keys, sum_rows

COUNTED: Final = pa.schema(
    [
        ("key", pa.uint64()),  # of the registered domain
        ("group", pa.string()),  # kind, space, host
        ("num_pages", pa.int64()),
    ]
)
CROWD: Final = pa.schema([("key", pa.uint64()), ("group", pa.string()), ("sample", pa.uint64())])
GROUP_BYTES: Final = 128  # of memory that a row with a host's name takes


class CountHosts(Draw, frozen=True, kw_only=True):
    """Counts the candidates of each host of a shard."""

    name: ClassVar[str] = "recall_candidates"
    version: ClassVar[int] = 1

    partitions: int

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes."""
        return {"suffixes": suffix_list_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write COUNTED, one slice a partition of the domains."""
        parts = []
        for kind, found in self.candidates(inputs):
            ones = np.ones(len(found.rows), dtype=np.int64)
            sums = sum_rows([pa.table({"host": found.hosts, "num_pages": ones})], ["host"])
            assert sums is not None
            groups = grouped(kind, sums["host"])
            parts.append(pa.table([domain_keys(sums["host"]), groups, sums["num_pages"]], COUNTED))
        table = pa.concat_tables(parts).sort_by([("key", "ascending"), ("group", "ascending")])
        write_partitions([table], key_of_number("key"), self.partitions, output, COUNTED)


class Crowded(Stage, frozen=True, kw_only=True):
    """Finds the hosts of a partition with more candidates than may be drawn of one."""

    name: ClassVar[str] = "recall_crowded"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    caps: dict[str, int]  # by kind

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write BOUNDS, one slice a shard: which hashes of such a host are worth sending."""
        output.write(BOUNDS.empty_table())
        files = inputs.all("slices")
        counts = sum_rows((file.read(["group", "num_pages"]) for file in files), ["group"])
        bounds: dict[str, int] = {}
        for row in counts.to_pylist() if counts is not None else ():
            kind = row["group"].partition(" ")[0]
            cap, num_pages = self.caps[kind], row["num_pages"]
            output.count("over_host_cap", {kind: max(0, num_pages - cap)})
            if num_pages > cap:
                bounds[row["group"]] = likely_bound(cap, num_pages)
        output.count("hosts", {"crowded": len(bounds)})
        write_bounds(bounds, files, output)


class Crowd(Draw, frozen=True, kw_only=True):
    """Sends the least hashes of crowded hosts to the partitions of their domains."""

    name: ClassVar[str] = "recall_crowd"
    version: ClassVar[int] = 1

    partitions: int

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes."""
        return {"suffixes": suffix_list_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write CROWD, one slice a partition."""
        bounds = bounds_of(inputs.all("crowded"))
        parts = []
        for kind, found in self.candidates(inputs):
            limits = host_limits(kind, found.hosts, bounds, others=0)
            rows = np.flatnonzero((limits > 0) & (found.keys <= limits))
            hosts = found.hosts.take(rows)
            parts.append(
                pa.table([domain_keys(hosts), grouped(kind, hosts), found.keys[rows]], CROWD)
            )
        table = pa.concat_tables(parts).sort_by([(name, "ascending") for name in CROWD.names])
        write_partitions([table], key_of_number("key"), self.partitions, output, CROWD)


class Caps(Exchange, frozen=True, kw_only=True):
    """Finds the last hash of each crowded host of a partition that is within the cap."""

    name: ClassVar[str] = "recall_caps"
    names_shards: ClassVar[bool] = True

    caps: dict[str, int]

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write BOUNDS, one slice a shard.

        A host of which fewer pages came than may be drawn keeps the bound that it came with.
        """
        output.write(BOUNDS.empty_table())
        files = inputs.all("slices")
        runs = [run_of(file, CROWD.names, row_bytes=GROUP_BYTES) for file in files]
        bounds: dict[str, int] = {}
        for block in self.merged_runs(runs, key_of_number("key"), output):
            table = block.table.sort_by([("group", "ascending"), ("sample", "ascending")])
            groups = table["group"].combine_chunks().dictionary_encode()
            codes, keys = np.asarray(groups.indices), table["sample"].to_numpy()
            starts = np.searchsorted(codes, np.arange(len(groups.dictionary)))
            for group, start, end in zip(
                groups.dictionary.to_pylist(), starts, [*starts[1:], len(codes)], strict=True
            ):
                cap = self.caps[group.partition(" ")[0]]
                if end - start >= cap:
                    bounds[group] = int(keys[start + cap - 1])
        write_bounds(bounds, files, output)


def write_bounds(bounds: dict[str, int], files: Sequence[InputFile], output: Output) -> None:
    """Write for each shard that sent a file the bounds of the groups in it."""
    names = pa.array(bounds, pa.string())
    for file in files:
        groups = pc.unique(file.read(["group"])["group"])
        groups = groups.filter(pc.is_in(groups, value_set=names))
        if len(groups):
            limits = pa.array([bounds[group] for group in groups.to_pylist()], pa.uint64())
            output.append(pa.table([groups, limits], BOUNDS), slice_name=shard_slice(file.shard))
