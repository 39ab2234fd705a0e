"""A deployment in this process: a sandbox site, a shop in SQLite, mappings as text, and people who edit both sides.

Everything goes through what users have: the files, `Application` (what the commands call), the site's HTTP API, SQL.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from syncd.adapters.sandbox import SandboxServer
from syncd.app.results import Finding, PlanResult, RunResult, Severity
from syncd.bootstrap import Application
from syncd.core.merge import Choice
from syncd.core.model import Counts, Side
from syncd.core.resolution import encode_resolution
from syncd.errors import ConfigError
from tests.system.examples import Database, Desk

SETTINGS = """\
[sites.main]
url = "{url}"
key = "${{env:SITE_KEY}}"
secret = "${{env:SITE_KEY}}"

[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
"""

SHOP = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT, vat TEXT, url TEXT, notes TEXT, code TEXT, country TEXT,
    rate NUMERIC, credit NUMERIC(10, 2), cents INTEGER, blocked BOOLEAN, born DATE, phone TEXT,
    active BOOLEAN NOT NULL DEFAULT 1, deleted_at TEXT, erp_ref TEXT UNIQUE,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, sku TEXT, title TEXT,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER, number TEXT, day DATE, state TEXT DEFAULT 'pending', remark TEXT,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, product_id INTEGER, quantity NUMERIC,
    price NUMERIC(10, 2), UNIQUE (order_id, line_no)
);
"""

SECTIONS = ("mapping", "erpnext", "source", "match", "conflict", "delete", "lifecycle")
FIELDS = """
customer_name = "name"
tax_id = "vat"
website = "url"
"""
DEFAULTS = {"erpnext": 'external_id = "syncd_shop_id"', "source": 'id = "id"\nmodified = "updated_at"'}
ORDER_FIELDS = """
customer = { source = "customer_id", link = "customer" }
po_no = "number"
transaction_date = { source = "day", direction = "to_erpnext" }
delivery_date = { source = "day", direction = "to_erpnext" }
ignore_pricing_rule = { constant = 1 }
[tables.items]
rows = { entity = "order_lines", parent = "order_id" }
key = ["line_no"]
[tables.items.fields]
item_code = { source = "product_id", link = "item" }
qty = "quantity"
rate = "price"
"""
ITEM_FIELDS = """
item_code = "sku"
item_name = "title"
item_group = { constant = "Products" }
stock_uom = { constant = "Nos" }
is_stock_item = { constant = false }
"""
WORDS = 'field = "state"\ndraft = ["pending"]\nsubmitted = ["paid", "shipped"]\ncancelled = ["void"]\n'
NOTHING = {"erpnext": 0, "source": 0}
PERSON = "person@example.com"


def mapping_text(doctype: str = "Customer", entity: str = "customers", fields: str = FIELDS, **sections: str) -> str:
    """A mapping file. A section that is given takes the place of the default one; `[mapping]` is added to."""
    given = {**DEFAULTS, **sections}
    head = f'doctype = "{doctype}"\nsource = "shop"\nentity = "{entity}"\n'
    given["mapping"] = head + given.get("mapping", "")
    assert set(given) <= set(SECTIONS), f"there is no section {set(given) - set(SECTIONS)}"
    return "".join(f"[{name}]\n{given[name]}\n" for name in SECTIONS if name in given) + f"[fields]\n{fields}\n"


@dataclass
class Place:
    """A deployment, its site and its shop. `texts` are the mappings by name; `customer` is there from the start."""

    folder: Path
    server: SandboxServer
    desk: Desk
    texts: dict[str, str] = field(default_factory=lambda: {"customer": mapping_text()})
    extra: str = ""
    """What stands in syncd.toml besides."""

    @property
    def shop(self) -> Database:
        return Database(self.folder / "shop.db")

    def map(self, fields: str = FIELDS, **sections: str) -> None:
        """The mapping `customer`, with these fields and sections."""
        self.texts["customer"] = mapping_text(fields=fields, **sections)

    def map_orders(self, **sections: str) -> None:
        """Customers, items and orders with rows, whose states go along."""
        lifecycle = WORDS + sections.pop("lifecycle", "")
        self.texts["item"] = mapping_text("Item", "products", ITEM_FIELDS)
        self.texts["order"] = mapping_text(
            "Sales Order", "orders", sections.pop("fields", ORDER_FIELDS), lifecycle=lifecycle, **sections
        )

    def write(self) -> Path:
        """The files as they stand now."""
        settings = self.folder / "syncd.toml"
        settings.write_text(SETTINGS.format(url=self.server.url) + self.extra, encoding="utf-8")
        (self.folder / "mappings").mkdir(exist_ok=True)
        for name, text in self.texts.items():
            (self.folder / "mappings" / f"{name}.toml").write_text(text, encoding="utf-8")
        return settings

    @contextmanager
    def application(self) -> Iterator[Application]:
        """What a command works with."""
        application = Application.open(self.write(), quiet=True)
        try:
            yield application
        finally:
            application.close()

    # What a person types ----------------------------------------------------------------------------------------------

    def run(self, *names: str, full: bool = False, force: bool = False) -> RunResult:
        """`syncd reconcile`."""
        with self.application() as application:
            return application.reconcile(names, full=full, force=force, wait=5.0, progress=None)

    def counts(self, *, full: bool = False, force: bool = False, name: str = "customer") -> Counts:
        """The numbers of `name` in one run of everything, which meets no error and no halt."""
        found = self.run(full=full, force=force).mappings
        for each, counts in found.items():
            assert (counts.error, counts.halt) == (None, None), each
        return found[name]

    def settled(self, *, full: bool = False, name: str = "customer") -> Counts:
        """The same, where nothing is held and nothing failed either, and a further run is quiet."""
        found = self.counts(full=full, name=name)
        assert self.troubles() == []
        self.quiet()
        return found

    def quiet(self, *, full: bool = False) -> None:
        """A further run, which writes nothing on any side and finds nothing that disagrees."""
        mark, before = self.desk.mark(), self.shop.dump()
        found = self.run(full=full).mappings
        assert self.desk.writes(mark) == []
        assert self.shop.dump() == before
        for counts in found.values():
            assert (counts.created, counts.updated, counts.deleted) == (NOTHING, NOTHING, NOTHING)
            assert (counts.error, counts.halt, counts.disagree) == (None, None, 0)

    def plan(self, *names: str, full: bool = False) -> PlanResult:
        """`syncd plan`."""
        with self.application() as application:
            return application.plan(names, full=full, progress=None)

    def check(self, *names: str) -> list[Finding]:
        """`syncd check`, without what is well."""
        with self.application() as application:
            return [each for each in application.check(names) if each.severity is not Severity.OK]

    def rebuild(self) -> None:
        """The state is lost; `syncd state rebuild --force`."""
        with self.application() as application:
            application.care().rebuild(force=True, progress=None)

    def provision(self, user: str | None = None) -> None:
        """`syncd provision --apply`, as the user with every role."""
        with self.application() as application:
            steps = application.provision(apply=True, remove=False, user=user)
        assert [step.error for step in steps if step.error] == []

    def refused(self) -> str:
        """What reading the files says is wrong with them, a line each."""
        try:
            with self.application():
                pass
        except ConfigError as error:
            return "\n".join(f"{each.file}: {each.key}: {each.message}. {each.hint}" for each in error.problems)
        raise AssertionError("the files are taken as they are")

    def resolve(self, take: Side | None = None, name: str = "customer", **values: Any) -> None:
        """`syncd conflicts resolve` of the one open record."""
        with self.application() as application:
            [conflict] = application.store().conflicts(name)
            application.store().resolve([(conflict, encode_resolution(Choice(take=take, values=values)))])

    # What can be seen -------------------------------------------------------------------------------------------------

    def conflicts(self, name: str = "customer") -> list[Any]:
        """The held records."""
        with self.application() as application:
            return list(application.store().conflicts(name))

    def contested(self, name: str = "customer") -> list[tuple[str, Any, Any]]:
        """(field, what ERPNext holds, what the source holds) of every contested field of held records."""
        found = [each for conflict in self.conflicts(name) for each in orjson.loads(conflict.fields)]
        return [(each["field"], each["erpnext"], each["source"]) for each in found]

    def held(self) -> list[str]:
        """Why records of any mapping are held, a text each."""
        with self.application() as application:
            return [each.text for name in self.texts for each in application.store().conflicts(name)]

    def failed(self) -> list[str]:
        """Why records of any mapping failed, a text each."""
        with self.application() as application:
            return [each.error for name in self.texts for each in application.store().failures(name)]

    def troubles(self) -> list[str]:
        """What is held and what failed, a text each."""
        with self.application() as application:
            store = application.store()
            held = [f"held: {each.text or each.fields!r}" for name in self.texts for each in store.conflicts(name)]
            return held + [f"failed: {each.error}" for name in self.texts for each in store.failures(name)]

    def pairs(self, name: str = "customer", *, live: bool = True) -> dict[str | None, str | None]:
        """External id → ERPNext name; `live` leaves out ended ones."""
        with self.application() as application:
            found = application.store().pairs(name, after=0, limit=10_000, live=live)
            return {pair.external_id: pair.erpnext_name for pair, _ in found}

    def states(self, name: str = "customer") -> dict[str | None, str]:
        """External id → the state of its pair, ended ones among them."""
        with self.application() as application:
            found = application.store().pairs(name, after=0, limit=10_000, live=False)
            return {pair.external_id: pair.state.name.lower() for pair, _ in found}

    def partner(self, row: object, name: str = "customer") -> str:
        """The document that a row is paired with."""
        found = self.pairs(name)[str(row)]
        assert found is not None
        return found

    def row_of(self, document: str) -> dict[str, Any]:
        """The customer's row that a document is paired with."""
        [key] = [key for key, name in self.pairs().items() if name == document]
        return self.shop.one("customers", int(str(key)))

    def customer(self, name: str, *fields: str) -> tuple[Any, ...]:
        """These fields of a Customer as the site lists them: what is stored, empty ones as None."""
        [found] = self.desk.list("Customer", *fields, name=name)
        return tuple(found[field] for field in fields)

    def row(self, key: int, *columns: str) -> tuple[Any, ...]:
        """These columns of a customer's row."""
        found = self.shop.one("customers", key)
        return tuple(found[column] for column in columns)

    def customers(self) -> list[str]:
        """The names of all Customers, oldest first."""
        return [each["name"] for each in self.desk.list("Customer")]

    # What people do ---------------------------------------------------------------------------------------------------

    def add(self, **values: Any) -> int:
        """The shop takes a customer; its id."""
        return self.shop.insert("customers", **values)

    def edit_row(self, key: int, **values: Any) -> None:
        """The shop changes a customer, and its stamp moves."""
        self.shop.change("customers", key, **values)

    def new(self, **values: Any) -> str:
        """A person makes a Customer; its name."""
        return str(self.desk.act("create", "Customer", **values)["name"])

    def edit(self, name: str, **values: Any) -> None:
        """A person edits a Customer."""
        self.desk.act("save", "Customer", name, **values)

    def agreed(self, **values: Any) -> tuple[str, int]:
        """A customer of the shop that is in ERPNext too: (document, row)."""
        key = self.add(**{"name": f"Customer {len(self.shop.dump())}", **values})
        self.settled()
        return self.partner(key), key

    # Orders -----------------------------------------------------------------------------------------------------------

    def order(self, lines: Sequence[tuple[int, int, Any, Any]], state: str = "pending", number: str = "PO-1") -> int:
        """The shop takes an order; lines are (line number, product, quantity, price)."""
        if not self.shop.rows():
            self.add(name="Ada")
            for product in (1, 2, 3):
                self.shop.insert("products", sku=f"SKU-{product}", title=f"Product {product}")
        key = self.shop.insert("orders", customer_id=1, number=number, day="2026-11-01", state=state)
        for line in lines:
            self.add_line(key, *line)
        return key

    def add_line(self, order: int, line: int, product: int, quantity: Any, price: Any) -> None:
        values = {"order_id": order, "line_no": line, "product_id": product, "quantity": quantity, "price": price}
        self.shop.insert("order_lines", **values)
        self.shop.touch("orders", order)

    def lines(self, order: int) -> list[tuple[Any, ...]]:
        """(line number, product, quantity, price) of an order, by number."""
        query = "SELECT line_no, product_id, quantity, price FROM order_lines WHERE order_id = ? ORDER BY line_no"
        return [tuple(row.values()) for row in self.shop.rows(query, order)]

    def items(self, name: str) -> list[dict[str, Any]]:
        """The rows of a Sales Order."""
        found: list[dict[str, Any]] = self.desk.get("Sales Order", name)["items"]
        return found


@contextmanager
def place(folder: Path, database: Path | None = None) -> Iterator[Place]:
    """A deployment beside a site of its own: a copy of the one in `database`, or a fresh one."""
    own = folder / "site.db"
    if database is not None:
        shutil.copy(database, own)
    with SandboxServer(own) as server, closing(Desk(server.url)) as desk:
        made = Place(folder, server, desk)
        with made.shop.open() as connection:
            connection.executescript(SHOP)
        yield made


__all__ = [
    "DEFAULTS",
    "FIELDS",
    "ITEM_FIELDS",
    "NOTHING",
    "ORDER_FIELDS",
    "PERSON",
    "SETTINGS",
    "Place",
    "Side",
    "mapping_text",
    "place",
]
