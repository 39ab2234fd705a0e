"""The steps that routes and methods share: create, update, set, submit and cancel of one document."""

from __future__ import annotations

from typing import Any

from . import saving
from .conversions import cint
from .documents import get, load
from .errors import SiteError, invalid, missing
from .lifecycle import check_no_links
from .meta import DocTypeMeta
from .session import Document, Session
from .values import as_text

_DOCSTATUS_CANCELLED = 2


def create(session: Session, doctype: str, values: dict[str, Any]) -> Document:
    """Insert what a client sent. Raises SiteError."""
    meta = session.meta(doctype)
    return saving.insert(session, meta, saving.new_document(session, meta, values))


def update(session: Session, doctype: str, name: str, values: dict[str, Any]) -> Document:
    """Lay what a client sent over the stored document and save. With `modified` it is compare-and-set."""
    meta = session.meta(doctype)
    before = _read(session, meta, name)
    document = saving.merge(session, meta, before, values)
    read_at = values["modified"] if "modified" in values else before["modified"]
    return _save(session, meta, document, None if read_at is None else as_text(read_at))


def _read(session: Session, meta: DocTypeMeta, name: str) -> Document:
    if meta.issingle:
        return load(session, meta, meta.name) or get(session, meta, name)
    return get(session, meta, name)


def _save(session: Session, meta: DocTypeMeta, document: Document, read_at: str | None) -> Document:
    saved = saving.save(session, meta, document, read_at=read_at)
    if meta.is_submittable and cint(saved["docstatus"]) == _DOCSTATUS_CANCELLED:
        check_no_links(session, meta, saved["name"], submitted_only=True)  # after payments were let go
    return saved


def replace_document(session: Session, values: Any, docstatus: int | None = None) -> Document:
    """Save a document that the client sent whole: what it lacks becomes null. `modified` must be the stored one."""
    if not isinstance(values, dict) or not values.get("doctype"):
        raise invalid("doctype is required")
    meta = session.meta(str(values["doctype"]))
    document = saving.new_document(session, meta, values)
    if docstatus is not None:
        document["docstatus"] = docstatus
    if not document.get("name") or session.exists(meta.name, document["name"]) is None:
        raise missing(meta.name, str(document.get("name")))
    read_at = document.get("modified")
    return _save(session, meta, document, None if read_at is None else as_text(read_at))


def cancel(session: Session, doctype: str, name: str) -> Document:
    """1 → 2."""
    return update(session, doctype, name, {"docstatus": _DOCSTATUS_CANCELLED})


def submit(session: Session, doctype: str, name: str) -> Document:
    """0 → 1."""
    return update(session, doctype, name, {"docstatus": 1})


def bulk_update(session: Session, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Update one after another; those that fail are returned, and what they wrote before failing stays (measured)."""
    failed = []
    for entry in entries:
        values = {key: value for key, value in entry.items() if key not in ("doctype", "docname")}
        try:
            update(session, str(entry["doctype"]), str(entry["docname"]), values)
        except SiteError as error:
            session.messages.extend(error.messages)
            failed.append({"doc": entry, "exc": f"Traceback (most recent call last):\n{error.exception}"})
    return failed
