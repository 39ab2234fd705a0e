"""Documents read from their tables, brought into memory, and written out as answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .conversions import cint, flt
from .database import quoted
from .errors import missing
from .meta import DocTypeMeta, Kind
from .session import Document, Session
from .values import document_time, read_stamp

_ANSWER_HEAD = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")


def select_list(meta: DocTypeMeta) -> str:
    """Every column of the DocType, for SQL."""
    return ", ".join(quoted(name) for name in meta.column_names)


def from_row(meta: DocTypeMeta, row: Iterable[Any]) -> Document:
    """A document in memory out of its row (in the order of `column_names`), child tables empty."""
    document: Document = {}
    for item, value in zip(meta.columns, row, strict=True):
        if value is not None:
            if item.kind is Kind.DATETIME:
                value = read_stamp(value)
            elif item.kind is Kind.TIME:
                value = document_time(value)
        document[item.fieldname] = value
    document["doctype"] = meta.name
    for item in meta.table_fields:
        document[item.fieldname] = []
    return document


def load(session: Session, meta: DocTypeMeta, name: str) -> Document | None:
    """One document with its child rows, or None. The name is compared as the site compares names."""
    row = session.connection.execute(
        f"SELECT {select_list(meta)} FROM {quoted(meta.table)} WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    document = from_row(meta, row)
    for item in meta.table_fields:
        child = session.meta(item.options)
        rows = session.connection.execute(
            f"SELECT {select_list(child)} FROM {quoted(child.table)} "
            "WHERE parent = ? AND parenttype = ? AND parentfield = ? ORDER BY idx",
            (document["name"], meta.name, item.fieldname),
        )
        document[item.fieldname] = [from_row(child, found) for found in rows]
    return document


def get(session: Session, meta: DocTypeMeta, name: str) -> Document:
    """One document. Raises the site's 404."""
    document = load(session, meta, name)
    if document is None:
        raise missing(meta.name, name)
    return document


def _shown(kind: Kind, value: Any) -> Any:
    if kind in (Kind.INT, Kind.CHECK):
        return cint(value)
    if kind is Kind.FLOAT:
        return flt(value)
    if kind is Kind.PASSWORD and value:
        return "*" * len(str(value))
    return value


def answer(session: Session, document: Document, *, nulls: bool) -> dict[str, Any]:
    """The document as an answer shows it: numbers are numbers; null fields only with `nulls`."""
    meta = session.meta(document["doctype"])
    shown: dict[str, Any] = {}
    for name in _ANSWER_HEAD:
        value = document.get(name)
        if value is not None or nulls:
            shown[name] = value
    for item in meta.value_fields:
        value = _shown(item.kind, document.get(item.fieldname))
        if value is not None or nulls:
            shown[item.fieldname] = value
    if meta.istable:
        shown |= {key: document.get(key) for key in ("parent", "parentfield", "parenttype")}
    shown["doctype"] = meta.name
    for item in meta.table_fields:
        shown[item.fieldname] = [answer(session, row, nulls=nulls) for row in document.get(item.fieldname) or ()]
    return shown
