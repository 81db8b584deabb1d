"""What a run writes down: one record a log interval, a skipped step, or an evaluation."""

from collections.abc import Iterator, Mapping

import msgspec

from ..evaluation.scores import Evaluation
from .expert_load import ExpertLoad
from .metrics import Losses


class StepRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="train"):
    """The steps since the record before.

    Args:
        step: how many steps are done.
        losses: of all steps since the record before.
        grad_norm: of the last step, before it is clipped.
        tokens: seen since the run's first step.
        mfu: share of the peak, with causal attention; None where no peak is known.
        memory_bytes: the most that any rank has held.
        seconds_left: at this rate; None until there is one.
    """

    step: int
    num_steps: int
    stage: str
    losses: Losses
    lr: float
    grad_norm: float
    tokens: int
    tokens_per_second: float
    mfu: float | None
    memory_bytes: int
    seconds_left: float | None
    experts: ExpertLoad | None = None
    skipped: int = 0


class SkipRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="skip"):
    """A step whose update was skipped; its samples are [first_sample, + num_samples) of a stage."""

    step: int
    stage: str
    loss: float
    grad_norm: float
    first_sample: int
    num_samples: int


class EvaluationRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evaluation"
):
    """What the model makes of held-out documents; evaluation.json has counts too.

    Args:
        step: how many steps are done.
        bits_per_byte: by `component/language`; `component/all` has all of its languages.
        fim_exact_match: share of lines that were filled in to the letter, by language.
    """

    step: int
    bits_per_byte: dict[str, float]
    fim_exact_match: dict[str, float] = {}


def evaluation_record(step: int, evaluation: Evaluation) -> EvaluationRecord:
    """Return the record of an evaluation."""
    scores = (*evaluation.languages, *evaluation.totals())
    return EvaluationRecord(
        step=step,
        bits_per_byte={f"{s.component}/{s.language}": s.bits_per_byte for s in scores},
        fim_exact_match={s.language: s.exact_match for s in evaluation.fim},
    )


Record = StepRecord | SkipRecord | EvaluationRecord


def scalars(record: Record) -> dict[str, float]:
    """Return a record's numbers by path, such as `train/losses/components/code/bits_per_byte`."""
    fields = msgspec.to_builtins(record)
    kind = fields.pop("kind")
    for name in ("step", "num_steps", "stage"):
        fields.pop(name, None)
    return dict(_flatten(kind, fields))


def _flatten(path: str, fields: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flatten(f"{path}/{name}", value)
        elif isinstance(value, int | float):
            yield f"{path}/{name}", float(value)
