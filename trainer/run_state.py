"""What a run goes on from besides its tensors: the JSON of its checkpoints."""

import msgspec

from .data.data_state import DataState
from .spikes import SpikeState


class RunState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps that are done on which data, and what is remembered of them."""

    data: DataState
    spikes: SpikeState


def decode_state(data: bytes) -> RunState:
    """Return the state that a checkpoint holds."""
    return msgspec.json.decode(data, type=RunState)
