"""Sales orders and invoices: what they fill in and add up, and the ledger entries of an invoice."""

from __future__ import annotations

from typing import Any

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.meta import DocTypeMeta, Kind
from syncd.adapters.sandbox.session import Document, Session
from syncd.adapters.sandbox.values import as_text, stored

from . import Change, Controller
from .ledger import book, reverse
from .payments import unlink_payments
from .words import money_in_words

_ITEM_VALUES = ("item_name", "description", "item_group", "stock_uom", "brand")


class SellingController(Controller):
    """What sales documents share."""

    date = "transaction_date"

    def before_insert(self, change: Change) -> None:
        """Refuse dates that cannot be read."""
        meta, document = change.meta, change.document
        for item in meta.value_fields:
            value = document.get(item.fieldname)
            if item.kind is not Kind.DATE or not value:
                continue
            try:
                stored(meta, item, value)
            except Exception as error:
                text = f"<strong>{as_text(value)}</strong> is not a valid date string."
                raise invalid(text, title="Invalid Date") from error

    def validate(self, change: Change) -> None:
        """Fill in what follows from customer, company and items, then add up."""
        session, meta, document = change.session, change.meta, change.document
        self._fill_in(session, document)
        company = (
            session.one(
                "SELECT default_currency, cost_center, default_income_account, default_expense_account, abbr "
                "FROM tabCompany WHERE name = ?",
                document.get("company"),
            )
            or (None,) * 5
        )
        warehouse = session.exists("Warehouse", f"Stores - {company[4]}")
        for row in document["items"]:
            self._fill_row(session, document, row)
            row["cost_center"] = row.get("cost_center") or company[1]
            row["warehouse"] = row.get("warehouse") or warehouse
            if "income_account" in row:
                row["income_account"] = row.get("income_account") or company[2]
                row["expense_account"] = row.get("expense_account") or company[3]
        self._add_up(document)
        self._schedule(session, meta, document)

    def _fill_in(self, session: Session, document: Document) -> None:
        customer = session.one(
            "SELECT customer_name, customer_group, territory, language FROM tabCustomer WHERE name = ?",
            document.get("customer"),
        )
        if customer:
            for key, value in zip(("customer_name", "customer_group", "territory", "language"), customer, strict=True):
                if key in document and not document.get(key):
                    document[key] = value
        currency = session.value("Company", document.get("company"), "default_currency")
        document["currency"] = document.get("currency") or currency
        if document["currency"] == currency:
            document["conversion_rate"] = 1.0
        document["selling_price_list"] = document.get("selling_price_list") or session.exists(
            "Price List", "Standard Selling"
        )
        document["price_list_currency"] = document.get("price_list_currency") or currency
        document["plc_conversion_rate"] = flt(document.get("plc_conversion_rate")) or 1.0
        if document.get("title") == "{customer_name}" and document["doctype"] == "Sales Invoice":
            document["title"] = document.get("customer_name")

    def _fill_row(self, session: Session, document: Document, row: Document) -> None:
        item = session.one(f"SELECT {', '.join(_ITEM_VALUES)} FROM tabItem WHERE name = ?", row.get("item_code"))
        for key, value in zip(_ITEM_VALUES, item, strict=True) if item else ():
            if key in row and not row.get(key):
                row[key] = value
        row["uom"] = row.get("uom") or row.get("stock_uom")
        row["conversion_factor"] = flt(row.get("conversion_factor")) or 1.0
        row["qty"] = flt(row.get("qty"))
        price = session.one(
            'SELECT price_list_rate FROM "tabItem Price" WHERE item_code = ? AND price_list = ?',
            row.get("item_code"),
            document.get("selling_price_list"),
        )
        row["price_list_rate"] = flt(row.get("price_list_rate")) or (price[0] if price else 0.0)
        if row.get("rate") is None:
            row["rate"] = row["price_list_rate"]
        row["rate"] = flt(row["rate"])
        row["amount"] = round(row["rate"] * row["qty"], 2)
        row["stock_qty"] = row["qty"] * row["conversion_factor"]
        row["item_tax_rate"] = row.get("item_tax_rate") or "{}"
        rate = flt(document.get("conversion_rate")) or 1.0
        for key in ("rate", "amount"):
            row[f"net_{key}"] = row[key]
            row[f"base_{key}"] = row[f"base_net_{key}"] = round(row[key] * rate, 9)
        row["base_price_list_rate"] = row["price_list_rate"] * rate
        row["stock_uom_rate"] = row["rate"] / row["conversion_factor"]

    def _add_up(self, document: Document) -> None:
        rows = document["items"]
        rate = flt(document.get("conversion_rate")) or 1.0
        net = round(sum(row["amount"] for row in rows), 2)
        taxes = round(sum(flt(row.get("tax_amount")) for row in document.get("taxes") or ()), 2)
        total = round(net + taxes - flt(document.get("discount_amount")), 2)
        rounded = 0.0 if cint(document.get("disable_rounded_total")) else float(round(total))
        amounts = {"total": net, "net_total": net, "total_taxes_and_charges": taxes, "grand_total": total}
        amounts |= {"rounded_total": rounded, "rounding_adjustment": round(rounded - total, 2) if rounded else 0.0}
        for key, value in amounts.items():
            document[key] = value
            document[f"base_{key}"] = round(value * rate, 2)
        document["total_qty"] = sum(row["qty"] for row in rows)
        words = money_in_words(rounded or total, str(document.get("currency")))
        document["in_words"] = document["base_in_words"] = words
        document["amount_eligible_for_commission"] = net

    def _schedule(self, session: Session, meta: DocTypeMeta, document: Document) -> None:
        if document["payment_schedule"]:
            return
        total = document["grand_total"]
        row: dict[str, Any] = {
            "due_date": document.get("due_date") or document.get(self.date),
            "invoice_portion": 100.0,
            "payment_amount": total,
            "outstanding": total,
            "base_payment_amount": total,
            "base_outstanding": total,
        }
        saving.take_tables(session, meta, document, {"payment_schedule": [row]}, complete=False)
        stamps = {key: document[key] for key in ("owner", "creation", "modified", "modified_by", "docstatus")}
        document["payment_schedule"][0].update(stamps, __islocal=1)


class SalesOrderController(SellingController):
    """A sales order."""

    def validate(self, change: Change) -> None:
        """As every sales document; each row is due."""
        document = change.document
        super().validate(change)
        for row in document["items"]:
            row["delivery_date"] = row.get("delivery_date") or document.get("delivery_date")
            row["transaction_date"] = document.get("transaction_date")
        document["delivery_date"] = document.get("delivery_date") or max(
            (str(row["delivery_date"]) for row in document["items"] if row["delivery_date"]), default=None
        )
        if not document["delivery_date"]:
            raise invalid("Please enter Delivery Date")
        document["status"] = "Draft" if cint(document["docstatus"]) == 0 else "To Deliver and Bill"

    def on_cancel(self, change: Change) -> None:
        """The state says so."""
        session, meta, document = change.session, change.meta, change.document
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)


class SalesInvoiceController(SellingController):
    """A sales invoice: owes until it is paid, and books when it is submitted."""

    date = "posting_date"

    def validate(self, change: Change) -> None:
        """As every sales document; dated now unless `set_posting_time` is 1."""
        session, document = change.session, change.document
        now = session.now()
        if not cint(document.get("set_posting_time")):
            document["posting_date"] = now.strftime("%Y-%m-%d")
            document["posting_time"] = now.strftime("%H:%M:%S.%f")
        document["due_date"] = document.get("due_date") or document["posting_date"]
        if str(document["due_date"]) < str(document["posting_date"]):
            raise invalid("Due Date cannot be before Posting / Supplier Invoice Date")
        document["debit_to"] = document.get("debit_to") or session.value(
            "Company", document.get("company"), "default_receivable_account"
        )
        document["party_account_currency"] = document.get("party_account_currency") or document.get("currency")
        document["remarks"] = document.get("remarks") or "No Remarks"
        super().validate(change)
        document["against_income_account"] = ",".join(
            dict.fromkeys(str(row["income_account"]) for row in document["items"])
        )
        document["outstanding_amount"] = document["rounded_total"] or document["grand_total"]
        document["status"] = self._status(document)

    @staticmethod
    def _status(document: Document) -> str:
        if cint(document["docstatus"]) == 0:
            return "Draft"
        if cint(document.get("is_return")):
            return "Return"
        return "Unpaid" if flt(document.get("outstanding_amount")) > 0 else "Paid"

    def on_submit(self, change: Change) -> None:
        """Book: the customer owes what the income accounts earned."""
        session, document = change.session, change.document
        total = flt(document["base_rounded_total"]) or flt(document["base_grand_total"])
        income: dict[str, float] = {}
        for row in document["items"]:
            account = str(row["income_account"])
            income[account] = income.get(account, 0.0) + flt(row["base_net_amount"])
        against = str(document["customer"])
        book(session, document, str(document["debit_to"]), total, party=against)
        for account, amount in income.items():
            book(session, document, account, -amount)

    def on_cancel(self, change: Change) -> None:
        """Reverse what was booked, and let go of its payments."""
        session, meta, document = change.session, change.meta, change.document
        reverse(session, document)
        unlink_payments(session, document)
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)
