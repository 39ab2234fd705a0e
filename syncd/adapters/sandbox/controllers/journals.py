"""Journal entries: any number of debits and credits, which balance when they are submitted."""

from __future__ import annotations

from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from . import Change, Controller
from .ledger import Posting, book, check_not_frozen, reverse
from .payments import read_reference
from .rounding import rounded
from .settlement import INVOICES, settle, unlink
from .transactions import refuse_unreadable_dates
from .words import money_in_words

_PARTY_ACCOUNTS = ("Receivable", "Payable")


class JournalEntryController(Controller):
    """A journal entry. A draft may be out of balance (measured)."""

    def before_insert(self, change: Change) -> None:
        """Refuse dates that cannot be read."""
        refuse_unreadable_dates(change)

    def validate(self, change: Change) -> None:
        """Bring rows to the company's currency, check them and add up; a submitted entry must balance."""
        session, document = change.session, change.document
        company = session.value("Company", document.get("company"), "default_currency")
        for row in document["accounts"]:
            self._fill_row(session, document, row, company)
            self._check_row(row)
        self._check_references(session, document)
        self._add_up(document)
        self._describe(document, str(company))
        if cint(document["docstatus"]) == 1 and document["difference"]:
            raise invalid(f"Total Debit must be equal to Total Credit. The difference is {document['difference']}")

    @staticmethod
    def _fill_row(session: Session, document: Document, row: Document, company: object) -> None:
        found = session.one(
            "SELECT account_type, account_currency, company FROM tabAccount WHERE name = ?", row.get("account")
        )
        kind, currency, owner = found or (None, company, None)
        if owner and owner != document.get("company"):
            raise invalid(f"Account {row['account']} does not belong to company: {document.get('company')}")
        row["account_type"], row["account_currency"] = kind, currency
        if currency != company and not cint(document.get("multi_currency")):
            raise invalid("Please check Multi Currency option to allow accounts with other currency")
        if currency == company or not flt(row.get("exchange_rate")):
            row["exchange_rate"] = 1.0
        for side in ("debit", "credit"):
            own = rounded(flt(row.get(f"{side}_in_account_currency")))
            row[f"{side}_in_account_currency"] = own
            row[side] = rounded(own * flt(row["exchange_rate"]))
        row["is_advance"] = row.get("is_advance") or "No"

    @staticmethod
    def _check_row(row: Document) -> None:
        if row["account_type"] in _PARTY_ACCOUNTS and not (row.get("party_type") and row.get("party")):
            raise invalid(
                f"Row {row['idx']}: Party Type and Party is required for Receivable / Payable account {row['account']}"
            )
        if row["debit"] > 0 and row["credit"] > 0:
            raise invalid("You cannot credit and debit same account at the same time")
        if not row["debit"] and not row["credit"]:
            raise invalid(f"Row {row['idx']}: Both Debit and Credit values cannot be zero")

    def _check_references(self, session: Session, document: Document) -> None:
        """Rows that settle an invoice must be of its party and account and take no more than is owed."""
        totals: dict[tuple[str, str], float] = {}
        for row in document["accounts"]:
            doctype, name = row.get("reference_type"), row.get("reference_name")
            if doctype not in INVOICES or not name:
                continue
            found = read_reference(session, str(doctype), str(name), row.get("party"))
            if (row.get("party"), row["account"]) != (found.party, found.account):
                raise invalid(
                    f"Row {row['idx']}: Party / Account does not match with "
                    f"{'Customer' if doctype == 'Sales Invoice' else 'Supplier'} / "
                    f"{'Debit To' if doctype == 'Sales Invoice' else 'Credit To'} in {doctype} {name}"
                )
            if found.docstatus != 1:
                raise invalid(f"{doctype} {name} is not submitted")
            paid = row["credit_in_account_currency"] - row["debit_in_account_currency"]
            key = (str(doctype), str(name))
            totals[key] = totals.get(key, 0.0) + (paid if doctype == "Sales Invoice" else -paid)
            if rounded(totals[key]) > found.outstanding > 0 or (totals[key] > 0 and not found.outstanding):
                raise invalid(
                    f"Payment against {doctype} {name} cannot be greater than Outstanding Amount {found.outstanding}"
                )

    @staticmethod
    def _add_up(document: Document) -> None:
        rows = document["accounts"]
        document["total_debit"] = rounded(sum(row["debit"] for row in rows))
        document["total_credit"] = rounded(sum(row["credit"] for row in rows))
        document["difference"] = rounded(document["total_debit"] - document["total_credit"])
        debited = [str(row.get("party") or row["account"]) for row in rows if row["debit"] > 0]
        credited = [str(row.get("party") or row["account"]) for row in rows if row["credit"] > 0]
        for row in rows:
            others = credited if row["debit"] > 0 else debited
            row["against_account"] = ", ".join(dict.fromkeys(others))

    @staticmethod
    def _describe(document: Document, currency: str) -> None:
        rows = document["accounts"]
        parties = [row for row in rows if row.get("party")]
        banks = [row["debit"] or row["credit"] for row in rows if row["account_type"] in ("Bank", "Cash")]
        amount = 0.0
        if parties:
            document["pay_to_recd_from"] = parties[0]["party"]
            amount = sum(banks) or sum(row["debit"] or row["credit"] for row in parties)
            document["total_amount_currency"] = currency
        document["total_amount"] = rounded(amount)
        document["total_amount_in_words"] = money_in_words(document["total_amount"], currency)
        if rows and not document.get("title"):
            document["title"] = document.get("pay_to_recd_from") or rows[0].get("account")
        lines = [f"Note: {document['user_remark']}"] if document.get("user_remark") else []
        if document.get("cheque_no"):
            lines.insert(0, f"Reference #{document['cheque_no']} dated {document.get('cheque_date')}")
        if lines:
            document["remark"] = "\n".join(lines)

    def on_submit(self, change: Change) -> None:
        """Book every row, and settle the invoices that rows refer to."""
        session, document = change.session, change.document
        postings = [
            Posting(
                account=row["account"],
                amount=row["debit"] - row["credit"],
                in_account_currency=row["debit_in_account_currency"] - row["credit_in_account_currency"],
                against=row.get("against_account"),
                party_type=row.get("party_type"),
                party=row.get("party"),
                against_voucher_type=row.get("reference_type"),
                against_voucher=row.get("reference_name"),
                cost_center=row.get("cost_center"),
                project=row.get("project"),
                remarks=row.get("user_remark"),
            )
            for row in document["accounts"]
        ]
        book(session, document, postings, merge=False)
        self._settle(session, document)

    def on_cancel(self, change: Change) -> None:
        """Take it back: what it settled is owed again."""
        session, document = change.session, change.document
        check_not_frozen(session, document)
        reverse(session, document)
        unlink(session, document)
        self._settle(session, document)

    @staticmethod
    def _settle(session: Session, document: Document) -> None:
        rows = document["accounts"]
        settle(session, {(row["reference_type"], row["reference_name"]) for row in rows if row.get("reference_name")})
