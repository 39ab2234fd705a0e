"""Where databases differ: transactions, the clock, comparing exactly, and making rows.

`Dialect` is what every database does alike; a subclass for each says what it does otherwise (`sql_sqlite`,
`sql_postgresql`, `sql_mariadb`). Nothing else of the SQL source asks which database it talks to.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Executable, bindparam, func, inspect, tuple_
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

from syncd.adapters.sources.sql_stamps import StampFormat
from syncd.adapters.sources.sql_types import (
    Binder,
    ColumnInfo,
    column_info,
    reflected_type,
    strict_binder,
    strict_plain,
)
from syncd.core.values import FieldType

# A column of a type that SQLAlchemy does not know is read as text; nobody needs to be told.
warnings.filterwarnings("ignore", "Did not recognize type", SAWarning)

_OWN = re.compile(r"p[0-9]+")
STATEMENT_TIMEOUT = 300.0
"""Seconds that one statement may take: beyond it, it is given up and tried again in the next run."""
IDLE_TIMEOUT = 60.0
"""Seconds after which the database itself ends a writing transaction of syncd that stands still: one whose process died
without a word must not keep its locks."""


def param(number: int) -> Any:
    """Placeholder number `number` of a statement that `Dialect.prepare` compiles."""
    return bindparam(f"p{number}", type_=NullType())


class TableName(NamedTuple):
    """A table as the database knows it; no schema is the connection's own."""

    name: str
    schema: str | None = None


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
    """What databases with strict types do alike."""

    loose = False
    """Columns hold values of any kind, whatever their declared type (SQLite)."""
    placeholders = 5000
    """Most values in one IN list."""
    savepoints = True
    """A failed statement spoils the transaction unless it ran behind a savepoint."""
    returning = True
    """INSERT gives back the ids of the rows that it made."""
    holds_nul = True
    """Text may hold the character NUL."""
    shifts_moments = False
    """Columns that hold moments are read and compared in the session's zone (MariaDB)."""

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

    def columns(self, table: TableName, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns as reflected, in its order."""
        return [
            column_info(column, reflected_type(column["type"], zone))
            for column in inspect(self.engine).get_columns(table.name, schema=table.schema)
        ]

    def views(self, schema: str | None) -> list[str]:
        """The names of the views in a schema."""
        return list(inspect(self.engine).get_view_names(schema=schema))

    def schemas(self) -> list[str]:
        """Schemas beside the connection's own whose tables may be named with a dot."""
        return []

    def why_unsafe(self, table: TableName) -> str:  # noqa: ARG002 - for dialects
        """Why writes to the table could be left half done; empty where they cannot."""
        return ""

    def begin(self, cursor: DBAPICursor, zone: ZoneInfo | None) -> None:
        """Start a writing transaction.

        `zone` is the wall clock of the table's naive stamps, for what the database stamps by itself; None where it
        cannot be set, because the table holds moments as well (`shifts_moments`).
        """

    def end(self, cursor: DBAPICursor) -> None:
        """Take back what `begin` and `take_turn` did to the connection, once the transaction is over."""

    def take_turn(self, cursor: DBAPICursor, table: TableName) -> None:
        """Wait, inside a transaction, until no other connection of syncd is making rows of `table`.

        One whose COMMIT got no answer may still be at work on the server: only behind it is what one sees final.
        Raises the driver's error, or `BusyError`, when the wait is too long.
        """

    def readable(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:  # noqa: ARG002
        """`column` as it is read and compared: as a kind of value that syncd knows."""
        return column

    def exactly(self, column: ColumnElement[Any], info: ColumnInfo, value: Any) -> ColumnElement[bool]:
        """`column` holds this very value: NULL equals NULL, and no collation takes two texts for one."""
        return self.bytewise(column, info).is_not_distinct_from(value)

    def bytewise(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:  # noqa: ARG002
        """`column` so that it compares, and is ordered, without a collation."""
        return column

    def behind(self, columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
        """Rows that come after `values` in the order of `columns`."""
        return columns[0] > values[0] if len(columns) == 1 else tuple_(*columns) > tuple_(*values)

    def fold(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:  # noqa: ARG002 - for dialects
        """`column` without regard to case."""
        return func.lower(column)

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock at this moment (not when the transaction began), aware, in UTC."""
        raise NotImplementedError

    def stamps_itself(self, table: TableName, column: str, event: str) -> bool:  # noqa: ARG002 - for dialects
        """Whether the database sets `column` on every `event` (INSERT, UPDATE), by a trigger or a rule of its own."""
        return False

    def insert_triggers(self, table: TableName) -> bool:  # noqa: ARG002 - for dialects
        """Whether a trigger runs on INSERT: it may fill what the statement leaves out."""
        return False

    def early_triggers(self, table: TableName) -> bool:  # noqa: ARG002 - for dialects
        """Whether one of them runs before the row is stored: only such a one can fill a column that is NOT NULL."""
        return False

    def row_number(self, table: TableName, columns: Sequence[str]) -> str | None:  # noqa: ARG002 - for dialects
        """A hidden column that numbers the table's rows; None where it has none."""
        return None

    def insert(self, cursor: DBAPICursor, sql: str, rows: Iterable[Any]) -> list[tuple[Any, ...] | None]:
        """Insert row by row; what each gave back (`returning`), None for one that the table did not take."""
        made: list[tuple[Any, ...] | None] = []
        for row in rows:
            cursor.execute(sql, row)
            made.append(cursor.fetchone())
        return made

    def aborted(self, connection: Any, error: BaseException) -> bool:  # noqa: ARG002 - for dialects
        """Whether the database rolled the whole transaction back because of `error`."""
        return False

    def tolerant(self, connection: Any) -> bool:  # noqa: ARG002 - for dialects
        """Make the connection give text that is not valid UTF-8 as bytes; False where that is not possible."""
        return False

    def binder(self, column: ColumnInfo, form: StampFormat | None) -> Binder:  # noqa: ARG002 - for dialects
        """Makes values ready to bind to `column`."""
        return strict_binder(column, holds_nul=self.holds_nul)

    def plain(self, field_type: FieldType) -> frozenset[type]:
        """The kinds of values that `binder` leaves as they are."""
        return strict_plain(field_type)


def column_of(name: str) -> Column[Any]:
    """A column by name whose values pass as the driver gives and takes them."""
    return Column(name, NullType())


__all__ = ["IDLE_TIMEOUT", "STATEMENT_TIMEOUT", "Dialect", "Prepared", "TableName", "column_of", "param"]
