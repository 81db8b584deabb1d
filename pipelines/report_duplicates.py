"""The report's section on duplicates: how alike they are, and the largest clusters."""

from . import page
from .incomplete import Incomplete
from .page import TableRow
from .report_clusters import SIMILARITY_BINS, Clusters, DuplicateCluster


def duplicate_parts(clusters: Clusters, incomplete: Incomplete) -> list[str]:
    """Return the contents of the section on duplicates."""
    counted = clusters.duplicates
    summary = (
        f"{counted.items:,} items ({counted.documents:,} documents, "
        f"{page.size_text(counted.num_bytes)}) were dropped as duplicates in "
        f"{counted.clusters:,} clusters. An item is a document, or a repository that is compared "
        "as one."
    )
    parts = [page.paragraph(summary)]
    if clusters.similarities:
        parts += _similarities(clusters)
    if clusters.largest:
        rows = [_cluster(cluster) for cluster in clusters.largest]
        hidden = counted.clusters - len(rows)
        head = ("kept", "dropped", "bytes", "similarity from")
        parts.append(page.table("The largest clusters", head, rows))
        sizes = [TableRow(name=s.size, cells=(page.count(s.clusters),)) for s in clusters.sizes]
        content = page.table(
            "Clusters by size", ("items, the kept one included", "clusters"), sizes
        )
        more = f"and {hidden:,} more; all clusters by size" if hidden else "all clusters by size"
        parts.append(page.details(more, content))
    return [*parts, *_incomplete(incomplete)]


def _similarities(clusters: Clusters) -> list[str]:
    found = {part.bin: part.items for part in clusters.similarities}
    bins = [(i / SIMILARITY_BINS, found.get(i, 0)) for i in range(min(found), SIMILARITY_BINS)]
    label = "Near duplicates by similarity to the item that is kept"
    rows = [
        TableRow(name=f"{low:.2f} to {low + 1 / SIMILARITY_BINS:.2f}", cells=(page.count(number),))
        for low, number in bins
    ]
    return [
        page.paragraph(f"{label}, in steps of {1 / SIMILARITY_BINS:.2f}:"),
        page.histogram(label, [(f"{low:.2f}", number) for low, number in bins]),
        page.details("as a table", page.table(label, ("similarity", "items"), rows)),
    ]


def _cluster(cluster: DuplicateCluster) -> TableRow:
    more = cluster.documents - len(cluster.members)
    members = "; ".join(cluster.members) + (f"; and {more:,} more" if more else "")
    least = cluster.least_similarity
    files = f" and {cluster.keeper_documents - 1:,} more" if cluster.keeper_documents > 1 else ""
    return TableRow(
        name=f"{cluster.keeper}{files}",
        note=f"dropped: {members}",
        cells=(
            page.count(cluster.items),
            page.size_text(cluster.num_bytes),
            "same URL" if least is None else f"{least:.2f}",
        ),
    )


def _incomplete(found: Incomplete) -> list[str]:
    """Say which repositories lack files because a copy is kept in another one."""
    if not found.repositories:
        return []
    summary = (
        f"Dedup of files left {found.repositories:,} repositories incomplete: "
        f"{found.files:,} of their files ({page.size_text(found.num_bytes)}) are kept elsewhere "
        "only. Languages in dedup.repository_languages are compared as whole repositories."
    )
    rows = [
        TableRow(
            name=one.repository,
            cells=(
                page.count(one.kept),
                page.count(one.missing),
                page.size_text(one.missing_bytes),
            ),
        )
        for one in found.most
    ]
    head = ("repository", "files kept", "lacking", "bytes lacking")
    return [page.paragraph(summary), page.table("Incomplete repositories", head, rows)]
