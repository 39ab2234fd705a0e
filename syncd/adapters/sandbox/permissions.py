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
    if allowed(session, meta, right):
        return
    name = document.get("name") if document else None
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


def writable_levels(session: Session, meta: DocTypeMeta) -> frozenset[int]:
    """The permission levels at which the user may write."""
    return frozenset(
        permission.permlevel
        for permission in meta.permissions
        if "write" in permission.rights and permission.role in session.user.roles
    )
