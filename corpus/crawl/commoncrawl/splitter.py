"""Cuts a WARC file that arrives in pieces of any size into its gzip members.

Nothing is read ahead or twice, so that a stream can restart at the start of any record: give the
checkpoint as `start`, and ask the server for the bytes from there on.
"""

from collections.abc import Generator, Iterator

import msgspec

from .inflate import DAMAGE, Inflater, start_inflater
from .outcome import Outcome
from .records import RecordSettings

# What follows a member within a piece is copied once, so pieces are no larger than a record.
PIECE_BYTES = 1 << 14
MAGIC = b"\x1f\x8b\x08"
RECORD_START = b"WARC/"
TRIAL_BYTES = 512  # enough of a member to see the first bytes of its record


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One gzip member, or a run of bytes that is none.

    Attributes:
        offset: in the file as it lies.
        num_bytes: the length in the file; the next member starts behind it.
        data: the member as it lies, empty unless `outcome` is `ok`.
        plain: what it unpacks to, empty unless `outcome` is `ok`.
        outcome: `ok`, `too_large`, `corrupt_gzip` or `cut_short`.
        detail: what is wrong.
    """

    offset: int
    num_bytes: int
    data: bytes = b""
    plain: bytes = b""
    outcome: Outcome = "ok"
    detail: str = ""


class MemberSplitter:
    """Finds the members of one file.

    Args:
        start: the offset of the first byte that will be fed.
    """

    def __init__(self, settings: RecordSettings, *, start: int = 0) -> None:
        self._settings = settings
        self._offset = start
        self._damage: str | None = None  # set while the next member is searched
        self._raw = bytearray()  # since `_offset`, less what was dropped
        self._num_dropped = 0
        self._restart_member()

    @property
    def checkpoint(self) -> int:
        """The offset up to which every byte was told of in a member."""
        return self._offset

    def feed(self, chunk: bytes) -> Iterator[Member]:
        """Yield the members that end in `chunk`; take them all before the next call."""
        pending = [memoryview(chunk)]
        while pending:
            data = pending.pop()
            if not data:
                continue
            if self._damage is None:
                rest = yield from self._inflate(data)
            else:
                self._raw += data[:PIECE_BYTES]
                rest = data[PIECE_BYTES:]
            pending.append(rest)
            if self._damage is not None and (found := self._find_record(is_last=False)):
                yield found[0]
                pending.append(memoryview(found[1]))

    def finish(self) -> Iterator[Member]:
        """Yield what is left at the file's end: nothing, unless it is damaged."""
        while self._num_raw:
            is_cut = self._damage is None
            self._damage = self._damage or f"the file ends within it, after {self._num_raw} bytes"
            # What looked like a member may have swallowed true ones.
            found = self._find_record(is_last=True)
            if found is None:
                outcome: Outcome = "cut_short" if is_cut else "corrupt_gzip"
                yield self._bad(self._num_raw, outcome, self._damage)
                return
            yield found[0]
            yield from self.feed(found[1])

    @property
    def _num_raw(self) -> int:
        return self._num_dropped + len(self._raw)

    def _restart_member(self) -> None:
        self._inflater: Inflater = start_inflater()
        self._plain: list[bytes] = []
        self._num_plain = 0
        self._is_too_large = False

    def _inflate(self, data: memoryview) -> Generator[Member, None, memoryview]:
        """Yield members until one is damaged; return the bytes that were not looked at."""
        position = 0
        while position < len(data):
            if not self._num_raw and (num_padding := _num_zeros(data[position:])):
                position += num_padding
                self._offset += num_padding
                continue
            piece = data[position : position + PIECE_BYTES]
            try:
                plain = self._inflater.decompress(piece)
            except DAMAGE as error:
                self._raw += piece
                self._damage = str(error)
                return data[position + len(piece) :]
            num_used = len(piece)
            if self._inflater.eof:
                num_used -= len(self._inflater.unused_data)
            self._keep(piece[:num_used], plain)
            position += num_used
            if self._inflater.eof:
                yield self._member()
        return data[:0]

    def _keep(self, piece: memoryview, plain: bytes) -> None:
        self._num_plain += len(plain)
        num_raw = self._num_raw + len(piece)
        settings = self._settings
        if self._num_plain > settings.max_record_bytes or num_raw > settings.max_member_bytes:
            self._is_too_large = True
            self._plain.clear()
            self._raw.clear()
            self._num_dropped = num_raw
        else:
            self._raw += piece
            self._plain.append(plain)

    def _member(self) -> Member:
        if self._is_too_large:
            detail = f"{self._num_plain} bytes unpacked, {self._num_raw} packed"
            return self._bad(self._num_raw, "too_large", detail)
        plain = self._plain[0] if len(self._plain) == 1 else b"".join(self._plain)
        member = Member(
            offset=self._offset, num_bytes=len(self._raw), data=bytes(self._raw), plain=plain
        )
        self._advance(len(self._raw))
        return member

    def _bad(self, num_bytes: int, outcome: Outcome, detail: str) -> Member:
        member = Member(offset=self._offset, num_bytes=num_bytes, outcome=outcome, detail=detail)
        self._advance(num_bytes)
        return member

    def _advance(self, num_bytes: int) -> None:
        self._offset += num_bytes
        self._raw.clear()
        self._num_dropped = 0
        self._damage = None
        self._restart_member()

    def _find_record(self, *, is_last: bool) -> tuple[Member, bytes] | None:
        """Return the damage up to the next member that shows a record, and the bytes from there.

        None if there is no such member in the bytes so far.
        """
        assert self._damage is not None
        raw = bytes(self._raw)
        # The first byte is where the damaged member starts, unless its start was dropped.
        position = raw.find(MAGIC, 0 if self._num_dropped else 1)
        while position >= 0 and (is_last or len(raw) - position >= TRIAL_BYTES):
            if _shows_record(raw[position : position + TRIAL_BYTES]):
                num_bytes = self._num_dropped + position
                return self._bad(num_bytes, "corrupt_gzip", self._damage), raw[position:]
            position = raw.find(MAGIC, position + 1)
        num_kept = len(raw) - position if position >= 0 else len(MAGIC) - 1
        if num_kept < len(raw):
            self._raw = bytearray(raw[len(raw) - num_kept :])
            self._num_dropped += len(raw) - num_kept
        return None


def _num_zeros(data: memoryview) -> int:
    """Return how many zeros `data` starts with: some writers pad files with them."""
    if data[0]:
        return 0
    head = bytes(data[:PIECE_BYTES])
    return len(head) - len(head.lstrip(b"\0"))


def _shows_record(data: bytes) -> bool:
    try:
        return start_inflater().decompress(data, len(RECORD_START)) == RECORD_START
    except DAMAGE:
        return False
