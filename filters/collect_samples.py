"""Collect the content model's training files from public registries, as a manifest says.

The same manifest gives the same folder, byte for byte: `<label>/<digest>` holds a file's text as
UTF-8, index.tsv says where each came from. A label takes few files of one project and more from
many projects, because the model has to know a language, not a project's habits.
"""

import argparse
import heapq
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from ..corpus.decode import Decoded, decode
from ..corpus.errors import GristmillError
from ..corpus.ids import content_id, seeded_hash
from .languages import language_table
from .sample_archives import Member, fetch_archive, read_listed_labels, read_members
from .sample_labels import Labeller
from .sample_sources import Manifest, SampleSource, read_manifest

COLUMNS = ("path", "label", "source", "project", "member")
INDEX = "index.tsv"

_MACHINE_MADE = re.compile(r"generated (?:by|from|automatically|file)|do not edit|@generated", re.I)


class CollectSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is taken, and whether of the sources to learn from or of those to measure with."""

    max_files_of_project: int = 12  # of one label
    max_files_of_label: int = 300
    min_bytes: int = 48
    kept_bytes: int = 1 << 16
    max_mean_line: int = 250  # characters; above it lie minified code and data
    max_line: int = 5000
    held_out: bool = False


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the collection, as index.tsv lists it."""

    path: str
    label: str
    source: str
    project: str
    member: str


_Candidate = tuple[int, str, str]  # minus its draw, member, text: a heap's least is the worst


def collect_samples(
    out: Path,
    manifest: Manifest,
    *,
    cache: Path,
    archives: Mapping[str, Path] | None = None,
    settings: CollectSettings | None = None,
) -> list[Sample]:
    """Write the collection into a new folder and return its index.

    Raises:
        GristmillError: the folder is not empty, a label is none of the table's, or an archive's
            bytes are not the manifest's.
        StorageError: a registry did not answer.
    """
    settings = settings or CollectSettings()
    if out.exists() and any(out.iterdir()):
        raise GristmillError("the folder is not empty", where=str(out), todo="Name a new one.")
    _check_labels(manifest)
    confirm = {label: re.compile(pattern) for label, pattern in manifest.confirm.items()}
    seen: set[bytes] = set()
    ranked: dict[str, list[tuple[int, int, Sample]]] = defaultdict(list)
    for source in manifest.source:
        if source.held_out != settings.held_out:
            continue
        given = (archives or {}).get(source.name)
        if given is None and not source.url:
            print(f"{source.name} is in no registry: not taken", file=sys.stderr)
            continue
        path = fetch_archive(source, cache=cache, given=given)
        labeller = Labeller(source, confirm, _listed(path, source))
        print(f"{source.registry} {source.name} {source.version}", file=sys.stderr)
        for rank, draw, sample, text in _drawn(path, source, labeller, settings, seen):
            ranked[sample.label].append((rank, draw, sample))
            target = out / sample.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8", "surrogatepass"))
    return _write_index(out, ranked, settings)


def _check_labels(manifest: Manifest) -> None:
    table = language_table()
    known = {table.family(language.name) for language in table.languages}
    for source in manifest.source:
        for label in source.labels:
            if label not in known:
                raise GristmillError(
                    f"{label!r} is no language of the table, or not its family's name",
                    where=f"source {source.name}",
                    todo="Take a name of languages.toml, the family's where there is one.",
                )


def _listed(archive: Path, source: SampleSource) -> dict[str, str]:
    if source.registry != "archive":
        return {}
    listed = read_listed_labels(archive, repository=source.name)
    table = language_table()
    return {path: table.family(name) for path, name in listed.items() if name in table.by_name}


def _drawn(
    archive: Path,
    source: SampleSource,
    labeller: Labeller,
    settings: CollectSettings,
    seen: set[bytes],
) -> Iterator[tuple[int, int, Sample, str]]:
    """Yield (rank in its project, draw, sample, text) of the files that one archive gives."""
    heaps: dict[str, list[_Candidate]] = defaultdict(list)
    limit = settings.max_files_of_project
    for member in read_members(archive):
        labels = labeller.possible(member.path)
        draw = seeded_hash("sample", 0, member.path.encode("utf-8"), source.name)
        if all(len(heaps[name]) >= limit and -heaps[name][0][0] <= draw for name in labels):
            continue
        text = _text(member, settings)
        label = text and labeller.label(member.path, text)
        if text and label:
            push = heapq.heappush if len(heaps[label]) < limit else heapq.heappushpop
            push(heaps[label], (-draw, member.path, text))
    for label in sorted(heaps):
        fresh = 0
        for draw, path, text in sorted((-c[0], c[1], c[2]) for c in heaps[label]):
            digest = content_id(text)
            if digest in seen:
                continue
            seen.add(digest)
            sample = Sample(
                path=f"{label.replace('/', '%2F')}/{digest.hex()}",
                label=label,
                source=f"{source.registry} {source.name} {source.version}",
                project=source.project,
                member=path,
            )
            yield fresh, draw, sample, text
            fresh += 1


def _text(member: Member, settings: CollectSettings) -> str | None:
    """Return what is kept of a file, None if it is binary, tiny, minified or machine-made."""
    if member.num_bytes < settings.min_bytes:
        return None
    decoded = decode(member.read())
    if not isinstance(decoded, Decoded):
        return None
    text = decoded.text.replace("\r\n", "\n")
    lines = text.split("\n")
    if len(text) / len(lines) > settings.max_mean_line:
        return None
    if max(map(len, lines)) > settings.max_line or _MACHINE_MADE.search("\n".join(lines[:5])):
        return None
    kept = text.encode("utf-8", "surrogatepass")[: settings.kept_bytes]
    return kept.decode("utf-8", "ignore")


def _write_index(
    out: Path,
    ranked: Mapping[str, list[tuple[int, int, Sample]]],
    settings: CollectSettings,
) -> list[Sample]:
    """Keep each label's first files of every project before its second ones, and list them."""
    kept: list[Sample] = []
    for label in sorted(ranked):
        rows = sorted(ranked[label], key=lambda row: (row[0], row[1], row[2].member))
        kept += sorted((row[2] for row in rows[: settings.max_files_of_label]), key=_sort_key)
        for _, _, sample in rows[settings.max_files_of_label :]:
            (out / sample.path).unlink()
    out.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join((s.path, s.label, s.source, s.project, s.member)) for s in kept]
    (out / INDEX).write_text("\n".join(lines) + "\n", "utf-8")
    return kept


def _sort_key(sample: Sample) -> tuple[str, str, str]:
    return sample.project, sample.member, sample.path


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect the shipped manifest's files, or another's."""
    parser = argparse.ArgumentParser(prog="python -m gristmill.filters.collect_samples")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the files")
    parser.add_argument("--cache", type=Path, default=Path("samples-cache"), help="of archives")
    parser.add_argument("--manifest", type=Path, help="another than gristmill's sources.toml")
    parser.add_argument("--held-out", action="store_true", help="the projects kept for measuring")
    parser.add_argument(
        "--archive", action="append", default=[], metavar="NAME=PATH", help="one not in a registry"
    )
    options = parser.parse_args(arguments)
    archives = dict(item.split("=", 1) for item in options.archive)
    kept = collect_samples(
        options.out,
        read_manifest(options.manifest),
        cache=options.cache,
        archives={name: Path(path) for name, path in archives.items()},
        settings=CollectSettings(held_out=options.held_out),
    )
    labels = {sample.label for sample in kept}
    print(f"{len(kept)} files of {len(labels)} languages in {options.out}")


if __name__ == "__main__":
    main()
