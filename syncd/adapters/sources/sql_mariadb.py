"""MariaDB and MySQL as a source, through PyMySQL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, cast, create_engine, event, or_, text
from sqlalchemy.dialects.mysql import BINARY, CHAR
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPICursor

from syncd.adapters.sources.sql_dialect import IDLE_TIMEOUT, STATEMENT_TIMEOUT, Dialect, TableName
from syncd.adapters.sources.sql_types import ColumnInfo
from syncd.core.values import FieldType, Kind
from syncd.errors import BusyError, UnreachableError

_KINDS = {
    "time": Kind.TIME,
    "year": Kind.INT,
    "json": Kind.JSON,
    "binary": Kind.BYTES,
    "varbinary": Kind.BYTES,
    "geometry": Kind.BYTES,
    "point": Kind.BYTES,
}
"""Types that SQLAlchemy's own classes do not tell."""
_TEXTS = (Kind.TEXT, Kind.JSON)
_COLUMNS = text("""
    SELECT column_name, data_type, column_type, datetime_precision, extra, column_default
      FROM information_schema.columns
     WHERE table_schema = coalesce(:schema, DATABASE()) AND table_name = :name
""")
_CHECKS = text("""
    SELECT check_clause FROM information_schema.check_constraints
     WHERE constraint_schema = coalesce(:schema, DATABASE()) AND table_name = :name
""")
_TRIGGERS = text("""
    SELECT action_timing, action_statement FROM information_schema.triggers
     WHERE event_object_schema = coalesce(:schema, DATABASE()) AND event_object_table = :name
       AND event_manipulation = :event
""")
_ENGINE = text("""
    SELECT t.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
     WHERE t.table_schema = coalesce(:schema, DATABASE()) AND t.table_name = :name AND e.transactions <> 'YES'
""")
_JSON_VALID = re.compile(r"json_valid\(`(?P<column>(?:[^`]|``)+)`\)", re.IGNORECASE)
_SQL_MODE = "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""A value that does not fit is refused; without these modes it is cut, or stored as 0, without a word."""
_UTC = "+00:00"
_DEADLOCK, _LOCK_TIMEOUT = 1213, 1205


class MariadbDialect(Dialect):
    """MariaDB 10.5 and newer; MySQL 8 and newer, which does not know INSERT … RETURNING."""

    savepoints = False
    shifts_moments = True

    def __init__(self, url: URL, busy_timeout: float) -> None:
        self._lock_timeout = max(1, round(busy_timeout))
        arguments = {
            "conv": _conversions(),
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": int(STATEMENT_TIMEOUT) + 30,
            "write_timeout": 60,
            "program_name": "syncd",
        }
        given = {name: value for name, value in arguments.items() if name not in url.query}
        drivername = "mariadb+pymysql" if url.get_backend_name() == "mariadb" else "mysql+pymysql"
        super().__init__(
            create_engine(
                url.set(drivername=drivername),
                pool_pre_ping=True,
                pool_recycle=1800,
                isolation_level="READ COMMITTED",
                connect_args=given,
            )
        )
        event.listen(self.engine, "connect", self._set_up)

    def _set_up(self, connection: Any, _record: object) -> None:
        """Settings of a new connection. TIMESTAMP columns are moments, which MariaDB shows in the session's zone."""
        mariadb = "mariadb" in str(connection.get_server_info()).lower()
        settings = [f"sql_mode = '{_SQL_MODE}'", f"time_zone = '{_UTC}'"]
        settings.append(f"innodb_lock_wait_timeout = {self._lock_timeout}")
        settings.append(f"lock_wait_timeout = {self._lock_timeout}")
        if mariadb:
            settings.append(f"max_statement_time = {STATEMENT_TIMEOUT}")
            settings.append(f"idle_write_transaction_timeout = {int(IDLE_TIMEOUT)}")
        else:
            settings.append(f"max_execution_time = {int(STATEMENT_TIMEOUT * 1000)}")
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION " + ", SESSION ".join(settings))

    @cached_property
    def returning(self) -> bool:  # type: ignore[override]
        """MariaDB from 10.5 on."""
        with self.engine.connect() as connection:
            dialect = connection.dialect
        version = dialect.server_version_info or (0,)
        return bool(getattr(dialect, "is_mariadb", False)) and version >= (10, 5)

    def columns(self, table: TableName, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns; tinyint(1) and bit(1) hold yes and no, and JSON is text with a rule."""
        name = {"schema": table.schema, "name": table.name}
        with self.engine.connect() as connection:
            rows = connection.execute(_COLUMNS, name).all()
            checks = connection.execute(_CHECKS, name).all() if self._is_mariadb else []
        described = {str(row[0]): row for row in rows}
        json = {
            found["column"].replace("``", "`")
            for (clause,) in checks
            if (found := _JSON_VALID.fullmatch(str(clause).strip())) is not None
        }
        infos = []
        for info in super().columns(table, zone):
            # SQLAlchemy reads names from SHOW CREATE TABLE, where a backtick stands twice.
            info = replace(info, name=info.name.replace("``", "`"))
            _, native, whole, digits, extra, default = described[info.name]
            native = "json" if info.name in json else str(native).lower()
            infos.append(
                replace(
                    info,
                    type=_field_type(info.type, native, str(whole).lower(), zone),
                    native=native,
                    digits=0 if digits is None else int(digits),
                    has_default=info.numbered or (default is not None and str(default).upper() != "NULL"),
                    generated="generated" in str(extra).lower().replace("default_generated", ""),
                )
            )
        return infos

    @cached_property
    def _is_mariadb(self) -> bool:
        with self.engine.connect() as connection:
            return bool(getattr(connection.dialect, "is_mariadb", False))

    def why_unsafe(self, table: TableName) -> str:
        """Tables in MyISAM, Aria or memory know no transactions: a batch that fails would stay half done."""
        with self.engine.connect() as connection:
            row = connection.execute(_ENGINE, {"schema": table.schema, "name": table.name}).first()
        return "" if row is None else f"its storage engine {row[0]} knows no transactions"

    def begin(self, cursor: DBAPICursor, zone: ZoneInfo | None) -> None:
        """What the database stamps by itself (CURRENT_TIMESTAMP into a DATETIME) is wall time of the session's zone.

        The zone is given by its present offset: names are known only where an administrator loaded them. MariaDB has
        no offset for the few zones further from UTC than 13 hours: there it stamps in UTC.
        """
        if zone is None:
            return
        minutes = (datetime.now(zone).utcoffset() or timedelta(0)) // timedelta(minutes=1)
        if minutes and -12 * 60 <= minutes <= 13 * 60:
            sign = "-" if minutes < 0 else "+"
            cursor.execute("SET time_zone = %s", (f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",))

    def end(self, cursor: DBAPICursor) -> None:
        """The session's zone, and the turn that `take_turn` took."""
        cursor.execute(f"SET time_zone = '{_UTC}'")
        cursor.execute("DO RELEASE_ALL_LOCKS()")

    def take_turn(self, cursor: DBAPICursor, table: TableName) -> None:
        """A named lock, which the server gives up when the connection ends."""
        cursor.execute("SELECT DATABASE()")
        (own,) = cursor.fetchone() or ("",)
        name = hashlib.sha256(f"{table.schema or own}/{table.name}".encode()).hexdigest()[:40]
        cursor.execute("SELECT GET_LOCK(%s, %s)", (f"syncd/{name}", self._lock_timeout))
        if cursor.fetchone() != (1,):
            raise BusyError(f"another connection of syncd is still making rows of {table.name}; nothing was written")

    def readable(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:
        """Bits are numbers."""
        return column.op("+")(text("0")) if info.native == "bit" else column

    def exactly(self, column: ColumnElement[Any], info: ColumnInfo, value: Any) -> ColumnElement[bool]:
        """`<=>`, the NULL-safe one; text byte by byte, in one encoding; a `float` by the digits that it shows."""
        if info.type.kind in _TEXTS:
            value = cast(value, BINARY())
        shown = cast(column, CHAR()).op("+")(text("0e0")) if info.native == "float" else self.bytewise(column, info)
        equals: ColumnElement[bool] = shown.op("<=>", is_comparison=True)(value)
        return equals

    def bytewise(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:
        """Collations take `bob` for `Bob`, `é` for `e`, and blanks at the end for nothing."""
        if info.type.kind not in _TEXTS:
            return column
        return cast(cast(column, CHAR(charset="utf8mb4")), BINARY())

    def behind(self, columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
        """Column by column: MariaDB does not use an index for a comparison of tuples."""
        first, value = columns[0], values[0]
        if len(columns) == 1:
            return super().behind(columns, values)
        rest = self.behind(columns[1:], values[1:])
        return and_(first >= value, or_(first > value, and_(first == value, rest)))

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock, to the microsecond."""
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        (value,) = cursor.fetchone() or (None,)
        if not isinstance(value, datetime):
            raise UnreachableError("the source's database does not tell the time")
        return value.replace(tzinfo=UTC)

    def stamps_itself(self, table: TableName, column: str, event: str) -> bool:
        """ON UPDATE CURRENT_TIMESTAMP, or a trigger that sets the column before the row is written."""
        name = {"schema": table.schema, "name": table.name}
        with self.engine.connect() as connection:
            extras = {str(row[0]): str(row[4]).lower() for row in connection.execute(_COLUMNS, name)}
            triggers = connection.execute(_TRIGGERS, {**name, "event": event}).all()
        if event == "UPDATE" and "on update" in extras.get(column, ""):
            return True
        sets = re.compile(rf"\bSET\b[^;]*\bNEW\s*\.\s*`?{re.escape(column)}`?\s*:?=", re.IGNORECASE)
        return any(str(timing).upper() == "BEFORE" and sets.search(str(body)) for timing, body in triggers)

    def insert_triggers(self, table: TableName) -> bool:
        """Whether the table has an INSERT trigger."""
        with self.engine.connect() as connection:
            name = {"schema": table.schema, "name": table.name, "event": "INSERT"}
            return bool(connection.execute(_TRIGGERS, name).all())

    def early_triggers(self, table: TableName) -> bool:
        """Whether the table has a BEFORE INSERT trigger."""
        with self.engine.connect() as connection:
            name = {"schema": table.schema, "name": table.name, "event": "INSERT"}
            return any(str(timing).upper() == "BEFORE" for timing, _ in connection.execute(_TRIGGERS, name))

    def insert(self, cursor: DBAPICursor, sql: str, rows: Iterable[Any]) -> list[tuple[Any, ...] | None]:
        """Row by row; where there is no RETURNING, the number that the row was given (0 for none)."""
        if self.returning:
            return super().insert(cursor, sql, rows)
        made: list[tuple[Any, ...] | None] = []
        for row in rows:
            cursor.execute(sql, row)
            made.append((cursor.lastrowid,))
        return made

    def aborted(self, connection: Any, error: BaseException) -> bool:  # noqa: ARG002 - the base's
        """A deadlock ends the whole transaction, and waiting too long may (innodb_rollback_on_timeout)."""
        return bool(error.args) and error.args[0] in (_DEADLOCK, _LOCK_TIMEOUT)


def _field_type(reflected: FieldType, native: str, whole: str, zone: ZoneInfo) -> FieldType:
    kind = _KINDS.get(native, reflected.kind)
    if whole in ("tinyint(1)", "bit(1)"):
        kind = Kind.BOOL
    elif native == "bit":
        kind = Kind.INT
    return replace(
        reflected,
        kind=kind,
        length=reflected.length if kind is Kind.TEXT else None,
        scale=reflected.scale if kind is Kind.NUMBER else None,
        # A TIMESTAMP is a moment; a DATETIME is what a clock on some wall showed.
        zone=zone if native == "datetime" else None,
    )


def _conversions() -> dict[Any, Any]:
    """How PyMySQL reads and writes values for syncd: a TIMESTAMP is a moment in UTC, what is no date stays text."""
    converters: Any = import_module("pymysql.converters")
    fields: Any = import_module("pymysql.constants").FIELD_TYPE

    def read_moment(found: str) -> object:
        moment = converters.convert_datetime(found)
        return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else moment

    def write_moment(moment: datetime, mapping: object = None) -> str:
        at = moment if moment.tzinfo is None else moment.astimezone(UTC)
        return str(converters.escape_datetime(at, mapping))

    return {**converters.conversions, fields.TIMESTAMP: read_moment, datetime: write_moment}


__all__ = ["MariadbDialect"]
