"""What Megatron is told: its data files with their weights, and the flags that fit them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Final

from ...corpus.mixture import Mixture
from ...corpus.tokenizer_info import DEEPSEEK_V2, TokenizerInfo
from .seen import Held, seen_tokens
from .settings import REST
from .write import WrittenFile

SUFFIX: Final = ".bin"
SPLITS_FILE: Final = "blend-splits.json"
_DIVISOR: Final = 3200  # of DeepSeek-V2's 102,400 rows
_TILE: Final = 128  # Megatron's own divisor
_SPLITS: Final = {"validation": "valid"}  # ours -> Megatron's name


def blend_weights(mixture: Mixture, files: Iterable[WrittenFile], split: str) -> dict[str, float]:
    """Return prefix -> weight: a component's share of training, by what is seen of each language.

    What is seen of a language in one epoch, or in all where they are not apart, is shared by the
    tokens of its files. The languages that an export leaves out leave their share to the others.
    """
    parts = [
        file for file in files if file.split == split and file.tokens and file.path.endswith(SUFFIX)
    ]
    seen = seen_tokens(mixture)
    held: dict[tuple[Held, int | None], int] = {}
    for part in parts:
        held[_key(part)] = held.get(_key(part), 0) + part.tokens
    shares = {part.path: _seen(seen, part) * part.tokens / held[_key(part)] for part in parts}
    totals: dict[str, float] = {}
    for part in parts:
        totals[part.component] = totals.get(part.component, 0.0) + shares[part.path]
    weights = {part.name: part.target_tokens / mixture.total_tokens for part in mixture.components}
    return {
        part.path.removesuffix(SUFFIX): weights[part.component]  # type: ignore[index]
        * shares[part.path]
        / totals[part.component]
        for part in parts
        if shares[part.path]
    }


def _key(file: WrittenFile) -> tuple[Held, int | None]:
    return Held(file.component, file.part, file.language), file.epoch


def _seen(seen: Mapping[Held, Sequence[float]], file: WrittenFile) -> float:
    """Return the tokens that training sees of what a file holds a share of."""
    held, epoch = _key(file)
    variants = seen.get(held, (0.0,))
    return sum(variants) if epoch is None else variants[epoch]


def data_arguments(mixture: Mixture, files: Iterable[WrittenFile], split: str) -> bytes:
    """Return a file for --data-args-path: weights and prefixes relative to the export."""
    weights = blend_weights(mixture, files, split)
    return "".join(f"{weight:.12g} {prefix}\n" for prefix, weight in weights.items()).encode()


def split_arguments(mixture: Mixture, files: Sequence[WrittenFile]) -> bytes:
    """Return a file for --per-split-data-args-path: Megatron's split -> weights and prefixes."""
    found: dict[str, list[str]] = {}
    for name in sorted({file.split for file in files}):
        weights = blend_weights(mixture, files, name)
        parts = [(f"{weight:.12g}", prefix) for prefix, weight in weights.items()]
        found[_SPLITS.get(name, name)] = [text for part in parts for text in part]
    return json.dumps(found, indent=1).encode() + b"\n"


def megatron_flags(splits: Iterable[str], tokenizer: TokenizerInfo) -> str:
    """Return the flags of Megatron's pretrain_gpt.py, to be run in the export's folder."""
    data = f"--data-args-path {arguments_path(REST)} --split 1000,0,0"
    if set(splits) != {REST}:
        data = f"--per-split-data-args-path {SPLITS_FILE}"
    return f"{data} {_vocabulary(tokenizer)} --reset-position-ids --reset-attention-mask"


def _vocabulary(tokenizer: TokenizerInfo) -> str:
    """Return the flags that name the end of a document and make room for every id.

    What NullTokenizer is told as the size of the vocabulary ends a document, and the embedding has
    so many rows and one, rounded up. Megatron takes a size of 0 for none.
    """
    eos = tokenizer.sentinels.eos
    if not eos:
        return "--tokenizer-type HuggingFaceTokenizer --tokenizer-model FOLDER"
    divisor = _DIVISOR
    if tokenizer != DEEPSEEK_V2.info:
        sizes = count(_TILE, _TILE)
        divisor = next(n for n in sizes if -(-(eos + 1) // n) * n >= tokenizer.vocab_size)
    size = f"--vocab-size {eos} --make-vocab-size-divisible-by {divisor}"
    return f"--tokenizer-type NullTokenizer {size}"


def arguments_path(split: str) -> str:
    """Return the name of the file with a split's weights and prefixes."""
    return f"blend-{split}.txt"
