"""Reading ahead: in order, bounded, with the reader's errors, and ended when it is closed."""

import threading
import time

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.data.prefetch import Prefetch


def prefetch_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("prefetch")]


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_results_come_in_order(depth: int) -> None:
    with Prefetch(str, range(3, 20), depth=depth) as ahead:
        assert list(ahead) == [str(i) for i in range(3, 20)]


def test_no_more_results_wait_than_asked_for() -> None:
    made: list[int] = []
    with Prefetch(made.append, range(100), depth=2) as ahead:
        next(ahead)
        next(ahead)
        time.sleep(0.05)
        assert made == [0, 1, 2, 3]


def test_an_error_is_raised_where_its_result_would_have_been() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise GristmillError("it is damaged", where="a/shard.parquet", todo="Mend it.")
        return number

    with Prefetch(make, range(5), depth=4) as ahead:
        assert [next(ahead), next(ahead)] == [0, 1]
        with pytest.raises(GristmillError, match=r"a/shard\.parquet: it is damaged"):
            next(ahead)


def test_closing_ends_the_thread_and_starts_nothing_more() -> None:
    started: list[int] = []

    def make(number: int) -> None:
        started.append(number)
        time.sleep(0.02)

    with Prefetch(make, range(1000), depth=100):
        time.sleep(0.01)
    assert not prefetch_threads()
    assert len(started) < 10
