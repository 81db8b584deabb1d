"""Fill-in-the-middle over the epochs of a build: how many sets of splits, for how many epochs.

A component that is seen more often than it has sets of splits repeats them; the audit says from
which epoch on.
"""

import math

import msgspec

from ..corpus.mixture import Mixture
from ..corpus.storage import exists, join, read_bytes
from .tables import BuildTables


class ComponentSplits(msgspec.Struct, frozen=True, kw_only=True):
    """The splits of one component; `rearranged` has one share of its documents a set of splits."""

    component: str
    epochs: float | None  # how often it is seen; None without a mixture.json
    rearranged: tuple[float, ...]
    repeated: int  # rearranged rows of later sets that equal the first set's row

    @property
    def num_sets(self) -> int:
        """The epochs with splits of their own."""
        return len(self.rearranged)


class _Epoch(msgspec.Struct, frozen=True, kw_only=True):
    component: str
    number: int
    rearranged: float
    repeated: int


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str


# A row's `fim` is 0 where it keeps its order. A build of before later epochs had splits of their
# own lacks the column.
_COLUMN = "SELECT column_name AS name FROM (DESCRIBE token_rows) WHERE column_name = 'later_epochs'"

_FIRST = """
    SELECT component, 0 AS number, count_if(fim <> 0) / count(*) AS rearranged,
        0 AS repeated
    FROM token_rows GROUP BY ALL
"""

_LATER = """
    SELECT component, number,
        count_if(epoch.fim <> 0) / count(*) AS rearranged,
        count_if(epoch.fim <> 0 AND len(epoch.edits) = 0) AS repeated
    FROM (
        SELECT component, unnest(later_epochs) AS epoch,
            unnest(range(1, len(later_epochs) + 1)) AS number
        FROM token_rows
    ) GROUP BY ALL
"""


def read_splits(tables: BuildTables) -> tuple[ComponentSplits, ...]:
    """Return the splits of each component with token rows, which must have been added."""
    rows = tables.fetch(_Epoch, _FIRST)
    if tables.fetch(_Column, _COLUMN):
        rows += tables.fetch(_Epoch, _LATER)
    epochs = _planned_epochs(tables.out)
    found: dict[str, list[_Epoch]] = {}
    for row in sorted(rows, key=lambda row: (row.component, row.number)):
        found.setdefault(row.component, []).append(row)
    return tuple(
        ComponentSplits(
            component=component,
            epochs=epochs.get(component),
            rearranged=tuple(row.rearranged for row in sets),
            repeated=sum(row.repeated for row in sets),
        )
        for component, sets in found.items()
    )


def splits_text(splits: tuple[ComponentSplits, ...]) -> list[str]:
    """Return a paragraph for people, if any component is rearranged."""
    lines = [_component_text(found) for found in splits if any(found.rearranged)]
    return ["\n".join(lines)] if lines else []


def _component_text(found: ComponentSplits) -> str:
    shares = ", ".join(f"{share:.1%}" for share in found.rearranged)
    noun = "set" if found.num_sets == 1 else "sets"
    text = f"Fill-in-the-middle: {found.component} has {found.num_sets} {noun} of splits"
    if found.epochs is not None:
        text += f" for {found.epochs:,.2f} epochs"
    text += f";\n{shares} of its documents are rearranged."
    if found.repeated:
        text += f" {found.repeated:,} rows of later sets are as in the first."
    needed = 1 if found.epochs is None else math.ceil(found.epochs)
    if needed > found.num_sets:
        text += (
            f"\nSplits repeat from epoch {found.num_sets + 1} on: fim.epochs = {needed} is enough."
        )
    return text


def _planned_epochs(out: str) -> dict[str, float]:
    url = join(out, "mixture.json")
    if not exists(url):
        return {}
    try:
        mixture = msgspec.json.decode(read_bytes(url), type=Mixture)
    except msgspec.DecodeError:
        return {}  # reconciliation reports it
    return {component.name: component.epochs for component in mixture.components}
