"""What an ablation came to, for people: what was equal, a table, and how to read it."""

from collections.abc import Iterable

from .ablation import Ablation
from .difference import Difference, once_in_20


def ablation_text(found: Ablation) -> str:
    """Return the lines that `gristmill ablate` prints."""
    first = found.runs[0].build
    seeds = list(dict.fromkeys(run.seed for run in found.runs))
    tables = [
        "\n".join(_table(first, build, found, seeds))
        for build in dict.fromkeys(row.build for row in found.differences)
    ]
    return "\n\n".join([*tables, _how_to_read(len(seeds))])


def _table(first: str, build: str, found: Ablation, seeds: list[int]) -> Iterable[str]:
    named = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
    yield f"{build} against {first}: {found.num_tokens:,} tokens each, {named}"
    width = max(12, len(first), len(build)) + 1
    header = ("score", "component", "language", "documents", first, build, "difference", "noise")
    yield _line((*header, "verdict"), width)
    for row in found.differences:
        if row.build == build:
            yield _line(_cells(row), width)


def _cells(row: Difference) -> tuple[str, ...]:
    noise = "-" if row.noise is None else f"{row.noise:.4f}"
    means = f"{row.first:.4f}", f"{row.other:.4f}", f"{row.difference:+.4f}"
    named = row.score, row.component, row.language
    return (*named, f"{row.documents:,}", *means, noise, row.verdict)


def _line(cells: tuple[str, ...], width: int) -> str:
    score, component, language, documents, first, other, difference, noise, verdict = cells
    means = f"{first:>{width}}{other:>{width}}"
    named = f"{score:<12}{component:<10}{language:<20}{documents:>10}"
    return f"{named}{means}{difference:>12}{noise:>9}  {verdict}"


def _how_to_read(num_seeds: int) -> str:
    fewer = "Fewer bits/byte are better, and a greater share of exact matches."
    if num_seeds == 1:
        return f"{fewer}\nOne seed does not tell a difference from chance: name two or more."
    bound = f"{once_in_20(num_seeds):.1f}"
    return (
        f"{fewer}\nnoise: the standard error of the difference, from {num_seeds} seeds of each "
        f"build. Chance alone makes a\ndifference of {bound} times the noise in one of 20 lines; "
        "what is not beyond that is unclear."
    )
