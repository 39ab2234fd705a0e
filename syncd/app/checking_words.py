"""What the checks of a mapping share: findings, suggestions, and every line of it with what it stands between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from syncd.app.results import Finding, Severity
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec
from syncd.core.model import Side
from syncd.core.values import nearest
from syncd.ports.endpoint import FieldInfo, Schema

_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of `[fields]` or of `[tables.NAME.fields]`, with the fields of both sides that it may name."""

    spec: MappingSpec
    table: TableSpec | None
    entry: FieldSpec
    doctype: str
    """The DocType, or the child DocType of the table, whose field it is."""
    entity: str
    """What holds the column, in a person's words."""
    erpnext: Mapping[str, FieldInfo]
    source: Mapping[str, FieldInfo]

    @property
    def key(self) -> str:
        """The dotted key of the line."""
        prefix = "" if self.table is None else f"tables.{self.table.erpnext}."
        return f"{prefix}fields.{self.entry.erpnext}"

    @property
    def nested(self) -> bool:
        """Whether the rows are a list in a column: what members it has only its rows tell."""
        return self.table is not None and self.table.source is not None

    def flows(self, side: Side) -> bool:
        """Whether values flow to `side`."""
        around = self.spec.direction if self.table is None else self.table.direction
        return all(each.reaches(side) for each in (self.spec.direction, around, self.entry.direction))

    def finding(self, severity: Severity, message: str, hint: str = "", *, key: str = "") -> Finding:
        """A finding at this line, or at its `key`."""
        return finding(severity, self.spec, f"{self.key}.{key}" if key else self.key, message, hint)


def finding(severity: Severity, spec: MappingSpec, key: str, message: str, hint: str = "") -> Finding:
    """A finding at a dotted key of the mapping's file."""
    return Finding(severity=severity, mapping=spec.name, where=f"{spec.file}: {key}", message=message, hint=hint)


def lines(spec: MappingSpec, erpnext: Schema, source: Schema) -> Iterator[Line]:
    """Every line of the mapping; those of a table only where both sides have it."""
    place = f"{spec.entity} of {spec.source}"
    for entry in spec.fields:
        yield Line(
            spec=spec,
            table=None,
            entry=entry,
            doctype=spec.doctype,
            entity=place,
            erpnext=erpnext.fields,
            source=source.fields,
        )
    for table in spec.tables:
        child, rows = erpnext.tables.get(table.erpnext), source.tables.get(table.erpnext)
        for entry in table.fields if child is not None and rows is not None else ():
            assert child is not None  # noqa: S101 - told just above; mypy does not see it
            assert rows is not None  # noqa: S101
            yield Line(
                spec=spec,
                table=table,
                entry=entry,
                doctype=child.entity,
                entity=rows_place(spec, table),
                erpnext=child.fields,
                source=rows.fields,
            )


def rows_place(spec: MappingSpec, table: TableSpec) -> str:
    """The rows of a table in the source, in a person's words."""
    if table.entity is not None:
        return f"{table.entity} of {spec.source}"
    return f"the list {table.source} in {spec.entity} of {spec.source}"


def suggested(name: str, known: Iterable[str], place: str) -> str:
    """The next step for a name that is not there: the nearest, else what there is."""
    there = list(known)
    near = nearest(name, there, 1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"{place} has: {', '.join(there[:_SHOWN])}{', …' if len(there) > _SHOWN else ''}" if there else ""
