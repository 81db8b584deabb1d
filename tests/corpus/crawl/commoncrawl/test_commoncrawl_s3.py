"""The same crawl from S3: the client differs, what it brings does not."""

from pathlib import Path

import fsspec
import pytest

from gristmill.corpus.standins.commoncrawl.tree import Tree

from .crawl_place import Place, Table

BUCKET = "commoncrawl-copy"
KEYS = {"access_key_id": "key", "secret_access_key": "a secret", "region": "us-east-1"}


@pytest.fixture(scope="module")
def options(built: tuple[Path, Tree], s3_endpoint: str) -> dict[str, str]:
    """The archive's copy in an S3 server, and how it is reached."""
    remote = fsspec.filesystem(
        "s3", key="key", secret="a secret", endpoint_url=s3_endpoint, use_listings_cache=False
    )
    remote.mkdir(BUCKET)
    remote.put(f"{built[0]}/", f"{BUCKET}/", recursive=True)
    return {"endpoint": s3_endpoint, **KEYS}


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
