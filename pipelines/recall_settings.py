"""What a recipe says of the recall loop: for each topic the pool, the seeds and the loop's bars."""

import re
from typing import Final, Literal

import msgspec

from ..corpus.extract.page import Tier
from ..filters.recall.audit import AuditSettings
from ..filters.recall.described import DescribedSettings
from ..filters.recall.domains import DomainSettings
from ..filters.recall.guards import GuardSettings
from ..filters.recall.model import TrainSettings
from ..filters.recall.prefixes import PrefixSettings
from ..filters.recall.stopping import StopSettings
from ..filters.recall.words import WordKind, WordSettings

LEAST_SCORE: Final = 0.5
LEAST_WITH_EVIDENCE: Final = 0.1
SeedsRule = Literal["described"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # it becomes a folder


class DrawSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pages that a model is trained on (DeepSeekMath: 500,000 of each kind)."""

    positives: int = 500_000
    negatives: int = 500_000
    negatives_a_positive: float = 1.0  # of each language, as the paper has it
    host_pages: int = 5_000  # of one host among the positives, and among the negatives
    host_share: float = 0.25
    false_negative: float = 0.9  # a page that the last model gave this is no negative
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.positives, self.negatives, self.host_pages) < 1:
            raise ValueError("positives, negatives and host_pages must be at least 1")
        if self.negatives_a_positive <= 0 or not 0 < self.host_share <= 1:
            raise ValueError("negatives_a_positive must be over 0, host_share over 0 and at most 1")


class EvidenceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a page has to show to be collected, whatever its score; 0: nothing of the kind."""

    formulas: int = 0
    code_lines: int = 0  # of code blocks, blank ones left out

    def __post_init__(self) -> None:
        if min(self.formulas, self.code_lines) < 0:
            raise ValueError("formulas and code_lines must be at least 0")

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked for."""
        return self.formulas > 0 or self.code_lines > 0


class NearSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pages of a pool are near-duplicates, by the recipe's scheme of dedup."""

    threshold: float = 0.8  # Jaccard similarity to a longer page; 0 looks for none

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError("threshold must lie between 0 and 1")


class LanguageBar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one language has of its own, so that a model that scores it lower does not starve it."""

    share: float = 0.0  # of the budget of tokens, for its best pages, before all others
    least_score: float | None = None  # in place of the target's

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must lie between 0 and 1")
        if self.least_score is not None and not 0 <= self.least_score < 1:
            raise ValueError("least_score must lie between 0 and 1")


class RecallTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic, such as math or code, and how its pages are found.

    Args:
        name: of the topic and of its folder below OUT/recall.
        sources: the recipe's sources that are the pool: all of web pages, or all of repositories.
        seeds: files of sites, or of repositories and their folders, relative to the recipe.
        seeds_rule: of files: `described` makes those with detailed descriptions seeds.
        described: from where a file is one of these.
        pages: files of labelled pages: those of yes are seeds, those of no are negatives.
        decisions: what people say about URL prefixes; read, never written.
        audit: labelled pages that are never trained on, for precision and recall.
        token_budget: tokens to collect in each iteration; the last one counts for later ones.
        seed_multiple: without a budget, so many times the tokens of the seeds: DeepSeekMath
            collected 40 B tokens with seeds of 14.7 B. Where evidence is asked for, in the first
            iteration alone.
        least_score: from the second iteration on, the least probability of a page; None: 0.5, or
            0.1 where evidence is asked for, since a page with evidence needs less of a score.
        languages: bars of their own, by the tag of the language, such as zh.
        seedless_pages: a language with so many pages of the pool and no seed is told of.
        least_characters: a shorter page is not judged.
        extract: the tier that makes the pool's texts; a build reads its pages by the source's.
        tokens: what the words of a page are.
        max_characters: of a page that are read.
        passage_words: a page's score is that of its best passage of so many words; 0: of all.
        train_words: of the beginning of a page that a model is trained on; 0: all.
        evidence: what a page has to show to be collected.
    """

    name: str
    sources: tuple[str, ...]
    seeds: tuple[str, ...] = ()
    seeds_rule: SeedsRule | None = None
    described: DescribedSettings = DescribedSettings()
    pages: tuple[str, ...] = ()
    decisions: str | None = None
    audit: str | None = None
    token_budget: tuple[int, ...] = ()
    seed_multiple: float = 2.7
    least_score: float | None = None
    languages: dict[str, LanguageBar] = {}
    seedless_pages: int = 100
    least_characters: int = 200
    extract: Tier = "cheap"
    tokens: WordKind = "cjk"
    max_characters: int = 100_000
    passage_words: int = 250
    train_words: int = 1200
    near: NearSettings = NearSettings()
    train: TrainSettings = TrainSettings()
    draw: DrawSettings = DrawSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    domains: DomainSettings = DomainSettings()
    prefixes: PrefixSettings = PrefixSettings()
    stop: StopSettings = StopSettings()
    guards: GuardSettings = GuardSettings()
    sample: AuditSettings = AuditSettings()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"`{self.name}` is no name of a target")
        if not self.seeds and not self.pages and self.seeds_rule is None:
            raise ValueError(f"target `{self.name}` needs `seeds`, `seeds_rule` or `pages`")
        if self.seeds_rule is not None and not self.token_budget:
            raise ValueError(f"target `{self.name}` needs a `token_budget` with `seeds_rule`")
        if not self.sources:
            raise ValueError(f"target `{self.name}` needs `sources`")
        if self.seed_multiple <= 0 or any(tokens < 1 for tokens in self.token_budget):
            raise ValueError("seed_multiple and token_budget must be over 0")
        if not 0 <= self.least_probability < 1:
            raise ValueError("least_score must lie between 0 and 1")
        if sum(bar.share for bar in self.languages.values()) > 1:
            raise ValueError("the languages have shares of more than the whole budget")
        if self.seedless_pages < 1:
            raise ValueError("seedless_pages must be at least 1")
        if min(self.max_characters, self.passage_words + 1, self.train_words + 1) < 1:
            raise ValueError("max_characters, passage_words or train_words is too small")

    @property
    def least_probability(self) -> float:
        """The least probability of a page that a model after the first collects."""
        if self.least_score is not None:
            return self.least_score
        return LEAST_WITH_EVIDENCE if self.evidence.is_asked else LEAST_SCORE

    @property
    def words(self) -> WordSettings:
        """How a page becomes words."""
        return WordSettings(tokens=self.tokens, max_characters=self.max_characters)

    def least_score_of(self, language: str) -> float:
        """Return the least probability of a page of a language."""
        bar = self.languages.get(language, LanguageBar())
        return self.least_probability if bar.least_score is None else bar.least_score


class RecallSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The topics that `gristmill recall` looks for."""

    target: tuple[RecallTarget, ...] = ()

    def __post_init__(self) -> None:
        names = [target.name for target in self.target]
        if len(set(names)) < len(names):
            raise ValueError("two targets have one name")
