"""The vocabulary of a build: a copy lies beside the tokens, so that readers can decode them.

DeepSeek-V2's is not copied, as a package has it.
"""

from typing import Final

from ..corpus.mixture import Mixture
from ..corpus.storage import exists, join, remove, write_bytes
from ..corpus.tokenizer_file import read_tokenizer
from ..corpus.tokenizer_info import DEEPSEEK_V2, TokenizerInfo, TokenizerSource

VOCABULARY: Final = "tokenizer.json"  # below the build directory


def publish_vocabulary(out: str, source: TokenizerSource) -> None:
    """Bring the copy of a build up to the tokenizer that it was made with."""
    url = join(out, VOCABULARY)
    if source.file is not None:
        write_bytes(url, read_tokenizer(source))
    elif exists(url):
        remove(url)


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
