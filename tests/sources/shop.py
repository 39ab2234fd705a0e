"""A shop's database for tests: a SQLite file, a mapping over it, and a hand that edits it past syncd."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from syncd.adapters.sources.sql import SqlEndpoint, SqlSource, open_source
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Action, Row, Side, Write

TABLE = """
    CREATE TABLE customers (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, amount INTEGER CHECK (amount < 1000000),
        erp_ref TEXT, deleted_at TEXT, updated_at TEXT
    )
"""


class FixedClock:
    def __init__(self, now: datetime | None = None) -> None:
        self.moment = now or datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None: ...


def spec(**changes) -> MappingSpec:
    names = changes.pop("columns", ("name", "email", "amount"))
    plain = MappingSpec(
        name="customer",
        file="mappings/customer.toml",
        doctype="Customer",
        source="shop",
        entity="customers",
        site="main",
        fields=tuple(FieldSpec(erpnext=f"erp_{name}", source=name) for name in names),
        source_id=("id",),
        modified="updated_at",
        erpnext_name="erp_ref",
        deleted="deleted_at",
    )
    return replace(plain, **changes)


class Shop:
    """One database file with `connection` as the other program's hand."""

    def __init__(self, folder: Path, schema: str = TABLE, *, busy_timeout: float = 0.05) -> None:
        self.path = folder / "shop.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.executescript(schema)
        self.clock = FixedClock()
        self.source: SqlSource = open_source("sqlite:///shop.db", folder, self.clock, busy_timeout=busy_timeout)

    def endpoint(self, page_size: int = 10, **changes) -> SqlEndpoint:
        return self.source.endpoint(spec(**changes), page_size)

    def sql(self, text: str, *values):
        return self.connection.execute(text, values).fetchall()

    def add(self, name: str, stamp="2026-05-01 10:00:00", **values) -> int:
        columns = {"name": name, "updated_at": stamp, **values}
        marks = ", ".join("?" * len(columns))
        cursor = self.connection.execute(
            f"INSERT INTO customers ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values())
        )
        return int(cursor.lastrowid or 0)

    def fill(self, count: int, stamp: str = "2026-05-01 10:00:00") -> None:
        """`count` rows in one transaction."""
        self.sql("BEGIN")
        self.connection.executemany(
            "INSERT INTO customers (name, updated_at) VALUES (?, ?)", [(f"n{number}", stamp) for number in range(count)]
        )
        self.sql("COMMIT")

    def close(self) -> None:
        self.source.close()
        self.connection.close()


def rows_of(pages) -> list[Row]:
    return [row for page in pages for row in page.rows]


def keys_of(pages) -> list[str]:
    return [row.key for row in rows_of(pages)]


def problems_of(pages) -> dict[str, str]:
    return {problem.key: problem.reason for page in pages for problem in page.problems}


def creation(partner: str | None = None, **values) -> Write:
    return Write(
        action=Action.CREATE, side=Side.SOURCE, key=None, partner=partner, values=values, link=partner is not None
    )


def update(row: Row, action: Action = Action.UPDATE, **values) -> Write:
    return Write(
        action=action,
        side=Side.SOURCE,
        key=row.key,
        partner=row.partner,
        values=values,
        stamp=row.stamp,
        expected=row.values,
    )
