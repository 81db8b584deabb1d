"""What an iteration leaves behind: a folder that appears by rename, with its model in it.

OUT/recall/TARGET/iteration-00k holds model.bin (fastText's own), table.bin (collapsed), model.json,
and what follows from scores and decisions, written anew by each run: rank.json once, the tables of
domains and prefixes, review.tsv, decisions.tsv and metrics.json.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.storage import exists, is_local, local_path, read_bytes, write_bytes
from ...filters.recall.model import TrainedModel
from ..recall_pages import FOLDER

PARTIAL: Final = ".partial"
Record = TypeVar("Record", bound=msgspec.Struct)


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """model.json: what a model was trained on; pages that join the pool later do not change it."""

    key: str  # of the settings, seeds and labels
    iteration: int
    table_digest: str
    trained: TrainedModel
    num_positives: int
    num_negatives: int
    seed_pages: int  # that the positives were drawn from
    seed_tokens: int
    over_host_cap: int
    over_size: int
    missing_negatives: dict[str, int]
    drift: float  # of the positives' words from those of the first iteration
    largest_difference: float  # between the table and fastText's predict, of a probability
    num_compared: int


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """rank.json: from which score on a model's pages are collected, as decided once."""

    threshold: float  # a logit
    languages: dict[str, float] = {}  # of those that have one of their own
    budget_tokens: int | None  # None: the least score alone decided
    num_pages: int  # of the pool at that time


class State:
    """The folders of a target's iterations."""

    def __init__(self, out: str, target: str) -> None:
        if not is_local(out):
            raise GristmillError(
                "models have to lie on this machine, or on a disk that all workers see",
                where=f"--out {out}",
                todo="Give a local directory.",
            )
        self.out = out
        self.folder = local_path(out) / FOLDER / target
        for left in self.folder.glob(f".*{PARTIAL}"):
            shutil.rmtree(left)

    def path(self, iteration: int, name: str = "") -> Path:
        """Return an iteration's folder, or a file in it."""
        return self.folder / f"iteration-{iteration:03d}" / name

    def model(self, iteration: int) -> ModelRecord | None:
        """Return the record of an iteration's model, None where there is none."""
        return self.read(iteration, "model.json", ModelRecord)

    def read(self, iteration: int, name: str, kind: type[Record]) -> Record | None:
        """Return a record of an iteration, None where there is none."""
        path = self.path(iteration, name)
        if not exists(str(path)):
            return None
        try:
            return msgspec.json.decode(read_bytes(str(path)), type=kind)
        except msgspec.DecodeError as error:
            raise GristmillError(
                f"cannot be read: {error}",
                where=str(path),
                todo=f"Delete the folder {path.parent.name}; the next run trains again.",
            ) from None

    def write(self, iteration: int, name: str, record: msgspec.Struct) -> None:
        """Write a record of an iteration."""
        write_changed(str(self.path(iteration, name)), as_lines(record))

    @contextmanager
    def new(self, iteration: int) -> Iterator[Path]:
        """Give a folder to fill; it becomes the iteration's once it is whole."""
        partial = self.folder / f".iteration-{iteration:03d}{PARTIAL}"
        partial.mkdir(parents=True)
        yield partial
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        partial.rename(self.path(iteration))

    def drop_from(self, iteration: int) -> int:
        """Remove an iteration and all later ones; return how many there were."""
        last = iteration
        while self.path(last).exists():
            last += 1
        for number in reversed(range(iteration, last)):  # or a stop here would leave a gap
            gone = self.folder / f".{self.path(number).name}{PARTIAL}"
            self.path(number).rename(gone)
            shutil.rmtree(gone)
        return last - iteration


def as_lines(record: msgspec.Struct) -> bytes:
    """Return a record as JSON that a person can read and that does not vary."""
    return msgspec.json.format(msgspec.json.encode(record, order="deterministic")) + b"\n"


def write_changed(url: str, data: bytes) -> None:
    """Write a file by rename, unless it holds these bytes already."""
    if not exists(url) or read_bytes(url) != data:
        write_bytes(url, data)
