"""Who stamps rows in PostgreSQL and MariaDB, by which clock, and in which zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.mapping import Touch
from syncd.core.model import Action
from syncd.ports.endpoint import Done
from tests.sources.engines import MARIADB, ON_ROW, PLPGSQL, POSTGRESQL, done, made, outcome, table
from tests.sources.shop import creation, rows_of, update


def ago(stamp, zone=UTC):
    at = stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)
    return abs((datetime.now(UTC) - at).total_seconds())


STAMPS = [
    # case, engine, updated_at, statements, who stamps an UPDATE: "syncd", "table" or nobody
    ("nobody else", POSTGRESQL, "timestamptz", [], "syncd"),
    ("a default stamps INSERT alone", POSTGRESQL, "timestamptz DEFAULT '2001-01-01Z'", [], "syncd"),
    ("a trigger", POSTGRESQL, "timestamptz", [PLPGSQL.format("NEW.updated_at := '2001-01-01Z';"), ON_ROW], "table"),
    (
        "a trigger with =",
        POSTGRESQL,
        "timestamptz",
        [PLPGSQL.format("NEW.\"updated_at\" = '2001-01-01Z';"), ON_ROW],
        "table",
    ),
    (
        "a trigger that only compares",
        POSTGRESQL,
        "timestamptz",
        [
            PLPGSQL.format("IF NEW.updated_at = OLD.updated_at THEN NEW.amount := 1; END IF;"),
            ON_ROW.replace("INSERT OR ", ""),
        ],
        "syncd",
    ),
    (
        "a trigger in a comment",
        POSTGRESQL,
        "timestamptz",
        [PLPGSQL.format("-- NEW.updated_at := now();\n"), ON_ROW],
        "syncd",
    ),
    (
        "a trigger for some columns",
        POSTGRESQL,
        "timestamptz",
        [PLPGSQL.format("NEW.updated_at := '2001-01-01Z';"), ON_ROW.replace("INSERT OR UPDATE", "UPDATE OF email")],
        "syncd",
    ),
    (
        "a disabled trigger",
        POSTGRESQL,
        "timestamptz",
        [PLPGSQL.format("NEW.updated_at := '2001-01-01Z';"), ON_ROW, "ALTER TABLE customers DISABLE TRIGGER touch"],
        "syncd",
    ),
    ("nobody else", MARIADB, "datetime(6)", [], "syncd"),
    ("whole seconds", MARIADB, "datetime", [], "syncd"),
    ("a default stamps INSERT alone", MARIADB, "datetime DEFAULT '2001-01-01'", [], "syncd"),
    ("ON UPDATE", MARIADB, "datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)", [], "clock"),
    (
        "a moment that stamps itself",
        MARIADB,
        "timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        [],
        "clock",
    ),
    (
        "a trigger",
        MARIADB,
        "datetime",
        ["CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW SET NEW.amount = 1, NEW.updated_at = 20010101"],
        "table",
    ),
    (
        "a trigger on INSERT alone",
        MARIADB,
        "datetime",
        ["CREATE TRIGGER touch BEFORE INSERT ON customers FOR EACH ROW SET NEW.updated_at = '2001-01-01'"],
        "syncd",
    ),
    (
        "a trigger with the clock",
        MARIADB,
        "datetime(6)",
        ["CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW BEGIN SET NEW.updated_at = NOW(6); END"],
        "clock",
    ),
]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("case", "engine", "updated_at", "statements", "who"), STAMPS, ids=[f"{case[1]}: {case[0]}" for case in STAMPS]
)
def test_touch_leaves_the_column_to_a_database_that_sets_it(request, case, engine, updated_at, statements, who, zone):
    open_shop = request.getfixturevalue(f"open_{'postgres' if engine == POSTGRESQL else 'mariadb'}")
    shop = open_shop(table(engine, updated_at=updated_at), *statements)
    shop.sql("INSERT INTO customers (name, updated_at) VALUES ('Anna', '2001-01-01')")
    endpoint = shop.endpoint(timezone=zone)
    row = done(endpoint.apply([update(rows_of(endpoint.scan())[0], name="syncd")]))
    (sets,) = [endpoint._values.touches("UPDATE")]
    assert sets is (who == "syncd")
    if who == "table":
        assert row.stamp.year == 2001
    else:
        assert ago(row.stamp, ZoneInfo(zone)) < 60
    assert done(endpoint.apply([update(row, name="again")]))


def test_touch_never_leaves_the_stamp(server):
    server.sql("INSERT INTO customers (name, updated_at) VALUES ('Anna', '2001-01-01')")
    endpoint = server.endpoint(touch=Touch.NEVER)
    (row,) = rows_of(endpoint.scan())
    assert done(endpoint.apply([update(row, name="syncd")])).stamp == row.stamp


def test_a_stamp_of_whole_seconds_is_cut_and_not_rounded_up(open_postgres, open_mariadb):
    for shop, kind in ((open_postgres, "timestamp(0)"), (open_mariadb, "datetime")):
        engine = POSTGRESQL if shop is open_postgres else MARIADB
        endpoint = shop(table(engine, updated_at=kind)).endpoint()
        for number in range(5):
            (row,) = made(endpoint.create([creation(f"C-{number}", name="a")], "op"))
            assert row.stamp.replace(tzinfo=UTC) <= datetime.now(UTC)


def test_mark_takes_the_clock_in_the_columns_zone(server):
    server.sql("INSERT INTO customers (name) VALUES ('Anna')")
    endpoint = server.endpoint(timezone="Asia/Tokyo")
    assert done(endpoint.apply([update(rows_of(endpoint.scan())[0], Action.MARK)])).deleted
    (at,) = server.sql("SELECT deleted_at FROM customers")[0]
    assert ago(at, ZoneInfo("Asia/Tokyo")) < 60


def test_mark_of_a_yes_or_no(open_postgres, open_mariadb):
    for shop, engine in ((open_postgres, POSTGRESQL), (open_mariadb, MARIADB)):
        opened = shop(table(engine, deleted_at="boolean NOT NULL DEFAULT false"))
        opened.sql("INSERT INTO customers (name) VALUES ('Anna')")
        endpoint = opened.endpoint()
        (row,) = rows_of(endpoint.scan())
        assert not row.deleted
        assert done(endpoint.apply([update(row, Action.MARK)])).deleted


def test_the_repeated_hour_of_a_moment_is_no_riddle(open_mariadb):
    """A TIMESTAMP is read in UTC, whatever zone the mapping names: 02:30 in Berlin happens twice, 00:30Z once."""
    shop = open_mariadb(table(MARIADB, updated_at="timestamp(6) NULL"))
    shop.sql("SET time_zone = '+00:00'")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for name, at in (("a", first), ("b", first + timedelta(hours=1))):
        shop.add(name=name, updated_at=at.replace(tzinfo=None))
    endpoint = shop.endpoint(timezone="Europe/Berlin")
    rows = rows_of(endpoint.scan())
    assert [row.stamp for row in rows] == [first, first + timedelta(hours=1)]
    assert outcome(endpoint.apply([update(row, name="new") for row in rows])) == [Done, Done]


def test_wall_time_that_the_table_stamps_beside_moments_is_set_by_syncd(open_mariadb):
    """The session's zone cannot be both that of the moments, UTC, and that of CURRENT_TIMESTAMP, the mapping's."""
    shop = open_mariadb(table(MARIADB, updated_at="datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"))
    shop.sql("ALTER TABLE customers ADD seen timestamp NULL")
    endpoint = shop.endpoint(timezone="Asia/Tokyo", columns=("name", "seen"))
    (row,) = made(endpoint.create([creation("C-1", name="a", seen=datetime(2026, 5, 1, tzinfo=UTC))], "op"))
    assert ago(row.stamp, ZoneInfo("Asia/Tokyo")) < 60
    again = done(endpoint.apply([update(row, name="b")]))
    assert ago(again.stamp, ZoneInfo("Asia/Tokyo")) < 60
    assert again.values[1] == datetime(2026, 5, 1, tzinfo=UTC)
