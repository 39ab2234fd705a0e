"""The converters by name. Each factory's docstring is its documentation.

A converter works on canonical values, never sees None (an empty value stays empty), and raises `InvalidValue` for what
it cannot convert. The normalisers live in a module of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.canonical import rounded, shifted
from syncd.core.countries import country_code, country_name
from syncd.core.normalisers import lower, phone, text, trim, upper
from syncd.core.steps import Ends, Step, number_of, refuse, text_of
from syncd.core.values import FieldType, InvalidValue, Kind, Value, canonical, coerce, quote

_JSON = FieldType(kind=Kind.JSON)
_DATETIME = FieldType(kind=Kind.DATETIME)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def country(_: tuple[str, ...], __: Ends) -> Step:
    """ISO 3166-1 alpha-2 code in the source (`DE`, in any case), the name of the Country in ERPNext (`Germany`).

    Names are those of ERPNext's own list of countries; on the way back ISO's names are understood as well. Codes are
    written in capitals.
    """
    return Step(forth=lambda value: country_name(text_of(value)), back=lambda value: country_code(text_of(value)))


def cents(_: tuple[str, ...], __: Ends) -> Step:
    """A count of hundredths in the source (1999), the amount in ERPNext (19.99).

    Amounts with more than two decimals are rounded half up on their way to the source.
    """
    return _units(2)


def _units(places: int) -> Step:
    return Step(
        forth=lambda value: shifted(number_of(value), -places),
        back=lambda value: rounded(shifted(number_of(value), places), 0),
        loses=f"digits after decimal {places}",
    )


def decimal(args: tuple[str, ...], ends: Ends) -> Step:
    """A number with `n` decimals in the source, kept as its column can: the plain number in ERPNext.

    In an integer column it is a count of the smallest units (with `decimal(3)`, 12345 is 12.345; `cents` is
    `decimal(2)`); in text it is written with exactly `n` decimals (`12.500`); in any other column it is the number
    rounded half up to `n` decimals.
    """
    if not args[0].isdecimal() or int(args[0]) > 30:
        raise InvalidValue(f"decimal({args[0]}): n is a number of decimals from 0 to 30")
    places = int(args[0])
    if ends.first and ends.source.kind is Kind.INT:
        return _units(places)
    fixed = FieldType(kind=Kind.NUMBER, scale=places)
    as_text = ends.source_kind is Kind.TEXT

    def back(value: Value) -> Value:
        number = number_of(coerce(value, fixed))
        return f"{number:.{places}f}" if as_text else number

    return Step(forth=lambda value: coerce(value, fixed), back=back, loses=f"digits after decimal {places}")


def boolean(args: tuple[str, ...], _: Ends) -> Step:
    """The two texts that stand for yes and no in the source (`bool(Y,N)`), 1 and 0 in ERPNext.

    Texts compare exactly. One of the two may be empty: `bool(Y,)` writes NULL for no.
    """
    yes, no = args
    if yes == no:
        raise InvalidValue(f"bool({yes},{no}): the texts for yes and no must differ")
    flag = FieldType(kind=Kind.BOOL)

    def forth(value: Value) -> Value:
        text = text_of(value)
        if text not in (yes, no):
            raise InvalidValue(f"{quote(text)} is neither {quote(yes)} nor {quote(no)}")
        return text == yes

    return Step(forth=forth, back=lambda value: yes if coerce(value, flag) else no)


_DATE_WORDS = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d"}
_PROBE = date(2017, 11, 23)


def day(args: tuple[str, ...], ends: Ends) -> Step:
    """Text in the source in the form `format`, a date in ERPNext.

    The format is written as ERPNext writes it (`dd.mm.yyyy`, `yyyymmdd`) or with the directives of C's strftime
    (`%d.%m.%Y`). It must hold day, month and year.
    """
    refuse(ends, (Kind.DATE, Kind.DATETIME, Kind.TIME), "date(format)", "dates kept as text")
    form = args[0]
    if "%" not in form:
        form = re.sub("yyyy|yy|mm|dd", lambda found: _DATE_WORDS[found[0].lower()], form, flags=re.IGNORECASE)
    wanted = FieldType(kind=Kind.DATE)

    def read(text: str) -> date:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            raise InvalidValue(f"{quote(text)} is not a date of the form {args[0]}") from None

    def back(value: Value) -> Value:
        held = coerce(value, wanted)
        if not isinstance(held, date):
            raise InvalidValue(f"{quote(value)} is not a date")
        # strftime leaves out the zeros of years before 1000 on some systems.
        text = held.strftime(form.replace("%Y", f"{held.year:04d}"))
        if read(text) != held:
            raise InvalidValue(f"{held} cannot be written in the form {args[0]}")
        return text

    try:
        back(_PROBE)
    except InvalidValue as error:
        raise InvalidValue(f"date({args[0]}): the format does not hold a whole date: {error.reason}") from None
    return Step(forth=lambda value: read(text_of(value)), back=back)


def moment(args: tuple[str, ...], ends: Ends) -> Step:
    """Wall time of the IANA zone `zone` in the source, whatever the mapping's `timezone` says; a Datetime in ERPNext.

    Takes datetimes without a zone and text (`YYYY-MM-DD HH:MM:SS`; a zone in the text goes before). In an hour that
    occurs twice the first is meant.
    """
    refuse(ends, (Kind.INT, Kind.NUMBER, Kind.BOOL, Kind.TIME), "datetime(zone)", "dates and times")
    try:
        zone = ZoneInfo(args[0])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(f"datetime({args[0]}): there is no such time zone; write an IANA name") from None
    here = FieldType(kind=Kind.DATETIME, zone=zone)
    there = FieldType(kind=Kind.DATETIME, zone=ends.source.zone or ZoneInfo("UTC"))
    as_text = ends.source_kind is Kind.TEXT

    def forth(value: Value) -> Value:
        return _transplant(value, there, here) if isinstance(value, datetime) else coerce(value, here)

    def back(value: Value) -> Value:
        return coerce(value, FieldType(kind=Kind.TEXT, zone=zone)) if as_text else _transplant(value, here, there)

    return Step(forth=forth, back=back, zone=zone)


def _transplant(value: Value, old: FieldType, new: FieldType) -> Value:
    """The moment whose wall time in the zone of `new` is that of `value` in the zone of `old`."""
    held = coerce(value, old)
    wall = held.astimezone(old.zone).replace(tzinfo=None, fold=0) if isinstance(held, datetime) else None
    return canonical(wall, new)


def epoch(_: tuple[str, ...], ends: Ends) -> Step:
    """Seconds since 1970-01-01 00:00 UTC in the source, a Datetime in ERPNext.

    An integer or text column takes whole seconds: a fraction is cut on its way there.
    """
    return _count("epoch", 1, ends)


def epoch_ms(_: tuple[str, ...], ends: Ends) -> Step:
    """Milliseconds since 1970-01-01 00:00 UTC in the source, a Datetime in ERPNext; like `epoch`."""
    return _count("epoch_ms", 1000, ends)


def _count(name: str, each_second: int, ends: Ends) -> Step:
    refuse(ends, (Kind.DATE, Kind.DATETIME, Kind.TIME), name, "stamps kept as a number")
    exact = ends.source_kind is Kind.NUMBER

    def forth(value: Value) -> Value:
        micros = number_of(value) * 1_000_000 / each_second
        try:
            return _EPOCH + timedelta(microseconds=int(micros))
        except OverflowError:
            raise InvalidValue(f"{quote(value)} lies outside the years 1 to 9999") from None

    def back(value: Value) -> Value:
        held = coerce(value, _DATETIME)
        if not isinstance(held, datetime):
            raise InvalidValue(f"{quote(value)} is not a date and time")
        micros = (held - _EPOCH) // timedelta(microseconds=1)
        step = 1_000_000 // each_second
        return Decimal(micros) / step if exact else micros // step

    return Step(forth=forth, back=back, loses="" if exact else "fractions of its unit")


def prefix(args: tuple[str, ...], _: Ends) -> Step:
    """Text in the source, the same text with `text` before it in ERPNext (`prefix(WEB-)`: 17 is WEB-17)."""
    head = args[0]

    def back(value: Value) -> Value:
        text = text_of(value)
        rest = text.removeprefix(head)
        if rest == text or not rest or rest.isspace():
            raise InvalidValue(f"{quote(text)} is not {quote(head)} with something behind it")
        return rest

    return Step(forth=lambda value: head + text_of(value), back=back)


def split(args: tuple[str, ...], _: Ends) -> Step:
    """Parts separated by `sep` in the source (`a;b`), one part a line in ERPNext. Parts are kept as they are."""
    sep = args[0]
    if "\n" in sep or "\r" in sep:
        raise InvalidValue("split(sep): the separator may not be a line break, which separates the parts in ERPNext")

    def forth(value: Value) -> Value:
        text = text_of(value)
        if "\n" in text or "\r" in text:
            raise InvalidValue(f"{quote(text)} holds a line break, so its parts cannot be one a line")
        return text.replace(sep, "\n")

    def back(value: Value) -> Value:
        text = text_of(value).replace("\r\n", "\n").replace("\r", "\n")
        if sep in text:
            raise InvalidValue(f"{quote(text)} holds the separator {quote(sep)}, so its lines cannot be joined by it")
        return text.replace("\n", sep)

    return Step(forth=forth, back=back)


def as_json(_: tuple[str, ...], __: Ends) -> Step:
    """JSON on both sides, compared as JSON: blanks and the order of keys do not count."""
    return Step(forth=lambda value: coerce(value, _JSON), back=lambda value: coerce(value, _JSON))


Factory: TypeAlias = Callable[[tuple[str, ...], Ends], Step]


@dataclass(frozen=True, slots=True)
class Converter:
    """A converter as users know it: the names of its arguments, and how it is made."""

    arguments: tuple[str, ...]
    make: Factory


CONVERTERS: dict[str, Converter] = {
    "country": Converter((), country),
    "cents": Converter((), cents),
    "decimal": Converter(("n",), decimal),
    "bool": Converter(("yes", "no"), boolean),
    "date": Converter(("format",), day),
    "datetime": Converter(("zone",), moment),
    "epoch": Converter((), epoch),
    "epoch_ms": Converter((), epoch_ms),
    "prefix": Converter(("text",), prefix),
    "split": Converter(("sep",), split),
    "json": Converter((), as_json),
    "upper": Converter((), upper),
    "lower": Converter((), lower),
    "trim": Converter((), trim),
    "phone": Converter(("region",), phone),
    "text": Converter((), text),
}
"""Every converter by the name it has in a mapping file."""
