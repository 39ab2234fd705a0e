"""Customers, suppliers and their contacts and addresses."""

from __future__ import annotations

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from . import Change, Controller


def with_number(session: Session, doctype: str, name: str, separator: str = "-") -> str:
    """The name, or the first of `name-1`, `name-2`, … that is free."""
    if session.exists(doctype, name) is None:
        return name
    count = 1
    while session.exists(doctype, f"{name}{separator}{count}") is not None:
        count += 1
    return f"{name}{separator}{count}"


class _PartyController(Controller):
    """What customers and suppliers share: a first contact out of `email_id` and `mobile_no`."""

    def __init__(self, kind: str) -> None:
        self.primary_contact = f"{kind}_primary_contact"
        self.party_name = f"{kind}_name"

    def on_update(self, change: Change) -> None:
        """Make the primary contact where there is none yet; this moves the stamp once more."""
        session, meta, document = change.session, change.meta, change.document
        if document.get(self.primary_contact) or not (document.get("mobile_no") or document.get("email_id")):
            return
        contact = self._make_contact(session, document)
        values = {
            self.primary_contact: contact["name"],
            "mobile_no": document.get("mobile_no"),
            "email_id": document.get("email_id"),
            "modified": session.stamp(),
        }
        saving.set_directly(session, meta, document["name"], values, bump=False)
        document.update(values)

    def _make_contact(self, session: Session, document: Document) -> Document:
        meta = session.meta("Contact")
        name = str(document[self.party_name])
        first, _, last = name.partition(" ")
        person = document.get("customer_type", document.get("supplier_type")) == "Individual"
        values = {
            "first_name": first if person else name,
            "last_name": last or None if person else None,
            "is_primary_contact": 1,
            "links": [{"link_doctype": document["doctype"], "link_name": document["name"]}],
        }
        if document.get("email_id"):
            values["email_ids"] = [{"email_id": document["email_id"], "is_primary": 1}]
        if document.get("mobile_no"):
            values["phone_nos"] = [{"phone": document["mobile_no"], "is_primary_mobile_no": 1}]
        return saving.insert(session, meta, saving.new_document(session, meta, values), trusted=True)


class CustomerController(_PartyController):
    """A customer is named by `customer_name`; a name that is taken gets a number, with a note and no error."""

    def __init__(self) -> None:
        super().__init__("customer")

    def autoname(self, change: Change) -> str | None:
        """`customer_name`, or `customer_name - N` where it is taken."""
        session, meta, document = change.session, change.meta, change.document
        wanted = document.get("customer_name")
        if wanted in (None, ""):
            return None
        wanted = str(wanted)
        if session.exists(meta.name, wanted) is None:
            return wanted
        rows = session.connection.execute("SELECT name FROM tabCustomer WHERE name LIKE ?", (f"%{wanted} - %",))
        last_words = [row[0].rsplit(" ", 1)[-1] for row in rows]
        count = max((int(word) for word in last_words if word.isdecimal()), default=0) + 1
        name = f"{wanted} - {count}"
        session.message(
            f"Changed customer name to '{name}' as '{wanted}' already exists.", title="Note", indicator="yellow"
        )
        return name

    def after_rename(self, change: Change) -> None:
        """The customer's name follows its document's, which moves the stamp."""
        session, meta = change.session, change.meta
        saving.set_directly(session, meta, change.document["name"], {"customer_name": change.document["name"]})


class SupplierController(_PartyController):
    """A supplier is named by `supplier_name`; a name that is taken is refused."""

    def __init__(self) -> None:
        super().__init__("supplier")

    def autoname(self, change: Change) -> str | None:
        """`supplier_name`."""
        document = change.document
        return document.get("supplier_name")

    def after_rename(self, change: Change) -> None:
        """The supplier's name follows its document's, which moves the stamp."""
        session, meta = change.session, change.meta
        saving.set_directly(session, meta, change.document["name"], {"supplier_name": change.document["name"]})


class ContactController(Controller):
    """A contact is named by its person and the first document it belongs to."""

    def autoname(self, change: Change) -> str | None:
        """`First Last-Linked Name`, numbered where it is taken."""
        session, meta, document = change.session, change.meta, change.document
        parts = (document.get(part) for part in ("first_name", "middle_name", "last_name"))
        name = " ".join(str(part) for part in parts if part)
        links = document.get("links") or ()
        if links and links[0].get("link_name"):
            name = f"{name}-{str(links[0]['link_name']).strip()}"
        return with_number(session, meta.name, name[:140]) if name else None

    def validate(self, change: Change) -> None:
        """Bring the full name and the primary address and numbers up from the rows."""
        document = change.document
        parts = (document.get(part) for part in ("first_name", "middle_name", "last_name"))
        document["full_name"] = " ".join(str(part) for part in parts if part) or document.get("company_name")
        document["email_id"] = self._primary(document, "email_ids", "is_primary", "email_id")
        document["phone"] = self._primary(document, "phone_nos", "is_primary_phone", "phone")
        document["mobile_no"] = self._primary(document, "phone_nos", "is_primary_mobile_no", "phone")

    @staticmethod
    def _primary(document: Document, table: str, flag: str, fieldname: str) -> str | None:
        rows = document.get(table) or []
        if len(rows) == 1 and flag == "is_primary":
            rows[0][flag] = 1
        return next((str(row[fieldname]).strip() for row in rows if row.get(flag) and row.get(fieldname)), None)


class AddressController(Controller):
    """An address is named by its title and type."""

    def autoname(self, change: Change) -> str | None:
        """`Title-Type`, numbered where it is taken; the title comes from the first link where it is missing."""
        session, meta, document = change.session, change.meta, change.document
        links = document.get("links") or ()
        if not document.get("address_title") and links:
            document["address_title"] = links[0].get("link_name")
        if not document.get("address_title"):
            raise invalid("Address Title is mandatory.")
        title, kind = str(document["address_title"]).strip(), document.get("address_type")
        return with_number(session, meta.name, f"{title}-{kind}")
