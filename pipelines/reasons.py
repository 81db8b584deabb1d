"""Reasons: why a task has to run again, told from the manifests of the published build."""

from collections.abc import Iterable, Mapping

import msgspec

from .artifact import Manifest, as_json
from .published import BuildRecord
from .stage import Task
from .store import Store

MAX_REASONS = 8


class PlannedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that has to run (or that the plan ran), and why."""

    stage: str
    shard: str
    reason: str
    is_consequence: bool  # only its inputs changed: another task of the plan is the cause
    seconds: float | None  # measured when the plan ran it, else expected from the last build


class Before:
    """The published build's manifests, from which reasons and times are told."""

    def __init__(self, store: Store, previous: BuildRecord | None) -> None:
        self._store = store
        self._artifacts = previous.artifacts if previous is not None else {}
        self._rates: dict[str, float] = {}

    def _manifest(self, stage: str, shard: str) -> Manifest | None:
        key = self._artifacts.get(stage, {}).get(shard)
        return self._store.load(stage, shard, key) if key is not None else None

    def planned(self, task: Task) -> PlannedTask:
        """Return a task that has to run."""
        stage, old = task.stage, self._manifest(task.stage.name, task.shard)
        inputs = [
            (role, file.shard, file.digest) for role, files in task.inputs.items() for file in files
        ]
        cause = _cause(
            old, version=stage.version, settings=stage.key_settings(), assets=stage.assets()
        )
        return PlannedTask(
            stage=stage.name,
            shard=task.shard,
            reason=cause or _changed_inputs(old, inputs),
            is_consequence=_follows(old, stage.name, cause),
            seconds=old.seconds if old is not None else self._typical(stage.name),
        )

    def changed(self, manifests: Iterable[Manifest]) -> Iterable[PlannedTask]:
        """Yield what is done but not in the published build: this or an earlier plan ran it."""
        for manifest in manifests:
            if self._artifacts.get(manifest.stage, {}).get(manifest.shard) != manifest.key:
                yield self._explained(manifest)

    def _explained(self, manifest: Manifest) -> PlannedTask:
        old = self._manifest(manifest.stage, manifest.shard)
        inputs = [(i.role, i.shard, i.digest) for i in manifest.inputs]
        cause = _cause(
            old,
            version=manifest.version,
            settings=manifest.settings,
            assets=manifest.assets,
        )
        return PlannedTask(
            stage=manifest.stage,
            shard=manifest.shard,
            reason=cause or _changed_inputs(old, inputs),
            is_consequence=_follows(old, manifest.stage, cause),
            seconds=manifest.seconds,
        )

    def _typical(self, stage: str) -> float | None:
        """Return the mean time of the stage's tasks in the published build."""
        if stage not in self._rates:
            shards = self._artifacts.get(stage, {})
            found = [self._manifest(stage, shard) for shard in shards]
            times = [manifest.seconds for manifest in found if manifest is not None]
            if not times:
                return None
            self._rates[stage] = sum(times) / len(times)
        return self._rates[stage]


def _cause(
    old: Manifest | None,
    *,
    version: int,
    settings: Mapping[str, object],
    assets: Mapping[str, str],
) -> str | None:
    """Return why a task has to run although its inputs may be the same, or None."""
    if old is None:
        return "new, or its artifact is gone"
    if old.version != version:
        return f"the stage's version went from {old.version} to {version}"
    if old.settings != as_json(settings):
        return "; ".join(list(differences(old.settings, settings))[:MAX_REASONS])
    other = [name for name, digest in assets.items() if old.assets.get(name) != digest]
    return f"another {' and '.join(other)} table or model" if other else None


def _follows(old: Manifest | None, stage: str, cause: str | None) -> bool:
    """Whether a task runs because of another: new inputs, a new shard, a layout that they gave."""
    if stage == "read":
        return False
    return cause is None or old is None or stage in ("pack", "held_out_pack", "ledger")


def _changed_inputs(old: Manifest | None, inputs: list[tuple[str, str, str]]) -> str:
    assert old is not None, "a task without a manifest has a cause"
    if old.stage == "read":
        return "other pages of it are collected"
    known = {(i.role, i.shard, i.digest) for i in old.inputs}
    changed = sorted(
        {f"{role} of {shard}" for role, shard, d in inputs if (role, shard, d) not in known}
    )
    gone = {i.shard for i in old.inputs} - {shard for _, shard, _ in inputs}
    changed += [f"nothing more from {shard}" for shard in sorted(gone)]
    return f"changed input: {', '.join(changed[:MAX_REASONS])}" if changed else "order of inputs"


def differences(old: object, new: object, where: str = "") -> Iterable[str]:
    """Yield each setting that differs as `path: old -> new`."""
    new = msgspec.to_builtins(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            name = f"{where}.{key}" if where else str(key)
            yield from differences(old.get(key), new.get(key), name)
    elif isinstance(old, list) and isinstance(new, list | tuple):
        yield from _list_differences(old, list(new), where)
    elif old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _list_differences(old: list[object], new: list[object], where: str) -> Iterable[str]:
    """Compare lists of named tables by name, other lists as a whole."""
    if all(isinstance(item, dict) and "name" in item for item in (*old, *new)):
        named = [{str(item["name"]): item for item in items} for items in (old, new)]  # type: ignore[index]
        yield from differences(named[0], named[1], where)
    elif old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _short(value: object) -> str:
    """Return a value in few characters; of a table, the keys that are set."""
    if value is None:
        return "not set"
    if isinstance(value, dict):
        value = {key: inner for key, inner in value.items() if inner not in (None, [], (), {})}
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
