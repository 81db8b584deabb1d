"""What people have said of the pages of a pool, page by page: seeds, labels, the audit set."""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...filters.recall.seeds import PageLabel, SeedSites, seed_column
from ..output import Output
from ..stage import Inputs, Stage, value_counts
from .recall_pages import pool_columns

SITE: Final = "site"
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
    labels: dict[str, PageLabel]  # by normal URL
    audit: dict[str, PageLabel]

    def key_settings(self) -> dict[str, object]:
        """Return a digest of the rows, which may be many."""
        parts = (self.sites, sorted(self.labels.items()), sorted(self.audit.items()))
        return {"digest": digest_parts("recall asked", (msgspec.json.encode(parts),)).hex()}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write ASKED."""
        rows: list[dict[str, object]] = [{"kind": SITE, "name": host} for host in self.sites.hosts]
        rows += [{"kind": SITE, "name": host, "path": path} for host, path in self.sites.prefixes]
        for kind, labels in ((LABELLED, self.labels), (AUDITED, self.audit)):
            for url, label in sorted(labels.items()):
                rows.append({"kind": kind, "name": url, **msgspec.structs.asdict(label)})
        output.write(ASKED.empty_table())
        output.write(pa.Table.from_pylist(rows, schema=ASKED))


class KnownPages(Stage, frozen=True, kw_only=True):
    """Says of each page of a shard whether it is a seed, a negative, or audited."""

    name: ClassVar[str] = "recall_known"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write KNOWN, row for row; an audited page is no seed and no negative."""
        pages = pool_columns(inputs, "url", "host", "path", "has_query", "language", "num_tokens")
        asked = inputs.table("asked")
        labels, audit = _labels(asked, LABELLED), _labels(asked, AUDITED)
        urls = pages["url"].to_pylist()
        is_seed = seed_column(_sites(asked), pages)
        is_negative = np.zeros(len(urls), dtype=np.bool_)
        audits: list[bool | None] = [None] * len(urls)
        weights: list[float | None] = [None] * len(urls)
        found = {LABELLED: 0, AUDITED: 0}
        for row, url in enumerate(urls):
            label = labels.get(url)
            if label is not None:
                found[LABELLED] += 1
                is_seed[row], is_negative[row] = label.is_positive, not label.is_positive
            audited = audit.get(url)
            if audited is not None:
                found[AUDITED] += 1
                is_seed[row] = is_negative[row] = False
                audits[row], weights[row] = audited.is_positive, audited.weight
        columns = [is_seed, is_negative, pa.array(audits, pa.bool_()), weights]
        output.write(pa.table(columns, schema=KNOWN))
        output.count("known", {**found, "negatives": int(is_negative.sum())})
        output.count("languages", value_counts(pages["language"]))
        output.count("pages", {"pool": len(urls)})
        tokens = int(pages["num_tokens"].to_numpy()[is_seed].sum())
        output.count("seeds", {"pages": int(is_seed.sum()), "tokens": tokens})


def _labels(asked: pa.Table, kind: str) -> Mapping[str, PageLabel]:
    rows = asked.filter(pc.equal(asked["kind"], kind)).to_pylist()
    return {
        row["name"]: PageLabel(is_positive=row["is_positive"], weight=row["weight"]) for row in rows
    }


def _sites(asked: pa.Table) -> SeedSites:
    rows = asked.filter(pc.equal(asked["kind"], SITE)).to_pylist()
    return SeedSites(
        hosts=tuple(row["name"] for row in rows if row["path"] is None),
        prefixes=tuple((row["name"], row["path"]) for row in rows if row["path"] is not None),
    )
