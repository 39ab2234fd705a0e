"""Finding documents by name or by external id, whatever the mapping's filters say.

The site compares text without case, accents and trailing blanks, so what it answers is compared again exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from syncd.adapters.erpnext.calls import ListQuery
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.meta import missing_doctype
from syncd.adapters.erpnext.wire import RowShape
from syncd.core.model import Row
from syncd.errors import GoneError

CHUNK: Final = 200
"""Members of one `in` filter."""


class Lookup:
    """Questions for single documents of one DocType."""

    def __init__(self, client: SiteClient, doctype: str, shape: RowShape, external_id: str | None) -> None:
        self._client = client
        self._doctype = doctype
        self._shape = shape
        self._external_id = external_id

    def by_name(self, names: Sequence[str]) -> list[Row]:
        """The documents of these names; those that are not there are left out."""
        wanted = set(names)
        return [row for row in self._any_of("name", names) if row.key in wanted]

    def by_external_id(self, external_ids: Sequence[str]) -> list[Row]:
        """The documents that carry these external ids, several for one id where there are several."""
        if self._external_id is None:
            return []
        wanted = set(external_ids)
        return [row for row in self._any_of(self._external_id, external_ids) if row.partner in wanted]

    def made_since(self, since: str, owner: str, most: int) -> list[Row]:
        """The first `most` documents that `owner` made from the naive stamp `since` on, in the order of creation."""
        filters = [["creation", ">=", since], ["owner", "=", owner]]
        return self._shape.rows(self._list(filters, "creation asc, name asc", most))

    def _any_of(self, field: str, values: Sequence[str]) -> list[Row]:
        found = []
        for filters in filters_for(field, values):
            found += self._shape.rows(self._list(filters, "creation asc, name asc", 0))
        return found

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


def filters_for(field: str, values: Sequence[str]) -> Iterator[list[list[Any]]]:
    """Filters that find `values` in `field`, each of at most `CHUNK` values.

    Versions 14 and 15 strip blanks from the members of `in`: values that begin or end with one are asked for singly.
    """
    unique = [value for value in dict.fromkeys(values) if value]
    plain = [value for value in unique if value == value.strip()]
    for start in range(0, len(plain), CHUNK):
        yield [[field, "in", plain[start : start + CHUNK]]]
    for value in unique:
        if value != value.strip():
            yield [[field, "=", value]]
