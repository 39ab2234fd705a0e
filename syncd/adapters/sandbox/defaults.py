"""What a new document gets where it was given nothing."""

from __future__ import annotations

from .meta import DocTypeMeta, Field, Kind
from .session import Document, Session

_BY_FIELDNAME = {"company": "company", "currency": "currency", "country": "country", "language": "language"}


def apply_defaults(session: Session, meta: DocTypeMeta, document: Document, parent: Document | None = None) -> None:
    """Fill fields that are absent or null, in a new document and its new rows. `parent`: whose row this is."""
    holder = parent if parent is not None else document
    for item in meta.fields:
        if item.kind is Kind.TABLE:
            child = session.meta(item.options)
            for row in document[item.fieldname]:
                apply_defaults(session, child, row, document)
        elif document.get(item.fieldname) is None:
            document[item.fieldname] = default_of(session, item, holder)


def default_of(session: Session, item: Field, holder: Document | None = None) -> object:
    """The default of one field: the site's for some links, the field's own, or the first choice.

    `holder` is the document whose company's values are taken where the default says `:Company`.
    """
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
        company = (holder or {}).get("company") or session.site.setting("company")
        return session.value(text[1:], company, item.fieldname)
    return special.get(text.lower(), text)
