"""Blobs come back from their frames bit by bit, and damage names its frame."""

import io
import tarfile
from hashlib import sha1
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.crawl.blob_frames import (
    DamagedFrameError,
    FramePacker,
    FrameReader,
    Place,
    member_header,
)

BLOBS = [b"", b"a", b"x" * 512, b"y" * 513, bytes(range(256)) * 40]


def pack(blobs: list[bytes], *, frame_bytes: int = 2048) -> tuple[bytes, dict[bytes, Place]]:
    stream = io.BytesIO()
    packer = FramePacker(stream, frame_bytes=frame_bytes, level=3)
    for blob in blobs:
        packer.add(sha1(blob).digest(), blob)
    packer.finish()
    assert packer.num_bytes == len(stream.getvalue())
    return stream.getvalue(), packer.places(0, 0)


@given(st.lists(st.binary(max_size=3000), unique=True, max_size=20), st.integers(1, 5000))
def test_every_blob_is_found_where_it_was_put(blobs: list[bytes], frame_bytes: int) -> None:
    data, places = pack(blobs, frame_bytes=frame_bytes)
    ends = {(place.frame_offset, place.frame_bytes) for place in places.values()}
    for offset, num_bytes in ends:
        assert zstandard.frame_content_size(data[offset : offset + num_bytes]) >= 512
    assert sum(num_bytes for _, num_bytes in ends) == len(data)


@pytest.mark.parametrize("cache_bytes", [1, 1 << 20])
def test_blobs_are_read_in_any_order(tmp_path: Path, cache_bytes: int) -> None:
    data, places = pack(BLOBS)
    (tmp_path / "s").write_bytes(data)
    with FrameReader(str(tmp_path), cache_bytes=cache_bytes) as reader:
        for blob in (*BLOBS, *reversed(BLOBS)):
            sha = sha1(blob).digest()
            assert reader.read("s", places[sha], sha, len(blob)) == blob


def test_frames_in_a_row_are_one_tar_archive() -> None:
    data, _ = pack(BLOBS)
    plain = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    with tarfile.open(fileobj=io.BytesIO(plain), ignore_zeros=True) as archive:
        names = {member.name: member.size for member in archive}
    assert names == {sha1(blob).hexdigest(): len(blob) for blob in BLOBS}


@pytest.mark.parametrize("change", ["flip", "cut", "other"])
def test_a_damaged_frame_names_itself_and_spares_the_others(tmp_path: Path, change: str) -> None:
    data, places = pack(BLOBS)
    last = places[sha1(BLOBS[-1]).digest()]
    damaged = bytearray(data)
    if change == "flip":
        damaged[last.frame_offset + last.frame_bytes // 2] ^= 255
    elif change == "cut":
        del damaged[-1:]
    else:
        damaged[last.frame_offset :] = zstandard.ZstdCompressor().compress(b"z" * 9000)
    (tmp_path / "s").write_bytes(damaged)
    first_sha, last_sha = sha1(BLOBS[0]).digest(), sha1(BLOBS[-1]).digest()
    with FrameReader(str(tmp_path)) as reader:
        for _ in range(2):
            with pytest.raises(DamagedFrameError, match=f"byte {last.frame_offset} of s"):
                reader.read("s", last, last_sha, len(BLOBS[-1]))
        assert reader.read("s", places[first_sha], first_sha, 0) == b""


@given(st.integers(0, 8**11 - 1), st.binary(min_size=20, max_size=20))
def test_headers_are_those_of_tarfile(num_bytes: int, sha: bytes) -> None:
    info = tarfile.TarInfo(sha.hex())
    info.size = num_bytes
    assert member_header(sha.hex(), num_bytes) == info.tobuf(tarfile.USTAR_FORMAT)


def test_a_place_that_holds_another_blob_is_noticed(tmp_path: Path) -> None:
    data, places = pack(BLOBS)
    (tmp_path / "s").write_bytes(data)
    first, second = sha1(BLOBS[1]).digest(), sha1(BLOBS[2]).digest()
    with FrameReader(str(tmp_path)) as reader, pytest.raises(DamagedFrameError, match="hold"):
        reader.read("s", places[first], second, 1)
