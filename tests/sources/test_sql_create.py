import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from syncd.adapters.sources.sql_create import Creator
from syncd.core.mapping import Touch
from syncd.errors import BusyError, RefusedError, UnknownOutcomeError
from syncd.ports.endpoint import Done, Failed
from tests.sources.shop import TABLE, creation, rows_of


def error_of(results):
    assert all(isinstance(result, Failed) for result in results), results
    assert len({id(result.error) for result in results}) == 1
    return results[0].error


def rows(results):
    assert all(isinstance(result, Done) for result in results), results
    return [result.row for result in results]


def test_rows_are_answered_as_the_table_holds_them(shop):
    made = rows(shop.endpoint().create([creation("C-1", name="a", amount=1), creation("C-2", name="b")], "op"))
    assert [(row.key, row.values, row.partner) for row in made] == [
        ("1", ("a", None, 1), "C-1"),
        ("2", ("b", None, None), "C-2"),
    ]
    assert rows_of(shop.endpoint().scan()) == made


def test_rows_with_different_columns_keep_their_order(shop):
    writes = [creation(f"C-{at}", **({"name": f"n{at}"} | ({"amount": at} if at % 3 else {}))) for at in range(20)]
    made = rows(shop.endpoint().create(writes, "op"))
    assert [row.values[0] for row in made] == [f"n{at}" for at in range(20)]
    assert [row.values[2] for row in made] == [at if at % 3 else None for at in range(20)]


def test_triggers_and_defaults_have_their_say_in_what_is_answered(open_shop):
    shop = open_shop(
        TABLE.replace("amount INTEGER", "amount INTEGER DEFAULT 5")
        + "; CREATE TRIGGER normalise AFTER INSERT ON customers BEGIN"
        " UPDATE customers SET name = upper(trim(name)) WHERE id = NEW.id; END;"
        " CREATE TABLE log (text); CREATE TRIGGER noted AFTER INSERT ON customers BEGIN"
        " INSERT INTO log VALUES (NEW.name); END;"
    )
    made = rows(shop.endpoint().create([creation("C-1", name=" anna "), creation("C-2", name="bob")], "op"))
    assert [(row.key, row.values) for row in made] == [("1", ("ANNA", None, 5)), ("2", ("BOB", None, 5))]


def test_a_trigger_that_adds_rows_of_its_own_does_not_mix_up_the_answers(open_shop):
    shop = open_shop(
        TABLE + "; CREATE TRIGGER twin AFTER INSERT ON customers WHEN NEW.name NOT LIKE '%twin' BEGIN"
        " INSERT INTO customers (name) VALUES (NEW.name || ' twin'); END;"
    )
    made = rows(shop.endpoint().create([creation(f"C-{at}", name=f"n{at}") for at in range(5)], "op"))
    assert [row.values[0] for row in made] == [f"n{at}" for at in range(5)]


@pytest.mark.parametrize("what", ["RAISE(IGNORE)", "(SELECT 1)"], ids=["ignored", "removed"])
def test_a_row_that_a_trigger_does_not_let_stand_refuses_the_batch(open_shop, what):
    when = "BEFORE" if "RAISE" in what else "AFTER"
    body = f"SELECT {what}" if "RAISE" in what else "DELETE FROM customers WHERE name = 'bad'"
    shop = open_shop(TABLE + f"; CREATE TRIGGER t {when} INSERT ON customers WHEN NEW.name = 'bad' BEGIN {body}; END;")
    results = shop.endpoint().create([creation("C-1", name="good"), creation("C-2", name="bad")], "op")
    assert "trigger" in error_of(results).message
    assert shop.sql("SELECT count(*) FROM customers") == [(0,)]


@pytest.mark.parametrize(
    ("case", "bad", "words", "code"),
    [
        ("unique", {"name": "b", "email": "x@y"}, "another row already has this value in customers.email", "UNIQUE"),
        ("not null", {"name": None}, "customers.name must not be empty", "NOTNULL"),
        ("check", {"name": "b", "amount": 1_000_000}, "the rule amount < 1000000 is not met", "CHECK"),
    ],
)
def test_a_rule_of_the_table_refuses_the_batch_in_plain_words(shop, case, bad, words, code):
    shop.add("there", email="x@y")
    error = error_of(shop.endpoint().create([creation("C-1", name="good"), creation("C-2", **bad)], "op"))
    assert isinstance(error, RefusedError)
    assert words in error.message
    assert error.code == f"SQLITE_CONSTRAINT_{code}"
    assert error.hint
    assert shop.sql("SELECT name FROM customers") == [("there",)]


def test_a_rule_checked_at_commit_refuses_the_batch(open_shop):
    shop = open_shop(
        "CREATE TABLE groups (id INTEGER PRIMARY KEY);"
        + TABLE.replace("amount INTEGER", "amount INTEGER REFERENCES groups (id) DEFERRABLE INITIALLY DEFERRED")
    )
    error = error_of(shop.endpoint().create([creation("C-1", name="a", amount=9)], "op"))
    assert isinstance(error, RefusedError)
    assert "refers to a row that is not there" in error.message
    assert shop.sql("SELECT count(*) FROM customers") == [(0,)]


@pytest.mark.parametrize(
    ("case", "values", "words"),
    [
        ("65 bits", {"name": "a", "amount": 2**70}, "64 bits"),
        ("half a character", {"name": "a\ud800"}, "lone surrogate"),
        ("a column that is not there", {"name": "a", "nonsense": 1}, "'nonsense' is not there"),
    ],
)
def test_values_that_nobody_can_store_are_refused_before_they_are_sent(shop, case, values, words):
    assert words in error_of(shop.endpoint().create([creation("C-1", **values)], "op")).message


def test_a_row_that_names_the_partner_already_is_that_row(shop):
    shop.add("there", erp_ref="C-1")
    assert [row.key for row in rows(shop.endpoint().create([creation("C-1", name="again")], "op"))] == ["1"]
    assert shop.sql("SELECT name FROM customers") == [("there",)]


def test_a_batch_of_which_some_are_there_is_refused_for_the_caller_to_split(shop):
    shop.add("there", erp_ref="C-1")
    writes = [creation("C-1", name="again"), creation("C-2", name="new")]
    assert error_of(shop.endpoint().create(writes, "op")).code == "PartlyThere"
    for write in writes:
        rows(shop.endpoint().create([write], "op"))
    assert shop.sql("SELECT name FROM customers") == [("there",), ("new",)]


def test_partners_compare_exactly(shop):
    shop.add("there", erp_ref="c-1")
    assert [row.key for row in rows(shop.endpoint().create([creation("C-1", name="new")], "op"))] == ["2"]


def test_two_rows_that_name_one_partner_are_a_matter_for_a_person(shop):
    shop.add("one", erp_ref="C-1")
    shop.add("two", erp_ref="C-1")
    error = error_of(shop.endpoint().create([creation("C-1", name="again")], "op"))
    assert isinstance(error, UnknownOutcomeError)
    assert "'1' and '2' both name 'C-1'" in error.message
    with pytest.raises(UnknownOutcomeError):
        shop.endpoint().created([creation("C-1", name="again")], "op")


def test_created_with_a_column_for_the_name(shop):
    writes = [creation("C-1", name="a"), creation("C-2", name="b")]
    assert shop.endpoint().created(writes, "op") is None
    made = rows(shop.endpoint().create(writes, "op"))
    shop.sql("DELETE FROM customers WHERE id = 2")
    assert shop.endpoint().created(writes, "op") == [made[0], None]


def test_created_without_such_a_column_tells_rows_by_their_values(shop):
    endpoint = shop.endpoint(erpnext_name=None)
    writes = [creation(name="a", email=None, amount=1), creation(name="b", email=None, amount=2)]
    assert endpoint.created(writes, "op") is None
    made = rows(endpoint.create(writes, "op"))
    assert endpoint.created(writes, "op") == made
    shop.add("a", amount=1)
    with pytest.raises(UnknownOutcomeError, match="cannot be told"):
        endpoint.created(writes, "op")


def test_without_a_column_for_the_name_creation_has_no_key(shop):
    assert not shop.endpoint(erpnext_name=None).keyed_creation()
    assert shop.endpoint().keyed_creation()


# ids


def test_a_text_id_that_nobody_gives_is_refused(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY"))
    error = error_of(shop.endpoint().create([creation("C-1", name="a")], "op"))
    assert isinstance(error, RefusedError)
    assert "the id column 'id' has no default" in error.message


@pytest.mark.parametrize("options", ["", "WITHOUT ROWID"])
def test_a_mapped_text_id_is_the_key(open_shop, options):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY").rstrip() + options)
    endpoint = shop.endpoint(columns=("id", "name"))
    made = rows(endpoint.create([creation("C-2", id="b/2", name="b"), creation("C-1", id="a", name="a")], "op"))
    assert [row.key for row in made] == ["b%2F2", "a"]
    error = error_of(endpoint.create([creation("C-3", id="x" * 141, name="long")], "op"))
    assert "141 characters" in error.message
    assert shop.sql("SELECT count(*) FROM customers") == [(2,)]


def test_composite_ids(open_shop):
    shop = open_shop(
        "CREATE TABLE customers (country TEXT, no INTEGER, name TEXT, erp_ref, deleted_at, updated_at,"
        " PRIMARY KEY (country, no)) WITHOUT ROWID"
    )
    endpoint = shop.endpoint(columns=("country", "no", "name"), source_id=("country", "no"))
    made = rows(endpoint.create([creation(f"C-{at}", country="DE", no=9 - at, name="n") for at in range(3)], "op"))
    assert [row.key for row in made] == ["DE/9", "DE/8", "DE/7"]


def test_a_table_with_columns_called_like_the_row_number(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY, rowid TEXT, _rowid_ TEXT"))
    assert [row.key for row in rows(shop.endpoint().create([creation("C-1", name="a")], "op"))] == ["1"]


# stamps


@pytest.mark.parametrize(
    ("case", "declared", "newest", "form"),
    [
        ("an empty table of text", "TEXT", None, "%Y-%m-%d %H:%M:%S.%f"),
        ("whole seconds", "TEXT", "2026-05-01 10:00:00", "%Y-%m-%d %H:%M:%S"),
        ("T and Z", "TEXT", "2026-05-01T10:00:00.000Z", "%Y-%m-%dT%H:%M:%S.%fZ"),
        ("a broken one above", "TEXT", "yesterday", "%Y-%m-%d %H:%M:%S"),
    ],
)
def test_touch_sets_the_clock_in_the_columns_form(open_shop, case, declared, newest, form):
    shop = open_shop(TABLE.replace("updated_at TEXT", f"updated_at {declared}"))
    if newest:
        shop.add("older", stamp="2026-04-01 10:00:00")
        shop.add("there", stamp=newest)
    before = datetime.now(UTC).replace(microsecond=0)
    (row,) = rows(shop.endpoint().create([creation("C-1", name="a")], "op"))
    at = datetime.strptime(row.stamp, form).replace(tzinfo=UTC)
    assert before <= at <= datetime.now(UTC)
    assert len(row.stamp) == len(newest if newest not in (None, "yesterday") else "2026-05-01 10:00:00") + (
        4 if newest is None else 0
    )


@pytest.mark.parametrize(
    ("case", "declared", "newest", "per_second", "kind"),
    [
        ("an empty table of integers", "INTEGER", None, 1, int),
        ("milliseconds", "INTEGER", 1_780_000_000_000, 1000, int),
        ("an empty table of reals", "REAL", None, 1, float),
    ],
)
def test_touch_sets_numbers_where_the_column_holds_numbers(open_shop, case, declared, newest, per_second, kind):
    shop = open_shop(TABLE.replace("updated_at TEXT", f"updated_at {declared}"))
    if newest:
        shop.add("there", stamp=newest)
    (row,) = rows(shop.endpoint().create([creation("C-1", name="a")], "op"))
    assert type(row.stamp) is kind
    assert abs(row.stamp / per_second - datetime.now(UTC).timestamp()) < 5


def test_naive_stamps_are_written_in_the_mappings_zone(shop):
    (row,) = rows(shop.endpoint(timezone="Pacific/Kiritimati").create([creation("C-1", name="a")], "op"))
    ahead = datetime.fromisoformat(row.stamp) - datetime.now(UTC).replace(tzinfo=None)
    assert round(ahead.total_seconds() / 3600) == 14


@pytest.mark.parametrize(
    ("case", "schema", "spec", "stamp"),
    [
        ("touch = never", TABLE, {"touch": Touch.NEVER}, None),
        ("a default fills it", TABLE.replace("updated_at TEXT", "updated_at TEXT DEFAULT 'default'"), {}, "default"),
        (
            "a trigger fills it",
            TABLE + "; CREATE TRIGGER t AFTER INSERT ON customers BEGIN"
            " UPDATE customers SET updated_at = 'trigger' WHERE id = NEW.id; END;",
            {},
            "trigger",
        ),
    ],
)
def test_touch_leaves_the_column_to_the_database(open_shop, case, schema, spec, stamp):
    shop = open_shop(schema)
    (row,) = rows(shop.endpoint(**spec).create([creation("C-1", name="a")], "op"))
    assert row.stamp == stamp


def test_a_counter_is_not_overwritten_by_a_clock(open_shop):
    shop = open_shop(TABLE.replace("updated_at TEXT", "updated_at INTEGER"))
    shop.add("there", stamp=17)
    (row,) = rows(shop.endpoint().create([creation("C-1", name="a")], "op"))
    assert row.stamp is None


# values


def test_dates_and_decimals_are_stored_as_the_table_holds_them(open_shop):
    shop = open_shop(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, price NUMERIC(9,2), born DATE, seen DATETIME, active BOOLEAN,"
        " note TEXT, erp_ref TEXT, deleted_at TEXT, updated_at TEXT)"
    )
    shop.sql("INSERT INTO customers (seen) VALUES ('2026-01-01T00:00:00')")
    values = {
        "price": Decimal("12.50"),
        "born": date(1990, 5, 17),
        "seen": datetime.fromisoformat("2026-05-01T10:00:00"),
        "active": True,
        "note": Decimal("7.5"),
    }
    endpoint = shop.endpoint(columns=tuple(values))
    (row,) = rows(endpoint.create([creation("C-1", **values)], "op"))
    assert row.values == (12.5, "1990-05-17", "2026-05-01T10:00:00", 1, "7.5")


# the database as a whole


def test_a_locked_database_is_busy_and_nothing_is_done(shop):
    endpoint = shop.endpoint()
    endpoint.schema()
    shop.sql("BEGIN IMMEDIATE")
    error = error_of(endpoint.create([creation("C-1", name="a")], "op"))
    assert isinstance(error, BusyError)
    shop.sql("COMMIT")
    assert len(rows(endpoint.create([creation("C-1", name="a")], "op"))) == 1


def test_nobody_writes_between_the_look_for_the_partner_and_the_creation(shop, monkeypatch):
    looked = Creator._there

    def meanwhile(creator, transaction, writes):
        found = looked(creator, transaction, writes)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            shop.add("the same partner", erp_ref="C-1")
        return found

    shop.sql("PRAGMA busy_timeout = 1")
    monkeypatch.setattr(Creator, "_there", meanwhile)
    rows(shop.endpoint().create([creation("C-1", name="a")], "op"))
    assert shop.sql("SELECT name FROM customers") == [("a",)]


def test_the_journal_mode_and_the_schema_are_left_alone(shop):
    before = shop.sql("PRAGMA journal_mode"), shop.sql("SELECT * FROM sqlite_master")
    endpoint = shop.endpoint()
    rows(endpoint.create([creation("C-1", name="a")], "op"))
    list(endpoint.changes(None, overlap=0))
    assert (shop.sql("PRAGMA journal_mode"), shop.sql("SELECT * FROM sqlite_master")) == before
    assert [path.name for path in shop.path.parent.iterdir()] == ["shop.db"]


def test_a_large_batch_beyond_the_page_cache_waits_for_nobody(shop):
    writes = [creation(f"C-{at}", name="x" * 2000) for at in range(5000)]
    made = rows(shop.endpoint().create(writes, "op"))
    assert [row.partner for row in made] == [f"C-{at}" for at in range(5000)]
