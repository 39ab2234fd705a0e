"""What PostgreSQL and MariaDB do beside storing: clocks, triggers, rules, collations, schemas, views."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncd.core.mapping import Touch
from syncd.core.model import Action
from syncd.errors import GoneError, HaltError, RefusedError, StaleError
from syncd.ports.endpoint import Done, Failed
from tests.sources.engines import MARIADB, POSTGRESQL, TABLES
from tests.sources.shop import creation, keys_of, problems_of, rows_of, update


def table(engine, **changes):
    """The table of customers with other columns: `updated_at="timestamptz DEFAULT now()"`."""
    lines = TABLES[engine]
    for column, declared in changes.items():
        start = lines.index(f" {column} ") + 1
        depth, end = 0, start
        while depth >= 0 and not (depth == 0 and lines[end] == ","):
            depth += {"(": 1, ")": -1}.get(lines[end], 0)
            end += 1
        end -= depth < 0
        lines = f"{lines[:start]}{column} {declared}{lines[end:]}"
    return lines


def done(results):
    ((_, result),) = results
    assert isinstance(result, Done), result
    return result.row


def made(results):
    assert all(isinstance(result, Done) for result in results), results
    return [result.row for result in results]


def error_of(results):
    assert all(isinstance(result, Failed) for result in results), results
    return results[0].error


def outcome(results):
    return [type(getattr(result, "error", result)) for _, result in results]


# who stamps


def ago(stamp, zone=UTC):
    at = stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)
    return abs((datetime.now(UTC) - at).total_seconds())


PLPGSQL = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
ON_ROW = "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch()"
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


# rules of the table

SIGNAL = "IF NEW.name = 'forbidden' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such name, says the trigger'"
MORE = {
    POSTGRESQL: (
        "CREATE TYPE moods AS ENUM ('sad', 'happy')",
        "ALTER TABLE customers ADD mood moods, ADD short varchar(5), ADD born date, ADD boss int REFERENCES customers",
        "ALTER TABLE customers ADD twice int GENERATED ALWAYS AS (amount * 2) STORED",
        PLPGSQL.format("IF NEW.name = 'forbidden' THEN RAISE EXCEPTION 'no such name, says the trigger'; END IF;"),
        ON_ROW,
    ),
    MARIADB: (
        "ALTER TABLE customers ADD mood enum('sad', 'happy'), ADD short varchar(5), ADD born date, ADD boss int",
        "ALTER TABLE customers ADD FOREIGN KEY (boss) REFERENCES customers (id), ADD twice int AS (amount * 2)",
        f"CREATE TRIGGER no BEFORE INSERT ON customers FOR EACH ROW {SIGNAL}; END IF",
        f"CREATE TRIGGER nono BEFORE UPDATE ON customers FOR EACH ROW {SIGNAL}; END IF",
    ),
}


@pytest.mark.parametrize(
    ("case", "bad", "by_postgresql", "by_mariadb"),
    [
        (
            "unique",
            {"name": "b", "email": "x@y"},
            "already has this value in customers.email",
            "already has this value in email",
        ),
        ("not null", {"name": None}, "customers.name must not be empty", "name must not be empty"),
        (
            "check",
            {"name": "b", "amount": 1_000_000},
            "customers_amount_check is not met",
            "customers.amount is not met",
        ),
        ("too large", {"name": "b", "amount": 2**40}, "a number is too large for a column", "too large for amount"),
        ("too long", {"name": "b", "short": "x" * 9}, "a value is too long for a column", "too long for short"),
        (
            "no such choice",
            {"name": "b", "mood": "angry"},
            "does not take such a value",
            "mood does not take such a value",
        ),
        (
            "no date",
            {"name": "b", "born": "soon"},
            "does not take such a value",
            "born does not take such a value",
        ),
        (
            "nobody there",
            {"name": "b", "boss": 99},
            "refers to a row that is not there",
            "refers to a row that is not there",
        ),
        (
            "a trigger says no",
            {"name": "forbidden"},
            "no such name, says the trigger",
            "no such name, says the trigger",
        ),
        ("NUL", {"name": "a\0b"}, "holds the character NUL", None),
        ("half a character", {"name": "a\ud800"}, "lone surrogate", "lone surrogate"),
        ("computed", {"name": "b", "twice": 4}, "is computed by the database", "is computed by the database"),
    ],
)
def test_rules_refuse_the_batch_and_the_change_in_plain_words(open_server, case, bad, by_postgresql, by_mariadb):
    shop = open_server()
    engine = shop.engine
    for statement in MORE[engine]:
        shop.sql(statement)
    words = by_postgresql if engine == POSTGRESQL else by_mariadb
    if words is None:
        return
    shop.sql("INSERT INTO customers (name, email) VALUES ('there', 'x@y')")
    shop.sql("INSERT INTO customers (name, email) VALUES ('other', 'o@y')")
    columns = tuple(dict.fromkeys(["name", "email", "amount", *bad]))
    endpoint = shop.endpoint(columns=columns)
    error = error_of(endpoint.create([creation("C-1", name="good"), creation("C-2", **bad)], "op"))
    assert isinstance(error, RefusedError)
    assert words in error.message
    assert error.hint
    one, other = rows_of(endpoint.scan())
    results = endpoint.apply([update(other, **bad), update(one, name="done")])
    assert outcome(results) == [RefusedError, Done]
    assert words in results[0][1].error.message
    assert sorted(shop.sql("SELECT name FROM customers")) == [("done",), ("other",)]


def test_a_rule_checked_at_commit_stops_only_its_own_row(open_postgres):
    shop = open_postgres(
        TABLES[POSTGRESQL],
        "ALTER TABLE customers ADD boss int REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED",
    )
    for name in ("a", "b"):
        shop.add(name=name)
    endpoint = shop.endpoint(columns=("name", "boss"))
    rows = rows_of(endpoint.scan())
    assert outcome(endpoint.apply([update(rows[0], boss=99), update(rows[1], boss=1)])) == [RefusedError, Done]
    assert (
        "refers to a row that is not there"
        in error_of(endpoint.create([creation("C", name="c", boss=9)], "op")).message
    )
    assert shop.sql("SELECT name, boss FROM customers ORDER BY id") == [("a", None), ("b", 1)]


def test_triggers_have_their_say_in_what_is_answered(open_server):
    shop = open_server()
    if shop.engine == POSTGRESQL:
        shop.sql(PLPGSQL.format("NEW.name := upper(NEW.name);"))
        shop.sql(ON_ROW)
    else:
        for event in ("INSERT", "UPDATE"):
            shop.sql(f"CREATE TRIGGER t{event} BEFORE {event} ON customers FOR EACH ROW SET NEW.name = upper(NEW.name)")
    endpoint = shop.endpoint()
    (row,) = made(endpoint.create([creation("C-1", name="anna")], "op"))
    assert row.values[0] == "ANNA"
    assert done(endpoint.apply([update(row, name="berta")])).values[0] == "BERTA"


def test_a_row_that_a_trigger_ignores_refuses_the_batch(open_postgres):
    shop = open_postgres(TABLES[POSTGRESQL], PLPGSQL.format("IF NEW.name = 'bad' THEN RETURN NULL; END IF;"), ON_ROW)
    error = error_of(shop.endpoint().create([creation("C-1", name="good"), creation("C-2", name="bad")], "op"))
    assert "a trigger of the table ignored it" in error.message
    assert shop.sql("SELECT count(*) FROM customers") == [(0,)]


def test_a_table_without_transactions_is_read_and_not_written(open_mariadb):
    shop = open_mariadb(TABLES[MARIADB].rstrip() + " ENGINE = MyISAM")
    shop.add(name="Anna")
    endpoint = shop.endpoint()
    (row,) = rows_of(endpoint.scan())
    error = error_of(endpoint.create([creation("C-1", name="a")], "op"))
    assert "its storage engine MyISAM knows no transactions" in error.message
    assert outcome(endpoint.apply([update(row, name="b")])) == [RefusedError]
    assert shop.sql("SELECT name FROM customers") == [("Anna",)]


def test_a_value_that_does_not_fit_is_refused_whatever_the_servers_mode(open_mariadb, mariadb):
    before = mariadb.admin("SELECT @@GLOBAL.sql_mode")[0][0]
    mariadb.admin("SET GLOBAL sql_mode = ''")
    try:
        shop = open_mariadb()
        error = error_of(shop.endpoint().create([creation("C-1", name="a", email="x" * 101)], "op"))
        assert "too long for email" in error.message
    finally:
        mariadb.admin(f"SET GLOBAL sql_mode = '{before}'")


# collations


def test_a_collation_hides_neither_edits_nor_rows(open_mariadb):
    shop = open_mariadb()
    shop.add(name="Müller", erp_ref="CUST-1", email="a@x")
    endpoint = shop.endpoint()
    for edited in ("MÜLLER", "Muller", "Müller "):
        (row,) = rows_of(endpoint.scan())
        shop.sql("UPDATE customers SET name = ?", edited)
        assert outcome(endpoint.apply([update(row, amount=1)])) == [StaleError]
    assert endpoint.find(["cust-1"]) == []
    assert [row.key for row in endpoint.find(["CUST-1"])] == ["1"]
    assert [row.key for row in made(endpoint.create([creation("cust-1", name="new")], "op"))] == ["2"]
    assert endpoint.created([creation("Cust-1", name="new")], "op") is None


@pytest.mark.parametrize(("filters", "names"), [({"email": "a@x"}, ["a"]), ({"email": ["a@x", None]}, ["a", "c"])])
def test_filters_compare_exactly(open_server, filters, names):
    shop = open_server()
    if shop.engine == MARIADB:
        shop.sql("ALTER TABLE customers DROP INDEX email")
    for name, email in (("a", "a@x"), ("b", "A@x"), ("c", None)):
        shop.add(name=name, email=email)
    endpoint = shop.endpoint(source_filters=filters)
    assert [row.values[0] for row in rows_of(endpoint.scan())] == names
    assert sorted(row.values[0] for row in rows_of(endpoint.changes(None, overlap=0))) == names


def test_filters_take_the_columns_own_type(open_server):
    shop = open_server()
    shop.sql("ALTER TABLE customers ADD active boolean")
    shop.add(name="yes", active=True, amount=7)
    shop.add(name="no", active=False, amount=8)
    for filters in ({"active": True}, {"active": 1}, {"amount": 7}, {"amount": [7, 9]}):
        assert [row.values[0] for row in rows_of(shop.endpoint(source_filters=filters).scan())] == ["yes"]


@pytest.mark.parametrize("index", [False, True])
def test_ids_that_differ_by_case_are_told_not_skipped(open_server, index):
    shop = open_server()
    exact, stamp = ("COLLATE utf8mb4_bin", "datetime") if shop.engine == MARIADB else ("", "timestamptz")
    shop.sql(f"CREATE TABLE things (id varchar(200) {exact} NOT NULL, name varchar(9), updated_at {stamp})")
    if index:
        shop.sql("CREATE UNIQUE INDEX ids ON things (id)")
        shop.sql("CREATE INDEX stamps ON things (updated_at)")
    for name in ("good", "Anna", "ANNA", "ärger", "ÄRGER", " pad", "x" * 141):
        shop.add("things", id=name, name="n", updated_at="2026-05-01")
    mapping = {"entity": "things", "columns": ("name",), "erpnext_name": None, "deleted": None}
    endpoint = shop.endpoint(page_size=2, **mapping)
    pages = list(endpoint.scan())
    for read in (pages, list(endpoint.changes(None, overlap=0)), list(endpoint.changes(pages[-1].cursor, overlap=0))):
        assert sorted(keys_of(read)) == ["%20pad", "good"]
        assert set(problems_of(read)) == {"Anna", "ANNA", "ärger", "ÄRGER", "x" * 141}


def test_ids_that_a_collation_takes_for_one_are_all_read(open_mariadb):
    shop = open_mariadb("CREATE TABLE things (id varchar(20) NOT NULL, name varchar(9), updated_at datetime)")
    ids = ["a", "ä", "á", "à", "â", "ã", "å", "b", "c"]
    for name in ids:
        shop.add("things", id=name, name="n", updated_at="2026-05-01")
    endpoint = shop.endpoint(page_size=2, entity="things", columns=("name",), erpnext_name=None, deleted=None)
    assert sorted(keys_of(endpoint.scan())) == sorted(ids)
    assert sorted(keys_of(endpoint.changes(None, overlap=0))) == sorted(ids)
    (row,) = endpoint.fetch(["ä"])
    assert outcome(endpoint.apply([update(row, name="new")])) == [Done]
    assert shop.sql("SELECT id FROM things WHERE name = 'new'") == [("ä",)]


# keys


@pytest.mark.parametrize(
    ("declared", "there", "absent"),
    [
        ("integer", "7", ["07", "7.0", "seven", "99999999999999999999", "a%00b"]),
        ("uuid", "0a0b0c0d-0000-0000-0000-00000000000f", ["0A0B0C0D-0000-0000-0000-00000000000F", "x", "a%00b"]),
        ("date", "2026-05-01", ["2026-5-1", "x", "2026-05-02"]),
        ("decimal(10,2)", "7.50", ["7.5", "x"]),
        ("varchar(20)", "a%00b", ["x", "%FF"]),
    ],
)
def test_keys_of_every_type_are_asked_for_without_an_error(open_server, declared, there, absent):
    shop = open_server()
    value = there.replace("%00", "\0" if shop.engine == MARIADB else "%00")
    shop.sql(f"CREATE TABLE things (id {declared} PRIMARY KEY, name varchar(9))")
    shop.add("things", id=value, name="n")
    endpoint = shop.endpoint(entity="things", columns=("name",), modified=None, erpnext_name=None, deleted=None)
    (row,) = rows_of(endpoint.scan())
    assert endpoint.fetch([row.key, *absent]) == [row]
    assert outcome(endpoint.apply([update(row._replace(key=key), name="x") for key in absent])) == [GoneError] * len(
        absent
    )
    assert outcome(endpoint.apply([update(row, name="x")])) == [Done]


def test_a_composite_id_of_several_types(open_postgres):
    shop = open_postgres(
        "CREATE TABLE things (day date, paid boolean, no bigint, name text, PRIMARY KEY (day, paid, no))"
    )
    for number in range(9):
        shop.add("things", day="2026-05-01", paid=number % 2 == 0, no=number, name="n")
    mapping = {"entity": "things", "source_id": ("day", "paid", "no"), "columns": ("name",)}
    endpoint = shop.endpoint(page_size=2, modified=None, erpnext_name=None, deleted=None, **mapping)
    keys = keys_of(endpoint.scan())
    assert sorted(keys) == sorted(f"2026-05-01/{int(number % 2 == 0)}/{number}" for number in range(9))
    assert keys_of([type("Page", (), {"rows": endpoint.fetch(keys)})]) == keys
    assert endpoint.fetch(["2026-05-01/7/3", "2026-05-01/0/x"]) == []


def test_the_number_that_a_table_gives_cannot_be_told_for_other_ids_without_returning(open_mariadb):
    shop = open_mariadb("CREATE TABLE things (id uuid PRIMARY KEY DEFAULT uuid(), name varchar(9))")
    mapping = {"entity": "things", "columns": ("name",), "modified": None, "erpnext_name": None, "deleted": None}
    endpoint = shop.endpoint(**mapping)
    assert len(made(endpoint.create([creation(name="a")], "op"))[0].key) == 36
    shop.source._dialect.returning = False
    error = error_of(shop.endpoint(**mapping).create([creation(name="a")], "op"))
    assert "does not tell which value it gave to 'id'" in error.message
    assert shop.sql("SELECT count(*) FROM things") == [(1,)]


# names


ODD = [
    "spaced out",
    'quote " inside',
    "apo'strophe",
    "back`tick",
    "select",
    "ünïcode",
    "semi;colon",
    "100%",
    "%s",
    "%(p0)s",
    ":name",
    "a.b",
    "[x]",
    "p0",
    "Upper",
    "back\\slash",
]


def test_odd_identifiers_are_quoted(open_server):
    shop = open_server()
    mark = "`" if shop.engine == MARIADB else '"'

    def quoted(name):
        return mark + name.replace(mark, mark * 2) + mark

    table = 'order "by" `Group`'
    columns = ", ".join(f"{quoted(name)} varchar(30)" for name in ODD)
    shop.sql(f"CREATE TABLE {quoted(table)} ({quoted('From')} int PRIMARY KEY, {columns})")
    mapping = {"entity": table, "columns": ODD, "source_id": ("From",), "modified": None, "erpnext_name": None}
    endpoint = shop.endpoint(deleted=None, **mapping)
    (row,) = made(endpoint.create([creation(**{"From": 7, **{name: name for name in ODD}})], "op"))
    assert (row.key, row.values) == ("7", tuple(ODD))
    assert done(endpoint.apply([update(row, **{name: name.upper() for name in ODD})])).values == tuple(
        n.upper() for n in ODD
    )
    assert [found.key for found in endpoint.fetch(["7"])] == ["7"]


def test_a_table_in_another_schema_is_named_with_a_dot(open_server, request):
    shop = open_server()
    other = "sales" if shop.engine == POSTGRESQL else f"{shop.sql('SELECT DATABASE()')[0][0]}_sales"
    if shop.engine == POSTGRESQL:
        shop.sql(f"CREATE SCHEMA {other}")
    else:
        shop.sql(f"CREATE DATABASE {other}")
        request.addfinalizer(lambda: request.getfixturevalue("mariadb").admin(f"DROP DATABASE IF EXISTS {other}"))
    shop.sql(TABLES[shop.engine].replace("TABLE customers", f"TABLE {other}.clients"))
    endpoint = shop.endpoint(entity=f"{other}.clients")
    (row,) = made(endpoint.create([creation("C-1", name="a")], "op"))
    assert endpoint.created([creation("C-1", name="a")], "op") == [row]
    assert done(endpoint.apply([update(row, name="b")])).stamp >= row.stamp
    assert endpoint.schema().fields["email"].unique
    if shop.engine == POSTGRESQL:
        assert shop.source.entities() == ["customers", "sales.clients"]
        with pytest.raises(HaltError, match=r"no table 'sales.client'") as halt:
            shop.endpoint(entity="sales.client").schema()
        assert "did you mean 'sales.clients'" in str(halt.value)
    else:
        assert shop.source.entities() == ["customers"]


def test_views_are_read_and_not_written(open_server):
    shop = open_server()
    shop.sql("CREATE VIEW active AS SELECT * FROM customers WHERE deleted_at IS NULL")
    views = ["active"]
    shop.add(name="a")
    if shop.engine == POSTGRESQL:
        shop.sql("CREATE MATERIALIZED VIEW counted AS SELECT * FROM customers")
        views.append("counted")
    assert sorted(shop.source.entities()) == sorted(["customers", *views])
    for view in views:
        endpoint = shop.endpoint(entity=view)
        (row,) = rows_of(endpoint.scan())
        assert not any(field.writable for field in endpoint.schema().fields.values())
        assert "it is a view" in error_of(endpoint.create([creation("C-1", name="a")], "op")).message
        assert outcome(endpoint.apply([update(row, name="b")])) == [RefusedError]
    assert shop.sql("SELECT name FROM customers") == [("a",)]


def test_schema_tells_what_the_table_is(open_server):
    shop = open_server()
    shop.sql("ALTER TABLE customers ADD kind varchar(9) NOT NULL DEFAULT 'x', ADD plain varchar(9) DEFAULT NULL")
    shop.sql("CREATE INDEX by_stamp ON customers (updated_at)")
    fields = shop.endpoint(timezone="Europe/Berlin").schema().fields
    assert list(fields) == ["id", "name", "email", "amount", "erp_ref", "deleted_at", "updated_at", "kind", "plain"]
    assert [name for name, field in fields.items() if field.required] == ["name"]
    assert [name for name, field in fields.items() if field.has_default] == ["id", "kind"]
    assert [name for name, field in fields.items() if field.unique] == ["id", "email"]
    assert {name for name, field in fields.items() if field.indexed} == {"id", "email", "updated_at"}
    zone = fields["updated_at"].type.zone
    assert zone is None if shop.engine == POSTGRESQL else zone.key == "Europe/Berlin"


def test_an_index_that_holds_only_some_rows_does_not_keep_ids_apart(open_postgres):
    shop = open_postgres(
        "CREATE TABLE customers (id int NOT NULL, name text, deleted_at timestamptz)",
        "CREATE UNIQUE INDEX alive ON customers (id) WHERE deleted_at IS NULL",
    )
    for deleted in (None, "2026-05-01"):
        shop.add(id=1, name="a", deleted_at=deleted)
    endpoint = shop.endpoint(columns=("name",), modified=None, erpnext_name=None)
    assert "2 rows have this id" in problems_of(endpoint.scan())["1"]
    assert not endpoint.schema().fields["id"].unique


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
