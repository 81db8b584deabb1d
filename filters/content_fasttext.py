"""The fastText detector: the content model's rival, which a recipe selects by its file.

It reads the same tokens as the content model, averages their vectors and is measured beside it in
bench/content_models.py. Needs `pip install 'gristmill[fasttext]'`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final
from urllib.parse import quote, unquote

from ..corpus.errors import GristmillError
from .content_features import TOKEN, head_bytes, reduce_token

LABEL: Final = "__label__"
READ_CHARACTERS: Final = 8192  # training takes minutes as it is
LINE_TOKENS: Final = {"\n": "<line>", "\n ": "<indented>", "\n\t": "<tabbed>"}
SETTINGS: Final[Mapping[str, float | str]] = {
    "dim": 64,
    "epoch": 15,
    "lr": 0.5,
    "wordNgrams": 2,
    "bucket": 200_000,
    "minCount": 2,
    "loss": "softmax",
    "seed": 1,
    "thread": 1,  # with more, the order of updates is chance
    "verbose": 0,
}


class FastTextModel:
    """Ranks languages by a text; the number beside one is fastText's own share, not calibrated."""

    def __init__(self, path: Path) -> None:
        fasttext = _import_fasttext()
        try:
            self.digest = blake2b(path.read_bytes(), digest_size=16).hexdigest()
            self._model = fasttext.load_model(str(path))
        except (OSError, ValueError) as error:
            raise GristmillError(
                f"there is no fastText model: {error}",
                where=str(path),
                todo="Give a file that train_content_model --model fasttext wrote.",
            ) from error
        labels = self._model.get_labels()
        self.languages = tuple(sorted(unquote(label[len(LABEL) :]) for label in labels))

    def rank(
        self, text: str, candidates: Sequence[str] | None = None, top: int = 5
    ) -> list[tuple[str, float]]:
        """Return the likeliest languages with their shares, the best first.

        Args:
            text: of any length; its head decides.
            candidates: the languages to choose among, whose shares then add up to 1; None means
                all. Those that the model does not know come last, with share 0.
            top: how many are returned at most.
        """
        labels, shares = self._model.predict(fasttext_line(text), k=-1)
        names = [unquote(label[len(LABEL) :]) for label in labels]
        found = {name: min(float(s), 1.0) for name, s in zip(names, shares, strict=True)}
        if candidates is not None:
            found = {name: found.get(name, 0.0) for name in candidates}
            total = sum(found.values())
            found = {name: share / total if total else 0.0 for name, share in found.items()}
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:top]


@cache
def fasttext_model(path: str) -> FastTextModel:
    """Return the model of a file, read once a process.

    Raises:
        GristmillError: fastText is not installed, or the file holds no model of it.
    """
    return FastTextModel(Path(path))


def train_fasttext(texts: Sequence[str], labels: Sequence[str], path: Path) -> None:
    """Write a fastText model of labelled texts; the same texts give the same bytes."""
    fasttext = _import_fasttext()
    with TemporaryDirectory() as folder:
        lines = Path(folder, "texts.txt")
        with lines.open("w", encoding="utf-8", newline="\n") as out:
            for text, label in zip(texts, labels, strict=True):
                out.write(f"{LABEL}{quote(label, safe='')} {fasttext_line(text)}\n")
        fasttext.train_supervised(str(lines), **SETTINGS).save_model(str(path))


def fasttext_line(text: str) -> str:
    """Return a text's tokens as words on one line, in which no token looks like a label."""
    head = text[:READ_CHARACTERS]
    tokens = (reduce_token(t).decode("utf-8", "replace") for t in TOKEN.findall(head_bytes(head)))
    return " ".join(
        LINE_TOKENS.get(token, token) for token in tokens if not token.startswith(LABEL)
    )


def _import_fasttext() -> ModuleType:
    try:
        import fasttext  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise GristmillError(
            "fastText is not installed",
            where="the content model",
            todo="Run pip install 'gristmill[fasttext]'.",
        ) from error
    assert isinstance(fasttext, ModuleType)
    return fasttext
