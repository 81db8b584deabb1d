"""What a crawl has and lacks, for a person to read."""

from rich.table import Table

from ..corpus.crawl.run import CrawlResult
from .crawl import CrawlOutcome
from .printable import render

_NOUNS = {  # where a plural in s will not do
    "content": ("repository fetched", "repositories fetched"),
    "index_part": ("part of the index", "parts of the index"),
    "issues": ("repository's issues", "repositories' issues"),
    "repository": ("repository known", "repositories known"),
    "robots": ("robots.txt", "robots.txt"),
    "warc": ("WARC file", "WARC files"),
}


def crawl_text(outcome: CrawlOutcome) -> str:
    """Return a paragraph for each crawl, and a table of the hosts that were asked."""
    lines = []
    for crawl in outcome.crawls:
        lines += _lines(crawl)
    hosts = [host for crawl in outcome.crawls for host in crawl.hosts]
    if hosts:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("host", "requests", "MB", "not modified", "retries", "refusals", "waited s"):
            table.add_column(name, justify="left" if name == "host" else "right")
        for host in hosts:
            table.add_row(
                host.host or "(local files)",
                f"{host.requests:,}",
                f"{host.received_bytes / 1e6:,.1f}",
                f"{host.not_modified:,}",
                f"{host.retries:,}",
                f"{host.refusals:,}",
                f"{host.waited_seconds:,.0f}",
            )
        lines.append(render(table))
    return "\n".join(lines)


def _lines(crawl: CrawlResult) -> list[str]:
    done = ", ".join(f"{count:,} {_nouns(kind, count)}" for kind, count in crawl.done.items())
    size = f" ({crawl.done_bytes / 1e6:,.1f} MB)" if crawl.done_bytes else ""
    lines = [f"{crawl.name}: {'complete' if crawl.is_complete else 'incomplete'}"]
    lines.append(f"  done: {done or 'nothing'}{size}")
    if crawl.counts:
        held = [f"{count:,} {name.replace('_', ' ')}" for name, count in crawl.counts.items()]
        lines.append(f"  in it: {', '.join(held)}")
    for title, found in (("refused", crawl.refused), ("failed", crawl.failed)):
        for kind, reasons in found.items():
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            lines.append(f"  {title}: {_nouns(kind, 2)}: {told}")
    for kind, count in crawl.waiting.items():
        lines.append(f"  not fetched yet: {count:,} {_nouns(kind, count)}")
    if not crawl.is_complete:
        lines.append("  Run the same command again: what is done is not fetched again.")
    return lines


def _nouns(kind: str, count: int) -> str:
    """Return what items of a kind are called, beside their number."""
    if kind in _NOUNS:
        return _NOUNS[kind][count != 1]
    return kind if count == 1 else f"{kind}s"
