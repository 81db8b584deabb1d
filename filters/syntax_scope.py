"""Which rows are parsed: those that a rule on a syntax signal applies to, and a sample.

Thresholds are no part of it, so a new threshold parses nothing again.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.errors import GristmillError
from ..corpus.ids import seeded_hash
from ..corpus.record import Component, Kind
from .grammars import grammar_of, grammar_table
from .rule import Rule
from .syntax import SYNTAX_SIGNALS, Flags

MAX_PARSED_BYTES = 1 << 24
MAX_TIMEOUT_SECONDS = 600.0
GATE_SIGNAL = "syntax_error_fraction"

_HASH_SPAN = float(2**64)


class SyntaxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is parsed, and what one file may cost."""

    sample: float = 0.0  # share of all documents; what a rule asks for is parsed in any case
    languages: tuple[str, ...] = ()  # that the sample is taken from; empty: all with a grammar
    max_bytes: int = 65_536  # a longer file is not parsed
    timeout_seconds: float = 2.0  # CPU time of one file; ordinary ones of 64 KB take 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.sample <= 1:
            raise ValueError("sample must lie between 0 and 1")
        if not 1 <= self.max_bytes <= MAX_PARSED_BYTES:
            raise ValueError(f"max_bytes must lie between 1 and {MAX_PARSED_BYTES}")
        if not 0 < self.timeout_seconds <= MAX_TIMEOUT_SECONDS:
            raise ValueError(f"timeout_seconds must be above 0 and at most {MAX_TIMEOUT_SECONDS:g}")


class ParseScope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, order=True):
    """The rows that a rule applies to; its fields are the rule's, without any threshold."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    kinds: tuple[Kind, ...] = ()
    enabled: bool = True
    exceptions: tuple[str, ...] = ()  # languages for which `enabled` is the other way

    def applies(self, rows: pa.Table) -> Flags:
        """Return which rows the rule applies to.

        Args:
            rows: language, component and kind.
        """
        languages = rows["language"]
        applies = _is_in(languages, self.exceptions) ^ self.enabled
        if self.only:
            applies &= _is_in(languages, self.only)
        if self.components:
            applies &= _is_in(rows["component"], self.components)
        if self.kinds:
            applies &= _is_in(rows["kind"], self.kinds)
        return applies & ~_is_in(languages, self.exclude)


def parse_scopes(rules: Iterable[Rule]) -> tuple[ParseScope, ...]:
    """Return what the rules on syntax signals apply to, each scope once."""
    return tuple(
        sorted(
            {
                ParseScope(
                    only=tuple(sorted(rule.only)),
                    exclude=tuple(sorted(rule.exclude)),
                    components=tuple(sorted(rule.components)),
                    kinds=tuple(sorted(rule.kinds)),
                    enabled=rule.enabled,
                    exceptions=tuple(
                        language
                        for language in sorted(rule.languages)
                        if rule.for_language(language).enabled != rule.enabled
                    ),
                )
                for rule in rules
                if rule.signal in SYNTAX_SIGNALS.names and rule.can_fire()
            }
        )
    )


def choose(
    rows: pa.Table, settings: SyntaxSettings, scopes: Sequence[ParseScope], *, seed: int
) -> Flags:
    """Return which rows are to be parsed.

    Args:
        rows: doc_id, language, component and kind.
        settings: `sample` and `languages` say what is parsed besides.
        scopes: what the rules apply to.
        seed: chooses the sample, by the doc_id.
    """
    chosen = np.zeros(rows.num_rows, dtype=np.bool_)
    for scope in scopes:
        chosen |= scope.applies(rows)
    if settings.sample > 0:
        sampled = np.ones(rows.num_rows, dtype=np.bool_)
        if settings.languages:
            sampled = _is_in(rows["language"], settings.languages)
        if settings.sample < 1:
            ids = rows["doc_id"].to_pylist()
            limit = settings.sample * _HASH_SPAN
            sampled &= [seeded_hash("syntax_sample", seed, doc_id) < limit for doc_id in ids]
        chosen |= sampled
    return chosen


def check_syntax(settings: SyntaxSettings, rules: Iterable[Rule], *, where: str) -> None:
    """Refuse what would have no effect.

    Raises:
        GristmillError: a language of the sample has no grammar, or a rule on the error share names
            a language whose grammar fails on good files.
    """
    for language in settings.languages:
        if grammar_of(language) is None:
            raise GristmillError(
                f"no grammar reads {language}",
                where=f"{where}: syntax.languages",
                todo=f"Take it out, or name some of the {len(grammar_table().languages)} "
                "languages of filters/grammars.toml.",
            )
    for rule in rules:
        if rule.signal != GATE_SIGNAL or not rule.can_fire():
            continue
        for language in (*rule.only, *rule.languages):
            if not rule.for_language(language).enabled:
                continue
            grammar = grammar_of(language)
            if grammar is None or not grammar.is_gate:
                why = (
                    "no grammar reads it" if grammar is None else "its grammar fails on good files"
                )
                raise GristmillError(
                    f"{GATE_SIGNAL} is never measured for {language}: {why}",
                    where=f"{where}: rules.{rule.name}",
                    todo="Take the language out, or look at syntax_raw_error_fraction first.",
                )


def _is_in(strings: pa.ChunkedArray, names: Sequence[str]) -> Flags:
    flags: Flags = np.array(pc.is_in(strings, value_set=pa.array(names, pa.string())))
    return flags
