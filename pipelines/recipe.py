"""The recipe: one TOML file that says what goes in, what is kept and what comes out.

Every unknown key, wrong type and impossible value is an error that names the file, the key and
the nearest valid name.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from ..corpus.crawl.settings import CrawlSettings
from ..corpus.errors import GristmillError
from ..corpus.fim import FimSettings, check_fim
from ..corpus.mixture import DEFAULT_TOTAL_TOKENS, DEFAULT_WEIGHTS, check_weights
from ..corpus.record import Component
from ..corpus.sources.unit import ReadLimits, SourceSpec
from ..corpus.storage import exists, join, read_bytes
from ..corpus.tokenizer_file import TokenizerSettings, find_tokenizer
from ..corpus.tokenizer_info import DEEPSEEK_V2, TokenizerSource
from ..dedup.presets import SCHEME_PRESETS
from ..dedup.substrings import load_suffix_arrays
from ..filters.claims import PathJudge
from ..filters.language_settings import LanguageSettings
from ..filters.languages import language_table
from ..filters.rules import Rule, parse_rules
from ..filters.syntax_scope import SyntaxSettings, check_syntax
from .decontamination import DecontaminationSettings
from .dedup_settings import DedupSettings
from .order import SMALL_REPOSITORY_BYTES, OrderMethod
from .recall_checks import check_pools, expand_file_targets
from .recall_settings import RecallSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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


class MixtureSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the training tokens (DeepSeek-Coder-V2, section 2: 60 % code, 10 % math)."""

    weights: dict[Component, float] = msgspec.field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    total_tokens: int = DEFAULT_TOTAL_TOKENS


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
    decontamination: DecontaminationSettings = DecontaminationSettings()
    dedup: DedupSettings = DedupSettings()
    recall: RecallSettings = RecallSettings()
    order: OrderSettings = OrderSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    fim: FimSettings = FimSettings()  # its seed is the recipe's unless it sets one
    shards: ShardSettings = ShardSettings()
    mixture: MixtureSettings = MixtureSettings()
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
    base = _folder(path)
    tokenizer = find_tokenizer(raw.tokenizer, join(base, raw.tokenizer.file))
    recipe = Recipe(path=path, base=base, raw=raw, rules=rules, tokenizer=tokenizer)
    check_fim(raw.fim, tokenizer.info, where=path)
    _check_languages(raw.dedup.repository_languages, "dedup.repository_languages", path)
    _check_languages(raw.syntax.languages, "syntax.languages", path)
    check_syntax(raw.syntax, rules, where=path)
    PathJudge(raw.languages.overrides, where=f"{path}: languages")
    if raw.dedup.substrings.min_bytes:
        load_suffix_arrays()  # now, not when all else is done
    _check_sources(recipe)
    _check_recall(recipe)
    _check_mixture(recipe)
    return recipe


def load_crawls(path: str) -> tuple[CrawlSettings, str]:
    """Read what a recipe crawls, and the folder that its paths start from.

    Nothing else of the recipe is looked at beyond keys and types: a crawl comes before the files
    that its sources name.
    """
    return _read(path).crawl, _folder(path)


def _read(path: str) -> RawRecipe:
    """Read a recipe and check its keys and types."""
    if not exists(path):
        raise GristmillError(
            "there is no such recipe", where=path, todo="Name a TOML file that exists."
        )
    try:
        document = tomllib.loads(read_bytes(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GristmillError(
            f"not a TOML file: {error}", where=path, todo="Mend the syntax."
        ) from None
    _expand_scheme_preset(document, where=path)
    expand_file_targets(document)
    check_keys(document, RawRecipe, where=path)
    if "seed" in document:
        document.setdefault("fim", {}).setdefault("seed", document["seed"])
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


def check_keys(
    value: Mapping[str, object], struct: type[msgspec.Struct], *, where: str, prefix: str = ""
) -> None:
    """Raise an error with the nearest valid name for the first key that a struct does not have."""
    hints = get_type_hints(struct)
    fields = {name: hints[name] for name in struct.__struct_fields__}
    for key, inner in value.items():
        dotted = f"{prefix}{key}"
        if key not in fields:
            raise unknown_name(dotted, [f"{prefix}{name}" for name in fields], where=where)
        for kind in (fields[key], *get_args(fields[key])):
            _check_choices(inner, kind, where=f"{where}: {dotted}")
            if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
                continue
            by_name = get_origin(fields[key]) is dict
            for name, table in _tables(inner, dotted, by_name=by_name):
                check_keys(table, kind, where=where, prefix=f"{name}.")


def _tables(
    value: object, name: str, *, by_name: bool
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the tables of a value and where they stand: itself, those of a list, or named ones."""
    found: Iterable[tuple[str, object]] = [(name, value)]
    if isinstance(value, list):
        found = ((f"{name}[{index}]", item) for index, item in enumerate(value))
    elif by_name and isinstance(value, dict):
        found = ((f"{name}.{key}", item) for key, item in value.items())
    for where, item in found:
        if isinstance(item, dict):
            yield where, item


def _check_choices(value: object, kind: object, *, where: str) -> None:
    """Check a name, the names of a list, or the keys of a table against the names of a Literal."""
    if get_origin(kind) is not Literal:
        return
    for name in value if isinstance(value, list | dict) else (value,):
        if isinstance(name, str) and name not in get_args(kind):
            raise unknown_name(name, list(get_args(kind)), where=where, what="name")


def unknown_name(name: str, known: list[str], *, where: str, what: str = "key") -> GristmillError:
    """Return the error for a misspelt name."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    todo = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(sorted(known)[:12])}."
    return GristmillError(f"unknown {what} `{name}`", where=where, todo=todo)


def _check_languages(names: tuple[str, ...], key: str, path: str) -> None:
    known = list(language_table().by_name)
    for name in names:
        if name not in known:
            error = unknown_name(name, known, where=f"{path}: {key}", what="language")
            raise error


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


def _check_mixture(recipe: Recipe) -> None:
    """Find now what would otherwise be found when all tokens are made."""
    where = f"{recipe.path}: mixture.weights"
    weights = recipe.raw.mixture.weights
    has_source = {source.component for source in recipe.raw.source}
    for component, weight in weights.items():
        if weight and component not in has_source:
            raise GristmillError(
                f"{component} has a weight of {weight} and no source",
                where=where,
                todo=f"Add a source of {component}, or give the weights of what there is.",
            )
    for component in sorted(has_source - weights.keys()):
        raise GristmillError(
            f"{component} has a source and no weight",
            where=where,
            todo=f"Give {component} a weight; 0 leaves it out.",
        )
    check_weights(weights, where=where)


def _folder(path: str) -> str:
    head, _, _ = path.rpartition("/")
    return head or ("/" if path.startswith("/") else join(".", ""))
