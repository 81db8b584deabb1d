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
from .difference import Difference, noise_of, once_in_20
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


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """What an ablation came to."""

    num_tokens: int  # that each run was trained on
    runs: tuple[Run, ...]
    differences: tuple[Difference, ...]


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
    by_build: dict[str, list[Evaluation]] = {}
    for run in runs:
        by_build.setdefault(run.build, []).append(run.evaluation)
    (_, first), *others = by_build.items()
    documents = _documents(first[0])
    columns = [_scores(evaluation) for evaluation in first]
    return [
        _difference(build, key, columns, [_scores(one) for one in other], documents[key])
        for build, other in others
        for key in columns[0]
    ]


_Key = tuple[str, str, str]  # score, component, language
_Scores = Mapping[_Key, float]


def _difference(
    build: str, key: _Key, first: list[_Scores], other: list[_Scores], documents: int
) -> Difference:
    ours, theirs = [scores[key] for scores in first], [scores[key] for scores in other]
    noise = noise_of(ours, theirs)
    return Difference(
        build=build,
        score=key[0],
        component=key[1],
        language=key[2],
        documents=documents,
        first=statistics.fmean(ours),
        other=statistics.fmean(theirs),
        noise=noise,
        bound=None if noise is None else noise * once_in_20(len(first)),
    )


def _scores(evaluation: Evaluation) -> _Scores:
    bits = (*evaluation.languages, *evaluation.totals())
    return {
        **{("bits/byte", score.component, score.language): score.bits_per_byte for score in bits},
        **{("exact match", "code", line.language): line.exact_match for line in evaluation.fim},
    }


def _documents(evaluation: Evaluation) -> Mapping[_Key, int]:
    """Return how many documents each score is of; a line to fill in is of one."""
    bits = (*evaluation.languages, *evaluation.totals())
    return {
        **{("bits/byte", score.component, score.language): score.documents for score in bits},
        **{("exact match", "code", line.language): line.tasks for line in evaluation.fim},
    }


def _ids(path: str) -> list[bytes]:
    return [document.doc_id for document in read_held_out(path)]
