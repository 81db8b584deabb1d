"""Syntax: what tree-sitter makes of the texts that rules and the sample ask for."""

from collections import Counter
from typing import ClassVar

import pyarrow as pa

from ...filters.grammars import grammar_table, grammar_versions
from ...filters.killable import KillableWorker, ParseLimits
from ...filters.node_kinds import node_kinds_digest
from ...filters.syntax import Flags, syntax_columns
from ...filters.syntax_scope import ParseScope, SyntaxSettings, choose
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups


class Syntax(Stage, frozen=True, kw_only=True):
    """Parses the chosen files of a shard; part of a graph only if something is asked for."""

    name: ClassVar[str] = "syntax"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    settings: SyntaxSettings
    scopes: tuple[ParseScope, ...] = ()  # what the rules on syntax signals apply to
    seed: int = 0

    def key_settings(self) -> dict[str, object]:
        """Return the settings that decide the output; without a sample, no seed does."""
        found = super().key_settings()
        if not 0 < self.settings.sample < 1:
            del found["seed"]
        return found

    def assets(self) -> dict[str, str]:
        """Return the versions of the parser and its grammars, and the digests of our tables."""
        tables = {"grammars": grammar_table().digest, "node_kinds": node_kinds_digest()}
        return {**grammar_versions(), **tables}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the columns of SYNTAX, row group by row group."""
        rows = inputs.table("read", ["doc_id", "path", "component", "kind"])
        rows = rows.append_column("language", inputs.table("language", ["language"])["language"])
        chosen = choose(rows, self.settings, self.scopes, seed=self.seed)
        limits = ParseLimits(cpu_seconds=self.settings.timeout_seconds)
        start = 0
        with KillableWorker("syntax", limits) as worker:
            for group in row_groups(inputs.one("read"), ["text"]):
                end = start + group.num_rows
                part = rows.slice(start, group.num_rows)
                self._write(worker, part, group["text"], chosen[start:end], output)
                start = end

    def _write(
        self,
        worker: KillableWorker,
        rows: pa.Table,
        texts: pa.ChunkedArray,
        chosen: Flags,
        output: Output,
    ) -> None:
        found = syntax_columns(
            worker,
            texts,
            rows["language"].to_pylist(),
            rows["path"].to_pylist(),
            chosen=chosen,
            max_bytes=self.settings.max_bytes,
        )
        output.count("syntax", Counter(found["syntax_status"].drop_null().to_pylist()))
        output.write(found.add_column(0, "doc_id", rows["doc_id"]))
