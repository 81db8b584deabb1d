"""From the pages of hosts in topic to what holds for their prefixes, partition by partition."""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...corpus.record import ID
from ...filters.recall.decisions import AUTO, Decision, combine
from ...filters.recall.domains import suffix_list_digest
from ...filters.recall.prefix_lookup import PrefixLookup
from ...filters.recall.prefixes import PrefixSettings
from ...filters.recall.proposals import SCHEMA as PROPOSALS
from ...filters.recall.proposals import automatic_decisions, propose_prefixes
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import Exchange, key_of_number, run_of, shard_slice, write_partitions
from .recall_bars import Bar, is_high, judged
from .recall_pages import domain_key, domain_keys, logits_of
from .recall_sites import WHOLE, HostStage, with_nulls

PAGE_BYTES: Final = 512  # of memory that a page in topic takes while its host is cut, about
REVIEW: Final = "review"  # the slice of prefixes that nobody has decided

ACCEPTED: Final = 0
LEFT: Final = 1  # by an interval: pages that the model collects stay
TAKEN_OUT: Final = 2  # by a person: rejected, or on hold

TOPIC_PAGES: Final = pa.schema(
    [
        ("key", pa.uint64()),  # of the registered domain
        ("id", ID),
        ("url", pa.string()),
        ("host", pa.string()),
        ("path", pa.string()),
        ("has_query", pa.bool_()),
        ("num_tokens", pa.int64()),
        ("formulas", pa.int32()),
        ("code_lines", pa.int32()),
        ("collected", pa.bool_()),
    ]
)
WRITTEN: Final = pa.schema(
    [
        ("host", pa.string()),
        ("prefix", pa.string()),
        ("scope", pa.string()),
        ("target", pa.string()),
        ("verdict", pa.string()),
        ("who", pa.string()),
        ("date", pa.string()),
        ("iteration", pa.int64()),
        ("pages", pa.int64()),
        ("collected", pa.int64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("note", pa.string()),
    ]
)
PEOPLE: Final = pa.schema([("key", pa.uint64()), *WRITTEN])
DECIDED: Final = pa.schema(
    [
        *WRITTEN,
        ("new_tokens", pa.int64()),  # of an open question
        ("formulas", pa.int64()),
        ("code_lines", pa.int64()),
        ("samples", pa.list_(pa.string())),
        ("code", pa.int64()),  # what a shard has to know of a decision
    ]
)


class TopicPages(HostStage, frozen=True, kw_only=True):
    """Sends the pages of hosts in topic to the partitions of their domains."""

    name: ClassVar[str] = "recall_topic"
    version: ClassVar[int] = 1

    bar: Bar

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write TOPIC_PAGES, one slice a partition."""
        output.write(TOPIC_PAGES.empty_table())
        parts = [file.read(["host"])["host"] for file in inputs.all("topic")]
        if not parts:
            return
        hosts = pa.concat_arrays([chunk for part in parts for chunk in part.chunks])
        names = ("doc_id", "url", "host", "path", "has_query", "num_tokens")
        shown = ("formulas", "code_lines", "language")
        pages, may = judged(inputs, self.bar.evidence, *names, *shown)
        collected = is_high(logits_of(inputs)[may], pages["language"], self.bar)
        pages = pages.drop_columns("language").append_column("collected", pa.array(collected))
        pages = pages.filter(pc.is_in(pages["host"], value_set=hosts))
        table = pa.table([domain_keys(pages["host"]), *pages.columns], schema=TOPIC_PAGES)
        table = table.sort_by([(name, "ascending") for name in ("key", "host", "id")])
        write_partitions([table], key_of_number("key"), self.partitions, output, TOPIC_PAGES)


class Prefixes(Exchange, frozen=True, kw_only=True):
    """Cuts the hosts in topic of one partition into prefixes; a domain lies whole in memory."""

    name: ClassVar[str] = "recall_prefixes"

    prefixes: PrefixSettings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the proposals, sorted by host."""
        runs = [
            run_of(file, TOPIC_PAGES.names, row_bytes=PAGE_BYTES) for file in inputs.all("slices")
        ]
        parts = [PROPOSALS.empty_table()]
        for block in self.merged_runs(runs, key_of_number("key"), output):
            hosts = pc.unique(block.table["host"]).to_pylist()
            parts.append(propose_prefixes(block.table, hosts, self.prefixes))
        order = [(name, "ascending") for name in ("host", "prefix", "scope")]
        output.write(pa.concat_tables(parts).sort_by(order))


class People(Stage, frozen=True, kw_only=True):
    """What people decided, one slice a partition of the domains."""

    name: ClassVar[str] = "recall_people"
    version: ClassVar[int] = 1

    decisions: tuple[Decision, ...]
    partitions: int

    def key_settings(self) -> dict[str, object]:
        """Return a digest of the decisions, which may be many."""
        data = msgspec.json.encode(self.decisions)
        digest = digest_parts("recall decisions", (data,)).hex()
        return {"digest": digest, "partitions": self.partitions}

    def assets(self) -> dict[str, str]:
        """Return the version of the list of public suffixes."""
        return {"suffixes": suffix_list_digest()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write PEOPLE."""
        rows = [
            {"key": domain_key(one.host), **msgspec.structs.asdict(one)} for one in self.decisions
        ]
        order = [(name, "ascending") for name in ("key", "host", "prefix", "scope")]
        table = pa.Table.from_pylist(rows, schema=PEOPLE).sort_by(order)
        write_partitions([table], key_of_number("key"), self.partitions, output, PEOPLE)


class Decisions(Stage, frozen=True, kw_only=True):
    """Says what holds for the prefixes of a partition, to all and to the shards it concerns."""

    name: ClassVar[str] = "recall_decisions"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    target: str
    iteration: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write DECIDED: all decisions, sorted; open questions; and codes for each shard."""
        written = _decisions(inputs.all("people"))
        people = [one for one in written if one.who != AUTO]
        prefixes = inputs.table("prefixes")
        proposals = prefixes.filter(pa.array(undecided(prefixes, people), pa.bool_()))
        automatic = automatic_decisions(proposals, target=self.target, iteration=self.iteration)
        decisions = combine(people, automatic)
        table = _table(decisions)
        output.write(DECIDED.empty_table())
        output.append(with_nulls(table.drop_columns("code"), DECIDED), slice_name=WHOLE)
        review = _review(proposals)
        output.append(review, slice_name=REVIEW)
        codes = table.select(["host", "prefix", "scope", "code"])
        known = set()
        decided = pc.unique(codes["host"])
        for file in inputs.all("hosts"):
            hosts = file.read(["host"])["host"]
            hosts = hosts.filter(pc.is_in(hosts, value_set=decided))
            known |= set(hosts.to_pylist())
            own = codes.filter(pc.is_in(codes["host"], value_set=hosts.combine_chunks()))
            if len(own):
                output.append(with_nulls(own, DECIDED), slice_name=shard_slice(file.shard))
        verdicts = [one.verdict for one in decisions]
        num_people = sum(one.who != AUTO for one in decisions)
        output.count("prefixes", {name: verdicts.count(name) for name in ("accept", "reject")})
        output.count("prefixes", {"open": len(review), "by_people": num_people})
        output.count("unknown_hosts", {one.host: 1 for one in written if one.host not in known})


def undecided(prefixes: pa.Table, people: Sequence[Decision]) -> list[bool]:
    """Return which prefixes no person has decided, by themselves or by one that holds them."""
    exact = {(one.host, one.prefix, one.scope) for one in people}
    lookup = PrefixLookup((one.host, one.prefix, one.scope, one) for one in people)
    keys = zip(*(prefixes[name].to_pylist() for name in ("host", "prefix", "scope")), strict=True)
    return [
        (host, prefix, scope) not in exact and lookup.find_prefix(host, prefix) is None
        for host, prefix, scope in keys
    ]


def decision_of(row: dict[str, object]) -> Decision:
    """Return the decision that a row of WRITTEN holds."""
    names = Decision.__struct_fields__
    return msgspec.convert({name: row[name] for name in names}, Decision)


def _decisions(files: Sequence[InputFile]) -> list[Decision]:
    return [decision_of(row) for file in files for row in file.read(WRITTEN.names).to_pylist()]


def _table(decisions: Sequence[Decision]) -> pa.Table:
    rows = [{**msgspec.structs.asdict(one), "code": code_of(one)} for one in decisions]
    schema = pa.schema([*WRITTEN, DECIDED.field("code")])
    return pa.Table.from_pylist(rows, schema=schema)


def code_of(one: Decision) -> int:
    """Return what a decision means for a page below its prefix."""
    if one.verdict == "accept":
        return ACCEPTED
    return TAKEN_OUT if one.who != AUTO else LEFT


def _review(proposals: pa.Table) -> pa.Table:
    review = proposals.filter(pc.equal(proposals["proposal"], "review"))
    names = {"num_pages": "pages", "num_collected": "collected"}
    review = review.drop_columns("proposal")
    return with_nulls(
        review.rename_columns([names.get(name, name) for name in review.column_names]), DECIDED
    )
