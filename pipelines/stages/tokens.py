"""Tokens: training documents become ids once per shard, then travel to the shard they belong to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.fim import FimSettings
from ...corpus.ids import digest_parts
from ...corpus.record import Component
from ...corpus.sample import Piece, build_samples
from ...corpus.shards import (
    TOKEN_ROW,
    ShardMetadata,
    bucket_of,
    shuffle_key,
    token_table,
    write_token_shard,
)
from ...corpus.tokenizer import load_tokenizer
from ...corpus.tokenizer_info import DEEPSEEK_V2, TokenizerInfo, TokenizerSource
from ...filters.languages import language_table, path_comment
from ...filters.redaction.redact import redact
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs, Stage
from .compose import Row
from .redaction import redactions_of

BATCH_TEXT_CHARS = 8 << 20

WORK_ROW = pa.schema(
    [
        *TOKEN_ROW,
        ("component", pa.string()),
        ("sample_key", pa.binary(16)),
        ("shuffle_key", pa.uint64()),
    ]
)


class Tokenize(Stage, frozen=True, kw_only=True):
    """Puts in placeholders, applies FIM and tokenizes the training documents of one shard.

    Rows whose sample key stands in the previous artifact of the shard (a hint: same settings) are
    copied from it, so that a changed verdict costs the changed documents only.
    """

    name: ClassVar[str] = "tokenize"
    version: ClassVar[int] = 2
    reads_text: ClassVar[bool] = True
    rows: ClassVar[pa.Schema] = WORK_ROW

    fim: FimSettings
    seed: int
    bucket_bits: int
    tokenizer: TokenizerSource = DEEPSEEK_V2

    def key_settings(self) -> dict[str, object]:
        """Return the settings without the path of the tokenizer's file, which its digest names."""
        settings = super().key_settings()
        settings["tokenizer"] = msgspec.to_builtins(self.tokenizer.info)
        return settings

    def assets(self) -> dict[str, str]:
        """Return the digests of tokenizer and comment syntaxes, and how edits are made."""
        edits = {} if self.tokenizer.info == DEEPSEEK_V2.info else {"edits": "copied by bytes"}
        return {
            "tokenizer": self.tokenizer.info.digest,
            "comments": language_table().comments_digest,
            **edits,
        }

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write WORK_ROW, one slice a (component, language), sorted by the shuffle key."""
        samples = inputs.table("assemble")
        reused = self._reusable(inputs, samples)
        known = set(reused["sample_key"].to_pylist())
        todo = [row for row in samples.to_pylist() if row["sample_key"] not in known]
        fresh = pa.concat_tables([self.rows.empty_table(), *self._build(inputs, todo)])
        table = pa.concat_tables([reused, fresh])
        order = pc.sort_indices(
            table,
            [
                ("component", "ascending"),
                ("language", "ascending"),
                ("shuffle_key", "ascending"),
                ("doc_id", "ascending"),
            ],
        )
        table = table.take(order)
        output.write(table.slice(0, 0))
        for component, language, rows in _by_language(table):
            tokens = int(pc.sum(rows["num_tokens"]).as_py())
            output.write(
                rows,
                slice_name=slice_name(component, language),
                tokens=tokens,
                buckets=self._buckets(rows),
            )
        output.count("samples", {"built": fresh.num_rows})

    def _reusable(self, inputs: Inputs, samples: pa.Table) -> pa.Table:
        """Return the rows of the shard's previous artifact that are still samples."""
        for file in inputs.all("previous"):
            previous = file.read()
            wanted = samples["sample_key"].combine_chunks()
            return previous.filter(pc.is_in(previous["sample_key"], value_set=wanted))
        return self.rows.empty_table()

    def _build(self, inputs: Inputs, todo: list[Row]) -> Iterator[pa.Table]:
        if not todo:
            return
        table = inputs.table("read", ["doc_id", "path", "text"])
        spans, redactions = _boilerplate(inputs), redactions_of(inputs)
        doc_ids, paths, text = table["doc_id"], table["path"], table["text"]
        batch: list[tuple[Row, list[Piece]]] = []
        num_chars = 0
        for sample in todo:
            pieces = []
            for row in sample["rows"]:
                header = None
                if sample["has_headers"]:
                    header = path_comment(sample["language"], paths[row].as_py())
                whole = text[row].as_py()
                left = redact(whole, redactions.get(row, ()), spans.get(row, ()))
                pieces.append(Piece(doc_id=doc_ids[row].as_py(), header=header, text=left))
            size = sum(len(piece.text) for piece in pieces)
            other = batch and batch[0][0]["component"] != sample["component"]
            if batch and (other or num_chars + size > BATCH_TEXT_CHARS):
                yield self._encode(batch)
                batch, num_chars = [], 0
            batch.append((sample, pieces))
            num_chars += size
        if batch:
            yield self._encode(batch)

    def _encode(self, batch: list[tuple[Row, list[Piece]]]) -> pa.Table:
        """Tokenize the samples of one batch, all of one component."""
        made = build_samples(
            [(sample["sample_id"], pieces) for sample, pieces in batch],
            component=batch[0][0]["component"],
            tokenizer=load_tokenizer(self.tokenizer),
            fim=self.fim,
        )
        samples = [sample for sample, _ in batch]
        table = token_table(
            made,
            languages=[sample["language"] for sample in samples],
            sources=[sample["source"] for sample in samples],
        )
        extra = {
            "component": [sample["component"] for sample in samples],
            "sample_key": [sample["sample_key"] for sample in samples],
            "shuffle_key": [shuffle_key(self.seed, sample["sample_id"]) for sample in samples],
        }
        for name, values in extra.items():
            table = table.append_column(
                WORK_ROW.field(name), pa.array(values, WORK_ROW.field(name).type)
            )
        return table

    def _buckets(self, rows: pa.Table) -> dict[int, tuple[str, int]]:
        """Return the digest of the sample keys and the tokens of each bucket present."""
        how = (str(self.version), msgspec.json.encode([self.key_settings(), self.assets()]))
        keys: dict[int, list[bytes]] = {}
        tokens: dict[int, int] = {}
        columns = (rows[name].to_pylist() for name in ("shuffle_key", "sample_key", "num_tokens"))
        for shuffle, key, count in zip(*columns, strict=True):
            bucket = bucket_of(shuffle, self.bucket_bits)
            keys.setdefault(bucket, []).append(key)
            tokens[bucket] = tokens.get(bucket, 0) + count
        return {
            bucket: (digest_parts("bucket", (*how, *found)).hex(), tokens[bucket])
            for bucket, found in keys.items()
        }


def slice_name(component: str, language: str) -> str:
    """Return the name of a language's slice."""
    return f"{component}/{language}"


def split_slice_name(name: str) -> tuple[Component, str]:
    """Return the component and the language that a slice is named after."""
    component, _, language = name.partition("/")
    return cast(Component, component), language


def _boilerplate(inputs: Inputs) -> dict[int, list[int]]:
    """Return what is cut of each row that anything is cut of."""
    if not inputs.all("trim"):
        return {}
    spans = inputs.table("trim", ["cut_spans"])["cut_spans"].to_pylist()
    return {row: found for row, found in enumerate(spans) if found}


def _by_language(table: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    names = list(zip(table["component"].to_pylist(), table["language"].to_pylist(), strict=True))
    start = 0
    for i in range(1, len(names) + 1):
        if i == len(names) or names[i] != names[start]:
            yield *names[start], table.slice(start, i - start)
            start = i


class Pack(Stage, frozen=True, kw_only=True):
    """Gathers one token shard: the rows of a language whose buckets begin with a prefix."""

    name: ClassVar[str] = "pack"
    version: ClassVar[int] = 2
    rows: ClassVar[pa.Schema] = TOKEN_ROW

    component: Component
    language: str
    prefix: str  # bits
    bucket_bits: int
    block_tokens: int
    fim: FimSettings
    recipe: str  # digest of the settings that make rows of documents
    tokenizer: TokenizerInfo = DEEPSEEK_V2.info

    def assets(self) -> dict[str, str]:
        """Return the digest of the tokenizer, which stands in the footer."""
        return {"tokenizer": self.tokenizer.digest}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the shard in the order of the shuffle key."""
        table = pa.concat_tables([self._slice(file) for file in inputs.all("slices")])
        order = pc.sort_indices(table, [("shuffle_key", "ascending"), ("doc_id", "ascending")])
        table = table.take(order).select(self.rows.names)
        metadata = ShardMetadata(
            tokenizer=self.tokenizer.digest,
            tokenizer_name=self.tokenizer.name,
            sentinels=self.tokenizer.sentinels,
            recipe=self.recipe,
            component=self.component,
            language=self.language,
            fim=self.fim,
        )
        info = write_token_shard(
            str(output.path),
            [table],
            metadata=metadata,
            block_tokens=self.block_tokens,
            schema=self.rows,
        )
        output.adopt(info.num_rows)
        output.count("tokens", {self.language: info.num_tokens})
        output.count("row_groups", {str(i): n for i, n in enumerate(info.block_tokens)})
        later = enumerate(info.later_block_tokens, 1)
        counts = {f"{epoch}.{i}": n for epoch, found in later for i, n in enumerate(found)}
        output.count("later_row_groups", counts)

    def _slice(self, file: InputFile) -> pa.Table:
        rows = file.read([*self.rows.names, "shuffle_key"])
        first, last = bucket_range(self.prefix, self.bucket_bits)
        shift = np.uint64(64 - self.bucket_bits)
        keys = rows["shuffle_key"].to_numpy()
        buckets = keys >> shift if self.bucket_bits else np.zeros(len(keys), dtype=np.uint64)
        return rows.filter(pa.array((buckets >= first) & (buckets < last)))


def bucket_range(prefix: str, bits: int) -> tuple[int, int]:
    """Return the half-open range of buckets whose number begins with the prefix."""
    free = bits - len(prefix)
    first = int(prefix or "0", 2) << free
    return first, first + (1 << free)


def prefix_digest(buckets: Mapping[int, tuple[str, int]], prefix: str, bits: int) -> str | None:
    """Return the digest of the buckets below a prefix, or None where there are none."""
    first, last = bucket_range(prefix, bits)
    found: Iterable[str] = [
        f"{bucket}:{buckets[bucket][0]}" for bucket in sorted(buckets) if first <= bucket < last
    ]
    return digest_parts("prefix", found).hex() if found else None
