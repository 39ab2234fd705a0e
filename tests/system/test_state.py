"""State stores that cannot be used: refused with the way out, never read as empty, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.harness import PROGRAM, Deployment, World, customers

COMMANDS = (("reconcile",), ("plan",))
SLOW = pytest.mark.slow
READING = (("status",), ("conflicts",), ("report", "list"))
DAMAGED = ("state/syncd.db", "nothing was changed", "put a backup of it back")


def _garbage(state: Path) -> None:
    state.write_bytes(b"this was a state store once " * 900)


def _cut(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:10_000])


def _empty(state: Path) -> None:
    state.write_bytes(b"")


def _holes(state: Path) -> None:
    held = bytearray(state.read_bytes())
    held[4096 * 2 : 4096 * 24] = os.urandom(4096 * 22)
    state.write_bytes(bytes(held))


def _other_program(state: Path) -> None:
    state.unlink()
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def _newer(state: Path) -> None:
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@dataclass(frozen=True)
class Case:
    """What became of the file, and what the text must hold."""

    what: str
    spoil: Callable[[Path], None]
    words: tuple[str, ...]
    quick: bool = True


CASES = (
    Case("garbage", _garbage, (*DAMAGED, "is no database, or its beginning is damaged")),
    Case("cut short", _cut, (*DAMAGED, "is cut short: 10000 bytes of")),
    Case("empty", _empty, (*DAMAGED, "is empty"), quick=False),
    Case("damaged pages", _holes, (*DAMAGED, "is damaged")),
    Case("another program's", _other_program, ("is no state store of syncd", "[state] url"), quick=False),
    Case("of a newer version", _newer, ("written by a newer syncd", "9999", "install a newer syncd")),
)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.what, marks=() if case.quick else SLOW) for case in CASES])
def test_it_is_refused_and_left_as_it_is(erp: World, case: Case) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    case.spoil(erp.deployment.state)
    held, mark, rows = erp.deployment.state.read_bytes(), erp.site.mark(), erp.shop.rows()
    for command in COMMANDS:
        done = erp.deployment.run(*command)
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        for words in case.words:
            assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert erp.deployment.state.read_bytes() == held
    assert erp.site.requests(mark) == []
    assert erp.shop.rows() == rows


def test_after_a_lost_state_the_pairs_are_found_by_their_ids_and_nothing_is_made_twice(erp: World) -> None:
    erp.shop.add(customers(40))
    erp.site.add(customer_name="Made at the site", customer_group="Commercial", territory="Rest Of The World")
    erp.deployment.reconcile()
    _garbage(erp.deployment.state)
    erp.deployment.state.rename(erp.deployment.state.with_suffix(".damaged"))
    again = erp.adopting()
    assert again["adopted"] == 41
    erp.agree()
    erp.quiet("--full")


def namespace(script: str) -> list[str]:
    """A shell in a mount namespace of its own: what it mounts nobody else sees, and it is gone with the shell."""
    return ["unshare", "--mount", "sh", "-c", script]


def mounts(command: str) -> bool:
    """Whether a mount can be made here, tried in a namespace of its own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(namespace(command), capture_output=True, check=False).returncode == 0


def in_shell(deployment: Deployment, script: str) -> str:
    done = subprocess.run(
        namespace(script), cwd=deployment.folder, env=deployment.env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def codes(out: str) -> list[int]:
    return [int(line.removeprefix("code ")) for line in out.splitlines() if line.startswith("code ")]


RUN = f"{PROGRAM} reconcile --json; echo code $?"


@pytest.mark.parametrize(
    "size",
    [pytest.param(100, marks=SLOW), 300, pytest.param(700, marks=SLOW), 1600, pytest.param(2600, marks=SLOW)],
    ids=lambda size: f"{size} KiB",
)
def test_a_full_disk_loses_nothing(erp: World, size: int) -> None:
    """Too small for the store, for its log, for the run: it says so, and goes on once there is room."""
    if not mounts("mount -t tmpfs -o size=1m none /mnt"):
        pytest.skip("no tmpfs can be mounted here: needs root and unshare(1)")
    erp.shop.add(customers(1500))
    out = in_shell(
        erp.deployment,
        f"mount -t tmpfs -o size={size}k none state && {{ {RUN}; mount -o remount,size=64m state && {RUN}; {RUN}; }}",
    )
    assert codes(out) == [2, 0, 0]
    first, second, third = documents(out)
    assert "disk is full" in str(first)
    assert "free space" in str(first)
    assert second["result"] == third["result"] == "in_sync"
    erp.agree()


def test_a_write_that_the_system_refuses_loses_nothing(erp: World) -> None:
    """The same where nothing can be mounted: no file of the process may grow beyond 256 KiB."""
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, 256 * 1024))

    with erp.shop.open() as connection:
        connection.execute("PRAGMA page_size = 512")
    erp.shop.add(customers(1000))
    done = erp.deployment.run("reconcile", preexec=limited)
    assert done.returncode in {2, 5}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "→" in done.stdout + done.stderr or "Next:" in done.stdout
    erp.deployment.reconcile()
    erp.agree()


def test_a_report_that_cannot_be_written_does_not_undo_the_run(erp: World) -> None:
    """A file lies where the folder of the reports should be."""
    erp.shop.add(customers(5))
    (erp.deployment.state.parent / "reports").write_text("in the way")
    done = erp.deployment.run("reconcile")
    assert done.returncode == 2
    assert "reports" in done.stderr
    assert "name another as `directory` under [reports] in syncd.toml" in done.stderr
    (run,) = json.loads(erp.deployment.run("report", "list", "--json").stdout)["runs"]
    assert (run["result"], run["report"]) == ("in_sync", None)
    assert run["finished"] is not None
    erp.quiet()
    erp.agree()


@pytest.mark.parametrize("command", [("reconcile",), *READING], ids=lambda command: command[-1])
def test_a_folder_that_may_not_be_written(erp: World, command: Sequence[str]) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    erp.shop.edit([1], url="https://new.example")
    mark = erp.site.mark()
    if os.geteuid() != 0:
        folder = erp.deployment.state.parent
        folder.chmod(0o555)
        erp.deployment.state.chmod(0o444)
        try:
            done = erp.deployment.run(*command)
        finally:
            folder.chmod(0o755)
            erp.deployment.state.chmod(0o600)
        code, text = done.returncode, done.stdout + done.stderr
    elif mounts("mount --bind /mnt /mnt && mount -o remount,bind,ro /mnt"):
        run = f"{PROGRAM} {' '.join(command)} 2>&1; echo code $?"
        text = in_shell(
            erp.deployment, f"mount --bind state state && mount -o remount,bind,ro state && cd . && {{ {run}; }}"
        )
        code = codes(text)[0]
    else:
        pytest.skip("root may write everywhere, and no read-only mount can be made here")
    assert "Traceback" not in text
    if command == ("reconcile",):
        assert code == 2, text
        assert "state/syncd.db" in text
        assert "the right to write the file and its folder" in text
        assert erp.site.writes(mark) == []
    else:
        assert code in {0, 2}, text
        assert code == 0 or "the right to write the file and its folder" in text
    assert erp.deployment.reconcile()["updated"]["erpnext"] == 1
