"""Sales documents: what they add up, their states, and what their payments do to them."""

from __future__ import annotations

from typing import Any

import pytest

from .site_client import SiteClient, data, refused


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    client.customer("Buyer", territory="Canada")
    client.create("Item", item_code="A", item_name="Apple", item_group="Products", stock_uom="Nos", standard_rate=12.5)
    return client


def invoice(shop: SiteClient, **values: Any) -> dict[str, Any]:
    items = [{"item_code": "A", "qty": 2, "rate": 50}]
    return shop.create("Sales Invoice", **{"customer": "Buyer", "company": "Acme Inc", "items": items, **values})


def test_an_order_adds_up(shop: SiteClient) -> None:
    items = [{"item_code": "A", "qty": 2, "rate": 10}, {"item_code": "A", "qty": 1}]
    made = shop.create("Sales Order", customer="buyer", delivery_date="2030-01-01", items=items)
    assert (made["customer"], made["territory"], made["company"]) == ("Buyer", "Canada", "Acme Inc")
    assert [(row["item_name"], row["rate"], row["amount"], row["uom"]) for row in made["items"]] == [
        ("Apple", 10.0, 20.0, "Nos"),
        ("Apple", 12.5, 12.5, "Nos"),
    ]
    assert (made["grand_total"], made["rounded_total"], made["total_qty"]) == (32.5, 32.5, 3.0)
    assert made["in_words"] == "USD Thirty Two and Fifty Cent only."
    bad = {"customer": "Buyer", "transaction_date": "2026-13-45", "items": items}
    body = refused(shop.post("/api/resource/Sales Order", json=bad), 417, "ValidationError")
    assert "is not a valid date string" in body["exception"]


def test_states_of_an_invoice(shop: SiteClient) -> None:
    name = invoice(shop)["name"]
    submitted = data(shop.update("Sales Invoice", name, docstatus=1))
    assert (submitted["docstatus"], submitted["status"], submitted["outstanding_amount"]) == (1, "Unpaid", 100.0)
    refused(shop.update("Sales Invoice", name, docstatus=0), 417, "DocstatusTransitionError")
    refused(shop.update("Sales Invoice", name, remarks="x", territory="Mexico"), 417, "UpdateAfterSubmitError")
    assert data(shop.update("Sales Invoice", name, po_no="7"))["po_no"] == "7"
    refused(shop.delete(f"/api/resource/Sales Invoice/{name}"), 417, "ValidationError")
    refused(shop.delete("/api/resource/Customer/Buyer"), 417, "LinkExistsError")
    booked = shop.rows(
        "GL Entry", filters={"voucher_no": name}, fields=["account", "debit", "credit"], order_by="account asc"
    )
    assert [(row["account"], row["debit"], row["credit"]) for row in booked] == [
        ("Debtors - AI", 100.0, 0.0),
        ("Sales - AI", 0.0, 100.0),
    ]
    assert data(shop.update("Sales Invoice", name, docstatus=2))["status"] == "Cancelled"
    refused(shop.update("Sales Invoice", name, remarks="x"), 417, "ValidationError")
    cancelled = shop.rows("GL Entry", filters={"voucher_no": name}, fields=["is_cancelled", "debit", "credit"])
    assert len(cancelled) == 4
    assert sum(row["debit"] - row["credit"] for row in cancelled) == 0
    assert {row["is_cancelled"] for row in cancelled} == {1}
    amended = invoice(shop, amended_from=name)
    assert amended["name"] == f"{name}-1"


def test_created_and_submitted_in_one_transaction(shop: SiteClient) -> None:
    docs = [
        {"doctype": "Customer", "customer_name": "Second"},
        {
            "doctype": "Sales Invoice",
            "customer": "Second",
            "company": "Acme Inc",
            "docstatus": 1,
            "items": [{"item_code": "A", "qty": 1, "rate": 1, "income_account": "Nowhere - AI"}],
        },
    ]
    refused(shop.method("frappe.client.insert_many", docs=docs), 417, "LinkValidationError")
    assert shop.rows("Customer", filters={"name": "Second"}) == []
    assert shop.rows("GL Entry") == []
    assert invoice(shop, docstatus=1)["docstatus"] == 1


def test_a_payment_moves_the_invoice_and_is_let_go_when_that_is_cancelled(shop: SiteClient) -> None:
    before = invoice(shop, docstatus=1)
    method = "erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry"
    proposed = shop.call(method, dt="Sales Invoice", dn=before["name"])
    payment = shop.create("Payment Entry", **{**proposed, "reference_no": "1", "docstatus": 1})
    after = shop.read("Sales Invoice", before["name"])
    assert (after["status"], after["outstanding_amount"]) == ("Paid", 0.0)
    assert after["modified"] > before["modified"]
    linked = shop.call(
        "frappe.desk.form.linked_with.get_submitted_linked_docs", doctype="Sales Invoice", name=before["name"]
    )
    assert linked == {"docs": [], "count": 0}
    answer = shop.update("Sales Invoice", before["name"], docstatus=2)
    assert f"Payment Entries {payment['name']} are un-linked" in answer.text
    kept = shop.read("Payment Entry", payment["name"])
    assert (kept["docstatus"], kept["references"], kept["unallocated_amount"]) == (1, [], 100.0)


def test_posting_date_is_today_unless_told_otherwise(shop: SiteClient) -> None:
    shop.admin("clock", freeze="2026-04-04 10:00:00")
    assert invoice(shop, posting_date="2026-01-01")["posting_date"] == "2026-04-04"
    kept = invoice(shop, posting_date="2026-01-01", set_posting_time=1)
    assert kept["posting_date"] == "2026-01-01"


def test_a_return_stands_in_the_way_of_cancelling(shop: SiteClient) -> None:
    name = invoice(shop, docstatus=1)["name"]
    items = [{"item_code": "A", "qty": -2, "rate": 50}]
    back = invoice(shop, is_return=1, return_against=name, items=items, docstatus=1)
    assert back["status"] == "Draft", "the answer of a creation that submits says no more (measured)"
    assert shop.stored("Sales Invoice", back["name"], "status") == "Return"
    refused(shop.update("Sales Invoice", name, docstatus=2), 417, "LinkExistsError")
    linked = shop.call("frappe.desk.form.linked_with.get_submitted_linked_docs", doctype="Sales Invoice", name=name)
    assert [doc["name"] for doc in linked["docs"]] == [back["name"]]
