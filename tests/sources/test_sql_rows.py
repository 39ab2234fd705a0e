"""Child tables of a SQL source on SQLite: what the contract does not say for every endpoint."""

import json
from dataclasses import replace

import pytest

from syncd.core.mapping import FieldSpec, LifecycleSpec, TableSpec, Touch
from syncd.core.model import Action, Rows, TableRow, Unreadable
from syncd.core.values import Kind
from syncd.errors import GoneError, HaltError, RefusedError, StaleError, UnknownOutcomeError
from syncd.ports.endpoint import Done
from tests.sources.shop import creation, rows_of, update

ORDERS = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, title TEXT NOT NULL, erp_ref TEXT, updated_at TEXT, held TEXT);
"""
LINES = """
    CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER, item TEXT, qty INTEGER, extra TEXT);
"""
FIELDS = (FieldSpec(erpnext="item_code", source="item"), FieldSpec(erpnext="qty", source="qty"))
SLOT = "lines[]"


def related(*, key=("line_no",), fields=FIELDS, entity="lines", parent=("order_id",)):
    return TableSpec(erpnext="items", entity=entity, parent=parent, fields=fields, key=key)


def nested(*, key=(), fields=FIELDS):
    return TableSpec(erpnext="items", source="held", fields=fields, key=key)


@pytest.fixture
def make(open_shop):
    def build(*schema, tables, **changes):
        shop = open_shop(ORDERS + "".join(schema))
        given = {"entity": "orders", "columns": ("title",), "deleted": None, "tables": tables, **changes}
        shop.given = given
        shop.orders = shop.endpoint(**given)
        return shop

    return build


def endpoint(shop, **changes):
    """Another mapping of the same orders."""
    return shop.endpoint(**{**shop.given, **changes})


def order(shop, lines=(), title="t", **values):
    given = {"title": title, "updated_at": "2026-05-01 10:00:00", **values}
    marks = ", ".join("?" * len(given))
    ((key,),) = shop.sql(f"INSERT INTO orders ({', '.join(given)}) VALUES ({marks}) RETURNING id", *given.values())
    for line in lines:
        add_line(shop, key, **line)
    return key


def add_line(shop, key, table="lines", **values):
    given = {"order_id": key, **values}
    shop.sql(f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join('?' * len(given))})", *given.values())


def read(shop, key):
    (row,) = shop.orders.fetch([str(key)])
    return row


def table(shop, key):
    return read(shop, key).values[-1]


def write(shop, key, *rows, **values):
    row = read(shop, key)
    held = {"values": {**values, shop.orders._spec.tables[0].slot: Rows(tuple(rows))}}
    ((_, result),) = shop.orders.apply([update(row)._replace(**held)])
    return result.row if isinstance(result, Done) else result.error


def new(*values):
    return TableRow(None, values)


BOLT = {"line_no": 1, "item": "bolt", "qty": 10, "extra": "a"}
NUT = {"line_no": 2, "item": "nut", "qty": 20, "extra": "b"}


# reading


def test_a_page_of_orders_costs_one_statement_a_table(make):
    notes = TableSpec(
        erpnext="notes", entity="notes", parent=("order_id",), fields=(FieldSpec(erpnext="t", source="text"),)
    )
    schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY, order_id INTEGER, text TEXT);"
    shop = make(LINES, schema, tables=(related(), notes))
    shop.sql("BEGIN")
    for number in range(40):
        key = order(shop, [BOLT, NUT])
        add_line(shop, key, "notes", text=f"n{number}")
    shop.sql("COMMIT")
    plain = endpoint(shop, tables=())

    def asked(endpoint):
        before = endpoint.requests
        assert len(rows_of(endpoint.scan())) == 40
        return endpoint.requests - before

    assert asked(shop.orders) - asked(plain) == 2 * 4, "four pages of ten, two tables"


def test_a_line_that_is_edited_alone_is_met_by_a_full_pass_only(make):
    """The stamp is the record's: an edit of a row that does not move it shows in full passes."""
    shop = make(LINES, tables=(related(),))
    key = order(shop, [BOLT], updated_at="2026-05-01 10:00:00")
    order(shop, updated_at="2026-05-01 10:00:09")
    cursor = list(shop.orders.changes(None, overlap=0))[-1].cursor
    shop.sql("UPDATE lines SET qty = 11")
    assert str(key) not in {row.key for row in rows_of(shop.orders.changes(cursor, overlap=0))}
    full = {row.key: row.values[-1].rows[0].values for row in rows_of(shop.orders.scan()) if row.values[-1].rows}
    assert full == {str(key): ("bolt", 11, 1)}


@pytest.mark.parametrize(
    ("case", "keys", "order_of_items"),
    [
        ("numbers by their size", (10, 9, 2), ["c", "b", "a"]),
        ("texts that are numbers by their size", ("10", "9", "2"), ["c", "b", "a"]),
        ("texts as they are", ("b", "a", "C"), ["c", "b", "a"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_stand_in_the_order_of_their_keys(make, case, keys, order_of_items):
    shop = make(LINES.replace("line_no INTEGER", "line_no"), tables=(related(),))
    key = order(shop, [{"line_no": line_no, "item": item} for line_no, item in zip(keys, "abc", strict=True)])
    assert [row.values[0] for row in table(shop, key).rows] == order_of_items


def test_a_key_of_several_columns_is_one_name(make):
    shop = make(LINES, tables=(related(key=("item", "line_no")),))
    key = order(shop, [{"line_no": 1, "item": "a/b"}, {"line_no": 2, "item": "a/b"}])
    assert [row.name for row in table(shop, key).rows] == ["a%2Fb/1", "a%2Fb/2"]


@pytest.mark.parametrize(
    ("case", "second", "reason"),
    [
        ("two rows share a key", {"line_no": 1}, "2 rows have the key '1'"),
        ("a row has no key", {"line_no": None}, "a row has no key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_cannot_be_told_apart_are_no_rows(make, case, second, reason):
    shop = make(LINES, tables=(related(),))
    key = order(shop, [BOLT, {**NUT, **second}])
    held = table(shop, key)
    assert isinstance(held, Unreadable)
    assert "shop lines" in held.reason
    assert reason in held.reason
    other = order(shop, [NUT])
    assert isinstance(table(shop, other), Rows), "other records are read"
    error = write(shop, key, new("pin", 1, None))
    assert isinstance(error, RefusedError)
    assert reason in error.message


def test_the_columns_that_lead_to_the_record_may_be_of_another_type(make):
    shop = make(LINES.replace("order_id INTEGER", "order_id TEXT"), tables=(related(),))
    key = order(shop, [BOLT])
    assert len(table(shop, key).rows) == 1
    done = write(shop, key, *table(shop, key).rows, new("pin", 1, None))
    assert len(done.values[-1].rows) == 2


def test_composite_ids_lead_to_their_rows(make):
    schema = """
        CREATE TABLE bills (country TEXT, no INTEGER, title TEXT, updated_at TEXT, erp_ref TEXT,
            PRIMARY KEY (country, no)) WITHOUT ROWID;
        CREATE TABLE bill_lines (land TEXT, bill INTEGER, pos INTEGER, item TEXT, PRIMARY KEY (land, bill, pos))
            WITHOUT ROWID;
        INSERT INTO bills VALUES ('de', 1, 'a', '2026-05-01 10:00:00', NULL), ('fr', 1, 'b', NULL, NULL);
        INSERT INTO bill_lines VALUES ('de', 1, 1, 'x'), ('de', 1, 2, 'y'), ('fr', 1, 1, 'z');
    """
    fields = (FieldSpec(erpnext="item_code", source="item"),)
    spec = related(entity="bill_lines", parent=("land", "bill"), key=("pos",), fields=fields)
    shop = make(schema, tables=(spec,), entity="bills", source_id=("country", "no"))
    held = {row.key: [line.values for line in row.values[-1].rows] for row in rows_of(shop.orders.scan())}
    assert held == {"de/1": [("x", 1), ("y", 2)], "fr/1": [("z", 1)]}
    done = write(shop, "de/1", *table(shop, "de/1").rows[1:], new("w", None))
    assert [row.values for row in done.values[-1].rows] == [("y", 2), ("w", 3)]
    assert shop.sql("SELECT item FROM bill_lines WHERE land = 'fr'") == [("z",)]


# writing rows of a related table


def test_only_what_changed_in_a_row_is_written(make):
    log = """
        CREATE TABLE log (what TEXT);
        CREATE TRIGGER i AFTER UPDATE OF item ON lines BEGIN INSERT INTO log VALUES ('item'); END;
        CREATE TRIGGER q AFTER UPDATE OF qty ON lines BEGIN INSERT INTO log VALUES ('qty of ' || new.item); END;
    """
    shop = make(LINES, log, tables=(related(),))
    key = order(shop, [BOLT, NUT])
    first, second = table(shop, key).rows
    write(shop, key, first, TableRow(second.name, ("nut", 25, 2)))
    assert shop.sql("SELECT what FROM log") == [("qty of nut",)]
    assert shop.sql("SELECT qty, extra FROM lines") == [(10, "a"), (25, "b")]


def test_a_key_that_is_mapped_moves_with_its_value(make):
    fields = (*FIELDS, FieldSpec(erpnext="idx_x", source="line_no"))
    shop = make(LINES, tables=(related(fields=fields),))
    key = order(shop, [BOLT, NUT])
    first, second = table(shop, key).rows
    done = write(shop, key, first, TableRow(second.name, ("nut", 20, 7)), new("pin", 1, 4))
    assert [(row.name, row.values[0]) for row in done.values[-1].rows] == [("1", "bolt"), ("4", "pin"), ("7", "nut")]


@pytest.mark.parametrize(
    ("case", "line_no", "expected"),
    [
        ("the largest of the order plus one", "INTEGER", [1, 2, 3]),
        ("a number column", "NUMERIC", [1, 2, 3]),
        ("the database's own number, over all orders", "INTEGER PRIMARY KEY", [1, 2, 51]),
        ("the largest of all where no two rows may share one", "INT UNIQUE", [1, 2, 51]),
        ("what the column fills in", "INTEGER DEFAULT 99", [1, 2, 99]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_new_rows_get_keys(make, case, line_no, expected):
    schema = f"CREATE TABLE lines (line_no {line_no}, order_id INTEGER, item TEXT, qty INTEGER, extra TEXT);"
    shop = make(schema, tables=(related(),))
    key = order(shop, [BOLT, NUT])
    order(shop, [{**BOLT, "line_no": 50}])
    done = write(shop, key, *table(shop, key).rows, new("pin", 1, None))
    assert [row.values[2] for row in done.values[-1].rows] == expected


def test_numbers_of_removed_rows_are_not_given_again_at_once(make):
    shop = make(LINES, tables=(related(),))
    key = order(shop, [BOLT, NUT])
    first, _ = table(shop, key).rows
    done = write(shop, key, first, new("pin", 1, None), new("cap", 2, None))
    assert [row.name for row in done.values[-1].rows] == ["1", "3", "4"]


@pytest.mark.parametrize(
    ("case", "schema", "message"),
    [
        (
            "a key of text",
            "CREATE TABLE lines (line_no TEXT, order_id INTEGER, item TEXT, qty INTEGER)",
            "nobody gives a new row its key: 'line_no' holds text",
        ),
        (
            "a primary key of text",
            "CREATE TABLE lines (code TEXT PRIMARY KEY, line_no INTEGER, order_id INTEGER, item TEXT, qty INTEGER)",
            "nobody gives a new row its id: the column 'code'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_that_nobody_gives_is_refused(make, case, schema, message):
    shop = make(schema, tables=(related(),))
    key = order(shop)
    error = write(shop, key, new("pin", 1, None), title="u")
    assert isinstance(error, RefusedError)
    assert message in error.message
    assert "under [tables.items.fields]" in error.hint
    assert (read(shop, key).values[0], shop.sql("SELECT * FROM lines")) == ("t", [])


def test_a_default_holds_where_a_row_has_no_value(make):
    schema = LINES.replace("qty INTEGER", "qty INTEGER NOT NULL DEFAULT 1")
    shop = make(schema, tables=(related(),))
    key = order(shop)
    assert write(shop, key, new("pin", None, None)).values[-1].rows[0].values == ("pin", 1, 1)


def test_a_row_that_the_table_refuses_leaves_nothing_of_the_write(make):
    shop = make(LINES.replace("qty INTEGER", "qty INTEGER CHECK (qty < 100)"), tables=(related(),))
    key, other = order(shop, [BOLT, NUT]), order(shop, [BOLT])
    first, _ = table(shop, key).rows
    row, bystander = read(shop, key), read(shop, other)
    bad = update(row, title="u")._replace(values={"title": "u", SLOT: Rows((first, new("pin", 100, None)))})
    good = update(bystander)._replace(values={"title": "v"})
    (_, refused), (_, done) = shop.orders.apply([bad, good])
    assert isinstance(refused.error, RefusedError)
    assert f"shop lines of shop orders {key}" in refused.error.message
    assert read(shop, key) == row
    assert isinstance(done, Done)
    assert read(shop, other).values[0] == "v"


def test_rows_that_others_refer_to_are_not_deleted(make):
    parcels = "CREATE TABLE parcels (line INTEGER REFERENCES lines (id));"
    shop = make(LINES, parcels, tables=(related(),))
    key = order(shop, [BOLT])
    shop.sql("INSERT INTO parcels SELECT id FROM lines")
    error = write(shop, key)
    assert isinstance(error, RefusedError)
    assert "other rows refer to it" in error.message
    assert len(table(shop, key).rows) == 1


def test_a_record_whose_rows_hang_on_it_is_deleted_with_them(make):
    shop = make(LINES.replace("order_id INTEGER", "order_id INTEGER REFERENCES orders (id)"), tables=(related(),))
    key, other = order(shop, [BOLT]), order(shop, [NUT])
    ((_, result),) = shop.orders.apply([update(read(shop, key), Action.DELETE)])
    assert isinstance(result, Done)
    assert shop.sql("SELECT order_id FROM lines") == [(other,)]


def test_a_record_that_is_gone_is_gone_whatever_its_rows(make):
    shop = make(LINES, tables=(related(),))
    row = read(shop, order(shop, [BOLT]))
    shop.sql("DELETE FROM orders")
    ((_, result),) = shop.orders.apply([update(row, title="u")])
    assert isinstance(result.error, GoneError)


@pytest.mark.parametrize(("touch", "moves"), [(Touch.AUTO, True), (Touch.NEVER, False)])
def test_the_modified_column_moves_with_rows_alone_unless_it_is_not_ours(make, touch, moves):
    shop = make(LINES, tables=(related(),), touch=touch)
    key = order(shop, [BOLT])
    before = read(shop, key)
    done = write(shop, key, *before.values[-1].rows, new("pin", 1, None))
    assert (done.stamp != before.stamp) is moves
    same = write(shop, key, *done.values[-1].rows)
    assert same.stamp == done.stamp, "nothing changed, nothing moves"


def test_places_keep_their_other_columns_where_rows_have_no_key(make):
    shop = make(LINES, tables=(related(key=()),))
    key = order(shop, [BOLT, NUT])
    first, second = table(shop, key).rows
    done = write(shop, key, second, first, new("pin", 1))
    assert [row.values for row in done.values[-1].rows] == [("nut", 20), ("bolt", 10), ("pin", 1)]
    assert shop.sql("SELECT item, extra FROM lines ORDER BY id") == [("nut", "a"), ("bolt", "b"), ("pin", None)]


def test_a_row_that_is_removed_takes_its_other_columns_along(make):
    shop = make(LINES, tables=(related(key=()),))
    key = order(shop, [BOLT, NUT])
    write(shop, key, table(shop, key).rows[1])
    assert shop.sql("SELECT item, extra FROM lines") == [("nut", "b")]


# creating


def test_what_triggers_on_the_rows_make_of_their_record_is_what_is_answered(make):
    total = """
        CREATE TRIGGER total AFTER INSERT ON lines BEGIN
            UPDATE orders SET title = title || '+' || new.qty WHERE id = new.order_id; END;
    """
    shop = make(LINES, total, tables=(related(),))
    rows = Rows((new("bolt", 1, None), new("nut", 2, None)))
    (result,) = shop.orders.create([creation("SO-1", **{"title": "t", SLOT: rows})], "op")
    assert result.row.values[0] == "t+1+2"
    assert shop.orders.fetch([result.row.key]) == [result.row]


def test_a_row_that_is_refused_refuses_the_whole_batch(make):
    shop = make(LINES.replace("qty INTEGER", "qty INTEGER CHECK (qty < 100)"), tables=(related(),))
    good, bad = (Rows((new("bolt", qty, None),)) for qty in (1, 100))
    results = shop.orders.create(
        [creation("SO-1", **{"title": "a", SLOT: good}), creation("SO-2", **{"title": "b", SLOT: bad})], "op"
    )
    assert [type(result.error) for result in results] == [RefusedError] * 2
    assert "shop lines of" in results[0].error.message
    assert shop.sql("SELECT count(*) FROM orders") == shop.sql("SELECT count(*) FROM lines") == [(0,)]


def test_creations_that_nobody_keyed_are_told_by_the_number_of_their_rows(make):
    shop = make(LINES, tables=(related(),), erpnext_name=None)
    one = creation(**{"title": "t", SLOT: Rows((new("bolt", 1, None),))})
    two = creation(**{"title": "t", SLOT: Rows((new("bolt", 1, None), new("nut", 2, None)))})
    assert shop.orders.created([two], "op") is None
    made = shop.orders.create([one], "op")[0].row
    assert shop.orders.created([two], "op") is None
    assert shop.orders.created([one], "op") == [made]
    shop.orders.create([one], "op-2")
    with pytest.raises(UnknownOutcomeError):
        shop.orders.created([one], "op-2")


def test_new_records_with_ids_of_the_mapping_get_their_rows(make):
    schema = "CREATE TABLE bills (id TEXT PRIMARY KEY, title TEXT, updated_at TEXT, erp_ref TEXT) WITHOUT ROWID;"
    shop = make(schema, LINES.replace("order_id INTEGER", "order_id TEXT"), tables=(related(),), entity="bills",
                columns=("id", "title"))  # fmt: skip
    rows = Rows((new("bolt", 1, None),))
    (result,) = shop.orders.create([creation("SO-1", **{"id": "A", "title": "t", SLOT: rows})], "op")
    assert shop.sql("SELECT order_id, line_no FROM lines") == [("A", 1)]
    assert result.row.values[-1].rows[0].values == ("bolt", 1, 1)


# nested lists


def held(shop, key):
    return json.loads(shop.sql("SELECT held FROM orders WHERE id = ?", key)[0][0])


@pytest.mark.parametrize("text", [None, "", "[]", "null"])
def test_nothing_in_the_column_is_no_rows(make, text):
    shop = make(tables=(nested(),))
    assert table(shop, order(shop, held=text)) == Rows()


def test_a_list_is_written_with_everything_else_that_stood_in_it(make):
    shop = make(tables=(nested(),))
    text = '[{"item": "bolt", "qty": 1.50, "tax": {"rate": 0.10}, "no": "7"}, {"item": "nut", "qty": 2}]'
    key = order(shop, held=text)
    first, second = table(shop, key).rows
    write(shop, key, first, TableRow(second.name, ("nut", 3)), new("pin", 4))
    (written,) = shop.sql("SELECT held FROM orders")[0]
    assert written == text.replace('"qty": 2}', '"qty": 3}').replace("}]", '}, {"item": "pin", "qty": 4}]')


def test_a_list_that_does_not_change_is_not_written(make):
    shop = make(tables=(nested(),))
    key = order(shop, held='[ {"qty":1,"item":"bolt"} ]')
    write(shop, key, *table(shop, key).rows, title="u")
    assert shop.sql("SELECT held, title FROM orders") == [('[ {"qty":1,"item":"bolt"} ]', "u")]


@pytest.mark.parametrize("text", ['{"item": 1}', "[1]", "bolt"])
def test_what_is_no_list_of_rows_is_unreadable_and_costs_the_record_nothing_else(make, text):
    shop = make(tables=(nested(),))
    key = order(shop, held=text)
    assert isinstance(table(shop, key), Unreadable)
    assert "'held'" in table(shop, key).reason
    ((_, result),) = shop.orders.apply([update(read(shop, key), title="u")])
    assert result.row.values[0] == "u"
    error = write(shop, key, new("bolt", 1))
    assert isinstance(error, RefusedError)
    assert "'held'" in error.message
    assert shop.sql("SELECT held FROM orders") == [(text,)]


def test_a_list_that_moved_is_left_alone(make):
    shop = make(tables=(nested(),))
    row = read(shop, order(shop, held='[{"item": "bolt"}]'))
    shop.sql("""UPDATE orders SET held = '[{"item": "nut"}]'""")
    given = {"title": "u", "held[]": Rows()}
    ((_, result),) = shop.orders.apply([update(row)._replace(values=given)])
    assert isinstance(result.error, StaleError)
    assert shop.sql("SELECT title, held FROM orders") == [("t", '[{"item": "nut"}]')]


def test_members_beside_the_mapped_ones_may_move(make):
    shop = make(tables=(nested(),))
    row = read(shop, order(shop, held='[{"item": "bolt", "note": "a"}]'))
    shop.sql("""UPDATE orders SET held = '[{"item": "bolt", "note": "b"}]'""")
    given = {"held[]": Rows((TableRow("0", ("bolt", 5)),))}
    ((_, result),) = shop.orders.apply([update(row)._replace(values=given)])
    assert isinstance(result, Done)
    assert json.loads(shop.sql("SELECT held FROM orders")[0][0]) == [{"item": "bolt", "note": "b", "qty": 5}]


def test_text_members_stay_text_and_numbers_stay_numbers(make):
    shop = make(tables=(nested(key=("no",)),))
    key = order(shop, held='[{"no": 3, "item": "007", "qty": 1}]')
    done = write(shop, key, *table(shop, key).rows, new("008", 2, None))
    assert held(shop, key)[1] == {"item": "008", "qty": 2, "no": 4}
    assert [row.name for row in done.values[-1].rows] == ["3", "4"]


def test_a_list_without_rows_learns_from_the_others_what_its_keys_are(make):
    shop = make(tables=(nested(key=("no",)),))
    order(shop, held='[{"no": "A", "item": "x"}]')
    error = write(shop, order(shop), new("bolt", 1, None))
    assert isinstance(error, RefusedError)
    assert "'no' holds text" in error.message


# a record that is its own row


OWN = TableSpec(
    erpnext="links",
    entity="orders",
    parent=("id",),
    fields=(FieldSpec(erpnext="link_name", source="held"), FieldSpec(erpnext="link_doctype", constant="Customer")),
)


def test_a_record_that_is_its_own_row_has_one_or_none(make):
    shop = make(tables=(OWN,))
    assert table(shop, order(shop, held="17")) == Rows((TableRow("0", ("17",)),))
    assert table(shop, order(shop, held=None)) == Rows()
    assert table(shop, order(shop, held="")) == Rows()


def test_the_one_row_is_set_changed_and_emptied_in_the_record(make):
    shop = make(tables=(OWN,))
    key = order(shop)
    assert table(shop, key) == Rows()
    assert write(shop, key, new("17")).values[-1] == Rows((TableRow("0", ("17",)),))
    assert write(shop, key, TableRow("0", ("18",))).values[-1].rows[0].values == ("18",)
    done = write(shop, key)
    assert (done.values, shop.sql("SELECT id, held FROM orders")) == (("t", Rows()), [(key, None)])
    error = write(shop, key, new("17"), new("18"))
    assert isinstance(error, RefusedError)
    assert "room for one" in error.message
    ((_, result),) = shop.orders.apply([update(read(shop, key), Action.DELETE)])
    assert isinstance(result, Done)


def test_a_record_that_is_its_own_row_is_created_with_it(make):
    shop = make(tables=(OWN,))
    rows = Rows((new("17"),))
    (result,) = shop.orders.create([creation("ADDR-1", **{"title": "t", "orders[]": rows})], "op")
    assert result.row.values == ("t", Rows((TableRow("0", ("17",)),)))
    assert shop.sql("SELECT held FROM orders") == [("17",)]


# what is asked for and not there


@pytest.mark.parametrize(
    ("case", "spec", "message"),
    [
        ("no such table", related(entity="line"), "tables.items.rows.entity: the source 'shop' has no table 'line'"),
        ("no such parent", related(parent=("order_no",)), "tables.items.rows.parent: no column 'order_no'"),
        ("no such key", related(key=("lineno",)), "tables.items.key: no column 'lineno' (nearest: 'line_no')"),
        (
            "no such field",
            related(fields=(FieldSpec(erpnext="qty", source="quantity"),)),
            "tables.items.fields.qty: no column 'quantity'",
        ),
        ("columns for an id of one", related(parent=("order_id", "qty")), "tables.items.rows.parent: 2 column(s)"),
        ("rows without a key", related(entity="seen", key=()), "'seen' has no primary key"),
        ("no such list", replace(nested(), source="hold"), "tables.items.source: no column 'hold' (nearest: 'held')"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_source_does_not_have_halts(make, case, spec, message):
    shop = make(LINES, "CREATE VIEW seen AS SELECT * FROM lines;", tables=(spec,))
    with pytest.raises(HaltError) as halted:
        list(shop.orders.scan())
    assert message in halted.value.message
    assert "mappings/customer.toml" in halted.value.message
    assert halted.value.guard == "schema"


def test_rows_of_a_view_are_read_by_their_key_and_not_written(make):
    shop = make(LINES, "CREATE VIEW seen AS SELECT * FROM lines;", tables=(related(entity="seen"),))
    key = order(shop, [BOLT])
    assert [row.values for row in table(shop, key).rows] == [("bolt", 10, 1)]
    error = write(shop, key)
    assert isinstance(error, RefusedError)
    assert "it is a view" in error.message
    ((_, result),) = shop.orders.apply([update(read(shop, key), Action.DELETE)])
    assert isinstance(result, Done)
    assert shop.sql("SELECT count(*) FROM lines") == [(1,)], "whose rows they are, the view does not say"


def test_the_schema_tells_columns_and_members(make):
    shop = make(LINES, tables=(related(), replace(nested(), erpnext="more")))
    order(shop, held='[{"item": "bolt", "qty": 1, "tags": []}]')
    tables = shop.orders.schema().tables
    assert tables["items"].fields["line_no"].type.kind is Kind.INT
    assert tables["items"].key == ("id",)
    members = {name: info.type.kind for name, info in tables["more"].fields.items()}
    assert members == {"item": Kind.TEXT, "qty": Kind.NUMBER, "tags": Kind.JSON}
    with pytest.raises(HaltError, match="no table 'line'"):
        endpoint(shop, tables=(related(entity="line"),)).schema()


def test_images_hold_columns_that_are_read_and_tables_behind_them(make):
    """Computed columns are made elsewhere; what they need, and the state's column, is read."""
    fields = (
        FieldSpec(erpnext="title", source="title"),
        FieldSpec(erpnext="x", source="=x", compute="source.held", inputs=("held",)),
    )
    life = LifecycleSpec(field="erp_ref", draft=("d",))
    shop = make(LINES, tables=(related(),), fields=fields, lifecycle=life, erpnext_name=None)
    key = order(shop, [BOLT], held="h", erp_ref="d")
    assert read(shop, key).values[:3] == ("t", "h", "d")
    assert len(read(shop, key).values) == 4
    wrong = (replace(fields[1], inputs=("hold",)),)
    with pytest.raises(HaltError, match=r"fields\.x\.compute: no column 'hold'"):
        list(endpoint(shop, fields=wrong).scan())
