"""The ledger: what is done stays done, and one process at a time has it."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.corpus.crawl.ledger import HostCounts, Ledger
from gristmill.corpus.errors import GristmillError

NOW = 1e12  # far ahead: everything is due


def ids(ledger: Ledger, num_items: int = 100) -> list[str]:
    return [item.id for item in ledger.take("repository", num_items, now=NOW)]


def test_items_are_taken_in_the_order_in_which_they_were_found(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        assert ledger.add("repository", [("9", {}), ("10", {}), ("1", {})]) == 3
        assert ledger.add("repository", [("10", {}), ("2", {})]) == 1
        assert ids(ledger) == ["9", "10", "1", "2"]
        assert ids(ledger, 2) == ["9", "10"]


def test_items_of_a_smaller_rank_come_first_and_a_rank_only_falls(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("far", {"depth": 3}), ("middle", {})], rank=3)
        ledger.add("repository", [("near", {})], rank=1)
        ledger.add("repository", [("far", {"depth": 2})], rank=2)
        ledger.add("repository", [("near", {})], rank=5)
        assert ids(ledger) == ["near", "far", "middle"]
        assert ledger.take("repository", 2, now=NOW)[1].facts == b'{"depth":2}'
        assert ledger.counts() == {"repository": {"waiting": 3}}


def test_what_was_refused_for_a_reason_may_wait_again(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("1", {}), ("2", {})])
        ledger.settle("repository", "1", "refused", reason="max_pages")
        ledger.settle("repository", "2", "refused", reason="robots")
        ledger.reopen("repository", "max_pages")
        assert ids(ledger) == ["1"]
        assert ledger.reasons("refused") == {"repository": {"robots": 1}}


def test_what_is_no_item_is_counted_too(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add_tally("link", "refused", "outside", 3)
        ledger.add_tally("link", "refused", "outside", 4)
    with Ledger(tmp_path) as ledger:
        assert ledger.reasons("refused") == {"link": {"outside": 7}}


def test_what_is_settled_is_not_taken_again(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("1", {}), ("2", {}), ("3", {})])
        ledger.settle("repository", "1", "done", num_bytes=7, facts={"stars": 3})
        ledger.settle("repository", "2", "refused", reason="dmca")
    with Ledger(tmp_path) as ledger:
        assert ids(ledger) == ["3"]
        assert ledger.counts() == {"repository": {"done": 1, "refused": 1, "waiting": 1}}
        assert ledger.reasons("refused") == {"repository": {"dmca": 1}}
        item = ledger.get("repository", "1")
        assert item is not None
        assert (item.num_bytes, item.facts) == (7, b'{"stars":3}')


def test_a_failed_item_waits_and_comes_after_the_fresh_ones(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("1", {}), ("2", {})])
        ledger.retry("repository", "1", reason="dns", max_attempts=2, wait_seconds=60)
        assert [item.id for item in ledger.take("repository", 9)] == ["2"]
        assert ids(ledger) == ["2", "1"]
        assert ledger.next_due("repository") == 0
        ledger.retry("repository", "1", reason="dns", max_attempts=2, wait_seconds=60)
        assert ledger.counts() == {"repository": {"failed": 1, "waiting": 1}}


def test_a_new_run_tries_again_what_failed(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("1", {})])
        ledger.retry("repository", "1", reason="dns", max_attempts=1, wait_seconds=60)
        ledger.revive()
        assert ids(ledger) == ["1"]


def test_all_items_of_a_state_are_listed_a_page_at_a_time(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger, ledger.transaction():
        ledger.add("repository", [(str(number), {}) for number in range(2500)])
        found = [item.id for item in ledger.each("repository", "waiting")]
    assert found == [str(number) for number in range(2500)]


def _settle_and_fail(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        ledger.settle("repository", "1", "done")
        connection.execute("SELECT * FROM nowhere")


def test_a_block_that_raises_writes_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("repository", [("1", {})])
        with pytest.raises(sqlite3.OperationalError):
            _settle_and_fail(ledger)
        assert ids(ledger) == ["1"]


def test_host_totals_add_up_over_runs(tmp_path: Path) -> None:
    for _ in range(2):
        with Ledger(tmp_path) as ledger:
            ledger.add_host_counts([HostCounts(host="a", requests=2, waited_seconds=0.5)])
            ledger.add_host_counts([HostCounts(host="a", retries=1)])
            (found,) = ledger.hosts()
    assert found == HostCounts(host="a", requests=4, retries=2, waited_seconds=1.0)


def test_a_second_process_is_told_to_wait(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(GristmillError, match="another process crawls"):
        Ledger(tmp_path)


def test_a_reader_looks_on_while_another_process_has_it(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger, Ledger(tmp_path, is_reader=True) as reader:
        ledger.add("repository", [("1", {})])
        assert reader.counts() == {"repository": {"waiting": 1}}


def test_a_killed_process_loses_nothing_that_it_settled(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from gristmill.corpus.crawl.ledger import Ledger;"
        "ledger = Ledger(Path(sys.argv[1])); ledger.add('repository', [('1', {}), ('2', {})]);"
        "ledger.settle('repository', '1', 'done');"
        "ledger.connection.execute('BEGIN IMMEDIATE'); ledger.settle('repository', '2', 'done');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    with Ledger(tmp_path) as ledger:
        assert ledger.counts() == {"repository": {"done": 1, "waiting": 1}}


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database, but long enough to look at" * 9)
    with pytest.raises(GristmillError, match=r"ledger.sqlite: its ledger cannot be read"):
        Ledger(tmp_path)


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(GristmillError, match="format 99"):
        Ledger(tmp_path)


def test_what_is_forgotten_is_no_longer_counted(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add("record", [(name, {}) for name in ("a:1", "a:2", "ab:1", "b:1")])
        ledger.settle("record", "a:1", "refused", reason="revisit")
        ledger.forget("record", prefix="a:")
        assert ledger.counts() == {"record": {"waiting": 2}}
        ledger.remove("record", "b:1")
        assert [item.id for item in ledger.take("record", 9)] == ["ab:1"]
        ledger.forget("record")
        assert ledger.counts() == {}
        assert ledger.reasons("refused") == {}


def _roll_back_and_fail(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.add("repository", [("1", {})])
        ledger.connection.execute("ROLLBACK")  # as SQLite does when the disk is full
        raise KeyError


def test_a_transaction_that_cannot_be_ended_leaves_the_ledger_usable(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        with pytest.raises(KeyError):
            _roll_back_and_fail(ledger)
        with ledger.transaction():
            ledger.add("repository", [("2", {})])
        assert ids(ledger) == ["2"]
