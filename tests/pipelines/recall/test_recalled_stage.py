"""Which pages of a shard's files were collected: taken out of the list of all of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.ids import origin_id
from gristmill.pipelines.artifact import InputFile
from gristmill.pipelines.output import Output
from gristmill.pipelines.stage import Inputs
from gristmill.pipelines.stages.recalled import RECALLED, Recalled


def page(file: str, number: int) -> dict[str, object]:
    return {"origin_file": file, "origin_id": origin_id(number, "", f"http://{file}/{number}")}


PAGES = [page(f"{name}.warc", number) for name in "abcdefgh" for number in range(5)]


def recalled(folder: Path, path: Path, *files: str) -> list[dict[str, object]]:
    output = Output(folder / "found.parquet")
    inputs = Inputs({"collected": [InputFile(shard="math", url=str(path), digest="")]})
    Recalled(files=files).run(inputs, output)
    output.finish()
    rows: list[dict[str, object]] = pq.read_table(folder / "found.parquet").to_pylist()
    return rows


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of pages in row groups that cut the pages of a file in two."""
    path = tmp_path / "collected.parquet"
    pq.write_table(pa.Table.from_pylist(PAGES, RECALLED), path, row_group_size=4)
    return path


@pytest.mark.parametrize("files", [["c.warc"], ["a.warc", "h.warc"], ["b", "i.warc"]])
def test_the_pages_of_some_files_are_found_in_any_row_group(
    tmp_path: Path, listed: Path, files: list[str]
) -> None:
    wanted = [row for row in PAGES if row["origin_file"] in files]
    found = recalled(tmp_path, listed, *files)
    assert sorted(found, key=str) == sorted(wanted, key=str)


def test_row_groups_of_other_files_are_not_read(tmp_path: Path, listed: Path) -> None:
    group = pq.read_metadata(listed).row_group(9)  # of file h alone
    first = group.column(1).data_page_offset
    data = bytearray(listed.read_bytes())
    data[first : first + 20] = bytes(20)
    listed.write_bytes(data)
    assert len(recalled(tmp_path, listed, "c.warc")) == 5
    with pytest.raises(OSError, match=r"Couldn't deserialize|CRC|[Pp]age"):
        recalled(tmp_path, listed, "h.warc")
