"""What a training run came to, for people."""

from ..loop import RunResult


def train_text(result: RunResult) -> str:
    """Return the lines that `gristmill train` prints."""
    done = f"{result.out}: {result.step:,} of {result.num_steps:,} steps"
    if result.is_stopped:
        return f"{done}; stopped, and saved. Run the same command again to go on."
    if result.losses is None:
        return f"{done}; nothing to do."
    loss = result.losses.all
    bits = "" if loss.bits_per_byte is None else f", {loss.bits_per_byte:.3f} bits/byte"
    return f"{done}. Loss of the last ones: {loss.nats_per_token:.3f} nats/token{bits}."


def export_text(path: str, hub: str) -> str:
    """Return the line that `gristmill train --hub` prints."""
    return f"{path} written to {hub}, in bf16, for transformers and whatever reads its folders."
