"""What a plan says of the mixtures: how much of each component is seen, before and after."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.mixture import Mixture, read_mixture
from ..corpus.record import COMPONENTS, Component
from ..corpus.storage import join
from .mixtures import published_mixtures


class ComponentChange(msgspec.Struct, frozen=True, kw_only=True):
    """Training tokens of a component, and how often one of its tokens is seen on average."""

    component: Component
    target_before: int
    target_after: int
    epochs_before: float
    epochs_after: float


class MixtureChange(msgspec.Struct, frozen=True, kw_only=True):
    """A mixture that would be written, rewritten or removed.

    `components` names all of them; where none has another target, what changes is inside them.
    """

    path: str
    change: str  # write, rewrite, remove
    components: tuple[ComponentChange, ...]


def mixture_changes(out: str, wanted: Mapping[str, Mixture]) -> tuple[MixtureChange, ...]:
    """Return what becomes of the mixtures of a build directory if it is to have the wanted ones."""
    before = _published(out)
    changes = []
    for name in sorted(before.keys() | wanted.keys()):
        old, new = before.get(name), wanted.get(name)
        if old != new:
            change = "write" if old is None else "remove" if new is None else "rewrite"
            components = tuple(_components(old, new))
            changes.append(MixtureChange(path=name, change=change, components=components))
    return tuple(changes)


def _published(out: str) -> dict[str, Mixture]:
    found = {}
    for name in published_mixtures(out):
        with suppress(GristmillError):  # a build writes a damaged one anew
            found[name] = read_mixture(join(out, name))
    return found


def _components(old: Mixture | None, new: Mixture | None) -> list[ComponentChange]:
    was, now = ({c.name: c for c in mix.components} if mix else {} for mix in (old, new))
    return [
        ComponentChange(
            component=name,
            target_before=was[name].target_tokens if name in was else 0,
            target_after=now[name].target_tokens if name in now else 0,
            epochs_before=was[name].epochs if name in was else 0.0,
            epochs_after=now[name].epochs if name in now else 0.0,
        )
        for name in COMPONENTS
        if name in was or name in now
    ]
