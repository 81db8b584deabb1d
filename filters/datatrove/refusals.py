"""Which datatrove steps cannot be a stage of a build, and why: each would break what a key says.

A stage's output follows from its inputs and its settings alone, so a step may neither write files,
nor ask the network, nor draw lots without a seed, nor look at more than one shard.
"""

import inspect
from collections.abc import Mapping
from typing import Final

from ...corpus.errors import GristmillError
from .settings import DatatroveStep

_MODULES: Final = {
    "readers": "it brings documents of its own: name its files in a [[source]]",
    "extractors": "a time limit decides what it finds: use `extract` of a WARC source",
    "dedup": "it compares what lies in many shards: use [dedup]",
    "decont": "it reads an index that no key covers: use [decontamination]",
    "writers": "it writes files of its own: let `datatrove_reader` feed it",
    "tokens": "it writes files of its own: a build tokenizes by itself",
    "stats": "it writes files of its own: let `datatrove_reader` feed it",
    "inference": "it asks a model server: let `datatrove_reader` feed it",
    "media": "it is for what is not text",
}
_CLASSES: Final = {
    "C4BadWordsFilter": "it downloads its word lists: put the words into RegexFilter",
    "LanguageFilter": "it downloads its model: a build names languages by itself",
    "UnigramLogProbFilter": "it downloads its word counts",
    "URLFilter": "it downloads the list of public suffixes",
    "LambdaFilter": "no recipe can hold its function: make it a class with a `version`",
}


def check_module(step: DatatroveStep, where: str) -> None:
    """Raise an error for a step whose kind or class cannot be a stage; nothing is imported."""
    module, _, name = step.step.rpartition(".")
    parts = module.split(".")
    is_own = parts[:2] == ["datatrove", "pipeline"] and len(parts) > 2
    why = _MODULES.get(parts[2]) if is_own else None
    why = why or (_CLASSES.get(name) if parts[0] == "datatrove" else None)
    if why is not None:
        what, _, todo = why.partition(": ")
        raise GristmillError(
            f"`{name}` cannot be a stage: {what}",
            where=where,
            todo=f"{todo[:1].upper()}{todo[1:]}." if todo else "Leave it out.",
        )


def check_args(step: DatatroveStep, kind: type, where: str) -> None:
    """Raise an error for arguments that would make the output depend on more than the key."""
    args: Mapping[str, object] = step.args
    if "exclusion_writer" in args:
        what = "`exclusion_writer` would write files of its own"
        raise GristmillError(what, where=where, todo="The ledger has every document dropped.")
    for name, value in args.items():
        if "url" in name and isinstance(value, str) and "://" in value:
            what = f"`{name}` is fetched when the step runs"
            raise GristmillError(what, where=where, todo="Name a file on this machine.")
    has_seed = "seed" in inspect.signature(kind).parameters
    if has_seed and not isinstance(args.get("seed"), int):
        what = "the step draws lots, and has no seed"
        raise GristmillError(what, where=where, todo="Add a `seed` to its `args`.")
