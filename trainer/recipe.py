"""The training recipe: which model on which build, in which stages, over which ranks.

Defaults are DeepSeek-V2's (section 3.1.2), which DeepSeek-Coder-V2 (section 3.2) takes over, but
for the schedule, which is Coder-V2's own: cosine, 2,000 steps of warm-up, down to a tenth.
"""

from typing import Annotated, Final, Literal

import msgspec

from .model.shapes import SHAPES, ModelSettings

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_AboveZero = Annotated[float, msgspec.Meta(gt=0)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]
_Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Momentum = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]  # part of a file's name

Packing = Literal["greedy", "best_fit"]
PipelineSchedule = Literal["1f1b", "interleaved_1f1b", "zero_bubble"]
MIXTURE: Final = "mixture.json"
INFILL_TOKENS: Final = 64  # that a missing line may have, as RepoBench in the paper's table 5
# Room for a missing line, as much around it, and three sentinels.
MIN_INFILL_LENGTH: Final = 2 * INFILL_TOKENS + 3


class StageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many steps at one sequence length and batch size; Coder-V2's are in recipes/lite.toml.

    Args:
        steps: of the stage; or `tokens`, of which the last step may go beyond.
        build: a build other than the recipe's; `mixture` and `packing` likewise.
        lr: starts a schedule that ends where the next stage with an `lr` starts; without one the
            schedule of the stage before goes on.
        warmup_steps: of that schedule; the first one's default is [schedule]'s, the others' is 0.
        final_fraction: of its `lr`, reached at its end; 1 keeps it constant.
    """

    name: _Name
    sequence_length: Annotated[int, msgspec.Meta(ge=2)]
    batch_sequences: _Positive
    steps: _Positive | None = None
    tokens: _Positive | None = None
    build: str = ""
    mixture: str = ""
    packing: Packing | None = None
    lr: _AboveZero | None = None
    warmup_steps: _Count | None = None
    final_fraction: _Fraction | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.tokens is None):
            raise ValueError(f"stage `{self.name}` needs either steps or tokens")
        if self.lr is None and (self.warmup_steps is not None or self.final_fraction is not None):
            raise ValueError(f"stage `{self.name}` has a schedule of its own only with an lr")

    @property
    def step_tokens(self) -> int:
        """The tokens of one step."""
        return self.sequence_length * self.batch_sequences

    @property
    def num_steps(self) -> int:
        """How many steps the stage has."""
        if self.steps is not None:
            return self.steps
        assert self.tokens is not None
        return -(-self.tokens // self.step_tokens)


class OptimizerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdamW and gradient clipping (DeepSeek-V2, section 3.1.2; Lite's learning rate, appendix B).

    Its epsilon is not published; 1e-8 is PyTorch's.
    """

    lr: _AboveZero = 4.2e-4
    betas: tuple[_Momentum, _Momentum] = (0.9, 0.95)
    weight_decay: _NotNegative = 0.1
    eps: _AboveZero = 1e-8
    clip: _AboveZero = 1.0


class ScheduleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the learning rate rises and falls (DeepSeek-Coder-V2, section 3.2)."""

    kind: Literal["cosine", "linear"] = "cosine"
    warmup_steps: _Count = 2000
    final_fraction: _Fraction = 0.1


class MeshSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How ranks share the work: `data` x `pipeline` x `context` ranks in all.

    Args:
        data: ranks that read samples of their own; without it, as many as the launch leaves.
        expert: into how many parts each layer's experts are split; divides `data` x `context`.
        pipeline: into how many parts the layers are split.
        context: into how many parts a sequence is split.
        zero: what ranks of `data` keep a part of: 1 optimizer states (DeepSeek-V2, section 3.1.3),
            2 gradients too, 3 weights too.
        schedule: of the pipeline.
    """

    data: _Positive | None = None
    expert: _Positive = 1
    pipeline: _Positive = 1
    context: _Positive = 1
    zero: Literal[1, 2, 3] = 1
    schedule: PipelineSchedule = "1f1b"


class DataSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How samples are cut and read; `cache_tokens` and `prefetch_steps` change no sample.

    `cache_tokens` costs 4 bytes each, and `shuffle_blocks` blocks of 2^20 tokens of each component
    are shuffled; a cache that holds fewer reads them again and again.
    """

    packing: Packing = "greedy"  # as DeepSeek-Coder, section 3.1.1
    shuffle_blocks: _Positive = 64
    cache_tokens: _Positive = 1 << 28
    prefetch_steps: _Positive = 2


class CheckpointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When states are saved, and how many are kept; `background` trains on while one is written."""

    every_steps: _Positive = 1000
    keep: _Positive = 3
    background: bool = True


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a line is written, and whether TensorBoard's files are too."""

    every_steps: _Positive = 10
    tensorboard: bool = True


class EvaluationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured on held-out documents; every 0 steps: nothing.

    `build` is another build than the recipe's whose documents are taken, so that runs on two builds
    compare; `fim_samples` lines of each language of code are filled in.
    """

    build: str = ""
    every_steps: _Count = 0
    max_tokens_per_language: _Positive = 1 << 20
    fim_samples: _Count = 0


class SpikeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps whose update is skipped; the papers skip none, so `factor` 0 skips none.

    A step is skipped when its loss or its gradient norm is more than `factor` times the median of
    the last `window` steps that were not; after more than `max_skips` in a row, training stops.
    """

    factor: _NotNegative = 0.0
    window: _Positive = 128
    max_skips: _Count = 10

    def __post_init__(self) -> None:
        if 0 < self.factor <= 1:
            raise ValueError("spikes.factor must be 0, or above 1")


class TrainRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a run depends on; paths start from the recipe file's folder.

    Args:
        build: the folder or URL of a build.
        out: the run's folder on a disk that all ranks share.
        shape: a name of `SHAPES`, or the sizes themselves.
        start_from: a Hugging Face checkpoint folder to go on from.
        micro_batch_sequences: of a rank's share of a batch, how many pass through at once.
        precision: what is multiplied in; weights, gradients and their sums are kept in fp32.
        storage: fsspec options by protocol.
    """

    build: str
    mixture: str = MIXTURE
    out: str
    shape: str | ModelSettings = "lite"
    seed: int = 0
    start_from: str = ""
    stage: tuple[StageSettings, ...] = ()
    micro_batch_sequences: _Positive = 1
    precision: Literal["bf16", "fp32"] = "bf16"
    activation_checkpointing: bool = False
    compile: bool = False
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    mesh: MeshSettings = MeshSettings()
    data: DataSettings = DataSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    log: LogSettings = LogSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    spikes: SpikeSettings = SpikeSettings()
    storage: dict[str, dict[str, object]] = {}

    @property
    def model(self) -> ModelSettings:
        """The sizes of the model."""
        return SHAPES[self.shape] if isinstance(self.shape, str) else self.shape

    @property
    def num_steps(self) -> int:
        """How many steps all stages have."""
        return sum(stage.num_steps for stage in self.stage)
