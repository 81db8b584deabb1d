"""The command `gristmill recall`: parse, call one library function, print."""

import sys
from contextlib import closing, redirect_stdout

import click


@click.command()
@click.argument("recipe")
@click.option("--out", required=True, help="The build directory, local: results go to its recall/.")
@click.option("--target", "names", multiple=True, help="Only this target; may be repeated.")
@click.option(
    "--retrain",
    type=click.IntRange(min=1),
    default=None,
    help="Train the models from this iteration on again.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="0 for a plain loop; default: ray on all cores of this machine.",
)
@click.option("--ray", "address", default=None, help="Address of a running ray cluster.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def recall(
    recipe: str,
    *,
    out: str,
    names: tuple[str, ...],
    retrain: int | None,
    workers: int | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Find the pages or files of RECIPE's topics in its sources, iteration by iteration."""
    from .cli import WRONG_CORPUS
    from .engine import make_executor
    from .progress import make_observer
    from .recall_command import recall as run
    from .recall_text import recall_text
    from .summary import to_json

    # ray prints the loss of a worker to stdout, which is for results
    with closing(make_observer()) as observer, redirect_stdout(sys.stderr):
        result = run(
            recipe,
            out=out,
            executor=make_executor(workers=workers, address=address),
            observer=observer,
            names=names,
            retrain=retrain,
        )
    click.echo(to_json(result) if as_json else recall_text(result))
    if result.failures:
        sys.exit(WRONG_CORPUS)
