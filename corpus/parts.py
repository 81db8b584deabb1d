"""Token shards of a mixture's parts and long rows: their names, and the tokens in them."""

import re

import pyarrow.parquet as pq

from . import storage

_SHARD_NAME = re.compile(r"(?:(?P<part>[a-z0-9_]+)-)?part(?:-[01]+)?")


def in_part(part: str, name: str) -> str:
    """Return the name of a part's shard; the part that has no name adds nothing."""
    return f"{part}-{name}" if part else name


def part_of(name: str) -> str:
    """Return the part of the mixture that a shard's name begins with, or nothing."""
    found = _SHARD_NAME.fullmatch(name)
    return (found["part"] or "") if found else ""


def long_tokens(url: str, min_tokens: int) -> tuple[int, ...]:
    """Return the tokens of each row group in rows of at least `min_tokens`; reads one column."""
    counts = []
    with storage.open_read(url) as stream, pq.ParquetFile(stream) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["num_tokens"], use_threads=False)
            lengths = table["num_tokens"].to_numpy()
            counts.append(int(lengths[lengths >= min_tokens].sum()))
    return tuple(counts)
