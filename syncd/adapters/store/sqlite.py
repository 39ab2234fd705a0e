"""Everything of the state store that holds for SQLite alone, but for its file (`sqlite_files`)."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from syncd.adapters.store import sqlite_files
from syncd.adapters.store.database import Fill
from syncd.adapters.store.faults import explained, explained_file
from syncd.adapters.store.sqlite_files import StoreFile
from syncd.errors import StateError

BUSY_SECONDS = 30.0
"""How long a statement waits for another process's transaction."""
_CACHE_KIB = 16_384


class SqliteDatabase:
    """`database.Database` in one file.

    `folder` is deleted on `close` where given: the store is a temporary one. With `only_look` nothing can be written,
    and not even a log that was left is folded in.
    """

    def __init__(
        self,
        file: StoreFile,
        *,
        busy_seconds: float = BUSY_SECONDS,
        synchronous: str = "FULL",
        folder: Path | None = None,
        only_look: bool = False,
    ) -> None:
        self.file = file
        self.folder = folder
        self._settings = (busy_seconds, synchronous, only_look)
        self._engine: Engine | None = None
        self._opened: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The file, as the settings write it."""
        return self.file.name

    @property
    def engine(self) -> Engine:
        """The engine, made at the first call. Raises `StateError` once another file lies in the store's place, or none.

        SQLite would go on writing to a file that was moved away or deleted, and nobody would see what it records.
        """
        if self._engine is None:
            self._opened = sqlite_files.identity(self.file)
            busy_seconds, synchronous, only_look = self._settings
            self._engine = (
                _looking_engine(self.file)
                if only_look
                else _connect_engine(self.file.path, busy_seconds=busy_seconds, synchronous=synchronous)
            )
        elif self._opened != sqlite_files.identity(self.file):
            raise StateError(
                f"{self.name}: the file of the state store was moved away, deleted or replaced while it was in use; "
                "nothing of this step was recorded",
                hint="stop this program, see that the right file is there (a backup, or what `syncd state rebuild` "
                "makes), then start it again",
            )
        return self._engine

    def exists(self) -> bool:
        """Whether the file is there."""
        with explained_file(self.name):
            return self.file.path.exists()

    def create(self, fill: Fill) -> None:
        """See `Database`; its folder is made too. Raises `StateError` where the log of a vanished store lies there:
        SQLite would take it for the new file's and mix both."""
        file = self.file
        with explained_file(file.name):
            if file.has_log():
                raise StateError(
                    f"{file.name}: the file is gone, but its log {file.log.name} is still there",
                    hint="put the file back; or let `syncd state rebuild` move the log away and find the pairs again",
                )
            file.path.parent.mkdir(parents=True, exist_ok=True)
            draft = StoreFile(file.path.with_name(f"{file.path.name}.new-{secrets.token_hex(4)}"), file.name)
            try:
                sqlite_files.touch(draft.path)
                _fill(draft.path, fill)
                sqlite_files.fold_log(draft.path)
                sqlite_files.publish(draft.path, file.path)
            finally:
                for leftover in draft.parts:
                    leftover.unlink(missing_ok=True)

    def inspect(self) -> None:
        """See `Database`; reads the file's header only."""
        sqlite_files.inspect(self.file)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Database`."""
        with explained(self.name), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `Database`."""
        with explained(self.name), _writing(self.engine) as connection:
            yield connection

    def copy(self, target: Path) -> None:
        """See `Database`."""
        sqlite_files.copy(self.file, target)

    def keep_copy(self, revision: str) -> str:
        """A copy beside the file; one that an earlier attempt left stands."""
        target = self.file.path.with_name(f"{self.file.path.name}.before-{revision}")
        if not target.exists():
            sqlite_files.copy(self.file, target)
        return str(Path(self.name).with_name(target.name))

    def backup(self, target: Path, *, replace: bool) -> None:
        """See `Database`. A damaged store is not copied: the copy would stand in a good one's place."""
        if target.exists() and any(part.exists() and target.samefile(part) for part in self.file.parts):
            raise StateError(f"{target}: this is the state store itself", hint="name another file")
        sqlite_files.copy(self.file, target, replace=replace, proven=True)

    def check(self, connection: Connection) -> list[str]:
        """Damaged pages, indices that miss rows, broken constraints, rows that refer to nothing."""
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(100)")]
        problems = [f"the file is damaged: {' '.join(text.split())}" for text in found if text != "ok"]
        problems += [
            f"{table}: row {row_id} refers to a row of {parent} that is not there"
            for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
        return problems

    def set_aside(self, suffix: str) -> str:
        """See `Database`."""
        self.close()
        return str(Path(self.name).with_name(sqlite_files.move_aside(self.file, suffix).name))

    def close(self) -> None:
        """See `Database`."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as plain:
        connection = plain.execution_options(syncd_write=True)
        with connection.begin():
            yield connection


def _fill(draft: Path, fill: Fill) -> None:
    engine = _connect_engine(draft, busy_seconds=BUSY_SECONDS, synchronous="FULL")
    try:
        with _writing(engine) as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {sqlite_files.APPLICATION_ID}")
            fill(connection)
    finally:
        engine.dispose()


def _connect_engine(path: Path, *, busy_seconds: float, synchronous: str) -> Engine:
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

    event.listen(engine, "begin", _begin)
    return engine


def _looking_engine(file: StoreFile) -> Engine:
    engine = create_engine("sqlite+pysqlite://", creator=lambda: sqlite_files.read_only(file), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("syncd_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
