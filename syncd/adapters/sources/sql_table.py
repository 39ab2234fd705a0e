"""One table bound to a mapping: its columns checked, and rows as the mapping sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Table, and_, inspect, or_, select
from sqlalchemy.schema import MetaData

from syncd.adapters.sources.sql_dialect import Dialect, Prepared, column_of, param
from syncd.adapters.sources.sql_keys import KeyCodec, KeyProblem
from syncd.adapters.sources.sql_types import ColumnInfo
from syncd.core.mapping import MappingSpec, layout
from syncd.core.model import Raw, Row
from syncd.core.values import FieldType, Kind, nearest
from syncd.errors import HaltError
from syncd.ports.endpoint import FieldInfo, RowProblem, Schema

_UNSET = frozenset({None, 0, "", "0", b""})
"""What a soft-delete column holds in rows that are not deleted."""


class TableFacts:
    """A table as its database describes it. Raises `HaltError` where it is not there."""

    def __init__(self, dialect: Dialect, spec: MappingSpec) -> None:
        zone = ZoneInfo(spec.timezone)
        inspector = inspect(dialect.engine)
        self.dialect = dialect
        self.name, self.schema_name = spec.entity, None
        if not inspector.has_table(self.name) and "." in self.name:
            schema, _, name = spec.entity.partition(".")
            if inspector.has_table(name, schema=schema):
                self.name, self.schema_name = name, schema
        if not inspector.has_table(self.name, schema=self.schema_name):
            close = nearest(spec.entity, [*inspector.get_table_names(), *inspector.get_view_names()])
            raise HaltError(
                "schema",
                f"{spec.file}: mapping.entity: the source {spec.source!r} has no table {spec.entity!r}",
                hint=f"did you mean {' or '.join(map(repr, close))}?" if close else "check the table's name",
            )
        columns = dialect.columns(self.name, self.schema_name, zone)
        self.columns: Mapping[str, ColumnInfo] = {column.name: column for column in columns}
        key = inspector.get_pk_constraint(self.name, schema=self.schema_name)["constrained_columns"]
        self.key: tuple[str, ...] = tuple(key)
        indexes = inspector.get_indexes(self.name, schema=self.schema_name)
        uniques = inspector.get_unique_constraints(self.name, schema=self.schema_name)
        self.uniques: list[tuple[str, ...]] = [tuple(found["column_names"]) for found in uniques]
        self.uniques += [tuple(str(name) for name in found["column_names"]) for found in indexes if found["unique"]]
        firsts = [found["column_names"][0] for found in indexes if found["column_names"]]
        self.indexed: frozenset[str] = frozenset(
            {name for name in firsts if name} | {columns[0] for columns in self.uniques} | set(self.key[:1])
        )

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
                    read_only=column.generated,
                    unique=column.name in alone,
                    indexed=column.name in self.indexed,
                    writable=not column.generated,
                )
                for column in self.columns.values()
            },
        )

    def is_unique(self, columns: Sequence[str]) -> bool:
        """Whether no two rows hold the same values in `columns` together."""
        wanted = set(columns)
        return any(names and set(names) <= wanted for names in [self.key, *self.uniques])


class BoundTable:
    """A mapping's view of its table. Rows are read with the columns `read`: ids, stamp, partner, mark, fields."""

    def __init__(self, facts: TableFacts, spec: MappingSpec) -> None:
        self.facts = facts
        self.spec = spec
        self.fields = layout(spec)[1]
        self.ids = spec.source_id
        self._by_ids: dict[int, Prepared] = {}
        _check_columns(facts, spec)
        self.table = Table(facts.name, MetaData(), *map(column_of, facts.columns), schema=facts.schema_name)
        self.codec = KeyCodec(self.ids, [facts.columns[name].type for name in self.ids], loose=facts.dialect.loose)
        extra = (spec.modified, spec.erpnext_name, spec.deleted)
        self.read: tuple[str, ...] = (*self.ids, *(name for name in extra if name is not None), *self.fields)

    def column(self, name: str) -> ColumnElement[Any]:
        """A column of the table by name."""
        return self.table.c[name]

    def type(self, name: str) -> FieldType:
        """What a column holds."""
        return self.facts.columns[name].type

    @property
    def id_columns(self) -> list[ColumnElement[Any]]:
        """The id columns, in the mapping's order."""
        return [self.table.c[name] for name in self.ids]

    @cached_property
    def simple(self) -> bool:
        """The id is one column that can be neither NULL nor double nor differ by case alone."""
        column = self.facts.columns[self.ids[0]]
        exact = column.numbered or (column.type.kind is Kind.INT and not self.facts.dialect.loose)
        return len(self.ids) == 1 and exact and self.facts.is_unique(self.ids)

    @cached_property
    def nullable_ids(self) -> list[ColumnElement[Any]]:
        """The id columns that may hold NULL."""
        return [self.table.c[name] for name in self.ids if self._may_be_null(self.facts.columns[name])]

    def _may_be_null(self, column: ColumnInfo) -> bool:
        return column.nullable or (self.facts.dialect.loose and column.name in self.facts.key and not column.numbered)

    def select(self, *more: ColumnElement[Any]) -> Select[Any]:
        """Every column that a row is made of, `more` in front."""
        return select(*more, *(self.table.c[name] for name in self.read))

    def same_id(self, first: int) -> ColumnElement[bool]:
        """The row whose id stands in placeholders from `first` on, exactly: the comparison that an index serves may
        take `ANNA` for `Anna`.
        """
        conditions = []
        for at, column in enumerate(self.id_columns, first):
            conditions += [column == param(at), self.facts.dialect.exactly(column, param(at))]
        return and_(*conditions)

    def among(self, names: Sequence[str], count: int, first: int = 0) -> ColumnElement[bool]:
        """Rows whose columns `names` hold one of `count` tuples in placeholders from `first` on."""
        if len(names) == 1:
            return self.table.c[names[0]].in_([param(first + at) for at in range(count)])
        width = len(names)
        return or_(
            *(
                and_(*(self.table.c[name] == param(first + row * width + at) for at, name in enumerate(names)))
                for row in range(count)
            )
        )

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
    named += [(f"fields.{entry.erpnext}", entry.source) for entry in spec.fields if entry.source is not None]
    gone = [(key, name) for key, name in named if name not in facts.columns]
    if not gone:
        return
    words = []
    for key, name in gone:
        close = nearest(name, facts.columns)
        words.append(f"{key}: no column {name!r}" + (f" (nearest: {', '.join(map(repr, close))})" if close else ""))
    raise HaltError(
        "schema",
        f"{spec.file}: the table {spec.entity!r} of the source {spec.source!r} lacks columns: {'; '.join(words)}",
        hint="adapt the mapping to the table (or the table to the mapping); nothing was written",
    )


__all__ = ["BoundTable", "TableFacts"]
