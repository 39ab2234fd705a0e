"""What `make run` shows, run with the real commands in a deployment of its own: the first time, and again."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from demo.stories import Story, write_demo

ROOT = Path(__file__).resolve().parents[2]
TOLD = write_demo().told


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)


def syncd(deployment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("syncd"))
    return command(program, "--config", str(deployment / "syncd.toml"), *arguments)


def build(deployment: Path) -> subprocess.CompletedProcess[str]:
    return command(sys.executable, "-m", "demo.build", "--deployment", str(deployment))


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(done.stdout)["mappings"]["customer"]
    return found


def shop(deployment: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(deployment / "state" / "shop.db")) as connection:
        return connection.execute(query).fetchall()


def deployment_in(folder: Path) -> Path:
    shutil.copy(ROOT / "syncd.toml", folder)
    shutil.copytree(ROOT / "mappings", folder / "mappings")
    (folder / "state").mkdir()
    return folder


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = deployment_in(tmp_path_factory.mktemp("demo"))
    built = build(folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def first(deployment: Path) -> subprocess.CompletedProcess[str]:
    return syncd(deployment, "reconcile", "--json")


def test_the_first_run_ends_as_the_demo_says(first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 3, first.stderr
    found = counts(first)
    assert found["created"] == {"erpnext": TOLD[Story.NEW][0], "source": TOLD[Story.ONLY_ERPNEXT][1]}
    adopted = (Story.SAME, Story.GAPS, Story.DIFFERS, Story.BY_NAME, Story.CONFLICT)
    assert found["adopted"] == sum(TOLD[story][0] for story in adopted)
    unknown = sum(TOLD[Story.AMBIGUOUS])
    assert (found["conflicts"], found["held"]) == (TOLD[Story.CONFLICT][0], TOLD[Story.CONFLICT][0] + unknown)
    assert found["failed"] == TOLD[Story.REFUSED][0] + TOLD[Story.NO_COUNTRY][1]
    assert found["deleted"] == {"erpnext": 0, "source": 0}
    assert found["error"] is None
    assert found["halt"] is None


def test_the_page_about_the_demo_tells_the_same_numbers(first: subprocess.CompletedProcess[str]) -> None:
    page = (ROOT / "demo" / "README.md").read_text()
    found = counts(first)
    for key in ("seen", "created", "updated"):
        sides = found[key]
        assert isinstance(sides, dict)
        assert f"| {key} | {sides['erpnext']:,} in ERPNext, {sides['source']:,} in the shop |" in page
    for key in ("adopted", "linked", "held", "failed"):
        assert f"| {key} | {found[key]:,}" in page


def test_the_report_lies_where_the_run_says(deployment: Path, first: subprocess.CompletedProcess[str]) -> None:
    run = json.loads(first.stdout)["run"]
    assert (deployment / "state" / "reports" / f"{run}.json").is_file()
    assert (deployment / "state" / "reports" / f"{run}.html").is_file()


@pytest.mark.parametrize("again", [(), ("--full",)], ids=["an ordinary pass", "a full pass"])
def test_a_second_run_writes_nothing(
    deployment: Path, first: subprocess.CompletedProcess[str], again: tuple[str, ...]
) -> None:
    before = shop(deployment, "SELECT * FROM customers ORDER BY id")
    second = syncd(deployment, "reconcile", "--json", *again)
    assert second.returncode == 3, second.stderr
    found = counts(second)
    nothing = {"erpnext": 0, "source": 0}
    assert [found[key] for key in ("created", "updated", "deleted", "linked", "adopted", "disagree")] == [
        nothing,
        nothing,
        nothing,
        0,
        0,
        0,
    ]
    assert (found["held"], found["failed"]) == (counts(first)["held"], counts(first)["failed"])
    assert shop(deployment, "SELECT * FROM customers ORDER BY id") == before


def test_a_third_run_says_in_words_that_there_is_nothing_to_do(
    deployment: Path, first: subprocess.CompletedProcess[str]
) -> None:
    said = syncd(deployment, "reconcile")
    assert said.returncode == 3
    assert re.search("nothing (new )?to do", said.stdout, re.IGNORECASE)
    assert f"{counts(first)['held']} records wait for a person" in said.stdout


def test_building_again_changes_nothing(deployment: Path, first: subprocess.CompletedProcess[str]) -> None:
    before = (deployment / "state" / "shop.db").read_bytes()
    again = build(deployment)
    assert (again.returncode, again.stdout) == (0, "")
    assert (deployment / "state" / "shop.db").read_bytes() == before


def test_a_shop_that_went_missing_is_not_rebuilt_under_a_state_that_remembers_it(
    deployment: Path, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    copy = deployment_in(tmp_path)
    shutil.copy(deployment / "state" / "syncd.db", copy / "state")
    done = build(copy)
    assert done.returncode == 1
    assert "make clean" in done.stderr
    assert not (copy / "state" / "shop.db").exists()


def test_a_state_without_pairs_is_not_in_the_way(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path)
    assert syncd(deployment, "status").returncode == 0
    assert (deployment / "state" / "syncd.db").exists()
    assert build(deployment).returncode == 0
