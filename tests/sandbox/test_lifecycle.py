"""Draft, submitted, cancelled, amended: what each step of the accounting documents does and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .site_client import SiteClient, data, refused, side_messages
from .trade import (
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

Make = Callable[[SiteClient], dict[str, Any]]


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    return open_shop(client)


def _journal(shop: SiteClient) -> dict[str, Any]:
    return journal(shop, debit("Cash", 100), credit("Sales", 100))


def _payment(shop: SiteClient) -> dict[str, Any]:
    return shop.create("Payment Entry", **proposal(shop, "Sales Invoice", invoice(shop, docstatus=1)["name"]))


def _note(shop: SiteClient) -> dict[str, Any]:
    return shop.create("Delivery Note", customer="Buyer", items=[{"item_code": "A", "qty": 2, "rate": 50}])


# DocType, how a draft is made, its series, a field that may not change after submission, one that may
KINDS: list[tuple[str, Make, str, dict[str, Any], dict[str, Any]]] = [
    ("Sales Invoice", invoice, "ACC-SINV-2026-", {"territory": "Mexico"}, {"po_no": "77"}),
    ("Purchase Invoice", bill, "ACC-PINV-2026-", {"bill_no": "x"}, {"hold_comment": "wait"}),
    ("Sales Order", order, "SAL-ORD-2026-", {"order_type": "Maintenance"}, {"po_no": "77"}),
    ("Delivery Note", _note, "MAT-DN-2026-", {"driver_name": "x"}, {"vehicle_no": "77"}),
    ("Journal Entry", _journal, "ACC-JV-2026-", {"user_remark": "x"}, {"title": "Books"}),
    ("Payment Entry", _payment, "ACC-PAY-2026-", {"remarks": "x"}, {"party_name": "Someone"}),
]
EACH = pytest.mark.parametrize(
    ("doctype", "make", "series", "fixed", "free"), [pytest.param(*kind, id=kind[0]) for kind in KINDS]
)


@EACH
def test_the_life_of_a_document(
    shop: SiteClient, doctype: str, make: Make, series: str, fixed: dict[str, Any], free: dict[str, Any]
) -> None:
    shop.admin("clock", freeze="2026-05-05 10:00:00")
    name = make(shop)["name"]
    assert name == f"{series}00001"
    shop.admin("clock", freeze="2026-05-05 10:00:01")
    body = refused(shop.update(doctype, name, docstatus=2), 417, "DocstatusTransitionError")
    assert body["exception"].endswith("Cannot change docstatus from 0 (Draft) to 2 (Cancelled)")
    submitted = submit(shop, doctype, name)
    assert submitted["docstatus"] == 1
    shop.admin("clock", freeze="2026-05-05 10:00:02")
    again = data(shop.update(doctype, name, docstatus=1))
    assert again["docstatus"] == 1, "submitting once more is answered 200"
    assert again["modified"] > submitted["modified"], "and changes nothing but the stamp"
    refused(shop.update(doctype, name, docstatus=0), 417, "DocstatusTransitionError")
    body = refused(shop.update(doctype, name, **fixed), 417, "UpdateAfterSubmitError")
    assert side_messages(body)[0]["title"] == "Cannot Update After Submit"
    assert data(shop.update(doctype, name, **free)).items() >= free.items()
    refused(shop.delete(shop.resource(doctype, name)), 417, "ValidationError")
    early = {**make(shop), "amended_from": name}
    body = refused(shop.post(shop.resource(doctype), json=early), 417, "ValidationError")
    assert "cannot be amended because it is not cancelled" in body["exception"]
    assert cancel(shop, doctype, name)["docstatus"] == 2
    body = refused(shop.update(doctype, name, **free), 417, "ValidationError")
    assert body["exception"].endswith("Cannot edit cancelled document")
    assert "_server_messages" not in body
    amended = shop.admin("act", action="amend_and_submit", doctype=doctype, name=name, user="ann@example.com")
    assert (amended["name"], amended["docstatus"], amended["modified_by"]) == (f"{name}-1", 1, "ann@example.com")
    cancel(shop, doctype, amended["name"])
    assert shop.admin("act", action="amend", doctype=doctype, name=amended["name"])["name"] == f"{name}-2"


def test_the_number_of_the_last_deleted_document_is_given_again(shop: SiteClient) -> None:
    first, second = invoice(shop)["name"], invoice(shop)["name"]
    assert data(shop.delete(shop.resource("Sales Invoice", second))) == "ok"
    assert invoice(shop)["name"] == second
    assert data(shop.delete(shop.resource("Sales Invoice", first))) == "ok"
    assert invoice(shop)["name"] not in (first, second)


def test_rows_of_a_submitted_document(shop: SiteClient) -> None:
    made = submitted_invoice(shop)
    row = made["items"][0]
    cases = [
        ([{**row, "qty": 3}], "UpdateAfterSubmitError"),
        ([row, row], "UpdateAfterSubmitError"),
        ([{**row, "name": "unknown"}], "UpdateAfterSubmitError"),
        ([], "MandatoryError"),
        ([{"item_code": "A", "qty": 2, "rate": 50}], "MandatoryError"),
    ]
    for rows, exc_type in cases:
        refused(shop.update("Sales Invoice", made["name"], items=rows), 417, exc_type)
    center = [{**row, "cost_center": "Operations - AI"}]
    assert (
        data(shop.update("Sales Invoice", made["name"], items=center))["items"][0]["cost_center"] == "Operations - AI"
    )


def test_what_the_answer_of_a_creation_that_submits_does_not_say(shop: SiteClient) -> None:
    made = invoice(shop, docstatus=1)
    assert (made["status"], made["outstanding_amount"], made["modified"]) == ("Draft", 0.0, made["creation"])
    stored = shop.read("Sales Invoice", made["name"])
    assert (stored["status"], stored["outstanding_amount"]) == ("Unpaid", 100.0)
    assert stored["modified"] > made["modified"]
    of_order = order(shop, docstatus=1)["name"]
    assert shop.stored("Sales Order", of_order, "status") == "Draft", "of orders the store says no more either"


def test_a_submission_with_changes_is_one_transaction(shop: SiteClient) -> None:
    made = invoice(shop)
    row = made["items"][0]
    bad = [{**row, "income_account": "Income - AI"}]
    body = refused(shop.update("Sales Invoice", made["name"], items=bad, docstatus=1), 417, "ValidationError")
    assert "is a Group Account" in body["exception"]
    assert shop.read("Sales Invoice", made["name"])["modified"] == made["modified"]
    assert entries(shop, voucher_no=made["name"]) == []
    answer = submit(shop, "Sales Invoice", made["name"], items=[{**row, "qty": 3}], modified=made["modified"])
    assert answer["grand_total"] == 150.0
    assert shop.stored("Sales Invoice", made["name"], "outstanding_amount") == 150.0


def test_many_at_once_all_or_nothing(shop: SiteClient) -> None:
    good = {"doctype": "Sales Invoice", "customer": "Buyer", "docstatus": 1}
    good["items"] = [{"item_code": "A", "qty": 1, "rate": 5}]
    unbalanced = [debit("Cash", 5), credit("Sales", 4)]
    bad = {"doctype": "Journal Entry", "company": "Acme Inc", "posting_date": "2026-01-01", "docstatus": 1}
    answer = shop.method("frappe.client.insert_many", docs=[good, {**bad, "accounts": unbalanced}, good])
    body = refused(answer, 417, "ValidationError")
    assert body["exception"].endswith("Total Debit must be equal to Total Credit. The difference is 1.0")
    assert shop.rows("Sales Invoice") == []
    assert entries(shop) == []
    names = shop.call("frappe.client.insert_many", docs=[good, good])
    assert [booked(shop, name) for name in names] == [{"Debtors": 5.0, "Sales": -5.0}] * 2


def test_a_link_to_a_cancelled_document(shop: SiteClient) -> None:
    gone = submitted_invoice(shop)["name"]
    draft = proposal(shop, "Sales Invoice", gone)
    cancel(shop, "Sales Invoice", gone)
    body = refused(shop.post("/api/resource/Payment Entry", json=draft), 417, "CancelledLinkError")
    assert f"Cannot link cancelled document: Row #1: Name: {gone}" in body["exception"]


def test_what_stands_in_the_way_of_cancelling(shop: SiteClient) -> None:
    made = submit(shop, "Sales Order", order(shop)["name"])
    row = {**made["items"][0], "sales_order": made["name"], "so_detail": made["items"][0]["name"]}
    row = {key: row[key] for key in ("item_code", "qty", "rate", "sales_order", "so_detail")}
    of_it = invoice(shop, items=[row], docstatus=1)["name"]
    body = refused(shop.update("Sales Order", made["name"], docstatus=2), 417, "LinkExistsError")
    assert f'is linked with Sales Invoice <a href="/app/Form/Sales Invoice/{of_it}">{of_it}</a>' in body["exception"]
    assert shop.stored("Sales Order", made["name"], "docstatus") == 1
    linked = "frappe.desk.form.linked_with.get_submitted_linked_docs"
    back = invoice(shop, is_return=1, return_against=of_it, items=[{**row, "qty": -2}], docstatus=1)["name"]
    found = shop.call(linked, doctype="Sales Order", name=made["name"])
    assert {doc["name"] for doc in found["docs"]} == {of_it, back}, "those that refer to them as well"
    for name in (back, of_it):
        cancel(shop, "Sales Invoice", name)
    assert cancel(shop, "Sales Order", made["name"])["status"] == "Cancelled"


def test_doctypes_that_can_refer(shop: SiteClient) -> None:
    made = submitted_invoice(shop)
    linked = "frappe.desk.form.linked_with.get_linked_doctypes"
    before = shop.call(linked, doctype="Sales Invoice")
    assert set(before["Sales Invoice"]["fieldname"]) == {"amended_from", "return_against"}
    assert before["Delivery Note"] == {"child_doctype": "Delivery Note Item", "fieldname": ["against_sales_invoice"]}
    assert not {"Payment Entry", "Journal Entry", "GL Entry"} & set(before), "links of any kind only where one is there"
    payment(shop, "Sales Invoice", made["name"], 10)
    party = {"party_type": "Customer", "party": "Buyer", "reference_type": "Sales Invoice"}
    journal(shop, debit("Cash", 5), credit("Debtors", 5, **party, reference_name=made["name"]))
    after = shop.call(linked, doctype="Sales Invoice")
    child = {"child_doctype": "Payment Entry Reference", "doctype_fieldname": "reference_doctype"}
    assert after["Payment Entry"] == {**child, "fieldname": ["reference_name"]}
    child = {"child_doctype": "Journal Entry Account", "doctype_fieldname": "reference_type"}
    assert after["Journal Entry"] == {**child, "fieldname": ["reference_name"]}


def test_a_document_that_a_background_job_is_at(shop: SiteClient) -> None:
    made = invoice(shop)
    shop.admin("lock", doctype="Sales Invoice", name=made["name"])
    for values in ({"remarks": "x"}, {"docstatus": 1}):
        body = refused(shop.update("Sales Invoice", made["name"], **values), 417, "DocumentLockedError")
        assert "currently locked and queued for execution" in body["exception"]
    assert shop.admin("lock", doctype="Sales Invoice", name=made["name"], locked=False) == {"locked": []}
    assert submit(shop, "Sales Invoice", made["name"])["docstatus"] == 1


@pytest.mark.parametrize(
    ("doctype", "may"),
    [
        pytest.param("Sales Order", {"read", "create", "submit", "cancel"}, id="orders are a sales user's own"),
        pytest.param("Delivery Note", {"read", "create", "submit", "cancel"}, id="deliveries too"),
        pytest.param("Sales Invoice", set(), id="invoices are for accounts"),
        pytest.param("Purchase Invoice", set(), id="bills are for accounts"),
        pytest.param("Payment Entry", set(), id="payments are for accounts"),
        pytest.param("Journal Entry", set(), id="journals are for accounts"),
        pytest.param("GL Entry", set(), id="the ledger is for accounts"),
    ],
)
def test_what_a_sales_user_may(limited: SiteClient, doctype: str, may: set[str]) -> None:
    method = "frappe.client.has_permission"
    found = {
        right
        for right in ("read", "create", "submit", "cancel")
        if limited.call(method, doctype=doctype, docname="", perm_type=right)["has_permission"]
    }
    assert found == may


def test_the_ledger_is_not_written_by_clients(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    entry = entries(shop, voucher_no=name)[0]["name"]
    refused(shop.update("GL Entry", entry, remarks="x"), 403, "PermissionError")
    refused(shop.delete(shop.resource("GL Entry", entry)), 403, "PermissionError")
