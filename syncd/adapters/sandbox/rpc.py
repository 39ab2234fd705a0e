"""The whitelisted methods that the sandbox knows, by their dotted names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from . import lifecycle, listing, operations
from .controllers.proposals import proposed_payment
from .conversions import cint
from .database import quoted
from .documents import answer, get, load
from .errors import SiteError, invalid, missing
from .listing import Query, decoded
from .meta import DocTypeMeta, Field
from .metadata_answers import merged, with_children
from .permissions import allowed, check_document, without_unreadable
from .session import GUEST, Document, Session, bare_permission_error

_MOST_INSERTS = 200
_NOT_LINKED_WITH = frozenset({"GL Entry", "Comment", "Deleted Document"})
Form = dict[str, Any]
NOTHING = object()


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it does, whether it writes, whether Guest may call it, and the key its answer is under."""

    run: Callable[[Session, Form], Any]
    writes: bool = False
    guest: bool = False
    key: str = "message"


METHODS: dict[str, Method] = {}


def _method(name: str, **options: Any) -> Callable[[Callable[[Session, Form], Any]], Callable[[Session, Form], Any]]:
    def register(run: Callable[[Session, Form], Any]) -> Callable[[Session, Form], Any]:
        METHODS[name] = Method(run, **options)
        return run

    return register


def find_method(name: str) -> Method:
    """The method. Raises 417 as the site does for one that it has not."""
    method = METHODS.get(name)
    if method is None:
        module, _, attribute = name.rpartition(".")
        reason = f"module '{module}' has no attribute '{attribute}'" if module else f"{name} is not a method"
        raise invalid(f"Failed to get method for command {name} with {reason}")
    return method


def _required(form: Form, key: str) -> Any:
    if form.get(key) in (None, ""):
        raise SiteError(500, "TypeError", f"missing 1 required positional argument: '{key}'", module="")
    return form[key]


@_method("ping", guest=True)
@_method("frappe.ping", guest=True)
def _ping(_: Session, __: Form) -> str:
    return "pong"


@_method("frappe.client.get_time_zone", guest=True)
def _time_zone(session: Session, _: Form) -> dict[str, str]:
    return {"time_zone": session.site.clock.zone}


@_method("frappe.auth.get_logged_user")
def _logged_user(session: Session, _: Form) -> str:
    return session.user.name


@_method("frappe.utils.change_log.get_versions")
def _versions(_: Session, __: Form) -> dict[str, Any]:
    frappe = {"title": "Frappe Framework", "description": "Web framework", "branch": "version-15", "version": "15.55.1"}
    erpnext = {"title": "ERPNext", "description": "ERP", "branch": "version-15", "version": "15.90.0"}
    return {"frappe": frappe, "erpnext": erpnext}


@_method("frappe.client.get_list")
def _get_list(session: Session, form: Form) -> list[Any]:
    return listing.find(session, listing.query_of(str(_required(form, "doctype")), form))


@_method("frappe.client.get_count")
def _get_count(session: Session, form: Form) -> int:
    return listing.count(session, str(_required(form, "doctype")), form.get("filters"))


@_method("frappe.client.get_value")
def _get_value(session: Session, form: Form) -> Any:
    doctype = str(_required(form, "doctype"))
    meta = session.site.metadata.get(doctype, session.connection)
    if meta is None:
        raise missing("DocType", doctype)
    fields = decoded(form.get("fieldname", "name"))
    fields = fields if isinstance(fields, list) else [str(fields)]
    if not (meta.istable or allowed(session, meta, "read")):
        check_document(session, meta, "read", None)
    if meta.issingle:
        single = load(session, meta, meta.name) or {}
        return {name: single.get(name) for name in fields}
    filters = decoded(form.get("filters"))
    if isinstance(filters, (str, int)):
        filters = {"name": filters}
    query = Query(doctype=doctype, fields=fields, filters=filters, length=1, parent=str(form.get("parent") or ""))
    rows = listing.find(session, query)
    if not rows:
        return {}
    return rows[0] if form.get("as_dict") not in (False, 0, "0") else list(rows[0].values())


@_method("frappe.client.get")
def _get(session: Session, form: Form) -> dict[str, Any]:
    meta = session.meta(str(_required(form, "doctype")))
    name = form.get("name")
    if not name and form.get("filters"):
        rows = listing.find(session, Query(doctype=meta.name, filters=decoded(form["filters"]), length=1))
        if not rows:
            raise missing(meta.name, "")
        name = rows[0]["name"]
    document = get(session, meta, meta.name if meta.issingle else str(name))
    check_document(session, meta, "read", document)
    return answer(session, without_unreadable(session, document), nulls=True)


def _document_in(form: Form, key: str) -> dict[str, Any]:
    values = decoded(_required(form, key))
    if not isinstance(values, dict):
        raise invalid(f"{key} must be a document")
    return values


def _insert_one(session: Session, values: dict[str, Any]) -> Document:
    parent = [values.get(key) for key in ("parent", "parenttype", "parentfield")]
    if not all(parent):
        return operations.create(session, str(_required(values, "doctype")), values)
    holder = get(session, session.meta(str(parent[1])), str(parent[0]))
    rows = [*holder[str(parent[2])], {key: value for key, value in values.items() if key != "name"}]
    return operations.update(session, holder["doctype"], holder["name"], {str(parent[2]): rows})


@_method("frappe.client.insert", writes=True)
def _insert(session: Session, form: Form) -> dict[str, Any]:
    return answer(session, _insert_one(session, _document_in(form, "doc")), nulls=True)


@_method("frappe.client.insert_many", writes=True)
def _insert_many(session: Session, form: Form) -> list[str]:
    documents = decoded(_required(form, "docs"))
    if len(documents) > _MOST_INSERTS:
        raise invalid(f"Only {_MOST_INSERTS} inserts allowed in one request")
    return [_insert_one(session, values)["name"] for values in documents]


@_method("frappe.client.save", writes=True)
def _save(session: Session, form: Form) -> dict[str, Any]:
    return answer(session, operations.replace_document(session, _document_in(form, "doc")), nulls=True)


@_method("frappe.client.submit", writes=True)
def _submit(session: Session, form: Form) -> dict[str, Any]:
    document = operations.replace_document(session, _document_in(form, "doc"), docstatus=1)
    return answer(session, document, nulls=True)


@_method("frappe.client.cancel", writes=True)
def _cancel(session: Session, form: Form) -> dict[str, Any]:
    document = operations.cancel(session, str(_required(form, "doctype")), str(_required(form, "name")))
    return answer(session, document, nulls=True)


@_method("frappe.client.set_value", writes=True)
def _set_value(session: Session, form: Form) -> dict[str, Any]:
    doctype, name = str(_required(form, "doctype")), str(_required(form, "name"))
    fields = decoded(_required(form, "fieldname"))
    if not isinstance(fields, dict):
        if fields in ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", "parent"):
            raise invalid("Cannot edit standard fields")
        fields = {str(fields): form.get("value")}
    values = {key: "" if value in (None, False) else value for key, value in fields.items()}
    meta = session.meta(doctype)
    if meta.istable:
        row = get(session, meta, name)
        return answer(session, _set_in_row(session, row, values), nulls=True)
    return answer(session, operations.update(session, doctype, name, values), nulls=True)


def _set_in_row(session: Session, row: Document, values: dict[str, Any]) -> Document:
    """Change a child row by saving the document it belongs to."""
    holder = get(session, session.meta(row["parenttype"]), row["parent"])
    table = row["parentfield"]
    rows = [{**item, **values} if item["name"] == row["name"] else item for item in holder[table]]
    return operations.update(session, holder["doctype"], holder["name"], {table: rows})


@_method("frappe.client.bulk_update", writes=True)
def _bulk_update(session: Session, form: Form) -> dict[str, Any]:
    text = _required(form, "docs")
    if not isinstance(text, str):
        raise SiteError(500, "TypeError", "the JSON object must be str, bytes or bytearray, not list", module="")
    return {"failed_docs": operations.bulk_update(session, orjson.loads(text))}


@_method("frappe.client.delete", writes=True)
def _delete(session: Session, form: Form) -> Any:
    meta = session.meta(str(_required(form, "doctype")))
    lifecycle.delete(session, meta, str(_required(form, "name")))
    return NOTHING


@_method("frappe.client.rename_doc", writes=True)
def _rename(session: Session, form: Form) -> str:
    meta = session.meta(str(_required(form, "doctype")))
    old, new = str(_required(form, "old_name")), str(_required(form, "new_name"))
    return lifecycle.rename(session, meta, old, new, merge=bool(cint(form.get("merge"))))


@_method("frappe.client.has_permission")
def _has_permission(session: Session, form: Form) -> dict[str, bool]:
    meta = session.meta(str(_required(form, "doctype")))
    return {"has_permission": allowed(session, meta, str(form.get("perm_type") or "read"))}


@_method("frappe.desk.form.load.getdoctype", key="docs")
def _getdoctype(session: Session, form: Form) -> list[dict[str, Any]]:
    doctype = str(_required(form, "doctype"))
    if session.site.metadata.get(doctype, session.connection) is None:
        raise missing("DocType", doctype)
    return with_children(session, doctype)


@_method("frappe.desk.form.linked_with.get_submitted_linked_docs")
def _submitted_linked(session: Session, form: Form) -> dict[str, Any]:
    meta = session.meta(str(_required(form, "doctype")))
    found = lifecycle.submitted_links(session, meta, str(_required(form, "name")))
    docs = [{"doctype": doctype, "name": name, "docstatus": 1} for doctype, name in found]
    return {"docs": docs, "count": len(docs)}


@_method("frappe.desk.form.linked_with.get_linked_doctypes")
def _linked_doctypes(session: Session, form: Form) -> dict[str, Any]:
    meta = session.meta(str(_required(form, "doctype")))
    found: dict[str, Any] = {}
    for holder, item in session.site.metadata.referrers(meta.name, session.connection):
        if holder.name in _NOT_LINKED_WITH or not _may_link(session, holder, item, meta.name):
            continue
        for owner in _owners(session, holder):
            entry = found.setdefault(owner, {"fieldname": []})
            entry["fieldname"].append(item.fieldname)
            if holder.istable:
                entry["child_doctype"] = holder.name
            if item.fieldtype == "Dynamic Link":
                entry["doctype_fieldname"] = item.options
    return found


def _may_link(session: Session, holder: DocTypeMeta, item: Field, doctype: str) -> bool:
    """Whether a field is listed: dynamic links are where a document is there that refers to the DocType."""
    if item.fieldtype != "Dynamic Link":
        return True
    table, kind = quoted(holder.table), quoted(item.options)
    return session.one(f"SELECT 1 FROM {table} WHERE {kind} = ? LIMIT 1", doctype) is not None


def _owners(session: Session, holder: DocTypeMeta) -> list[str]:
    """The DocTypes whose documents a field of `holder` belongs to: itself, or those that have it as a table."""
    if not holder.istable:
        return [holder.name]
    metas = (session.meta(name) for name in session.site.metadata.names(session.connection))
    return [meta.name for meta in metas if any(item.options == holder.name for item in meta.table_fields)]


@_method("erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry")
def _payment_entry(session: Session, form: Form) -> dict[str, Any]:
    return proposed_payment(session, str(_required(form, "dt")), str(_required(form, "dn")), form)


def check_guest(session: Session, name: str, method: Method) -> None:
    """Raise 403 where Guest calls what is not for guests."""
    if session.user.name == GUEST and not method.guest:
        text = f"You are not permitted to access this resource. Function <strong>{name}</strong> is not whitelisted."
        error = bare_permission_error()
        error.messages = ({"message": text, "title": "Method Not Allowed"},)
        raise error


__all__ = ["METHODS", "NOTHING", "check_guest", "find_method", "merged"]
