"""A site with a customer, items, and a child DocType that has a field of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.adapters.sandbox import SandboxServer
from tests.erpnext.helpers import customer_spec, make_client
from tests.erpnext.tables.orders import ITEMS, Person, order_spec

KINDS = (
    ("title", "Data"),
    ("note", "Small Text"),
    ("story", "Text Editor"),
    ("choice", "Select"),
    ("country", "Link"),
    ("flag", "Check"),
    ("count", "Int"),
    ("weight", "Float"),
    ("price", "Currency"),
    ("share", "Percent"),
    ("day", "Date"),
    ("moment", "Datetime"),
    ("clock", "Time"),
    ("span", "Duration"),
    ("extra", "JSON"),
    ("secret_level", "Data"),
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provisioned site's database, copied for each test."""
    database = tmp_path_factory.mktemp("shop") / "sandbox.db"
    with SandboxServer(database) as server:
        client = make_client(server.url)
        apply_provision(client, plan_provision(client, [customer_spec(), order_spec()]))
        for document in _masters():
            client.write("POST", f"/api/resource/{document['doctype']}", document, "a master", expects=("data", dict))
        client.close()
    return database


def _masters() -> Iterator[dict[str, Any]]:
    for name in ("Buyer", "Other"):
        yield {"doctype": "Customer", "customer_name": name}
    for code in ITEMS:
        yield {"doctype": "Item", "item_code": code, "item_group": "Products", "stock_uom": "Nos"}
    options = {"choice": "\nA\nB", "country": "Country"}
    fields = [{"fieldname": name, "fieldtype": kind, "options": options.get(name, "")} for name, kind in KINDS]
    fields[-1]["permlevel"] = 1  # type: ignore[assignment]
    yield {
        "doctype": "DocType",
        "name": "Thing Row",
        "module": "Custom",
        "custom": 1,
        "istable": 1,
        "fields": [*fields, {"fieldname": "kept", "fieldtype": "Data", "default": "by default"}],
    }
    tables = {"things": ("Table", "Thing Row"), "selected": ("Table MultiSelect", "Price List Country")}
    for name, (kind, child) in tables.items():
        yield {"doctype": "Custom Field", "dt": "Customer", "fieldname": name, "fieldtype": kind, "options": child}


@pytest.fixture
def orders(client: SiteClient) -> ErpnextEndpoint:
    """The sales orders of the site."""
    return ErpnextEndpoint(client, order_spec(), run="run-1")


@pytest.fixture
def person(server: SandboxServer) -> Iterator[Person]:
    """Somebody who works in ERPNext meanwhile."""
    with Person(server.url) as somebody:
        yield somebody
