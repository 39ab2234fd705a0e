"""Build the demo's two sides: the shop's database and the sandbox site's, in the deployment's `state` folder.

    python -m demo.build [--deployment DIR]

Does nothing where the demo stands already. Both files are made aside and moved into place when they are whole, the
shop's last, so that a build that was interrupted is begun anew; before that `syncd provision --apply` makes on the site
what syncd needs there. The deployment is this repository, or another folder with its syncd.toml. Exit status 1 with a
text on stderr where any of it fails.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path

import httpx

from demo.customers import Document, ShopRow
from demo.names import PLACES
from demo.stories import Demo, write_demo
from syncd.adapters.sandbox import SandboxServer
from syncd.core.countries import country_name

ROOT = Path(__file__).resolve().parents[1]
SHOP, SITE = "shop.db", "sandbox.db"
TOKEN = {"Authorization": "token full:full"}
CHUNK = 500
"""Documents in one request."""

SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'company',
    country_code TEXT,
    vat TEXT,
    email TEXT,
    phone TEXT,
    website TEXT,
    lang TEXT,
    currency TEXT,
    commission_cents INTEGER,
    credit_limit_cents INTEGER,
    notes TEXT,
    blocked TEXT NOT NULL DEFAULT 'no' CHECK (blocked IN ('yes', 'no')),
    erp_ref TEXT UNIQUE,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    deleted_at TEXT
);
CREATE INDEX customers_updated_at ON customers (updated_at, id);
"""


class BuildError(Exception):
    """The demo could not be built; the text says why and what to do."""


def build_shop(database: Path, rows: list[ShopRow]) -> None:
    """The shop's database at `database`, with these customers."""
    columns = [column.name for column in fields(ShopRow)]
    insert = f"INSERT INTO customers ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA)
        with connection:
            connection.executemany(insert, map(astuple, rows))


def build_site(database: Path, documents: list[Document]) -> None:
    """The site's database at `database`: a fresh company, the shop's countries as territories, these Customers."""
    with SandboxServer(database) as server, httpx.Client(base_url=server.url, headers=TOKEN, timeout=60) as client:
        _add_territories(client)
        for start in range(0, len(documents), CHUNK):
            rows = documents[start : start + CHUNK]
            client.post("/_sandbox/bulk_load", json={"doctype": "Customer", "rows": rows}).raise_for_status()
    # What the server left in the write-ahead log goes into the file itself, which is moved alone.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _add_territories(client: httpx.Client) -> None:
    answer = client.get("/api/resource/Territory", params={"limit_page_length": "0"}).raise_for_status()
    there = {row["name"] for row in answer.json()["data"]}
    missing = [
        {"doctype": "Territory", "territory_name": name, "parent_territory": "All Territories", "is_group": 0}
        for name in sorted({country_name(place.code) for place in PLACES} - there)
    ]
    client.post("/api/method/frappe.client.insert_many", json={"docs": missing}).raise_for_status()


def build(deployment: Path, demo: Demo) -> None:
    """Both databases, and what syncd needs on the site.

    The shop comes last: without it the next attempt begins anew. Raises `BuildError` where the state of an older demo
    is in the way.
    """
    state = deployment / "state"
    if (state / "syncd.db").exists() and _remembers(deployment):
        raise BuildError(
            f"{state / 'syncd.db'} remembers customers of an earlier demo, whose {SHOP} is gone\n"
            "  → `make clean` removes what is left of it; then run this again"
        )
    aside = state / "demo.building"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    build_site(aside / SITE, demo.documents)
    build_shop(aside / SHOP, demo.rows)
    for leftover in state.glob(f"{SITE}*"):
        leftover.unlink()
    (aside / SITE).replace(state / SITE)
    done = _syncd(deployment, "provision", "--apply")
    if done.returncode != 0:
        raise BuildError(f"`syncd provision --apply` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    (aside / SHOP).replace(state / SHOP)
    shutil.rmtree(aside)


def _remembers(deployment: Path) -> bool:
    """Whether the state holds pairs; a state that cannot be read may."""
    done = _syncd(deployment, "status", "--json")
    return done.returncode != 0 or any(mapping["pairs"] for mapping in json.loads(done.stdout)["mappings"])


def _syncd(deployment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, on that deployment, to its end."""
    command = [str(Path(sys.executable).with_name("syncd")), "--config", str(deployment / "syncd.toml"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> int:
    """Build what is missing; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deployment", type=Path, default=ROOT, help="the folder that holds syncd.toml")
    deployment: Path = parser.parse_args().deployment
    state = deployment / "state"
    if (state / SHOP).exists() and (state / SITE).exists():
        return 0
    demo = write_demo()
    print(
        f"building the demo: {len(demo.rows):,} customers in a shop, {len(demo.documents):,} in ERPNext …", flush=True
    )
    try:
        build(deployment, demo)
    except (BuildError, httpx.HTTPError, OSError, sqlite3.Error) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
