"""What `syncd mapping new` asks a source for: its foreign keys, and the rows that belong to the records of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from syncd.config.draft_lines import Sample
from syncd.config.draft_links import Reference
from syncd.config.draft_names import ID, normal, singular
from syncd.config.draft_tables import RowSource
from syncd.core.mapping import MappingSpec, TableSpec
from syncd.core.values import Kind
from syncd.errors import HaltError

if TYPE_CHECKING:
    from collections.abc import Callable

    from syncd.adapters.sources.registry import Source
    from syncd.adapters.sources.sql_relations import Relation
    from syncd.ports.endpoint import Schema

    Sampled = Callable[[str, Schema], Mapping[str, Sample]]

_LIST = "[{"
"""How the text of a nested list begins, blanks left out."""
_MOST_RELATED = 20
"""Tables whose names say that they hold rows of the records; more are not looked into."""


@runtime_checkable
class Related(Protocol):
    """A source that knows its foreign keys."""

    def relations(self) -> list[Relation]:
        """The foreign keys of its tables. Raises `UnreachableError`."""
        ...


class Neighbours:
    """The tables around one table of a source: those that it leads to, and those that lead to it.

    `mappings` are those of the deployment; `own` is the mapping that is drafted: name, DocType and entity.
    """

    def __init__(self, source: Source, spec: MappingSpec, table: Schema, mappings: Iterable[MappingSpec]) -> None:
        self._source = source
        self._spec = spec
        self._table = table
        self._relations = source.relations() if isinstance(source, Related) else []
        self._entities = source.entities()
        self._mapped: dict[str, MappingSpec] = {}
        for each in [*mappings, spec]:
            if (each.site, each.source) == (spec.site, spec.source) and len(each.source_id) == 1:
                self._mapped.setdefault(each.entity, each)

    def references(self, entity: str, table: Schema) -> tuple[Reference, ...]:
        """The columns of `table` that hold ids of other tables: by foreign keys, else by their names."""
        found = {
            relation.columns[0]: self._reference(relation.columns[0], relation.target, sure=True)
            for relation in self._relations
            if relation.entity == entity and len(relation.columns) == 1
        }
        for column in table.fields:
            target = self._called(column) or self._identified(column)
            if column not in found and column not in table.key and target is not None and target != entity:
                found[column] = self._reference(column, target, sure=False)
        return tuple(found[column] for column in table.fields if column in found)

    def _reference(self, column: str, target: str, *, sure: bool) -> Reference:
        mapped = self._mapped.get(target)
        return Reference(
            column=column,
            entity=target,
            mapping=None if mapped is None else mapped.name,
            doctype=None if mapped is None else mapped.doctype,
            sure=sure,
        )

    def _called(self, column: str) -> str | None:
        """The table whose records a column like `customer_id` names."""
        word = normal(column)
        if not word.endswith("_id"):
            return None
        stem = word.removesuffix("_id")
        return next((name for name in self._entities if stem in {normal(name), singular(normal(name))}), None)

    def _identified(self, column: str) -> str | None:
        """The table that a mapping pairs by an id of this very name, like `sku`."""
        if normal(column) in ID:
            return None
        return next((entity for entity, each in self._mapped.items() if each.source_id == (column,)), None)

    def rows(self, sampled: Sampled, samples: Mapping[str, Sample]) -> list[RowSource]:
        """Related tables and nested lists that hold rows of the table's records."""
        related = [self._related(entity, parent, sampled) for entity, parent in self._children()]
        return [*(each for each in related if each is not None), *self._nested(samples)]

    def _children(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """(table, its columns that hold the record's id), by foreign keys, else by names like `order_lines`."""
        ids = self._spec.source_id
        told = set()
        for relation in self._relations:
            if relation.target == self._spec.entity and len(relation.columns) == len(ids):
                told.add(relation.entity)
                if relation.entity not in {*self._mapped, self._spec.entity}:
                    yield relation.entity, _in_order(relation, ids)
        stem = singular(normal(self._spec.entity))
        called = [name for name in self._entities if normal(name).startswith(f"{stem}_") and name not in told]
        for name in called[:_MOST_RELATED]:
            if name not in self._mapped and len(ids) == 1:
                yield name, ()

    def _related(self, entity: str, parent: tuple[str, ...], sampled: Sampled) -> RowSource | None:
        try:
            table = self._schema(entity)
        except HaltError:
            return None
        if not parent:
            stem = singular(normal(self._spec.entity))
            named = {normal(column): column for column in table.fields}
            column = next((named[word] for word in (f"{stem}_id", "parent_id", stem) if word in named), None)
            if column is None:
                return None
            parent = (column,)
        return RowSource(
            table=table,
            entity=entity,
            parent=parent,
            samples=sampled(entity, table),
            references=tuple(each for each in self.references(entity, table) if each.column not in parent),
        )

    def _schema(self, entity: str) -> Schema:
        asking = replace(self._spec, entity=entity, fields=(), tables=(), source_id=())
        return self._source.endpoint(asking, 1).schema()

    def _nested(self, samples: Mapping[str, Sample]) -> Iterator[RowSource]:
        """Columns whose values are lists of objects."""
        for column, info in self._table.fields.items():
            if info.type.kind is not Kind.JSON and not _looks_like_lists(samples.get(column)):
                continue
            asking = replace(self._spec, tables=(TableSpec(erpnext=column, fields=(), source=column),))
            rows = self._source.endpoint(asking, 1).schema().tables.get(column)
            if rows is not None and rows.fields:
                yield RowSource(table=rows, column=column, references=self.references("", rows))


def _looks_like_lists(sample: Sample | None) -> bool:
    values = sample.values if sample is not None else ()
    return bool(values) and all(
        isinstance(value, str) and "".join(value.split()).startswith((_LIST, "[]")) for value in values
    )


def _in_order(relation: Relation, ids: tuple[str, ...]) -> tuple[str, ...]:
    """The child's columns in the order of the record's id."""
    by_target = dict(zip(relation.target_columns, relation.columns, strict=False))
    return tuple(by_target[name] for name in ids) if set(ids) <= set(by_target) else relation.columns
