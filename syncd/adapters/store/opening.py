"""Opening the state store: made where it is not there, migrated where older, refused where newer or damaged."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from syncd.adapters.store import sqlite, statements
from syncd.adapters.store.codec import LEASES
from syncd.adapters.store.faults import DAMAGED_HINT, explained, explained_file, state_error
from syncd.adapters.store.repository import SqlStateStore
from syncd.adapters.store.tables import SCHEMA_REVISION, StoreTable
from syncd.errors import StateError, SyncdError
from syncd.ports.endpoint import Clock

_READ_ERRORS = (DatabaseError, sqlite3.DatabaseError)
BUSY_SECONDS = 30.0
"""How long a statement waits for another process's transaction."""


def open_store(url: str, *, clock: Clock, directory: Path, busy_seconds: float = BUSY_SECONDS) -> SqlStateStore:
    """Open the store at `url` (`sqlite:///state/syncd.db`, relative to `directory`); make it where there is none.

    A store of an older schema is migrated, in one transaction, after a copy of it was written beside it
    (`syncd.db.before-REVISION`). Raises `StateError` for a store that is damaged, newer, or cannot be written.
    """
    file = _file(url, directory)
    if not file.path.exists():
        sqlite.create(file, _make)
    sqlite.inspect(file)
    return _ready(file, sqlite.connect_engine(file.path, busy_seconds=busy_seconds), clock, keep_copy=True)


def open_temporary(url: str, *, clock: Clock, directory: Path) -> SqlStateStore:
    """A store of its own with what the one at `url` holds now, leases aside; nothing where there is none.

    It lies in a temporary folder and goes when it is closed; the store itself is only read, and not made.
    """
    file = _file(url, directory)
    with explained_file("the folder for temporary files"):
        folder = Path(tempfile.mkdtemp(prefix="syncd-"))
    draft = sqlite.StoreFile(folder / "plan.db", file.name)
    try:
        if file.path.exists():
            sqlite.inspect(file)
            sqlite.copy(file, draft.path)
        else:
            sqlite.create(draft, _make)
        engine = sqlite.connect_engine(draft.path, busy_seconds=BUSY_SECONDS, synchronous="OFF")
        store = _ready(draft, engine, clock, keep_copy=False, folder=folder)
        with explained(file.name), engine.begin() as connection:
            statements.run(connection, f"DELETE FROM {LEASES.name}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return store


def _file(url: str, directory: Path) -> sqlite.StoreFile:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StateError("[state] url is no database URL", hint='write url = "sqlite:///state/syncd.db"') from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StateError(
            f"[state] url names no file of SQLite ({parsed.get_backend_name()})",
            hint='write url = "sqlite:///state/syncd.db"',
        )
    return sqlite.StoreFile(directory / parsed.database, parsed.database)


def _make(path: Path) -> None:
    """A whole, empty store in the file `path`."""
    from syncd.adapters.store.migrate import migrate

    engine = sqlite.connect_engine(path, busy_seconds=BUSY_SECONDS)
    try:
        with engine.connect().execution_options(syncd_write=True) as connection, connection.begin():
            sqlite.mark_as_store(connection)
            migrate(connection)
    finally:
        engine.dispose()


def _ready(
    file: sqlite.StoreFile, engine: Engine, clock: Clock, *, keep_copy: bool, folder: Path | None = None
) -> SqlStateStore:
    """The store, once its schema is this program's and its tables can be read."""
    try:
        with explained(file.name):
            revision = _revision(file, engine)
            if revision != SCHEMA_REVISION:
                _migrate(file, engine, revision, keep_copy=keep_copy)
            _probe(file, engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStateStore(engine, file, clock, folder=folder)


def _revision(file: sqlite.StoreFile, engine: Engine) -> str:
    try:
        with engine.connect() as connection:
            rows = statements.select(connection, "SELECT version_num FROM alembic_version")
    except _READ_ERRORS as error:
        raise _unreadable(file, error) from error
    if len(rows) != 1:
        raise StateError(f"{file.name}: the file does not say which schema it has", hint=DAMAGED_HINT)
    return str(rows[0][0])


def _probe(file: sqlite.StoreFile, engine: Engine) -> None:
    """Read one row at either end of every table: damage that is not local shows here, at a cost that does not grow."""
    try:
        with engine.connect() as connection:
            for table in StoreTable.metadata.sorted_tables:
                key = next(iter(table.primary_key)).name
                for order in ("ASC", "DESC"):
                    statements.select(connection, f"SELECT * FROM {table.name} ORDER BY {key} {order} LIMIT 1")
    except _READ_ERRORS as error:
        raise _unreadable(file, error) from error


def _unreadable(file: sqlite.StoreFile, error: Exception) -> SyncdError:
    cause = error.orig if isinstance(error, DatabaseError) else error
    return state_error(file.name, error) or StateError(
        f"{file.name}: the state store cannot be read ({cause})", hint=DAMAGED_HINT
    )


def _migrate(file: sqlite.StoreFile, engine: Engine, revision: str, *, keep_copy: bool) -> None:
    """Bring an older store to this program's schema; refuse a newer one."""
    from syncd.adapters.store.migrate import migrate, revisions

    if revision not in revisions():
        raise StateError(
            f"{file.name}: the state store was written by a newer syncd: its schema is {revision}, "
            f"this program knows up to {SCHEMA_REVISION}",
            hint="install a newer syncd; or move the file away: the next `syncd reconcile` then finds the pairs again "
            "by the ids that both sides hold",
        )
    if keep_copy:
        copy = file.path.with_name(f"{file.path.name}.before-{revision}")
        if not copy.exists():
            sqlite.copy(file, copy)
    with engine.connect().execution_options(syncd_write=True) as connection, connection.begin():
        # Another process may have been quicker; then there is nothing left to do.
        migrate(connection)
