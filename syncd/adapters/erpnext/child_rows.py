"""Rows of child tables as a write sends them.

A table that is sent replaces the stored one: a row with a known name keeps that name, but columns that it leaves out
become NULL; a row without a name is made; a row that is not sent is deleted; a row with a name that the site does not
know is lost without a word (all measured). So a kept row goes out with every column as just read, and no name goes out
that was not just read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.taken import agrees
from syncd.adapters.erpnext.wire import TableShape, to_json
from syncd.core.model import Rows, TableRow

_SET_BY_THE_SITE: Final = frozenset(
    {"doctype", "parent", "parentfield", "parenttype", "modified", "modified_by", "docstatus", "idx"}
)


class UnknownRowError(LookupError):
    """A row that is to be kept does not stand in the document; `name` is its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def new_rows(table: TableShape, rows: Rows, zone: ZoneInfo) -> list[dict[str, Any]]:
    """All of `rows` as rows that are to be made, for a new document; names are left out: the site gives its own."""
    return [_new(table, row, position, zone) for position, row in enumerate(rows.rows, 1)]


def sent_rows(
    table: TableShape, rows: Rows, stored: Sequence[Mapping[str, Any]], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """What makes the table of a stored document hold `rows`, in their order.

    `stored` are the table's rows as GET of the document answers them. Raises `UnknownRowError`.
    """
    by_name = {str(row["name"]): row for row in stored}
    sent = []
    for position, row in enumerate(rows.rows, 1):
        if row.name is None:
            sent.append(_new(table, row, position, zone))
        elif row.name in by_name:
            sent.append(_kept(table, row, by_name[row.name], position, zone))
        else:
            raise UnknownRowError(row.name)
    return sent


def as_read(table: TableShape, expected: Rows, document: Mapping[str, Any]) -> bool:
    """Whether the document's table holds what `expected` does: the same rows, in order, with the same mapped values.

    Rows can change without moving the document's stamp (a child row that is inserted or set by itself).
    """
    rows = table.answered(document).rows
    types = [table.schema.fields[name].type for name in table.layout]
    return [row.name for row in rows] == [row.name for row in expected.rows] and all(
        agrees(was, held, kind)
        for row, other in zip(rows, expected.rows, strict=True)
        for was, held, kind in zip(other.values, row.values, types, strict=True)
    )


def _new(table: TableShape, row: TableRow, position: int, zone: ZoneInfo) -> dict[str, Any]:
    """A row to insert. Empty values are left out: null means the same, and the site fills its defaults."""
    values = {**table.constants, **dict(zip(table.layout, row.values, strict=True))}
    given = {name: to_json(raw, zone) for name, raw in values.items() if raw is not None}
    return {**given, "idx": position}


def _kept(table: TableShape, row: TableRow, stored: Mapping[str, Any], position: int, zone: ZoneInfo) -> dict[str, Any]:
    """A stored row with what changes in it; a value that is the same goes back exactly as it was read."""
    sent = {name: value for name, value in stored.items() if name not in _SET_BY_THE_SITE and not name.startswith("__")}
    held = table.values(stored)
    for name, raw, was in zip(table.layout, row.values, held, strict=True):
        if not agrees(raw, was, table.schema.fields[name].type):
            sent[name] = to_json(raw, zone)
    return {**sent, "idx": position}
