"""What a loop asks of an engine: to run nodes, and for the artifacts and counts that they left."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from ..artifact import InputFile, Manifest
from ..engine import Engine, Node, NodeId


class TasksFailedError(Exception):
    """Tasks of an engine failed, so nothing that needs them is made."""


class Work:
    """Runs the nodes of a loop; tables are read one by one and not kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def done(self) -> Mapping[NodeId, Manifest]:
        """Return the manifests of all nodes that are done."""
        return self._engine.outcome.done

    def run(self, nodes: Iterable[Node]) -> None:
        """Run nodes.

        Raises:
            TasksFailedError: a task failed for good.
        """
        if self._engine.run(nodes).failed:
            raise TasksFailedError

    def run_phases(self, phases: Iterable[list[Node]]) -> None:
        """Run phases of nodes, each before the next is asked for.

        Raises:
            TasksFailedError: a task failed for good.
        """
        if self._engine.run_phases(phases).failed:
            raise TasksFailedError

    def files(self, nodes: Iterable[NodeId], slice_name: str | None = None) -> list[InputFile]:
        """Return the artifacts of nodes, or one slice of each that has it."""
        store, done = self._engine.store, self.done
        return [
            store.input(done[node], slice_name=slice_name)
            for node in nodes
            if slice_name is None or slice_name in done[node].slices
        ]

    def tables(
        self,
        nodes: Iterable[NodeId],
        slice_name: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.Table]:
        """Yield what `files` names, one table a file."""
        return (file.read(columns) for file in self.files(nodes, slice_name))

    def counts(self, nodes: Iterable[NodeId], what: str) -> Counter[str]:
        """Return the sums of a table of counts."""
        total: Counter[str] = Counter()
        for node in nodes:
            total.update(self.done[node].counts.get(what, {}))
        return total

    def discard(self, nodes: Iterable[NodeId]) -> None:
        """Remove the artifacts of nodes whose result stands elsewhere."""
        outcome = self._engine.outcome
        for node in nodes:
            manifest = outcome.done.pop(node, None)
            if manifest is not None:
                self._engine.store.discard(manifest)
            outcome.ran.discard(node)
            outcome.cached.discard(node)
