"""A change of the corpus judged by a model: the same training on each build, the same measure.

All runs share shape, seed, number of tokens and order of steps, and are measured on the same
documents, which none of them was trained on. The first build is what the others are compared with.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.held_out import read_held_out, read_manifest
from ..recipe import TrainRecipe
from .ablation_recipe import ALL, AblationRecipe
from .scores import Evaluation


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: documents that the build at `path` holds out, of those in `only` if any."""

    path: str
    only: frozenset[bytes] | None = None


# Trains to the end, then measures; returns None where a signal stopped it.
Train = Callable[[TrainRecipe, Examples], Evaluation | None]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One trained model and its scores."""

    build: str
    seed: int
    evaluation: Evaluation


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One score of one build beside the first build's, each a mean over seeds.

    `noise` is what chance alone makes of a difference: its standard error, from how much seeds
    differ within each build; None with one seed. A difference below twice as much says nothing.
    """

    build: str
    score: str  # bits/byte, or exact match
    component: str
    language: str
    first: float
    other: float
    noise: float | None

    @property
    def difference(self) -> float:
        """The other's less the first's: below 0 is better in bits, above 0 in exact matches."""
        return self.other - self.first


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """What an ablation came to."""

    num_tokens: int  # that each run was trained on
    runs: tuple[Run, ...]
    differences: tuple[Difference, ...]

    def table(self) -> str:
        """Return lines for people."""
        first = self.runs[0].build
        lines = list[str]()
        for build in dict.fromkeys(row.build for row in self.differences):
            lines.append(f"{build} against {first}, {self.num_tokens:,} tokens each")
            header = ("score", "component", "language", first, build, "difference", "noise")
            lines.append(_line(header))
            lines += [_cells(row) for row in self.differences if row.build == build]
            lines.append("")
        return "\n".join(lines)


def run_ablation(
    recipe: AblationRecipe, shared: TrainRecipe, train: Train, *, note: Callable[[str], None]
) -> Ablation | None:
    """Train and measure every run, one after another, and compare; `note` says which is next.

    Returns None where a signal stopped a run; the same call goes on with it.
    """
    examples = choose_examples(recipe)
    runs = list[Run]()
    plan = recipe.runs(shared)
    for i, (build, one) in enumerate(plan, 1):
        note(f"run {i} of {len(plan)}: {build.name}, seed {one.seed}")
        found = train(one, examples)
        if found is None:
            return None
        runs.append(Run(build=build.name, seed=one.seed, evaluation=found))
    return Ablation(
        num_tokens=sum(stage.num_steps * stage.step_tokens for stage in shared.stage),
        runs=tuple(runs),
        differences=tuple(compare(runs)),
    )


def choose_examples(recipe: AblationRecipe) -> Examples:
    """Return the documents that all runs are measured on."""
    paths = {build.name: build.path for build in recipe.build}
    manifests = {path: read_manifest(path) for path in paths.values()}
    first = recipe.build[0].path
    for path, manifest in manifests.items():
        if manifest.tokenizer != manifests[first].tokenizer:
            raise GristmillError(
                f"it is written with {manifest.tokenizer_name}, and {first} with "
                f"{manifests[first].tokenizer_name}",
                where=path,
                todo="Compare builds with one tokenizer: a model reads the ids of one alone.",
            )
    if recipe.held_out != ALL:
        return Examples(path=paths[recipe.held_out])
    shared = frozenset.intersection(*(frozenset(_ids(path)) for path in manifests))
    if not shared:
        raise GristmillError(
            "no document is held out by all of the builds",
            where=", ".join(manifests),
            todo="Give both recipes of the builds one seed and one held_out.fraction.",
        )
    return Examples(path=first, only=shared)


def compare(runs: Sequence[Run]) -> list[Difference]:
    """Return each score of each build but the first; all runs were measured on the same."""
    by_build: dict[str, list[Mapping[_Key, float]]] = {}
    for run in runs:
        by_build.setdefault(run.build, []).append(_scores(run.evaluation))
    (_, first), *others = by_build.items()
    return [
        Difference(
            build=build,
            score=key[0],
            component=key[1],
            language=key[2],
            first=statistics.fmean(scores[key] for scores in first),
            other=statistics.fmean(scores[key] for scores in other),
            noise=_noise([scores[key] for scores in first], [scores[key] for scores in other]),
        )
        for build, other in others
        for key in first[0]
    ]


_Key = tuple[str, str, str]  # score, component, language


def _scores(evaluation: Evaluation) -> dict[_Key, float]:
    bits = (*evaluation.languages, *evaluation.totals())
    return {
        **{("bits/byte", score.component, score.language): score.bits_per_byte for score in bits},
        **{("exact match", "code", line.language): line.exact_match for line in evaluation.fim},
    }


def _noise(first: list[float], other: list[float]) -> float | None:
    if len(first) < 2:
        return None
    spread = statistics.variance(first) / len(first) + statistics.variance(other) / len(other)
    return float(spread**0.5)


def _ids(path: str) -> list[bytes]:
    return [document.doc_id for document in read_held_out(path)]


def _cells(row: Difference) -> str:
    noise = "-" if row.noise is None else f"{row.noise:.4f}"
    numbers = f"{row.first:.4f}", f"{row.other:.4f}", f"{row.difference:+.4f}", noise
    return _line((row.score, row.component, row.language, *numbers))


def _line(cells: tuple[str, str, str, str, str, str, str]) -> str:
    score, component, language, *numbers = cells
    named = f"{score:<12} {component:<10} {language:<20}"
    return (named + "".join(f"{cell[:12]:>13}" for cell in numbers)).rstrip()
