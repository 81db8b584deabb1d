"""Whether a target of the recall loop suits its sources: pages and files are not one pool."""

from collections.abc import Sequence
from typing import Final

from ..corpus.errors import GristmillError
from ..corpus.sources.unit import SourceSpec, UnitKind
from .recall_settings import RecallTarget

FILE_ITERATIONS: Final = 2  # over repositories, in DeepSeek-Coder-V2
# By the best of its passages nearly every long file is on the topic: of 7,500 Python files of 25
# packages, those of mathematics were ranked with an average precision of .63, as a whole of .93.
FILE_PASSAGE_WORDS: Final = 0


def check_pools(
    sources: Sequence[SourceSpec], targets: Sequence[RecallTarget], recipe_path: str
) -> None:
    """Check that each target has sources of one kind that it can search; all names are known.

    Raises:
        GristmillError: naming the target or the source that does not fit.
    """
    kinds = {source.name: source.kind for source in sources}
    for target in targets:
        where = f"{recipe_path}: recall.target `{target.name}`"
        _check_kinds(target, [kinds[name] for name in target.sources], where)
    pools = {target.name: kinds[target.sources[0]] for target in targets}
    for source in sources:
        if source.recall is not None and pools[source.recall] != source.kind:
            raise GristmillError(
                f"target `{source.recall}` is over sources of another kind",
                where=f"{recipe_path}: source `{source.name}`",
                todo=f"Name a target over sources of kind {source.kind}.",
            )


def _check_kinds(target: RecallTarget, kinds: Sequence[UnitKind], where: str) -> None:
    for name, kind in zip(target.sources, kinds, strict=True):
        if kind == "documents":
            raise GristmillError(
                f"source `{name}` holds neither web pages nor files of repositories",
                where=where,
                todo="Name sources of kind warc, or of kind repository.",
            )
    if len(set(kinds)) > 1:
        raise GristmillError(
            "some of its sources hold web pages and others files",
            where=where,
            todo="Make a target of each kind.",
        )
    if kinds[0] == "repository" and (target.evidence.is_asked or target.extract != "cheap"):
        raise GristmillError(
            "evidence and `extract` are of web pages, and its sources are repositories",
            where=where,
            todo="Leave `evidence` and `extract` out, or name sources of kind warc.",
        )
    if target.seeds_rule is not None and kinds[0] != "repository":
        raise GristmillError(
            f"seeds_rule `{target.seeds_rule}` is for files of repositories",
            where=where,
            todo="Name seeds, or sources of kind repository.",
        )


def expand_file_targets(document: dict[str, object]) -> None:
    """Put what holds for targets over repositories below the keys that they give.

    Args:
        document: the recipe's TOML, not checked yet: what is not as it should be stays as it is.
    """
    repositories = [
        source.get("name")
        for source in _tables(document.get("source"))
        if source.get("kind") == "repository"
    ]
    recall = document.get("recall")
    for target in _tables(recall.get("target")) if isinstance(recall, dict) else []:
        names = target.get("sources")
        if not (isinstance(names, list) and names and names[0] in repositories):
            continue
        target.setdefault("passage_words", FILE_PASSAGE_WORDS)
        stop = target.setdefault("stop", {})
        if isinstance(stop, dict):
            stop.setdefault("max_iterations", FILE_ITERATIONS)


def _tables(value: object) -> list[dict[str, object]]:
    tables = value if isinstance(value, list) else []
    return [one for one in tables if isinstance(one, dict)]
