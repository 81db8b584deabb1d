"""Which held-out documents are measured, and that each of their tokens is predicted once."""

import random
from collections.abc import Iterable

import numpy as np
import pytest

from gristmill.corpus.held_out import HeldOutDocument
from gristmill.corpus.ids import seeded_hash
from gristmill.trainer.data.strata import Stratum
from gristmill.trainer.evaluation.held_out_rows import choose_documents, make_rows, no_rows
from gristmill.trainer.model.model import IGNORED

C = Stratum("code", "C")
GO = Stratum("code", "Go")
EOS = 9999


@pytest.fixture
def documents() -> list[HeldOutDocument]:
    """Sixty documents of 2 to 60 tokens; no two tokens are the same."""
    draw, first, made = random.Random(1), 0, []
    for i in range(60):
        size = draw.randint(2, 60)
        tokens = np.arange(first, first + size, dtype=np.int32)
        made.append(HeldOutDocument("code", "C" if i % 3 else "Go", b"%16d" % i, tokens, 4 * size))
        first += size
    return made


def slow_choice(documents: Iterable[HeldOutDocument], limit: int) -> list[bytes]:
    left, taken = limit, []
    for document in sorted(documents, key=lambda d: seeded_hash("evaluate", 0, d.doc_id)):
        if len(document.tokens) > limit:
            continue
        left -= len(document.tokens)
        if left < 0:
            break
        taken.append(document.doc_id)
    return taken


@pytest.mark.parametrize("limit", [1, 20, 45, 200, 100_000])
def test_documents_are_taken_by_their_ids_up_to_the_limit(
    documents: list[HeldOutDocument], limit: int
) -> None:
    found = choose_documents(documents, max_tokens=limit)
    for stratum in (C, GO):
        own = [document for document in documents if document.language == stratum.language]
        taken = [document.doc_id for document in found[stratum].documents]
        assert taken == slow_choice(own, limit)
        assert found[stratum].num_left_out == len(own) - len(taken)


def test_the_order_of_documents_does_not_matter(documents: list[HeldOutDocument]) -> None:
    found = choose_documents(documents, max_tokens=300)
    assert choose_documents(documents[::-1], max_tokens=300) == found


def test_documents_that_others_lack_are_not_taken(documents: list[HeldOutDocument]) -> None:
    only = {document.doc_id for document in documents[:10]}
    found = choose_documents(documents, max_tokens=100_000, only=only)
    assert {d.doc_id for chosen in found.values() for d in chosen.documents} == only
    assert all(chosen.num_left_out == 0 for chosen in found.values())


@pytest.mark.parametrize("length", [1, 7, 64])
@pytest.mark.parametrize("num_rows", [1, 3])
def test_every_token_but_the_first_is_predicted_once_after_the_one_before(
    documents: list[HeldOutDocument], length: int, num_rows: int
) -> None:
    groups = [documents[:40], documents[40:]]
    pairs = []
    for batch in make_rows(groups, length=length, num_rows=num_rows, fill=EOS):
        assert batch.tokens_BT.shape == (num_rows, length)
        counts = batch.targets_BT != IGNORED
        parts = (batch.tokens_BT, batch.targets_BT, batch.strata_BT)
        pairs += list(zip(*(part[counts].tolist() for part in parts), strict=True))
    assert pairs == [
        (before, after, stratum)
        for stratum, group in enumerate(groups)
        for document in group
        for before, after in zip(document.tokens[:-1], document.tokens[1:], strict=True)
    ]


def test_windows_that_share_a_row_are_numbered_and_start_at_0(
    documents: list[HeldOutDocument],
) -> None:
    for batch in make_rows([documents], length=64, num_rows=2, fill=EOS):
        for row in range(2):
            numbers = batch.documents_BT[row].tolist()
            for number in set(numbers) - {0}:
                at = [i for i, other in enumerate(numbers) if other == number]
                positions = batch.positions_BT[row, at[0] : at[-1] + 1].tolist()
                assert positions == list(range(len(at)))
            is_fill = batch.documents_BT[row] == 0
            assert (batch.tokens_BT[row][is_fill] == EOS).all()
            assert (batch.targets_BT[row][is_fill] == IGNORED).all()


def test_a_rank_without_rows_predicts_nothing() -> None:
    assert (no_rows(length=8, num_rows=2, fill=EOS).targets_BT == IGNORED).all()
