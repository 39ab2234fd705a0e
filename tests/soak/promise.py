"""The six invariants, asked of a trade in which nobody does anything any more.

`settle` lets syncd run until it has nothing left to write; `Promise` then compares what both sides hold with the `Book`
of what was done. A record that is held or failed may differ, under a name and with a reason, and only where both sides
had been touched.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from syncd.core.model import PairState, Side
from tests.soak.book import CUSTOMER, ITEM, ORDER, Book, Record
from tests.system.crash_process import Processes, Run
from tests.system.crash_told import half
from tests.system.crash_trade import Trade

WHOLE = Run(full=True, force=True)
MOST_RUNS = 5
WAITING = ("is held and waits for a person", "has no partner")
"""What a record is told that links to one that is named."""
NAME_GIVEN_AGAIN = "its name was given again"
STILL_BORNE = re.compile(r"shop \w+ (\d+) carries this record's id in erp_name already")
"""ERPNext gives the name of a deleted document to the next one; a record that waits for a person still bears it."""
STATE = {0: "placed", 1: "issued", 2: "void"}


def settle(trade: Trade, processes: Processes) -> dict[str, Any]:
    """Whole passes until one writes nothing; then an incremental one, which must not write anything either.

    The counts of the last whole pass, by mapping.
    """
    trade.server.site.faults.clear()
    for _ in range(MOST_RUNS):
        ended = processes.run(trade.settings, WHOLE, WHOLE, Run(full=True), Run())
        assert (ended.signal, ended.error) == (0, "")
        for counts in ended.runs:
            told = {name: each["error"] or each["halt"] for name, each in counts.items()}
            assert not any(told.values()), told
        if not ended.writes(2) and not ended.writes(3):
            return ended.runs[2]
    raise AssertionError(f"not quiet after {MOST_RUNS * 4} runs: {ended.writes(2)} {ended.writes(3)}")


class Promise:
    """What both sides hold, and the book."""

    def __init__(self, trade: Trade, book: Book, counts: dict[str, Any]) -> None:
        self.trade, self.book, self.counts = trade, book, counts
        shop, desk = trade.shop, trade.desk
        self.rows = {
            CUSTOMER: shop.rows("SELECT *, vat AS token FROM customers"),
            ITEM: shop.rows("SELECT *, sku AS token FROM items"),
            ORDER: shop.rows(
                "SELECT o.*, number AS token, c.vat FROM orders o LEFT JOIN customers c ON c.id = o.customer_id"
            ),
        }
        self.documents = {
            CUSTOMER: desk.rows('SELECT *, tax_id AS token FROM "tabCustomer"'),
            ITEM: desk.rows('SELECT *, name AS token FROM "tabItem"'),
            ORDER: desk.rows(
                'SELECT s.*, s.po_no AS token, c.tax_id AS vat FROM "tabSales Invoice" s '
                'LEFT JOIN "tabCustomer" c ON c.name = s.customer ORDER BY s.creation'
            ),
        }
        paid = """SELECT i.po_no FROM "tabPayment Entry" p JOIN "tabPayment Entry Reference" r ON r.parent = p.name
            JOIN "tabSales Invoice" i ON i.name = r.reference_name WHERE p.docstatus = 1"""
        self.paid = {(ORDER, row["po_no"]) for row in desk.rows(paid)}
        """Orders that a payment refers to: ERPNext does not cancel them before it, and syncd holds them."""
        self.lines = self._lines()
        self.named = self._named()

    def _lines(self) -> dict[tuple[Side, str], Counter[tuple[str, float]]]:
        """(side, key of the order) → its rows: item and quantity, each with its number."""
        found: dict[tuple[Side, str], Counter[tuple[str, float]]] = {}
        shop = """SELECT l.order_id AS k, i.sku AS item, l.quantity AS qty
            FROM order_lines l JOIN items i ON i.id = l.item_id"""
        site = 'SELECT parent AS k, item_code AS item, qty FROM "tabSales Invoice Item"'
        for side, rows in ((Side.SOURCE, self.trade.shop.rows(shop)), (Side.ERPNEXT, self.trade.desk.rows(site))):
            for row in rows:
                found.setdefault((side, str(row["k"])), Counter())[row["item"], float(row["qty"])] += 1
        return found

    def _named(self) -> dict[Record, str]:
        """Records that are held or failed, with what is told about them."""
        tokens = dict(self.book.tokens)
        for kind in (CUSTOMER, ITEM, ORDER):
            tokens |= {(kind, Side.SOURCE, str(row["id"])): row["token"] for row in self.rows[kind]}
            tokens |= {(kind, Side.ERPNEXT, row["name"]): row["token"] for row in self.documents[kind]}
        named: dict[Record, str] = {}
        for table, text in (("conflicts", "text"), ("failures", "error || ' → ' || hint")):
            held = f"FROM {table} t JOIN mappings m ON m.id = t.mapping_id"
            query = f"SELECT m.name, t.external_id, t.erpnext_name, {text} {held}"
            for kind, key, name, told in self.trade.state(query):
                keys = [(kind, Side.SOURCE, str(key)), (kind, Side.ERPNEXT, str(name))]
                token = next((tokens[each] for each in keys if each in tokens), None)
                assert token is not None, f"{table}: nobody knows {kind} {key}/{name}: {told}"
                named[kind, token] = f"{table}: {told}"
        return named

    def _disagreeing(self) -> set[Record]:
        """Records that the audit of the last whole pass listed. Only one thing gets there: a document that was made
        for a customer under a name that was given to another customer a moment before, links to that one."""
        found: set[Record] = set()
        for kind, counts in self.counts.items():
            for each in counts["disagreements"]:
                token = {row["name"]: row["token"] for row in self.documents[kind]}[each["erpnext_name"]]
                assert self.book.names_given_again, f"{kind} {token} disagrees: {each}"
                assert (kind, each["field"]) == (ORDER, "customer"), f"{kind} {token} disagrees: {each}"
                found.add((kind, token))
        return found

    def ask(self) -> None:
        """Ask for all of it. Raises `AssertionError` naming the record."""
        self._nothing_half()
        disagreeing = self._disagreeing()
        for kind in (CUSTOMER, ITEM, ORDER):
            self._nothing_twice(kind)
        self._nothing_silent()
        for record in self._records():
            if record in self.named or record in disagreeing:
                continue
            if self.book.is_gone(record):
                self._gone(record)
            elif record[0] == ORDER:
                self._order_agrees(record)
            else:
                self._agrees(record)
        for record, name in self.book.last:
            if not self.book.is_gone(record):
                self._nothing_lost(record, name)
        self._agreed()

    def _records(self) -> list[Record]:
        both = (self.rows, self.documents)
        return sorted({(kind, row["token"]) for held in both for kind, rows in held.items() for row in rows})

    def _of(self, record: Record, side: Side) -> list[dict[str, Any]]:
        """The records of a token on one side; of a chain of amendments the newest documents."""
        kind, token = record
        if side is Side.SOURCE:
            return [row for row in self.rows[kind] if row["token"] == token]
        found = [row for row in self.documents[kind] if row["token"] == token]
        if kind != ORDER:
            return found
        before = {row["amended_from"] for row in found}
        return [row for row in found if row["name"] not in before]

    def _nothing_half(self) -> None:
        assert self.trade.state("SELECT key, action FROM operations WHERE state = 'open'") == []
        assert half(self.trade) == []

    def _nothing_twice(self, kind: str) -> None:
        rows = Counter(row["token"] for row in self.rows[kind])
        documents = Counter(row["token"] for row in self.documents[kind] if kind != ORDER or row["docstatus"] < 2)
        for side, counted in (("shop", rows), ("site", documents)):
            twice = [token for token, count in counted.items() if count > 1]
            assert twice == [], f"made twice: {kind} {twice} in the {side}"

    def _nothing_silent(self) -> None:
        """Who is named has a reason: both sides were touched, or it waits for another record that is named."""
        for record, told in self.named.items():
            sides = self.book.touched.get(record, set())
            waits = len(self.named) > 1 and any(words in told for words in WAITING)
            reused = self._bears_a_name_of_two(record[0], told)
            excused = len(sides) == 2 or waits or reused or record in self.paid
            assert excused, f"{record} was touched on {sides or 'no side'} only, and is named: {told}"

    def _bears_a_name_of_two(self, kind: str, told: str) -> bool:
        """Whether a document bears the name of a deleted one, which stands in a record that has ended or is held."""
        bearer = STILL_BORNE.search(told)
        if bearer is None or not self._a_name_is_free(kind):
            return False
        token = self.book.tokens.get((kind, Side.SOURCE, bearer[1]))
        tokens = {token} | {row["token"] for row in self.rows[kind] if str(row["id"]) == bearer[1]}
        return NAME_GIVEN_AGAIN in told or any((kind, each) in self.named for each in tokens if each)

    def _a_name_is_free(self, kind: str) -> bool:
        """Whether a document lost its name: it was deleted, by a person or since its order was voided, or renamed."""
        lost = self.book.voided if kind == ORDER else self.book.names_given_again
        return bool(lost) or any(record[0] == kind for record, _ in self.book.gone)

    def _gone(self, record: Record) -> None:
        """Deleted on one side and left alone on the other: gone on both (an order's document is kept, cancelled)."""
        sides = self.book.touched.get(record, set())
        if record in self.book.buried:
            left = [side.value for side in Side if (record, side) in self.book.gone and self._of(record, side)]
            assert left == [], f"{record} had ended, and is back in {left}"
        if len(sides) == 2 or record in self.book.buried or self._is_cancelled(record):
            return
        assert self._of(record, Side.SOURCE) == [], f"{record} was deleted and is still in the shop"
        live = [row for row in self._of(record, Side.ERPNEXT) if record[0] != ORDER or row["docstatus"] < 2]
        assert live == [], f"{record} was deleted and is still at the site"

    def _is_cancelled(self, record: Record) -> bool:
        """Whether it is cancelled on both sides: where the draft of an amendment was deleted, it is so again."""
        rows, documents = self._of(record, Side.SOURCE), self._of(record, Side.ERPNEXT)
        cancelled = [row["state"] == "void" for row in rows] + [each["docstatus"] == 2 for each in documents]
        return bool(rows and documents) and record[0] == ORDER and all(cancelled)

    def _agrees(self, record: Record) -> None:
        row, document = self._pair(record)
        if record[0] == CUSTOMER:
            held = (document["customer_name"], document["website"] or None)
            assert held == (row["name"], row["url"] or None), f"{record}: {held} at the site, {row}"
            assert row["erp_name"] == document["name"], f"{record} says {row['erp_name']} for {document['name']}"
            assert document["syncd_shop_id"] in {None, "", str(row["id"])}, f"{record}: {document['syncd_shop_id']}"
        else:
            assert document["item_name"] == row["title"], f"{record}: {row} {document}"

    def _pair(self, record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
        rows, documents = self._of(record, Side.SOURCE), self._of(record, Side.ERPNEXT)
        assert len(rows) == len(documents) == 1, f"{record}: {len(rows)} in the shop, {len(documents)} at the site"
        return rows[0], documents[0]

    def _order_agrees(self, record: Record) -> None:
        rows, documents = self._of(record, Side.SOURCE), self._of(record, Side.ERPNEXT)
        if rows and rows[0]["state"] == "void" and all(document["docstatus"] == 2 for document in documents):
            return
        if not rows and all(document["docstatus"] == 2 for document in documents):
            return  # cancelled before it was ever seen: nothing is made of it
        if record in self.book.voided and self._has_ended(rows):
            return  # voided before a document was made, or while it was a draft: it has ended, whatever it asks for now
        row, document = self._pair(record)
        assert row["state"] == STATE[document["docstatus"]], f"{record} is {row['state']}, {document['docstatus']}"
        assert row["erp_name"] == document["name"], f"{record} says {row['erp_name']} for {document['name']}"
        held = (document["title"], document["vat"])
        assert held == (row["label"], row["vat"]), f"{record}: {held} at the site, {row['label']} {row['vat']}"
        lines = [self.lines.get((Side.SOURCE, str(row["id"]))), self.lines.get((Side.ERPNEXT, document["name"]))]
        assert lines[0] == lines[1], f"{record}: {lines[0]} in the shop, {lines[1]} at the site"
        cents = tuple(round(document[name] * 100) for name in ("grand_total", "outstanding_amount"))
        told = (row["total_cents"], row["owed_cents"])
        assert told == cents, f"{record}: {told} in the shop, {cents} at the site"

    def _has_ended(self, rows: list[dict[str, Any]]) -> bool:
        """Whether the pair of an order has ended."""
        query = """SELECT p.state FROM pairs p JOIN mappings m ON m.id = p.mapping_id
            WHERE m.name = 'order' AND p.external_id = ?"""
        states = [self.trade.state(query, str(row["id"])) for row in rows]
        return states == [[(PairState.ENDED.value,)]]

    def _nothing_lost(self, record: Record, name: str) -> None:
        """The last edit of a field stands where it was made. What is cancelled takes no more edits."""
        side, value = self.book.last[record, name]
        held = self._of(record, side)
        if record[0] == ORDER and (not held or self._is_void(record)):
            return
        assert len(held) == 1, f"{record} vanished from {side.value}"
        if record[0] == ORDER and name != "label":
            key = str(held[0]["id"]) if side is Side.SOURCE else held[0]["name"]
            lines = self.lines.get((side, key), Counter())
            found: Any = sorted(
                quantity for (item, quantity), count in lines.items() for _ in range(count) if item == name
            )
            wanted = [] if value is None else [float(value)]
        else:
            columns = {"name": "customer_name", "url": "website", "title": "item_name", "label": "title"}
            found, wanted = held[0][name if side is Side.SOURCE else columns[name]] or None, value
        assert found == wanted, f"the last edit of {record} {name}, in {side.value}, was {wanted}; there is {found}"

    def _is_void(self, record: Record) -> bool:
        """Whether an order was voided or cancelled, on either side."""
        rows, documents = self._of(record, Side.SOURCE), self._of(record, Side.ERPNEXT)
        voided = any(row["state"] == "void" for row in rows)
        return voided or not documents or all(document["docstatus"] == 2 for document in documents)

    def _agreed(self) -> None:
        """From here on only what is named has been touched, and what stands on both sides is not gone: its twin was."""
        self.book.touched = {record: sides for record, sides in self.book.touched.items() if record in self.named}
        there = {record for record in self._records() if all(self._of(record, side) for side in Side)}
        self.book.gone = {(record, side) for record, side in self.book.gone if record not in there}
        self.book.buried = {record for record, _ in self.book.gone} - set(self.named)
