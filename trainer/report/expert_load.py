"""How evenly experts are used: two numbers of the tokens that each was sent.

Legend: L layers with experts, E experts.
"""

import msgspec
from torch import Tensor


class ExpertLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The busiest expert of a layer against that layer's mean, and the share of idle experts."""

    max_over_mean: float
    idle_fraction: float


def expert_load(counts_LE: Tensor) -> ExpertLoad:
    """Return the load of experts that were sent so many tokens; summed over ranks first."""
    counts = counts_LE.double()
    mean_L = counts.mean(dim=1)
    assert bool((mean_L > 0).all()), "every layer sends its tokens somewhere"
    return ExpertLoad(
        max_over_mean=float((counts.amax(dim=1) / mean_L).max()),
        idle_fraction=float((counts == 0).double().mean()),
    )
