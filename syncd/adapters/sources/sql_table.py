"""One table bound to a mapping: its columns checked, and rows as the mapping sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Table, and_, inspect, or_, select
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.schema import MetaData

from syncd.adapters.sources.sql_dialect import Dialect, Prepared, TableName, column_of, param
from syncd.adapters.sources.sql_keys import KeyCodec, KeyProblem
from syncd.adapters.sources.sql_types import ColumnInfo
from syncd.core.mapping import MappingSpec, columns
from syncd.core.model import Raw, Row
from syncd.core.values import FieldType, Kind, nearest
from syncd.errors import HaltError, RefusedError
from syncd.ports.endpoint import FieldInfo, RowProblem, Schema

MOST_COMPOSITE = 100
"""Most ids of several columns in one condition: it nests as deep as there are ids."""
_UNSET = frozenset({None, 0, "", "0", b""})
"""What a soft-delete column holds in rows that are not deleted."""


class TableFacts:
    """A table as its database describes it. Raises `HaltError` where it is not there; `key` is what names it in the
    mapping.
    """

    def __init__(self, dialect: Dialect, spec: MappingSpec, *, key: str = "mapping.entity") -> None:
        inspector = inspect(dialect.engine)
        self.dialect = dialect
        self.table = _find_table(inspector, dialect, spec, key)
        name, schema = self.table
        self.view = name in dialect.views(schema)
        columns = dialect.columns(self.table, ZoneInfo(spec.timezone))
        self.columns: Mapping[str, ColumnInfo] = {column.name: column for column in columns}
        self.key: tuple[str, ...] = tuple(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"])
        indexes = [found for found in inspector.get_indexes(name, schema=schema) if _is_whole(found)]
        uniques = inspector.get_unique_constraints(name, schema=schema)
        self.uniques: list[tuple[str, ...]] = [tuple(found["column_names"]) for found in uniques]
        self.uniques += [tuple(str(column) for column in found["column_names"]) for found in indexes if found["unique"]]
        firsts = [found["column_names"][0] for found in indexes if found["column_names"]]
        self.indexed: frozenset[str] = frozenset(
            {column for column in firsts if column} | {columns[0] for columns in self.uniques} | set(self.key[:1])
        )

    @cached_property
    def unwritable(self) -> str:
        """Why nothing may be written to the table; empty where it may."""
        return "it is a view" if self.view else self.dialect.why_unsafe(self.table)

    def schema(self, entity: str) -> Schema:
        """The table for `syncd check` and `syncd mapping new`: every column."""
        alone = {columns[0] for columns in [*self.uniques, self.key] if len(columns) == 1}
        return Schema(
            entity=entity,
            key=self.key,
            fields={
                column.name: FieldInfo(
                    name=column.name,
                    type=column.type,
                    required=not column.nullable and not column.has_default and not column.generated,
                    has_default=column.has_default,
                    read_only=column.generated or self.view,
                    unique=column.name in alone,
                    indexed=column.name in self.indexed,
                    writable=not (column.generated or self.view),
                )
                for column in self.columns.values()
            },
        )

    def is_unique(self, columns: Sequence[str]) -> bool:
        """Whether no two rows hold the same values in `columns` together."""
        wanted = set(columns)
        return any(names and set(names) <= wanted for names in [self.key, *self.uniques])


class BoundTable:
    """A mapping's view of its table. Rows are read with the columns `read`: ids, stamp, partner, mark, fields, nested
    lists. What child tables hold is put in place of the latter by `sql_rows`.
    """

    def __init__(self, facts: TableFacts, spec: MappingSpec) -> None:
        self.facts = facts
        self.spec = spec
        self.fields = columns(spec)
        self.nested: tuple[str, ...] = tuple(table.source for table in spec.tables if table.source is not None)
        self.ids = spec.source_id
        self._by_ids: dict[int, Prepared] = {}
        _check_columns(facts, spec)
        self.table = Table(facts.table.name, MetaData(), *map(column_of, facts.columns), schema=facts.table.schema)
        types = [facts.columns[name].type for name in self.ids]
        self.codec = KeyCodec(self.ids, types, loose=facts.dialect.loose, holds_nul=facts.dialect.holds_nul)
        extra = (spec.modified, spec.erpnext_name, spec.deleted)
        self.read: tuple[str, ...] = (*self.ids, *(name for name in extra if name is not None), *self.fields)
        self.read += self.nested

    def column(self, name: str) -> ColumnElement[Any]:
        """A column of the table by name, as it is read and compared."""
        return self.facts.dialect.readable(self.table.c[name], self.facts.columns[name])

    def exactly(self, name: str, value: Any) -> ColumnElement[bool]:
        """A column holds this very value."""
        return self.facts.dialect.exactly(self.column(name), self.facts.columns[name], value)

    def type(self, name: str) -> FieldType:
        """What a column holds."""
        return self.facts.columns[name].type

    @property
    def id_columns(self) -> list[ColumnElement[Any]]:
        """The id columns, in the mapping's order."""
        return [self.column(name) for name in self.ids]

    @cached_property
    def order(self) -> list[ColumnElement[Any]]:
        """What puts the rows in an order in which no two ids are one place: a page ends between two rows.

        Where an index keeps the ids apart, by the collation that the index has, it serves; else they are compared
        byte by byte, since a collation may take two of them for one.
        """
        if self.facts.is_unique(self.ids):
            return self.id_columns
        return [self.facts.dialect.bytewise(self.column(name), self.facts.columns[name]) for name in self.ids]

    @cached_property
    def simple(self) -> bool:
        """The id is one column that can be neither NULL nor double nor differ by case alone."""
        column = self.facts.columns[self.ids[0]]
        exact = column.numbered or column.native == "uuid" or (column.type.kind is Kind.INT and not self._loose)
        return len(self.ids) == 1 and exact and not column.nullable and self.facts.is_unique(self.ids)

    @property
    def _loose(self) -> bool:
        return self.facts.dialect.loose

    def must_be_writable(self) -> None:
        """Raises `RefusedError` for a table into which nothing may be written."""
        if self.facts.unwritable:
            raise RefusedError(
                f"{self.spec.source} {self.spec.entity}: nothing is written there: {self.facts.unwritable}",
                hint='give the mapping `direction = "to_erpnext"`, or name a table that can be written as its `entity`',
            )

    @cached_property
    def moments(self) -> bool:
        """Whether a column that is read holds moments rather than wall time."""
        return holds_moments(self.facts, self.read)

    @cached_property
    def nullable_ids(self) -> list[ColumnElement[Any]]:
        """The id columns that may hold NULL."""
        return [self.column(name) for name in self.ids if self._may_be_null(self.facts.columns[name])]

    def _may_be_null(self, column: ColumnInfo) -> bool:
        return column.nullable or (self.facts.dialect.loose and column.name in self.facts.key and not column.numbered)

    def select(self, *more: ColumnElement[Any]) -> Select[Any]:
        """Every column that a row is made of, `more` in front."""
        return select(*more, *(self.column(name) for name in self.read)).select_from(self.table)

    def same_id(self, first: int) -> ColumnElement[bool]:
        """The row whose id stands in placeholders from `first` on, exactly: the comparison that an index serves may
        take `ANNA` for `Anna`.
        """
        conditions = []
        for at, name in enumerate(self.ids, first):
            conditions += [self.column(name) == param(at), self.exactly(name, param(at))]
        return and_(*conditions)

    def among(self, names: Sequence[str], count: int, first: int = 0) -> ColumnElement[bool]:
        """Rows whose columns `names` hold one of `count` tuples in placeholders from `first` on."""
        return among([self.column(name) for name in names], count, first)

    def by_ids(self, count: int) -> Prepared:
        """Reads the rows with `count` ids; their parts are the placeholders, one id after another."""
        if count not in self._by_ids:
            self._by_ids[count] = self.facts.dialect.prepare(self.select().where(self.among(self.ids, count)))
        return self._by_ids[count]

    def rows(self, found: Iterable[tuple[Any, ...]]) -> tuple[list[Row], list[RowProblem]]:
        """Rows read with `read`, and those whose ids cannot stand for them."""
        spec, width = self.spec, len(self.ids)
        has_stamp, has_partner, has_mark = (
            name is not None for name in (spec.modified, spec.erpnext_name, spec.deleted)
        )
        partner_at = width + has_stamp
        mark_at = partner_at + has_partner
        values_at = mark_at + has_mark
        rows: list[Row] = []
        problems: list[RowProblem] = []
        for raw in found:
            if width == 1 and raw[0].__class__ is int:
                key = str(raw[0])
            else:
                try:
                    key = self.codec.encode(raw[:width])
                except KeyProblem as problem:
                    problems.append(RowProblem(problem.shown, problem.reason))
                    continue
            rows.append(
                Row(
                    key,
                    raw[width] if has_stamp else None,
                    raw[values_at:],
                    _partner(raw[partner_at]) if has_partner else None,
                    None,
                    None,
                    has_mark and raw[mark_at] not in _UNSET,
                )
            )
        return rows, problems


def among(columns: Sequence[ColumnElement[Any]], count: int, first: int = 0) -> ColumnElement[bool]:
    """Rows whose `columns` hold one of `count` tuples in placeholders from `first` on."""
    width = len(columns)
    if width == 1:
        return columns[0].in_([param(first + at) for at in range(count)])
    return or_(
        *(
            and_(*(column == param(first + row * width + at) for at, column in enumerate(columns)))
            for row in range(count)
        )
    )


def _find_table(inspector: Inspector, dialect: Dialect, spec: MappingSpec, key: str) -> TableName:
    """The table that `entity` names, with its schema before a dot where there is one."""
    if inspector.has_table(spec.entity):
        return TableName(spec.entity)
    schema, dot, name = spec.entity.partition(".")
    if dot and inspector.has_table(name, schema=schema):
        return TableName(name, schema)
    close = nearest(spec.entity, entities(dialect))
    raise HaltError(
        "schema",
        f"{spec.file}: {key}: the source {spec.source!r} has no table {spec.entity!r}",
        hint=f"did you mean {' or '.join(map(repr, close))}?" if close else "check the table's name",
    )


def entities(dialect: Dialect) -> list[str]:
    """What a mapping may name as `entity`: tables and views, those of other schemas with the schema before a dot."""
    inspector = inspect(dialect.engine)
    names = [*inspector.get_table_names(), *dialect.views(None)]
    for schema in dialect.schemas():
        names += [f"{schema}.{name}" for name in [*inspector.get_table_names(schema=schema), *dialect.views(schema)]]
    return names


def holds_moments(facts: TableFacts, names: Iterable[str]) -> bool:
    """Whether one of these columns holds moments rather than wall time."""
    kinds = [facts.columns[name].type for name in names]
    return any(kind.kind is Kind.DATETIME and kind.zone is None for kind in kinds)


def _is_whole(index: ReflectedIndex) -> bool:
    """Whether an index holds every row: one with a WHERE keeps apart, and finds, only some."""
    options = index.get("dialect_options", {})
    return not any(options.get(f"{name}_where") is not None for name in ("postgresql", "sqlite"))


def _partner(value: Raw) -> str | None:
    if value is None or value == "" or isinstance(value, bytes):
        return None
    return value if isinstance(value, str) else str(value)


def _check_columns(facts: TableFacts, spec: MappingSpec) -> None:
    """Every column that the mapping names is there; raises `HaltError` naming those that are not, all at once."""
    named = [("source.id", name) for name in spec.source_id]
    named += [
        (f"source.{key}", name)
        for key, name in (("modified", spec.modified), ("deleted", spec.deleted), ("erpnext_name", spec.erpnext_name))
        if name is not None
    ]
    named += [("source.filters", name) for name in spec.source_filters]
    for entry in spec.fields:
        if entry.compute is not None:
            named += [(f"fields.{entry.erpnext}.compute", name) for name in entry.inputs]
        elif entry.source is not None:
            named.append((f"fields.{entry.erpnext}", entry.source))
    named += [(f"tables.{table.erpnext}.source", table.source) for table in spec.tables if table.source is not None]
    if spec.lifecycle is not None and spec.lifecycle.field is not None:
        named.append(("lifecycle.field", spec.lifecycle.field))
    missing_columns(facts, spec, named, spec.entity)


def missing_columns(facts: TableFacts, spec: MappingSpec, named: Sequence[tuple[str, str]], entity: str) -> None:
    """Raises `HaltError` for those of `named` (key of the mapping, column) that the table does not have."""
    gone = [(key, name) for key, name in named if name not in facts.columns]
    if not gone:
        return
    words = []
    for key, name in gone:
        close = nearest(name, facts.columns)
        words.append(f"{key}: no column {name!r}" + (f" (nearest: {', '.join(map(repr, close))})" if close else ""))
    raise HaltError(
        "schema",
        f"{spec.file}: the table {entity!r} of the source {spec.source!r} lacks columns: {'; '.join(words)}",
        hint="adapt the mapping to the table (or the table to the mapping); nothing was written",
    )


__all__ = ["MOST_COMPOSITE", "BoundTable", "TableFacts", "among", "entities", "holds_moments", "missing_columns"]
