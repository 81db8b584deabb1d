"""Where the texts of a column hold what a benchmark holds: exact hits with their places.

A benchmark's item has passages: its prompt, question, solution and so on. A passage of ten words
or more is found by any ten of its words in a row, one of three to nine words as a whole (DeepSeek-
Coder, section 2.4). Words are those of shingles.py: lower-cased runs of letters, digits and "_",
and single CJK characters. Hashes only propose: every hit has been compared word by word.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .columns import text_batches
from .near_contamination import NearIndex, NearRun, is_one_edit, is_renaming
from .ngrams import (
    LONGEST,
    SHORTEST,
    Found,
    GramTable,
    Places,
    gram_hashes,
    long_marks,
    make_table,
    scan,
    short_marks,
    values_of_words,
    word_values,
)
from .shingles import Hashes
from .words import Words, find_words

HitKind = Literal["ngram", "exact", "renamed", "edited"]
MAX_HITS = 16  # of a text; those of most words are kept
MAX_RUNS = 64  # of a text that are compared word by word
MAX_OWNERS = 32  # passages that are named for one n-gram
MAX_EXCERPT = 120  # characters
BATCH_BYTES = 1 << 18  # so that the values of the words stay in the cache

HITS = pa.list_(
    pa.struct(
        [
            ("benchmark", pa.string()),
            ("item", pa.string()),
            ("field", pa.string()),  # of the item
            ("kind", pa.string()),  # ngram, exact, renamed or edited
            ("start", pa.int64()),  # of the first word, in characters of the text
            ("length", pa.int64()),  # in characters
            ("num_words", pa.int64()),
            ("excerpt", pa.string()),  # the beginning of the hit, white space made one blank
        ]
    )
)
PASSAGES = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("field", pa.string()),
        ("words", pa.large_string()),  # normalised, with a blank between two
        ("num_words", pa.int32()),
        ("ignored", pa.list_(pa.int32())),  # first words of the n-grams that are not looked for
    ]
)


class Run(NamedTuple):
    """Words of a text that are words of a passage, in a row."""

    text: int
    place: int  # the first word in the text
    passage: int
    start: int  # the first word in the passage
    num_words: int


class Grams(NamedTuple):
    """The n-grams of all passages: `passages[i]` has one of `lengths[i]` words at `starts[i]`."""

    passages: Places
    starts: Places
    lengths: Places


def passage_grams(num_words: Places) -> Grams:
    """Return the n-grams of passages of so many words, in their order; short ones have one."""
    lengths = np.minimum(num_words, LONGEST)
    counts = num_words - lengths + 1
    passages = np.repeat(np.arange(len(num_words)), counts)
    starts = np.arange(len(passages)) - (np.cumsum(counts) - counts)[passages]
    return Grams(passages, starts, lengths[passages])


class ContaminationIndex:
    """The passages of benchmarks, ready to be looked for; about 40 bytes for each n-gram."""

    def __init__(self, passages: pa.Table, *, near: bool = False) -> None:
        """Take the rows of PASSAGES of an index file, of which there is at least one.

        With `near`, what was renamed or edited is found too (see near_contamination.py).
        """
        assert passages.num_rows, "an index has a passage"
        self.passages = passages
        self._words = passages["words"].combine_chunks()
        names = ("benchmark", "item", "field")
        self._names = {name: passages[name].combine_chunks() for name in names}
        num_words = passages["num_words"].to_numpy().astype(np.int64)
        self._lengths = np.minimum(num_words, LONGEST)
        grams = _without(passage_grams(num_words), passages["ignored"])
        words = pc.split_pattern(self._words, " ").flatten().dictionary_encode()
        values = values_of_words(words.dictionary)[words.indices.to_numpy()]
        firsts = (np.cumsum(num_words) - num_words)[grams.passages] + grams.starts
        hashes = _hashes(values, firsts, grams.lengths)
        is_long = grams.lengths == LONGEST
        long = long_marks(values, firsts[is_long])
        short = short_marks(values, firsts[~is_long], hashes[~is_long])
        order = np.argsort(hashes, kind="stable")
        unique, first = np.unique(hashes[order], return_index=True)
        self._owner_offsets = np.append(first, len(order))
        self._owner_passages = grams.passages[order]
        self._owner_starts = grams.starts[order]
        present = sum(1 << int(length) for length in np.unique(grams.lengths))
        self.table: GramTable = make_table(unique, long=long, short=short, lengths=present)
        self._near = NearIndex(values, num_words, self._items()) if near else None

    def _items(self) -> Places:
        """Return a number for each passage that those of the same item share."""
        parts = [self._names[name] for name in ("benchmark", "item")]
        keys = pc.binary_join_element_wise(*parts, "\n").dictionary_encode()
        items: Places = keys.indices.to_numpy().astype(np.int64)
        return items

    def find(self, texts: pa.ChunkedArray) -> pa.Array:
        """Return the hits of each text of a string column as HITS, null where there is no text.

        Of a text the MAX_HITS hits of most words are given, those first.
        """
        hits: list[list[dict[str, object]] | None] = [None] * len(texts)
        for row in np.flatnonzero(pc.is_valid(texts).to_numpy()).tolist():
            hits[row] = []
        first = 0
        for batch in text_batches(texts, BATCH_BYTES):
            values, counts = word_values(batch)
            found = self._runs(scan(self.table, values, counts))
            near = self._near.find(values, counts) if self._near else []
            both: list[Run | NearRun] = [*found, *near]
            for text in sorted({run.text for run in both}):
                start, stop = batch.offsets[text : text + 2].tolist()
                content = batch.data[start:stop].tobytes().decode()
                runs = [run for run in both if run.text == text]
                hits[first + text] = self._verified(content, runs)
            first += batch.num_texts
        return pa.array(hits, HITS)

    def _runs(self, found: Found) -> list[Run]:
        """Join n-grams that follow each other in a text and a passage; longest first in a text."""
        if not len(found.texts):
            return []
        begins = self._owner_offsets[found.grams]
        counts = np.minimum(self._owner_offsets[found.grams + 1] - begins, MAX_OWNERS)
        source = np.repeat(np.arange(len(counts)), counts)
        rank = np.arange(len(source)) - (np.cumsum(counts) - counts)[source]
        owners = begins[source] + rank
        passages, starts = self._owner_passages[owners], self._owner_starts[owners]
        texts, places = found.texts[source], found.places[source]
        order = np.lexsort((places, places - starts, passages, texts))
        keys = np.stack([texts, passages, places - starts])[:, order]
        places = places[order]
        opens = np.ones(len(order), dtype=np.bool_)
        opens[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0) | (places[1:] != places[:-1] + 1)
        firsts = np.flatnonzero(opens)
        sizes = np.diff(np.append(firsts, len(order))) - 1
        sizes = sizes + self._lengths[keys[1, firsts]]
        texts, passages = keys[0, firsts], keys[1, firsts]
        places, starts = places[firsts], starts[order][firsts]
        order = np.lexsort((starts, places, passages, -sizes, texts))
        rank = np.arange(len(order)) - np.searchsorted(texts[order], texts[order])
        chosen = order[rank < MAX_RUNS]
        columns = (texts, places, passages, starts, sizes)
        rows = zip(*(column[chosen].tolist() for column in columns), strict=True)
        return [Run(*row) for row in rows]

    def _verified(self, content: str, runs: Sequence[Run | NearRun]) -> list[dict[str, object]]:
        """Return the hits whose words are those of the passage, or nearly so."""
        text = find_words(content)
        hits: list[dict[str, object]] = []
        for run in runs:
            if len(hits) == MAX_HITS:
                break
            ours = text.strings(run.place, run.place + run.num_words)
            passage = self._words[run.passage].as_py().split(" ")
            kind: HitKind | None
            if isinstance(run, NearRun):
                kind = _near_kind(run, ours, passage)
            else:
                is_same = ours == passage[run.start : run.start + run.num_words]
                kind = ("ngram" if len(passage) >= LONGEST else "exact") if is_same else None
            if kind is not None:
                hits.append(self._hit(content, text, run, kind))
        return hits

    def _hit(
        self, content: str, text: Words, run: Run | NearRun, kind: HitKind
    ) -> dict[str, object]:
        """Return a run of words of a text as a row of HITS."""
        start = int(text.starts[run.place])
        stop = int(text.stops[run.place + run.num_words - 1])
        return {
            **{name: column[run.passage].as_py() for name, column in self._names.items()},
            "kind": kind,
            "start": start,
            "length": stop - start,
            "num_words": run.num_words,
            "excerpt": excerpt(content[start:stop]),
        }


def excerpt(text: str) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(text[: 8 * MAX_EXCERPT].split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 3] + "..."


def _without(grams: Grams, ignored: pa.ChunkedArray) -> Grams:
    """Return the n-grams that are looked for."""
    lists = ignored.combine_chunks()
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    if not counts.any():
        return grams
    num_grams = np.bincount(grams.passages, minlength=len(counts))
    firsts = np.cumsum(num_grams) - num_grams
    kept = np.ones(len(grams.starts), dtype=np.bool_)
    kept[np.repeat(firsts, counts) + lists.flatten().to_numpy()] = False
    return Grams(*(column[kept] for column in grams))


def _near_kind(run: NearRun, ours: list[str], passage: list[str]) -> HitKind | None:
    """Return what a proposed near copy is, None if it is none or is an exact one."""
    if run.kind == "edited":
        return "edited" if is_one_edit(ours, passage) else None
    theirs = passage[run.start : run.start + run.num_words]
    return "renamed" if ours != theirs and is_renaming(ours, theirs) else None


def _hashes(values: Hashes, firsts: Places, lengths: Places) -> Hashes:
    """Return the hash of each n-gram, by its first word and its length."""
    hashes = np.empty(len(firsts), dtype=np.uint64)
    for length in range(SHORTEST, LONGEST + 1):
        chosen = lengths == length
        hashes[chosen] = gram_hashes(values, firsts[chosen], length)
    return hashes
