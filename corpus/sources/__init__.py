"""Where records come from: repositories, web archives and document files."""

from .listing import list_units
from .read import read_unit
from .unit import ReadLimits, ReadOptions, RepositoryMetadata, SourceSpec, Unit, UnitKind

__all__ = [
    "ReadLimits",
    "ReadOptions",
    "RepositoryMetadata",
    "SourceSpec",
    "Unit",
    "UnitKind",
    "list_units",
    "read_unit",
]
