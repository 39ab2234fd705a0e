"""SQLite as a source: columns of any kind, one writer at a time, and a file that must be there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, create_engine, func, inspect
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import QueuePool

from syncd.adapters.sources.sql_dialect import Dialect, TableName
from syncd.adapters.sources.sql_stamps import StampFormat
from syncd.adapters.sources.sql_types import Binder, ColumnInfo, column_info, declared_type, loose_binder
from syncd.core.model import Raw
from syncd.core.values import FieldType, Kind
from syncd.errors import UnreachableError, UsageError

_TEXTS: frozenset[type] = frozenset({type(None), str, bytes})
_PLAIN: frozenset[type] = _TEXTS | {int, float}
_ROW_NUMBERS = ("rowid", "_rowid_", "oid")


class SqliteDialect(Dialect):
    """SQLite. Values come as stored, so one broken date does not break a page."""

    loose = True
    placeholders = 5000 if sqlite3.sqlite_version_info >= (3, 32) else 900
    savepoints = False

    def columns(self, table: TableName, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns; their types by the words they were declared with."""
        reflected = inspect(self.engine).get_columns(table.name, schema=table.schema)
        keys = inspect(self.engine).get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({_quoted(table.name)})").all()
        declared = {str(row[1]): str(row[2]) for row in rows}
        numbered = keys[0] if len(keys) == 1 and declared[keys[0]].upper() == "INTEGER" else None
        if numbered and self.row_number(table, [column["name"] for column in reflected]) is None:
            numbered = None
        infos = []
        for column in reflected:
            info = column_info(column, declared_type(declared[column["name"]], zone))
            if column["name"] == numbered:
                info = replace(info, nullable=False, has_default=True, generated=False, numbered=True)
            infos.append(info)
        return infos

    def begin(self, cursor: DBAPICursor, zone: ZoneInfo | None) -> None:  # noqa: ARG002 - the base's
        """Take the write lock at once: what is read in the transaction cannot move before it is written."""
        cursor.execute("BEGIN IMMEDIATE")

    def bytewise(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:  # noqa: ARG002 - the base's
        """A column declared NOCASE would take `bob` for `Bob`."""
        return column.collate("BINARY")

    def fold(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:  # noqa: ARG002 - the base's
        """Without regard to case in any script; SQLite's own lower() knows ASCII only."""
        return func.syncd_fold(column)

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock, aware, in UTC, to the millisecond."""
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        (text,) = cursor.fetchone() or ("",)
        return datetime.fromisoformat(f"{text}+00:00")

    def stamps_itself(self, table: TableName, column: str, event: str) -> bool:
        """Whether a trigger of the table sets `column` by an UPDATE of the same table.

        One that runs for some columns only (UPDATE OF) does not do so every time: then syncd sets it as well.
        """
        name, target = (rf"[\"`\[]?{re.escape(word)}[\"`\]]?" for word in (column, table.name))
        sets = re.compile(
            rf"\bUPDATE\s+(OR\s+\w+\s+)?{target}\s+SET\b[^;]*?(?<!\w){name}\s*=", re.IGNORECASE | re.DOTALL
        )
        runs = re.compile(rf"\b{event}\b(?!\s+OF\b)", re.IGNORECASE)
        return any(runs.search(head) and sets.search(body) for head, body in self._triggers(table))

    def insert_triggers(self, table: TableName) -> bool:
        """Whether the table has an INSERT trigger."""
        return any(re.search(r"\bINSERT\b", head, re.IGNORECASE) for head, _ in self._triggers(table))

    def _triggers(self, table: TableName) -> Iterator[tuple[str, str]]:
        """(what comes before BEGIN, the body) of each trigger of the table."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?)", (table.name,)
            )
            texts = [str(row[0]) for row in found]
        for text in texts:
            parts = re.split(r"\bBEGIN\b", text, maxsplit=1, flags=re.IGNORECASE)
            yield parts[0], parts[-1]

    def row_number(self, table: TableName, columns: Sequence[str]) -> str | None:
        """`rowid`, or another name of it that no column takes; views and WITHOUT ROWID tables have none."""
        taken = {column.lower() for column in columns}
        name = next((name for name in _ROW_NUMBERS if name not in taken), None)
        if name is None:
            return None
        with self.engine.connect() as connection:
            kind = connection.exec_driver_sql(
                "SELECT wr, type FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)", (table.name,)
            ).first()
        return name if kind is not None and kind[1] == "table" and not kind[0] else None

    def insert(self, cursor: DBAPICursor, sql: str, rows: Iterable[Any]) -> list[tuple[Any, ...] | None]:
        """The number of each row instead of its id, where the table numbers its rows."""
        if "RETURNING" in sql:
            return super().insert(cursor, sql, rows)
        made: list[tuple[Any, ...] | None] = []
        for row in rows:
            cursor.execute(sql, row)
            made.append((cursor.lastrowid,) if cursor.rowcount == 1 else None)
        return made

    def aborted(self, connection: Any, error: BaseException) -> bool:  # noqa: ARG002 - the base's
        """A constraint declared ON CONFLICT ROLLBACK, or RAISE(ROLLBACK), ends the transaction."""
        return not connection.in_transaction

    def tolerant(self, connection: Any) -> bool:
        """Text that is not valid UTF-8 comes as bytes; everything else as before."""
        connection.text_factory = _text_or_bytes
        return True

    def binder(self, column: ColumnInfo, form: StampFormat | None) -> Binder:
        """Makes values ready for SQLite, which has no dates, decimals or booleans."""
        return loose_binder(column.name, column.type, form)

    def plain(self, field_type: FieldType) -> frozenset[type]:
        """SQLite's own kinds; numbers for text columns are written out."""
        return _TEXTS if field_type.kind in (Kind.TEXT, Kind.JSON) else _PLAIN


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _fold(value: Raw) -> str | None:
    return None if value is None else str(value).casefold()


def open_sqlite(url: URL, directory: Path, busy_timeout: float) -> Dialect:
    """The dialect for a file; a relative path starts at `directory`.

    `busy_timeout` is in seconds. Raises `UnreachableError` for a file that is not there, `UsageError` for no file.
    """
    name = url.database or ""
    if name in ("", ":memory:"):
        raise UsageError(
            "a source in SQLite needs a file: a database in memory is empty and private to each connection",
            hint='write its path: url = "sqlite:///shop.db"',
        )
    path = (directory / name).absolute()
    if not path.is_file():
        raise UnreachableError(
            f"the source's database file {path} is not there",
            hint="check `url` of the source in syncd.toml; relative paths start at the folder of that file",
        )
    mode = str(url.query.get("mode", "rw"))

    def connect() -> sqlite3.Connection:
        # mode=rw: SQLite would make an empty database of a file that was moved away meanwhile.
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={'ro' if mode == 'ro' else 'rw'}",
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        # The rules that the tables declare hold for syncd's deletions too; SQLite leaves them off by default.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.create_function("syncd_fold", 1, _fold, deterministic=True)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    return SqliteDialect(engine)


__all__ = ["SqliteDialect", "open_sqlite"]
