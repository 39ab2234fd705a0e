"""The crash enumeration again, with the real adapters: a sandbox site over HTTP and a shop in SQLite.

The points are the writes to the state store and the answers to writing requests.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest

from syncd.bootstrap import Application
from tests.app.harness import Killed, KillSwitch, WatchedStore

pytestmark = pytest.mark.slow

SETTINGS = """
[state]
url = "sqlite:///state/syncd.db"
[sites.main]
url = "sandbox:///site.db"
key = "full"
secret = "full"
[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
[schedule]
overlap = "1s"
[reports]
directory = "state/reports"
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
{named}
[match]
by = [["tax_id"]]
[fields]
customer_name = "name"
tax_id = "vat"
website = "url"
"""
TABLE = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, vat TEXT, url TEXT, erp_ref TEXT,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')))
"""


class Deployment:
    """A folder with everything in it, and the application that was opened on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = self.open()

    def open(self) -> Application:
        return Application.open(self.folder / "syncd.toml", quiet=True)

    def restart(self) -> None:
        """The process is started anew. Its lease was this very process's, which is alive: it is taken away."""
        self.app.close()
        with closing(sqlite3.connect(self.folder / "state" / "syncd.db")) as store, store:
            store.execute("DELETE FROM leases")
        self.app = self.open()

    def run(self, **options):
        return self.app.reconcile([], full=options.get("full", False), force=True, wait=0.0, progress=None)

    def shop(self, text: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.folder / "shop.db")) as shop, shop:
            return shop.execute(text, values).fetchall()

    def site(self, path: str, **values):
        url = self.app.connections.client("main").base_url
        answer = httpx.post(f"{url}/_sandbox/{path}", json=values, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def edit(self, name: str, **values: object) -> None:
        self.site("edit", doctype="Customer", name=name, values=values, user="Administrator")

    def documents(self) -> list[tuple]:
        with closing(sqlite3.connect(self.folder / "site.db")) as site:
            found = site.execute('SELECT customer_name, tax_id, website, syncd_shop_id FROM "tabCustomer"').fetchall()
        return sorted(found, key=lambda row: row[1])

    def rows(self) -> list[tuple]:
        return self.shop("SELECT name, vat, url, id FROM customers ORDER BY vat")


def scripted(folder: Path, named: bool) -> Path:
    """A deployment in which a run has something of everything to do; closed, to be copied."""
    folder.mkdir()
    (folder / "mappings").mkdir()
    (folder / "syncd.toml").write_text(SETTINGS, "utf-8")
    (folder / "mappings" / "customer.toml").write_text(
        MAPPING.format(named='erpnext_name = "erp_ref"' if named else ""), "utf-8"
    )
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute(TABLE)
        shop.executemany(
            "INSERT INTO customers (name, vat, url) VALUES (?, ?, ?)", [(f"Name {n}", f"V{n}", "u") for n in range(4)]
        )
    made = Deployment(folder)
    made.app.provision(apply=True, remove=False)
    made.run()
    made.run()
    [(one,), (two,), (three,), _] = _names(made)
    made.shop("UPDATE customers SET name = '<b>Shop</b>', updated_at = strftime('%Y-%m-%d %H:%M:%f') WHERE vat = 'V0'")
    made.edit(two, customer_name="Site")
    made.shop("UPDATE customers SET url = 'shop.example', updated_at = strftime('%Y-%m-%d %H:%M:%f') WHERE vat = 'V2'")
    made.edit(three, customer_name="Both")
    made.shop("INSERT INTO customers (name, vat) VALUES ('New shop', 'N1'), ('Adopted', 'A1')")
    client = made.app.connections.client("main")
    for name, tax in (("New site", "S1"), ("Adopted", "A1")):
        document = {"doctype": "Customer", "customer_name": name, "tax_id": tax, "website": "site.example"}
        httpx.post(
            f"{client.base_url}/api/resource/Customer",
            json=document,
            headers={"Authorization": "token full:full"},
            trust_env=False,
        ).raise_for_status()
    assert one
    made.app.close()
    return folder


def _names(made: Deployment) -> list[tuple]:
    with closing(sqlite3.connect(made.folder / "site.db")) as site:
        found = site.execute('SELECT name, tax_id FROM "tabCustomer"').fetchall()
    return [(name,) for name, _ in sorted(found, key=lambda row: row[1])]


def copied(template: Path, folder: Path) -> Deployment:
    shutil.copytree(template, folder)
    return Deployment(folder)


def finished(made: Deployment, what: str) -> tuple[list[tuple], list[tuple]]:
    """Two runs, and a third that writes nothing; both sides then."""
    for _ in range(2):
        result = made.run(full=True)
        assert result.mappings["customer"].error is None, (what, result.mappings["customer"].error)
    result = made.run(full=True)
    assert (result.writes, result.exit_code) == (0, 0), what
    assert made.app.store().open_operations("customer") == [], what
    return made.documents(), made.rows()


@pytest.mark.parametrize("named", [False, True], ids=["external id", "ERPNext name in the source"])
@pytest.mark.timeout(600)
def test_a_real_run_that_is_killed_at_any_store_write_is_finished_by_the_next(tmp_path, named):
    template = scripted(tmp_path / "template", named)
    reference = copied(template, tmp_path / "reference")
    switch = KillSwitch()
    reference.app._store = WatchedStore(reference.app.store(), switch)
    reference.run(full=True)
    reference.restart()
    expected = finished(reference, "nobody killed it")
    reference.app.close()
    assert [len(side) for side in expected] == [7, 7]
    for point in range(1, len(switch.points) + 1):
        made = copied(template, tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        made.app._store = WatchedStore(made.app.store(), killer)
        with pytest.raises(Killed):
            made.run(full=True)
        killer.dead = False
        made.restart()
        assert finished(made, f"point {point}: {killer.points[-1]}") == expected, f"point {point}: {killer.points[-1]}"
        made.app.close()
        shutil.rmtree(made.folder)
    print(f"\n{len(switch.points)} writes to the store, each killed and finished")


@pytest.mark.timeout(600)
def test_a_real_run_that_loses_any_answer_to_a_write_is_finished_by_the_next(tmp_path):
    template = scripted(tmp_path / "template", named=False)
    reference = copied(template, tmp_path / "reference")
    expected = finished(reference, "no answer lost")
    reference.app.close()
    lost = 0
    for kind in ("drop_before", "drop_after_commit"):
        for method in ("POST", "PUT"):
            met = True
            for number in count(1):
                if not met:
                    break
                made = copied(template, tmp_path / f"{kind}-{method}-{number}")
                made.site("faults", kind=kind, method=method, skip=number - 1, path_contains="/api/")
                made.run(full=True)
                faults = f"{made.app.connections.client('main').base_url}/_sandbox/faults"
                met = httpx.get(faults, trust_env=False).json()["rules"][0]["met"] > 0
                httpx.delete(faults, trust_env=False)
                what = f"{kind} {method} {number}"
                assert finished(made, what) == expected, what
                made.app.close()
                shutil.rmtree(made.folder)
                lost += met
    print(f"\n{lost} answers lost, each found out by the next run")
