"""The schema: migrated equals declared, older is migrated, newer is refused."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from syncd.adapters.store import migrate, migrations, open_store, open_temporary, opening
from syncd.adapters.store.sqlite import SqliteDatabase
from syncd.adapters.store.sqlite_files import StoreFile
from syncd.adapters.store.tables import SCHEMA_REVISION, StoreTable
from syncd.errors import StateError
from tests.store.contract import FakeClock, new_pair

URL = "sqlite:///syncd.db"

NEXT = '''"""Next."""

from alembic import op
import sqlalchemy as sa

revision = "{later}"
down_revision = "{now}"


def upgrade():
    op.add_column("mappings", sa.Column("note", sa.String(), nullable=True))
    op.execute("UPDATE mappings SET note = 'migrated'")
    {failure}
'''
NOW = SCHEMA_REVISION
LATER = f"{int(NOW) + 1:04}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def older(tmp_path, clock) -> Path:
    """A store with one pair, of the present schema, which `newer_program` makes an older one."""
    store = open_store(URL, clock=clock, directory=tmp_path)
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("A", "1")], 0)
    lease.release()
    store.close()
    return tmp_path / "syncd.db"


@pytest.fixture
def newer_program(tmp_path_factory, monkeypatch):
    """Give the program a further revision, which runs `failure` at its end."""

    def install(failure: str = "pass") -> None:
        scripts = tmp_path_factory.mktemp("scripts") / "migrations"
        shutil.copytree(Path(migrations.__file__).parent, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        script = NEXT.format(later=LATER, now=NOW, failure=failure)
        (scripts / "versions" / f"r{LATER}_next.py").write_text(script)
        monkeypatch.setattr(migrate, "SCRIPTS", str(scripts))
        monkeypatch.setattr(opening, "SCHEMA_REVISION", LATER)

    return install


def read(path: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_migrated_schema_is_the_declared_one(tmp_path, clock, older):
    engine = create_engine(f"sqlite:///{older}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, StoreTable.metadata) == []
    engine.dispose()
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    StoreTable.metadata.create_all(fresh)
    fresh.dispose()
    # What compare_metadata does not see: conditions of indices, AUTOINCREMENT, actions of foreign keys.
    query = "SELECT type, name, replace(replace(replace(sql, char(10), ''), char(9), ''), ' ', '') FROM sqlite_master"
    migrated = {row for row in read(older, query) if "alembic_version" not in row[1]}
    assert migrated == set(read(tmp_path / "fresh.db", query))


def test_the_programs_revision_is_the_newest():
    assert migrate.revisions()[0] == SCHEMA_REVISION


def test_the_programs_sql_names_no_column_that_needs_quoting():
    for table in StoreTable.metadata.sorted_tables:
        connection = sqlite3.connect(":memory:")
        columns = ", ".join(column.name for column in table.columns)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
        connection.execute(f"SELECT {columns} FROM {table.name}")
        connection.close()


def test_an_older_store_is_migrated_after_a_copy_was_made(tmp_path, clock, older, newer_program):
    newer_program()
    store = open_store(URL, clock=clock, directory=tmp_path)
    assert store.totals("customer").pairs == 1
    store.close()
    assert read(older, "SELECT name, note FROM mappings") == [("customer", "migrated")]
    assert read(older, "SELECT version_num FROM alembic_version") == [(LATER,)]
    copy = tmp_path / f"syncd.db.before-{NOW}"
    assert read(copy, "SELECT version_num FROM alembic_version") == [(NOW,)]
    assert read(copy, "SELECT erpnext_name FROM pairs") == [("A",)]
    assert copy.stat().st_mode & 0o077 == 0
    open_store(URL, clock=clock, directory=tmp_path).close()


def test_a_migration_that_fails_changes_nothing(tmp_path, clock, older, newer_program):
    newer_program("raise RuntimeError('half way')")
    with pytest.raises(RuntimeError, match="half way"):
        open_store(URL, clock=clock, directory=tmp_path)
    assert read(older, "SELECT version_num FROM alembic_version") == [(NOW,)]
    with pytest.raises(sqlite3.OperationalError, match="note"):
        read(older, "SELECT note FROM mappings")
    assert (tmp_path / f"syncd.db.before-{NOW}").exists()
    newer_program()
    open_store(URL, clock=clock, directory=tmp_path).close()
    assert read(older, "SELECT note FROM mappings") == [("migrated",)]


def test_a_plan_on_an_older_store_leaves_it_as_it_is(tmp_path, clock, older, newer_program):
    newer_program()
    plan = open_temporary(URL, clock=clock, directory=tmp_path)
    assert plan.totals("customer").pairs == 1
    plan.close()
    assert read(older, "SELECT version_num FROM alembic_version") == [(NOW,)]
    assert [file.name for file in tmp_path.iterdir()] == ["syncd.db"]


def test_pairs_of_the_first_schema_may_differ_in_anything_until_they_agree_anew(tmp_path, clock):
    """0002: nothing was recorded of them, so the audit must not call them wrong."""
    database = SqliteDatabase(StoreFile(tmp_path / "syncd.db", "syncd.db"))
    database.create(lambda connection: migrate.migrate(connection, "0001"))
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO mappings (id, name, layout, fingerprint, halt) VALUES (1, 'c', 0, '', '')"
        )
        columns = "mapping_id, state, docstatus, layout, linked_erpnext, linked_source, external_id, erpnext_image"
        for row in ("1, 0, 0, 0, 0, 0, '1', x'5b5d'", "1, 4, 0, 0, 0, 0, '2', NULL"):
            connection.exec_driver_sql(f"INSERT INTO pairs ({columns}) VALUES ({row})")
    database.close()
    store = open_store(URL, clock=clock, directory=tmp_path)
    assert [pair.differs for pair, _ in store.pairs("c", after=0, limit=9, live=False)] == [("*",), ()]
    store.close()


@pytest.mark.parametrize("opener", [open_store, open_temporary])
def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path, clock, older, opener):
    connection = sqlite3.connect(older, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    before = older.read_bytes()
    with pytest.raises(StateError) as refusal:
        opener(URL, clock=clock, directory=tmp_path)
    for part in ("syncd.db", "0999", SCHEMA_REVISION):
        assert part in refusal.value.message
    assert "install a newer syncd" in refusal.value.hint
    assert "finds the pairs again" in refusal.value.hint
    assert older.read_bytes() == before
