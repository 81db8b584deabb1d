"""Alarms: a recall that falls, and seeds that are off the topic."""

from gristmill.filters.recall.guards import Alarm, GuardSettings, find_alarms
from gristmill.filters.recall.stopping import LanguageRecall

SETTINGS = GuardSettings()


def recall(now: float, before: float | None) -> LanguageRecall:
    return LanguageRecall(language="en", num_positives=60, recall=now, recall_before=before)


def names(alarms: tuple[Alarm, ...]) -> list[str]:
    return [alarm.name for alarm in alarms]


def test_a_recall_that_falls_is_an_alarm_that_names_the_language() -> None:
    (alarm,) = find_alarms([recall(0.29, 0.37)], None, SETTINGS)
    assert (alarm.name, alarm.value, alarm.bar) == ("recall fell", 0.29, 0.37)
    assert "en" in alarm.detail


def test_a_recall_that_rises_or_is_the_first_is_none() -> None:
    assert find_alarms([recall(0.37, 0.29), recall(0.2, None)], None, SETTINGS) == ()


def test_a_fall_smaller_than_the_bar_is_none() -> None:
    assert find_alarms([recall(0.365, 0.37)], None, SETTINGS) == ()
    assert find_alarms([recall(0.365, 0.37)], None, GuardSettings(recall_fall=0.001))


def test_seeds_below_the_bar_are_an_alarm() -> None:
    assert names(find_alarms([], 0.89, SETTINGS)) == ["impure seeds"]
    assert find_alarms([], 0.9, SETTINGS) == ()
    assert find_alarms([], None, SETTINGS) == ()
    assert names(find_alarms([], 0.94, GuardSettings(seed_purity=0.95))) == ["impure seeds"]
