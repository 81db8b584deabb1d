"""Sites on loopback, crawled as the command line does, and what a build reads of them."""

from pathlib import Path

import pytest

from .site_tools import SiteRun


@pytest.fixture
def run(tmp_path: Path) -> SiteRun:
    return SiteRun(tmp_path)
