"""Dedup as stages: bands out of every shard, two exchanges over the items, one resolution."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.candidates import candidate_pairs
from ...dedup.cluster import resolve
from ...dedup.exact import exact_duplicates
from ...dedup.minhash import MinHashScheme, band_hashes
from ...dedup.preference import PREFERENCE_KEY
from ...dedup.shingles import shingle_hashes
from ...dedup.verify import verify_pairs
from ..artifact import InputFile, open_parquet
from ..stage import Inputs, Output, Stage, value_counts
from .items import ITEM, partition_name

BAND = pa.schema(
    [
        ("band_hash", pa.uint64()),
        ("item_id", ID),
        ("content_id", ID),
        ("preference_key", PREFERENCE_KEY),
    ]
)


class Bands(Stage, frozen=True, kw_only=True):
    """Hashes the signature of every item into LSH bands, in one slice a band partition."""

    name: ClassVar[str] = "bands"
    version: ClassVar[int] = 1

    scheme: MinHashScheme
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write (band_hash, item_id, content_id, preference_key) of items that have shingles."""
        items = inputs.table("items")
        signed = inputs.table("sign", ["signature"])["signature"].combine_chunks()
        k = self.scheme.num_permutations
        rows = items["row"].to_numpy()
        chosen = signed.take(pa.array(rows))
        has_signature = pc.is_valid(chosen).to_numpy(zero_copy_only=False)
        items = items.filter(pa.array(has_signature))
        flat = b"".join(chosen.drop_null().to_pylist())
        matrix = np.frombuffer(flat, dtype=np.uint32).reshape(-1, k)
        items, matrix = _merge_items(items, matrix)
        hashes = band_hashes(matrix, self.scheme)
        self._write(items, hashes, output)

    def _write(self, items: pa.Table, hashes: npt.NDArray[np.uint64], output: Output) -> None:
        flat = hashes.reshape(-1)
        index = pa.array(np.repeat(np.arange(items.num_rows), hashes.shape[1]))
        table = pa.table(
            {
                "band_hash": pa.array(flat),
                "item_id": items["item_id"].take(index),
                "content_id": items["item_content"].take(index),
                "preference_key": items["preference_key"].take(index),
            },
            schema=BAND,
        )
        order = pc.sort_indices(table, [("band_hash", "ascending"), ("item_id", "ascending")])
        table = table.take(order)
        partition = (table["band_hash"].to_numpy() % np.uint64(self.partitions)).astype(np.int64)
        output.write(table.slice(0, 0))
        for p in np.unique(partition):
            output.write(table.filter(pa.array(partition == p)), slice_name=partition_name(p))


def _merge_items(
    items: pa.Table, matrix: npt.NDArray[np.uint32]
) -> tuple[pa.Table, npt.NDArray[np.uint32]]:
    """Return one row per item; a repository's signature is the minimum over its files'."""
    order = pc.sort_indices(items, [("item_id", "ascending"), ("row", "ascending")])
    items, matrix = items.take(order), matrix[order.to_numpy()]
    if not items.num_rows:
        return items, matrix
    ids = items["item_id"].to_pylist()
    starts = np.array([i for i in range(len(ids)) if i == 0 or ids[i] != ids[i - 1]])
    return items.take(pa.array(starts)), np.minimum.reduceat(matrix, starts, axis=0)


class Exact(Stage, frozen=True, kw_only=True):
    """Finds the items of one content partition that hold the same content."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write (item_id, keeper_id, shard) and both preference keys for every lesser copy."""
        items = _with_shard(inputs, ITEM)
        items = _distinct(items, ["item_id", "item_content", "preference_key", "shard"])
        found = exact_duplicates(items.rename_columns({"item_content": "content_id"}))
        output.write(_with_details(found, items, ("item_id", "keeper_id")))


class Near(Stage, frozen=True, kw_only=True):
    """Verifies the candidate pairs of one band partition by their true shingle Jaccard.

    It reads the texts of candidates only, so it counts as columnar.
    """

    name: ClassVar[str] = "near"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    scheme: MinHashScheme

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write (left, right, similarity), shards and preference keys of each verified pair."""
        bands = _with_shard(inputs, BAND)
        found = candidate_pairs(bands)
        pairs = found.pairs
        items = _distinct(bands, ["item_id", "preference_key", "shard"])
        paired = pa.chunked_array([*pairs["left"].chunks, *pairs["right"].chunks], ID).unique()
        compared = items.filter(pc.is_in(items["item_id"], value_set=paired))
        shingles = _item_shingles(inputs, compared, self.scheme.ngram)
        edges = verify_pairs(pairs, shingles.__getitem__, self.scheme.threshold)
        output.write(_with_details(edges, items, ("left", "right")))
        output.count("pairs", {"candidates": pairs.num_rows, "verified": edges.num_rows})
        output.count("buckets", {"all": found.num_buckets, "wide": found.num_wide_buckets})


def _item_shingles(
    inputs: Inputs, items: pa.Table, ngram: int
) -> dict[bytes, npt.NDArray[np.uint64]]:
    """Return the shingle set of each item, reading only the row groups that hold its texts."""
    texts = {file.shard: file for file in inputs.all("texts")}
    members = {file.shard: file for file in inputs.all("members")}
    parts: dict[bytes, list[npt.NDArray[np.uint64]]]
    parts = {item: [] for item in items["item_id"].to_pylist()}
    for shard in sorted(items["shard"].unique().to_pylist()):
        ids = items.filter(pc.equal(items["shard"], shard))["item_id"].combine_chunks()
        table = members[shard].read(["item_id", "row"])
        chosen = table.filter(pc.is_in(table["item_id"], value_set=ids))
        owner = dict(zip(chosen["row"].to_pylist(), chosen["item_id"].to_pylist(), strict=True))
        for row, text in read_rows(texts[shard], sorted(owner)):
            parts[owner[row]].append(shingle_hashes(text, ngram=ngram))
    return {item: np.unique(np.concatenate(found)) for item, found in parts.items()}


def read_rows(file: InputFile, rows: list[int]) -> Iterator[tuple[int, str]]:
    """Yield (row, text) of the given rows of a text artifact, one row group in memory."""
    with open_parquet(file.url) as parquet:
        start = position = 0
        for group in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(group).num_rows
            first = position
            while position < len(rows) and rows[position] < end:
                position += 1
            if position > first:
                texts = parquet.read_row_group(group, columns=["text"])["text"]
                yield from ((row, texts[row - start].as_py()) for row in rows[first:position])
            start = end


class Cluster(Stage, frozen=True, kw_only=True):
    """Resolves verified pairs and exact copies into one fate for every dropped item."""

    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write one slice a shard: item_id, reason, cluster, keeper, similarity."""
        exact, edges = _all(inputs, "exact"), _all(inputs, "near")
        keys: dict[bytes, bytes] = {}
        shards: dict[bytes, str] = {}
        for table, sides in ((exact, ("item_id", "keeper_id")), (edges, ("left", "right"))):
            for side in sides:
                ids = table[side].to_pylist()
                keys.update(zip(ids, table[f"{side}_key"].to_pylist(), strict=True))
                shards.update(zip(ids, table[f"{side}_shard"].to_pylist(), strict=True))
        fates = resolve(
            edges.select(["left", "right", "similarity"]),
            exact.select(["item_id", "keeper_id"]),
            pa.table(
                {
                    "item_id": pa.array(list(keys), ID),
                    "preference_key": pa.array(list(keys.values()), PREFERENCE_KEY),
                }
            ),
        )
        home = np.array([shards[item] for item in fates["item_id"].to_pylist()], dtype=object)
        output.write(fates.slice(0, 0))
        for shard in sorted(set(home)):
            output.write(fates.filter(pa.array(home == shard)), slice_name=shard)
        output.count("items", value_counts(fates["reason"]))


def _with_shard(inputs: Inputs, schema: pa.Schema) -> pa.Table:
    """Concatenate the slices of an exchange, each row with the shard it comes from."""
    tables = [schema.empty_table().append_column("shard", pa.array([], pa.string()))]
    for file in inputs.all("slices"):
        table = file.read(schema.names)
        shard = pa.array([file.shard] * table.num_rows, pa.string())
        tables.append(table.append_column("shard", shard))
    return pa.concat_tables(tables)


def _distinct(table: pa.Table, columns: list[str]) -> pa.Table:
    """Return the distinct rows of the given columns."""
    return table.group_by(columns, use_threads=False).aggregate([])


def _with_details(found: pa.Table, items: pa.Table, sides: tuple[str, str]) -> pa.Table:
    """Add the preference key and the shard of the items on both sides of each row."""
    for side in sides:
        rows = pc.index_in(found[side], value_set=items["item_id"].combine_chunks())
        for name, column in (("key", "preference_key"), ("shard", "shard")):
            found = found.append_column(f"{side}_{name}", items[column].take(rows))
    return found


def _all(inputs: Inputs, role: str) -> pa.Table:
    return pa.concat_tables([file.read() for file in inputs.all(role)])
