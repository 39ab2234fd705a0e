"""The wheel: everything that the program reads beside its code is in it, and it works without the source tree."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE_CODE = {".html", ".j2", ".jinja", ".json", ".toml", ".mako", ".typed", ".css", ".js", ".gz", ".jsonl"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: no wheel can be built without a network")
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("syncd/")}
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "syncd").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    suffixes = {Path(name).suffix for name in held}
    assert suffixes & BESIDE_CODE, suffixes
    for part in ("syncd/py.typed", "syncd/adapters/store/migrations/versions/r0001_first.py"):
        assert part in held
    for folder in ("syncd/report/templates/", "syncd/config/templates/", "syncd/adapters/sandbox/"):
        assert any(name.startswith(folder) and Path(name).suffix != ".py" for name in held), folder


def test_it_works_where_there_is_no_source_tree(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "PYTHONSAFEPATH": "1"}

    def syncd(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "syncd", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = subprocess.run(
        [sys.executable, "-c", "import syncd; print(syncd.__file__)"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(tmp_path))
    assert syncd("init", "shop").returncode == 0
    shop = tmp_path / "shop"
    made = syncd("provision", "--apply", cwd=shop)
    assert made.returncode == 0, made.stderr
    ran = syncd("reconcile", cwd=shop)
    assert "Traceback" not in ran.stderr
    assert syncd("status", cwd=shop).returncode == 0
