"""Checksums of what a checkpoint holds: PyTorch writes none that its reader looks at.

Each tensor's bytes are followed by their XXH3, which is checked whenever they are read.
"""

import io
from typing import IO, Final, cast

import xxhash
from torch.distributed.checkpoint._extension import ExtensionRegistry, StreamTransformExtension

_SIZE: Final = 8


def checksum(data: bytes) -> str:
    """Return the XXH3 of a whole file, in hexadecimal."""
    digest: str = xxhash.xxh3_64_hexdigest(data)
    return digest


def registry() -> ExtensionRegistry:
    """Return what a reader of checkpoints needs."""
    found = ExtensionRegistry()
    found.register(Checksums)
    return found


class Checksums(StreamTransformExtension):
    """Writes a stream's checksum behind it, and checks it."""

    @staticmethod
    def registry_name() -> str:
        """Return what a checkpoint calls this."""
        return "gristmill.xxh3"

    @staticmethod
    def from_descriptor(version: str) -> "Checksums":
        """Return what reads streams of a version; there is one."""
        if version != "1":
            raise ValueError(f"checksums of version {version} are not known")
        return Checksums()

    def get_descriptor(self) -> str:
        """Return the name and version."""
        return f"{self.registry_name()}/1"

    def transform_to(self, output: IO[bytes]) -> IO[bytes]:
        """Return a stream that writes to another."""
        return cast(IO[bytes], _Summed(output))

    def transform_from(self, input: IO[bytes]) -> IO[bytes]:  # torch's name
        """Return a stream of what another holds, if its checksum is right."""
        data = memoryview(input.read())
        content = data[:-_SIZE]
        if xxhash.xxh3_64_digest(content) != data[-_SIZE:]:
            raise ValueError("a tensor's bytes do not have the checksum that was written")
        return io.BytesIO(content)


class _Summed(io.RawIOBase):
    def __init__(self, output: IO[bytes]) -> None:
        self._output = output
        self._hash = xxhash.xxh3_64()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # torch gives bytes and views
        self._hash.update(data)
        self._output.write(data)
        return memoryview(data).nbytes

    def close(self) -> None:
        if not self.closed:
            self._output.write(self._hash.digest())
        super().close()
