"""Sizes of a mesh multiply to the number of ranks that were launched."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch.distributed as dist

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.parallel.mesh import Mesh


def test_a_rank_alone_needs_no_process_group() -> None:
    with Mesh() as mesh:
        mesh.barrier()
        assert (mesh.data, mesh.rank, mesh.world_size) == (1, 0, 1)
        assert not dist.is_initialized()


def test_a_rank_alone_makes_a_group_when_asked_and_leaves_it() -> None:
    with Mesh() as mesh:
        assert mesh.dense.size() == 1
        assert dist.is_initialized()
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("launched", "sizes", "what"),
    [
        (6, {"pipeline": 4}, "takes a multiple of 4 ranks, and 6 were launched"),
        (2, {"pipeline": 2, "context": 2}, "takes a multiple of 4 ranks, and 2 were launched"),
        (8, {"data": 2, "pipeline": 2}, "takes 4 ranks, and 8 were launched"),
        (6, {"expert": 4}, "experts in 4 parts do not spread over 6 ranks"),
    ],
)
def test_sizes_that_do_not_fit_the_launch_are_an_error(
    launched: int, sizes: dict[str, int], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(launched))
    with pytest.raises(GristmillError, match=what):
        Mesh(**sizes)


TWICE = """
import torch
from gristmill.trainer.parallel.mesh import Mesh
torch.set_num_threads(1)
for _ in range(2):
    with Mesh(data=2) as mesh:
        assert mesh.union([mesh.rank]) == [0, 1]
        assert mesh.any(is_true=mesh.rank == 1)
"""


def test_a_launch_makes_one_mesh_after_another(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(TWICE)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command = [*launch, "--standalone", str(tmp_path / "twice.py")]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
