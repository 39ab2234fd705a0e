"""Rows of child tables in writes: what is not changed stays, what a person did meanwhile is seen, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec
from syncd.core.model import Action, Row, Rows, Side, TableRow, Write
from syncd.errors import BusyError, GoneError, StaleError, UnknownOutcomeError
from syncd.ports.endpoint import Done
from tests.erpnext.helpers import FakeClock, mock_client
from tests.erpnext.tables.orders import (
    Person,
    all_rows,
    changed,
    creation,
    error_of,
    held,
    made,
    names,
    one,
    order_spec,
    row_of,
    rows,
    table,
    update,
)

Admin = Callable[..., Any]
CONFLICT = "it is read again and decided anew"


@pytest.fixture
def order(orders: ErpnextEndpoint, person: Person) -> Row:
    """An order of three rows, the second with what a person entered beside the mapping."""
    (row,) = made(orders, creation("1", rows((None, "A", 1, 10), (None, "B", 2, 20, "ref"), (None, "C", 3, 30))))
    lines = person.read(row.key)["items"]
    lines[1] |= {"page_break": 1, "weight_uom": "Kg", "description": "by hand"}
    person.save(row.key, items=lines)
    (found,) = orders.fetch([row.key])
    return found


def test_a_changed_row_keeps_its_name_and_what_is_not_mapped(
    orders: ErpnextEndpoint, order: Row, person: Person
) -> None:
    before = person.read(order.key)["items"]
    row = row_of(one(orders, update(order, {"items": changed(held(order), 1, "rate", Decimal("21.5"))})))
    assert orders.fetch([row.key]) == [row], "what was answered is what a list gives: nothing echoes"
    assert names(held(row)) == names(held(order))
    assert held(row).rows[1].values == ("B", 2.0, 21.5, "2030-01-01", "ref")
    after = person.read(order.key)["items"]
    for name in ("page_break", "weight_uom", "description", "owner", "creation", "warehouse", "uom"):
        assert [line.get(name) for line in after] == [line.get(name) for line in before], name
    assert [line["amount"] for line in after] == [10.0, 43.0, 90.0], "computed by the site"


def test_rows_are_added_removed_and_moved(orders: ErpnextEndpoint, order: Row, person: Person) -> None:
    first, second, third = held(order).rows
    new = TableRow(None, ("A", Decimal("0.5"), 4, "2030-02-02", "new"))
    row = row_of(one(orders, update(order, {"items": Rows((third, new, first))})))
    assert names(held(row))[::2] == [third.name, first.name]
    assert names(held(row))[1] not in names(held(order))
    lines = person.read(order.key)["items"]
    assert [(line["idx"], line["item_code"], line["qty"]) for line in lines] == [
        (1, "C", 3),
        (2, "A", 0.5),
        (3, "A", 1),
    ]
    assert second.name not in [line["name"] for line in lines]
    assert orders.fetch([row.key]) == [row]


def test_a_value_is_taken_away_and_a_table_emptied(client: SiteClient) -> None:
    spec = order_spec(table("things", "title", "note"), doctype="Customer", fields=())
    customers = ErpnextEndpoint(client, spec)
    (buyer,) = customers.fetch(["Buyer"])
    two = Rows((TableRow(None, ("a", "x")), TableRow(None, ("b", "y"))))
    row = row_of(one(customers, update(buyer, {"things": two})))
    name = names(held(row, spec, "things"))[0]
    row = row_of(one(customers, update(row, {"things": Rows((TableRow(name, ("a", None)),))})))
    assert held(row, spec, "things") == Rows((TableRow(name, ("a", None)),))
    row = row_of(one(customers, update(row, {"things": Rows()})))
    assert row.values == (Rows(),)
    assert customers.fetch(["Buyer"]) == [row]


def test_a_write_without_rows_sends_none_and_reads_nothing_first(
    orders: ErpnextEndpoint, order: Row, server: SandboxServer, admin: Admin
) -> None:
    admin("edit", doctype="Sales Order Item", name=names(held(order))[0], values={"brand": "unseen"}, bump=False)
    server.site.log.reset()
    row = row_of(one(orders, update(order, {"po_no": "4711"})))
    assert [served.method for served in server.site.log.since()] == ["PUT"]
    assert held(row) == held(order)
    assert orders.fetch([row.key]) == [row]


def test_rows_cost_one_request_more(orders: ErpnextEndpoint, order: Row, server: SandboxServer) -> None:
    server.site.log.reset()
    assert row_of(one(orders, update(order, {"items": changed(held(order), 0, "qty", 9)})))
    assert [served.method for served in server.site.log.since()] == ["GET", "PUT"]


def edit_row(person: Person, name: str) -> None:
    lines = person.read(name)["items"]
    person.save(name, items=[{**lines[0], "qty": 7}, *lines[1:]])


def remove_row(person: Person, name: str) -> None:
    person.save(name, items=person.read(name)["items"][1:])


def move_rows(person: Person, name: str) -> None:
    lines = [{key: value for key, value in line.items() if key != "idx"} for line in person.read(name)["items"]]
    person.save(name, items=lines[::-1])


def edit_field(person: Person, name: str) -> None:
    person.save(name, po_no="theirs")


@pytest.mark.parametrize("act", [edit_row, remove_row, move_rows, edit_field])
def test_what_a_person_did_since_it_was_read_is_not_overwritten(
    act: Callable[[Person, str], None], orders: ErpnextEndpoint, order: Row, person: Person, server: SandboxServer
) -> None:
    act(person, order.key)
    before = person.read(order.key)
    server.site.log.reset()
    error = error_of(one(orders, update(order, {"items": changed(held(order), 0, "rate", 99)})))
    assert isinstance(error, StaleError)
    assert "shop orders “1”" in error.message
    assert server.site.log.writes() == [], "nothing was sent"
    assert person.read(order.key) == before


def test_an_edit_between_the_look_and_the_write_is_not_overwritten(
    orders: ErpnextEndpoint, order: Row, person: Person, client: SiteClient
) -> None:
    write = client.write

    def interrupted(*given: Any, **more: Any) -> Any:
        client.write = write  # type: ignore[method-assign]
        remove_row(person, order.key)
        return write(*given, **more)

    client.write = interrupted  # type: ignore[method-assign]
    error = error_of(one(orders, update(order, {"items": changed(held(order), 0, "rate", 99)})))
    assert isinstance(error, StaleError)
    assert len(person.read(order.key)["items"]) == 2


@pytest.mark.parametrize(
    ("doctype", "values", "why"),
    [
        ("Sales Order Item", {"rate": 11}, "a row that was set by itself, without moving the document's stamp"),
        ("Sales Order Item", {"idx": 9}, "a row that was moved by itself"),
    ],
)
def test_rows_that_changed_without_a_stamp_are_stale(
    doctype: str, values: dict[str, Any], why: str, orders: ErpnextEndpoint, order: Row, admin: Admin
) -> None:
    admin("edit", doctype=doctype, name=names(held(order))[0], values=values, bump=False)
    error = error_of(one(orders, update(order, {"items": changed(held(order), 2, "rate", 99)})))
    assert isinstance(error, StaleError), why
    assert error.message.endswith("its items are not as they were read")


def test_a_row_that_was_added_without_a_stamp_is_not_removed(
    orders: ErpnextEndpoint, order: Row, admin: Admin, person: Person
) -> None:
    line = {"name": "added", "parent": order.key, "parenttype": "Sales Order", "parentfield": "items", "idx": 4}
    admin("bulk_load", doctype="Sales Order Item", rows=[line])
    error = error_of(one(orders, update(order, {"items": changed(held(order), 2, "rate", 99)})))
    assert isinstance(error, StaleError)
    assert len(person.read(order.key)["items"]) == 4


def test_a_row_name_that_the_document_does_not_have_is_never_sent(
    orders: ErpnextEndpoint, order: Row, server: SandboxServer
) -> None:
    (other,) = made(orders, creation("2"))
    server.site.log.reset()
    for name in ("no-such-row", names(held(other))[0]):
        sent = Rows((*held(order).rows, TableRow(name, held(order).rows[0].values)))
        error = error_of(one(orders, update(order, {"items": sent})))
        assert isinstance(error, StaleError)
        assert f"row {name} of items is not there any more" in error.message
    assert server.site.log.writes() == []
    assert orders.fetch([other.key]) == [other], "no row was taken from another order"


def test_a_document_that_is_gone(orders: ErpnextEndpoint, order: Row, person: Person) -> None:
    person.delete(order.key)
    assert isinstance(error_of(one(orders, update(order, {"items": rows()}))), GoneError)


def test_rows_that_cannot_be_read_first_leave_the_write_undone(
    orders: ErpnextEndpoint, order: Row, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=500, method="GET", times=-1))
    server.site.log.reset()
    error = error_of(one(orders, update(order, {"items": changed(held(order), 0, "qty", 9)})))
    assert isinstance(error, BusyError)
    assert "rows could not be read" in error.message
    assert server.site.log.writes() == []


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (FaultKind.DROP_AFTER_COMMIT, ["GET", "PUT", "GET", "GET"]),
        (FaultKind.DROP_BEFORE, ["GET", "PUT", "GET", "GET", "PUT"]),
    ],
)
def test_a_lost_answer_is_looked_into_and_rows_are_written_once(
    kind: FaultKind, methods: list[str], orders: ErpnextEndpoint, order: Row, server: SandboxServer, person: Person
) -> None:
    orders.capabilities()
    server.site.faults.add(Rule(kind=kind, method="PUT"))
    server.site.log.reset()
    sent = Rows((*held(order).rows[1:], TableRow(None, ("A", 5, 5, "2030-01-01", None))))
    row = row_of(one(orders, update(order, {"items": sent})))
    assert [served.method for served in server.site.log.since()] == methods
    assert [line["item_code"] for line in person.read(order.key)["items"]] == ["B", "C", "A"]
    assert orders.fetch([order.key]) == [row]


def test_a_lost_answer_with_an_edit_on_top_is_stale(
    orders: ErpnextEndpoint, order: Row, server: SandboxServer, person: Person, client: SiteClient
) -> None:
    orders.capabilities()
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="PUT"))
    read = client.read_list

    def interrupted(query: Any, **given: Any) -> Any:
        if query.doctype == "Sales Order":
            client.read_list = read  # type: ignore[method-assign]
            edit_row(person, order.key)
        return read(query, **given)

    client.read_list = interrupted  # type: ignore[method-assign]
    sent = changed(held(order), 2, "rate", 99)
    assert isinstance(error_of(one(orders, update(order, {"items": sent}))), StaleError)


def test_of_several_writes_with_one_stamp_one_is_done(orders: ErpnextEndpoint, order: Row, person: Person) -> None:
    writes = [update(order, {"items": changed(held(order), 0, "qty", 50 + number)}) for number in range(6)]
    results = [result for _, result in orders.apply(writes)]
    (winner,) = [result.row for result in results if isinstance(result, Done)]
    assert sum(isinstance(error_of(result), StaleError) for result in results if not isinstance(result, Done)) == 5
    assert person.read(order.key)["items"][0]["qty"] == held(winner).rows[0].values[1]


def test_a_hundred_orders_are_made_with_one_more_request(orders: ErpnextEndpoint, server: SandboxServer) -> None:
    orders.schema()
    orders.capabilities()
    orders.keyed_creation()
    server.site.log.reset()
    writes = [
        creation(str(number), rows(*((None, "A", 1 + at, 10 * at) for at in range(1 + number % 3))))
        for number in range(100)
    ]
    done = made(orders, *writes)
    assert [served.method for served in server.site.log.since()] == ["POST", "GET", "GET"]
    assert [len(held(row).rows) for row in done] == [1 + number % 3 for number in range(100)]
    assert sorted(all_rows(orders.scan())) == sorted(done)
    assert orders.created(writes, "op-0") == done


def test_a_creation_whose_answer_was_lost_is_found_with_its_rows(
    orders: ErpnextEndpoint, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="POST", path_contains="insert_many"))
    (row,) = made(orders, creation("1", rows((None, "A", 2, 10), (None, "B", 3, 11))))
    assert [line.values[0] for line in held(row).rows] == ["A", "B"]
    assert len(orders.find(["1"])) == 1


def test_creations_without_an_external_id_are_told_by_their_rows_too(client: SiteClient) -> None:
    orders = ErpnextEndpoint(client, order_spec(external_id=None))
    writes = [
        Write(Action.CREATE, Side.ERPNEXT, None, code, {"customer": "Buyer", "items": rows((None, code, 2, 3))})
        for code in ("A", "B")
    ]
    done = [row_of(result) for result in orders.create(writes, "op")]
    assert orders.created(writes, "op") == done
    assert orders.created(writes[::-1], "op") != done


def test_constants_go_into_new_rows_only(client: SiteClient, person: Person) -> None:
    items = table("items", "item_code", "qty", FieldSpec(erpnext="customer_item_code", constant="K"), "delivery_date")
    spec = order_spec(items)
    orders = ErpnextEndpoint(client, spec)
    line = ("A", 1, "2030-01-01")
    (row,) = made(orders, creation("1", Rows((TableRow(None, line),))))
    assert person.read(row.key)["items"][0]["customer_item_code"] == "K"
    person.save(row.key, items=[{**person.read(row.key)["items"][0], "customer_item_code": "theirs"}])
    (row,) = orders.fetch([row.key])
    kept = held(row, spec).rows[0]
    sent = Rows((TableRow(kept.name, ("A", 2, "2030-01-01")), TableRow(None, line)))
    assert row_of(one(orders, update(row, {"items": sent})))
    codes = [line["customer_item_code"] for line in person.read(row.key)["items"]]
    assert codes == ["theirs", "K"]


def test_a_dynamic_link_table(client: SiteClient, person: Person) -> None:
    links = table("links", "link_doctype", "link_name")
    fields = tuple(FieldSpec(erpnext=name, source=name) for name in ("address_title", "address_line1", "city"))
    fixed = (FieldSpec(erpnext="country", constant="France"),)
    spec = order_spec(links, doctype="Address", fields=fields + fixed, external_id=None)
    addresses = ErpnextEndpoint(client, spec)
    values = {"address_title": "HQ", "address_type": "Billing", "address_line1": "1", "city": "P", "country": "France"}
    linked = Rows((TableRow(None, ("Customer", "Buyer")),))
    write = Write(Action.CREATE, Side.ERPNEXT, None, "1", {**values, "links": linked})
    (result,) = addresses.create([write], "op")
    row = row_of(result)
    (first,) = held(row, spec, "links").rows
    assert first.values == ("Customer", "Buyer")
    both = Rows((first, TableRow(None, ("Customer", "Other"))))
    row = row_of(one(addresses, update(row, {"links": both})))
    assert [line.values for line in held(row, spec, "links").rows] == [("Customer", "Buyer"), ("Customer", "Other")]
    assert addresses.fetch([row.key]) == [row]
    bad = Rows((TableRow(None, ("Customer", "Nobody")),))
    error = error_of(one(addresses, update(row, {"links": bad})))
    assert "Nobody" in error.message
    assert addresses.fetch([row.key]) == [row]


def test_a_table_multi_select(client: SiteClient) -> None:
    spec = order_spec(table("selected", "country"), doctype="Customer", fields=())
    customers = ErpnextEndpoint(client, spec)
    (buyer,) = customers.fetch(["Buyer"])
    picked = Rows(tuple(TableRow(None, (name,)) for name in ("France", "Germany")))
    row = row_of(one(customers, update(buyer, {"selected": picked})))
    assert [line.values for line in held(row, spec, "selected").rows] == [("France",), ("Germany",)]
    assert all_rows(customers.changes(None, overlap=0))[-1] == row
    row = row_of(one(customers, update(row, {"selected": Rows(held(row, spec, "selected").rows[1:])})))
    assert customers.fetch(["Buyer"]) == [row]


META = {
    "name": "Thing",
    "fields": [{"fieldname": "title"}, {"fieldname": "rows", "fieldtype": "Table", "options": "Line"}],
}
CHILD = {
    "name": "Line",
    "istable": 1,
    "fields": [{"fieldname": "text"}, {"fieldname": "level", "permlevel": 2}, {"fieldname": "n", "fieldtype": "Float"}],
}
HEAD = {"name": "X", "modified": "2026-01-01 00:00:00", "creation": "2026-01-01 00:00:00", "modified_by": "u"}


def line(name: str, text: str | None, level: str | None = None, n: float = 0.0) -> dict[str, Any]:
    given = {"name": name, "text": text, "level": level}
    return {key: value for key, value in given.items() if value is not None} | {"n": n, "doctype": "Line"}


STANDS = [line("r1", "one", "low", 1.0), line("r2", "two", "low", 2.0)]
WAS = Rows((TableRow("r1", ("one", "low", 1.0)), TableRow("r2", ("two", "low", 2.0))))


@pytest.mark.parametrize(
    ("sent", "answered", "missed", "why"),
    [
        (
            [("r1", "ONE", "low", 1), ("r2", "two", "low", 2)],
            [line("r1", "ONE", "low", 1.0), line("r2", "two", "low", 2.0)],
            "",
            "taken",
        ),
        (
            [("r1", "new", "high", 1), ("r2", "two", "high", 2)],
            [line("r1", "new", "low", 1.0), line("r2", "two", "low", 2.0)],
            "rows[1].level (permission level 2), rows[2].level (permission level 2)",
            "kept at a permission level",
        ),
        (
            [("r1", "new", "low", 1), ("r2", "two", "low", 2)],
            [line("r1", "new", "low", 7.5), line("r2", "two", "low", 2.0)],
            "",
            "a number that the site computes anew",
        ),
        (
            [("r1", "one", "low", 1), ("r2", "two", "low", 2), (None, "three", "high", 3)],
            [*STANDS, line("r3", "three", None, 3.0)],
            "rows[3].level (permission level 2)",
            "a new row without the value of a higher level",
        ),
        (
            [("r1", "one", "low", 1), ("r2", "two", "low", 2), (None, "three", None, 3)],
            STANDS,
            "the rows of rows as they were sent",
            "a new row that was lost",
        ),
        ([("r1", "one", "low", 1)], STANDS, "the rows of rows as they were sent", "a row that was not removed"),
        (
            [("r2", "two", "low", 2), ("r1", "one", "low", 1)],
            STANDS,
            "the rows of rows as they were sent",
            "rows that were not moved",
        ),
        (
            [("r1", None, "low", 1), ("r2", "two", "low", 2)],
            STANDS,
            "rows[1].text",
            "a value that was not taken away",
        ),
    ],
)
def test_what_of_the_rows_was_not_taken_is_named(
    sent: list[tuple[Any, ...]], answered: list[dict[str, Any]], missed: str, why: str, clock: FakeClock
) -> None:
    bodies: list[Any] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("get_time_zone"):
            return httpx.Response(200, json={"message": {"time_zone": "UTC"}})
        if request.url.path.endswith("get_logged_user"):
            return httpx.Response(200, json={"message": "sync@example.com"})
        if request.url.path.endswith("getdoctype"):
            return httpx.Response(200, json={"docs": [META, CHILD]})
        if request.method == "GET":
            return httpx.Response(200, json={"data": {**HEAD, "title": "t", "rows": numbered(STANDS)}})
        bodies.append(orjson.loads(request.content))
        return httpx.Response(200, json={"data": {**HEAD, "title": "t", "rows": numbered(answered)}})

    spec = order_spec(table("rows", "text", "level", "n"), doctype="Thing", external_id=None, fields=())
    things = ErpnextEndpoint(mock_client(handle, clock), spec)
    row = Row("X", "2026-01-01 00:00:00", (WAS,))
    result = one(things, update(row, {"rows": Rows(tuple(TableRow(name, tuple(rest)) for name, *rest in sent))}))
    assert [entry["idx"] for entry in bodies[0]["rows"]] == list(range(1, len(sent) + 1))
    assert not any({"doctype", "parent", "modified"} & set(entry) for entry in bodies[0]["rows"])
    if not missed:
        assert isinstance(result, Done), why
        return
    error = error_of(result)
    assert (error.code, error.message.endswith(f"did not take {missed}")) == ("NotTaken", True), (why, error.message)


def numbered(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**entry, "idx": idx, "parent": "X", "modified": "m", "__unsaved": 1} for idx, entry in enumerate(lines, 1)]


def test_a_new_document_without_a_row_or_a_value_names_them(clock: FakeClock) -> None:
    listed: list[dict[str, Any]] = [{**line("r1", "one", None, 1.0), "level": None, "parent": "X", "modified": "m"}]

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("get_time_zone"):
            return httpx.Response(200, json={"message": {"time_zone": "UTC"}})
        if path.endswith("getdoctype"):
            return httpx.Response(200, json={"docs": [META, CHILD]})
        if path.endswith("insert_many"):
            return httpx.Response(200, json={"message": ["key", "X"]})
        if path.endswith("Syncd Operation"):
            return httpx.Response(200, json={"data": []})
        return httpx.Response(200, json={"data": listed if path.endswith("Line") else [HEAD]})

    spec = order_spec(table("rows", "text", "level", "n"), doctype="Thing", external_id=None, fields=())
    things = ErpnextEndpoint(mock_client(handle, clock), spec)
    for count, missed in ((1, ("rows[1].level",)), (2, ("rows",))):
        sent = Rows(tuple(TableRow(None, ("one", "high", 1)) for _ in range(count)))
        (result,) = things.create([Write(Action.CREATE, Side.ERPNEXT, None, "1", {"rows": sent})], "op")
        assert isinstance(result, Done)
        assert result.missed == missed


def test_when_no_answer_comes_at_all_the_outcome_is_unknown(
    orders: ErpnextEndpoint, order: Row, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_BEFORE, method="PUT", times=-1))
    error = error_of(one(orders, update(order, {"items": changed(held(order), 0, "qty", 9)})))
    assert isinstance(error, UnknownOutcomeError)
