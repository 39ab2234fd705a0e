"""What is done to orders and their documents."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.model import Side
from tests.soak.book import ORDER, SHOP_ITEMS, SITE_ITEMS
from tests.soak.doing import Doing


def new_order(do: Doing, state: str) -> None:
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


def new_invoice(do: Doing) -> None:
    token, title = f"D{do.book.value()}", f"Title {do.book.value()}"
    [customer] = do.desk.rows('SELECT name FROM "tabCustomer" WHERE tax_id = ?', do.regular())
    sku, quantity = SITE_ITEMS[do.pick % 2], do.book.value()
    rows = [{"item_code": sku, "qty": quantity, "rate": 10.5}]
    values = {"customer": customer["name"], "company": "Acme Inc", "po_no": token, "title": title, "items": rows}
    made = do.desk.act("create", "Sales Invoice", **values)
    do.book.tokens[ORDER, Side.ERPNEXT, made["name"]] = token
    do.book.wrote((ORDER, token), Side.ERPNEXT, label=title, **{sku: quantity})


def label_order(do: Doing) -> None:
    held = do.order("placed", "issued")
    if held is not None:
        label = f"Label {do.book.value()}"
        do.shop.change("orders", held["key"], label=label)
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, label=label)


def count_line(do: Doing) -> None:
    held = do.order("placed", "issued")
    line = do.chosen(do.lines(held["key"])) if held is not None else None
    if held is not None and line is not None:
        quantity = do.book.value()
        do.shop.quantity(held["key"], line["line_no"], float(quantity))
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, **{line["sku"]: quantity})


def add_line(do: Doing) -> None:
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


def drop_line(do: Doing) -> None:
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


def set_state(do: Doing, before: Sequence[str], state: str) -> None:
    held = do.order(*before)
    if held is not None:
        do.shop.change("orders", held["key"], state=state)
        do.book.wrote((ORDER, held["token"]), Side.SOURCE)
        if state == "void":
            do.book.voided.add((ORDER, held["token"]))


def delete_order(do: Doing) -> None:
    held = do.order("placed", "issued", "void")
    if held is not None:
        do.shop.delete("orders", held["key"])
        do.book.tokens[ORDER, Side.SOURCE, str(held["key"])] = held["token"]
        do.book.deleted((ORDER, held["token"]), Side.SOURCE)


def title_invoice(do: Doing) -> None:
    held = do.invoice(0, 1)
    if held is not None:
        title = f"Title {do.book.value()}"
        do.desk.act("save", "Sales Invoice", held["key"], title=title)
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT, label=title)


def rows_of_invoice(do: Doing, *, add: bool) -> None:
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


def walk_invoice(do: Doing, action: str, *docstatus: int) -> None:
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


def pay_invoice(do: Doing) -> None:
    held = do.invoice(1)
    if held is not None:
        do.desk.act("pay", "Sales Invoice", held["key"], amount=1)
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT)


def same_item_again(do: Doing) -> None:
    """A second line of one item: two rows that only their quantities tell apart, and sometimes not even these."""
    held = do.order("placed", "issued")
    line = do.chosen(do.lines(held["key"])) if held is not None else None
    if held is not None and line is not None:
        number = 1 + max(each["line_no"] for each in do.lines(held["key"]))
        do.shop.line(held["key"], number, do.item(line["sku"]), float(1 + do.pick % 3), 1_050)
        do.shop.change("orders", held["key"])
        do.book.blurred((ORDER, held["token"]), Side.SOURCE, line["sku"])


def replace_line(do: Doing) -> None:
    """The number of a line is given to another item."""
    held = do.order("placed", "issued")
    lines = do.lines(held["key"]) if held is not None else []
    free = [sku for sku in SHOP_ITEMS if sku not in {line["sku"] for line in lines}]
    if held is not None and lines and free:
        line, quantity = lines[do.pick % len(lines)], do.book.value()
        with do.shop.open() as connection:
            connection.execute(
                "UPDATE order_lines SET item_id = ?, quantity = ? WHERE order_id = ? AND line_no = ?",
                (do.item(free[0]), quantity, held["key"], line["line_no"]),
            )
        do.shop.change("orders", held["key"])
        do.book.wrote((ORDER, held["token"]), Side.SOURCE, **{line["sku"]: None, free[0]: quantity})


def drop_row(do: Doing) -> None:
    held = do.invoice(0)
    rows = do.rows(held["key"]) if held is not None else []
    if held is not None and len(rows) > 1:
        row = rows.pop(do.pick % len(rows))
        do.desk.act("save", "Sales Invoice", held["key"], items=rows)
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT, **{row["item_code"]: None})


def other_customer(do: Doing, side: Side) -> None:
    """An order goes to another customer."""
    held = do.order("placed", "issued") if side is Side.SOURCE else do.invoice(0)
    if held is None:
        return
    if side is Side.SOURCE:
        [customer] = do.shop.rows("SELECT id FROM customers WHERE vat = ?", do.regular())
        do.shop.change("orders", held["key"], customer_id=customer["id"])
    else:
        [customer] = do.desk.rows('SELECT name FROM "tabCustomer" WHERE tax_id = ?', do.regular())
        do.desk.act("save", "Sales Invoice", held["key"], customer=customer["name"])
    do.book.wrote((ORDER, held["token"]), side)


def replace_invoice(do: Doing) -> None:
    """The newest document of its series is deleted, and the next one is given its number."""
    newest = do.desk.rows('SELECT name, po_no, docstatus FROM "tabSales Invoice" ORDER BY name DESC LIMIT 1')
    if newest and newest[0]["docstatus"] != 1:
        do.desk.act("delete", "Sales Invoice", newest[0]["name"])
        do.book.tokens[ORDER, Side.ERPNEXT, newest[0]["name"]] = newest[0]["po_no"]
        do.book.deleted((ORDER, newest[0]["po_no"]), Side.ERPNEXT)
        new_invoice(do)


def cancel_payment(do: Doing) -> None:
    query = """SELECT p.name AS key, i.po_no AS token FROM "tabPayment Entry" p
        JOIN "tabPayment Entry Reference" r ON r.parent = p.name
        JOIN "tabSales Invoice" i ON i.name = r.reference_name WHERE p.docstatus = 1 ORDER BY p.creation"""
    held = do.chosen(do.desk.rows(query))
    if held is not None:
        do.desk.act("cancel", "Payment Entry", held["key"])
        do.book.wrote((ORDER, held["token"]), Side.ERPNEXT)
