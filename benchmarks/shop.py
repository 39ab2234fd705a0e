"""The bench's deployment: an empty shop, the settings, the mapping."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

COLUMNS = ("name", "kind", "country_code", "vat", "website", "lang", "commission_cents", "blocked", "erp_ref")
"""What a copy of a document fills; `id` and the stamps are the database's."""

CODES = {"Germany": "DE", "France": "FR", "United States": "US", "Japan": "JP", "Poland": "PL", "Brazil": "BR"}

NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
AGED = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (86400 + abs(random() % 43200000)) || ' seconds')"
"""What a new row's stamp is: now, or some moment of the last 500 days, as if the shop had grown customer by customer.

Rows that were all stamped a moment ago lie within the overlap that each poll looks back by: with them no pass would be
one without changes. Where only creation is measured, rows are stamped as of now, which costs the database less.
"""

SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT,
    country_code TEXT,
    vat TEXT,
    website TEXT,
    lang TEXT,
    commission_cents INTEGER,
    blocked TEXT,
    erp_ref TEXT UNIQUE,
    updated_at TEXT NOT NULL DEFAULT ({stamp})
);
CREATE INDEX customers_updated_at ON customers (updated_at, id);
"""

SETTINGS = """
[sites.main]
url = "{url}"
auth = "token"
key = "bench"
secret = "bench"

[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
"""

MAPPING = """
[mapping]
doctype = "Customer"
source = "shop"
entity = "customers"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"
erpnext_name = "erp_ref"

[conflict]
wins = "erpnext"

[fields]
customer_name = "name"
customer_type = { source = "kind", values = { company = "Company", person = "Individual" } }
territory = { source = "country_code", convert = "country" }
tax_id = "vat"
website = "website"
language = "lang"
default_commission_rate = { source = "commission_cents", convert = "cents" }
disabled = { source = "blocked", convert = "bool(yes,no)" }
"""


def make_shop(database: Path, stamp: str = NOW) -> None:
    """An empty shop at `database`; `stamp` is the SQL expression for a new row's stamp."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA.format(stamp=stamp))


def make_deployment(folder: Path, url: str, stamp: str = NOW) -> None:
    """A deployment's folder with an empty shop, for the site at `url`; `stamp` as for `make_shop`."""
    (folder / "mappings").mkdir(parents=True)
    (folder / "state").mkdir()
    (folder / "syncd.toml").write_text(SETTINGS.format(url=url))
    (folder / "mappings" / "customer.toml").write_text(MAPPING)
    make_shop(folder / "shop.db", stamp)
