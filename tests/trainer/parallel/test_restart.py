"""Ranks that torchrun starts again meet each other, and not those that died."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

CODE = """
import os, torch
from gristmill.trainer.parallel.mesh import Mesh
print(Mesh().sum(torch.ones(1)).item(), flush=True)
os._exit(1)  # without leaving the group, as a rank that is killed
"""


def start(rank: int, store: TCPStore, attempt: int) -> subprocess.Popen[str]:
    """Start a rank of two as torchrun does, whose own store outlives them."""
    place = {"RANK": str(rank), "WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
    meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port)}
    environment = os.environ | place | meet | {"TORCHELASTIC_USE_AGENT_STORE": "True"}
    command = [sys.executable, "-c", CODE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_ranks_that_start_again_take_nothing_from_the_store_that_dead_ones_left() -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True, timeout=timedelta(seconds=60))
    num_keys = list[int]()
    for attempt in range(2):
        ranks = [start(rank, store, attempt) for rank in range(2)]
        assert [rank.communicate(timeout=60)[0] for rank in ranks] == ["2.0\n", "2.0\n"]
        num_keys.append(store.num_keys())
    first, both = num_keys
    assert both > 1.8 * first > 0  # some are the store's own
