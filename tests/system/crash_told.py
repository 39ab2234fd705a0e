"""What the databases of a trade hold, read past the program, in a form that no name given on the way changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncd.core.model import PairState
from tests.system.crash_trade import Trade


def told(trade: Trade) -> dict[str, Any]:
    """What both sides and the state store hold: records by their tokens, nothing by a name given on the way."""
    return {
        "customers": sorted(_customers(trade)),
        "items": sorted(_items(trade)),
        "orders": sorted(_orders(trade)),
        "invoices": sorted(_invoices(trade)),
        "payments": _payments(trade),
        "open": trade.state("SELECT key FROM operations WHERE state = 'open'"),
        "failures": trade.state("SELECT error FROM failures"),
        "conflicts": trade.state("SELECT text FROM conflicts"),
        "staged": trade.state("SELECT key, state FROM staged WHERE pair IS NOT NULL"),
    }


def _customers(trade: Trade) -> Iterator[tuple[Any, ...]]:
    """(token, side, name, url, how it is tied to the other side)."""
    documents = trade.desk.rows('SELECT name, customer_name, tax_id, website, syncd_shop_id FROM "tabCustomer"')
    rows = trade.shop.rows("SELECT * FROM customers")
    keys, pairs = {row["id"]: row["vat"] for row in rows}, _pairs(trade, "customer")
    names = {document["name"]: document["tax_id"] for document in documents}
    for document in documents:
        tie = keys.get(int(document["syncd_shop_id"])) if document["syncd_shop_id"] else None
        paired = keys.get(int(pairs.get(document["name"], "-1")))
        yield (document["tax_id"], "site", document["customer_name"], document["website"] or "", paired, tie or "")
    for row in rows:
        yield (row["vat"], "shop", row["name"], row["url"] or "", names.get(row["erp_name"]), "")


def _items(trade: Trade) -> Iterator[tuple[Any, ...]]:
    documents = trade.desk.rows('SELECT name, item_name, syncd_shop_id FROM "tabItem"')
    rows = trade.shop.rows("SELECT * FROM items")
    keys, pairs = {str(row["id"]): row["sku"] for row in rows}, _pairs(trade, "item")
    for document in documents:
        name = document["name"]
        yield (name, "site", document["item_name"], keys.get(pairs.get(name, "")), keys.get(document["syncd_shop_id"]))
    for row in rows:
        yield (row["sku"], "shop", row["title"], "", "")


def _pairs(trade: Trade, mapping: str) -> dict[str, str]:
    """ERPNext name → external id of the pairs that are not ended."""
    query = (
        "SELECT p.erpnext_name, p.external_id FROM pairs p JOIN mappings m ON m.id = p.mapping_id "
        "WHERE m.name = ? AND p.state <> ?"
    )
    return {str(name): str(key) for name, key in trade.state(query, mapping, PairState.ENDED.value)}


def _orders(trade: Trade) -> Iterator[tuple[Any, ...]]:
    query = 'SELECT name, po_no, docstatus, amended_from FROM "tabSales Invoice"'
    invoices = {
        row["name"]: (row["po_no"], row["docstatus"], bool(row["amended_from"])) for row in trade.desk.rows(query)
    }
    lines = """SELECT l.order_id, l.line_no, i.sku, l.quantity, l.unit_cents FROM order_lines l
        LEFT JOIN items i ON i.id = l.item_id ORDER BY l.order_id, l.line_no"""
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for line in trade.shop.rows(lines):
        rows.setdefault(line.pop("order_id"), []).append(tuple(line.values()))
    heads = "SELECT o.*, c.vat FROM orders o LEFT JOIN customers c ON c.id = o.customer_id"
    for row in trade.shop.rows(heads):
        owed = (row["state"], row["total_cents"], row["owed_cents"])
        yield (
            row["number"],
            row["label"],
            row["vat"],
            *owed,
            invoices.get(row["erp_name"]),
            tuple(rows.pop(row["id"], [])),
        )
    assert rows == {}, "lines without an order"


def _invoices(trade: Trade) -> Iterator[tuple[Any, ...]]:
    """Each document with its rows, what it books and the order that it is paired with."""
    orders = {str(row["id"]): row["number"] for row in trade.shop.rows("SELECT id, number FROM orders")}
    pairs = _pairs(trade, "order")
    customers = {row["name"]: row["tax_id"] for row in trade.desk.rows('SELECT name, tax_id FROM "tabCustomer"')}
    query = """SELECT parent, idx, item_code, qty, rate FROM "tabSales Invoice Item" ORDER BY parent, idx"""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for line in trade.desk.rows(query):
        rows.setdefault(line.pop("parent"), []).append(tuple(line.values()))
    for each in trade.desk.rows('SELECT * FROM "tabSales Invoice"'):
        name = each["name"]
        yield (
            each["po_no"],
            each["docstatus"],
            bool(each["amended_from"]),
            each["title"],
            customers.get(each["customer"]),
            each["grand_total"],
            each["outstanding_amount"],
            orders.get(pairs.get(name, "")),
            orders.get(each["syncd_shop_id"] or ""),
            tuple(rows.pop(name, [])),
            _booked(trade, name),
        )
    assert rows == {}, "rows without a document"


def _booked(trade: Trade, voucher: str) -> tuple[Any, ...]:
    """What a document's entries in the ledger come to on each account; what was reversed counts as nothing."""
    query = """SELECT account, round(sum(debit - credit), 2) AS booked FROM "tabGL Entry"
        WHERE voucher_no = ? AND is_cancelled = 0 GROUP BY account ORDER BY account"""
    return tuple((row["account"], row["booked"]) for row in trade.desk.rows(query, voucher))


def _payments(trade: Trade) -> list[tuple[Any, ...]]:
    query = """SELECT i.po_no, p.docstatus, r.allocated_amount FROM "tabPayment Entry" p
        JOIN "tabPayment Entry Reference" r ON r.parent = p.name
        JOIN "tabSales Invoice" i ON i.name = r.reference_name"""
    return [tuple(row.values()) for row in trade.desk.rows(query)]


def half(trade: Trade) -> list[str]:
    """Documents whose ledger, and rows whose record, does not fit: nothing of it may be there once all is quiet."""
    wrong = []
    for invoice in _invoices(trade):
        number, docstatus, _, _, _, total, *_, rows, booked = invoice
        receivable = sum(amount for _, amount in booked if amount > 0)
        if (docstatus == 1) != bool(booked) or (booked and receivable != total):
            wrong.append(f"invoice {number} ({docstatus}) of {total} books {booked}")
        if sum(qty * rate for _, _, qty, rate in rows) != total:
            wrong.append(f"invoice {number}: its rows are not its total")
    return wrong
