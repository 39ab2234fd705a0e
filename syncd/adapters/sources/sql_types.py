"""What a column of a SQL table can hold, and values of syncd as values to bind to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import types
from sqlalchemy.engine.interfaces import ReflectedColumn

from syncd.adapters.sources.sql_stamps import StampFormat, moment_text
from syncd.core.model import Raw
from syncd.core.values import FieldType, Kind
from syncd.errors import RefusedError

_DECLARED = re.compile(r"\s*(?P<word>.*?)\s*(?:\(\s*(?P<first>\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\))?\s*")

_BY_WORD: tuple[tuple[str, Kind], ...] = (
    (r"BOOL", Kind.BOOL),
    (r"DATE.*TIME|^TIMESTAMP", Kind.DATETIME),
    (r"^DATE$", Kind.DATE),
    (r"^TIME", Kind.TIME),
    (r"^JSON", Kind.JSON),
    (r"CHAR|CLOB|TEXT|STRING|UUID", Kind.TEXT),
    (r"BLOB|BINARY", Kind.BYTES),
    (r"INT|SERIAL|^YEAR$", Kind.INT),
    (r"REAL|FLOA|DOUB|NUM|DEC|MONEY|CURRENCY", Kind.NUMBER),
)
"""SQLite declares types freely; their names tell what people mean by them. The first pattern that is found decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """One column as reflected. `generated`: the database computes it."""

    name: str
    type: FieldType
    nullable: bool
    has_default: bool
    generated: bool
    numbered: bool = False
    """The database gives it the next number (SQLite's INTEGER PRIMARY KEY, AUTO_INCREMENT, SERIAL, IDENTITY)."""
    native: str = ""
    """The database's own word for its type (`jsonb`, `bpchar`, `tinyint`); empty where nothing depends on it."""
    declared: str = ""
    """The type as a CAST takes it; empty where nothing depends on it."""
    digits: int = 6
    """Digits of a second that a column of times keeps."""


def column_info(column: ReflectedColumn, field_type: FieldType) -> ColumnInfo:
    """One column as SQLAlchemy reflects it; its type as its dialect reads it."""
    numbered = column.get("autoincrement") is True or "identity" in column
    default = column.get("default")
    return ColumnInfo(
        name=column["name"],
        type=field_type,
        nullable=bool(column["nullable"]),
        # PostgreSQL keeps a DEFAULT NULL as an expression.
        has_default=numbered or (default is not None and not str(default).upper().startswith("NULL")),
        generated="computed" in column,
        numbered=numbered,
    )


def declared_type(declared: str, zone: ZoneInfo) -> FieldType:
    """The type of a SQLite column by the words it was declared with; none at all makes it a TEXT without a name."""
    found = _DECLARED.fullmatch(declared.upper())
    word = found["word"] if found else declared.upper()
    kind = next((kind for pattern, kind in _BY_WORD if re.search(pattern, word)), Kind.TEXT)
    first, second = (found["first"], found["second"]) if found else (None, None)
    return FieldType(
        kind=kind,
        name=declared,
        length=int(first) if first and kind is Kind.TEXT else None,
        scale=int(second) if second and kind is Kind.NUMBER else None,
        zone=zone if kind is Kind.DATETIME else None,
    )


_BY_CLASS: tuple[tuple[type[types.TypeEngine[Any]], Kind], ...] = (
    (types.Boolean, Kind.BOOL),
    (types.DateTime, Kind.DATETIME),
    (types.Date, Kind.DATE),
    (types.Time, Kind.TIME),
    (types.Interval, Kind.DURATION),
    (types.JSON, Kind.JSON),
    (types.LargeBinary, Kind.BYTES),
    (types.Integer, Kind.INT),
    (types.Numeric, Kind.NUMBER),
    (types.Float, Kind.NUMBER),
)


def reflected_type(column_type: types.TypeEngine[Any], zone: ZoneInfo) -> FieldType:
    """The type of a column as SQLAlchemy reflects it from databases that keep to declared types.

    A datetime column that holds offsets has no zone of its own: its values are aware.
    """
    kind = next((kind for known, kind in _BY_CLASS if isinstance(column_type, known)), Kind.TEXT)
    return FieldType(
        kind=kind,
        name=str(column_type),
        length=getattr(column_type, "length", None) if kind is Kind.TEXT else None,
        scale=getattr(column_type, "scale", None) if kind is Kind.NUMBER else None,
        options=tuple(column_type.enums) if isinstance(column_type, types.Enum) else None,
        zone=zone if kind is Kind.DATETIME and not getattr(column_type, "timezone", False) else None,
    )


Binder = Callable[[Raw], object]
"""Makes a value ready to bind to one column. Raises `RefusedError` for one that the database cannot hold."""


def loose_binder(column: str, field_type: FieldType, form: StampFormat | None) -> Binder:
    """The binder of a SQLite column: numbers as it stores them without loss, dates as the text the column uses.

    `form` is the form of the column's datetimes, where it is known; naive ones are in the type's zone.
    """
    zone = field_type.zone or ZoneInfo("UTC")
    textual = field_type.kind in (Kind.TEXT, Kind.JSON)

    def bind(value: Raw) -> object:
        kind = value.__class__
        if value is None or kind is bytes or kind is float:
            return str(value) if textual and kind is float else value
        if kind is str:
            return _checked_text(column, str(value))
        if isinstance(value, int):
            return str(int(value)) if textual else _checked_whole(column, int(value))
        if isinstance(value, Decimal):
            return _decimal(value, textual=textual)
        if isinstance(value, datetime):
            return moment_text(value, form, zone)
        return _clock(value)

    return bind


def strict_binder(column: ColumnInfo, *, holds_nul: bool = True) -> Binder:
    """The binder of a column that keeps to its type: values in the kind that its driver sends for that type.

    What is of no known kind (text in a number column, read so because Python cannot hold the date) passes as it is.
    """
    kind = column.type.kind

    def text(value: Raw) -> object:
        return _bound_text(column.name, value, holds_nul=holds_nul)

    if kind in (Kind.TEXT, Kind.JSON):
        return text
    if kind is Kind.BYTES:
        return _bound_bytes
    other = _STRICT.get(kind, _as_it_is)
    return lambda value: text(value) if isinstance(value, str) else None if value is None else other(value)


def strict_plain(field_type: FieldType) -> frozenset[type]:
    """The kinds of values that `strict_binder` leaves as they are, whatever they hold."""
    return _STRICT_PLAIN.get(field_type.kind, frozenset({type(None)}))


def _as_it_is(value: Raw) -> object:
    return value


def _bound_text(column: str, value: Raw, *, holds_nul: bool) -> object:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return str(int(value))
    text = format(value, "f") if isinstance(value, Decimal) else str(_clock(value))
    if not holds_nul and "\0" in text:
        raise RefusedError(
            f"the value for column {column!r} holds the character NUL, which this database stores in no text",
            hint="correct the text on the other side",
        )
    return _checked_text(column, text)


def _bound_bool(value: Raw) -> object:
    return bool(value) if isinstance(value, int | Decimal) and value in (0, 1) else value


def _bound_int(value: Raw) -> object:
    if isinstance(value, bool):
        return int(value)
    whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return int(value) if whole and isinstance(value, Decimal) else value


def _bound_bytes(value: Raw) -> object:
    return value.encode("utf-8") if isinstance(value, str) else value


def _bound_span(value: Raw) -> object:
    if not isinstance(value, int | float | Decimal):
        return value
    return timedelta(microseconds=int(Decimal(str(value)) * 1_000_000))


_STRICT: dict[Kind, Callable[[Raw], object]] = {
    Kind.BOOL: _bound_bool,
    Kind.INT: _bound_int,
    Kind.DURATION: _bound_span,
}
_STRICT_PLAIN: dict[Kind, frozenset[type]] = {
    Kind.BOOL: frozenset({type(None), bool}),
    Kind.INT: frozenset({type(None), int}),
    Kind.NUMBER: frozenset({type(None), int, float, Decimal}),
    Kind.DATE: frozenset({type(None), date}),
    Kind.DATETIME: frozenset({type(None), datetime}),
    Kind.TIME: frozenset({type(None), time, timedelta}),
    Kind.BYTES: frozenset({type(None), bytes}),
}


def _clock(value: Raw) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, date | time) else value


def _decimal(value: Decimal, *, textual: bool) -> object:
    """An integer where it is one, a float where that is the very number, else its digits."""
    if textual:
        return format(value, "f")
    if value == value.to_integral_value() and abs(value) < 2**63:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else format(value, "f")


def _checked_text(column: str, text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError(
            f"the value for column {column!r} holds half of a character (a lone surrogate), which no database stores",
            hint="correct the text on the other side",
        ) from None
    return text


def _checked_whole(column: str, number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise RefusedError(
            f"{number} is too large for column {column!r}: integers have 64 bits",
            hint="correct the number on the other side, or map the field to a text column",
        )
    return number


__all__ = [
    "Binder",
    "ColumnInfo",
    "column_info",
    "declared_type",
    "loose_binder",
    "reflected_type",
    "strict_binder",
    "strict_plain",
]
