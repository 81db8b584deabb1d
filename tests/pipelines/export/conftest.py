"""Exports of the small build, and other programs that read them."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.pipelines.export.run import ExportResult, export
from gristmill.pipelines.export.settings import ExportSettings

Exporter = Callable[..., ExportResult]
Reader = Callable[..., str]


def _silent(*_: object) -> None:
    """Progress is of no interest."""


@pytest.fixture(scope="session")
def exporter() -> Exporter:
    """The export of a build in this process."""

    def run(build: Path, out: Path, settings: ExportSettings) -> ExportResult:
        return export(str(build), out=str(out), settings=settings, workers=0, report=_silent)

    return run


@pytest.fixture(scope="session")
def reader() -> Reader:
    """Run a program that needs packages, and return what it prints; skip where one is missing."""

    def run(packages: str, code: str, *arguments: str | Path, cwd: Path | None = None) -> str:
        for package in packages.split():
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed")
        command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
        assert shown.returncode == 0, shown.stderr[-2000:]
        return shown.stdout

    return run
