"""Token shards of a mixture's parts and long rows: their names, and the tokens in them."""

import re

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import storage

_TOKENS = "num_tokens"
_LATER = "later_epochs.list.element.num_tokens"
_SHARD_NAME = re.compile(r"(?:(?P<part>[a-z0-9_]+)-)?part(?:-[01]+)?")


def in_part(part: str, name: str) -> str:
    """Return the name of a part's shard; the part that has no name adds nothing."""
    return f"{part}-{name}" if part else name


def part_of(name: str) -> str:
    """Return the part of the mixture that a shard's name begins with, or nothing."""
    found = _SHARD_NAME.fullmatch(name)
    return (found["part"] or "") if found else ""


def long_tokens(url: str, min_tokens: int) -> tuple[tuple[int, ...], ...]:
    """Return the tokens of each row group in rows of at least `min_tokens` as stored.

    The first counts are of the rows as stored, those after it of each later epoch. Only numbers of
    tokens are read.
    """
    groups = []
    with storage.open_read(url) as stream, pq.ParquetFile(stream) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=[_TOKENS, _LATER], use_threads=False)
            stored = table[_TOKENS].to_numpy().astype(np.int64)
            entries = pc.list_flatten(table["later_epochs"])
            later = pc.struct_field(entries, "num_tokens").to_numpy().astype(np.int64)
            by_row = np.column_stack([stored, later.reshape(len(stored), -1)])
            groups.append(by_row[stored >= min_tokens].sum(axis=0).tolist())
    return tuple(zip(*groups, strict=True))
