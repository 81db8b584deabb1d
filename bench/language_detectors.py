"""One detector's answers to a listing, in a process of its own: ours, enry, pygments or magika.

stdin: {"mode": "names" or "content", "files": [[file, name], ...]}, the names all the same for
"content"; stdout: {"version", "seconds",
"labels"}, the labels in the detector's own words. The seconds are CPU time on one core, from bytes
to label; starting, loading a model and reading the files are left out. Exit status 3: not
installed, and stderr says how to.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

NOT_INSTALLED = 3

Detect = Callable[[str, bytes], str | None]


def main() -> None:
    """Answer one listing."""
    name = sys.argv[1]
    job = json.load(sys.stdin)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    try:
        detect, shown = DETECTORS[name](is_named=job["mode"] == "names")
    except ImportError as error:
        print(f"pip install {PACKAGES[name]} ({error})", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    files = [(path, Path(file).read_bytes()) for file, path in job["files"]]
    detect("warm.h", b"int x;\n")
    start = time.process_time()
    labels = [detect(path, data) for path, data in files]
    seconds = time.process_time() - start
    print(json.dumps({"version": shown, "seconds": seconds, "labels": labels}))


def load_ours(*, is_named: bool) -> tuple[Detect, str]:
    """Return our detector, from bytes on."""
    from gristmill import __version__
    from gristmill.corpus.sources.rows import text_or_reason
    from gristmill.filters.detect import detect_language

    def detect(path: str, data: bytes) -> str | None:
        outcome = text_or_reason(data)
        if isinstance(outcome, str):
            return None
        return detect_language(path if is_named else "", outcome[0]).language

    return detect, f"gristmill {__version__}"


def load_enry(*, is_named: bool) -> tuple[Detect, str]:
    """Return enry; with a neutral name it classifies by content."""
    import enry

    def detect(path: str, data: bytes) -> str | None:
        return enry.get_language(path, data) or None

    return detect, f"enry-python {version('enry-python')}"


def load_pygments(*, is_named: bool) -> tuple[Detect, str]:
    """Return pygments, which takes text: it is decoded as ours is."""
    from pygments.lexers import (
        get_lexer_for_filename,
        guess_lexer,
    )
    from pygments.util import ClassNotFound

    from gristmill.corpus.sources.rows import text_or_reason

    def detect(path: str, data: bytes) -> str | None:
        outcome = text_or_reason(data)
        if isinstance(outcome, str):
            return None
        try:
            if is_named:
                return str(get_lexer_for_filename(path, outcome[0]).name)
            return str(guess_lexer(outcome[0]).name)
        except ClassNotFound:
            return None

    return detect, f"pygments {version('pygments')}"


def load_magika(*, is_named: bool) -> tuple[Detect, str]:
    """Return magika, which never looks at names."""
    from magika import Magika

    model = Magika()

    def detect(path: str, data: bytes) -> str | None:
        return str(model.identify_bytes(data).output.label)

    return detect, f"magika {version('magika')}"


DETECTORS = {
    "ours": load_ours,
    "enry": load_enry,
    "pygments": load_pygments,
    "magika": load_magika,
}
PACKAGES = {
    "ours": "-e .",
    "enry": "enry-python==0.2.0",
    "pygments": "pygments==2.21.0",
    "magika": "magika==1.0.3",
}

if __name__ == "__main__":
    main()
