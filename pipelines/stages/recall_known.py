"""What people have said of the pages of a pool, page by page: seeds, labels, the audit set."""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...corpus.record import ID
from ...filters.recall.described import DescribedSettings, is_described
from ...filters.recall.files import place_column
from ...filters.recall.seeds import PageLabel, SeedSites, seed_column
from ..output import Output
from ..stage import Inputs, Stage, value_counts
from .recall_pages import Mask, pool_columns

SITE: Final = "site"
PLACE: Final = "place"  # in repositories
LABELLED: Final = "labelled"
AUDITED: Final = "audited"

ASKED: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("name", pa.string()),  # a host, or the URL of a page
        ("path", pa.string()),  # of a site that is a directory
        ("is_positive", pa.bool_()),  # of a page
        ("weight", pa.float64()),
    ]
)
KNOWN: Final = pa.schema(
    [
        ("is_seed", pa.bool_()),  # of a site, or labelled yes
        ("is_negative", pa.bool_()),  # labelled no
        ("audit", pa.bool_()),  # what an audited page was labelled; null elsewhere
        ("weight", pa.float64()),  # of an audited page
    ]
)


class AskedPages(Stage, frozen=True, kw_only=True):
    """The sites and labels that people wrote down, as rows that every shard reads."""

    name: ClassVar[str] = "recall_asked"
    version: ClassVar[int] = 1

    sites: SeedSites
    places: tuple[str, ...]  # in repositories
    labels: dict[str, PageLabel]  # by normal URL
    audit: dict[str, PageLabel]

    def key_settings(self) -> dict[str, object]:
        """Return a digest of the rows, which may be many."""
        parts = (self.sites, self.places, sorted(self.labels.items()), sorted(self.audit.items()))
        return {"digest": digest_parts("recall asked", (msgspec.json.encode(parts),)).hex()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write ASKED."""
        rows: list[dict[str, object]] = [{"kind": SITE, "name": host} for host in self.sites.hosts]
        rows += [{"kind": SITE, "name": host, "path": path} for host, path in self.sites.prefixes]
        rows += [{"kind": PLACE, "name": place} for place in self.places]
        for kind, labels in ((LABELLED, self.labels), (AUDITED, self.audit)):
            for url, label in sorted(labels.items()):
                rows.append({"kind": kind, "name": url, **msgspec.structs.asdict(label)})
        output.write(ASKED.empty_table())
        output.write(pa.Table.from_pylist(rows, schema=ASKED))


class KnownPages(Stage, frozen=True, kw_only=True):
    """Says of each page of a shard whether it is a seed, a negative, or audited."""

    name: ClassVar[str] = "recall_known"
    version: ClassVar[int] = 1

    described: DescribedSettings | None  # from where a file is a seed by itself

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write KNOWN, row for row; an audited page is no seed and no negative."""
        names = ("doc_id", "url", "host", "path", "has_query", "language", "num_tokens")
        pages = pool_columns(inputs, *names)
        asked, kept = inputs.table("asked"), _kept(inputs)
        is_seed = asked_seeds(asked, pages)
        if self.described is not None:
            is_seed |= is_described(inputs.table("described"), self.described)
        is_seed |= np.asarray(pc.is_in(pages["doc_id"], value_set=_keepers(kept, "is_seed")))
        is_negative = np.zeros(len(pages), dtype=np.bool_)
        audits: list[bool | None] = [None] * len(pages)
        weights: list[float | None] = [None] * len(pages)
        labelled = _Said(asked_labels(asked, LABELLED), kept, "label")
        audited = _Said(asked_labels(asked, AUDITED), kept, "audit")
        places = (pages[name].to_pylist() for name in ("url", "doc_id"))
        for row, (url, doc_id) in enumerate(zip(*places, strict=True)):
            label = labelled.find(url, doc_id)
            if label is not None:
                is_seed[row], is_negative[row] = label.is_positive, not label.is_positive
            label = audited.find(url, doc_id)
            if label is not None:
                is_seed[row] = is_negative[row] = False
                audits[row], weights[row] = label.is_positive, label.weight
        columns = [is_seed, is_negative, pa.array(audits, pa.bool_()), weights]
        output.write(pa.table(columns, schema=KNOWN))
        found = {LABELLED: labelled.num_found, AUDITED: audited.num_found}
        output.count("known", {**found, "negatives": int(is_negative.sum())})
        output.count("known", {"audited_pages": len(pages) - audits.count(None)})
        output.count("languages", value_counts(pages["language"]))
        output.count("seed_languages", value_counts(pages["language"].filter(pa.array(is_seed))))
        output.count("pages", {"pool": len(pages)})
        tokens = int(pages["num_tokens"].to_numpy()[is_seed].sum())
        output.count("seeds", {"pages": int(is_seed.sum()), "tokens": tokens})


class _Said:
    """What is said of pages: of themselves, or else of the first page that gave way to one."""

    def __init__(self, labels: Mapping[str, PageLabel], kept: pa.Table, name: str) -> None:
        self._labels = labels
        said = kept.filter(pc.is_valid(kept[name])).sort_by("url")
        self._of_kept: dict[bytes, PageLabel] = {}
        for row in said.to_pylist():
            weight = row["weight"] if name == "audit" else 1.0
            label = PageLabel(is_positive=row[name], weight=weight)
            self._of_kept.setdefault(row["keeper"], label)
        self.num_found = said.num_rows  # labels that are of some use

    def find(self, url: str, doc_id: bytes) -> PageLabel | None:
        """Return what is said of a page."""
        label = self._labels.get(url)
        self.num_found += label is not None
        return label or self._of_kept.get(doc_id)


def _kept(inputs: Inputs) -> pa.Table:
    """Return what is said of pages that gave way to pages of this shard."""
    empty = pa.schema(
        [
            *(("keeper", ID), ("url", pa.string()), ("is_seed", pa.bool_())),
            *(("label", pa.bool_()), ("audit", pa.bool_()), ("weight", pa.float64())),
        ]
    ).empty_table()
    return pa.concat_tables([empty, *(file.read() for file in inputs.all("kept"))])


def _keepers(kept: pa.Table, name: str) -> pa.Array:
    return kept.filter(kept[name])["keeper"].combine_chunks()


def asked_labels(asked: pa.Table, kind: str) -> Mapping[str, PageLabel]:
    """Return the labels of a kind by URL."""
    rows = asked.filter(pc.equal(asked["kind"], kind)).to_pylist()
    return {
        row["name"]: PageLabel(is_positive=row["is_positive"], weight=row["weight"]) for row in rows
    }


def asked_seeds(asked: pa.Table, pages: pa.Table) -> Mask:
    """Return which pages the sites, or the places in repositories, name."""
    places = asked.filter(pc.equal(asked["kind"], PLACE))["name"].to_pylist()
    named = seed_column(_sites(asked), pages)
    return named | place_column(places, pages) if places else named


def _sites(asked: pa.Table) -> SeedSites:
    rows = asked.filter(pc.equal(asked["kind"], SITE)).to_pylist()
    return SeedSites(
        hosts=tuple(row["name"] for row in rows if row["path"] is None),
        prefixes=tuple((row["name"], row["path"]) for row in rows if row["path"] is not None),
    )
