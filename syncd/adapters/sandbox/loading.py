"""Documents by the thousand, past every check: for tests and benches."""

from __future__ import annotations

from typing import Any

from . import naming
from .database import quoted
from .defaults import default_of
from .meta import DocTypeMeta
from .session import Session
from .values import full_stamp, stored


def load_rows(session: Session, doctype: str, rows: list[dict[str, Any]], stamp: str | None = None) -> int:
    """Store rows as documents (no child tables); all with one stamp where one is given. How many there were.

    A row may bring `name`, `owner`, `creation`, `modified`; a name it lacks comes from the DocType's naming field.
    """
    meta = session.meta(doctype)
    defaults = {item.fieldname: default_of(session, item) for item in meta.value_fields}
    naming_field = _naming_field(meta)
    at = full_stamp(stamp) if stamp else None
    values = []
    for row in rows:
        now = at or session.stamp()
        name = row.get("name") or row.get(naming_field) or naming.hash_name()
        document = {
            **defaults,
            "owner": session.user.name,
            "creation": now,
            "modified": now,
            "modified_by": session.user.name,
            **row,
            "name": str(name).strip(),
        }
        values.append([stored(meta, item, document.get(item.fieldname)) for item in meta.columns])
    names = ", ".join(quoted(name) for name in meta.column_names)
    marks = ", ".join("?" * len(meta.columns))
    session.connection.executemany(f"INSERT INTO {quoted(meta.table)} ({names}) VALUES ({marks})", values)
    return len(values)


def _naming_field(meta: DocTypeMeta) -> str:
    if meta.autoname.startswith("field:"):
        return meta.autoname[6:]
    return {"Customer": "customer_name", "Supplier": "supplier_name"}.get(meta.name, "name")
