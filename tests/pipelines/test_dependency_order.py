"""Dependency order from git repositories to the text of token rows, with one hostile file."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.fim import restore
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.filters.languages import path_comment
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    from ..conftest import Corpus

HOSTILE = "src/shop/Hostile.java"

# Users come first by name, so that order by path would be wrong in each language.
SHOP = {
    "app/cart.py": "from shop.money import add\n\n\ndef total(cart):\n    return add(cart, 1)\n",
    "server/pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
    "server/src/shop/money.py": "from . import units\n\n\ndef add(a, b):\n    return units.of(a)\n",
    "server/src/shop/units.py": "def of(first, second):\n    return first + second\n",
    "go.mod": "module shop\n\ngo 1.22\n",
    "cmd/main.go": 'package main\n\nimport "shop/store"\n\nfunc main() { store.Open() }\n',
    "store/open.go": "package store\n\nfunc Open() int { return 1 }\n",
    "native/a.c": '#include "b.h"\n\nint a(void) { return b(); }\n',
    "native/b.h": '#include "c.h"\n\nint b(void);\n',
    "native/c.h": "typedef int count_of_things;\n",
    "src/shop/Cart.java": "package shop;\n\nimport shop.base.Item;\n\nclass Cart { Item item; }\n",
    "src/shop/base/Item.java": "package shop.base;\n\npublic class Item { int price; }\n",
    HOSTILE: "package shop;\n\nimport shop.base.Item;\n\n" + ("a<" * 40 + "\n") * 250,
    "web/App.tsx": "import {Button} from './Button';\nexport const A = () => <Button>x</Button>;\n",
    "web/Button.tsx": "export const Button = ({children}) => <b>{children}</b>;\n",
}
ORDERS = {
    "Python": [["server/src/shop/units.py", "server/src/shop/money.py", "app/cart.py"]],
    "Go": [["store/open.go", "cmd/main.go"]],
    "C": [["native/c.h", "native/b.h", "native/a.c"]],
    "Java": [
        ["src/shop/base/Item.java", "src/shop/Cart.java"],
        ["src/shop/base/Item.java", HOSTILE],
    ],
    "TypeScript": [["web/Button.tsx", "web/App.tsx"]],
}


Repository = Callable[[Path, Mapping[str, str | bytes]], Path]


@pytest.fixture
def shop(corpus: "Corpus", repository: Repository) -> Path:
    """A build of one repository in dependency order, each document with a hole."""
    shutil.rmtree(corpus.base / "repositories")
    repository(corpus.base / "repositories/ada__shop", SHOP)
    corpus.write(order="dependency", extra="\n[fim]\nrate = 1.0\nspm_rate = 0.5\n")
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert not result.failures, result.failures
    return corpus.out


def texts_of(out: Path, language: str) -> Iterator[str]:
    """Yield the text of each token row of a language, its hole filled again."""
    tokenizer = load_tokenizer()
    for path in sorted((out / "tokens/code" / language).glob("*.parquet")):
        for tokens in pq.read_table(path)["tokens"].to_pylist():
            yield restore(tokens, tokenizer).decode("utf-8")


def evidence_of(out: Path) -> dict[str, str | None]:
    """Return what the ledger says about the imports of each kept file."""
    found = {}
    for path in (out / "ledger").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            if row["dropped_by"] is None and row["component"] == "code":
                found[row["path"]] = row["import_evidence"]
    return found


def test_token_rows_hold_files_after_those_they_import(shop: Path) -> None:
    for language, orders in ORDERS.items():
        (text,) = texts_of(shop, language)
        for order in orders:
            headers = [path_comment(language, path) for path in order]
            files = [f"{header}\n{SHOP[path]}" for header, path in zip(headers, order, strict=True)]
            places = [text.find(file) for file in files]
            assert -1 not in places, (language, order, text)
            assert places == sorted(places), (language, order)


def test_hostile_file_costs_its_own_evidence_only(shop: Path) -> None:
    evidence = evidence_of(shop)
    ordered = {path for orders in ORDERS.values() for order in orders for path in order}
    assert {path for path in ordered if evidence[path] != "parser"} == {HOSTILE}
    assert evidence[HOSTILE] == "expression"
    manifests = [json.loads(path.read_text()) for path in shop.glob("work/imports/*/*.json")]
    counts = [manifest["counts"]["imports"] for manifest in manifests]
    num_parsed = len(ordered) - 1
    assert [count for count in counts if count] == [{"parser": num_parsed, "expression": 2}]
