"""From samples to documents: what a step that went wrong was made of, for `gristmill trace`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from ...corpus.errors import GristmillError
from ...corpus.packing import DocumentSpan, PackedDataset
from ...corpus.shards import read_parquet_footer
from ...corpus.storage import join, open_read, write_bytes
from .stage_data import StageData

_MAX_NAMED = 3


class DocumentOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """A document of a sample; `shard`, `row` and `offset` are what `gristmill trace` takes."""

    doc_id: str
    shard: str
    row: int  # in the whole shard
    offset: int  # of its first token in the sample


class SampleOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """A sample of a stage's data set, and the documents that lie in it."""

    sample: int
    epoch: int
    documents: tuple[DocumentOrigin, ...]


class NotFinite(msgspec.Struct, frozen=True, kw_only=True):
    """The file that names what was in a step whose loss or gradient was not a number."""

    step: int
    stage: str
    build: str
    loss: str
    grad_norm: str
    samples: tuple[SampleOrigin, ...]


def sample_origins(stage: StageData, numbers: Iterable[int]) -> tuple[SampleOrigin, ...]:
    """Return what samples are made of, read by a data set of its own; the reader may go on."""
    samples = stage.reopened()
    first_rows: dict[str, list[int]] = {}
    return tuple(
        _sample_origin(samples, number, stage.source.build, first_rows) for number in numbers
    )


def samples_not_finite(losses_BT: Tensor, samples_B: Tensor) -> list[int]:
    """Return the numbers of the samples that have a loss which is not a finite number."""
    is_bad_B = ~torch.isfinite(losses_BT).all(dim=1)
    return [int(number) for number in samples_B[is_bad_B.cpu()]]


def not_finite(
    out: str,
    stage: StageData,
    numbers: Sequence[int],
    *,
    step: int,
    name: str,
    loss: float,
    grad_norm: float,
) -> GristmillError:
    """Write what a step was made of to the run folder, and return the error that names it.

    `numbers` are the samples whose own loss is not finite, or all of the step if each is.
    """
    found = NotFinite(
        step=step,
        stage=name,
        build=stage.source.build,
        loss=str(loss),
        grad_norm=str(grad_norm),
        samples=sample_origins(stage, numbers),
    )
    path = str(Path(out) / f"not-finite-step-{step}.json")
    write_bytes(path, msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    documents = [document for sample in found.samples for document in sample.documents]
    named = "; ".join(
        f"document {document.doc_id}, {document.shard} row {document.row}"
        for document in documents[:_MAX_NAMED]
    )
    more = f" and {len(documents) - _MAX_NAMED} more" if len(documents) > _MAX_NAMED else ""
    listed = ", ".join(map(str, numbers[:_MAX_NAMED]))
    etc = f" and {len(numbers) - _MAX_NAMED} more" if len(numbers) > _MAX_NAMED else ""
    return GristmillError(
        f"loss {loss} and gradient norm {grad_norm}; samples {listed}{etc} hold {named}{more}",
        where=f"step {step} of stage `{name}`",
        todo=f"{path} has all of them; look at one with `gristmill trace {stage.source.build} "
        "SHARD ROW`, then go on from the last checkpoint with a lower rate, or without documents "
        "like it.",
    )


def _sample_origin(
    samples: PackedDataset, number: int, build: str, first_rows: dict[str, list[int]]
) -> SampleOrigin:
    sample = samples.sample(number)
    return SampleOrigin(
        sample=number,
        epoch=sample.epoch,
        documents=tuple(_document(span, build, first_rows) for span in sample.documents),
    )


def _document(span: DocumentSpan, build: str, first_rows: dict[str, list[int]]) -> DocumentOrigin:
    if span.shard not in first_rows:
        first_rows[span.shard] = _first_rows(join(build, span.shard))
    return DocumentOrigin(
        doc_id=span.doc_id.hex(),
        shard=span.shard,
        row=first_rows[span.shard][span.row_group] + span.row,
        offset=span.offset,
    )


def _first_rows(url: str) -> list[int]:
    """Return how many rows of a shard lie before each row group."""
    with open_read(url) as file:
        footer = read_parquet_footer(file, url)
    sizes = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    return [sum(sizes[:i]) for i in range(len(sizes))]
