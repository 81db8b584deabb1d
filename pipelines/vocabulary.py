"""The vocabulary of a build: a copy lies beside the tokens, so that readers can decode them.

DeepSeek-V2's is not copied, as a package has it.
"""

from ..corpus.storage import exists, join, remove, write_bytes
from ..corpus.tokenizer_file import read_tokenizer
from ..corpus.tokenizer_info import TokenizerSource
from ..corpus.vocabulary import VOCABULARY


def publish_vocabulary(out: str, source: TokenizerSource) -> None:
    """Bring the copy of a build up to the tokenizer that it was made with."""
    url = join(out, VOCABULARY)
    if source.file is not None:
        write_bytes(url, read_tokenizer(source))
    elif exists(url):
        remove(url)
