"""What Arrow's errors mean: a damaged file, or a disk that failed."""

import pyarrow as pa

from ..errors import GristmillError
from .unit import Unit

DAMAGE = (pa.ArrowException, OSError)


def parquet_damage(unit: Unit, error: Exception) -> str:
    """Return what Arrow says of a damaged file; an errno says that the disk failed instead."""
    if isinstance(error, OSError) and error.errno is not None:
        raise GristmillError(
            f"cannot read it: {error.strerror}",
            where=unit.url,
            todo="Check the disk and the permissions.",
        ) from error
    return " ".join(str(error).split())[:300]
