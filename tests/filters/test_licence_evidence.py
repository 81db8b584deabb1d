"""The nearest evidence wins, and evidence of another class is named."""

from pathlib import Path

import pytest

from gristmill.filters.licence_evidence import FileLicence, RepositoryLicences
from gristmill.filters.licence_manifest import is_manifest, manifest_licence

FIXTURES = Path(__file__).parents[2] / "fixtures"
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
    " and associated documentation files ... The above copyright notice and this permission notice"
    " shall be included in all copies"
)
GPL = "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007"


@pytest.fixture
def licences() -> RepositoryLicences:
    """An MIT repository with a GPL folder and a manifest that contradicts its licence file."""
    found = RepositoryLicences()
    found.add("LICENSE", MIT)
    found.add("third_party/x/COPYING.txt", GPL)
    found.add("packages/a/LICENSE", MIT)
    found.add("packages/a/package.json", '{"license": "GPL-2.0-only"}')
    found.add("packages/b/package.json", '{"license": "Apache-2.0"}')
    return found


def test_the_nearest_licence_file_counts(licences: RepositoryLicences) -> None:
    assert licences.of_file("src/deep/a.c", None) == FileLicence("MIT", "licence_file")
    assert licences.of_file("third_party/x/src/a.c", None).licence == "GPL-3.0"


def test_a_header_counts_before_any_file(licences: RepositoryLicences) -> None:
    found = licences.of_file("src/a.c", "GPL-2.0-or-later")
    assert found == FileLicence("GPL-2.0-or-later", "header", "licence_file: MIT")
    assert licences.of_file("src/b.c", "BSD-3-Clause").conflict is None


def test_a_manifest_counts_where_its_folder_has_no_licence_file(
    licences: RepositoryLicences,
) -> None:
    assert licences.of_file("packages/b/i.js", None) == FileLicence("Apache-2.0", "manifest")
    found = licences.of_file("packages/a/i.js", None)
    assert found == FileLicence("MIT", "licence_file", "manifest: GPL-2.0-only")


def test_what_the_forge_declares_counts_at_the_root(licences: RepositoryLicences) -> None:
    licences.declare("GPL-3.0")
    found = licences.of_file("a.c", None)
    assert found == FileLicence("GPL-3.0", "declared", "licence_file: MIT")


def test_what_the_forge_could_not_tell_is_no_evidence() -> None:
    found = RepositoryLicences()
    found.declare("NOASSERTION")
    assert found.of_file("a.c", None) == FileLicence()


def test_a_folder_of_licences_allows_each_of_them() -> None:
    found = RepositoryLicences()
    found.add("LICENSES/MIT.txt", MIT)
    found.add("LICENSES/GPL-3.0.txt", GPL)
    assert found.of_file("a.c", "MIT") == FileLicence("MIT", "header")
    assert found.of_file("b.c", None).licence == "GPL-3.0 AND MIT"


def test_a_licence_file_is_not_judged_by_what_its_text_names(licences: RepositoryLicences) -> None:
    assert licences.of_file("LICENSE", "GPL-1.0-or-later").licence == "MIT"


@pytest.mark.parametrize("path", ["LICENSE", "sub/COPYING.LESSER", "LICENSE-MIT", "x/LICENCE.md"])
def test_licence_files_are_told_by_their_names(path: str) -> None:
    assert RepositoryLicences.is_evidence(path)


@pytest.mark.parametrize("path", ["license.py", "src/licenses.json", "copyingx", "NOTICE"])
def test_sources_that_are_about_licences_are_no_licence_files(path: str) -> None:
    assert not RepositoryLicences.is_evidence(path)


@pytest.mark.parametrize(
    ("path", "text", "licence"),
    [
        ("package.json", '{"license": {"type": "MIT"}}', "MIT"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "Apache2"}]}', "MIT OR Apache2"),
        ("package.json", '{"license": "SEE LICENSE IN x"}', None),
        ("package.json", '{"license": "UNLICENSED"}', "UNLICENSED"),
        ("package.json", "[" * 100_000, None),
        ("a/Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("a/Cargo.toml", "[package]\nlicense.workspace = true\n", None),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD"}\n', "BSD-3-Clause"),
        (
            "pyproject.toml",
            '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]\n',
            "MIT",
        ),
        ("pyproject.toml", "not = = toml", None),
        ("setup.py", "setup(name='a', license='Apache 2.0')", "Apache-2.0"),
        ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
        ("a.gemspec", "  s.licenses    = ['MIT', 'Ruby']", "MIT OR Ruby"),
        ("a.cabal", "name: a\nLicense:   BSD3\n", "BSD-3-Clause"),
        (
            "pom.xml",
            "<licenses><license><name>Apache License, Version 2.0</name></license></licenses>",
            "Apache-2.0",
        ),
        ("DESCRIPTION", "Package: a\nLicense: MIT + file LICENSE\n", "MIT"),
    ],
)
def test_manifests_declare_a_licence(path: str, text: str, licence: str | None) -> None:
    assert is_manifest(path)
    assert manifest_licence(path, text) == licence


@pytest.mark.parametrize(
    ("path", "licence"),
    [
        ("hughsk__glsl-noise/package.json", "MIT"),
        ("expressjs__express/package.json", "MIT"),
        ("hukkin__tomli/pyproject.toml", "MIT"),
    ],
)
def test_real_manifests_are_read(path: str, licence: str) -> None:
    text = (FIXTURES / "repositories" / path).read_text("utf-8")
    assert manifest_licence(path, text) == licence
