"""The vocabulary of a build: a copy lies beside the tokens, so that readers can decode them.

DeepSeek-V2's is not copied, as a package has it.
"""

import hashlib
from collections.abc import Iterator

from ..corpus.mixture import Mixture
from ..corpus.storage import exists, join, read_bytes, remove, write_bytes
from ..corpus.tokenizer_file import read_tokenizer
from ..corpus.tokenizer_info import TokenizerSource
from ..corpus.vocabulary import VOCABULARY, build_tokenizer


def publish_vocabulary(out: str, source: TokenizerSource) -> None:
    """Bring the copy of a build up to the tokenizer that it was made with."""
    url = join(out, VOCABULARY)
    if source.file is not None:
        write_bytes(url, read_tokenizer(source))
    elif exists(url):
        remove(url)


def vocabulary_stands(out: str, source: TokenizerSource) -> bool:
    """Return whether the copy that a build needs is there as it was."""
    url = join(out, VOCABULARY)
    return source.file is None or (exists(url) and _digest(url) == source.info.digest)


def vocabulary_differences(out: str, mixture: Mixture) -> Iterator[str]:
    """Yield what is wrong with the copy of a build, without which its ids are mere numbers."""
    url = build_tokenizer(out, mixture).file
    if url is None:
        return
    if not exists(url):
        yield f"{VOCABULARY} is missing: the tokens are those of {mixture.tokenizer_name}"
    elif _digest(url) != mixture.tokenizer:
        yield f"{VOCABULARY} is not {mixture.tokenizer_name}, whose tokens the shards hold"


def _digest(url: str) -> str:
    return hashlib.sha256(read_bytes(url)).hexdigest()
