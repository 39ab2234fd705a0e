"""Raw values to canonical ones: one reader for each kind (the forms are listed in `syncd.core.values`).

Rules of the ERPNext site that are followed here come from measurements on a running one: numbers and true in a Data
field are stored as text, a Date takes the date part of a datetime, Float, Currency and Percent keep nine decimals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

from syncd.core.kinds import FieldType, InvalidValue, Kind, Value, quote
from syncd.core.model import Raw, Unreadable

MOST_DIGITS = 1000
"""A number with more digits than this before or after its point is refused: no field holds it."""

_EXACT = Context(prec=MAX_PREC, rounding=ROUND_HALF_UP, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation])
_ZERO = Decimal(0)
_ONE = Decimal(1)
_STEPS = tuple(Decimal(1).scaleb(-places) for places in range(40))

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?) ?(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
_DAY = timedelta(days=1)
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)

Reader: TypeAlias = Callable[[Raw, FieldType], Value]


def plain(number: Decimal) -> Decimal:
    """`number` without trailing zeros, exponent or sign of zero: 1E+2 is 100, 1.50 is 1.5, -0 is 0.

    Raises `InvalidValue` for NaN, infinities, and numbers of more than `MOST_DIGITS` digits on a side of the point.
    """
    if not number.is_finite():
        raise InvalidValue(f"{quote(number)} is not a finite number")
    if not number:
        return _ZERO
    stripped = number.normalize(_EXACT)
    exponent = stripped.as_tuple().exponent
    if stripped.adjusted() > MOST_DIGITS or (isinstance(exponent, int) and exponent < -MOST_DIGITS):
        raise InvalidValue(f"{quote(number)} has more than {MOST_DIGITS} digits on one side of its point")
    return stripped.quantize(_ONE, context=_EXACT) if isinstance(exponent, int) and exponent > 0 else stripped


def rounded(number: Decimal, scale: int | None) -> Decimal:
    """`number` with at most `scale` decimals, halves away from zero (as MariaDB rounds), in plain form."""
    if scale is None:
        return plain(number)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -scale:
        step = _STEPS[scale] if 0 <= scale < len(_STEPS) else Decimal(1).scaleb(-scale)
        number = number.quantize(step, context=_EXACT)
    return plain(number)


def shifted(number: Decimal, places: int) -> Decimal:
    """`number` times ten to the power of `places`, exactly, in plain form."""
    return plain(number.scaleb(places, _EXACT))


def parse_number(raw: Raw) -> Decimal:
    """Any number, or text that is exactly one (`7.5`, `-1e3`; not `1,234.50`), in plain form; raises `InvalidValue`."""
    if isinstance(raw, str):
        text = raw.strip()
        if not _NUMBER.fullmatch(text):
            raise InvalidValue(f"{quote(raw)} is not a number")
        return plain(Decimal(text))
    if isinstance(raw, Decimal):
        return plain(raw)
    if isinstance(raw, int):
        return Decimal(int(raw))
    if isinstance(raw, float):
        return plain(Decimal(repr(raw)))
    raise InvalidValue(f"{quote(raw)} is not a number")


def decoded(raw: bytes) -> str:
    """UTF-8 bytes as text; raises `InvalidValue`."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidValue(f"{quote(raw)} is not text in UTF-8") from None


def clock_text(moment: datetime) -> str:
    """A datetime as text: naive as ERPNext writes it, aware as ISO 8601 in UTC with `Z`."""
    if moment.tzinfo is None:
        return moment.isoformat(sep=" ")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _span_text(span: timedelta) -> str:
    """A span as a MariaDB TIME shows it, `[-]HH:MM:SS[.ffffff]`; hours may exceed 24."""
    seconds, micros = divmod(abs(span) // timedelta(microseconds=1), 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return ("-" if span < timedelta(0) else "") + text + (f".{micros:06d}" if micros else "")


def _text(raw: Raw, _: FieldType) -> Value:
    """Text of anything, as the site stores it in a Data field: True is "1", 12.50 is "12.5"."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int):
        return str(int(raw))
    if isinstance(raw, float | Decimal):
        return str(parse_number(raw))
    if isinstance(raw, bytes):
        return decoded(raw)
    if isinstance(raw, timedelta):
        return _span_text(raw)
    return clock_text(raw) if isinstance(raw, datetime) else str(raw)


def _number(raw: Raw, field_type: FieldType) -> Value:
    return rounded(parse_number(raw), field_type.scale)


def _int(raw: Raw, _: FieldType) -> Value:
    if isinstance(raw, int):
        return int(raw)
    number = parse_number(raw)
    if number.as_tuple().exponent != 0:
        raise InvalidValue(f"{quote(raw)} is not a whole number")
    return int(number)


_BOOLS: dict[object, bool] = dict.fromkeys((0, "0", "false", b"\x00"), False) | dict.fromkeys(
    (1, "1", "true", b"\x01"), True
)
"""What a yes or no may look like; the bytes are MySQL's BIT(1). 0 and 1 stand for numbers of every kind."""


def _bool(raw: Raw, _: FieldType) -> Value:
    if isinstance(raw, float | Decimal):
        raw = parse_number(raw)
    found = _BOOLS.get(raw.strip() if isinstance(raw, str) else raw)
    if found is None:
        raise InvalidValue(f"{quote(raw)} is neither 0 nor 1 (nor true, false)")
    return found


def _date(raw: Raw, field_type: FieldType) -> Value:
    """The date part, as the site keeps it; of an aware datetime in `field_type.zone`, else as it is written."""
    if isinstance(raw, datetime):
        if raw.tzinfo is None or field_type.zone is None:
            return raw.date()
        return _shifted(raw, field_type).date()
    if isinstance(raw, date):
        return raw
    if not isinstance(raw, str):
        raise InvalidValue(f"{quote(raw)} is not a date")
    moment = parse_moment(raw, "date")
    return moment.date()


def _shifted(moment: datetime, field_type: FieldType) -> datetime:
    try:
        return moment.astimezone(field_type.zone)
    except (OverflowError, ValueError):
        raise InvalidValue(f"{quote(moment)} lies outside the years 1 to 9999") from None


def parse_moment(raw: str, wanted: str = "date and time") -> datetime:
    """`YYYY-MM-DD[( |T)HH:MM[:SS[.f]][Z|+HH:MM]]` as a datetime, naive where no zone is given.

    Digits of a second beyond the sixth are cut. Raises `InvalidValue`, which calls the value no `wanted`.
    """
    text = raw.strip()
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise InvalidValue(
            f"{quote(raw)} is not a {wanted} of the form YYYY-MM-DD{' HH:MM:SS' if ' ' in wanted else ''}"
        )
    if text.startswith("0000-"):
        raise InvalidValue(f"{quote(raw)} is a zero date, which stands for no day; store NULL instead")
    day, clock, zone = found.group("day", "clock", "zone")
    try:
        return datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone or ''}")
    except ValueError:
        raise InvalidValue(f"{quote(raw)} is not a {wanted}: there is no such day or hour") from None


def aware(moment: datetime, field_type: FieldType) -> datetime:
    """`moment` in UTC; a naive one is wall time in `field_type.zone` (UTC without one). Raises `InvalidValue`."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=field_type.zone or UTC)
    if moment.tzinfo is UTC:
        return moment
    try:
        # A zone file with odd rules may shift a stamp at the ends of the calendar out of it.
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidValue(f"{quote(moment)} lies outside the years 1 to 9999") from None


def _datetime(raw: Raw, field_type: FieldType) -> Value:
    if isinstance(raw, datetime):
        return aware(raw, field_type)
    if isinstance(raw, date):
        return aware(datetime.combine(raw, time()), field_type)
    if isinstance(raw, str):
        return aware(parse_moment(raw), field_type)
    raise InvalidValue(
        f"{quote(raw)} is not a date and time (a count of seconds needs the converter epoch or epoch_ms)"
    )


def _time(raw: Raw, _: FieldType) -> Value:
    """A time of day without a zone; MySQL's drivers give a timedelta, ERPNext `H:MM:SS[.ffffff]`."""
    if isinstance(raw, time):
        if raw.tzinfo is not None:
            raise InvalidValue(f"{quote(raw)} has a zone; a time of day has none")
        return raw
    if isinstance(raw, timedelta):
        if not timedelta(0) <= raw < _DAY:
            raise InvalidValue(f"{_span_text(raw)} is not a time of day")
        return (_MIDNIGHT + raw).time()
    found = _CLOCK.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if found is None:
        raise InvalidValue(f"{quote(raw)} is not a time of day of the form HH:MM:SS")
    hour, minute, second, fraction = found.groups()
    try:
        return time(int(hour), int(minute), int(second or 0), int((fraction or "0")[:6].ljust(6, "0")))
    except ValueError:
        raise InvalidValue(f"{quote(raw)} is not a time of day") from None


def _duration(raw: Raw, field_type: FieldType) -> Value:
    """Seconds, given as a number or as a timedelta."""
    if isinstance(raw, timedelta):
        micros = raw // timedelta(microseconds=1)
        return rounded(shifted(Decimal(micros), -6), field_type.scale)
    try:
        return rounded(parse_number(raw), field_type.scale)
    except InvalidValue:
        raise InvalidValue(f"{quote(raw)} is not a number of seconds") from None


def _refuse_constant(text: str) -> object:
    raise InvalidValue(f"JSON has no {text}")


def _json(raw: Raw, _: FieldType) -> Value:
    """JSON text with sorted keys and no blanks; JSON's null is an empty value."""
    if isinstance(raw, bytes):
        raw = decoded(raw)
    try:
        held = json.loads(raw, parse_constant=_refuse_constant) if isinstance(raw, str) else raw
        text = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except InvalidValue:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue(f"{quote(raw)} is not JSON: {error}") from None
    return None if text == "null" else text


def _bytes(raw: Raw, _: FieldType) -> Value:
    if isinstance(raw, bytes):
        return raw
    if isinstance(raw, str):
        return raw.encode("utf-8", "surrogatepass")
    raise InvalidValue(f"{quote(raw)} is not binary data")


_READERS: dict[Kind, Reader] = {
    Kind.TEXT: _text,
    Kind.INT: _int,
    Kind.NUMBER: _number,
    Kind.BOOL: _bool,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIME: _time,
    Kind.DURATION: _duration,
    Kind.JSON: _json,
    Kind.BYTES: _bytes,
}


def canonical(raw: Raw, field_type: FieldType) -> Value:
    """The canonical form of what a side gave for a field of that type; raises `InvalidValue` if it is no such value.

    NULL, empty and blank text are None. Numbers are rounded half up to the type's scale; naive datetimes are taken in
    its zone (UTC without one), the first of two in an hour that occurs twice. Lengths and options are not checked: what
    a side holds, it holds (`coerce` checks them before a write).
    """
    if raw is None:
        return None
    if isinstance(raw, str):
        if not raw or raw.isspace():
            return None
        if field_type.kind is Kind.TEXT:
            return raw
    elif raw == b"":
        return None
    if isinstance(raw, Unreadable):
        raise InvalidValue(raw.reason)
    value = _READERS[field_type.kind](raw, field_type)
    # Bytes that spell blank text are empty as well, once they are read as text.
    return None if isinstance(value, str) and (not value or value.isspace()) else value


_ODD = frozenset({str, bytes, Unreadable})
"""Kinds of raw values that may be empty, or no value at all."""


@lru_cache(maxsize=4096)
def canonicaliser(field_type: FieldType) -> Callable[[Raw], Value]:
    """`canonical` for one type, with the choice of reader made once."""
    read = _READERS[field_type.kind]
    if field_type.kind is Kind.TEXT:

        def read_text(raw: Raw) -> Value:
            if raw.__class__ is str:
                return raw if raw and not raw.isspace() else None
            return canonical(raw, field_type)

        return read_text

    def read_other(raw: Raw) -> Value:
        if raw is None or raw.__class__ in _ODD:
            return canonical(raw, field_type)
        return read(raw, field_type)

    return read_other
