"""Objects of S3: the same faults as over http mean the same."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.corpus.crawl.attempts import FetchError
from gristmill.corpus.crawl.fetcher import Answer, Fetcher
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.verdict import judge_archive
from gristmill.corpus.standins.commoncrawl.bucket import Bucket
from gristmill.corpus.standins.faults import Fault, FaultKind
from gristmill.corpus.standins.server import Loopback

MakeFetcher = Callable[..., Fetcher]
URL = "s3://served/data.bin"


@pytest.fixture
def bucket(folder: Path) -> Iterator[Loopback]:
    """An S3 server whose bucket `served` is a folder."""
    with Loopback(Bucket(folder.parent).app()) as loopback:
        yield loopback


@pytest.fixture
def fetcher(bucket: Loopback, make_fetcher: MakeFetcher) -> Fetcher:
    options = {"endpoint": bucket.url, "region": "us-east-1", "skip_signature": "true"}
    return make_fetcher(s3_options=options)


def get(fetcher: Fetcher, **options: object) -> Answer:
    async def run() -> Answer:
        async with fetcher:
            return await fetcher.get(URL, max_bytes=1 << 20, **options)  # type: ignore[arg-type]

    return asyncio.run(run())


def read(fetcher: Fetcher, start: int = 0) -> bytes:
    async def run() -> bytes:
        async with fetcher:
            return b"".join([piece async for piece in fetcher.chunks(URL, start=start)])

    return asyncio.run(run())


def test_a_range_is_exactly_the_bytes_asked_for(fetcher: Fetcher, content: bytes) -> None:
    answer = get(fetcher, span=(100, 199))
    assert (answer.status, answer.body) == (206, content[100:200])


def test_an_object_is_read_from_an_offset_on(fetcher: Fetcher, content: bytes) -> None:
    assert read(fetcher, 1000) == content[1000:]


@pytest.mark.parametrize("kind", ["slow_down", "server_error", "wrapped_slow_down", "empty_reply"])
def test_what_may_pass_is_tried_again(
    bucket: Loopback, fetcher: Fetcher, content: bytes, kind: FaultKind
) -> None:
    bucket.inject(Fault(kind=kind, times=2))
    assert read(fetcher) == content
    assert len(bucket.requests) == 3


@pytest.mark.parametrize("kind", ["short_body", "reset"])
def test_a_body_goes_on_where_it_broke_off(
    bucket: Loopback, fetcher: Fetcher, content: bytes, kind: FaultKind
) -> None:
    bucket.inject(Fault(kind=kind, times=2))
    assert read(fetcher) == content
    assert "range" not in bucket.requests[0].headers
    assert "if-match" in bucket.requests[-1].headers


def test_an_object_that_changed_is_not_joined_on(bucket: Loopback, fetcher: Fetcher) -> None:
    bucket.inject(Fault(kind="reset"), Fault(kind="changed_etag", first=2, times=None))
    with pytest.raises(FetchError) as caught:
        read(fetcher)
    assert caught.value.reason == "changed"


def test_a_push_back_for_ever_is_told_with_its_status(
    bucket: Loopback, fetcher: Fetcher, quick: Manners
) -> None:
    bucket.inject(Fault(kind="slow_down", times=None))
    with pytest.raises(FetchError) as caught:
        get(fetcher)
    assert caught.value.reason == "http_503"
    assert len(bucket.requests) == quick.max_attempts


def test_a_block_pauses_the_bucket(bucket: Loopback, fetcher: Fetcher, notes: list[str]) -> None:
    bucket.inject(Fault(kind="blocked", times=None))
    with pytest.raises(FetchError) as caught:
        get(fetcher, judge=judge_archive)
    assert caught.value.reason == "host_paused"
    assert notes[0].startswith("served blocks us (HTTP 403)")


def test_s3_is_refused_where_the_recipe_does_not_name_it(make_fetcher: MakeFetcher) -> None:
    with pytest.raises(FetchError) as caught:
        get(make_fetcher())
    assert caught.value.reason == "refused_scheme"
