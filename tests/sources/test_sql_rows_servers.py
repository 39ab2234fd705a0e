"""Child tables on real servers: what SQLite cannot show."""

from dataclasses import replace

import pytest

from syncd.core.mapping import FieldSpec, TableSpec
from syncd.core.model import Rows, TableRow
from syncd.errors import BusyError
from syncd.ports.endpoint import Done
from tests.sources.engines import ServerShop
from tests.sources.shop import rows_of, update

ORDERS = """
    CREATE TABLE orders (id integer PRIMARY KEY, title varchar(140), erp_ref varchar(140), updated_at varchar(40),
        held {json})
"""
LINES = """
    CREATE TABLE order_lines (order_id {order_id} NOT NULL, line_no integer NOT NULL, item varchar(140), qty integer,
        PRIMARY KEY (order_id, line_no))
"""
FIELDS = (FieldSpec(erpnext="item_code", source="item"), FieldSpec(erpnext="qty", source="qty"))
RELATED = TableSpec(erpnext="items", entity="order_lines", parent=("order_id",), fields=FIELDS, key=("line_no",))
NESTED = TableSpec(erpnext="items", source="held", fields=FIELDS)


@pytest.fixture(params=["postgres_url", "mariadb_url"], ids=["PostgreSQL", "MariaDB"])
def make(request):
    url = request.getfixturevalue(request.param)
    made = []

    def build(*, table=RELATED, json="text", order_id="integer"):
        shop = ServerShop(url, ORDERS.format(json=json), LINES.format(order_id=order_id))
        shop.orders = shop.endpoint(entity="orders", columns=("title",), deleted=None, tables=(table,), page_size=1000)
        shop.sql("INSERT INTO orders (id, title, updated_at) VALUES (1, 't', '2026-05-01 10:00:00')")
        made.append(shop)
        return shop

    yield build
    for shop in made:
        shop.close()


def read(shop, key="1"):
    (row,) = shop.orders.fetch([key])
    return row


def apply(shop, *rows, slot=RELATED.slot, row=None):
    row = row or read(shop)
    ((_, result),) = shop.orders.apply([update(row)._replace(values={slot: Rows(tuple(rows))})])
    return result.row if isinstance(result, Done) else result.error


def test_a_row_that_somebody_is_changing_is_not_written_over(make):
    shop = make()
    shop.sql("INSERT INTO order_lines VALUES (1, 1, 'bolt', 10)")
    row = read(shop)
    (line,) = row.values[1].rows
    other = shop.hand()
    other.sql("BEGIN")
    other.sql("UPDATE order_lines SET qty = 99")
    error = apply(shop, TableRow(line.name, ("bolt", 11, 1)), row=row)
    assert isinstance(error, BusyError)
    other.sql("COMMIT")
    assert shop.sql("SELECT qty FROM order_lines") == [(99,)]
    assert read(shop).stamp == row.stamp


@pytest.mark.parametrize("order_id", ["integer", "varchar(20)"])
def test_the_columns_that_lead_to_the_record_may_be_of_another_type(make, order_id):
    shop = make(order_id=order_id)
    done = apply(shop, TableRow(None, ("bolt", 1, None)), TableRow(None, ("nut", 2, None)))
    assert [row.values for row in done.values[1].rows] == [("bolt", 1, 1), ("nut", 2, 2)]
    assert read(shop) == done


def test_rows_of_many_orders_are_read_with_one_statement_a_page(make):
    shop = make()
    values = ", ".join(f"({number}, 'n', '2026-05-01 10:00:00')" for number in range(2, 1001))
    shop.sql(f"INSERT INTO orders (id, title, updated_at) VALUES {values}")
    lines = ", ".join(f"({number}, {line}, 'i', {line})" for number in range(1, 1001) for line in range(1, 3))
    shop.sql(f"INSERT INTO order_lines VALUES {lines}")
    before = shop.orders.requests
    rows = rows_of(shop.orders.scan())
    assert len(rows) == 1000
    assert all([line.name for line in row.values[1].rows] == ["1", "2"] for row in rows)
    plain = shop.endpoint(entity="orders", columns=("title",), deleted=None, page_size=1000)
    assert len(rows_of(plain.scan())) == 1000
    assert shop.orders.requests - before == plain.requests + 1


@pytest.mark.parametrize("json", ["text", "json", "jsonb"])
def test_lists_stand_in_columns_of_text_and_of_json(make, json, request):
    if json == "jsonb" and "MariaDB" in request.node.name:
        json = "longtext"
    shop = make(table=NESTED, json=json)
    shop.sql("""UPDATE orders SET held = '[{"item": "bolt", "qty": 12345678901234567890.10, "x": {"y": 1}}]'""")
    (line,) = read(shop).values[1].rows
    assert str(line.values[1]) == "12345678901234567890.10"
    done = apply(shop, line, TableRow(None, ("nut", 2)), slot=NESTED.slot)
    assert [row.values[0] for row in done.values[1].rows] == ["bolt", "nut"]
    assert read(shop) == done
    ((text,),) = shop.sql("SELECT CAST(held AS char(200)) FROM orders")
    assert '"x"' in text
    assert "12345678901234567890.10" in text


def test_keys_that_a_collation_takes_for_one_are_two(make):
    shop = make(table=replace(RELATED, key=("item",), fields=FIELDS))
    shop.sql("INSERT INTO order_lines VALUES (1, 1, 'a', 1), (1, 2, 'A', 2)")
    assert [row.name for row in read(shop).values[1].rows] == ["A", "a"]
    first, second = read(shop).values[1].rows
    done = apply(shop, first, TableRow(second.name, ("a", 9)))
    assert [row.values for row in done.values[1].rows] == [("A", 2), ("a", 9)]
