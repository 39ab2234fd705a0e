"""Opening the state store: made where it is not there, migrated where older, refused where newer or damaged."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from syncd.adapters.store import leases, postgresql, sqlite, statements
from syncd.adapters.store.codec import LEASES
from syncd.adapters.store.database import Database, NewerStoreError
from syncd.adapters.store.faults import explained_file, state_error
from syncd.adapters.store.hints import DAMAGED_HINT
from syncd.adapters.store.postgresql import PostgresDatabase
from syncd.adapters.store.repository import SqlStateStore
from syncd.adapters.store.sqlite import SqliteDatabase
from syncd.adapters.store.sqlite_files import StoreFile
from syncd.adapters.store.tables import SCHEMA_REVISION, StoreTable
from syncd.errors import LeaseHeldError, StateError, SyncdError
from syncd.ports.endpoint import Clock

URL_HINT = 'write url = "sqlite:///state/syncd.db", or url = "postgresql://USER:PASSWORD@HOST/DATABASE"'
_READ_ERRORS = (DatabaseError, sqlite3.DatabaseError)


def database_at(url: str, directory: Path, busy_seconds: float | None = None) -> Database:
    """The database that `[state] url` names; files are relative to `directory`. Nothing is opened yet.

    `busy_seconds` is how long a statement waits for another process. Raises `StateError` for any other URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StateError("[state] url is no database URL", hint=URL_HINT) from error
    if parsed.drivername in postgresql.SCHEMES:
        return PostgresDatabase(parsed, busy_seconds=busy_seconds or postgresql.BUSY_SECONDS)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StateError(
            f"[state] url names neither a file of SQLite nor a PostgreSQL database ({parsed.drivername})", hint=URL_HINT
        )
    file = StoreFile(directory / parsed.database, parsed.database)
    return SqliteDatabase(file, busy_seconds=busy_seconds or sqlite.BUSY_SECONDS)


def open_store(url: str, *, clock: Clock, directory: Path, busy_seconds: float | None = None) -> SqlStateStore:
    """Open the store at `url` (`sqlite:///state/syncd.db`, relative to `directory`); make it where there is none.

    A store of an older schema is migrated, as `upgrade_store` does it. Raises `StateError` for a store that is damaged,
    newer, or cannot be written, and `LeaseHeldError` for an older one that a run is using.
    """
    database = database_at(url, directory, busy_seconds)
    try:
        if not database.exists():
            database.create(_fill)
        database.inspect()
        upgrade_database(database, clock)
        _probe(database)
    except BaseException:
        database.close()
        raise
    return SqlStateStore(database, clock, revision=SCHEMA_REVISION)


def open_temporary(url: str, *, clock: Clock, directory: Path) -> SqlStateStore:
    """A store of its own with what the one at `url` holds now, leases aside; nothing where there is none.

    It lies in a temporary folder and goes when it is closed; the store itself is only read, and not made.
    """
    database = database_at(url, directory)
    with explained_file("the folder for temporary files"):
        folder = Path(tempfile.mkdtemp(prefix="syncd-"))
    draft = SqliteDatabase(StoreFile(folder / "plan.db", database.name), synchronous="OFF", folder=folder)
    try:
        if database.exists():
            database.inspect()
            if isinstance(database, PostgresDatabase):
                # Its rows are copied by their columns. A file is copied as it is, and may be one that is only readable.
                _known_revision(database)
            database.copy(draft.file.path)
        else:
            draft.create(_fill)
        _without_leases(draft)
        upgrade_database(draft, clock, keep_copy=False)
        _probe(draft)
    except BaseException:
        draft.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        database.close()
    return SqlStateStore(draft, clock, revision=SCHEMA_REVISION)


def _fill(connection: Connection) -> None:
    from syncd.adapters.store.migrate import migrate

    migrate(connection)


def _without_leases(draft: SqliteDatabase) -> None:
    """Whoever runs now holds the store itself, not a copy of it."""
    try:
        with draft.writing() as connection:
            statements.run(connection, f"DELETE FROM {LEASES.name}")
    except _READ_ERRORS as error:
        raise _unreadable(draft, error) from error


def stored_revision(database: Database) -> str:
    """The schema that a store says it has. Raises `StateError` where it cannot be read."""
    try:
        with database.reading() as connection:
            rows = statements.select(connection, "SELECT version_num FROM alembic_version")
    except _READ_ERRORS as error:
        raise _unreadable(database, error) from error
    if len(rows) != 1:
        raise StateError(f"{database.name}: the store does not say which schema it has", hint=DAMAGED_HINT)
    return str(rows[0][0])


def _known_revision(database: Database) -> str:
    """The store's revision. Raises `StateError` for one that this program does not know."""
    revision = stored_revision(database)
    if revision == SCHEMA_REVISION:
        return revision
    from syncd.adapters.store.migrate import revisions

    if revision not in revisions():
        raise NewerStoreError(
            f"{database.name}: the state store was written by a newer syncd: its schema is {revision}, "
            f"this program knows up to {SCHEMA_REVISION}",
            hint="install a newer syncd; or put a backup of that time back (`syncd state upgrade` leaves a copy beside "
            "the file); or run `syncd state rebuild --force`: it moves this store aside and finds the pairs again",
        )
    return revision


def _probe(database: Database) -> None:
    """Read one row at either end of every table: damage that is not local shows here, at a cost that does not grow."""
    try:
        with database.reading() as connection:
            for table in StoreTable.metadata.sorted_tables:
                key = next(iter(table.primary_key)).name
                for order in ("ASC", "DESC"):
                    statements.select(connection, f"SELECT * FROM {table.name} ORDER BY {key} {order} LIMIT 1")
    except _READ_ERRORS as error:
        raise _unreadable(database, error) from error


def _unreadable(database: Database, error: Exception) -> SyncdError:
    cause = error.orig if isinstance(error, DatabaseError) else error
    return state_error(database.name, error) or StateError(
        f"{database.name}: the state store cannot be read ({cause})", hint=DAMAGED_HINT
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What `upgrade_database` did. `steps`: (revision, what it does); `copy` is how texts call the copy, if any."""

    store: str
    before: str
    after: str
    steps: tuple[tuple[str, str], ...] = ()
    copy: str = ""


def upgrade_database(database: Database, clock: Clock, *, keep_copy: bool = True) -> Upgrade:
    """Bring an older store to this program's schema, in one transaction, after a copy was written beside it.

    Raises `StateError` for a newer store, and `LeaseHeldError` while a run holds a mapping: the program that does it
    is an older one, and would go on with tables that it does not know.
    """
    revision = _known_revision(database)
    if revision == SCHEMA_REVISION:
        return Upgrade(store=database.name, before=revision, after=revision)
    from syncd.adapters.store.migrate import migrate, steps

    with database.reading() as connection:
        _refuse_while_held(database, connection, clock, revision)
    copy = database.keep_copy(revision) if keep_copy else ""
    done = steps(revision)
    with database.writing() as connection:
        _refuse_while_held(database, connection, clock, revision)
        # Another process may have been quicker; then there is nothing left to do.
        migrate(connection)
    return Upgrade(store=database.name, before=revision, after=SCHEMA_REVISION, steps=tuple(done), copy=copy)


def _refuse_while_held(database: Database, connection: Connection, clock: Clock, revision: str) -> None:
    for mapping, holding in leases.held(connection, clock.now()):
        process = holding.process
        raise LeaseHeldError(
            f"{database.name}: the state store has the older schema {revision} and is to be upgraded to "
            f"{SCHEMA_REVISION}, but process {process.pid} on {process.host} holds mapping {mapping}",
            hint="stop the daemon, or wait for the run to end; then run `syncd state upgrade`",
        )
