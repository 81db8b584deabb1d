"""The funnel: where documents are lost, in the order in which a build decides.

A document is dropped by the first reason that holds. A rule also has its hits: what it would drop
if it stood alone, and what no other rule would drop.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args

import msgspec

from ..corpus.record import ReadDrop
from ..filters.datatrove.settings import DatatroveStep, Texts
from ..filters.rule import Rule
from .decontamination import CONTAMINATED
from .published import BuildRecord
from .stages.decide import REMOVED
from .stages.held_out import REASONS as HELD_OUT_REASONS
from .tables import BuildTables

DropKind = Literal["read", "removal", "contamination", "rule", "duplicate", "held_out"]
DUPLICATES: Final = ("same_page", "exact_duplicate", "near_duplicate", "little_left")


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """One reason: what it dropped first and, of a rule, what it would drop alone.

    Only of what is held out are tokens known: `estimated_tokens` takes the tokens per byte of the
    kept documents of a language and component (else of the component), 0 where there is no text.
    """

    reason: str
    kind: DropKind
    documents: int = 0
    num_bytes: int = 0
    estimated_tokens: int = 0
    hits: int = 0  # documents that it fires on; equals `documents` unless it is a rule
    hit_bytes: int = 0
    hit_estimated_tokens: int = 0
    only: int = 0  # documents that no other rule fires on


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """The documents of one reason in one component and language."""

    reason: str
    component: str
    language: str
    documents: int
    num_bytes: int
    text_bytes: int
    only: int = 0


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    component: str
    language: str
    num_bytes: int
    tokens: int


_FIRST = """
    SELECT dropped_by AS reason, component, coalesce(language, 'und') AS language,
        sum(documents)::BIGINT AS documents, sum(num_bytes)::BIGINT AS num_bytes,
        coalesce(sum(num_bytes) FILTER (has_text), 0)::BIGINT AS text_bytes
    FROM cells WHERE dropped_by IS NOT NULL
    GROUP BY ALL
"""

_HITS = """
    SELECT hit AS reason, component, language, sum(documents)::BIGINT AS documents,
        sum(num_bytes)::BIGINT AS num_bytes, sum(num_bytes)::BIGINT AS text_bytes,
        coalesce(sum(documents) FILTER (num_hits = 1), 0)::BIGINT AS only
    FROM (
        SELECT unnest(rule_hits) AS hit, len(rule_hits) AS num_hits, * EXCLUDE (rule_hits)
        FROM hit_cells
    )
    GROUP BY ALL
"""

_KEPT = """
    SELECT component, coalesce(language, 'und') AS language,
        sum(num_bytes)::BIGINT AS num_bytes, sum(tokens)::BIGINT AS tokens
    FROM cells WHERE dropped_by IS NULL
    GROUP BY ALL
"""


def read_funnel(tables: BuildTables) -> tuple[Drop, ...]:
    """Return every reason that dropped or would drop a document, in the order of the build.

    The cells have been added to the tables.
    """
    estimate = _Estimate(tables.fetch(_Kept, _KEPT))
    first = _by_reason(tables.fetch(_Part, _FIRST))
    hits = _by_reason(tables.fetch(_Part, _HITS))
    rules = [rule.name for rule in recipe_rules(tables.record)]
    judged, rewritten = _step_reasons(tables.record, first.keys() | hits.keys())
    rules += judged
    order = [*get_args(ReadDrop), *rewritten, REMOVED, CONTAMINATED, *rules]
    # A rule of another version of the recipe cannot be in this ledger; unknown reasons go last.
    names = dict.fromkeys([*order, *sorted(first.keys() | hits.keys())])
    for name in (*DUPLICATES, *HELD_OUT_REASONS):
        names[name] = names.pop(name, None)
    return tuple(
        _drop(name, rules, first.get(name, []), hits.get(name, []), estimate)
        for name in names
        if name in first or name in hits
    )


def _step_reasons(record: BuildRecord, found: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the reasons of datatrove's steps, in their order: of those that judge and rewrite."""
    steps = msgspec.convert(record.recipe.get("datatrove", []), list[DatatroveStep])
    reasons: dict[Texts, list[str]] = {"judge": [], "rewrite": []}
    for step in steps:
        own = (name for name in found if name.startswith(f"{step.label}:"))
        reasons[step.texts] += sorted(own)
    return reasons["judge"], reasons["rewrite"]


def recipe_rules(record: BuildRecord) -> list[Rule]:
    """Return the recipe's rules, in the order in which they count as the first."""
    rules = record.recipe["rules"]
    listed = rules.values() if isinstance(rules, dict) else rules
    return msgspec.convert(list(listed), list[Rule])  # type: ignore[call-overload]


class _Estimate:
    """Tokens of text that was never tokenized, by what its like came to; whole numbers only."""

    def __init__(self, kept: Sequence[_Kept]) -> None:
        self._seen: dict[tuple[str, str | None], tuple[int, int]] = {}
        for part in kept:
            for key in ((part.component, part.language), (part.component, None)):
                num_bytes, tokens = self._seen.get(key, (0, 0))
                self._seen[key] = (num_bytes + part.num_bytes, tokens + part.tokens)

    def tokens(self, parts: Sequence[_Part]) -> int:
        total = 0
        for part in parts:
            seen = self._seen.get((part.component, part.language))
            num_bytes, tokens = seen or self._seen.get((part.component, None), (0, 0))
            total += part.text_bytes * tokens // max(num_bytes, 1)
        return total


def _by_reason(parts: Sequence[_Part]) -> dict[str, list[_Part]]:
    found: dict[str, list[_Part]] = {}
    for part in parts:
        found.setdefault(part.reason, []).append(part)
    return found


def _drop(
    name: str,
    rules: Sequence[str],
    first: Sequence[_Part],
    hits: Sequence[_Part],
    estimate: _Estimate,
) -> Drop:
    is_rule = name in rules
    alone = hits if is_rule else first
    documents = sum(part.documents for part in first)
    return Drop(
        reason=name,
        kind=_kind(name, is_rule=is_rule),
        documents=documents,
        num_bytes=sum(part.num_bytes for part in first),
        estimated_tokens=estimate.tokens(first),
        hits=sum(part.documents for part in alone),
        hit_bytes=sum(part.num_bytes for part in alone),
        hit_estimated_tokens=estimate.tokens(alone),
        only=sum(part.only for part in hits) if is_rule else documents,
    )


def _kind(name: str, *, is_rule: bool) -> DropKind:
    if is_rule:
        return "rule"
    if name in DUPLICATES:
        return "duplicate"
    if name in HELD_OUT_REASONS:
        return "held_out"
    if name == CONTAMINATED:
        return "contamination"
    return "removal" if name == REMOVED else "read"
