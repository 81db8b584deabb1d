"""What an iteration comes to page by page: collected or not, for which reason, and since when."""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...filters.recall.prefix_lookup import NONE, PrefixLookup, find_column
from ...filters.recall.prefixes import Scope
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs, Stage, value_counts
from .exchange import key_of_id, write_partitions
from .recall_bars import Bar, reach
from .recall_pages import logits_of, mask_of, pool_columns, sum_rows
from .recall_prefixes import ACCEPTED, TAKEN_OUT
from .recall_sites import WHOLE
from .recalled import RECALLED

VERDICTS: Final = pa.schema(
    [
        ("is_ranked", pa.bool_()),  # the model collects it
        ("is_accepted", pa.bool_()),  # it lies below an accepted prefix
        ("is_collected", pa.bool_()),
        ("is_new", pa.bool_()),  # collected, and not by the iteration before
        ("is_below", pa.bool_()),  # not collected because of its score alone
        ("is_seed", pa.bool_()),  # of the next model
        ("iteration", pa.int32()),  # that collected it first; 0 where none did
    ]
)
AUDIT: Final = pa.schema(
    [
        ("host", pa.string()),
        ("language", pa.string()),
        ("is_positive", pa.bool_()),
        ("weight", pa.float64()),
        ("is_collected", pa.bool_()),
        ("is_accepted", pa.bool_()),
        ("is_new", pa.bool_()),
    ]
)
COLLECTED: Final = pa.schema(
    [
        ("url", pa.string()),  # in its normal form
        ("doc_id", ID),  # of the pool's page; a build that reads it alike names it so too
        ("language", pa.string()),
        ("num_tokens", pa.int64()),  # a fourth of its bytes
        ("score", pa.float32()),  # the last model's probability
        ("iteration", pa.int32()),  # that collected it first
        ("reason", pa.string()),  # rank: the model's score; prefix: an accepted prefix alone
        *RECALLED,  # which record of which file it is
    ]
)


IN_ORDER: Final = ("origin_file", "url", "doc_id")  # of COLLECTED


class Verdicts(Stage, frozen=True, kw_only=True):
    """Says which pages of a shard are collected, by score and by the decisions on their hosts."""

    name: ClassVar[str] = "recall_verdicts"
    version: ClassVar[int] = 1

    iteration: int
    bar: Bar

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write VERDICTS, row for row; `before` holds those of the iteration before."""
        pages = pool_columns(inputs, "host", "path", "has_query", "num_tokens", "language")
        is_high, may = reach(inputs, self.bar)
        ranked = is_high & may
        codes = find_column(_lookup(inputs.all("decisions")), pages)
        assert ACCEPTED != NONE, "NONE means that nothing holds"
        accepted, taken_out = codes == ACCEPTED, codes == TAKEN_OUT
        barred = taken_out | mask_of(inputs, "known", "is_negative")
        collected = (ranked | (accepted & may)) & ~barred
        first = np.zeros(len(pages), dtype=np.int32)
        was = np.zeros(len(pages), dtype=np.bool_)
        seeds = mask_of(inputs, "known", "is_seed")
        if inputs.all("before"):
            before = inputs.table("before")
            first = before["iteration"].to_numpy().copy()
            was, seeds = (np.asarray(before[name]) for name in ("is_collected", "is_seed"))
        first[collected & (first == 0)] = self.iteration
        audited = np.asarray(pc.is_valid(inputs.table("known", ["audit"])["audit"]))
        seeds = (seeds | (accepted & may)) & ~barred & ~audited
        below = may & ~is_high & ~collected & ~barred
        columns = [ranked, accepted, collected, collected & ~was, below, seeds, first]
        output.write(pa.table(columns, schema=VERDICTS))
        tokens = pages["num_tokens"].to_numpy()
        for name, mask in (
            ("ranked", ranked),
            ("lacking", is_high & ~may),
            ("prefix", collected & ~ranked),
            ("taken_out", ranked & taken_out),
            ("collected", collected),
            ("kept", collected & was),
            ("new", collected & ~was),
            ("seeds", seeds),
        ):
            output.count("pages", {name: int(mask.sum())})
            output.count("tokens", {name: int(tokens[mask].sum())})
        languages = pages["language"]
        output.count("ranked_languages", value_counts(languages.filter(pa.array(ranked))))
        output.count("languages", value_counts(languages.filter(pa.array(collected))))
        sums = sum_rows([pages.select(["language", "num_tokens"]).filter(collected)], ["language"])
        assert sums is not None
        names, totals = (sums[name].to_pylist() for name in ("language", "num_tokens"))
        output.count("language_tokens", dict(zip(names, totals, strict=True)))


def _lookup(files: Sequence[InputFile]) -> PrefixLookup[int]:
    entries: list[tuple[str, str, Scope, int]] = []
    for file in files:
        for row in file.read(["host", "prefix", "scope", "code"]).to_pylist():
            entries.append((row["host"], row["prefix"], row["scope"], row["code"]))
    return PrefixLookup(entries)


class Audited(Stage, frozen=True, kw_only=True):
    """Lists the audited pages of a shard and what became of them."""

    name: ClassVar[str] = "recall_audited"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write AUDIT."""
        pages, known = pool_columns(inputs, "host", "language"), inputs.table("known")
        verdicts = inputs.table("verdicts", ["is_collected", "is_accepted", "is_new"])
        columns = [*pages.columns, known["audit"], known["weight"], *verdicts.columns]
        table = pa.table(columns, schema=AUDIT)
        output.write(table.filter(pc.is_valid(table["is_positive"])))


class FoundPages(Stage, frozen=True, kw_only=True):
    """Lists the pages of a shard that the last iteration collects."""

    name: ClassVar[str] = "recall_found"
    version: ClassVar[int] = 1

    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write COLLECTED, one slice a partition of the ids."""
        verdicts = inputs.table("verdicts", ["is_collected", "is_ranked", "iteration"])
        rows = np.flatnonzero(np.asarray(verdicts["is_collected"]))
        names = ["url", "doc_id", "language", "num_tokens", *RECALLED.names]
        pages = inputs.table("pool", names).take(rows)
        logits, verdicts = logits_of(inputs)[rows], verdicts.take(rows)
        scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
        reasons = np.where(np.asarray(verdicts["is_ranked"]), "rank", "prefix").tolist()
        columns = [
            *pages.columns[:-2],
            pa.array(scores.astype(np.float32)),
            verdicts["iteration"],
            pa.array(reasons, pa.string()),
            *pages.columns[-2:],
        ]
        table = pa.table(columns, schema=COLLECTED).sort_by("doc_id")
        write_partitions([table], key_of_id("doc_id"), self.partitions, output, COLLECTED)


class CollectedPages(Stage, frozen=True, kw_only=True):
    """Sorts the collected pages of one partition by file and URL; they lie in memory."""

    name: ClassVar[str] = "recall_collected"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write COLLECTED."""
        parts = [COLLECTED.empty_table(), *(file.read() for file in inputs.all("slices"))]
        table = pa.concat_tables(parts)
        output.write(COLLECTED.empty_table())
        output.append(table.sort_by([(name, "ascending") for name in IN_ORDER]), slice_name=WHOLE)
