"""What is still owed for invoices: read off the ledger, written to the invoice, let go when it is cancelled."""

from __future__ import annotations

from typing import Any

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.documents import get
from syncd.adapters.sandbox.session import Document, Session

from .ledger import setting
from .rounding import rounded

INVOICES = ("Sales Invoice", "Purchase Invoice")
_ORDERS = ("Sales Order",)
PARTY_ACCOUNT = {"Sales Invoice": "debit_to", "Purchase Invoice": "credit_to"}


def owed(session: Session, doctype: str, name: str) -> float:
    """What the ledger says is outstanding on an invoice, in the currency of its party's account."""
    row = session.one(
        'SELECT sum(debit_in_account_currency - credit_in_account_currency) FROM "tabGL Entry" '
        "WHERE against_voucher_type = ? AND against_voucher = ? AND is_cancelled = 0 AND account = ?",
        doctype,
        name,
        session.value(doctype, name, PARTY_ACCOUNT[doctype]),
    )
    amount = rounded(flt(row[0]) if row else 0.0)
    return amount if doctype == "Sales Invoice" else -amount + 0.0


def invoice_status(session: Session, document: Document) -> str:
    """The word for the state of an invoice at the site's present day."""
    doctype, name = document["doctype"], document["name"]
    if cint(document["docstatus"]) != 1:
        return "Cancelled" if cint(document["docstatus"]) else "Draft"
    left, today = flt(document.get("outstanding_amount")), session.now().strftime("%Y-%m-%d")
    whole = flt(document.get("rounded_total")) or flt(document.get("grand_total"))
    due = sum(
        flt(row.get("payment_amount")) for row in document["payment_schedule"] if str(row["due_date"])[:10] < today
    )
    if left > 0 and rounded(whole - left) < rounded(due):
        return "Overdue"
    if left > 0:
        return "Partly Paid" if left < whole else "Unpaid"
    if cint(document.get("is_return")):
        return "Return"
    returned = session.one(f'SELECT 1 FROM "tab{doctype}" WHERE return_against = ? AND docstatus = 1', name)
    if returned:
        return "Credit Note Issued" if doctype == "Sales Invoice" else "Debit Note Issued"
    return "Paid"


def refresh(session: Session, doctype: str, name: str) -> None:
    """Bring outstanding amount and status of a submitted invoice up to the ledger; the stamp moves if they change."""
    meta = session.meta(doctype)
    document = get(session, meta, name)
    if cint(document["docstatus"]) != 1:
        return
    before = (flt(document["outstanding_amount"]), document["status"])
    document["outstanding_amount"] = owed(session, doctype, name)
    document["status"] = invoice_status(session, document)
    after = (document["outstanding_amount"], document["status"])
    if before != after:
        saving.set_directly(session, meta, name, {"outstanding_amount": after[0], "status": after[1]})


def refresh_advance(session: Session, doctype: str, name: str) -> None:
    """Bring what was paid in advance for an order up to its submitted payments."""
    row = session.one(
        'SELECT sum(allocated_amount) FROM "tabPayment Entry Reference" '
        "WHERE reference_doctype = ? AND reference_name = ? AND docstatus = 1",
        doctype,
        name,
    )
    paid = rounded(flt(row[0]) if row else 0.0)
    if paid != flt(session.value(doctype, name, "advance_paid")):
        saving.set_directly(session, session.meta(doctype), name, {"advance_paid": paid})


def settle(session: Session, references: set[tuple[str, str]]) -> None:
    """Refresh every document that a payment or journal entry refers to."""
    for doctype, name in sorted(references):
        if doctype in INVOICES:
            refresh(session, doctype, name)
        elif doctype in _ORDERS:
            refresh_advance(session, doctype, name)


def unlink(session: Session, document: Document) -> None:
    """Take the references to a document that is being cancelled out of payments and journal entries.

    They stay submitted, payments with more of their amount unallocated (measured). Where the site's settings say
    otherwise nothing is let go, and the cancellation is refused for the links that are there.
    """
    order = document["doctype"] in _ORDERS
    name = "unlink_advance_payment_on_cancelation_of_order" if order else "unlink_payment_on_cancellation_of_invoice"
    if not cint(setting(session, name)):
        return
    stamp, user = session.stamp(), session.user.name
    target = (document["doctype"], document["name"])
    _unlink_journals(session, target, stamp, user)
    session.connection.execute(
        'UPDATE "tabGL Entry" SET against_voucher_type = NULL, against_voucher = NULL, modified = ?, modified_by = ? '
        "WHERE against_voucher_type = ? AND against_voucher = ? AND voucher_no != ?",
        (stamp, user, *target, document["name"]),
    )
    _unlink_payments(session, target)


def _unlink_journals(session: Session, target: tuple[str, str], stamp: str, user: str) -> None:
    condition = "reference_type = ? AND reference_name = ? AND docstatus < 2"
    rows = session.connection.execute(
        f'SELECT parent FROM "tabJournal Entry Account" WHERE {condition}', target
    ).fetchall()
    if not rows:
        return
    session.connection.execute(
        'UPDATE "tabJournal Entry Account" SET reference_type = NULL, reference_name = NULL, modified = ?, '
        f"modified_by = ? WHERE {condition}",
        (stamp, user, *target),
    )
    names = "\n".join(dict.fromkeys(row[0] for row in rows))
    session.message(f"Journal Entries {names} are un-linked")


def _unlink_payments(session: Session, target: tuple[str, str]) -> None:
    rows = session.connection.execute(
        'SELECT name, parent, allocated_amount, exchange_rate FROM "tabPayment Entry Reference" '
        "WHERE reference_doctype = ? AND reference_name = ? AND docstatus < 2",
        target,
    ).fetchall()
    meta = session.meta("Payment Entry")
    for name, payment, allocated, rate in rows:
        session.connection.execute('DELETE FROM "tabPayment Entry Reference" WHERE name = ?', (name,))
        before: dict[str, Any] = get(session, meta, payment)
        values = {
            "unallocated_amount": before["unallocated_amount"] + allocated,
            "total_allocated_amount": before["total_allocated_amount"] - allocated,
            "base_total_allocated_amount": before["base_total_allocated_amount"] - allocated * (rate or 1.0),
        }
        rounded_values = {key: rounded(flt(value)) for key, value in values.items()}
        saving.set_directly(session, meta, payment, rounded_values)
    if rows:
        names = "\n".join(dict.fromkeys(row[1] for row in rows))
        session.message(f"Payment Entries {names} are un-linked")
