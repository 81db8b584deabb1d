"""The same crawl from S3: the client differs, what it brings does not."""

import logging
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from gristmill.corpus.standins.commoncrawl.tree import Tree

from .crawl_place import Place, Table

BUCKET = "commoncrawl-copy"
KEYS = {"access_key_id": "key", "secret_access_key": "a secret", "region": "us-east-1"}


@pytest.fixture(scope="module")
def options(built: tuple[Path, Tree]) -> Iterator[dict[str, str]]:
    """The archive's copy in an S3 server, and how it is reached."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    remote = fsspec.filesystem(
        "s3", key="key", secret="a secret", endpoint_url=endpoint, use_listings_cache=False
    )
    remote.mkdir(BUCKET)
    remote.put(f"{built[0]}/", f"{BUCKET}/", recursive=True)
    yield {"endpoint": endpoint, **KEYS}
    server.stop()


@pytest.mark.parametrize("table", [{}, {"mime": ("text/html",), "max_records": 20}])
def test_s3_brings_what_https_does(place: Place, options: dict[str, str], table: Table) -> None:
    place.crawl(**table)
    served = place.outputs()
    (place.folder / "ledger.sqlite").unlink()
    result = place.crawl(url=f"s3://{BUCKET}", s3=options, **table)
    assert result.is_complete
    assert place.outputs() == served
    assert [host.host for host in result.hosts] == [BUCKET]


def test_a_key_that_s3_lacks_is_named(place: Place, options: dict[str, str]) -> None:
    result = place.crawl(url=f"s3://{BUCKET}", s3=options, crawl="CC-MAIN-1999-01")
    assert result.failed == {"listing": {"http_404": 1}}
