"""Opening a store: its file, what is refused, and what a person is told."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import event

from syncd.adapters.store import open_store, open_temporary, opening
from syncd.core.model import Side
from syncd.errors import ExitCode, StateError
from syncd.ports.state import MappingState
from tests.store.contract import FakeClock, new_pair, staged

URL = "sqlite:///state/syncd.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state" / "syncd.db"


def fill(store, pairs: int = 300) -> None:
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.set_state(MappingState(mapping="customer", layout=1, erpnext_fields=("a",), source_fields=("b",)))
        tx.add_pairs([new_pair(f"CUST-{number}", str(number)) for number in range(pairs)], 1)
    lease.release()


@pytest.fixture
def filled(tmp_path, clock, path) -> Path:
    store = open_store(URL, clock=clock, directory=tmp_path)
    fill(store)
    store.close()
    return path


def test_the_store_is_made_with_its_folder_and_for_its_owner_alone(tmp_path, clock, path):
    mask = os.umask(0)
    try:
        store = open_store(URL, clock=clock, directory=tmp_path)
        fill(store)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        store.close()
    finally:
        os.umask(mask)
    assert modes == {"syncd.db": 0o600, "syncd.db-wal": 0o600, "syncd.db-shm": 0o600}
    assert [file.name for file in path.parent.iterdir()] == ["syncd.db"], "nothing is left beside a closed store"


def test_what_was_stored_is_there_when_it_is_opened_again(tmp_path, clock, filled):
    store = open_store(URL, clock=clock, directory=tmp_path)
    assert store.totals("customer").pairs == 300
    store.close()
    absolute = open_store(f"sqlite:///{filled}", clock=clock, directory=Path("elsewhere"))
    assert absolute.totals("customer").pairs == 300
    absolute.close()


def test_writes_are_flushed_and_foreign_keys_hold(tmp_path, clock):
    store = open_store(URL, clock=clock, directory=tmp_path)
    with store._database.engine.connect() as connection:
        read = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert read == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_off_after_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"<html>not a database</html>" * 1000)


def overwrite_beginning(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0:64] = b"\xff" * 64
    path.write_bytes(content)


def overwrite_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def overwrite_all_but_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20 * 4096 :] = b"\xaa" * (len(content) - 20 * 4096)
    path.write_bytes(content)


def short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def lose_a_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE staged")
    connection.close()


def lose_the_revision(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        cut_off_after_page,
        empty,
        overwrite,
        overwrite_beginning,
        overwrite_schema,
        overwrite_all_but_schema,
        short,
        lose_a_table,
        lose_the_revision,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path, clock, filled, damage):
    damage(filled)
    before = filled.read_bytes()
    with pytest.raises(StateError) as refusal:
        open_store(URL, clock=clock, directory=tmp_path)
    assert "state/syncd.db" in refusal.value.message
    assert "finds the pairs again" in refusal.value.hint
    assert "put a backup of it back" in refusal.value.hint
    assert refusal.value.exit_code is ExitCode.USAGE
    assert filled.read_bytes() == before


def test_damage_found_on_the_way_is_named(tmp_path, clock, filled):
    with sqlite3.connect(filled) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_pairs_state'").fetchone()
    connection.close()
    content = bytearray(filled.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xaa" * 4096
    filled.write_bytes(content)
    store = open_store(URL, clock=clock, directory=tmp_path)
    with pytest.raises(StateError, match=r"state/syncd\.db: the file is damaged"):
        store.totals("customer")
    with pytest.raises(StateError, match="damaged"):
        list(store.pair_ids("customer"))
    store.close()


def test_the_log_of_a_lost_file_is_not_mixed_into_a_new_one(tmp_path, clock, path):
    store = open_store(URL, clock=clock, directory=tmp_path)
    fill(store)
    log = Path(f"{path}-wal").read_bytes()
    store.close()
    path.unlink()
    Path(f"{path}-wal").write_bytes(log)
    with pytest.raises(StateError, match=r"syncd\.db-wal is still there"):
        open_store(URL, clock=clock, directory=tmp_path)
    assert not path.exists()


def test_another_programs_database_is_refused(tmp_path, clock, path):
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    connection.close()
    with pytest.raises(StateError, match="no state store of syncd") as refusal:
        open_store(URL, clock=clock, directory=tmp_path)
    assert "[state] url" in refusal.value.hint


@pytest.mark.parametrize(
    ("description", "url"),
    [
        ("memory", "sqlite://"),
        ("named memory", "sqlite:///:memory:"),
        ("another database", "mysql://localhost/x"),
        ("another driver", "postgresql+asyncpg://localhost/x"),
        ("no URL", "state/syncd.db"),
    ],
)
def test_urls_that_name_no_file_are_refused(tmp_path, clock, description, url):
    with pytest.raises(StateError, match=r"\[state\] url"):
        open_store(url, clock=clock, directory=tmp_path)
    assert list(tmp_path.iterdir()) == [], description


def test_a_full_disk_undoes_the_step_and_keeps_what_was_there(tmp_path, clock, filled):
    store = open_store(URL, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    full = True

    @event.listens_for(store._database.engine, "begin")
    def limit(connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if full else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with (
        pytest.raises(StateError, match=r"state/syncd\.db: the disk is full") as refusal,
        store.transaction(lease) as tx,
    ):
        tx.add_pairs([new_pair(f"NEW-{number}", f"new-{number}") for number in range(5000)], 1)
    assert "free space" in refusal.value.hint
    assert store.totals("customer").pairs == 300
    full = False
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("NEW", "new")], 1)
    assert store.totals("customer").pairs == 301
    store.close()


def test_a_store_that_another_program_locks(tmp_path, clock, filled):
    store = open_store(URL, clock=clock, directory=tmp_path, busy_seconds=0.05)
    other = sqlite3.connect(filled, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match=r"another program keeps it locked") as refusal:
        store.acquire("customer", wait=0)
    assert "run again" in refusal.value.hint
    assert store.totals("customer").pairs == 300, "reading goes on"
    other.execute("ROLLBACK")
    other.close()
    store.acquire("customer", wait=0).release()
    store.close()


@pytest.fixture
def unprivileged():
    """A folder whose rights count: as root nothing is ever read-only."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0

    def become() -> None:
        if root:
            for place in (folder, *folder.rglob("*")):
                os.chown(place, 65534, 65534)
            os.seteuid(65534)

    yield folder, become
    if root:
        os.seteuid(0)
    folder.chmod(0o700)
    for place in folder.rglob("*"):
        place.chmod(0o700)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written(clock, unprivileged):
    folder, become = unprivileged
    folder.chmod(0o500)
    become()
    with pytest.raises(StateError, match=r"state/syncd\.db: permission denied") as refusal:
        open_store(URL, clock=clock, directory=folder)
    assert "rights" in refusal.value.hint


def test_a_file_that_may_not_be_written(clock, unprivileged):
    folder, become = unprivileged
    store = open_store(URL, clock=clock, directory=folder)
    fill(store)
    store.close()
    (folder / "state" / "syncd.db").chmod(0o400)
    (folder / "state").chmod(0o500)
    become()
    with pytest.raises(StateError, match=r"state/syncd\.db: .*(written|opened)") as refusal:
        open_store(URL, clock=clock, directory=folder)
    assert "the right to write" in refusal.value.hint
    plan = open_temporary(URL, clock=clock, directory=folder)
    assert plan.totals("customer").pairs == 300, "plan works on what may only be read"
    plan.close()


def test_a_file_that_may_not_be_read(clock, unprivileged):
    folder, become = unprivileged
    store = open_store(URL, clock=clock, directory=folder)
    store.close()
    (folder / "state" / "syncd.db").chmod(0o000)
    become()
    with pytest.raises(StateError, match=r"permission denied"):
        open_store(URL, clock=clock, directory=folder)


def _open_and_fill(directory: Path, number: int) -> None:
    store = open_store(URL, clock=FakeClock(), directory=directory)
    lease = store.acquire(f"m{number}", wait=0)
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("A", "1")], 0)
    lease.release()
    store.close()


def test_processes_that_make_the_store_at_once_share_one(tmp_path, clock):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_open_and_fill, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    store = open_store(URL, clock=clock, directory=tmp_path)
    assert [store.totals(f"m{number}").pairs for number in range(4)] == [1] * 4
    store.close()
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["syncd.db"]


def test_a_store_whose_making_fails_is_not_there(tmp_path, clock, path, monkeypatch):
    def fail(connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (done INTEGER)")
        raise RuntimeError("killed")

    monkeypatch.setattr(opening, "_fill", fail)
    with pytest.raises(RuntimeError, match="killed"):
        open_store(URL, clock=clock, directory=tmp_path)
    assert list(path.parent.iterdir()) == []


# Copies


def test_a_temporary_store_holds_the_present_and_goes(tmp_path, clock, filled):
    before = filled.read_bytes()
    store = open_store(URL, clock=clock, directory=tmp_path)
    running = store.acquire("customer", wait=0)
    plan = open_temporary(URL, clock=clock, directory=tmp_path)
    folder = plan._database.folder
    lease = plan.acquire("customer", wait=0)
    with plan.transaction(lease) as tx:
        tx.stage([staged(Side.SOURCE, "x")])
        tx.add_pairs([new_pair("N", "n")], 1)
    assert plan.totals("customer").pairs == 301
    assert folder.stat().st_mode & 0o077 == 0
    plan.close()
    assert not folder.exists()
    assert (store.totals("customer").pairs, store.totals("customer").staged) == (300, 0)
    running.beat()
    running.release()
    store.close()
    assert len(filled.read_bytes()) == len(before)


def test_a_temporary_store_makes_no_store(tmp_path, clock):
    plan = open_temporary(URL, clock=clock, directory=tmp_path)
    assert plan.totals("customer").pairs == 0
    plan.acquire("customer", wait=0).release()
    plan.close()
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_store_of_a_damaged_one_is_refused(tmp_path, clock, filled):
    truncate(filled)
    with pytest.raises(StateError, match=r"state/syncd\.db"):
        open_temporary(URL, clock=clock, directory=tmp_path)


def test_a_transaction_wants_a_lease_of_this_store(tmp_path, clock):
    class Stranger:
        mapping = "customer"

    store = open_store(URL, clock=clock, directory=tmp_path)
    with pytest.raises(TypeError, match="no lease of this store"), store.transaction(Stranger()):
        pass
    store.close()
