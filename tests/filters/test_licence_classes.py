"""Classes of licences, of expressions, and the names that package managers use."""

import json
from pathlib import Path

import pytest

from gristmill.filters.licence_classes import IDS, licence_class, licence_ids, spdx_id

CATEGORIES = {
    "permissive": {"Permissive", "Public Domain"},
    "weak_copyleft": {"Copyleft Limited"},
    "copyleft": {"Copyleft"},
}


def test_every_class_is_that_of_the_licence_database() -> None:
    package = pytest.importorskip("license_expression")
    index = Path(package.__file__).parent / "data/scancode-licensedb-index.json"
    categories = {}
    for entry in json.loads(index.read_text("utf-8")):
        for name in (entry.get("spdx_license_key"), *entry.get("other_spdx_license_keys", ())):
            categories[name] = entry["category"]
    for kind, names in IDS.items():
        for name in names:
            found = categories.get(name) or categories[f"{name}-only"]
            assert found in CATEGORIES[kind], name


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "permissive"),
        ("mit", "permissive"),
        ("GPL-2.0-only", "copyleft"),
        ("GPL-3.0+", "copyleft"),
        ("LGPL-2.1-or-later", "weak_copyleft"),
        ("MIT OR GPL-2.0-only", "permissive"),
        ("MIT AND GPL-2.0-only", "copyleft"),
        ("(GPL-2.0+ OR MIT)", "permissive"),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", "permissive"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak_copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("SSPL-1.0", "other"),
        ("MIT AND BUSL-1.1", "other"),
        ("LicenseRef-mine", "other"),
        ("MIT OR", "other"),
        ("(MIT", "other"),
        ("", "other"),
        ("(" * 5000, "other"),
    ],
)
def test_expressions_have_a_class(expression: str, kind: str) -> None:
    assert licence_class(expression) == kind


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("gpl-3.0-or-later", "GPL-3.0-or-later"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
        ("BSD", "BSD-3-Clause"),
        ("Commercial", "Commercial"),
    ],
)
def test_names_of_package_managers_become_spdx_ids(name: str, expected: str) -> None:
    assert spdx_id(name) == expected


def test_the_ids_of_an_expression_have_no_operators() -> None:
    assert licence_ids("(GPL-2.0+ OR MIT) AND Zlib") == {"GPL-2.0", "MIT", "Zlib"}
