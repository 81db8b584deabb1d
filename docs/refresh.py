"""Runs every example of the documentation and writes down what it prints.

`python docs/refresh.py [PAGE ...]` rewrites the pages in place; tests/test_docs.py calls the same
function and expects that nothing changes. What is run, and what is not:

- ```console  lines after `$ ` are commands, lines after `> ` go on with one, the rest is output.
- ```python   is run; a ```text block that follows at once holds what it prints.
- ```toml     is checked as a recipe, or as part of one.
- ```console not-run  needs a network, a cluster or a whole installation; of these only the output
  of `make demo` is compared, with that of a demo build.

A line `...` stands for any number of lines. Figures that differ between machines and libraries
(times, sizes of compressed files, the digest in a receipt's name) are not compared.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from gristmill.corpus.deepseek import read_file
from gristmill.pipelines.build import BuildResult
from gristmill.pipelines.crawl import crawl_status
from gristmill.pipelines.crawl_text import crawl_text
from gristmill.pipelines.published import Publication, read_build
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.summary import build_text
from gristmill.trainer.evaluation.ablation_recipe import load_ablation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{p.name}" for p in sorted(ROOT.glob("docs/*.md"))),
)
CUT = "..."
TIMEOUT_SECONDS = 300

_FENCE = re.compile(r"```(.*)")
_MASKS = (
    (re.compile(r"\b[\d.,]+(?= (?:s|MB)\b)"), "N"),
    (re.compile(r'"(seconds|num_bytes|peak_memory_bytes)": ?[\d.]+'), r'"\1":N'),
    (re.compile(r"127\.0\.0\.1:\d+ +"), "HOST "),
    (re.compile(r"receipts/[0-9a-f]{16}"), "receipts/DIGEST"),
)
_DEMO_COMMANDS = (
    ".venv/bin/gristmill crawl all pipelines/recipes/demo.toml --out build/demo",
    ".venv/bin/gristmill build pipelines/recipes/demo.toml --out build/demo",
    ".venv/bin/gristmill audit build/demo",
)

# What a part of a recipe is completed with, so that it can be checked on its own.
_BASE_SOURCES = "".join(
    f'\n[[source]]\nname = "base-{name}"\nkind = "documents"\ncomponent = "{name}"\npaths = ["*"]\n'
    for name in ("code", "math", "text")
)


class Block(NamedTuple):
    """A fenced block: its info string and the half-open range of its content lines."""

    info: str
    start: int
    stop: int


class Step(NamedTuple):
    """A command of a console block and the range of the output lines below it."""

    command: str
    start: int
    stop: int


def make_sandbox(folder: Path, demo: Path) -> Path:
    """Fill a folder with what the examples use: the fixtures, the recipes and a demo build."""
    for name in ("pipelines", "trainer", "build"):
        (folder / name).mkdir(parents=True)
    (folder / "fixtures").symlink_to(ROOT / "fixtures")
    for source, target in (
        (ROOT / "pipelines/recipes", folder / "pipelines/recipes"),
        (ROOT / "pipelines/data", folder / "pipelines/data"),
        (ROOT / "trainer/recipes", folder / "trainer/recipes"),
        (demo, folder / "build/demo"),  # tokens/ and ledger/ are hard links, and stay so
    ):
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    (folder / "tokenizer.json").write_bytes(read_file())  # which a recipe names as its own
    return folder


def refresh(text: str, sandbox: Path) -> str:
    """Return a page with the output of every example as it is now.

    Args:
        text: the page; output that agrees with the real one stays as it is, cuts included.
        sandbox: a folder of `make_sandbox`, which the examples change.
    """
    lines = text.split("\n")
    changes: list[tuple[int, int, list[str]]] = []
    for block in read_blocks(lines):
        if block.info in ("console", "console not-run"):
            for step in read_steps(lines, block):
                if (actual := _output(step.command, block.info, sandbox)) is not None:
                    shown = lines[step.start : step.stop]
                    changes.append((step.start, step.stop, update(shown, actual)))
        elif block.info == "python":
            actual = run_python("\n".join(lines[block.start : block.stop]), sandbox)
            if (result := _result_block(lines, block)) is not None:
                shown = lines[result.start : result.stop]
                changes.append((result.start, result.stop, update(shown, actual)))
        elif block.info == "toml":
            check_toml("\n".join(lines[block.start : block.stop]), sandbox)
    for start, stop, replacement in reversed(changes):
        lines[start:stop] = replacement
    return "\n".join(lines)


def read_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        fence = _FENCE.fullmatch(line)
        if fence is None:
            continue
        if opened is None:
            opened = fence[1], number + 1
        else:
            yield Block(opened[0], opened[1], number)
            opened = None


def read_steps(lines: Sequence[str], block: Block) -> Iterator[Step]:
    """Yield the commands of a console block."""
    starts = [i for i in range(block.start, block.stop) if lines[i].startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], block.stop], strict=True):
        first = start + 1
        while first < stop and lines[first].startswith("> "):
            first += 1
        command = "\n".join(line[2:] for line in lines[start:first])
        yield Step(command, first, stop)


def _result_block(lines: Sequence[str], code: Block) -> Block | None:
    for block in read_blocks(lines):
        if block.start > code.stop and block.info == "text":
            is_next = not any(line.strip() for line in lines[code.stop + 1 : block.start - 1])
            return block if is_next else None
    return None


def _output(command: str, info: str, sandbox: Path) -> list[str] | None:
    if info == "console":
        return run_command(command, sandbox)
    return demo_transcript(sandbox) if command == "make demo" else None


def run_command(command: str, folder: Path) -> list[str]:
    """Return what a command prints: its results, then its messages without the progress lines."""
    done = _run(["bash", "-c", command], folder)
    messages = done.stderr.splitlines()
    return [*done.stdout.splitlines(), *(m for m in messages if not m.startswith('{"event":'))]


def run_python(code: str, folder: Path) -> list[str]:
    """Return what Python code prints; that it fails is an error."""
    done = _run([sys.executable, "-c", code], folder)
    if done.returncode:
        raise RuntimeError(f"the example fails:\n{code}\n{done.stderr}")
    return done.stdout.splitlines()


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def demo_transcript(sandbox: Path) -> list[str]:
    """Return what `make demo` prints once everything is installed, from a build of the demo."""
    record = read_build(str(sandbox / "build/demo"))
    assert record is not None, "the sandbox holds a demo build"
    result = BuildResult(
        out="build/demo",
        record=record,
        published=Publication(written=(*record.tokens, *record.ledger), removed=()),
        num_ran=sum(len(keys) for keys in record.artifacts.values()),
        num_cached=0,
        failures=(),
    )
    crawl, build, audit = _DEMO_COMMANDS
    crawled = crawl_text(crawl_status(str(sandbox / "build/demo")))
    audited = run_command("gristmill audit build/demo", sandbox)
    return [
        crawl,
        *crawled.splitlines(),
        build,
        *build_text(result).splitlines(),
        audit,
        *audited,
        "report: build/demo/report.html",
    ]


def check_toml(text: str, folder: Path) -> None:
    """Load a recipe, or a part of one with whatever it needs to be whole."""
    document = tomllib.loads(text)
    is_ablation = "recipe" in document
    if not is_ablation and ("source" not in document or "name" not in document):
        head = "" if "name" in document else 'name = "part"\n'
        has_preset = "preset" in document.get("rules", {})
        rules = "" if has_preset else '\n[rules]\npreset = "deepseek-coder-v2"\n'
        text = f"{head}{text}\n{_BASE_SOURCES}{rules}"
    path = folder / "example.toml"
    path.write_text(text)
    (load_ablation if is_ablation else load_recipe)(str(path))


def update(shown: Sequence[str], actual: Sequence[str]) -> list[str]:
    """Return the shown lines if they agree with the actual ones, else those, cut alike."""
    if matches(shown, actual):
        return list(shown)
    if CUT not in shown:
        return list(actual)
    runs = [list(run) for is_cut, run in groupby(shown, CUT.__eq__) if not is_cut]
    starts_cut, ends_cut = shown[0] == CUT, shown[-1] == CUT
    result: list[str] = []
    position = 0
    for number, run in enumerate(runs):
        is_first, is_last = number == 0, number == len(runs) - 1
        if is_first and not starts_cut:
            start = 0
        elif is_last and not ends_cut:
            start = max(position, len(actual) - len(run))
        else:
            start = _nearest(run, actual, position)
        result += [CUT] if start > position or not is_first else []
        result += actual[start : start + len(run)]
        position = start + len(run)
    return [*result, CUT] if ends_cut else result


def matches(shown: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether the shown lines are the actual ones, but for cuts and figures that may differ."""
    parts = (r"(?:.*\n)*" if line == CUT else re.escape(f"{mask(line)}\n") for line in shown)
    return re.fullmatch("".join(parts), "".join(f"{mask(line)}\n" for line in actual)) is not None


def mask(line: str) -> str:
    """Return a line without the figures that differ between machines and libraries."""
    for pattern, placeholder in _MASKS:
        line = pattern.sub(placeholder, line)
    return line


def _nearest(run: Sequence[str], actual: Sequence[str], first: int) -> int:
    """Return where in the actual lines a run of shown ones most likely is, whatever its figures."""
    plain = [re.sub(r"\d+", "0", line) for line in actual]
    wanted = [re.sub(r"\d+", "0", line) for line in run]

    def likeness(start: int) -> int:
        return sum(a == b for a, b in zip(wanted, plain[start:], strict=False))

    return max(range(first, max(first + 1, len(actual))), key=likeness)


def build_demo(folder: Path) -> Path:
    """Crawl and build the demo into a folder."""
    recipe = str(ROOT / "pipelines/recipes/demo.toml")
    for command in (["crawl", "all", recipe], ["build", recipe, "--workers", "0"]):
        program = [sys.executable, "-m", "gristmill", *command, "--out", str(folder)]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    return folder


def main() -> None:
    """Rewrite the named pages, or all, and say which have changed."""
    parser = argparse.ArgumentParser(description="Rewrite the outputs in the documentation.")
    parser.add_argument("pages", nargs="*", default=PAGES, help="default: every page")
    parser.add_argument("--demo", type=Path, help="a finished build of the demo, to save its time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gristmill-docs-") as scratch:
        demo = options.demo or build_demo(Path(scratch) / "demo")
        for number, name in enumerate(options.pages):
            page = ROOT / name
            before = page.read_text(encoding="utf-8")
            after = refresh(before, make_sandbox(Path(scratch) / str(number), demo))
            page.write_text(after, encoding="utf-8")
            print(f"{name}: {'rewritten' if after != before else 'unchanged'}")


if __name__ == "__main__":
    main()
