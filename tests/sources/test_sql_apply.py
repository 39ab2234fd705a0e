import os

import pytest

from syncd.core.model import Action
from syncd.errors import BusyError, GoneError, RefusedError, StaleError, UnreachableError
from syncd.ports.endpoint import Done, Failed
from tests.sources.shop import TABLE, rows_of, spec, update


def read(shop, **changes):
    return rows_of(shop.endpoint(**changes).scan())


def outcome(results):
    return [type(getattr(result, "error", result)) for _, result in results]


@pytest.mark.parametrize(
    ("case", "column", "value"),
    [
        ("NULL became text", "email", "x@y"),
        ("a number became NULL", "amount", None),
        ("case alone", "name", "ANNA"),
        ("a blank at the end", "name", "Anna "),
    ],
)
def test_an_edit_of_a_mapped_column_under_the_same_stamp_is_seen(open_shop, case, column, value):
    shop = open_shop(TABLE.replace("name TEXT", "name TEXT COLLATE NOCASE"))
    shop.add("Anna", amount=5)
    (row,) = read(shop)
    shop.sql(f"UPDATE customers SET {column} = ?", value)
    assert outcome(shop.endpoint().apply([update(row, name="syncd")])) == [StaleError]


def test_an_edit_of_another_column_alone_is_not_in_the_way(open_shop):
    shop = open_shop(TABLE.replace("erp_ref TEXT", "erp_ref TEXT, visits INTEGER"))
    shop.add("Anna")
    (row,) = read(shop)
    shop.sql("UPDATE customers SET visits = 1")
    assert outcome(shop.endpoint().apply([update(row, name="syncd")])) == [Done]


@pytest.mark.parametrize(
    ("case", "value"),
    [
        ("NULL", None),
        ("empty text", ""),
        ("a float that is no decimal", 0.1),
        ("a large integer", 2**62),
        ("text in a number column", "abc"),
        ("bytes", b"\x00\x01"),
        ("text with a NUL", "a\x00b"),
    ],
)
def test_every_kind_of_value_is_found_unchanged(open_shop, case, value):
    shop = open_shop(TABLE.replace("amount INTEGER CHECK (amount < 1000000)", "amount REAL"))
    shop.add("Anna", amount=value)
    (row,) = read(shop)
    assert outcome(shop.endpoint().apply([update(row, name="syncd")])) == [Done]


@pytest.mark.parametrize("stamp", [None, "", "yesterday", 5, "2026-05-01T10:00:00.000+00:00"])
def test_every_kind_of_stamp_is_compared_as_read(shop, stamp):
    shop.add("Anna", stamp=stamp)
    (row,) = read(shop)
    assert row.stamp == (str(stamp) if stamp == 5 else stamp)
    assert outcome(shop.endpoint().apply([update(row, name="syncd")])) == [Done]


def test_without_an_image_the_stamp_decides(shop):
    shop.add("Anna")
    (row,) = read(shop)
    shop.sql("UPDATE customers SET amount = 1")
    write = update(row, name="syncd")._replace(expected=None)
    assert outcome(shop.endpoint().apply([write])) == [Done]
    assert outcome(shop.endpoint().apply([write])) == [StaleError]


def test_a_writer_between_read_and_write_wins(shop):
    for name in ("a", "b", "c"):
        shop.add(name)
    rows = read(shop)
    shop.sql("UPDATE customers SET email = 'person@x', updated_at = '2026-05-01 10:00:01' WHERE id = 2")
    results = shop.endpoint().apply([update(row, email=f"{row.key}@syncd") for row in rows])
    assert outcome(results) == [Done, StaleError, Done]
    assert shop.sql("SELECT email FROM customers ORDER BY id") == [("1@syncd",), ("person@x",), ("3@syncd",)]


def test_a_constraint_in_the_middle_stops_only_its_own_row(shop):
    for number in range(5):
        shop.add(f"n{number}", email=f"{number}@x")
    rows = read(shop)
    writes = [update(row, email=f"new{row.key}@x") for row in rows]
    writes[2] = update(rows[2], email="4@x")
    writes[3] = update(rows[3], amount=2**70)
    results = shop.endpoint().apply(writes)
    assert outcome(results) == [Done, Done, RefusedError, RefusedError, Done]
    assert "another row already has this value in customers.email" in results[2][1].error.message
    assert shop.sql("SELECT email FROM customers ORDER BY id") == [
        ("new1@x",),
        ("new2@x",),
        ("2@x",),
        ("3@x",),
        ("new5@x",),
    ]


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("ON CONFLICT ROLLBACK", "email TEXT UNIQUE ON CONFLICT ROLLBACK"),
        ("checked at COMMIT", "email TEXT REFERENCES mails (id) DEFERRABLE INITIALLY DEFERRED"),
    ],
)
def test_a_rule_that_undoes_the_whole_transaction_stops_only_its_own_row(open_shop, case, rule):
    shop = open_shop(
        "CREATE TABLE mails (id TEXT PRIMARY KEY); INSERT INTO mails VALUES ('0'), ('1'), ('free');"
        + TABLE.replace("email TEXT UNIQUE", rule)
    )
    shop.add("n0", email="0")
    shop.add("n1", email="1")
    shop.add("n2")
    rows = read(shop)
    bad = "1" if "ROLLBACK" in case else "nonsense"
    writes = [update(rows[0], name="new"), update(rows[2], email=bad), update(rows[1], name="new")]
    assert outcome(shop.endpoint().apply(writes)) == [Done, RefusedError, Done]
    assert shop.sql("SELECT name FROM customers ORDER BY id") == [("new",), ("new",), ("n2",)]


def test_a_trigger_that_touches_modified_is_left_to_do_so(open_shop):
    shop = open_shop(
        TABLE + "; CREATE TRIGGER touch AFTER UPDATE ON customers BEGIN"
        " UPDATE \"customers\" SET updated_at = 'by the trigger' WHERE id = NEW.id; END;"
    )
    shop.add("Anna")
    (row,) = read(shop)
    ((_, result),) = shop.endpoint().apply([update(row, name="syncd")])
    assert (result.row.stamp, result.row.values[0]) == ("by the trigger", "syncd")
    assert outcome(shop.endpoint().apply([update(result.row, name="again")])) == [Done]


def test_a_trigger_that_only_notes_the_stamp_does_not_stand_for_touching(open_shop):
    shop = open_shop(
        TABLE + "; CREATE TABLE log (stamp); CREATE TRIGGER noted AFTER UPDATE ON customers BEGIN"
        " INSERT INTO log VALUES (OLD.updated_at); END;"
    )
    shop.add("Anna")
    (row,) = read(shop)
    ((_, result),) = shop.endpoint().apply([update(row, name="syncd")])
    assert result.row.stamp > row.stamp


def test_a_trigger_that_normalises_is_seen_in_the_answer(open_shop):
    shop = open_shop(
        TABLE + "; CREATE TRIGGER normalise AFTER UPDATE OF name ON customers BEGIN"
        " UPDATE customers SET name = upper(NEW.name) WHERE id = NEW.id; END;"
    )
    shop.add("anna")
    (row,) = read(shop)
    ((_, result),) = shop.endpoint().apply([update(row, name="berta")])
    assert result.row.values[0] == "BERTA"
    assert result.row == read(shop)[0]


def test_touch_moves_the_stamp_in_the_columns_form_and_only_that(shop):
    shop.add("Anna", stamp="2026-05-01T10:00:00Z")
    (row,) = read(shop)
    ((_, result),) = shop.endpoint().apply([update(row, name="syncd")])
    assert result.row.stamp > row.stamp
    assert len(result.row.stamp) == len(row.stamp)
    assert result.row.stamp.endswith("Z")


def test_a_write_without_anything_to_set_is_only_a_look(shop):
    shop.add("Anna")
    (row,) = read(shop)
    assert outcome(shop.endpoint().apply([update(row)])) == [Done]
    assert read(shop) == [row]
    shop.sql("UPDATE customers SET amount = 1")
    assert outcome(shop.endpoint().apply([update(row)])) == [StaleError]


@pytest.mark.parametrize(
    ("case", "declared", "there", "kind"),
    [
        ("text", "TEXT", None, str),
        ("a yes", "BOOLEAN", None, int),
        ("seconds, where others have them", "INTEGER", 1_780_000_000, int),
    ],
)
def test_mark_sets_the_column_in_its_own_form(open_shop, case, declared, there, kind):
    shop = open_shop(TABLE.replace("deleted_at TEXT", f"deleted_at {declared}"))
    shop.add("Anna")
    shop.add("gone", deleted_at=there)
    row = read(shop)[0]
    ((_, result),) = shop.endpoint().apply([update(row, Action.MARK)])
    assert result.row.deleted
    (value,) = shop.sql("SELECT deleted_at FROM customers WHERE id = 1")[0]
    assert type(value) is kind
    assert (value > 1_780_000_000) if there else (value == 1 or value.startswith("20"))


def test_mark_without_a_column_is_refused(shop):
    shop.add("Anna")
    (row,) = read(shop)
    ((_, result),) = shop.endpoint(deleted=None).apply([update(row, Action.MARK)])
    assert isinstance(result.error, RefusedError)
    assert "set `deleted` under [source]" in result.error.hint


def test_delete_respects_what_refers_to_the_row(open_shop):
    shop = open_shop(TABLE + "; CREATE TABLE orders (customer INTEGER REFERENCES customers (id));")
    shop.add("Anna")
    shop.add("Berta")
    shop.sql("INSERT INTO orders VALUES (1)")
    results = shop.endpoint().apply([update(row, Action.DELETE) for row in read(shop)])
    assert outcome(results) == [RefusedError, Done]
    assert "other rows refer to it" in results[0][1].error.message
    assert [row.key for row in read(shop)] == ["1"]


def test_ids_are_not_changed(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY"))
    shop.add("Anna", id="a")
    (row,) = read(shop, columns=("id", "name"))
    endpoint = shop.endpoint(columns=("id", "name"))
    ((_, refused),) = endpoint.apply([update(row, id="b", name="new")])
    assert isinstance(refused.error, RefusedError)
    assert "the id column 'id' would change" in refused.error.message
    assert outcome(endpoint.apply([update(row, id="a", name="new")])) == [Done]


def test_an_id_that_several_rows_share_changes_none_of_them(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id INTEGER"))
    shop.add("Anna", id=1)
    (row,) = read(shop)
    shop.add("Anna", id=1)
    shop.add("Berta", id=2)
    ((_, result), (_, other)) = shop.endpoint().apply(
        [update(row, name="syncd"), update(shop.endpoint().fetch(["2"])[0], name="syncd")]
    )
    assert isinstance(result.error, RefusedError)
    assert "2 rows of shop customers have the id '1'" in result.error.message
    assert isinstance(other, Done)
    assert shop.sql("SELECT name FROM customers ORDER BY rowid") == [("Anna",), ("Anna",), ("syncd",)]


def test_a_key_that_is_no_id_is_gone(shop):
    shop.add("Anna")
    (row,) = read(shop)
    results = shop.endpoint().apply([update(row._replace(key=key), name="x") for key in ("2", "1/1", "%FF", "01")])
    assert outcome(results) == [GoneError] * 4
    assert read(shop) == [row]


def test_a_key_in_another_case_is_gone(open_shop):
    shop = open_shop(TABLE.replace("id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY COLLATE NOCASE"))
    shop.add("x", id="Anna")
    (row,) = read(shop)
    assert outcome(shop.endpoint().apply([update(row._replace(key="ANNA"), name="y")])) == [GoneError]
    assert read(shop) == [row]


def test_composite_ids_and_odd_columns(open_shop):
    shop = open_shop(
        'CREATE TABLE customers ("a b" TEXT, "select" INTEGER, "q""x" TEXT, erp_ref, deleted_at, updated_at TEXT,'
        ' PRIMARY KEY ("a b", "select")) WITHOUT ROWID'
    )
    for number in range(3):
        shop.sql("INSERT INTO customers VALUES ('D/E', ?, 'v', NULL, NULL, 's')", number)
    mapping = {"source_id": ("a b", "select"), "columns": ('q"x',)}
    rows = read(shop, **mapping)
    endpoint = shop.endpoint(**mapping)
    results = endpoint.apply([update(rows[0], **{'q"x': "new"}), update(rows[1], Action.DELETE)])
    assert outcome(results) == [Done, Done]
    assert shop.sql('SELECT "select", "q""x" FROM customers') == [(0, "new"), (2, "v")]


def test_rows_with_a_number_stored_as_text_in_a_column_without_a_type(open_shop):
    shop = open_shop("CREATE TABLE customers (id UNIQUE, name TEXT, erp_ref, deleted_at, updated_at)")
    shop.add("text", id="5")
    (row,) = read(shop, columns=("name",))
    assert outcome(shop.endpoint(columns=("name",)).apply([update(row, name="new")])) == [Done]
    assert shop.sql("SELECT typeof(id), name FROM customers") == [("text", "new")]


def test_a_locked_database_is_busy_and_nothing_is_done(shop):
    shop.add("Anna")
    rows = read(shop)
    endpoint = shop.endpoint()
    shop.sql("BEGIN IMMEDIATE")
    assert outcome(endpoint.apply([update(row, name="syncd") for row in rows])) == [BusyError]
    shop.sql("ROLLBACK")
    assert outcome(endpoint.apply([update(row, name="syncd") for row in rows])) == [Done]


def test_a_reader_that_keeps_commit_waiting_makes_it_busy(shop):
    shop.add("Anna")
    rows = read(shop)
    shop.sql("BEGIN")
    shop.sql("SELECT * FROM customers")
    assert outcome(shop.endpoint().apply([update(row, name="syncd") for row in rows])) == [BusyError]
    shop.sql("COMMIT")
    assert read(shop) == rows


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_source_that_is_read_only_is_unreachable_for_writing(shop, tmp_path):
    from syncd.adapters.sources.sql import open_source

    shop.add("Anna")
    source = open_source("sqlite:///shop.db?mode=ro", tmp_path, shop.clock)
    endpoint = source.endpoint(spec(), 10)
    (row,) = rows_of(endpoint.scan())
    with pytest.raises(UnreachableError, match="shop customers cannot be used: it is read-only"):
        endpoint.apply([update(row, name="syncd")])
    source.close()


def test_a_full_disk_is_unreachable_and_nothing_is_done(shop):
    shop.add("Anna")
    rows = read(shop)
    endpoint = shop.endpoint()
    with shop.source._dialect.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(UnreachableError, match="its disk is full"):
        endpoint.apply([update(row, name="x" * 100_000) for row in rows])
    assert read(shop) == rows


def test_a_failed_write_says_which_record(shop):
    shop.add("Anna")
    (row,) = read(shop)
    shop.sql("DELETE FROM customers")
    ((_, result),) = shop.endpoint().apply([update(row, name="x")])
    assert isinstance(result, Failed)
    assert result.error.message == "shop customers 1 is not there any more"
