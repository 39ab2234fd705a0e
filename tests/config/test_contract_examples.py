"""The contract's own files, without the settings that later versions read."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config import Deployment, load
from syncd.config.settings import Address, Auth
from syncd.core.guards import Limit
from syncd.core.mapping import CreateMethod, LifecycleSpec, Touch
from syncd.core.model import Direction, Wins
from tests.config.cases import CUSTOMER, TOP, lay_out

CONTRACT_SETTINGS = """\
[state]
url = "sqlite:///state/syncd.db"

[sites.main]
url = "https://erp.example.com/"
auth = "basic"
key = "${env:ERPNEXT_KEY}"
secret = "${credential:erpnext_secret}"
timezone = "auto"
concurrency = 8
requests_per_second = 20
timeout = "90s"
page_size = 500
verify_tls = true

[sources.shop]
type = "sql"
url = "${env:SHOP_DATABASE_URL}"

[schedule]
every = "2m"
full_every = "12h"
overlap = "5m"

[webhooks]
listen = "127.0.0.1:8642"
public_url = "https://syncd.example.com"
secret = "${credential:webhook_secret}"

[safety]
max_deletes = 25
max_updates = "40%"

[reports]
directory = "state/reports"
keep = "90d"

[log]
level = "info"
format = "auto"
"""

CONTRACT_MAPPING = """\
[mapping]
doctype = "Customer"
source = "shop"
entity = "customers"
site = "main"
direction = "both"
every = "30s"
enabled = true

[erpnext]
filters = [["customer_group", "=", "Commercial"], ["territory", "In", ["Germany", "France"]]]
external_id = "syncd_shop_id"
write_back = "auto"

[source]
id = "id"
modified = "updated_at"
touch = "auto"
timezone = "Europe/Berlin"
deleted = "deleted_at"
erpnext_name = "erp_ref"
filters = { active = true }

[match]
by = [["tax_id"], ["customer_name", "territory"]]
create = "both"

[conflict]
wins = "manual"

[delete]
source_deleted = "ignore"
erpnext_deleted = "ignore"
left_scope = "pause"

[fields]
customer_name  = "name"
customer_type  = { source = "kind", values = { company = "Company", person = "Individual" } }
territory      = { source = "country_code", convert = "country" }
credit_limit_x = { source = "credit_cents", convert = "cents", wins = "erpnext" }
tax_id         = { source = "vat", direction = "to_erpnext" }
customer_group = { constant = "Commercial" }
language       = { source = "lang", default = "en" }
title_x        = { compute = "source.first + ' ' + source.last" }
customer_primary_contact = { source = "contact_id", link = "contact" }

[tables.items]
source = "lines"
key = ["line_no"]
[tables.items.fields]
item_code = { source = "sku", link = "item" }
qty = "quantity"
rate = { source = "price_cents", convert = "cents" }

[lifecycle]
field = "status"
draft = ["pending"]
submitted = ["paid", "shipped"]
cancelled = ["void"]
changed_after_submit = "hold"
submit_fails = "hold"
reopened = "hold"
draft_voided = "delete"
cancel_linked = "hold"
"""
CONTRACT_CREATE = """\
[mapping]
doctype = "Payment Entry"
source = "shop"
entity = "payments"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"

[fields]
paid_amount = { source = "cents", convert = "cents" }
invoice = { source = "invoice_id", link = "contact" }

[create]
method = "erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry"
args = { dt = "Sales Invoice", dn = "{invoice}" }
"""
TARGET = """\
[mapping]
doctype = "{doctype}"
source = "shop"
entity = "{entity}"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[fields]
{field} = "name"
"""
"""What the contract's links lead to."""


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "erpnext_secret").write_text("kr1tisch-geheim\n")
    (tmp_path / "credentials" / "webhook_secret").write_text("hook-hook-hook")
    files: dict[str, str | bytes] = {
        TOP: CONTRACT_SETTINGS,
        CUSTOMER: CONTRACT_MAPPING,
        "mappings/payment.toml": CONTRACT_CREATE,
        "mappings/contact.toml": TARGET.format(doctype="Contact", entity="contacts", field="first_name"),
        "mappings/item.toml": TARGET.format(doctype="Item", entity="items", field="item_code"),
    }
    lay_out(tmp_path, files)
    environment = {
        "ERPNEXT_KEY": "b9d3c0ffee00aa1",
        "SHOP_DATABASE_URL": "mysql+pymysql://syncd:p%40ss-word@db.example.com/shop",
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
    }
    return load(environment=environment)


def test_settings_of_the_contract(contract: Deployment) -> None:
    settings = contract.settings
    site = settings.sites["main"]
    assert (site.url, site.auth, site.timezone) == ("https://erp.example.com", Auth.BASIC, "auto")
    assert (site.key.reveal(), site.secret.reveal()) == ("b9d3c0ffee00aa1", "kr1tisch-geheim")
    assert (site.concurrency, site.requests_per_second, site.timeout, site.page_size) == (8, 20.0, 90.0, 500)
    assert (settings.schedule.every, settings.schedule.full_every, settings.schedule.overlap) == (120, 43_200, 300)
    assert settings.safety.max_deletes == Limit(count=25)
    assert settings.safety.max_updates == Limit(share=0.4)
    assert settings.webhooks is not None
    assert settings.webhooks.listen == Address("127.0.0.1", 8642)
    assert settings.webhooks.secret is not None
    assert settings.webhooks.secret.reveal() == "hook-hook-hook"
    assert settings.reports.directory == contract.directory / "state/reports"
    source = settings.sources["shop"]
    assert source.url.reveal() == "mysql+pymysql://syncd:p%40ss-word@db.example.com/shop"
    assert source.shown == "mysql+pymysql://syncd:***@db.example.com/shop"


def test_mapping_of_the_contract(contract: Deployment) -> None:
    spec = contract.mappings["customer"]
    assert (spec.name, spec.file, spec.doctype) == ("customer", "mappings/customer.toml", "Customer")
    assert (spec.source, spec.entity, spec.site, spec.every) == ("shop", "customers", "main", 30.0)
    assert spec.erpnext_filters == (
        ("customer_group", "=", "Commercial"),
        ("territory", "in", ("Germany", "France")),
    )
    assert (spec.source_id, spec.modified, spec.deleted) == (("id",), "updated_at", "deleted_at")
    assert (spec.erpnext_name, spec.timezone, spec.touch) == ("erp_ref", "Europe/Berlin", Touch.AUTO)
    assert spec.source_filters == {"active": True}
    assert spec.match == (("tax_id",), ("customer_name", "territory"))
    by_name = {field.erpnext: field for field in spec.fields}
    assert list(by_name)[:3] == ["customer_name", "customer_type", "territory"]
    assert by_name["customer_type"].values == {"company": "Company", "person": "Individual"}
    assert by_name["territory"].converters == ("country",)
    assert by_name["credit_limit_x"].wins is Wins.ERPNEXT
    assert by_name["tax_id"].direction is Direction.TO_ERPNEXT
    assert (by_name["customer_group"].constant, by_name["customer_group"].source) == ("Commercial", None)
    assert by_name["language"].default == "en"


def test_links_and_computed_fields_of_the_contract(contract: Deployment) -> None:
    by_name = {field.erpnext: field for field in contract.mappings["customer"].fields}
    title = by_name["title_x"]
    assert (title.source, title.inputs, title.direction) == ("=title_x", ("first", "last"), Direction.TO_ERPNEXT)
    assert title.compute == "source.first + ' ' + source.last"
    contact = by_name["customer_primary_contact"]
    assert (contact.source, contact.link, contact.direction) == ("contact_id", "contact", Direction.BOTH)
    assert [field.link for field in by_name.values() if field.link is not None] == ["contact"]


def test_child_tables_of_the_contract(contract: Deployment) -> None:
    (items,) = contract.mappings["customer"].tables
    assert (items.erpnext, items.source, items.entity, items.parent, items.key) == (
        "items",
        "lines",
        None,
        (),
        ("line_no",),
    )
    assert [(field.erpnext, field.source, field.link, field.converters) for field in items.fields] == [
        ("item_code", "sku", "item", ()),
        ("qty", "quantity", None, ()),
        ("rate", "price_cents", None, ("cents",)),
    ]
    assert {field.wins for field in items.fields} == {Wins.MANUAL}


def test_the_lifecycle_of_the_contract(contract: Deployment) -> None:
    assert contract.mappings["customer"].lifecycle == LifecycleSpec(
        field="status", draft=("pending",), submitted=("paid", "shipped"), cancelled=("void",)
    )
    assert contract.mappings["payment"].lifecycle is None


def test_a_document_that_erpnext_builds(contract: Deployment) -> None:
    assert contract.mappings["payment"].create_method == CreateMethod(
        method="erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry",
        args={"dt": "Sales Invoice", "dn": "{invoice}"},
    )
    assert contract.mappings["customer"].create_method is None


def test_the_contract_only_warns_of_webhooks(contract: Deployment) -> None:
    assert [str(warning) for warning in contract.warnings] == [
        (
            "syncd.toml: webhooks: webhooks are not served by this version yet "
            "(changes are found on schedule; nothing else to do)"
        )
    ]
