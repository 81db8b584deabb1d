"""Groups of a mixture: parts, languages, long documents and ceilings, by hand-computed shares."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.budgets import fill
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.groups import Holding, MixtureGroup, share_groups
from gristmill.corpus.mixture import MixtureShard, make_mixture
from gristmill.corpus.rates import LanguageBalance, LongDocuments, PartSettings, RateSettings

CODE = [
    Holding("code", "", "Python", "all", 600),
    Holding("code", "", "C", "all", 300),
    Holding("code", "", "Ada", "all", 100),
]


def seen(groups: tuple[MixtureGroup, ...]) -> dict[str, tuple[int, str]]:
    return {group.name: (group.target_tokens, group.bound) for group in groups}


def balanced(**settings: object) -> RateSettings:
    return RateSettings(balance={"code": LanguageBalance(**settings)})  # type: ignore[arg-type]


def test_without_settings_a_component_is_one_group() -> None:
    (group,) = share_groups("code", CODE, 3080, RateSettings())
    assert group.languages == ("Ada", "C", "Python")
    assert (group.tokens, group.target_tokens, group.epochs) == (1000, 3080, 3.08)


def test_a_weight_of_a_language_is_how_often_it_is_seen_against_others() -> None:
    found = share_groups("code", CODE, 1200, balanced(weights={"Ada": 3.0}))
    # 600 + 300 + 3 x 100 = 1200: the others once, Ada three times.
    assert seen(found) == {"code": (900, ""), "code:Ada": (300, "")}


def test_a_language_at_its_share_leaves_the_rest_to_the_others() -> None:
    found = share_groups("code", CODE, 1000, balanced(max_share=0.5))
    # Python has 600 of 1000 and may have 500; the other 400 tokens share 500.
    assert seen(found) == {"code": (500, "max_share"), "code:Ada": (500, "")}
    assert {group.epochs for group in found} == {500 / 600, 500 / 400}


def test_small_languages_stop_at_their_epochs() -> None:
    found = share_groups("code", CODE, 3000, balanced(weights={"Ada": 9.0}, max_epochs=4))
    # Without the ceiling Ada had 900 / 1800 of 3000: 15 epochs; with it 4, the others 2600 / 900.
    assert seen(found) == {"code": (2600, ""), "code:Ada": (400, "max_epochs")}


def test_a_language_of_weight_zero_is_dealt_never() -> None:
    found = share_groups("code", CODE, 900, balanced(weights={"Ada": 0.0}))
    assert seen(found) == {"code": (900, ""), "code:Ada": (0, "")}


PARTS = (
    PartSettings(name="issues", component="code", of=("issues", "github:Markdown"), weight=0.25),
    PartSettings(name="source", component="code", of=("github",), weight=0.75),
)


def test_the_first_part_that_names_a_document_has_it() -> None:
    rates = RateSettings(part=PARTS)
    assert rates.part_of("code", "github", "Markdown") == "issues"
    assert rates.part_of("code", "issues", "en") == "issues"
    assert rates.part_of("code", "github", "Python") == "source"
    assert rates.part_of("text", "github", "Python") == ""
    rest = PartSettings(name="rest", component="code", of=("*",), weight=0.75)
    assert RateSettings(part=(PARTS[0], rest)).part_of("code", "github", "C") == "rest"


def in_parts(issues: int, source: int) -> list[Holding]:
    return [
        Holding("code", "issues", "en", "all", issues),
        Holding("code", "source", "C", "all", source),
    ]


def test_parts_share_a_component_by_their_weights() -> None:
    found = share_groups("code", in_parts(100, 900), 1000, RateSettings(part=PARTS))
    assert seen(found) == {"code.issues": (250, ""), "code.source": (750, "")}


def test_parts_without_weights_share_by_their_tokens() -> None:
    parts = tuple(PartSettings(name=part.name, component="code", of=part.of) for part in PARTS)
    found = share_groups("code", in_parts(100, 900), 2000, RateSettings(part=parts))
    assert seen(found) == {"code.issues": (200, ""), "code.source": (1800, "")}


def test_a_part_above_its_ceiling_is_an_error_or_shared_out() -> None:
    rates = RateSettings(part=PARTS, max_epochs=2)
    with pytest.raises(GristmillError, match=r"issues is to give 250 tokens, .* leave 200"):
        share_groups("code", in_parts(100, 900), 1000, rates)
    rates = RateSettings(part=PARTS, max_epochs=2, when_over="share_out")
    found = share_groups("code", in_parts(100, 900), 1000, rates)
    assert seen(found) == {"code.issues": (200, "max_epochs"), "code.source": (800, "")}


def test_a_document_of_no_part_is_an_error() -> None:
    holdings = [*in_parts(1, 2), Holding("code", "", "Perl", "all", 7)]
    with pytest.raises(GristmillError, match="7 tokens of code are in no part"):
        share_groups("code", holdings, 10, RateSettings(part=PARTS))


def test_a_part_without_tokens_is_an_error() -> None:
    with pytest.raises(GristmillError, match="issues of code has no tokens"):
        share_groups("code", in_parts(1, 2)[1:], 10, RateSettings(part=PARTS))


def test_long_documents_are_seen_so_many_times_as_often() -> None:
    holdings = [
        Holding("code", "", "C", "short", 900),
        Holding("code", "", "C", "long", 100),
    ]
    rates = RateSettings(long=LongDocuments(min_tokens=50, weight=9))
    # 900 + 9 x 100 = 1800: half of what is seen is long.
    found = share_groups("code", holdings, 1000, rates)
    assert seen(found) == {"code.short": (500, ""), "code.long": (500, "")}


@given(
    parts=st.lists(
        st.tuples(st.integers(1, 50), st.none() | st.integers(0, 400)), min_size=1, max_size=6
    ),
    total=st.integers(0, 1000),
)
def test_limits_are_kept_and_all_is_given_while_there_is_room(
    parts: list[tuple[int, int | None]], total: int
) -> None:
    limits = [None if limit is None else Fraction(limit) for _, limit in parts]
    shares = fill([Fraction(weight) for weight, _ in parts], limits, Fraction(total))
    room = None if None in limits else sum(limit or 0 for limit in limits)
    assert sum(shares) == (total if room is None else min(total, room))
    assert all(limit is None or share <= limit for share, limit in zip(shares, limits, strict=True))
    free = {
        share / weight
        for share, limit, (weight, _) in zip(shares, limits, parts, strict=True)
        if share != limit
    }
    assert len(free) <= 1


def shard(component: str, tokens: int) -> MixtureShard:
    return MixtureShard(
        path=component, digest="", language="x", documents=1, block_tokens=(tokens,)
    )


def test_what_one_component_may_not_give_the_others_give() -> None:
    shards = {name: [shard(name, 100)] for name in ("code", "math", "text")}
    rates = RateSettings(when_over="share_out", balance={"code": LanguageBalance(max_epochs=4)})
    mixture = make_mixture(shards, tokenizer="t", total_tokens=1000, rates=rates)  # type: ignore[arg-type]
    # code: 600 asked, 400 given; 600 left for math and text at 1 to 3.
    assert [component.target_tokens for component in mixture.components] == [400, 150, 450]
    assert [component.weight for component in mixture.components] == [0.6, 0.1, 0.3]


def test_ceilings_without_room_for_the_total_are_an_error() -> None:
    rates = RateSettings(when_over="share_out", max_epochs=2)
    with pytest.raises(GristmillError, match="the ceilings leave 600"):
        make_mixture(
            {name: [shard(name, 100)] for name in ("code", "math", "text")},
            tokenizer="t",
            total_tokens=601,
            rates=rates,
        )
