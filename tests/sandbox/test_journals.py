"""Journal entries, and what the ledger refuses to book."""

from __future__ import annotations

from typing import Any

import pytest

from .site_client import SiteClient, refused
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
    payment,
    submit,
    submitted_invoice,
)


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    return open_shop(client)


BUYER = {"party_type": "Customer", "party": "Buyer"}


def test_a_payroll_on_several_cost_centers(shop: SiteClient) -> None:
    centers = ("Main", "Operations", "Administration")
    legs = [debit("Salary", 1000 + at, cost_center=f"{name} - AI") for at, name in enumerate(centers)]
    made = journal(shop, *legs, credit("Payroll Taxes Payable", 300), credit("Payroll Payable", 2703))
    assert (made["total_debit"], made["total_credit"], made["difference"]) == (3003.0, 3003.0, 0.0)
    assert made["accounts"][0]["against_account"] == "Payroll Taxes Payable - AI, Payroll Payable - AI"
    assert made["accounts"][3]["cost_center"] == "Main - AI", "the company's where nothing was said"
    submit(shop, "Journal Entry", made["name"])
    found = {(row["account"], row["cost_center"]): row["debit"] for row in entries(shop, voucher_no=made["name"])}
    assert found["Salary - AI", "Operations - AI"] == 1001.0
    assert len(found) == 5
    assert sum(booked(shop, made["name"]).values()) == 0


def test_a_draft_out_of_balance_waits(shop: SiteClient) -> None:
    made = journal(shop, debit("Cash", 100), credit("Sales", 90))
    assert (made["docstatus"], made["difference"], made["title"]) == (0, 10.0, "Cash - AI")
    body = refused(shop.update("Journal Entry", made["name"], docstatus=1), 417, "ValidationError")
    assert body["exception"].endswith("Total Debit must be equal to Total Credit. The difference is 10.0")


def test_its_date_is_kept(shop: SiteClient) -> None:
    assert journal(shop, debit("Cash", 1), credit("Sales", 1))["posting_date"] == "2026-03-31"


BAD_ROWS: list[Any] = [
    pytest.param([debit("Debtors", 5), credit("Sales", 5)], "Row 1: Party Type and Party is required", id="no party"),
    pytest.param(
        [debit("Cash", 0), credit("Sales", 5)], "Row 1: Both Debit and Credit values cannot be zero", id="zero"
    ),
    pytest.param(
        [debit("Cash", 5, credit_in_account_currency=5), credit("Sales", 5)], "You cannot credit and debit", id="both"
    ),
]


@pytest.mark.parametrize(("rows", "text"), BAD_ROWS)
def test_rows_that_not_even_a_draft_may_have(shop: SiteClient, rows: list[dict[str, Any]], text: str) -> None:
    head = {"company": "Acme Inc", "posting_date": "2026-03-31", "voucher_type": "Journal Entry"}
    body = refused(shop.post("/api/resource/Journal Entry", json={**head, "accounts": rows}), 417, "ValidationError")
    assert text in body["exception"]


UNBOOKABLE: list[Any] = [
    pytest.param([debit("Income", 5), credit("Cash", 5)], {}, "is a Group Account", id="a group"),
    pytest.param(
        [debit("Legal Expenses", 5, cost_center=""), credit("Cash", 5)], {}, "Cost Center is required", id="none"
    ),
    pytest.param([debit("Write Off", 5), credit("Cash", 5)], {}, "Account Write Off - AI is inactive", id="disabled"),
    pytest.param(
        [debit("Cash", 5), credit("Sales", 5)], {"posting_date": "1999-12-31"}, "not in any active Fiscal", id="no year"
    ),
    pytest.param(
        [debit("Cash", 5), credit("Sales", 5)], {"posting_date": "2025-12-31"}, "not authorized to add", id="closed"
    ),
]


@pytest.mark.parametrize(("rows", "values", "text"), UNBOOKABLE)
def test_what_the_ledger_refuses(
    shop: SiteClient, rows: list[dict[str, Any]], values: dict[str, Any], text: str
) -> None:
    shop.update("Account", "Write Off - AI", disabled=1)
    settings = {"acc_frozen_upto": "2025-12-31"}
    shop.admin("edit", doctype="Accounts Settings", name="Accounts Settings", values=settings)
    if "Fiscal" in text:
        shop.admin("edit", doctype="Accounts Settings", name="Accounts Settings", values={"acc_frozen_upto": None})
    name = journal(shop, *rows, **values)["name"]
    exc_type = "FiscalYearError" if "Fiscal" in text else "ValidationError"
    body = refused(shop.update("Journal Entry", name, docstatus=1), 417, exc_type)
    assert text in body["exception"]
    assert shop.stored("Journal Entry", name, "docstatus") == 0


def test_a_row_that_settles_an_invoice(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    reference = {**BUYER, "reference_type": "Sales Invoice", "reference_name": name}
    made = journal(shop, debit("Write Off", 25, cost_center="Main - AI"), credit("Debtors", 25, **reference))
    submit(shop, "Journal Entry", made["name"])
    now = shop.read("Sales Invoice", name)
    assert (now["status"], now["outstanding_amount"]) == ("Partly Paid", 75.0)
    cancel(shop, "Journal Entry", made["name"])
    assert shop.read("Sales Invoice", name)["outstanding_amount"] == 100.0
    shop.customer("Other")
    bad = [
        (credit("Debtors", 101, **reference), "cannot be greater than Outstanding Amount 100.0"),
        (credit("Debtors", 1, **{**reference, "party": "Other"}), "Party / Account does not match"),
    ]
    for row, text in bad:
        legs = [debit("Cash", row["credit_in_account_currency"]), row]
        head = {"company": "Acme Inc", "posting_date": "2026-03-31", "accounts": legs}
        assert text in refused(shop.post("/api/resource/Journal Entry", json=head), 417, "ValidationError")["exception"]


def test_ledger_names_are_no_keys(shop: SiteClient) -> None:
    name = submitted_invoice(shop)["name"]
    before = entries(shop, voucher_no=name)
    assert all(len(row["name"]) == 10 for row in before)
    assert shop.admin("jobs/hourly") == {"changed": 2}
    after = entries(shop, voucher_no=name)
    assert all(row["name"].startswith("ACC-GLE-") for row in after)
    plain = [[{**row, "name": None} for row in rows] for rows in (before, after)]
    assert sorted(map(str, plain[0])) == sorted(map(str, plain[1]))
    assert shop.admin("jobs/hourly") == {"changed": 0}


def test_an_immutable_ledger_books_the_cancellation_of_today(shop: SiteClient) -> None:
    settings = {"enable_immutable_ledger": 1}
    shop.admin("edit", doctype="Accounts Settings", name="Accounts Settings", values=settings)
    made = submitted_invoice(shop, set_posting_time=1, posting_date="2026-01-05", due_date="2090-01-01")
    cancel(shop, "Sales Invoice", made["name"])
    rows = entries(shop, voucher_no=made["name"])
    assert (len(rows), {row["is_cancelled"] for row in rows}) == (4, {0})
    assert booked(shop, made["name"]) == {"Debtors": 0.0, "Sales": 0.0}


def test_the_ledger_is_the_sum_of_the_live_documents(shop: SiteClient) -> None:
    invoices = [submitted_invoice(shop, items=[{"item_code": "A", "qty": n, "rate": 10}]) for n in range(1, 7)]
    bills = [bill(shop, items=[{"item_code": "B", "qty": n, "rate": 7}], docstatus=1)["name"] for n in range(1, 4)]
    for made in invoices[:3]:
        payment(shop, "Sales Invoice", made["name"], 5)
    paid = payment(shop, "Purchase Invoice", bills[0])["name"]
    submit(shop, "Journal Entry", journal(shop, debit("Salary", 11), credit("Payroll Payable", 11))["name"])
    cancel(shop, "Payment Entry", paid)
    cancel(shop, "Sales Invoice", invoices[0]["name"])
    cancel(shop, "Sales Invoice", invoices[5]["name"])
    again = {"rate": 20}
    items = [{**invoices[5]["items"][0], **again}]
    person = {"user": "ann@example.com", "doctype": "Sales Invoice"}
    shop.admin("act", **person, action="amend_and_submit", name=invoices[5]["name"], values={"items": items})
    cancel(shop, "Purchase Invoice", bills[2])
    invoice(shop)  # a draft books nothing
    sums: dict[str, float] = {}
    for row in entries(shop, is_cancelled=0):
        sums[row["voucher_no"]] = round(sums.get(row["voucher_no"], 0.0) + row["debit"] - row["credit"], 2)
    assert set(sums.values()) == {0.0}, "every voucher balances"
    live = {
        row["name"]
        for doctype in ("Sales Invoice", "Purchase Invoice", "Payment Entry", "Journal Entry")
        for row in shop.rows(doctype, filters={"docstatus": 1}, limit_page_length="0")
    }
    assert set(sums) == live
    for doctype, account, sign in (("Sales Invoice", "Debtors - AI", 1), ("Purchase Invoice", "Creditors - AI", -1)):
        fields = ["outstanding_amount"]
        owed = shop.rows(doctype, filters={"docstatus": 1}, fields=fields, limit_page_length="0")
        open_payments = 5.0 if sign == 1 else 0.0  # of the invoice that was cancelled: nobody's now
        balance = sum(row["debit"] - row["credit"] for row in entries(shop, is_cancelled=0, account=account))
        assert round(balance * sign, 2) == round(sum(row["outstanding_amount"] for row in owed) - open_payments, 2)
