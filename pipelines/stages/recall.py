"""Recall: from the pages of WARC files to the words of a pool, each page once, and their scores.

`recall_names` and `recall_same` find pages of one URL or of one text, dedup's stages those that
resemble a longer one (recall_near.py); `recall_pool` keeps one of each and makes its words;
`recall_score` scores them by one model. A page that loses to another by its URL may win by its
text: what it loses to then stays, since both orders end at the same page.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...corpus.storage import local_path
from ...dedup.columns import byte_strings, id_prefixes, partition_of
from ...dedup.urls import normalize_url, url_key
from ...filters.language_settings import ContentSettings, content_assets
from ...filters.natural import natural_language_columns
from ...filters.natural_engines import NaturalEngine
from ...filters.recall.collapse import read_table
from ...filters.recall.domains import url_parts
from ...filters.recall.passages import best_of, split_passages
from ...filters.recall.score import Scorer
from ...filters.recall.words import WordSettings, word_column
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import partition_name, runs_of_equal, shard_number, write_shards
from .features import row_groups
from .recalled import ORIGIN_COLUMNS, origin_ids

BY_URL: Final = "url"
BY_TEXT: Final = "text"
NEAR: Final = "near"  # the fates of pages that resemble a longer one, if it is looked for them
LONGEST: Final = np.uint64(np.iinfo(np.int64).max)  # bytes; the longer a page, the less its rank
READ_COLUMNS: Final = [  # what a pool is made of
    *("doc_id", "path", "language_hint", "text", "formulas_found", "code_lines_found"),
    *ORIGIN_COLUMNS,
]
TOKEN_BYTES: Final = 4  # of UTF-8 a token, about; budgets and shares are in such tokens

NAME: Final = pa.schema([("name", ID), ("doc_id", ID), ("rank", pa.uint64())])
POOL: Final = pa.schema(
    [
        ("doc_id", ID),
        ("url", pa.string()),  # in its normal form
        ("host", pa.string()),
        ("path", pa.string()),
        ("has_query", pa.bool_()),
        ("language", pa.string()),
        ("num_tokens", pa.int64()),
        ("formulas", pa.int32()),  # on the whole page; null where none were looked for
        ("code_lines", pa.int32()),
        ("origin_file", pa.string()),
        ("origin_id", ID),  # in that file, whatever text was made of it
        ("words", pa.large_string()),
    ]
)


class PageNames(Stage, frozen=True, kw_only=True):
    """Names every readable page by its URL and by its text, in one slice a partition of each."""

    name: ClassVar[str] = "recall_names"
    version: ClassVar[int] = 1

    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write NAME: of two pages of a name, the one of the smaller rank stays."""
        table = inputs.table("read", ["doc_id", "content_id", "collection", "path", "num_bytes"])
        output.count("pages", {"bytes": pc.sum(table["num_bytes"]).as_py() or 0})
        table = table.filter(pc.is_valid(table["content_id"]))
        keys = pa.chunked_array([self.keys(table)], ID)
        table = table.append_column("key", keys).filter(pc.is_valid(keys))
        longest = LONGEST - table["num_bytes"].to_numpy().astype(np.uint64)
        output.write(NAME.empty_table())
        for kind, names, ranks in (
            (BY_URL, table["key"], longest),
            (BY_TEXT, table["content_id"], id_prefixes(table["key"])),
        ):
            named = pa.table([names, table["doc_id"], pa.array(ranks, pa.uint64())], schema=NAME)
            named = named.sort_by([(name, "ascending") for name in ("name", "rank", "doc_id")])
            parts = partition_of(id_prefixes(named["name"]), self.partitions)
            for first, last in runs_of_equal(parts):
                part = partition_name(int(parts[first]))
                output.append(named.slice(first, last - first), slice_name=f"{kind}-{part}")

    def keys(self, table: pa.Table) -> list[bytes | None]:
        """Return what names each row by its URL, None where nothing does."""
        return [url_key(url) for url in table["path"].to_pylist()]


class SameNames(Stage, frozen=True, kw_only=True):
    """Finds the pages of one partition of the names that give way; they lie in memory."""

    name: ClassVar[str] = "recall_same"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    kind: str  # BY_URL or BY_TEXT

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the doc_id of every such page, in one slice a shard."""
        parts = [
            file.read().append_column(
                "shard",
                pa.array(np.full(file.rows, shard_number(file.shard), np.uint64), pa.uint64()),
            )
            for file in inputs.all("slices")
        ]
        empty = NAME.append(pa.field("shard", pa.uint64())).empty_table()
        table = pa.concat_tables([empty, *parts])
        order = [("name", "ascending"), ("rank", "ascending"), ("doc_id", "ascending")]
        table = table.sort_by(order).combine_chunks()
        names = byte_strings(table["name"])
        gives_way = np.append([False], names[1:] == names[:-1])[: len(names)]
        lost = table.filter(pa.array(gives_way)).select(["doc_id", "shard"])
        output.write(lost.slice(0, 0))
        write_shards([lost.sort_by([("shard", "ascending"), ("doc_id", "ascending")])], output)


class Pool(Stage, frozen=True, kw_only=True):
    """Makes the words of the pages that stay, and what else a recall loop asks of them."""

    name: ClassVar[str] = "recall_pool"
    version: ClassVar[int] = 2
    reads_text: ClassVar[bool] = True

    words: WordSettings
    least_characters: int
    natural: NaturalEngine

    def assets(self) -> dict[str, str]:
        """Return the digests of the vocabulary, and of what names languages."""
        natural = content_assets(ContentSettings(natural=self.natural))["natural"]
        return {"words": self.words.digest(), "natural": natural}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write POOL, a row group for each of the input's; what is left out is counted."""
        lost = {**given_way(inputs), NEAR: _ids(inputs.all(NEAR), "item_id")}
        output.write(POOL.empty_table())
        for rows in self.rows(inputs):
            kept = rows
            for reason in _REASONS:
                stays = self._stays(reason, kept, lost)
                output.count("left_out", {reason: kept.num_rows - stays.num_rows})
                kept = stays
            output.write(self._pages(kept))
            output.count("pages", {"pool": kept.num_rows})

    def rows(self, inputs: Inputs) -> Iterator[pa.Table]:
        """Yield what is read of the pages, a row group at a time."""
        return row_groups(inputs.one("read"), READ_COLUMNS)

    def has_place(self, rows: pa.Table) -> pa.Array:
        """Return which rows have a URL with a host."""
        return have_keys(rows["path"])

    def places(self, rows: pa.Table) -> pa.Table:
        """Return url, host, path and has_query of rows that have a place."""
        return page_places(rows["path"])

    def languages(self, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
        """Return the language of each row, without nulls."""
        found = natural_language_columns(rows["text"], rows["language_hint"], engine=self.natural)
        return found.languages

    def _stays(self, reason: str, rows: pa.Table, lost: dict[str, pa.Array]) -> pa.Table:
        """Return the rows that one reason leaves in."""
        if reason == "unreadable":
            return rows.filter(pc.is_valid(rows["text"]))
        if reason == "no_url":
            return rows.filter(self.has_place(rows))
        if reason == "short":
            return rows.filter(
                pc.greater_equal(pc.utf8_length(rows["text"]), self.least_characters)
            )
        gone = lost[_LOST_BY[reason]]
        return rows.filter(pc.invert(pc.is_in(rows["doc_id"], value_set=gone)))

    def _pages(self, rows: pa.Table) -> pa.Table:
        places = self.places(rows)
        num_bytes = pc.binary_length(rows["text"]).cast(pa.int64())
        num_tokens = pc.divide(pc.add(num_bytes, TOKEN_BYTES - 1), TOKEN_BYTES)
        words = word_column(rows["text"], self.words)
        evidence = [rows["formulas_found"], rows["code_lines_found"]]
        origins = [rows["origin_file"], origin_ids(rows)]
        columns = [rows["doc_id"], *places.columns, self.languages(rows)]
        return pa.table([*columns, num_tokens, *evidence, *origins, words], schema=POOL)


_REASONS: Final = ("unreadable", "no_url", "same_url", "same_text", "short", "near_duplicate")
_LOST_BY: Final = {"same_url": BY_URL, "same_text": BY_TEXT, "near_duplicate": NEAR}


def have_keys(urls: pa.ChunkedArray) -> pa.Array:
    """Return which URLs name a page: those with a host."""
    return pa.array([url_key(url) is not None for url in urls.to_pylist()], pa.bool_())


def page_places(urls: pa.ChunkedArray) -> pa.Table:
    """Return url in its normal form, host, path and has_query of pages."""
    column = pa.chunked_array([[normalize_url(url) for url in urls.to_pylist()]], pa.string())
    return url_parts(column).add_column(0, "url", column)


def given_way(inputs: Inputs) -> dict[str, pa.Array]:
    """Return the ids of a shard's pages that give way to another, by its URL and by its text."""
    return {kind: _ids(inputs.all(kind), "doc_id") for kind in (BY_URL, BY_TEXT)}


def _ids(files: Sequence[InputFile], name: str) -> pa.Array:
    parts = [pa.table({name: pa.array([], ID)}), *(file.read([name]) for file in files)]
    return pa.concat_tables(parts)[name].combine_chunks()


class Score(Stage, frozen=True, kw_only=True):
    """Scores the pages of a pool by one model, row for row: a page by its best passage."""

    name: ClassVar[str] = "recall_score"
    version: ClassVar[int] = 1

    passage_words: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the logit of each page; the model is the input of role `model`."""
        scorer = Scorer(read_table(local_path(inputs.one("model").url)))
        output.write(SCORE.empty_table())
        for rows in row_groups(inputs.one("pool"), ["words"]):
            passages = split_passages(rows["words"], self.passage_words)
            logits = scorer.logits(passages.words)[:, 0]
            best = best_of(logits, passages.rows, rows.num_rows)
            output.write(pa.table([best], schema=SCORE))
        output.count("pages", {"scored": inputs.one("pool").rows})


SCORE: Final = pa.schema([("logit", pa.float32())])
