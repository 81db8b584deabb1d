"""What `gristmill decontam` prints for people."""

from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from ..dedup.contamination_index import COMMON_ITEMS, IndexSummary
from .decontam_command import CheckedDocument, CheckSummary
from .printable import printable


def index_text(summary: IndexSummary, out: str) -> str:
    """Return what is in an index and what was left out."""
    lines = [f"{out}: {sum(summary.items.values()):,} items, {summary.passages:,} strings."]
    lines += [f"  {name:<28} {number:>8,} items" for name, number in summary.items.items()]
    taken = ", ".join(f"{name} {number:,}" for name, number in summary.fields.items())
    lines.append(f"fields: {taken}")
    lengths = [f"{number:,} of {words} words" for words, number in summary.ngrams.items()]
    lines.append(f"n-grams: {', '.join(lengths)}")
    left_out = (
        (summary.too_short, "strings of one or two words"),
        (summary.without_words, "strings without a word"),
        (summary.short_answers, "answers of less than ten words"),
        (summary.ignored, "ignored n-grams"),
    )
    listed = [f"{number:,} {what}" for number, what in left_out if number]
    lines.append(f"left out: {', '.join(listed) or 'nothing'}")
    return "\n".join(printable(line) for line in lines)


def common_text(summary: IndexSummary) -> str:
    """Return a warning of n-grams that many items have, or nothing."""
    if not summary.num_common:
        return ""
    lines = [
        f"note: {summary.num_common:,} n-grams are in more than {COMMON_ITEMS} items of a benchmark"
        " and may be its form, not its content; --max-items and --ignore leave them out:"
    ]
    lines += [f"  {each.words} ({each.items} of {each.benchmark})" for each in summary.common]
    return "\n".join(printable(line) for line in lines)


def print_checked(
    batches: Iterable[Sequence[CheckedDocument]], summary: CheckSummary, *, as_json: bool
) -> None:
    """Print each contaminated document as it comes, and at the end how many there were."""
    for batch in batches:
        if as_json:
            click.echo(msgspec.json.Encoder().encode_lines(batch), nl=False)
        else:
            for document in batch:
                click.echo("\n".join(printable(line) for line in _document(document)))
    if not as_json:
        click.echo(f"{summary.contaminated:,} of {summary.documents:,} documents are contaminated.")


def _document(checked: CheckedDocument) -> Iterator[str]:
    yield checked.document
    for hit in checked.hits:
        words = f"{hit.num_words} word{'s' if hit.num_words != 1 else ''}"
        place = f"characters {hit.start:,} to {hit.start + hit.length:,}"
        yield f"  {hit.benchmark} {hit.item}, {hit.field}: {words} ({hit.kind}) at {place}"
        yield f"    {hit.excerpt}"
