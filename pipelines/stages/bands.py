"""Candidates: bands out of every shard, the pairs that share one, and each pair once."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...dedup.columns import byte_strings, id_prefixes, run_starts
from ...dedup.minhash import MinHashScheme, band_hashes
from ...dedup.pairs import (
    BAND,
    PAIR,
    buckets_of,
    distinct_pairs,
    left_prefixes,
    pairs_of,
)
from ...dedup.sorting import argsort_u64
from ..output import Output
from ..stage import Inputs
from .exchange import Exchange, key_of_number, placed_run, write_partitions


class Bands(Exchange, frozen=True, kw_only=True):
    """Hashes the signature of every item into LSH bands, in one slice a band partition.

    Exact copies are left out: what resembles them resembles their keeper.
    """

    name: ClassVar[str] = "bands"
    version: ClassVar[int] = 2

    scheme: MinHashScheme

    def key_settings(self) -> dict[str, object]:
        """Return what decides the bands: the threshold does not."""
        settings = super().key_settings()
        scheme = settings["scheme"]
        assert isinstance(scheme, dict)
        settings["scheme"] = {k: v for k, v in scheme.items() if k != "threshold"}
        return settings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the BANDs of items that have shingles, sorted by (band_hash, item_id)."""
        items = inputs.table("items", ["item_id", "rank", "row"])
        for file in inputs.all("copies"):
            copies = file.read(["item_id"])["item_id"].combine_chunks()
            items = items.filter(pc.invert(pc.is_in(items["item_id"], value_set=copies)))
        signed = inputs.table("sign", ["signature"])["signature"].take(items["row"])
        items = items.filter(pc.is_valid(signed))
        flat = byte_strings(pc.drop_null(signed)).view(np.uint32)
        matrix = flat.reshape(-1, self.scheme.num_permutations)
        items, matrix = _merge_items(items, matrix)
        hashes = band_hashes(matrix, self.scheme)
        by_id = argsort_u64(id_prefixes(items["item_id"]))
        flat_hashes = hashes[by_id].reshape(-1)
        order = argsort_u64(flat_hashes)
        rows = by_id[order // max(1, hashes.shape[1])]
        table = pa.table(
            [flat_hashes[order], items["rank"].take(rows), items["item_id"].take(rows)],
            schema=BAND,
        )
        write_partitions([table], key_of_number("band_hash"), self.partitions, output, BAND)


def _merge_items(
    items: pa.Table, matrix: npt.NDArray[np.uint32]
) -> tuple[pa.Table, npt.NDArray[np.uint32]]:
    """Return one row per item; a repository's signature is the minimum over its files'."""
    ids = byte_strings(items["item_id"])
    order = np.lexsort((items["row"].to_numpy(), ids))
    ids = ids[order]
    starts = run_starts(ids)
    if len(starts) == len(ids):
        return items, matrix
    return items.take(order[starts]), np.minimum.reduceat(matrix[order], starts, axis=0)


class Candidates(Exchange, frozen=True, kw_only=True):
    """Pairs the items of one band partition that share a bucket."""

    name: ClassVar[str] = "candidates"
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the distinct PAIRs, one slice a partition of the left ids."""
        runs = [placed_run(file, BAND.names) for file in inputs.all("slices")]
        with self.sorter(left_prefixes, output, distinct_pairs) as sorter:
            for block in self.merged_runs(runs, key_of_number("band_hash"), output):
                buckets = buckets_of(block)
                numbers = {"all": len(buckets.sizes), "wide": buckets.num_wide()}
                output.count("buckets", numbers)
                for pairs in pairs_of(buckets):
                    sorter.add(pairs)
            write_partitions(sorter.blocks(), left_prefixes, self.partitions, output, PAIR)


class Pairs(Exchange, frozen=True, kw_only=True):
    """Unites the candidates of all bands whose left ids lie in one partition."""

    name: ClassVar[str] = "pairs"

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the distinct PAIRs, sorted by (left, right)."""
        output.write(PAIR.empty_table())
        for block in self.merged(inputs.all("slices"), PAIR.names, left_prefixes, output):
            output.append(distinct_pairs(block.table), slice_name="all")
