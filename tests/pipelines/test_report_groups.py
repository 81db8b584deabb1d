"""The report's table of groups: there where a component has several, with their limits."""

from gristmill.corpus.mixture import Mixture, MixtureShard, make_mixture
from gristmill.corpus.rates import LanguageBalance, RateSettings
from gristmill.corpus.record import Component
from gristmill.pipelines.report_groups import group_parts


def mixture(rates: RateSettings, total_tokens: int = 1000) -> Mixture:
    def shard(language: str, tokens: int) -> MixtureShard:
        return MixtureShard(
            path=language, digest="", language=language, documents=1, block_tokens=(tokens,)
        )

    shards: dict[Component, list[MixtureShard]] = {
        "code": [shard("C", 600), shard("Ada", 100)],
        "math": [shard("en", 100)],
        "text": [shard("de", 900)],
    }
    return make_mixture(shards, tokenizer="t", total_tokens=total_tokens, rates=rates)


def test_a_plain_mixture_needs_no_table_of_groups() -> None:
    assert group_parts(mixture(RateSettings())) == ()


def test_a_group_is_shown_with_the_limit_it_is_at() -> None:
    balance = LanguageBalance(weights={"Ada": 9.0}, max_epochs=3)
    (table,) = group_parts(mixture(RateSettings(balance={"code": balance})))
    assert "code:Ada" in table
    assert "<td>300</td><td>3.00</td><td>most epochs</td>" in table


def test_tokens_that_a_ceiling_moved_are_told_of() -> None:
    rates = RateSettings(max_epochs=0.5, when_over="share_out")
    (told,) = group_parts(mixture(rates, 800))
    # code: 480 asked, half of 700 given; math: half of 100; text has the rest.
    assert "code (60.0% asked, 43.8% given)" in told
