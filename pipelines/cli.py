"""The command line: parse, call one library function, print.

Results go to stdout (`--json` for tools), progress and notes to stderr. Exit status: 0, 1 when the
corpus is wrong or incomplete, 2 for wrong usage, 130 after Ctrl-C. Modules are imported inside the
commands so that `--help` answers at once.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, redirect_stdout
from typing import TYPE_CHECKING

import click

from .audit_cli import audit, diff
from .bench_cli import bench
from .crawl_cli import crawl
from .decontam_cli import decontam
from .dedup_cli import dedup
from .export_cli import export
from .plan_cli import plan
from .recall_cli import recall
from .train_cli import ablate, train

if TYPE_CHECKING:
    from .build import BuildResult

WRONG_CORPUS = 1
WRONG_USAGE = 2
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gristmill")
def cli() -> None:
    """Build, audit and regenerate the pre-training mixture of a code model."""


cli.add_command(audit)
cli.add_command(bench)
cli.add_command(crawl)
cli.add_command(decontam)
cli.add_command(dedup)
cli.add_command(diff)
cli.add_command(export)
cli.add_command(plan)
cli.add_command(recall)
cli.add_command(train)
cli.add_command(ablate)


def main() -> None:
    """Run the program and turn errors into one clear line and an exit status."""
    from ..corpus.errors import GristmillError, StorageError

    try:
        status = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # click turns Ctrl-C into Abort
        click.echo("stopped; run the same command again to go on", err=True)
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = WRONG_USAGE
    except GristmillError as error:
        click.echo(f"error: {error}", err=True)
        status = WRONG_CORPUS if isinstance(error, StorageError) else WRONG_USAGE
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone, as `head` does
        status = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(
            f"error: {where}{error.strerror or error}. "
            "Mend it and run the same command again: what is finished is kept.",
            err=True,
        )
        status = WRONG_CORPUS
    sys.exit(status if isinstance(status, int) else 0)


def _shared(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that runs tasks."""
    for option in (
        click.option("--out", required=True, help="The build directory (local, s3://, gs:// ...)."),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=None,
            help="0 for a plain loop; default: ray on all cores of this machine.",
        ),
        click.option("--ray", "address", default=None, help="Address of a running ray cluster."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ):
        function = option(function)
    return function


@cli.command()
@click.argument("recipe")
@_shared
@click.option("--verify", is_flag=True, help="Digest every finished artifact again first.")
def build(
    recipe: str,
    *,
    out: str,
    workers: int | None,
    address: str | None,
    as_json: bool,
    verify: bool,
) -> None:
    """Build RECIPE into a directory; what is done already is not done again."""
    from .build import build as run
    from .engine import make_executor
    from .progress import make_observer

    with closing(make_observer()) as observer, _notes_on_stderr():
        result = run(
            recipe,
            out=out,
            executor=make_executor(workers=workers, address=address),
            observer=observer,
            verify=verify,
        )
    _finish_build(result, as_json=as_json)


def _notes_on_stderr() -> AbstractContextManager[object]:
    """Keep stdout for results: ray prints the loss of a worker there."""
    return redirect_stdout(sys.stderr)


def _finish_build(result: "BuildResult", *, as_json: bool) -> None:
    from .summary import build_json, build_text

    click.echo(build_json(result) if as_json else build_text(result))
    if result.failures:
        sys.exit(WRONG_CORPUS)


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one object a file, one a line.")
@click.option("--explain", is_flag=True, help="Say what each kind of evidence said.")
@click.option("--content-only", is_flag=True, help="Ignore names and neighbours.")
@click.option("--name", default=None, help="What stdin (the path -) is called.")
def detect(
    paths: tuple[str, ...], *, as_json: bool, explain: bool, content_only: bool, name: str | None
) -> None:
    """Name the language of files, of all files below folders, or of stdin (-)."""
    from .detect_command import detect_paths
    from .detect_text import print_batches

    if paths.count("-") != 1 if name is not None else paths.count("-") > 1:
        raise click.UsageError("stdin is read once, as the path -; --name is its name")
    complaints: list[str] = []

    def note(complaint: str) -> None:
        complaints.append(complaint)
        click.echo(f"error: {complaint}", err=True)

    found = detect_paths(paths, note=note, name=name, content_only=content_only, explain=explain)
    print_batches(found, as_json=as_json, explain=explain)
    if complaints:
        sys.exit(WRONG_CORPUS)


@cli.command()
@click.argument("directory")
@click.argument("document")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def why(directory: str, document: str, *, as_json: bool) -> None:
    """Say why DOCUMENT (an id, repo:path, or URL) is in or out."""
    from .lookup import format_why
    from .lookup import why as run
    from .summary import to_json

    found = run(directory, document)
    click.echo(to_json(found) if as_json else format_why(found))


@cli.command()
@click.argument("directory")
@click.argument("shard")
@click.argument("row", type=click.IntRange(min=0))
@click.argument("offset", type=click.IntRange(min=0), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def trace(directory: str, shard: str, row: int, offset: int | None, *, as_json: bool) -> None:
    """Go from a token (SHARD, ROW, OFFSET) to its document and repo@commit or WARC record."""
    from .lookup import format_trace
    from .lookup import trace as run
    from .summary import to_json

    found = run(directory, shard, row, offset)
    click.echo(to_json(found) if as_json else format_trace(found))


@cli.command()
@click.argument("directory")
@click.argument("listing", metavar="LIST")
@click.option("--recipe", default=None, help="Default: the recipe that DIRECTORY was built from.")
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--ray", "address", default=None, help="Address of a running ray cluster.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def remove(
    directory: str,
    listing: str,
    *,
    recipe: str | None,
    workers: int,
    address: str | None,
    as_json: bool,
) -> None:
    """Take what LIST names (repositories, owners, URLs, content ids) out of DIRECTORY."""
    from .engine import make_executor
    from .export.known import stale_exports
    from .progress import make_observer
    from .remove import remove_documents
    from .summary import receipt_text, to_json

    with closing(make_observer()) as observer, _notes_on_stderr():
        result, receipt = remove_documents(
            directory,
            listing,
            recipe=recipe,
            executor=make_executor(workers=None if address else workers, address=address),
            observer=observer,
        )
    if receipt is None:
        _finish_build(result, as_json=as_json)
    else:
        click.echo(to_json(receipt) if as_json else receipt_text(receipt))
    for stale in stale_exports(directory):
        click.echo(
            f"note: the export in {stale.out} is of what was built before: {stale.changes}. "
            "Export again to another directory, and delete that one.",
            err=True,
        )


@cli.command()
@click.argument("directory")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def gc(directory: str, *, dry_run: bool, as_json: bool) -> None:
    """Remove from DIRECTORY what no manifest of its build needs."""
    from .gc import collect_garbage
    from .summary import garbage_text, to_json

    found = collect_garbage(directory, dry_run=dry_run)
    click.echo(to_json(found) if as_json else garbage_text(found, dry_run=dry_run))
