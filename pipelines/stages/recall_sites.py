"""The hosts of a pool, partition by partition of their registered domains, and those in topic."""

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.domains import (
    DomainSettings,
    in_topic,
    merge_domains,
    suffix_list_digest,
)
from ..output import Output
from ..recall_settings import EvidenceSettings
from ..stage import Inputs, Stage
from .exchange import key_of_number, shard_slice, write_partitions
from .recall_bars import Bar, evident, reach
from .recall_pages import domain_keys, pool_columns, sum_rows, unlabelled

WHOLE: Final = "all"  # the slice that is no shard's

HOST_COUNTS: Final = ("num_pages", "num_collected", "num_tokens", "num_collected_tokens")
HOSTS: Final = pa.schema(
    [
        ("key", pa.uint64()),  # of the registered domain
        ("host", pa.string()),
        *((name, pa.int64()) for name in HOST_COUNTS),
        ("num_unlabelled", pa.int64()),  # pages that are no seeds and no negatives
    ]
)
DOMAINS: Final = pa.schema(
    [
        ("host", pa.string()),
        ("domain", pa.string()),
        *((name, pa.int64()) for name in HOST_COUNTS),
        ("collected_fraction", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("in_topic", pa.bool_()),
    ]
)


class HostStage(Stage, frozen=True, kw_only=True):
    """A stage that sends rows of hosts to the partitions of their registered domains."""

    partitions: int

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes."""
        return {"suffixes": suffix_list_digest()}

    def send(self, counts: pa.Table, output: Output) -> None:
        """Write HOSTS, added up by host; counts that the table lacks are 0."""
        sums = sum_rows([counts], ["host"])
        assert sums is not None
        zeros = np.zeros(sums.num_rows, dtype=np.int64)
        columns = [
            sums[name] if name in sums.column_names else zeros
            for name in HOSTS.names
            if name != "key"
        ]
        table = pa.table([domain_keys(sums["host"]), *columns], schema=HOSTS)
        table = table.sort_by([("key", "ascending"), ("host", "ascending")])
        write_partitions([table], key_of_number("key"), self.partitions, output, HOSTS)


class Hosts(HostStage, frozen=True, kw_only=True):
    """Counts the pages and tokens of each host of a shard."""

    name: ClassVar[str] = "recall_hosts"
    version: ClassVar[int] = 1

    evidence: EvidenceSettings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write HOSTS, one slice a partition; only pages with evidence have tokens, or count."""
        pages, may = pool_columns(inputs, "host", "num_tokens"), evident(inputs, self.evidence)
        counts = {
            "host": pages["host"],
            "num_tokens": np.where(may, pages["num_tokens"].to_numpy(), 0),
            "num_pages": may.astype(np.int64),
            "num_unlabelled": unlabelled(inputs).astype(np.int64),
        }
        self.send(pa.table(counts), output)


class RankedHosts(HostStage, frozen=True, kw_only=True):
    """Counts the pages of each host that the model collects."""

    name: ClassVar[str] = "recall_ranked"
    version: ClassVar[int] = 1

    bar: Bar

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write HOSTS of the hosts that have any, one slice a partition."""
        pages = pool_columns(inputs, "host", "num_tokens")
        pages = pages.filter(pa.array(reach(inputs, self.bar).is_ranked))
        pages = pages.rename_columns(["host", "num_collected_tokens"])
        self.send(
            pages.append_column("num_collected", [np.ones(len(pages), dtype=np.int64)]), output
        )


class Domains(Stage, frozen=True, kw_only=True):
    """Says which hosts of a partition are in topic, to all and to the shards that have them."""

    name: ClassVar[str] = "recall_domains"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    domains: DomainSettings

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes."""
        return {"suffixes": suffix_list_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DOMAINS: all hosts, sorted, and the names of those in topic for each shard."""
        files = [*inputs.all("hosts"), *inputs.all("ranked")]
        sums = sum_rows((file.read(["host", *HOST_COUNTS]) for file in files), ["host"])
        output.write(DOMAINS.empty_table())
        if sums is None:
            return
        table = merge_domains([sums.filter(pc.greater(sums["num_pages"], 0))])
        flags = in_topic(table, self.domains)
        table = table.append_column("in_topic", flags).cast(DOMAINS)
        output.append(table, slice_name=WHOLE)
        output.count("hosts", {"all": len(flags), "in_topic": flags.true_count})
        topic = pc.unique(table["host"].filter(flags))
        for file in inputs.all("hosts"):
            hosts = file.read(["host"])
            hosts = hosts.filter(pc.is_in(hosts["host"], value_set=topic))
            if len(hosts):
                output.append(with_nulls(hosts, DOMAINS), slice_name=shard_slice(file.shard))


def with_nulls(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns of a schema; those that it lacks are null."""
    return pa.table(
        [
            table[field.name]
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        ],
        schema=schema,
    )
