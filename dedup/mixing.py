"""The bit mixer of the dedup kernels: a bijection on 64 bits after which every bit looks random."""

import numpy as np
import numpy.typing as npt

MIX_FIRST = 0xBF58476D1CE4E5B9
MIX_SECOND = 0x94D049BB133111EB


def mix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the finaliser of splitmix64 of every value, in a new array."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(MIX_FIRST)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(MIX_SECOND)
    mixed ^= mixed >> np.uint64(31)
    return mixed
