"""A shop that invoices and keeps books, in SQLite, with mappings of documents that are submitted, and its sandbox."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncd.adapters.sandbox import SandboxServer
from tests.system.examples import SETTINGS, Company, Database, Desk
from tests.system.harness import Deployment

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

[match]
by = [["tax_id"]]

[fields]
customer_name = "name"
tax_id = "vat"
customer_type = { constant = "Company" }
"""

INVOICE = """\
[mapping]
doctype = "Sales Invoice"
source = "shop"
entity = "invoices"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[match]
create = "erpnext"

[lifecycle]
field = "state"
draft = ["open"]
submitted = ["issued", "sent"]
cancelled = ["void"]

[fields]
customer = { source = "customer_id", link = "customer" }
company = { constant = "Acme Inc" }
due_date = { source = "due_on", direction = "to_erpnext" }
po_no = "reference"
grand_total = { source = "total", direction = "to_source" }
outstanding_amount = { source = "owed", direction = "to_source" }
status = { source = "progress", direction = "to_source" }

[tables.items]
rows = { entity = "lines", parent = "invoice_id" }
key = ["line_no"]
[tables.items.fields]
item_code = "sku"
qty = "quantity"
rate = "price"
"""

ENTRY = """\
[mapping]
doctype = "Journal Entry"
source = "shop"
entity = "entries"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[match]
create = "erpnext"

[lifecycle]
field = "state"
draft = ["open"]
submitted = ["booked"]
cancelled = ["void"]

[fields]
posting_date = { source = "booked_on", direction = "to_erpnext" }
user_remark = "text"
company = { constant = "Acme Inc" }
voucher_type = { constant = "Journal Entry" }

[tables.accounts]
rows = { entity = "legs", parent = "entry_id" }
key = ["leg_no"]
[tables.accounts.fields]
account = "account"
debit_in_account_currency = "debit"
credit_in_account_currency = "credit"
"""

_STAMP = "updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))"
SCHEMA = f"""
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, vat TEXT, {_STAMP});
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers,
    due_on TEXT,
    reference TEXT,
    state TEXT NOT NULL DEFAULT 'issued',
    total NUMERIC,
    owed NUMERIC,
    progress TEXT,
    {_STAMP}
);
CREATE TABLE lines (
    invoice_id INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    PRIMARY KEY (invoice_id, line_no)
);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, booked_on TEXT, text TEXT, state TEXT NOT NULL DEFAULT 'booked', {_STAMP}
);
CREATE TABLE legs (
    entry_id INTEGER NOT NULL,
    leg_no INTEGER NOT NULL,
    account TEXT NOT NULL,
    debit NUMERIC NOT NULL DEFAULT 0,
    credit NUMERIC NOT NULL DEFAULT 0,
    PRIMARY KEY (entry_id, leg_no)
);
"""
YEAR = datetime.now(UTC).year
"""The year in the names of documents."""
_TIMES = re.compile("  (held since|ERPNext edited|source edited|later|first tried|last tried|run) ")
MAPPINGS = {"customer": CUSTOMER, "invoice": INVOICE, "entry": ENTRY}


class Books(Company):
    """The deployment, its shop and its site."""

    def buyer(self, name: str = "Buyer", vat: str = "US1") -> int:
        """A customer of the shop."""
        return self.shop.insert("customers", name=name, vat=vat)

    def invoice(self, buyer: int, *lines: tuple[str, float, float], **values: Any) -> int:
        """An invoice of the shop; its lines are (article, quantity, price)."""
        row = self.shop.insert("invoices", **{"customer_id": buyer, "due_on": "2090-12-31", **values})
        self.lines(row, *(lines or (("A", 2, 50),)))
        return row

    def lines(self, row: int, *lines: tuple[str, float, float]) -> None:
        """Give an invoice other lines."""
        self.shop.do("DELETE FROM lines WHERE invoice_id = ?", row)
        for number, (sku, quantity, price) in enumerate(lines, 1):
            self.shop.insert("lines", invoice_id=row, line_no=number, sku=sku, quantity=quantity, price=price)
        self.shop.touch("invoices", row)

    def entry(self, *legs: tuple[str, float, float], **values: Any) -> int:
        """A booking of the shop; its legs are (account, debit, credit)."""
        row = self.shop.insert("entries", **{"booked_on": "2026-03-31", "text": "Rent", **values})
        self.legs(row, *legs)
        return row

    def legs(self, row: int, *legs: tuple[str, float, float]) -> None:
        """Give a booking other legs."""
        self.shop.do("DELETE FROM legs WHERE entry_id = ?", row)
        for number, (account, debit, credit) in enumerate(legs, 1):
            self.shop.insert("legs", entry_id=row, leg_no=number, account=f"{account} - AI", debit=debit, credit=credit)
        self.shop.touch("entries", row)

    def documents(self, row: int, doctype: str = "Sales Invoice") -> list[dict[str, Any]]:
        """Everything that ERPNext has for a row, the oldest first."""
        return self.desk.list(doctype, "docstatus", "amended_from", syncd_shop_id=str(row))

    def live(self, row: int, doctype: str = "Sales Invoice") -> dict[str, Any]:
        """The one document that stands for a row, whole."""
        [found] = [document for document in self.documents(row, doctype) if document["docstatus"] != 2]
        return self.desk.get(doctype, found["name"])

    def booked(self) -> dict[str, float]:
        """What stands in the ledger, as the debits of each voucher; it balances."""
        rows = self.desk.list("GL Entry", "voucher_no", "debit", "credit", is_cancelled=0)
        assert round(sum(row["debit"] - row["credit"] for row in rows), 2) == 0, "the ledger balances"
        totals: dict[str, float] = {}
        for row in rows:
            totals[row["voucher_no"]] = round(totals.get(row["voucher_no"], 0.0) + row["debit"], 2)
        return totals

    def shown(self, kind: str = "conflicts") -> str:
        """The one held (or failed) record, as the command shows it, without times, marks and the site's port."""
        done = self.deployment.run(kind, "show", str(self._number(kind)))
        assert done.returncode == 0, done.stderr
        text = done.stdout.replace(str(self.desk.http.base_url).rstrip("/"), "http://site")
        text = text.replace(f"{self.deployment.folder}/", "")
        text = re.sub(r" --shown [0-9a-f]+", "", text)
        text = text.replace(f"-{YEAR}-", "-2026-")
        return "\n".join(line.rstrip() for line in text.splitlines() if line.strip() and not _TIMES.match(line))

    def say(self, mapping: str, old: str, new: str) -> None:
        """Edit a mapping's file."""
        self.deployment.replace(self.deployment.folder / "mappings" / f"{mapping}.toml", old, new)

    def _number(self, kind: str) -> int:
        [(number,)] = self.deployment.state_rows(f"SELECT id FROM {kind}")
        return int(number)

    def resolve(self, take: str) -> None:
        """A person decides about the one held record."""
        done = self.deployment.run("conflicts", "resolve", str(self._number("conflicts")), "--take", take)
        assert done.returncode == 0, done.stderr


def template(folder: Path) -> Path:
    """A deployment's folder with a provisioned site, whose servers are down: copied for each test."""
    (folder / "mappings").mkdir(parents=True)
    for name, text in MAPPINGS.items():
        (folder / "mappings" / f"{name}.toml").write_text(text)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.executescript(SCHEMA)
    with SandboxServer(folder / "site.db") as server, closing(Desk(server.url)) as desk:
        _settings(folder, server.url)
        Deployment(folder, Database(folder / "shop.db")).provision()
        for code in ("A", "B"):
            desk.act("create", "Item", item_code=code, item_group="Products", stock_uom="Nos", is_stock_item=0)
    return folder


def _settings(folder: Path, url: str) -> None:
    source = '\n[sources.shop]\ntype = "sql"\nurl = "sqlite:///shop.db"\n'
    (folder / "syncd.toml").write_text(SETTINGS.format(url=url) + source)


@contextmanager
def books(folder: Path) -> Iterator[Books]:
    """The deployment in `folder` (a copy of the template) with its site running."""
    with SandboxServer(folder / "site.db") as server, closing(Desk(server.url)) as desk:
        _settings(folder, server.url)
        shop = Database(folder / "shop.db")
        yield Books(Deployment(folder, shop), desk, {"shop": shop})
