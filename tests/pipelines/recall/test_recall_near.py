"""Pages of a pool that resemble a longer one: which of them stay, and what is measured again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.recall_command import RecallResult, TargetResult
from gristmill.pipelines.recipe import load_recipe

Run = Callable[..., RecallResult]
LINES = b"".join(b"<p>One line more %d of the copy.</p>" % i for i in range(3))


def add_mirror(folder: Path, more: bytes = LINES) -> None:
    """Add the pages of a site again, of another site and with something more to them."""
    old = (folder / "topology.example.com.warc").read_bytes()
    records = []
    for record in old.split(b"WARC/1.0\r\n")[1:]:
        head, http, body = record.split(b"\r\n\r\n", 2)
        body = body.rstrip().replace(b"</main>", more + b"</main>")
        head = head.replace(b"topology.example.com", b"mirrored.example.or")
        length = len(http) + 4 + len(body)
        head = head[: head.index(b"Content-Length")] + b"Content-Length: %d" % length
        records.append(b"WARC/1.0\r\n" + b"\r\n\r\n".join([head, http, body]) + b"\r\n\r\n")
    (folder / "mirror.warc").write_bytes(b"".join(records))


def set_threshold(folder: Path, threshold: float) -> None:
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe.read_text() + f"\n[recall.target.near]\nthreshold = {threshold}\n")


def pool_hosts(folder: Path) -> set[str]:
    artifacts = json.loads((folder / "out/recall/math/recall.json").read_text())["artifacts"]
    hosts: set[str] = set()
    for shard, key in artifacts["recall_pool"].items():
        (path,) = (folder / "out/work/recall_pool" / shard).glob(f"{key}*.parquet")
        hosts |= set(pq.read_table(path)["host"].to_pylist())
    return hosts


def collected_hosts(folder: Path) -> set[str]:
    urls = pq.read_table(folder / "out/recall/math/collected.parquet")["url"].to_pylist()
    return {url.split("/")[2] for url in urls}


def measured(folder: Path) -> dict[str, int]:
    """Return how many pairs the last run measured, and how many it knew."""
    artifacts = json.loads((folder / "out/recall/math/recall.json").read_text())["artifacts"]
    found = {"measured": 0, "copied": 0}
    for shard, key in artifacts["near"].items():
        (path,) = (folder / "out/work/near" / shard).glob(f"{key}*.json")
        for name, count in json.loads(path.read_text())["counts"].get("pairs", {}).items():
            found[name] += count
    return found


@pytest.fixture
def mirrored(web: Path) -> Path:
    """The small web with a site that is there twice, the second time longer."""
    add_mirror(web)
    return web


def only(result: RecallResult) -> TargetResult:
    assert not result.failures, result.failures
    return result.targets[0]


def test_of_pages_that_resemble_each_other_the_longest_stays(
    mirrored: Path, recall_run: Run
) -> None:
    record = only(recall_run(mirrored)).record
    assert (record.pages, record.left_out["near_duplicate"]) == (228, 24)
    assert "mirrored.example.or" in pool_hosts(mirrored)
    assert "topology.example.com" not in pool_hosts(mirrored)


def test_pages_that_resemble_each_other_less_both_stay(mirrored: Path, recall_run: Run) -> None:
    set_threshold(mirrored, 0.99)
    record = only(recall_run(mirrored)).record
    assert (record.pages, record.left_out["near_duplicate"]) == (252, 0)


def test_near_duplicates_are_not_looked_for_where_the_threshold_is_0(
    mirrored: Path, recall_run: Run
) -> None:
    set_threshold(mirrored, 0)
    result = only(recall_run(mirrored))
    assert (result.record.pages, result.record.left_out["near_duplicate"]) == (252, 0)
    assert "near" not in result.record.artifacts
    assert not (mirrored / "out/work/sign").exists()


def test_a_seed_that_gives_way_makes_a_seed_of_the_page_that_stays(
    mirrored: Path, recall_run: Run
) -> None:
    (mirrored / "seeds.txt").write_text("topology.example.com\n")
    result = only(recall_run(mirrored))
    assert result.iterations[0].seed_pages == 24
    assert {"mirrored.example.or", "algebra.example.org"} <= collected_hosts(mirrored)


def test_a_label_of_a_page_that_gives_way_holds_unless_the_other_has_its_own(
    mirrored: Path, recall_run: Run
) -> None:
    lines = [
        *(f"https://topology.example.com/{i}.html\tyes\n" for i in range(24)),
        "https://mirrored.example.or/0.html\tno\n",
    ]
    (mirrored / "pages.tsv").write_text("".join(lines))
    recipe = mirrored / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('seeds = ["seeds.txt"]', 'pages = ["pages.tsv"]'))
    result = only(recall_run(mirrored))
    assert result.iterations[0].seed_pages == 23
    assert not any("labelled" in note for note in result.notes)


def test_an_audited_page_that_gives_way_audits_the_page_that_stays(
    mirrored: Path, recall_run: Run
) -> None:
    lines = [
        *(f"https://topology.example.com/{i}.html\tyes\n" for i in range(6)),
        *(f"https://cats.example.org/{i}.html\tno\n" for i in range(6)),
    ]
    (mirrored / "audit.tsv").write_text("".join(lines))
    quality = only(recall_run(mirrored)).iterations[-1].quality
    assert quality.all is not None
    assert (quality.all.num_pages, quality.all.num_positives, quality.num_missing) == (12, 6, 0)
    assert quality.all.recall.value == 1


def test_short_pages_are_not_compared(mirrored: Path, recall_run: Run) -> None:
    recipe = mirrored / "recipe.toml"
    text = recipe.read_text().replace('sources = ["web"]', 'sources = ["web"]\n' + LEAST)
    recipe.write_text(text)
    with pytest.raises(GristmillError, match="no page of the pool is a seed"):
        recall_run(mirrored)
    items = [pq.read_table(path) for path in (mirrored / "out/work/items").rglob("*.parquet")]
    assert sum(table.num_rows for table in items) == 0


LEAST = "least_characters = 100_000"


def test_a_run_with_near_duplicates_is_done_once(mirrored: Path, recall_run: Run) -> None:
    recall_run(mirrored)
    assert recall_run(mirrored).num_ran == 0


def test_pairs_that_were_measured_are_not_measured_again(mirrored: Path, recall_run: Run) -> None:
    recall_run(mirrored)
    before = measured(mirrored)
    assert before["measured"] >= 24
    shutil.copy(mirrored / "mirror.warc", mirrored / "third.warc")
    old = (mirrored / "third.warc").read_bytes().replace(b"One line more", b"And one lines")
    (mirrored / "third.warc").write_bytes(
        old.replace(b"mirrored.example.or", b"reprints.example.or")
    )
    recall_run(mirrored)
    assert measured(mirrored)["copied"] >= 24


def test_a_longer_page_that_joins_takes_the_place_of_the_shorter(
    found: Path, tmp_path: Path, recall_run: Run
) -> None:
    folder = Path(shutil.copytree(found, tmp_path / "copied"))
    models = [path.read_bytes() for path in sorted(folder.rglob("model.bin"))]
    add_mirror(folder)
    assert only(recall_run(folder)).record.pages == 228
    assert "topology.example.com" not in pool_hosts(folder)
    assert [path.read_bytes() for path in sorted(folder.rglob("model.bin"))] == models


def test_another_similarity_is_another_pool_and_trains_again(
    found: Path, tmp_path: Path, recall_run: Run
) -> None:
    folder = Path(shutil.copytree(found, tmp_path / "copied"))
    before = (folder / "out/recall/math/iteration-001/model.json").read_bytes()
    set_threshold(folder, 0.7)
    recall_run(folder)
    assert (folder / "out/recall/math/iteration-001/model.json").read_bytes() != before


def test_a_similarity_over_1_is_an_error(web: Path) -> None:
    set_threshold(web, 1.5)
    with pytest.raises(GristmillError, match="threshold must lie between 0 and 1"):
        load_recipe(str(web / "recipe.toml"))


def test_the_cost_of_near_duplicates_is_that_of_all_its_stages(
    mirrored: Path, recall_run: Run
) -> None:
    cost = only(recall_run(mirrored)).costs.stages["near"]
    assert cost.rows > 252
    assert cost.seconds > 0
