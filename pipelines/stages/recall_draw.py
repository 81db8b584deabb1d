"""The pages to train on, drawn by hash without holding them: caps of hosts, then bounds of hashes.

Of a host that may give c pages, those of the c least hashes are drawn from. So a cap is a hash by
itself, once the partition of the host has seen it: candidates -> crowded -> crowd -> caps. A
quota of a language is a hash too, about, from how many there are (drawable), and what lies below
it is few enough for one process (drawn).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.histograms import ALL_KEYS
from ...filters.recall.sampling import Keys, Rows, sample_keys
from ..artifact import InputFile
from ..output import Output
from ..recall_settings import EvidenceSettings
from ..stage import Inputs, Stage, value_counts
from .recall_bars import evident
from .recall_pages import Mask, logits_of, mask_of, pool_columns

POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
COMPARED: Final = "compared"  # with fastText's own predict; no host has a cap

BOUNDS: Final = pa.schema([("group", pa.string()), ("bound", pa.uint64())])
DRAWABLE: Final = pa.schema(
    [
        ("group", pa.string()),  # kind, space, language
        ("num_pages", pa.int64()),
    ]
)
DRAWN: Final = pa.schema([("group", pa.string()), ("sample", pa.uint64())])


class Candidates(NamedTuple):
    """The pages of one kind that may be drawn, with the hashes that order them."""

    rows: Rows
    keys: Keys
    hosts: pa.ChunkedArray
    languages: pa.ChunkedArray


class DrawRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides which pages may be drawn, and in which order."""

    iteration: int
    seed: int
    least_logit: float | None  # a page that the last model gave more is no negative
    evidence: EvidenceSettings  # where any is asked for, a page that has it is no negative


class Draw(Stage, frozen=True, kw_only=True):
    """What all stages of a draw know: which pages may be drawn, and their hashes."""

    rule: DrawRule

    def candidates(self, inputs: Inputs) -> Iterator[tuple[str, Candidates]]:
        """Yield the seeds, and the pages that nobody knows to be on the topic."""
        pages = pool_columns(inputs, "doc_id", "host", "language")
        seeds = seeds_of(inputs)
        for kind, mask in ((POSITIVE, seeds), (NEGATIVE, ~seeds & ~self._barred(inputs))):
            rows = np.flatnonzero(mask)
            found = pages.take(rows)
            purpose = f"{kind}s {self.rule.iteration}"
            keys = sample_keys(found["doc_id"], seed=self.rule.seed, purpose=purpose)
            yield kind, Candidates(rows, keys, found["host"], found["language"])

    def _barred(self, inputs: Inputs) -> Mask:
        """Return which pages are no random negatives: labelled, audited, accepted, or likely."""
        known = inputs.table("known", ["audit", "is_negative"])
        barred: Mask = np.asarray(pc.or_(pc.is_valid(known["audit"]), known["is_negative"]))
        if self.rule.evidence.is_asked:
            barred = barred | evident(inputs, self.rule.evidence)
        if self.rule.least_logit is not None:
            barred = barred | mask_of(inputs, "before", "is_accepted")
            barred = barred | (logits_of(inputs) > self.rule.least_logit)
        return barred


def seeds_of(inputs: Inputs) -> Mask:
    """Return the seeds of a model: people's, and those that the iteration before added."""
    role = "before" if inputs.all("before") else "known"
    return mask_of(inputs, role, "is_seed")


class CountGroups(Draw, frozen=True, kw_only=True):
    """Counts what may be drawn of a shard by kind and language."""

    name: ClassVar[str] = "recall_drawable"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DRAWABLE, and the same as counts."""
        write_counts((groups for groups, _, _ in drawable(self, inputs)), output)


def write_counts(parts: Iterable[pa.ChunkedArray], output: Output) -> None:
    """Write how often each group occurs as DRAWABLE, and as the counts `groups`."""
    for groups in parts:
        output.count("groups", value_counts(groups))
    found = sorted(output.counts.get("groups", {}).items())
    rows = [{"group": name, "num_pages": number} for name, number in found]
    output.write(pa.Table.from_pylist(rows, schema=DRAWABLE))


class Drawn(Draw, frozen=True, kw_only=True):
    """Lists the hashes below a bound of each group."""

    name: ClassVar[str] = "recall_drawn"
    version: ClassVar[int] = 1

    bounds: dict[str, int]

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DRAWN."""
        output.write(DRAWN.empty_table())
        for groups, keys, _ in drawable(self, inputs):
            rows = np.flatnonzero(below(groups, keys, self.bounds))
            output.write(pa.table([groups.take(rows), keys[rows]], DRAWN))


class Drawable(NamedTuple):
    """Pages of one kind that are within the caps of their hosts."""

    groups: pa.ChunkedArray
    keys: Keys
    rows: Rows


def drawable(stage: Draw, inputs: Inputs) -> Iterator[Drawable]:
    """Yield what may be drawn of each kind; pages to be compared are drawn from all."""
    bounds = bounds_of([*inputs.all("crowded"), *inputs.all("caps")])
    for kind, found in stage.candidates(inputs):
        limits = host_limits(kind, found.hosts, bounds, others=ALL_KEYS)
        kept = np.flatnonzero(found.keys <= limits)
        groups = grouped(kind, found.languages.take(kept))
        yield Drawable(groups, found.keys[kept], found.rows[kept])
    ids = pool_columns(inputs, "doc_id")["doc_id"]
    keys = sample_keys(ids, seed=stage.rule.iteration, purpose="equality")
    groups = pa.chunked_array([pa.repeat(f"{COMPARED} ", len(ids))])
    yield Drawable(groups, keys, np.arange(len(ids), dtype=np.int64))


def grouped(kind: str, names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the group of each name."""
    return pc.binary_join_element_wise(kind, names, " ")


def below(groups: pa.ChunkedArray, keys: Keys, bounds: dict[str, int]) -> Mask:
    """Return which hashes are not above the bound of their group; a group without one has none."""
    encoded = groups.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    limits = np.array([bounds.get(name, 0) for name in names], dtype=np.uint64)
    has_bound = np.array([name in bounds for name in names], dtype=np.bool_)
    codes: npt.NDArray[np.int64] = np.asarray(encoded.indices)
    found: Mask = has_bound[codes] & (keys <= limits[codes])
    return found


def host_limits(kind: str, hosts: pa.ChunkedArray, bounds: dict[str, int], *, others: int) -> Keys:
    """Return the bound of the host of each page."""
    encoded = hosts.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    limits = np.array([bounds.get(f"{kind} {name}", others) for name in names], dtype=np.uint64)
    of_pages: Keys = limits[np.asarray(encoded.indices)]
    return of_pages


def bounds_of(files: Sequence[InputFile]) -> dict[str, int]:
    """Return the least bound that files of BOUNDS give each group."""
    bounds: dict[str, int] = {}
    for file in files:
        for row in file.read().to_pylist():
            bounds[row["group"]] = min(row["bound"], bounds.get(row["group"], ALL_KEYS))
    return bounds
