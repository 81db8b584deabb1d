"""The commands that count what a build holds: audit, and diff of two builds."""

import sys

import click

WRONG_CORPUS = 1


@click.command()
@click.argument("directory")
@click.option(
    "--by",
    default="component,language",
    show_default=True,
    help="Comma-separated: language, component, license, source, rule, encoding, kind, evidence.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--html", "html", default=None, help="Also write the report page to this file.")
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Read every row of the shards; else their footers alone.",
)
@click.option("--totals", default=None, help="Also write the totals by language to this TSV.")
@click.option("--expect", default=None, help="Fail unless the totals by language are this TSV's.")
@click.option(
    "--memory-mb",
    type=click.IntRange(min=64),
    default=4096,
    show_default=True,
    help="What its queries may hold; more goes to a temporary folder.",
)
def audit(
    directory: str,
    *,
    by: str,
    as_json: bool,
    html: str | None,
    check: bool,
    totals: str | None,
    expect: str | None,
    memory_mb: int,
) -> None:
    """Count tokens from the shards of DIRECTORY and reconcile them with the ledger."""
    from .audit import audit as run
    from .audit import format_table
    from .report import write_report
    from .summary import to_json
    from .totals import total_differences, write_totals

    dimensions = tuple(name.strip() for name in by.split(",") if name.strip())
    if (totals or expect) and "language" not in dimensions:
        dimensions += ("language",)
    found = run(directory, by=dimensions, check=check, memory_mb=memory_mb)
    click.echo(to_json(found) if as_json else format_table(found))
    if html is not None:
        written = write_report(directory, html, check=check, memory_mb=memory_mb)
        click.echo(f"report: {written}", err=True)
    if totals is not None:
        write_totals(found, totals)
    unexpected = total_differences(found, expect) if expect is not None else []
    for difference in unexpected:
        click.echo(difference, err=True)
    if found.differences or unexpected:
        sys.exit(WRONG_CORPUS)


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def diff(before: str, after: str, *, as_json: bool) -> None:
    """Say what each language gained and lost from build BEFORE to AFTER, and by which rule."""
    from .diff import diff as run
    from .diff import diff_text
    from .summary import to_json

    found = run(before, after)
    click.echo(to_json(found) if as_json else diff_text(found))
