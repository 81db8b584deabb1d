"""Near copies of passages: with other names, or with one word changed.

Renamed: 20 words of a text in a row are 20 of a passage after a one-to-one renaming. Reserved words
and numbers keep their names. A name counts as how many words ago it occurred in the same 20, or as
new, so that a renaming changes nothing and one hash finds it. The 20 words must have 5 reserved
words or numbers and 6 names that occurred before, and be the shape of at most three items of a
benchmark: else they say too little.

Edited: a passage of 10 to 19 words with one word replaced, left out or added. One half of it is
then as it was, and is what is looked for. Longer passages keep ten words in a row, which is a hit
without this.

Hashes only propose here too: what is returned has been compared.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .ngrams import (
    BASE,
    LONGEST,
    GramTable,
    Places,
    gram_hashes,
    long_marks,
    make_table,
    scan,
    short_marks,
    values_of_words,
)
from .shingles import Hashes

WINDOW: Final = 20  # words of a renamed hit
MIN_KEPT: Final = 5
MIN_REPEATED: Final = 6
MAX_SHAPE_ITEMS: Final = 3
EDITED_WORDS: Final = (LONGEST, 19)  # of passages that are found with one edit
FILTER_BITS: Final = 22
RESERVED: Final = """
    and as assert async await begin bool boolean break byte case catch char class const continue
    def default defer del delete do double elif else elsif end enum except export extends extern
    false final finally float fn for foreach from func function go goto if impl implements import
    in include inline instanceof int interface is lambda let local long loop match mod module
    mut namespace new nil none not null object of operator or package pass private protected
    public raise require rescue return self short signed sizeof static string struct super switch
    template then this throw throws trait true try type typedef typeof union unless unsigned until
    use using val var virtual void when where while with yield
"""

NearKind = Literal["renamed", "edited"]


class NearRun(NamedTuple):
    """Words of a text that are nearly words of a passage."""

    text: int
    place: int  # the first word in the text
    num_words: int  # of the text
    passage: int
    start: int  # the first word in the passage
    kind: NearKind


def kept_words() -> frozenset[str]:
    """Return the words that a renaming leaves alone: reserved words and numbers below 1,000."""
    return frozenset([*RESERVED.split(), *map(str, range(1000))])


class NearIndex:
    """The shapes and the halves of passages, ready to be looked for."""

    def __init__(self, values: Hashes, num_words: Places, items: Places) -> None:
        """Take the values of the words of all passages, how many each has, and of which item."""
        self._kept = np.sort(values_of_words(pa.array(sorted(kept_words()), pa.string())))
        self._values = values
        self._firsts = np.cumsum(num_words) - num_words
        self._num_words = num_words
        self._shapes, self._owners = self._make_shapes(items)
        self._filter = np.zeros(1 << FILTER_BITS, dtype=np.bool_)
        self._filter[_block(self._shapes)] = True
        self._halves, self._half_owners = self._make_halves()

    def _make_shapes(self, items: Places) -> tuple[Hashes, Places]:
        """Return the hashes of shapes, ascending, and of each its first word among all words."""
        places, hashes = self._windows(self._values, self._num_words)
        passages = np.searchsorted(self._firsts, places, side="right") - 1
        pairs = np.unique(np.stack([hashes, items[passages].astype(np.uint64)]), axis=1)
        shapes, num_items = np.unique(pairs[0], return_counts=True)
        rare = np.isin(hashes, shapes[num_items <= MAX_SHAPE_ITEMS])
        found, first = np.unique(hashes[rare], return_index=True)
        return found, places[rare][first]

    def _make_halves(self) -> tuple[GramTable | None, list[list[tuple[int, bool]]]]:
        """Return the halves of passages of middle length, and who has each of them."""
        low, high = EDITED_WORDS
        chosen = np.flatnonzero((self._num_words >= low) & (self._num_words <= high))
        owners: dict[int, list[tuple[int, bool]]] = {}
        long: list[int] = []
        short: list[int] = []
        lengths = 0
        for passage in chosen.tolist():
            size, first = int(self._num_words[passage]), int(self._firsts[passage])
            for start, length, is_first in (
                (0, size // 2, True),
                (size // 2, -(-size // 2), False),
            ):
                place = np.array([first + start])
                (hashed,) = gram_hashes(self._values, place, length).tolist()
                owners.setdefault(hashed, []).append((passage, is_first))
                lengths |= 1 << length
                if length == LONGEST:
                    long += long_marks(self._values, place).tolist()
                else:
                    short += short_marks(self._values, place, _array([hashed])).tolist()
        if not owners:
            return None, []
        hashes = sorted(owners)
        table = make_table(
            _array(hashes),
            long=_array(long),
            short=_array(short),
            lengths=lengths,
        )
        return table, [owners[each] for each in hashes]

    def find(self, values: Hashes, counts: Places) -> list[NearRun]:
        """Return near copies in texts of `counts` words, in the order of the texts."""
        firsts = np.cumsum(counts) - counts
        runs = [*self._renamed(values, counts, firsts), *self._edited(values, counts, firsts)]
        return sorted(set(runs))

    def _renamed(self, values: Hashes, counts: Places, firsts: Places) -> list[NearRun]:
        places, hashes = self._windows(values, counts)
        maybe = self._filter[_block(hashes)]
        places, hashes = places[maybe], hashes[maybe]
        found = np.minimum(np.searchsorted(self._shapes, hashes), len(self._shapes) - 1)
        same = self._shapes[found] == hashes if len(self._shapes) else np.zeros(0, dtype=np.bool_)
        places, owners = places[same], self._owners[found[same]]
        opens = np.ones(len(places), dtype=np.bool_)
        opens[1:] = (np.diff(places) != 1) | (np.diff(owners) != 1)
        begins = np.flatnonzero(opens)
        sizes = np.diff(np.append(begins, len(places))) - 1 + WINDOW
        runs = []
        for i, size in zip(begins.tolist(), sizes.tolist(), strict=True):
            text = int(np.searchsorted(firsts + counts, places[i], side="right"))
            passage = int(np.searchsorted(self._firsts, owners[i], side="right")) - 1
            start = int(owners[i] - self._firsts[passage])
            place = int(places[i] - firsts[text])
            runs.append(NearRun(text, place, size, passage, start, "renamed"))
        return runs

    def _windows(self, values: Hashes, counts: Places) -> tuple[Places, Hashes]:
        """Return where the windows that say enough begin, and the hashes of their shapes."""
        size = len(values) - WINDOW + 1
        owners = np.repeat(np.arange(len(counts)), counts)
        if size <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
        kept = self._kept[np.minimum(np.searchsorted(self._kept, values), len(self._kept) - 1)]
        is_kept = kept == values
        ago = _words_ago(values)
        hashes = np.zeros(size, dtype=np.uint64)
        repeated = np.zeros(size, dtype=np.int64)
        codes = np.where(is_kept, values, 0)
        distances = np.where(is_kept, 0, ago).astype(np.uint64)
        for k in range(WINDOW):
            far = ago[k : k + size] > k
            distance = np.where(far, np.uint64(0), distances[k : k + size])
            hashes = (hashes + codes[k : k + size] + distance) * np.uint64(BASE)
            hashes ^= hashes >> np.uint64(29)
            repeated += distance > 0
        sums = np.concatenate([[0], np.cumsum(is_kept)])
        num_kept = sums[WINDOW:] - sums[:-WINDOW]
        is_whole = owners[:size] == owners[WINDOW - 1 :]
        says = (num_kept >= MIN_KEPT) & (repeated >= MIN_REPEATED) & is_whole
        places = np.flatnonzero(says)
        return places, hashes[places]

    def _edited(self, values: Hashes, counts: Places, firsts: Places) -> list[NearRun]:
        runs: list[NearRun] = []
        if self._halves is None:
            return runs
        for text, place, half in zip(
            *(part.tolist() for part in scan(self._halves, values, counts)), strict=True
        ):
            begin, end = int(firsts[text]), int(firsts[text] + counts[text])
            for passage, is_first in self._half_owners[half]:
                size, first = int(self._num_words[passage]), int(self._firsts[passage])
                theirs = self._values[first : first + size].tolist()
                near = begin + place - (0 if is_first else size // 2)
                if near >= begin and values[near : near + size].tolist() == theirs:
                    continue  # it is all there
                for start, length in _around(near, size, is_first=is_first):
                    ours = values[start : start + length].tolist()
                    if begin <= start and start + length <= end and is_one_edit(ours, theirs):
                        runs.append(NearRun(text, start - begin, length, passage, 0, "edited"))
                        break
        return runs


def is_renaming(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one list is the other after a one-to-one renaming of what is not kept."""
    kept = kept_words()
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for word, other in zip(words, others, strict=True):
        if word in kept or other in kept:
            if word != other:
                return False
        elif there.setdefault(word, other) != other or back.setdefault(other, word) != word:
            return False
    return True


def is_one_edit(words: Sequence[object], others: Sequence[object]) -> bool:
    """Whether one word replaced, left out or added makes one list the other."""
    if len(words) > len(others):
        words, others = others, words
    if len(others) - len(words) > 1 or list(words) == list(others):
        return False
    same = next((i for i, word in enumerate(words) if word != others[i]), len(words))
    rest = same + 1 if len(words) == len(others) else same
    return list(words[rest:]) == list(others[same + 1 :])


def _around(near: int, size: int, *, is_first: bool) -> list[tuple[int, int]]:
    """Return the places and lengths of a copy with a word replaced, added or left out."""
    if is_first:
        return [(near, size), (near, size + 1), (near, size - 1)]
    return [(near, size), (near - 1, size + 1), (near + 1, size - 1)]


def _words_ago(values: Hashes) -> Places:
    """Return how many words before each its equal is; a large number where there is none."""
    order = np.argsort(values, kind="stable")
    again = values[order[1:]] == values[order[:-1]]
    ago = np.full(len(values), 1 << 40, dtype=np.int64)
    ago[order[1:][again]] = order[1:][again] - order[:-1][again]
    return ago


def _array(hashes: Sequence[int]) -> Hashes:
    return np.array(hashes, dtype=np.uint64)


def _block(hashes: Hashes) -> npt.NDArray[np.int64]:
    return (hashes >> np.uint64(64 - FILTER_BITS)).astype(np.int64)
