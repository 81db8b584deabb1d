"""What a machine does in a second of one core, step by step, and where such figures are kept."""

from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import exists, read_bytes

FORMAT_VERSION: Final = 1
REFERENCE: Final = Path(__file__).parent / "data" / "reference_rates.json"
USER_FILE: Final = ".cache/gristmill/rates.json"  # below the home directory

# Of what a step's work is counted: all text or documents, those that pass the rules, what is kept.
Basis = Literal["text_bytes", "documents", "passed_documents", "kept_bytes", "tokens"]
Kind = Literal["repository", "page", "page_fine", "document"]
KINDS: Final[tuple[Kind, ...]] = ("repository", "page", "page_fine", "document")


class Step(NamedTuple):
    """A row of a plan: one stage, or some that belong together.

    `reads` names the steps whose output it reads; `moves` says that it reads that of all shards,
    so that on a cluster most of it comes over the network.
    """

    name: str
    stages: tuple[str, ...]
    basis: Basis
    by_kind: bool = False
    reads: tuple[str, ...] = ()
    moves: bool = False


# Recall's pools are read by the cheap tier, whatever their source's own is.
POOL: Final = Step("pool", (), "text_bytes", by_kind=True)
STEPS: Final = (
    Step("read", ("read",), "text_bytes", by_kind=True),
    Step("language", ("paths", "language"), "text_bytes", by_kind=True, reads=("read",)),
    Step("measure", ("measure",), "text_bytes", by_kind=True, reads=("read",)),
    Step("sign", ("sign",), "text_bytes", by_kind=True, reads=("read",)),
    Step("decontaminate", ("decontaminate",), "text_bytes", by_kind=True, reads=("read",)),
    Step("decide", ("decide", "items", "select", "assemble"), "documents"),
    Step("dedup", (), "passed_documents", reads=("sign", "dedup"), moves=True),  # all other stages
    Step("tokenize", ("tokenize",), "kept_bytes", reads=("read",)),
    Step("pack", ("pack",), "tokens", reads=("tokenize",), moves=True),
    Step("ledger", ("ledger",), "documents"),
)


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of its basis a step did, in how many seconds of one core, writing so many bytes."""

    step: str
    kind: Kind | None = None  # of the source; None where that makes no difference
    basis: Basis
    amount: int
    cpu_seconds: float
    written_bytes: int

    @property
    def per_second(self) -> float:
        """Units of the basis in a second of one core."""
        return self.amount / self.cpu_seconds


class MachineRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `gristmill bench` measured on one machine."""

    format_version: int = FORMAT_VERSION
    date: str
    cpu: str
    cores: int
    python: str
    gristmill: str
    rates: tuple[Rate, ...]

    def find(self, step: Step, kind: Kind) -> Rate | None:
        """Return the rate of a step for sources of a kind."""
        wanted = kind if step.by_kind else None
        for rate in self.rates:
            if (rate.step, rate.kind, rate.basis) == (step.name, wanted, step.basis):
                return rate
        return None

    @property
    def machine(self) -> str:
        """Which machine it was, and when."""
        return f"{self.cpu}, Python {self.python}, gristmill {self.gristmill}, {self.date}"


def user_file() -> str:
    """Return where `gristmill bench` leaves what it measured."""
    return str(Path.home() / USER_FILE)


def load_rates(path: str | None = None) -> tuple[MachineRates, str]:
    """Return rates and what they are: the file named, this user's, or else those that come along.

    Raises:
        GristmillError: the file is not there, or holds no rates.
    """
    mine = user_file()
    if path is None and not exists(mine):
        found = _read(str(REFERENCE))
        return found, f"reference rates of another machine ({found.machine}); run `gristmill bench`"
    found = _read(path or mine)
    return found, f"{path or mine} ({found.machine})"


def _read(path: str) -> MachineRates:
    if not exists(path):
        raise GristmillError(
            "there is no such file of rates", where=path, todo="Write it with `gristmill bench`."
        )
    try:
        found = msgspec.json.decode(read_bytes(path), type=MachineRates)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"these are no rates ({error})", where=path, todo="Measure again: `gristmill bench`."
        ) from error
    if found.format_version != FORMAT_VERSION:
        raise GristmillError(
            f"the rates have format {found.format_version}, this gristmill reads {FORMAT_VERSION}",
            where=path,
            todo="Measure again: `gristmill bench`.",
        )
    return found
