"""Best-fit packing: every token in one part, few documents cut, less than a window of room."""

from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.best_fit import Part, best_fit


def room(windows: list[list[Part]], size: int) -> int:
    return sum(size - sum(part.stop - part.start for part in window) for window in windows)


@given(lengths=st.lists(st.integers(1, 90), max_size=60), size=st.integers(1, 40))
def test_every_token_lies_in_one_part_and_the_room_is_less_than_a_window(
    lengths: list[int], size: int
) -> None:
    windows = best_fit(lengths, size)
    tokens = [(p.document, i) for window in windows for p in window for i in range(p.start, p.stop)]
    assert sorted(tokens) == [(d, i) for d, length in enumerate(lengths) for i in range(length)]
    assert len(windows) == -(-sum(lengths) // size)
    assert all(sum(p.stop - p.start for p in window) <= size for window in windows)
    assert room(windows, size) < size


def test_documents_that_fit_together_are_not_cut() -> None:
    windows = best_fit([3, 7, 6, 4, 5, 5], 10)
    assert sorted(sorted(part.document for part in window) for window in windows) == [
        [0, 1],
        [2, 3],
        [4, 5],
    ]


def test_a_document_goes_where_it_leaves_the_least_room() -> None:
    windows = best_fit([7, 6, 3, 4], 10)
    assert [[part.document for part in window] for window in windows] == [[0, 2], [1, 3]]


def test_a_long_document_is_cut_into_windows_and_a_rest() -> None:
    windows = best_fit([25, 5], 10)
    assert windows == [[Part(0, 0, 10)], [Part(0, 10, 20)], [Part(0, 20, 25), Part(1, 0, 5)]]


def test_what_fits_nowhere_whole_fills_the_room_that_is_left() -> None:
    windows = best_fit([6, 6, 8], 10)
    assert windows == [[Part(2, 0, 8), Part(1, 4, 6)], [Part(0, 0, 6), Part(1, 0, 4)]]
