"""PostgreSQL as a source, through psycopg 3."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Numeric, Text, cast, create_engine, event, func, inspect, literal_column, text
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError

from syncd.adapters.sources.sql_dialect import IDLE_TIMEOUT, STATEMENT_TIMEOUT, Dialect, TableName
from syncd.adapters.sources.sql_types import ColumnInfo
from syncd.core.values import FieldType, Kind
from syncd.errors import UnreachableError

_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_KINDS = {
    "bool": Kind.BOOL,
    "int2": Kind.INT,
    "int4": Kind.INT,
    "int8": Kind.INT,
    "oid": Kind.INT,
    "numeric": Kind.NUMBER,
    "float4": Kind.NUMBER,
    "float8": Kind.NUMBER,
    "money": Kind.NUMBER,
    "date": Kind.DATE,
    "timestamp": Kind.DATETIME,
    "timestamptz": Kind.DATETIME,
    "time": Kind.TIME,
    "timetz": Kind.TIME,
    "interval": Kind.DURATION,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
    "bytea": Kind.BYTES,
}
"""Kinds by the type's name in the catalogue; every other type (uuid, enum, inet, arrays, …) is text."""

_FOLDING = ("und-x-icu", "unicode", "pg_c_utf8")
"""Collations that know the case of every script, best first; a database in the locale C knows that of ASCII alone."""

_COLUMNS = text("""
    SELECT a.attname, coalesce(base.typname, own.typname),
           information_schema._pg_datetime_precision(
             coalesce(base.oid, own.oid), CASE WHEN base.oid IS NULL THEN a.atttypmod ELSE own.typtypmod END),
           format_type(a.atttypid, a.atttypmod)
      FROM pg_attribute a
      JOIN pg_type own ON own.oid = a.atttypid
      LEFT JOIN pg_type base ON base.oid = own.typbasetype AND own.typtype = 'd'
     WHERE a.attrelid = CAST(:name AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
""")
_TRIGGERS = text("""
    SELECT t.tgtype, t.tgattr::text <> '' OR t.tgqual IS NOT NULL, p.proname, p.prosrc,
           encode(t.tgargs, 'escape')
      FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgrelid = CAST(:name AS regclass) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
""")
_ROW, _BEFORE, _EVENTS = 1, 2, {"INSERT": 4, "UPDATE": 16}
"""Bits of `pg_trigger.tgtype`."""
_SETTINGS = (
    "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),"
    " set_config('idle_in_transaction_session_timeout', %s, true)"
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


class PostgresDialect(Dialect):
    """PostgreSQL 12 and newer."""

    holds_nul = False

    def __init__(self, url: URL, busy_timeout: float) -> None:
        self._lock_timeout = f"{int(busy_timeout * 1000)}ms"
        arguments = {
            "context": _adapters(),
            "connect_timeout": 10,
            # A network that swallows packets is noticed within a minute, not after hours.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
            "application_name": "syncd",
            # Poolers that give each transaction another session do not know statements prepared in the last one.
            "prepare_threshold": None,
        }
        given = {name: value for name, value in arguments.items() if name not in url.query}
        super().__init__(
            create_engine(
                url.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
                use_native_hstore=False,
                connect_args=given,
            )
        )
        event.listen(self.engine, "connect", _set_up)

    def columns(self, table: TableName, zone: ZoneInfo) -> list[ColumnInfo]:
        """The table's columns, by the catalogue's names of their types; a domain is what it is made of."""
        with self.engine.connect() as connection:
            rows = connection.execute(_COLUMNS, {"name": self._quoted(table)}).all()
        described = {str(row[0]): row for row in rows}
        infos = []
        for info in super().columns(table, zone):
            _, native, digits, declared = described[info.name]
            kind = _KINDS.get(native, Kind.TEXT)
            infos.append(
                replace(
                    info,
                    type=_field_type(info.type, native, kind, zone),
                    native=native,
                    declared=str(declared),
                    digits=6 if digits is None else int(digits),
                )
            )
        return infos

    def views(self, schema: str | None) -> list[str]:
        """Views and materialized views."""
        return [*super().views(schema), *inspect(self.engine).get_materialized_view_names(schema=schema)]

    def schemas(self) -> list[str]:
        """Every schema but the connection's own and the system's."""
        inspector = inspect(self.engine)
        own = {"information_schema", inspector.default_schema_name}
        return [name for name in inspector.get_schema_names() if name not in own and not name.startswith("pg_")]

    def begin(self, cursor: DBAPICursor, zone: ZoneInfo | None) -> None:
        """Bounded waiting, and the zone that naive stamps of triggers and defaults are meant in."""
        idle = f"{int(IDLE_TIMEOUT * 1000)}ms"
        cursor.execute(_SETTINGS, (self._lock_timeout, f"{int(STATEMENT_TIMEOUT * 1000)}ms", idle))
        if zone is not None:
            cursor.execute("SELECT set_config('TimeZone', %s, true)", (zone.key,))

    def take_turn(self, cursor: DBAPICursor, table: TableName) -> None:
        """An advisory lock that ends with the transaction, or with its connection."""
        name = f"syncd/{table.schema or ''}/{table.name}"
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big", signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (number,))

    def readable(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:
        """Types that syncd does not know are text, which compares with any text without an error."""
        if info.native == "money":
            return cast(column, Numeric())
        return cast(column, Text()) if _is_foreign(info) else column

    def exactly(self, column: ColumnElement[Any], info: ColumnInfo, value: Any) -> ColumnElement[bool]:
        """A number for a `real` is cut to its digits first: 0.1 is another number in eight bytes.

        A value for a type that is read as text is first written as that type writes it.
        """
        if info.native == "float4":
            value = cast(value, REAL())
        elif _is_foreign(info):
            value = cast(value.op("::")(literal_column(info.declared)), Text())
        return super().exactly(column, info, value)

    def bytewise(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:
        """Text in the collation C: others may take `bob` for `Bob` (citext always does)."""
        if info.native in ("citext", "name"):
            column = cast(column, Text())
        return column.collate("C") if info.type.kind is Kind.TEXT and info.native != "uuid" else column

    def fold(self, column: ColumnElement[Any], info: ColumnInfo) -> ColumnElement[Any]:
        """Without regard to case in any script, where the database has a collation for that."""
        if info.native == "uuid":
            return column
        return func.lower(column.collate(self._folding) if self._folding else column)

    @cached_property
    def _folding(self) -> str | None:
        with self.engine.connect() as connection:
            for name in _FOLDING:
                # The catalogue lists collations of libraries that a build comes without: only asking tells.
                with suppress(DBAPIError), connection.begin():
                    if connection.execute(text(f"SELECT lower('Ä' COLLATE \"{name}\")")).scalar() == "ä":
                        return name
        return None

    def now(self, cursor: DBAPICursor) -> datetime:
        """The database's clock; CURRENT_TIMESTAMP would be the moment at which the transaction began."""
        cursor.execute("SELECT clock_timestamp()")
        (value,) = cursor.fetchone() or (None,)
        if not isinstance(value, datetime):
            raise UnreachableError("the source's database does not tell the time")
        return value.astimezone(UTC)

    def stamps_itself(self, table: TableName, column: str, event: str) -> bool:
        """Whether a trigger on each row sets `column`: by assignment, by an UPDATE of the table, or `moddatetime`.

        One that runs for some columns only, or under a condition, does not do so every time.
        """
        word = rf'"?{re.escape(column)}"?'
        assigns = re.compile(rf"(?:;|\b(?:BEGIN|THEN|ELSE|LOOP))\s*NEW\s*\.\s*{word}\s*:?=", re.IGNORECASE)
        updates = re.compile(
            rf'\bUPDATE\s+(?:\w+\.)?"?{re.escape(table.name)}"?\s+SET\b[^;]*?(?<!\w){word}\s*=', re.IGNORECASE
        )
        for bits, sometimes, name, source, arguments in self._triggers(table):
            if sometimes or not bits & _EVENTS[event]:
                continue
            body = _COMMENT.sub(" ", source)
            before = bits & _ROW and bits & _BEFORE
            if before and (assigns.search(body) or (name == "moddatetime" and column in arguments.split("\\000"))):
                return True
            if updates.search(body):
                return True
        return False

    def insert_triggers(self, table: TableName) -> bool:
        """Whether the table has an INSERT trigger."""
        return any(bits & _EVENTS["INSERT"] for bits, *_ in self._triggers(table))

    def early_triggers(self, table: TableName) -> bool:
        """Whether the table has a BEFORE INSERT trigger for each row."""
        wanted = _EVENTS["INSERT"] | _BEFORE | _ROW
        return any(bits & wanted == wanted for bits, *_ in self._triggers(table))

    def _triggers(self, table: TableName) -> list[tuple[int, bool, str, str, str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(_TRIGGERS, {"name": self._quoted(table)}).all()
        return [(int(row[0]), bool(row[1]), str(row[2]), str(row[3] or ""), str(row[4] or "")) for row in rows]

    def _quoted(self, table: TableName) -> str:
        quote = self.engine.dialect.identifier_preparer.quote_identifier
        return quote(table.name) if table.schema is None else f"{quote(table.schema)}.{quote(table.name)}"

    def insert(self, cursor: DBAPICursor, sql: str, rows: Iterable[Any]) -> list[tuple[Any, ...] | None]:
        """All rows in one pipeline: the network is crossed a few times a batch, not once a row."""
        native: Any = cursor
        native.executemany(sql, rows, returning=True)
        made: list[tuple[Any, ...] | None] = [native.fetchone()]
        while native.nextset():
            made.append(native.fetchone())
        return made

    def aborted(self, connection: Any, error: BaseException) -> bool:  # noqa: ARG002 - the base's
        """Never: a savepoint keeps what was done before it, after a deadlock too."""
        return False


def _is_foreign(info: ColumnInfo) -> bool:
    """Whether a column is of a type that syncd does not know: it is read as text."""
    return info.type.kind is Kind.JSON or (info.type.kind is Kind.TEXT and info.native not in _TEXTS | {"uuid"})


def _field_type(reflected: FieldType, native: str, kind: Kind, zone: ZoneInfo) -> FieldType:
    scale = 2 if native == "money" else reflected.scale if kind is Kind.NUMBER else None
    return replace(
        reflected,
        kind=kind,
        name="UUID" if native == "uuid" else reflected.name,
        scale=scale,
        length=reflected.length if kind is Kind.TEXT else None,
        zone=zone if native == "timestamp" else None,
    )


def _set_up(connection: Any, _record: object) -> None:
    """Settings of a new connection that reading depends on."""
    connection.autocommit, before = True, connection.autocommit
    connection.execute("SET datestyle = 'ISO, YMD'")
    connection.execute(f"SET statement_timeout = {int(STATEMENT_TIMEOUT * 1000)}")
    connection.autocommit = before


def _adapters() -> Any:
    """How psycopg reads values for syncd: what Python cannot hold (`infinity`, years before Christ) comes as text."""
    import psycopg
    from psycopg.adapt import AdaptersMap, Loader
    from psycopg.types.string import TextLoader

    def loader(read: Callable[[str], object]) -> type[Loader]:
        class Reading(Loader):
            def load(self, data: Any) -> object:
                return read(bytes(data).decode("utf-8"))

        return Reading

    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_loader("uuid", TextLoader)
    adapters.register_loader("date", loader(_read_date))
    adapters.register_loader("timestamp", loader(_read_moment))
    adapters.register_loader("timestamptz", loader(_read_moment))
    # CHAR(5) comes filled up with blanks, which PostgreSQL itself does not count.
    adapters.register_loader("bpchar", loader(lambda found: found.rstrip(" ")))
    return adapters


def _read_date(found: str) -> date | str:
    try:
        return date.fromisoformat(found)
    except ValueError:
        return found


def _read_moment(found: str) -> datetime | str:
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        return found
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


__all__ = ["PostgresDialect"]
