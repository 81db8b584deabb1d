"""The dataset card of an export: YAML for the Hub and `datasets`, tables for people.

Every value of the YAML head is written as JSON, which is YAML, so that no name of a licence or a
language can break it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ...corpus.mixture import Mixture
from ..published import BuildRecord
from .record import ExportHeader
from .write import WrittenFile, row_schema

_UNSAFE = re.compile(r"[<>:/\\|?*]")  # in a configuration's name, to `datasets`
_TAG = re.compile(r"[a-z]{2,3}")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_MORE_SIZES = (
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
)
_LARGEST = "10B<n<100B"
_MEANING = {
    "id": "hex id; `gristmill why` takes it",
    "component": "`code`, `math` or `text`",
    "language": "programming language, or the tag of a natural one",
    "source": "the recipe's name of the source",
    "kind": "`file` of a repository, `page` of a crawl, `document`",
    "collection": "repository, host, or data set",
    "path": "path in the repository, URL, or name",
    "revision": "commit, or WARC-Record-ID",
    "licence": "SPDX id of the licence found; null where none was",
    "num_tokens": "tokens in the training data",
    "text": "the text",
    "fim": "0 as it was, 1 prefix-suffix-middle, 2 suffix-prefix-middle",
    "documents": "what the training document is made of: id, and offset of its first token",
    "tokens": "ids, end of text last",
}


def dataset_card(
    header: ExportHeader, build: BuildRecord, mixture: Mixture, files: Sequence[WrittenFile]
) -> str:
    """Return README.md of a folder that `datasets` loads."""
    documents = sum(file.documents for file in files)
    tokens = sum(file.tokens for file in files)
    parts = [
        _head(build, files, documents),
        f"# {_cell(build.name)}",
        f"{documents:,} rows, {tokens:,} tokens, exported from a gristmill build. Each component "
        "and each language is a configuration: `load_dataset(FOLDER, NAME)`. "
        "A character that no file name may have is spelt %XX in NAME.",
        "## Components",
        _table(
            ("component", "weight", "tokens built", "seen in training", "epochs"),
            (
                (
                    part.name,
                    f"{part.weight:g}",
                    part.tokens,
                    part.target_tokens,
                    f"{part.epochs:.3f}",
                )
                for part in mixture.components
            ),
        ),
        "## Columns",
        _table(
            ("column", "type", "meaning"),
            (
                (f"`{field.name}`", str(field.type), _MEANING[field.name])
                for field in row_schema(header.settings.content)
            ),
        ),
        "## Languages",
        "Documents and tokens of the whole build.",
        _counts(build, "language"),
        "## Licences",
        "The licence of each document is that of its repository or of the head of its file; "
        "`unknown` where nothing says.",
        _counts(build, "licence"),
        "## Where it comes from",
        _table(("what", "value"), _provenance(header, build)),
        "## Recipe",
        "```json\n" + json.dumps(build.recipe, indent=1, sort_keys=True) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _head(build: BuildRecord, files: Sequence[WrittenFile], documents: int) -> str:
    """Return the YAML between the two lines of dashes."""
    named = build.totals.by["language"].keys() - {"und"}
    languages = sorted(name for name in named if _TAG.fullmatch(name))
    lines = [
        f"pretty_name: {json.dumps(build.name)}",
        'license: "other"',
        'license_name: "of-each-document"',
        f"language: {json.dumps(['code', *languages])}",
        f"size_categories: {json.dumps([_size(documents)])}",
        'task_categories: ["text-generation"]',
        'tags: ["gristmill", "code"]',
    ]
    return "\n".join(["---", *lines, "configs:", *configurations(files), "---"])


def configurations(files: Sequence[WrittenFile]) -> list[str]:
    """Return the YAML of what can be loaded by name; `datasets` refuses a split without rows."""
    filled = [file for file in files if file.documents]
    lines = list[str]()
    for component in sorted({file.component for file in filled}):
        own = {file.split for file in filled if file.component == component}
        lines += _config(
            component, {name: {f"data/{component}/*/{name}-*.parquet"} for name in own}
        )
    for language in sorted({file.language for file in filled}):
        paths: dict[str, set[str]] = {}
        for file in filled:
            if file.language == language:
                folder = file.path.rpartition("/")[0]
                paths.setdefault(file.split, set()).add(f"{folder}/{file.split}-*.parquet")
        lines += _config(_UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", language), paths)
    return lines


def _config(name: str, paths: Mapping[str, Collection[str]]) -> Iterable[str]:
    """Yield the lines of a configuration that has these files in each split."""
    yield f"- config_name: {json.dumps(name)}"
    yield "  data_files:"
    for split, patterns in sorted(paths.items()):
        yield f"  - split: {json.dumps(split)}"
        yield f"    path: {json.dumps(sorted(patterns))}"


def _size(documents: int) -> str:
    sizes = (*_SIZES, *_MORE_SIZES)
    return next((name for limit, name in sizes if documents < limit), _LARGEST)


def _counts(build: BuildRecord, group: str) -> str:
    rows = sorted(build.totals.by[group].items(), key=lambda item: (-item[1][1], item[0]))
    return _table(
        (group, "documents", "tokens"),
        ((name, documents, tokens) for name, (documents, tokens) in rows),
    )


def _provenance(header: ExportHeader, build: BuildRecord) -> Iterable[tuple[str, object]]:
    yield "recipe", build.name
    yield "mixture", f"`{header.mixture}`"
    yield "tokenizer", f"`{header.tokenizer}`"
    yield "seed", header.seed
    yield "content", header.settings.content
    yield from sorted(build.versions.items())


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return re.sub(r"[\r\n]+", " ", text).replace("|", "\\|").replace("<", "&lt;")
