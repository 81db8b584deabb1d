"""The JSON manifests of a build: read into a struct, of a format that this release knows."""

from collections.abc import Collection
from typing import TypeVar

import msgspec

from . import storage
from .errors import GristmillError

_Manifest = TypeVar("_Manifest", bound=msgspec.Struct)


class _Version(msgspec.Struct):
    """What every manifest says of itself; those of the first format may leave it out."""

    format_version: int = 1


def read_manifest_file(
    path: str, kind: type[_Manifest], *, readable: Collection[int], what: str, todo: str
) -> _Manifest:
    """Return the manifest in a file.

    Args:
        path: file or URL.
        kind: what is in it.
        readable: the formats that `kind` has room for.
        what: it is to the user, such as `a mixture manifest`.
        todo: what the user can do where it is none.
    """
    data = storage.read_bytes(path)
    try:
        version = msgspec.json.decode(data, type=_Version).format_version
        if version not in readable:
            raise GristmillError(
                f"the file has format {version}, this gristmill reads "
                f"{' and '.join(map(str, readable))}",
                where=path,
                todo="Build again with this version of gristmill.",
            )
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise GristmillError(f"the file is not {what} ({error})", where=path, todo=todo) from error
