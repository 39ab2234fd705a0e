"""What a document must be before it is stored: links, mandatory fields, choices, lengths, and its state."""

from __future__ import annotations

from typing import Any

from .conversions import cint
from .database import quoted
from .errors import SiteError, invalid
from .meta import NUMBERS, DocTypeMeta, Field, Kind
from .permissions import writable_levels
from .sanitise import sanitised
from .session import Document, Session
from .values import as_text, in_memory, read_stamp, stored

_STATES = {0: "Draft", 1: "Submitted", 2: "Cancelled"}
_FETCH_LIMIT = 140


def rows_of(meta: DocTypeMeta, document: Document) -> list[tuple[Field, Document]]:
    """Every child row with the field it is in."""
    return [(item, row) for item in meta.table_fields for row in document.get(item.fieldname) or ()]


def with_rows(session: Session, meta: DocTypeMeta, document: Document) -> list[tuple[DocTypeMeta, Document]]:
    """The document and its child rows, each with its DocType."""
    rows = [(session.meta(item.options), row) for item, row in rows_of(meta, document)]
    return [(meta, document), *rows]


def validate_links(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Bring links to the stored spelling of their targets and fetch what is fetched. Raises LinkValidationError."""
    broken: list[str] = []
    cancelled: list[str] = []
    for row_meta, row in with_rows(session, meta, document):
        prefix = f"Row #{row.get('idx')}: " if row_meta.istable else ""
        for item in row_meta.link_fields:
            value = row.get(item.fieldname)
            if not value:
                continue
            target = item.options if item.fieldtype == "Link" else row.get(item.options)
            found = _target(session, str(target or ""), as_text(value))
            if found is None:
                broken.append(f"{prefix}{item.label}: {value}")
                continue
            row[item.fieldname] = found
            if meta.is_submittable and item.fieldname != "amended_from" and _is_cancelled(session, str(target), found):
                cancelled.append(f"{prefix}{item.label}: {found}")
            _fetch(session, row_meta, item, str(target), row)
    if broken:
        raise invalid(f"Could not find {', '.join(broken)}", "LinkValidationError")
    if cancelled:
        raise invalid(f"Cannot link cancelled document: {', '.join(cancelled)}", "CancelledLinkError")


def _is_cancelled(session: Session, doctype: str, name: str) -> bool:
    meta = session.site.metadata.get(doctype, session.connection)
    return meta is not None and meta.is_submittable and session.value(doctype, name, "docstatus") == 2


def _target(session: Session, doctype: str, name: str) -> str | None:
    if doctype == "DocType":
        return name if session.site.metadata.get(name, session.connection) else None
    meta = session.site.metadata.get(doctype, session.connection)
    if meta is None:
        return None
    return meta.name if meta.issingle else session.exists(doctype, name)


def _fetch(session: Session, meta: DocTypeMeta, link: Field, doctype: str, row: Document) -> None:
    """Copy what fields fetch through this link; a submitted document only into what may change after submission."""
    prefix = link.fieldname + "."
    for item in meta.value_fields:
        if not item.fetch_from.startswith(prefix):
            continue
        if item.fetch_if_empty and row.get(item.fieldname):
            continue
        if cint(row.get("docstatus")) == 1 and not item.allow_on_submit and not row.get("__islocal"):
            continue
        source = item.fetch_from.removeprefix(prefix)
        target = session.site.metadata.get(doctype, session.connection)
        if target is None or source not in target.by_name:
            continue
        value = session.value(doctype, row[link.fieldname], source)
        if isinstance(value, str) and item.kind is Kind.TEXT:
            value = value[:_FETCH_LIMIT]
        row[item.fieldname] = value


def _value_missing(item: Field, row: Document) -> bool:
    value = row.get(item.fieldname)
    if item.kind is Kind.TABLE:
        return not value
    if item.kind in NUMBERS:
        return value is None
    if item.fieldtype == "Text Editor" and isinstance(value, str):
        return not value.replace("<p>", "").replace("</p>", "").replace("<br>", "").strip()
    return value is None or (isinstance(value, str) and not value.strip())


def validate_mandatory(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Raise MandatoryError for required fields without a value, in rows too."""
    fields: list[str] = []
    messages: list[dict[str, Any]] = []
    for row_meta, row in with_rows(session, meta, document):
        for item in row_meta.fields:
            if not item.reqd or not _value_missing(item, row):
                continue
            fields.append(item.fieldname)
            if row_meta.istable:
                where = f"<strong>{row_meta.name}</strong> Row #{row.get('idx')}: Value missing for: {item.label}"
            elif item.kind is Kind.TABLE:
                where = f"Data missing in table: {item.label}"
            else:
                where = f"Value missing for {row_meta.name}: {item.label}"
            messages.append({"message": f"Error: {where}", "title": "Message"})
    if fields:
        text = f"[{meta.name}, {document.get('name')}]: {', '.join(fields)}"
        raise SiteError(417, "MandatoryError", text, messages=tuple(messages))


def validate_values(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Choices, lengths and markup of the document and its rows. Raises ValidationError and its kind."""
    for row_meta, row in with_rows(session, meta, document):
        for item in row_meta.value_fields:
            value = row.get(item.fieldname)
            if isinstance(value, str) and value:
                _validate_text(row_meta, item, row, value)


def _validate_text(meta: DocTypeMeta, item: Field, row: Document, value: str) -> None:
    prefix = f"Row #{row.get('idx')}:" if meta.istable else ""
    if item.fieldtype == "Select" and item.choices and item.fieldname != "naming_series":
        value = value.strip()
        row[item.fieldname] = value
        choices = [choice.strip() for choice in item.choices if choice.strip()]
        if choices and value and value not in choices:
            listed = ", ".join(f'"{choice}"' for choice in choices)
            raise invalid(f'{prefix} {item.label} cannot be "{value}". It should be one of {listed}')
    if item.has_column and item.max_length and len(value) > item.max_length:
        title = f"{meta.name} {row.get('name')}"
        raise invalid(
            f"{title}: '<strong>{item.label}</strong>' ({value}) will get truncated, as max characters allowed is "
            f"{item.max_length}",
            "CharacterLengthExceededError",
            title="Value too big",
        )
    if "<" in value or item.fieldtype == "Text Editor":
        row[item.fieldname] = sanitised(item, value)


def normalise(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Bring every value to the form the document in memory has."""
    for row_meta, row in with_rows(session, meta, document):
        for item in row_meta.value_fields:
            row[item.fieldname] = in_memory(item, row.get(item.fieldname))
        row["docstatus"] = cint(row.get("docstatus"))
        row["idx"] = cint(row.get("idx"))


def reset_higher_levels(session: Session, meta: DocTypeMeta, document: Document, before: Document | None) -> None:
    """Put back, without a word, what lies at permission levels where the user may not write."""
    if not any(item.permlevel for item in meta.fields):
        return
    levels = writable_levels(session, meta)
    for item in meta.fields:
        if item.permlevel and item.permlevel not in levels:
            document[item.fieldname] = before.get(item.fieldname) if before else item.default


def validate_constants(meta: DocTypeMeta, document: Document, before: Document) -> None:
    """Raise CannotChangeConstantError where a field that is set only once has another value than before."""
    for item in meta.value_fields:
        if not item.set_only_once or item.kind is Kind.TABLE:
            continue
        old, new = before.get(item.fieldname), document.get(item.fieldname)
        if old is not None and as_text(old) != as_text("" if new is None else new):
            raise invalid(f"Value cannot be changed for <strong>{item.label}</strong>", "CannotChangeConstantError")


def transition(document: Document, before: Document | None) -> str:
    """The lifecycle step of this save: save, submit, update_after_submit or cancel.

    Raises DocstatusTransitionError for steps that there are not, ValidationError for cancelled documents.
    """
    old, new = cint(before.get("docstatus")) if before else 0, cint(document.get("docstatus"))
    if old == 2:
        raise SiteError(417, "ValidationError", "Cannot edit cancelled document")
    steps = {(0, 0): "save", (0, 1): "submit", (1, 1): "update_after_submit", (1, 2): "cancel"}
    step = steps.get((old, new))
    if step is None:
        text = f"Cannot change docstatus from {old} ({_STATES[old]}) to {new} ({_STATES.get(new, new)})"
        raise SiteError(417, "DocstatusTransitionError", text)
    return step


def check_amended(session: Session, meta: DocTypeMeta, document: Document) -> None:
    """Raise ValidationError where a document amends one that is not cancelled."""
    name = document.get("amended_from")
    if not name or "amended_from" not in meta.by_name or session.value(meta.name, name, "docstatus") in (None, 2):
        return
    slug = meta.name.lower().replace(" ", "-")
    link = f'<a href="/app/{slug}/{name}">{name}</a>'
    raise invalid(
        f"{link} cannot be amended because it is not cancelled. Please cancel the document before creating an "
        "amendment.",
        title="Amendment Not Allowed",
    )


def _not_after_submit(text: str) -> SiteError:
    return invalid(text, "UpdateAfterSubmitError", title="Cannot Update After Submit")


def validate_update_after_submit(
    session: Session, meta: DocTypeMeta, document: Document, before: Document, prefix: str = ""
) -> None:
    """Raise UpdateAfterSubmitError where a submitted document changes in what may not change any more."""
    for item in meta.value_fields:
        if item.allow_on_submit or item.is_virtual:
            continue
        old = stored(meta, item, in_memory(item, before.get(item.fieldname)))
        new = stored(meta, item, in_memory(item, document.get(item.fieldname)))
        if old != new and (old or new):
            raise _not_after_submit(
                f"{prefix} Not allowed to change <strong>{item.label}</strong> after submission from "
                f"<strong>{old}</strong> to <strong>{new}</strong>"
            )
    for item in meta.table_fields:
        rows, old_rows = document.get(item.fieldname) or [], before.get(item.fieldname) or []
        if item.allow_on_submit:
            continue
        by_name = {row["name"]: row for row in old_rows}
        if len(rows) != len(old_rows) or any(row.get("__islocal") or row.get("name") not in by_name for row in rows):
            raise _not_after_submit(f"Not allowed to change {item.label} after submission")
        child = session.meta(item.options)
        for row in rows:
            validate_update_after_submit(session, child, row, by_name[row["name"]], f"Row #{row.get('idx')}:")


def check_latest(session: Session, meta: DocTypeMeta, document: Document, read_at: str | None) -> None:
    """Compare-and-set: raise TimestampMismatchError unless the stored stamp is the text that was read.

    `document["modified"]` is the stamp of this save already.
    """
    row = session.one(f"SELECT modified FROM {quoted(meta.table)} WHERE name = ?", document["name"])
    current = read_stamp(row[0]) if row else None
    if current != read_at:
        raise invalid(
            f"Error: Document has been modified after you have opened it ({current}, {document['modified']}). "
            "Please refresh to get the latest document.",
            "TimestampMismatchError",
        )
