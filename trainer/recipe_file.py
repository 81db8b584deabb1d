"""Reading a training recipe: its file, keys and paths, and whether its numbers fit together."""

import os
from collections.abc import Iterator

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import configure, is_local, join
from ..corpus.toml_settings import check_keys, folder_of, read_toml, unknown_name
from .model.shapes import SHAPES, check_shape
from .recipe import MIN_INFILL_LENGTH, StageSettings, TrainRecipe
from .schedule import schedules


def load_recipe(path: str, *, build: str = "", out: str = "") -> TrainRecipe:
    """Read and check a recipe, and give its storage options to the storage layer.

    `build` and `out` take the place of the recipe's; they start from the working directory.

    Raises:
        GristmillError: naming the file, the key and, for a misspelt name, the nearest valid one.
    """
    document = read_toml(path)
    base = folder_of(path)
    document |= {
        name: join(".", value) for name, value in (("build", build), ("out", out)) if value
    }
    check_keys(document, TrainRecipe, where=path)
    try:
        recipe = msgspec.convert(document, TrainRecipe)
    except msgspec.ValidationError as error:
        raise GristmillError(
            str(error),
            where=path,
            todo="Correct the value; docs/training-recipe.md lists every key.",
        ) from None
    recipe = _with_paths(
        recipe, base, build=build or join(base, recipe.build), out=out or join(base, recipe.out)
    )
    check_recipe(recipe, where=path)
    for protocol, options in recipe.storage.items():
        configure(protocol, options)
    return recipe


def _with_paths(recipe: TrainRecipe, base: str, *, build: str, out: str) -> TrainRecipe:
    """Return the recipe with paths that start from the working directory."""
    held_out = recipe.evaluation.build and _plain(join(base, recipe.evaluation.build))
    return msgspec.structs.replace(
        recipe,
        build=_plain(build),
        out=_plain(out),
        start_from=recipe.start_from and _plain(join(base, recipe.start_from)),
        stage=tuple(
            msgspec.structs.replace(stage, build=stage.build and _plain(join(base, stage.build)))
            for stage in recipe.stage
        ),
        evaluation=msgspec.structs.replace(recipe.evaluation, build=held_out),
    )


def _plain(path: str) -> str:
    """Return a local path without `..`."""
    return os.path.normpath(path) if is_local(path) else path


def check_recipe(recipe: TrainRecipe, *, where: str) -> None:
    """Raise GristmillError where values do not fit each other."""
    if isinstance(recipe.shape, str) and recipe.shape not in SHAPES:
        raise unknown_name(recipe.shape, list(SHAPES), where=f"{where}: shape", what="shape")
    check_shape(recipe.model, where=f"{where}: shape")
    if not is_local(recipe.out):
        raise GristmillError(
            f"{recipe.out} is not on a disk",
            where=f"{where}: out",
            todo="Name a folder that all ranks have mounted; builds may lie anywhere.",
        )
    names = [stage.name for stage in recipe.stage]
    if not names or len(set(names)) < len(names):
        raise GristmillError(
            "two stages have one name" if names else "the recipe has no stage",
            where=f"{where}: stage",
            todo="Add a [[stage]] table for each, with a name of its own.",
        )
    for stage in recipe.stage:
        _raise_first(_stage_faults(recipe, stage), where=f"{where}: stage `{stage.name}`")
    _raise_first(_schedule_faults(recipe), where=f"{where}: schedule")
    _raise_first(_mesh_faults(recipe), where=f"{where}: mesh")
    _raise_first(_evaluation_faults(recipe), where=f"{where}: evaluation.fim_samples")
    if recipe.mesh.data is not None:
        check_batches(recipe, recipe.mesh.data, where=where)


def check_batches(recipe: TrainRecipe, data: int, *, where: str) -> None:
    """Raise GristmillError unless so many data ranks can share every batch evenly."""
    for stage in recipe.stage:
        share = data * recipe.micro_batch_sequences
        faults = []
        if stage.batch_sequences % share:
            faults.append(
                (
                    f"{stage.batch_sequences} sequences do not fall to {data} data ranks in micro "
                    f"batches of {recipe.micro_batch_sequences}",
                    f"Make batch_sequences a multiple of {share}.",
                )
            )
        elif stage.batch_sequences // share < recipe.mesh.pipeline:
            faults.append(
                (
                    f"{stage.batch_sequences // share} micro batches do not fill a pipeline of "
                    f"{recipe.mesh.pipeline} parts",
                    "Make micro batches smaller, or the batch larger.",
                )
            )
        _raise_first(iter(faults), where=f"{where}: stage `{stage.name}`")


Faults = Iterator[tuple[str, str]]  # what is wrong, what to do


def _raise_first(faults: Faults, *, where: str) -> None:
    for what, todo in faults:
        raise GristmillError(what, where=where, todo=todo)


def _stage_faults(recipe: TrainRecipe, stage: StageSettings) -> Faults:
    longest, context = recipe.model.max_position_embeddings, recipe.mesh.context
    if stage.sequence_length > longest:
        yield (
            f"sequences of {stage.sequence_length:,} are longer than the model's "
            f"{longest:,} positions",
            "Shorten them, or raise the shape's max_position_embeddings.",
        )
    if context > 1 and stage.sequence_length % (2 * context):
        yield (
            f"sequences of {stage.sequence_length:,} do not fall into {2 * context} equal parts, "
            f"two for each of {context} ranks",
            f"Make sequence_length a multiple of {2 * context}.",
        )


def _schedule_faults(recipe: TrainRecipe) -> Faults:
    for part in schedules(recipe):
        if part.warmup_steps >= part.num_steps:
            yield (
                f"a warm-up of {part.warmup_steps:,} steps leaves nothing of {part.num_steps:,}",
                "Lower warmup_steps, or train longer.",
            )


def _mesh_faults(recipe: TrainRecipe) -> Faults:
    mesh, model = recipe.mesh, recipe.model
    if model.n_routed_experts % mesh.expert:
        yield (
            f"{model.n_routed_experts} experts do not fall into {mesh.expert} equal parts",
            "Take a number that divides the shape's n_routed_experts.",
        )
    if mesh.data is not None and mesh.data * mesh.context % mesh.expert:
        yield (
            f"experts in {mesh.expert} parts do not spread over {mesh.data * mesh.context} ranks "
            "(data x context)",
            "Take a number that divides them.",
        )
    if mesh.pipeline > model.num_hidden_layers:
        yield (
            f"{model.num_hidden_layers} layers do not fall into {mesh.pipeline} parts",
            "Take a shorter pipeline.",
        )


def _evaluation_faults(recipe: TrainRecipe) -> Faults:
    if not recipe.evaluation.fim_samples:
        return
    length = recipe.stage[0].sequence_length
    if length < MIN_INFILL_LENGTH:
        yield (
            f"the first stage's sequences of {length} tokens are too short to fill in lines",
            f"Set it to 0, or take sequences of {MIN_INFILL_LENGTH} or more.",
        )
    if recipe.mesh.pipeline * recipe.mesh.context > 1:
        yield (
            "lines are filled in token by token, which a pipeline or a shared sequence cannot do",
            "Set it to 0, and take mesh.pipeline and mesh.context as 1 in a run that measures it.",
        )
