"""The world that a deed is done to: who may be picked, and how people save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from syncd.adapters.sandbox.people import act
from syncd.adapters.sandbox.session import User
from syncd.core.model import Side
from tests.soak.book import REGULARS, Book
from tests.system.crash_trade import PERSON, Desk, Shop, Trade

LATE: Final = timedelta(seconds=0.4)
"""How long before it is seen an edit is stamped whose commit comes late; less than the deployment's `overlap`."""


@dataclass
class Doing:
    """The world that a deed is done to."""

    trade: Trade
    book: Book
    pick: int
    desk: Desk = field(init=False)
    shop: Shop = field(init=False)

    def __post_init__(self) -> None:
        self.desk, self.shop = self.trade.desk, self.trade.shop

    def chosen(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """One of the records."""
        return rows[self.pick % len(rows)] if rows else None

    def customer(self, side: Side) -> dict[str, Any] | None:
        """A customer: (key, token)."""
        if side is Side.SOURCE:
            return self.chosen(self.shop.rows("SELECT id AS key, vat AS token FROM customers ORDER BY id"))
        return self.chosen(self.desk.rows('SELECT name AS key, tax_id AS token FROM "tabCustomer" ORDER BY creation'))

    def order(self, *states: str) -> dict[str, Any] | None:
        """An order of the shop in one of the states."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT id AS key, number AS token, state FROM orders WHERE state IN ({marks}) ORDER BY id"
        return self.chosen(self.shop.rows(query, *states))

    def invoice(self, *docstatus: int) -> dict[str, Any] | None:
        """The newest document of an order at the site, in one of the states."""
        query = """SELECT name AS key, po_no AS token, docstatus FROM "tabSales Invoice" s WHERE NOT EXISTS
            (SELECT 1 FROM "tabSales Invoice" n WHERE n.amended_from = s.name) ORDER BY creation"""
        return self.chosen([row for row in self.desk.rows(query) if row["docstatus"] in docstatus])

    def rows(self, invoice: str) -> list[dict[str, Any]]:
        """The rows of a document, as a person sends them back."""
        query = 'SELECT name, item_code, qty, rate FROM "tabSales Invoice Item" WHERE parent = ? ORDER BY idx'
        return self.desk.rows(query, invoice)

    def lines(self, order: int) -> list[dict[str, Any]]:
        """The lines of an order."""
        query = """SELECT l.line_no, i.sku FROM order_lines l JOIN items i ON i.id = l.item_id
            WHERE l.order_id = ? ORDER BY l.line_no"""
        return self.shop.rows(query, order)

    def item(self, sku: str) -> int:
        """The id of an item."""
        return int(self.shop.rows("SELECT id FROM items WHERE sku = ?", sku)[0]["id"])

    def customer_name(self) -> str:
        """A name that nobody had before; one in four has everything in it that a URL or a query might choke on."""
        name = f"Customer {self.book.value()}"
        return f"{name} / 50% \"é\" & 'co' #?" if self.pick % 4 == 3 else name

    def regular(self) -> str:
        """The token of a customer that orders are for."""
        return REGULARS[self.pick % len(REGULARS)]


def late_save(desk: Desk, doctype: str, name: str, **values: Any) -> None:
    """A person's save that is stamped before it can be seen."""
    stamp = desk.site.clock.now() - LATE
    with desk.site.writing(User(PERSON, desk.site.administrator.roles), stamp_at=stamp) as session:
        act(session, "save", doctype, name, values)
