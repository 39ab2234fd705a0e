"""Payments: what they settle, what they book."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.documents import get
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from . import Change, Controller
from .invoices import party_account
from .ledger import Posting, book, reverse
from .rounding import rounded
from .settlement import INVOICES, PARTY_ACCOUNT, owed, settle, unlink
from .transactions import BUYING, SELLING, refuse_unreadable_dates
from .words import money_in_words

_REFERENCES = {
    "Customer": ("Sales Order", "Sales Invoice", "Journal Entry"),
    "Supplier": ("Purchase Invoice", "Journal Entry"),
}
_STATES = ("Draft", "Submitted", "Cancelled")
_TRANSFER = "Internal Transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a payment needs to know of a document that it refers to."""

    party: str | None
    account: str | None
    total: float
    outstanding: float
    docstatus: int
    due_date: str | None = None
    bill_no: str | None = None


def read_reference(session: Session, doctype: str, name: str, party: str | None) -> Reference:
    """The document as a payment sees it. Raises 404 where it is not there."""
    document = get(session, session.meta(doctype), name)
    if doctype == "Journal Entry":
        rows = [row for row in document["accounts"] if row.get("party") == party]
        left = abs(sum(flt(row["debit_in_account_currency"]) - flt(row["credit_in_account_currency"]) for row in rows))
        owner, account = (party, str(rows[0]["account"])) if rows else (None, None)
        return Reference(party=owner, account=account, total=left, outstanding=left, docstatus=document["docstatus"])
    whole = flt(document.get("rounded_total")) or flt(document.get("grand_total"))
    invoice = doctype in INVOICES
    left = owed(session, doctype, name) if invoice else rounded(whole - flt(document.get("advance_paid")))
    return Reference(
        party=document.get("customer") or document.get("supplier"),
        account=document.get(PARTY_ACCOUNT[doctype]) if invoice else None,
        total=whole,
        outstanding=left,
        docstatus=cint(document["docstatus"]),
        due_date=document.get("due_date"),
        bill_no=document.get("bill_no"),
    )


class PaymentEntryController(Controller):
    """A payment received from or made to a party, or a transfer between own accounts."""

    def before_insert(self, change: Change) -> None:
        """Refuse dates that cannot be read."""
        refuse_unreadable_dates(change)

    def validate(self, change: Change) -> None:
        """Fill in accounts and rates, check what is referred to, add up what is allocated."""
        session, document = change.session, change.document
        self._fill_in(session, document)
        self._check(session, document)
        self._read_references(session, document)
        self._amounts(document)
        if cint(document["docstatus"]) == 1 and document["difference_amount"]:
            raise invalid("Difference Amount must be zero")
        self._check_bank(session, document)
        self._describe(session, document)
        document["status"] = _STATES[cint(document["docstatus"])]

    def _fill_in(self, session: Session, document: Document) -> None:
        kind, party_type = document.get("payment_type"), document.get("party_type")
        if kind in ("Receive", "Pay"):
            for field, label in (("party_type", "Party Type"), ("party", "Party")):
                if not document.get(field):
                    raise invalid(f"{label} is mandatory")
            name = f"{str(party_type).lower()}_name"
            if session.meta(str(party_type)).by_name.get(name) and not document.get("party_name"):
                document["party_name"] = session.value(str(party_type), document["party"], name)
            side = "paid_from" if kind == "Receive" else "paid_to"
            if not document.get(side) and party_type in _REFERENCES:
                buying = BUYING if party_type == "Supplier" else SELLING
                document[side] = party_account(session, buying, document["party"], document["company"])
        elif kind == _TRANSFER:
            document.update(party_type=None, party=None, references=[])
        currency = session.value("Company", document.get("company"), "default_currency")
        for side, rate in (("paid_from", "source_exchange_rate"), ("paid_to", "target_exchange_rate")):
            own = session.value("Account", document.get(side), "account_currency")
            document[f"{side}_account_currency"] = document.get(f"{side}_account_currency") or own
            document[f"{side}_account_type"] = session.value("Account", document.get(side), "account_type")
            if own == currency or not flt(document.get(rate)):
                document[rate] = 1.0

    @staticmethod
    def _check(session: Session, document: Document) -> None:
        labels = session.meta("Payment Entry").by_name
        for field in ("paid_amount", "received_amount"):
            if not flt(document.get(field)):
                raise invalid(f"{labels[field].label} is mandatory")
        if flt(document["paid_amount"]) < 0:
            raise invalid("Paid Amount cannot be negative")
        same = document["paid_from_account_currency"] == document["paid_to_account_currency"]
        if same and flt(document["paid_amount"]) < flt(document["received_amount"]):
            raise invalid("Received Amount cannot be greater than Paid Amount")

    def _read_references(self, session: Session, document: Document) -> None:
        """Bring the rows up to the documents. Raises ValidationError for what cannot be paid like this."""
        seen: set[tuple[str, str]] = set()
        side = "paid_from" if document.get("payment_type") == "Receive" else "paid_to"
        for row in document["references"]:
            doctype, name = str(row.get("reference_doctype")), str(row.get("reference_name"))
            kinds = _REFERENCES.get(str(document.get("party_type")), ())
            if doctype not in kinds:
                raise invalid(f"Reference Doctype must be one of {', '.join(kinds)}")
            if (doctype, name) in seen:
                raise invalid(f"Row #{row.get('idx')}: Duplicate entry in References {doctype} {name}")
            seen.add((doctype, name))
            found = read_reference(session, doctype, name, document.get("party"))
            self._check_reference(document, row, found, document.get(side))
            row["allocated_amount"] = rounded(flt(row.get("allocated_amount")))
            self._check_allocated(row, found)
            row.update(total_amount=found.total, outstanding_amount=found.outstanding, account=found.account)
            row.update(
                due_date=found.due_date, bill_no=found.bill_no, exchange_rate=flt(row.get("exchange_rate")) or 1.0
            )

    @staticmethod
    def _check_reference(document: Document, row: Document, found: Reference, account: object) -> None:
        what = f"{row['reference_doctype']} {row['reference_name']}"
        party_type, party = document.get("party_type"), document.get("party")
        if found.party != party:
            raise invalid(f"{what} is not associated with {party_type} {party}")
        if found.account and found.account != account:
            raise invalid(f"{what} is associated with {found.account}, but Party Account is {account}")
        if found.docstatus != 1:
            raise invalid(f"{what} must be submitted")

    @staticmethod
    def _check_allocated(row: Document, found: Reference) -> None:
        allocated = row["allocated_amount"]
        if not found.outstanding:
            raise invalid(f"{row['reference_doctype']} {row['reference_name']} has already been fully paid.")
        above = allocated > 0 and allocated > found.outstanding
        if above or (allocated < 0 and allocated < found.outstanding):
            raise invalid(f"Row #{row.get('idx')}: Allocated Amount cannot be greater than outstanding amount.")

    @staticmethod
    def _amounts(document: Document) -> None:
        source, target = flt(document["source_exchange_rate"]), flt(document["target_exchange_rate"])
        paid, received = rounded(flt(document["paid_amount"])), rounded(flt(document["received_amount"]))
        base_paid, base_received = rounded(paid * source), rounded(received * target)
        allocated = rounded(sum(flt(row["allocated_amount"]) for row in document["references"]))
        rates = ((flt(row["allocated_amount"]), flt(row["exchange_rate"])) for row in document["references"])
        base_allocated = rounded(sum(rounded(amount * rate) for amount, rate in rates))
        deductions = sum(flt(row.get("amount")) for row in document["deductions"])
        kind, left = document["payment_type"], 0.0
        if kind == "Receive" and base_allocated < base_received + deductions and allocated < paid + deductions / source:
            left = (base_received + deductions - base_allocated) / source
        elif kind == "Pay" and base_allocated < base_paid - deductions and allocated < received + deductions / target:
            left = (base_paid - deductions - base_allocated) / target
        left = rounded(left)
        if kind == "Receive":
            difference = base_allocated + left * source - base_received
        elif kind == "Pay":
            difference = base_paid - (base_allocated + left * target)
        else:
            difference = base_paid - base_received
        document.update(
            paid_amount=paid,
            received_amount=received,
            paid_amount_after_tax=paid,
            received_amount_after_tax=received,
            base_paid_amount=base_paid,
            base_paid_amount_after_tax=base_paid,
            base_received_amount=base_received,
            base_received_amount_after_tax=base_received,
            total_allocated_amount=abs(allocated),
            base_total_allocated_amount=abs(base_allocated),
            unallocated_amount=left,
            difference_amount=rounded(difference - deductions),
        )

    @staticmethod
    def _check_bank(session: Session, document: Document) -> None:
        account = document["paid_to"] if document["payment_type"] == "Receive" else document["paid_from"]
        bank = session.value("Account", account, "account_type") == "Bank"
        if bank and not (document.get("reference_no") and document.get("reference_date")):
            raise invalid("Reference No and Reference Date is mandatory for Bank transaction")

    @staticmethod
    def _describe(session: Session, document: Document) -> None:
        party, receive = document.get("party"), document["payment_type"] == "Receive"
        document["title"] = party or f"{document['paid_from']} - {document['paid_to']}"
        currency = str(document["paid_from_account_currency"])
        company = str(session.value("Company", document.get("company"), "default_currency"))
        document["in_words"] = money_in_words(document["paid_amount"], currency)
        document["base_in_words"] = money_in_words(document["base_paid_amount"], company)
        if cint(document.get("custom_remarks")):
            return
        amount = f"{currency} {document['paid_amount']}"
        if party:
            lines = [f"Amount {amount} {'received from' if receive else 'paid to'} {party}"]
        else:
            lines = [f"Amount {amount} transferred from {document['paid_from']} to {document['paid_to']}"]
        if document.get("reference_no"):
            day = document.get("reference_date")
            lines.append(f"Transaction reference no {document['reference_no']} dated {day}")
        for row in document["references"]:
            what = f"{row['reference_doctype']} {row['reference_name']}"
            lines.append(f"Amount {currency} {row['allocated_amount']} against {what}")
        document["remarks"] = "\n".join(lines)

    def after_insert(self, change: Change) -> None:
        """The site writes a new payment twice, which moves its stamp (measured)."""
        values = {"modified": change.session.stamp()}
        saving.set_directly(change.session, change.meta, change.document["name"], values, bump=False)
        change.document.update(values)

    def on_submit(self, change: Change) -> None:
        """Book, and settle what is referred to; the rows then show what is left."""
        session, document = change.session, change.document
        book(session, document, self._postings(document))
        self._settle(session, document)
        rows = session.meta("Payment Entry Reference")
        for row in document["references"]:
            found = read_reference(session, row["reference_doctype"], row["reference_name"], document.get("party"))
            row["outstanding_amount"] = found.outstanding
            saving.set_directly(session, rows, row["name"], {"outstanding_amount": found.outstanding})

    def _postings(self, document: Document) -> list[Posting]:
        kind = document["payment_type"]
        own, other = ("paid_to", "paid_from") if kind == "Receive" else ("paid_from", "paid_to")
        moved = {
            "paid_from": (-document["base_paid_amount"], -document["paid_amount"]),
            "paid_to": (document["base_received_amount"], document["received_amount"]),
        }
        against = document.get("party") or document[other]
        center = document.get("cost_center")
        entries = self._party_side(document, own, other) if kind != _TRANSFER else []
        for end in (own, other) if kind == _TRANSFER else (own,):
            amount, in_own = moved[end]
            facing = against if end == own else document[own]
            entries.append(
                Posting(
                    account=document[end], amount=amount, in_account_currency=in_own, against=facing, cost_center=center
                )
            )
        entries += [
            Posting(account=row["account"], amount=flt(row["amount"]), against=against, cost_center=row["cost_center"])
            for row in document["deductions"]
        ]
        return entries

    @staticmethod
    def _party_side(document: Document, own: str, other: str) -> list[Posting]:
        """The party's entries: one for each document that is settled, one for what is left."""
        pays = document["payment_type"] == "Pay"
        sign, rate = (1.0, "target_exchange_rate") if pays else (-1.0, "source_exchange_rate")
        shares = [
            (row["reference_doctype"], row["reference_name"], row["allocated_amount"], row["exchange_rate"])
            for row in document["references"]
        ]
        shares.append((None, None, document["unallocated_amount"], flt(document[rate])))
        entries = []
        for doctype, name, amount, share_rate in shares:
            own_credit = doctype not in (*INVOICES, "Journal Entry")  # an advance: the order owes nothing
            entries.append(
                Posting(
                    account=document[other],
                    amount=sign * rounded(amount * share_rate),
                    in_account_currency=sign * amount,
                    against=document[own],
                    party_type=document["party_type"],
                    party=document["party"],
                    against_voucher_type="Payment Entry" if own_credit else doctype,
                    against_voucher=document["name"] if own_credit else name,
                    cost_center=document.get("cost_center"),
                )
            )
        return entries

    def on_cancel(self, change: Change) -> None:
        """Take it back: what it settled is owed again."""
        session, meta, document = change.session, change.meta, change.document
        reverse(session, document)
        unlink(session, document)
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)
        self._settle(session, document)

    @staticmethod
    def _settle(session: Session, document: Document) -> None:
        settle(session, {(row["reference_doctype"], row["reference_name"]) for row in document["references"]})
