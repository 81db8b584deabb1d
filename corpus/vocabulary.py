"""Which vocabulary a build's ids are of: DeepSeek-V2's, or a copy that lies beside the tokens."""

from typing import Final

from .mixture import Mixture
from .storage import join
from .tokenizer_info import DEEPSEEK_V2, TokenizerInfo, TokenizerSource

VOCABULARY: Final = "tokenizer.json"  # below the build directory


def build_tokenizer(out: str, mixture: Mixture) -> TokenizerSource:
    """Return the tokenizer that a build was made with."""
    if mixture.tokenizer == DEEPSEEK_V2.info.digest:
        return DEEPSEEK_V2
    info = TokenizerInfo(
        name=mixture.tokenizer_name,
        digest=mixture.tokenizer,
        sentinels=mixture.sentinels,
        vocab_size=mixture.vocab_size,
    )
    return TokenizerSource(info=info, file=join(out, VOCABULARY))
