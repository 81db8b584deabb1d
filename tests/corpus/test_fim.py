"""Fill-in-the-middle is reproducible, drawn at the asked rate, and undone exactly."""

import itertools
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import (
    FIM_PRESETS,
    FimMode,
    FimSettings,
    restore,
    split_fim,
    undo_fim,
    whole_spans,
)
from gristmill.corpus.ids import content_id
from gristmill.corpus.sample import Piece, build_sample
from gristmill.corpus.tokenizer import EOS, FIM_BEGIN, FIM_END, FIM_HOLE, load_tokenizer

IDS = [content_id(str(i)) for i in range(4000)]
ALWAYS = FimSettings(rate=1.0)
SPM = FimSettings(rate=1.0, spm_rate=1.0)


def tokens_of(text: str, settings: FimSettings) -> list[int]:
    piece = Piece(doc_id=content_id(text), text=text)
    row = build_sample(
        piece.doc_id, [piece], component="code", tokenizer=load_tokenizer(), fim=settings
    )
    ids: list[int] = row.tokens.tolist()
    return ids


def test_half_of_the_documents_are_rearranged_and_all_of_them_psm() -> None:
    splits = [split_fim(identity, 100, FimSettings()) for identity in IDS]
    modes = [split.mode for split in splits if split]
    assert abs(len(modes) / len(IDS) - 0.5) < 0.03  # four standard deviations
    assert set(modes) == {FimMode.PSM}


def test_the_spm_share_is_a_share_of_the_rearranged_documents() -> None:
    splits = [split_fim(i, 100, FimSettings(rate=0.5, spm_rate=0.25)) for i in IDS]
    modes = [split.mode for split in splits if split]
    assert abs(modes.count(FimMode.SPM) / len(modes) - 0.25) < 0.04


def test_cuts_are_two_sorted_uniform_positions() -> None:
    splits = [split_fim(identity, 9, ALWAYS) for identity in IDS]
    assert all(split and 0 <= split.start <= split.stop <= 9 for split in splits)
    cuts = np.array([(split.start, split.stop) for split in splits if split])
    counts = np.bincount(cuts.ravel(), minlength=10)
    assert np.all(np.abs(counts - 2 * len(IDS) / 10) < 5 * np.sqrt(2 * len(IDS) * 0.09))
    assert abs(np.mean(cuts[:, 0] == cuts[:, 1]) - 0.1) < 0.02  # independent of each other


def test_draws_depend_on_seed_epoch_and_document_alone() -> None:
    def draw(**changes: int) -> list[object]:
        return [split_fim(identity, 50, FimSettings(**changes)) for identity in IDS[:50]]  # type: ignore[arg-type]

    assert draw() == draw() == draw(seed=0, epoch=0)
    assert draw() != draw(seed=1)
    assert draw() != draw(epoch=1)
    assert draw(seed=1) != draw(epoch=1)


def test_rates_of_nought_and_one_are_exact() -> None:
    assert all(split_fim(i, 5, FimSettings(rate=0.0)) is None for i in IDS)
    assert all(split_fim(i, 5, ALWAYS) is not None for i in IDS)


def test_psm_and_spm_orders_are_the_published_ones() -> None:
    text = "def f(x):\n    return x + 1\n"
    split = split_fim(content_id(text), len(text), ALWAYS)
    assert split
    encode = load_tokenizer().encode
    bounds = itertools.pairwise((0, split.start, split.stop, len(text)))
    prefix, middle, suffix = (encode(text[a:b]).tolist() for a, b in bounds)
    assert tokens_of(text, ALWAYS) == [
        *(FIM_BEGIN, *prefix, FIM_HOLE, *suffix, FIM_END, *middle, EOS)
    ]
    assert tokens_of(text, SPM) == [*(FIM_BEGIN, FIM_HOLE, *suffix, FIM_END, *prefix, *middle, EOS)]


@given(text=st.text(max_size=60), settings=st.sampled_from([ALWAYS, SPM, FimSettings()]))
@hypothesis_settings(max_examples=200, deadline=None)
def test_undoing_gives_the_bytes_back(text: str, settings: FimSettings) -> None:
    assert restore(tokens_of(text, settings), load_tokenizer()) == text.encode()


@given(text=st.text(max_size=60))
@hypothesis_settings(max_examples=100, deadline=None)
def test_the_parts_of_a_psm_row_are_the_cut_text(text: str) -> None:
    split = split_fim(content_id(text), len(text), ALWAYS)
    assert split
    decode = load_tokenizer().decode_bytes
    parts = [decode(part).decode() for part in undo_fim(tokens_of(text, ALWAYS))]
    assert parts == [text[: split.start], text[split.stop :], text[split.start : split.stop]]


@pytest.mark.parametrize(
    "row",
    [
        [],
        [5],
        [FIM_BEGIN, FIM_HOLE, EOS],
        [FIM_BEGIN, 5, FIM_END, FIM_HOLE, EOS],
        [FIM_BEGIN, FIM_HOLE, FIM_HOLE, FIM_END, EOS],
        [FIM_BEGIN, FIM_HOLE, FIM_END, 5],
    ],
)
def test_a_row_with_misplaced_sentinels_is_refused(row: list[int]) -> None:
    with pytest.raises(GristmillError):
        restore(row, load_tokenizer())


@pytest.mark.parametrize("text", ['{"rate": 1.5}', '{"spm": 0.1}', '{"apply_to": ["prose"]}'])
def test_wrong_settings_are_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=FimSettings)


def test_settings_of_a_component_name_only_what_changes_its_tokens() -> None:
    first, second = (FimSettings(epoch=epoch, apply_to=("code", "math")) for epoch in (0, 1))
    assert first.for_component("text") == second.for_component("text")
    assert first.for_component("code") != second.for_component("code")
    assert first.for_component("code") == FimSettings(epoch=0).for_component("code")
    assert FimSettings(rate=0, epoch=1).for_component("code") == first.for_component("text")
    for identity in IDS[:20]:
        assert split_fim(identity, 50, first.for_component("code")) == split_fim(
            identity, 50, first
        )
        assert split_fim(identity, 50, first.for_component("text")) is None


def test_no_cut_falls_inside_of_a_forbidden_span() -> None:
    spans = [(2, 6), (6, 8), (15, 19)]
    splits = [split_fim(i, 20, ALWAYS, forbidden=spans) for i in IDS]
    cuts = Counter(cut for split in splits if split for cut in (split.start, split.stop))
    inside = {position for start, stop in spans for position in range(start + 1, stop)}
    assert set(cuts) == set(range(21)) - inside
    assert max(cuts.values()) < 2 * min(cuts.values())


def test_spans_that_forbid_nothing_change_no_cut() -> None:
    for identity in IDS[:50]:
        assert split_fim(identity, 9, ALWAYS, forbidden=[(3, 4)]) == split_fim(identity, 9, ALWAYS)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("mail <EMAIL>, <IP_ADDRESS>", ["<EMAIL>", "<IP_ADDRESS>"]),
        ("\u4e2d<\uff5cfim\u2581hole\uff5c>x", ["<\uff5cfim\u2581hole\uff5c>"]),
        ("<|endoftext|>", ["<|endoftext|>"]),
        ("a < B > c, vector<int>, <T>, <| |>", []),
    ],
)
def test_placeholders_and_spelt_sentinels_stay_whole(text: str, whole: list[str]) -> None:
    assert [text[start:stop] for start, stop in whole_spans(text)] == whole


def test_a_redacted_address_is_never_cut() -> None:
    text = "<EMAIL>" * 3
    for number in range(60):
        row = tokens_of(text, FimSettings(rate=1.0, seed=number, epochs=1))
        parts = [load_tokenizer().decode_bytes(part) for part in undo_fim(row)]
        assert all(len(part) % len("<EMAIL>") == 0 for part in parts)


def test_a_short_document_keeps_its_order() -> None:
    short = FimSettings(rate=1.0, min_chars=10)
    assert split_fim(IDS[0], 9, short) is None
    assert split_fim(IDS[0], 10, short) == split_fim(IDS[0], 10, ALWAYS)


def test_presets_are_the_two_models_of_the_paper() -> None:
    lite, full = FIM_PRESETS["paper-v2-lite"], FIM_PRESETS["paper-v2"]
    assert (lite.rate, lite.spm_rate, lite.apply_to, lite.epochs) == (0.5, 0.0, ("code",), 4)
    assert all(split_fim(i, 50, full) is None for i in IDS)
