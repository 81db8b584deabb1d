"""The folder of a crawl where unfinished downloads lie; what a killed run left is removed."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

FOLDER = "partial"


class PartialFolder:
    """Names for temporary files and folders of one crawl."""

    def __init__(self, folder: Path) -> None:
        """Empty the folder below a crawl's own, or make it."""
        self._folder = folder / FOLDER
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def path(self, name: str) -> Iterator[Path]:
        """Yield a path where nothing is; whatever the block makes there is removed at its end."""
        path = self._folder / name
        try:
            yield path
        finally:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
