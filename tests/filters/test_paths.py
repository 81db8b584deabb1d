from pathlib import Path

import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import build_paths
from gristmill.filters.paths import (
    PATHS,
    generated_path_slow,
    generated_paths,
    path_flags,
    path_flags_slow,
    path_rules,
)

FOLDER = Path(build_paths.__file__).parent

PART = st.sampled_from(
    (
        *("vendor", "node_modules", "docs", "test", "tests", "third_party", "dist", ".github"),
        *("src", "a", "Cargo.lock", "jquery.js", "x.py", "test_x.py", "x_test.go", "XTest.java"),
        *("x.pb.go", ".idea", "README.md", "github.com", ".travis.yml", "go.sum", "_", "\u00e9"),
    )
)
PATH = st.lists(PART, min_size=1, max_size=5).map("/".join) | st.text(max_size=12)


def flags(path: str) -> set[str]:
    return {name for name, value in path_flags_slow(path).items() if value}


def test_path_rules_regenerate_byte_for_byte(tmp_path: Path) -> None:
    build_paths.main(
        ["--linguist", str(FOLDER / "data/linguist"), "--out", str(tmp_path / "paths.json")]
    )
    assert (tmp_path / "paths.json").read_bytes() == (FOLDER / PATHS).read_bytes()


def test_every_pattern_is_one_that_a_linear_engine_takes() -> None:
    patterns = [pattern for patterns in path_rules().values() for pattern in patterns]
    assert len(patterns) > 220
    for pattern in patterns:
        re2.compile(pattern)


@settings(max_examples=150, deadline=None)
@given(st.lists(PATH | st.none(), max_size=8))
def test_columns_equal_the_patterns_one_by_one(paths: list[str | None]) -> None:
    column = pa.array(paths, pa.string())
    table = pa.table(path_flags(column)).to_pylist()
    names = path_flags_slow("").keys()
    empty: dict[str, bool | None] = dict.fromkeys(names)
    assert table == [empty if path is None else path_flags_slow(path) for path in paths]
    slow = [None if path is None else generated_path_slow(path) for path in paths]
    assert generated_paths(column).to_pylist() == slow


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/main.py", set()),
        ("web/node_modules/left-pad/index.js", {"vendored"}),
        ("third_party/zlib/inflate.c", {"vendored"}),
        ("static/jquery-3.6.0.js", {"vendored"}),
        ("docs/guide.rst", {"documentation"}),
        ("README.md", {"documentation"}),
        ("tests/test_core.py", {"test_file"}),
        ("pkg/server_test.go", {"test_file"}),
        ("src/test/java/a/OrderTest.java", {"test_file"}),
        ("app/__tests__/menu.jsx", {"test_file"}),
        ("spec/models/user_spec.rb", {"test_file"}),
        ("t/basic.t", {"test_file"}),
        ("Cargo.lock", {"lock_file"}),
        ("web/pnpm-lock.yaml", {"lock_file"}),
        ("go.sum", {"lock_file"}),
        (".travis.yml", {"dot_file", "configuration"}),
        ("setup.cfg", {"configuration"}),
        ("contest/latest.py", set()),
        ("src/attest.py", set()),
        ("src/vendors_list.py", set()),
    ],
)
def test_paths_have_their_flags(path: str, expected: set[str]) -> None:
    assert flags(path) == expected


def test_a_folder_that_is_vendored_needs_the_full_path() -> None:
    assert "vendored" in flags("lib/vendor/parse.go")
    assert "vendored" not in flags("parse.go")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("web/node_modules/a/index.js", "node_modules"),
        ("vendor/github.com/a/b/c.go", "go_vendor"),
        ("vendor/-x-.com/c.go", None),
        ("api/v1/user.pb.go", "protobuf"),
        ("api/user_pb2.py", "protobuf"),
        ("Form1.Designer.cs", "net_designer"),
        ("gradlew.bat", "gradle_wrapper"),
        (".mvn/wrapper/maven-wrapper.properties", "maven_wrapper"),
        (".sqlx/query-0a1b.json", "sqlx_query"),
        ("sorbet/rbi/gems/rake.rbi", "sorbet"),
        ("dist/app.js.map", "source_map"),
        ("lib/model.g.dart", "dart_build"),
        ("src/user.ts", None),
    ],
)
def test_paths_of_generators(path: str, expected: str | None) -> None:
    assert generated_path_slow(path) == expected
