"""Child tables of a SQL source: rows of a related table, or objects of a nested list in a column of JSON text.

The rows of a page of records are read with one statement a table. They are read after the records, outside any
transaction: what moves in between is met again, and a write compares the rows as well (`sql_row_writes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, literal_column, select
from sqlalchemy.schema import MetaData

from syncd.adapters.sources.nested import Item, NoListError, items_of, list_schema, members, rows_of
from syncd.adapters.sources.sql_dialect import Dialect, Prepared, column_of
from syncd.adapters.sources.sql_keys import KeyCodec, KeyProblem
from syncd.adapters.sources.sql_session import Session
from syncd.adapters.sources.sql_table import (
    MOST_COMPOSITE,
    BoundTable,
    TableFacts,
    among,
    holds_moments,
    missing_columns,
)
from syncd.core.keys import part_text
from syncd.core.mapping import MappingSpec, TableSpec, table_layout
from syncd.core.model import Image, Raw, Row, Rows, TableRow, Unreadable
from syncd.core.row_keys import RowKeyError, place, positions, row_names
from syncd.core.values import FieldType, Kind
from syncd.errors import HaltError
from syncd.ports.endpoint import Schema

Run = Callable[[Prepared, Sequence[object]], list[tuple[Any, ...]]]
"""Runs a query: `Session.rows` by itself, `Transaction.rows` inside a transaction."""

Ids = tuple[Any, ...]

_SAMPLE = 200
"""Lists that tell what the members of a nested list hold."""


class Held(NamedTuple):
    """The rows of one record in one table as they stand."""

    value: Rows | Unreadable
    places: tuple[Ids, ...] = ()
    """What finds each row again in a related table."""
    items: tuple[Item, ...] = ()
    """The objects of a nested list."""


class NestedList:
    """A child table that stands in a column of the record's own row."""

    def __init__(self, session: Session, table: BoundTable, spec: TableSpec) -> None:
        self._session = session
        self._table = table
        self.spec = spec
        self.column = str(spec.source)
        self.fields = table_layout(spec)[1]

    def held(self, raw: object) -> Held:
        """What a value of the column holds. One that is no list of rows is `Unreadable`."""
        try:
            items = items_of(raw)
            return Held(rows_of(items, self.fields, self.spec.key), items=tuple(items))
        except (NoListError, RowKeyError) as problem:
            return Held(Unreadable(f"the column {self.column!r} holds no usable rows: {problem.reason}"))

    @cached_property
    def types(self) -> dict[str, FieldType]:
        """What the members hold, as far as the first rows of the table tell."""
        return member_types(self._session, self._table.facts, self._table.column(self.column))


class RelatedTable:
    """A child table whose rows stand in a table of their own, with the id of the record in columns of theirs.

    Raises `HaltError` where the table or a column is not there, or where rows cannot be told apart.
    """

    def __init__(self, dialect: Dialect, spec: MappingSpec, table: TableSpec, parent: BoundTable) -> None:
        self.spec = table
        self.fields = table_layout(table)[1]
        self.facts = child_facts(dialect, spec, table)
        self.place = f"{spec.source} {table.entity}"
        self.own = self.facts.table == parent.facts.table and set(table.parent) == set(parent.ids)
        """The rows stand in the records' own table: each record is its one row."""
        self._parent = parent
        self._check(spec)
        self.table = Table(
            self.facts.table.name, MetaData(), *map(column_of, self.facts.columns), schema=self.facts.table.schema
        )
        self._codec = KeyCodec(
            table.parent, [parent.type(name) for name in parent.ids], loose=dialect.loose, holds_nul=dialect.holds_nul
        )
        self._row_number = dialect.row_number(self.facts.table, list(self.facts.columns))
        self.locator: tuple[str, ...] = self._locate(spec)
        self._prepared: dict[tuple[int, bool], Prepared] = {}

    def _check(self, spec: MappingSpec) -> None:
        where = f"tables.{self.spec.erpnext}"
        named = [(f"{where}.rows.parent", name) for name in self.spec.parent]
        named += [(f"{where}.key", name) for name in self.spec.key]
        named += [(f"{where}.fields.{entry.erpnext}", entry.source) for entry in self.spec.fields if entry.source]
        missing_columns(self.facts, spec, named, str(self.spec.entity))
        if len(self.spec.parent) != len(self._parent.ids):
            raise HaltError(
                "schema",
                f"{spec.file}: {where}.rows.parent: {len(self.spec.parent)} column(s) for an id of "
                f"{len(self._parent.ids)} ({', '.join(self._parent.ids)})",
                hint=f"name the columns of {self.spec.entity!r} that hold the id, in the order of `id` under [source]",
            )

    def _locate(self, spec: MappingSpec) -> tuple[str, ...]:
        """The columns that find one row again; none: the hidden number that SQLite gives its rows."""
        if self._row_number is not None:
            return ()
        if self.facts.key:
            return self.facts.key
        if self.spec.key:
            return (*self.spec.parent, *self.spec.key)
        raise HaltError(
            "schema",
            f"{spec.file}: tables.{self.spec.erpnext}.rows.entity: {self.spec.entity!r} has no primary key, so its "
            "rows cannot be told apart",
            hint=f"name the columns that tell them apart: `key` under [tables.{self.spec.erpnext}]",
        )

    def column(self, name: str) -> ColumnElement[Any]:
        """A column as it is read and compared."""
        return self.facts.dialect.readable(self.table.c[name], self.facts.columns[name])

    @property
    def locators(self) -> list[ColumnElement[Any]]:
        """The columns of `Held.places`."""
        if not self.locator:
            return [literal_column(self._row_number or "")]
        return [self.column(name) for name in self.locator]

    def parent_values(self, ids: Ids) -> list[object]:
        """A record's id as the columns hold it that lead to it: their type may be another than the id's own."""
        if self.facts.dialect.loose:
            return list(ids)
        kinds = [self.facts.columns[name].type.kind for name in self.spec.parent]
        return [_as_kind(part, kind) for part, kind in zip(ids, kinds, strict=True)]

    def held(self, ids: Mapping[str, Ids], run: Run, *, lock: bool = False) -> dict[str, Held]:
        """The rows of records, by the records' keys; a record without rows is left out.

        `lock`: nobody else changes these rows before the transaction ends, where the database can do that.
        """
        found: dict[str, list[tuple[Any, ...]]] = {}
        # What the database takes for the same text (case, in some collations) leads to the same record.
        alike = {key.casefold(): key for key in ids}
        size = self.facts.dialect.placeholders if len(self.spec.parent) == 1 else MOST_COMPOSITE
        wanted = list(ids.values())
        width = len(self.spec.parent)
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            values = [value for one in part for value in self.parent_values(one)]
            for raw in run(self._statement(len(part), lock=lock), values):
                try:
                    key = self._codec.encode(raw[:width])
                except KeyProblem:
                    continue  # no id is written like that, so no record has such rows
                key = key if key in ids else alike.get(key.casefold(), "")
                if key:
                    found.setdefault(key, []).append(raw[width:])
        return {key: self._held(rows) for key, rows in found.items()}

    def _held(self, rows: list[tuple[Any, ...]]) -> Held:
        width = len(self.locator) or 1
        split = [(raw[:width], raw[width:]) for raw in rows]
        if self.own:
            split = [(where, values) for where, values in split if not self._is_empty(values)]
        try:
            if self.spec.key:
                split.sort(key=lambda row: place(self.key_of(row[1])))
                names = row_names([self.key_of(values) for _, values in split])
            else:
                names = positions(len(split))
        except RowKeyError as problem:
            return Held(Unreadable(f"the rows in {self.place} cannot be told apart: {problem.reason}"))
        made = tuple(TableRow(name, values) for name, (_, values) in zip(names, split, strict=True))
        return Held(Rows(made), tuple(where for where, _ in split))

    def key_of(self, values: Image) -> list[Raw]:
        """The key of a row from its values."""
        return [values[self.fields.index(name)] for name in self.spec.key]

    def _is_empty(self, values: Image) -> bool:
        """Whether a record that is its own row says nothing in it."""
        ids = set(self.spec.parent) | set(self.spec.key)
        return all(
            value is None or value == "" for name, value in zip(self.fields, values, strict=True) if name not in ids
        )

    def _statement(self, count: int, *, lock: bool) -> Prepared:
        if (count, lock) not in self._prepared:
            parents = [self.column(name) for name in self.spec.parent]
            order = [self.column(name) for name in self.facts.key] or self.locators
            wanted = [*parents, *self.locators, *(self.column(name) for name in self.fields)]
            statement = select(*wanted).select_from(self.table).where(among(parents, count)).order_by(*order)
            if lock and not self.facts.view:
                statement = statement.with_for_update()
            self._prepared[count, lock] = self.facts.dialect.prepare(statement)
        return self._prepared[count, lock]


def _as_kind(part: object, kind: Kind) -> object:
    if kind is Kind.TEXT and not isinstance(part, str):
        return part_text(part)  # type: ignore[arg-type]
    if kind is Kind.INT and isinstance(part, str) and part.lstrip("-").isdigit():
        return int(part)
    return part


class ChildTables:
    """All child tables of a mapping, in its order."""

    def __init__(self, session: Session, table: BoundTable) -> None:
        self._session = session
        self.table = table
        spec, dialect = table.spec, session.dialect
        self.all: tuple[NestedList | RelatedTable, ...] = tuple(
            NestedList(session, table, child) if child.source is not None else RelatedTable(dialect, spec, child, table)
            for child in spec.tables
        )
        self._prepared: dict[int, Prepared] = {}

    @property
    def moments(self) -> bool:
        """Whether a column of a related table holds moments rather than wall time."""
        related = [child for child in self.all if isinstance(child, RelatedTable)]
        return any(holds_moments(child.facts, child.fields) for child in related)

    def fill(self, rows: list[Row], found: Sequence[tuple[Any, ...]], run: Run) -> list[Row]:
        """`rows`, made of the raw `found`, with their child tables in place."""
        if not self.all or not rows:
            return rows
        held = self._by_key({row.key for row in rows}, found, run, lock=False)
        plain = len(self.table.fields)
        return [row._replace(values=(*row.values[:plain], *(one.value for one in held[row.key]))) for row in rows]

    def held(self, keys: Mapping[str, Ids], run: Run) -> dict[str, tuple[Held, ...]]:
        """The rows of records as they stand, by the records' keys; nobody else changes them until the transaction ends.

        A record that is not there has empty tables.
        """
        if not self.all or not keys:
            return {}
        found = self._locked(list(keys.values()), run) if self.table.nested else list(keys.values())
        return self._by_key(set(keys), found, run, lock=True)

    def _locked(self, ids: Sequence[Ids], run: Run) -> list[tuple[Any, ...]]:
        """The ids and nested lists of records."""
        table, found = self.table, []
        size = self._session.dialect.placeholders if len(table.ids) == 1 else MOST_COMPOSITE
        for start in range(0, len(ids), size):
            part = ids[start : start + size]
            count = len(part)
            if count not in self._prepared:
                nested = [table.column(name) for name in table.nested]
                statement = select(*table.id_columns, *nested).select_from(table.table)
                statement = statement.where(among(table.id_columns, count)).with_for_update()
                self._prepared[count] = self._session.dialect.prepare(statement)
            found += run(self._prepared[count], [value for one in part for value in one])
        return found

    def _by_key(
        self, keys: set[str], found: Sequence[tuple[Any, ...]], run: Run, *, lock: bool
    ) -> dict[str, tuple[Held, ...]]:
        """`found` begins with the ids and ends with the nested lists, where there are any."""
        width, count = len(self.table.ids), len(self.table.nested)
        ids: dict[str, Ids] = {}
        lists: dict[str, tuple[Any, ...]] = {}
        for raw in found:
            try:
                key = self.table.codec.encode(raw[:width])
            except KeyProblem:
                continue  # told by itself, where its row is read
            if key in keys:
                ids[key] = tuple(raw[:width])
                lists[key] = tuple(raw[len(raw) - count :]) if len(raw) > width else ()
        related = {child: child.held(ids, run, lock=lock) for child in self.all if isinstance(child, RelatedTable)}
        nothing = Held(Rows())
        held = {}
        for key in keys:
            raws = iter(lists.get(key) or (None,) * count)
            held[key] = tuple(
                related[child].get(key, nothing) if isinstance(child, RelatedTable) else child.held(next(raws))
                for child in self.all
            )
        return held


def child_facts(dialect: Dialect, spec: MappingSpec, table: TableSpec) -> TableFacts:
    """The related table of a child table. Raises `HaltError` where it is not there."""
    entity = str(table.entity)
    return TableFacts(dialect, replace(spec, entity=entity), key=f"tables.{table.erpnext}.rows.entity")


def table_schemas(session: Session, facts: TableFacts, spec: MappingSpec) -> dict[str, Schema]:
    """The child tables that a mapping names, by their names in ERPNext, for `syncd check`.

    A nested list has the members that the first rows of the table show; none where the column is not there. Raises
    `HaltError` for a related table that is not there.
    """
    schemas = {}
    for table in spec.tables:
        if table.entity is not None:
            schemas[table.erpnext] = child_facts(session.dialect, spec, table).schema(table.entity)
            continue
        name = str(table.source)
        types: dict[str, FieldType] = {}
        if name in facts.columns:
            whole = Table(facts.table.name, MetaData(), *map(column_of, facts.columns), schema=facts.table.schema)
            column = session.dialect.readable(whole.c[name], facts.columns[name])
            types = member_types(session, facts, column)
        schemas[table.erpnext] = list_schema(f"{spec.entity}.{name}", types, table.key)
    return schemas


def member_types(session: Session, facts: TableFacts, column: ColumnElement[Any]) -> dict[str, FieldType]:
    """What the members of a nested list hold, from the first lists that can be read."""
    statement = select(column).where(column.is_not(None)).limit(_SAMPLE)
    lists = []
    for (raw,) in session.rows(facts.dialect.prepare(statement), []):
        try:
            lists.append(items_of(raw))
        except NoListError:
            continue  # its record tells so when it is read
    return members(lists)


__all__ = [
    "ChildTables",
    "Held",
    "Ids",
    "NestedList",
    "RelatedTable",
    "Run",
    "child_facts",
    "member_types",
    "table_schemas",
]
