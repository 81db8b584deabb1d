"""The commands of `gristmill crawl`: parse, call one library function, print."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..corpus.crawl.manifest import CrawlKind
    from ..corpus.crawl.settings import CrawlSettings
    from .crawl import CrawlOutcome


@click.group()
def crawl() -> None:
    """Fetch sources, politely and resumably; the same command goes on where it stopped."""


def _shared(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--out", required=True, help="The build directory; crawls go to its crawl/."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ):
        function = option(function)
    return function


@crawl.command("all")
@click.argument("recipe")
@_shared
def crawl_all(recipe: str, *, out: str, as_json: bool) -> None:
    """Run every crawl that RECIPE names."""
    _run_recipe(recipe, ("github", "commoncrawl", "site"), out=out, as_json=as_json)


@crawl.command("github")
@click.argument("recipe")
@_shared
def crawl_github(recipe: str, *, out: str, as_json: bool) -> None:
    """Fetch the repositories and issues of RECIPE's [[crawl.github]] tables."""
    _run_recipe(recipe, ("github",), out=out, as_json=as_json)


@crawl.command("commoncrawl")
@click.argument("recipe")
@_shared
def crawl_commoncrawl(recipe: str, *, out: str, as_json: bool) -> None:
    """Fetch the records of RECIPE's [[crawl.commoncrawl]] tables."""
    _run_recipe(recipe, ("commoncrawl",), out=out, as_json=as_json)


@crawl.command("site")
@click.argument("what", metavar="URL...|RECIPE", nargs=-1, required=True)
@_shared
@click.option("--name", default="site", show_default=True, help="The crawl's name, given URLs.")
@click.option("--contact", default="", help="Whom the sites may write to: a mail address or page.")
@click.option("--max-pages", type=click.IntRange(min=1), default=None, help="Given URLs.")
@click.option("--max-depth", type=click.IntRange(min=0), default=None, help="Given URLs.")
def crawl_site(
    what: tuple[str, ...],
    *,
    out: str,
    as_json: bool,
    name: str,
    contact: str,
    max_pages: int | None,
    max_depth: int | None,
) -> None:
    """Fetch the pages below URLs, or of RECIPE's [[crawl.site]] tables, as WARC files."""
    import msgspec

    from ..corpus.crawl.settings import CrawlSettings, SiteCrawl

    if not any(each.startswith(("http://", "https://")) for each in what):
        if len(what) > 1 or "://" in what[0]:
            raise click.UsageError("give one recipe, or URLs that start with http(s)://")
        _run_recipe(what[0], ("site",), out=out, as_json=as_json)
        return
    given = {"max_pages": max_pages, "max_depth": max_depth}
    limits = {key: value for key, value in given.items() if value is not None}
    try:
        site = msgspec.convert({"name": name, "urls": what, **limits}, SiteCrawl)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None
    _run(CrawlSettings(contact=contact, site=(site,)), ".", ("site",), out=out, as_json=as_json)


@crawl.command("status")
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def status(directory: str, *, as_json: bool) -> None:
    """Say what the crawls in DIRECTORY have and what they lack."""
    from .crawl import crawl_status

    _finish(crawl_status(directory), as_json=as_json)


def _run_recipe(recipe: str, kinds: "tuple[CrawlKind, ...]", *, out: str, as_json: bool) -> None:
    from .recipe import load_crawls

    settings, base = load_crawls(recipe)
    _run(settings, base, kinds, out=out, as_json=as_json)


def _run(
    settings: "CrawlSettings",
    base: str,
    kinds: "tuple[CrawlKind, ...]",
    *,
    out: str,
    as_json: bool,
) -> None:
    from .crawl import run_crawls
    from .crawl_progress import crawl_reporter

    with crawl_reporter() as reporter:
        outcome = run_crawls(
            settings, out=out, base=base, kinds=kinds, report=reporter.report, note=reporter.note
        )
    _finish(outcome, as_json=as_json)


def _finish(outcome: "CrawlOutcome", *, as_json: bool) -> None:
    from .cli import WRONG_CORPUS
    from .crawl_text import crawl_text
    from .summary import to_json

    click.echo(to_json(outcome) if as_json else crawl_text(outcome))
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    if not outcome.is_complete:
        sys.exit(WRONG_CORPUS)
