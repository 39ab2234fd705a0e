"""A store as a whole: backed up, looked at, upgraded, moved aside; and two versions of the program on one store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syncd.adapters.store import care, leases, migrate, migrations, open_store, open_temporary, opening, verifying
from syncd.core.model import PairState, Side
from syncd.errors import LeaseHeldError, StateError
from syncd.ports.state import MappingState, StagedState
from tests.store.contract import FakeClock, new_pair, operation, staged

WIDTH = "has another number of fields than its layout"
FILE = "sqlite:///state/syncd.db"
NEXT = '''"""A note for each mapping."""

from alembic import op
import sqlalchemy as sa

revision = "%s"
down_revision = "%s"


def upgrade():
    op.add_column("mappings", sa.Column("note", sa.String(), nullable=True))
'''
NOW = opening.SCHEMA_REVISION
LATER = f"{int(NOW) + 1:04}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state" / "syncd.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request) -> str:
    """Both kinds of store."""
    return FILE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def fill(url: str, directory: Path, clock: FakeClock, pairs: int = 300) -> None:
    store = open_store(url, clock=clock, directory=directory)
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.set_state(MappingState(mapping="customer", layout=1, erpnext_fields=("a", "b"), source_fields=("c", "d")))
        tx.add_pairs([new_pair(f"CUST-{number}", str(number)) for number in range(pairs)], 1)
    lease.release()
    store.close()


@pytest.fixture
def newer_program(tmp_path_factory, monkeypatch):
    """From now on this is the program's next version, with one revision more."""

    def install() -> None:
        scripts = tmp_path_factory.mktemp("scripts") / "migrations"
        shutil.copytree(Path(migrations.__file__).parent, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / f"r{LATER}_next.py").write_text(NEXT % (LATER, NOW))
        monkeypatch.setattr(migrate, "SCRIPTS", str(scripts))
        monkeypatch.setattr(opening, "SCHEMA_REVISION", LATER)
        monkeypatch.setattr(verifying, "SCHEMA_REVISION", LATER)

    return install


def messages(found: verifying.Verified) -> list[str]:
    return [f"{each.mapping}: {each.message}" if each.mapping else each.message for each in found.findings]


# Verify


def test_a_whole_store_has_no_findings(url, tmp_path, clock):
    fill(url, tmp_path, clock)
    found = verifying.verify_store(url, directory=tmp_path)
    assert (found.whole, found.pairs, found.staged, found.findings) == (True, 300, 0, ())
    assert found.revision == opening.SCHEMA_REVISION


def test_what_contradicts_itself_is_found(url, tmp_path, clock):
    fill(url, tmp_path, clock, 1)
    store = open_store(url, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.stage([staged(Side.SOURCE, "x", pair=99_999, state=StagedState.NEW, values=["1", "2"])])
        tx.add_pairs([new_pair("no baseline", "a", erpnext_image=None)], 1)
        tx.add_pairs([new_pair("no layout", "b", state=PairState.HELD)], 7)
        tx.add_pairs([new_pair(None, "c")], 1)
        tx.add_pairs([new_pair("narrow", "d", source_image=b"[1]")], 1)
        tx.add_pairs([new_pair("garbage", "e", source_image=b"\x00")], 1)
        tx.journal([operation("k", records=b"[1]")])
    found = verifying.verify_store(url, directory=tmp_path)
    assert not found.whole
    assert messages(found) == [
        "customer: 1 staged row(s) of a pair that does not exist",
        "customer: 1 pair(s) that count as agreed, but without a baseline of both sides",
        "customer: 1 pair(s) that count as agreed, but without the key of one side",
        "customer: 1 pair(s) whose baseline has fields that are not recorded",
        f"customer: 1 pair(s) whose baseline {WIDTH} (one of them: ERPNext narrow, source d)",
        "customer: 1 pair(s) whose baseline cannot be read (one of them: ERPNext garbage, source e)",
        "customer: 1 open operation(s) that cannot be read (one of them: k)",
        "customer: 1 operation(s) were sent and have no outcome yet: the next run looks at what was done",
    ]
    store.close()


def test_a_look_at_a_store_in_use_changes_nothing(tmp_path, clock, path):
    fill(FILE, tmp_path, clock)
    store = open_store(FILE, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("uncommitted", "x")], 1)
        before = [part.read_bytes() for part in (path, Path(f"{path}-wal"))]
        assert verifying.verify_store(FILE, directory=tmp_path).pairs == 300
        assert [part.read_bytes() for part in (path, Path(f"{path}-wal"))] == before
    store.close()


def _damage_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_pairs_state'").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xaa" * 4096
    path.write_bytes(content)


def _lose_index_row(path: Path) -> None:
    """An index that misses a row: what SQLite's quick check does not see."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE name = 'ix_pairs_state'")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_pairs_state'")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM pairs WHERE external_id = '7'")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_master SELECT * FROM kept")


@pytest.mark.parametrize("damage", [_damage_index, _lose_index_row], ids=["a page", "an index that has a row more"])
def test_damage_where_no_opening_looks_is_found(tmp_path, clock, path, damage):
    fill(FILE, tmp_path, clock)
    damage(path)
    found = verifying.verify_store(FILE, directory=tmp_path)
    assert not found.whole
    assert all(text.startswith("the file is damaged") for text in messages(found))


# Backup


def test_a_backup_is_a_whole_store_made_while_it_is_in_use(tmp_path, clock):
    fill(FILE, tmp_path, clock)
    store = open_store(FILE, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    target = tmp_path / "copy.db"
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("uncommitted", "x")], 1)
        care.backup_store(FILE, target, directory=tmp_path, replace=False)
    store.close()
    assert target.stat().st_mode & 0o777 == 0o600
    assert verifying.verify_store("sqlite:///copy.db", directory=tmp_path).pairs == 300


def test_a_damaged_store_does_not_take_a_good_backups_place(tmp_path, clock, path):
    fill(FILE, tmp_path, clock)
    target = tmp_path / "copy.db"
    care.backup_store(FILE, target, directory=tmp_path, replace=False)
    good = target.read_bytes()
    _damage_index(path)
    with pytest.raises(StateError, match="no copy was made") as refusal:
        care.backup_store(FILE, target, directory=tmp_path, replace=True)
    assert "syncd state rebuild" in refusal.value.hint
    assert target.read_bytes() == good
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "state"]


# Upgrade, and two versions of the program


def test_an_upgrade_says_what_it_does_and_keeps_what_was_there(url, tmp_path, clock, newer_program):
    fill(url, tmp_path, clock)
    newer_program()
    (note,) = messages(verifying.verify_store(url, directory=tmp_path))
    assert note.startswith(
        f"its schema is the older {NOW}: `syncd state upgrade`, or the next run, brings it to {LATER}"
    )
    done = care.upgrade_store(url, directory=tmp_path, clock=clock)
    assert (done.before, done.after, done.steps) == (NOW, LATER, ((LATER, "A note for each mapping."),))
    if url == FILE:
        assert done.copy == f"state/syncd.db.before-{NOW}"
        assert verifying.verify_store(f"sqlite:///{done.copy}", directory=tmp_path).revision == NOW
    else:
        assert done.copy == ""
    again = care.upgrade_store(url, directory=tmp_path, clock=clock)
    assert (again.before, again.steps) == (LATER, ())
    assert verifying.verify_store(url, directory=tmp_path).pairs == 300


def test_a_plan_on_an_older_store_leaves_it_as_it_is(url, tmp_path, clock, newer_program):
    fill(url, tmp_path, clock)
    newer_program()
    plan = open_temporary(url, clock=clock, directory=tmp_path)
    assert plan.totals("customer").pairs == 300
    plan.close()
    assert verifying.verify_store(url, directory=tmp_path).revision == NOW


def test_nothing_is_upgraded_under_the_feet_of_a_run(url, tmp_path, clock, newer_program):
    fill(url, tmp_path, clock)
    older = open_store(url, clock=clock, directory=tmp_path)
    lease = older.acquire("customer", wait=0)
    newer_program()
    for attempt in (
        lambda: open_store(url, clock=clock, directory=tmp_path),
        lambda: care.upgrade_store(url, directory=tmp_path, clock=clock),
    ):
        with pytest.raises(LeaseHeldError, match=f"process {os.getpid()} .* holds mapping customer") as refusal:
            attempt()
        assert "stop the daemon" in refusal.value.hint
    with older.transaction(lease) as tx:
        tx.add_pairs([new_pair("goes on", "x")], 1)
    lease.release()
    older.close()
    open_store(url, clock=clock, directory=tmp_path).close()
    assert verifying.verify_store(url, directory=tmp_path).pairs == 301


def test_a_program_whose_store_was_upgraded_writes_nothing_more(url, tmp_path, clock, newer_program):
    fill(url, tmp_path, clock)
    older = open_store(url, clock=clock, directory=tmp_path)
    newer_program()
    open_store(url, clock=clock, directory=tmp_path).close()
    assert older.totals("customer").pairs == 300
    with pytest.raises(StateError, match="another version of syncd has upgraded the state store") as refusal:
        older.acquire("customer", wait=0)
    assert "start the version that upgraded it" in refusal.value.hint
    older.close()


def _deleted(path: Path) -> None:
    path.unlink()


def _moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def _replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").rename(path)


@pytest.mark.parametrize("change", [_deleted, _moved, _replaced])
def test_a_program_whose_file_was_taken_away_records_nothing_where_nobody_looks(tmp_path, clock, path, change):
    fill(FILE, tmp_path, clock, 4)
    store = open_store(FILE, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    change(path)
    with pytest.raises(StateError, match="moved away, deleted or replaced while it was in use") as refusal:
        lease.beat()
    assert "start it again" in refusal.value.hint
    with pytest.raises(StateError, match="moved away"):
        store.totals("customer")
    store.close()


# Moved aside


def test_a_whole_store_is_moved_aside_only_when_it_is_meant(url, tmp_path, clock):
    fill(url, tmp_path, clock, 4)
    with pytest.raises(StateError, match="is whole and holds 4 pairs") as refusal:
        care.set_aside_store(url, directory=tmp_path, clock=clock, force=False)
    assert "syncd reconcile --full" in refusal.value.hint
    aside = care.set_aside_store(url, directory=tmp_path, clock=clock, force=True)
    assert "replaced" in aside
    with pytest.raises(StateError, match="there is no state store"):
        care.require_store(url, directory=tmp_path)
    fresh = open_store(url, clock=clock, directory=tmp_path)
    assert fresh.totals("customer").pairs == 0
    fresh.close()


def test_an_empty_store_a_lost_one_and_an_older_one(url, tmp_path, clock, newer_program):
    assert care.set_aside_store(url, directory=tmp_path, clock=clock, force=False) == ""
    open_store(url, clock=clock, directory=tmp_path).close()
    assert "replaced" in care.set_aside_store(url, directory=tmp_path, clock=clock, force=False)
    clock.sleep(1)
    fill(url, tmp_path, clock, 4)
    newer_program()
    with pytest.raises(StateError, match="is whole and holds 4 pairs"):
        care.set_aside_store(url, directory=tmp_path, clock=clock, force=False)


def test_a_store_that_is_held_stays(url, tmp_path, clock):
    fill(url, tmp_path, clock, 4)
    store = open_store(url, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    with pytest.raises(LeaseHeldError):
        care.set_aside_store(url, directory=tmp_path, clock=clock, force=True)
    lease.release()
    store.close()


HOLD_OPEN = """
import sys
from pathlib import Path
from syncd.adapters.store import open_store
from tests.store.contract import FakeClock
store = open_store(sys.argv[2], clock=FakeClock(), directory=Path(sys.argv[1]))
store.totals("customer")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_that_another_process_has_open_stays(url, tmp_path, clock):
    fill(url, tmp_path, clock, 4)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_OPEN, str(tmp_path), url],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StateError, match="has the state store open") as refusal:
            care.set_aside_store(url, directory=tmp_path, clock=clock, force=True)
        assert "stop the daemon" in refusal.value.hint
    finally:
        process.communicate()
    assert "replaced" in care.set_aside_store(url, directory=tmp_path, clock=clock, force=True)


def test_nothing_is_written_over(tmp_path, clock, path):
    fill(FILE, tmp_path, clock, 4)
    first = care.set_aside_store(FILE, directory=tmp_path, clock=clock, force=True)
    fill(FILE, tmp_path, clock, 5)
    with pytest.raises(StateError, match="there is a file already"):
        care.set_aside_store(FILE, directory=tmp_path, clock=clock, force=True)
    assert verifying.verify_store(f"sqlite:///{first}", directory=tmp_path).pairs == 4
    assert verifying.verify_store(FILE, directory=tmp_path).pairs == 5


def test_who_holds_what_is_told_of_the_living_alone(url, tmp_path, clock):
    store = open_store(url, clock=clock, directory=tmp_path)
    store.acquire("customer", wait=0)
    store.acquire("item", wait=0).release()
    database = opening.database_at(url, tmp_path)
    with database.reading() as connection:
        assert [name for name, _ in leases.held(connection, clock.now())] == ["customer"]
    clock.sleep(61)
    with database.reading() as connection:
        assert leases.held(connection, clock.now()) == []
    database.close()
    store.close()
