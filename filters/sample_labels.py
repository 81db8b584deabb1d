"""Which label a file of a source takes: what the manifest says, confirmed by names and rules.

The model that is to be trained has no say in it, so its errors never become its lessons.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import cache

from .detector import Detector
from .languages import language_table
from .sample_sources import SampleSource

MIN_CONFIDENCE = 0.9  # of names and rules; below it they only guess

_UNWANTED_NAME = re.compile(r"[.-]min\.\w+$|\.output$")  # minified; what a test expects
_PROSE = re.compile(
    r"(?:^|/)(?:README|CHANGELOG|NEWS|INSTALL|TODO|COPYING|LICEN[CS]E|MAKEFILE)"
    r"\.(?!(?:md|mkd|markdown|mdx|rst|txt|adoc|asciidoc|org|pod|textile|rdoc|creole|html?|tex|texi"
    r"|rtf|am|in|pl|1)$)\w+$",  # what stands behind these names is no extension
    re.IGNORECASE,
)
_TEST_COLLECTIONS = re.compile(
    r"(?:linguist[^/]*/samples|highlight\.?js[^/]*/test|rouge[^/]*/(?:lib|spec)|chroma[^/]*/lexers"
    r"|bat[^/]*/tests/syntax-tests|ace[^/]*/demo/kitchen-sink)/",
    re.IGNORECASE,
)


class Labeller:
    """Labels the files of one source.

    Args:
        source: what is taken for which label.
        confirm: what a label's texts must match.
        listed: the labels of an archive that lists them itself, by member.
    """

    def __init__(
        self,
        source: SampleSource,
        confirm: Mapping[str, re.Pattern[str]],
        listed: Mapping[str, str] | None = None,
    ) -> None:
        self._take = {label: _Globs(globs) for label, globs in source.take.items()}
        self._trust = {label: _Globs(globs) for label, globs in source.trust.items()}
        self._confirm = confirm
        self._listed = listed or {}

    def possible(self, path: str) -> tuple[str, ...]:
        """Return the labels that a member may take by its name alone."""
        if not path.isprintable() or _UNWANTED_NAME.search(path):
            return ()
        if path in self._listed:
            return (self._listed[path],)
        if _TEST_COLLECTIONS.search(path) or _PROSE.search(path):
            return ()
        for label, globs in self._trust.items():
            if globs.match(path):
                return (label,)
        return tuple(label for label, globs in self._take.items() if globs.match(path))

    def label(self, path: str, text: str) -> str | None:
        """Return the label of a member, None if its witnesses disagree or nothing confirms it."""
        possible = self.possible(path)
        if not possible:
            return None
        label = possible[0] if self._is_known(path) else _witnessed(path, text)
        if label is None or label not in possible:
            return None
        pattern = self._confirm.get(label)
        return label if pattern is None or pattern.search(text) else None

    def _is_known(self, path: str) -> bool:
        return path in self._listed or any(globs.match(path) for globs in self._trust.values())


class _Globs:
    """Patterns of file names, or of whole paths where they hold a slash."""

    def __init__(self, globs: Iterable[str]) -> None:
        names = [translate(glob) for glob in globs if "/" not in glob]
        paths = [translate(glob) for glob in globs if "/" in glob]
        self._names = re.compile("|".join(names)) if names else None
        self._paths = re.compile("|".join(paths)) if paths else None

    def match(self, path: str) -> bool:
        if self._names is not None and self._names.match(path.rpartition("/")[2]):
            return True
        return self._paths is not None and self._paths.match(path) is not None


def _witnessed(path: str, text: str) -> str | None:
    found = _witnesses().detect(path, text)
    if found.language is None or found.confidence < MIN_CONFIDENCE:
        return None
    return language_table().family(found.language)


@cache
def _witnesses() -> Detector:
    """Return a detector that goes by names, first lines and rules alone."""
    return Detector(None, min_confidence=1.0)
