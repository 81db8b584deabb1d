"""The commands of `gristmill decontam`: parse, call one library function, print."""

import sys

import click


@click.group()
def decontam() -> None:
    """Find in texts what benchmarks hold."""


@decontam.command("index")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", required=True, help="The index file to write.")
@click.option("--fields", default="", help="Comma-separated fields to take; default: all text.")
@click.option("--name", default=None, help="The benchmark; default: each file's own name.")
@click.option("--ignore", default=None, help="A file of lines whose n-grams are not looked for.")
@click.option(
    "--max-items",
    type=click.IntRange(min=1),
    default=None,
    help="Do not look for n-grams of more items of a benchmark than this.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def decontam_index(
    files: tuple[str, ...],
    *,
    out: str,
    fields: str,
    name: str | None,
    ignore: str | None,
    max_items: int | None,
    as_json: bool,
) -> None:
    """Index benchmarks: JSON lines, plain or compressed, an item a line."""
    from .decontam_command import index_benchmarks
    from .decontam_text import common_text, index_text
    from .summary import to_json

    wanted = tuple(field.strip() for field in fields.split(",") if field.strip())
    found = index_benchmarks(
        files, out=out, name=name, fields=wanted, ignore=ignore, max_items=max_items
    )
    click.echo(to_json(found) if as_json else index_text(found, out))
    if note := common_text(found):
        click.echo(note, err=True)


@decontam.command("check")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--index", multiple=True, required=True, help="An index file; may be repeated.")
@click.option("--near", is_flag=True, help="Also find what was renamed or edited.")
@click.option("--text-field", default="text", show_default=True, help="Of JSON lines and Parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a document, one a line.")
def decontam_check(
    paths: tuple[str, ...], *, index: tuple[str, ...], near: bool, text_field: str, as_json: bool
) -> None:
    """List what files, folders, stdin (-) or a build hold of the indexed benchmarks."""
    from .cli import WRONG_CORPUS
    from .decontam_command import check_paths
    from .decontam_text import print_checked

    complaints: list[str] = []

    def note(complaint: str) -> None:
        complaints.append(complaint)
        click.echo(f"error: {complaint}", err=True)

    counted, found = check_paths(paths, index=index, note=note, near=near, text_field=text_field)
    print_checked(found, counted, as_json=as_json)
    if complaints or counted.contaminated:
        sys.exit(WRONG_CORPUS)
