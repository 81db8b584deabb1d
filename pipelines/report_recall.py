"""The report's section on recall: how the loops stand whose pages a build keeps."""

from collections.abc import Mapping

import msgspec

from . import page
from .recall.report import summary_parts
from .recall.standing import read_standing


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    recall: str | None = None


class _Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the section needs of the recipe in build.json."""

    source: tuple[_Source, ...] = ()


def recall_parts(out: str, recipe: Mapping[str, object]) -> list[str]:
    """Return the contents of the section, a table and a chart for each source with `recall`.

    They tell of the last run of `gristmill recall`, which may be later than the build.
    """
    sources = msgspec.convert(recipe, _Recipe).source
    parts = []
    for source in sources:
        if source.recall is None:
            continue
        standing = read_standing(out, source.recall)
        text = f"Source {source.name} keeps the pages of recall target {source.recall}"
        if standing is None:
            parts.append(page.paragraph(f"{text}, whose loop has left no record."))
        else:
            parts += [page.paragraph(f"{text}:"), *summary_parts(standing)]
    if not parts:
        return [page.paragraph("No source keeps the pages of a recall target alone.")]
    return parts
