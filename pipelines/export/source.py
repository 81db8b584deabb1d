"""The files of a build as an export opens them: damage is an error that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from ...corpus.errors import GristmillError
from ..artifact import open_parquet


@contextmanager
def open_source(url: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of a build to read from it."""
    try:
        with open_parquet(url) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise GristmillError(
            f"the file is damaged: {error}",
            where=url,
            todo="Build again with --verify, then export.",
        ) from error
