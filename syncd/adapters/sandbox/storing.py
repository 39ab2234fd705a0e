"""Documents stored as they are, past every check: what a fresh site is filled with."""

from __future__ import annotations

from typing import Any

from . import saving
from .defaults import apply_defaults
from .session import Session


def add(session: Session, doctype: str, name: str, **values: Any) -> None:
    """Store a document as it is: no checks, nothing made besides."""
    meta = session.meta(doctype)
    document = saving.new_document(session, meta, values)
    apply_defaults(session, meta, document)
    stamp = session.stamp()
    for item in meta.table_fields:
        for position, row in enumerate(document[item.fieldname], 1):
            child = session.meta(item.options)
            row.update(name=f"{name[:100]}-{item.fieldname}-{position}", parent=name, idx=position)
            row.update(owner=session.user.name, creation=stamp, modified=stamp, modified_by=session.user.name)
            saving.insert_row(session, child, row)
    document.update(name=name, owner=session.user.name, creation=stamp, modified=stamp, modified_by=session.user.name)
    if meta.autoname.startswith("field:"):
        document[meta.autoname[6:]] = name
    saving.insert_row(session, meta, document)
