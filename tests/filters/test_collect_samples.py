"""Collecting training files: what is taken, what is left, and that it is the same every time."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.collect_samples import (
    INDEX,
    CollectSettings,
    Sample,
    collect_samples,
    main,
)
from gristmill.filters.languages import language_table
from gristmill.filters.sample_archives import fetch_archive, read_listed_labels, read_members
from gristmill.filters.sample_labels import Labeller
from gristmill.filters.sample_sources import Manifest, SampleSource, read_manifest

ADA = 'with Ada.Text_IO; use Ada.Text_IO;\nprocedure P{} is\nbegin\n   Put_Line ("{}");\nend P{};\n'
ONE_SOURCE = f"""
[[source]]
name = "p"
project = "p"
registry = "npm"
version = "1"
licence = "MIT"
file = "p.tgz"
sha256 = "{"0" * 64}"
"""
SETTINGS = CollectSettings()


def ada(number: int) -> bytes:
    return ADA.format(number, "x" * number, number).encode()


def tar_bytes(files: dict[str, bytes], *, mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def deb_bytes(files: dict[str, bytes]) -> bytes:
    parts = {"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.xz": b""}
    parts["data.tar.xz"] = tar_bytes(files, mode="w:xz")
    out = b"!<arch>\n"
    for name, data in parts.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out


def put(cache: Path, data: bytes, name: str = "p", **fields: object) -> SampleSource:
    """Put an archive into the cache, so that nothing is fetched, and return its source."""
    cache.mkdir(exist_ok=True)
    sha256 = hashlib.sha256(data).hexdigest()
    (cache / sha256).write_bytes(data)
    known: dict[str, object] = {
        "project": name,
        "registry": "pypi",
        "version": "1",
        "licence": "MIT",
        "file": "p.tar.gz",
        "take": {"Ada": ("*.adb",)},
    }
    return SampleSource(name=name, sha256=sha256, **(known | fields))  # type: ignore[arg-type]


def collect(
    tmp_path: Path, *sources: SampleSource, cache: Path | None = None, **settings: object
) -> list[Sample]:
    return collect_samples(
        tmp_path / "out",
        Manifest(source=sources),
        cache=cache or tmp_path / "cache",
        settings=CollectSettings(**settings),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("pack", [tar_bytes, deb_bytes], ids=["tar", "deb"])
def test_files_of_an_archive_lie_under_their_label(
    tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    source = put(tmp_path / "cache", pack({"./p/main.adb": ada(1), "p/notes.txt": b"x" * 99}))
    (kept,) = collect(tmp_path, source)
    assert (kept.label, kept.member, kept.project) == ("Ada", "p/main.adb", "p")
    assert (tmp_path / "out" / kept.path).read_bytes() == ada(1)


def test_zip_archives_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "wheel"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/b.py", "x = 1")
    ((name, data),) = [(member.path, member.read()) for member in read_members(path)]
    assert (name, data) == ("a/b.py", b"x = 1")


def test_the_same_manifest_gives_the_same_index(tmp_path: Path) -> None:
    source = put(tmp_path / "cache", tar_bytes({f"{n}.adb": ada(n) for n in range(40)}))
    first = collect(tmp_path / ".", source)
    index = (tmp_path / "out" / INDEX).read_bytes()
    again = collect_samples(
        tmp_path / "second", Manifest(source=(source,)), cache=tmp_path / "cache", settings=SETTINGS
    )
    assert again == first
    assert (tmp_path / "second" / INDEX).read_bytes() == index


def test_a_project_gives_a_label_no_more_files_than_its_share(tmp_path: Path) -> None:
    source = put(tmp_path / "cache", tar_bytes({f"{n}.adb": ada(n) for n in range(40)}))
    assert len(collect(tmp_path, source, max_files_of_project=7)) == 7


def test_a_full_label_takes_one_file_of_each_project_before_a_second(tmp_path: Path) -> None:
    sources = [
        put(tmp_path / "cache", tar_bytes({f"{n}.adb": ada(10 * p + n) for n in range(9)}), f"p{p}")
        for p in range(4)
    ]
    kept = collect(tmp_path, *sources, max_files_of_label=4)
    assert {sample.project for sample in kept} == {"p0", "p1", "p2", "p3"}
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 4 + 1  # and the index


def test_equal_texts_are_kept_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    files = {"a.adb": ada(1), "b.adb": ada(1), "dos.adb": ada(1).replace(b"\n", b"\r\n")}
    sources = [
        put(cache, tar_bytes(files), "one"),
        put(cache, tar_bytes(files | {"c": b""}), "two"),
    ]
    assert [sample.project for sample in collect(tmp_path, *sources)] == ["one"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tiny.adb", b"null;"),
        ("binary.adb", ada(1) + b"\0" * 99),
        ("made.adb", b"-- Automatically generated by a tool; do not edit\n" + ada(1)),
        ("long.adb", ada(1) + b"x" * 6000),
        ("big.adb", ada(1) * 20000),
        ("p.min.adb", ada(1)),
        ("README.adb", ada(1)),
        ("linguist/samples/Ada/p.adb", ada(1)),
    ],
)
def test_unfit_files_are_left(tmp_path: Path, name: str, data: bytes) -> None:
    source = put(tmp_path / "cache", tar_bytes({name: data, "good.adb": ada(2)}))
    assert [sample.member for sample in collect(tmp_path, source)] == ["good.adb"]


def test_members_with_hostile_paths_are_written_under_their_digest(tmp_path: Path) -> None:
    source = put(tmp_path / "cache", tar_bytes({"../../evil.adb": ada(1), "/abs.adb": ada(2)}))
    kept = collect(tmp_path, source)
    assert len(kept) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"out", "cache"}


def test_long_files_are_cut(tmp_path: Path) -> None:
    text = "".join(f"   X{n} := {n}; -- \u00e4\n" for n in range(9000)).encode()
    source = put(tmp_path / "cache", tar_bytes({"a.adb": text}))
    (kept,) = collect(tmp_path, source, kept_bytes=10_000)
    data = (tmp_path / "out" / kept.path).read_bytes()
    assert text.startswith(data)
    assert 9_998 <= len(data) <= 10_000


def test_a_rule_that_names_another_language_keeps_a_file_out(tmp_path: Path) -> None:
    perl = b'#!/usr/bin/perl\nuse strict;\nmy $x = 1;\nprint "$x\\n" if $x;\n'
    files = {"a.pl": perl, "b.pl": b":- module(b, [p/1]).\n\np(X) :- q(X), r(X).\nq(1).\nr(1).\n"}
    source = put(tmp_path / "cache", tar_bytes(files), take={"Perl": ("*.pl",)})
    assert [sample.member for sample in collect(tmp_path, source)] == ["a.pl"]


def test_trusted_patterns_need_no_witness() -> None:
    source = SampleSource(
        name="p", project="p", registry="npm", version="1", licence="MIT",
        trust={"Mason": ("html/*",)},
    )  # fmt: skip
    labeller = Labeller(source, {})
    assert labeller.label("html/index.html", "<% $x %>") == "Mason"
    assert labeller.label("other/index.html", "<% $x %>") is None


def test_a_text_that_nothing_confirms_is_left(tmp_path: Path) -> None:
    good, bad = b"model {\n" + b" x ~ dnorm(0, 1)\n" * 5 + b"}\n", b"a list of known bugs\n" * 9
    data = tar_bytes({"a.bug": good, "b.bug": bad})
    source = put(tmp_path / "cache", data, take={"JAGS": ("*.bug",)})
    manifest = Manifest(source=(source,), confirm={"JAGS": r"dnorm\("})
    kept = collect_samples(tmp_path / "out", manifest, cache=tmp_path / "cache", settings=SETTINGS)
    assert [sample.member for sample in kept] == ["a.bug"]


def test_held_out_sources_are_collected_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sources = [put(cache, tar_bytes({"a.adb": ada(n)}), f"p{n}", held_out=n == 1) for n in range(3)]
    kept = {sample.project for sample in collect(tmp_path / "a", *sources, cache=cache)}
    held_out = collect(tmp_path / "b", *sources, cache=cache, held_out=True)
    assert kept == {"p0", "p2"}
    assert [sample.project for sample in held_out] == ["p1"]


def test_an_archive_may_list_its_own_labels(tmp_path: Path) -> None:
    head = "file\tlabel338\tsource_label\trepository\n"
    rows = "a/x\tAda\tAda\to/r\nb/y\t\tMarkdown\to/r\nc/z\tAda\tAda\tother/r\n"
    files = {"dev/a/x": ada(1), "dev/b/y": b"# A title\n\ntext\n" * 9, "dev/c/z": ada(2)}
    data = tar_bytes({**files, "dev/labels.tsv": (head + rows).encode()})
    source = put(tmp_path / "cache", data, "o/r", registry="archive", file="", take={})
    path = tmp_path / "cache" / source.sha256
    assert read_listed_labels(path, repository="o/r") == {"dev/a/x": "Ada", "dev/b/y": "Markdown"}
    kept = collect_samples(
        tmp_path / "out", Manifest(source=(source,)), cache=tmp_path, archives={"o/r": path},
        settings=SETTINGS,
    )  # fmt: skip
    assert {(s.member, s.label) for s in kept} == {("dev/a/x", "Ada"), ("dev/b/y", "Markdown")}
    assert collect(tmp_path / "none", source) == []


def test_other_bytes_than_the_manifest_names_are_refused(tmp_path: Path) -> None:
    source = put(tmp_path / "cache", tar_bytes({"a.adb": ada(1)}))
    given = tmp_path / "given"
    given.write_bytes(b"other")
    with pytest.raises(GristmillError, match="sha256"):
        fetch_archive(source, cache=tmp_path / "cache", given=given)


def test_an_archive_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(tar_bytes({"a.adb": bytes(range(256)) * 400})[:300])
    with pytest.raises(GristmillError, match="cut"):
        [member.read() for member in read_members(path)]


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    source = put(tmp_path / "cache", tar_bytes({"a": b""}), take={"Adda": ("*.adb",)})
    with pytest.raises(GristmillError, match="Adda"):
        collect(tmp_path, source)


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("x")
    with pytest.raises(GristmillError, match="not empty"):
        collect(tmp_path)


def test_the_command_collects_what_a_manifest_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = put(tmp_path / "cache", tar_bytes({"a.adb": ada(1)}))
    manifest = tmp_path / "sources.toml"
    manifest.write_text(
        '[[source]]\nname = "p"\nproject = "p"\nregistry = "npm"\nversion = "1"\n'
        f'licence = "MIT"\nfile = "p.tgz"\nsha256 = "{source.sha256}"\n'
        'take = { Ada = ["*.adb"] }\n'
    )
    out = tmp_path / "out"
    main(["--out", str(out), "--cache", str(tmp_path / "cache"), "--manifest", str(manifest)])
    assert capsys.readouterr().out == f"1 files of 1 languages in {out}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[source]]\nname = 1\n", "Expected"),
        ("[[source", "toml"),
        (2 * ONE_SOURCE, "stands twice"),
        (ONE_SOURCE + ONE_SOURCE.replace('name = "p"', 'name = "q"\nheld_out = true'), "held out"),
        (ONE_SOURCE.replace("0", "g"), "sha256"),
        ('source = []\nconfirm = { Ada = "(" }\n', "regular expression"),
    ],
)
def test_a_wrong_manifest_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(GristmillError, match=message):
        read_manifest(path)


def test_the_shipped_manifest_names_known_labels_licences_and_most_languages() -> None:
    manifest = read_manifest()
    table = language_table()
    known = {table.family(language.name) for language in table.languages}
    labels = {label for source in manifest.source for label in source.labels}
    assert labels <= known
    assert set(manifest.confirm) <= known
    assert all(source.licence for source in manifest.source)
    assert len(labels & table.paper_names) > 250
