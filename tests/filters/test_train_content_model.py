import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import gristmill
from gristmill.corpus.errors import GristmillError
from gristmill.filters.content_calibration import Ranking, calibration_error, fit_curve
from gristmill.filters.content_fasttext import FastTextModel, fasttext_line
from gristmill.filters.content_file import read_model
from gristmill.filters.content_model import ContentModel, Known
from gristmill.filters.content_samples import (
    emitted_label,
    frozen_digests,
    is_frozen,
    read_samples,
    sample_digest,
)
from gristmill.filters.detect import detect_language
from gristmill.filters.train_content_model import main

REPOSITORIES = Path(gristmill.__file__).parent / "fixtures" / "repositories"
LANGUAGES = ("C", "Go", "Haskell", "Lua", "PHP", "Python", "Rust")
PROJECTS = (
    "BurntSushi__toml",
    "Seldaek__monolog",
    "byorgey__split",
    "lunarmodules__Penlight",
    "lz4__lz4",
    "pallets__flask",
    "seanmonstar__httparse",
)
FILES_OF_LANGUAGE = 8


def write_samples(folder: Path) -> Path:
    """Write real files of seven languages as collect_samples lays them out."""
    folder.mkdir()
    counts = dict.fromkeys(LANGUAGES, 0)
    rows: list[list[str]] = []
    for project in PROJECTS:
        with tarfile.open(REPOSITORIES / f"{project}.tar.gz") as archive:
            for member in archive:
                language = detect_language(member.name, None).language or ""
                if member.size > 200 and counts.get(language, 99) < FILES_OF_LANGUAGE:
                    counts[language] += 1
                    data = archive.extractfile(member)
                    assert data is not None
                    (folder / f"{len(rows)}").write_bytes(data.read())
                    rows.append([f"{len(rows)}", language, "fixtures", project, member.name])
    with (folder / "index.tsv").open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerows([["path", "label", "source", "project", "member"], *rows])
    return folder


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples") / "real")


@pytest.fixture(scope="module")
def trained(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model")
    main(["--samples", str(samples), "--held-out", str(samples), "--out", str(out)])
    return out


def test_training_twice_gives_the_same_bytes(samples: Path, trained: Path, tmp_path: Path) -> None:
    main(["--samples", str(samples), "--held-out", str(samples), "--out", str(tmp_path)])
    for name in ("model.bin", "CARD.md"):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_trained_model_knows_its_own_files(samples: Path, trained: Path) -> None:
    model = ContentModel(read_model(trained / "model.bin"))
    assert set(model.languages) <= set(LANGUAGES)
    assert len(model.languages) >= 5
    files = read_samples([samples])
    right = [model.rank(sample.text)[0][0] == sample.label for sample in files]
    assert np.mean(right) > 0.95


def test_frozen_samples_are_left_out(
    tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = read_samples([samples])[:3]
    path = tmp_path / "frozen.txt"
    path.write_text("".join(f"{sample.digest}\n" for sample in frozen))
    main(["--samples", str(samples), "--out", str(tmp_path), "--frozen", str(path)])
    assert "3 frozen ones left out" in capsys.readouterr().err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "accuracy.csv").read_text())))
    assert sum(int(row["num_files"]) for row in rows) == 3


def test_shipped_frozen_list_is_what_the_rule_says_by_size() -> None:
    assert 1500 < len(frozen_digests()) < 1900
    shares = [is_frozen(f"repository/{i}") for i in range(4000)]
    assert 0.13 < np.mean(shares) < 0.17


def test_line_ends_and_space_around_do_not_hide_a_frozen_text() -> None:
    assert sample_digest("a\r\nb\r\n") == sample_digest("\na\nb")
    assert sample_digest("a\nb") != sample_digest("a\nc")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Docker", "Dockerfile"),
        ("batch-file", "Batchfile"),
        ("Markdown", "Markdown"),
        ("nothing", None),
    ],
)
def test_label_of_a_collection_becomes_its_family(label: str, name: str | None) -> None:
    assert emitted_label(label) == name


def test_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"neither index\.tsv nor labels\.tsv"):
        read_samples([tmp_path])


def test_index_that_names_a_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.tsv").write_text("path\tlabel\tsource\tproject\tmember\nx\tC\ts\tp\tx.c\n")
    with pytest.raises(GristmillError, match="Collect the samples again"):
        read_samples([tmp_path])


def test_archive_layout_is_read_and_its_background_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title\n")
    (tmp_path / "labels.tsv").write_text(
        "file\tlabel338\tsource_label\trepository\tcommit\tpath\na.md\t\tMarkdown\to/r\tc\tx/a.md\n"
    )
    (sample,) = read_samples([tmp_path])
    assert (sample.label, sample.group, sample.member) == ("Markdown", "o/r:x/a.md", "x/a.md")


def test_curve_finds_the_share_that_was_right() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    shares = random.uniform(0.05, 0.95, 4000)
    found = [Ranking(s, s, Known(50, 0.5), bool(random.uniform() < s * s)) for s in shares.tolist()]
    assert calibration_error(fit_curve(found), found) < 0.03


def test_fasttext_trains_the_same_bytes_twice_and_ranks(samples: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        out = ["--out", str(tmp_path / name)]
        main(["--samples", str(samples), "--model", "fasttext", *out])
    model, twin = (FastTextModel(tmp_path / name / "fasttext.bin") for name in ("a", "b"))
    assert model.digest == twin.digest
    sample = read_samples([samples])[0]
    assert model.rank(sample.text, ["C", "No Such Language"])[1] == ("No Such Language", 0.0)
    assert set(dict(model.rank(sample.text))) <= set(LANGUAGES)


def test_missing_fasttext_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match="fastText"):
        FastTextModel(tmp_path / "none.bin")


def test_no_token_of_a_text_becomes_a_label() -> None:
    assert "__label__" not in fasttext_line("__label__C __label__\n x")
