"""The loop that holds no pages leaves, byte for byte, what the one in memory leaves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.pipelines.recall_command import RecallResult

from .conftest import page_text, warc_record
from .twin.run import run_in_memory

Run = Callable[..., RecallResult]
OF_A_RUN = ("recall.json", "cost.json", "costs.json", "iterations.parquet", "report.html")
MATHS = ("algebra", "analysis", "topology", "/math/")


def left(out: Path) -> dict[str, bytes]:
    """Return every file below a target's folder but what names artifacts or tells of time."""
    folder = out / "recall/math"
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in OF_A_RUN]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_partitions_and_memory_change_no_byte(found: Path, web: Path, recall_run: Run) -> None:
    recipe = (web / "recipe.toml").read_text()
    bounds = "sources = ['web']\npartitions = 3\nmemory_bytes = 1_048_576\n"
    (web / "recipe.toml").write_text(recipe.replace('sources = ["web"]\n', bounds))
    assert not recall_run(web).failures
    assert left(web / "out") == left(found / "out")


def test_one_shard_of_one_partition_is_a_pool_too(web: Path, recall_run: Run) -> None:
    files = sorted(web.glob("*.warc"))
    pages = b"".join(file.read_bytes() for file in files)
    for file in files:
        file.unlink()
    (web / "all.warc").write_bytes(pages)
    recipe = (web / "recipe.toml").read_text()
    one = 'sources = ["web"]\npartitions = 1\n'
    (web / "recipe.toml").write_text(recipe.replace('sources = ["web"]\n', one))
    assert not recall_run(web).failures
    run_in_memory(web / "recipe.toml", web / "twin")
    assert left(web / "out") == left(web / "twin")


def test_labels_and_a_shard_of_which_nothing_stays_change_nothing_about_it(
    web: Path, recall_run: Run
) -> None:
    labels = [
        *(f"https://algebra.example.org/notes/{i}.html\tyes\n" for i in range(9)),
        *(f"https://forum.example.org/pets/{i}.html\tno\n" for i in range(9)),
        "https://nowhere.example.org/\tyes\n",
    ]
    (web / "labels.tsv").write_text("".join(labels))
    copies = [f"https://algebra.example.org/notes/{i}.html" for i in range(4, 14)]
    longer = [
        warc_record(url.replace(".org", ".net"), page_text("math", url) + "<p>One more.</p>")
        for url in copies
    ]
    (web / "longer.warc").write_bytes(b"".join(longer))
    (web / "empty.warc").write_bytes(warc_record("https://short.example.org/", "<p>Short.</p>"))
    recipe = (web / "recipe.toml").read_text().replace('audit = "audit.tsv"\n', "")
    (web / "recipe.toml").write_text(
        recipe.replace("seeds = [", 'pages = ["labels.tsv"]\nseeds = [')
    )
    assert not recall_run(web).failures
    run_in_memory(web / "recipe.toml", web / "twin")
    assert left(web / "out") == left(web / "twin")


def test_evidence_is_asked_for_alike(
    formula_web: Callable[[Callable[[str], bool]], Path], recall_run: Run
) -> None:
    folder = formula_web(
        lambda url: url.endswith(("1.html", "2.html")) and any(name in url for name in MATHS)
    )
    assert not recall_run(folder).failures
    run_in_memory(folder / "recipe.toml", folder / "twin")
    assert left(folder / "out") == left(folder / "twin")


def append(web: Path, text: str) -> None:
    (web / "recipe.toml").write_text((web / "recipe.toml").read_text() + text)


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[recall.target.draw]\nhost_pages = 7\npositives = 40\nnegatives = 30\n",
        "[recall.target.draw]\nnegatives_a_positive = 0.5\n"
        "[recall.target.prefixes]\naccept_share = 0.6\n",
        "[recall.target.languages.en]\nshare = 0.4\nleast_score = 0.3\n",
        "[recall.target.sample]\nsize = 31\nhost_sizes = [20, 30]\nscore_strata = 3\n",
    ],
)
def test_the_bytes_are_those_of_the_loop_in_memory(
    web: Path, recall_run: Run, settings: str
) -> None:
    append(web, settings)
    assert not recall_run(web).failures
    run_in_memory(web / "recipe.toml", web / "twin")
    ours, twins = left(web / "out"), left(web / "twin")
    assert sorted(ours) == sorted(twins)
    assert [name for name in ours if ours[name] != twins[name]] == []
