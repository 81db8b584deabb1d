"""The reader that docs/tokens.md shows reads what we write, and knows no module of ours."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from gristmill.corpus.blocks import BlockCache
from gristmill.corpus.fim import FimSettings
from gristmill.corpus.ids import content_id
from gristmill.corpus.mixture import MixtureShard
from gristmill.corpus.sample import Piece, build_samples
from gristmill.corpus.shards import ShardMetadata, token_table, write_token_shard
from gristmill.corpus.tokenizer import load_tokenizer

PAGE = Path(__file__).parents[2] / "docs/tokens.md"
FIM = FimSettings(rate=0.7, spm_rate=0.4, epochs=3)
TEXTS = [f"# {i}\nx = [{i}]\n\nprint(x)\n" * (1 + i % 4) for i in range(40)]
Reader = Callable[..., Iterator[tuple[bytes, str, int, list[int]]]]


def shown_code() -> str:
    """Return the functions of the page's reader, without its example of use."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## A reader\n")[2]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block[1].partition("\nfor epoch in")[0]


@pytest.fixture
def shard(tmp_path: Path) -> MixtureShard:
    samples = [(content_id(text), [Piece(doc_id=content_id(text), text=text)]) for text in TEXTS]
    rows = build_samples(samples, component="code", tokenizer=load_tokenizer(), fim=FIM)
    names = ["Python"] * len(rows)
    metadata = ShardMetadata(tokenizer="41f3", component="code", language="Python", fim=FIM)
    info = write_token_shard(
        str(tmp_path / "part.parquet"),
        [token_table(rows, languages=names, sources=names)],
        metadata=metadata,
        block_tokens=300,
    )
    return MixtureShard(
        path="part.parquet",
        digest="",
        language="Python",
        documents=info.num_rows,
        block_tokens=info.block_tokens,
        later_block_tokens=info.later_block_tokens,
    )


def test_the_reader_is_short_and_imports_only_pyarrow() -> None:
    code = shown_code()
    assert len(code.splitlines()) <= 40
    assert re.findall(r"^import (\S+)|^from (\S+)", code, re.MULTILINE) == [
        ("json", ""),
        ("pyarrow.parquet", ""),
    ]


@pytest.mark.parametrize("epoch", [0, 1, 2, 3, 7])
def test_the_reader_gives_every_row_as_the_epoch_has_it(
    tmp_path: Path, shard: MixtureShard, epoch: int
) -> None:
    names: dict[str, object] = {}
    exec(shown_code(), names)  # the page's own text
    read_rows: Reader = names["read_rows"]  # type: ignore[assignment]
    found = list(read_rows(str(tmp_path / shard.path), epoch))
    cache = BlockCache(str(tmp_path), tokenizer="41f3", max_tokens=10_000)
    expected = []
    for group in range(len(shard.block_tokens)):
        block = cache.read(shard, group, epoch % 3)
        for row in range(len(block.doc_ids)):
            start, stop = block.row_starts[row : row + 2]
            expected.append((block.doc_id(row), block.tokens[start:stop].tolist()))
    assert [(identity, tokens) for identity, _, _, tokens in found] == expected
    assert len({mode for _, _, mode, _ in found}) == 3


def test_duckdb_reads_tokens_and_edits(tmp_path: Path, shard: MixtureShard) -> None:
    path = tmp_path / shard.path
    query = """
        SELECT count(*), sum(len(tokens)), sum(num_tokens),
            sum(later_epochs[1].num_tokens), sum(later_epochs[2].num_tokens),
            bool_and(tokens[-1] = 100001), max(len(later_epochs[2].edits)) > 0
        FROM read_parquet(?)
    """
    row = duckdb.execute(query, [str(path)]).fetchone()
    later = [sum(counts) for counts in shard.later_block_tokens]
    total = sum(shard.block_tokens)
    assert row == (len(TEXTS), total, total, *later, True, True)
