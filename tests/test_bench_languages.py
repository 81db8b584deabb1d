"""The comparison of detectors runs with one command, and no peer is left out in silence."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.filters.content_samples import sample_digest

ROOT = Path(__file__).parents[1]
PEERS = {"linguist", "enry", "pygments", "magika"}
SAMPLES = {
    "a/one.py": ("Python", "import os\n\n\ndef name():\n    return os.name\n"),
    "b/two.rs": ("Rust", "fn main() {}\n"),
    "b/three.md": ("", "# Title\n\nText.\n"),
}


@pytest.mark.slow
def test_every_detector_is_measured_or_named(tmp_path: Path) -> None:
    lines = ["file\tlabel338\trepository\tpath"]
    for name, (label, text) in SAMPLES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        lines.append(f"{name}\t{label}\t{name[0]}\tsrc/{name}")
    (tmp_path / "labels.tsv").write_text("\n".join(lines) + "\n")
    frozen = [sample_digest(text) for label, text in SAMPLES.values() if label]
    (tmp_path / "frozen.txt").write_text("\n".join(frozen))
    command: list[str | Path] = [
        sys.executable,
        ROOT / "bench/languages.py",
        "--json",
        "--samples",
        tmp_path,
    ]
    command += ["--frozen", tmp_path / "frozen.txt", "--out", tmp_path / "out"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert all(list(row) == ["name", "ours", "peer", "ratio"] for row in rows)
    for peer in PEERS:
        measured = any(row["name"] == f"all/accuracy_names/{peer}" for row in rows)
        assert measured != (f"{peer}: not run. " in ran.stderr)
    (ours,) = {row["ours"] for row in rows if row["name"].startswith("all/accuracy_names/")} or {1}
    assert ours == 1
    with (tmp_path / "out/recall.csv").open(newline="") as stream:
        assert {row["language"] for row in csv.DictReader(stream)} == {"Python", "Rust"}
    assert (tmp_path / "out/confusion.csv").read_text().startswith("language,predicted,count,mode")
    assert "<script" not in (tmp_path / "out/report.html").read_text()
