"""DeepSeek-V2's ids by fastokens, where the C extension was not built: its exact, slower twin.

Two engines share the vocabulary. The general one keeps the six pre-tokenizer steps of the file.
The plain one serves lines made of common characters only (ASCII, Latin, Greek, Cyrillic, CJK), for
which the six steps equal one pattern, and is 5 to 20 times faster. Every newline is a token of its
own, so a text can be cut into lines and each goes to the engine that can take it.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import fastokens
import numpy as np
import numpy.typing as npt

from .deepseek import SPACES
from .text_batches import TextBatch

# The characters of the plain engine, by the pre-tokenizer step that takes them. The step for CJK
# covers U+0800 to U+9FA5, and with it some of the punctuation: that is cut out of its run again, so
# it stands apart here. No other space, digit or letter is listed, since those take part in rules
# that one pattern does not express.
_LETTERS = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1"
    "\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556"
)
_PUNCTUATION = r"!-/:-@\[-`{-~" + "\uff01-\uff0f\uff1a-\uff5e"
_CJK_PUNCTUATION = "\u2018-\u201f\u3001\u3002"
_CJK = (
    "\u2010-\u2017\u2020-\u2027\u3005\u300c-\u3011"  # dashes and ellipsis; brackets
    "\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fa5\uac00-\ud7a3"  # kana, ideographs, hangul
)
_PLAIN_PATTERN = (
    r"[\r\n]"
    rf"|[ \t]?[{_LETTERS}]+"
    rf"|[ \t]?[{_PUNCTUATION}]+"
    r"|[0-9]"
    rf"|[{_CJK}]+"
    rf"|[{_CJK_PUNCTUATION}]+"
    # The last blank belongs to the word after it.
    rf"|[ \t]+(?=[ \t][{_LETTERS}{_PUNCTUATION}{_CJK_PUNCTUATION}])"
    r"|[ \t]+"
)
_PLAIN_ASCII = bytes([9, 10, 13, *range(32, 127)])
_NOT_PLAIN = re.compile(rf"[^\t\n\r -~{_LETTERS}{_PUNCTUATION}{_CJK_PUNCTUATION}{_CJK}]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

IdArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


class LineEngines:
    """Tokenizes with whichever engine a line allows; `data` is DeepSeek-V2's tokenizer.json."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    # Each takes about a second to make, and few processes need both.
    @cached_property
    def _general(self) -> fastokens.Tokenizer:
        return _general_engine(self._data)

    @cached_property
    def _plain(self) -> fastokens.Tokenizer:
        return _plain_engine(self._data)

    def encode(self, batch: TextBatch) -> tuple[IdArray, Offsets]:
        """Return the ids of all texts back to back, and where each text's begin."""
        plain: list[str] = []
        general: list[str] = []
        plan: list[list[bool]] = []  # per text, which engine each of its fragments went to
        for text in batch.texts():
            fragments = list(_fragments(text))
            for is_plain, fragment in fragments:
                (plain if is_plain else general).append(fragment)
            plan.append([is_plain for is_plain, _ in fragments])
        from_plain = encode_flat(self._plain, plain) if plain else iter(())
        from_general = encode_flat(self._general, general) if general else iter(())
        parts, offsets = [np.empty(0, np.int32)], [0]
        for engines in plan:
            found = [next(from_plain if is_plain else from_general) for is_plain in engines]
            parts += found
            offsets.append(offsets[-1] + sum(map(len, found)))
        return np.concatenate(parts), np.array(offsets, dtype=np.int64)


def encode_flat(engine: fastokens.Tokenizer, texts: Sequence[str]) -> Iterator[IdArray]:
    """Yield the ids of each text as views of one buffer."""
    ids, offsets = engine.encode_batch_flat(texts)
    # fastokens answers in uint32; all ids fit int32, the type of a token column.
    tokens = np.frombuffer(ids, dtype="<u4").view(np.int32)
    bounds = np.frombuffer(offsets, dtype="<u8").tolist()
    return (tokens[start:stop] for start, stop in itertools.pairwise(bounds))


def is_plain(text: str) -> bool:
    """Return whether the plain engine can take a text."""
    if text.isascii():
        return not text.encode("ascii").translate(None, _PLAIN_ASCII)
    return _NOT_PLAIN.search(text) is None


def _fragments(text: str) -> Iterator[tuple[bool, str]]:
    """Cut a text into runs of whole lines for one engine each; a plain text is one run."""
    if is_plain(text):
        yield True, text
        return
    for plain, lines in itertools.groupby(_LINE.findall(text), is_plain):
        yield plain, "".join(lines)


def _general_engine(data: bytes) -> fastokens.Tokenizer:
    settings = json.loads(data)
    settings["added_tokens"] = []
    for step in settings["pre_tokenizer"]["pretokenizers"]:
        if step["type"] == "Split":
            step["pattern"]["Regex"] = step["pattern"]["Regex"].replace(r"\s", f"[{SPACES}]")
    return fastokens.Tokenizer.from_json_str(json.dumps(settings))


def _plain_engine(data: bytes) -> fastokens.Tokenizer:
    settings = json.loads(data)
    settings["added_tokens"] = []
    steps = settings["pre_tokenizer"]["pretokenizers"]
    pattern = {"Regex": _PLAIN_PATTERN}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    settings["pre_tokenizer"]["pretokenizers"] = [split, steps[-1]]
    return fastokens.Tokenizer.from_json_str(json.dumps(settings))
