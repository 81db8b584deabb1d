"""Settings of a model as Hugging Face's config.json has them, and back.

Read are the files that DeepSeek published (rope_scaling, rope_theta) and those that transformers 5
writes (rope_parameters). Written is the published form, which both read. What a file asks for and
this model does not have is an error: to leave it out would be another model.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ...corpus import storage
from ...corpus.errors import GristmillError
from ...corpus.tokenizer_info import Sentinels
from ..model.shapes import ModelSettings, Yarn

CONFIG: Final = "config.json"

Config = dict[str, object]

_MODEL_TYPE: Final = "deepseek_v2"
# What the model always does; a file that leaves one out means the same.
_FIXED: Final[Mapping[str, object]] = {
    "hidden_act": "silu",
    "scoring_func": "softmax",
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "moe_layer_freq": 1,
    "tie_word_embeddings": False,
    "quantization_config": None,
}
# What a file may leave out or set to null, and what that means. The rest must be there.
_ABSENT: Final[Mapping[str, object]] = {
    "n_group": 1,
    "topk_group": 1,
    "topk_method": "greedy",
    "norm_topk_prob": False,
    "aux_loss_alpha": ModelSettings().aux_loss_alpha,
    "device_loss_alpha": 0.0,
    "comm_loss_alpha": 0.0,
    "seq_aux": True,
    "initializer_range": ModelSettings().initializer_range,
}
_ROPE: Final = ("rope_theta", "rope_scaling")
# YaRN's own where a file leaves them out, as in DeepSeek's code.
_YARN_ABSENT: Final[Mapping[str, object]] = {
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 0.0,
}


def read_config(folder: str) -> ModelSettings:
    """Return the settings of the checkpoint in a folder."""
    where = storage.join(folder, CONFIG)
    try:
        config = msgspec.json.decode(storage.read_bytes(where), type=Config)
    except msgspec.DecodeError as error:
        raise _unfit(f"the file is not a configuration ({error})", where) from error
    if config.get("model_type") != _MODEL_TYPE:
        raise _unfit(f"model_type is {_said(config.get('model_type'))}", where)
    _check_fixed(config, where)
    values = {name: _value(config, name, where) for name in _names() if name not in _ROPE}
    values |= _read_rope(config, where)
    try:
        return msgspec.convert(values, ModelSettings)
    except msgspec.ValidationError as error:
        raise _unfit(f"a setting is not one that this model has ({error})", where) from error


def config_of(settings: ModelSettings, *, dtype: str, sentinels: Sentinels) -> Config:
    """Return what config.json says; `dtype` is torch's name of the weights' type."""
    values: Config = msgspec.to_builtins(settings)
    if (yarn := values["rope_scaling"]) is not None:
        assert isinstance(yarn, dict)
        values["rope_scaling"] = {"type": "yarn", **yarn}
    fixed = {name: value for name, value in _FIXED.items() if value is not None}
    return {
        "architectures": ["DeepseekV2ForCausalLM"],
        "model_type": _MODEL_TYPE,
        **values,
        **fixed,
        "num_key_value_heads": settings.num_attention_heads,
        "bos_token_id": sentinels.bos,
        "eos_token_id": sentinels.eos,
        "pad_token_id": None,
        "torch_dtype": dtype,
        "use_cache": True,
    }


def _names() -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(ModelSettings))


def _check_fixed(config: Config, where: str) -> None:
    fixed = {**_FIXED, "num_key_value_heads": config.get("num_attention_heads")}
    for name, expected in fixed.items():
        found = config.get(name)
        if found is not None and found != expected:
            what = f"{name} is {_said(found)}, and this model has {_said(expected)} alone"
            raise _unfit(what, where)


def _value(config: Config, name: str, where: str) -> object:
    found = config.get(name)
    if found is not None:
        return found
    if name in _ABSENT:
        return _ABSENT[name]
    if name == "q_lora_rank" and name in config:
        return None
    raise _unfit(f"{name} is missing", where)


def _read_rope(config: Config, where: str) -> Config:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise _unfit("rope_scaling is no table", where)
    rope = {name: value for name, value in rope.items() if value is not None}
    theta = rope.pop("rope_theta", config.get("rope_theta"))
    if theta is None:
        raise _unfit("rope_theta is missing", where)
    kinds = {rope.pop(name, None) for name in ("rope_type", "type")} - {None}
    if kinds <= {"default"}:
        return {"rope_theta": theta, "rope_scaling": None}
    if kinds != {"yarn"}:
        raise _unfit(f"positions are of type {_said(sorted(map(str, kinds)))}, not yarn", where)
    yarn = {**_YARN_ABSENT, **rope}
    for name in ("factor", "original_max_position_embeddings"):
        if name not in yarn:
            raise _unfit(f"{name} of rope_scaling is missing", where)
    try:
        msgspec.convert(yarn, Yarn)
    except msgspec.ValidationError as error:
        raise _unfit(f"rope_scaling is not YaRN as this model has it ({error})", where) from error
    return {"rope_theta": theta, "rope_scaling": yarn}


def _said(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _unfit(what: str, where: str) -> GristmillError:
    todo = "Take a checkpoint of DeepSeek-V2's architecture, in fp32 or bf16."
    return GristmillError(what, where=where, todo=todo)
