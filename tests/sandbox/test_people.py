"""The desk, the jobs and the demo behind `/_sandbox/`; what an older store gets when it is opened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.sandbox import SandboxServer

from .site_client import SiteClient
from .trade import booked, invoice, open_shop, order, submitted_invoice

ANN = "ann@example.com"


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    return open_shop(client)


def act(shop: SiteClient, action: str, doctype: str, name: str = "", **values: Any) -> dict[str, Any]:
    return shop.admin("act", user=ANN, action=action, doctype=doctype, name=name, values=values)


def test_a_person_takes_an_invoice_through_its_life(shop: SiteClient) -> None:
    items = [{"item_code": "A", "qty": 1, "rate": 80}]
    name = act(shop, "create", "Sales Invoice", customer="Buyer", items=items)["name"]
    assert act(shop, "save", "Sales Invoice", name, remarks="By hand")["remarks"] == "By hand"
    submitted = act(shop, "submit", "Sales Invoice", name)
    assert (submitted["owner"], submitted["modified_by"], submitted["status"]) == (ANN, ANN, "Unpaid")
    part = act(shop, "pay", "Sales Invoice", name, amount=30)
    assert (part["docstatus"], part["paid_amount"]) == (1, 30.0)
    assert shop.read("Sales Invoice", name)["outstanding_amount"] == 50.0
    act(shop, "cancel", "Payment Entry", part["name"])
    act(shop, "cancel", "Sales Invoice", name)
    shop.update("Sales Invoice", name, remarks="no")
    draft = act(shop, "amend", "Sales Invoice", name, remarks="Again")
    assert (draft["docstatus"], draft["amended_from"], draft["remarks"]) == (0, name, "Again")
    assert draft["items"][0]["rate"] == 80.0
    assert act(shop, "delete", "Sales Invoice", draft["name"]) == {}
    assert shop.get(shop.resource("Sales Invoice", draft["name"])).status_code == 404


def test_an_amendment_by_hand_takes_along_what_a_copy_leaves(shop: SiteClient) -> None:
    field = {"dt": "Sales Invoice", "fieldname": "syncd_id", "fieldtype": "Data", "no_copy": 1, "allow_on_submit": 1}
    shop.create("Custom Field", **field)
    name = submitted_invoice(shop, syncd_id="inv-7", terms="<p>30 days</p>")["name"]
    act(shop, "cancel", "Sales Invoice", name)
    amended = act(shop, "amend_and_submit", "Sales Invoice", name)
    assert (amended["name"], amended["syncd_id"], amended["terms"]) == (f"{name}-1", "inv-7", "<p>30 days</p>")
    assert booked(shop, name) == {}
    assert booked(shop, amended["name"]) == {"Debtors": 100.0, "Sales": -100.0}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param(
            {"action": "burn", "doctype": "Sales Invoice"}, "action must be create, save", id="no such action"
        ),
        pytest.param({"doctype": "Sales Invoice"}, "missing key 'action'", id="no action"),
        pytest.param(
            {"action": "pay", "doctype": "Customer", "name": "Buyer"}, "cannot be made for Customer", id="no invoice"
        ),
        pytest.param(
            {"action": "submit", "doctype": "Sales Invoice", "name": "X"}, "Sales Invoice X not found", id="not there"
        ),
    ],
)
def test_what_a_person_cannot_do(shop: SiteClient, values: dict[str, Any], text: str) -> None:
    answer = shop.post("/_sandbox/act", json=values)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_the_checks_hold_for_people_too(shop: SiteClient) -> None:
    name = invoice(shop)["name"]
    answer = shop.post("/_sandbox/act", json={"action": "cancel", "doctype": "Sales Invoice", "name": name})
    assert "Cannot change docstatus" in answer.json()["error"]


def test_the_demo_has_something_to_trade(client: SiteClient) -> None:
    assert client.admin("demo") == {"added": 14}
    assert client.admin("demo") == {"added": 0}
    made = client.create("Sales Invoice", customer="Alpine Retail", items=[{"item_code": "PAPER-A4", "qty": 3}])
    assert made["grand_total"] == 19.05
    bought = client.create("Purchase Invoice", supplier="Paper Mill Co", items=[{"item_code": "PAPER-A4", "qty": 10}])
    assert bought["grand_total"] == 41.0


def test_an_older_store_gets_what_came_later(database: Path) -> None:
    with SandboxServer(database) as server, server.site.writing() as session:
        for statement in (
            'DELETE FROM "tabFiscal Year"',
            'DELETE FROM "tabAccounts Settings"',
            "DELETE FROM \"tabCost Center\" WHERE cost_center_name = 'Operations'",
            "DELETE FROM tabDocType WHERE name = 'Delivery Note'",
            "UPDATE _site SET value = 'of an older version' WHERE key = 'seeded'",
        ):
            session.connection.execute(statement)
    with SandboxServer(database) as server, SiteClient(server.url) as client:
        shop = open_shop(client)
        assert submitted_invoice(shop)["status"] == "Unpaid"
        assert shop.read("Cost Center", "Operations - AI")["parent_cost_center"] == "Acme Inc - AI"
        assert shop.read("DocType", "Delivery Note")["is_submittable"] == 1
        assert len(shop.rows("Cost Center", limit_page_length="0")) == 5


def test_ten_thousand_invoices_are_loaded_at_once(shop: SiteClient) -> None:
    head = {"customer": "Buyer", "company": "Acme Inc", "docstatus": 1, "status": "Paid", "grand_total": 5}
    rows = [{**head, "name": f"OLD-{at:05d}", "posting_date": "2025-06-01"} for at in range(10_000)]
    started = time.perf_counter()
    assert shop.admin("bulk_load", doctype="Sales Invoice", rows=rows) == {"loaded": 10_000}
    assert time.perf_counter() - started < 15
    assert shop.call("frappe.client.get_count", doctype="Sales Invoice") == 10_000
    assert submitted_invoice(shop)["status"] == "Unpaid"


def test_a_payment_is_proposed_as_the_site_does(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    method = "erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry"
    made = shop.call(method, dt="Sales Invoice", dn=name)
    assert not {"name", "creation", "modified"} & set(made)
    flags = (made["docstatus"], made["__islocal"], made["__unsaved"], made["doctype"])
    assert flags == (0, 1, 1, "Payment Entry")
    ends = (made["paid_from"], made["paid_to"], made["paid_to_account_type"])
    assert ends == ("Debtors - AI", "Main Bank - AI", "Bank")
    row = made["references"][0]
    amounts = (row["total_amount"], row["outstanding_amount"], row["allocated_amount"])
    assert (row["reference_name"], *amounts, row["__islocal"]) == (name, 100.0, 100.0, 100.0, 1)
    assert shop.call(method, dt="Sales Order", dn=order(shop, docstatus=1)["name"])["paid_amount"] == 100.0
    cash = shop.call(method, dt="Sales Invoice", dn=name, bank_account="Cash - AI")
    assert (cash["paid_to"], cash["paid_to_account_type"]) == ("Cash - AI", "Cash")
