"""Values: field types, canonical form, sameness, images and digests.

Raw values (see `model.Raw`) are brought to a canonical form only where two have to be compared or converted:

    kind       canonical form
    TEXT       str, exactly as it is (nothing trimmed)
    INT        int
    NUMBER     Decimal, without exponent, trailing zeros or sign of zero
    BOOL       bool
    DATE       date
    DATETIME   aware datetime in UTC
    TIME       time
    DURATION   Decimal, seconds
    JSON       str, with sorted keys and no blanks
    BYTES      bytes

and None for every empty value: NULL, "" and blank text are the same (contract, "Same value").

This module is the one to import from: the readers live in `canonical`, the encodings in `images`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from syncd.core.canonical import (
    aware,
    canonical,
    canonicaliser,
    clock_text,
    decoded,
    parse_moment,
    parse_number,
    rounded,
)
from syncd.core.images import (
    decode_baseline,
    decode_baselines,
    decode_image,
    decode_raw,
    digest,
    encode_baseline,
    encode_image,
    encode_raw,
    read_image,
    without_ties,
)
from syncd.core.kinds import FieldType, InvalidValue, Kind, Value, quote
from syncd.core.model import Raw, Rows

__all__ = [
    "FieldType",
    "InvalidValue",
    "Kind",
    "Stamp",
    "Value",
    "canonical",
    "canonicaliser",
    "coerce",
    "decode_baseline",
    "decode_baselines",
    "decode_image",
    "decode_raw",
    "digest",
    "encode_baseline",
    "encode_image",
    "encode_raw",
    "nearest",
    "parse_stamp",
    "quote",
    "read_image",
    "same",
    "show",
    "to_raw",
    "without_ties",
]

_DECIMAL_21_9 = frozenset({"Float", "Currency", "Percent", "Duration"})
"""ERPNext's field types that MariaDB holds as decimal(21,9): twelve digits before the point."""
_LARGEST_21_9 = Decimal(10) ** 12
_HALF = re.compile("[\ud800-\udfff]")
_INT_BITS = {"Int": 32}
"""ERPNext's Int is a MariaDB int of 32 bits, unless its length is over 11; its Long Int has 64."""
_FIRST_MS = 100_000_000_000
"""An epoch stamp above this counts milliseconds: as seconds it would lie in the year 5138."""


def nearest(word: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Up to `most` of `known` that look like `word`, best first; case is ignored. For suggestions."""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in known}
    return tuple(folded[name] for name in get_close_matches(word.casefold(), folded, most, 0.5))


def _to_text(value: Value, target: FieldType) -> str:
    text = _text_of(value, target)
    if _HALF.search(text):
        raise InvalidValue(f"{quote(text)} holds half a character (one of a surrogate pair), which is no text anywhere")
    if target.options is not None and text not in target.options:
        close = nearest(text, target.options) or target.options[:5]
        raise InvalidValue(f"{quote(text)} is not one of the options; nearest: {', '.join(map(quote, close))}")
    if target.length is not None and len(text) > target.length:
        raise InvalidValue(
            f"{quote(text)} has {len(text)} characters; {target.name or 'the field'} holds {target.length}"
        )
    return text


def _text_of(value: Value, target: FieldType) -> str:
    """Plain text: True is "1", numbers have no exponent, a datetime is wall time in `target.zone`, else UTC with Z."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return decoded(value)
    if isinstance(value, datetime):
        return clock_text(_wall(value, target.zone) if target.zone else value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(int(value)) if isinstance(value, int) else str(value)


def _to_number(value: Value, target: FieldType) -> Decimal:
    if not isinstance(value, int | Decimal | str):
        raise InvalidValue(f"{quote(value)} is not a number")
    number = rounded(parse_number(value), target.scale)
    if target.name in _DECIMAL_21_9 and abs(number) >= _LARGEST_21_9:
        raise InvalidValue(f"{quote(number)} is too large: a {target.name} holds 12 digits before the point")
    return number


def _to_int(value: Value, target: FieldType) -> int:
    if not isinstance(value, int | Decimal | str):
        raise InvalidValue(f"{quote(value)} is not a whole number")
    number = parse_number(value)
    if number.as_tuple().exponent != 0:
        raise InvalidValue(f"{quote(value)} is not a whole number")
    wide = target.length is not None and target.length > 11
    bits = 64 if wide else _INT_BITS.get(target.name, 64)
    whole = int(number)
    if not -(2 ** (bits - 1)) <= whole < 2 ** (bits - 1):
        raise InvalidValue(f"{quote(whole)} is too large: {target.name or 'the field'} holds integers of {bits} bits")
    return whole


def _to_bool(value: Value, target: FieldType) -> bool:
    if isinstance(value, date | time):
        raise InvalidValue(f"{quote(value)} is neither 0 nor 1")
    held = canonical(value, target)
    if not isinstance(held, bool):
        raise InvalidValue(f"{quote(value)} is neither 0 nor 1")
    return held


def _to_date(value: Value, target: FieldType) -> date:
    """The day; of a datetime the wall day in `target.zone` (UTC without one), its time of day is dropped."""
    if isinstance(value, datetime):
        return _wall(value, target.zone or ZoneInfo("UTC")).date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        return parse_moment(value, "date").date()
    raise InvalidValue(f"{quote(value)} is not a date")


def _to_datetime(value: Value, target: FieldType) -> datetime:
    """The moment in UTC; a date is its midnight in `target.zone`.

    A target with a zone holds naive wall time, which cannot tell the two halves of a repeated hour apart: the second
    becomes the first.
    """
    if isinstance(value, str):
        value = parse_moment(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise InvalidValue(f"{quote(value)} is not a date and time")
    moment = aware(value, target)
    return moment if target.zone is None else aware(_wall(moment, target.zone).replace(fold=0), target)


def _to_time(value: Value, target: FieldType) -> time:
    if isinstance(value, datetime):
        return _wall(value, target.zone or ZoneInfo("UTC")).time()
    held = canonical(value, target) if isinstance(value, str | time) else None
    if not isinstance(held, time):
        raise InvalidValue(f"{quote(value)} is not a time of day")
    return held


def _to_json(value: Value, target: FieldType) -> Value:
    if isinstance(value, bool | int | str):
        return canonical(value, target)
    raise InvalidValue(f"{quote(value)} is not JSON")


def _to_bytes(value: Value, target: FieldType) -> Value:
    if isinstance(value, str | bytes):
        return canonical(value, target)
    raise InvalidValue(f"{quote(value)} is not binary data")


_COERCERS: dict[Kind, Callable[[Value, FieldType], Value]] = {
    Kind.TEXT: _to_text,
    Kind.INT: _to_int,
    Kind.NUMBER: _to_number,
    Kind.BOOL: _to_bool,
    Kind.DATE: _to_date,
    Kind.DATETIME: _to_datetime,
    Kind.TIME: _to_time,
    Kind.DURATION: _to_number,
    Kind.JSON: _to_json,
    Kind.BYTES: _to_bytes,
}


def coerce(value: Value, target: FieldType) -> Value:
    """A canonical value of any kind as a canonical value of `target`; raises `InvalidValue` if it cannot hold it.

    Numbers are rounded half up to `target.scale`; nothing else is bent to fit: text is a number only if it is exactly
    one, a number an integer only if it is whole, 0 and 1 alone are yes or no, text must have room and be among the
    options. What a site would silently store as 0 or cut is refused here.
    """
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return None
    return _COERCERS[target.kind](value, target)


def same(a: Value, b: Value, *, scale: int | None = None) -> bool:
    """Whether two canonical values are the same: numbers at `scale` (half up), text exactly, None only with None."""
    if a == b:
        return True
    if scale is None or not isinstance(a, int | Decimal) or not isinstance(b, int | Decimal):
        return False
    return rounded(Decimal(a), scale) == rounded(Decimal(b), scale)


def to_raw(value: Value, field_type: FieldType) -> Raw:
    """A canonical value of `field_type` as that side takes it.

    A DATETIME is naive wall time in `field_type.zone` where the type has one, else aware in UTC. Everything else is the
    canonical value itself: Decimal, bool, int, str, date, time, bytes.
    """
    return _wall(value, field_type.zone) if isinstance(value, datetime) and field_type.zone is not None else value


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """Naive wall time in `zone`. `fold` is kept: it tells the two halves of a repeated hour apart."""
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        raise InvalidValue(f"{quote(moment)} lies outside the years 1 to 9999") from None


class Stamp(NamedTuple):
    """When a record was last edited."""

    at: datetime
    """Aware, in UTC."""
    ambiguous: bool
    """The stamp is wall time in an hour that occurs twice (end of daylight saving time); `at` is the first."""


def parse_stamp(raw: Raw, zone: str) -> Stamp | None:
    """The moment a stamp names, or None for an empty or unreadable one.

    Takes text and datetimes (naive ones in the IANA zone `zone`), dates (their midnight), and numbers: seconds since
    1970, or milliseconds where they are above 1e11. Raises ZoneInfoNotFoundError for an unknown zone.
    """
    if isinstance(raw, bool) or raw is None:
        return None
    try:
        if isinstance(raw, int | float | Decimal):
            return Stamp(_epoch(parse_number(raw)), ambiguous=False)
        if isinstance(raw, str):
            raw = parse_moment(raw)
        elif isinstance(raw, date) and not isinstance(raw, datetime):
            raw = datetime.combine(raw, time())
        if not isinstance(raw, datetime):
            return None
        return _stamp(raw, ZoneInfo(zone))
    except (InvalidValue, OverflowError):
        return None


def _epoch(number: Decimal) -> datetime:
    seconds = number / 1000 if abs(number) > _FIRST_MS else number
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))


def _stamp(moment: datetime, zone: ZoneInfo) -> Stamp:
    if moment.tzinfo is not None:
        return Stamp(moment.astimezone(UTC), ambiguous=False)
    first = moment.replace(tzinfo=zone, fold=0)
    before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
    # In a gap (start of daylight saving time) the offsets differ too, but there the later one is the larger.
    return Stamp(first.astimezone(UTC), ambiguous=before is not None and after is not None and before > after)


def show(value: object) -> object:
    """A value for reports, as JSON can hold it: numbers with decimals, dates and times as text, bytes as hex.

    An integer beyond 64 bits, which orjson refuses, is text as well.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Rows):
        return [[show(held) for held in row.values] for row in value.rows]
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, datetime):
        return clock_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
