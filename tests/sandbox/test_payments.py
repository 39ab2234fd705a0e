"""Payments and journal entries that settle invoices; the states that invoices go through."""

from __future__ import annotations

from typing import Any

import pytest

from .site_client import SiteClient, data, refused
from .trade import (
    PAYMENT,
    bill,
    booked,
    cancel,
    credit,
    debit,
    entries,
    invoice,
    journal,
    open_shop,
    order,
    payment,
    proposal,
    submit,
    submitted_invoice,
)


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    return open_shop(client)


def _state(shop: SiteClient, doctype: str, name: str) -> tuple[str, float]:
    document = shop.read(doctype, name)
    return document["status"], document["outstanding_amount"]


@pytest.mark.parametrize(
    ("doctype", "kind", "account"),
    [
        pytest.param("Sales Invoice", "Receive", "Debtors", id="a customer pays"),
        pytest.param("Purchase Invoice", "Pay", "Creditors", id="we pay a supplier"),
    ],
)
def test_an_invoice_is_paid_in_parts(shop: SiteClient, doctype: str, kind: str, account: str) -> None:
    make = invoice if doctype == "Sales Invoice" else bill
    sign = 1 if kind == "Receive" else -1
    name = make(shop, docstatus=1, due_date="2090-01-01")["name"]
    assert _state(shop, doctype, name) == ("Unpaid", 100.0)
    first = payment(shop, doctype, name, 30)
    assert (first["payment_type"], first["status"], first["unallocated_amount"]) == (kind, "Submitted", 0.0)
    assert first["modified"] > first["creation"]
    stored = shop.read("Payment Entry", first["name"])
    assert stored["references"][0]["outstanding_amount"] == 70.0, "what is left after it"
    assert booked(shop, first["name"]) == {account: -30.0 * sign, "Main Bank": 30.0 * sign}
    before = shop.stored(doctype, name, "modified")
    assert _state(shop, doctype, name) == ("Partly Paid", 70.0)
    second = payment(shop, doctype, name)
    assert second["paid_amount"] == 70.0
    assert _state(shop, doctype, name) == ("Paid", 0.0)
    assert shop.stored(doctype, name, "modified") > before
    assert cancel(shop, "Payment Entry", first["name"])["status"] == "Cancelled"
    assert _state(shop, doctype, name) == ("Partly Paid", 30.0)
    assert booked(shop, first["name"]) == {}
    assert {row["is_cancelled"] for row in entries(shop, voucher_no=first["name"])} == {1}


def test_more_than_is_owed_stays_unallocated(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    made = payment(shop, "Sales Invoice", name, paid_amount=130, received_amount=130)
    assert (made["total_allocated_amount"], made["unallocated_amount"], made["difference_amount"]) == (100.0, 30.0, 0.0)
    rows = [(row["account"], row["credit"], row["against_voucher"]) for row in entries(shop, voucher_no=made["name"])]
    assert ("Debtors - AI", 100.0, name) in rows
    assert ("Debtors - AI", 30.0, made["name"]) in rows


def test_one_payment_for_two_invoices(shop: SiteClient) -> None:
    first, second = submitted_invoice(shop)["name"], submitted_invoice(shop)["name"]
    both = proposal(shop, "Sales Invoice", first)
    other = proposal(shop, "Sales Invoice", second)["references"][0]
    both["references"].append({**other, "allocated_amount": 40, "idx": 2})
    made = shop.create("Payment Entry", **{**both, "paid_amount": 140, "received_amount": 140, "docstatus": 1})
    assert made["total_allocated_amount"] == 140.0
    assert [_state(shop, "Sales Invoice", name) for name in (first, second)] == [("Paid", 0.0), ("Partly Paid", 60.0)]


REFUSED: list[Any] = [
    pytest.param({"allocated_amount": 101}, {}, "Row #1: Allocated Amount cannot be greater than", id="too much"),
    pytest.param(
        {}, {"reference_no": None}, "Reference No and Reference Date is mandatory", id="a bank wants a number"
    ),
    pytest.param({}, {"party": "Other"}, "is not associated with Customer Other", id="another customer's invoice"),
    pytest.param({"reference_doctype": "Purchase Invoice"}, {}, "Could not find", id="no such document"),
    pytest.param({}, {"paid_from": "Cash - AI"}, "but Party Account is Cash - AI", id="another account than its own"),
    pytest.param({}, {"received_amount": 120}, "cannot be greater than Paid Amount", id="more received than paid"),
    pytest.param({}, {"paid_amount": 0}, "Paid Amount is mandatory", id="nothing paid"),
    pytest.param({}, {"received_amount": 90}, "Difference Amount must be zero", id="less received than allocated"),
]


@pytest.mark.parametrize(("row", "values", "text"), REFUSED)
def test_payments_that_are_refused(shop: SiteClient, row: dict[str, Any], values: dict[str, Any], text: str) -> None:
    shop.customer("Other")
    made = proposal(shop, "Sales Invoice", submitted_invoice(shop)["name"]) | {"docstatus": 1}
    made["references"][0] |= row
    body = (
        refused(shop.post("/api/resource/Payment Entry", json={**made, **values}), 417, "ValidationError")
        if ("Could not" not in text)
        else refused(shop.post("/api/resource/Payment Entry", json={**made, **values}), 417, "LinkValidationError")
    )
    assert text in body["exception"]
    assert shop.rows("Payment Entry") == []


def test_what_cannot_be_paid_any_more_or_not_yet(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    late = proposal(shop, "Sales Invoice", name)
    payment(shop, "Sales Invoice", name)
    body = refused(shop.post("/api/resource/Payment Entry", json=late), 417, "ValidationError")
    assert body["exception"].endswith(f"Sales Invoice {name} has already been fully paid.")
    draft = invoice(shop)["name"]
    early = {**late, "references": [{**late["references"][0], "reference_name": draft}]}
    refused(shop.post("/api/resource/Payment Entry", json=early), 417, "ValidationError")
    twice = proposal(shop, "Sales Invoice", submitted_invoice(shop)["name"])
    twice["references"] *= 2
    body = refused(shop.post("/api/resource/Payment Entry", json=twice), 417, "ValidationError")
    assert "Duplicate entry in References" in body["exception"]


def test_a_cancelled_invoice_lets_go_of_what_paid_it(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    paid = payment(shop, "Sales Invoice", name, 60)
    party = {"party_type": "Customer", "party": "Buyer", "reference_type": "Sales Invoice", "reference_name": name}
    entry = submit(shop, "Journal Entry", journal(shop, debit("Cash", 15), credit("Debtors", 15, **party))["name"])
    assert _state(shop, "Sales Invoice", name) == ("Partly Paid", 25.0)
    waiting = shop.create("Payment Entry", **proposal(shop, "Sales Invoice", name))
    before = shop.read("Payment Entry", paid["name"])["modified"]
    answer = shop.update("Sales Invoice", name, docstatus=2)
    assert f"Journal Entries {entry['name']} are un-linked" in answer.text
    assert data(answer)["outstanding_amount"] == 25.0, "what was owed stays written"
    kept = shop.read("Payment Entry", paid["name"])
    amounts = (kept["total_allocated_amount"], kept["unallocated_amount"])
    assert (kept["docstatus"], kept["references"], *amounts) == (1, [], 0.0, 60.0)
    assert kept["modified"] > before
    assert shop.read("Payment Entry", waiting["name"])["references"] == [], "drafts are let go as well"
    journal_now = shop.read("Journal Entry", entry["name"])
    assert "reference_name" not in journal_now["accounts"][1]
    assert journal_now["modified"] == entry["modified"], "the entry's own stamp does not move"
    assert [row["against_voucher"] for row in entries(shop, voucher_no=paid["name"])] == [None, None]
    assert booked(shop, paid["name"]) == {"Debtors": -60.0, "Main Bank": 60.0}


def test_without_unlinking_a_payment_stands_in_the_way(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    paid = payment(shop, "Sales Invoice", name)["name"]
    shop.admin(
        "edit",
        doctype="Accounts Settings",
        name="Accounts Settings",
        values={"unlink_payment_on_cancellation_of_invoice": 0},
    )
    body = refused(shop.update("Sales Invoice", name, docstatus=2), 417, "LinkExistsError")
    assert "is linked with Payment Entry" in body["exception"]
    cancel(shop, "Payment Entry", paid)
    assert cancel(shop, "Sales Invoice", name)["status"] == "Cancelled"


def test_an_advance_for_an_order(shop: SiteClient) -> None:
    name = submit(shop, "Sales Order", order(shop)["name"])["name"]
    made = payment(shop, "Sales Order", name, 40)
    assert shop.read("Sales Order", name)["advance_paid"] == 40.0
    assert proposal(shop, "Sales Order", name)["paid_amount"] == 60.0
    assert {row["against_voucher"] for row in entries(shop, voucher_no=made["name"]) if row["party"]} == {made["name"]}
    cancel(shop, "Payment Entry", made["name"])
    assert shop.read("Sales Order", name)["advance_paid"] == 0.0


def test_money_moved_between_own_accounts(shop: SiteClient) -> None:
    values = {"payment_type": "Internal Transfer", "posting_date": "2026-02-02", "reference_no": "7"}
    ends = {"paid_from": "Main Bank - AI", "paid_to": "Cash - AI", "paid_amount": 70, "received_amount": 70}
    made = shop.create("Payment Entry", **values, **ends, reference_date="2026-02-02", docstatus=1)
    assert booked(shop, made["name"]) == {"Main Bank": -70.0, "Cash": 70.0}


def test_a_deduction_makes_up_the_difference(shop: SiteClient) -> None:
    made = proposal(shop, "Sales Invoice", submitted_invoice(shop)["name"])
    fee = {"account": "Administrative Expenses - AI", "cost_center": "Main - AI", "amount": 3}
    made |= {"paid_amount": 97, "received_amount": 97, "deductions": [fee], "docstatus": 1}
    name = shop.create("Payment Entry", **made)["name"]
    assert booked(shop, name) == {"Debtors": -100.0, "Main Bank": 97.0, "Administrative Expenses": 3.0}


def test_the_state_follows_days_and_returns(shop: SiteClient) -> None:
    shop.admin("clock", freeze="2026-03-01 09:00:00")
    name = submitted_invoice(shop, due_date="2026-03-10")["name"]
    part = submitted_invoice(shop, due_date="2026-03-10")["name"]
    shop.admin("clock", freeze="2026-03-02 09:00:00")
    payment(shop, "Sales Invoice", part, 10)
    shop.admin("clock", freeze="2026-03-11 00:30:00")
    before = shop.read("Sales Invoice", name)
    assert before["status"] == "Unpaid", "until the daily job runs"
    assert shop.admin("jobs/daily") == {"changed": 2}
    after = shop.read("Sales Invoice", name)
    assert (after["status"], after["modified"]) == ("Overdue", before["modified"]), "the job moves no stamp"
    assert shop.admin("jobs/daily") == {"changed": 0}
    shop.admin("clock", freeze="2026-03-12 09:00:00")
    late = submit(shop, "Sales Invoice", invoice(shop, due_date="2026-03-12")["name"])
    assert late["status"] == "Unpaid", "due today is not overdue"
    payment(shop, "Sales Invoice", name, 99)
    assert _state(shop, "Sales Invoice", name) == ("Overdue", 1.0), "overdue comes before partly paid"
    payment(shop, "Sales Invoice", name)
    assert _state(shop, "Sales Invoice", name) == ("Paid", 0.0)


@pytest.mark.parametrize(
    ("for_self", "original", "credit_note"),
    [
        pytest.param(1, ("Unpaid", 100.0), ("Return", -100.0), id="the return owes for itself"),
        pytest.param(0, ("Credit Note Issued", 0.0), ("Return", 0.0), id="it settles what it returns"),
    ],
)
def test_returns(shop: SiteClient, for_self: int, original: tuple[str, float], credit_note: tuple[str, float]) -> None:
    name = submitted_invoice(shop)["name"]
    items = [{"item_code": "A", "qty": -2, "rate": 50}]
    values = {"is_return": 1, "return_against": name, "update_outstanding_for_self": for_self, "docstatus": 1}
    back = invoice(shop, items=items, **values)["name"]
    assert _state(shop, "Sales Invoice", name) == original
    assert _state(shop, "Sales Invoice", back) == credit_note
    assert booked(shop, back) == {"Debtors": -100.0, "Sales": 100.0}
    cancel(shop, "Sales Invoice", back)
    assert _state(shop, "Sales Invoice", name) == ("Unpaid", 100.0)


def test_an_order_is_delivered_and_billed(shop: SiteClient) -> None:
    made = submit(shop, "Sales Order", order(shop)["name"])
    assert (made["status"], made["billing_status"]) == ("To Deliver and Bill", "Not Billed")
    detail = {"item_code": "A", "rate": 50, "so_detail": made["items"][0]["name"]}

    def state() -> tuple[str, float, float]:
        now = shop.read("Sales Order", made["name"])
        return now["status"], now["per_delivered"], now["per_billed"]

    note = {"customer": "Buyer", "items": [{**detail, "qty": 1, "against_sales_order": made["name"]}]}
    first = shop.create("Delivery Note", **note, docstatus=1)["name"]
    assert state() == ("To Deliver and Bill", 50.0, 0.0)
    assert entries(shop, voucher_no=first) == [], "a delivery books nothing: no stock is kept"
    row = {**detail, "qty": 2, "sales_order": made["name"]}
    billed = invoice(shop, items=[row], docstatus=1)["name"]
    assert state() == ("To Deliver", 50.0, 100.0)
    second = submit(shop, "Delivery Note", shop.create("Delivery Note", **note)["name"])
    assert second["status"] == "To Bill"
    assert state() == ("Completed", 100.0, 100.0)
    body = refused(shop.post("/api/resource/Delivery Note", json={**note, "docstatus": 1}), 417, "OverAllowanceError")
    assert "over limit by <strong>Quantity 1.0</strong>" in body["exception"]
    cancel(shop, "Sales Invoice", billed)
    assert state() == ("To Bill", 100.0, 0.0)
    for name in (first, second["name"]):
        cancel(shop, "Delivery Note", name)
    assert state() == ("To Deliver and Bill", 0.0, 0.0)


def test_a_part_of_what_is_owed_is_proposed_where_an_amount_is_given(shop: SiteClient) -> None:
    name = submitted_invoice(shop, due_date="2090-01-01")["name"]
    proposed = shop.call(PAYMENT, dt="Sales Invoice", dn=name, party_amount=30)
    assert (proposed["paid_amount"], proposed["received_amount"]) == (30.0, 30.0)
    assert [row["allocated_amount"] for row in proposed["references"]] == [30.0]
    shop.create("Payment Entry", **{**proposed, "reference_no": "PART", "docstatus": 1})
    assert _state(shop, "Sales Invoice", name) == ("Partly Paid", 70.0)
