"""Runs a graph of tasks: skips what is done, runs what changed, quarantines what fails.

The only module that imports ray, and only once a task has to run: a build with nothing to do
never starts it. Tasks take paths and digests and write their own artifacts; no table goes
through the driver. Key, and so the bytes, are the same on every executor.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import configured, join, write_bytes
from .artifact import InputFile, Manifest, artifact_url
from .executors import Executor, LocalExecutor
from .stage import Failure, Stage, Task, run_task
from .store import Store

MAX_ATTEMPTS = 3
TASK_MEMORY_BYTES = 1 << 30  # what a task may use: bounded by the shard size of the recipe

NodeId = tuple[str, str]  # stage name, shard


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A stage on a shard whose inputs are the artifacts of other nodes."""

    stage: Stage
    shard: str
    needs: tuple[NodeId, ...]
    inputs: Callable[[Mapping[NodeId, Manifest]], Mapping[str, Sequence[InputFile]]]
    hints: Callable[[Mapping[NodeId, Manifest]], Mapping[str, Sequence[InputFile]]] | None = None

    @property
    def id(self) -> NodeId:
        """The stage's name and the shard."""
        return (self.stage.name, self.shard)

    def task(self, store: Store, done: Mapping[NodeId, Manifest]) -> Task:
        """Return the node's task, once the nodes that it needs are done."""
        hints = self.hints(done) if self.hints is not None else {}
        return Task(
            stage=self.stage,
            shard=self.shard,
            folder=store.folder(self.stage.name, self.shard),
            inputs={role: tuple(files) for role, files in self.inputs(done).items()},
            hints={role: tuple(files) for role, files in hints.items()},
            storage=configured(),
        )


class Observer(Protocol):
    """Is told what the engine does; progress bars and plans are observers."""

    def begin(self, num_nodes: int) -> None:
        """So many nodes have joined the graph."""

    def start(self, task: Task, key: str) -> None:
        """A task has been handed to a worker."""

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """A node is done: it ran, or its artifact was there."""

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """A task failed."""


class RayExecutor:
    """Ray core tasks with a path in and a path out, on this machine or on a cluster.

    Core tasks moved 565 MB/s where Ray Data moved 105 to 134 (measured on MinHash of 559 MB).
    """

    def __init__(self, *, workers: int | None, address: str | None) -> None:
        self._workers = workers
        self._address = address
        self._running: dict[object, Task] = {}
        self._started = False

    def _start(self) -> None:
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a build calls nobody
        is_local = self._address is None
        try:
            ray.init(
                address=self._address or "local",  # never a cluster that happens to run here
                num_cpus=self._num_workers() if is_local else None,
                include_dashboard=False if is_local else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except ConnectionError as error:
            raise GristmillError(
                f"no ray cluster answers: {error}",
                where=f"--ray {self._address}",
                todo="Check the address, and that this machine has the cluster's auth token.",
            ) from None
        resources = _cluster_resources()
        # A small machine has less for each core; asking for more would wait for ever.
        share = int(resources.get("memory", TASK_MEMORY_BYTES) / resources.get("CPU", 1))
        self._remote = ray.remote(
            num_cpus=1, max_retries=MAX_ATTEMPTS - 1, memory=min(TASK_MEMORY_BYTES, share)
        )(run_task)
        self._started = True

    def _num_workers(self) -> int:
        return self._workers or len(os.sched_getaffinity(0))

    def submit(self, task: Task, key: str) -> None:
        """Send a task; the first one starts ray."""
        if not self._started:
            self._start()
        self._running[self._remote.remote(task, key)] = task

    def wait(self) -> tuple[Task, Manifest | Failure]:
        """Return the first task to finish; a lost worker is a failure of its task."""
        import ray

        (reference,), _ = ray.wait(list(self._running), num_returns=1)
        task = self._running.pop(reference)
        try:
            return task, ray.get(reference)
        except ray.exceptions.RayError as error:
            message = f"the worker was lost: {type(error).__name__}"
            return task, Failure(
                stage=task.stage.name,
                shard=task.shard,
                message=message,
                detail=str(error),
                is_final=False,
            )

    def slots(self) -> int:
        """Keep two tasks a core under way, so that no core waits for the driver."""
        if not self._started:
            return 1
        return int(2 * _cluster_resources().get("CPU", 1)) - len(self._running)

    def close(self) -> None:
        """Disconnect; a local cluster stops with it."""
        if self._started:
            import ray

            ray.shutdown()


def _cluster_resources() -> dict[str, float]:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def make_executor(*, workers: int | None, address: str | None) -> Executor:
    """Return a plain loop for 0 workers, else Ray on this machine or at an address."""
    if workers == 0:
        return LocalExecutor()
    return RayExecutor(workers=workers, address=address)


def by_stage(done: Mapping[NodeId, Manifest]) -> dict[str, dict[str, Manifest]]:
    """Return the manifests as stage -> shard -> manifest."""
    stages: dict[str, dict[str, Manifest]] = {"pack": {}, "ledger": {}}
    for (stage, shard), manifest in done.items():
        stages.setdefault(stage, {})[shard] = manifest
    return stages


class Outcome(msgspec.Struct, kw_only=True):
    """What a run of the graph came to."""

    done: dict[NodeId, Manifest] = {}
    failed: dict[NodeId, Failure] = {}
    blocked: set[NodeId] = set()  # not run because an input failed or was not allowed to run
    pending: dict[NodeId, Task] = {}  # would have to run, but were not allowed to
    ran: set[NodeId] = set()
    cached: set[NodeId] = set()  # done before


class Engine:
    """Runs nodes in the order in which their inputs become ready."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        observer: Observer,
        *,
        may_run: Callable[[Stage], bool] = lambda stage: True,
    ) -> None:
        self.store = store
        self.outcome = Outcome()
        self._executor = executor
        self._observer = observer
        self._may_run = may_run
        self._attempts: dict[NodeId, int] = {}
        self._temporary: set[NodeId] = set()

    def run_phases(self, phases: Iterable[list[Node]]) -> Outcome:
        """Run phases one after the other; then remove what was only needed on the way."""
        for nodes in phases:
            self.run(nodes)
        outcome = self.outcome
        if not outcome.failed and not outcome.pending:
            for node in [node for node in outcome.done if node in self._temporary]:
                self.store.discard(outcome.done.pop(node))
                outcome.ran.discard(node)
        return outcome

    def run(self, nodes: Iterable[Node]) -> Outcome:
        """Run nodes, which may need nodes of earlier calls; return the outcome of all calls."""
        todo = {node.id: node for node in nodes}
        self._temporary |= {node.id for node in todo.values() if node.stage.is_temporary}
        self._observer.begin(len(todo))
        users, missing = self._edges(todo)
        ready = deque(node for node in todo.values() if not missing[node.id])
        under_way: dict[NodeId, Node] = {}
        while ready or under_way:
            while ready and self._executor.slots() > 0:
                node = ready.popleft()
                if self._begin(node):
                    under_way[node.id] = node
                else:
                    self._settle(node, todo, users, missing, ready)
            if under_way:
                settled = self._collect(under_way, ready)
                if settled is not None:
                    self._settle(settled, todo, users, missing, ready)
        return self.outcome

    def _edges(
        self, todo: Mapping[NodeId, Node]
    ) -> tuple[dict[NodeId, list[NodeId]], dict[NodeId, int]]:
        """Return who uses each node, and how many inputs each node still waits for."""
        users: dict[NodeId, list[NodeId]] = {}
        missing: dict[NodeId, int] = {}
        for node in todo.values():
            waits = [need for need in node.needs if need in todo]
            missing[node.id] = len(waits)
            for need in waits:
                users.setdefault(need, []).append(node.id)
        return users, missing

    def _begin(self, node: Node) -> bool:
        """Start a node's task; return False if there is nothing to wait for."""
        outcome = self.outcome
        if any(need not in outcome.done for need in node.needs):
            outcome.blocked.add(node.id)
            return False
        task = node.task(self.store, self.outcome.done)
        key = task.key
        manifest = self.store.find(task, key)
        if manifest is not None:
            outcome.done[node.id] = manifest
            outcome.cached.add(node.id)
            self._observer.finish(node, manifest, is_cached=True)
            return False
        if not self._may_run(node.stage):
            outcome.pending[node.id] = task
            return False
        self._observer.start(task, key)
        self._executor.submit(task, key)
        return True

    def _collect(self, under_way: dict[NodeId, Node], ready: deque[Node]) -> Node | None:
        """Wait for one task; return its node once it is settled for good."""
        task, result = self._executor.wait()
        node = under_way.pop((task.stage.name, task.shard))
        if isinstance(result, Manifest):
            self.store.trust(artifact_url(task.folder, result.key), result.digest)
            self.outcome.done[node.id] = result
            self.outcome.ran.add(node.id)
            self._observer.finish(node, result, is_cached=False)
            return node
        attempts = self._attempts[node.id] = self._attempts.get(node.id, 0) + 1
        attempts_left = 0 if result.is_final else MAX_ATTEMPTS - attempts
        self._observer.fail(node, result, attempts_left=attempts_left)
        if attempts_left > 0:
            ready.append(node)
            return None
        self.outcome.failed[node.id] = result
        self._quarantine(result)
        return node

    def _quarantine(self, failure: Failure) -> None:
        """Leave the reason where the next person looks for it."""
        folder = join(self.store.work, "quarantine")
        name = f"{failure.stage}.{failure.shard}.json"
        write_bytes(join(folder, name), msgspec.json.format(msgspec.json.encode(failure)))

    def _settle(
        self,
        node: Node,
        todo: Mapping[NodeId, Node],
        users: Mapping[NodeId, list[NodeId]],
        missing: dict[NodeId, int],
        ready: deque[Node],
    ) -> None:
        """Tell the users of a node that it will not change any more."""
        for user in users.get(node.id, ()):
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(todo[user])
