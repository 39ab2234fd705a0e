"""Sales and purchase invoices: they owe until they are paid, and book when they are submitted."""

from __future__ import annotations

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session
from syncd.adapters.sandbox.values import as_text

from . import Change
from .ledger import Posting, book, reverse, round_off, setting
from .progress import BILLED_BY_INVOICE, advance
from .rounding import rounded
from .settlement import PARTY_ACCOUNT, invoice_status, refresh, unlink
from .transactions import BUYING, SELLING, Side, TransactionController

_ACCOUNT_TYPE = {"Sales Invoice": "Receivable", "Purchase Invoice": "Payable"}


def party_account(session: Session, side: Side, party: object, company: object) -> str | None:
    """The account a party's debts are on: its own for the company, or the company's."""
    own = session.one(
        'SELECT account FROM "tabParty Account" WHERE parenttype = ? AND parent = ? AND company = ?',
        side.doctype,
        party,
        company,
    )
    if own and own[0]:
        return str(own[0])
    kind = "receivable" if side is SELLING else "payable"
    found: str | None = session.value("Company", company, f"default_{kind}_account")
    return found


class InvoiceController(TransactionController):
    """What both kinds share; `sign` is 1 where the party owes us, -1 where we owe it."""

    sign = 1.0
    row_account = "income_account"
    against_field = "against_income_account"

    def validate(self, change: Change) -> None:
        """As every transaction; with an account for the party, due dates, and what is owed."""
        session, document = change.session, change.document
        account = PARTY_ACCOUNT[document["doctype"]]
        if document.get(account) is None:
            document[account] = party_account(session, self.side, document.get(self.side.party), document["company"])
        self._check_account(session, document, account)
        document["remarks"] = document.get("remarks") or "No Remarks"
        super().validate(change)
        document["party_account_currency"] = session.value("Account", document.get(account), "account_currency")
        self.schedule(session, document)
        document["due_date"] = document.get("due_date") or document["posting_date"]
        billed = as_text(document.get("bill_date") or document["posting_date"])[:10]
        if not cint(document.get("is_return")) and as_text(document["due_date"])[:10] < billed:
            raise invalid("Due Date cannot be before Posting / Supplier Invoice Date")
        self._check_return(session, change.document)
        accounts = (str(row.get(self.row_account) or "") for row in document["items"])
        document[self.against_field] = ",".join(dict.fromkeys(accounts))
        self._set_state(change)

    @staticmethod
    def _check_account(session: Session, document: Document, field: str) -> None:
        wanted, name = _ACCOUNT_TYPE[document["doctype"]], document.get(field)
        if name and session.value("Account", name, "account_type") != wanted:
            label = session.meta(document["doctype"]).by_name[field].label
            raise invalid(
                f"Please ensure {label} account {name} is a {wanted} account. You can change the account type to "
                f"{wanted} or select a different account.",
                title="Invalid Account",
            )

    def _check_return(self, session: Session, document: Document) -> None:
        against = document.get("return_against")
        if not cint(document.get("is_return")) or not against:
            return
        row = session.one(
            f'SELECT docstatus, "{self.side.party}", posting_date FROM "tab{document["doctype"]}" WHERE name = ?',
            against,
        )
        if row is None or row[0] != 1:
            raise invalid(f"{document['doctype']} {against} is not submitted")
        if row[1] != document.get(self.side.party):
            raise invalid(f"{self.side.doctype} should be same as in {document['doctype']} {against}")
        if as_text(document["posting_date"])[:10] < row[2]:
            raise invalid(f"Posting timestamp must be after {row[2]}")

    @staticmethod
    def _set_state(change: Change) -> None:
        """Status and outstanding amount in memory.

        A new document that is submitted at once is still called a draft that owes nothing in the answer (measured):
        only what is stored tells its state. A submitted draft keeps the amount it had until the ledger is written.
        """
        document = change.document
        if cint(document["docstatus"]) == 0:
            whole = document["rounded_total"] or document["grand_total"]
            document["outstanding_amount"] = rounded(whole - flt(document.get("total_advance")))
        elif change.before is None:
            document["outstanding_amount"], document["status"] = 0.0, "Draft"
            return
        document["status"] = invoice_status(change.session, document)

    def on_submit(self, change: Change) -> None:
        """Book; bring the amount that is owed up to the ledger; count the orders as billed."""
        session, document = change.session, change.document
        if self._whole(document):
            book(session, document, self._postings(session, document))
        refresh(session, document["doctype"], document["name"])
        self._refresh_original(session, document)
        advance(session, document, BILLED_BY_INVOICE)

    @staticmethod
    def _whole(document: Document) -> float:
        return flt(document["base_rounded_total"]) or flt(document["base_grand_total"])

    @staticmethod
    def _paid_through(document: Document) -> str:
        """The invoice that the party's entry is for: itself, or, for some returns, the one that is returned."""
        own = cint(document.get("update_outstanding_for_self")) or not document.get("return_against")
        return str(document["name"] if own or not cint(document.get("is_return")) else document["return_against"])

    def _postings(self, session: Session, document: Document) -> list[Posting]:
        party, doctype = str(document[self.side.party]), document["doctype"]
        sign = self.sign
        whole = flt(document["rounded_total"]) or flt(document["grand_total"])
        foreign = document.get("party_account_currency") == document.get("currency")
        base = self._whole(document)
        entries = [
            Posting(
                account=str(document[PARTY_ACCOUNT[doctype]]),
                amount=sign * base,
                in_account_currency=sign * (whole if foreign else base),
                against=document.get(self.against_field),
                party_type=self.side.doctype,
                party=party,
                against_voucher_type=doctype,
                against_voucher=self._paid_through(document),
                cost_center=document.get("cost_center"),
                due_date=document.get("due_date"),
            )
        ]
        for tax in document["taxes"]:
            deducted = tax.get("add_deduct_tax") == "Deduct"
            amount = flt(tax["base_tax_amount_after_discount_amount"]) * (-1.0 if deducted else 1.0)
            if tax.get("category") != "Valuation":
                entries.append(self._counterpart(tax, str(tax["account_head"]), amount, party))
        entries += [
            self._counterpart(row, str(row[self.row_account]), flt(row["base_net_amount"]), party)
            for row in document["items"]
        ]
        adjustment = flt(document["base_rounding_adjustment"])
        if adjustment:
            entries.append(round_off(session, document, -sign * adjustment))
        return entries

    def _counterpart(self, row: Document, account: str, amount: float, party: str) -> Posting:
        return Posting(
            account=account,
            amount=-self.sign * amount,
            against=party,
            cost_center=row.get("cost_center"),
            project=row.get("project"),
        )

    def on_cancel(self, change: Change) -> None:
        """Reverse what was booked, let go of payments, count the orders as not billed. What was owed stays written."""
        session, meta, document = change.session, change.meta, change.document
        reverse(session, document)
        unlink(session, document)
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)
        self._refresh_original(session, document)
        advance(session, document, BILLED_BY_INVOICE)

    @staticmethod
    def _refresh_original(session: Session, document: Document) -> None:
        if cint(document.get("is_return")) and document.get("return_against"):
            refresh(session, document["doctype"], str(document["return_against"]))


class SalesInvoiceController(InvoiceController):
    """A sales invoice: the customer owes what the income accounts earned."""

    def validate(self, change: Change) -> None:
        """As every invoice; what a commission would be reckoned from."""
        super().validate(change)
        document = change.document
        document["amount_eligible_for_commission"] = sum(
            row["base_net_amount"] for row in document["items"] if cint(row.get("grant_commission"))
        )


class PurchaseInvoiceController(InvoiceController):
    """A purchase invoice: we owe the supplier what the expense accounts took."""

    side = BUYING
    sign = -1.0
    row_account = "expense_account"
    against_field = "against_expense_account"

    def validate(self, change: Change) -> None:
        """As every invoice; a supplier's number is taken once where the settings say so."""
        super().validate(change)
        session, document = change.session, change.document
        number = document.get("bill_no")
        if not number or not cint(setting(session, "check_supplier_invoice_uniqueness")):
            return
        found = session.one(
            'SELECT name FROM "tabPurchase Invoice" WHERE bill_no = ? AND supplier = ? AND docstatus < 2 AND name != ?',
            number,
            document.get("supplier"),
            document["name"],
        )
        if found:
            raise invalid(f"Supplier Invoice No exists in Purchase Invoice {found[0]}")
