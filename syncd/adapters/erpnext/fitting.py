"""Whether a mapping fits the site's metadata: one field that the site does not have would fail every query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.described import flag
from syncd.adapters.erpnext.meta import described_doctype, table_fields
from syncd.adapters.erpnext.wire import TableShape
from syncd.core.mapping import MappingSpec, TableSpec, constants, layout, table_layout
from syncd.core.model import Side
from syncd.core.values import InvalidValue, nearest
from syncd.errors import HaltError
from syncd.ports.endpoint import Schema

_NOT_LISTED: Final = {
    "issingle": "is a Single: it has one document, and no table to list",
    "istable": "is a child table: its rows are mapped under [tables] of the DocType that they stand in",
    "is_virtual": "is virtual: what it lists is up to its own code, which need not hold to filters and order",
}


def halt_unless_listed(client: SiteClient, doctype: str) -> None:
    """Raise `HaltError` (guard `schema`) for a DocType whose documents the site does not list by their stamps."""
    described = described_doctype(client, doctype)
    for mark, what in _NOT_LISTED.items():
        if flag(described, mark):
            raise _halt(f"{doctype} on {client.base_url} {what}", "name another DocType under mapping.doctype")


def halt_unless_known(client: SiteClient, spec: MappingSpec, schema: Schema) -> None:
    """Raise `HaltError` (guard `schema`), with file and key, for the first name that `schema` does not have."""
    halt_unless_listed(client, spec.doctype)
    tables = {table.erpnext for table in spec.tables}
    for name in layout(spec)[0]:
        if name not in schema.fields and name not in tables:
            is_table = name in table_fields(client, spec.doctype)
            raise _halt(
                f"{spec.file}: fields.{name}: no such field in {spec.doctype}",
                f"{name} is a child table: map its rows under [tables.{name}]"
                if is_table
                else "run syncd check for the nearest names",
            )
    for table in spec.tables:
        _halt_unless_table(client, spec, table, schema)
    wanted = spec.external_id
    if wanted is not None and wanted not in schema.fields and spec.direction.reaches(Side.ERPNEXT):
        raise _halt(
            f"{spec.file}: erpnext.external_id: no field {wanted} in {spec.doctype} on {client.base_url}",
            "run syncd provision --apply: it makes the field",
        )


def _halt_unless_table(client: SiteClient, spec: MappingSpec, table: TableSpec, schema: Schema) -> None:
    key = f"tables.{table.erpnext}"
    child = schema.tables.get(table.erpnext)
    if child is None:
        raise _halt(
            f"{spec.file}: {key}: {no_table(table, schema)}", close(table.erpnext, table_fields(client, spec.doctype))
        )
    for entry in table.fields:
        if entry.erpnext not in child.fields:
            message = f"no such field in {child.entity}, the rows of {table.erpnext}"
            raise _halt(f"{spec.file}: {key}.fields.{entry.erpnext}: {message}", close(entry.erpnext, child.fields))


def no_table(table: TableSpec, schema: Schema) -> str:
    """What is wrong with a table that the DocType does not have."""
    if table.erpnext in schema.fields:
        return (
            f"{table.erpnext} is a {schema.fields[table.erpnext].type.name} field of {schema.entity}, not a child table"
        )
    return f"{schema.entity} has no child table {table.erpnext}"


def close(name: str, known: Iterable[str]) -> str:
    """The nearest of the names that there are, or the first of them, as a next step."""
    there = list(known)
    near = nearest(name, there)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are: {', '.join(there[:12])}" if there else "it has none: take it out of the mapping"


def table_shapes(spec: MappingSpec, schema: Schema, place: str) -> tuple[TableShape, ...]:
    """The child tables of a mapping that fits `schema`; raises `HaltError` for a constant that cannot be held."""
    shapes = []
    for table in spec.tables:
        child = schema.tables[table.erpnext]
        types = {name: info.type for name, info in child.fields.items()}
        try:
            fixed = constants(table.fields, types, f"tables.{table.erpnext}.fields")
        except InvalidValue as error:
            raise _halt(f"{spec.file}: {error.reason}", "write a value that the field can hold") from error
        shapes.append(TableShape(table.erpnext, child, table_layout(table)[0], fixed, place=place))
    return tuple(shapes)


def _halt(message: str, hint: str) -> HaltError:
    return HaltError("schema", message, hint=hint)
