"""Which tokenizer a corpus is written with: its name, its digest, and the ids that are no text."""

from typing import Annotated, Final

import msgspec

from .deepseek import DIGEST

BOS: Final = 100_000
EOS: Final = 100_001  # also the padding id, as in DeepSeek-V2's configuration
FIM_HOLE: Final = 100_002
FIM_BEGIN: Final = 100_003
FIM_END: Final = 100_004
# As DeepSeek-V2.5's vocabulary spells them, U+FF5C and U+2581 included; V2's has the first two.
SENTINEL_TEXTS: Final = {
    BOS: "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
    EOS: "<\uff5cend\u2581of\u2581sentence\uff5c>",
    FIM_HOLE: "<\uff5cfim\u2581hole\uff5c>",
    FIM_BEGIN: "<\uff5cfim\u2581begin\uff5c>",
    FIM_END: "<\uff5cfim\u2581end\uff5c>",
}
VOCAB_SIZE: Final = 102_400  # rows of the embedding, DeepSeek LLM section 2.1

_Id = Annotated[int, msgspec.Meta(ge=0)]


class Sentinels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ids that are appended as numbers; no text encodes to one. The defaults are DeepSeek-V2's.

    `eos` is the padding id too. Without the three of `fim`, no document can be rearranged.
    """

    bos: _Id | None = BOS
    eos: _Id = EOS
    fim_hole: _Id | None = FIM_HOLE
    fim_begin: _Id | None = FIM_BEGIN
    fim_end: _Id | None = FIM_END

    @property
    def names(self) -> dict[int, str]:
        """What to call each."""
        ids = msgspec.structs.asdict(self)
        return {i: f"<{name.replace('_', ' ')}>" for name, i in ids.items() if i is not None}


class TokenizerInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What keys, manifests and footers say of a tokenizer; `digest` is the file's sha256."""

    name: str = "deepseek-v2"
    digest: str = DIGEST
    sentinels: Sentinels = Sentinels()
    vocab_size: int = VOCAB_SIZE  # greater than any id


class TokenizerSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tokenizer and where its file is; none is DeepSeek-V2's, from its package."""

    info: TokenizerInfo = TokenizerInfo()
    file: str | None = None


DEEPSEEK_V2: Final = TokenizerSource()
