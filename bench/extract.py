"""Text of web pages, ours beside trafilatura, resiliparse and, where installed, magic-html.

Three questions in one run. How well is the main text found: bag-of-words F1 on the 181 pages of the
article benchmark, without the title, which its truth lacks. What is kept of formulas and of code:
on Debian documentation, where the markup says what there is (see extract_truth.py); the share of
formulas that stand between delimiters, of code lines that are there to the byte, and of found
indented lines that have their indentation. How fast: pages a second of CPU, in one thread, over the
articles, the fastest of three runs each, in turns. The scan of the cheap tier is timed alone too,
in GB/s beside a copy of the same bytes; the pages lie in the caches one by one, as they do in use.
"""

import argparse
import gzip
import importlib.util
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import trafilatura
from extract_truth import output_formulas, pages, true_code_lines, true_formulas
from resiliparse.extract.html2text import extract_plain_text

from gristmill.corpus.extract import Tier, extract_page
from gristmill.corpus.extract.markup import scan_markup

NUM_RUNS = 3
PAGES_PER_HOST = 25
MARKED = rb"<pre|\\\(|class=\"math|formulaInl|alt=\"\$"
_WORD = re.compile(r"\w+")
_TITLE = re.compile(r"\A#+ [^\n]*\n")

Row = dict[str, str | float]
Extractor = Callable[[bytes], str]


class Article(msgspec.Struct):
    """What the benchmark knows of a page."""

    articleBody: str  # noqa: N815


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("articles", type=Path, help="folder with ground-truth.json and html/")
    parser.add_argument("warcs", type=Path, help="folder with WARC files of documentation")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    payloads, bodies = articles_of(options.articles)
    scores = measure(payloads, bodies, documents_of(options.warcs))
    scan, copy = scan_speeds(payloads)
    if options.json:
        ours, cheap = scores["ours, fine"], scores["ours, cheap"]
        for name, score in scores.items():
            for what, value in score.items():
                print_row(f"{what}: {name}", ours[what], value)
            print_row(f"pages/s, cheap: {name}", cheap["pages/s"], score["pages/s"])
        print_row("scan, GB/s: copy", scan, copy)
    else:
        stamp = f"trafilatura {version('trafilatura')}, resiliparse {version('resiliparse')}"
        print(f"Python {platform.python_version()}, {platform.machine()}, {stamp}")
        columns = list(scores["ours, fine"])
        print(f"{'':22}" + "".join(f"{column:>14}" for column in columns))
        for name, score in scores.items():
            print(f"{name:22}" + "".join(f"{score[column]:14.3f}" for column in columns))
        print(f"scan of markup {scan:.2f} GB/s, copy {copy:.2f} GB/s")


def print_row(name: str, ours: float, peer: float) -> None:
    """Print a comparison as JSON."""
    ratio = ours / peer if peer else 0.0
    print(json.dumps({"name": name, "ours": ours, "peer": peer, "ratio": ratio}))


def extractors() -> dict[str, Extractor]:
    """Return what is compared, by name."""
    found: dict[str, Extractor] = {
        "ours, fine": lambda page: _ours(page, fine=True),
        "ours, cheap": lambda page: _ours(page, fine=False),
        "trafilatura": lambda page: trafilatura.extract(page) or "",
        "trafilatura, fast": lambda page: trafilatura.extract(page, fast=True) or "",
        "resiliparse": lambda page: str(
            extract_plain_text(
                page.decode("utf-8", "replace"), preserve_formatting=True, main_content=True
            )
        ),
    }
    if importlib.util.find_spec("magic_html") is not None:
        magic = importlib.import_module("magic_html").GeneralExtractor()
        found["magic-html"] = lambda page: _visible(
            magic.extract(page.decode("utf-8", "replace"), base_url="http://localhost/")["html"]
        )
    return found


def articles_of(folder: Path) -> tuple[list[bytes], list[str]]:
    """Return the pages of the article benchmark and their texts."""
    truth = msgspec.json.decode(
        (folder / "ground-truth.json").read_bytes(), type=dict[str, Article]
    )
    payloads = [gzip.decompress((folder / f"html/{key}.html.gz").read_bytes()) for key in truth]
    return payloads, [article.articleBody for article in truth.values()]


def documents_of(warcs: Path) -> list[bytes]:
    """Return the pages of documentation that are looked at for formulas and code."""
    return [
        page
        for path in sorted(warcs.glob("*.warc.gz"))
        for page in pages(warcs, path.name, wanted=MARKED, limit=PAGES_PER_HOST)
    ]


def measure(
    payloads: Sequence[bytes], bodies: Sequence[str], documents: Sequence[bytes]
) -> dict[str, dict[str, float]]:
    """Return every extractor's scores."""
    peers = extractors()
    speeds = _speeds(peers, payloads)
    return {
        name: {
            "article F1": _article_f1(extract, payloads, bodies),
            **_fidelity(extract, documents),
            "pages/s": speeds[name],
        }
        for name, extract in peers.items()
    }


def scan_speeds(payloads: Sequence[bytes]) -> tuple[float, float]:
    """Return GB/s of the scan of markup, with its cuts, and of a copy."""
    peers: dict[str, Extractor] = {
        "scan": lambda page: scan_markup(page).html,
        "copy": lambda page: str(len(bytearray(page))),
    }
    speeds = _speeds(peers, payloads)
    size = sum(map(len, payloads)) / len(payloads) / 1e9
    return speeds["scan"] * size, speeds["copy"] * size


def _ours(page: bytes, *, fine: bool) -> str:
    tier: Tier = "fine" if fine else "cheap"
    return extract_page(page, mime="text/html", charset=None, tier=tier).text or ""


def _visible(html: str) -> str:
    return str(extract_plain_text(html, preserve_formatting=True))


def _speeds(peers: dict[str, Extractor], payloads: Sequence[bytes]) -> dict[str, float]:
    seconds = dict.fromkeys(peers, 0.0)
    for payload in payloads:
        best = dict.fromkeys(peers, float("inf"))
        for _ in range(NUM_RUNS):
            for name, extract in peers.items():
                started = time.process_time()
                extract(payload)
                best[name] = min(best[name], time.process_time() - started)
        for name, taken in best.items():
            seconds[name] += taken
    return {name: len(payloads) / taken for name, taken in seconds.items()}


def _article_f1(extract: Extractor, payloads: Sequence[bytes], bodies: Sequence[str]) -> float:
    total = 0.0
    for payload, body in zip(payloads, bodies, strict=True):
        got = Counter(_WORD.findall(_TITLE.sub("", extract(payload))))
        wanted = Counter(_WORD.findall(body))
        total += 2 * (got & wanted).total() / max(1, got.total() + wanted.total())
    return total / len(payloads)


def _fidelity(extract: Extractor, documents: Sequence[bytes]) -> dict[str, float]:
    """Return the shares of formulas, of code lines and of their indentation that are kept."""
    formulas, lines, indented = Counter[str](), Counter[str](), Counter[str]()
    for payload in documents:
        page = payload.decode("utf-8", "replace")
        text = extract(payload)
        wanted = true_formulas(page)
        formulas += Counter(found=wanted.total(), kept=(wanted & output_formulas(text)).total())
        got_lines = Counter(line.rstrip() for line in text.replace("\xa0", " ").split("\n"))
        got_words = {line.strip() for line in got_lines}
        code = Counter(true_code_lines(page))
        lines += Counter(found=code.total(), kept=(code & got_lines).total())
        seen = Counter(
            {line: n for line, n in code.items() if line[0] == " " and line.strip() in got_words}
        )
        indented += Counter(found=seen.total(), kept=(seen & got_lines).total())
    return {
        "formulas": formulas["kept"] / formulas["found"],
        "code lines": lines["kept"] / lines["found"],
        "indentation": indented["kept"] / max(1, indented["found"]),
    }


if __name__ == "__main__":
    main()
