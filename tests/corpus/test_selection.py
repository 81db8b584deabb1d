"""Row groups that meet a budget: whole passes, then a seeded few, with a tail below one of them."""

from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.dealt import dealt_groups
from gristmill.corpus.mixture import MixtureShard, make_mixture
from gristmill.corpus.selection import Selection, select_row_groups

SHARDS = (("a", (5, 7)), ("b", (9,)), ("c", (4, 6, 8)))


def select(target: int, *, seed: int = 0) -> Selection:
    shards = [
        MixtureShard(path=path, digest="", language="x", documents=1, block_tokens=counts)
        for path, counts in SHARDS
    ]
    mixture = make_mixture(
        {"code": shards}, tokenizer="t", weights={"code": 1.0}, total_tokens=target
    )
    (group,) = dealt_groups(mixture)
    return select_row_groups(group, seed=seed)


@given(target=st.integers(1, 200), seed=st.integers(0, 50))
def test_a_budget_is_met_to_one_row_group(target: int, seed: int) -> None:
    found = select(target, seed=seed)
    tokens = dict(SHARDS)
    last = [tokens[path][row_group] for path, row_group in found.last]
    assert len(set(found.last)) == len(found.last)
    assert found.tokens == found.passes * 39 + sum(last) == target + found.tail_tokens
    assert 0 <= found.tail_tokens < (last[-1] if last else 1)


def test_whole_passes_need_no_more() -> None:
    assert select(78) == Selection(passes=2, last=(), tokens=78, tail_tokens=0)


def test_seeds_choose_other_row_groups() -> None:
    assert len({select(10, seed=seed).last for seed in range(20)}) > 3
