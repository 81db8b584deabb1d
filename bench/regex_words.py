"""The words that datatrove is given in all comparisons: five times faster than its default."""

import re

from datatrove.utils.word_tokenizers import WordTokenizer

WORDS = re.compile(r"\w+")


class RegexWords(WordTokenizer):  # type: ignore[misc]  # datatrove is not typed
    """The word tokenizer that datatrove is given."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the runs of word characters."""
        return WORDS.findall(text)

    def sent_tokenize(self, text: str) -> list[str]:
        """Return the lines; nothing that is measured asks."""
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return where the words lie; nothing that is measured asks."""
        return [match.span() for match in WORDS.finditer(text)]
