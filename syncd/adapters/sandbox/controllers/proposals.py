"""The payment that the site proposes for an invoice or an order."""

from __future__ import annotations

from typing import Any

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import flt
from syncd.adapters.sandbox.defaults import apply_defaults
from syncd.adapters.sandbox.documents import answer, get
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from .invoices import party_account
from .payments import read_reference
from .transactions import BUYING, SELLING

_PAID = 100.0
_UNSET = ("name", "creation", "modified", "modified_by")


def proposed_payment(session: Session, doctype: str, name: str, options: dict[str, Any]) -> Document:
    """An unsaved payment for all that is owed, ready to be posted (its bank reference is the caller's to give).

    `options`: `bank_account`, `reference_date` and `party_amount` of the method; the last is for a part of what is owed
    (the method takes it for the whole and allocates that much). Raises 404, and ValidationError where there is nothing
    of the kind to pay.
    """
    if doctype not in ("Sales Invoice", "Purchase Invoice", "Sales Order"):
        raise invalid(f"Payment Entry cannot be made for {doctype}")
    source = get(session, session.meta(doctype), name)
    if doctype == "Sales Order" and flt(source.get("per_billed")) >= _PAID:
        raise invalid(f"Can only make payment against unbilled {doctype}")
    buying = doctype == "Purchase Invoice"
    side = BUYING if buying else SELLING
    party = source[side.party]
    found = read_reference(session, doctype, name, party)
    asked = flt(options.get("party_amount"))
    total, left = (asked, asked) if asked else (found.total, found.outstanding)
    receive = (left >= 0) is not buying
    account = found.account or party_account(session, side, party, source["company"])
    bank = options.get("bank_account") or _bank(session, source["company"])
    ends = {"paid_from": account, "paid_to": bank} if receive else {"paid_from": bank, "paid_to": account}
    today = session.now().strftime("%Y-%m-%d")
    values: dict[str, Any] = {
        "payment_type": "Receive" if receive else "Pay",
        "company": source["company"],
        "party_type": side.doctype,
        "party": party,
        "party_name": source.get(f"{side.party}_name"),
        **ends,
        "source_exchange_rate": 1.0,
        "target_exchange_rate": 1.0,
        "reference_date": options.get("reference_date") or today,
        "cost_center": source.get("cost_center"),
        "project": source.get("project"),
        "status": "Draft",
    }
    amounts = ("paid_amount", "base_paid_amount", "received_amount", "base_received_amount")
    values |= dict.fromkeys((*amounts, "total_allocated_amount", "base_total_allocated_amount"), abs(left))
    for end in ends:
        for part in ("account_type", "account_currency"):
            values[f"{end}_{part}"] = session.value("Account", values[end], part)
    values["references"] = [
        {
            "reference_doctype": doctype,
            "reference_name": source["name"],
            "due_date": found.due_date,
            "bill_no": found.bill_no,
            "total_amount": total,
            "outstanding_amount": left,
            "allocated_amount": left,
            "exchange_rate": 1.0,
            "account": found.account,
        }
    ]
    return _unsaved(session, values)


def _bank(session: Session, company: str) -> str | None:
    row = session.one("SELECT default_bank_account, default_cash_account FROM tabCompany WHERE name = ?", company)
    return (row[0] or row[1]) if row else None


def _unsaved(session: Session, values: dict[str, Any]) -> Document:
    meta = session.meta("Payment Entry")
    document = saving.new_document(session, meta, values)
    apply_defaults(session, meta, document)
    document.update(owner=session.user.name, docstatus=0, idx=0)
    for row in document["references"]:
        row.update(docstatus=0)
    shown = answer(session, document, nulls=False)
    for key in _UNSET:
        shown.pop(key, None)
    for row in shown["references"]:
        row.pop("name", None)
        row["__islocal"] = 1
    return {**shown, "__islocal": 1, "__unsaved": 1}
