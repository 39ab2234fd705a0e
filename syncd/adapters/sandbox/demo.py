"""A little trade for a site that has none: customers, suppliers and items with prices."""

from __future__ import annotations

from typing import Any

from . import operations
from .session import Session

_PARTIES = (
    ("Customer", "customer_name", ("Northwind Traders", "Alpine Retail", "Harbour Books", "Orchard Hotels")),
    ("Supplier", "supplier_name", ("Paper Mill Co", "Office Supply House", "City Power")),
)
# code, name, item group, unit, selling price, buying price (0: is not bought)
_ITEMS = (
    ("DESK-01", "Standing desk", "Products", "Nos", 480.0, 310.0),
    ("CHAIR-01", "Office chair", "Products", "Nos", 149.9, 88.0),
    ("PAPER-A4", "Paper A4, 500 sheets", "Consumable", "Box", 6.35, 4.1),
    ("CONSULT", "Consulting", "Services", "Hour", 120.0, 0.0),
)


def add_trade(session: Session) -> int:
    """Create what is not there yet, through the checks of the API. How many documents were made."""
    made = 0
    for doctype, field, names in _PARTIES:
        for name in names:
            made += _once(session, doctype, name, {field: name})
    for code, name, group, unit, selling, buying in _ITEMS:
        values: dict[str, Any] = {"item_code": code, "item_name": name, "item_group": group, "stock_uom": unit}
        values |= {"standard_rate": selling, "is_stock_item": int(group != "Services")}
        if _once(session, "Item", code, values):
            made += 1
            if buying:
                price = {"item_code": code, "price_list": "Standard Buying", "price_list_rate": buying}
                operations.create(session, "Item Price", price)
                made += 1
    return made


def _once(session: Session, doctype: str, name: str, values: dict[str, Any]) -> bool:
    if session.exists(doctype, name) is not None:
        return False
    operations.create(session, doctype, values)
    return True
