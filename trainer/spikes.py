"""Which steps' updates are skipped: those that stand out from the steps before them.

A step is judged by its loss and its gradient norm, which all ranks have summed, so all ranks judge
alike. A loss that is not a number is never skipped: the weights it comes from are lost already, or
a document holds what no model should see, and a person has to look.
"""

import math
import statistics
from typing import Literal

import msgspec

from .recipe import SpikeSettings

Verdict = Literal["update", "skip", "stop", "not_finite"]


class SpikeState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rule remembers, in a checkpoint: the last steps that were not skipped."""

    losses: tuple[float, ...] = ()
    grad_norms: tuple[float, ...] = ()
    skips_in_a_row: int = 0


def judge(
    settings: SpikeSettings, state: SpikeState, *, loss: float, grad_norm: float
) -> tuple[Verdict, SpikeState]:
    """Return what to do with a step, and what to remember.

    Nothing is skipped before the window is full once. "stop" is for one skip too many in a row.
    """
    if not (math.isfinite(loss) and math.isfinite(grad_norm)):
        return "not_finite", state
    if _stands_out(settings, state, loss, grad_norm):
        skips = state.skips_in_a_row + 1
        skipped = msgspec.structs.replace(state, skips_in_a_row=skips)
        return ("stop" if skips > settings.max_skips else "skip"), skipped
    return "update", SpikeState(
        losses=(*state.losses, loss)[-settings.window :],
        grad_norms=(*state.grad_norms, grad_norm)[-settings.window :],
    )


def _stands_out(settings: SpikeSettings, state: SpikeState, loss: float, grad_norm: float) -> bool:
    if not settings.factor or len(state.losses) < settings.window:
        return False
    return any(
        value > settings.factor * statistics.median(before)
        for value, before in ((loss, state.losses), (grad_norm, state.grad_norms))
    )
