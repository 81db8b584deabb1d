"""Fill-in-the-middle: which documents are rearranged, where they are cut, and how to undo it.

A document is cut on code points, before it becomes tokens, into prefix, middle and suffix. The
rule is StarCoder's: one draw per document against `rate`, then two uniform positions, sorted, so
that any part may be empty. A cut may fall between CR and LF: both are tokens of their own, and the
published rule knows no exception. What stands for something redacted, and what spells a sentinel,
stays whole: the positions inside are not drawn. The order of the parts is DeepSeek-Coder-V2's,
section 3.1:

    PSM   <begin> prefix <hole> suffix <end> middle <eos>
    SPM   <begin> <hole> suffix <end> prefix middle <eos>

SPM is the variant of Bavarian et al. that StarCoder's fork of Megatron-LM trains, with its prefix,
suffix and middle sentinels read as begin, hole and end. Read as PSM it has an empty prefix, so one
rule undoes both: the text is prefix, then what follows <end>, then suffix.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .errors import GristmillError
from .ids import seeded_hash
from .record import Component
from .tokenizer import Tokenizer
from .tokenizer_info import Sentinels, TokenizerInfo

IdArray = npt.NDArray[np.int32]

_ONE: Final = 1 << 64  # seeded hashes are uniform below this
# A placeholder such as <EMAIL>, and the text of a sentinel in either kind of bar.
_WHOLE = re.compile("<(?:[A-Z][A-Z0-9_]{1,31}|[|\uff5c][^<>|\uff5c\\s]{1,40}[|\uff5c])>")
_DEEPSEEK_V2: Final = Sentinels()


class FimMode(IntEnum):
    """How the tokens of a row are ordered; the value of a token row's `fim`."""

    NONE = 0
    PSM = 1
    SPM = 2


class FimSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DeepSeek-Coder-V2's objective: half of the documents, PSM, before packing (section 3.1).

    The paper does not say whether math and natural language are rearranged too; here only code is.
    Each of `epochs` passes draws other documents and other cuts; the mixture's 3.08 epochs of code
    (section 2) need four. Later passes repeat these in turn. `epoch` numbers the first.
    """

    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    spm_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # share of the rearranged documents
    min_chars: Annotated[int, msgspec.Meta(ge=0)] = 0  # shorter documents keep their order
    seed: int = 0
    epoch: Annotated[int, msgspec.Meta(ge=0)] = 0
    epochs: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    apply_to: tuple[Component, ...] = ("code",)

    def for_component(self, component: Component) -> "FimSettings":
        """Return what of these settings can change a component's tokens."""
        if component not in self.apply_to or self.rate == 0:
            return FimSettings(rate=0, epochs=1, apply_to=())
        return msgspec.structs.replace(self, apply_to=(component,))

    def at(self, number: int) -> "FimSettings":
        """Return the settings of one pass, counted from 0."""
        return msgspec.structs.replace(self, epoch=self.epoch + number, epochs=1)


# Section 3.1: the 16B model is trained with fill-in-the-middle, the 236B model without.
FIM_PRESETS: Final[Mapping[str, FimSettings]] = MappingProxyType(
    {"paper-v2-lite": FimSettings(), "paper-v2": FimSettings(rate=0.0, epochs=1, apply_to=())}
)


def check_fim(settings: FimSettings, tokenizer: TokenizerInfo, *, where: str) -> None:
    """Raise GristmillError where documents are to be rearranged without tokens to do it with."""
    if settings.rate and settings.apply_to and tokenizer.sentinels.fim_hole is None:
        raise GristmillError(
            f"{tokenizer.name} has no tokens for documents that FIM rearranges",
            where=f"{where}: tokenizer",
            todo="Name fim_hole, fim_begin and fim_end, or set fim.rate to 0.",
        )


class FimSplit(NamedTuple):
    """Where a document of `num_chars` code points is cut: 0 <= start <= stop <= num_chars."""

    mode: FimMode
    start: int  # where the middle starts
    stop: int  # where the suffix starts


class FimParts(NamedTuple):
    """The tokens between the sentinels; of an SPM row, `middle` starts with the prefix."""

    prefix: IdArray
    suffix: IdArray
    middle: IdArray


def split_fim(
    identity: bytes,
    num_chars: int,
    settings: FimSettings,
    *,
    forbidden: Sequence[tuple[int, int]] = (),
) -> FimSplit | None:
    """Return how the document is rearranged, or None if it keeps its order.

    All draws depend on the seed, the epoch and the document's id alone. `forbidden` are spans of
    characters, sorted and apart, that no cut falls inside of; every other position is equally
    likely.
    """
    if num_chars < settings.min_chars:
        return None
    if _draw("rate", identity, settings) >= settings.rate * _ONE:
        return None
    mode = FimMode.PSM
    if _draw("mode", identity, settings) < settings.spm_rate * _ONE:
        mode = FimMode.SPM
    allowed = num_chars + 1 - sum(stop - start - 1 for start, stop in forbidden)
    cuts = (_draw(name, identity, settings) * allowed // _ONE for name in ("one", "two"))
    start, stop = sorted(_skip(cut, forbidden) for cut in cuts)
    return FimSplit(mode, start, stop)


def whole_spans(text: str) -> list[tuple[int, int]]:
    """Return what no cut falls inside of: placeholders of redacted text, and spelt sentinels."""
    return [match.span() for match in _WHOLE.finditer(text)]


def undo_fim(tokens: IdArray | Sequence[int], sentinels: Sentinels = _DEEPSEEK_V2) -> FimParts:
    """Return the three parts of a rearranged row that ends with EOS; shape (num_tokens,)."""
    row = np.asarray(tokens, dtype=np.int32)
    holes = np.flatnonzero(row == sentinels.fim_hole)
    ends = np.flatnonzero(row == sentinels.fim_end)
    shaped = len(row) > 3 and row[0] == sentinels.fim_begin and row[-1] == sentinels.eos
    if not shaped or len(holes) != 1 or len(ends) != 1 or holes[0] > ends[0]:
        raise GristmillError(
            "the sentinels are not those of one rearranged document",
            where="token row",
            todo="Pass one whole row of a token shard, from its first token to its EOS.",
        )
    hole, end = int(holes[0]), int(ends[0])
    return FimParts(row[1:hole], row[hole + 1 : end], row[end + 1 : -1])


def restore(tokens: IdArray | Sequence[int], tokenizer: Tokenizer) -> bytes:
    """Return the text of one row, rearranged or not, as the UTF-8 bytes it was made from."""
    row = np.asarray(tokens, dtype=np.int32)
    if len(row) == 0 or row[-1] != tokenizer.sentinels.eos:
        raise GristmillError(
            "a token row does not end with EOS",
            where="token row",
            todo="Pass one whole row of a token shard.",
        )
    if row[0] != tokenizer.sentinels.fim_begin:
        return tokenizer.decode_bytes(row[:-1])
    prefix, suffix, middle = undo_fim(row, tokenizer.sentinels)
    return b"".join(tokenizer.decode_bytes(part) for part in (prefix, middle, suffix))


def _draw(name: str, identity: bytes, settings: FimSettings) -> int:
    return seeded_hash("fim", settings.seed, identity, str(settings.epoch), name)


def _skip(number: int, forbidden: Sequence[tuple[int, int]]) -> int:
    """Return the position that is `number`th among those outside of the spans."""
    for start, stop in forbidden:
        if number <= start:
            break
        number += stop - start - 1
    return number
