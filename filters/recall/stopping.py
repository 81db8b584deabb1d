"""When the loop stops: all conditions together, each reported, since one alone deceives.

A loop that is stuck reaches an overlap of 98 % too; one was seen there with a recall of .29. So the
audit must show that no language gains any more, and no large question may be open.
"""

import msgspec


class StopSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bars of the conditions; overlap is DeepSeekMath's."""

    overlap: float = 0.98  # share of the collected pages that were collected before
    new_tokens: float = 0.02  # share of the collected tokens that are new
    recall_gain: float = 0.01  # of a language's audit recall in one iteration
    least_positives: int = 50  # audited pages in topic from which a language counts
    open_review: float = 0.005  # share of the collected tokens below one prefix nobody decided
    max_iterations: int = 3


class LanguageRecall(msgspec.Struct, frozen=True, kw_only=True):
    """A language's audit recall now and one iteration ago; None where there was none."""

    language: str
    num_positives: int
    recall: float
    recall_before: float | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration brought."""

    iteration: int  # from 1
    num_collected: int
    num_collected_before: int  # of these, those that the iteration before had collected too
    tokens: int
    new_tokens: int
    languages: tuple[LanguageRecall, ...]
    largest_open_review_tokens: int
    is_over_budget: bool


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition with its value, its bar, and whether it holds."""

    name: str
    value: float
    bar: float
    holds: bool
    detail: str


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the loop stops, why, and every condition."""

    stops: bool
    reason: str
    conditions: tuple[Condition, ...]


def report_stop(progress: Progress, settings: StopSettings) -> StopReport:
    """Return whether the loop stops after an iteration."""
    conditions = (
        _overlap(progress, settings),
        _new_tokens(progress, settings),
        _recall_gain(progress, settings),
        _open_review(progress, settings),
    )
    missing = [condition.name for condition in conditions if not condition.holds]
    if not missing:
        reason = "nothing new is found any more"
    elif progress.iteration >= settings.max_iterations:
        reason = f"iteration {progress.iteration} is the last one; open: {', '.join(missing)}"
    elif progress.is_over_budget:
        reason = f"the budget is used up; open: {', '.join(missing)}"
    else:
        return StopReport(stops=False, reason=f"open: {', '.join(missing)}", conditions=conditions)
    return StopReport(stops=True, reason=reason, conditions=conditions)


def _overlap(progress: Progress, settings: StopSettings) -> Condition:
    value = _share(progress.num_collected_before, progress.num_collected)
    return Condition(
        name="overlap",
        value=value,
        bar=settings.overlap,
        # A loop that collects nothing has failed; that is no success.
        holds=progress.num_collected > 0 and value >= settings.overlap,
        detail=f"{progress.num_collected_before} of {progress.num_collected} pages",
    )


def _new_tokens(progress: Progress, settings: StopSettings) -> Condition:
    value = _share(progress.new_tokens, progress.tokens)
    return Condition(
        name="new tokens",
        value=value,
        bar=settings.new_tokens,
        holds=progress.tokens > 0 and value < settings.new_tokens,
        detail=f"{progress.new_tokens} of {progress.tokens} tokens",
    )


def _recall_gain(progress: Progress, settings: StopSettings) -> Condition:
    """A language without an earlier value has gained all that it has."""
    judged = [one for one in progress.languages if one.num_positives >= settings.least_positives]
    gains = [(one.recall - (one.recall_before or 0.0), one.language) for one in judged]
    value, language = max(gains, default=(1.0, ""))
    return Condition(
        name="recall gain",
        value=value,
        bar=settings.recall_gain,
        holds=bool(judged) and value < settings.recall_gain,
        detail=f"most in {language}"
        if judged
        else f"no language has {settings.least_positives} audited pages in topic",
    )


def _open_review(progress: Progress, settings: StopSettings) -> Condition:
    value = _share(progress.largest_open_review_tokens, progress.tokens)
    return Condition(
        name="open review",
        value=value,
        bar=settings.open_review,
        holds=value <= settings.open_review,
        detail=f"{progress.largest_open_review_tokens} tokens below the largest open prefix",
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float(part > 0)
