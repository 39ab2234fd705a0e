"""The trade whose run is killed everywhere: a shop in SQLite, a site, and something of everything for a run to do.

`prepare` builds a deployment in which everything agrees, then edits both sides; `crash_told` reads what became of it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.adapters.sandbox import SandboxServer, lifecycle
from syncd.adapters.sandbox.people import act
from syncd.adapters.sandbox.session import User
from syncd.adapters.sandbox.site import Site
from syncd.bootstrap import Application

NAMES = ("customer", "item", "order")
PERSON = "person@example.com"

SETTINGS = """\
[state]
url = "sqlite:///state/syncd.db"

[sites.main]
url = "{url}"
key = "full"
secret = "full"
concurrency = {concurrency}

[sources.shop]
type = "sql"
url = "sqlite:///shop.db"

[schedule]
overlap = "1s"

[safety]
max_deletes = "100%"

[reports]
directory = "state/reports"
"""

CUSTOMER = """\
[mapping]
doctype = "Customer"
source = "shop"
entity = "customers"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"
erpnext_name = "erp_name"

[match]
by = [["tax_id"]]

[delete]
source_deleted = "delete"
erpnext_deleted = "delete"

[fields]
customer_name = "name"
tax_id = "vat"
website = "url"
"""

ITEM = """\
[mapping]
doctype = "Item"
source = "shop"
entity = "items"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[match]
by = [["item_code"]]

[delete]
source_deleted = "delete"
erpnext_deleted = "delete"

[fields]
item_code = "sku"
item_name = "title"
item_group = { constant = "Products" }
stock_uom = { constant = "Nos" }
"""

ORDER = """\
[mapping]
doctype = "Sales Invoice"
source = "shop"
entity = "orders"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"
erpnext_name = "erp_name"

[delete]
source_deleted = "cancel"
erpnext_deleted = "delete"

[lifecycle]
field = "state"
draft = ["placed"]
submitted = ["issued"]
cancelled = ["void"]
changed_after_submit = "amend"

[fields]
customer = { source = "customer_id", link = "customer" }
company = { constant = "Acme Inc" }
po_no = "number"
title = "label"
ignore_pricing_rule = { constant = 1 }
grand_total = { source = "total_cents", convert = "cents", direction = "to_source" }
outstanding_amount = { source = "owed_cents", convert = "cents", direction = "to_source" }

[tables.items]
rows = { entity = "order_lines", parent = "order_id" }
key = ["line_no"]

[tables.items.fields]
item_code = { source = "item_id", link = "item" }
qty = "quantity"
rate = { source = "unit_cents", convert = "cents" }
"""

_ID = "id INTEGER PRIMARY KEY AUTOINCREMENT"
"""Otherwise SQLite gives the id of a deleted row to the next one, and no other database does."""
_STAMP = "updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))"
TABLES = f"""\
CREATE TABLE customers ({_ID}, name TEXT NOT NULL, vat TEXT, url TEXT, erp_name TEXT UNIQUE, {_STAMP});
CREATE TABLE items ({_ID}, sku TEXT NOT NULL, title TEXT, {_STAMP});
CREATE TABLE orders ({_ID}, number TEXT, label TEXT, customer_id INTEGER REFERENCES customers (id),
    state TEXT NOT NULL DEFAULT 'placed', total_cents INTEGER, owed_cents INTEGER, erp_name TEXT UNIQUE, {_STAMP});
CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders (id), line_no INTEGER NOT NULL,
    item_id INTEGER NOT NULL REFERENCES items (id), quantity REAL NOT NULL, unit_cents INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, line_no));
CREATE TABLE audit (at INTEGER PRIMARY KEY, what TEXT NOT NULL);
""" + "".join(
    f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN INSERT INTO audit (what) "
    f"VALUES ('{event} {table}'); END;\n"
    for table in ("customers", "items", "orders", "order_lines")
    for event in ("insert", "update", "delete")
)
"""The shop's tables. Whoever writes to them, syncd included, leaves a row in `audit`."""


@dataclass
class Shop:
    """The shop's database, edited as its own program does."""

    path: Path

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are committed at the end."""
        with closing(sqlite3.connect(self.path, timeout=10.0)) as connection, connection:
            yield connection

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row; its id."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self.open() as connection:
            done = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
            return int(done.lastrowid or 0)

    def change(self, table: str, row: int, **values: Any) -> None:
        """Change a row and move its stamp."""
        assigned = "".join(f"{name} = ?, " for name in values)
        stamp = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
        with self.open() as connection:
            connection.execute(
                f"UPDATE {table} SET {assigned}updated_at = {stamp} WHERE id = ?", (*values.values(), row)
            )

    def delete(self, table: str, row: int) -> None:
        """Delete a row, and the lines of an order with it."""
        with self.open() as connection:
            if table == "orders":
                connection.execute("DELETE FROM order_lines WHERE order_id = ?", (row,))
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (row,))

    def order(self, number: str, customer: int, lines: list[tuple[int, float, int]], **values: Any) -> int:
        """An order with its lines: (item, quantity, cents)."""
        row = self.insert("orders", number=number, label=f"Order {number}", customer_id=customer, **values)
        for line, (item, quantity, cents) in enumerate(lines, 1):
            self.line(row, line, item, quantity, cents)
        return row

    def line(self, order: int, line: int, item: int, quantity: float, cents: int) -> None:
        """Add a line to an order."""
        values = (order, line, item, quantity, cents)
        with self.open() as connection:
            connection.execute("INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)", values)

    def quantity(self, order: int, line: int, quantity: float) -> None:
        """Change a line, and move the order's stamp."""
        with self.open() as connection:
            connection.execute(
                "UPDATE order_lines SET quantity = ? WHERE order_id = ? AND line_no = ?", (quantity, order, line)
            )
        self.change("orders", order)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query answers."""
        with closing(sqlite3.connect(self.path, timeout=10.0)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    @property
    def writes(self) -> int:
        """How many rows were written so far, by anybody."""
        return int(self.rows("SELECT count(*) AS n FROM audit")[0]["n"])


class Desk:
    """People at the site: through the same checks as the API, past HTTP."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def act(self, action: str, doctype: str, name: str = "", **values: Any) -> dict[str, Any]:
        """A person does something; the document as it then is. Raises the site's refusal."""
        with self.site.writing(User(PERSON, self.site.administrator.roles)) as session:
            return act(session, action, doctype, name, values)

    def rename(self, doctype: str, old: str, new: str) -> None:
        """A person renames a document."""
        with self.site.writing(User(PERSON, self.site.administrator.roles)) as session:
            lifecycle.rename(session, session.meta(doctype), old, new, merge=False)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query on the site's own database answers."""
        with self.site.reading() as session:
            cursor = session.connection.execute(query, values)
            names = [each[0] for each in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def name_of(self, doctype: str, external_id: int) -> str:
        """The newest document that carries an external id."""
        query = f'SELECT name FROM "tab{doctype}" WHERE syncd_shop_id = ? ORDER BY creation DESC'
        return str(self.rows(query, str(external_id))[0]["name"])


@dataclass
class Trade:
    """A deployment's folder with the databases of both sides in it, and the server of its site."""

    folder: Path
    server: SandboxServer

    @property
    def shop(self) -> Shop:
        return Shop(self.folder / "shop.db")

    @property
    def desk(self) -> Desk:
        return Desk(self.server.site)

    @property
    def settings(self) -> Path:
        return self.folder / "syncd.toml"

    def state(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the state store holds, read past the program."""
        with closing(sqlite3.connect(self.folder / "state" / "syncd.db", timeout=10.0)) as connection:
            return connection.execute(query, values).fetchall()

    def run(self, *, full: bool = False, force: bool = False) -> None:
        """One run in this process, which leaves nothing undone."""
        application = Application.open(self.settings, quiet=True)
        try:
            result = application.reconcile([], full=full, force=force, wait=5.0, progress=None)
        finally:
            application.close()
        assert result.exit_code == 0, result.mappings


MAPPINGS = dict(zip(NAMES, (CUSTOMER, ITEM, ORDER), strict=True))


@contextmanager
def served(folder: Path, *, concurrency: int = 1) -> Iterator[Trade]:
    """The deployment in `folder` with its site served. The server ends by itself a moment after the block."""
    server = SandboxServer(folder / "site.db")
    url = server.start()
    (folder / "syncd.toml").write_text(SETTINGS.format(url=url, concurrency=concurrency), encoding="utf-8")
    try:
        yield Trade(folder, server)
    finally:
        server.stop()


def found(folder: Path, tables: str = TABLES) -> None:
    """A deployment's folder: mappings, an empty shop, a provisioned site."""
    (folder / "mappings").mkdir(parents=True)
    for name, text in MAPPINGS.items():
        (folder / "mappings" / f"{name}.toml").write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.executescript(tables)
    with served(folder):
        application = Application.open(folder / "syncd.toml", quiet=True)
        try:
            application.provision(apply=True, remove=False)
        finally:
            application.close()


def copied(template: Path, folder: Path) -> Path:
    """The deployment again, in another folder."""
    shutil.copytree(template, folder)
    return folder


def _agreed(trade: Trade) -> None:
    """Customers, items and orders in every state that the script starts from, in agreement."""
    shop = trade.shop
    for number in range(1, 7):
        shop.insert("customers", name=f"Customer {number}", vat=f"C{number}", url="https://old.example")
    for number in range(1, 7):
        shop.insert("items", sku=f"I{number}", title=f"Item {number}")
    for number in range(1, 12):
        state = "placed" if number in DRAFTS else "issued"
        shop.order(f"O{number}", 1 + number % 3, [(1, 2, 5_000), (2, 1, 1_250)], state=state)
    trade.run()
    trade.run()


DRAFTS = (1, 5, 8, 10, 11)
"""The orders that are drafts before the script begins."""


def _edited_in_shop(shop: Shop) -> None:
    shop.change("customers", 1, name="Customer 1 of the shop")
    shop.change("customers", 3, url="https://shop.example")
    shop.delete("customers", 4)
    for number in (1, 2, 3):
        shop.insert("customers", name=f"Shop customer {number}", vat=f"S{number}", url=f"https://{number}.example")
    shop.change("items", 1, title="Item 1 of the shop")
    shop.delete("items", 4)
    for number in (1, 2):
        shop.insert("items", sku=f"S{number}", title=f"Shop item {number}")
    [customer] = shop.rows("SELECT id FROM customers WHERE vat = 'S1'")
    [item] = shop.rows("SELECT id FROM items WHERE sku = 'S1'")
    shop.change("orders", 1, state="issued")
    shop.quantity(2, 1, 7)
    shop.line(2, 3, item["id"], 1, 300)
    shop.change("orders", 3, state="void")
    shop.change("orders", 4, label="Order 4, called anew")
    shop.quantity(5, 1, 9)
    shop.delete("orders", 9)
    shop.order("N1", customer["id"], [(item["id"], 3, 1_000), (1, 1, 2_000)], state="issued")
    shop.order("N2", 2, [(item["id"], 1, 900)], state="issued")
    shop.order("N3", customer["id"], [(2, 4, 700)])


def _edited_at_the_desk(desk: Desk) -> None:
    customer = {number: desk.name_of("Customer", number) for number in range(1, 7)}
    order = {number: desk.name_of("Sales Invoice", number) for number in range(1, 12)}
    desk.act("save", "Customer", customer[2], website="https://site.example")
    desk.act("save", "Customer", customer[3], customer_name="Customer 3 of the site")
    desk.act("delete", "Customer", customer[5])
    desk.rename("Customer", customer[6], "Customer 6 renamed")
    for number in (1, 2):
        desk.act("create", "Customer", customer_name=f"Site customer {number}", tax_id=f"D{number}")
    desk.act("save", "Item", "I2", item_name="Item 2 of the site")
    desk.act("delete", "Item", "I5")
    desk.act("create", "Item", item_code="D1", item_name="Site item 1", item_group="Products", stock_uom="Nos")
    desk.act("save", "Sales Invoice", order[5], title="Order 5 of the site")
    desk.act("cancel", "Sales Invoice", order[6])
    lines = [{"item_code": "I1", "qty": 6, "rate": 50}]
    desk.act("amend_and_submit", "Sales Invoice", order[6], items=lines)
    desk.act("pay", "Sales Invoice", order[7], amount=40)
    desk.act("delete", "Sales Invoice", order[10])
    desk.act("submit", "Sales Invoice", order[11])
    lines = [{"item_code": "I2", "qty": 3, "rate": 20}, {"item_code": "D1", "qty": 1, "rate": 5}]
    values = {"customer": "Site customer 1", "company": "Acme Inc", "po_no": "D1", "title": "Desk order"}
    desk.act("create", "Sales Invoice", items=lines, **values)


def prepare(folder: Path) -> None:
    """A deployment in which a run has something of everything to do; nothing of it is open."""
    found(folder)
    with served(folder) as trade:
        _agreed(trade)
        _edited_in_shop(trade.shop)
        _edited_at_the_desk(trade.desk)
