"""The policy of licences in a build: what it drops, and the reason that it gives."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    from ..conftest import Corpus

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
    " and associated documentation files, if this permission notice shall be included in all"
    " copies.\n"
)


def code(name: str, header: str = "") -> str:
    body = "".join(f"def {name}_{i}(value):\n    return value * {i}\n" for i in range(9))
    return f"{header}{body}"


FILES = {
    "LICENSE": MIT,
    "free.py": code("free"),
    "strict.py": code("strict", "# SPDX-License-Identifier: GPL-3.0-only\n"),
    "source.py": code("source", "# SPDX-License-Identifier: BUSL-1.1\n"),
    "part/package.json": '{"name": "part", "license": "Apache-2.0"}\n',
    "part/LICENSE": "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n",
    "part/odd.py": code("odd"),
    "mixed.py": code("mixed", "# SPDX-License-Identifier: Apache-2.0\n"),
}


@pytest.fixture
def licensed(
    corpus: "Corpus", repository: Callable[[Path, dict[str, str]], Path]
) -> Callable[[str], dict[str, str | None]]:
    """The function that builds under a policy and returns what dropped each Python file."""
    repository(corpus.base / "repositories/zoe__licensed", FILES)
    repository(corpus.base / "repositories/zoe__bare", {"bare.py": code("bare")})
    both = {"LICENSE": MIT, "setup.py": "setup(license='GPLv3')\n", "both.py": code("both")}
    repository(corpus.base / "repositories/zoe__both", both)

    def run(settings: str) -> dict[str, str | None]:
        corpus.write(extra=f"\n[licences]\n{settings}\n")
        result = build(
            str(corpus.recipe),
            out=str(corpus.out),
            executor=LocalExecutor(),
            observer=JsonLines(io.StringIO()),
        )
        assert not result.failures, result.failures
        rows = pq.read_table(corpus.out / "ledger").to_pylist()
        return {
            row["path"].rpartition("/")[2]: row["dropped_by"]
            for row in rows
            if str(row["collection"]).startswith("zoe__") and row["path"].endswith(".py")
        }

    return run


def test_only_permissive_files_are_kept_and_each_other_has_its_reason(
    licensed: Callable[[str], dict[str, str | None]],
) -> None:
    found = licensed('policy = "permissive"')
    assert found == {
        "free.py": None,
        "mixed.py": None,
        "strict.py": "licence_copyleft",
        "odd.py": "licence_copyleft",
        "source.py": "licence_other",
        "bare.py": "licence_unknown",
        "both.py": "licence_conflict",
        "setup.py": "licence_conflict",
    }
    kept = licensed('policy = "permissive"\nconflict = "keep"')
    assert kept["both.py"] is None


def test_known_licences_are_all_kept(
    licensed: Callable[[str], dict[str, str | None]],
) -> None:
    found = licensed('policy = "known"')
    assert {name for name, reason in found.items() if reason} == {"bare.py"}
