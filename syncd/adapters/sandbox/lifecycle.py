"""Deleting and renaming, and the links that stand in the way or move along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from . import naming, saving
from .controllers import Change, controller_of
from .conversions import cint
from .database import quoted
from .documents import answer, get, load
from .errors import SiteError, invalid, thrown
from .meta import DocTypeMeta, Field
from .permissions import check_document
from .session import Document, Session

_NO_HINDRANCE = frozenset(
    {"Comment", "Deleted Document", "GL Entry", "ToDo", "DocType", "DocField", "Custom Field", "Property Setter"}
)
_FALLS_AWAY = frozenset({"Dynamic Link"})
_NOT_LISTED = frozenset({"Payment Entry"})


def _anchor(doctype: str, name: str) -> str:
    return f'<a href="/app/Form/{doctype}/{name}">{name}</a>'


def links_to(
    session: Session, meta: DocTypeMeta, name: str, *, submitted_only: bool, every: bool = False
) -> Iterator[tuple[str, str]]:
    """DocType and name of documents that refer to this one; one for each field that does, or `every` one."""
    for holder, item in session.site.metadata.referrers(meta.name, session.connection):
        if holder.name in _NO_HINDRANCE or holder.issingle or holder.name in _FALLS_AWAY:
            continue
        rows = _referring_rows(session, holder, item, meta.name, name, submitted_only=submitted_only, every=every)
        yield from (found for found in rows if found != (meta.name, name))


def _referring_rows(
    session: Session,
    holder: DocTypeMeta,
    item: Field,
    doctype: str,
    name: str,
    *,
    submitted_only: bool,
    every: bool,
) -> list[tuple[str, str]]:
    shown = "parenttype, parent" if holder.istable else "'', name"
    condition = f"{quoted(item.fieldname)} = ?"
    values: list[Any] = [name]
    if item.fieldtype == "Dynamic Link":
        condition += f" AND {quoted(item.options)} = ? AND docstatus < 2"
        values.append(doctype)
    condition += " AND docstatus = 1" if submitted_only else ""
    if not holder.istable and holder.name == doctype:
        condition += " AND name != ?"
        values.append(name)
    limit = "" if every else " LIMIT 1"
    query = f"SELECT DISTINCT {shown} FROM {quoted(holder.table)} WHERE {condition}{limit}"
    return [(row[0] or holder.name, row[1]) for row in session.connection.execute(query, values)]


def submitted_links(session: Session, meta: DocTypeMeta, name: str) -> list[tuple[str, str]]:
    """Submitted documents that refer to this one, and those that refer to them; payments are left out (measured)."""
    found: dict[tuple[str, str], None] = {}
    waiting = [(meta, name)]
    while waiting:
        target, called = waiting.pop(0)
        for link in links_to(session, target, called, submitted_only=True, every=True):
            if link[0] not in _NOT_LISTED and link not in found and link != (meta.name, name):
                found[link] = None
                waiting.append((session.meta(link[0]), link[1]))
    return list(found)


def check_no_links(session: Session, meta: DocTypeMeta, name: str, *, submitted_only: bool) -> None:
    """Raise LinkExistsError where another document refers to this one."""
    found = next(links_to(session, meta, name, submitted_only=submitted_only), None)
    if found is None:
        return
    text = (
        f"Cannot delete or cancel because {meta.name} {_anchor(meta.name, name)} is linked with "
        f"{found[0]} {_anchor(*found)} "
    )
    messages = [thrown(text)]
    if "disabled" in meta.by_name and not submitted_only:
        text = f"You can disable this {meta.name} instead of deleting it."
        messages.append(thrown(text))
    raise SiteError(417, "LinkExistsError", text, messages=tuple(messages))


def delete(session: Session, meta: DocTypeMeta, name: str) -> None:
    """Delete a document and leave a Deleted Document behind. Raises 404, 403, 417 as the site does."""
    document = load(session, meta, name)
    if document is None:
        raise SiteError(404, "DoesNotExistError")
    if meta.istable:
        session.connection.execute(f"DELETE FROM {quoted(meta.table)} WHERE name = ?", (document["name"],))
        return
    check_document(session, meta, "delete", document)
    if cint(document["docstatus"]) == 1:
        raise invalid(
            f"{meta.name} {document['name']}: Submitted Record cannot be deleted. You must "
            "<a href='https://docs.erpnext.com//docs/user/manual/en/setting-up/articles/delete-submitted-document' "
            "target='_blank'> Cancel </a> it first."
        )
    controller_of(meta.name).on_trash(Change(session, meta, document))
    check_no_links(session, meta, document["name"], submitted_only=False)
    keep_trace(session, document)
    remove(session, meta, document["name"])
    if document.get("naming_series") and meta.autoname.startswith("naming_series:"):
        naming.give_back(session, str(document["naming_series"]), document)


def keep_trace(session: Session, document: Document) -> None:
    """Write the Deleted Document."""
    trace = session.meta("Deleted Document")
    values = {
        "deleted_doctype": document["doctype"],
        "deleted_name": document["name"],
        "data": orjson.dumps(answer(session, document, nulls=True)).decode(),
    }
    saving.insert(session, trace, saving.new_document(session, trace, values), trusted=True)


def remove(session: Session, meta: DocTypeMeta, name: str) -> None:
    """Take a document's rows away, without a trace."""
    for item in meta.table_fields:
        session.connection.execute(
            f"DELETE FROM {quoted('tab' + item.options)} WHERE parent = ? AND parenttype = ?", (name, meta.name)
        )
    session.connection.execute(f"DELETE FROM {quoted(meta.table)} WHERE name = ?", (name,))


def rename(session: Session, meta: DocTypeMeta, old: str, new: str, *, merge: bool) -> str:
    """Give a document another name and rewrite every link to it, without moving stamps; the name it has then.

    `merge`: into the document that has the name already. Raises 404, 403, 417 as the site does.
    """
    document = get(session, meta, old)
    check_document(session, meta, "write", document)
    old = document["name"]
    if not meta.allow_rename:
        raise invalid(f"{meta.name} not allowed to be renamed")
    new = naming.valid_name(meta, new)
    taken = session.exists(meta.name, new)
    same = taken is not None and taken == old
    if taken is not None and not merge and not same:
        raise invalid(f"Another {meta.name} with name {new} exists, select another name")
    if merge and taken is None:
        raise invalid(f"{meta.name} {new} does not exist, select a new target to merge")
    if old == new:
        raise invalid("No changes made because old and new name are the same.")
    _rewrite_links(session, meta, old, new)
    if merge:
        keep_trace(session, document)
        remove(session, meta, old)
        new = str(taken)
    else:
        _move(session, meta, old, new)
    _comment_rename(session, meta, old, new)
    controller_of(meta.name).after_rename(Change(session, meta, {"name": new}))
    session.message(
        f"Document renamed from <strong>{old}</strong> to <strong>{new}</strong>", indicator="green", alert=1
    )
    return new


def _move(session: Session, meta: DocTypeMeta, old: str, new: str) -> None:
    session.connection.execute(f"UPDATE {quoted(meta.table)} SET name = ? WHERE name = ?", (new, old))
    for item in meta.table_fields:
        session.connection.execute(
            f"UPDATE {quoted('tab' + item.options)} SET parent = ? WHERE parent = ? AND parenttype = ?",
            (new, old, meta.name),
        )
    if meta.autoname.startswith("field:"):
        column = quoted(meta.autoname[6:])
        session.connection.execute(f"UPDATE {quoted(meta.table)} SET {column} = ? WHERE name = ?", (new, new))


def _rewrite_links(session: Session, meta: DocTypeMeta, old: str, new: str) -> None:
    for holder, item in session.site.metadata.referrers(meta.name, session.connection):
        column = quoted(item.fieldname)
        sql, values = f"UPDATE {quoted(holder.table)} SET {column} = ? WHERE {column} = ?", [new, old]
        if item.fieldtype == "Dynamic Link":
            sql, values = sql + f" AND {quoted(item.options)} = ?", [*values, meta.name]
        session.connection.execute(sql, values)


def _comment_rename(session: Session, meta: DocTypeMeta, old: str, new: str) -> None:
    comments = session.meta("Comment")
    values = {
        "comment_type": "Edit",
        "reference_doctype": meta.name,
        "reference_name": new,
        "content": f"renamed from <strong>{old}</strong> to <strong>{new}</strong>",
        "comment_email": session.user.name,
    }
    saving.insert(session, comments, saving.new_document(session, comments, values), trusted=True)
