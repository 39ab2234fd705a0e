"""A site with what `provision` makes for sales invoices, a buyer and two items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.adapters.sandbox import SandboxServer
from tests.erpnext.helpers import customer_spec, make_client
from tests.erpnext.lifecycle.invoices import SPEC, entry_spec, payment_spec
from tests.sandbox.site_client import SiteClient as Site


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provisioned site's database, copied for each test."""
    database = tmp_path_factory.mktemp("site") / "sandbox.db"
    with SandboxServer(database) as server:
        client = make_client(server.url)
        apply_provision(client, plan_provision(client, [SPEC, payment_spec(), entry_spec(), customer_spec()]))
        client.close()
        with Site(server.url) as site:
            site.customer("Buyer")
            site.create("Custom Field", dt="Payment Entry", fieldname="paid_invoice", label="Invoice", fieldtype="Data")
            for code in ("A", "B"):
                site.create("Item", item_code=code, item_group="Products", stock_uom="Nos", is_stock_item=0)
    return database


@pytest.fixture
def endpoint(client: SiteClient) -> ErpnextEndpoint:
    return ErpnextEndpoint(client, SPEC, page_size=100, run="run-1")


@pytest.fixture
def site(server: SandboxServer) -> Iterator[Site]:
    """The same site as a person uses it, as a user of its own."""
    with Site(server.url) as person:
        yield person
