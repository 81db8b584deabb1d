"""Which URLs belong to a crawl: below its seeds, and no trap for crawlers."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import re2

from ...errors import GristmillError
from ...urls import Url, fetch_url, parse_url

OutOfScope = Literal[
    "no_url", "user", "depth", "outside", "excluded", "file_type", "long_url", "many_parameters",
    "repeated_segments", "deep_path",
]  # fmt: skip

SKIPPED_TYPES: Final = (
    *("7z", "apk", "bz2", "deb", "dmg", "exe", "gz", "iso", "jar", "msi", "rar", "rpm", "tar"),
    *("tgz", "whl", "xz", "zip", "zst"),
    *("avi", "flac", "m4a", "mkv", "mov", "mp3", "mp4", "ogg", "ogv", "wav", "webm"),
    *("avif", "bmp", "gif", "ico", "jpeg", "jpg", "png", "svg", "tif", "tiff", "webp"),
    *("css", "eot", "js", "map", "mjs", "otf", "ttf", "wasm", "woff", "woff2"),
    *("doc", "docx", "epub", "inv", "odt", "pdf", "ppt", "pptx", "ps", "xls", "xlsx"),
)


class ScopeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of a crawl.

    Args:
        include: RE2 patterns searched in whole URLs, of what belongs besides all that lies on a
            seed's host below the seed's folder.
        exclude: RE2 patterns of URLs that do not belong, whatever else holds.
        max_depth: links between a seed and a page.
        max_repeated_segments: how often one segment may stand in a path.
        skipped_types: endings of paths, in lower case without the dot, of what is no page.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_depth: int = 20
    max_url_characters: int = 2000
    max_parameters: int = 8
    max_segments: int = 30
    max_repeated_segments: int = 3
    skipped_types: tuple[str, ...] = SKIPPED_TYPES


class _Folder(NamedTuple):
    host: str
    port: str | None
    path: str


class Scope:
    """Decides about URLs; `seeds` are in the form in which they are fetched."""

    def __init__(
        self, seeds: Sequence[str], settings: ScopeSettings | None = None, *, where: str = "crawl"
    ) -> None:
        self.settings = settings or ScopeSettings()
        self.seeds = tuple(_seed(seed, where) for seed in seeds)
        self._known_seeds = frozenset(self.seeds)
        self._folders = frozenset(_folder(parse_url(seed)) for seed in self.seeds)
        self._include = [_pattern(text, f"{where}.include") for text in self.settings.include]
        self._exclude = [_pattern(text, f"{where}.exclude") for text in self.settings.exclude]
        self._skipped_types = frozenset(self.settings.skipped_types)

    def refusal(self, url: str, *, depth: int = 0) -> OutOfScope | None:
        """Return why a URL does not belong to the crawl, None if it does.

        Args:
            url: in the form in which it is fetched.
            depth: links between a seed and the page; pages of sitemaps have 1.
        """
        parts = parse_url(url)
        if fetch_url(url) != url or parts.host is None:
            return "no_url"
        if parts.user is not None:
            return "user"
        if depth > self.settings.max_depth:
            return "depth"
        if any(pattern.search(url) for pattern in self._exclude):
            return "excluded"
        if url in self._known_seeds:
            return None
        return self._outside(url, parts) or self._trap(url, parts)

    def _outside(self, url: str, parts: Url) -> OutOfScope | None:
        is_below = any(_is_below(parts, folder) for folder in self._folders)
        is_inside = is_below or any(pattern.search(url) for pattern in self._include)
        return None if is_inside else "outside"

    def _trap(self, url: str, parts: Url) -> OutOfScope | None:
        limits = self.settings
        segments = [segment for segment in parts.path.split("/") if segment]
        name, dot, ending = (segments[-1] if segments else "").rpartition(".")
        if name and dot and ending.lower() in self._skipped_types:
            return "file_type"
        if len(url) > limits.max_url_characters:
            return "long_url"
        if parts.query and parts.query.count("&") + 1 > limits.max_parameters:
            return "many_parameters"
        if len(segments) > limits.max_segments:
            return "deep_path"
        if max(Counter(segments).values(), default=0) > limits.max_repeated_segments:
            return "repeated_segments"
        return None


def _seed(seed: str, where: str) -> str:
    url = fetch_url(seed)
    if url is None or parse_url(url).user is not None:
        what = f"{seed!r} is no address of a web page"
        todo = "Write https://HOST/PATH, without a user or password."
        raise GristmillError(what, where=where, todo=todo)
    return url


def _pattern(text: str, where: str) -> "re2._Regexp":
    try:
        return re2.compile(text)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        what = f"the pattern {text!r} is wrong: {reason}"
        raise GristmillError(what, where=where, todo="Write it in RE2's syntax.") from None


def _folder(seed: Url) -> _Folder:
    """Return the folder that a seed opens.

    A last segment with a dot is a page of it; one without, as in /docs/stable, may be the folder.
    """
    assert seed.host is not None, "the caller looked"
    head, _, last = seed.path.rpartition("/")
    path = f"{head}/" if "." in last or not last else seed.path
    return _Folder(seed.host, seed.port, path)


def _is_below(parts: Url, folder: _Folder) -> bool:
    """Tell whether a page lies in a folder, by whichever of http and https."""
    if (parts.host, parts.port) != (folder.host, folder.port):
        return False
    if folder.path.endswith("/"):
        return parts.path.startswith(folder.path)
    return parts.path == folder.path or parts.path.startswith(f"{folder.path}/")
