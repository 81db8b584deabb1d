"""Going on: what was read must be read again, and what changed since is said in words."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import Mixture
from gristmill.trainer.data.data_state import DataState, check_data, data_state, keep_manifests
from gristmill.trainer.data.stage_data import open_stages
from gristmill.trainer.recipe import DataSettings, StageSettings, TrainRecipe

MakeRecipe = Callable[..., TrainRecipe]
ChangeMixture = Callable[[Callable[[Mixture], Mixture]], None]
STAGES = [
    StageSettings(name="a", sequence_length=64, batch_sequences=4, steps=10),
    StageSettings(name="b", sequence_length=128, batch_sequences=4, steps=10),
]


def saved(recipe: TrainRecipe, step: int) -> DataState:
    """Return the state of a run, as a checkpoint would give it back."""
    stages = open_stages(recipe)
    keep_manifests(recipe, stages)
    state = data_state(recipe, stages, step=step)
    return msgspec.json.decode(msgspec.json.encode(state), type=DataState)


def resume(state: DataState, recipe: TrainRecipe) -> None:
    check_data(state, recipe, open_stages(recipe))


def staged(make_recipe: MakeRecipe, number: int, **changes: object) -> TrainRecipe:
    stages = list(STAGES)
    stages[number] = msgspec.structs.replace(stages[number], **changes)
    return make_recipe(stage=stages)


def test_an_unchanged_recipe_and_build_go_on(make_recipe: MakeRecipe) -> None:
    for step in (0, 5, 10, 20):
        resume(saved(make_recipe(stage=STAGES), step), make_recipe(stage=STAGES))


def without_a_shard(mixture: Mixture) -> Mixture:
    code, text = mixture.components
    shards = tuple(s for s in code.shards if s.language != "Haskell")
    changed = msgspec.structs.replace(text.shards[0], digest="00")
    return msgspec.structs.replace(
        mixture,
        components=(
            msgspec.structs.replace(code, shards=shards),
            msgspec.structs.replace(text, shards=(changed, *text.shards[1:])),
        ),
    )


def test_a_changed_build_is_refused_and_its_changes_are_named(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    recipe = make_recipe(build=str(copied_build))
    state = saved(recipe, 5)
    change_mixture(without_a_shard)
    with pytest.raises(GristmillError, match="changed since the run's last checkpoint") as caught:
        resume(state, recipe)
    assert "shards of code were removed (tokens/code/Haskell/part" in caught.value.what
    assert "1 shards of text were changed (tokens/text/en/part" in caught.value.what
    assert Path(caught.value.todo.split("manifest is ")[1].split(",")[0]).exists()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tokenizer": "ab" * 32, "tokenizer_name": "new"}, "was deepseek-v2 (41f3bf64213d) and "
         "is new (abababababab)"),
        ({"seed": 99}, "seed was 7 and is 99"),
        ({"total_tokens": 5}, "total_tokens was 1000000 and is 5"),
        ({"components": ()}, "component code is gone; component text is gone"),
    ],
)  # fmt: skip
def test_what_changed_is_said(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe,
    changes: dict[str, object], what: str,
) -> None:  # fmt: skip
    recipe = make_recipe(build=str(copied_build))
    state, (stage,) = saved(recipe, 5), open_stages(recipe)
    changed = stage._replace(mixture=msgspec.structs.replace(stage.mixture, **changes))
    with pytest.raises(GristmillError) as caught:
        check_data(state, recipe, [changed])
    assert what in caught.value.what


def test_a_finished_stage_does_not_need_its_build(
    copied_build: Path, change_mixture: ChangeMixture, make_recipe: MakeRecipe
) -> None:
    recipe = staged(make_recipe, 0, build=str(copied_build))
    late, early = saved(recipe, 10), saved(recipe, 9)
    change_mixture(without_a_shard)
    resume(late, recipe)
    with pytest.raises(GristmillError, match="the build has changed"):
        resume(early, recipe)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"batch_sequences": 8}, "begun with batch_sequences 4, and the recipe has 8 now"),
        ({"sequence_length": 32}, "begun with sequence_length 64, and the recipe has 32"),
        ({"packing": "best_fit"}, "begun with packing greedy, and the recipe has best_fit"),
        ({"name": "z"}, "begun with name a, and the recipe has z"),
    ],
)
def test_a_stage_under_way_keeps_its_samples(
    make_recipe: MakeRecipe, changes: dict[str, object], what: str
) -> None:
    state = saved(make_recipe(stage=STAGES), 5)
    with pytest.raises(GristmillError, match=what):
        resume(state, staged(make_recipe, 0, **changes))


def test_another_seed_or_shuffle_is_refused(make_recipe: MakeRecipe) -> None:
    state = saved(make_recipe(stage=STAGES), 5)
    with pytest.raises(GristmillError, match="packing_seed 0, and the recipe has 3"):
        resume(state, make_recipe(stage=STAGES, seed=3))
    with pytest.raises(GristmillError, match="shuffle_blocks 64, and the recipe has 2"):
        resume(state, make_recipe(stage=STAGES, data=DataSettings(shuffle_blocks=2)))


def test_a_stage_under_way_may_become_longer_and_a_finished_one_not(
    make_recipe: MakeRecipe,
) -> None:
    longer = staged(make_recipe, 0, steps=15)
    resume(saved(make_recipe(stage=STAGES), 5), longer)
    with pytest.raises(GristmillError, match="num_steps 10, and the recipe has 15"):
        resume(saved(make_recipe(stage=STAGES), 12), longer)


def test_a_stage_to_come_may_be_changed_or_dropped_but_not_one_that_was_begun(
    make_recipe: MakeRecipe,
) -> None:
    resume(saved(make_recipe(stage=STAGES), 9), staged(make_recipe, 1, batch_sequences=2))
    resume(saved(make_recipe(stage=STAGES), 9), make_recipe(stage=STAGES[:1]))
    with pytest.raises(GristmillError, match="stage `b` was begun, and the recipe has it no more"):
        resume(saved(make_recipe(stage=STAGES), 11), make_recipe(stage=STAGES[:1]))
