"""What an evaluation came to: bits per byte and infilled lines, by language; JSON and a table."""

import math

import msgspec

from ...corpus.record import Component


class LanguageScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well the held-out documents of one language were predicted.

    `bits` are of all tokens but each document's first; the bytes are of the whole texts. Written
    without any model, a first token is log2 of the vocabulary: `first_token_bits` in all, a bound
    of what is not counted. Documents beyond the limit of tokens were left out.
    """

    component: Component
    language: str
    documents: int
    left_out: int
    tokens: int  # predicted
    num_bytes: int
    bits: float
    first_token_bits: float

    @property
    def bits_per_byte(self) -> float:
        """The fewer, the better the texts were predicted; vocabularies compare."""
        return self.bits / self.num_bytes


class FimScore(msgspec.Struct, frozen=True, kw_only=True):
    """How many missing lines of one language were filled in to the letter."""

    language: str
    tasks: int
    matches: int

    @property
    def exact_match(self) -> float:
        """The share of them."""
        return self.matches / self.tasks


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of one model, by component and language."""

    sequence_length: int
    languages: tuple[LanguageScore, ...]
    fim: tuple[FimScore, ...] = ()

    def totals(self) -> tuple[LanguageScore, ...]:
        """Return the scores of each component with all of its languages, named `all`."""
        by_component: dict[Component, list[LanguageScore]] = {}
        for score in self.languages:
            by_component.setdefault(score.component, []).append(score)
        return tuple(_total(component, scores) for component, scores in by_component.items())

    def table(self) -> str:
        """Return lines for people."""
        lines = [_row(("component", "language", "documents", "tokens", "bits/byte"))]
        for score in (*self.languages, *self.totals()):
            counts = f"{score.documents:,}", f"{score.tokens:,}"
            per_byte = f"{score.bits_per_byte:.4f}"
            lines.append(_row((score.component, score.language, *counts, per_byte)))
        if self.fim:
            lines += ["", _row(("infilled", "language", "lines", "matches", "exact match"))]
        for line in self.fim:
            share = f"{line.exact_match:.1%}"
            cells = ("code", line.language, f"{line.tasks:,}", f"{line.matches:,}", share)
            lines.append(_row(cells))
        return "\n".join(lines) + "\n"


def first_token_bits(num_documents: int, vocab_size: int) -> float:
    """Return what the first tokens of documents are, written without a model."""
    return num_documents * math.log2(vocab_size)


def _total(component: Component, scores: list[LanguageScore]) -> LanguageScore:
    return LanguageScore(
        component=component,
        language="all",
        documents=sum(score.documents for score in scores),
        left_out=sum(score.left_out for score in scores),
        tokens=sum(score.tokens for score in scores),
        num_bytes=sum(score.num_bytes for score in scores),
        bits=math.fsum(score.bits for score in scores),
        first_token_bits=math.fsum(score.first_token_bits for score in scores),
    )


def _row(cells: tuple[str, str, str, str, str]) -> str:
    component, language, *numbers = cells
    return f"{component:<10} {language:<20}" + "".join(f"{cell:>13}" for cell in numbers)
