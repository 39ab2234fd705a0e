"""Whole deployments for system tests: a folder, a shop in SQLite, a sandbox on loopback, and `syncd` as a process."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from syncd.adapters.sandbox import SandboxServer
from tests.system.warm import warm

PROGRAM = str(Path(sys.executable).with_name("syncd"))
NAME = "customer"
KEY = "full"
SECRET = "full"
NOTHING = {"erpnext": 0, "source": 0}
LONGEST = 60.0
"""Seconds a process may take; far more than any needs, so that a hanging one fails its test by name."""

SETTINGS = """\
[state]
url = "sqlite:///state/syncd.db"

[sites.main]
url = "{url}"
key = "${{env:SHOP_KEY}}"
secret = "${{env:SHOP_SECRET}}"
page_size = {page_size}

[sources.shop]
type = "sql"
url = "sqlite:///shop.db"

[schedule]
every = "{every}"
overlap = "{overlap}"

[reports]
directory = "state/reports"
"""

MAPPING = """\
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

[match]
by = [["customer_name"]]

[conflict]
wins = "manual"

[fields]
customer_name = "name"
customer_type = { source = "kind", values = { company = "Company", person = "Individual" } }
tax_id = "vat"
website = "url"
customer_details = "notes"
default_commission_rate = "rate"
"""

TABLE = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'company',
    vat INTEGER,
    url TEXT,
    notes TEXT,
    rate REAL,
    erp_ref TEXT UNIQUE,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX customers_updated ON customers (updated_at, id);
CREATE TABLE audit (at INTEGER PRIMARY KEY, what TEXT NOT NULL, customer INTEGER NOT NULL);
CREATE TRIGGER customers_inserted AFTER INSERT ON customers
    BEGIN INSERT INTO audit (what, customer) VALUES ('insert', NEW.id); END;
CREATE TRIGGER customers_changed AFTER UPDATE ON customers
    BEGIN INSERT INTO audit (what, customer) VALUES ('update', NEW.id); END;
CREATE TRIGGER customers_removed AFTER DELETE ON customers
    BEGIN INSERT INTO audit (what, customer) VALUES ('delete', OLD.id); END;
"""
"""The shop's table. Whoever writes to it, syncd included, leaves a row in `audit`."""

Done = subprocess.CompletedProcess[str]


@dataclass
class Shop:
    """The shop's database."""

    path: Path

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are committed at the end."""
        with closing(sqlite3.connect(self.path, timeout=10.0)) as connection, connection:
            yield connection

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert customers."""
        with self.open() as connection:
            for row in rows:
                names = ", ".join(row)
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO customers ({names}) VALUES ({marks})", tuple(row.values()))

    def edit(self, ids: Iterable[int], **values: Any) -> None:
        """What the shop's own program does: change columns and move the stamp."""
        assigned = ", ".join(f"{name} = ?" for name in values)
        with self.open() as connection:
            for each in ids:
                connection.execute(
                    f"UPDATE customers SET {assigned}, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = ?",
                    (*values.values(), each),
                )

    def rows(self, query: str = "SELECT * FROM customers ORDER BY id", *values: Any) -> list[dict[str, Any]]:
        """What a query answers."""
        with self.open() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def value(self, query: str, *values: Any) -> Any:
        """The one value that a query answers."""
        with self.open() as connection:
            return connection.execute(query, values).fetchone()[0]

    @property
    def writes(self) -> int:
        """How many rows were written so far, by anybody."""
        return int(self.value("SELECT count(*) FROM audit"))


class Site:
    """A sandbox, seen by its API. `token` says as whom: limited:limited is a person who is not syncd."""

    def __init__(self, url: str, token: str = "limited:limited") -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"token {token}"}, timeout=30.0)

    def close(self) -> None:
        self.http.close()

    def get(self, name: str) -> dict[str, Any]:
        """One Customer."""
        answer = self.http.get(f"/api/resource/Customer/{quote(name, safe='')}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def edit(self, name: str, **values: Any) -> dict[str, Any]:
        """What a person at the site does: a PUT by the API."""
        answer = self.http.put(f"/api/resource/Customer/{quote(name, safe='')}", json=values)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def add(self, **values: Any) -> str:
        """A person makes a Customer; its name."""
        answer = self.http.post("/api/resource/Customer", json={"customer_type": "Company", **values})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["name"])

    def customers(self, *fields: str) -> list[dict[str, Any]]:
        """Every Customer."""
        query = {"fields": json.dumps(["name", *fields]), "limit_page_length": "0", "order_by": "creation asc"}
        answer = self.http.get("/api/resource/Customer", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def load(self, rows: Sequence[Mapping[str, Any]], *, stamp: str | None = None) -> None:
        """Thousands of Customers at once, all with one stamp where one is given."""
        self._admin("POST", "bulk_load", {"doctype": "Customer", "rows": list(rows), "stamp": stamp})

    def fault(self, kind: str, **rule: Any) -> None:
        """Let the next request that fits the rule go wrong."""
        self._admin("POST", "faults", {"kind": kind, **rule})

    def clear_faults(self) -> None:
        self._admin("DELETE", "faults", None)

    def met(self) -> int:
        """How many requests met a fault."""
        return sum(rule["met"] for rule in self._admin("GET", "faults", None)["rules"])

    def mark(self) -> int:
        """A point in the request log."""
        return int(self._admin("GET", "log", None)["mark"])

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests served since `mark`."""
        found: list[dict[str, Any]] = self.http.get("/_sandbox/log", params={"since": since}).json()["requests"]
        return found

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests that were meant to change documents."""
        return [request for request in self.requests(since) if request["writes"]]

    def _admin(self, verb: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        answer = self.http.request(verb, f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass
class Deployment:
    """A deployment's folder, and the commands that are run in it."""

    folder: Path
    shop: Shop
    environment: dict[str, str] = field(default_factory=lambda: {"SHOP_KEY": KEY, "SHOP_SECRET": SECRET})

    @property
    def state(self) -> Path:
        return self.folder / "state" / "syncd.db"

    @property
    def mapping(self) -> Path:
        return self.folder / "mappings" / f"{NAME}.toml"

    @property
    def settings(self) -> Path:
        return self.folder / "syncd.toml"

    def replace(self, file: Path, old: str, new: str) -> None:
        """Edit one of the files; what is replaced must be there."""
        text = file.read_text()
        assert old in text, f"{old!r} is not in {file.name}"
        file.write_text(text.replace(old, new))

    def env(self, **more: str) -> dict[str, str]:
        """The environment of a process: no more of this one than a program needs."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, **self.environment, **more}

    def run(
        self,
        *arguments: str,
        preexec: Callable[[], None] | None = None,
        timeout: float = LONGEST,
        **environment: str,
    ) -> Done:
        """Run `syncd` to its end in the deployment's folder; with an environment of its own, as Python starts it."""
        if preexec is None and not environment and threading.current_thread() is threading.main_thread():
            return warm().run(arguments, cwd=self.folder, env=self.env(), timeout=timeout)
        return subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=self.env(**environment),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            preexec_fn=preexec,
        )

    @contextmanager
    def started(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Run `syncd` beside the test; killed at the end of the block if it still runs."""
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=self.env(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=LONGEST)

    def reconcile(self, *arguments: str, code: int = 0, **given: Any) -> dict[str, Any]:
        """One run as `reconcile --json` tells it: the mapping's counts. Fails on any other exit code."""
        done = self.run("reconcile", "--json", *arguments, **given)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        document = json.loads(done.stdout)
        counts: dict[str, Any] = document["mappings"][NAME]
        return {**counts, "run": document["run"], "result": document["result"]}

    def provision(self) -> None:
        done = self.run("provision", "--apply")
        assert done.returncode == 0, done.stderr

    def state_rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the state store holds, read past the program."""
        with closing(sqlite3.connect(self.state, timeout=10.0)) as connection:
            return connection.execute(query, values).fetchall()


@dataclass
class World:
    """A deployment, its site, and the server behind it."""

    deployment: Deployment
    site: Site
    server: SandboxServer

    @property
    def shop(self) -> Shop:
        return self.deployment.shop

    def quiet(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """A further run, which must not write anything on either side."""
        mark, before = self.site.mark(), self.shop.writes
        counts = self.deployment.reconcile(*arguments, code=code)
        assert self.site.writes(mark) == []
        assert self.shop.writes == before
        assert [counts[key] for key in ("created", "updated", "deleted")] == [NOTHING] * 3
        assert (counts["linked"], counts["adopted"], counts["disagree"]) == (0, 0, 0)
        return counts

    def adopting(self) -> dict[str, Any]:
        """A run over pairs that have to be found again, which must write nothing either."""
        mark, before = self.site.mark(), self.shop.writes
        counts = self.deployment.reconcile()
        assert self.site.writes(mark) == []
        assert self.shop.writes == before
        return counts

    def agree(self) -> None:
        """Both sides hold the same customers, each once, tied by the document's name and, where it is set, the id."""
        rows = {row["erp_ref"]: row for row in self.shop.rows()}
        documents = self.site.customers("customer_name", "syncd_shop_id", "tax_id", "website")
        assert len(documents) == len(rows) == len(self.shop.rows())
        for document in documents:
            row = rows.pop(document["name"])
            assert document["syncd_shop_id"] in {str(row["id"]), None, ""}
            assert row["name"] == document["customer_name"]
            assert (row["url"] or "") == (document["website"] or "")
            assert str(row["vat"] or "") == (document["tax_id"] or "")
        assert rows == {}


def customers(count: int, *, first: int = 1) -> list[dict[str, Any]]:
    """Plain customers for the shop, each told from all others."""
    return [
        {
            "id": number,
            "name": f"Shop customer {number:05d}",
            "vat": 100_000 + number,
            "url": f"https://{number}.example",
        }
        for number in range(first, first + count)
    ]


def deploy(
    folder: Path,
    url: str,
    *,
    mapping: str = MAPPING,
    page_size: int = 1000,
    every: str = "1m",
    overlap: str = "10m",
) -> Deployment:
    """A deployment's folder with an empty shop, for the site at `url`."""
    (folder / "mappings").mkdir(parents=True)
    (folder / "state").mkdir()
    (folder / "syncd.toml").write_text(SETTINGS.format(url=url, page_size=page_size, every=every, overlap=overlap))
    (folder / "mappings" / f"{NAME}.toml").write_text(mapping)
    shop = Shop(folder / "shop.db")
    with shop.open() as connection:
        connection.executescript(TABLE)
    return Deployment(folder, shop)


@contextmanager
def world(folder: Path, database: Path, **given: Any) -> Iterator[World]:
    """A deployment and its site, a copy of the sandbox in `database`."""
    own = folder / "site.db"
    shutil.copy(database, own)
    with SandboxServer(own) as server, closing(Site(server.url)) as site:
        yield World(deploy(folder / "deployment", server.url, **given), site, server)


def findings(done: Done) -> str:
    """What `check --json` found, a line each: the table that people read wraps its texts."""
    found = json.loads(done.stdout)["findings"]
    return "\n".join(" | ".join((each["severity"], each["where"], each["message"], each["hint"])) for each in found)


def until(condition: Callable[[], bool], *, what: str, seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)
