"""The recipe: one TOML file that says what goes in, what is kept and what comes out.

Every unknown key, wrong type and impossible value is an error that names the file, the key and
the nearest valid name.
"""

import msgspec

from ..corpus.crawl.settings import CrawlSettings
from ..corpus.errors import GristmillError
from ..corpus.fim import FimSettings, check_fim
from ..corpus.sources.unit import ReadLimits, SourceSpec
from ..corpus.storage import join
from ..corpus.tokenizer_file import (
    TokenizerSettings,
    find_tokenizer,
    is_byte_level,
    read_tokenizer,
)
from ..corpus.tokenizer_info import DEEPSEEK_V2, TokenizerSource
from ..corpus.toml_settings import check_keys, folder_of, read_toml, unknown_name
from ..dedup.presets import SCHEME_PRESETS
from ..dedup.substrings import load_suffix_arrays
from ..filters.claims import PathJudge
from ..filters.datatrove.settings import DatatroveStep
from ..filters.datatrove.steps import check_steps
from ..filters.language_settings import LanguageSettings
from ..filters.languages import language_table
from ..filters.rules import Rule, parse_rules
from ..filters.syntax_scope import SyntaxSettings, check_syntax
from .decontamination import DecontaminationSettings
from .dedup_settings import DedupSettings
from .expect import Expectation, check_expectations
from .held_out_settings import HeldOutSettings
from .licence_settings import LicenceSettings
from .mixture_settings import MixtureSettings, check_mixture
from .order import SMALL_REPOSITORY_BYTES, OrderMethod
from .recall_checks import check_pools, expand_file_targets
from .recall_settings import RecallSettings
from .redaction_settings import RedactionSettings
from .row_settings import expand_fim_preset


class OrderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the files of a repository become training documents (DeepSeek-Coder-V2: random)."""

    method: OrderMethod = "random"
    max_sample_bytes: int = SMALL_REPOSITORY_BYTES

    def __post_init__(self) -> None:
        if self.max_sample_bytes < 1:
            raise ValueError("max_sample_bytes must be at least 1")


class ShardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How token shards are cut."""

    target_tokens: int = 1 << 28  # about 300 MB a shard
    block_tokens: int = 1 << 20  # a row group: the unit of reading and packing
    bucket_bits: int = 8  # a language has at most 2**bucket_bits shards

    def __post_init__(self) -> None:
        if self.target_tokens < 1 or self.block_tokens < 1:
            raise ValueError("target_tokens and block_tokens must be at least 1")
        if not 0 <= self.bucket_bits <= 16:
            raise ValueError("bucket_bits must lie between 0 and 16")


class RawRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe as TOML spells it; the keys and their types are checked against this struct."""

    name: str
    seed: int = 0
    crawl: CrawlSettings = CrawlSettings()
    source: tuple[SourceSpec, ...] = ()
    read: ReadLimits = ReadLimits()
    languages: LanguageSettings = LanguageSettings()
    rules: dict[str, object] = {}
    syntax: SyntaxSettings = SyntaxSettings()
    datatrove: tuple[DatatroveStep, ...] = ()
    decontamination: DecontaminationSettings = DecontaminationSettings()
    dedup: DedupSettings = DedupSettings()
    recall: RecallSettings = RecallSettings()
    licences: LicenceSettings = LicenceSettings()
    redaction: RedactionSettings = RedactionSettings()
    held_out: HeldOutSettings = HeldOutSettings()
    order: OrderSettings = OrderSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    fim: FimSettings = FimSettings()  # its seed is the recipe's unless it sets one
    shards: ShardSettings = ShardSettings()
    mixture: MixtureSettings = MixtureSettings()
    expect: dict[str, Expectation] = {}  # by source; what `plan --nodes` reckons with
    storage: dict[str, dict[str, object]] = {}  # fsspec options by protocol


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A checked recipe."""

    path: str
    base: str  # the folder that relative source paths start from
    raw: RawRecipe
    rules: tuple[Rule, ...]
    tokenizer: TokenizerSource = DEEPSEEK_V2


def load_recipe(path: str) -> Recipe:
    """Read and check a recipe.

    Raises:
        GristmillError: naming the file, the key and, for a misspelt name, the nearest valid one.
    """
    raw = _read(path)
    rules_section = dict(raw.rules)
    preset = rules_section.pop("preset", ())
    names = [preset] if isinstance(preset, str) else preset
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise GristmillError(
            "rules.preset must be a name or a list of names", where=path, todo="Quote it."
        )
    table = language_table()
    rules = parse_rules(
        rules_section, where=path, preset=names, known_languages=frozenset(table.by_name)
    )
    rules = (*raw.licences.rules(), *rules)
    base = folder_of(path)
    tokenizer = find_tokenizer(raw.tokenizer, join(base, raw.tokenizer.file))
    recipe = Recipe(path=path, base=base, raw=raw, rules=rules, tokenizer=tokenizer)
    check_fim(raw.fim, tokenizer.info, where=path)
    _check_held_out(recipe)
    _check_languages(raw.dedup.repository_languages, "dedup.repository_languages", path)
    _check_languages(raw.syntax.languages, "syntax.languages", path)
    check_syntax(raw.syntax, rules, where=path)
    PathJudge(raw.languages.overrides, where=f"{path}: languages")
    check_steps(raw.datatrove, path)
    if raw.dedup.substrings.min_bytes:
        load_suffix_arrays()  # now, not when all else is done
    _check_sources(recipe)
    _check_recall(recipe)
    check_expectations(raw.expect, raw.source, where=path)
    check_mixture(raw.mixture, raw.source, where=path)
    return recipe


def load_crawls(path: str) -> tuple[CrawlSettings, str]:
    """Read what a recipe crawls, and the folder that its paths start from.

    Nothing else of the recipe is looked at beyond keys and types: a crawl comes before the files
    that its sources name.
    """
    return _read(path).crawl, folder_of(path)


def _read(path: str) -> RawRecipe:
    """Read a recipe and check its keys and types."""
    document = read_toml(path)
    _expand_scheme_preset(document, where=path)
    expand_fim_preset(document, where=path)
    expand_file_targets(document)
    check_keys(document, RawRecipe, where=path)
    fim = document.setdefault("fim", {})
    if "seed" in document and isinstance(fim, dict):
        fim.setdefault("seed", document["seed"])
    try:
        return msgspec.convert(document, RawRecipe)
    except msgspec.ValidationError as error:
        raise GristmillError(
            str(error), where=path, todo="Correct the value; docs/recipes.md lists every key."
        ) from None


def _expand_scheme_preset(document: dict[str, object], *, where: str) -> None:
    """Put the numbers of a preset that `dedup.minhash` names below the keys that it gives."""
    dedup = document.get("dedup")
    given = dedup.get("minhash") if isinstance(dedup, dict) else None
    if not isinstance(dedup, dict) or not isinstance(given, dict) or "preset" not in given:
        return
    name = given.pop("preset")
    if not isinstance(name, str) or name not in SCHEME_PRESETS:
        key = f"{where}: dedup.minhash.preset"
        raise unknown_name(str(name), list(SCHEME_PRESETS), where=key, what="preset")
    dedup["minhash"] = {**msgspec.to_builtins(SCHEME_PRESETS[name]), **given}


def _check_languages(names: tuple[str, ...], key: str, path: str) -> None:
    known = list(language_table().by_name)
    for name in names:
        if name not in known:
            error = unknown_name(name, known, where=f"{path}: {key}", what="language")
            raise error


def _check_held_out(recipe: Recipe) -> None:
    """Held-out documents say how many bytes their tokens stand for."""
    file = recipe.tokenizer.file
    if not recipe.raw.held_out.fraction or file is None:
        return
    if not is_byte_level(read_tokenizer(recipe.tokenizer), file):
        raise GristmillError(
            f"{recipe.tokenizer.info.name} is not byte-level, so that held-out documents have no "
            "bits per byte",
            where=f"{recipe.path}: held_out.fraction",
            todo="Set it to 0, or name a byte-level BPE vocabulary in tokenizer.file.",
        )


def _check_sources(recipe: Recipe) -> None:
    seen: set[str] = set()
    for source in recipe.raw.source:
        if source.name in seen:
            raise GristmillError(
                f"two sources are called `{source.name}`",
                where=f"{recipe.path}: source",
                todo="Give each source its own name.",
            )
        seen.add(source.name)
    if not recipe.raw.source:
        raise GristmillError(
            "the recipe has no source", where=recipe.path, todo="Add a [[source]] table."
        )


def _check_recall(recipe: Recipe) -> None:
    targets = [target.name for target in recipe.raw.recall.target]
    for source in recipe.raw.source:
        if source.recall is not None and source.recall not in targets:
            where = f"{recipe.path}: source `{source.name}`"
            raise unknown_name(source.recall, targets, where=where, what="recall target")
    kinds = {source.name: source.kind for source in recipe.raw.source}
    for target in recipe.raw.recall.target:
        where = f"{recipe.path}: recall.target `{target.name}`"
        for name in target.sources:
            if name not in kinds:
                raise unknown_name(name, list(kinds), where=where, what="source")
    check_pools(recipe.raw.source, recipe.raw.recall.target, recipe.path)
