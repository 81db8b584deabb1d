"""A row of tokens knows the document of each token and gives every text back."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import FimMode, FimSettings
from gristmill.corpus.ids import content_id
from gristmill.corpus.record import Component
from gristmill.corpus.sample import (
    Piece,
    SampleTokens,
    build_sample,
    build_samples,
    restore_pieces,
)
from gristmill.corpus.tokenizer import EOS, FIM_BEGIN, load_tokenizer

OFF = FimSettings(rate=0.0)
MODES = st.sampled_from(
    [OFF, FimSettings(rate=1.0), FimSettings(rate=1.0, spm_rate=1.0), FimSettings(seed=3)]
)
TEXTS = st.lists(
    st.sampled_from(["x = 1\n", "\r\n", "\n", "\u4e2d\u6587", "\U0001f600", "", " ", "// \u00e9"])
    | st.text(max_size=6),
    max_size=6,
).map("".join)
HEADERS = st.none() | st.sampled_from(["# a/b.py", "// \u4e2d.c", "-- x.sql"])
PIECES = st.lists(st.tuples(HEADERS, TEXTS), min_size=1, max_size=5)
SAMPLE = content_id("sample")


def make_pieces(parts: list[tuple[str | None, str]]) -> list[Piece]:
    return [
        Piece(doc_id=content_id(str(i)), header=header, text=text)
        for i, (header, text) in enumerate(parts)
    ]


def make_row(
    pieces: list[Piece], fim: FimSettings = OFF, component: Component = "code"
) -> SampleTokens:
    return build_sample(SAMPLE, pieces, component=component, tokenizer=load_tokenizer(), fim=fim)


def sample_text(pieces: list[Piece]) -> str:
    """The slow twin of the framing rule."""
    if len(pieces) == 1 and pieces[0].header is None:
        return pieces[0].text
    lines = []
    for piece in pieces:
        lines.append("" if piece.header is None else piece.header + "\n")
        lines.append(piece.text if piece.text.endswith("\n") else piece.text + "\n")
    return "".join(lines)


def framed_sizes(pieces: list[Piece]) -> list[int]:
    """The bytes that each piece adds to its sample."""
    ends = [len(sample_text(pieces).encode())]
    for num_pieces in range(len(pieces) - 1, 0, -1):
        # A second piece keeps the framing of the first ones as it is; it adds one newline itself.
        first = [*pieces[:num_pieces], Piece(doc_id=b"", text="")]
        ends.insert(0, len(sample_text(first).encode()) - 1)
    return [stop - start for start, stop in itertools.pairwise([0, *ends])]


@given(parts=PIECES, fim=MODES)
@settings(max_examples=150, deadline=None)
def test_every_text_comes_back(parts: list[tuple[str | None, str]], fim: FimSettings) -> None:
    pieces = make_pieces(parts)
    shapes = [piece.shape for piece in pieces]
    restored = restore_pieces(make_row(pieces, fim).tokens, shapes, tokenizer=load_tokenizer())
    assert restored == [text for _, text in parts]


@given(parts=PIECES)
@settings(max_examples=80, deadline=None)
def test_without_fim_the_tokens_are_those_of_the_whole_text(
    parts: list[tuple[str | None, str]],
) -> None:
    pieces = make_pieces(parts)
    ids = load_tokenizer().encode(sample_text(pieces)).tolist()
    assert make_row(pieces).tokens.tolist() == [*ids, EOS]


@given(parts=PIECES, fim=MODES)
@settings(max_examples=80, deadline=None)
def test_segments_tile_the_row_and_hold_their_own_text(
    parts: list[tuple[str | None, str]], fim: FimSettings
) -> None:
    pieces = make_pieces(parts)
    row = make_row(pieces, fim)
    offsets = [*(segment.offset for segment in row.segments), len(row.tokens)]
    assert offsets[0] == 0
    assert all(start < stop for start, stop in itertools.pairwise(offsets))
    assert all(a.doc_id != b.doc_id for a, b in itertools.pairwise(row.segments))
    decode = load_tokenizer().decode_bytes
    found = dict.fromkeys((piece.doc_id for piece in pieces), 0)
    for (doc, _), (start, stop) in zip(row.segments, itertools.pairwise(offsets), strict=True):
        ids = row.tokens[start:stop]
        found[doc] += len(decode(ids[ids < EOS]))
    assert list(found.values()) == framed_sizes(pieces)


@given(batch=st.lists(PIECES, max_size=5), fim=MODES)
@settings(max_examples=80, deadline=None)
def test_a_batch_equals_its_samples_one_by_one(
    batch: list[list[tuple[str | None, str]]], fim: FimSettings
) -> None:
    samples = [(content_id(f"s{i}"), make_pieces(parts)) for i, parts in enumerate(batch)]
    tokenizer = load_tokenizer()
    rows = build_samples(samples, component="code", tokenizer=tokenizer, fim=fim)
    for row, (identity, pieces) in zip(rows, samples, strict=True):
        alone = build_sample(identity, pieces, component="code", tokenizer=tokenizer, fim=fim)
        assert np.array_equal(row.tokens, alone.tokens)
        assert (row.sample_id, row.fim, row.segments) == (identity, alone.fim, alone.segments)


def test_segments_of_a_plain_repository_sample_start_at_its_headers() -> None:
    pieces = make_pieces([("# a.py", "x = 1"), ("# b.py", "y = 2\n")])
    row = make_row(pieces)
    second = len(load_tokenizer().encode("# a.py\nx = 1\n"))
    assert row.segments == ((pieces[0].doc_id, 0), (pieces[1].doc_id, second))
    assert row.tokens[-1] == EOS


def test_sentinels_belong_to_the_document_before_them() -> None:
    pieces = make_pieces([(None, "a b c d\n" * 9), (None, "1 2 3 4\n" * 9)])
    row = make_row(pieces, FimSettings(rate=1.0))
    assert row.fim == FimMode.PSM
    assert row.tokens[0] == FIM_BEGIN
    owners = np.repeat(
        [segment.doc_id for segment in row.segments],
        np.diff([*(segment.offset for segment in row.segments), len(row.tokens)]),
    )
    sentinels = np.flatnonzero(row.tokens >= EOS)[1:]
    assert all(owners[i] == owners[i - 1] for i in sentinels)


def test_only_the_asked_components_are_rearranged() -> None:
    pieces = make_pieces([(None, "some words")])
    always = FimSettings(rate=1.0)
    assert make_row(pieces, always, "code").fim == FimMode.PSM
    assert make_row(pieces, always, "text").fim == FimMode.NONE
    both = FimSettings(rate=1.0, apply_to=("code", "text"))
    assert make_row(pieces, both, "text").fim == FimMode.PSM


def test_an_empty_document_is_its_eos_alone() -> None:
    row = make_row(make_pieces([(None, "")]))
    assert row.tokens.tolist() == [EOS]
    assert row.segments == ((content_id("0"), 0),)


def test_pieces_of_another_row_are_refused() -> None:
    row = make_row(make_pieces([(None, "abc"), (None, "d")]))
    shapes = [piece.shape for piece in make_pieces([(None, "abc")])]
    with pytest.raises(GristmillError, match="characters"):
        restore_pieces(row.tokens, shapes, tokenizer=load_tokenizer())
