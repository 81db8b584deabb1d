"""What the stages of a recall loop ask of the pages of a shard: columns without their words.

A shard's columns, 250 bytes a page, lie in memory, and so do the hosts of a partition; the pages
of a partition do not.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...corpus.ids import digest_parts
from ...filters.recall.domains import registered_domain
from ...filters.recall.sampling import Keys
from ..stage import Inputs

Mask = npt.NDArray[np.bool_]
Logits = npt.NDArray[np.float32]

SUMMED_ROWS = 1 << 18  # that wait to be added up


def pool_columns(inputs: Inputs, *names: str) -> pa.Table:
    """Return columns of the pool's pages; a language that nobody named is `None`."""
    table = inputs.table("pool", names)
    if "language" in names:
        place = table.schema.get_field_index("language")
        return table.set_column(place, "language", table["language"].fill_null("None"))
    return table


def logits_of(inputs: Inputs) -> Logits:
    """Return the score of each page by the model of the iteration."""
    logits: Logits = inputs.table("score", ["logit"])["logit"].to_numpy()
    return logits


def unlabelled(inputs: Inputs) -> Mask:
    """Return which pages are no seeds and no negatives."""
    known = inputs.table("known", ["is_seed", "is_negative"])
    said = (np.asarray(column, dtype=np.bool_) for column in known.columns)
    found: Mask = ~np.logical_or(*said)
    return found


def mask_of(inputs: Inputs, role: str, name: str) -> Mask:
    """Return a column of booleans."""
    return np.asarray(inputs.table(role, [name])[name], dtype=np.bool_)


def domain_keys(hosts: pa.ChunkedArray) -> Keys:
    """Return the number by which each host's registered domain is given to a partition."""
    assert not hosts.null_count, "every page of a pool has a host"
    encoded = hosts.combine_chunks().dictionary_encode()
    keys = np.array([domain_key(host) for host in encoded.dictionary.to_pylist()], np.uint64)
    of_hosts: Keys = keys[np.asarray(encoded.indices)]
    return of_hosts


@lru_cache(maxsize=1 << 16)
def domain_key(host: str) -> int:
    """Return the number of a host's registered domain."""
    digest = digest_parts("recall domain", (registered_domain(host),), size=8)
    return int.from_bytes(digest, "big")


def sum_rows(tables: Iterable[pa.Table], by: Sequence[str]) -> pa.Table | None:
    """Return one row for each value of some columns, with the sums of the others; sorted.

    Memory is that of the result, whatever the tables have together. None where there is no table.
    """
    waiting: list[pa.Table] = []
    most = SUMMED_ROWS
    for table in tables:
        waiting.append(table)
        if sum(one.num_rows for one in waiting) > most:
            waiting = [_summed(waiting, by)]
            most = 2 * waiting[0].num_rows + SUMMED_ROWS
    if not waiting:
        return None
    return _summed(waiting, by).sort_by([(name, "ascending") for name in by])


def _summed(tables: Sequence[pa.Table], by: Sequence[str]) -> pa.Table:
    table = pa.concat_tables(tables)
    others = [name for name in table.column_names if name not in by]
    sums = table.group_by(list(by)).aggregate([(name, "sum") for name in others])
    sums = sums.select([*by, *(f"{name}_sum" for name in others)])
    return sums.rename_columns([*by, *others]).cast(table.select([*by, *others]).schema)
