"""Stamps of a source's rows in the form the column keeps them: recognised, looked back from, and written.

A column of modification stamps may hold text (`YYYY-MM-DD HH:MM:SS`, with `T`, a fraction, an offset), numbers
(seconds or milliseconds since 1970) or the driver's own datetimes. Stamps are kept and sent back exactly as read; only
two things are computed, and both in the column's own form: where a poll begins, and the stamp of a write of syncd.

Text with a blank and text with a `T` may stand in one column (a default of CURRENT_TIMESTAMP beside an application's
ISO text): the bound is drawn in both forms. Other mixtures (numbers beside text, wall time of several zones) are in no
order at all; what such rows hide, full passes find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from syncd.core.model import Raw
from syncd.core.values import FieldType, Kind, parse_stamp

_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?:(?P<separator>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<offset>Z|[+-]\d\d:?\d\d)?)?"
)
_FIRST_SECOND = 100_000_000
"""A smaller number is a counter, not seconds since 1970: those would lie before 1973."""
_FIRST_MILLISECOND = 100_000_000_000
_LAST_MILLISECOND = 100_000_000_000_000
_UTC_OFFSETS = frozenset({"", "Z", "+00:00", "+0000"})
_MIXED_OFFSETS = timedelta(hours=26)
"""How far text that carries other offsets than UTC's can lie from the order of time: from -12 to +14 hours."""


class Span(NamedTuple):
    """A range of stamps: from `low` on, and below `high` where there is one."""

    low: Raw
    high: Raw = None


@dataclass(frozen=True, slots=True)
class TextFormat:
    """Stamps as text. `separator` is empty for a date alone, `offset` as written (`Z`, `+02:00`, or empty)."""

    separator: str = " "
    seconds: bool = True
    digits: int = 3
    offset: str = ""

    def render(self, at: datetime, zone: ZoneInfo, *, digits: int | None = None) -> str:
        """`at` (aware) in this form, cut to its precision; `digits` of a second may be asked for instead."""
        wall = at.astimezone(self._zone(zone))
        if not self.separator:
            return wall.strftime("%Y-%m-%d").rjust(10, "0")
        places = self.digits if digits is None else digits
        fraction = f".{wall.microsecond:06d}000"[: places + 1] if places and self.seconds else ""
        clock = f"{wall:%H:%M:%S}" if self.seconds else f"{wall:%H:%M}"
        return f"{wall.date().isoformat()}{self.separator}{clock}{fraction}{self._suffix(wall)}"

    def spans(self, at: datetime, zone: ZoneInfo) -> list[Span]:
        """What lies at or after `at`, in both separators; floored to the second, so that fractions do not matter."""
        if self.offset not in _UTC_OFFSETS:
            at -= _MIXED_OFFSETS
        wall = at.astimezone(self._zone(zone))
        day = wall.date().isoformat()
        if not self.separator:
            return [Span(day)]
        clock = f"{wall:%H:%M:%S}" if self.seconds else f"{wall:%H:%M}"
        return [Span(f"{day} {clock}", f"{day}T"), Span(f"{day}T{clock}")]

    @property
    def naive(self) -> bool:
        """Whether stamps are wall time without an offset."""
        return not self.offset

    def _zone(self, zone: ZoneInfo) -> ZoneInfo:
        return ZoneInfo("UTC") if self.offset in _UTC_OFFSETS and self.offset else zone

    def _suffix(self, wall: datetime) -> str:
        if not self.offset or self.offset in _UTC_OFFSETS:
            return self.offset
        offset = wall.strftime("%z")
        return f"{offset[:3]}:{offset[3:]}" if ":" in self.offset else offset


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Stamps as numbers since 1970: `per_second` is 1 or 1000, `whole` says that they are integers."""

    per_second: int = 1
    whole: bool = True
    naive: bool = False

    def render(self, at: datetime, zone: ZoneInfo) -> int | float:  # noqa: ARG002 - one shape for every form
        """`at` (aware) as a number, whatever the zone."""
        number = at.timestamp() * self.per_second
        return int(number) if self.whole else number

    def spans(self, at: datetime, zone: ZoneInfo) -> list[Span]:
        """What lies at or after `at`."""
        return [Span(self.render(at, zone))]


@dataclass(frozen=True, slots=True)
class NativeFormat:
    """Stamps as the driver's own datetimes or dates. `digits` of a second are kept."""

    aware: bool = False
    day: bool = False
    digits: int = 6

    @property
    def naive(self) -> bool:
        """Whether stamps are wall time without an offset."""
        return not self.aware

    def render(self, at: datetime, zone: ZoneInfo) -> datetime | date:
        """`at` (aware) as the driver takes it, cut to the column's precision: rounded up it would lie in the future."""
        at = at.replace(microsecond=at.microsecond - at.microsecond % 10 ** (6 - self.digits))
        wall = at.astimezone(zone)
        if self.day:
            return wall.date()
        return at if self.aware else wall.replace(tzinfo=None, fold=0)

    def spans(self, at: datetime, zone: ZoneInfo) -> list[Span]:
        """What lies at or after `at`."""
        return [Span(self.render(at, zone))]


StampFormat: TypeAlias = TextFormat | NumberFormat | NativeFormat


def recognise(raw: Raw) -> StampFormat | None:
    """The form of one stamp; None for what is no stamp in a known form (a row counter, an empty or broken text)."""
    if isinstance(raw, str):
        found = _TEXT.fullmatch(raw)
        if found is None or parse_stamp(raw, "UTC") is None:
            return None
        return TextFormat(
            separator=found["separator"] or "",
            seconds=found["seconds"] is not None,
            digits=len(found["fraction"] or ""),
            offset=found["offset"] or "",
        )
    if isinstance(raw, datetime):
        return NativeFormat(aware=raw.tzinfo is not None)
    if isinstance(raw, date):
        return NativeFormat(day=True)
    if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
        whole = isinstance(raw, int)
        if _FIRST_SECOND <= raw < _FIRST_MILLISECOND:
            return NumberFormat(1, whole)
        if _FIRST_MILLISECOND < raw < _LAST_MILLISECOND:
            return NumberFormat(1000, whole)
    return None


def default_format(field_type: FieldType, *, loose: bool, digits: int = 6) -> StampFormat:
    """The form for a column that holds no stamp yet, by its type; `digits` of a second are kept by typed ones."""
    if field_type.kind is Kind.INT:
        return NumberFormat()
    if field_type.kind is Kind.NUMBER:
        return NumberFormat(whole=False)
    if field_type.kind is Kind.DATE:
        return TextFormat(separator="") if loose else NativeFormat(day=True)
    if loose or field_type.kind is Kind.TEXT:
        return TextFormat()
    return NativeFormat(aware=field_type.zone is None, digits=digits)


def look_back(raw: Raw, overlap: float, zone: ZoneInfo, now: datetime) -> list[Span] | None:
    """The ranges to read for a poll whose last stamp was `raw`: from `overlap` seconds before it.

    None where the stamp's form is not known: then everything has to be read. A stamp that lies in the future (a clock
    that was wrong once) does not hide what is written meanwhile: the poll never starts after `now`, which for such a
    stamp is when the poll began that met it. Where the zone's
    offset changes nearby, naive stamps repeat or skip that much, and the poll looks back further by it.
    """
    form = recognise(raw)
    stamp = parse_stamp(raw, zone.key) if form is not None else None
    if form is None or stamp is None:
        return None
    back = timedelta(seconds=overlap)
    at = min(stamp.at, now)
    try:
        if form.naive:
            back += offset_change(at - back, at, zone)
        return form.spans(at - back, zone)
    except OverflowError:
        return None


def offset_change(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """By how much the zone's offset differs between a little before `start` and a little after `end`."""
    margin = timedelta(hours=3)
    points = (start - margin, start + (end - start) / 2, end + margin)
    offsets = [point.astimezone(zone).utcoffset() or timedelta(0) for point in points]
    return max(offsets) - min(offsets)


def moment_text(value: datetime, form: StampFormat | None, zone: ZoneInfo) -> str:
    """A field's datetime as text in the form its column uses, with every digit of the second that it has.

    Naive values are wall time in `zone`. Without a form: `YYYY-MM-DD HH:MM:SS[.ffffff]`.
    """
    at = value.replace(tzinfo=zone) if value.tzinfo is None else value
    needed = 6 if value.microsecond % 1000 else 3 if value.microsecond else 0
    if not isinstance(form, TextFormat) or not form.separator:
        form = TextFormat(digits=0)
    elif not form.seconds and value.second + value.microsecond:
        form = TextFormat(separator=form.separator, digits=0, offset=form.offset)
    return form.render(at.astimezone(UTC), zone, digits=max(form.digits, needed))


__all__ = [
    "NativeFormat",
    "NumberFormat",
    "Span",
    "StampFormat",
    "TextFormat",
    "default_format",
    "look_back",
    "moment_text",
    "recognise",
]
