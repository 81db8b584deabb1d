"""Models: trained bit by bit the same, and collapsed to what fastText itself says."""

import random
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.native import kernel
from gristmill.filters.recall.collapse import CollapsedModel, collapse, read_table, write_table
from gristmill.filters.recall.equality import check_equality, compare, fasttext_probabilities
from gristmill.filters.recall.fasttext_file import read_fasttext
from gristmill.filters.recall.model import TrainSettings, schedule, train
from gristmill.filters.recall.score import Scorer, line_words, probabilities, slow_logits, word_hash
from gristmill.filters.recall.words import WordSettings, word_column

Train = Callable[..., Path]
SMALL = TrainSettings(dim=8, buckets=997, least_words=0, epochs=4, learning_rate=0.3)
# Tokens that fastText treats apart, unknown words, and bytes of 128 and up.
ODD = ["", "</s>", "a </s> b", "__label__yes a", "b __label__x a", "a\x0bb\0c\rd", "  a  ", "zz yy"]


def sample(num_pages: int = 200, *, num_labels: int = 2) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    rng = random.Random(3)
    vocabulary = [*"abcdefgh", "\u4e2d", "\u6587", "\u00e9t\u00e9"]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randrange(30))) for _ in range(num_pages)]
    labels = [f"l{text.count('a') % num_labels}" for text in texts]
    return pa.chunked_array([pa.array(texts)]), pa.chunked_array([pa.array(labels)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Return a model's path; each kind is trained once, so a test changes a copy at most."""

    @cache
    def path_of(word_ngrams: int = 3, num_labels: int = 2) -> Path:
        path = tmp_path_factory.mktemp("models") / "model.bin"
        settings = msgspec.structs.replace(SMALL, word_ngrams=word_ngrams)
        train(*sample(num_labels=num_labels), settings, path)
        return path

    return path_of


def test_the_same_pages_train_the_same_bytes(tmp_path: Path) -> None:
    first, second = (train(*sample(), SMALL, tmp_path / name) for name in ("a.bin", "b.bin"))
    assert first == second
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_another_seed_trains_another_model(tmp_path: Path) -> None:
    other = msgspec.structs.replace(SMALL, seed=2)
    first, second = (train(*sample(), one, tmp_path / "model.bin") for one in (SMALL, other))
    assert first.digest != second.digest


def test_pages_of_one_label_are_refused(tmp_path: Path) -> None:
    words, _ = sample(3)
    with pytest.raises(GristmillError, match="have one label"):
        train(words, pa.chunked_array([pa.array(["no"] * 3)]), SMALL, tmp_path / "model.bin")


def test_small_seeds_are_read_more_often_with_larger_steps() -> None:
    settings = TrainSettings(least_words=100, most_epochs=10)
    assert schedule(1000, settings) == (3, 0.1)
    assert schedule(20, settings) == (5, 0.5)
    assert schedule(1, settings) == (10, 0.5)
    assert schedule(0, settings) == (10, 0.5)


@pytest.mark.parametrize(("word_ngrams", "num_labels"), [(1, 2), (2, 2), (3, 2), (3, 4), (5, 3)])
def test_a_collapsed_model_says_what_fasttext_says(
    trained: Train, word_ngrams: int, num_labels: int
) -> None:
    path = trained(word_ngrams, num_labels)
    model = collapse(read_fasttext(path), "l0")
    words = pa.chunked_array([pa.array([*sample()[0].to_pylist(), *ODD])])
    equality = check_equality(model, path, words)
    assert equality.num_pages == 208
    assert equality.largest_difference < 1e-5


@pytest.mark.parametrize(("word_ngrams", "num_labels"), [(1, 2), (3, 2), (8, 3)])
def test_the_kernel_equals_its_twin_bit_by_bit(
    trained: Train, word_ngrams: int, num_labels: int
) -> None:
    assert kernel() is not None, "the C extension was not built"
    model = collapse(read_fasttext(trained(word_ngrams, num_labels)), "l1")
    texts = [*sample(100)[0].to_pylist(), *ODD, "a " * 500, "line\nanother"]
    found = Scorer(model).logits(pa.chunked_array([pa.array(texts), pa.array(texts[::-1])]))
    assert found.tobytes() == slow_logits(model, [*texts, *texts[::-1]]).tobytes()


def test_without_the_extension_python_scores_the_same(trained: Train, tmp_path: Path) -> None:
    model = collapse(read_fasttext(trained()), "l0")
    (tmp_path / "table").write_bytes(write_table(model))
    text = "a B 12 \u4e2d\u6587 c_d"
    code = (
        "import sys\n"
        "sys.modules['gristmill.filters.native._recall'] = None\n"
        "from pathlib import Path\n"
        "import pyarrow as pa\n"
        "from gristmill.filters.recall.collapse import read_table\n"
        "from gristmill.filters.recall.score import Scorer\n"
        "from gristmill.filters.recall.words import WordSettings, word_column\n"
        f"words = word_column(pa.chunked_array([pa.array([{text!r}])]), WordSettings())\n"
        f"model = read_table(Path({str(tmp_path / 'table')!r}))\n"
        "print(Scorer(model).logits(words).tobytes().hex())\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    words = word_column(pa.chunked_array([pa.array([text])]), WordSettings())
    assert shown.stdout.strip() == Scorer(model).logits(words).tobytes().hex()
    assert "the C extension was not built" in shown.stderr


def test_rare_words_have_no_row_but_their_ngrams_do(tmp_path: Path) -> None:
    words = pa.chunked_array([pa.array(["a a a rare", "b b b"])])
    path = tmp_path / "model.bin"
    train(words, pa.chunked_array([pa.array(["l0", "l1"])]), SMALL, path)
    model = collapse(read_fasttext(path), "l0")
    assert set(model.words) == {b"a", b"b"}  # the end of a line was seen twice
    check_equality(model, path, pa.chunked_array([pa.array(["rare rare", "rare a", "never"])]))


def test_a_page_without_a_known_row_is_undecided(tmp_path: Path) -> None:
    words = pa.chunked_array([pa.array(["a a a", "b b b"])])
    settings = msgspec.structs.replace(SMALL, word_ngrams=1)
    train(words, pa.chunked_array([pa.array(["l0", "l1"])]), settings, tmp_path / "model.bin")
    scorer = Scorer(collapse(read_fasttext(tmp_path / "model.bin"), "l0"))
    assert scorer.scores(pa.chunked_array([pa.array(["unknown"])])).tolist() == [[0.5]]


def test_a_changed_table_fails_the_check(trained: Train) -> None:
    path = trained()
    model = collapse(read_fasttext(path), "l0")
    broken = msgspec.structs.replace(model, table=model.table + np.float32(0.1))
    with pytest.raises(GristmillError, match="differs from fastText by"):
        check_equality(broken, path, sample()[0])


def test_flips_count_unless_they_are_ties() -> None:
    expected = np.array([[0.9, 0.1], [0.50001, 0.49999], [0.2, 0.8]])
    found = np.array([[0.9, 0.1], [0.49999, 0.50001], [0.8, 0.2]])
    assert compare(expected, found).num_flips == 1
    assert compare(expected, found * np.nan).largest_difference == float("inf")


def test_several_targets_have_the_probabilities_that_fasttext_says(trained: Train) -> None:
    path = trained(3, 4)
    model = collapse(read_fasttext(path), "l2")
    assert model.targets == ("l0", "l1", "l3")
    found = Scorer(model).scores(sample()[0])
    expected = fasttext_probabilities(path, sample()[0], ("l0", "l1", "l3", "l2"))
    assert np.abs(found - expected[:, :3]).max() < 1e-5


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([[1000.0], [-1000.0], [0.0]], dtype=np.float32)
    assert probabilities(logits).tolist() == [[1.0], [0.0], [0.5]]


def test_a_table_survives_its_file(trained: Train, tmp_path: Path) -> None:
    model = collapse(read_fasttext(trained()), "l0")
    (tmp_path / "table").write_bytes(write_table(model))
    again = read_table(tmp_path / "table")
    assert write_table(again) == write_table(model)
    assert Scorer(again).logits(sample()[0]).any()


@pytest.mark.parametrize("change", [b"", b"\x80", b"half"])
def test_a_damaged_table_is_refused(trained: Train, tmp_path: Path, change: bytes) -> None:
    data = write_table(collapse(read_fasttext(trained()), "l0"))
    (tmp_path / "table").write_bytes(data[: len(data) // 2] if change == b"half" else change)
    with pytest.raises(GristmillError, match="no table of a recall model"):
        read_table(tmp_path / "table")


def test_a_label_that_the_model_lacks_is_refused(trained: Train) -> None:
    with pytest.raises(GristmillError, match="the model has the labels l0, l1"):
        collapse(read_fasttext(trained()), "no")


@pytest.mark.parametrize("keep", [0, 3, 50, 100, 300, 0.5, 0.999])
def test_a_model_cut_short_is_refused(trained: Train, tmp_path: Path, keep: float) -> None:
    data, path = trained().read_bytes(), tmp_path / "model.bin"
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(GristmillError, match=r"cut short|is empty|damaged"):
        read_fasttext(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, 7, "no fastText model"),
        (8, 1, "not a classifier with a softmax"),
        (9, 1, "not a classifier"),
        (12, 3, "has subwords"),
        (19, 5, "n-grams are pruned"),
    ],
)
def test_a_model_that_does_not_collapse_is_refused(
    trained: Train, tmp_path: Path, field: int, value: int, message: str
) -> None:
    data, path = bytearray(trained().read_bytes()), tmp_path / "model.bin"
    struct.pack_into("<q" if field == 19 else "<i", data, 84 if field == 19 else 4 * field, value)
    path.write_bytes(data)
    with pytest.raises(GristmillError, match=message):
        read_fasttext(path)


def test_the_hash_of_a_word_is_fasttexts() -> None:
    assert word_hash(b"") == 2_166_136_261
    assert word_hash(b"a") == 0xE40C292C  # FNV-1a's own test vector
    assert word_hash("\u00e9".encode()) != word_hash(b"e")


def test_a_line_is_read_as_fasttext_reads_it() -> None:
    assert line_words(b"a __label__b c") == [b"a", b"c", b"</s>"]
    assert line_words(b"a </s> b") == [b"a", b"</s>"]
    assert line_words(b"a\nb") == [b"a", b"</s>"]


def test_the_kernel_refuses_tables_that_are_too_small() -> None:
    model = CollapsedModel(
        reference="no",
        targets=("yes",),
        word_ngrams=2,
        num_buckets=10,
        words=(b"a",),
        table=np.zeros((5, 1), dtype=np.float32),
    )
    with pytest.raises(ValueError, match="table is too small"):
        Scorer(model).logits(pa.chunked_array([pa.array(["a"])]))
