"""Rows of child tables in feeds and look-ups: whole, in order, few requests, and never mistaken for removed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec
from syncd.core.model import Rows
from syncd.errors import AccessError, HaltError
from tests.erpnext.helpers import FakeClock, customer_spec, mock_client, refusal
from tests.erpnext.tables.orders import Person, all_rows, creation, held, made, names, order_spec, rows, table

Admin = Callable[..., Any]
HEAD = ("name", "modified", "creation", "modified_by")


def load_orders(admin: Admin, count: int) -> int:
    """Orders of 1 to 12 rows, stored past every check; returns how many rows there are."""
    parents, children = [], []
    for number in range(count):
        name = f"SO-{number:05d}"
        parents.append({"name": name, "customer": "Buyer", "syncd_shop_id": str(number)})
        children += [
            {
                "name": f"{name}-{idx}",
                "parent": name,
                "parenttype": "Sales Order",
                "parentfield": "items",
                "idx": idx,
                "item_code": "A",
                "qty": idx,
                "rate": 2.5,
            }
            for idx in range(1 + number % 12, 0, -1)
        ]
    admin("bulk_load", doctype="Sales Order", rows=parents)
    admin("bulk_load", doctype="Sales Order Item", rows=children)
    return len(children)


@pytest.mark.parametrize(("order", "page_size", "limit"), [("changes", 1000, 8), ("scan", 1000, 8), ("scan", 250, 14)])
def test_a_thousand_orders_take_few_requests(
    client: SiteClient, admin: Admin, server: SandboxServer, order: str, page_size: int, limit: int
) -> None:
    count = load_orders(admin, 1000)
    server.site.log.reset()
    orders = ErpnextEndpoint(client, order_spec(), page_size=page_size)
    orders.capabilities()
    read = all_rows(orders.changes(None, overlap=0) if order == "changes" else orders.scan())
    assert len(read) == 1000
    assert sum(len(held(row).rows) for row in read) == count
    for row in read:
        number = int(row.key.removeprefix("SO-"))
        assert names(held(row)) == [f"{row.key}-{idx}" for idx in range(1, 2 + number % 12)], "in the order of idx"
    assert orders.requests == len(server.site.log.since())
    # At most 6, and 2 for each extra page; the page after the last one is empty.
    assert orders.requests <= limit


def test_rows_are_as_the_list_gives_them_and_sorted(orders: ErpnextEndpoint, person: Person) -> None:
    (row,) = made(orders, creation("1", rows((None, "A", 2, 10), (None, "B", 1, 7.25, "ref"))))
    document = person.read(row.key)
    for read in (orders.fetch([row.key]), orders.find(["1"]), all_rows(orders.changes(None, overlap=0))):
        assert read == [row]
    assert [tuple(line.values) for line in held(row).rows] == [
        ("A", 2.0, 10.0, "2030-01-01", None),
        ("B", 1.0, 7.25, "2030-01-01", "ref"),
    ]
    assert names(held(row)) == [line["name"] for line in document["items"]]


def test_documents_without_rows_hold_empty_rows(client: SiteClient, admin: Admin) -> None:
    admin("bulk_load", doctype="Address", rows=[{"name": "Bare", "address_title": "Bare"}])
    admin("bulk_load", doctype="Address", rows=[{"name": " blank ", "address_title": "blank"}])
    spec = order_spec(table("links", "link_doctype"), doctype="Address", fields=(), external_id=None)
    addresses = ErpnextEndpoint(client, spec)
    assert [row.values for row in all_rows(addresses.scan())] == [(Rows(),), (Rows(),)]
    assert addresses.fetch(["Bare"])[0].values == (Rows(),)


def test_two_tables_are_told_apart_though_they_are_of_one_doctype(client: SiteClient, person: Person) -> None:
    client.write(
        "POST",
        "/api/resource/Custom Field",
        {"dt": "Customer", "fieldname": "more", "fieldtype": "Table", "options": "Thing Row"},
        "a second table",
    )
    spec = customer_spec(fields=(), tables=(table("things", "title"), table("more", "title", source="others")))
    customers = ErpnextEndpoint(client, spec)
    client.write("PUT", "/api/resource/Customer/Buyer", {"things": [{"title": "a"}], "more": [{"title": "b"}]}, "rows")
    (row,) = customers.fetch(["Buyer"])
    values = [[line.values for line in value.rows] for value in row.values if isinstance(value, Rows)]
    assert values == [[("a",)], [("b",)]]


@pytest.mark.parametrize("what", ["deleted", "renamed"])
def test_a_document_that_goes_between_its_page_and_its_rows_does_not_look_emptied(
    what: str, client: SiteClient, server: SandboxServer, person: Person
) -> None:
    customers = ErpnextEndpoint(client, customer_spec(fields=(), tables=(table("things", "title"),)))
    client.write("PUT", "/api/resource/Customer/Buyer", {"things": [{"title": "a"}]}, "rows")
    client.write("PUT", "/api/resource/Customer/Other", {"things": [{"title": "b"}]}, "rows")
    customers.schema()
    read = client.read_list

    def interrupted(query: Any, **given: Any) -> Any:
        if query.doctype == "Thing Row" and "Buyer" in query.filters[0][2] and person.read("Buyer", "Customer"):
            person.rename("Buyer", "Bought") if what == "renamed" else client.write(
                "DELETE", "/api/resource/Customer/Buyer", None, "Buyer"
            )
            client.read_list = read  # type: ignore[method-assign]
        return read(query, **given)

    client.read_list = interrupted  # type: ignore[method-assign]
    assert [row.key for row in all_rows(customers.changes(None, overlap=0))] == ["Other"]
    assert len(all_rows(customers.changes(None, overlap=0))) == (2 if what == "renamed" else 1)


def test_an_edit_between_document_and_rows_is_read_again_where_a_baseline_is_made_of_it(
    orders: ErpnextEndpoint, client: SiteClient, person: Person
) -> None:
    (row,) = made(orders, creation("1"))
    read = client.read_list

    def interrupted(query: Any, **given: Any) -> Any:
        if query.doctype == "Sales Order Item":
            client.read_list = read  # type: ignore[method-assign]
            lines = person.read(row.key)["items"]
            person.save(row.key, po_no="theirs", items=[{**lines[0], "qty": 5}])
        return read(query, **given)

    client.read_list = interrupted  # type: ignore[method-assign]
    (found,) = orders.fetch([row.key])
    assert found == orders.fetch([row.key])[0], "stamp, fields and rows of one moment"
    assert found.editor == "limited@example.com"
    assert held(found).rows[0].values[1] == 5.0


def test_a_row_that_is_newer_for_good_is_read_twice_and_taken(
    orders: ErpnextEndpoint, admin: Admin, server: SandboxServer
) -> None:
    (row,) = made(orders, creation("1"))
    admin("edit", doctype="Sales Order Item", name=names(held(row))[0], values={"qty": 4})
    server.site.log.reset()
    (found,) = orders.fetch([row.key])
    assert (found.stamp, held(found).rows[0].values[1]) == (row.stamp, 4.0)
    assert len(server.site.log.since()) == 4


def test_rows_that_take_too_long_are_asked_for_in_halves(
    client: SiteClient, admin: Admin, server: SandboxServer
) -> None:
    load_orders(admin, 100)
    orders = ErpnextEndpoint(client, order_spec())
    orders.schema()
    server.site.log.reset()
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=504, path_contains="Order Item", times=2))
    read = all_rows(orders.changes(None, overlap=0))
    assert sum(len(held(row).rows) for row in read) == sum(1 + number % 12 for number in range(100))
    children = [served.status for served in server.site.log.since() if "Order Item" in served.path]
    assert children == [504, 504, *[200] * 3], "of 100, of 50, then of 25, 25 and 50"


def test_a_body_that_is_too_large_is_sent_in_halves(clock: FakeClock) -> None:
    asked: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("get_time_zone"):
            return httpx.Response(200, json={"message": {"time_zone": "UTC"}})
        if request.url.path.endswith("getdoctype"):
            return httpx.Response(200, json={"docs": META})
        if request.url.path.endswith("get_list"):
            body = orjson.loads(request.content)
            wanted = body["filters"][0][2]
            asked.append(len(wanted))
            assert (body["parent"], body["limit_page_length"]) == ("Thing", 0)
            if len(wanted) > 150:
                return httpx.Response(413, text="<html>Request Entity Too Large</html>")
            return httpx.Response(200, json={"message": [line(name) for name in wanted]})
        return httpx.Response(200, json={"data": [document(number) for number in range(500)]})

    def document(number: int) -> dict[str, str]:
        return {**dict.fromkeys(HEAD, "x"), "name": f"a document with a longer name {number:04d}", "title": "t"}

    def line(parent: str) -> dict[str, Any]:
        return {"name": f"{parent}-1", "parent": parent, "idx": 1, "text": "t", "modified": "x"}

    spec = order_spec(table("rows", "text"), doctype="Thing", external_id=None, fields=())
    things = ErpnextEndpoint(mock_client(handle, clock), spec, page_size=1000)
    read = all_rows(things.changes(None, overlap=0))
    assert len(read) == 500
    assert all(len(row.values[0].rows) == 1 for row in read if isinstance(row.values[0], Rows))
    assert asked == [500, 250, 125, 125, 250, 125, 125]


META = [
    {
        "name": "Thing",
        "fields": [
            {"fieldname": "title"},
            {"fieldname": "rows", "fieldtype": "Table", "options": "Thing Line"},
            {"fieldname": "picked", "fieldtype": "Table MultiSelect", "options": "Thing Line"},
        ],
    },
    {
        "name": "Thing Line",
        "istable": 1,
        "fields": [{"fieldname": "text", "permlevel": 2}, {"fieldname": "must", "reqd": 1}],
    },
]


def test_the_schema_has_the_mapped_tables_with_their_doctypes_from_one_request(clock: FakeClock) -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path.endswith("get_time_zone"):
            return httpx.Response(200, json={"message": {"time_zone": "UTC"}})
        return httpx.Response(200, json={"docs": META})

    tables = (table("rows", "text"), table("picked", "text", source="p"), table("title", "x", source="q"))
    schema = ErpnextEndpoint(mock_client(handle, clock), order_spec(*tables, doctype="Thing")).schema()
    assert len(asked) == 2
    assert list(schema.tables) == ["rows", "picked"], "what is no table is left out"
    child = schema.tables["rows"]
    assert (child.entity, child.key) == ("Thing Line", ("name",))
    assert {"name", "idx", "parent", "parenttype", "parentfield", "text", "must"} <= set(child.fields)
    assert child.fields["must"].required
    assert child.fields["text"].permlevel == 2
    assert "rows" not in schema.fields


@pytest.mark.parametrize(
    ("tables", "words", "hint"),
    [
        ([table("itms", "qty")], "tables.itms: Sales Order has no child table itms", "did you mean items"),
        ([table("customer", "qty")], "tables.customer: customer is a Link field of Sales Order", "there are: items"),
        ([table("items", "qty", "rat")], "tables.items.fields.rat: no such field in Sales Order Item", "rate"),
        (
            [table("items", FieldSpec(erpnext="uoms", constant="Nos"))],
            "tables.items.fields.uoms: no such field in Sales Order Item",
            "uom",
        ),
        (
            [table("items", FieldSpec(erpnext="qty", constant="many"))],
            "tables.items.fields.qty.constant: 'many' is not a number",
            "write a value",
        ),
    ],
)
def test_a_table_that_does_not_fit_halts_with_file_and_key(
    client: SiteClient, tables: list[Any], words: str, hint: str
) -> None:
    orders = ErpnextEndpoint(client, order_spec(*tables))
    with pytest.raises(HaltError) as caught:
        list(orders.scan())
    assert caught.value.guard == "schema"
    assert f"mappings/sales-order.toml: {words}" in caught.value.message
    assert hint in caught.value.hint


def test_a_table_among_the_fields_is_told_where_it_belongs(client: SiteClient) -> None:
    spec = order_spec(fields=(FieldSpec(erpnext="taxes", source="taxes"),))
    with pytest.raises(HaltError, match=r"fields.taxes: no such field") as caught:
        ErpnextEndpoint(client, spec).fetch(["x"])
    assert "[tables.taxes]" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        (refusal(403, "PermissionError"), "the rows of rows cannot be read", "out of the mapping"),
        (
            httpx.Response(200, json={"data": [{"name": "r", "parent": "x", "idx": 1, "modified": "x"}]}),
            "leaves the field text out of its answers: sync@example.com may not read it (it is at permission level 2)",
            "take tables.rows.fields.text out of the mapping",
        ),
    ],
)
def test_rows_or_fields_that_the_user_may_not_read_are_named(
    answer: httpx.Response, words: str, hint: str, clock: FakeClock
) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("get_time_zone"):
            return httpx.Response(200, json={"message": {"time_zone": "UTC"}})
        if path.endswith("get_logged_user"):
            return httpx.Response(200, json={"message": "sync@example.com"})
        if path.endswith("getdoctype"):
            return httpx.Response(200, json={"docs": META})
        if path.endswith("Thing Line"):
            assert request.url.params["parent"] == "Thing"
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json={"data": [dict.fromkeys(HEAD, "x")]})

    spec = order_spec(table("rows", "text"), doctype="Thing", external_id=None, fields=())
    things = ErpnextEndpoint(mock_client(handle, clock), spec)
    with pytest.raises(AccessError) as caught:
        things.fetch(["x"])
    assert words in caught.value.message
    assert hint in caught.value.hint
