"""The command `gristmill plan`: what a build would redo, or what it would take of a cluster."""

import sys
from contextlib import redirect_stdout

import click


@click.command()
@click.argument("recipe")
@click.option("--out", default=None, help="The build directory (local, s3://, gs:// ...).")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="0 for a plain loop, the default; else ray on so many cores of this machine.",
)
@click.option("--ray", "address", default=None, help="Address of a running ray cluster.")
@click.option("--nodes", type=click.IntRange(min=1), default=None, help="Reckon for a cluster.")
@click.option("--cores", type=click.IntRange(min=1), default=None, help="Of a node.")
@click.option("--memory", type=float, default=None, help="Of a node, GB.")
@click.option("--disk-gb-s", "disk", type=float, default=2.0, show_default=True, help="Of a node.")
@click.option(
    "--network-gb-s", "network", type=float, default=1.25, show_default=True, help="Of a node."
)
@click.option(
    "--internet-gb-s", "internet", type=float, default=1.25, show_default=True, help="Of all nodes."
)
@click.option("--rates", "rates", default=None, help="A file of `gristmill bench`; default: yours.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def plan(
    recipe: str,
    *,
    out: str | None,
    workers: int | None,
    address: str | None,
    nodes: int | None,
    cores: int | None,
    memory: float | None,
    disk: float,
    network: float,
    internet: float,
    rates: str | None,
    as_json: bool,
) -> None:
    """Say what `build` would redo, why, and what each language gains or loses.

    With --nodes and --cores, say instead what RECIPE would take of such a cluster, by what it
    expects of its sources and by measured rates; nothing is read or fetched.
    """
    if (nodes is None) != (cores is None) or (nodes is None) == (out is None):
        raise click.UsageError("give either --out, or --nodes with --cores")
    if nodes is None or cores is None:
        assert out is not None
        _plan_build(recipe, out=out, workers=workers, address=address, as_json=as_json)
        return
    if not all(rate > 0 for rate in (disk, network, internet)):
        raise click.UsageError("the rates of a node must be above 0")
    from .cluster_plan import TASK_GIGABYTES, Cluster, plan_cluster
    from .cluster_text import cluster_text
    from .machine_rates import load_rates
    from .recipe import load_recipe
    from .summary import to_json

    if memory is not None and not memory >= TASK_GIGABYTES:
        raise click.UsageError(f"--memory must hold one task, {TASK_GIGABYTES:.2f} GB")
    measured, origin = load_rates(rates)
    cluster = Cluster(
        nodes=nodes, cores=cores, memory=memory, disk=disk, network=network, internet=internet
    )
    reckoned = plan_cluster(load_recipe(recipe), cluster, measured, rates_from=origin)
    click.echo(to_json(reckoned) if as_json else cluster_text(reckoned))


def _plan_build(
    recipe: str, *, out: str, workers: int | None, address: str | None, as_json: bool
) -> None:
    from .cli import WRONG_CORPUS
    from .engine import make_executor
    from .plan import plan as run
    from .summary import plan_text, to_json

    executor = make_executor(workers=workers or 0, address=address)
    with redirect_stdout(sys.stderr):  # ray prints the loss of a worker to stdout
        found = run(recipe, out=out, executor=executor)
    click.echo(to_json(found) if as_json else plan_text(found))
    if found.failures:
        sys.exit(WRONG_CORPUS)
