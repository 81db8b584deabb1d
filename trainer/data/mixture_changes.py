"""What differs between two mixtures of one build, in words: vocabulary, components, shards."""

from collections.abc import Iterator

from ...corpus.mixture import Mixture, MixtureComponent

_MAX_NAMES = 3


def changes(before: Mixture, after: Mixture) -> list[str]:
    """Return each difference as a phrase; equal mixtures have none."""
    return list(_changes(before, after))


def _changes(before: Mixture, after: Mixture) -> Iterator[str]:
    if before.tokenizer != after.tokenizer:
        yield (
            f"the vocabulary was {before.tokenizer_name} ({before.tokenizer[:12]}) and is "
            f"{after.tokenizer_name} ({after.tokenizer[:12]})"
        )
    for name in ("format_version", "sentinels", "vocab_size", "seed", "long_min_tokens"):
        yield from _value(name, before, after)
    yield from _value("total_tokens", before, after)
    old = {component.name: component for component in before.components}
    new = {component.name: component for component in after.components}
    yield from (f"component {name} is gone" for name in old if name not in new)
    yield from (f"component {name} is new" for name in new if name not in old)
    for name in old:
        if name in new:
            yield from _component(old[name], new[name])


def _component(before: MixtureComponent, after: MixtureComponent) -> Iterator[str]:
    old = {shard.path: shard for shard in before.shards}
    new = {shard.path: shard for shard in after.shards}
    kinds = {
        "added": [path for path in new if path not in old],
        "removed": [path for path in old if path not in new],
        "changed": [path for path in old if path in new and old[path] != new[path]],
    }
    for kind, paths in kinds.items():
        if paths:
            more = f" and {len(paths) - _MAX_NAMES} more" if len(paths) > _MAX_NAMES else ""
            listed = f"{', '.join(paths[:_MAX_NAMES])}{more}"
            yield f"{len(paths)} shards of {before.name} were {kind} ({listed})"
    for name in ("weight", "tokens", "target_tokens"):
        yield from (f"{before.name}: {what}" for what in _value(name, before, after))
    if before.groups != after.groups:
        yield f"{before.name} is shared out in other groups"


def _value(name: str, before: object, after: object) -> Iterator[str]:
    old, new = getattr(before, name), getattr(after, name)
    if old != new:
        yield f"{name} was {old} and is {new}"
