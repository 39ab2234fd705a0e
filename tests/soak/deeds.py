"""What people and other programs do to both sides while syncd is at it. Deeds are data, so that steps can be printed.

A deed picks its record by a number, makes up a value that nobody used before and notes in the `Book` what it did.
What the site refuses is not done and not noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from syncd.adapters.sandbox.errors import SiteError
from syncd.adapters.sandbox.people import act
from syncd.adapters.sandbox.session import User
from syncd.core.model import Side
from tests.system.crash_trade import PERSON, Desk, Shop, Trade

CUSTOMER, ITEM, ORDER = "customer", "item", "order"
REGULARS: Final = ("K1", "K2", "K3")
"""Customers that orders are for; nobody deletes them."""
SHOP_ITEMS: Final = ("I1", "I2", "I3")
SITE_ITEMS: Final = ("I4", "I5")
"""Which items each side adds to orders: where both add one, two rows of it are right."""
LATE: Final = timedelta(seconds=0.4)
"""How long before it is seen an edit is stamped whose commit comes late; less than the deployment's `overlap`."""

Record = tuple[str, str]
"""(kind, token)"""
Told = tuple[Side, Any]
"""Who wrote a value last, and which; None: the line was taken out."""


@dataclass
class Book:
    """What was done: the model that the promise is asked of."""

    values: int = 0
    last: dict[tuple[Record, str], Told] = field(default_factory=dict)
    gone: set[tuple[Record, Side]] = field(default_factory=set)
    buried: set[Record] = field(default_factory=set)
    """Records that were gone when both sides were last seen in agreement: they never come back by themselves."""
    touched: dict[Record, set[Side]] = field(default_factory=dict)
    """Sides on which a record was written to since it was last seen in agreement."""
    paid: set[Record] = field(default_factory=set)
    """Orders that a payment refers to: ERPNext cancels none of them before it, and syncd holds them for a person."""
    clock_was_set_back: bool = False
    tokens: dict[tuple[str, Side, str], str] = field(default_factory=dict)
    """(kind, side, key) → token, also of records that are gone."""
    log: list[str] = field(default_factory=list)

    def value(self) -> int:
        """A number that was not used before."""
        self.values += 1
        return self.values

    def wrote(self, record: Record, side: Side, **values: Any) -> None:
        """Somebody wrote values of a record."""
        self.touched.setdefault(record, set()).add(side)
        for name, value in values.items():
            self.last[record, name] = (side, value)
        self.log.append(f"{side.value}: {record[0]} {record[1]} {values or ''}".rstrip())

    def deleted(self, record: Record, side: Side) -> None:
        """Somebody deleted a record."""
        self.wrote(record, side)
        self.gone.add((record, side))

    def is_gone(self, record: Record) -> bool:
        """Whether it was deleted on any side."""
        return any((record, side) in self.gone for side in Side)


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

    def regular(self) -> str:
        """The token of a customer that orders are for."""
        return REGULARS[self.pick % len(REGULARS)]


def _new_customer(do: Doing, sides: Sequence[Side]) -> None:
    number = do.book.value()
    record = (CUSTOMER, f"T{number}")
    for side in sides:
        name, url = f"Customer {do.book.value()}", f"https://{do.book.value()}.example"
        if side is Side.SOURCE:
            key = str(do.shop.insert("customers", name=name, vat=record[1], url=url))
        else:
            made = do.desk.act("create", "Customer", customer_name=name, tax_id=record[1], website=url)
            key = str(made["name"])
        do.book.tokens[CUSTOMER, side, key] = record[1]
        do.book.wrote(record, side, name=name, url=url)


def _new_twins(do: Doing) -> None:
    """A site whose clock was set back shows a new document to full passes only: its twin is met alone before."""
    if not do.book.clock_was_set_back:
        _new_customer(do, [Side.SOURCE, Side.ERPNEXT])


def _edit_customer(do: Doing, side: Side, name: str, *, hidden: bool = False) -> None:
    held = do.customer(side)
    if held is None:
        return
    number = do.book.value()
    value = f"Customer {number}" if name == "name" else f"https://{number}.example"
    if side is Side.ERPNEXT:
        field_name = {"name": "customer_name", "url": "website"}[name]
        if hidden:
            late_save(do.desk, "Customer", held["key"], **{field_name: value})
        else:
            do.desk.act("save", "Customer", held["key"], **{field_name: value})
    elif hidden:
        with do.shop.open() as connection:
            connection.execute(f"UPDATE customers SET {name} = ? WHERE id = ?", (value, held["key"]))
    else:
        do.shop.change("customers", held["key"], **{name: value})
    do.book.wrote((CUSTOMER, held["token"]), side, **{name: value})


def late_save(desk: Desk, doctype: str, name: str, **values: Any) -> None:
    """A person's save that is stamped before it can be seen."""
    stamp = desk.site.clock.now() - LATE
    with desk.site.writing(User(PERSON, desk.site.administrator.roles), stamp_at=stamp) as session:
        act(session, "save", doctype, name, values)


def _delete_customer(do: Doing, side: Side) -> None:
    held = do.customer(side)
    if held is None or held["token"] in REGULARS:
        return
    if side is Side.SOURCE:
        do.shop.delete("customers", held["key"])
    else:
        do.desk.act("delete", "Customer", held["key"])
    do.book.tokens[CUSTOMER, side, str(held["key"])] = held["token"]
    do.book.deleted((CUSTOMER, held["token"]), side)


def _rename_customer(do: Doing) -> None:
    held = do.customer(Side.ERPNEXT)
    if held is not None:
        name = f"Renamed {do.book.value()}"
        # ERPNext names customers by their name: a rename by the desk's dialog leaves the field as it is.
        do.desk.rename("Customer", held["key"], name)
        do.book.tokens[CUSTOMER, Side.ERPNEXT, name] = held["token"]
        do.book.wrote((CUSTOMER, held["token"]), Side.ERPNEXT)
        [row] = do.desk.rows('SELECT customer_name FROM "tabCustomer" WHERE name = ?', name)
        do.book.last[(CUSTOMER, held["token"]), "name"] = (Side.ERPNEXT, row["customer_name"])


def _title_item(do: Doing, side: Side) -> None:
    skus = SHOP_ITEMS + SITE_ITEMS
    sku, title = skus[do.pick % len(skus)], f"Item {do.book.value()}"
    if side is Side.SOURCE:
        do.shop.change("items", do.item(sku), title=title)
    else:
        do.desk.act("save", "Item", sku, item_name=title)
    do.book.wrote((ITEM, sku), side, title=title)


def _new_order(do: Doing, state: str) -> None:
    token = f"O{do.book.value()}"
    [customer] = do.shop.rows("SELECT id FROM customers WHERE vat = ?", do.regular())
    skus = SHOP_ITEMS[: 1 + do.pick % 2]
    lines = {sku: do.book.value() for sku in skus}
    given = [(do.item(sku), quantity, 1_050) for sku, quantity in lines.items()]
    key = do.shop.order(
        token, customer["id"], [(item, float(quantity), cents) for item, quantity, cents in given], state=state
    )
    do.book.tokens[ORDER, Side.SOURCE, str(key)] = token
    do.book.wrote((ORDER, token), Side.SOURCE, label=f"Order {token}", **lines)


def _new_invoice(do: Doing) -> None:
    token, title = f"D{do.book.value()}", f"Title {do.book.value()}"
    [customer] = do.desk.rows('SELECT name FROM "tabCustomer" WHERE tax_id = ?', do.regular())
    sku, quantity = SITE_ITEMS[do.pick % 2], do.book.value()
    rows = [{"item_code": sku, "qty": quantity, "rate": 10.5}]
    values = {"customer": customer["name"], "company": "Acme Inc", "po_no": token, "title": title, "items": rows}
    made = do.desk.act("create", "Sales Invoice", **values)
    do.book.tokens[ORDER, Side.ERPNEXT, made["name"]] = token
    do.book.wrote((ORDER, token), Side.ERPNEXT, label=title, **{sku: quantity})


def _label_order(do: Doing) -> None:
    held = do.order("placed", "issued")
    if held is not None:
        label = f"Label {do.book.value()}"
        do.shop.change("orders", held["key"], label=label)
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, label=label)


def _count_line(do: Doing) -> None:
    held = do.order("placed", "issued")
    line = do.chosen(do.lines(held["key"])) if held is not None else None
    if held is not None and line is not None:
        quantity = do.book.value()
        do.shop.quantity(held["key"], line["line_no"], float(quantity))
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, **{line["sku"]: quantity})


def _add_line(do: Doing) -> None:
    held = do.order("placed", "issued")
    if held is None:
        return
    lines = do.lines(held["key"])
    free = [sku for sku in SHOP_ITEMS if sku not in {line["sku"] for line in lines}]
    if free:
        quantity = do.book.value()
        do.shop.line(
            held["key"], max((line["line_no"] for line in lines), default=0) + 1, do.item(free[0]), quantity, 700
        )
        do.shop.change("orders", held["key"])
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, **{free[0]: quantity})


def _drop_line(do: Doing) -> None:
    held = do.order("placed", "issued")
    lines = do.lines(held["key"]) if held is not None else []
    if held is not None and len(lines) > 1:
        line = lines[do.pick % len(lines)]
        with do.shop.open() as connection:
            connection.execute(
                "DELETE FROM order_lines WHERE order_id = ? AND line_no = ?", (held["key"], line["line_no"])
            )
        do.shop.change("orders", held["key"])
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, **{line["sku"]: None})


def _set_state(do: Doing, before: Sequence[str], state: str) -> None:
    held = do.order(*before)
    if held is not None:
        do.shop.change("orders", held["key"], state=state)
        do.book.wrote((ORDER, held["token"]), Side.SOURCE)


def _delete_order(do: Doing) -> None:
    held = do.order("placed", "issued", "void")
    if held is not None:
        do.shop.delete("orders", held["key"])
        do.book.tokens[ORDER, Side.SOURCE, str(held["key"])] = held["token"]
        do.book.deleted((ORDER, held["token"]), Side.SOURCE)


def _title_invoice(do: Doing) -> None:
    held = do.invoice(0, 1)
    if held is not None:
        title = f"Title {do.book.value()}"
        do.desk.act("save", "Sales Invoice", held["key"], title=title)
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT, label=title)


def _rows_of_invoice(do: Doing, *, add: bool) -> None:
    held = do.invoice(0)
    if held is None:
        return
    rows, quantity = do.rows(held["key"]), do.book.value()
    sku = SITE_ITEMS[do.pick % 2]
    if add and all(row["item_code"] != sku for row in rows):
        rows.append({"item_code": sku, "qty": quantity, "rate": 5})
    else:
        row = rows[do.pick % len(rows)]
        row["qty"], sku = quantity, row["item_code"]
    do.desk.act("save", "Sales Invoice", held["key"], items=rows)
    do.book.wrote((ORDER, held["token"]), Side.ERPNEXT, **{sku: quantity})


def _walk_invoice(do: Doing, action: str, *docstatus: int) -> None:
    """Submit, cancel, amend or delete a document."""
    held = do.invoice(*docstatus)
    if held is None:
        return
    made = do.desk.act(action, "Sales Invoice", held["key"])
    record = (ORDER, held["token"])
    do.book.tokens[ORDER, Side.ERPNEXT, str(made.get("name", held["key"]))] = held["token"]
    if action == "delete":
        do.book.deleted(record, Side.ERPNEXT)
    else:
        do.book.wrote(record, Side.ERPNEXT)


def _pay_invoice(do: Doing) -> None:
    held = do.invoice(1)
    if held is not None:
        do.desk.act("pay", "Sales Invoice", held["key"], amount=1)
        do.book.paid.add((ORDER, held["token"]))
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT)


def _clock_back(do: Doing) -> None:
    do.desk.site.clock.shift(-float(1 + do.pick % 120))
    do.book.clock_was_set_back = True
    do.book.log.append("the site's clock was set back")


BETWEEN_RUNS: Final = "customer made on both sides"
"""Done only while syncd does not run: made on both sides between its looks at the one and at the other, these are two
customers, and each is given a partner of its own."""

DEEDS: Final[dict[str, Callable[[Doing], None]]] = {
    "customer made in the shop": lambda do: _new_customer(do, [Side.SOURCE]),
    "customer made at the site": lambda do: _new_customer(do, [Side.ERPNEXT]),
    BETWEEN_RUNS: _new_twins,
    "customer's name edited in the shop": lambda do: _edit_customer(do, Side.SOURCE, "name"),
    "customer's url edited in the shop": lambda do: _edit_customer(do, Side.SOURCE, "url"),
    "customer edited in the shop without a stamp": lambda do: _edit_customer(do, Side.SOURCE, "url", hidden=True),
    "customer's name edited at the site": lambda do: _edit_customer(do, Side.ERPNEXT, "name"),
    "customer's url edited at the site": lambda do: _edit_customer(do, Side.ERPNEXT, "url"),
    "customer edited at the site, committed late": lambda do: _edit_customer(do, Side.ERPNEXT, "url", hidden=True),
    "customer deleted in the shop": lambda do: _delete_customer(do, Side.SOURCE),
    "customer deleted at the site": lambda do: _delete_customer(do, Side.ERPNEXT),
    "customer renamed": _rename_customer,
    "item titled in the shop": lambda do: _title_item(do, Side.SOURCE),
    "item titled at the site": lambda do: _title_item(do, Side.ERPNEXT),
    "order placed": lambda do: _new_order(do, "placed"),
    "order issued at once": lambda do: _new_order(do, "issued"),
    "invoice drafted": _new_invoice,
    "order labelled": _label_order,
    "line counted anew": _count_line,
    "line added": _add_line,
    "line dropped": _drop_line,
    "order issued": lambda do: _set_state(do, ["placed"], "issued"),
    "order voided": lambda do: _set_state(do, ["placed", "issued"], "void"),
    "order deleted": _delete_order,
    "invoice titled": _title_invoice,
    "row counted anew": lambda do: _rows_of_invoice(do, add=False),
    "row added": lambda do: _rows_of_invoice(do, add=True),
    "invoice submitted": lambda do: _walk_invoice(do, "submit", 0),
    "invoice cancelled": lambda do: _walk_invoice(do, "cancel", 1),
    "invoice amended": lambda do: _walk_invoice(do, "amend", 2),
    "invoice amended and submitted": lambda do: _walk_invoice(do, "amend_and_submit", 2),
    "invoice deleted": lambda do: _walk_invoice(do, "delete", 0, 2),
    "invoice paid": _pay_invoice,
    "site's clock set back": _clock_back,
}


def do_deed(trade: Trade, book: Book, deed: str, pick: int) -> None:
    """Do one thing, unless the site refuses it."""
    try:
        DEEDS[deed](Doing(trade, book, pick))
    except SiteError as refusal:
        book.log.append(f"{deed}: refused ({refusal.exc_type})")
