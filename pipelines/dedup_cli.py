"""The command `gristmill dedup`: parse, call one library function, print."""

import sys
from contextlib import closing, redirect_stdout

import click


@click.command()
@click.argument("files", metavar="FILES...", nargs=-1, required=True)
@click.option("--out", required=True, help="The directory to write to.")
@click.option("--text-field", default="text", show_default=True, help="The column to compare.")
@click.option("--id-field", default=None, help="The column that names a row; default: id, if any.")
@click.option("--threshold", type=float, default=None, help="Jaccard similarity of duplicates.")
@click.option(
    "--partitions", type=int, default=None, help="Tasks an exchange has; default: by input size."
)
@click.option("--memory-bytes", type=int, default=None, help="What an exchange may take a worker.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="Threads of this process; default: one a core.",
)
@click.option("--ray", "address", default=None, help="Address of a running ray cluster.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def dedup(
    files: tuple[str, ...],
    *,
    out: str,
    text_field: str,
    id_field: str | None,
    threshold: float | None,
    partitions: int | None,
    memory_bytes: int | None,
    workers: int | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Copy Parquet FILES into a directory without their exact and near duplicates."""
    from .cli import WRONG_CORPUS
    from .dedup_command import dedup_executor, dedup_files, dedup_settings
    from .dedup_inputs import default_partitions
    from .progress import make_observer
    from .summary import dedup_text, to_json

    settings = dedup_settings(
        threshold=threshold,
        partitions=default_partitions(files) if partitions is None else partitions,
        memory_bytes=memory_bytes,
    )
    executor = dedup_executor(workers=workers, address=address)
    with closing(make_observer()) as observer, redirect_stdout(sys.stderr):  # ray prints there
        result = dedup_files(
            files,
            out=out,
            settings=settings,
            text_field=text_field,
            id_field=id_field,
            executor=executor,
            observer=observer,
        )
    click.echo(to_json(result) if as_json else dedup_text(result))
    if result.failures:
        sys.exit(WRONG_CORPUS)
