import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.notebook import MAX_OUTPUT_CHARS, NotANotebookError, read_notebook
from gristmill.corpus.notebook_cells import notebook_cells
from gristmill.corpus.notebook_script import notebook_script
from gristmill.corpus.record import Record
from gristmill.corpus.sources.notebooks import NOTEBOOKS, Notebooks, derived_records
from gristmill.filters.detect import detect_language

REAL = Path(__file__).parents[2] / "fixtures/repositories/jupyter__nbformat.tar.gz"


def code(source: str | list[str], *outputs: Mapping[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}}


def prose(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def stream(text: str) -> dict[str, object]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def notebook(*cells: dict[str, object], language: str = "python") -> str:
    metadata = {"language_info": {"name": language}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def script(*cells: dict[str, object], language: str = "python") -> str:
    return notebook_script(read_notebook(notebook(*cells, language=language)))


def markdown(*cells: dict[str, object]) -> str:
    return notebook_cells(read_notebook(notebook(*cells)))


def record(text: str, path: str = "a/b.ipynb") -> Record:
    return Record(collection="o/n", path=path, origin_file="x", num_bytes=9, text=text)


def derived(text: str, mode: Notebooks = "both") -> list[Record]:
    return list(derived_records(record(text), mode))


def real_notebooks() -> Iterator[tuple[str, str]]:
    with tarfile.open(REAL) as archive:
        for member in archive:
            if member.name.endswith(".ipynb"):
                stream = archive.extractfile(member)
                assert stream is not None
                yield member.name.rpartition("/")[2], stream.read().decode()


def test_a_script_holds_code_and_prose_as_comments() -> None:
    text = script(prose("# Sum\n\nof two"), code(["x = 1\n", "y = 2"]), code("x + y"))
    assert text == "# # Sum\n#\n# of two\n\nx = 1\ny = 2\n\nx + y\n"


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "  %time f(x)",
        "!pip install a",
        "files = !ls *.py",
        "t = %timeit -o f()",
        "?print",
        "np.array?",
        "%%time",
        "!!ls",
    ],
)
def test_lines_for_ipython_become_comments(line: str) -> None:
    assert script(code(f"{line}\nx = 1")) == f"# {line}\nx = 1\n"


@pytest.mark.parametrize(
    "source",
    [
        'print("%d"\n      %x)',
        'text = """\n%not magic\n!nor this\n"""',
        "text = '''a\\'''\n%s\n'''",
        "x = 5 \\\n  %y",
        "x != y",
        "a = b % c",
        "# what is this?\nx = 1",
        "s = 'a ( b'\nt = [1,\n%x]",
    ],
)
def test_python_that_looks_like_a_magic_stays(source: str) -> None:
    assert script(code(source)) == f"{source}\n"


def test_a_cell_in_another_language_becomes_comments() -> None:
    assert script(code("%%bash\nls\n\nrm x")) == "# %%bash\n# ls\n#\n# rm x\n"


def test_a_shell_command_may_have_several_lines() -> None:
    assert script(code("!a \\\n  b\nx = 1")) == "# !a \\\n#   b\nx = 1\n"


@pytest.mark.parametrize(
    ("name", "path", "language"),
    [
        ("python", "a/b.ipynb#script.py", "Python"),
        ("R", "a/b.ipynb#script.R", "R"),
        ("julia", "a/b.ipynb#script.jl", "Julia"),
        ("C++17", "a/b.ipynb#script.cpp", "C++"),
        ("scala", "a/b.ipynb#script.scala", "Scala"),
        ("bash", "a/b.ipynb#script.sh", "Shell"),
        ("Rust", "a/b.ipynb#script.rs", "Rust"),
        ("ocaml 4.08", "a/b.ipynb#script.ml", "OCaml"),
    ],
)
def test_the_detector_names_the_kernels_language(name: str, path: str, language: str) -> None:
    first, cells = derived(notebook(prose("Words."), code("x = 1"), language=name))
    assert (first.path, first.text is not None) == (path, True)
    assert detect_language(first.path, first.text).language == language
    assert detect_language(cells.path, cells.text).language == "Markdown"


def test_prose_is_left_out_where_no_comment_is_known() -> None:
    assert script(prose("Words."), code("x"), language="brainwave") == "x\n"


def test_format_3_has_worksheets_headings_and_a_language_a_cell() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Head"], "language": None},
        {"cell_type": "code", "input": ["1+1"], "language": "julia", "outputs": [
            {"output_type": "pyout", "text": ["2"], "png": "iVBORw0KGgo="}]},
    ]  # fmt: skip
    text = json.dumps({"metadata": {}, "nbformat": 3, "worksheets": [{"cells": cells}]})
    made = notebook_cells(read_notebook(text))
    assert made == "## Head\n\n```julia\n1+1\n```\n\n```output\n2\n```\n"


def test_cells_are_triplets_of_prose_code_and_output() -> None:
    text = markdown(prose("A"), prose("B"), code("x"), code("y", stream("1\n")), prose("C"))
    assert text == "A\n\nB\n\n```python\nx\n\ny\n```\n\n```output\n1\n```\n\nC\n"


def test_outputs_that_are_no_text_are_left_out() -> None:
    image = {"output_type": "display_data", "data": {"image/png": "iVBO" * 99, "text/html": "<p>"}}
    figure = {
        "output_type": "display_data",
        "data": {"text/plain": "<Figure size 640x480 with 1 Axes>"},
    }
    thing = {"output_type": "execute_result", "data": {"text/plain": ["<a.B at 0x7f00>"]}}
    blob = stream("kept\n" + "QUJD" * 80 + "\nalso")
    assert markdown(code("x", image, figure, thing, blob)).endswith("```output\nkept\nalso\n```\n")


def test_outputs_lose_colours_and_overwritten_progress() -> None:
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "\x1b[31mbad\x1b[0m",
        "traceback": ["t"],
    }
    text = markdown(code("x", stream(" 10%\r 50%\r100%\r\ndone\r\n"), error))
    assert text.endswith("```output\n100%\ndone\nE: bad\n```\n")


def test_long_outputs_are_cut_after_a_line() -> None:
    text = markdown(code("x", stream("word word\n" * MAX_OUTPUT_CHARS)))
    assert text.endswith("word word\n[...]\n```\n")
    assert len(text) < MAX_OUTPUT_CHARS + 100


def test_images_in_prose_are_cut_and_fences_are_long_enough() -> None:
    text = markdown(prose("![a](data:image/png;base64,iVBORw0K+/=)"), code('"""\n````\n"""'))
    assert text == '![a](data:)\n\n`````python\n"""\n````\n"""\n`````\n'


def test_both_documents_keep_what_is_known_of_the_blob() -> None:
    made = derived(notebook(prose("A"), code("x")))
    assert [row.path for row in made] == ["a/b.ipynb#script.py", "a/b.ipynb#cells.md"]
    assert {(row.collection, row.origin_file) for row in made} == {("o/n", "x")}
    assert [row.num_bytes for row in made] == [len(row.text or "") for row in made]


def test_modes_choose_the_documents() -> None:
    text = notebook(prose("A"), code("x"))
    suffixes = {mode: [row.path[9:] for row in derived(text, mode)] for mode in NOTEBOOKS}
    assert suffixes == {
        "both": ["#script.py", "#cells.md"],
        "script": ["#script.py"],
        "cells": ["#cells.md"],
        "raw": [""],
    }
    assert derived(text, "raw")[0].text == text


@pytest.mark.parametrize(
    ("text", "reason", "error"),
    [
        ("{", "corrupt", "not a notebook: it is not JSON"),
        ("[" * 200_000, "corrupt", "not a notebook: it is not JSON"),
        ("[1]", "corrupt", "not a notebook: it is JSON, but no object"),
        ('{"a": 1}', "corrupt", "not a notebook: it has neither cells nor worksheets"),
        ('{"cells": []}', "empty", "the notebook has no cells with text"),
        (
            '{"cells": [7, {}, {"cell_type": "code"}]}',
            "empty",
            "the notebook has no cells with text",
        ),
    ],
)
def test_what_is_no_notebook_is_a_row_with_its_reason(text: str, reason: str, error: str) -> None:
    (row,) = derived(text)
    assert (row.path, row.text, row.read_drop, row.read_error) == ("a/b.ipynb", None, reason, error)


def test_a_notebook_without_code_has_no_script() -> None:
    text = notebook(prose("A"))
    assert [row.path for row in derived(text)] == ["a/b.ipynb#cells.md"]
    assert derived(text, "script")[0].read_drop == "empty"


def test_other_files_are_left_alone() -> None:
    row = record("{", "a/b.json")
    assert list(derived_records(row, "both")) == [row]


def test_real_notebooks_of_every_format_are_converted() -> None:
    made = {
        name: list(derived_records(record(text, name), "both")) for name, text in real_notebooks()
    }
    assert len(made) == 19
    drops = {name: rows[0].read_drop for name, rows in made.items() if rows[0].read_drop}
    assert drops == {
        "test3_no_min_version.ipynb": "empty",
        "test3_no_worksheets.ipynb": "corrupt",
        "test3_worksheet_with_no_cells.ipynb": "empty",
    }
    for name in ("test3.ipynb", "test4.ipynb", "test4.5.ipynb"):
        first, cells = made[name]
        assert '# %%javascript\n# console.log("hi");' in (first.text or "")
        compile(first.text or "", name, "exec")
        assert "```output\nhello\n```" in (cells.text or "")
        assert "base64" not in (cells.text or "")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["cells", "worksheets", "cell_type", "source", "outputs", "data", "text"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(JSON, max_size=4), JSON)
def test_any_json_is_converted_or_refused(cells: list[object], metadata: object) -> None:
    try:
        found = read_notebook(json.dumps({"cells": cells, "metadata": metadata}))
    except NotANotebookError:
        return
    notebook_script(found).encode()
    notebook_cells(found).encode()


SOURCES = st.text(st.sampled_from("%!?=#'\"\\()[]{}ab \n`\r\u00e9\ud800"), max_size=60)


@settings(max_examples=200, deadline=None)
@given(st.lists(SOURCES, max_size=4))
def test_a_script_keeps_every_line_of_code_as_it_is_or_commented(sources: list[str]) -> None:
    found = read_notebook(notebook(*map(code, sources)))
    wanted = "\n\n".join(cell.source for cell in found.cells).split("\n")
    made = notebook_script(found)[:-1].split("\n")
    assert len(made) == len(wanted)
    for line, source in zip(made, wanted, strict=True):
        assert line in (source, f"# {source}".rstrip())


@pytest.mark.parametrize(
    "piece",
    [
        "\r",
        "a\r",
        "\x1b[",
        "\x1b]",
        "<at 0xa ",
        "Figure size ",
        "A" * 255 + " ",
        "'",
        '"',
        '"""\\',
        "%",
        "a=",
    ],
)
def test_hostile_notebooks_of_a_megabyte_are_converted(piece: str) -> None:
    text = piece * (500_000 // len(piece))
    found = read_notebook(notebook(code(text, stream(text)), prose(text)))
    assert notebook_script(found)
    assert notebook_cells(found)
