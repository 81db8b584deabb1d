"""The recall loop on documentation whose markup says which pages bear formulas, seeded with two.

Prints precision and recall of formula-bearing pages for each iteration: of all pages, and of the
sites that were no seeds. The peer of a row is the first iteration: one model, as one would have
without a loop. Seeds are pages of two sites, labelled by their markup, or with --sites those sites
as they are. Pages with fewer formulas than make a page one on mathematics are not judged.

The models see the text alone. With --formulas N the loop collects only pages on which the
extractor found so many formulas. Labels are counted in the markup too, by code that shares nothing
with the extractor but the parser: so precision then says that both count alike and that the models
rank such pages high enough, not that a person would call the pages mathematics. --extract cheap
--formulas 0 is the loop by text alone, whose labels are independent of all that it sees.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from fastwarc import ArchiveIterator
from fastwarc.warc import WarcRecordType

from gristmill.dedup.urls import normalize_url
from gristmill.filters.recall.markup_labels import LEAST_FORMULAS, markup_facts
from gristmill.pipelines.build import open_recipe
from gristmill.pipelines.engine import Engine
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall.asked import apply_asked, read_asked
from gristmill.pipelines.recall.iterate import Iteration, Loop
from gristmill.pipelines.recall.pool import Pages, PoolGraph
from gristmill.pipelines.recall.state import State
from gristmill.pipelines.removals import TakeDown
from gristmill.pipelines.store import open_store

FOLDER = Path(__file__).parents[1] / "fixtures/web"
SEEDS = ("docs.sympy.test", "flintlib.test")
MAX_PAGE_BYTES = 1 << 20

RECIPE = """\
name = "bench"

[[source]]
name = "web"
kind = "warc"
component = "math"
paths = [{paths}]

[mixture]
weights = {{ math = 1.0 }}

[[recall.target]]
name = "math"
sources = ["web"]
{seeds}
extract = "{extract}"
tokens = "{tokens}"
evidence = {{ formulas = {formulas} }}
{more}
near = {{ threshold = {near} }}

[recall.target.train]
dim = {dim}
buckets = 500_000
least_words = 20_000_000
"""

SETTINGS = ("tokens", "dim", "extract", "formulas", "near", "more")
Row = dict[str, str | int | float]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--sites", action="store_true", help="seed with sites, not with labels")
    parser.add_argument("--tokens", default="cjk", help="cjk, bpe or whitespace")
    parser.add_argument("--extract", default="cheap", help="cheap or fine")
    parser.add_argument("--formulas", type=int, default=LEAST_FORMULAS, help="evidence to ask for")
    parser.add_argument("--more", default="", help="a line for the target's table in the recipe")
    parser.add_argument("--near", type=float, default=0.8, help="similarity of near-duplicates")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--seeds", nargs="+", default=SEEDS, help="hosts")
    parser.add_argument("--out", type=Path, help="keep the results here")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="with .warc.gz files")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        rows = measure(options, options.out or Path(temporary))
    for row in rows:
        if options.json:
            print(json.dumps(row))
        else:
            print(" ".join(f"{name} {value}" for name, value in row.items()))


def measure(options: argparse.Namespace, out: Path) -> list[Row]:
    """Return name, ours, peer and ratio of each iteration's recall, with what belongs to it."""
    files = sorted(options.folder.resolve().rglob("*.warc.gz"))
    num_formulas = dict(page for path in files for page in labelled_pages(path))
    out.mkdir(parents=True, exist_ok=True)
    recipe = write_recipe(options, files, num_formulas, out)
    rows: list[Row] = []
    for pages, iteration in iterations(recipe, out / "out"):
        rows += judge(pages, iteration, num_formulas, frozenset(options.seeds))
    first = {row["group"]: row for row in rows if row["iteration"] == 1}
    for row in rows:
        peer = float(first[row["group"]]["ours"])
        row["peer"], row["ratio"] = peer, round(float(row["ours"]) / peer, 3) if peer else 0.0
    return rows


def labelled_pages(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the URL of each page of a WARC file, and how many formulas its markup holds."""
    for record in ArchiveIterator(str(path), parse_http=True):
        if record.record_type != WarcRecordType.response:
            continue
        payload = record.reader.read()
        url = normalize_url(record.headers["WARC-Target-URI"].strip("<>"))
        if len(payload) <= MAX_PAGE_BYTES:
            yield url, markup_facts(payload.decode("utf-8", "replace")).num_formulas


def write_recipe(
    options: argparse.Namespace, files: list[Path], num_formulas: dict[str, int], out: Path
) -> Path:
    """Write the recipe and its seeds; return its path."""
    if options.sites:
        (out / "seeds.txt").write_text("".join(f"{host}\n" for host in options.seeds))
        seeds = 'seeds = ["seeds.txt"]'
    else:
        lines = [
            f"{url}\t{'yes' if number else 'no'}\n"
            for url, number in sorted(num_formulas.items())
            if url.split("/")[2] in options.seeds and (number == 0 or number >= LEAST_FORMULAS)
        ]
        (out / "pages.tsv").write_text("".join(lines))
        seeds = 'pages = ["pages.tsv"]'
    recipe = out / "recipe.toml"
    paths = ", ".join(json.dumps(str(path)) for path in files)
    values = {name: getattr(options, name) for name in SETTINGS}
    recipe.write_text(RECIPE.format(paths=paths, seeds=seeds, **values))
    return recipe


def iterations(recipe_path: Path, out: Path) -> Iterator[tuple[Pages, Iteration]]:
    """Yield the pool and each iteration of the recipe's only target."""
    recipe = open_recipe(str(recipe_path))
    (target,) = recipe.raw.recall.target
    with open_store(str(out)) as store:
        graph = PoolGraph(recipe, target, store, TakeDown())
        engine = Engine(store, LocalExecutor(), JsonLines(StringIO()))
        if engine.run_phases(graph.phases(engine.outcome.done)).failed:
            sys.exit(str(engine.outcome.failed))
        pages = graph.pages(engine.outcome.done)
        asked = read_asked(target, recipe.base)
        known = apply_asked(asked, pages, graph.copies(engine.outcome.done))
        loop = Loop(target, State(str(out), target.name), pages, asked, known)

        def score(number: int, table: Path, digest: str) -> npt.NDArray[np.float32]:
            engine.run(graph.scores(number, table, digest))
            return graph.logits(engine.outcome.done, number)

        for iteration in loop.run(score):
            yield pages, iteration
        store.save()


def judge(
    pages: Pages, iteration: Iteration, num_formulas: dict[str, int], seeds: frozenset[str]
) -> list[Row]:
    """Return precision and recall of an iteration: in all, and without the sites of seeds."""
    formulas = np.array([num_formulas.get(url, 1) for url in pages.table["url"].to_pylist()])
    is_seed = np.isin(pages.labels("host"), sorted(seeds))
    is_judged = (formulas == 0) | (formulas >= LEAST_FORMULAS)
    is_positive = formulas >= LEAST_FORMULAS
    rows: list[Row] = []
    for group, of in (("all", is_judged), ("other sites", is_judged & ~is_seed)):
        for what, found in (("loop", iteration.is_collected), ("rank", iteration.is_ranked)):
            hits = int((found & is_positive & of).sum())
            precision = hits / max(int((found & of).sum()), 1)
            recall = hits / max(int((is_positive & of).sum()), 1)
            rows.append(
                {
                    "name": f"{what} {group} iteration {iteration.metrics.iteration}",
                    "ours": round(recall, 4),
                    "precision": round(precision, 4),
                    "average_precision": average_precision(iteration.logits[of], is_positive[of]),
                    "iteration": iteration.metrics.iteration,
                    "group": f"{what} {group}",
                    "pages": int((found & of).sum()),
                    "hosts": hosts_of(pages, found & of),
                }
            )
    return rows


def average_precision(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.bool_]) -> float:
    """Return the mean precision at each positive page, in the order of scores."""
    ranked = labels[np.argsort(-logits, kind="stable")]
    precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return round(float(precisions[ranked].mean()), 4) if ranked.any() else 0.0


def hosts_of(pages: Pages, found: npt.NDArray[np.bool_]) -> str:
    """Return how many pages of each host were found."""
    names, counts = np.unique(pages.labels("host")[found], return_counts=True)
    return ",".join(f"{name}:{count}" for name, count in zip(names, counts, strict=True))


if __name__ == "__main__":
    main()
