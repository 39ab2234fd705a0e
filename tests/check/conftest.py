"""A shop in SQLite, a sandbox site, and mappings that a test changes before `syncd check` looks at them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.adapters.sandbox import SandboxServer
from syncd.app.results import Finding, Severity
from syncd.bootstrap import Application
from syncd.bootstrap.clock import ImpatientClock
from syncd.config import load
from tests.erpnext.helpers import customer_spec, make_client
from tests.sites import fresh_site

SHOP = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT, vat TEXT UNIQUE, country TEXT, credit_cents INTEGER,
    blocked BOOLEAN, contact_id INTEGER, erp_ref TEXT, born TEXT, updated_at TEXT NOT NULL
);
CREATE INDEX customers_updated ON customers (updated_at);
INSERT INTO customers VALUES
    (1, 'Aster', 'company', 'DE1', 'DE', 1999, 0, NULL, NULL, '2000-02-29', '2026-01-01 10:00:00'),
    (2, 'Berta', 'person', 'DE2', 'FR', 250, 1, NULL, NULL, NULL, '2026-01-01 10:00:00');
CREATE TABLE contacts (id INTEGER PRIMARY KEY, first TEXT, last TEXT, customer_id INTEGER, updated_at TEXT NOT NULL);
INSERT INTO contacts VALUES (7, 'Nora', 'Aster', 1, '2026-01-01 10:00:00');
CREATE TABLE products (sku TEXT PRIMARY KEY, title TEXT NOT NULL, updated_at TEXT NOT NULL);
INSERT INTO products VALUES ('S1', 'Lamp', '2026-01-01 10:00:00');
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER, ref TEXT, day TEXT, status TEXT, lines TEXT,
    updated_at TEXT NOT NULL
);
INSERT INTO orders VALUES (100, 1, 'R1', '2026-01-02', 'paid', '[{"sku": "S1", "n": 2}]', '2026-01-02 10:00:00');
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER, sku TEXT, quantity INTEGER, price_cents INTEGER
);
INSERT INTO order_lines VALUES (1, 100, 1, 'S1', 2, 500);
"""
SETTINGS = """
[sites.main]
url = "{url}"
key = "${{env:SITE_KEY}}"
secret = "${{env:SITE_KEY}}"
[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
"""
CUSTOMER = """
[mapping]
doctype = "Customer"
source = "shop"
entity = "customers"
[erpnext]
external_id = "syncd_shop_id"
[source]
id = "id"
modified = "updated_at"
[fields]
customer_name = "name"
customer_type = { source = "kind", values = { company = "Company", person = "Individual", both = "Partnership" } }
tax_id = "vat"
territory = { source = "country", convert = "country" }
default_commission_rate = { source = "credit_cents", convert = "cents" }
disabled = "blocked"
"""
CONTACT = """
[mapping]
doctype = "Contact"
source = "shop"
entity = "contacts"
[erpnext]
external_id = "syncd_shop_id"
[source]
id = "id"
modified = "updated_at"
[fields]
first_name = "first"
last_name = "last"
"""
ITEM = """
[mapping]
doctype = "Item"
source = "shop"
entity = "products"
[erpnext]
external_id = "syncd_shop_id"
[source]
id = "sku"
modified = "updated_at"
[fields]
item_code = "sku"
item_name = "title"
item_group = { constant = "Products" }
stock_uom = { constant = "Nos" }
"""
ORDER = """
[mapping]
doctype = "Sales Order"
source = "shop"
entity = "orders"
[erpnext]
external_id = "syncd_shop_id"
[source]
id = "id"
modified = "updated_at"
[fields]
customer = { source = "customer_id", link = "customer" }
po_no = "ref"
transaction_date = "day"
delivery_date = { source = "day", direction = "to_erpnext" }
[tables.items]
rows = { entity = "order_lines", parent = "order_id" }
key = ["line_no"]
[tables.items.fields]
item_code = { source = "sku", link = "item" }
qty = "quantity"
rate = { source = "price_cents", convert = "cents" }
[lifecycle]
field = "status"
draft = ["pending"]
submitted = ["paid"]
cancelled = ["void"]
"""
TEXTS = {"customer": CUSTOMER, "contact": CONTACT, "item": ITEM, "order": ORDER}
DOCTYPES = {"customer": "Customer", "contact": "Contact", "item": "Item", "order": "Sales Order"}


@dataclass
class Place:
    """A deployment beside a running site. `texts` are its mappings, `sql` is run before it is looked at."""

    folder: Path
    url: str
    texts: dict[str, str] = field(default_factory=lambda: dict(TEXTS))

    def change(self, mapping: str, old: str, new: str) -> None:
        """Put `new` in place of the only `old` of a mapping's text."""
        assert self.texts[mapping].count(old) == 1, f"{old!r} stands once in {mapping}"
        self.texts[mapping] = self.texts[mapping].replace(old, new)

    def sql(self, text: str) -> None:
        with closing(sqlite3.connect(self.folder / "shop.db")) as shop:
            shop.executescript(text)

    def write(self) -> Path:
        """The files as they stand now."""
        settings = self.folder / "syncd.toml"
        settings.write_text(SETTINGS.format(url=self.url))
        (self.folder / "mappings").mkdir(exist_ok=True)
        for name, text in self.texts.items():
            (self.folder / f"mappings/{name}.toml").write_text(text)
        return settings

    def application(self) -> Application:
        return Application(load(self.write()), clock=ImpatientClock(0.0))

    def check(self, *names: str) -> list[Finding]:
        """What `syncd check` finds, without what is well."""
        application = self.application()
        try:
            return [each for each in application.check(names) if each.severity is not Severity.OK]
        finally:
            application.close()

    def told(self, *names: str) -> list[tuple[str, str, str]]:
        """(severity, key, message) of each finding."""
        return [(each.severity.value, key_of(each), each.message) for each in self.check(*names)]


def key_of(finding: Finding) -> str:
    """The dotted key, or the place, that a finding is about."""
    return finding.where.rpartition(": ")[2]


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """One site for all tests that only read it: with what `provision` makes, and a document of each kind."""
    with SandboxServer(tmp_path_factory.mktemp("check") / "sandbox.db") as server:
        client = make_client(server.url)
        specs = [customer_spec(name=name, doctype=doctype) for name, doctype in DOCTYPES.items()]
        steps = apply_provision(client, plan_provision(client, specs))
        assert {step.state.value for step in steps} == {"made"}
        for document in (
            {"doctype": "Customer", "customer_name": "Aster", "territory": "Germany", "tax_id": "DE1"},
            {"doctype": "Item", "item_code": "S1", "item_group": "Products", "stock_uom": "Nos"},
        ):
            client.write("POST", f"/api/resource/{document['doctype']}", document, "a document")
        client.close()
        yield server


@pytest.fixture
def place(provisioned: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A deployment whose mappings fit both sides."""
    return new_place(provisioned.url, tmp_path, monkeypatch)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The same beside a site of the test's own, on which nothing was provisioned."""
    with fresh_site(tmp_path / "own.db") as server:
        yield new_place(server.url, tmp_path, monkeypatch)


def new_place(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, user: str = "full") -> Place:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SITE_KEY", user)
    made = Place(folder, url)
    made.sql(SHOP)
    return made


@pytest.fixture
def post(own: Place) -> Callable[..., Any]:
    """POST to the site of `own` as the user with every role: `post("Custom Field", dt=…)`."""

    def send(doctype: str, **values: Any) -> Any:
        answer = httpx.post(
            f"{own.url}/api/resource/{doctype}",
            json=values,
            headers={"Authorization": "token full:full"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    return send
