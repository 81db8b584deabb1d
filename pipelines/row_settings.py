"""What of a recipe shapes the rows of token shards: presets of FIM, and the digest in a footer."""

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.fim import FIM_PRESETS, FimSettings
from ..corpus.ids import digest_parts


def expand_fim_preset(document: dict[str, object], *, where: str) -> None:
    """Put the settings of a preset that `fim` names below the keys that it gives."""
    given = document.get("fim")
    if not isinstance(given, dict) or "preset" not in given:
        return
    name = given.pop("preset")
    if not isinstance(name, str) or name not in FIM_PRESETS:
        raise GristmillError(
            f"there is no preset `{name}`",
            where=f"{where}: fim.preset",
            todo=f"Known: {', '.join(FIM_PRESETS)}.",
        )
    preset = msgspec.to_builtins(FIM_PRESETS[name])
    del preset["seed"]  # the recipe's
    document["fim"] = {**preset, **given}


def row_settings_digest(*, seed: int, order: msgspec.Struct, fim: FimSettings) -> str:
    """Return the digest of the settings that make rows of kept documents.

    It is not of the whole recipe: a threshold that moves would rewrite every shard, those whose
    documents stay the same too.
    """
    settings = msgspec.json.encode([seed, order, fim], order="deterministic")
    return digest_parts("row-settings", (settings,)).hex()
