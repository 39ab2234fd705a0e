"""Which submitted documents refer to others: what must be known before one is cancelled.

The site's ready-made list (`get_submitted_linked_docs`) leaves payments out, and cancelling a paid invoice is done
without a word: its payments stay submitted and are unallocated (measured). So every field that can refer to the
DocType is asked, as `get_linked_doctypes` names them, each by one list for many documents. That method leaves out a
dynamic link that no row used when the site last filled its cache; payments and journal entries are therefore always
asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from syncd.adapters.erpnext.calls import ListQuery, document_path, filters_for
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.core.spec import OWN
from syncd.errors import AccessError, GoneError, RefusedError

MOST_NAMED: Final = 10
"""How many documents one text names."""

_CONSEQUENCES: Final = frozenset(
    {
        "Advance Payment Ledger Entry",
        "GL Entry",
        "Payment Ledger Entry",
        "Repost Accounting Ledger",
        "Repost Item Valuation",
        "Repost Payment Ledger",
        "Serial and Batch Bundle",
        "Stock Ledger Entry",
        "Tax Withheld Vouchers",
        "Unreconcile Payment",
    }
)
"""What a document itself brings about when it is submitted: no reason against cancelling it."""
_PAYABLE: Final = frozenset(
    {
        "Dunning",
        "Employee Advance",
        "Expense Claim",
        "Fees",
        "Journal Entry",
        "Payment Entry",
        "Purchase Invoice",
        "Purchase Order",
        "Sales Invoice",
        "Sales Order",
    }
)
"""What ERPNext's payments and journal entries can settle: for these they must be readable."""


class _Reference(NamedTuple):
    """One field that can refer to the DocType: of `holder`, or of its child table `child`."""

    holder: str
    child: str | None
    field: str
    doctype_field: str | None
    """Where the field is a dynamic link: the field that names the DocType."""


_PAYMENTS: Final = (
    _Reference("Payment Entry", "Payment Entry Reference", "reference_name", "reference_doctype"),
    _Reference("Journal Entry", "Journal Entry Account", "reference_name", "reference_type"),
)


class Referring(NamedTuple):
    """A submitted document that refers to another."""

    doctype: str
    name: str

    def __str__(self) -> str:
        return f"{self.doctype} {self.name}"


def named(documents: Sequence[Referring]) -> str:
    """The documents in a person's words, at most `MOST_NAMED` of them."""
    more = f" and {len(documents) - MOST_NAMED} more" if len(documents) > MOST_NAMED else ""
    return ", ".join(map(str, documents[:MOST_NAMED])) + more


def forget_references(client: SiteClient, doctype: str) -> None:
    """Ask again next time which fields can refer to `doctype`."""
    client.forget(_kept_as(doctype))


class LinkedDocuments:
    """Questions for the submitted documents that refer to documents of one DocType."""

    def __init__(self, client: SiteClient, doctype: str) -> None:
        self._client = client
        self._doctype = doctype

    def referring(self, names: Sequence[str]) -> dict[str, tuple[Referring, ...]]:
        """The submitted documents that refer to each of `names`, without the documents themselves; all at once.

        A DocType that the user may not read is left to the site, which refuses the cancellation itself. Only of
        payments it does not: where those may not be read, `RefusedError`. Else the errors of `SiteClient.read_list`.
        """
        found: dict[str, dict[Referring, None]] = {name: {} for name in names}
        for reference in self._references():
            for document, name in self._rows(reference, names):
                if name in found and document != (self._doctype, name):
                    found[name][document] = None
        return {name: tuple(documents) for name, documents in found.items()}

    def through_own(self, name: str) -> Iterator[tuple[Referring, str]]:
        """The submitted documents that refer to `name` by a Link field that syncd made, and that field.

        Each is read for it: where a DocType refers in two ways, the site's method names one of them only.
        """
        for document in self.referring([name])[name]:
            held = self._client.get(document_path(*document), {}, str(document)).get("data")
            for field, value in (held if isinstance(held, dict) else {}).items():
                if field.startswith(OWN) and value == name:
                    yield document, field

    def _references(self) -> tuple[_Reference, ...]:
        return self._client.kept(_kept_as(self._doctype), self._ask)

    def _ask(self) -> tuple[_Reference, ...]:
        answer = self._client.get(
            "/api/method/frappe.desk.form.linked_with.get_linked_doctypes",
            {"doctype": self._doctype},
            f"the DocTypes that can refer to {self._doctype}",
        )
        told = answer.get("message")
        listed = [*_read(told if isinstance(told, dict) else {}), *_PAYMENTS]
        return tuple(dict.fromkeys(entry for entry in listed if self._counts(entry)))

    def _counts(self, reference: _Reference) -> bool:
        """An amendment refers to what it replaces, and that is cancelled already."""
        own_chain = reference.holder == self._doctype and reference.field == "amended_from"
        return reference.holder not in _CONSEQUENCES and not own_chain

    def _rows(self, reference: _Reference, names: Sequence[str]) -> Iterator[tuple[Referring, str]]:
        """(who refers, to which) of the submitted documents with this reference."""
        owner = "parent" if reference.child else "name"
        for wanted in filters_for(reference.field, names):
            filters = [*wanted, ["docstatus", "=", 1]]
            if reference.doctype_field:
                filters.append([reference.doctype_field, "=", self._doctype])
            if reference.child:
                filters.append(["parenttype", "=", reference.holder])
            query = ListQuery(
                doctype=reference.child or reference.holder,
                fields=(owner, reference.field),
                filters=filters,
                or_filters=[],
                order_by="creation asc, name asc",
                limit=0,
                parent=reference.holder if reference.child else "",
            )
            for row in self._read(query, reference):
                if reference.field not in row:  # at a permission level that the user may not read
                    self._unreadable(reference, f"its {reference.field} is left out of the answers")
                    break
                yield Referring(reference.holder, str(row[owner])), str(row[reference.field])

    def _read(self, query: ListQuery, reference: _Reference) -> list[dict[str, Any]]:
        try:
            return self._client.read_list(query)
        except GoneError:
            return []  # a site without this DocType: ERPNext is not installed, or an app was removed
        except (AccessError, ReadRefusedError) as error:
            self._unreadable(reference, error.message)
            return []

    def _unreadable(self, reference: _Reference, why: str) -> None:
        """Raise for payments, which the site would unallocate; of all others it refuses the cancellation itself."""
        if reference in _PAYMENTS and self._doctype in _PAYABLE:
            raise RefusedError(
                f"whether a {reference.holder} refers to it cannot be told: {why}",
                hint=f"give a role of {self._client.user()} “Read” on {reference.holder} in ERPNext's Role Permissions "
                'Manager, or set lifecycle.cancel_linked = "unlink"',
                code="PermissionError",
            )


def _kept_as(doctype: str) -> str:
    return f"references:{doctype}"


def _read(told: Mapping[str, Any]) -> Iterator[_Reference]:
    """The answer of `get_linked_doctypes` as references; entries that name no field are left out."""
    for holder, entry in told.items():
        fields = entry.get("fieldname") if isinstance(entry, dict) else None
        for field in [fields] if isinstance(fields, str) else fields or ():
            yield _Reference(holder, entry.get("child_doctype"), str(field), entry.get("doctype_fieldname"))
