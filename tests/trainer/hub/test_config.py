"""config.json of Hugging Face is read and written, and refused where it means another model."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from transformers import DeepseekV2Config

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.tokenizer_info import Sentinels
from gristmill.trainer.hub.config import config_of, read_config
from gristmill.trainer.model.shapes import SHAPES, ModelSettings

ROPE = {
    "beta_fast": 32,
    "beta_slow": 1,
    "factor": 40,
    "mscale": 0.707,
    "mscale_all_dim": 0.707,
    "original_max_position_embeddings": 4096,
    "type": "yarn",
}
# The values of DeepSeek-Coder-V2-Lite-Base's file.
PUBLISHED = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "aux_loss_alpha": 0.001,
    "bos_token_id": 100000,
    "eos_token_id": 100001,
    "first_k_dense_replace": 1,
    "hidden_act": "silu",
    "hidden_size": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 10944,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "model_type": "deepseek_v2",
    "moe_intermediate_size": 1408,
    "moe_layer_freq": 1,
    "n_group": 1,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "norm_topk_prob": False,
    "num_attention_heads": 16,
    "num_experts_per_tok": 6,
    "num_hidden_layers": 27,
    "num_key_value_heads": 16,
    "pretraining_tp": 1,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "rms_norm_eps": 1e-06,
    "rope_scaling": ROPE,
    "rope_theta": 10000,
    "routed_scaling_factor": 1.0,
    "scoring_func": "softmax",
    "seq_aux": True,
    "tie_word_embeddings": False,
    "topk_group": 1,
    "topk_method": "greedy",
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "v_head_dim": 128,
    "vocab_size": 102400,
}

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def folder_with(without: str = "", **changes: object) -> str:
        config = {**PUBLISHED, **changes}
        config.pop(without, None)
        (tmp_path / "config.json").write_text(json.dumps(config))
        return str(tmp_path)

    return folder_with


def test_the_published_file_is_the_shape_lite(write: Write) -> None:
    found = read_config(write())
    # 0.02 is what transformers would start from; the paper started from 0.006.
    assert msgspec.structs.replace(found, initializer_range=0.006) == SHAPES["lite"]


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    config = config_of(SHAPES[name], dtype="bfloat16", sentinels=Sentinels())
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_config(str(tmp_path)) == SHAPES[name]


def test_what_transformers_writes_is_read_as_it_reads_ours(
    settings: ModelSettings, tmp_path: Path
) -> None:
    config = config_of(settings, dtype="float32", sentinels=Sentinels())
    (tmp_path / "config.json").write_text(json.dumps(config))
    DeepseekV2Config.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert "rope_scaling" not in json.loads((tmp_path / "config.json").read_text())
    assert read_config(str(tmp_path)) == settings


def test_numbers_of_yarn_that_a_file_leaves_out_are_those_of_deepseeks_code(write: Write) -> None:
    rope = {"type": "yarn", "factor": 8, "original_max_position_embeddings": 2048}
    yarn = read_config(write(rope_scaling=rope)).rope_scaling
    assert yarn is not None
    assert (yarn.beta_fast, yarn.beta_slow, yarn.mscale, yarn.mscale_all_dim) == (32, 1, 1, 0)


def test_without_rope_scaling_there_is_no_yarn(write: Write) -> None:
    assert read_config(write(rope_scaling=None)).rope_scaling is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"model_type": "deepseek_v3"}, 'model_type is "deepseek_v3"'),
        ({"attention_bias": True}, "attention_bias is true"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings is true"),
        ({"scoring_func": "sigmoid"}, 'scoring_func is "sigmoid"'),
        ({"num_key_value_heads": 4}, "num_key_value_heads is 4"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantization_config"),
        ({"topk_method": "noaux_tc"}, "topk_method"),
        ({"rope_scaling": {"type": "linear", "factor": 4}}, "linear"),
        ({"rope_scaling": {**ROPE, "truncate": False}}, "truncate"),
        ({"without": "hidden_size"}, "hidden_size is missing"),
        ({"without": "q_lora_rank"}, "q_lora_rank is missing"),
        ({"without": "rope_theta"}, "rope_theta is missing"),
    ],
    ids=str,
)
def test_what_this_model_does_not_have_is_refused(
    write: Write, changes: dict[str, object], what: str
) -> None:
    with pytest.raises(GristmillError, match=what) as caught:
        read_config(write(**changes))
    assert "config.json" in caught.value.where


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(GristmillError, match="not a configuration"):
        read_config(str(tmp_path))
