"""The recipe of an ablation: which builds are compared, by training which model on each."""

from typing import Annotated, Final

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.storage import join
from ...corpus.toml_settings import check_keys, folder_of, read_toml
from ..recipe import TrainRecipe
from ..recipe_file import load_recipe

ALL: Final = "all"  # of held_out: what every build holds out

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]  # part of a folder's name


class BuildSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the builds; `path` is its folder or URL."""

    name: _Name
    path: str


class AblationRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DeepSeek-Coder-V2's table 1: models that differ in nothing but what they are trained on.

    Args:
        recipe: the training recipe that all runs share; each takes its build and seed from here.
        out: a folder, in which each run has its own.
        build: two or more; the others are compared with the first.
        seeds: a second one shows how much of a difference is chance.
        held_out: what is measured: `all`, the documents that every build holds out, as the first
            has them; or the name of a build, whose documents others may have trained on.
    """

    recipe: str
    out: str
    build: Annotated[tuple[BuildSettings, ...], msgspec.Meta(min_length=2)]
    seeds: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (1,)
    held_out: str = ALL

    def runs(self, shared: TrainRecipe) -> list[tuple[BuildSettings, TrainRecipe]]:
        """Return the recipe of each run, seed by seed, and the build it trains on."""
        return [
            (
                build,
                msgspec.structs.replace(
                    shared, build=build.path, out=join(self.out, f"{build.name}-{seed}"), seed=seed
                ),
            )
            for seed in self.seeds
            for build in self.build
        ]


def load_ablation(path: str) -> tuple[AblationRecipe, TrainRecipe]:
    """Read and check an ablation's recipe, and the training recipe that its runs share.

    Raises:
        GristmillError: naming the file, the key and, for a misspelt name, the nearest valid one.
    """
    document, base = read_toml(path), folder_of(path)
    check_keys(document, AblationRecipe, where=path)
    try:
        recipe = msgspec.convert(document, AblationRecipe)
    except msgspec.ValidationError as error:
        todo = "Correct the value; docs/evaluation.md lists every key."
        raise GristmillError(str(error), where=path, todo=todo) from None
    builds = tuple(
        msgspec.structs.replace(build, path=join(base, build.path)) for build in recipe.build
    )
    recipe = msgspec.structs.replace(
        recipe, recipe=join(base, recipe.recipe), out=join(base, recipe.out), build=builds
    )
    shared = load_recipe(recipe.recipe, build=builds[0].path, out=recipe.out)
    _check(recipe, shared, where=path)
    return recipe, shared


def _check(recipe: AblationRecipe, shared: TrainRecipe, *, where: str) -> None:
    names = [build.name for build in recipe.build]
    own = [stage.name for stage in shared.stage if stage.build or stage.mixture]
    faults = {
        "two builds have one name": (len(set(names)) < len(names), "build", "Rename one."),
        "a seed is named twice": (
            len(set(recipe.seeds)) < len(recipe.seeds),
            "seeds",
            "It would give the same model twice: take another one.",
        ),
        f"{recipe.held_out} is none of the builds": (
            recipe.held_out not in (ALL, *names),
            "held_out",
            f"Name one of {', '.join(names)}, or {ALL}.",
        ),
        f"stage {', '.join(own)} of {recipe.recipe} names data of its own": (
            bool(own),
            "recipe",
            "Take build and mixture out of it: all stages of a run read the build compared.",
        ),
    }
    for what, (is_so, key, todo) in faults.items():
        if is_so:
            raise GristmillError(what, where=f"{where}: {key}", todo=todo)
