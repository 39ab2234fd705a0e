"""Names of a mapping that a side does not have: columns, fields of rows, inputs of expressions, filters."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.app.checking_words import Line, finding, lines, rows_place, suggested
from syncd.app.results import Finding, Severity
from syncd.core.mapping import MappingSpec, TableSpec
from syncd.ports.endpoint import Schema

_LABEL = "Look the fieldname up in the DocType's form, not its label."
_FILTERED = frozenset({"name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"})
"""Standard fields that every DocType can be filtered by, beside those that begin with `_` (tags, assignments)."""


def missing_fields(spec: MappingSpec, erpnext: Schema, source: Schema) -> list[Finding]:
    """Fields and columns that the mapping names and a side does not have: without them nothing can be read."""
    findings = [*_missing_columns(spec, source), *_missing_external_id(spec, erpnext), *_missing_filters(spec, erpnext)]
    for line in lines(spec, erpnext, source):
        findings.extend(_missing_of_line(line))
    for table in spec.tables:
        findings.extend(_missing_of_table(spec, table, source))
    return findings


def missing_columns(spec: MappingSpec, source: Schema) -> list[Finding]:
    """Columns of the source that its tables do not have, where the site could not be asked."""
    return [
        *_missing_columns(spec, source),
        *(found for table in spec.tables for found in _missing_of_table(spec, table, source)),
    ]


def _missing_columns(spec: MappingSpec, source: Schema) -> Iterator[Finding]:
    place = f"{spec.entity} of {spec.source}"
    for key, name in _source_columns(spec):
        if name not in source.fields:
            hint = suggested(name, _real(source), spec.entity)
            yield finding(Severity.ERROR, spec, key, f"{place} has no column {name}", hint)


def _real(source: Schema) -> list[str]:
    """The columns that are really there: computed ones have an expression for a name."""
    return [name for name, info in source.fields.items() if info.writable or not name.startswith("=")]


def _source_columns(spec: MappingSpec) -> Iterator[tuple[str, str]]:
    for column in spec.source_id:
        yield "source.id", column
    for key in ("modified", "deleted", "erpnext_name"):
        column = getattr(spec, key)
        if column is not None:
            yield f"source.{key}", column
    for column in spec.source_filters:
        yield f"source.filters.{column}", column
    if spec.lifecycle is not None and spec.lifecycle.field is not None:
        yield "lifecycle.field", spec.lifecycle.field
    for table in spec.tables:
        if table.source is not None:
            yield f"tables.{table.erpnext}.source", table.source


def _missing_external_id(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    if spec.external_id is not None and spec.external_id not in erpnext.fields:
        yield finding(
            Severity.ERROR,
            spec,
            "erpnext.external_id",
            f"{spec.doctype} has no field {spec.external_id}",
            "Run `syncd provision --apply`: it makes the field.",
        )


def _missing_filters(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    for condition in spec.erpnext_filters:
        name = str(condition[0])
        if name not in erpnext.fields and name not in _FILTERED and not name.startswith("_"):
            hint = suggested(name, erpnext.fields, spec.doctype)
            yield finding(
                Severity.ERROR,
                spec,
                "erpnext.filters",
                f"{spec.doctype} has no field {name}: the site refuses a filter on it",
                hint,
            )


def _missing_of_line(line: Line) -> Iterator[Finding]:
    entry = line.entry
    if entry.erpnext not in line.erpnext:
        near = suggested(entry.erpnext, line.erpnext, line.doctype)
        hint = near if near.startswith("Did") else _LABEL
        if entry.is_own_link and line.table is None:
            hint = "Run `syncd provision --apply`: it makes the field."
        yield line.finding(Severity.ERROR, f"{line.doctype} has no field {entry.erpnext}", hint)
    if entry.compute is not None:
        for name in entry.inputs:
            if name not in line.source:
                message = f"{line.entity} has no column {name}, which the expression reads"
                real = [each for each in line.source if not each.startswith("=")]
                yield line.finding(Severity.ERROR, message, suggested(name, real, line.spec.entity), key="compute")
    elif entry.source is not None and not line.nested and entry.source not in line.source:
        real = [each for each in line.source if not each.startswith("=")]
        name = line.spec.entity if line.table is None else str(line.table.entity)
        yield line.finding(
            Severity.ERROR, f"{line.entity} has no column {entry.source}", suggested(entry.source, real, name)
        )


def _missing_of_table(spec: MappingSpec, table: TableSpec, source: Schema) -> Iterator[Finding]:
    """The columns that tie the rows of a related table to their record, and that tell them apart."""
    rows = source.tables.get(table.erpnext)
    if rows is None or table.entity is None:
        return
    where = f"tables.{table.erpnext}"
    named = [(f"{where}.rows.parent", name) for name in table.parent] + [(f"{where}.key", name) for name in table.key]
    for key, name in named:
        if name not in rows.fields:
            hint = suggested(name, rows.fields, table.entity)
            yield finding(Severity.ERROR, spec, key, f"{rows_place(spec, table)} has no column {name}", hint)
