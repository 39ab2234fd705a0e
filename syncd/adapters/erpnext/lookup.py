"""Finding documents by name or by external id, whatever the mapping's filters say.

The site compares text without case, accents and trailing blanks, so what it answers is compared again exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncd.adapters.erpnext.calls import ListQuery, filters_for
from syncd.adapters.erpnext.child_reader import ChildReader
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.meta import missing_doctype
from syncd.adapters.erpnext.wire import RowShape
from syncd.core.model import Raw, Row
from syncd.errors import GoneError

__all__ = ["Lookup", "filters_for"]

_CANCELLED: Final = 2


class Lookup:
    """Questions for single documents of one DocType."""

    def __init__(
        self, client: SiteClient, doctype: str, shape: RowShape, external_id: str | None, children: ChildReader
    ) -> None:
        self._client = client
        self._doctype = doctype
        self._shape = shape
        self._external_id = external_id
        self._children = children

    def by_name(self, names: Sequence[str]) -> list[Row]:
        """The documents of these names; those that are not there are left out."""
        wanted = set(names)
        return [row for row in self._any_of("name", names) if row.key in wanted]

    def by_external_id(self, external_ids: Sequence[str]) -> list[Row]:
        """The documents that carry these external ids, several for one id where there are several.

        Amendments carry the id of what they replace: of documents with one id the cancelled ones count only where all
        are cancelled, and then the newest.
        """
        if self._external_id is None:
            return []
        wanted = set(external_ids)
        return standing([row for row in self._any_of(self._external_id, external_ids) if row.partner in wanted])

    def made_since(self, since: str, owner: str, most: int) -> list[Row]:
        """The first `most` documents that `owner` made from the naive stamp `since` on, in the order of creation."""
        filters = [["creation", ">=", since], ["owner", "=", owner]]
        return self._rows(self._list(filters, "creation asc, name asc", most), {})

    def _any_of(self, field: str, values: Sequence[str]) -> list[Row]:
        found = []
        for filters in filters_for(field, values):
            found += self._rows(self._list(filters, "creation asc, name asc", 0), {})
        return found

    def _rows(self, documents: list[dict[str, Any]], known: Mapping[str, Raw]) -> list[Row]:
        """The documents with the rows of their tables, as they stood together.

        A row that is newer than its document was edited after the document was read, or set by itself: the document
        is read again until its stamp is the one that is `known`.
        """
        filled = self._children.fill(documents, stamps=True)
        rows = {row.key: row for row in self._shape.rows(filled.documents, filled.held)}
        moved = [key for key in rows if key in filled.newer and known.get(key) != rows[key].stamp]
        if moved:
            stamps = {**known, **{key: rows[key].stamp for key in moved}}
            again = [held for filters in filters_for("name", moved) for held in self._list(filters, "name asc", 0)]
            settled = {row.key: row for row in self._rows(again, stamps)}
            rows = {key: settled.get(key, row) for key, row in rows.items() if key in settled or key not in moved}
        return list(rows.values())

    def _list(self, filters: list[list[Any]], order_by: str, limit: int) -> list[dict[str, Any]]:
        query = ListQuery(
            doctype=self._doctype,
            fields=self._shape.fields,
            filters=filters,
            or_filters=[],
            order_by=order_by,
            limit=limit,
        )
        try:
            return self._client.read_list(query)
        except GoneError as error:
            raise missing_doctype(self._client, self._doctype) from error


def standing(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order of creation without the cancelled documents in whose place another one stands."""
    live = {row.partner for row in rows if row.docstatus != _CANCELLED}
    last = {row.partner: row.key for row in rows}
    return [
        row for row in rows if row.docstatus != _CANCELLED or (row.partner not in live and last[row.partner] == row.key)
    ]
