"""How a target stands, read from the folder that its last run left: what a report shows."""

from typing import Final, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ...corpus.errors import GristmillError
from ...corpus.storage import exists, join, open_read, read_bytes
from ...filters.recall.decisions import Decision, parse_decisions
from ..recall_pages import FOLDER, RECORD
from .costs import COSTS_FILE, LoopCosts
from .metrics import IterationMetrics
from .samples import SAMPLES_FILE

Kind = TypeVar("Kind", bound=msgspec.Struct)
DOMAIN_COLUMNS: Final = ["host", "num_pages", "num_collected", "num_tokens", "lower", "upper"]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a report needs of recall.json."""

    target: str
    pages: int  # of the pool
    left_out: dict[str, int]
    iterations: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a target."""

    counted: Counted
    iterations: tuple[IterationMetrics, ...]
    domains: pa.Table  # in topic after the last iteration, those of most collected pages first
    questions: list[Decision]  # of the last iteration, those of most tokens first
    samples: tuple[pa.Table, ...]  # an iteration each
    costs: LoopCosts


def read_standing(out: str, target: str) -> Standing | None:
    """Return how a target of a build directory stands, None where its loop has not run.

    Raises:
        GristmillError: a file is missing, or not what this version writes.
    """
    folder = join(out, FOLDER, target)
    if not exists(join(folder, RECORD)):
        return None
    counted = _record(join(folder, RECORD), Counted)
    places = [join(folder, f"iteration-{i + 1:03d}") for i in range(counted.iterations)]
    domains = _table(join(places[-1], "domains.parquet"))
    in_topic = domains.filter(domains["in_topic"]).select(DOMAIN_COLUMNS)
    review = join(places[-1], "review.tsv")
    return Standing(
        counted=counted,
        iterations=tuple(_record(join(one, "metrics.json"), IterationMetrics) for one in places),
        domains=in_topic.sort_by([("num_collected", "descending"), ("host", "ascending")]),
        questions=parse_decisions(_bytes(review).decode(), review),
        samples=tuple(_table(join(one, SAMPLES_FILE)) for one in places),
        costs=_record(join(folder, COSTS_FILE), LoopCosts),
    )


def _record(url: str, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(_bytes(url), type=kind)
    except msgspec.DecodeError as error:
        raise _unreadable(url, str(error)) from None


def _table(url: str) -> pa.Table:
    if not exists(url):
        raise _unreadable(url, "there is no such file")
    try:
        with open_read(url) as stream:
            return pq.read_table(stream)
    except pa.ArrowInvalid as error:
        raise _unreadable(url, str(error)) from None


def _bytes(url: str) -> bytes:
    if not exists(url):
        raise _unreadable(url, "there is no such file")
    return read_bytes(url)


def _unreadable(url: str, what: str) -> GristmillError:
    return GristmillError(
        f"cannot be read: {what}",
        where=url,
        todo="Run `gristmill recall` again: all but the models is written anew.",
    )
