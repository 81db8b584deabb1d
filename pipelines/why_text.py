"""An explanation as people read it."""

from collections.abc import Iterator
from datetime import datetime, timezone

from ..filters.ranges import SIGNAL_RANGES
from ..filters.rule import Rule
from .explanation import Document, Explanation, Reference, Related, RuleVerdict
from .printable import printable

_LABEL = 13
_LISTED = 12  # members of a list, such as the languages that a rule allows


def format_why(explanation: Explanation) -> str:
    """Return one document in full, or the list of all documents that the name stands for."""
    if len(explanation.documents) == 1:
        lines = list(_document(explanation.documents[0]))
    else:
        lines = [f"{explanation.num_matches:,} documents; name one by its id to see more:"]
        lines += [f"  {_line(document)}" for document in explanation.documents]
        hidden = explanation.num_matches - len(explanation.documents)
        lines += [f"  and {hidden:,} more"] if hidden else []
    return "\n".join(printable(line) for line in lines)


def _line(document: Document) -> str:
    row = document.row
    fate = f"dropped by {row.dropped_by}" if row.dropped_by else f"kept, {row.tokens or 0:,} tokens"
    return f"{row.doc_id}  {row.place}  {fate}"


def _document(document: Document) -> Iterator[str]:
    row = document.row
    yield row.place
    yield _verdict(document)
    yield ""
    yield _field("id", row.doc_id)
    yield _field("content", row.content_id or "none: it could not be read")
    yield _field("source", f"{row.source} ({row.component}, {row.kind})")
    offset = "" if row.origin_offset is None else f", offset {row.origin_offset:,}"
    yield _field("read from", f"{row.origin_file}{offset}")
    yield _field("revision", row.revision or "none")
    yield _field("size", f"{row.num_bytes:,} bytes, {row.encoding or 'no text'}")
    yield _field("bytes", f"blake2b-128 {row.bytes_digest}" if row.bytes_digest else "not read")
    evidence = row.language_evidence or "no evidence"
    confidence = row.language_confidence
    sure = "" if confidence is None else f", confidence {confidence:.2f}"
    yield _field("language", f"{row.language or 'none'} ({evidence}{sure})")
    yield _field("licence", row.licence or "unknown")
    yield from _repository(document)
    yield from _tokens(document)
    yield from _signals(document)
    yield from _rules(document)
    yield from _hits(document)
    yield from _relatives(document)


def _verdict(document: Document) -> str:
    row = document.row
    if row.dropped_by is None:
        return "KEPT"
    detail = f": {row.read_error}" if row.read_error else ""
    return f"DROPPED by {row.dropped_by}{detail}"


def _field(label: str, value: str) -> str:
    return f"  {label:<{_LABEL}} {value}"


def _repository(document: Document) -> Iterator[str]:
    row = document.row
    if row.stars is not None:
        yield _field("stars", f"{row.stars:,}")
    if row.repository_created is not None:
        yield _field("created", _day(row.repository_created))
    if row.licence_files:
        yield _field("licence files", ", ".join(row.licence_files))


def _tokens(document: Document) -> Iterator[str]:
    row = document.row
    if row.shard is not None:
        yield _field("tokens", f"{row.tokens or 0:,} in tokens/{row.shard}")
        yield _field("sample", row.sample_id or "none")


def _signals(document: Document) -> Iterator[str]:
    if document.row.content_id is None:
        return
    yield "signals"
    for name, value in document.signals.items():
        yield f"  {name:<24} {_value(value)}"


def _rules(document: Document) -> Iterator[str]:
    row, named = document.row, {verdict.rule.name for verdict in document.rules}
    others = [hit for hit in row.rule_hits or () if hit not in named]  # of datatrove's steps
    if not (document.rules or others) or row.content_id is None:
        return
    yield "rules, in order"
    for verdict in document.rules:
        yield f"  {_mark(verdict):<6} {verdict.rule.name}: {_conditions(verdict)}"
    for hit in others:
        yield f"  {'DROPS' if hit == row.dropped_by else 'fires':<6} {hit}"


def _hits(document: Document) -> Iterator[str]:
    if document.benchmark_hits:
        yield "holds of benchmarks"
    for hit in document.benchmark_hits:
        end = hit.start + hit.length
        yield (
            f"  {hit.benchmark} {hit.item}, {hit.field}: {hit.num_words} words ({hit.kind}) at "
            f"characters {hit.start:,} to {end:,}"
        )
        yield f"    {hit.excerpt}"


def _mark(verdict: RuleVerdict) -> str:
    if verdict.is_first:
        return "DROPS"
    if verdict.fires:
        return "fires"
    return "passes" if verdict.applies else "n/a"


def _conditions(verdict: RuleVerdict) -> str:
    rule, value = verdict.rule, verdict.value
    if isinstance(value, int) and SIGNAL_RANGES[rule.signal].type == "time":
        value = _day(value)
    return f"{rule.signal} is {_value(value)}, wants {rule_conditions(rule)}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).date().isoformat()


def rule_conditions(rule: Rule) -> str:
    """Return the conditions of a rule, and what it applies to, in a line."""
    conditions = [
        f"{name} {_value(value)}"
        for name, value in (
            ("at least", rule.min),
            ("at most", rule.max),
            ("before", rule.before),
            ("one of", rule.one_of),
            ("none of", rule.none_of),
            ("exactly", rule.equals),
        )
        if value is not None
    ]
    if rule.missing == "drop":
        conditions.append("never missing")
    scope = [", ".join(names) for names in (rule.only, rule.components, rule.kinds) if names]
    if rule.exclude:
        scope.append(f"not {', '.join(rule.exclude)}")
    if not rule.enabled:
        scope.append("off")
    applies = f" ({'; '.join(scope)})" if scope else ""
    return ", ".join(conditions) + applies


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        shown = ", ".join(str(item) for item in value[:_LISTED]) or "none"
        hidden = len(value) - _LISTED
        return f"{shown} and {hidden:,} more" if hidden > 0 else shown
    return str(value)


def _relatives(document: Document) -> Iterator[str]:
    row = document.row
    if row.keeper is not None:
        likeness = "" if row.similarity is None else f", similarity {row.similarity:.3f}"
        yield f"kept in its place (cluster {row.cluster}{likeness})"
        yield from _references(document.keeper)
    if document.cluster_members.number:
        yield "dropped for the same keeper" if row.keeper is not None else "dropped for this one"
        yield from _references(document.cluster_members)
    if document.copies.number:
        yield "same content"
        yield from _references(document.copies)


def _references(related: Related) -> Iterator[str]:
    for other in related.documents:
        yield f"  {other.doc_id}  {_name(other)}  {other.dropped_by or 'kept'}"
    if related.number > len(related.documents):
        yield f"  and {related.number - len(related.documents):,} more"


def _name(reference: Reference) -> str:
    if "://" in reference.path:
        return reference.path
    commit = f"@{reference.revision[:12]}" if reference.revision else ""
    return f"{reference.collection}{commit}:{reference.path}"
