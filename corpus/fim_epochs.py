"""Later epochs of a training document: how its stored row is rearranged anew for each of them.

A row holds the tokens of the first epoch. For each later one it holds edits: runs of its own
tokens, and the few ids that stand nowhere in it. The result is the row that tokenizing the newly
cut text gives, and needs no tokenizer. With DeepSeek-V2's vocabulary that is cheap, since a newline
is a token of its own that no rule looks across: only the lines that a cut falls into are tokenized
again. With another, the parts are tokenized whole, and what the row has of them is found again.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .fim import FimMode, FimSplit
from .fim_matches import StoredTokens
from .tokenizer import Tokenizer
from .tokenizer_info import DEEPSEEK_V2, Sentinels

IdArray = npt.NDArray[np.int32]

_NEWLINE: Final = ord("\n")
_NO_EDITS: Final = np.empty(0, dtype=np.int32)


class _Fresh(NamedTuple):
    """Text to encode, from a character of the row's text on."""

    text: str
    start: int


Step = range | _Fresh | int  # stored tokens, text to encode, a sentinel


class LaterEpoch(NamedTuple):
    """A row in a later epoch; no edits: as it is stored."""

    fim: FimMode
    num_tokens: int
    edits: IdArray  # an id, or -1 - start and stop of a run of the row's tokens


class StoredRow(NamedTuple):
    """A row of the first epoch, and the text it was made from."""

    text: str
    tokens: IdArray  # EOS last
    split: FimSplit | None


class _Run(NamedTuple):
    """Characters [start, stop) of the text are the row's tokens from `first` to `end`."""

    start: int
    stop: int
    first: int
    end: int


def make_later_epochs(
    rows: Sequence[StoredRow],
    splits: Sequence[Sequence[FimSplit | None]],
    tokenizer: Tokenizer,
) -> list[tuple[LaterEpoch, ...]]:
    """Return each row in each later epoch, whose cuts are given.

    The tokenizer is called once for all of them.
    """
    plans = []
    newline, sizes = None, None
    if tokenizer.info == DEEPSEEK_V2.info:  # of another, lines may not stand alone
        (newline,) = tokenizer.encode("\n").tolist()
    elif tokenizer.is_byte_level:
        sizes = tokenizer.token_sizes
    for row, later in zip(rows, splits, strict=True):
        cutter = _Cutter(row, newline, tokenizer.sentinels)
        plans.append((cutter, [(split, list(cutter.steps(split))) for split in later]))
    steps = (step for _, plan in plans for _, steps in plan for step in steps)
    texts = [step.text for step in steps if isinstance(step, _Fresh)]
    encoded = iter(tokenizer.encode_batch(texts))
    return [
        tuple(_epoch(split, cutter.filled(steps, encoded, sizes)) for split, steps in plan)
        for cutter, plan in plans
    ]


def apply_edits(tokens: IdArray, edits: IdArray) -> IdArray:
    """Return a row as a later epoch has it; `tokens` are those stored, EOS included."""
    if not len(edits):
        return tokens
    parts, position = [], 0
    for at in np.flatnonzero(edits < 0).tolist():
        parts += [edits[position:at], tokens[-1 - edits[at] : edits[at + 1]]]
        position = at + 2
    return np.concatenate([*parts, edits[position:]])


class Filled(NamedTuple):
    """What a row is put together from, and how many tokens the stored row has."""

    parts: list[range | IdArray]
    num_stored: int


class _Cutter:
    """Finds the runs of a row that stand unchanged in the row of another split."""

    def __init__(self, row: StoredRow, newline: int | None, sentinels: Sentinels) -> None:
        self._row, self._sentinels = row, sentinels
        self._newline = newline
        self._found: StoredTokens | None = None

    def steps(self, split: FimSplit | None) -> Iterator[Step]:
        """Yield what the row of a split is put together from; EOS is copied like text."""
        row = self._row
        length, eos = len(row.text), range(len(row.tokens) - 1, len(row.tokens))
        if split == row.split:
            yield range(len(row.tokens))
        elif split is None:
            yield from (*self._text(0, length), eos)
        else:
            prefix = self._text(0, split.start)
            middle, suffix = self._text(split.start, split.stop), self._text(split.stop, length)
            ids = self._sentinels
            assert ids.fim_begin is not None, "check_fim"
            assert ids.fim_hole is not None
            assert ids.fim_end is not None
            if split.mode == FimMode.PSM:
                yield from (ids.fim_begin, *prefix, ids.fim_hole, *suffix, ids.fim_end)
                yield from (*middle, eos)
            else:
                yield from (ids.fim_begin, ids.fim_hole, *suffix, ids.fim_end)
                yield from (*prefix, *middle, eos)

    def _text(self, start: int, stop: int) -> Iterator[Step]:
        """Yield how the tokens of a part are had: whole lines from the row, the rest encoded."""
        low, high, position = self._line_after(start), self._line_before(stop), start
        for run in self._known:
            first, last = max(low, run.start), min(high, run.stop)
            if first < last:
                if position < first:
                    yield _Fresh(self._row.text[position:first], position)
                yield range(self._token(first, run), self._token(last, run))
                position = last
        if position < stop:
            yield _Fresh(self._row.text[position:stop], position)

    def filled(
        self, steps: list[Step], encoded: Iterator[IdArray], sizes: npt.NDArray[np.int64] | None
    ) -> Filled:
        """Return steps with their ids; with sizes, what the row has of these is copied from it."""
        parts = list[range | IdArray]()
        for step in steps:
            if isinstance(step, int):
                parts.append(np.array([step], dtype=np.int32))
            elif isinstance(step, range):
                parts.append(step)
            elif sizes is None:
                parts.append(next(encoded))
            else:
                byte = int(self._bytes[step.start])
                parts += self._stored(sizes).match(next(encoded), byte)
        return Filled(parts, len(self._row.tokens))

    def _stored(self, sizes: npt.NDArray[np.int64]) -> StoredTokens:
        if self._found is None:
            runs = [(int(self._bytes[run.start]), run.first, run.end) for run in self._runs]
            self._found = StoredTokens(self._row.tokens, runs, sizes)
        return self._found

    @functools.cached_property
    def _chars(self) -> npt.NDArray[np.uint32]:
        return np.frombuffer(self._row.text.encode("utf-32-le"), dtype="<u4")

    @functools.cached_property
    def _bytes(self) -> npt.NDArray[np.int64]:
        """Return at which byte of UTF-8 each character begins, and the number of all."""
        limits = (0x80, 0x800, 0x10000)
        widths = 1 + sum((self._chars >= limit).astype(np.int64) for limit in limits)
        return np.concatenate([[0], np.cumsum(widths)])

    @functools.cached_property
    def _newlines(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self._chars == _NEWLINE)

    @functools.cached_property
    def _bounds(self) -> npt.NDArray[np.int64]:
        """Return where lines start, and the end of the text."""
        bounds = np.concatenate([[0], self._newlines + 1, [len(self._row.text)]])
        return bounds[:-1] if len(bounds) > 1 and bounds[-1] == bounds[-2] else bounds

    def _line_after(self, char: int) -> int:
        """Return the first bound that is not before a character."""
        return int(self._bounds[self._bounds.searchsorted(char)])

    def _line_before(self, char: int) -> int:
        """Return the last bound that is not after a character."""
        return int(self._bounds[self._bounds.searchsorted(char, side="right") - 1])

    @functools.cached_property
    def _after(self) -> npt.NDArray[np.int64]:
        """Return for each newline of the text the offset of the token that follows it."""
        tokens = self._row.tokens
        found = [
            np.flatnonzero(tokens[run.first : run.end] == self._newline) + run.first + 1
            for run in self._runs
        ]
        return np.concatenate(found)

    @functools.cached_property
    def _runs(self) -> list[_Run]:
        tokens, split, length = self._row.tokens, self._row.split, len(self._row.text)
        eos = len(tokens) - 1
        if split is None:
            return [_Run(0, length, 0, eos)]
        places = (self._sentinels.fim_hole, self._sentinels.fim_end)
        hole, end = (int(np.flatnonzero(tokens == i)[0]) for i in places)
        suffix = _Run(split.stop, length, hole + 1, end)
        if split.mode == FimMode.SPM:
            return [_Run(0, split.stop, end + 1, eos), suffix]
        prefix = _Run(0, split.start, 1, hole)
        return [prefix, _Run(split.start, split.stop, end + 1, eos), suffix]

    @functools.cached_property
    def _known(self) -> list[_Run]:
        """Return the whole lines of each run, less the line that the cut inside of it broke."""
        if self._newline is None or len(self._after) != len(self._newlines):
            return []  # lines may not stand alone: all is encoded again
        found = list[_Run]()
        for run in self._runs:
            inner = (self._row.split.start,) if self._row.split else ()
            cuts = [run.start, *(cut for cut in inner if run.start < cut < run.stop), run.stop]
            for start, stop in itertools.pairwise(cuts):
                low, high = self._line_after(start), self._line_before(stop)
                if low < high:
                    first, end = self._token(low, run), self._token(high, run)
                    found.append(_Run(low, high, first, end))
        return found

    def _token(self, bound: int, run: _Run) -> int:
        """Return the offset of the token at a line's start, or at an end of the run."""
        if bound in (run.start, run.stop):
            return run.first if bound == run.start else run.end
        return int(self._after[self._newlines.searchsorted(bound - 1)])


def _epoch(split: FimSplit | None, filled: Filled) -> LaterEpoch:
    parts = list[range | IdArray]()
    for part in filled.parts:
        last = parts[-1] if parts else None
        if isinstance(part, range) and isinstance(last, range) and last.stop == part.start:
            parts[-1] = range(last.start, part.stop)
        else:
            parts.append(part)
    mode = split.mode if split else FimMode.NONE
    if parts == [range(filled.num_stored)]:
        return LaterEpoch(mode, filled.num_stored, _NO_EDITS)
    edits = [
        np.array([-1 - part.start, part.stop], dtype=np.int32) if isinstance(part, range) else part
        for part in parts
    ]
    return LaterEpoch(mode, sum(map(len, parts)), np.concatenate(edits))
