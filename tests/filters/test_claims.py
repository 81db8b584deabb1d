import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.claims import CLAIMS, NameOverrides, PathClaims, PathJudge, claims_column

JUDGE = PathJudge(NameOverrides())


def test_path_gives_every_claim_that_the_table_makes_on_it() -> None:
    assert JUDGE.judge("a/Makefile") == PathClaims(by_filename=("Makefile",))
    header = JUDGE.judge("src/a.h")
    assert header.extension == ".h"
    assert set(header.by_extension) == {"C", "C++", "Objective-C"}
    assert JUDGE.judge("Dockerfile.dev").by_prefix == ("Dockerfile",)


def test_generic_extension_is_told_from_one_that_means_something() -> None:
    assert JUDGE.judge("a.url").is_generic
    assert not JUDGE.judge("a.py").is_generic


def test_suffix_that_only_rules_know_is_kept_for_them() -> None:
    claims = JUDGE.judge("a.action")
    assert claims.extension == ".action"


def test_prose_without_an_extension_is_text() -> None:
    for name in ("README", "LICENSE-MIT", "licence", "COPYING_LGPL", "ChangeLog"):
        assert JUDGE.judge(f"a/{name}").by_filename == ("Text",), name
    assert JUDGE.judge("README.md").by_filename == ()
    assert JUDGE.judge("installer").by_filename == ()


def test_extension_that_nobody_claims_is_told_from_none_at_all() -> None:
    assert JUDGE.judge("a.qqq").is_unknown
    assert not JUDGE.judge("qqq").is_unknown
    assert not JUDGE.judge(".qqq").is_unknown
    assert not JUDGE.judge("a.py").is_unknown


OWN = NameOverrides(
    extensions={"Haskell": (".hsx", ".H.In"), "Ruby": (".h",)}, filenames={"Starlark": ("BUCKY",)}
)


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("src/a.hsx", PathClaims(extension=".hsx", by_extension=("Haskell",))),
        ("src/a.HSX", PathClaims(extension=".hsx", by_extension=("Haskell",))),
        ("a.b.h", PathClaims(extension=".h", by_extension=("Ruby",))),
        ("a.h.in", PathClaims(extension=".h.in", by_extension=("Haskell",))),
        ("x/BUCKY", PathClaims(by_filename=("Starlark",))),
    ],
)
def test_names_of_the_recipe_are_the_only_claims_on_their_files(
    path: str, claims: PathClaims
) -> None:
    assert PathJudge(OWN).judge(path) == claims


def test_longer_extension_of_the_table_stands_before_a_shorter_one_of_the_recipe() -> None:
    judge = PathJudge(NameOverrides(extensions={"Ruby": (".in",)}))
    assert judge.judge("a.js.in").extension == ".js.in"
    assert judge.judge("a.in").by_extension == ("Ruby",)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (NameOverrides(extensions={"Haskel": (".hsx",)}), "unknown language `Haskel`"),
        (NameOverrides(extensions={"Haskell": ("hsx",)}), "`hsx` is not an extension"),
        (NameOverrides(filenames={"C": ("a",), "D": ("a",)}), "`a` is given to C and to D"),
    ],
)
def test_wrong_override_is_an_error_that_names_it(overrides: NameOverrides, message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        PathJudge(overrides)


def test_column_holds_a_row_for_each_path_and_nulls_for_pages() -> None:
    paths = pa.chunked_array([["a.py", "https://e.org/a.py", None]], pa.string())
    kinds = pa.chunked_array([["file", "page", "file"]], pa.string())
    table = claims_column(paths, kinds, JUDGE)
    assert table.schema == CLAIMS
    assert table["by_extension"].to_pylist() == [["Python"], None, []]
