"""Records in memory, their child tables, and the hand of a person who edits them past syncd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from syncd.adapters.sources.nested import Item, numbered, replaced, rows_of
from syncd.core.mapping import AMENDED_FROM, DOCSTATUS, MappingSpec, table_layout
from syncd.core.model import Image, Raw, Row, Rows, Side, Unreadable
from syncd.core.row_keys import RowKeyError
from syncd.core.values import FieldType, Kind
from syncd.errors import RecordError, RefusedError
from syncd.ports.endpoint import FieldInfo, Schema

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
_ROW_NAME = "name"
"""The member that holds the name of a row of an ERPNext document."""

PERSON = "person@example.com"

Naming = Callable[[Mapping[str, Raw], int], str]
"""The key of a new record from its values and its number (1, 2, …)."""

Reason = Callable[[Mapping[str, Raw]], str]
"""Why the side refuses a record with these values; empty where it takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it is held. `values` may hold more fields than the mapping reads; `tables` holds its child tables,
    by their name in the layout, as lists of objects.
    """

    values: Mapping[str, Raw]
    stamp: str | None
    partner: str | None = None
    creation: str | None = None
    editor: str | None = None
    deleted: bool = False
    docstatus: int = 0
    tables: Mapping[str, Sequence[Item]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTable:
    """A child table of a mapping on one side. `name` is its place in the layout, `fields` the layout of its rows."""

    name: str
    fieldname: str
    """What it is called in ERPNext."""
    fields: Mapping[str, FieldType]
    key: tuple[str, ...] = ()
    """In the source: what tells its rows from one another; nothing: their position."""


@dataclass(slots=True, kw_only=True)
class MemoryOptions:
    """How an endpoint in memory behaves. The defaults are those of a site, or of a table with every column."""

    page_size: int = 1000
    zone: str = "UTC"
    stamped: bool = True
    """Records carry stamps; without them every pass reads all."""
    keyed: bool = True
    """Creation is exactly-once."""
    own_editor: str = "syncd@example.com"
    """Who syncd's own writes are by; only on the ERPNext side."""
    naming: Naming = field(default=lambda _values, number: str(number))
    fits: Callable[[Mapping[str, Raw]], bool] = field(default=lambda _values: True)
    """Whether a record belongs to the mapping."""
    check: Reason = field(default=lambda _values: "")
    """Why the side refuses a record with these values."""
    store: Callable[[str, Raw], Raw] = field(default=lambda _name, value: value)
    """What the side makes of a value it is given (sites round, cut and sanitise). Columns of a child table are called
    `TABLE.COLUMN`."""
    submittable: bool = False
    """Documents are drafts, submitted, cancelled; only on the ERPNext side."""
    allow_on_submit: frozenset[str] = frozenset()
    """Fields that may change in a submitted document: fieldnames, tables, and `TABLE.COLUMN`."""
    refuse_submit: Reason = field(default=lambda _values: "")
    """Why the site refuses to submit a document with these values."""
    refusal: type[RecordError] = RefusedError
    """What a refused submission of a draft is to the application: `HeldError` under `submit_fails = "hold"`."""
    hold_cancel: Callable[[str], str] = field(default=lambda _key: "")
    """What stands against cancelling this document (others that refer to it); only a person decides then."""


def memory_tables(
    spec: MappingSpec, side: Side, types: Mapping[str, Mapping[str, FieldType]]
) -> tuple[MemoryTable, ...]:
    """The child tables of a mapping as a side in memory holds them. `types` are by the tables' names in ERPNext."""
    erpnext = side is Side.ERPNEXT
    return tuple(
        MemoryTable(
            name=table.erpnext if erpnext else table.slot,
            fieldname=table.erpnext,
            fields={name: types[table.erpnext][name] for name in table_layout(table)[0 if erpnext else 1]},
            key=() if erpnext else table.key,
        )
        for table in spec.tables
    )


class MemoryRecords:
    """The records of one side. `fields` are the mapping's fields of this side, in order; `tables` stand behind them."""

    def __init__(
        self,
        side: Side,
        fields: Mapping[str, FieldType],
        options: MemoryOptions | None = None,
        tables: Sequence[MemoryTable] = (),
    ) -> None:
        self.side = side
        self.fields = dict(fields)
        self.tables = tuple(tables)
        self.options = options or MemoryOptions()
        self.records: dict[str, Record] = {}
        self._made = 0
        self._rows_made = 0
        self._now = _FIRST

    def schema(self) -> Schema:
        """The fields this endpoint was made with; a DATETIME is in the options' zone."""
        allowed = self.options.allow_on_submit
        return Schema(
            entity="memory",
            fields=_infos(self.fields, allowed),
            submittable=self.options.submittable,
            tables={
                table.fieldname: Schema(
                    entity=table.name, key=table.key, fields=_infos(table.fields, allowed, f"{table.name}.")
                )
                for table in self.tables
            },
        )

    def insert(self, key: str | None = None, *, partner: str | None = None, **values: Any) -> str:
        """A person makes a record; gives its key. A child table is given as a list of objects."""
        plain, tables = self._split(values)
        key = key or self.options.naming(plain, self._made + 1)
        key = self._insert({name: self.options.store(name, value) for name, value in plain.items()}, key, partner)
        self.records[key] = replace(self.records[key], tables=tables)
        return key

    def edit(self, key: str, *, stamp: str | None = None, **values: Any) -> None:
        """A person edits a record; `stamp` is set instead of the clock's. A child table is given whole."""
        record = self.records[key]
        plain, tables = self._split(values)
        moved = stamp or self._stamp()
        self.records[key] = replace(
            record,
            values={**record.values, **plain},
            tables={**record.tables, **tables},
            stamp=moved if self.options.stamped else None,
            editor=PERSON,
        )

    def change(self, key: str, **parts: object) -> None:
        """Set parts of a record as they are held (`deleted`, `partner`, `stamp`, `values`), no stamp moved."""
        self.records[key] = replace(self.records[key], **parts)  # type: ignore[arg-type]

    def delete(self, key: str) -> None:
        """A person deletes a record."""
        del self.records[key]

    def rename(self, old: str, new: str) -> None:
        """A person renames a record: everything but its key and stamp stays."""
        self.records[new] = replace(self.records.pop(old), stamp=self._stamp() if self.options.stamped else None)

    def values(self, key: str) -> dict[str, Raw]:
        """What a record holds now, its child tables aside."""
        return dict(self.records[key].values)

    def items(self, key: str, table: str) -> list[dict[str, Any]]:
        """The rows of one child table of a record, whole: to look at, or to edit and give to `edit`."""
        return [dict(item) for item in self.records[key].tables.get(self._table(table).name, ())]

    def _table(self, name: str) -> MemoryTable:
        return next(table for table in self.tables if name in (table.name, table.name.removesuffix("[]")))

    def _split(self, values: Mapping[str, Any]) -> tuple[dict[str, Raw], dict[str, list[Item]]]:
        """(fields, child tables) of what a person gives; rows of a document get names."""
        plain: dict[str, Raw] = {}
        tables: dict[str, list[Item]] = {}
        for name, value in values.items():
            if isinstance(value, list):
                tables[self._table(name).name] = [self._named(item) for item in value]
            else:
                plain[name] = value
        return plain, tables

    def _named(self, item: Item) -> Item:
        if self.side is Side.SOURCE or item.get(_ROW_NAME):
            return dict(item)
        return {_ROW_NAME: self._row_name(), **item}

    def _row_name(self) -> str:
        """A name as ERPNext gives its rows: ten characters that say nothing."""
        self._rows_made += 1
        return blake2b(f"{self.side.value} {self._rows_made}".encode(), digest_size=5).hexdigest()

    def _insert(self, values: Mapping[str, Raw], key: str, partner: str | None) -> str:
        """A new record without tables; `values` are as the side holds them."""
        self._made += 1
        if key in self.records:
            raise RefusedError(f"there is a record {key} already", code="DuplicateEntryError")
        stamp = self._stamp()
        self.records[key] = Record(
            values=dict(values),
            stamp=stamp if self.options.stamped else None,
            partner=partner,
            creation=f"{stamp} {self._made:09d}" if self.side is Side.SOURCE else stamp,
            editor=PERSON,
        )
        return key

    def _written(
        self, record: Record | None, given: Mapping[str, Raw]
    ) -> tuple[dict[str, Raw], dict[str, Sequence[Item]]]:
        """(fields, child tables) of a record once a write's values are in. Raises `StaleError`, `RefusedError`."""
        names = {table.name for table in self.tables}
        plain = {name: self.options.store(name, value) for name, value in given.items() if name not in names}
        tables: dict[str, Sequence[Item]] = dict(record.tables) if record else {}
        for table in self.tables:
            rows = given.get(table.name)
            if isinstance(rows, Rows):
                tables[table.name] = self._replaced(table, tables.get(table.name, ()), rows)
        return {**(record.values if record else {}), **plain}, tables

    def _replaced(self, table: MemoryTable, items: Sequence[Item], rows: Rows) -> list[dict[str, Any]]:
        def store(name: str, value: Raw) -> Raw:
            return self.options.store(f"{table.name}.{name}", value)

        def new_key(name: str, standing: Sequence[Item]) -> Raw:
            return self._row_name() if self.side is Side.ERPNEXT else numbered(name, standing, table.fields)

        return replaced(items, rows, tuple(table.fields), self._key(table), member=store, new_key=new_key)

    def _key(self, table: MemoryTable) -> tuple[str, ...]:
        return (_ROW_NAME,) if self.side is Side.ERPNEXT else table.key

    def _row(self, key: str) -> Row:
        record, erpnext = self.records[key], self.side is Side.ERPNEXT
        return Row(
            key,
            record.stamp,
            self._image(record),
            record.partner,
            record.creation if erpnext else None,
            record.editor if erpnext else None,
            record.deleted,
            record.docstatus,
        )

    def _image(self, record: Record) -> Image:
        held = dict(record.values)
        if self.options.submittable:
            held = {AMENDED_FROM: None, **held, DOCSTATUS: record.docstatus}
        plain = (held.get(name) for name in self.fields)
        return (*plain, *(self._rows(table, record.tables.get(table.name, ())) for table in self.tables))

    def _rows(self, table: MemoryTable, items: Sequence[Item]) -> Rows | Unreadable:
        try:
            return rows_of(items, tuple(table.fields), self._key(table))
        except RowKeyError as error:
            return Unreadable(error.reason)

    def _stamp(self) -> str:
        self._now += _TICK
        return self._text(self._now)

    def _text(self, at: datetime) -> str:
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _infos(fields: Mapping[str, FieldType], allowed: frozenset[str], prefix: str = "") -> dict[str, FieldInfo]:
    return {
        name: FieldInfo(name=name, type=kind, allow_on_submit=f"{prefix}{name}" in allowed)
        for name, kind in fields.items()
    }


def text_fields(*names: str) -> dict[str, FieldType]:
    """Fields of plain text, for tests that need no other."""
    return {name: FieldType(kind=Kind.TEXT, name="Data") for name in names}


__all__ = [
    "PERSON",
    "MemoryOptions",
    "MemoryRecords",
    "MemoryTable",
    "Naming",
    "Record",
    "memory_tables",
    "text_fields",
]
