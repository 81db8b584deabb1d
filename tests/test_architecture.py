"""The walls of the house: who may import whom, and what must not be loaded for --help."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "corpus": set(),
    "filters": {"corpus"},
    "dedup": {"corpus", "filters"},
    "trainer": {"corpus"},
    "pipelines": {"corpus", "filters", "dedup", "trainer"},
}
MODULES = sorted(
    path for folder in ALLOWED for path in (ROOT / folder).rglob("*.py") if path.is_file()
)


def imports_of(path: Path) -> set[str]:
    """Return the absolute dotted names that a module imports, ours as gristmill.FOLDER...."""
    package = ("gristmill", *path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join((*base, *((node.module,) if node.module else ()))))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_folders_import_only_what_lies_below_them(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    used = {name.split(".")[1] for name in imports_of(path) if name.startswith("gristmill.")}
    assert used - {folder} <= ALLOWED[folder]


def test_only_the_command_imports_the_trainer() -> None:
    users = {
        path.name
        for path in MODULES
        if path.parent == ROOT / "pipelines"
        and any(name.startswith("gristmill.trainer") for name in imports_of(path))
    }
    assert users <= {"train_cli.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_engine_imports_ray(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() != "pipelines/engine.py":
        assert "ray" not in {name.split(".")[0] for name in imports_of(path)}


def test_help_loads_neither_ray_nor_torch_nor_pyarrow() -> None:
    code = (
        "import sys\n"
        "from gristmill.pipelines.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print(sorted({'ray', 'torch', 'pyarrow', 'duckdb', 'numpy'} & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_a_build_with_nothing_to_do_does_not_load_ray(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from gristmill.pipelines.engine import Engine, RayExecutor\n"
        "RayExecutor(workers=2, address=None).close()\n"
        "print('ray' in sys.modules)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert shown.stdout.strip() == "False"


def test_only_one_name_reaches_site_packages() -> None:
    assert sorted(path.name for path in (ROOT / "src").iterdir() if path.suffix != ".egg-info") == [
        "gristmill"
    ]
    for folder in ALLOWED:
        link = ROOT / "src/gristmill" / folder
        assert link.is_symlink()
        assert link.resolve() == ROOT / folder


def test_the_wheel_holds_one_package_with_its_data(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = tmp_path / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", tmp_path, tmp_path / "source"],
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"gristmill"}
    recipes = (
        "demo.toml",
        "web_recall.toml",
        "web_recall/math-seeds.txt",
        "web_recall/math-audit.tsv",
    )
    shipped = (
        *("filters/languages.toml", "fixtures/NOTICE.tsv"),
        *(f"pipelines/recipes/{name}" for name in recipes),
        *(f"trainer/recipes/{name}.toml" for name in ("ablation_demo", "tiny_demo", "lite", "v2")),
    )
    assert {f"gristmill/{name}" for name in (*shipped, "py.typed")} <= names
