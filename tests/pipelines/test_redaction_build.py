"""A build with redaction: placeholders in the shards, their number in the ledger, one scan."""

import io
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import restore
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.export.run import export
from gristmill.pipelines.export.settings import make_settings
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.trace import trace

if TYPE_CHECKING:
    from ..conftest import Corpus

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
MAIL = "ada@lovelace.org"
KEY_FILE = f'# {MAIL} \u00fcber alles\nTOKEN = "{TOKEN}"\nAGAIN = ["{TOKEN}", "{TOKEN}"]\n'
AUTHORS = f"Ada <{MAIL}>\nwrote all of it at 93.184.216.34, address of the host\n"
REDACTION = """
[redaction]
code = ["email", "ip_address", "key", "password"]
keep_credits = ["code"]
"""


def make(corpus: "Corpus", extra: str = REDACTION) -> BuildResult:
    corpus.write(extra=extra + "\n[fim]\nrate = 1.0\n")
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures, result.failures
    return result


@pytest.fixture
def leaky(corpus: "Corpus", repository: Any) -> "Corpus":
    files = {
        "keys.py": KEY_FILE,
        "CHANGELOG.md": AUTHORS,
        "more.py": "def more():\n    return 1\n" * 9,
    }
    repository(corpus.base / "repositories/zoe__leaky", files)
    return corpus


def ledger(corpus: "Corpus") -> dict[str, dict[str, Any]]:
    rows = pq.read_table(corpus.out / "ledger").to_pylist()
    return {row["path"]: row for row in rows if row["collection"] == "zoe__leaky"}


def shard_texts(corpus: "Corpus") -> str:
    tokenizer = load_tokenizer()
    tables = [pq.read_table(path) for path in sorted(corpus.out.glob("tokens/code/**/*.parquet"))]
    rows = [tokens for table in tables for tokens in table["tokens"].to_pylist()]
    return "\n".join(restore(row, tokenizer).decode() for row in rows)


def test_every_occurrence_becomes_a_placeholder(leaky: "Corpus") -> None:
    make(leaky)
    texts = shard_texts(leaky)
    assert TOKEN not in texts
    assert '# <EMAIL> \u00fcber alles\nTOKEN = "<KEY>"\nAGAIN = ["<KEY>", "<KEY>"]\n' in texts
    assert (MAIL in texts, "93.184.216.34" in texts) == (True, False)


def test_the_ledger_counts_what_was_redacted(leaky: "Corpus") -> None:
    make(leaky)
    rows = ledger(leaky)
    counts = ["redacted_emails", "redacted_ip_addresses", "redacted_keys", "redacted_passwords"]
    assert [rows["keys.py"][name] for name in counts] == [1, 0, 3, 0]
    assert [rows["CHANGELOG.md"][name] for name in counts] == [0, 1, 0, 0]
    first, *_ = rows["keys.py"]["redactions"]
    assert KEY_FILE[first["start"] : first["stop"]] == MAIL


def test_another_policy_reads_no_text_again(leaky: "Corpus") -> None:
    make(leaky)
    scanned = sorted(leaky.out.glob("work/sensitive/*/*.json"))
    make(leaky, REDACTION.replace('keep_credits = ["code"]', ""))
    assert sorted(leaky.out.glob("work/sensitive/*/*.json")) == scanned
    assert MAIL not in shard_texts(leaky)


def test_a_build_without_redaction_has_none_of_its_columns(leaky: "Corpus") -> None:
    make(leaky, "")
    assert "redactions" not in ledger(leaky)["keys.py"]
    assert TOKEN in shard_texts(leaky)


def test_a_trace_leads_from_a_placeholder_to_what_it_stands_for(leaky: "Corpus") -> None:
    make(leaky)
    row = ledger(leaky)["keys.py"]
    path = leaky.out / "tokens" / row["shard"]
    ids = pq.read_table(path)["doc_id"].to_pylist()
    number = ids.index(row["sample_id"])
    found = set()
    for offset in range(pq.read_table(path)["num_tokens"][number].as_py()):
        token = trace(str(leaky.out), row["shard"], number, offset).token
        if token and token.doc_id == row["doc_id"].hex() and "KEY" in token.text:
            found.add(KEY_FILE[token.first_char : token.end_char])
    assert found == {TOKEN}


def test_an_unknown_class_is_refused(leaky: "Corpus") -> None:
    with pytest.raises(GristmillError, match="unknown name `emial`"):
        make(leaky, '[redaction]\ncode = ["emial"]\n')


def test_an_export_of_documents_has_the_placeholders(leaky: "Corpus") -> None:
    make(leaky)
    lines = leaky.base / "lines"
    settings = make_settings("jsonl", content="documents")
    export(str(leaky.out), out=str(lines), settings=settings, workers=0, report=lambda *_: None)
    unpack = zstandard.ZstdDecompressor().decompressobj
    texts = "".join(unpack().decompress(p.read_bytes()).decode() for p in lines.rglob("*.zst"))
    assert TOKEN not in texts
    assert "<KEY>" in texts
