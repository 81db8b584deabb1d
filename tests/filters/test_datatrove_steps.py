"""Steps of datatrove: what they may be, what is refused, and that ours say what theirs say."""

import io
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.record import Record
from gristmill.filters.datatrove.judge import judge
from gristmill.filters.datatrove.rewrite import rewritten
from gristmill.filters.datatrove.settings import DatatroveStep, step_assets, steps_for
from gristmill.filters.datatrove.steps import LoadedStep, check_steps, make_document

FILTERS = "datatrove.pipeline.filters"
FORMATTERS = "datatrove.pipeline.formatters"
SENTENCE = "The quick brown fox is to be with all of the dogs that have had it. "


def step(kind: str, module: str = FILTERS, **settings: Any) -> DatatroveStep:
    return DatatroveStep(step=f"{module}.{kind}", **settings)


def record(text: str | None) -> Record:
    return Record(collection="c", path="p", origin_file="f", num_bytes=1, text=text)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("GopherQualityFilter", "gopher_quality"),
        ("C4QualityFilter", "c4_quality"),
        ("FTFYFormatter", "ftfyformatter"),
    ],
)
def test_a_step_is_named_after_its_class(name: str, label: str) -> None:
    assert step(name).label == label
    assert step(name, name="mine").label == "mine"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": "GopherQualityFilter"}, "no class with its module"),
        ({"step": "os; x.Y"}, "no class with its module"),
        ({"step": "mine.Filter"}, "needs a `version` of its own"),
        ({"step": f"{FILTERS}.A", "version": "1"}, "has datatrove's version"),
        ({"step": f"{FILTERS}.A", "name": "a:b"}, "no name"),
        ({"step": f"{FILTERS}.A", "texts": "rewrite", "languages": ["en"]}, "before languages"),
        ({"step": f"{FILTERS}.A", "components": []}, "no components"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(settings, DatatroveStep)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (step("JsonlReader", "datatrove.pipeline.readers"), r"\[\[source\]\]"),
        (step("ParquetWriter", "datatrove.pipeline.writers.parquet"), "writes files"),
        (step("MinhashDedupFilter", "datatrove.pipeline.dedup"), r"\[dedup\]"),
        (step("C4BadWordsFilter"), "downloads its word lists"),
        (step("LanguageFilter"), "downloads its model"),
        (step("LambdaFilter"), "no recipe can hold its function"),
        (step("SamplerFilter", args={"rate": 0.5}), "no seed"),
        (step("GopherQualityFilter", args={"exclusion_writer": "x"}), "files of its own"),
        (step("GopherQualityFilter", args={"min_words": 3}), "min_words"),
        (step("GopherQualityFilter", args={"language": "xx_none"}), "tokenizer assigned"),
        (step("NoSuchFilter"), "is no pipeline step"),
        (step("A", "datatrove.nothing"), "No module named"),
        (step("Document", "datatrove.data"), "is no pipeline step"),
        (step("Path", "pathlib", version="1"), "is no pipeline step"),
        (step("PIIFormatter", FORMATTERS), "is no filter"),
    ],
    ids=lambda value: value.step if isinstance(value, DatatroveStep) else "",
)
def test_what_cannot_be_a_stage_is_refused_when_the_recipe_is_read(
    wanted: DatatroveStep, message: str
) -> None:
    with pytest.raises(GristmillError, match=message):
        check_steps((wanted,), "recipe.toml")


def test_a_language_that_no_document_can_have_is_refused() -> None:
    wanted = msgspec.structs.replace(step("GopherQualityFilter"), languages=("english",))
    with pytest.raises(
        GristmillError, match=r"gopher_quality.languages: unknown language `english`"
    ):
        check_steps((wanted,), "recipe.toml")


def test_two_steps_of_one_class_need_names() -> None:
    one = step("GopherQualityFilter")
    with pytest.raises(GristmillError, match="two steps are called `gopher_quality`"):
        check_steps((one, one), "recipe.toml")
    check_steps((one, msgspec.structs.replace(one, name="strict")), "recipe.toml")


def test_every_reason_is_found_though_the_first_one_decides() -> None:
    steps = [LoadedStep(step(name)) for name in ("GopherQualityFilter", "FineWebQualityFilter")]
    texts = pa.chunked_array([["a\n" * 60, (SENTENCE * 8).strip(), None]])
    rows = [{"id": "1", "language": "en"}] * 3
    assert judge(texts, rows, steps).to_pylist() == [
        ["gopher_quality:gopher_below_avg_threshold", "fine_web_quality:line_punct_ratio"],
        [],
        None,
    ]


def test_only_the_languages_of_a_step_are_judged() -> None:
    loaded = LoadedStep(step("GopherQualityFilter", languages=("en",)))
    rows = [{"id": "1", "language": name} for name in ("en", "de", None)]
    found = judge(pa.chunked_array([["short"] * 3]), rows, [loaded]).to_pylist()
    assert found == [["gopher_quality:gopher_short_doc"], None, None]


def test_lists_reach_a_step_as_tuples() -> None:
    loaded = LoadedStep(step("FineWebQualityFilter", args={"stop_chars": [";"]}))
    text = "A line that ends so, and is long enough;\nAnother one, as long as the first was;"
    assert loaded.run([make_document(text, "1", {})])[0].reason is None


def test_a_rewritten_text_is_taken_and_a_dropped_one_keeps_its_row() -> None:
    steps = [
        LoadedStep(step("PIIFormatter", FORMATTERS, texts="rewrite")),
        LoadedStep(step("C4QualityFilter", texts="rewrite", args={"min_num_sentences": 1})),
    ]
    texts = ["Ask ada@lovelace.org for one.\nmenu", "menu", None]
    first, second, third = rewritten(map(record, texts), steps)
    assert (first.text, first.read_drop) == ("Ask email@example.com for one.", None)
    assert (second.text, second.read_drop) == (None, "c4_quality:too_few_sentences")
    assert third == record(None)


def test_a_text_of_which_nothing_is_left_is_a_drop() -> None:
    loaded = LoadedStep(step("SymbolLinesFormatter", FORMATTERS, texts="rewrite"))
    (found,) = rewritten([record("***")], [loaded])
    assert (found.text, found.read_drop) == (None, "symbol_lines_formatter:empty")


def test_a_step_keeps_its_state_within_a_shard_alone() -> None:
    wanted = step("SamplerFilter", args={"rate": 0.5, "seed": 3})
    documents = [make_document("x", str(i), {}) for i in range(50)]
    first, second = (LoadedStep(wanted).run(documents) for _ in range(2))
    assert first == second
    assert {outcome.reason for outcome in first} == {None, "sampler:dropped"}


def test_words_are_split_once_for_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from datatrove.utils.word_tokenizers import SpaCyTokenizer

    calls: list[str] = []
    split = SpaCyTokenizer.word_tokenize

    def counted(self: SpaCyTokenizer, text: str) -> list[str]:
        calls.append(text)
        words: list[str] = split(self, text)
        return words

    monkeypatch.setattr(SpaCyTokenizer, "word_tokenize", counted)
    names = ("GopherRepetitionFilter", "GopherQualityFilter", "FineWebQualityFilter")
    steps = [LoadedStep(step(name)) for name in names]
    text = " ".join(f"Word{i} and the rest of it." for i in range(40))
    judge(pa.chunked_array([[text]]), [{"id": "1", "language": "en"}], steps)
    assert calls == [text]


def test_the_digest_of_a_file_that_an_argument_names_is_an_asset(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one")
    wanted = (step("RegexFilter", args={"regex_exp": str(path)}),)
    first = step_assets(wanted)
    path.write_text("other")
    second = step_assets(wanted)
    assert first.keys() == second.keys() >= {"datatrove", "spacy", "regex.regex_exp"}
    assert first["regex.regex_exp"] != second["regex.regex_exp"]


def test_steps_are_chosen_by_component_and_use() -> None:
    judging, rewriting = step("A"), step("B", texts="rewrite", components=("code", "text"))
    assert steps_for((judging, rewriting), "text", "judge") == (judging,)
    assert steps_for((judging, rewriting), "code", "rewrite") == (rewriting,)
    assert steps_for((judging, rewriting), "code", "judge") == ()


def test_components_and_the_default_name_are_no_part_of_the_key() -> None:
    one = step("GopherQualityFilter")
    other = step("GopherQualityFilter", name="gopher_quality", components=("code",))
    assert one.key_settings() == other.key_settings()


def test_nothing_is_printed() -> None:
    with redirect_stderr(io.StringIO()) as shown:
        LoadedStep(step("GopherQualityFilter")).run([make_document("x", "1", {})])
    assert shown.getvalue() == ""


def test_without_datatrove_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['datatrove'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'datatrove' else find(name, *a)\n"
        "from gristmill.filters.datatrove.settings import DatatroveStep\n"
        "from gristmill.filters.datatrove.steps import check_steps\n"
        f"check_steps((DatatroveStep(step='{FILTERS}.GopherQualityFilter'),), 'r.toml')\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "pip install 'gristmill[text]'" in shown.stderr


def test_a_recipe_without_steps_imports_nothing_of_datatrove() -> None:
    code = (
        "import sys\n"
        "import gristmill.pipelines.build\n"
        "print({'datatrove', 'spacy', 'loguru'} & set(sys.modules))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
