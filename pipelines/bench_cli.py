"""The command `gristmill bench`: parse, call one library function, print."""

import click


@click.command()
@click.option(
    "--to", "path", default=None, help="The file to write; default: ~/.cache/gristmill/rates.json."
)
@click.option("--json", "as_json", is_flag=True, help="Print the rates as JSON.")
def bench(path: str | None, *, as_json: bool) -> None:
    """Measure what this machine does in a second of one core, for `gristmill plan --nodes`."""
    import msgspec

    from ..corpus.storage import write_bytes
    from .bench_command import bench as run
    from .bench_text import bench_text
    from .machine_rates import user_file
    from .summary import to_json

    found = run()
    where = path or user_file()
    write_bytes(where, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    click.echo(to_json(found) if as_json else bench_text(found))
    click.echo(f"written to {where}", err=True)
