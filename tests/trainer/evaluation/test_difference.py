"""How far builds differ beyond chance, and how people read it."""

import random
from statistics import fmean

import pytest

from gristmill.trainer.evaluation.ablation import Ablation, Run, compare
from gristmill.trainer.evaluation.ablation_text import ablation_text
from gristmill.trainer.evaluation.difference import noise_of, once_in_20
from gristmill.trainer.evaluation.scores import Evaluation, FimScore, LanguageScore


def scored(build: str, seed: int, bits: float, matches: int) -> Run:
    language = LanguageScore(
        component="code",
        language="C",
        documents=3,
        left_out=0,
        tokens=40,
        num_bytes=100,
        bits=bits,
        first_token_bits=50.0,
    )
    fim = FimScore(language="C", tasks=10, matches=matches)
    found = Evaluation(sequence_length=128, languages=(language,), fim=(fim,))
    return Run(build=build, seed=seed, evaluation=found)


RUNS = (
    *(scored("old", 1, 200.0, 1), scored("new", 1, 180.0, 3)),
    *(scored("old", 2, 210.0, 2), scored("new", 2, 184.0, 3)),
)


def test_differences_are_of_means_over_seeds() -> None:
    bits, total, match = compare(RUNS)
    assert (bits.score, bits.first, bits.other) == ("bits/byte", 2.05, 1.82)
    assert (total.language, total.difference) == ("all", bits.difference)
    assert (match.score, match.other) == ("exact match", 0.3)
    assert match.first == pytest.approx(0.15)


def test_noise_is_the_error_of_a_difference_of_means() -> None:
    bits, _, match = compare(RUNS)
    # Variances of (2.0, 2.1) and (1.8, 1.84) are 0.005 and 0.0008, of two seeds each.
    assert bits.noise == pytest.approx((0.0058 / 2) ** 0.5)
    assert match.noise == pytest.approx(0.05)
    assert [row.noise for row in compare(RUNS[:2])] == [None] * 3


def test_two_seeds_leave_to_chance_what_many_would_tell() -> None:
    bits, _, _ = compare(RUNS)
    assert bits.noise is not None
    assert 4 < -bits.difference / bits.noise < 4.303
    assert bits.verdict == "unclear"
    many = [
        run for i in range(3) for run in (scored("old", i, 200 + i, 1), scored("new", i, 195, 1))
    ]
    assert [row.verdict for row in compare(many)] == ["better", "better", "unclear"]


def test_more_bits_are_worse_and_more_matches_better() -> None:
    runs = [
        run
        for i in range(4)
        for run in (scored("old", i, 200 + i, i), scored("new", i, 250 + i, i + 6))
    ]
    assert [row.verdict for row in compare(runs)] == ["worse", "worse", "better"]


def test_one_seed_and_seeds_that_agree_say_nothing_of_chance() -> None:
    assert {row.verdict for row in compare(RUNS[:2])} == {"unclear"}
    same = [
        run for i in range(2) for run in (scored("old", i, 200.0, 1), scored("new", i, 190.0, 2))
    ]
    assert {row.verdict for row in compare(same)} == {"unclear"}


@pytest.mark.parametrize("num_seeds", [2, 3, 6, 12])
def test_chance_exceeds_the_bound_once_in_twenty_times(num_seeds: int) -> None:
    draw, beyond, num_trials = random.Random(1), 0, 10_000
    for _ in range(num_trials):
        first, other = ([draw.gauss(3.0, 0.1) for _ in range(num_seeds)] for _ in range(2))
        noise = noise_of(first, other)
        assert noise is not None
        beyond += abs(fmean(first) - fmean(other)) > noise * once_in_20(num_seeds)
    assert beyond / num_trials == pytest.approx(0.05, abs=0.008)


def test_the_table_says_what_was_equal_and_how_to_read_it() -> None:
    found = Ablation(num_tokens=12_800, runs=RUNS, differences=tuple(compare(RUNS)))
    lines = ablation_text(found).splitlines()
    assert lines[0] == "new against old: 12,800 tokens each, seeds 1, 2"
    assert lines[2].split() == [
        *("bits/byte", "code", "C", "3", "2.0500", "1.8200", "-0.2300", "0.0539", "unclear")
    ]
    assert lines[4].split()[-6:] == ["10", "0.1500", "0.3000", "+0.1500", "0.0500", "unclear"]
    assert "Fewer bits/byte are better" in lines[6]
    assert "4.3 times the noise" in lines[8]


def test_long_names_of_builds_stay_apart() -> None:
    names = ("demo-stricter-1", "demo-stricter-2")
    runs = [scored(name, 1, 200.0, 1) for name in names]
    found = Ablation(num_tokens=1, runs=tuple(runs), differences=tuple(compare(runs)))
    assert set(names) < set(ablation_text(found).splitlines()[1].split())
