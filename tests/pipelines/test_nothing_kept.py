"""A component of which no document is kept: the error says what became of them."""

import io
from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

RECIPE = """\
name = "short"
source = [{ name = "notes", kind = "documents", component = "text", paths = ["notes.jsonl"] }]
rules.long = { signal = "num_chars", min = 100 }
mixture = { weights = { text = 1.0 } }
"""


def test_the_error_names_the_rules_that_dropped_all_documents(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text('{"text": "brief"}\n{"text": "short"}\nno JSON\n')
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with pytest.raises(GristmillError, match="of 3 read, long dropped 2, corrupt dropped 1"):
        build(
            str(tmp_path / "recipe.toml"),
            out=str(tmp_path / "out"),
            executor=LocalExecutor(),
            observer=JsonLines(io.StringIO()),
        )
    assert not (tmp_path / "out/build.json").exists()
