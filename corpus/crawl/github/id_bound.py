"""Where a listing by id may stop: an estimate of the first id of a day, corrected on the way.

Ids grow with time, so a listing of all repositories born before a day ends at some id. The estimate
only says from where on to look at birth dates; what it finds there moves it on.
"""

from datetime import datetime, timezone

# Two repositories of Octokit's recorded answers, by id and birth.
_EARLIER = (515_435_940, datetime(2022, 7, 19, tzinfo=timezone.utc).timestamp())
_LATER = (747_887_377, datetime(2024, 1, 24, tzinfo=timezone.utc).timestamp())
_FIRST = (1, datetime(2007, 10, 20, tzinfo=timezone.utc).timestamp())
_RATE = (_LATER[0] - _EARLIER[0]) / (_LATER[1] - _EARLIER[1])  # ids a second
_CAUTION = 0.95


class IdBound:
    """The id from which on a listing looks at birth dates.

    Args:
        created_before: Unix seconds of the first moment that is not wanted.
    """

    def __init__(self, created_before: float) -> None:
        self._created_before = created_before
        start = _EARLIER if created_before >= _EARLIER[1] else _FIRST
        end = _LATER if created_before >= _EARLIER[1] else _EARLIER
        rate = (end[0] - start[0]) / (end[1] - start[1])
        self._id = _CAUTION * (start[0] + (created_before - start[1]) * rate)

    def is_near(self, number: int) -> bool:
        """Tell whether an id is so large that its birth date must be looked at."""
        return number >= self._id

    def is_passed(self, number: int, created: float) -> bool:
        """Tell whether a repository ends the listing; if not, look again some ids later."""
        if created >= self._created_before:
            return True
        self._id = number + _CAUTION * (self._created_before - created) * _RATE / 2
        return False
