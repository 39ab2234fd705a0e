"""Who may do what: role permissions of a DocType, and the site's words where they are lacking."""

from __future__ import annotations

from .errors import SiteError
from .meta import DocTypeMeta
from .session import Document, Session


def allowed(session: Session, meta: DocTypeMeta, right: str, permlevel: int = 0) -> bool:
    """Whether one of the user's roles has the right at the level."""
    return any(
        right in permission.rights and permission.permlevel == permlevel and permission.role in session.user.roles
        for permission in meta.permissions
    )


def _doctype_denial(session: Session, doctype: str) -> str:
    return (
        f"User <strong>{session.user.name}</strong> does not have doctype access via role permission for document "
        f"<strong>{doctype}</strong>"
    )


def _denied(text: str, error_message: str | None) -> SiteError:
    message = {"message": text, "title": "Message"}
    return SiteError(403, "PermissionError", messages=(message,), error_message=error_message)


def check_list(session: Session, meta: DocTypeMeta) -> None:
    """Raise 403 where the user may not list the DocType."""
    if not (allowed(session, meta, "read") or allowed(session, meta, "select")):
        raise _denied(_doctype_denial(session, meta.name), f"No permission for {meta.name}")


def check_document(session: Session, meta: DocTypeMeta, right: str, document: Document | None) -> None:
    """Raise 403 where the user may not do this to the document (None: to one that is about to be read)."""
    name = document.get("name") if document else None
    if allowed(session, meta, right) or (right == "read" and (meta.name, name) == ("User", session.user.name)):
        return  # a site shares each User with the person that it stands for
    if any(permission.role in session.user.roles for permission in meta.permissions):
        text = f"User <strong>{session.user.name}</strong> does not have access to this document: {meta.name} - {name}"
    else:
        text = (
            f"{_doctype_denial(session, meta.name)}<br>User <strong>{session.user.name}</strong> does not have "
            "access to this document"
        )
    wanted = f"You need the '{right}' permission on <strong>{meta.name}</strong> {name or ''} to perform this action."
    raise _denied(text, None if right == "read" else wanted)


def check_create(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Raise 403 where the user may not create documents of the DocType."""
    if not meta.istable:
        check_document(session, meta, "create", document)


def without_unreadable(session: Session, document: Document) -> Document:
    """A document as its reader is shown it: what is at permission levels that he may not read is empty."""
    meta = session.meta(document["doctype"])
    levels = _levels(session, meta, "read") | {0}
    hidden = {item.fieldname for item in meta.fields if item.permlevel and item.permlevel not in levels}
    shown = {name: None if name in hidden else value for name, value in document.items()}
    for table in meta.table_fields:
        rows = () if table.fieldname in hidden else document.get(table.fieldname) or ()
        within = {item.fieldname for item in session.meta(table.options).fields if item.permlevel not in {0, *levels}}
        shown[table.fieldname] = [{key: None if key in within else held for key, held in row.items()} for row in rows]
    return shown


def writable_levels(session: Session, meta: DocTypeMeta) -> frozenset[int]:
    """The permission levels at which the user may write."""
    return _levels(session, meta, "write")


def _levels(session: Session, meta: DocTypeMeta, right: str) -> frozenset[int]:
    return frozenset(
        permission.permlevel
        for permission in meta.permissions
        if right in permission.rights and permission.role in session.user.roles
    )
