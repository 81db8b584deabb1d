"""What plans say of tokens before there are any."""

import sysconfig
from pathlib import Path
from urllib.parse import unquote

import pytest

from gristmill.corpus.token_rates import CODE, TEXT, estimate_tokens, token_rates
from gristmill.corpus.tokenizer import load_tokenizer


def test_every_language_with_a_sample_has_a_rate() -> None:
    folder = Path(__file__).parents[2] / "fixtures/languages"
    names = {unquote(path.name) for path in folder.iterdir()}
    assert len(names) > 300
    assert names <= token_rates().keys()
    assert all(1 < rate.bytes_per_token < 6 for rate in token_rates().values())


def test_the_estimate_of_python_is_near_what_the_standard_library_comes_to() -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))]
    tokens = sum(map(len, load_tokenizer().encode_batch(texts)))
    num_bytes = sum(len(text.encode()) for text in texts)
    assert estimate_tokens("Python", num_bytes) == pytest.approx(tokens, rel=0.15)


@pytest.mark.parametrize(("language", "kind"), [("No Such", CODE), ("xx", TEXT)])
def test_an_unknown_language_counts_as_the_average_of_its_kind(language: str, kind: str) -> None:
    assert language not in token_rates()
    assert estimate_tokens(language, 1_000_000) == estimate_tokens(kind, 1_000_000)
