"""Foreign keys as a source tells them to `syncd mapping new`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from syncd.adapters.sources.registry import open_source
from syncd.adapters.sources.sql import SqlSource
from syncd.adapters.sources.sql_relations import Relation
from tests.erpnext.helpers import FakeClock

TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY);
CREATE TABLE parts (a TEXT, b TEXT, PRIMARY KEY (a, b));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id));
CREATE TABLE uses (order_id INTEGER REFERENCES orders, y TEXT, x TEXT, FOREIGN KEY (x, y) REFERENCES parts (a, b));
"""


def test_foreign_keys_are_told_with_what_they_lead_to(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.executescript(TABLES)
    source = open_source({"type": "sql", "url": "sqlite:///shop.db"}, tmp_path, FakeClock())
    assert isinstance(source, SqlSource)
    found = source.relations()
    source.close()
    assert sorted(found) == [
        Relation("orders", ("customer",), "customers", ("id",)),
        Relation("uses", ("order_id",), "orders", ("id",)),
        Relation("uses", ("x", "y"), "parts", ("a", "b")),
    ]
