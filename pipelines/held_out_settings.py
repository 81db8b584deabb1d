"""What a recipe holds out of training, to evaluate the model on."""

from typing import Annotated

import msgspec


class HeldOutSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which share of repositories, sites and documents is held out, and how much of a language.

    Args:
        fraction: of the repositories, sites and lone documents; 0 holds nothing out.
        max_bytes_per_language: of text; from there on no unit whose main language it is is held
            out. 4 MiB are about a million tokens, more than a loss needs.
    """

    fraction: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    max_bytes_per_language: Annotated[int, msgspec.Meta(ge=1)] = 1 << 22

    @property
    def is_asked(self) -> bool:
        """Whether anything is held out."""
        return self.fraction > 0
