"""The command `gristmill train`: parse, call one library function, print."""

import os
import sys
from importlib.util import find_spec

import click

_INTERRUPTED = 130


@click.command()
@click.argument("recipe")
@click.option("--build", default="", help="The build to train on, in place of the recipe's.")
@click.option("--out", default="", help="The run's folder, in place of the recipe's.")
@click.option("--hub", default="", help="Train nothing: write the last checkpoint to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(recipe: str, *, build: str, out: str, hub: str, as_json: bool) -> None:
    """Train the model of RECIPE on a build, or go on from its last checkpoint.

    Several GPUs: torchrun --nproc-per-node N -m gristmill train RECIPE
    """
    from ..trainer.recipe_file import load_recipe

    _check_torch("gristmill train")
    settings = load_recipe(recipe, build=build, out=out)  # before torch, which takes seconds
    from ..trainer.hub.export import export_checkpoint
    from ..trainer.loop import train as run
    from ..trainer.report.result_text import export_text, train_text
    from .summary import to_json

    if hub:
        path = export_checkpoint(settings, hub)
        click.echo(to_json({"checkpoint": path, "hub": hub}) if as_json else export_text(path, hub))
        return
    result = run(settings, where=recipe)
    if result is None:  # another rank prints
        return
    click.echo(to_json(result) if as_json else train_text(result))
    if result.is_stopped:
        sys.exit(_INTERRUPTED)


@click.command()
@click.argument("recipe")
@click.option("--json", "as_json", is_flag=True, help="Print every score as JSON.")
def ablate(recipe: str, *, as_json: bool) -> None:
    """Compare builds by the models that they train, as RECIPE says, or go on where it stopped."""
    _check_torch("gristmill ablate")
    from ..trainer.evaluation.ablation_recipe import load_ablation

    plan = load_ablation(recipe)
    from ..trainer.evaluation.ablation_text import ablation_text
    from ..trainer.evaluation.measure import compare_builds
    from .summary import to_json

    is_first = os.environ.get("RANK", "0") == "0"  # torchrun's word; one rank prints

    def note(line: str) -> None:
        if is_first:
            click.echo(line, err=True)

    found = compare_builds(*plan, where=recipe, note=note)
    if found is None:
        sys.exit(_INTERRUPTED)
    if is_first:
        click.echo(to_json(found) if as_json else ablation_text(found))


def _check_torch(where: str) -> None:
    from ..corpus.errors import GristmillError

    if find_spec("torch") is None:
        raise GristmillError(
            "training needs torch, which is not installed",
            where=where,
            todo="Install it with: pip install 'gristmill[train]'",
        )
