"""Alarms of a loop that goes wrong although its conditions look well; a person decides what to do.

A loop was seen whose overlap rose to 98 % while its recall fell from .37 to .29, and one whose
automatically added seeds went from half to none in topic.
"""

from collections.abc import Sequence

import msgspec

from .stopping import LanguageRecall


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a person is told."""

    recall_fall: float = 0.01  # of the audit recall in one iteration
    seed_purity: float = 0.9  # share of the audited pages below accepted prefixes

    def __post_init__(self) -> None:
        if not 0 < self.recall_fall <= 1 or not 0 <= self.seed_purity <= 1:
            raise ValueError("recall_fall must be over 0, seed_purity between 0 and 1")


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, its value, the bar, and what a person may do."""

    name: str
    value: float
    bar: float
    detail: str


def find_alarms(
    recalls: Sequence[LanguageRecall], seed_purity: float | None, settings: GuardSettings
) -> tuple[Alarm, ...]:
    """Return what a person should look at after an iteration.

    Args:
        recalls: on the audit set, of all pages and of each language that has enough of them.
        seed_purity: None where no audited page lies below an accepted prefix.
    """
    alarms = [
        Alarm(
            name="recall fell",
            value=one.recall,
            bar=one.recall_before,
            detail=f"that of {one.language}: look at this iteration's new seeds and lost pages",
        )
        for one in recalls
        if one.recall_before is not None and one.recall_before - one.recall >= settings.recall_fall
    ]
    if seed_purity is not None and seed_purity < settings.seed_purity:
        alarms.append(
            Alarm(
                name="impure seeds",
                value=seed_purity,
                bar=settings.seed_purity,
                detail="audited pages below accepted prefixes are off the topic:"
                " decide hold or reject for these prefixes",
            )
        )
    return tuple(alarms)
