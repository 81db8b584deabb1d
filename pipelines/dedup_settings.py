"""The settings of dedup: what counts as a duplicate, and what finding them may cost."""

from typing import Literal

import msgspec

from ..dedup.lines import Boilerplate
from ..dedup.minhash import MinHashScheme
from ..dedup.substrings import Substrings
from ..dedup.urls import UrlRules

LEAST_MEMORY_BYTES = 1 << 20


class DedupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a duplicate; StarCoder's numbers, as DeepSeek-Coder gives none."""

    minhash: MinHashScheme = MinHashScheme()
    partitions: int = 4  # of the id and band spaces: how many tasks share an exchange
    memory_bytes: int = 1 << 29  # that an exchange may take in a worker before it uses the disk
    repository_languages: tuple[str, ...] = ()  # compared as whole repositories, not as files
    boilerplate: Boilerplate = Boilerplate()
    substrings: Substrings = Substrings()
    min_left_chars: int = 100  # what is cut to fewer is dropped
    page_urls: Literal[UrlRules, "off"] = "web"  # which URLs are one page's

    def __post_init__(self) -> None:
        if not 1 <= self.partitions <= 4096:
            raise ValueError("partitions must lie between 1 and 4096")
        if self.memory_bytes < LEAST_MEMORY_BYTES:
            raise ValueError(f"memory_bytes must be at least {LEAST_MEMORY_BYTES}")
        if self.min_left_chars < 1:
            raise ValueError("min_left_chars must be at least 1")
