"""A fetched record is kept only if it is whole, the right one, and has its digest."""

import base64
import gzip
import hashlib
from pathlib import Path

import pytest

from gristmill.corpus.crawl.commoncrawl.outcome import MAY_BE_TRANSFER, Expected
from gristmill.corpus.crawl.commoncrawl.records import (
    RecordSettings,
    check_member,
    check_record,
)
from gristmill.corpus.crawl.commoncrawl.splitter import MemberSplitter

SETTINGS = RecordSettings()
URL = "https://host.org/a"
BODY = b"<p>Hello.</p>"
WEB = Path(__file__).parents[4] / "fixtures/web"


def sha1(data: bytes) -> str:
    return base64.b32encode(hashlib.sha1(data).digest()).decode()


def record(
    *, kind: str = "response", extra: str = "", body: bytes = BODY, digest: str | None = None
) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {URL}\r\n{extra}"
        f"WARC-Payload-Digest: {digest or 'sha1:' + sha1(BODY)}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def outcome(plain: bytes, expected: Expected | None = None) -> str:
    return check_member(gzip.compress(plain), SETTINGS, expected or Expected()).outcome


def test_a_sound_record_is_verified_against_index_and_digest() -> None:
    found = check_member(gzip.compress(record()), SETTINGS, Expected(url=URL, digest=sha1(BODY)))
    assert (found.outcome, found.is_verified, found.url, found.kind) == (
        "ok",
        True,
        URL,
        "response",
    )


@pytest.mark.parametrize(
    "digest",
    [
        f"sha1:{hashlib.sha1(BODY).hexdigest()}",
        f"sha256:{hashlib.sha256(BODY).hexdigest()}",
        f"SHA-1:{sha1(BODY).lower()}",
    ],
)
def test_digests_in_other_writings_are_verified(digest: str) -> None:
    assert check_record(record(digest=digest), SETTINGS).is_verified


@pytest.mark.parametrize("digest", ["sha1:", "crc:12", "sha1", "sha1:zz", "sha1:" + "!" * 32])
def test_a_digest_that_cannot_be_read_verifies_nothing(digest: str) -> None:
    found = check_record(record(digest=digest), SETTINGS)
    assert (found.outcome, found.is_verified) == ("ok", False)


def test_the_block_digest_serves_where_there_is_no_payload_digest() -> None:
    plain = record().replace(b"WARC-Payload-Digest", b"WARC-Block-Digest")
    assert check_record(plain, SETTINGS).outcome == "digest_mismatch"


def test_a_changed_payload_is_a_digest_mismatch() -> None:
    assert outcome(record(body=b"<p>Hallo.</p>")) == "digest_mismatch"


def test_another_url_or_digest_than_the_index_has_is_the_wrong_record() -> None:
    assert outcome(record(), Expected(url="https://host.org/b")) == "wrong_record"
    assert outcome(record(), Expected(digest=sha1(b"other"))) == "wrong_record"


def test_brackets_around_a_url_do_not_count() -> None:
    plain = record().replace(URL.encode(), f"<{URL}>".encode())
    assert outcome(plain, Expected(url=URL)) == "ok"


def test_a_revisit_is_told_and_its_absent_payload_not_verified() -> None:
    assert outcome(record(kind="revisit", body=b"")) == "revisit"


def test_requests_are_not_selected() -> None:
    assert outcome(record(kind="request")) == "not_selected"


def test_a_truncated_payload_is_sound_and_named() -> None:
    found = check_record(record(extra="WARC-Truncated: length\r\n"), SETTINGS)
    assert (found.outcome, found.truncated) == ("ok", "length")


def test_a_member_cut_short_is_told_at_every_length() -> None:
    member = gzip.compress(record())
    found = {check_member(member[:end], SETTINGS).outcome for end in range(len(member))}
    assert found == {"cut_short"}


def test_a_flipped_bit_is_never_sound() -> None:
    member = bytearray(gzip.compress(record(), mtime=0))
    for index in range(10, len(member)):
        member[index] ^= 4
        assert check_member(bytes(member), SETTINGS).outcome in MAY_BE_TRANSFER
        member[index] ^= 4


def test_two_members_are_not_one() -> None:
    assert check_member(gzip.compress(record()) * 2, SETTINGS).outcome == "not_one_member"


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"<html>",
        b"WARC/1.0\r\nno end",
        record()[:-20],
        record() * 2,
        record().replace(b"Content-Length: 5", b"Content-Length: x"),
        record().replace(b"Content-Length: 5", b"Content-Length: 1"),
    ],
)
def test_what_is_no_single_record_is_malformed(plain: bytes) -> None:
    assert outcome(plain) == "malformed"


def test_a_bomb_is_too_large() -> None:
    limits = RecordSettings(max_record_bytes=1 << 20)
    bomb = gzip.compress(record(body=bytes(4 << 20)))
    assert check_member(bomb, limits).outcome == "too_large"
    assert check_member(bomb, RecordSettings(max_member_bytes=100)).outcome == "too_large"


@pytest.mark.parametrize("path", sorted(WEB.glob("*/*.gz")), ids=lambda path: str(path.name))
def test_every_record_of_a_real_crawl_is_verified(path: Path) -> None:
    splitter = MemberSplitter(SETTINGS)
    members = [*splitter.feed(path.read_bytes()), *splitter.finish()]
    found = [check_record(member.plain, SETTINGS) for member in members]
    kept = [one for one in found if one.outcome != "not_selected"]
    assert {(one.outcome, one.is_verified) for one in kept} == {("ok", True)}
