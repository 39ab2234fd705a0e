"""DocTypes as tables of the sandbox's file, and the metadata that is kept in it."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

from .database import quoted
from .meta import NUMBERS, TEXTS, DocTypeMeta, Field, Kind, make_meta, packaged, with_customs

_INTERNAL = (
    "CREATE TABLE IF NOT EXISTS _series (name TEXT PRIMARY KEY, current INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS _site (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_INDEXED_TARGETS = frozenset(
    {
        *("link_name", "voucher_no", "against_voucher", "reference_name", "amended_from", "return_against"),
        *("so_detail", "dn_detail"),
    }
)


def _column(field: Field) -> str:
    name = quoted(field.fieldname)
    if field.fieldname == "name":
        return f"{name} TEXT NOT NULL PRIMARY KEY COLLATE erp"
    if field.kind in (Kind.INT, Kind.CHECK):
        return f"{name} INTEGER NOT NULL DEFAULT 0"
    if field.kind is Kind.FLOAT:
        return f"{name} REAL NOT NULL DEFAULT 0"
    return f"{name} TEXT COLLATE erp" if field.kind in TEXTS else f"{name} TEXT"


def _field_indices(meta: DocTypeMeta, field: Field) -> list[str]:
    table, column = quoted(meta.table), quoted(field.fieldname)
    if field.unique and field.kind not in NUMBERS and field.kind is not Kind.LONG_TEXT:
        return [f"CREATE UNIQUE INDEX {quoted(f'unique {meta.name} {field.fieldname}')} ON {table} ({column})"]
    if field.search_index or field.fieldname in _INDEXED_TARGETS:
        return [f"CREATE INDEX {quoted(f'{meta.name} {field.fieldname}')} ON {table} ({column})"]
    return []


def create_table(connection: sqlite3.Connection, meta: DocTypeMeta) -> None:
    """Make a DocType's table with its indices."""
    columns = ", ".join(_column(item) for item in meta.columns)
    connection.execute(f"CREATE TABLE {quoted(meta.table)} ({columns})")
    if meta.istable:
        connection.execute(f"CREATE INDEX {quoted(f'{meta.name} parent')} ON {quoted(meta.table)} (parent)")
    elif not meta.issingle:
        connection.execute(f"CREATE INDEX {quoted(f'{meta.name} modified')} ON {quoted(meta.table)} (modified, name)")
    for item in meta.fields:
        if item.has_column:
            for statement in _field_indices(meta, item):
                connection.execute(statement)


def synchronise_table(connection: sqlite3.Connection, meta: DocTypeMeta) -> None:
    """Make the table, or add the columns and indices that it lacks. Columns are never dropped.

    Raises sqlite3.IntegrityError where a field became unique and its values are not.
    """
    existing = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(meta.table)})")}
    if not existing:
        create_table(connection, meta)
        return
    indices = {row[1] for row in connection.execute(f"PRAGMA index_list({quoted(meta.table)})")}
    for item in meta.columns:
        if item.fieldname not in existing:
            connection.execute(f"ALTER TABLE {quoted(meta.table)} ADD COLUMN {_column(item)}")
        for statement in _field_indices(meta, item):
            if statement.split('"')[1] not in indices:
                connection.execute(statement)


def create_internal_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that are not DocTypes: the counters of naming series, and the site's own settings."""
    for statement in _INTERNAL:
        connection.execute(statement)


def _rows(connection: sqlite3.Connection, query: str, *params: Any) -> list[dict[str, Any]]:
    cursor = connection.execute(query, params)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


class Metadata:
    """The DocTypes of one site: the packaged ones and its own, with its custom fields. Read once, then kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, DocTypeMeta | None] = {}
        self._referrers: dict[str, list[tuple[DocTypeMeta, Field]]] | None = None

    def get(self, doctype: str, connection: sqlite3.Connection) -> DocTypeMeta | None:
        """The DocType, or None where the site has none of that name."""
        if doctype in self._kept:
            return self._kept[doctype]
        meta = self.read(doctype, connection)
        with self._lock:
            self._kept[doctype] = meta
        return meta

    def read(self, doctype: str, connection: sqlite3.Connection) -> DocTypeMeta | None:
        """The DocType as the store has it now, past what was kept."""
        values = packaged().get(doctype) or self._own(doctype, connection)
        if values is None:
            return None
        meta = make_meta(values)
        customs = _rows(connection, 'SELECT * FROM "tabCustom Field" WHERE dt = ? ORDER BY idx, creation', doctype)
        setters = _rows(connection, 'SELECT * FROM "tabProperty Setter" WHERE doc_type = ?', doctype)
        return with_customs(meta, customs, setters) if customs or setters else meta

    @staticmethod
    def _own(doctype: str, connection: sqlite3.Connection) -> dict[str, Any] | None:
        found = _rows(connection, "SELECT * FROM tabDocType WHERE name = ? AND custom = 1", doctype)
        if not found or found[0]["name"] != doctype:
            return None
        rows = 'SELECT * FROM "tab{}" WHERE parent = ? ORDER BY idx'
        fields = _rows(connection, rows.format("DocField"), doctype)
        permissions = _rows(connection, rows.format("DocPerm"), doctype)
        return {**found[0], "fields": fields, "permissions": permissions}

    def forget(self) -> None:
        """Read everything anew at the next use."""
        with self._lock:
            self._kept = {}
            self._referrers = None

    def names(self, connection: sqlite3.Connection) -> list[str]:
        """Every DocType of the site."""
        own = [row[0] for row in connection.execute("SELECT name FROM tabDocType WHERE custom = 1")]
        return [*packaged(), *own]

    def referrers(self, doctype: str, connection: sqlite3.Connection) -> list[tuple[DocTypeMeta, Field]]:
        """Every Link field to the DocType, and every Dynamic Link field, with the DocType it belongs to."""
        known = self._referrers
        if known is None:
            known = {}
            for name in self.names(connection):
                meta = self.get(name, connection)
                if meta is None:
                    continue
                for item in meta.link_fields:
                    target = "" if item.fieldtype == "Dynamic Link" else item.options
                    known.setdefault(target, []).append((meta, item))
            self._referrers = known
        return [*known.get(doctype, ()), *known.get("", ())]
