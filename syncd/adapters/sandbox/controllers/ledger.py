"""Entries of the general ledger, written for documents that book and never by clients."""

from __future__ import annotations

from typing import Any

from syncd.adapters.sandbox import naming, saving
from syncd.adapters.sandbox.session import Document, Session


def book(session: Session, document: Document, account: str, amount: float, party: str | None = None) -> None:
    """One entry for a voucher: a debit, or, where the amount is negative, a credit."""
    meta = session.meta("GL Entry")
    debit, credit = (amount, 0.0) if amount >= 0 else (0.0, -amount)
    values: dict[str, Any] = {
        "account": account,
        "posting_date": document["posting_date"],
        "debit": debit,
        "credit": credit,
        "debit_in_account_currency": debit,
        "credit_in_account_currency": credit,
        "account_currency": document.get("currency") or document.get("paid_to_account_currency"),
        "voucher_type": document["doctype"],
        "voucher_no": document["name"],
        "company": document["company"],
        "party_type": "Customer" if party else None,
        "party": party,
        "is_opening": "No",
    }
    entry = saving.new_document(session, meta, values)
    saving.insert(session, meta, entry, trusted=True, name=naming.hash_name())


def reverse(session: Session, document: Document) -> None:
    """Cancel what a voucher booked: the same entries the other way round, both sides marked cancelled."""
    ledger = session.meta("GL Entry")
    rows = session.connection.execute(
        'SELECT name, account, debit, credit FROM "tabGL Entry" WHERE voucher_no = ? AND is_cancelled = 0',
        (document["name"],),
    ).fetchall()
    for name, account, debit, credit in rows:
        saving.set_directly(session, ledger, name, {"is_cancelled": 1})
        book(session, document, account, credit - debit)
    session.connection.execute('UPDATE "tabGL Entry" SET is_cancelled = 1 WHERE voucher_no = ?', (document["name"],))
