"""Types of PostgreSQL and MariaDB: read, recognised unchanged, written and read back."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from syncd.core.values import Kind, decode_image, encode_image
from syncd.ports.endpoint import Done
from tests.sources.shop import creation, rows_of, update

BERLIN = ZoneInfo("Europe/Berlin")


def wall(text):
    """A naive datetime: what a clock on the wall shows."""
    return datetime.fromisoformat(text)


POSTGRESQL = [
    # declared, a value as SQL, how it is read, its kind, a value to write, how that is read
    ("smallint", "7", 7, Kind.INT, 8, 8),
    ("integer", "-5", -5, Kind.INT, Decimal(6), 6),
    ("bigint", "9007199254740993", 9007199254740993, Kind.INT, 2**62, 2**62),
    ("numeric(12,2)", "12.50", Decimal("12.50"), Kind.NUMBER, Decimal("0.1"), Decimal("0.10")),
    ("numeric", "0.12345678901234567890", Decimal("0.12345678901234567890"), Kind.NUMBER, 3, Decimal(3)),
    ("real", "0.1", 0.1, Kind.NUMBER, 0.3, 0.3),
    ("double precision", "0.1", 0.1, Kind.NUMBER, Decimal("0.7"), 0.7),
    ("money", "'$1,234.50'", Decimal("1234.50"), Kind.NUMBER, Decimal("2.25"), Decimal("2.25")),
    ("boolean", "true", True, Kind.BOOL, 0, False),
    ("text", "'Łódź 🦊'", "Łódź 🦊", Kind.TEXT, "'\"\\%s", "'\"\\%s"),
    ("varchar(20)", "' a '", " a ", Kind.TEXT, Decimal("7.50"), "7.50"),
    ("char(5)", "'ab'", "ab", Kind.TEXT, "cd", "cd"),
    ('"char"', "'x'", "x", Kind.TEXT, "y", "y"),
    ("name", "'x'", "x", Kind.TEXT, "y", "y"),
    ("mood", "'sad'", "sad", Kind.TEXT, "happy", "happy"),
    ("words", "'a'", "a", Kind.TEXT, "b", "b"),
    (
        "uuid",
        "'0A0B0C0D-0000-0000-0000-00000000000F'",
        "0a0b0c0d-0000-0000-0000-00000000000f",
        Kind.TEXT,
        "11111111-2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555",
    ),
    ("json", '\'{"b": 1, "a": [1,2]}\'', '{"b": 1, "a": [1,2]}', Kind.JSON, '{"x":1}', '{"x":1}'),
    ("jsonb", '\'{"b": 1, "a": [1,2]}\'', '{"a": [1, 2], "b": 1}', Kind.JSON, '{"x":1}', '{"x": 1}'),
    ("bytea", "'\\x00ff'", b"\x00\xff", Kind.BYTES, b"\\x41", b"\\x41"),
    ("date", "'2026-05-01'", date(2026, 5, 1), Kind.DATE, date(1990, 5, 17), date(1990, 5, 17)),
    ("date", "'infinity'", "infinity", Kind.DATE, None, None),
    ("date", "'0044-03-15 BC'", "0044-03-15 BC", Kind.DATE, date(1, 1, 1), date(1, 1, 1)),
    (
        "timestamp",
        "'2026-05-01 10:00:00.5'",
        wall("2026-05-01T10:00:00.5"),
        Kind.DATETIME,
        wall("2026-05-01T10:00:00.000001"),
        wall("2026-05-01T10:00:00.000001"),
    ),
    ("timestamp", "'-infinity'", "-infinity", Kind.DATETIME, None, None),
    (
        "timestamptz",
        "'2026-05-01 10:00:00+02'",
        datetime(2026, 5, 1, 8, tzinfo=UTC),
        Kind.DATETIME,
        datetime(2026, 5, 1, 12, tzinfo=BERLIN),
        datetime(2026, 5, 1, 10, tzinfo=UTC),
    ),
    ("time", "'10:30'", time(10, 30), Kind.TIME, time(23, 59, 59, 5), time(23, 59, 59, 5)),
    ("interval", "'90 minutes'", timedelta(minutes=90), Kind.DURATION, Decimal("1.5"), timedelta(seconds=1.5)),
    ("interval", "'1 month'", timedelta(days=30), Kind.DURATION, None, None),
    ("integer[]", "'{1,2}'", "{1,2}", Kind.TEXT, "{3}", "{3}"),
    ("inet", "'10.0.0.1'", "10.0.0.1/32", Kind.TEXT, "::1", "::1/128"),
    ("int4range", "'[1,5)'", "[1,5)", Kind.TEXT, "[2,3)", "[2,3)"),
    ("point", "'(1,2)'", "(1,2)", Kind.TEXT, "(3,4)", "(3,4)"),
    ("bit(3)", "'101'", "101", Kind.TEXT, "010", "010"),
    ("tsvector", "'a'::tsvector", "'a'", Kind.TEXT, None, None),
]

MARIADB = [
    ("tinyint(1)", "1", 1, Kind.BOOL, False, 0),
    ("boolean", "0", 0, Kind.BOOL, True, 1),
    ("bit(1)", "b'1'", 1, Kind.BOOL, False, 0),
    ("bit(10)", "b'1000000001'", 513, Kind.INT, 7, 7),
    ("tinyint unsigned", "255", 255, Kind.INT, 9, 9),
    ("int unsigned", "4294967295", 4294967295, Kind.INT, Decimal(6), 6),
    ("bigint", "9007199254740993", 9007199254740993, Kind.INT, -(2**62), -(2**62)),
    ("bigint unsigned", "18446744073709551615", 2**64 - 1, Kind.INT, 2**63, 2**63),
    ("int(6) zerofill", "42", 42, Kind.INT, 7, 7),
    ("year", "2026", 2026, Kind.INT, 1999, 1999),
    ("decimal(12,2)", "12.50", Decimal("12.50"), Kind.NUMBER, Decimal("0.1"), Decimal("0.10")),
    ("decimal(40,20)", "0.12345678901234567890", Decimal("0.12345678901234567890"), Kind.NUMBER, 3, Decimal(3)),
    ("float", "0.1", 0.1, Kind.NUMBER, 0.3, 0.3),
    ("float", "16777216", 16777200.0, Kind.NUMBER, 2.5, 2.5),
    ("double", "0.1", 0.1, Kind.NUMBER, Decimal("0.7"), 0.7),
    ("varchar(20)", "' a '", " a ", Kind.TEXT, Decimal("7.50"), "7.50"),
    ("char(5)", "'ab  '", "ab", Kind.TEXT, "cd", "cd"),
    ("text", "'Łódź 🦊'", "Łódź 🦊", Kind.TEXT, "'\"\\%s\0", "'\"\\%s\0"),
    ("varchar(20) character set latin1", "'Bär €'", "Bär €", Kind.TEXT, "é", "é"),
    ("varchar(20) collate utf8mb4_bin", "'Bär'", "Bär", Kind.TEXT, "bär", "bär"),
    ("longtext", "repeat('x', 100000)", "x" * 100000, Kind.TEXT, "y" * 70000, "y" * 70000),
    ("enum('sad','happy')", "'sad'", "sad", Kind.TEXT, "happy", "happy"),
    ("set('a','b','c')", "'a,c'", "a,c", Kind.TEXT, "b", "b"),
    (
        "uuid",
        "'0A0B0C0D-0000-0000-0000-00000000000F'",
        "0a0b0c0d-0000-0000-0000-00000000000f",
        Kind.TEXT,
        "11111111-2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-555555555555",
    ),
    ("inet6", "'::1'", "::1", Kind.TEXT, "::2", "::2"),
    ("json", '\'{"b": 1, "a": [1,2]}\'', '{"b": 1, "a": [1,2]}', Kind.JSON, '{"x":1}', '{"x":1}'),
    ("varbinary(10)", "x'00ff'", b"\x00\xff", Kind.BYTES, b"\\x41'", b"\\x41'"),
    ("binary(3)", "x'01'", b"\x01\x00\x00", Kind.BYTES, b"abc", b"abc"),
    ("blob", "x'00ff'", b"\x00\xff", Kind.BYTES, b"", b""),
    ("date", "'2026-05-01'", date(2026, 5, 1), Kind.DATE, date(1990, 5, 17), date(1990, 5, 17)),
    ("date", "'0000-00-00'", "0000-00-00", Kind.DATE, None, None),
    (
        "datetime",
        "'2026-05-01 10:00:00'",
        wall("2026-05-01T10:00:00"),
        Kind.DATETIME,
        wall("2026-05-01T10:00:01"),
        wall("2026-05-01T10:00:01"),
    ),
    (
        "datetime(6)",
        "'2026-05-01 10:00:00.000001'",
        wall("2026-05-01T10:00:00.000001"),
        Kind.DATETIME,
        wall("2026-05-01T10:00:00.5"),
        wall("2026-05-01T10:00:00.5"),
    ),
    ("datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00", Kind.DATETIME, None, None),
    (
        "timestamp(6) null",
        "'2026-05-01 10:00:00.5'",
        datetime(2026, 5, 1, 10, 0, 0, 500000, tzinfo=UTC),
        Kind.DATETIME,
        datetime(2026, 5, 1, 12, tzinfo=BERLIN),
        datetime(2026, 5, 1, 10, tzinfo=UTC),
    ),
    ("time", "'10:30:00'", timedelta(hours=10, minutes=30), Kind.TIME, time(23, 59), timedelta(hours=23, minutes=59)),
    ("time(6)", "'-25:00:00.5'", -timedelta(hours=25, seconds=0.5), Kind.TIME, None, None),
]


def check(shop, declared, literal, read, kind, written, back):
    shop.sql(f"CREATE TABLE customers (id int PRIMARY KEY, value {declared}, note varchar(9))")
    shop.sql(f"INSERT INTO customers VALUES (1, {literal}, 'n')")
    shop.sql("INSERT INTO customers VALUES (2, NULL, 'n')")
    mapping = {"columns": ("value", "note"), "modified": None, "erpnext_name": None, "deleted": None}
    endpoint = shop.endpoint(timezone="Europe/Berlin", **mapping)
    field = endpoint.schema().fields["value"]
    assert field.type.kind is kind
    found, empty = rows_of(endpoint.scan())
    assert found.values[0] == read
    assert type(found.values[0]) is type(read)
    assert empty.values[0] is None
    assert decode_image(encode_image(found.values)) == found.values
    # The condition of a write finds the value that was read, and NULL, unchanged.
    for row in (found, empty):
        ((_, result),) = endpoint.apply([update(row, note="x")])
        assert isinstance(result, Done), result
    ((_, result),) = endpoint.apply([update(result.row, value=written)])
    assert isinstance(result, Done), result
    assert result.row.values[0] == back
    (made,) = endpoint.create([creation(id=3, value=written, note="m")], "op")
    assert isinstance(made, Done), made
    assert made.row.values[0] == back
    assert endpoint.created([creation(id=3, value=written, note="m")], "op") == [made.row]
    # An edit of this column alone is seen.
    ((_, stale),) = endpoint.apply([update(found._replace(values=(made.row.values[0], "x")), note="y")])
    assert isinstance(stale, Done) == (read == back)


@pytest.mark.parametrize(
    ("declared", "literal", "read", "kind", "written", "back"),
    POSTGRESQL,
    ids=[f"{case[0]}-{case[1][:24]}" for case in POSTGRESQL],
)
def test_types_of_postgresql(open_postgres, declared, literal, read, kind, written, back):
    shop = open_postgres(
        "CREATE TYPE mood AS ENUM ('sad', 'happy')", "CREATE DOMAIN words AS varchar(9) CHECK (value <> '')"
    )
    check(shop, declared, literal, read, kind, written, back)


@pytest.mark.parametrize(
    ("declared", "literal", "read", "kind", "written", "back"),
    MARIADB,
    ids=[f"{case[0]}-{case[1][:24]}" for case in MARIADB],
)
def test_types_of_mariadb(open_mariadb, declared, literal, read, kind, written, back):
    check(open_mariadb("SET sql_mode = ''"), declared, literal, read, kind, written, back)
