"""The import directions hold, and every contract that says so bites.

A lint rule that nobody has seen fail may be one that cannot: each contract of `[tool.importlinter]` is run on a copy of
the package with a violation planted in it, and must be the only one that breaks.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
PLANTED = [
    # contract, package that gets a new module, what that module imports
    pytest.param("layers", "core", "syncd.ports.state", id="core looks up to ports"),
    pytest.param("layers", "ports", "syncd.config.settings", id="ports look up to config"),
    pytest.param("layers", "config", "syncd.app", id="config looks up to app"),
    pytest.param("layers", "config", "syncd.adapters.store", id="config looks up to an adapter"),
    pytest.param("layers", "config", "syncd.report", id="config looks up to report"),
    pytest.param("layers", "app", "syncd.adapters.erpnext", id="app sees an adapter"),
    pytest.param("layers", "adapters/erpnext", "syncd.app", id="an adapter sees app"),
    pytest.param("layers", "app", "syncd.report", id="app sees report"),
    pytest.param("layers", "report", "syncd.app", id="report sees app"),
    pytest.param("layers", "report", "syncd.adapters.store", id="report sees an adapter"),
    pytest.param("layers", "app", "syncd.bootstrap", id="app looks up to bootstrap"),
    pytest.param("layers", "adapters/store", "syncd.cli", id="an adapter looks up to cli"),
    pytest.param("adapters", "adapters/erpnext", "syncd.adapters.store", id="erpnext sees store"),
    pytest.param("adapters", "adapters/sources", "syncd.adapters.erpnext", id="sources see erpnext"),
    pytest.param("adapters", "adapters/store", "syncd.adapters.sources", id="store sees sources"),
    pytest.param("adapters", "adapters/sandbox", "syncd.adapters.erpnext", id="the sandbox sees erpnext"),
    pytest.param("core", "core", "socket", id="the core opens sockets"),
    pytest.param("core", "core", "time", id="the core reads a clock"),
    pytest.param("core", "core", "random", id="the core rolls dice"),
    pytest.param("core", "core", "logging", id="the core logs"),
    pytest.param("core", "core", "os", id="the core asks the system"),
    pytest.param("core", "ports", "threading", id="a port starts threads"),
    pytest.param("httpx", "app", "httpx", id="app speaks HTTP"),
    pytest.param("httpx", "adapters/sources", "httpx", id="the sources speak HTTP"),
    pytest.param("sqlmodel", "adapters/sources", "sqlmodel", id="the sources use SQLModel"),
    pytest.param("sqlmodel", "app", "alembic", id="app migrates"),
    pytest.param("sqlalchemy", "app", "sqlalchemy", id="app speaks SQL"),
    pytest.param("sqlalchemy", "cli", "sqlalchemy", id="cli speaks SQL"),
    pytest.param("apscheduler", "cli", "apscheduler", id="cli schedules"),
    pytest.param("deepdiff", "app", "deepdiff", id="app compares deeply"),
    pytest.param("toml", "app", "tomllib", id="app reads TOML"),
    pytest.param("toml", "cli", "tomli_w", id="cli writes TOML"),
    pytest.param("cel", "app", "cel", id="app evaluates expressions"),
    pytest.param("server", "app", "starlette", id="app serves HTTP"),
    pytest.param("server", "cli", "uvicorn", id="cli starts a server"),
    pytest.param("terminal", "report", "rich", id="report draws on a terminal"),
    pytest.param("terminal", "app", "typer", id="app parses arguments"),
    pytest.param("jinja2", "cli", "jinja2", id="cli renders templates"),
    pytest.param("structlog", "adapters/erpnext", "structlog", id="an adapter logs"),
    pytest.param("keyring", "app", "keyring", id="app opens the keyring"),
    pytest.param("tables", "app", "phonenumbers", id="app reads telephone numbers"),
    pytest.param("tables", "adapters/sources", "pycountry", id="the sources know countries"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the package and its settings, free to be spoilt."""
    shutil.copytree(ROOT / "syncd", tmp_path / "syncd", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, set[str], str]:
    """(exit code, names of the broken contracts, everything printed) of lint-imports in `folder`."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.*\))?\s*$", done.stdout, re.MULTILINE)
    return done.returncode, {name for name, verdict in verdicts if verdict == "BROKEN"}, done.stdout + done.stderr


def test_the_package_keeps_every_contract(copy: Path) -> None:
    code, broken, text = lint(copy)
    assert (code, broken) == (0, set()), text
    assert f"{len(CONTRACTS)} kept, 0 broken" in text


@pytest.mark.parametrize(("contract", "package", "imported"), PLANTED)
def test_a_planted_violation_breaks_its_contract_alone(copy: Path, contract: str, package: str, imported: str) -> None:
    (copy / "syncd" / package / "planted.py").write_text(f"import {imported}\n")
    code, broken, text = lint(copy)
    assert broken == {CONTRACTS[contract]}, text
    assert code == 1
    assert "planted" in text


def test_each_contract_has_a_planted_violation() -> None:
    assert {param.values[0] for param in PLANTED} == set(CONTRACTS)


def test_the_core_asks_no_clock_and_opens_no_file() -> None:
    """What no import shows: `datetime.now()` needs only `datetime`, `open` needs nothing."""
    clocks = {"now", "utcnow", "today"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for part in ("core", "ports")
        for path in sorted((ROOT / "syncd" / part).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in clocks)
            or (isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"})
        )
    ]
    assert found == []
