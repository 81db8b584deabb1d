"""How many tokens bytes of a language come to, before anything is tokenized.

The table is measured with DeepSeek-V2's tokenizer and written by bench/token_rates.py, which says
of what. A language that it lacks counts as the average of its kind.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

TABLE: Final = "data/token_rates.tsv"
CODE: Final = "(code)"  # the average of all programming languages, each counting the same
TEXT: Final = "(text)"  # of all natural languages


class TokenRate(NamedTuple):
    """What was measured of a language, on so many bytes of UTF-8: a rate of few is less sure."""

    bytes_per_token: float
    num_bytes: int
    measured_on: str


@cache
def token_rates() -> dict[str, TokenRate]:
    """Return every language of the table: programming ones by name, natural ones by code."""
    rates = {}
    lines = (Path(__file__).parent / TABLE).read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:
        language, rate, num_bytes, measured_on = line.split("\t")
        rates[language] = TokenRate(float(rate), int(num_bytes), measured_on)
    return rates


def bytes_per_token(language: str) -> float:
    """Return the rate of a language, or of its kind's average where the table lacks it.

    A natural language is named by its code (`en`), and an unknown name of three letters or fewer
    in lower case counts as one.
    """
    rates = token_rates()
    kind = TEXT if len(language) <= 3 and language.islower() else CODE
    return (rates.get(language) or rates[kind]).bytes_per_token


def mixed_bytes_per_token(shares: Mapping[str, float]) -> float:
    """Return the rate of a text that has these shares of its bytes in these languages."""
    tokens_per_byte = (share / bytes_per_token(name) for name, share in shares.items())
    return sum(shares.values()) / sum(tokens_per_byte)


def estimate_tokens(language: str, num_bytes: int) -> int:
    """Return about how many tokens so many bytes of a language's texts are."""
    return round(num_bytes / bytes_per_token(language))
