"""The deal of streams: exact over a period, even on the way, and located without counting."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.dealing import Deal, floor_sum

COUNTS = st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any)


@given(counts=COUNTS, seed=st.integers(0, 100))
def test_every_period_gives_each_stream_its_count_in_its_order(
    counts: list[int], seed: int
) -> None:
    deal = Deal(counts, seed=seed)
    seen = Counter[int]()
    for i in range(2 * sum(counts)):
        part, rank = deal.locate(i)
        assert rank == seen[part]
        seen[part] += 1
    assert [seen[part] for part in range(len(counts))] == [2 * count for count in counts]


@given(
    count=st.integers(0, 40),
    divisor=st.integers(1, 30),
    step=st.integers(0, 60),
    first=st.integers(-50, 50),
)
def test_a_sum_of_floors_is_what_adding_them_up_gives(
    count: int, divisor: int, step: int, first: int
) -> None:
    assert floor_sum(count, divisor, step, first) == sum(
        (i * step + first) // divisor for i in range(count)
    )


def test_any_stretch_is_mixed_as_the_whole() -> None:
    deal = Deal([600_000, 100_000, 300_000], seed=0)
    for start in (0, 123_457, 999_000):
        parts = Counter(deal.locate(start + i)[0] for i in range(1000))
        assert all(abs(parts[part] - share) <= 3 for part, share in enumerate((600, 100, 300)))


def test_a_stream_of_one_sample_in_a_billion_has_one_turn_a_period() -> None:
    deal = Deal([10**9, 1], seed=5)
    for i in range(100):
        (part, rank), (later_part, later_rank) = deal.locate(i), deal.locate(i + deal.num_samples)
        assert (later_part, later_rank) == (part, rank + deal.counts[part])


def test_seeds_change_who_begins() -> None:
    firsts = {Deal([50, 50], seed=seed).locate(0)[0] for seed in range(20)}
    assert firsts == {0, 1}
