"""Reading the rows of child tables: those of a whole page of documents in one request for each table.

A list of documents does not carry their rows (measured), so rows are read after their documents, and a document may be
edited in between: it then comes with its old fields and its new rows. In a feed that is harmless. Its newer stamp shows
it again, whole, at the next poll, and nothing is written on the strength of the old stamp, since a write carries it.
Where a read becomes the baseline of what syncd itself wrote (`Lookup`), an edit taken in so would never flow; there
the rows' own stamps, which every save of the document renews, tell it (`newer`).

A document that was deleted or renamed in between has no rows under its name. It must not look like one whose rows
somebody removed, so documents that come without any are asked for once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.adapters.erpnext.calls import ListQuery, SlowAnswerError, filters_for
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.meta import missing_doctype
from syncd.adapters.erpnext.wire import TableShape, left_out
from syncd.core.model import Rows
from syncd.errors import AccessError, GoneError, HaltError

_TOO_LARGE = 413
_SMALLEST = 20
"""Documents whose rows are asked for together even where the site is slow."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Documents of a list with the rows of their tables."""

    documents: list[dict[str, Any]]
    """Those that are still there."""
    held: tuple[dict[str, Rows], ...] = ()
    """For each table the rows by document; a document without rows is not in it."""
    newer: frozenset[str] = frozenset()
    """Documents with a row that carries a newer stamp than they do; only where stamps were asked for."""


class ChildReader:
    """The child tables of one mapping."""

    def __init__(self, client: SiteClient, doctype: str, tables: Sequence[TableShape], *, where: str) -> None:
        self._client = client
        self._doctype = doctype
        self._tables = tuple(tables)
        self._where = where
        self._most = 0
        """Documents whose rows are asked for at once; 0 until the site has found a page too much."""

    def fill(self, documents: list[dict[str, Any]], *, stamps: bool = False) -> Filled:
        """The rows of these documents (of one list, with `name` and `modified`).

        Raises `AccessError` where the user may not read a table, `HaltError` (guard `schema`) for a field that the
        child DocType does not have, else as `SiteClient.read_list`.
        """
        if not self._tables or not documents:
            return Filled(documents)
        found = [self._answered(table, list(map(_name, documents)), stamps) for table in self._tables]
        held = tuple(self._held(table, rows) for table, rows in zip(self._tables, found, strict=True))
        return Filled(self._present(documents, held), held, _newer(documents, found) if stamps else frozenset())

    def _held(self, table: TableShape, answered: list[dict[str, Any]]) -> dict[str, Rows]:
        try:
            return table.listed(answered)
        except KeyError as error:
            name = str(error.args[0])
            info = table.schema.fields.get(name)
            key = f"tables.{table.name}.fields.{name}"
            raise left_out(table.place, key, info.permlevel if info else 0, self._client.user()) from error

    def _present(self, documents: list[dict[str, Any]], held: Sequence[dict[str, Rows]]) -> list[dict[str, Any]]:
        """The documents without those that lost their rows because they are not there any more."""
        bare = [name for name in map(_name, documents) if not all(name in rows for rows in held)]
        if not bare:
            return documents
        there: set[str] = set()
        for filters in filters_for("name", bare, len(bare)):
            query = ListQuery(
                doctype=self._doctype, fields=("name",), filters=filters, or_filters=[], order_by="name asc", limit=0
            )
            there.update(map(_name, self._client.read_list(query)))
        lost = set(bare) - there
        return [document for document in documents if _name(document) not in lost]

    def _answered(self, table: TableShape, names: list[str], stamps: bool) -> list[dict[str, Any]]:  # noqa: FBT001
        fields = (*table.fields, "modified") if stamps and "modified" not in table.fields else table.fields
        rows: list[dict[str, Any]] = []
        waiting = list(filters_for("parent", names, self._most or len(names)))
        while waiting:
            filters = waiting.pop(0)
            asked = filters[0][2] if isinstance(filters[0][2], list) else [filters[0][2]]
            try:
                rows += self._list(table, fields, filters, impatient=len(asked) > _SMALLEST)
            except _TooMuchError:
                self._most = max(1, len(asked) // 2)
                waiting[:0] = filters_for("parent", asked, self._most)
        return rows

    def _list(
        self, table: TableShape, fields: tuple[str, ...], filters: list[list[Any]], *, impatient: bool
    ) -> list[dict[str, Any]]:
        """The rows that `filters` find, by document and position; raises `_TooMuchError` where less may be answered."""
        child = table.schema.entity
        query = ListQuery(
            doctype=child,
            parent=self._doctype,
            fields=fields,
            filters=[*filters, ["parenttype", "=", self._doctype], ["parentfield", "=", table.name]],
            or_filters=[],
            order_by="parent asc, idx asc, name asc",
            limit=0,
        )
        try:
            return self._client.read_list(query, impatient=impatient)
        except SlowAnswerError as error:
            raise _TooMuchError from error
        except GoneError as error:
            raise missing_doctype(self._client, child) from error
        except AccessError as error:
            raise _may_not_read(table, error) from error
        except ReadRefusedError as error:
            if error.refusal.status == _TOO_LARGE and impatient:
                raise _TooMuchError from error
            if error.refusal.code != "DataError":
                raise
            raise HaltError(
                "schema",
                f"{self._where}: tables.{table.name}: {table.place} refuses a field of {child}: {error.refusal.text}",
                hint="run syncd check: the mapping names a field that the child DocType does not have",
            ) from error


class _TooMuchError(Exception):
    """The rows of fewer documents may be answered."""


def _name(document: Mapping[str, Any]) -> str:
    """A document's name as text: some DocTypes number theirs."""
    return str(document["name"])


def _may_not_read(table: TableShape, error: AccessError) -> AccessError:
    return AccessError(
        f"{table.place}: the rows of {table.name} cannot be read: {error.message}",
        hint=f"{error.hint}; or take [tables.{table.name}] out of the mapping",
    )


def _newer(documents: Sequence[dict[str, Any]], found: Sequence[list[dict[str, Any]]]) -> frozenset[str]:
    stamps = {_name(document): str(document["modified"]) for document in documents}
    return frozenset(
        str(row["parent"])
        for rows in found
        for row in rows
        if str(row["modified"]) > stamps.get(str(row["parent"]), "")
    )
