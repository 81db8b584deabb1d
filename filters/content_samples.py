"""Labelled sample files: read from folders, and the frozen ones that no training may see."""

import csv
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from ..corpus.decode import Decoded, decode
from ..corpus.errors import GristmillError
from ..corpus.ids import digest_parts
from .languages import Language, language_table

FROZEN: Final = Path(__file__).parent / "data" / "content" / "frozen.txt"
FROZEN_OF_256: Final = 39  # 15 %
INDEX: Final = "index.tsv"  # path, label, source, project, member
LABELS: Final = "labels.tsv"  # file, label338, source_label, repository, commit, path

# Spellings of sample collections that no name and no alias of the table has.
SPELLINGS: Final = {
    "batch": "Batchfile",
    "batch-file": "Batchfile",
    "holy c": "HolyC",
    "modula 3": "Modula-3",
    "objective j": "Objective-J",
    "wolframlanguage": "Mathematica",
}


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled text; files of one group stand on the same side of every split."""

    label: str  # the family, under which its names are counted
    group: str  # the project, or the file's path where a collection is one repository
    member: str  # the file's path in its project
    source: str  # the collection
    text: str
    digest: str


def read_samples(folders: Sequence[Path]) -> list[Sample]:
    """Return the samples of the folders without repeated texts, in the order of their indexes.

    A label that is no language of the table is left out; so is what is no text.

    Raises:
        GristmillError: a folder has no index, or its index lacks a column or names a missing file.
    """
    samples: dict[str, Sample] = {}
    for folder in folders:
        for sample in _read_folder(folder):
            samples.setdefault(sample.digest, sample)
    return list(samples.values())


def frozen_digests(path: Path = FROZEN) -> frozenset[str]:
    """Return the digests of the texts that no training sees."""
    return frozenset(line for line in path.read_text("ascii").split("\n") if line)


def is_frozen(group: str) -> bool:
    """Return whether a group belongs to the frozen split: the rule that frozen.txt was made by."""
    return digest_parts("frozen sample", (group,))[0] < FROZEN_OF_256


def sample_digest(text: str) -> str:
    """Return the digest of a text, whatever its line ends and the space around it are."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return blake2b(text.encode("utf-8", "replace"), digest_size=10).hexdigest()


def emitted_label(label: str) -> str | None:
    """Return the family of a label of any collection, None if there is none."""
    return _names().get(SPELLINGS.get(label.lower(), label).lower().replace("-", " "))


def _read_folder(folder: Path) -> Iterator[Sample]:
    for row in _rows(folder):
        name = emitted_label(row["label"])
        decoded = decode(_read_bytes(folder, row["path"])) if name is not None else "binary"
        if name is not None and isinstance(decoded, Decoded):
            yield Sample(
                label=name,
                group=row["project"],
                member=row["member"],
                source=row["source"],
                text=decoded.text,
                digest=sample_digest(decoded.text),
            )


def _read_bytes(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise GristmillError(
            str(error), where=str(folder), todo="Collect the samples again."
        ) from error


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    index = next((folder / n for n in (INDEX, LABELS) if (folder / n).is_file()), None)
    if index is None:
        raise GristmillError(
            f"there is neither {INDEX} nor {LABELS}",
            where=str(folder),
            todo="Give a folder that collect_samples wrote.",
        )
    with index.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            try:
                yield row if index.name == INDEX else _archive_row(row)
            except KeyError as error:
                raise GristmillError(
                    f"column {error} is missing", where=str(index), todo="Write the index again."
                ) from error


def _archive_row(row: dict[str, str]) -> dict[str, str]:
    """Return a row of labels.tsv in the columns of index.tsv.

    Each of its repositories collects files of many projects, so that a file is its own group.
    """
    return {
        "path": row["file"],
        "label": row["label338"] or row["source_label"],
        "source": row["repository"],
        "project": f"{row['repository']}:{row['path']}",
        "member": row["path"],
    }


def _names() -> dict[str, str]:
    if not _NAMES:
        rows = language_table().languages
        for name, row in _spellings(rows):
            _NAMES.setdefault(name.lower().replace("-", " "), row.head)
    return _NAMES


def _spellings(rows: Sequence[Language]) -> Iterator[tuple[str, Language]]:
    yield from ((row.name, row) for row in rows)
    yield from ((name, row) for row in rows for name in row.linguist if not row.part_of)
    yield from ((name, row) for row in rows for name in row.linguist)
    yield from ((alias, row) for row in rows for alias in row.aliases if not row.part_of)


_NAMES: dict[str, str] = {}
