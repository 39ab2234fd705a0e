"""What the site makes of values: in the answer (the document in memory) and in the store, which differ."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from .conversions import cint, flt
from .errors import SiteError, database_error, invalid
from .meta import DocTypeMeta, Field, Kind

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6})\d*)?)?)?")
_TIME = re.compile(r"(-?\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6})\d*)?)?")
_NINE_PLACES = Decimal("0.000000001")
_FIRST_TOO_LARGE = 1e12  # decimal(21,9) has twelve digits before the point
_INT_LIMIT = 2**31
_SHORT_STAMP = 19


def in_memory(field: Field, value: Any) -> Any:
    """The value as the document in memory, and so the answer of a write, has it."""
    kind = field.kind
    if kind is Kind.CHECK:
        return 1 if cint(value) else 0
    if kind is Kind.INT:
        return cint(value)
    if kind is Kind.FLOAT:
        return flt(value)
    if kind is Kind.JSON and isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    if value == "" and (field.unique or kind in (Kind.DATE, Kind.DATETIME, Kind.TIME)):
        return None
    if isinstance(value, list) or (isinstance(value, dict) and kind is not Kind.JSON):
        raise invalid(f"Value for {field.label} cannot be a list")
    return value


def as_text(value: Any) -> str:
    """Text of a scalar as the database client writes it: true is 1."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else str(value)


def stored(meta: DocTypeMeta, field: Field, value: Any) -> Any:
    """The value as the field's column holds it. Raises the database's own 500 for what it refuses."""
    kind = field.kind
    if kind in (Kind.CHECK, Kind.INT):
        return _stored_int(field, value)
    if kind is Kind.FLOAT:
        return _stored_decimal(field, value)
    if value is None:
        return None
    if kind is Kind.DATE:
        return _read_date(as_text(value), meta, field, "date").strftime("%Y-%m-%d")
    if kind is Kind.DATETIME:
        return _read_date(as_text(value), meta, field, "datetime").strftime("%Y-%m-%d %H:%M:%S.%f")
    if kind is Kind.TIME:
        return _stored_time(as_text(value), meta, field)
    return as_text(value)


def _stored_int(field: Field, value: Any) -> int:
    number = cint(value)
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise _out_of_range(field)
    return number


def _stored_decimal(field: Field, value: Any) -> float:
    number = flt(value)
    if abs(number) >= _FIRST_TOO_LARGE:
        raise _out_of_range(field)
    if round(number, 9) == number:
        return number
    return float(Decimal(repr(number)).quantize(_NINE_PLACES, ROUND_HALF_UP))


def _out_of_range(field: Field) -> SiteError:
    return database_error("DataError", 1264, f"Out of range value for column '{field.fieldname}' at row 1")


def _incorrect(kind: str, text: str, meta: DocTypeMeta, field: Field) -> SiteError:
    where = f"`_sandbox`.`{meta.table}`.`{field.fieldname}`"
    return database_error("OperationalError", 1292, f"Incorrect {kind} value: '{text}' for column {where} at row 1")


def _read_date(text: str, meta: DocTypeMeta, field: Field, kind: str) -> datetime:
    found = _DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        year, month, day, hour, minute, second, fraction = found.groups()
        return datetime(  # noqa: DTZ001 - the site's stamps are naive
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(6, "0")),
        )
    except ValueError:
        raise _incorrect(kind, text, meta, field) from None


def _stored_time(text: str, meta: DocTypeMeta, field: Field) -> str:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise _incorrect("time", text, meta, field)
    hour, minute, second, fraction = found.groups()
    return f"{int(hour):02d}:{int(minute):02d}:{int(second or 0):02d}.{(fraction or '0').ljust(6, '0')}"


def read_stamp(value: str | None) -> str | None:
    """A stored stamp as reads show it: without a fraction that is zero."""
    if value is not None and value[_SHORT_STAMP:] == ".000000":
        return value[:_SHORT_STAMP]
    return value


def document_time(value: str | None) -> str | None:
    """A stored Time as one document shows it: nothing is padded (measured)."""
    if value is None:
        return None
    hour, minute, rest = value.split(":")
    return f"{int(hour)}:{int(minute)}:{float(rest):g}" if float(rest) % 1 == 0 else _unpadded(hour, minute, rest)


def _unpadded(hour: str, minute: str, rest: str) -> str:
    second, _, fraction = rest.partition(".")
    return f"{int(hour)}:{int(minute)}:{int(second)}.{fraction}"


def list_time(value: str | None) -> str | None:
    """A stored Time as lists show it: the hour is not padded."""
    if value is None:
        return None
    hour, _, rest = value.partition(":")
    return f"{int(hour)}:{rest.removesuffix('.000000')}"


def comparable(field: Field, value: Any) -> Any:
    """A filter's value in the form that the field's column holds, as far as it can be brought to it."""
    if value is None:
        return None
    if field.kind in (Kind.CHECK, Kind.INT, Kind.FLOAT):
        return flt(value)
    text = as_text(value)
    if field.kind is Kind.DATETIME:
        return full_stamp(text)
    if field.kind is Kind.DATE:
        found = _DATE.fullmatch(text.strip())
        return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else text
    return text


def full_stamp(text: str, *, end_of_day: bool = False) -> str:
    """A date or stamp with all its digits; a bare date is its first (or last) microsecond. Other text is kept."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return text
    year, month, day, hour, minute, second, fraction = found.groups()
    if hour is None and end_of_day:
        return f"{year}-{int(month):02d}-{int(day):02d} 23:59:59.999999"
    clock = f"{int(hour or 0):02d}:{int(minute or 0):02d}:{int(second or 0):02d}"
    return f"{year}-{int(month):02d}-{int(day):02d} {clock}.{(fraction or '0').ljust(6, '0')}"


def period(operator: str, value: str, today: date) -> tuple[str, str]:
    """First and last day of a `timespan`, `previous` or `next` filter. Raises SiteError for an unknown one."""
    words = value.strip().lower()
    if operator in ("previous", "next"):
        words = f"{'last' if operator == 'previous' else 'next'} {words.removeprefix('1 ')}"
    first, last = _named_period(words, today)
    return first.isoformat(), last.isoformat()


def _named_period(words: str, today: date) -> tuple[date, date]:
    if words in ("today", "yesterday", "tomorrow"):
        day = today + timedelta(days={"today": 0, "yesterday": -1, "tomorrow": 1}[words])
        return day, day
    which, _, unit = words.partition(" ")
    counted = re.fullmatch(r"(\d+) days", unit)
    if counted:
        days = timedelta(days=int(counted[1]))
        return (today - days, today) if which == "last" else (today, today + days)
    step = {"last": -1, "this": 0, "next": 1}.get(which)
    months = {"month": 1, "quarter": 3, "6 months": 6, "year": 12}.get(unit)
    if step is None or (months is None and unit != "week"):
        raise invalid(f"{words} is not a valid timespan")
    if months is None:
        monday = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=step)
        return monday, monday + timedelta(days=6)
    start = today.year * 12 + (today.month - 1) // months * months + step * months
    return _month(start), _month(start + months) - timedelta(days=1)


def _month(count: int) -> date:
    return date(count // 12, count % 12 + 1, 1)
