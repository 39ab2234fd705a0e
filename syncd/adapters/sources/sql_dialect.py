"""Where databases differ: opening, transactions, the clock, comparing exactly, and making rows.

`Dialect` is what holds for databases with strict types; `SqliteDialect` what SQLite does otherwise. Nothing else of the
SQL source asks which database it talks to.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Executable, bindparam, create_engine, func, inspect
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.interfaces import DBAPICursor, ReflectedColumn
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

from syncd.adapters.sources.sql_stamps import StampFormat
from syncd.adapters.sources.sql_types import Binder, ColumnInfo, declared_type, loose_binder, reflected_type
from syncd.core.model import Raw
from syncd.core.values import FieldType, Kind
from syncd.errors import UnreachableError, UsageError

_OWN = re.compile(r"p[0-9]+")


def param(number: int) -> Any:
    """Placeholder number `number` of a statement that `Dialect.prepare` compiles."""
    return bindparam(f"p{number}", type_=NullType())


class Prepared(NamedTuple):
    """A statement as its driver takes it."""

    sql: str
    order: tuple[int, ...] | None
    """The number of each placeholder, by position; None where the driver takes them by name."""
    fixed: dict[str, object]
    """Values that the dialect put in by itself (SQLite's OFFSET 0); by position they are numbered from -1 down."""

    def bind(self, values: Sequence[object]) -> Any:
        """`values` by placeholder number, as the driver's parameters."""
        if self.order is None:
            return {f"p{number}": value for number, value in enumerate(values)} | self.fixed
        fixed = list(self.fixed.values())
        return tuple([values[number] if number >= 0 else fixed[-1 - number] for number in self.order])


class Dialect:
    """What holds for databases with strict types (PostgreSQL, MariaDB)."""

    loose = False
    """Columns hold values of any kind, whatever their declared type (SQLite)."""
    placeholders = 5000
    """Most values in one IN list."""
    savepoints = True
    """A failed statement spoils the transaction unless it ran behind a savepoint."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        driver = engine.dialect.loaded_dbapi
        self.errors: tuple[type[Exception], ...] = (driver.Error, SQLAlchemyError)
        """What the driver and SQLAlchemy raise."""

    def prepare(self, statement: Executable) -> Prepared:
        """Compile a statement whose placeholders are made by `param`."""
        compiled = statement.compile(dialect=self.engine.dialect)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - every statement here is DML or a query
        fixed = {name: value for name, value in compiled.params.items() if not _OWN.fullmatch(name)}
        if compiled.positiontup is None:
            return Prepared(str(compiled), None, fixed)
        names = list(fixed)
        order = [-1 - names.index(name) if name in fixed else int(name[1:]) for name in compiled.positiontup]
        return Prepared(str(compiled), tuple(order), fixed)

    def columns(self, table: str, schema: str | None, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns as reflected, in its order."""
        return [
            self._column(column, reflected_type(column["type"], zone))
            for column in inspect(self.engine).get_columns(table, schema=schema)
        ]

    def _column(self, column: ReflectedColumn, field_type: FieldType) -> ColumnInfo:
        numbered = column.get("autoincrement") is True or "identity" in column
        return ColumnInfo(
            name=column["name"],
            type=field_type,
            nullable=bool(column["nullable"]),
            has_default=column.get("default") is not None or numbered,
            generated="computed" in column,
            numbered=numbered,
        )

    def begin(self, cursor: DBAPICursor) -> None:
        """Start a writing transaction; drivers of these databases do so by themselves."""

    def exactly(self, column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
        """`column` holds this very value: NULL equals NULL, and no collation takes two texts for one."""
        if self.engine.dialect.name in ("mysql", "mariadb"):
            return column.op("<=> BINARY")(value)
        return column.is_not_distinct_from(value)

    def fold(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """`column` without regard to case."""
        return func.lower(column)

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock, aware, in UTC."""
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (value,) = cursor.fetchone() or (None,)
        if not isinstance(value, datetime):
            raise UnreachableError("the source's database does not tell the time")
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)

    def stamps_itself(self, table: str, column: str, event: str) -> bool:  # noqa: ARG002 - for dialects
        """Whether a trigger sets `column` on every `event` (INSERT, UPDATE)."""
        return False

    def insert_triggers(self, table: str) -> bool:  # noqa: ARG002 - for dialects
        """Whether a trigger runs on INSERT: it may fill what the statement leaves out."""
        return False

    def row_number(self, table: str, columns: Sequence[str]) -> str | None:  # noqa: ARG002 - for dialects
        """A hidden column that numbers the table's rows; None where it has none."""
        return None

    def aborted(self, connection: Any) -> bool:  # noqa: ARG002 - for dialects
        """Whether the database rolled the whole transaction back by itself."""
        return False

    def tolerant(self, connection: Any) -> bool:  # noqa: ARG002 - for dialects
        """Make the connection give text that is not valid UTF-8 as bytes; False where that is not possible."""
        return False

    def binder(self, column: ColumnInfo, form: StampFormat | None) -> Binder:  # noqa: ARG002 - for dialects
        """Makes values ready to bind to `column`; these drivers take Python's own kinds."""
        return lambda value: value

    def plain(self, field_type: FieldType) -> frozenset[type]:  # noqa: ARG002 - for dialects
        """The kinds of values that `binder` leaves as they are."""
        return frozenset({bool, *_PLAIN, Decimal, datetime, date, time, timedelta})


_TEXTS: frozenset[type] = frozenset({type(None), str, bytes})
_PLAIN: frozenset[type] = _TEXTS | {int, float}
_ROW_NUMBERS = ("rowid", "_rowid_", "oid")


class SqliteDialect(Dialect):
    """SQLite. Values come as stored, so one broken date does not break a page."""

    loose = True
    placeholders = 5000 if sqlite3.sqlite_version_info >= (3, 32) else 900
    savepoints = False

    def columns(self, table: str, schema: str | None, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns; their types by the words they were declared with."""
        reflected = inspect(self.engine).get_columns(table, schema=schema)
        keys = inspect(self.engine).get_pk_constraint(table, schema=schema)["constrained_columns"]
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({_quoted(table)})").all()
        declared = {str(row[1]): str(row[2]) for row in rows}
        numbered = keys[0] if len(keys) == 1 and declared[keys[0]].upper() == "INTEGER" else None
        if numbered and self.row_number(table, [column["name"] for column in reflected]) is None:
            numbered = None
        infos = []
        for column in reflected:
            info = self._column(column, declared_type(declared[column["name"]], zone))
            if column["name"] == numbered:
                info = ColumnInfo(
                    name=info.name, type=info.type, nullable=False, has_default=True, generated=False, numbered=True
                )
            infos.append(info)
        return infos

    def begin(self, cursor: DBAPICursor) -> None:
        """Take the write lock at once: what is read in the transaction cannot move before it is written."""
        cursor.execute("BEGIN IMMEDIATE")

    def exactly(self, column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
        """`IS`, byte by byte: a column declared NOCASE would take `bob` for `Bob`."""
        return column.collate("BINARY").is_not_distinct_from(value)

    def fold(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Without regard to case in any script; SQLite's own lower() knows ASCII only."""
        return func.syncd_fold(column)

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock, aware, in UTC, to the millisecond."""
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        (text,) = cursor.fetchone() or ("",)
        return datetime.fromisoformat(f"{text}+00:00")

    def stamps_itself(self, table: str, column: str, event: str) -> bool:
        """Whether a trigger of the table sets `column` by an UPDATE of the same table.

        One that runs for some columns only (UPDATE OF) does not do so every time: then syncd sets it as well.
        """
        name, target = (rf"[\"`\[]?{re.escape(word)}[\"`\]]?" for word in (column, table))
        sets = re.compile(
            rf"\bUPDATE\s+(OR\s+\w+\s+)?{target}\s+SET\b[^;]*?(?<!\w){name}\s*=", re.IGNORECASE | re.DOTALL
        )
        runs = re.compile(rf"\b{event}\b(?!\s+OF\b)", re.IGNORECASE)
        return any(runs.search(head) and sets.search(body) for head, body in self._triggers(table))

    def insert_triggers(self, table: str) -> bool:
        """Whether the table has an INSERT trigger."""
        return any(re.search(r"\bINSERT\b", head, re.IGNORECASE) for head, _ in self._triggers(table))

    def _triggers(self, table: str) -> Iterator[tuple[str, str]]:
        """(what comes before BEGIN, the body) of each trigger of the table."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?)", (table,)
            )
            texts = [str(row[0]) for row in found]
        for text in texts:
            parts = re.split(r"\bBEGIN\b", text, maxsplit=1, flags=re.IGNORECASE)
            yield parts[0], parts[-1]

    def row_number(self, table: str, columns: Sequence[str]) -> str | None:
        """`rowid`, or another name of it that no column takes; views and WITHOUT ROWID tables have none."""
        taken = {column.lower() for column in columns}
        name = next((name for name in _ROW_NUMBERS if name not in taken), None)
        if name is None:
            return None
        with self.engine.connect() as connection:
            kind = connection.exec_driver_sql(
                "SELECT wr, type FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)", (table,)
            ).first()
        return name if kind is not None and kind[1] == "table" and not kind[0] else None

    def aborted(self, connection: Any) -> bool:
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


def open_database(url: URL, directory: Path, busy_timeout: float) -> Dialect:
    """An engine for `url`; relative SQLite paths start at `directory`. Nothing is connected to yet, but for SQLite.

    Raises `UnreachableError` for a SQLite file that is not there, and `UsageError` for a URL that names no known
    database or whose driver is not installed. The URL's password never stands in a message.
    """
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, directory, busy_timeout)
    shown = url.render_as_string(hide_password=True)
    try:
        return Dialect(create_engine(url, pool_pre_ping=True))
    except (NoSuchModuleError, ArgumentError) as error:
        raise UsageError(f"the URL {shown} names no database that syncd knows: {error}") from None
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the driver for {shown} is not installed: {error.name}",
            hint=f"install it beside syncd: pip install {error.name}",
        ) from None


def _open_sqlite(url: URL, directory: Path, busy_timeout: float) -> Dialect:
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


def column_of(name: str) -> Column[Any]:
    """A column by name whose values pass as the driver gives and takes them."""
    return Column(name, NullType())


__all__ = ["Dialect", "Prepared", "SqliteDialect", "column_of", "open_database", "param"]
