"""A build on S3 gives the batches of a local one, read in the same thread."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
import torch

from gristmill.corpus import storage
from gristmill.trainer.data.batches import Batches
from gristmill.trainer.data.stage_data import open_stages
from gristmill.trainer.recipe import TrainRecipe
from gristmill.trainer.recipe_file import load_recipe

RECIPE = """
build = "{build}"
out = "run"
shape = "tiny"

[[stage]]
name = "only"
sequence_length = 128
batch_sequences = 4
steps = 6

[schedule]
warmup_steps = 1

[storage.s3]
key = "key"
secret = "secret"
endpoint_url = "{endpoint}"
"""


@pytest.fixture(scope="module")
def endpoint(small_build: Path, s3_endpoint: str) -> Iterator[str]:
    """An S3 server with the small build."""
    before = storage.configured().get("s3", {})
    options = {"key": "key", "secret": "secret", "endpoint_url": s3_endpoint}
    bucket = fsspec.filesystem("s3", use_listings_cache=False, **options)
    bucket.mkdir("builds")
    bucket.put(str(small_build / "tokens"), "builds/small/tokens", recursive=True)
    bucket.put_file(str(small_build / "mixture.json"), "builds/small/mixture.json")
    yield s3_endpoint
    storage.configure("s3", before)


def tokens(recipe: TrainRecipe) -> torch.Tensor:
    with Batches(recipe, open_stages(recipe), rank=0, num_ranks=1).ahead(0) as steps:
        return torch.cat([batch.tokens_BT for batch in steps])


@pytest.fixture
def read(tmp_path: Path, endpoint: str) -> Callable[[str], torch.Tensor]:
    """The function that reads all tokens of a run over a build."""
    path = tmp_path / "recipe.toml"

    def read_build(build: str) -> torch.Tensor:
        path.write_text(RECIPE.format(build=build, endpoint=endpoint))
        return tokens(load_recipe(str(path)))

    return read_build


def test_shards_on_s3_give_the_batches_of_local_ones(
    small_build: Path, read: Callable[[str], torch.Tensor]
) -> None:
    remote = read("s3://builds/small")
    assert remote.shape == (24, 128)
    assert torch.equal(remote, read(str(small_build)))
