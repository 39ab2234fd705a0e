"""Custom fields, property setters and custom DocTypes: documents that change what documents are."""

from __future__ import annotations

import re
import sqlite3

from syncd.adapters.sandbox.conversions import cint
from syncd.adapters.sandbox.database import quoted
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.meta import STANDARD_NAMES
from syncd.adapters.sandbox.schema import synchronise_table
from syncd.adapters.sandbox.session import Session

from . import Change, Controller

_FIELDNAME = re.compile(r"[a-z][a-z0-9_]*")
_DOCTYPE = re.compile(r"[^\W\d_][\w \-]*")


def _apply(session: Session, doctype: str) -> None:
    """Bring the DocType's table in line with what was just written. The site's DDL is part of the transaction."""
    session.metadata_changed = True
    meta = session.site.metadata.read(doctype, session.connection)
    if meta is None:
        raise invalid(f"DocType {doctype} not found", "DoesNotExistError", status=404)
    try:
        synchronise_table(session.connection, meta)
    except sqlite3.IntegrityError:
        raise invalid(f"Field cannot be set as unique in {doctype}, as there are non-unique existing values") from None


class CustomFieldController(Controller):
    """A custom field adds its column at once."""

    def before_insert(self, change: Change) -> None:
        """Make the fieldname out of the label where it is missing; refuse one that is there already."""
        session, document = change.session, change.document
        fieldname = document.get("fieldname")
        if not fieldname:
            label = str(document.get("label") or "")
            if not label:
                raise invalid("Label is mandatory")
            fieldname = "custom_" + re.sub(r"\W+", "_", label.strip().lower()).strip("_")
        document["fieldname"] = str(fieldname).lower()
        target = session.site.metadata.get(str(document.get("dt") or ""), session.connection)
        if target is None:
            return
        if not _FIELDNAME.fullmatch(document["fieldname"]) or document["fieldname"] in STANDARD_NAMES:
            raise invalid(f"Fieldname <strong>{document['fieldname']}</strong> is not allowed")
        if any(item.fieldname == document["fieldname"] for item in target.fields):
            raise invalid(
                f"A field with the name <strong>{document['fieldname']}</strong> already exists in {target.name}"
            )
        names = [item.fieldname for item in target.fields]
        if document.get("insert_after") == "append":
            document["insert_after"] = names[-1] if names else None
        after = document.get("insert_after")
        document["idx"] = (names.index(after) if after in names else len(names)) + 2
        document["label"] = document.get("label") or document["fieldname"].replace("_", " ").title()

    def autoname(self, change: Change) -> str | None:
        """`DocType-fieldname`."""
        document = change.document
        return f"{document['dt']}-{document['fieldname']}"

    def validate(self, change: Change) -> None:
        """Refuse a change of DocType or fieldname."""
        document, before = change.document, change.before
        if before and any(document.get(key) != before.get(key) for key in ("dt", "fieldname")):
            raise invalid("Custom Fields can not change their DocType or fieldname", "CannotChangeConstantError")

    def on_update(self, change: Change) -> None:
        """Add the column."""
        session, document = change.session, change.document
        _apply(session, str(document["dt"]))

    def on_trash(self, change: Change) -> None:
        """The field goes, its column stays, as on a real site; a unique index goes too."""
        session, document = change.session, change.document
        session.metadata_changed = True
        index = f"unique {document['dt']} {document['fieldname']}"
        session.connection.execute(f"DROP INDEX IF EXISTS {quoted(index)}")


class PropertySetterController(Controller):
    """A property setter changes one property of a field that is there."""

    def autoname(self, change: Change) -> str | None:
        """`DocType-field-property`."""
        document = change.document
        return f"{document.get('doc_type')}-{document.get('field_name') or 'main'}-{document.get('property')}"

    def on_update(self, change: Change) -> None:
        """Bring the table in line."""
        session, document = change.session, change.document
        _apply(session, str(document["doc_type"]))

    def on_trash(self, change: Change) -> None:
        """Read the DocType anew."""
        session = change.session
        session.metadata_changed = True


class DocTypeController(Controller):
    """A custom DocType makes its table at once."""

    def validate(self, change: Change) -> None:
        """Refuse names that are taken or cannot be, and DocTypes that are not custom."""
        document = change.document
        if not cint(document.get("custom")):
            raise invalid("Not in Developer Mode! Set in site_config.json or make 'Custom' DocType.")
        if not _DOCTYPE.fullmatch(str(document["name"])):
            raise invalid("DocType's name should start with a letter and can only consist of letters, numbers, spaces")
        seen: set[str] = set()
        for row in document["fields"]:
            if not row.get("fieldname"):
                row["fieldname"] = re.sub(r"\W+", "_", str(row.get("label") or "").lower()) or f"field_{row['idx']}"
            fieldname = str(row["fieldname"])
            if fieldname in seen or not _FIELDNAME.fullmatch(fieldname):
                raise invalid(f"Fieldname {fieldname} appears multiple times or is not allowed")
            seen.add(fieldname)

    def on_update(self, change: Change) -> None:
        """Make the table, or add columns."""
        session, document = change.session, change.document
        _apply(session, str(document["name"]))

    def on_trash(self, change: Change) -> None:
        """Drop the table of a custom DocType; the others cannot be deleted."""
        session, document = change.session, change.document
        if not cint(document.get("custom")):
            raise invalid("Standard DocType can not be deleted.")
        session.metadata_changed = True
        session.connection.execute(f"DROP TABLE IF EXISTS {quoted('tab' + str(document['name']))}")
