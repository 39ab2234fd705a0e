"""Everything of the state store that holds for SQLite alone: the file, its mode, its settings, its copies.

A store is made under another name, migrated, and only then given its own: a file under the store's name is always
whole, so an empty or a cut one is damage and never "a new store".
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from syncd.adapters.store.faults import DAMAGED_HINT, explained_file
from syncd.errors import StateError

APPLICATION_ID = 0x73796E63
"""`sync` in SQLite's `application_id`: tells a state store from any other database."""

_HEADER = 100
_MAGIC = b"SQLite format 3\x00"
_CACHE_KIB = 16_384


@dataclass(frozen=True, slots=True)
class StoreFile:
    """The file of a store, and how it is called in texts (as the settings write it)."""

    path: Path
    name: str

    @property
    def log(self) -> Path:
        """SQLite's write-ahead log beside the file."""
        return Path(f"{self.path}-wal")

    def has_log(self) -> bool:
        """Whether a log with anything in it is there."""
        return self.log.exists() and self.log.stat().st_size > 0


def connect_engine(path: Path, *, busy_seconds: float, synchronous: str = "FULL") -> Engine:
    """An engine whose connections are set as the store needs them, and whose transactions are begun explicitly.

    Python's sqlite3 begins transactions by itself, but not before DDL and never IMMEDIATE; so it is told not to, and
    SQLAlchemy's `begin` event says BEGIN (the recipe of SQLAlchemy's SQLite documentation). Connections with the
    option `syncd_write` begin IMMEDIATE: writers queue up at the start instead of failing in the middle.
    """
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        connect_args={"timeout": busy_seconds, "check_same_thread": False, "cached_statements": 256},
        pool_size=4,
        max_overflow=12,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            f"cache_size = -{_CACHE_KIB}",
        ):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("syncd_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def create(file: StoreFile, migrate: Callable[[Path], None]) -> None:
    """Make a new store at `file` by `migrate`, mode 0600, its folder too. Another process's finished one stands.

    Raises `StateError` where that cannot be done, or where the log of a vanished store lies there: SQLite would take
    it for the new file's and mix both.
    """
    with explained_file(file.name):
        if file.has_log():
            raise StateError(
                f"{file.name}: the file is gone, but its log {file.log.name} is still there",
                hint=f"put the file back, or move {file.log.name} away: the next run finds the pairs again",
            )
        file.path.parent.mkdir(parents=True, exist_ok=True)
        draft = file.path.with_name(f"{file.path.name}.new-{secrets.token_hex(4)}")
        try:
            _touch(draft)
            migrate(draft)
            _fold_log(draft)
            _publish(draft, file.path)
        finally:
            for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
                leftover.unlink(missing_ok=True)


def _touch(path: Path) -> None:
    """Make an empty file that only its owner may read. SQLite gives its log and index the mode of the file."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _fold_log(draft: Path) -> None:
    """Bring what a draft's log still holds into its file, which alone gets the name.

    Closing does so, but says nothing where the disk is full, and leaves the log.
    """
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _publish(draft: Path, path: Path) -> None:
    """Give a finished file its name; leave the one that is there by now."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links. Nobody else makes this store in the same instant but another syncd, and
        # both drafts are empty stores.
        if not path.exists():
            draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def inspect(file: StoreFile) -> None:
    """Refuse what is no whole state store, before anything is opened for writing. Reads the file's header only.

    Raises `StateError` for a file that is empty, cut short, no SQLite database, or another program's.
    """
    with explained_file(file.name):
        size = file.path.stat().st_size
        with file.path.open("rb") as stream:
            header = stream.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        what = "is empty" if size == 0 else "is no database, or its beginning is damaged"
        raise StateError(f"{file.name}: the file of the state store {what}", hint=DAMAGED_HINT)
    (raw_page,) = struct.unpack(">H", header[16:18])
    page = 65_536 if raw_page == 1 else raw_page
    changes, pages = struct.unpack(">II", header[24:32])
    (valid_for,) = struct.unpack(">I", header[92:96])
    # While a log is there the file may be shorter than its header says: a checkpoint was cut off, and is repeated.
    if changes == valid_for and not file.has_log() and size < page * pages:
        raise StateError(
            f"{file.name}: the file of the state store is cut short: {size} bytes of {page * pages}", hint=DAMAGED_HINT
        )
    (application,) = struct.unpack(">I", header[68:72])
    if application != APPLICATION_ID:
        raise StateError(
            f"{file.name}: this SQLite database is no state store of syncd",
            hint="name another file under [state] url in syncd.toml",
        )


def mark_as_store(connection: Connection) -> None:
    """Write the application id, within the transaction that makes the tables; nothing on other databases."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def copy(source: StoreFile, target: Path) -> None:
    """Copy a store, while it is in use, into the new file `target` (mode 0600). The store itself is only read.

    Raises `StateError` when `target` exists or either file cannot be used.
    """
    if target.exists():
        raise StateError(f"{target}: there is a file already", hint="name a file that does not exist yet")
    part = target.with_name(f"{target.name}.part-{secrets.token_hex(4)}")
    try:
        with explained_file(str(target)):
            _touch(part)
        with (
            explained_file(source.name),
            closing(_read_only(source)) as origin,
            closing(sqlite3.connect(part)) as destination,
        ):
            origin.backup(destination)
            destination.execute("PRAGMA journal_mode = DELETE")
        with explained_file(str(target)):
            _publish(part, target)
    finally:
        part.unlink(missing_ok=True)


def _read_only(file: StoreFile) -> sqlite3.Connection:
    """A connection that cannot write. A log needs an index beside it; in a folder that cannot be written there is
    none, and without a log the file may be taken as it lies there."""
    place = file.path.absolute().as_uri()
    connection = sqlite3.connect(f"{place}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        if file.has_log():
            raise
        return sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True)
    return connection


def quick_check(connection: Connection) -> list[str]:
    """What SQLite itself finds wrong with the whole file: damaged pages, indices, constraints, foreign keys.

    Nothing on other databases, which look after their own files.
    """
    if connection.dialect.name != "sqlite":
        return []
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(100)")]
    problems = [f"the file is damaged: {' '.join(text.split())}" for text in found if text != "ok"]
    problems += [
        f"{table}: row {row_id} refers to a row of {parent} that is not there"
        for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check")
    ]
    return problems
