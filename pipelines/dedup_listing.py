"""duplicates.parquet: the fates of rows, joined with the names and places of both rows of each.

In memory where that suffices: for some ten thousand rows that takes half as long as to load DuckDB
and join them there. DuckDB uses the disk where it must.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .artifact import Manifest
from .store import Store

Artifacts = Mapping[str, Mapping[str, Manifest]]  # stage -> shard -> manifest

BYTES_PER_FATE = 512  # of memory, with the names of both rows
ROW_COLUMNS = ("name", "file", "row")  # of a scanned file
LISTING = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        ("keeper", pa.string()),
        ("keeper_file", pa.string()),
        ("keeper_row", pa.int64()),
        pa.field("similarity", pa.float32(), nullable=False),
    ]
)
_DUPLICATES = """
    COPY (
        SELECT dropped.name AS id, dropped.file AS file, dropped.row AS row, fate.reason AS reason,
            keeper.name AS keeper, keeper.file AS keeper_file, keeper.row AS keeper_row,
            fate.similarity AS similarity
        FROM fates AS fate
        JOIN rows AS dropped ON dropped.item_id = fate.item_id
        JOIN rows AS keeper ON keeper.item_id = fate.keeper
        ORDER BY dropped.file, dropped.row
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def write_listing(store: Store, artifacts: Artifacts, path: Path, *, memory_bytes: int) -> None:
    """Write id, file, row, reason, keeper, keeper_file, keeper_row and similarity, by file and row.

    Args:
        store: of the artifacts.
        artifacts: those of the stages scan and fates.
        path: the Parquet file.
        memory_bytes: what the join may take before it uses the disk.
    """
    num_fates = sum(manifest.rows for manifest in artifacts["fates"].values())
    if num_fates * BYTES_PER_FATE <= memory_bytes:
        pq.write_table(_joined(store, artifacts), path, compression="zstd")
    else:
        _join_on_disk(store, artifacts, path)


def _joined(store: Store, artifacts: Artifacts) -> pa.Table:
    columns = ["item_id", "keeper", "reason", "similarity"]
    fates = pa.concat_tables(_read(store, artifacts["fates"], columns))
    named = pa.chunked_array([*fates["item_id"].chunks, *fates["keeper"].chunks]).unique()
    rows = pa.concat_tables(
        table.filter(pc.is_in(table["item_id"], value_set=named))
        for table in _read(store, artifacts["scan"], ["item_id", *ROW_COLUMNS])
    )
    places = rows["item_id"].combine_chunks()
    dropped, keeper = (
        rows.take(pc.index_in(fates[side], value_set=places)) for side in ("item_id", "keeper")
    )
    columns = [dropped[name] for name in ROW_COLUMNS]
    columns += [fates["reason"], *(keeper[name] for name in ROW_COLUMNS), fates["similarity"]]
    listing = pa.table(columns, schema=LISTING)
    return listing.sort_by([("file", "ascending"), ("row", "ascending")])


def _read(
    store: Store, manifests: Mapping[str, Manifest], columns: list[str]
) -> Iterable[pa.Table]:
    return (store.input(manifest).read(columns) for manifest in manifests.values())


def _join_on_disk(store: Store, artifacts: Artifacts, path: Path) -> None:
    from .sql import connect, read_files

    with connect(store.out) as connection:
        for name, stage in (("rows", "scan"), ("fates", "fates")):
            urls = [store.url(manifest) for manifest in artifacts[stage].values()]
            read_files(connection, urls).create_view(name)
        connection.execute(_DUPLICATES.format(path=str(path).replace("'", "''")))
