"""DocTypes as clients read them: with the site's custom fields and property setters merged in."""

from __future__ import annotations

from typing import Any

from .meta import DocTypeMeta, Field, Kind
from .session import Session

_TEXTS = ("options", "precision", "fetch_from")
_FLAGS = (
    "reqd",
    "unique",
    "read_only",
    "hidden",
    "set_only_once",
    "allow_on_submit",
    "no_copy",
    "fetch_if_empty",
    "is_virtual",
    "is_custom_field",
    "non_negative",
    "search_index",
)


def _field(meta: DocTypeMeta, item: Field, position: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "doctype": "DocField",
        "parent": meta.name,
        "parentfield": "fields",
        "parenttype": "DocType",
        "idx": position,
        "fieldname": item.fieldname,
        "fieldtype": item.fieldtype,
        "label": item.label,
        "permlevel": item.permlevel,
        "length": item.length,
    }
    shown |= {key: getattr(item, key) for key in _TEXTS if getattr(item, key)}
    shown |= {key: int(getattr(item, key)) for key in _FLAGS}
    if item.default is not None:
        shown["default"] = item.default
    return shown


def merged(session: Session, doctype: str) -> dict[str, Any]:
    """One DocType with all its fields."""
    meta = session.meta(doctype)
    return {
        "doctype": "DocType",
        "name": meta.name,
        "autoname": meta.autoname or None,
        "title_field": meta.title_field or None,
        "istable": int(meta.istable),
        "issingle": int(meta.issingle),
        "is_tree": int(meta.is_tree),
        "is_submittable": int(meta.is_submittable),
        "allow_rename": int(meta.allow_rename),
        "custom": int(meta.custom),
        **meta.properties,
        "fields": [_field(meta, item, position) for position, item in enumerate(meta.fields, 1)],
        "permissions": [
            {"role": item.role, "permlevel": item.permlevel, **dict.fromkeys(sorted(item.rights), 1)}
            for item in meta.permissions
        ],
    }


def with_children(session: Session, doctype: str) -> list[dict[str, Any]]:
    """The DocType, and those of its child tables, once each."""
    meta = session.meta(doctype)
    children = dict.fromkeys(item.options for item in meta.fields if item.kind is Kind.TABLE)
    return [merged(session, doctype), *(merged(session, name) for name in children)]
