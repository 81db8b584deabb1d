"""The small files about the others: an index, a blend, a card. Written when all others stand."""

from collections.abc import Mapping, Sequence

from ...corpus.export.mds import mds_index
from ...corpus.ids import digest_parts
from ...corpus.mixture import Mixture
from ...corpus.storage import join, write_bytes
from ..published import BuildRecord
from .blend import SPLITS_FILE, arguments_path, data_arguments, split_arguments
from .card import dataset_card
from .record import ExportHeader
from .write import WrittenFile, row_schema


def write_extras(
    out: str,
    header: ExportHeader,
    build: BuildRecord,
    mixture: Mixture,
    files: Sequence[WrittenFile],
) -> dict[str, str]:
    """Write what a format has beside its data files; return path -> digest."""
    extras = _extras(header, build, mixture, files)
    for path, data in extras.items():
        write_bytes(join(out, path), data)
    return {path: digest_parts("extra", (data,)).hex() for path, data in sorted(extras.items())}


def _extras(
    header: ExportHeader, build: BuildRecord, mixture: Mixture, files: Sequence[WrittenFile]
) -> Mapping[str, bytes]:
    kind = header.settings.format
    if kind == "megatron":
        splits = sorted({file.split for file in files})
        blends = {arguments_path(name): data_arguments(mixture, files, name) for name in splits}
        if len(splits) > 1:
            blends[SPLITS_FILE] = split_arguments(mixture, files)
        return blends
    if kind == "mds":
        return _indexes(header, files)
    if kind == "datasets":
        return {"README.md": dataset_card(header, build, mixture, files).encode()}
    return {}


def _indexes(header: ExportHeader, files: Sequence[WrittenFile]) -> dict[str, bytes]:
    """Return the index of each component and split; a shard without samples is left out."""
    folders: dict[str, list[tuple[str, int, int]]] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        shards = folders.setdefault(folder, [])
        if file.documents:
            shards.append((name, file.documents, file.num_bytes))
    schema = row_schema(header.settings.content)
    return {
        f"{name}/index.json": mds_index(found, schema=schema) for name, found in folders.items()
    }
