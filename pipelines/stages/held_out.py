"""Hold out: which kept documents are evaluated on and never trained on.

held_out_units -> held_out_choice -> held_out_copies -> held_out_fates -> hold_out -> (assemble)

Units are chosen by the hash of their name, so that nothing but the name decides. Dedup has left
one item of each kind of content, but where it compared whole repositories, two that are kept may
share files: a document of the one is not evaluated on where the other is trained on.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.minhash import MinHashScheme
from ...dedup.resemblance import resembling_rows
from ...filters.natural_engines import UNDETERMINED
from ...filters.recall.domains import suffix_list_digest
from ..artifact import InputFile
from ..held_out_units import Place, hash_limit, unit_hashes
from ..output import Output
from ..stage import Inputs, Stage, value_counts
from .exchange import shard_number, write_shards

HELD_OUT = "held_out"
HELD_OUT_COPY = "held_out_copy"
REASONS = (HELD_OUT, HELD_OUT_COPY)

_UNIT = pa.schema(
    [
        ("doc_id", ID),
        ("content_id", ID),
        ("unit", pa.uint64()),  # the hash of its name
        ("component", pa.string()),
        ("language", pa.string()),
        ("num_bytes", pa.int64()),  # of its text
    ]
)
_SIZES = ("unit", "component", "language", "num_bytes")


def kept_rows(inputs: Inputs) -> npt.NDArray[np.int64]:
    """Return the rows of a shard that neither a rule nor dedup nor a cut has dropped."""
    dropped = inputs.table("select", ["dropped_by"])["dropped_by"]
    for file in inputs.all("trim"):
        dropped = pc.coalesce(dropped, file.read(["dropped_by"])["dropped_by"])
    found: npt.NDArray[np.int64] = np.flatnonzero(pc.is_null(dropped).to_numpy())
    return found


def shared_signatures(inputs: Inputs, rows: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """Return the signatures of those rows that dedup compared as a part of their repository."""
    verdict = inputs.table("select", ["doc_id", "item_id"]).take(rows)
    signatures = inputs.table("sign", ["signature"])["signature"].take(rows)
    is_alone = pc.equal(verdict["doc_id"], verdict["item_id"])
    return pc.if_else(is_alone, pa.scalar(None, signatures.type), signatures)


class HeldOutUnits(Stage, frozen=True, kw_only=True):
    """Lists the kept documents of a shard whose units may be held out."""

    name: ClassVar[str] = "held_out_units"
    version: ClassVar[int] = 1

    fraction: float
    seed: int

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes, which says what a site is."""
        return {"suffixes": suffix_list_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write their ids, unit, language and size, and the signatures that dedup did not use."""
        rows = kept_rows(inputs)
        places = inputs.table("read", list(Place._fields)).take(rows)
        columns = [places[name].to_pylist() for name in Place._fields]
        hashes = unit_hashes(map(Place._make, zip(*columns, strict=True)), seed=self.seed)
        limit = hash_limit(self.fraction)
        chosen = np.flatnonzero([unit < limit for unit in hashes])
        rows = rows[chosen]
        ids = inputs.table("read", ["doc_id", "content_id", "component"]).take(rows)
        language = inputs.table("language", ["language"])["language"].take(rows)
        units = pa.array(hashes, pa.uint64()).take(pa.array(chosen))
        sizes = inputs.table("measure", ["num_bytes_utf8"])["num_bytes_utf8"].take(rows)
        columns = [ids["doc_id"], ids["content_id"], units, ids["component"]]
        columns += [pc.fill_null(language, UNDETERMINED), pc.fill_null(sizes, 0)]
        table = pa.table(columns, schema=_UNIT)
        output.write(table.append_column("signature", shared_signatures(inputs, rows)))


class HeldOutChoice(Stage, frozen=True, kw_only=True):
    """Chooses the units that are held out, in the order of their hashes, up to a size a language.

    A unit is held out unless those before it, with the same main language, hold that much. So
    documents that are added later move units into training, and none out of it.
    """

    name: ClassVar[str] = "held_out_choice"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    max_bytes_per_language: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write ids, signature and shard of each document of a chosen unit."""
        files = inputs.all("units")
        sizes = pa.concat_tables([_UNIT.empty_table().select(_SIZES), *map(_unit_sizes, files)])
        chosen = pa.array(chosen_units(sizes, self.max_bytes_per_language), pa.uint64())
        for file in files:
            table = file.read(["doc_id", "content_id", "unit", "signature"])
            table = table.filter(pc.is_in(table["unit"], value_set=chosen)).drop_columns(["unit"])
            shard = pa.scalar(shard_number(file.shard), pa.uint64())
            table = table.append_column("shard", pa.repeat(shard, table.num_rows))
            output.write(table)
        output.count("units", {"candidates": len(pc.unique(sizes["unit"])), "chosen": len(chosen)})


def _unit_sizes(file: InputFile) -> pa.Table:
    """Return the bytes that each unit of a file has in each language."""
    table = file.read(list(_SIZES))
    keys = list(_SIZES[:3])
    sums = table.group_by(keys, use_threads=False).aggregate([("num_bytes", "sum")])
    return sums.rename_columns({"num_bytes_sum": "num_bytes"}).select(_SIZES)


def chosen_units(sizes: pa.Table, max_bytes: int) -> Sequence[int]:
    """Return the hashes of the units that are held out, of a table of their sizes by language."""
    units: dict[int, dict[tuple[str, str], int]] = {}
    columns = (sizes[name].to_pylist() for name in _SIZES)
    for unit, component, language, size in zip(*columns, strict=True):
        by_language = units.setdefault(unit, {})
        name = (component, language)
        by_language[name] = by_language.get(name, 0) + size
    held: dict[tuple[str, str], int] = {}
    chosen = []
    for unit, by_language in sorted(units.items()):
        main = max(by_language, key=lambda name: (by_language[name], name))
        before = held.get(main, 0)
        held[main] = before + by_language[main]
        if before < max_bytes:
            chosen.append(unit)
    return chosen


class HeldOutCopies(Stage, frozen=True, kw_only=True):
    """Finds the held-out documents that a shard's training documents are like.

    Equal texts are found wherever they are; similar ones where dedup compared whole repositories,
    by their signatures, as texts have been compared everywhere else.
    """

    name: ClassVar[str] = "held_out_copies"
    version: ClassVar[int] = 1

    scheme: MinHashScheme

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the ids of those documents."""
        chosen = inputs.table("chosen", ["doc_id", "content_id", "signature"])
        rows = kept_rows(inputs)
        own = inputs.table("read", ["doc_id", "content_id"]).take(rows)
        own = own.append_column("signature", shared_signatures(inputs, rows))
        ids = chosen["doc_id"].combine_chunks()
        own = own.filter(pc.invert(pc.is_in(own["doc_id"], value_set=ids)))
        is_seen = pc.is_in(chosen["content_id"], value_set=own["content_id"].combine_chunks())
        seen, rest = chosen.filter(is_seen), chosen.filter(pc.invert(is_seen))
        alike = resembling_rows(rest["signature"], own["signature"], self.scheme)
        found = pa.concat_tables([seen, rest.take(alike)]).select(["doc_id"])
        output.write(found.sort_by("doc_id"))
        output.count("documents", {"equal": seen.num_rows, "similar": len(alike)})


class HeldOutFates(Stage, frozen=True, kw_only=True):
    """Gives each document of a chosen unit its reason: held out, or like what is trained on."""

    name: ClassVar[str] = "held_out_fates"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, dropped_by and shard, in one slice a shard."""
        chosen = inputs.table("chosen", ["doc_id", "shard"])
        ids = pa.schema([("doc_id", ID)]).empty_table()
        copies = pa.concat_tables([ids, *(file.read() for file in inputs.all("copies"))])
        is_copy = pc.is_in(chosen["doc_id"], value_set=copies["doc_id"].combine_chunks())
        reason = pc.if_else(is_copy, pa.scalar(HELD_OUT_COPY), pa.scalar(HELD_OUT))
        fates = chosen.append_column("dropped_by", reason)
        fates = fates.sort_by([("shard", "ascending"), ("doc_id", "ascending")])
        output.write(fates.slice(0, 0))
        write_shards([fates], output)
        output.count("documents", value_counts(fates["dropped_by"]))


class HoldOut(Stage, frozen=True, kw_only=True):
    """Says of every row whether it is held out; the last of what drops a document."""

    name: ClassVar[str] = "hold_out"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and dropped_by (held_out, held_out_copy, or null), row for row."""
        doc_ids = inputs.table("read", ["doc_id"])["doc_id"]
        dropped_by = pa.chunked_array([pa.nulls(len(doc_ids), pa.string())])
        for file in inputs.all("fates"):
            fates = file.read(["doc_id", "dropped_by"])
            rows = pc.index_in(doc_ids, value_set=fates["doc_id"].combine_chunks())
            dropped_by = fates["dropped_by"].take(rows)
        table = pa.table({"doc_id": doc_ids, "dropped_by": dropped_by})
        output.write(table)
        output.count("drops", value_counts(table["dropped_by"]))
