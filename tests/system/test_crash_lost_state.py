"""The state store is lost after 2,000 customers and 400 invoices: it is rebuilt, and the next run writes nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.system.crash_told import half, told
from tests.system.crash_trade import Trade, found, served
from tests.system.harness import LONGEST, PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CUSTOMERS = 2_000
INVOICES = 400
ITEMS = 20
SAME = ("customers", "items", "orders", "invoices", "payments")
"""What stands after the rebuild as it stood before; what the state store knows besides is new."""


def lines(number: int) -> list[tuple[int, float, int]]:
    """One to three lines of an order, each of another item."""
    return [(1 + (number + at) % ITEMS, 1 + number % 7, 1_000 + 50 * at) for at in range(1 + number % 3)]


def fill(trade: Trade) -> None:
    """Customers, items and orders of the shop; every tenth order is a draft."""
    with trade.shop.open() as connection:
        connection.executemany(
            "INSERT INTO customers (name, vat, url) VALUES (?, ?, ?)",
            [(f"Customer {number:04d}", f"C{number:04d}", f"https://{number}.example") for number in range(CUSTOMERS)],
        )
        connection.executemany(
            "INSERT INTO items (sku, title) VALUES (?, ?)",
            [(f"I{number}", f"Item {number}") for number in range(ITEMS)],
        )
    for number in range(INVOICES):
        state = "placed" if number % 10 == 0 else "issued"
        trade.shop.order(f"O{number:03d}", 1 + number * 3, lines(number), state=state)


def change(trade: Trade) -> None:
    """Amended by the shop and by people, cancelled on both sides, paid, made at the site."""
    [*drafts] = trade.shop.rows("SELECT id FROM orders WHERE state = 'placed' ORDER BY id")
    [*issued] = trade.shop.rows("SELECT id, erp_name FROM orders WHERE state = 'issued' ORDER BY id")
    for row in issued[:20]:
        trade.shop.quantity(row["id"], 1, 11)
    for row in issued[20:30]:
        trade.shop.change("orders", row["id"], state="void")
    for row in issued[30:40]:
        trade.desk.act("cancel", "Sales Invoice", row["erp_name"])
        trade.desk.act("amend_and_submit", "Sales Invoice", row["erp_name"], title="Amended by a person")
    for row in issued[40:50]:
        trade.desk.act("cancel", "Sales Invoice", row["erp_name"])
    for row in issued[50:60]:
        trade.desk.act("pay", "Sales Invoice", row["erp_name"], amount=1)
    for number, row in enumerate(drafts[:5]):
        trade.shop.change("orders", row["id"], label=f"Label {number}")
        rows = [{"item_code": "I1", "qty": 2 + number, "rate": 8}]
        given = {"customer": "Customer 0001", "company": "Acme Inc", "po_no": f"D{number}", "title": f"Desk {number}"}
        trade.desk.act("create", "Sales Invoice", items=rows, **given)


def syncd(trade: Trade, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The command as a process; what it prints as JSON."""
    done = subprocess.run(
        [PROGRAM, *arguments, "--json"],
        cwd=trade.folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=4 * LONGEST,
    )
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def quiet(trade: Trade, *arguments: str) -> dict[str, Any]:
    """A command that writes nothing on either side."""
    mark, before = len(trade.server.site.log.since()), trade.shop.writes
    document = syncd(trade, *arguments)
    assert [served for served in trade.server.site.log.since(mark) if served.writes] == []
    assert trade.shop.writes == before
    return document


def test_a_trade_whose_state_is_lost_is_found_again_and_nothing_is_written(tmp_path: Path) -> None:
    found(tmp_path / "trade")
    with served(tmp_path / "trade", concurrency=4) as trade:
        fill(trade)
        syncd(trade, "reconcile")
        change(trade)
        syncd(trade, "reconcile")
        quiet(trade, "reconcile", "--full")
        before = told(trade)
        assert half(trade) == []
        amended = [name for name, docstatus, again, *_ in before["invoices"] if again and docstatus == 1]
        cancelled = [name for name, docstatus, *_ in before["invoices"] if docstatus == 2]
        assert (len(before["orders"]), len(amended), len(cancelled)) == (INVOICES + 5, 30, 50)
        pairs = dict(
            trade.state("SELECT m.name, count(*) FROM pairs p JOIN mappings m ON m.id = p.mapping_id GROUP BY 1")
        )
        for part in (trade.folder / "state").glob("syncd.db*"):
            part.unlink()

        rebuilt = quiet(trade, "state", "rebuild")["mappings"]
        assert {name: each["pairs"] for name, each in rebuilt.items()} == pairs
        for each in rebuilt.values():
            assert (each["held"], each["failed"], each["to_write"], each["error"]) == (0, 0, 0, None)
        for arguments in (["reconcile"], ["reconcile", "--full"]):
            document = quiet(trade, *arguments)
            assert document["result"] == "in_sync"
            for counts in document["mappings"].values():
                assert (counts["disagree"], counts["held"], counts["failed"], counts["linked"]) == (0, 0, 0, 0)
        after = told(trade)
        assert {part: after[part] for part in SAME} == {part: before[part] for part in SAME}
