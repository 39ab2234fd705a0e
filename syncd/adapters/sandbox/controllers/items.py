"""Items and their prices."""

from __future__ import annotations

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.meta import DocTypeMeta
from syncd.adapters.sandbox.session import Document, Session

from . import Change, Controller

_PRICE_KEY = ("item_code", "price_list", "uom", "valid_from", "valid_upto", "customer", "supplier", "batch_no")


class ItemController(Controller):
    """An item is named by its code and fills in a name, a description, its unit and its company's defaults."""

    def autoname(self, change: Change) -> str | None:
        """`item_code` without blanks at its ends."""
        document = change.document
        code = document.get("item_code")
        if code in (None, ""):
            raise invalid("Item Code is mandatory because Item is not automatically numbered")
        document["item_code"] = str(code).strip()
        return str(document["item_code"])

    def validate(self, change: Change) -> None:
        """Fill in what is derived from code, unit and company."""
        session, meta, document, before = change.session, change.meta, change.document, change.before
        document["item_name"] = document.get("item_name") or document["name"]
        document["description"] = document.get("description") or document["item_name"]
        if before is None:
            self._add_row(session, meta, document, "uoms", {"uom": document.get("stock_uom"), "conversion_factor": 1.0})
            company = session.site.setting("company")
            if company and not document["item_defaults"]:
                warehouse = f"Stores - {session.value('Company', company, 'abbr')}"
                row: dict[str, object] = {
                    "company": company,
                    "default_warehouse": session.exists("Warehouse", warehouse),
                }
                self._add_row(session, meta, document, "item_defaults", row)

    @staticmethod
    def _add_row(
        session: Session, meta: DocTypeMeta, document: Document, table: str, values: dict[str, object]
    ) -> None:
        if document[table] or not any(values.values()):
            return
        made: Document = {}
        saving.take_tables(session, meta, made, {table: [values]}, complete=False)
        row = made[table][0]
        stamps = {key: document[key] for key in ("owner", "creation", "modified", "modified_by", "docstatus")}
        row.update(stamps, __islocal=1)
        document[table] = [row]

    def after_insert(self, change: Change) -> None:
        """Put the standard rate into the selling price list."""
        session, document = change.session, change.document
        price_list = session.exists("Price List", "Standard Selling")
        if not document.get("standard_rate") or price_list is None:
            return
        prices = session.meta("Item Price")
        values = {
            "item_code": document["name"],
            "uom": document.get("stock_uom"),
            "price_list": price_list,
            "price_list_rate": document["standard_rate"],
        }
        saving.insert(session, prices, saving.new_document(session, prices, values), trusted=True)


class ItemPriceController(Controller):
    """A price is there once for each item, list, unit, period and party."""

    def validate(self, change: Change) -> None:
        """Take the unit and the sides from item and list. Raises ItemPriceDuplicateItem."""
        session, document = change.session, change.document
        if not document.get("uom"):
            document["uom"] = session.value("Item", document.get("item_code"), "stock_uom")
        for side in ("buying", "selling"):
            document[side] = session.value("Price List", document.get("price_list"), side)
        conditions = " AND ".join(f"ifnull(\"{key}\", '') = ?" for key in _PRICE_KEY)
        values = [document.get(key) or "" for key in _PRICE_KEY]
        found = session.one(
            f'SELECT name FROM "tabItem Price" WHERE {conditions} AND packing_unit = ? AND name != ?',
            *values,
            document.get("packing_unit") or 0,
            document["name"],
        )
        if found:
            raise invalid(
                "Item Price appears multiple times based on Price List, Supplier/Customer, Currency, Item, Batch, "
                "UOM, Qty, and Dates.",
                "ItemPriceDuplicateItem",
            )
