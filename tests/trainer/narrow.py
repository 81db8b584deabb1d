"""The narrowest model, for tests of all that is around it: its settings, and a recipe's table."""

import msgspec

from gristmill.trainer.model.shapes import SHAPES, ModelSettings

NARROW = msgspec.structs.replace(
    SHAPES["tiny"],
    **{"hidden_size": 16, "intermediate_size": 32, "moe_intermediate_size": 16},
    **{"num_hidden_layers": 2, "kv_lora_rank": 16},
)
_SIZES = {
    name: getattr(NARROW, name)
    for name in ModelSettings.__struct_fields__
    if getattr(NARROW, name) != getattr(ModelSettings(), name)
}
NARROW_TABLE = "[shape]\n" + "".join(f"{name} = {size}\n" for name, size in _SIZES.items())
