"""What a new document gets where it was given nothing."""

from __future__ import annotations

from .meta import DocTypeMeta, Field, Kind
from .session import Document, Session

_BY_FIELDNAME = {"company": "company", "currency": "currency", "country": "country", "language": "language"}


def apply_defaults(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Fill fields that are absent or null, in a new document and its new rows."""
    for item in meta.fields:
        if item.kind is Kind.TABLE:
            child = session.meta(item.options)
            for row in document[item.fieldname]:
                apply_defaults(session, child, row)
        elif document.get(item.fieldname) is None:
            document[item.fieldname] = default_of(session, item)


def default_of(session: Session, item: Field) -> object:
    """The default of one field: the site's for some links, the field's own, or the first choice."""
    site_default = _BY_FIELDNAME.get(item.fieldname) if item.fieldtype == "Link" else None
    if site_default:
        return session.site.setting(site_default)
    text = item.default
    if text is None:
        return item.choices[0] if item.fieldtype == "Select" and item.choices else None
    now = session.now()
    special = {"today": now.strftime("%Y-%m-%d"), "now": now.strftime("%H:%M:%S.%f"), "__user": session.user.name}
    if item.kind is Kind.DATETIME and text.lower() in ("now", "today"):
        return now.strftime("%Y-%m-%d %H:%M:%S.%f")
    if text.startswith(":"):
        return None
    return special.get(text.lower(), text)
