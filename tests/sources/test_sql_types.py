from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import types

from syncd.adapters.sources.sql_types import declared_type, loose_binder, reflected_type
from syncd.core.values import FieldType, Kind
from syncd.errors import RefusedError

ZONE = ZoneInfo("Europe/Berlin")


def wall(text):
    """A naive datetime: wall time of some zone."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("declared", "kind", "length", "scale"),
    [
        ("INTEGER", Kind.INT, None, None),
        ("BIGINT", Kind.INT, None, None),
        ("int(11)", Kind.INT, None, None),
        ("REAL", Kind.NUMBER, None, None),
        ("DOUBLE PRECISION", Kind.NUMBER, None, None),
        ("NUMERIC(12,2)", Kind.NUMBER, None, 2),
        ("decimal(12, 4)", Kind.NUMBER, None, 4),
        ("TEXT", Kind.TEXT, None, None),
        ("VARCHAR(40)", Kind.TEXT, 40, None),
        ("nvarchar(10)", Kind.TEXT, 10, None),
        ("STRING", Kind.TEXT, None, None),
        ("BOOLEAN", Kind.BOOL, None, None),
        ("DATE", Kind.DATE, None, None),
        ("DATETIME", Kind.DATETIME, None, None),
        ("TIMESTAMP", Kind.DATETIME, None, None),
        ("TIME", Kind.TIME, None, None),
        ("JSON", Kind.JSON, None, None),
        ("BLOB", Kind.BYTES, None, None),
        ("", Kind.TEXT, None, None),
        ("whatever", Kind.TEXT, None, None),
    ],
)
def test_declared_types(declared, kind, length, scale):
    found = declared_type(declared, ZONE)
    assert (found.kind, found.length, found.scale, found.name) == (kind, length, scale, declared)
    assert found.zone == (ZONE if kind is Kind.DATETIME else None)


@pytest.mark.parametrize(
    ("case", "column", "kind"),
    [
        ("integer", types.BigInteger(), Kind.INT),
        ("numeric", types.Numeric(10, 2), Kind.NUMBER),
        ("float is a number", types.Float(), Kind.NUMBER),
        ("text", types.Text(), Kind.TEXT),
        ("datetime", types.DateTime(), Kind.DATETIME),
        ("date is no datetime", types.Date(), Kind.DATE),
        ("boolean", types.Boolean(), Kind.BOOL),
        ("interval", types.Interval(), Kind.DURATION),
        ("enum is text", types.Enum("a", "b"), Kind.TEXT),
        ("bytes", types.LargeBinary(), Kind.BYTES),
    ],
)
def test_reflected_types(case, column, kind):
    assert reflected_type(column, ZONE).kind is kind


def test_an_enum_has_options_and_an_aware_datetime_no_zone():
    assert reflected_type(types.Enum("a", "b"), ZONE).options == ("a", "b")
    assert reflected_type(types.DateTime(timezone=True), ZONE).zone is None
    assert reflected_type(types.DateTime(), ZONE).zone is ZONE


def kind_of(kind):
    return FieldType(kind=kind, name=kind.value, zone=ZONE if kind is Kind.DATETIME else None)


@pytest.mark.parametrize(
    ("case", "kind", "value", "bound"),
    [
        ("NULL", Kind.INT, None, None),
        ("text", Kind.TEXT, "a", "a"),
        ("yes", Kind.BOOL, True, 1),
        ("yes in a text column", Kind.TEXT, True, "1"),
        ("number in a text column", Kind.TEXT, Decimal("1E+2"), "100"),
        ("whole decimal", Kind.NUMBER, Decimal("7.00"), 7),
        ("decimal that a float holds", Kind.NUMBER, Decimal("0.1"), 0.1),
        ("decimal that no float holds", Kind.NUMBER, Decimal("0.12345678901234567890"), "0.12345678901234567890"),
        ("decimal beyond 64 bits", Kind.NUMBER, Decimal(2**63), str(2**63)),
        ("date", Kind.DATE, date(2026, 5, 1), "2026-05-01"),
        ("naive datetime is the zone's", Kind.DATETIME, wall("2026-05-01T10:00:00"), "2026-05-01 10:00:00"),
        ("aware datetime", Kind.DATETIME, datetime(2026, 5, 1, 8, tzinfo=UTC), "2026-05-01 10:00:00"),
        ("time", Kind.TIME, time(10, 30), "10:30:00"),
        ("duration", Kind.DURATION, timedelta(minutes=1), 60.0),
        ("bytes", Kind.BYTES, b"\x00", b"\x00"),
    ],
)
def test_values_are_bound_without_loss(case, kind, value, bound):
    found = loose_binder("c", kind_of(kind), None)(value)
    assert found == bound
    assert type(found) is type(bound)


@pytest.mark.parametrize(
    ("case", "value", "words"),
    [("65 bits", 2**63, "too large for column 'c'"), ("half a character", "a\ud800", "lone surrogate")],
)
def test_what_the_database_cannot_hold(case, value, words):
    with pytest.raises(RefusedError, match=words):
        loose_binder("c", kind_of(Kind.NUMBER), None)(value)
