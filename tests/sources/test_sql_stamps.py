from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from syncd.adapters.sources.sql_stamps import (
    NativeFormat,
    NumberFormat,
    Span,
    TextFormat,
    default_format,
    look_back,
    moment_text,
    recognise,
)
from syncd.core.values import FieldType, Kind

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
FAR = datetime(2100, 1, 1, tzinfo=UTC)
AT = datetime(2026, 5, 1, 10, 2, 3, 456789, tzinfo=UTC)


def wall(text):
    """A naive datetime: wall time of some zone."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("case", "raw", "form", "written"),
    [
        ("blank, whole seconds", "2026-01-02 03:04:05", TextFormat(" ", True, 0, ""), "2026-05-01 10:02:03"),
        ("three digits", "2026-01-02 03:04:05.123", TextFormat(" ", True, 3, ""), "2026-05-01 10:02:03.456"),
        ("T and six digits", "2026-01-02T03:04:05.123456", TextFormat("T", True, 6, ""), "2026-05-01T10:02:03.456789"),
        ("nine digits", "2026-01-02 03:04:05.123456789", TextFormat(" ", True, 9, ""), "2026-05-01 10:02:03.456789000"),
        ("Z", "2026-01-02T03:04:05Z", TextFormat("T", True, 0, "Z"), "2026-05-01T10:02:03Z"),
        ("offset of UTC", "2026-01-02T03:04:05+00:00", TextFormat("T", True, 0, "+00:00"), "2026-05-01T10:02:03+00:00"),
        ("offset", "2026-01-02T03:04:05+0200", TextFormat("T", True, 0, "+0200"), "2026-05-01T10:02:03+0000"),
        ("minutes only", "2026-01-02 03:04", TextFormat(" ", False, 0, ""), "2026-05-01 10:02"),
        ("a day", "2026-01-02", TextFormat("", False, 0, ""), "2026-05-01"),
        ("seconds since 1970", 1_780_000_000, NumberFormat(1, True), 1777629723),
        ("milliseconds since 1970", 1_780_000_000_000, NumberFormat(1000, True), 1777629723456),
        ("seconds with a fraction", 1_780_000_000.5, NumberFormat(1, False), 1777629723.456789),
        ("the driver's datetime", wall("2026-01-02T00:00:00"), NativeFormat(), wall("2026-05-01T10:02:03.456789")),
        ("the driver's aware datetime", datetime(2026, 1, 2, tzinfo=UTC), NativeFormat(aware=True), AT),
        ("the driver's date", date(2026, 1, 2), NativeFormat(day=True), date(2026, 5, 1)),
    ],
)
def test_forms_are_recognised_and_written_alike(case, raw, form, written):
    assert recognise(raw) == form
    assert form.render(AT, UTC_ZONE) == written


@pytest.mark.parametrize(
    ("case", "raw"),
    [
        ("NULL", None),
        ("empty", ""),
        ("words", "yesterday"),
        ("no such day", "2026-02-30 10:00:00"),
        ("zero date", "0000-00-00 00:00:00"),
        ("German order", "01.05.2026 10:00"),
        ("a row counter", 4711),
        ("a large decimal counter", Decimal(99)),
        ("microseconds", 1_780_000_000_000_000),
        ("bytes", b"2026-01-02"),
        ("a yes", True),
    ],
)
def test_what_is_no_stamp_in_a_known_form(case, raw):
    assert recognise(raw) is None
    assert look_back(raw, 600, UTC_ZONE, FAR) is None


@pytest.mark.parametrize(
    ("case", "raw", "overlap", "spans"),
    [
        (
            "text: both separators, floored to the second",
            "2026-05-01 10:00:00.900",
            60,
            [Span("2026-05-01 09:59:00", "2026-05-01T"), Span("2026-05-01T09:59:00")],
        ),
        (
            "over midnight",
            "2026-05-01T00:00:30",
            60,
            [Span("2026-04-30 23:59:30", "2026-04-30T"), Span("2026-04-30T23:59:30")],
        ),
        ("a day", "2026-05-01", 60, [Span("2026-04-30")]),
        ("seconds", 1_780_000_000, 60, [Span(1_779_999_940)]),
        ("milliseconds", 1_780_000_000_000, 60, [Span(1_779_999_940_000)]),
        (
            "other offsets are not in the order of time: a day and more",
            "2026-05-03T10:00:00+02:00",
            0,
            [Span("2026-05-02 06:00:00", "2026-05-02T"), Span("2026-05-02T06:00:00")],
        ),
    ],
)
def test_look_back_in_the_stamps_own_form(case, raw, overlap, spans):
    assert look_back(raw, overlap, UTC_ZONE, FAR) == spans


def test_a_stamp_of_the_future_does_not_hide_the_present():
    now = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert look_back("2099-01-01 00:00:00", 600, UTC_ZONE, now)[-1] == Span("2026-05-01T09:50:00")


@pytest.mark.parametrize(
    ("case", "raw", "low"),
    [
        ("in the hour that occurs twice", "2026-10-25 02:59:00", "2026-10-25T01:49:00"),
        ("soon after it", "2026-10-25 04:30:00", "2026-10-25T03:20:00"),
        ("far from it nothing grows", "2026-10-20 02:59:00", "2026-10-20T02:49:00"),
    ],
)
def test_naive_stamps_look_back_over_the_repeated_hour(case, raw, low):
    assert look_back(raw, 600, BERLIN, FAR)[-1].low == low


def test_utc_stamps_know_no_repeated_hour():
    assert look_back("2026-10-25 00:59:00Z", 600, BERLIN, FAR)[-1].low == "2026-10-25T00:49:00"


@pytest.mark.parametrize(
    ("case", "kind", "form"),
    [
        ("integer", Kind.INT, NumberFormat()),
        ("number", Kind.NUMBER, NumberFormat(whole=False)),
        ("date", Kind.DATE, TextFormat("")),
        ("text", Kind.TEXT, TextFormat(" ", True, 3)),
        ("datetime", Kind.DATETIME, TextFormat(" ", True, 3)),
    ],
)
def test_empty_columns_get_the_form_of_their_type(case, kind, form):
    assert default_format(FieldType(kind=kind, name="x"), loose=True) == form


@pytest.mark.parametrize(
    ("case", "value", "form", "text"),
    [
        ("no form, whole seconds", wall("2026-05-01T10:00:00"), None, "2026-05-01 10:00:00"),
        ("no form, microseconds", wall("2026-05-01T10:00:00.000001"), None, "2026-05-01 10:00:00.000001"),
        ("the column's T", wall("2026-05-01T10:00:00"), TextFormat("T", True, 0), "2026-05-01T10:00:00"),
        (
            "digits are not lost to a form without",
            wall("2026-05-01T10:00:00.250000"),
            TextFormat("T", True, 0),
            "2026-05-01T10:00:00.250",
        ),
        ("seconds neither", wall("2026-05-01T10:00:09"), TextFormat("T", False, 0), "2026-05-01T10:00:09"),
        ("a day's form has no room for the hour", wall("2026-05-01T10:00:00"), TextFormat(""), "2026-05-01 10:00:00"),
        (
            "naive is wall time in the zone",
            wall("2026-05-01T10:00:00"),
            TextFormat("T", True, 0, "Z"),
            "2026-05-01T08:00:00Z",
        ),
    ],
)
def test_datetimes_of_fields(case, value, form, text):
    assert moment_text(value, form, BERLIN) == text
