"""The cheapest cut of a host, found by trying all of them; the twin of prefixes.py, for tests."""

import itertools
from collections.abc import Iterator

from .prefixes import likelihood_cost

Page = tuple[tuple[str, ...], bool]


def cheapest_cost(pages: list[Page], penalty: float) -> float:
    """Return the cost of the cheapest cut of pages, each its directories and whether collected."""
    return min(
        sum(
            likelihood_cost(sum(collected for _, collected in group), len(group)) + penalty
            for group in groups
        )
        for groups in all_cuts(pages, 0)
    )


def all_cuts(pages: list[Page], depth: int) -> Iterator[list[list[Page]]]:
    """Yield every cut of the pages below one directory."""
    yield [pages]
    here = [page for page in pages if len(page[0]) == depth]
    below = [page for page in pages if len(page[0]) > depth]
    names = sorted({page[0][depth] for page in below})
    if not names:
        return
    choices = [
        list(all_cuts([page for page in below if page[0][depth] == name], depth + 1))
        for name in names
    ]
    for chosen in itertools.product(*choices):
        yield [*([here] if here else []), *itertools.chain.from_iterable(chosen)]
