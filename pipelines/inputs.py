"""Inputs: the units of a recipe's sources, grouped into the shards that are read together."""

import msgspec

from ..corpus.crawl.manifest import CRAWLS
from ..corpus.errors import GristmillError
from ..corpus.ids import digest_parts
from ..corpus.record import Component
from ..corpus.shards import language_folder
from ..corpus.sources import list_units
from ..corpus.sources.read import unit_collections
from ..corpus.sources.unit import ReadOptions, SourceSpec, Unit, UnitKind
from ..corpus.storage import join
from .recipe import Recipe
from .removals import Removals, TakeDown
from .store import Store


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Units that are read together: part of a source's repositories, or one file of documents."""

    name: str
    source: str
    component: Component
    kind: UnitKind
    options: ReadOptions
    units: tuple[Unit, ...]
    recall: str | None = None  # the target whose collected pages alone are kept


def list_shards(recipe: Recipe, store: Store) -> list[Shard]:
    """Return the shards of every source; a unit's shard depends on its name alone."""
    shards = []
    for source in recipe.raw.source:
        units = _units(source, recipe, store)
        groups: dict[str, list[Unit]] = {}
        for unit in units:
            groups.setdefault(_shard_name(source, unit), []).append(unit)
        for name, members in sorted(groups.items()):
            shards.append(
                Shard(
                    name=name,
                    source=source.name,
                    component=source.component,
                    kind=source.kind,
                    options=ReadOptions.of(source),
                    units=tuple(sorted(members, key=lambda unit: unit.name)),
                    recall=source.recall,
                )
            )
    return shards


def shard_removals(shard: Shard, take_down: TakeDown) -> Removals:
    """Return the lines of the take-down list that concern a shard."""
    removals = take_down.removals
    has_names = bool(removals.collections or removals.owners)
    units = shard.units if has_names else ()
    names = {name for unit in units for name in unit_collections(unit)}
    return take_down.of_shard(shard.name, names)


def _units(source: SourceSpec, recipe: Recipe, store: Store) -> list[Unit]:
    try:
        return list_units(source, base=recipe.base, memo=store.memo, crawls=join(store.out, CRAWLS))
    except GristmillError as error:
        where = f"{recipe.path}: {error.where}"
        raise GristmillError(error.what, where=where, todo=error.todo) from error


def _shard_name(source: SourceSpec, unit: Unit) -> str:
    """Return a name safe as a folder: hashed units, or the file's own name."""
    is_one_repository = unit.kind == "repository" and source.crawl is None
    if is_one_repository or source.shards is not None:
        shards = source.shards or 1
        index = int.from_bytes(digest_parts("shard", (unit.name,), size=8), "little") % shards
        return f"{source.name}.{index}of{shards}"
    name = language_folder(unit.name.rpartition("/")[2])[:80]
    return f"{source.name}.{name}.{digest_parts('shard', (unit.name,), size=3).hex()}"
