"""Sites on loopback, crawled as the command line does, and what a build reads of them."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from site_tools import SiteRun  # noqa: E402


@pytest.fixture
def run(tmp_path: Path) -> SiteRun:
    return SiteRun(tmp_path)
