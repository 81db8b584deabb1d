"""Groups: the tokens of a component that are seen equally often, and how often that is.

Component, part, language and length of a document each have a weight and may have a limit; what a
limit cuts off is shared out one level up, exactly, in fractions. Tokens that come to one rate are
one group, so a plain mixture has one group a component, whatever its number of languages.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec

from .budgets import apportion, exact, fill
from .errors import GristmillError
from .rates import LanguageBalance, RateSettings
from .record import Component

Rows = Literal["all", "short", "long"]
Bound = Literal["", "max_share", "max_epochs"]


class Holding(NamedTuple):
    """Tokens that one set of weights applies to."""

    component: Component
    part: str
    language: str
    rows: Rows
    tokens: int


class MixtureGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens of a component that are seen equally often.

    Its tokens are those of the shards of its part in its languages; `rows` says which rows of them.
    `bound` names the limit that its rate is at.
    """

    name: str
    part: str
    rows: Rows
    languages: tuple[str, ...]
    tokens: int
    target_tokens: int
    epochs: float
    bound: Bound = ""


class _Share(NamedTuple):
    holding: Holding
    target: Fraction
    bound: Bound

    @property
    def rate(self) -> Fraction:
        return self.target / self.holding.tokens


def component_limit(
    component: Component, holdings: Sequence[Holding], rates: RateSettings
) -> Fraction | None:
    """Return the most tokens of a component that may be seen; None: there is no ceiling."""
    return _ceiling(rates.ceiling(component), holdings)


def share_groups(
    component: Component, holdings: Sequence[Holding], target: int, rates: RateSettings
) -> tuple[MixtureGroup, ...]:
    """Return the groups of a component, whose targets add up to the component's.

    A part without tokens or without room below its ceilings raises GristmillError.
    """
    parts = _parts(component, holdings, rates)
    limits = [_ceiling(rates.ceiling(component), group) for _, group in parts.values()]
    targets = [weight for weight, _ in parts.values()]
    budgets = fill(targets, limits, Fraction(target))
    if rates.when_over == "error":
        asked = fill(targets, [None] * len(targets), Fraction(target))
        for name, budget, wanted in zip(parts, budgets, asked, strict=True):
            if budget < wanted:
                raise _over(name or component, wanted, budget)
    shares = list[_Share]()
    for (name, (_, group)), budget in zip(parts.items(), budgets, strict=True):
        found = list(_share_part(component, group, budget, rates))
        if sum(share.target for share in found) < budget:
            raise _over(name or component, budget, sum(share.target for share in found))
        shares += found
    return _grouped(component, shares, target)


def _over(name: str, wanted: Fraction, room: Fraction | int) -> GristmillError:
    return GristmillError(
        f"{name} is to give {int(wanted):,} tokens, and its ceilings leave {int(room):,}",
        where="mixture",
        todo="Lower its weight or total_tokens, raise max_epochs or max_share, add documents, or "
        'set when_over = "share_out".',
    )


def _ceiling(epochs: float | None, holdings: Iterable[Holding]) -> Fraction | None:
    return None if epochs is None else exact(epochs) * sum(h.tokens for h in holdings)


def _parts(
    component: Component, holdings: Sequence[Holding], rates: RateSettings
) -> dict[str, tuple[Fraction, list[Holding]]]:
    """Return the weight and the tokens of each part, in the order of the settings."""
    by_name: dict[str, list[Holding]] = {}
    for holding in holdings:
        by_name.setdefault(holding.part, []).append(holding)
    asked = [part for part in rates.part if part.component == component]
    if not asked:
        return {"": (Fraction(1), list(holdings))}
    if "" in by_name:
        rest = sum(holding.tokens for holding in by_name[""])
        raise GristmillError(
            f"{rest:,} tokens of {component} are in no part "
            f"({', '.join(sorted({h.language for h in by_name['']})[:5])})",
            where="mixture.part",
            todo="Name their source or language in the `of` of a part.",
        )
    found = {}
    for part in asked:
        group = by_name.get(part.name, [])
        if not group and part.weight != 0:
            raise GristmillError(
                f"the part {part.name} of {component} has no tokens",
                where="mixture.part",
                todo="Correct its `of`, or take the part away.",
            )
        natural = Fraction(sum(holding.tokens for holding in group))
        found[part.name] = (natural if part.weight is None else exact(part.weight), group)
    return found


def _share_part(
    component: Component, holdings: Sequence[Holding], budget: Fraction, rates: RateSettings
) -> Iterable[_Share]:
    """Yield what each holding of a part gives; less than the budget where the limits say so."""
    balance = rates.balance.get(component, LanguageBalance())
    ceiling = rates.ceiling(component)
    most = None if balance.max_share is None else exact(balance.max_share) * budget
    languages: dict[str, list[Holding]] = {}
    for holding in holdings:
        languages.setdefault(holding.language, []).append(holding)
    weights = {holding: _weight(holding, balance, rates) for holding in holdings}
    wholes = [sum((weights[h] for h in group), Fraction(0)) for group in languages.values()]
    rooms = [_ceiling(ceiling, (h for h in g if weights[h])) for g in languages.values()]
    limits = [min((x for x in (most, r) if x is not None), default=None) for r in rooms]
    for group, target in zip(languages.values(), fill(wholes, limits, budget), strict=True):
        room = [_ceiling(ceiling, [holding]) for holding in group]
        targets = fill([weights[holding] for holding in group], room, target)
        for holding, share, limit in zip(group, targets, room, strict=True):
            bound: Bound = "max_share" if target == most else ""
            yield _Share(holding, share, "max_epochs" if share == limit else bound)


def _weight(holding: Holding, balance: LanguageBalance, rates: RateSettings) -> Fraction:
    weight = exact(balance.weights.get(holding.language, 1.0)) * holding.tokens
    return weight * exact(rates.long.weight) if holding.rows == "long" else weight


def _grouped(
    component: Component, shares: Iterable[_Share], target: int
) -> tuple[MixtureGroup, ...]:
    alike: dict[tuple[str, Rows, Fraction, Bound], list[_Share]] = {}
    for share in shares:
        key = (share.holding.part, share.holding.rows, share.rate, share.bound)
        alike.setdefault(key, []).append(share)
    targets = apportion([sum(s.target for s in group) for group in alike.values()], target)
    names = _names(component, alike)
    found = []
    for (part, rows, _, bound), count in zip(alike, targets, strict=True):
        group = alike[part, rows, _, bound]
        tokens = sum(share.holding.tokens for share in group)
        found.append(
            MixtureGroup(
                name=names[part, rows, _, bound],
                part=part,
                rows=rows,
                languages=tuple(sorted(share.holding.language for share in group)),
                tokens=tokens,
                target_tokens=count,
                epochs=count / tokens,
                bound=bound,
            )
        )
    return tuple(sorted(found, key=lambda group: group.name))


def _names(
    component: Component, alike: Mapping[tuple[str, Rows, Fraction, Bound], list[_Share]]
) -> dict[tuple[str, Rows, Fraction, Bound], str]:
    """Name the largest group after part and rows, the others after their first language too."""
    names: dict[tuple[str, Rows, Fraction, Bound], str] = {}
    by_size = sorted(alike, key=lambda key: -sum(s.holding.tokens for s in alike[key]))
    taken = set[str]()
    for key in by_size:
        part, rows, *_ = key
        name = ".".join(filter(None, (component, part, "" if rows == "all" else rows)))
        if name in taken:
            name += ":" + min(share.holding.language for share in alike[key])
        taken.add(name)
        names[key] = name
    return names
