"""Converters and lenses: tables of what each does, and the laws they keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pycountry
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from syncd.core.convert import Lens, build_lens, converter_names, parse_converter
from syncd.core.converters import CONVERTERS
from syncd.core.values import FieldType, InvalidValue, Kind, Value, canonical, to_raw

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")

TEXT = FieldType(kind=Kind.TEXT, name="VARCHAR")
INT = FieldType(kind=Kind.INT, name="INTEGER")
NUMBER = FieldType(kind=Kind.NUMBER, name="NUMERIC")
BOOL = FieldType(kind=Kind.BOOL, name="BOOLEAN")
DATE = FieldType(kind=Kind.DATE, name="DATE")
DATETIME = FieldType(kind=Kind.DATETIME, name="TIMESTAMP")
TIME = FieldType(kind=Kind.TIME, name="TIME")
JSON = FieldType(kind=Kind.JSON, name="JSON")
NAIVE_BERLIN = FieldType(kind=Kind.DATETIME, name="TIMESTAMP", zone=BERLIN)

DATA = FieldType(kind=Kind.TEXT, name="Data", length=140)
LONG = FieldType(kind=Kind.TEXT, name="Long Text")
RICH = FieldType(kind=Kind.TEXT, name="Text Editor")
CHECK = FieldType(kind=Kind.BOOL, name="Check", zero_is_empty=True)
CURRENCY = FieldType(kind=Kind.NUMBER, name="Currency", scale=9, zero_is_empty=True)
SITE_TIME = FieldType(kind=Kind.DATETIME, name="Datetime", zone=NEW_YORK)
SITE_DATE = FieldType(kind=Kind.DATE, name="Date")
KIND = FieldType(kind=Kind.TEXT, name="Select", options=("Company", "Individual", "Partnership"))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


def lens(*converters: str, source: FieldType = TEXT, erpnext: FieldType = DATA, **values: str) -> Lens:
    return build_lens(converters, values or None, source, erpnext)


BOTH_WAYS: list[tuple[str, Lens, Value, Value]] = [
    ("country: a code and ERPNext's name", lens("country"), "DE", "Germany"),
    ("country: ERPNext's spelling, not ISO's", lens("country"), "VN", "Vietnam"),
    ("country: ERPNext's spelling without its apostrophe", lens("country"), "LA", "Lao Peoples Democratic Republic"),
    ("country: ISO's spelling where ERPNext has it too", lens("country"), "RU", "Russian Federation"),
    ("cents", lens("cents", source=INT, erpnext=CURRENCY), 1999, Decimal("19.99")),
    ("cents below nothing", lens("cents", source=INT, erpnext=CURRENCY), -1, Decimal("-0.01")),
    ("cents kept as text", lens("cents", erpnext=CURRENCY), "1999", Decimal("19.99")),
    ("decimal in an integer column counts units", lens("decimal(3)", source=INT, erpnext=CURRENCY), 12345,
     Decimal("12.345")),
    ("decimal in text has that many decimals", lens("decimal(2)", erpnext=CURRENCY), "12.50", Decimal("12.5")),
    ("decimal in text, none", lens("decimal(0)", erpnext=CURRENCY), "12", Decimal(12)),
    ("decimal in a number", lens("decimal(2)", source=NUMBER, erpnext=CURRENCY), Decimal("12.35"), Decimal("12.35")),
    ("bool: yes", lens("bool(Y,N)", erpnext=CHECK), "Y", True),
    ("bool: no", lens("bool(Y,N)", erpnext=CHECK), "N", False),
    ("bool in an integer column", lens("bool(1,2)", source=INT, erpnext=CHECK), 2, False),
    ("date as ERPNext writes formats", lens("date(dd.mm.yyyy)", erpnext=SITE_DATE), "31.01.2027", date(2027, 1, 31)),
    ("date as C writes formats", lens("date(%m/%d/%y)", erpnext=SITE_DATE), "01/31/27", date(2027, 1, 31)),
    ("date with a comma in the format", lens("date(%B %d, %Y)", erpnext=SITE_DATE), "January 31, 2027",
     date(2027, 1, 31)),
    ("date in an integer column", lens("date(yyyymmdd)", source=INT, erpnext=SITE_DATE), 20270131, date(2027, 1, 31)),
    ("date of an early year has four digits", lens("date(%Y-%m-%d)", erpnext=SITE_DATE), "0999-01-31",
     date(999, 1, 31)),
    ("datetime: text in the zone", lens("datetime(Europe/Berlin)", erpnext=SITE_TIME), "2027-07-31 10:00:00",
     utc(2027, 7, 31, 8)),
    ("datetime: a naive column, read as UTC", lens("datetime(Europe/Berlin)", source=DATETIME, erpnext=SITE_TIME),
     utc(2027, 7, 31, 10), utc(2027, 7, 31, 8)),
    ("datetime: a naive column of another zone",
     lens("datetime(Europe/Berlin)", source=replace(DATETIME, zone=NEW_YORK), erpnext=SITE_TIME),
     utc(2027, 7, 31, 14), utc(2027, 7, 31, 8)),
    ("datetime: the day is the zone's", lens("datetime(Europe/Berlin)", source=DATETIME, erpnext=SITE_DATE),
     utc(2027, 7, 31), date(2027, 7, 31)),
    ("epoch", lens("epoch", source=INT, erpnext=SITE_TIME), 1_800_000_000, utc(2027, 1, 15, 8)),
    ("epoch before 1970", lens("epoch", source=INT, erpnext=SITE_TIME), -1, utc(1969, 12, 31, 23, 59, 59)),
    ("epoch with a fraction in a number column", lens("epoch", source=NUMBER, erpnext=SITE_TIME),
     Decimal("1800000000.25"), utc(2027, 1, 15, 8, 0, 0, 250000)),
    ("epoch_ms", lens("epoch_ms", source=INT, erpnext=SITE_TIME), 1_800_000_000_250,
     utc(2027, 1, 15, 8, 0, 0, 250000)),
    ("epoch_ms in text", lens("epoch_ms", erpnext=SITE_TIME), "1800000000250", utc(2027, 1, 15, 8, 0, 0, 250000)),
    ("prefix", lens("prefix(WEB-)"), "17", "WEB-17"),
    ("prefix before a number", lens("prefix(WEB-)", source=INT), 17, "WEB-17"),
    ("prefix in quotes keeps its blank", lens('prefix("No. ")'), "17", "No. 17"),
    ("split", lens("split(;)", erpnext=LONG), "a; b;;c", "a\n b\n\nc"),
    ("split at commas", lens("split(,)", erpnext=LONG), "a,b", "a\nb"),
    ("json", lens("json", source=JSON, erpnext=LONG), '{"a":1}', '{"a":1}'),
    ("upper", lens("upper"), "ABC", "ABC"),
    ("lower", lens("lower"), "abc", "abc"),
    ("trim", lens("trim"), "a b", "a b"),
    ("phone", lens("phone(DE)"), "+4930123456", "+4930123456"),
    ("text: plain text is escaped", lens("text", erpnext=RICH), "plain & simple\na < b",
     "plain &amp; simple<br>a &lt; b"),
    ("text in a plain field of ERPNext", lens("text", erpnext=LONG), "plain & simple", "plain & simple"),
    ("values", lens(erpnext=KIND, company="Company", person="Individual"), "person", "Individual"),
    ("values of a yes or no", build_lens((), {"true": "Company", "false": "Individual"}, BOOL, KIND), False,
     "Individual"),
    ("values of an integer", build_lens((), {"1": "Company", "2": "Individual"}, INT, KIND), 2, "Individual"),
    ("values to a Check", build_lens((), {"active": "0", "closed": "true"}, TEXT, CHECK), "closed", True),
    ("several: from the source to ERPNext", lens("upper", "prefix(C-)"), "AB", "C-AB"),
    ("several: values come last", build_lens(("lower",), {"c": "Company"}, TEXT, KIND), "c", "Company"),
    ("none: text to a number", lens(erpnext=CURRENCY), "7.5", Decimal("7.5")),
    ("none: a number to text", lens(source=NUMBER), Decimal("7.5"), "7.5"),
    ("none: a naive moment of the source to its day", lens(source=NAIVE_BERLIN, erpnext=SITE_DATE),
     utc(2027, 1, 30, 23), date(2027, 1, 31)),
    ("none: a day of the source to the site's midnight", lens(source=DATE, erpnext=SITE_TIME), date(2027, 1, 31),
     utc(2027, 1, 31, 5)),
    ("none: a moment to text and back", lens(source=DATETIME), utc(2027, 1, 31, 5), "2027-01-31T05:00:00Z"),
    ("none: text to a moment is UTC", lens(erpnext=SITE_TIME), "2027-01-31T05:00:00Z", utc(2027, 1, 31, 5)),
    ("none: nothing", lens(), None, None),
]  # fmt: skip


@pytest.mark.parametrize(("it", "source", "erpnext"), [row[1:] for row in BOTH_WAYS], ids=[row[0] for row in BOTH_WAYS])
def test_both_ways(it: Lens, source: Value, erpnext: Value) -> None:
    there = it.to_erpnext(source)
    back = it.to_source(erpnext)
    assert (there, type(there)) == (erpnext, type(erpnext))
    assert (back, type(back)) == (source, type(source))
    assert it.same(there, it.to_erpnext(back))


ONE_WAY: list[tuple[str, Lens, str, Value, Value]] = [
    ("country: a small code", lens("country"), "to_erpnext", "de", "Germany"),
    ("country: ISO's own name", lens("country"), "to_source", "Viet Nam", "VN"),
    ("country: a newer name", lens("country"), "to_source", "Türkiye", "TR"),
    ("cents: a half goes up", lens("cents", source=INT, erpnext=CURRENCY), "to_source", Decimal("0.125"), 13),
    ("decimal: a number is rounded", lens("decimal(2)", source=NUMBER, erpnext=CURRENCY), "to_erpnext",
     Decimal("1.005"), Decimal("1.01")),
    ("decimal: text without decimals", lens("decimal(2)", erpnext=CURRENCY), "to_erpnext", "7", Decimal(7)),
    ("bool: no is empty", lens("bool(Y,)", erpnext=CHECK), "to_source", False, None),
    ("bool: empty stays empty", lens("bool(Y,)", erpnext=CHECK), "to_erpnext", None, None),
    ("date: zeros may be missing", lens("date(dd.mm.yyyy)", erpnext=SITE_DATE), "to_erpnext", "1.2.2027",
     date(2027, 2, 1)),
    ("datetime: a zone in the text goes before", lens("datetime(Europe/Berlin)", erpnext=SITE_TIME), "to_erpnext",
     "2027-07-31T10:00:00Z", utc(2027, 7, 31, 10)),
    ("epoch: a fraction is cut", lens("epoch", source=INT, erpnext=SITE_TIME), "to_source",
     utc(2027, 1, 15, 8, 0, 0, 999999), 1_800_000_000),
    ("split: the site's CR LF", lens("split(;)", erpnext=LONG), "to_source", "a\r\nb", "a;b"),
    ("json: keys are sorted", lens("json", erpnext=LONG), "to_erpnext", '{"b": 1, "a": 2}', '{"a":2,"b":1}'),
    ("upper", lens("upper"), "to_erpnext", "straße", "STRASSE"),
    ("trim", lens("trim"), "to_erpnext", "\t a b ", "a b"),
    ("phone: a number of the region", lens("phone(DE)"), "to_erpnext", "(030) 123 456", "+4930123456"),
    ("phone: another country's number", lens("phone(DE)"), "to_erpnext", "+1 212 555 0100", "+12125550100"),
    ("phone: words are kept", lens("phone(DE)"), "to_erpnext", "ask for Anna", "ask for Anna"),
    ("phone: two numbers are kept", lens("phone(DE)"), "to_erpnext", "030 123456 / 040 654321",
     "030 123456 / 040 654321"),
    ("phone: an extension is kept", lens("phone(US)"), "to_erpnext", "212 555 0100 x5", "212 555 0100 x5"),
    ("phone: what would read differently the second time is kept", lens("phone(AU)"), "to_erpnext", "00328059",
     "00328059"),
    ("phone: a number too short to be one is kept", lens("phone(DE)"), "to_erpnext", "12", "12"),
    ("text: the editor's markup is taken off", lens("text", erpnext=RICH), "to_source",
     '<div class="ql-editor read-mode"><p>A &amp; <b>B</b></p><p><br></p><ul><li>one</li><li>two</li></ul></div>',
     "A & B\n\none\ntwo"),
    ("text: an empty editor is empty", lens("text", erpnext=RICH), "to_source",
     '<div class="ql-editor read-mode"><p><br></p></div>', None),
    ("text: empty lines in a row become one", lens("text", erpnext=RICH), "to_source", "a<br><br><br><br>b", "a\n\nb"),
    ("text: scripts are not read", lens("text", erpnext=RICH), "to_source", "a<script>alert(1)</script>b", "ab"),
    ("text: the shop's markup for a plain field", lens("text", erpnext=LONG), "to_erpnext", "<p>a&nbsp;&lt;&nbsp;b</p>",
     "a < b"),
    ("none: a number at the site's scale", lens(source=NUMBER, erpnext=CURRENCY), "to_erpnext",
     Decimal("0.30000000000000004"), Decimal("0.3")),
    ("none: naive text is UTC", lens(erpnext=SITE_TIME), "to_erpnext", "2027-01-31 05:00:00", utc(2027, 1, 31, 5)),
    ("none: naive text in the source's zone", lens(source=replace(TEXT, zone=BERLIN), erpnext=SITE_TIME), "to_erpnext",
     "2027-01-31 05:00:00", utc(2027, 1, 31, 4)),
    ("none: a moment to its time of day in the source's zone", lens(source=NAIVE_BERLIN, erpnext=TIME), "to_erpnext",
     utc(2027, 1, 31, 4), time(5)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("it", "way", "value", "wanted"), [row[1:] for row in ONE_WAY], ids=[row[0] for row in ONE_WAY]
)
def test_one_way(it: Lens, way: str, value: Value, wanted: Value) -> None:
    held = it.to_erpnext(value) if way == "to_erpnext" else it.to_source(value)
    assert (held, type(held)) == (wanted, type(wanted))


REFUSED: list[tuple[str, Lens, str, Value, str]] = [
    ("country: no code", lens("country"), "to_erpnext", "XX", "'XX' is not an ISO 3166-1 country code"),
    ("country: a name for a code", lens("country"), "to_erpnext", "Germany", "not an ISO 3166-1 country code"),
    ("country: no name, with the nearest", lens("country"), "to_source", "Germny", "nearest: 'Germany'"),
    ("cents: words", lens("cents", erpnext=CURRENCY), "to_erpnext", "abc", "'abc' is not a number"),
    ("bool: neither", lens("bool(Y,N)", erpnext=CHECK), "to_erpnext", "y", "'y' is neither 'Y' nor 'N'"),
    ("date: another form", lens("date(dd.mm.yyyy)", erpnext=SITE_DATE), "to_erpnext", "2027-01-31",
     "not a date of the form dd.mm.yyyy"),
    ("date: a century that two digits cannot tell", lens("date(%d.%m.%y)", erpnext=SITE_DATE), "to_source",
     date(1927, 1, 31), "1927-01-31 cannot be written in the form %d.%m.%y"),
    ("datetime: words", lens("datetime(UTC)", erpnext=SITE_TIME), "to_erpnext", "soon", "not a date and time"),
    ("epoch: beyond the calendar", lens("epoch", source=INT, erpnext=SITE_TIME), "to_erpnext", 10**15,
     "years 1 to 9999"),
    ("prefix: missing", lens("prefix(WEB-)"), "to_source", "17", "'17' is not 'WEB-' with something behind it"),
    ("prefix: nothing behind it", lens("prefix(WEB-)"), "to_source", "WEB-", "with something behind it"),
    ("split: a line break in the source", lens("split(;)", erpnext=LONG), "to_erpnext", "a\nb;c", "line break"),
    ("split: the separator in a line", lens("split(;)", erpnext=LONG), "to_source", "a;b\nc",
     "holds the separator ';'"),
    ("json: broken", lens("json", erpnext=LONG), "to_erpnext", "{", "is not JSON"),
    ("values: an unknown word, with the nearest", lens(erpnext=KIND, company="Company"), "to_erpnext", "compny",
     "no entry in `values`; nearest: 'company'"),
    ("values: an option without entry", lens(erpnext=KIND, company="Company"), "to_source", "Partnership",
     "no entry of `values` gives 'Partnership'"),
    ("none: words for a Currency", lens(erpnext=CURRENCY), "to_erpnext", "abc", "'abc' is not a number"),
    ("none: text too long for ERPNext", lens(), "to_erpnext", "x" * 141, "141 characters; Data holds 140"),
    ("none: text too long for the source", lens(source=replace(TEXT, length=3)), "to_source", "four",
     "4 characters; VARCHAR holds 3"),
    ("none: no option", lens(erpnext=KIND), "to_erpnext", "company", "nearest: 'Company'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("it", "way", "value", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(it: Lens, way: str, value: Value, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        _ = it.to_erpnext(value) if way == "to_erpnext" else it.to_source(value)
    assert reason in caught.value.reason


SAME: list[tuple[str, Lens, Value, Value, bool]] = [
    ("text exactly", lens(), "a", "A", False),
    ("blanks count without trim", lens(), "a", "a ", False),
    ("nothing and something", lens(), None, "a", False),
    ("the source's coarser scale", lens(source=replace(NUMBER, scale=2), erpnext=CURRENCY), Decimal("1.005"),
     Decimal("1.01"), True),
    ("more than the coarser scale apart", lens(source=replace(NUMBER, scale=2), erpnext=CURRENCY), Decimal("1.004"),
     Decimal("1.01"), False),
    ("ERPNext's coarser scale", lens(source=replace(NUMBER, scale=9), erpnext=replace(CURRENCY, scale=2)),
     Decimal("1.005"), Decimal("1.01"), True),
    ("cents hold two decimals", lens("cents", source=INT, erpnext=CURRENCY), Decimal("19.99"), Decimal("19.9901"),
     True),
    ("a cent apart", lens("cents", source=INT, erpnext=CURRENCY), Decimal("19.99"), Decimal(20), False),
    ("an integer column does not hide a fraction", lens(source=INT, erpnext=CURRENCY), Decimal(12), Decimal("12.5"),
     False),
    ("epoch holds whole seconds", lens("epoch", source=INT, erpnext=SITE_TIME), utc(2027, 1, 1),
     utc(2027, 1, 1, 0, 0, 0, 5), True),
    ("a date column holds the site's day", lens(source=DATE, erpnext=SITE_TIME), utc(2027, 1, 31, 5),
     utc(2027, 2, 1, 4), True),
    ("the next day of the site", lens(source=DATE, erpnext=SITE_TIME), utc(2027, 1, 31, 5), utc(2027, 2, 1, 5), False),
    ("case under upper", lens("upper"), "abc", "ABC", True),
    ("case under lower", lens("lower"), "abc", "ABC", True),
    ("ends under trim", lens("trim"), " a", "a ", True),
    ("middles under trim", lens("trim"), "a  b", "a b", False),
    ("one number in two spellings", lens("phone(DE)"), "030 123456", "+49 (30) 12 34 56", True),
    ("two numbers", lens("phone(DE)"), "030 123456", "030 123457", False),
    ("markup under text", lens("text", erpnext=RICH), "plain &amp; simple", "<p>plain  &amp; <i>simple</i></p>", True),
    ("blank lines under text", lens("text", erpnext=RICH), "a<br>b", "<p>a</p><p><br></p><p>b</p>", True),
    ("an empty editor and nothing", lens("text", erpnext=RICH), "<p><br></p>", None, True),
    ("letters under text", lens("text", erpnext=RICH), "a", "<p>b</p>", False),
    ("plain fields under text", lens("text", erpnext=LONG), "a  b", "a b", True),
    ("order of keys under json", lens("json", erpnext=LONG), '{"a":1,"b":2}', '{"b": 2, "a": 1}', True),
    ("lists under json", lens("json", erpnext=LONG), "[1,2]", "[2,1]", False),
    ("two spellings of a country", lens("country"), "Turkey", "Türkiye", True),
    ("what the source cannot hold counts as it is", lens("country"), "Atlantis", "Mu", False),
    ("several normalisers", lens("trim", "lower"), " ABC ", "abc", True),
    ("a normaliser behind a prefix", lens("upper", "prefix(C-)"), "C-ab", "C-AB", True),
    ("values", lens(erpnext=KIND, company="Company", person="Individual"), "Company", "Individual", False),
    ("an option without entry", lens(erpnext=KIND, company="Company"), "Company", "Partnership", False),
]  # fmt: skip


@pytest.mark.parametrize(("it", "a", "b", "wanted"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_same(it: Lens, a: Value, b: Value, wanted: bool) -> None:
    assert it.same(a, b) is wanted
    assert it.same(b, a) is wanted
    assert (it.key(a) == it.key(b)) is wanted
    assert it.same(a, a)


FAITH: list[tuple[str, Lens, bool, bool, str]] = [
    ("nothing to do", lens(), True, False, ""),
    ("cents", lens("cents", source=INT, erpnext=CURRENCY), True, False, "digits after decimal 2"),
    ("a normaliser", lens("upper"), False, True, "upper and lower case"),
    ("a pair and a normaliser", lens("prefix(C-)", "trim"), False, True, "blanks at the ends"),
    ("values one to one", lens(erpnext=KIND, a="Company", b="Individual"), True, False, ""),
    ("values two to one", lens(erpnext=KIND, a="Company", b="Company"), False, False,
     "'a' and 'b' both become 'Company'"),
    ("values two to one behind a normaliser", build_lens(("lower",), {"a": "Company", "b": "Company"}, TEXT, KIND),
     False, False, "upper and lower case; 'a' and 'b' both become 'Company'"),
    ("another scale", lens(source=replace(NUMBER, scale=2), erpnext=CURRENCY), True, False, "digits after decimal 2"),
    ("a moment and a day", lens(source=DATETIME, erpnext=SITE_DATE), False, True, "the time of day"),
    ("a moment and a time", lens(source=DATETIME, erpnext=TIME), False, False, "the day"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("it", "invertible", "normalising", "loses"), [row[1:] for row in FAITH], ids=[row[0] for row in FAITH]
)
def test_what_a_lens_loses(it: Lens, invertible: bool, normalising: bool, loses: str) -> None:
    assert (it.invertible, it.normalising, it.loses) == (invertible, normalising, loses)


def test_values_two_to_one_still_go_to_erpnext() -> None:
    it = lens(erpnext=KIND, a="Company", b="Company", c="Individual")
    assert [it.to_erpnext(word) for word in "abc"] == ["Company", "Company", "Individual"]
    assert it.same("Company", it.to_erpnext("b"))


UNBUILT: list[tuple[str, tuple[str, ...], dict[str, str] | None, FieldType, FieldType, str]] = [
    ("a name misspelt", ("contry",), None, TEXT, DATA, "there is no converter 'contry'; nearest: country"),
    ("no name at all", ("(",), None, TEXT, DATA, "is not a converter"),
    ("an argument too few", ("phone",), None, TEXT, DATA, "'phone': the converter is written phone(region)"),
    ("an empty argument", ("prefix()",), None, TEXT, DATA, "the converter is written prefix(text)"),
    ("one of two arguments", ("bool(Y)",), None, TEXT, CHECK, "the converter is written bool(yes,no)"),
    ("an argument too many", ("cents(2)",), None, INT, CURRENCY, "the converter is written cents, without arguments"),
    ("decimals that are no number", ("decimal(x)",), None, INT, CURRENCY, "n is a number of decimals"),
    ("no region", ("phone(Germany)",), None, TEXT, DATA, "country code of two letters"),
    ("no zone", ("datetime(Mars)",), None, TEXT, SITE_TIME, "no such time zone"),
    ("a path for a zone", ("datetime(../etc)",), None, TEXT, SITE_TIME, "no such time zone"),
    ("a format without day", ("date(mm.yyyy)",), None, TEXT, SITE_DATE, "does not hold a whole date"),
    ("a format of nothing", ("date(now)",), None, TEXT, SITE_DATE, "does not hold a whole date"),
    ("yes is no", ("bool(Y,Y)",), None, TEXT, CHECK, "must differ"),
    ("a line break separates", ("split(\n)",), None, TEXT, LONG, "may not be a line break"),
    ("epoch of a date column", ("epoch",), None, DATETIME, SITE_TIME, "column is TIMESTAMP; leave the converter out"),
    ("date of a date column", ("date(dd.mm.yyyy)",), None, DATE, SITE_DATE, "column is DATE; leave the converter out"),
    ("datetime of a number", ("datetime(UTC)",), None, INT, SITE_TIME, "column is INTEGER"),
    ("values with a word that is no option", (), {"c": "Compny"}, TEXT, KIND,
     "values: 'c' = 'Compny': 'Compny' is not one of the options; nearest: 'Company'"),
    ("values with a key that is no number", (), {"c": "Company"}, INT, KIND,
     "values: 'c' = 'Company': 'c' is not a number"),
    ("values of nothing", (), {"": "Company"}, TEXT, KIND, "an empty value stays empty"),
    ("values with a key in two spellings", (), {"1": "Company", "01": "Individual"}, INT, KIND, "stands there twice"),
    ("types with nothing in common", (), None, DATE, CURRENCY, "DATE and ERPNext's Currency have no value in common"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("converters", "values", "source", "erpnext", "reason"),
    [row[1:] for row in UNBUILT],
    ids=[row[0] for row in UNBUILT],
)
def test_a_lens_that_cannot_be(
    converters: tuple[str, ...], values: dict[str, str] | None, source: FieldType, erpnext: FieldType, reason: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        build_lens(converters, values, source, erpnext)
    assert reason in caught.value.reason


PARSED = [
    ("a name", "country", ("country", ())),
    ("an argument", "decimal(2)", ("decimal", ("2",))),
    ("blanks around two arguments", " bool( yes , no ) ", ("bool", ("yes", "no"))),
    ("the second is empty", "bool(Y,)", ("bool", ("Y", ""))),
    ("a comma in quotes", 'bool("a,b",c)', ("bool", ("a,b", "c"))),
    ("one argument takes commas", "split(,)", ("split", (",",))),
    ("one argument takes blanks", "split( )", ("split", (" ",))),
    ("one argument takes brackets", "prefix((x))", ("prefix", ("(x)",))),
    ("quotes are taken off", "prefix('A ')", ("prefix", ("A ",))),
    ("empty brackets", "cents()", ("cents", ())),
    ("an unknown name", "foo(a,b)", ("foo", ("a", "b"))),
]


@pytest.mark.parametrize(("text", "wanted"), [row[1:] for row in PARSED], ids=[row[0] for row in PARSED])
def test_parse_converter(text: str, wanted: tuple[str, tuple[str, ...]]) -> None:
    assert parse_converter(text) == wanted


def test_every_converter_of_the_contract_is_there_and_documented() -> None:
    contract = "country cents decimal bool date datetime epoch epoch_ms prefix split json upper lower trim phone text"
    assert set(converter_names()) == set(contract.split())
    for name, converter in CONVERTERS.items():
        assert len(converter.make.__doc__ or "") > 40, name


def test_every_country_goes_there_and_back() -> None:
    it = lens("country")
    codes = [entry.alpha_2 for entry in pycountry.countries]
    names = [it.to_erpnext(code) for code in codes]
    assert len(set(names)) == len(codes) > 240
    assert [it.to_source(name) for name in names] == codes


days = st.dates()
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
seconds = moments.map(lambda at: at.replace(microsecond=0))
texts = st.text(min_size=1)
numbers = st.decimals(-(10**11), 10**11, allow_nan=False, places=4)
dialled = st.text("0123456789+()-/. ", min_size=1, max_size=18)
markup = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<br>", "<b>", "</b>", "<li>", "</div>", "&amp;", "&lt;", "&nbsp;", "&", "<", ">", "a", "b <c",
         " ", "\n", "<script>", "</script>", "&#0;", "<!--", "-->", "é"]
    ),
    max_size=12,
).map("".join)  # fmt: skip
jsons = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text("abé"), st.floats(-1e9, 1e9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab"), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip

LAWS: list[tuple[str, Lens, FieldType, FieldType, st.SearchStrategy[object], st.SearchStrategy[object]]] = [
    (name, build_lens(tuple(converters), values, source, erpnext), source, erpnext, sources, erpnexts)
    for name, converters, values, source, erpnext, sources, erpnexts in [
        ("country", ["country"], None, TEXT, DATA, st.sampled_from([c.alpha_2 for c in pycountry.countries]),
         st.one_of(st.sampled_from([c.name for c in pycountry.countries]), texts)),
        ("cents", ["cents"], None, INT, CURRENCY, st.integers(-10**13, 10**13), numbers),
        ("cents in text", ["cents"], None, TEXT, CURRENCY, st.integers(-10**13, 10**13).map(str), numbers),
        ("decimal of units", ["decimal(3)"], None, INT, CURRENCY, st.integers(-10**13, 10**13), numbers),
        ("decimal in text", ["decimal(3)"], None, TEXT, CURRENCY, numbers.map(str), numbers),
        ("decimal of numbers", ["decimal(3)"], None, NUMBER, CURRENCY, numbers, numbers),
        ("bool", ["bool(ja,nein)"], None, TEXT, CHECK, st.sampled_from(["ja", "nein"]), st.booleans()),
        ("bool with an empty no", ["bool(x,)"], None, TEXT, CHECK, st.sampled_from(["x", ""]), st.booleans()),
        ("date", ["date(dd.mm.yyyy)"], None, TEXT, SITE_DATE, days.map(lambda d: f"{d:%d}.{d:%m}.{d.year:04d}"), days),
        ("date of two digits", ["date(yymmdd)"], None, TEXT, SITE_DATE, days.map(lambda d: f"{d:%y%m%d}"),
         st.dates(date(1969, 1, 1), date(2068, 12, 31))),
        ("datetime in text", ["datetime(Europe/Berlin)"], None, TEXT, SITE_TIME, moments.map(str), moments),
        ("datetime of a column", ["datetime(Europe/Berlin)"], None, DATETIME, SITE_TIME, moments, moments),
        ("datetime to a day", ["datetime(Europe/Berlin)"], None, DATETIME, SITE_DATE, moments, days),
        ("epoch", ["epoch"], None, INT, DATETIME, seconds.map(lambda at: int(at.timestamp())), moments),
        ("epoch of numbers", ["epoch"], None, NUMBER, DATETIME, moments.map(lambda at: at.timestamp()), moments),
        ("epoch to the site's zone", ["epoch"], None, INT, SITE_TIME, st.integers(0, 2**32), moments),
        ("epoch_ms", ["epoch_ms"], None, INT, DATETIME, st.integers(0, 2**42), moments),
        ("prefix", ["prefix(WEB-)"], None, TEXT, LONG, texts, st.one_of(texts, texts.map("WEB-".__add__))),
        ("split", ["split(;)"], None, TEXT, LONG, st.text("ab; \r\n"), st.text("ab; \r\n")),
        ("json", ["json"], None, TEXT, LONG, jsons.map(json.dumps), st.one_of(jsons.map(json.dumps), texts)),
        ("upper", ["upper"], None, TEXT, LONG, texts, texts),
        ("lower", ["lower"], None, TEXT, LONG, texts, texts),
        ("trim", ["trim"], None, TEXT, LONG, texts, texts),
        ("phone", ["phone(DE)"], None, TEXT, LONG, st.one_of(dialled, texts), st.one_of(dialled, texts)),
        ("phone of a region with two prefixes", ["phone(MX)"], None, TEXT, LONG, dialled, dialled),
        ("text in an editor", ["text"], None, TEXT, RICH, st.one_of(markup, texts), st.one_of(markup, texts)),
        ("text in a plain field", ["text"], None, TEXT, LONG, st.text("ab &\n"), st.text("ab &\n")),
        ("values", [], {"c": "Company", "i": "Individual"}, TEXT, KIND, st.sampled_from("ci"),
         st.sampled_from(KIND.options or ())),
        ("several", ["trim", "upper", "prefix(C-)"], None, TEXT, LONG, texts, texts.map("C-".__add__)),
        ("none, text", [], None, TEXT, LONG, texts, texts),
        ("none, numbers", [], None, replace(NUMBER, scale=2), CURRENCY, numbers, numbers),
        ("none, text for numbers", [], None, TEXT, CURRENCY, st.one_of(numbers.map(str), texts), numbers),
        ("none, numbers for text", [], None, NUMBER, DATA, numbers, st.one_of(numbers.map(str), texts)),
        ("none, moments", [], None, NAIVE_BERLIN, SITE_TIME, moments, moments),
        ("none, moments for days", [], None, NAIVE_BERLIN, SITE_DATE, moments, days),
        ("none, days for moments", [], None, DATE, SITE_TIME, days, moments),
        ("none, moments for text", [], None, DATETIME, DATA, moments, moments.map(str)),
        ("none, text for moments", [], None, TEXT, SITE_TIME, moments.map(str), moments),
        ("none, yes or no for integers", [], None, INT, CHECK, st.integers(-1, 2), st.booleans()),
    ]
]  # fmt: skip


EXACT = {
    *("country", "cents", "cents in text", "decimal of units", "bool", "date", "date of two digits", "epoch"),
    *("epoch of numbers", "epoch_ms", "prefix", "split", "values", "none, text", "none, moments for text"),
}
"""Where each value the strategy gives is written in the converter's own form, so that it comes back as it was."""


Law = tuple[str, Lens, FieldType, FieldType, st.SearchStrategy[object], st.SearchStrategy[object]]
QUICK, IN_CI = 60, 500
"""Examples that hold for a law: those that a converter refuses do not count, and of few values all are tried."""
each_law = pytest.mark.parametrize("law", LAWS, ids=[row[0] for row in LAWS])


def there_and_back(law: Law, data: st.DataObject) -> None:
    """What comes back may be written otherwise, but is the same in ERPNext, and stays as it is."""
    name, it, source_type, erpnext_type, sources, _ = law
    x, there = _converted(data.draw(sources), source_type, it.to_erpnext)
    back = it.to_source(there)
    assert it.same(there, it.to_erpnext(back))
    if name in EXACT and there is not None:
        assert back == x
    assert it.to_source(it.to_erpnext(back)) == back
    # What was written is read back as it was meant, through the site's own form.
    assert it.same(canonical(to_raw(there, erpnext_type), erpnext_type), there)


def back_and_there(law: Law, data: st.DataObject) -> None:
    """The same again; twice is once; and same is symmetrical and transitive over what was seen on the way."""
    _, it, source_type, erpnext_type, sources, erpnexts = law
    _, there = _converted(data.draw(sources), source_type, it.to_erpnext)
    y, again = _converted(data.draw(erpnexts), erpnext_type, lambda value: it.to_erpnext(it.to_source(value)))
    assert it.same(y, again)
    assert it.to_erpnext(it.to_source(again)) == again
    assert it.same(there, y) == it.same(y, there)
    assert it.same(there, y) == it.same(there, again) == (it.key(there) == it.key(y))


def _converted(raw: object, held: FieldType, convert: Callable[[Value], Value]) -> tuple[Value, Value]:
    """A value in canonical form and what it is converted to; where either cannot be, the example does not count."""
    try:
        value = canonical(raw, held)  # type: ignore[arg-type]
        return value, convert(value)
    except InvalidValue:
        reject()


@each_law
@settings(max_examples=QUICK, deadline=None)
@given(data=st.data())
def test_there_and_back(law: Law, data: st.DataObject) -> None:
    there_and_back(law, data)


@each_law
@settings(max_examples=QUICK, deadline=None)
@given(data=st.data())
def test_back_and_there_and_twice_is_once(law: Law, data: st.DataObject) -> None:
    back_and_there(law, data)


@pytest.mark.slow
@each_law
@settings(max_examples=IN_CI, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_there_and_back_at_length(law: Law, data: st.DataObject) -> None:
    there_and_back(law, data)


@pytest.mark.slow
@each_law
@settings(max_examples=IN_CI, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_back_and_there_and_twice_is_once_at_length(law: Law, data: st.DataObject) -> None:
    back_and_there(law, data)


def test_every_converter_has_laws() -> None:
    names = {law[0].split()[0] for law in LAWS}
    assert names >= {*converter_names(), "values"}
