from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from syncd.adapters.sources.sql_feed import encode_cursor
from syncd.errors import HaltError, UnreachableError
from tests.sources.shop import TABLE, keys_of, problems_of, rows_of

INDEX = TABLE + "; CREATE INDEX by_stamp ON customers (updated_at);"


def test_values_come_as_stored_whatever_the_column_says(open_shop):
    shop = open_shop(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(5), born DATE, amount DECIMAL(9,2), raw BLOB,"
        " erp_ref TEXT, deleted_at TEXT, updated_at DATETIME)"
    )
    shop.sql("INSERT INTO customers VALUES (1, 'longer than 5', '31.02.2026', 1.25, x'00ff', NULL, NULL, 'never')")
    shop.sql("INSERT INTO customers VALUES (2, '', '2026-05-01', 'abc', NULL, '', 0, '2026-05-01T10:00:00Z')")
    (one, two) = rows_of(shop.endpoint(columns=("name", "born", "amount", "raw")).scan())
    assert one.values == ("longer than 5", "31.02.2026", 1.25, b"\x00\xff")
    assert one.stamp == "never"
    assert two.values == ("", "2026-05-01", "abc", None)
    assert (two.partner, two.deleted) == (None, False)


def test_text_that_is_no_utf8_does_not_break_the_page(shop):
    shop.add("good")
    shop.sql("INSERT INTO customers (id, name) VALUES (2, CAST(x'ff41' AS TEXT))")
    shop.add("good too")
    assert [row.values[0] for row in rows_of(shop.endpoint().scan())] == ["good", b"\xffA", "good too"]


@pytest.mark.parametrize("schema", [TABLE, INDEX], ids=["no index", "index"])
def test_ten_thousand_rows_with_one_stamp_are_read_once_each_by_pages(open_shop, schema):
    shop = open_shop(schema)
    shop.fill(10_000)
    endpoint = shop.endpoint(page_size=500)
    pages = list(endpoint.changes(None, overlap=0))
    again = list(endpoint.changes(pages[-1].cursor, overlap=0))
    for read in (pages, again):
        assert max(len(page.rows) for page in read) == 500
        assert Counter(keys_of(read)) == Counter(str(number) for number in range(1, 10_001))
    assert endpoint.requests < 120


def test_rows_of_several_stamps_and_ties_come_oldest_first(open_shop):
    shop = open_shop(INDEX)
    for number in range(60):
        shop.add(f"n{number}", stamp=f"2026-05-01 10:00:{(number * 7) % 20:02}")
    rows = rows_of(shop.endpoint(page_size=4).changes(None, overlap=0))
    assert [row.stamp for row in rows] == sorted(row.stamp for row in rows)
    assert len({row.key for row in rows}) == len(rows) == 60


def test_rows_without_a_stamp_are_read_in_every_pass(open_shop):
    shop = open_shop(INDEX)
    shop.add("stamped", stamp="2026-05-01 10:00:00")
    shop.add("old", stamp="2026-04-01 10:00:00")
    for number in range(15):
        shop.add(f"n{number}", stamp=None)
    cursor = list(shop.endpoint().changes(None, overlap=0))[-1].cursor
    found = keys_of(shop.endpoint().changes(cursor, overlap=0))
    assert Counter(found) == Counter(["1", *(str(number) for number in range(3, 18))])


def test_blank_and_t_in_one_column_hide_nothing(open_shop):
    shop = open_shop(INDEX)
    shop.add("iso", stamp="2026-05-01T08:00:00.000")
    cursor = list(shop.endpoint().changes(None, overlap=0))[-1].cursor
    shop.add("by the default of the database", stamp="2026-05-01 09:00:00")
    shop.add("before", stamp="2026-05-01 07:00:00")
    shop.add("iso before", stamp="2026-05-01T07:00:00.000")
    assert keys_of(shop.endpoint().changes(cursor, overlap=0)) == ["2", "1"]


def test_a_stamp_of_the_future_does_not_hide_later_edits(open_shop):
    shop = open_shop(INDEX)
    shop.clock.moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    shop.add("clock was wrong", stamp="2099-01-01 00:00:00")
    cursor = list(shop.endpoint().changes(None, overlap=60))[-1].cursor
    shop.add("edited now", stamp="2026-05-01 12:00:30")
    assert "2" in keys_of(shop.endpoint().changes(cursor, overlap=60))
    shop.clock.moment += timedelta(days=3)
    assert "2" in keys_of(shop.endpoint().changes(cursor, overlap=60)), "however late the next poll comes"
    cursor = list(shop.endpoint().changes(cursor, overlap=60))[-1].cursor
    shop.add("edited later", stamp="2026-05-04 12:00:01")
    assert keys_of(shop.endpoint().changes(cursor, overlap=60)) == ["3", "1"], "and what was read is not read again"


def test_a_broken_stamp_does_not_become_the_cursor(open_shop):
    shop = open_shop(INDEX)
    shop.add("good", stamp="2026-05-01 10:00:00")
    shop.add("broken", stamp="yesterday")
    pages = list(shop.endpoint().changes(None, overlap=0))
    assert keys_of(pages) == ["1", "2"]
    assert pages[-1].cursor == encode_cursor("2026-05-01 10:00:00")
    shop.add("later", stamp="2026-05-01 11:00:00")
    assert set(keys_of(shop.endpoint().changes(pages[-1].cursor, overlap=0))) == {"1", "2", "3"}


def test_a_counter_as_modified_is_read_whole(open_shop):
    shop = open_shop(INDEX.replace("updated_at TEXT", "updated_at INTEGER"))
    shop.add("a", stamp=1)
    cursor = list(shop.endpoint().changes(None, overlap=0))[-1].cursor
    shop.add("b", stamp=2)
    assert keys_of(shop.endpoint().changes(cursor, overlap=0)) == ["1", "2"]


@pytest.mark.parametrize("cursor", ["", "no json", '{"other": 1}', "[1]", "null"])
def test_a_cursor_of_something_else_reads_everything(shop, cursor):
    shop.add("a")
    assert keys_of(shop.endpoint().changes(cursor, overlap=0)) == ["1"]


def test_fifty_edits_while_a_page_is_served_lose_none(open_shop):
    shop = open_shop(INDEX)
    for number in range(1000):
        shop.add(f"n{number}", stamp=f"2026-05-01 10:{number // 60:02}:{number % 60:02}")
    seen = {}
    for number, page in enumerate(shop.endpoint(page_size=100).changes(None, overlap=0)):
        seen.update({row.key: row.values for row in page.rows})
        if number == 3:
            shop.sql("UPDATE customers SET amount = 1, updated_at = '2026-05-02 00:00:00' WHERE id BETWEEN 380 AND 429")
    assert len(seen) == 1000
    assert sum(values[2] == 1 for values in seen.values()) == 50


def test_no_transaction_stays_open_between_pages(shop):
    for number in range(25):
        shop.add(f"n{number}")
    feed = shop.endpoint().scan()
    next(feed)
    next(feed)
    shop.sql("BEGIN EXCLUSIVE")
    shop.sql("UPDATE customers SET amount = 1")
    shop.sql("COMMIT")
    assert sum(row.values[2] == 1 for row in rows_of(feed)) >= 5


@pytest.mark.parametrize(
    ("case", "filters", "names"),
    [
        ("equality", {"amount": 1}, ["one"]),
        ("text", {"email": "x@y"}, ["two"]),
        ("a list is one of", {"amount": [1, 2]}, ["one", "two"]),
        ("true is 1", {"amount": True}, ["one"]),
        ("NULL", {"amount": None}, ["none"]),
        ("NULL in a list", {"amount": [None, 2]}, ["two", "none"]),
        ("all of several", {"amount": 2, "email": "x@y"}, ["two"]),
        ("an empty list fits nothing", {"amount": []}, []),
    ],
)
def test_filters_hold_in_every_feed(case, filters, names, open_shop):
    shop = open_shop(INDEX)
    shop.add("one", amount=1)
    shop.add("two", amount=2, email="x@y")
    shop.add("none")
    endpoint = shop.endpoint(source_filters=filters)
    assert [row.values[0] for row in rows_of(endpoint.scan())] == names
    assert sorted(row.values[0] for row in rows_of(endpoint.changes(None, overlap=0))) == sorted(names)
    assert len(endpoint.fetch(["1", "2", "3"])) == 3


def test_soft_deleted_rows_are_read_as_deleted(shop):
    for number, value in enumerate([None, "", 0, "2026-05-01 10:00:00", 1]):
        shop.add(f"n{number}", deleted_at=value)
    assert [row.deleted for row in rows_of(shop.endpoint().scan())] == [False, False, False, True, True]


def test_find_compares_exactly_and_fetch_gives_the_order_asked_for(shop):
    shop.add("a", erp_ref="CUST-1")
    shop.add("b", erp_ref="cust-1")
    assert [row.key for row in shop.endpoint().find(["CUST-1"])] == ["1"]
    assert [row.key for row in shop.endpoint().fetch(["2", "x", "02", "1", "2"])] == ["2", "1"]
    assert shop.endpoint(erpnext_name=None).find(["CUST-1"]) == []


def test_many_keys_at_once(shop):
    shop.fill(12_000)
    assert len(shop.endpoint().fetch([str(at) for at in range(1, 12_001)])) == 12_000


ODD = [
    "spaced out",
    'quote " inside',
    "apo'strophe",
    "select",
    "ünïcode",
    "semi;colon",
    "%s",
    ":name",
    "a.b",
    "[x]",
    "p0",
]


def test_odd_identifiers_are_quoted(open_shop):
    def quoted(name):
        return '"' + name.replace('"', '""') + '"'

    table = 'order "by" group'
    columns = ", ".join(f"{quoted(name)} TEXT" for name in ODD)
    shop = open_shop(f"CREATE TABLE {quoted(table)} ({columns}, {quoted('from')} INTEGER PRIMARY KEY)")
    marks = ", ".join("?" * len(ODD))
    shop.sql(f"INSERT INTO {quoted(table)} VALUES ({marks}, 7)", *ODD)
    endpoint = shop.endpoint(
        entity=table, columns=ODD, source_id=("from",), modified="select", erpnext_name=None, deleted=None
    )
    (row,) = rows_of(endpoint.changes(None, overlap=0))
    assert (row.key, row.values) == ("7", tuple(ODD))
    assert endpoint.fetch(["7"]) == [row]


COMPOSITE = (
    "CREATE TABLE customers (country TEXT, no INTEGER, name TEXT, erp_ref TEXT, deleted_at, updated_at TEXT, {})"
)


def test_composite_ids_page_in_order(open_shop):
    shop = open_shop(COMPOSITE.format("PRIMARY KEY (country, no)"))
    ids = [(country, number) for country in ("D/E", "50%", "fr") for number in range(9)]
    for country, number in ids:
        shop.add("x", country=country, no=number)
    endpoint = shop.endpoint(page_size=4, source_id=("country", "no"), columns=("name",))
    expected = {f"{country.replace('%', '%25').replace('/', '%2F')}/{number}" for country, number in ids}
    assert Counter(keys_of(endpoint.scan())) == Counter(expected)
    assert Counter(keys_of(endpoint.changes(None, overlap=0))) == Counter(expected)
    assert [row.key for row in endpoint.fetch(["D%2FE/3", "fr/8", "fr/99", "fr"])] == ["D%2FE/3", "fr/8"]


TEXT_ID = "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, erp_ref TEXT, deleted_at TEXT, updated_at TEXT); "
FEEDS = {
    "scan": lambda endpoint: endpoint.scan(),
    "first changes": lambda endpoint: endpoint.changes(None, overlap=0),
    "later changes": lambda endpoint: endpoint.changes(encode_cursor("2026-05-01 10:00:00"), overlap=0),
}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
@pytest.mark.parametrize("index", ["", "CREATE INDEX i ON customers (updated_at)"], ids=["no index", "index"])
def test_ids_that_cannot_stand_for_their_rows_are_told_not_skipped(open_shop, feed, index):
    shop = open_shop(TEXT_ID + index)
    for name in ("good", "Anna", "ANNA", "ärger", "ÄRGER", "", "x" * 141, None, None, " pad ", "pad"):
        shop.add("n", id=name)
    pages = list(feed(shop.endpoint(page_size=3, columns=("name",))))
    assert sorted(keys_of(pages)) == ["%20pad%20", "good", "pad"]
    problems = problems_of(pages)
    assert set(problems) == {"Anna", "ANNA", "ärger", "ÄRGER", "", "x" * 141, "NULL"}
    assert "only by case" in problems["ÄRGER"]
    assert "'ANNA'" in problems["Anna"]
    assert "2 row(s) have NULL" in problems["NULL"]
    assert "empty" in problems[""]
    assert "141 characters" in problems["x" * 141]


def test_an_id_that_several_rows_share_is_told(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id INTEGER NOT NULL"))
    for number in (1, 2, 2, 3):
        shop.add("n", id=number)
    pages = list(shop.endpoint().scan())
    assert keys_of(pages) == ["1", "3"]
    assert "2 rows have this id" in problems_of(pages)["2"]


def test_collisions_outside_the_filter_do_not_matter(open_shop):
    shop = open_shop(TEXT_ID)
    shop.add("in", id="Anna")
    shop.add("out", id="ANNA")
    pages = list(shop.endpoint(columns=("name",), source_filters={"name": "in"}).scan())
    assert (keys_of(pages), problems_of(pages)) == (["Anna"], {})


def test_plain_numbers_cost_no_look_for_collisions(shop):
    shop.add("a")
    endpoint = shop.endpoint()
    list(endpoint.scan())
    assert endpoint.requests <= 2


def test_schema_tells_what_the_table_is(open_shop):
    shop = open_shop(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, email TEXT UNIQUE,"
        " kind TEXT NOT NULL DEFAULT 'x', rate NUMERIC(9,2), double AS (rate * 2), updated_at DATETIME);"
        "CREATE INDEX by_stamp ON customers (updated_at)"
    )
    schema = shop.endpoint(timezone="Europe/Berlin").schema()
    fields = schema.fields
    assert list(fields) == ["id", "name", "email", "kind", "rate", "double", "updated_at"]
    assert schema.key == ("id",)
    assert [name for name, field in fields.items() if field.required] == ["name"]
    assert [name for name, field in fields.items() if field.unique] == ["id", "email"]
    assert [name for name, field in fields.items() if not field.writable] == ["double"]
    assert {name for name, field in fields.items() if field.indexed} == {"id", "email", "updated_at"}
    assert (fields["name"].type.length, fields["rate"].type.scale) == (40, 2)
    assert fields["updated_at"].type.zone.key == "Europe/Berlin"


def test_views_can_be_read(open_shop):
    shop = open_shop(TABLE + "; CREATE VIEW active AS SELECT * FROM customers WHERE deleted_at IS NULL;")
    shop.add("a")
    shop.add("b", deleted_at="x")
    assert keys_of(shop.endpoint(entity="active").scan()) == ["1"]
    assert shop.source.entities() == ["customers", "active"]


def test_columns_that_are_gone_are_named_with_file_and_key(shop):
    endpoint = shop.endpoint(columns=("name", "e_mail"), modified="update_at", source_filters={"activ": True})
    with pytest.raises(HaltError) as halt:
        list(endpoint.changes(None, overlap=0))
    assert halt.value.guard == "schema"
    for words in (
        "mappings/customer.toml",
        "fields.erp_e_mail",
        "'e_mail'",
        "'email'",
        "source.modified",
        "updated_at",
    ):
        assert words in str(halt.value)
    assert "name" in endpoint.schema().fields


def test_a_table_that_is_not_there_is_named_with_the_nearest(shop):
    with pytest.raises(HaltError, match=r"no table 'customer'") as halt:
        shop.endpoint(entity="customer").schema()
    assert "did you mean 'customers'?" in str(halt.value)


def test_a_column_dropped_during_the_run_halts(shop):
    endpoint = shop.endpoint()
    shop.add("a")
    list(endpoint.scan())
    shop.sql("ALTER TABLE customers DROP COLUMN amount")
    with pytest.raises(HaltError, match="amount") as halt:
        list(endpoint.scan())
    assert halt.value.guard == "schema"


def test_a_lock_that_stays_makes_reading_fail_by_name(shop):
    shop.add("a")
    endpoint = shop.endpoint()
    endpoint.schema()
    shop.sql("BEGIN EXCLUSIVE")
    with pytest.raises(UnreachableError, match="shop customers is locked by another program"):
        list(endpoint.scan())
    shop.sql("ROLLBACK")
    assert keys_of(endpoint.scan()) == ["1"]


def test_a_damaged_file_is_told(open_shop):
    shop = open_shop()
    endpoint = shop.endpoint()
    shop.connection.close()
    shop.path.write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(UnreachableError, match="no SQLite database"):
        list(endpoint.scan())
