"""Deployments out of mappings/examples: the examples enabled, their databases made of their schemas, one sandbox."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from syncd.adapters.sandbox import SandboxServer
from syncd.app.results import RunResult
from syncd.bootstrap import Application
from syncd.core.model import Counts
from tests.system.harness import Deployment, Shop

EXAMPLES = Path(__file__).resolve().parents[2] / "mappings" / "examples"
NAMES = tuple(sorted(path.stem for path in EXAMPLES.glob("*.toml")))
SOURCES = ("shop", "crm", "books")
PERSON = "person@example.com"

SETTINGS = """\
[state]
url = "sqlite:///state/syncd.db"

[sites.main]
url = "{url}"
key = "${{env:SHOP_KEY}}"
secret = "${{env:SHOP_SECRET}}"

[schedule]
overlap = "10m"
"""


class Database(Shop):
    """One of the databases that the examples read."""

    def do(self, statement: str, *values: Any) -> int:
        """Run one statement; the id of the row that it inserted."""
        with self.open() as connection:
            return int(connection.execute(statement, values).lastrowid or 0)

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row as the system's own program does; its id."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return self.do(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def change(self, table: str, row: int, **values: Any) -> None:
        """Change a row and move its stamp."""
        assigned = ", ".join(f"{name} = ?" for name in values)
        stamp = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
        self.do(f"UPDATE {table} SET {assigned}, updated_at = {stamp} WHERE id = ?", *values.values(), row)

    def touch(self, table: str, row: int) -> None:
        """Move a row's stamp, after rows that belong to it were changed."""
        self.do(f"UPDATE {table} SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = ?", row)

    def one(self, table: str, row: int) -> dict[str, Any]:
        """A row by its id."""
        [found] = self.rows(f"SELECT * FROM {table} WHERE id = ?", row)
        return found

    def dump(self) -> list[str]:
        """Everything that is in it, as text."""
        with self.open() as connection:
            return list(connection.iterdump())


class Desk:
    """The site as people see it: they do things at the desk, and look."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": "token full:full"}, timeout=60.0)

    def close(self) -> None:
        self.http.close()

    def admin(self, path: str, **values: Any) -> dict[str, Any]:
        """One of the sandbox's own routes."""
        answer = self.http.post(f"/_sandbox/{path}", json=values)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def act(self, action: str, doctype: str, name: str = "", **values: Any) -> dict[str, Any]:
        """A person does something; the document as it then is."""
        return self.admin("act", action=action, doctype=doctype, name=name, values=values, user=PERSON)

    def get(self, doctype: str, name: str) -> dict[str, Any]:
        """One document."""
        answer = self.http.get(f"/api/resource/{doctype}/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def list(self, doctype: str, *fields: str, **filters: Any) -> list[dict[str, Any]]:
        """Every document that fits, oldest first."""
        body = {
            "doctype": doctype,
            "fields": ["name", *fields],
            "filters": filters,
            "order_by": "creation asc, name asc",
            "limit_page_length": 0,
        }
        answer = self.http.post("/api/method/frappe.client.get_list", json=body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["message"]
        return found

    def one(self, doctype: str, **filters: Any) -> dict[str, Any]:
        """The one document that fits, whole."""
        [found] = self.list(doctype, **filters)
        return self.get(doctype, found["name"])

    def mark(self) -> int:
        """A point in the request log."""
        return int(self.http.get("/_sandbox/log").json()["mark"])

    def writes(self, since: int) -> list[dict[str, Any]]:
        """The requests since a mark that were meant to change documents."""
        requests: Sequence[dict[str, Any]] = self.http.get("/_sandbox/log", params={"since": since}).json()["requests"]
        return [request for request in requests if request["writes"]]


@dataclass
class Company:
    """A deployment of examples with its site and its databases."""

    deployment: Deployment
    desk: Desk
    databases: Mapping[str, Database]

    @property
    def shop(self) -> Database:
        return self.databases["shop"]

    @property
    def crm(self) -> Database:
        return self.databases["crm"]

    @property
    def books(self) -> Database:
        return self.databases["books"]

    def run(self, *names: str, full: bool = False) -> RunResult:
        """One run in this process, as `syncd reconcile` does it."""
        application = Application.open(self.deployment.settings, quiet=True)
        try:
            return application.reconcile(names, full=full, force=False, wait=30.0, progress=None)
        finally:
            application.close()

    def settled(self, *names: str, full: bool = False) -> dict[str, Counts]:
        """A run that leaves nothing held or failed; what each mapping did."""
        counts = self.run(*names, full=full).mappings
        for name, held in counts.items():
            assert (held.error, held.halt) == (None, None), name
            assert (held.held, held.failed, held.disagree) == (0, 0, 0), f"{name}: {held} {self.troubles()}"
        return counts

    def quiet(self, *names: str, full: bool = False) -> None:
        """A further run, which changes nothing on any side."""
        mark, before = self.desk.mark(), {name: held.dump() for name, held in self.databases.items()}
        self.settled(*names, full=full)
        assert self.desk.writes(mark) == []
        assert {name: held.dump() for name, held in self.databases.items()} == before

    def troubles(self) -> str:
        """What is held and what failed, as people see it."""
        shown = [self.deployment.run(kind, "list").stdout for kind in ("conflicts", "failures")]
        return "\n".join(shown)


def enabled(name: str) -> str:
    """An example as a person puts it to use."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    changed, count = re.subn(r"^enabled = false$", "enabled = true", text, flags=re.MULTILINE)
    assert count == 1, f"{name}.toml says once that it is not enabled"
    return changed


def needed(names: Sequence[str]) -> tuple[str, ...]:
    """These examples and those that their links lead to."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += _links(tomllib.loads((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")))
    return tuple(sorted(found))


def _links(content: Mapping[str, Any]) -> list[str]:
    lines = [*content["fields"].values()]
    lines += [line for table in content.get("tables", {}).values() for line in table["fields"].values()]
    return [line["link"] for line in lines if isinstance(line, dict) and "link" in line]


@contextmanager
def company(folder: Path, names: Sequence[str]) -> Iterator[Company]:
    """A deployment of these examples and what they link to, provisioned; its databases are empty."""
    (folder / "mappings").mkdir(parents=True)
    with SandboxServer(folder / "site.db") as server, closing(Desk(server.url)) as desk:
        settings = SETTINGS.format(url=server.url)
        databases = {}
        for source in SOURCES:
            databases[source] = Database(folder / f"{source}.db")
            settings += f'\n[sources.{source}]\ntype = "sql"\nurl = "sqlite:///{source}.db"\n'
            with closing(sqlite3.connect(folder / f"{source}.db")) as connection:
                connection.executescript((EXAMPLES / "schemas" / f"{source}.sql").read_text(encoding="utf-8"))
        (folder / "syncd.toml").write_text(settings, encoding="utf-8")
        for name in needed(names):
            (folder / "mappings" / f"{name}.toml").write_text(enabled(name), encoding="utf-8")
        deployment = Deployment(folder, databases["shop"])
        deployment.provision()
        yield Company(deployment, desk, databases)
