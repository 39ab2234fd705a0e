"""Payments: what they settle, what they book, and the payment that is proposed for an invoice."""

from __future__ import annotations

from typing import Any

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.documents import get
from syncd.adapters.sandbox.session import Document, Session

from . import Change, Controller
from .ledger import book, reverse

_INVOICE = "Sales Invoice"


class PaymentEntryController(Controller):
    """A payment received from a customer."""

    def validate(self, change: Change) -> None:
        """Add up what is allocated; say in which state it is."""
        document = change.document
        document["title"] = document.get("title") or document.get("party_name") or document.get("party")
        paid = flt(document.get("paid_amount"))
        allocated = sum(flt(row.get("allocated_amount")) for row in document["references"])
        rate = flt(document.get("source_exchange_rate")) or 1.0
        amounts = {
            "paid_amount_after_tax": paid,
            "base_paid_amount": paid * rate,
            "base_paid_amount_after_tax": paid * rate,
            "received_amount_after_tax": flt(document.get("received_amount")),
            "total_allocated_amount": allocated,
            "base_total_allocated_amount": allocated * rate,
            "unallocated_amount": paid - allocated,
        }
        document.update(amounts)
        document["status"] = "Submitted" if cint(document["docstatus"]) == 1 else "Draft"

    def on_submit(self, change: Change) -> None:
        """Book, and settle the invoices referred to."""
        session, document = change.session, change.document
        amount, party = flt(document["base_paid_amount"]), str(document.get("party") or "")
        book(session, document, str(document["paid_to"]), amount)
        book(session, document, str(document["paid_from"]), -amount, party=party)
        self._settle(session, document, 1)

    def on_cancel(self, change: Change) -> None:
        """Take it back."""
        session, meta, document = change.session, change.meta, change.document
        reverse(session, document)
        self._settle(session, document, -1)
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)

    @staticmethod
    def _settle(session: Session, document: Document, direction: int) -> None:
        meta = session.meta(_INVOICE)
        for row in document["references"]:
            if row.get("reference_doctype") != _INVOICE:
                continue
            name = str(row["reference_name"])
            owed = flt(session.value(_INVOICE, name, "outstanding_amount"))
            total = flt(session.value(_INVOICE, name, "grand_total"))
            owed = round(owed - direction * flt(row.get("allocated_amount")), 9)
            status = "Paid" if owed <= 0 else "Partly Paid" if owed < total else "Unpaid"
            saving.set_directly(session, meta, name, {"outstanding_amount": owed, "status": status})


def unlink_payments(session: Session, invoice: Document) -> None:
    """Take the references to a cancelled invoice out of payments, which stay submitted and unallocated (measured)."""
    rows = session.connection.execute(
        'SELECT name, parent, allocated_amount FROM "tabPayment Entry Reference" '
        "WHERE reference_doctype = ? AND reference_name = ? AND docstatus = 1",
        (invoice["doctype"], invoice["name"]),
    ).fetchall()
    for name, payment, allocated in rows:
        session.connection.execute('DELETE FROM "tabPayment Entry Reference" WHERE name = ?', (name,))
        session.connection.execute(
            'UPDATE "tabPayment Entry" SET unallocated_amount = unallocated_amount + ?, '
            "total_allocated_amount = total_allocated_amount - ? WHERE name = ?",
            (allocated, allocated, payment),
        )
    if rows:
        payments = ", ".join(dict.fromkeys(row[1] for row in rows))
        session.message(f"Payment Entries {payments} are un-linked")


def proposed_payment(session: Session, doctype: str, name: str) -> Document:
    """An unsaved payment that settles the invoice. Raises 404."""
    invoice = get(session, session.meta(doctype), name)
    company = session.one(
        "SELECT default_bank_account, default_cash_account FROM tabCompany WHERE name = ?", invoice["company"]
    )
    to = (company[0] or company[1]) if company else None
    owed = flt(invoice["outstanding_amount"])
    today = session.now().strftime("%Y-%m-%d")
    reference: dict[str, Any] = {
        "reference_doctype": doctype,
        "reference_name": invoice["name"],
        "due_date": invoice.get("due_date"),
        "total_amount": flt(invoice["grand_total"]),
        "outstanding_amount": owed,
        "allocated_amount": owed,
        "exchange_rate": 1.0,
        "account": invoice.get("debit_to"),
        "docstatus": 0,
        "idx": 1,
        "doctype": "Payment Entry Reference",
        "__islocal": 1,
    }
    currency = invoice.get("currency")
    amounts = dict.fromkeys(("paid_amount", "base_paid_amount", "received_amount", "base_received_amount"), owed)
    return {
        "doctype": "Payment Entry",
        "docstatus": 0,
        "naming_series": "ACC-PAY-.YYYY.-",
        "payment_type": "Receive",
        "posting_date": today,
        "company": invoice["company"],
        "party_type": "Customer",
        "party": invoice["customer"],
        "party_name": invoice["customer_name"],
        "paid_from": invoice.get("debit_to"),
        "paid_from_account_type": "Receivable",
        "paid_from_account_currency": currency,
        "paid_to": to,
        "paid_to_account_type": "Bank",
        "paid_to_account_currency": currency,
        **amounts,
        "source_exchange_rate": 1.0,
        "target_exchange_rate": 1.0,
        "total_allocated_amount": owed,
        "unallocated_amount": 0.0,
        "reference_date": today,
        "status": "Draft",
        "references": [reference],
        "deductions": [],
        "taxes": [],
        "__islocal": 1,
    }
