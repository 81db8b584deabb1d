"""Names a page's language by its ISO 639-3 code, as the index does."""

from functools import cache
from importlib import import_module
from typing import Protocol, cast

MAX_CHARS = 20_000
_CODES = {
    **{"ar": "ara", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng"},
    **{"es": "spa", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun"},
    **{"it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "no": "nor", "pl": "pol"},
    **{"pt": "por", "ro": "ron", "ru": "rus", "sv": "swe", "th": "tha", "tr": "tur"},
    **{"uk": "ukr", "vi": "vie", "zh": "zho"},
}


class _Details(Protocol):
    language: str


class _Detector(Protocol):
    def detect_details(self, text: str) -> _Details: ...


def page_language(text: str | None) -> str | None:
    """Return the main language of a text, None if it has none of the usual ones."""
    if not text:
        return None
    return _CODES.get(_detector().detect_details(text[:MAX_CHARS]).language)


@cache
def _detector() -> _Detector:
    module = import_module("eldc")
    module.init()
    return cast(_Detector, module.instance())
