"""Natural language in a build: Common Crawl's WET files, documents with dates and licences."""

import gzip
import json
import sys
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

DOCUMENTS = Path(__file__).parents[2] / "fixtures/documents"
RECIPE = """\
name = "text"

[[source]]
name = "prose"
kind = "{kind}"
component = "text"
{source}

{rules}

[mixture.weights]
text = 1.0
"""
RULES = """\
[rules.written_before]
signal = "repository_created"
before = 2023-11-01

[rules.may_be_used]
signal = "licence_class"
one_of = ["permissive"]
"""
Row = dict[str, object]


def ledger(folder: Path) -> dict[str, Row]:
    """Build what lies in a folder, check it, and return the ledger's rows by path."""
    out = str(folder / "out")
    result = build(
        str(folder / "recipe.toml"),
        out=out,
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert not result.failures
    assert audit(out, by=()).differences == ()
    return {row["path"]: row for row in pq.read_table(f"{out}/ledger").to_pylist()}


WARCINFO = """\
WARC/1.0\r
WARC-Type: warcinfo\r
WARC-Date: 2023-10-04T01:16:46Z\r
WARC-Record-ID: <urn:uuid:5327826b-b3d8-426e-938d-cf3318afe8e9>\r
Content-Type: application/warc-fields\r
Content-Length: 27\r
\r
isPartOf: CC-MAIN-2023-40\r
\r
\r
"""
CONVERSION = """\
WARC/1.0\r
WARC-Type: conversion\r
WARC-Target-URI: {url}\r
WARC-Date: 2023-09-21T07:37:11Z\r
WARC-Record-ID: <urn:uuid:{uuid}>\r
WARC-Refers-To: <urn:uuid:2aabeff2-67f5-4608-8466-e87c6296e2b6>\r
WARC-Identified-Content-Language: {language}\r
Content-Type: text/plain\r
Content-Length: {length}\r
\r
{text}\r
\r
"""


def write_wet(path: Path, texts: dict[str, tuple[str, str]]) -> None:
    """Write the text of each URL as Common Crawl has it, one gzip member a record."""
    records = [WARCINFO]
    for url, (text, language) in texts.items():
        records.append(
            CONVERSION.format(
                url=url,
                uuid=uuid.uuid5(uuid.NAMESPACE_URL, url),
                language=language,
                length=len(text.encode()),
                text=text,
            )
        )
    path.write_bytes(b"".join(gzip.compress(record.encode()) for record in records))


@pytest.fixture(scope="module")
def texts() -> dict[str, tuple[str, str]]:
    """A chapter of a novel and a page of poems, with the languages that a crawl names."""
    novel = pq.read_table(DOCUMENTS / "novels.parquet")["text"][3].as_py()
    lines = (DOCUMENTS / "chinese-poetry.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    poems = "\n".join(json.loads(line)["text"] for line in lines)
    return {"https://novels.example/3": (novel, "eng"), "https://poems.example/": (poems, "zho")}


def test_a_wet_file_becomes_tokens_of_its_texts(
    tmp_path: Path, texts: dict[str, tuple[str, str]]
) -> None:
    write_wet(tmp_path / "CC-MAIN-20230921073711-00000.warc.wet.gz", texts)
    source = 'paths = ["*.warc.wet.gz"]'
    (tmp_path / "recipe.toml").write_text(RECIPE.format(kind="warc", source=source, rules=""))
    rows = ledger(tmp_path)
    assert {path: (row["dropped_by"], row["language"]) for path, row in rows.items()} == {
        "https://novels.example/3": (None, "en"),
        "https://poems.example/": (None, "zh"),
    }
    for path, (text, _) in texts.items():
        assert rows[path]["tokens"] == len(load_tokenizer().encode(text)) + 1
        assert rows[path]["revision"]


def test_rules_see_the_date_and_the_licence_of_a_document(
    tmp_path: Path, texts: dict[str, tuple[str, str]]
) -> None:
    novel, _ = texts["https://novels.example/3"]
    table = pa.table(
        {
            "text": [f"{name}\n{novel[i * 900 : i * 900 + 900]}" for i, name in enumerate("abcd")],
            "id": list("abcd"),
            "day": ["2023-10-31", "2023-11-01", "1999-12-31T23:59:59Z", None],
            "spdx": ["MIT", "MIT", "GPL-3.0-only", "CC0-1.0"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    source = 'paths = ["a.parquet"]\ndate_field = "day"\nlicence_field = "spdx"'
    recipe = RECIPE.format(kind="documents", source=source, rules=RULES)
    (tmp_path / "recipe.toml").write_text(recipe)
    rows = ledger(tmp_path)
    assert {path: row["dropped_by"] for path, row in rows.items()} == {
        "a": None,
        "b": "written_before",
        "c": "may_be_used",
        "d": None,
    }
    assert rows["c"]["licence"] == "GPL-3.0-only"
