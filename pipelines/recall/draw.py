"""The pages that a model is trained on, as bounds of their hashes."""

from collections import Counter

import msgspec
import numpy as np
import pyarrow as pa

from ...filters.recall.equality import SAMPLE_PAGES
from ...filters.recall.histograms import ALL_KEYS
from ...filters.recall.sampling import Keys, Labels, Rows, draw_negatives, draw_positives
from ..stage import value_counts
from ..stages.recall_draw import COMPARED, DRAWN, NEGATIVE, POSITIVE
from .draw_graph import DrawGraph
from .hashes import HashCounts
from .work import Work


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What to train on, and why other pages are not in it."""

    bounds: dict[str, int]  # by group: the greatest hash that is in
    num_positives: int
    num_negatives: int
    over_host_cap: int
    over_size: int
    missing_negatives: dict[str, int]  # by language: the pool has no more


def draw_pages(work: Work, graph: DrawGraph) -> Drawn:
    """Return what to train on, as if all pages lay side by side.

    What reaches this process is little more than what is drawn: a hash and a language a page.
    """
    work.run(graph.crowded())
    crowded = graph.ids_of_parts("recall_crowded")
    if work.counts(crowded, "hosts")["crowded"]:
        work.run(graph.caps())
    work.run(graph.drawable())
    hashes = HashCounts(work.counts(graph.ids("recall_drawable"), "groups"))
    shares = _shares(work.counts(graph.known_ids(), "languages"))
    positives, compared = _positives(work, graph, hashes, shares)
    languages, counts = np.unique(positives.languages, return_counts=True)
    ratio = graph.target.draw.negatives_a_positive
    wanted = {
        str(name): int(np.ceil(ratio * count))
        for name, count in zip(languages, counts, strict=True)
    }
    negatives, missing = _negatives(work, graph, hashes, wanted)
    labelled = work.counts(graph.known_ids(), "known")["negatives"]
    chosen = len(positives.keys) + len(negatives.keys)
    return Drawn(
        bounds={**positives.bounds(), **negatives.bounds(), **compared},
        num_positives=len(positives.keys),
        num_negatives=len(negatives.keys) + labelled,
        over_host_cap=work.counts(crowded, "over_host_cap").total(),
        over_size=hashes.size(hashes.groups(POSITIVE) + hashes.groups(NEGATIVE)) - chosen,
        missing_negatives=missing,
    )


class _Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The hashes that are drawn of a kind, and the language of each."""

    kind: str
    keys: Keys
    languages: Labels

    def take(self, rows: Rows) -> "_Chosen":
        return _Chosen(kind=self.kind, keys=self.keys[rows], languages=self.languages[rows])

    def bounds(self) -> dict[str, int]:
        """Return the greatest hash of each group."""
        return {
            f"{self.kind} {language}": int(self.keys[self.languages == language].max())
            for language in np.unique(self.languages)
        }


def _positives(
    work: Work, graph: DrawGraph, hashes: HashCounts, shares: dict[str, float]
) -> tuple[_Chosen, dict[str, int]]:
    """Return the positives, and the bound of the pages to be compared."""
    settings = graph.samples[POSITIVE]
    quotas = {language: int(settings.size * share) for language, share in shares.items()}
    of_all = hashes.bound(hashes.groups(POSITIVE), settings.size)
    wanted = _wanted(hashes, POSITIVE, quotas) | {f"{COMPARED} ": SAMPLE_PAGES}
    bounds = {name: hashes.bound([name], number) for name, number in wanted.items()}
    bounds |= {name: max(bounds[name], of_all) for name in hashes.groups(POSITIVE)}
    found = _listed(work, graph, hashes, POSITIVE, bounds, wanted)
    enough = min(settings.size, hashes.size(hashes.groups(POSITIVE)))
    if int((found[POSITIVE].keys <= np.uint64(of_all)).sum()) < enough:
        everything = dict.fromkeys(bounds, ALL_KEYS)
        found = _listed(work, graph, hashes, POSITIVE, everything, wanted)
    compared = np.sort(found[COMPARED].keys)[:SAMPLE_PAGES]
    drawn = found[POSITIVE]
    sample = draw_positives(drawn.keys, _apart(drawn), drawn.languages, shares, settings)
    bound = {f"{COMPARED} ": int(compared[-1])} if len(compared) else {}
    return drawn.take(sample.rows), bound


def _negatives(
    work: Work, graph: DrawGraph, hashes: HashCounts, wanted: dict[str, int]
) -> tuple[_Chosen, dict[str, int]]:
    """Return the negatives, and how many of each language are missing."""
    of_groups = _wanted(hashes, NEGATIVE, wanted)
    bounds = {name: hashes.bound([name], number) for name, number in of_groups.items()}
    drawn = _listed(work, graph, hashes, NEGATIVE, bounds, of_groups)[NEGATIVE]
    settings = graph.samples[NEGATIVE]
    sample = draw_negatives(drawn.keys, _apart(drawn), drawn.languages, wanted, settings)
    return drawn.take(sample.rows), sample.missing


def _wanted(hashes: HashCounts, kind: str, wanted: dict[str, int]) -> dict[str, int]:
    """Return how many pages are wanted of each group of a kind."""
    return {name: wanted.get(name.partition(" ")[2], 0) for name in hashes.groups(kind)}


def _listed(
    work: Work,
    graph: DrawGraph,
    hashes: HashCounts,
    kind: str,
    bounds: dict[str, int],
    wanted: dict[str, int],
) -> dict[str, _Chosen]:
    """Return the hashes below bounds, by kind; as many of each group as are wanted of it."""
    found: dict[str, _Chosen] = {}
    wider: dict[str, int] | None = bounds
    while wider is not None:
        work.run(graph.drawn(kind, wider))
        table = pa.concat_tables(
            [DRAWN.empty_table(), *work.tables(graph.ids("recall_drawn", f".{kind}"))]
        )
        found = _by_kind(table)
        wider = hashes.widened(wider, wanted, Counter(value_counts(table["group"])))
    return found


def _by_kind(table: pa.Table) -> dict[str, _Chosen]:
    groups = table["group"].combine_chunks().dictionary_encode()
    names = [name.partition(" ") for name in groups.dictionary.to_pylist()]
    kinds = np.array([one[0] for one in names], dtype=np.str_)
    languages = np.array([one[2] for one in names], dtype=np.str_)
    codes, keys = np.asarray(groups.indices), table["sample"].to_numpy()
    found = {}
    for name in (POSITIVE, NEGATIVE, COMPARED):
        rows = np.flatnonzero(np.isin(codes, np.flatnonzero(kinds == name)))
        of = languages[codes[rows]] if len(rows) else np.zeros(0, dtype=np.str_)
        found[name] = _Chosen(kind=name, keys=keys[rows], languages=of)
    return found


def _apart(drawn: _Chosen) -> Labels:
    """Return a host for each page, since the caps of hosts have been seen to."""
    return np.arange(len(drawn.keys)).astype(np.str_)


def _shares(languages: Counter[str]) -> dict[str, float]:
    total = max(languages.total(), 1)
    return {language: count / total for language, count in sorted(languages.items())}
