"""Raw values to the JSON a site takes, and a site's answers to rows.

A list gives what is stored. The answer to a POST or PUT is the document in memory: 0.1 + 0.2 comes back as
0.30000000000000004 and is stored as 0.3, a Date may still carry a time, nulls are left out (measured). `as_stored`
brings such an answer to the form a list will give, so that the row is recognised as unchanged when it is read again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from operator import add, itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from syncd.core.model import Image, Raw, Row, Rows, TableRow
from syncd.core.values import FieldType, InvalidValue, Kind, canonical
from syncd.errors import AccessError
from syncd.ports.endpoint import Schema

_ONE_DIGIT: Final = re.compile(r"(?<![\d.])(\d)(?=[:.]|$)")


def to_json(raw: Raw, zone: ZoneInfo) -> Any:
    """A raw value as JSON that the site stores without loss; datetimes become naive wall time in `zone`.

    Raises TypeError for bytes, which no field of ERPNext holds.
    """
    if isinstance(raw, bool):
        return int(raw)
    if raw is None or isinstance(raw, str | int | float):
        return raw
    if isinstance(raw, Decimal):
        return _number(raw)
    if isinstance(raw, datetime):
        moment = raw.astimezone(zone).replace(tzinfo=None) if raw.tzinfo else raw
        return moment.isoformat(sep=" ")
    if isinstance(raw, date | time):
        return raw.isoformat()
    if isinstance(raw, timedelta):
        return _number(Decimal(raw // timedelta(microseconds=1)).scaleb(-6))
    raise TypeError("ERPNext has no field for binary data")


def _number(raw: Decimal) -> int | float | str:
    """A JSON number where that is exactly the same, else the digits as text, which the site reads as a number."""
    if raw == raw.to_integral_value() and abs(raw) < 2**53:
        return int(raw)
    near = float(raw)
    return near if Decimal(repr(near)) == raw else format(raw, "f")


def trimmed_stamp(stamp: Raw) -> Raw:
    """A `modified` as a later read will give it: the site leaves out microseconds that are zero."""
    return stamp.removesuffix(".000000") if isinstance(stamp, str) else stamp


def as_stored(raw: Any, held: FieldType | None) -> Raw:
    """A value of an answer in the form that a list gives; values that do not fit their type stay as they are."""
    if held is None or raw is None:
        return _flat(raw)
    try:
        value = canonical(_padded(_flat(raw)) if held.kind is Kind.TIME else _flat(raw), held)
    except InvalidValue:
        return _flat(raw)
    if value is None:
        return _empty(raw, held)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, time):
        return value.isoformat().removeprefix("0")
    if held.kind is Kind.DATE:
        return str(value)
    if held.kind is Kind.DATETIME:
        return trimmed_stamp(_flat(raw))
    return value if held.kind is Kind.TEXT and isinstance(value, str) else _flat(raw)


def _padded(raw: Raw) -> Raw:
    """A Time of a document, where nothing is padded (`7:40:0.588351`, measured), with two digits everywhere."""
    return _ONE_DIGIT.sub(r"0\1", raw) if isinstance(raw, str) else raw


def _empty(raw: Any, held: FieldType) -> Raw:
    """`""` stays in text; in a Date, Datetime or Time the site makes null of it."""
    return raw if isinstance(raw, str) and held.kind in (Kind.TEXT, Kind.JSON) else None


def _flat(raw: Any) -> Raw:
    """A JSON value as a raw one: an object or array, which some versions answer for JSON fields, as its text."""
    if isinstance(raw, dict | list):
        return orjson.dumps(raw).decode()
    value: Raw = raw
    return value


EMPTY: Final = Rows()
"""What a child table without rows holds."""


class TableShape:
    """What is asked of one child table for one mapping, and how an answer becomes its rows.

    `name` is the table's fieldname, `schema` that of its child DocType, `layout` the mapped fields of a row in the
    order of `core.mapping.table_layout`, `constants` what new rows are given besides.
    """

    def __init__(
        self, name: str, schema: Schema, layout: Sequence[str], constants: Mapping[str, Raw], *, place: str
    ) -> None:
        self.name = name
        self.schema = schema
        self.layout = tuple(layout)
        self.constants = constants
        self.place = place
        self.fields = tuple(dict.fromkeys(("name", "parent", "idx", *self.layout)))
        self._take = _getter(self.layout)

    def listed(self, answered: Iterable[dict[str, Any]]) -> dict[str, Rows]:
        """The rows of a list, in its order, by the name of the document they stand in.

        Raises KeyError with the name of a field that the site leaves out.
        """
        take, found = self._take, defaultdict[str, list[TableRow]](list)
        for row in answered:
            found[str(row["parent"])].append(TableRow(str(row["name"]), take(row)))
        return {parent: Rows(tuple(rows)) for parent, rows in found.items()}

    def answered(self, document: Mapping[str, Any]) -> Rows:
        """The rows of a document as the site answers one, in the form that a list will give.

        Raises KeyError when the document comes without the table: an empty one is `[]`.
        """
        rows = sorted(document[self.name], key=lambda row: int(row.get("idx") or 0))
        return Rows(tuple(TableRow(str(row["name"]), self.values(row)) for row in rows))

    def values(self, row: Mapping[str, Any]) -> Image:
        """The mapped values of one row of a document, in the form that a list will give."""
        types = self.schema.fields
        return tuple(as_stored(row.get(name), types[name].type) for name in self.layout)


class RowShape:
    """What is asked of a DocType for one mapping, and how an answer becomes a row.

    `layout` is `core.mapping.layout`: `tables` are the last of it.
    """

    def __init__(
        self,
        schema: Schema,
        layout: Sequence[str],
        external_id: str | None,
        *,
        place: str,
        user: Callable[[], str],
        tables: Sequence[TableShape] = (),
    ) -> None:
        self._schema = schema
        self.tables = tuple(tables)
        self._layout = tuple(layout)[: len(layout) - len(self.tables)]
        self._external_id = external_id
        self._place = place
        self._user = user
        wanted = ["name", "modified", "creation", "modified_by"]
        if external_id:
            wanted.append(external_id)
        if schema.submittable:
            wanted.append("docstatus")
        self.fields = tuple(dict.fromkeys([*wanted, *self._layout]))
        self._take = _getter(self._layout)
        self._head = itemgetter(*wanted)

    def rows(self, documents: Sequence[dict[str, Any]], held: Sequence[Mapping[str, Rows]] = ()) -> list[Row]:
        """Rows of a list, in its order; raises `AccessError` when the site leaves a field out.

        `held` are the rows of each table, by document.
        """
        if not documents:
            return []
        try:
            names, stamps, creations, editors, *rest = zip(*map(self._head, documents), strict=True)
            values = map(self._take, documents)
            partners: Iterable[Any] = [partner or None for partner in rest[0]] if self._external_id else repeat(None)
            states: Iterable[Any] = rest[-1] if self._schema.submittable else repeat(0)
            keys = names if isinstance(names[0], str) else tuple(map(str, names))
            if held:
                values = map(
                    add, values, zip(*([table.get(key, EMPTY) for key in keys] for table in held), strict=True)
                )
            columns = zip(keys, stamps, values, partners, creations, editors, repeat(False), states, strict=False)
            return list(map(Row._make, columns))
        except KeyError as error:
            raise self._left_out(str(error.args[0])) from error

    def row(self, document: Mapping[str, Any]) -> Row:
        """The row of one document as a write answered it; raises `AccessError` when it comes without a table."""
        types = self._schema.fields
        partner = document.get(self._external_id) if self._external_id else None
        values = tuple(
            as_stored(document.get(name), types[name].type if name in types else None) for name in self._layout
        )
        try:
            tables = tuple(table.answered(document) for table in self.tables)
        except KeyError as error:
            raise left_out(self._place, f"tables.{error.args[0]}", 0, self._user()) from error
        return Row(
            key=str(document["name"]),
            stamp=trimmed_stamp(document.get("modified")),
            values=values + tables,
            partner=str(partner) if partner else None,
            creation=str(trimmed_stamp(document.get("creation"))),
            editor=document.get("modified_by"),
            docstatus=int(document.get("docstatus") or 0),
        )

    def _left_out(self, name: str) -> AccessError:
        info = self._schema.fields.get(name)
        return left_out(self._place, f"fields.{name}", info.permlevel if info else 0, self._user())


def left_out(place: str, key: str, level: int, user: str) -> AccessError:
    """The error for a field that the site leaves out of its answers; `key` is its line in the mapping."""
    name = key.rpartition(".")[2]
    return AccessError(
        f"{place} leaves the field {name} out of its answers: {user} may not read it"
        + (f" (it is at permission level {level})" if level else ""),
        hint=f"give a role of that user “Read” at permission level {level} in ERPNext's Role Permissions Manager, "
        f"or take {key} out of the mapping",
    )


def _getter(layout: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A function from a document to the tuple of its values of `layout`."""
    if not layout:
        return lambda _: ()
    if len(layout) == 1:
        only = layout[0]
        return lambda document: (document[only],)
    return itemgetter(*layout)
