"""Rules of PostgreSQL and MariaDB that refuse, change or forbid what is written."""

import pytest

from syncd.errors import RefusedError
from syncd.ports.endpoint import Done
from tests.sources.engines import MARIADB, ON_ROW, PLPGSQL, POSTGRESQL, TABLES, done, error_of, made, outcome
from tests.sources.shop import creation, rows_of, update

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
