"""What orders, deliveries and invoices share: values they fill in, dates, totals, and when they are to be paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.meta import Kind
from syncd.adapters.sandbox.session import Document, Session
from syncd.adapters.sandbox.values import as_text, stored

from . import Change, Controller
from .rounding import rounded
from .taxes import add_up

_FORCED = ("item_group", "stock_uom", "brand")
_TOLERATED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Selling or buying: which fields hold the party and the prices, and what is taken over from the party."""

    party: str
    doctype: str
    party_values: tuple[str, ...]
    price_list: str
    standard_list: str
    cost_center: str


SELLING = Side(
    party="customer",
    doctype="Customer",
    party_values=("customer_name", "customer_group", "territory", "language", "tax_id"),
    price_list="selling_price_list",
    standard_list="Standard Selling",
    cost_center="selling_cost_center",
)
BUYING = Side(
    party="supplier",
    doctype="Supplier",
    party_values=("supplier_name", "supplier_group", "language", "tax_id"),
    price_list="buying_price_list",
    standard_list="Standard Buying",
    cost_center="buying_cost_center",
)


def add_row(session: Session, document: Document, table: str, values: dict[str, Any]) -> None:
    """Append a row to a child table of a document that is being saved."""
    made: Document = {}
    saving.take_tables(session, session.meta(document["doctype"]), made, {table: [values]}, complete=False)
    row = made[table][0]
    row.update({key: document[key] for key in ("owner", "creation", "modified", "modified_by", "docstatus")})
    row.update(__islocal=1, idx=len(document[table]) + 1)
    document[table].append(row)


def refuse_unreadable_dates(change: Change) -> None:
    """Raise ValidationError for a date of a new document that cannot be read (measured: before anything else)."""
    for item in change.meta.value_fields:
        value = change.document.get(item.fieldname)
        if item.kind is not Kind.DATE or not value:
            continue
        try:
            stored(change.meta, item, value)
        except Exception as error:
            text = f"<strong>{as_text(value)}</strong> is not a valid date string."
            raise invalid(text, title="Invalid Date") from error


class TransactionController(Controller):
    """A document with a party, items, taxes and totals. `dated_now`: its date is today unless told otherwise."""

    side = SELLING
    date = "posting_date"
    dated_now = True

    def before_insert(self, change: Change) -> None:
        """Refuse dates that cannot be read."""
        refuse_unreadable_dates(change)

    def validate(self, change: Change) -> None:
        """Fill in what follows from party, company and items, then add up."""
        session, document = change.session, change.document
        if self.dated_now and not cint(document.get("set_posting_time")):
            now = session.now()
            document["posting_date"] = now.strftime("%Y-%m-%d")
            document["posting_time"] = now.strftime("%H:%M:%S.%f")
        self._check_party(session, document)
        self._fill_in(session, document)
        company = self._company(session, document)
        for row in document["items"]:
            self._fill_row(session, document, row, company)
        self._fill_taxes(session, document)
        add_up(session, document)

    def _check_party(self, session: Session, document: Document) -> None:
        party = document.get(self.side.party)
        row = session.one(f'SELECT disabled, is_frozen FROM "tab{self.side.doctype}" WHERE name = ?', party)
        if row and row[0]:
            raise invalid(f"{self.side.doctype} {party} is disabled", "PartyDisabled")
        if row and row[1]:
            raise invalid(f"{self.side.doctype} {party} is frozen", "PartyFrozen")

    def _fill_in(self, session: Session, document: Document) -> None:
        side = self.side
        known = session.meta(side.doctype).by_name
        wanted = [key for key in side.party_values if key in document and key in known and not document.get(key)]
        party = document.get(side.party)
        for key in wanted:
            document[key] = session.value(side.doctype, party, key)
        currency = session.value("Company", document.get("company"), "default_currency")
        document["currency"] = document.get("currency") or currency
        if document["currency"] == currency:
            document["conversion_rate"] = 1.0
        document[side.price_list] = document.get(side.price_list) or session.exists("Price List", side.standard_list)
        document["price_list_currency"] = document.get("price_list_currency") or currency
        document["plc_conversion_rate"] = flt(document.get("plc_conversion_rate")) or 1.0
        if document.get("tax_category") is None:
            document["tax_category"] = ""
        if document.get("title") == f"{{{side.party}_name}}" and document["doctype"] != "Sales Order":
            document["title"] = document.get(f"{side.party}_name")

    @staticmethod
    def _company(session: Session, document: Document) -> dict[str, Any]:
        names = ("name", "abbr", "cost_center", "default_income_account", "default_expense_account")
        row = session.one(f"SELECT {', '.join(names)} FROM tabCompany WHERE name = ?", document.get("company"))
        return dict(zip(names, row or (None,) * len(names), strict=True))

    def _fill_row(self, session: Session, document: Document, row: Document, company: dict[str, Any]) -> None:
        names = ("item_name", "description", *_FORCED, "image", "disabled", "grant_commission")
        item = session.one(f"SELECT {', '.join(names)} FROM tabItem WHERE name = ?", row.get("item_code"))
        if item:
            found = dict(zip(names, item, strict=True))
            if found.pop("disabled"):
                raise invalid(f"Item {row['item_code']} is disabled")
            for key, value in found.items():
                if key in row and (row.get(key) is None or key in _FORCED):
                    row[key] = value
        row["uom"] = row["uom"] if row.get("uom") is not None else row.get("stock_uom")
        if row.get("conversion_factor") is None and row["uom"]:
            row["conversion_factor"] = self._conversion(session, row)
        self._fill_accounts(session, row, company)
        if not flt(row.get("price_list_rate")):
            row["price_list_rate"] = self._listed(session, document, row)
        factor = flt(row.get("conversion_factor")) or 1.0
        row["stock_qty"] = rounded(flt(row.get("qty")) * factor, 3)
        row["item_tax_rate"] = row.get("item_tax_rate") or "{}"
        row["stock_uom_rate"] = flt(row.get("rate") or row["price_list_rate"]) / factor

    @staticmethod
    def _conversion(session: Session, row: Document) -> float:
        if row["uom"] == row.get("stock_uom"):
            return 1.0
        found = session.one(
            'SELECT conversion_factor FROM "tabUOM Conversion Detail" WHERE parent = ? AND uom = ?',
            row.get("item_code"),
            row["uom"],
        )
        return flt(found[0]) if found else 1.0

    def _fill_accounts(self, session: Session, row: Document, company: dict[str, Any]) -> None:
        cost_center = self.side.cost_center
        names = ("income_account", "expense_account", cost_center, "default_warehouse")
        own = session.one(
            f'SELECT {", ".join(names)} FROM "tabItem Default" WHERE parent = ? AND company = ?',
            row.get("item_code"),
            company["name"],
        )
        mine = dict(zip(names, own or (None,) * len(names), strict=True))
        filled = {
            "income_account": mine["income_account"] or company["default_income_account"],
            "expense_account": mine["expense_account"] or company["default_expense_account"],
            "cost_center": mine[cost_center] or company["cost_center"],
        }
        if row.get("item_code"):
            filled["warehouse"] = mine["default_warehouse"] or session.exists(
                "Warehouse", f"Stores - {company['abbr']}"
            )
            for key, value in filled.items():
                if key in row and row.get(key) is None:
                    row[key] = value

    def _listed(self, session: Session, document: Document, row: Document) -> float:
        found = session.one(
            'SELECT price_list_rate FROM "tabItem Price" WHERE item_code = ? AND price_list = ?',
            row.get("item_code"),
            document.get(self.side.price_list),
        )
        return flt(found[0]) if found else 0.0

    def _fill_taxes(self, session: Session, document: Document) -> None:
        """Take the rows of the tax template where there are none; complete what rows lack."""
        template = document.get("taxes_and_charges")
        if template and not document["taxes"]:
            self._take_template(session, document, str(template))
        for tax in document["taxes"]:
            head = tax.get("account_head")
            if head:
                tax["account_currency"] = session.value("Account", head, "account_currency")
                tax["description"] = tax.get("description") or session.value("Account", head, "account_name")

    def _take_template(self, session: Session, document: Document, template: str) -> None:
        doctype = session.meta(document["doctype"]).by_name["taxes_and_charges"].options
        meta = session.meta(session.meta(doctype).by_name["taxes"].options)
        names = [item.fieldname for item in meta.value_fields]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = session.connection.execute(
            f'SELECT {columns} FROM "{meta.table}" WHERE parent = ? AND parenttype = ? ORDER BY idx',
            (template, doctype),
        ).fetchall()
        for row in rows:
            add_row(session, document, "taxes", dict(zip(names, row, strict=True)))

    def schedule(self, session: Session, document: Document) -> None:
        """When what is to be paid: one date where nothing was said. The rows win over `due_date`.

        Raises ValidationError where the rows do not come to the total.
        """
        if cint(document.get("is_return")):
            document["payment_schedule"] = []
            return
        rows: list[Document] = document["payment_schedule"]
        whole = document["rounded_total"] or document["grand_total"]
        base = document["base_rounded_total"] or document["base_grand_total"]
        dates = sorted(as_text(row["due_date"])[:10] for row in rows if row.get("due_date"))
        if dates and "due_date" in document:
            document["due_date"] = dates[-1]
        if len(set(dates)) < len(dates):
            raise invalid("Rows with duplicate due dates in other rows were found")
        if not rows:
            due = document.get("due_date") or document.get(self.date)
            add_row(session, document, "payment_schedule", {"due_date": due, "invoice_portion": 100.0})
        rate = flt(document.get("conversion_rate")) or 1.0
        for row in document["payment_schedule"]:
            portion = flt(row.get("invoice_portion")) / 100.0
            row["payment_amount"] = rounded(whole * portion if portion else flt(row.get("payment_amount")))
            row["base_payment_amount"] = rounded(base * portion if portion else row["payment_amount"] * rate)
            row["outstanding"] = row["payment_amount"]
            row["base_outstanding"] = row["base_payment_amount"]
        planned = sum(row["payment_amount"] for row in document["payment_schedule"])
        if abs(planned - whole) > _TOLERATED:
            raise invalid("Total Payment Amount in Payment Schedule must be equal to Grand / Rounded Total")
