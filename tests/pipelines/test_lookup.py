"""Why a document is in or out, and where a token comes from: checked against the input itself."""

import json
import re
import subprocess
from hashlib import blake2b
from pathlib import Path
from urllib.parse import unquote

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.explanation import Document
from gristmill.pipelines.lookup import Trace, format_trace, format_why, trace, why

ADA = "ada/<img src=x onerror=alert(1)>"
HOSTILE = "<script>alert(1)</script>'\"`; DROP TABLE ledger; --.py"


def one(built: Path, name: str) -> Document:
    (document,) = why(str(built), name).documents
    return document


def commit(inputs: Path, repository: str) -> str:
    command = ["git", "-C", str(inputs / "repositories" / repository), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def shards(built: Path, component: str) -> list[Path]:
    return sorted((built / "tokens" / component).glob("*/*.parquet"))


def test_a_kept_file_is_explained_from_its_commit_to_its_shard(built: Path, inputs: Path) -> None:
    document = one(built, "bob__tools:Program.cs")
    row = document.row
    assert row.dropped_by is None
    assert row.revision == commit(inputs, "bob__tools")
    assert (row.language, row.language_evidence is not None) == ("C#", True)
    assert row.shard is not None
    assert unquote(row.shard).startswith("code/C#/")
    assert row.tokens is not None
    assert row.tokens > 5
    assert document.signals["num_lines"] == 4


def test_a_rule_that_drops_is_named_with_its_threshold(built: Path) -> None:
    document = one(built, f"{ADA}:ada/wide.py")
    verdicts = {verdict.rule.name: verdict for verdict in document.rules}
    fired = verdicts["max_line_length"]
    assert (document.row.dropped_by, document.row.shard) == (fired.rule.name, None) or (
        document.row.dropped_by == "mean_line_length"
    )
    assert fired.fires
    assert fired.rule.max == 1000
    assert isinstance(fired.value, int)
    assert fired.value > 1000


def test_every_rule_that_would_fire_is_told(built: Path) -> None:
    document = one(built, f"{ADA}:ada/dense.py")
    fires = {verdict.rule.name for verdict in document.rules if verdict.fires}
    assert fires == {"max_line_length", "alphabetic_fraction"}
    assert sum(verdict.is_first for verdict in document.rules) == 1


def test_rules_for_other_languages_do_not_apply(built: Path) -> None:
    verdicts = {v.rule.name: v for v in one(built, "bob__tools:Program.cs").rules}
    assert not verdicts["html_visible_chars"].applies
    assert verdicts["max_line_length"].applies


def test_an_unreadable_file_says_why(built: Path) -> None:
    assert one(built, f"{ADA}:logo.png").row.read_drop == "binary"
    assert "DROPPED by binary" in format_why(why(str(built), f"{ADA}:logo.png"))


def test_a_duplicate_names_its_keeper_and_the_keeper_its_duplicate(built: Path) -> None:
    kept, copy = one(built, f"{ADA}:ada/core.py"), one(built, "bob__tools:copy/core.py")
    assert (kept.row.dropped_by, copy.row.dropped_by) == (None, "exact_duplicate")
    assert [found.doc_id for found in copy.keeper.documents] == [kept.row.doc_id]
    assert [found.doc_id for found in kept.cluster_members.documents] == [copy.row.doc_id]
    assert [found.doc_id for found in kept.copies.documents] == [copy.row.doc_id]
    assert (kept.copies.number, copy.copies.number, kept.keeper.number) == (1, 1, 0)


def test_a_near_duplicate_has_its_similarity(built: Path) -> None:
    pair = [one(built, f"{ADA}:ada/extra.py"), one(built, "bob__tools:copy/near.py")]
    dropped = next(document for document in pair if document.row.dropped_by is not None)
    assert dropped.row.dropped_by == "near_duplicate"
    assert dropped.row.similarity is not None
    assert 0.7 <= dropped.row.similarity < 1
    assert dropped.cluster_members.number == 0


def test_a_page_is_found_by_its_url_with_its_place_in_the_archive(
    built: Path, inputs: Path
) -> None:
    row = one(built, "https://math1.example.org/sums/3").row
    assert row.origin_offset is not None
    record = (inputs / "pages.warc").read_bytes()[row.origin_offset :]
    assert record.startswith(b"WARC/1.0")
    assert b"WARC-Target-URI: https://math1.example.org/sums/3\r\n" in record[:600]
    assert row.revision.encode() in record[:600]


@pytest.mark.parametrize("length", [6, 12, 32])
def test_an_id_or_its_prefix_finds_the_document(built: Path, length: int) -> None:
    row = one(built, "bob__tools:Program.cs").row
    assert one(built, row.doc_id[:length]).row == row
    assert one(built, row.doc_id[:length].upper()).row == row


def test_a_content_id_lists_every_copy(built: Path) -> None:
    content = one(built, "bob__tools:copy/core.py").row.content_id
    assert content is not None
    found = why(str(built), content)
    assert {d.row.path for d in found.documents} == {"ada/core.py", "copy/core.py"}
    assert format_why(found).startswith("2 documents; name one by its id")


def test_hostile_names_are_looked_up_as_they_are(built: Path) -> None:
    assert one(built, f"{ADA}:{HOSTILE}").row.path == HOSTILE
    assert one(built, "bob__tools:a b+c%20[d]*.cpp").row.language == "C++"


@pytest.mark.parametrize("name", ["'; DROP TABLE ledger; --", "%", "*", "", ":", "$1", "000000"])
def test_a_name_is_never_a_pattern_or_a_statement(built: Path, name: str) -> None:
    with pytest.raises(GristmillError, match="the ledger has no document"):
        why(str(built), name)


def test_a_misspelt_path_is_answered_with_the_nearest(built: Path) -> None:
    with pytest.raises(GristmillError, match=r"nearest are `bob__tools:Program\.cs`"):
        why(str(built), "bob__tools:program.cs")
    with pytest.raises(GristmillError, match=r"nearest are `bob__tools`"):
        why(str(built), "bob_tools:Program.cs")
    with pytest.raises(GristmillError, match=r"nearest are `https://math1\.example\.org/sums/"):
        why(str(built), "https://math1.example.org/sum/3")


def test_an_explanation_is_json(built: Path) -> None:
    found = why(str(built), f"{ADA}:ada/core.py")
    document = json.loads(msgspec.json.encode(found))["documents"][0]
    assert document["row"]["doc_id"] == found.documents[0].row.doc_id
    assert document["rules"][0]["rule"]["name"]


def source_text(inputs: Path, found: Trace, doc_id: str) -> str:
    origin = next(part.origin for part in found.segments if part.doc_id == doc_id)
    assert origin is not None
    if origin.kind == "document":
        lines = (inputs / origin.origin_file).read_text().splitlines()
        return str(json.loads(lines[origin.origin_offset or 0])["text"])
    folder = "ada__tools" if origin.collection == ADA else origin.collection
    return (inputs / "repositories" / folder / origin.path).read_bytes().decode()


def is_in_place(inputs: Path, found: Trace) -> bool:
    """Compare a traced token with its document; a token without a place is not in one."""
    token = found.token
    assert token is not None
    if token.first_char is None or token.end_char is None:
        return False
    text = source_text(inputs, found, token.doc_id)
    assert text[token.first_char : token.end_char] == token.text or "\\x" in token.text
    assert text[: token.first_char].endswith(token.before.rpartition("\n")[2][-5:])
    assert text[token.end_char :].startswith(token.after.partition("\n")[0][:5])
    return True


@pytest.mark.parametrize("component", ["code", "text"])
def test_a_token_stands_where_its_trace_says(built: Path, inputs: Path, component: str) -> None:
    generator = np.random.default_rng(5)
    seen = 0
    for path in shards(built, component):
        counts = pq.ParquetFile(path).read(["num_tokens"])["num_tokens"].to_pylist()
        row = int(generator.integers(len(counts)))
        for offset in generator.integers(counts[row], size=10).tolist():
            found = trace(str(built), str(path.relative_to(built)), row, offset)
            seen += is_in_place(inputs, found)
    assert seen >= 8


def test_the_parts_of_a_rearranged_row_follow_each_other(built: Path) -> None:
    orders = {"PSM": ["prefix", "suffix", "middle"], "SPM": ["suffix", "prefix", "middle"]}
    seen = set()
    for path in shards(built, "code"):
        table = pq.ParquetFile(path).read()
        for row, count in enumerate(table["num_tokens"].to_pylist()):
            found = trace(str(built), str(path.relative_to(built)), row, None)
            offsets = range(1, count - 1, max(count // 8, 1))
            traced = [trace(str(built), found.shard, row, offset).token for offset in offsets]
            parts = [t.part.rpartition(", ")[2] for t in traced if t and t.name is None]
            assert parts == sorted(parts, key=orders[found.fim].index)
            seen.add(found.fim)
    assert seen == {"PSM", "SPM"}


def test_sentinels_have_names_and_no_place(built: Path) -> None:
    path = str(shards(built, "code")[0].relative_to(built))
    whole = trace(str(built), path, 0, None)
    first, last = (trace(str(built), path, 0, i).token for i in (0, whole.num_tokens - 1))
    assert first is not None
    assert last is not None
    assert (first.name, last.name) == ("<fim begin>", "<eos>")
    assert (first.part, last.first_char) == ("sentinel", None)


def test_a_row_lists_its_documents_with_their_origins(built: Path, inputs: Path) -> None:
    commits = {ADA: commit(inputs, "ada__tools"), "bob__tools": commit(inputs, "bob__tools")}
    for path in shards(built, "code"):
        found = trace(str(built), str(path.relative_to(built)), 0, None)
        assert sum(segment.num_tokens for segment in found.segments) == found.num_tokens
        for segment in found.segments:
            assert segment.origin is not None
            assert segment.origin.revision == commits[segment.origin.collection]
            assert segment.origin.revision in format_trace(found)
            folder = "ada__tools" if segment.origin.collection == ADA else segment.origin.collection
            data = (inputs / "repositories" / folder / segment.origin.path).read_bytes()
            assert segment.origin.bytes_digest == blake2b(data, digest_size=16).hexdigest()


def test_rows_are_counted_over_all_row_groups(built: Path) -> None:
    path = max(shards(built, "math"), key=lambda path: pq.ParquetFile(path).num_row_groups)
    ids = pq.ParquetFile(path).read(["doc_id"])["doc_id"].to_pylist()
    assert pq.ParquetFile(path).num_row_groups > 1
    name = str(path.relative_to(built / "tokens"))
    traces = [trace(str(built), name, row, None) for row in range(len(ids))]
    assert [found.sample_id for found in traces] == [identity.hex() for identity in ids]
    assert len({found.row_group for found in traces}) > 1


def test_a_trace_says_what_it_was_asked_wrongly(built: Path, tmp_path: Path) -> None:
    shard = shards(built, "code")[0]
    path = str(shard.relative_to(built))
    rows = pq.ParquetFile(shard).metadata.num_rows
    with pytest.raises(GristmillError, match=rf"has {rows} rows, 0 to {rows - 1}"):
        trace(str(built), path, rows, None)
    with pytest.raises(GristmillError, match=r"there is no token 1,000,000"):
        trace(str(built), path, 0, 1_000_000)
    with pytest.raises(GristmillError, match=r"Did you mean `tokens/"):
        trace(str(built), path + "x", 0, None)
    with pytest.raises(GristmillError, match=r"no build\.json"):
        trace(str(tmp_path), path, 0, None)


def test_the_text_of_a_trace_shows_the_token_in_its_line(built: Path) -> None:
    path = shards(built, "text")[0]
    text = format_trace(trace(str(built), str(path.relative_to(built)), 0, 4))
    assert re.search(r"^excerpt   .*\[.+\]", text, re.M)
    assert re.search(r"^place     characters \d+ to \d+$", text, re.M)
    assert re.search(r"^origin    .*prose\.jsonl at row \d+", text, re.M)
