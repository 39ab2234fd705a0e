"""Insert and save: the order of checks, stamps, rows of the store, child tables."""

from __future__ import annotations

import sqlite3
from typing import Any

from . import naming, validation
from .controllers import Change, controller_of
from .conversions import cint
from .database import quoted
from .defaults import apply_defaults
from .documents import load
from .errors import SiteError, duplicate_name, locked, missing, not_unique
from .meta import DocTypeMeta
from .permissions import check_create, check_document
from .session import Document, Session
from .values import stored


def new_document(session: Session, meta: DocTypeMeta, values: dict[str, Any]) -> Document:
    """A document in memory out of what a client sent; keys that are no fields are dropped without a word."""
    document: Document = {item.fieldname: None for item in meta.columns}
    document["doctype"] = meta.name
    for key, value in values.items():
        if key in document and key != "doctype":
            document[key] = value
    for key in ("__newname", "__islocal"):
        if values.get(key):
            document[key] = values[key]
    for item in meta.value_fields:
        if item.is_virtual:
            document[item.fieldname] = None
    take_tables(session, meta, document, values, complete=True)
    return document


def take_tables(
    session: Session, meta: DocTypeMeta, document: Document, values: dict[str, Any], *, complete: bool
) -> None:
    """Replace the child tables that the client sent; `complete`: those it did not send become empty."""
    for item in meta.table_fields:
        if item.fieldname not in values and not complete:
            continue
        child = session.meta(item.options)
        rows = values.get(item.fieldname) or []
        document[item.fieldname] = [new_document(session, child, row) for row in rows if isinstance(row, dict)]
        for position, row in enumerate(document[item.fieldname], 1):
            row["idx"] = cint(row.get("idx")) or position
            row["parentfield"] = item.fieldname
            row["parenttype"] = meta.name


def insert(
    session: Session, meta: DocTypeMeta, document: Document, *, trusted: bool = False, name: str | None = None
) -> Document:
    """Store a new document (of `new_document`). `trusted`: no permission is asked for; `name`: the name to take.

    Raises SiteError as the site refuses; the caller's transaction undoes what was done before.
    """
    controller = controller_of(meta.name)
    apply_defaults(session, meta, document)
    stamp = session.stamp()
    for row_meta, row in validation.with_rows(session, meta, document):
        row.update(owner=session.user.name, creation=stamp, modified=stamp, modified_by=session.user.name)
        row["docstatus"] = cint(document.get("docstatus"))
        row["__islocal"] = 1
        if row_meta is not meta:
            row["name"] = None
    step = validation.transition(document, None)
    validation.check_amended(session, meta, document)
    if step == "submit" and not trusted:
        check_document(session, meta, "submit", document)
    validation.validate_links(session, meta, document)
    if not trusted:
        check_create(session, meta, document)
    change = Change(session, meta, document)
    controller.before_insert(change)
    if name is None:
        naming.set_name(session, meta, document, controller.autoname(change))
    else:
        document["name"] = name
    if not trusted:
        validation.reset_higher_levels(session, meta, document, None)
    _check_and_normalise(session, meta, document, None)
    _store_new(session, meta, document)
    controller.after_insert(change)
    _after_save(session, meta, document, None, step)
    for _, row in validation.with_rows(session, meta, document):
        row.pop("__islocal", None)
        row.pop("__newname", None)
    return document


def _check_and_normalise(session: Session, meta: DocTypeMeta, document: Document, before: Document | None) -> None:
    controller_of(meta.name).validate(Change(session, meta, document, before))
    validation.validate_mandatory(session, meta, document)
    validation.validate_values(session, meta, document)
    if meta.autoname.startswith("field:") and meta.autoname[6:] in document:
        document[meta.autoname[6:]] = document["name"]
    validation.normalise(session, meta, document)


def _after_save(session: Session, meta: DocTypeMeta, document: Document, before: Document | None, step: str) -> None:
    controller = controller_of(meta.name)
    change = Change(session, meta, document, before)
    if step in ("save", "submit"):
        controller.on_update(change)
    if step == "submit":
        controller.on_submit(change)
    elif step == "cancel":
        controller.on_cancel(change)


def _store_new(session: Session, meta: DocTypeMeta, document: Document) -> None:
    insert_row(session, meta, document)
    for item, row in validation.rows_of(meta, document):
        row["name"] = naming.hash_name()
        row["parent"] = document["name"]
        insert_row(session, session.meta(item.options), row)


def insert_row(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Write one row. Raises DuplicateEntryError, UniqueValidationError and the database's own errors."""
    if naming.name_too_long(document["name"]):
        raise SiteError(500, "DataError", "(1406, \"Data too long for column 'name' at row 1\")", module="pymysql.err.")
    names, values = _columns(meta, document)
    marks = ", ".join("?" * len(names))
    try:
        session.connection.execute(
            f"INSERT INTO {quoted(meta.table)} ({', '.join(map(quoted, names))}) VALUES ({marks})", values
        )
    except sqlite3.IntegrityError as error:
        if session.exists(meta.name, document["name"]) is not None:
            raise duplicate_name(meta.name, document["name"]) from None
        raise _refused(meta, document, error) from None


def _columns(meta: DocTypeMeta, document: Document) -> tuple[list[str], list[Any]]:
    names = list(meta.column_names)
    return names, [stored(meta, item, document.get(item.fieldname)) for item in meta.columns]


def _refused(meta: DocTypeMeta, document: Document, error: sqlite3.IntegrityError) -> SiteError:
    column = str(error).rsplit(".", 1)[-1]
    if "UNIQUE" not in str(error):
        raise error
    item = meta.by_name[column]
    return not_unique(meta.name, document["name"], column, item.label, document.get(column))


def update_row(session: Session, meta: DocTypeMeta, document: Document, before: Document | None) -> int:
    """Write what differs from `before` (everything without it) into the row; how many rows there were (0 or 1)."""
    changed = [
        item for item in meta.columns if before is None or document.get(item.fieldname) != before.get(item.fieldname)
    ]
    names = [item.fieldname for item in changed if item.fieldname != "name"]
    values = [stored(meta, item, document.get(item.fieldname)) for item in changed if item.fieldname != "name"]
    if not names:
        return 1
    assignments = ", ".join(f"{quoted(name)} = ?" for name in names)
    try:
        cursor = session.connection.execute(
            f"UPDATE {quoted(meta.table)} SET {assignments} WHERE name = ?", (*values, document["name"])
        )
    except sqlite3.IntegrityError as error:
        raise _refused(meta, document, error) from None
    return cursor.rowcount


def merge(session: Session, meta: DocTypeMeta, before: Document, values: dict[str, Any]) -> Document:
    """The stored document with what a client sent laid over it: fields merged, child tables replaced."""
    document = dict(before)
    for key, value in values.items():
        if key in document and key != "doctype" and key not in {item.fieldname for item in meta.table_fields}:
            document[key] = value
    take_tables(session, meta, document, values, complete=False)
    return document


def save(
    session: Session, meta: DocTypeMeta, document: Document, *, read_at: str | None, trusted: bool = False
) -> Document:
    """Store a document that exists. `read_at`: the stamp it was read with, compared with the stored one as text.

    Raises SiteError as the site refuses; the caller's transaction undoes what was done before.
    """
    before = load(session, meta, str(document["name"]))
    if before is None:
        raise missing(meta.name, str(document["name"]))
    if session.site.faults.is_locked(meta.name, before["name"]):
        raise locked()
    if not trusted:
        check_document(session, meta, "write", document)
    document["name"] = before["name"]
    _stamp(session, meta, document)
    validation.check_latest(session, meta, document, read_at)
    step = validation.transition(document, before)
    if step in ("submit", "cancel") and not trusted:
        check_document(session, meta, step, document)
    if not trusted:
        validation.reset_higher_levels(session, meta, document, before)
    _validate_step(session, meta, document, before, step)
    _store_changes(session, meta, document, before)
    _after_save(session, meta, document, before, step)
    for _, row in validation.rows_of(meta, document):
        row.pop("__islocal", None)
    return document


def _validate_step(session: Session, meta: DocTypeMeta, document: Document, before: Document, step: str) -> None:
    if step == "cancel":
        controller_of(meta.name).before_cancel(Change(session, meta, document, before))
        validation.normalise(session, meta, document)
        return
    validation.validate_links(session, meta, document)
    validation.validate_constants(meta, document, before)
    if step == "update_after_submit":
        validation.validate_mandatory(session, meta, document)
        validation.validate_update_after_submit(session, meta, document, before)
        validation.validate_values(session, meta, document)
        validation.normalise(session, meta, document)
        return
    _check_and_normalise(session, meta, document, before)


def _stamp(session: Session, meta: DocTypeMeta, document: Document) -> None:
    stamp = session.stamp()
    document["modified"] = stamp
    document["modified_by"] = session.user.name
    for item, row in validation.rows_of(meta, document):
        if not row.get("name") or row.get("__islocal"):
            apply_defaults(session, session.meta(item.options), row, document)
            row["__islocal"] = 1
        row["creation"] = row.get("creation") or document["creation"]
        row["owner"] = row.get("owner") or document["owner"]
        row["modified"] = stamp
        row["modified_by"] = session.user.name
        row["docstatus"] = cint(document.get("docstatus"))


def _store_changes(session: Session, meta: DocTypeMeta, document: Document, before: Document) -> None:
    """Write parent and rows. A row with a name that nobody has is lost without a word (measured)."""
    update_row(session, meta, document, before)
    for item in meta.table_fields:
        child = session.meta(item.options)
        kept: set[str] = set()
        known = {row["name"]: row for row in before.get(item.fieldname) or ()}
        for row in document.get(item.fieldname) or ():
            row["parent"] = document["name"]
            if row.pop("__islocal", None):
                row["name"] = row.get("name") or naming.hash_name()
                insert_row(session, child, row)
            else:
                update_row(session, child, row, known.get(row["name"]))
            kept.add(row["name"])
        gone = [name for name in known if name not in kept]
        session.connection.executemany(f"DELETE FROM {quoted(child.table)} WHERE name = ?", [(name,) for name in gone])


def set_directly(session: Session, meta: DocTypeMeta, name: str, values: dict[str, Any], *, bump: bool = True) -> None:
    """Write values past every check, as parts of the site do; `bump` moves the stamp as well."""
    values = dict(values)
    if bump:
        values |= {"modified": session.stamp(), "modified_by": session.user.name}
    names = [key for key in values if key in meta.by_name and meta.by_name[key].has_column]
    assignments = ", ".join(f"{quoted(key)} = ?" for key in names)
    row = [stored(meta, meta.by_name[key], values[key]) for key in names]
    session.connection.execute(f"UPDATE {quoted(meta.table)} SET {assignments} WHERE name = ?", (*row, name))
