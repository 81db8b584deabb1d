"""The command `gristmill export`: parse, call one library function, print."""

from contextlib import closing

import click

_FORMATS = ("megatron", "jsonl", "parquet", "mds", "webdataset", "datasets")
_CONTENTS = ("documents", "samples", "tokens")


@click.command()
@click.argument("directory")
@click.option(
    "--format", "kind", type=click.Choice(_FORMATS), required=True, help="Whose files to write."
)
@click.option("--out", required=True, help="Where to write: a directory, or s3://, gs:// ...")
@click.option(
    "--content",
    type=click.Choice(_CONTENTS),
    default=None,
    help="Documents with their origin, training samples as text, or as ids.",
)
@click.option("--component", "components", multiple=True, help="Only this one; may be repeated.")
@click.option("--language", "languages", multiple=True, help="Only this one; may be repeated.")
@click.option(
    "--epoch",
    default="0",
    show_default=True,
    help="A number, or all that training sees (megatron).",
)
@click.option(
    "--split", "splits", multiple=True, metavar="NAME=SHARE", help="Hold out a share of documents."
)
@click.option(
    "--tokens-per-file",
    type=click.IntRange(min=1),
    default=None,
    help="About so many in a file; default: the format's own.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=None,
    help="Processes: 0 for a plain loop; default: one a core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(
    directory: str,
    *,
    kind: str,
    out: str,
    content: str | None,
    components: tuple[str, ...],
    languages: tuple[str, ...],
    epoch: str,
    splits: tuple[str, ...],
    tokens_per_file: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write the build in DIRECTORY for another reader; run it again to go on after a stop."""
    from .export.progress import make_report
    from .export.run import export as run
    from .export.settings import FORMATS, make_settings, parse_content, parse_epoch
    from .export.text import export_text
    from .summary import to_json

    settings = make_settings(
        next(name for name in FORMATS if name == kind),
        content=parse_content(content),
        components=components,
        languages=languages,
        epoch=parse_epoch(epoch),
        splits=_splits(splits),
        tokens_per_file=tokens_per_file,
    )
    with closing(make_report()) as report:
        result = run(directory, out=out, settings=settings, workers=workers, report=report.file)
    click.echo(to_json(result) if as_json else export_text(result))


def _splits(texts: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, share in map(_split, texts):
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="--split")
        found[name] = share
    return found


def _split(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not NAME=SHARE", param_hint="--split") from None
