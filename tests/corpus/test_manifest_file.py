"""A manifest of another format or no manifest at all says what to do."""

from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.manifest_file import read_manifest_file


class Listed(msgspec.Struct, forbid_unknown_fields=True):
    """A manifest."""

    names: list[str]
    format_version: int = 1


def read(path: Path, text: str) -> Listed:
    path.write_text(text)
    todo = "Build again."
    return read_manifest_file(str(path), Listed, readable=(1, 2), what="a list", todo=todo)


def test_formats_that_are_known_are_read(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", '{"names": ["x"]}') == Listed(["x"])
    later = read(tmp_path / "a.json", '{"names": [], "format_version": 2}')
    assert later == Listed([], 2)


def test_a_later_format_is_named_before_the_fields_that_it_adds(tmp_path: Path) -> None:
    text = '{"names": [], "format_version": 3, "colours": []}'
    with pytest.raises(GristmillError, match="has format 3, this gristmill reads 1 and 2"):
        read(tmp_path / "a.json", text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"names": 1}', '{"format_version": "1"}'])
def test_what_is_no_manifest_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(GristmillError, match="the file is not a list") as caught:
        read(tmp_path / "a.json", text)
    assert caught.value.todo == "Build again."
