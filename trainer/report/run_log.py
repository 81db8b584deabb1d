"""Where records go: a line for people, JSON lines and TensorBoard's files for tools.

`OUT/metrics.jsonl` has one record a line. A run that goes on takes out what was written after the
checkpoint, so that no step is there twice.
"""

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from ...corpus.storage import replace_atomically
from .progress_line import progress_line
from .records import EvaluationRecord, Record, SkipRecord, StepRecord, scalars

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS: Final = "metrics.jsonl"  # below the run folder, as the next
TENSORBOARD: Final = "tensorboard"


class RunLog:
    """The records of one run; only the first rank has one. Close it in the end."""

    def __init__(
        self, out: str, *, first_step: int = 0, tensorboard: bool, stream: TextIO = sys.stderr
    ) -> None:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        _drop_later_records(folder / METRICS, first_step)
        self._lines = (folder / METRICS).open("ab")
        self._stream = stream
        self._board = _board(folder / TENSORBOARD, first_step) if tensorboard else None

    def write(self, record: Record) -> None:
        """Write a record everywhere; it is on the disk, if not synced, when this returns."""
        self._lines.write(msgspec.json.encode(record) + b"\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in scalars(record).items():
                self._board.add_scalar(name, value, record.step)
            self._board.flush()
        print(progress_line(record), file=self._stream, flush=True)

    def note(self, text: str) -> None:
        """Write a line for people alone."""
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_records(out: str) -> list[Record]:
    """Return all records of a run; a last line that was cut off is not one."""
    path = Path(out) / METRICS
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    decoder = msgspec.json.Decoder(StepRecord | SkipRecord | EvaluationRecord)
    return [decoder.decode(line) for line in lines]


def _board(folder: Path, first_step: int) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None)


def _drop_later_records(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = [record for record in read_records(str(path.parent)) if record.step <= step]
    with replace_atomically(str(path)) as partial:
        partial.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in kept))
