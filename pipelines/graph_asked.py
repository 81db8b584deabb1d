"""The stages of a shard that are there only where the recipe asks for what they find."""

from collections.abc import Sequence

from ..filters.datatrove.settings import steps_for
from ..filters.natural import COMMENT_LANGUAGE
from ..filters.natural_engines import NaturalEngine
from ..filters.page_signals import names_page_signal
from ..filters.syntax_scope import parse_scopes
from .decontamination import index_files
from .inputs import Shard
from .recipe import Recipe
from .stage import Stage
from .stages.datatrove import Datatrove
from .stages.decontaminate import Decontaminate
from .stages.page_signals import PageSignals
from .stages.syntax import Syntax
from .store import Store


class AskedStages:
    """Says which of them a shard has; `decide` and `ledger` read them in this order."""

    def __init__(self, recipe: Recipe, store: Store) -> None:
        self._recipe = recipe
        settings = recipe.raw.decontamination
        self._index = index_files(
            settings, base=recipe.base, where=recipe.path, digest=store.digest
        )

    def stages(self, shard: Shard) -> Sequence[tuple[Stage, tuple[str, ...]]]:
        """Return the stages of a shard, and what each reads."""
        raw, rules = self._recipe.raw, self._recipe.rules
        found: list[tuple[Stage, tuple[str, ...]]] = []
        scopes = parse_scopes(rules)
        if raw.syntax.sample > 0 or scopes:
            syntax = Syntax(settings=raw.syntax, scopes=scopes, seed=raw.seed)
            found.append((syntax, ("read", "language")))
        if names_page_signal(rules):
            found.append((PageSignals(), ("read",)))
        if self._index:
            wanted = raw.decontamination
            is_wanted = shard.component in wanted.components
            scan = Decontaminate(index=self._index, near=wanted.near, is_wanted=is_wanted)
            found.append((scan, ("read",)))
        if judging := steps_for(raw.datatrove, shard.component, "judge"):
            found.append((Datatrove(steps=judging), ("read", "language")))
        return found

    def names(self, shard: Shard) -> tuple[str, ...]:
        """Return the names of a shard's stages."""
        return tuple(stage.name for stage, _ in self.stages(shard))

    def comment_engine(self) -> NaturalEngine | None:
        """Return what names the language of comments, if a rule asks for it."""
        is_asked = any(rule.signal == COMMENT_LANGUAGE for rule in self._recipe.rules)
        return self._recipe.raw.languages.natural if is_asked else None
