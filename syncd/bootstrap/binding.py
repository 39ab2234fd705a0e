"""A mapping bound to both of its sides and to their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncd.config import fingerprint
from syncd.core.mapping import MappingSpec, Types, compile_mapping, table_layout
from syncd.core.model import Side
from syncd.core.values import FieldType, InvalidValue, Kind
from syncd.errors import HaltError, UsageError
from syncd.ports.endpoint import FieldInfo

if TYPE_CHECKING:
    from syncd.app.passes import Bound
    from syncd.ports.endpoint import Endpoint, Schema

GUARD = "schema"
_MEMBER = FieldType(kind=Kind.TEXT, name="member")
"""Of a nested list whose rows show nothing of it yet."""


def bind(spec: MappingSpec, endpoints: Mapping[Side, Endpoint], *, fitted: Callable[[], bool]) -> Bound:
    """Bind `spec` to its sides. `fitted` says whether a run of this very mapping was complete once.

    What does not fit is the mapping's mistake until then (`UsageError`), and afterwards a change of a side, at which
    the guard `schema` halts (`HaltError`). Raises `UnreachableError` where a side does not answer.
    """
    from syncd.app.passes import Bound

    try:
        zone, types = _types(spec, endpoints)
    except HaltError as halt:
        if halt.guard != GUARD or fitted():
            raise
        raise UsageError(halt.message, hint=halt.hint) from halt
    try:
        mapping = compile_mapping(spec, types[Side.ERPNEXT], types[Side.SOURCE], erpnext_zone=zone)
    except InvalidValue as error:
        raise UsageError(f"{spec.file}: {error.reason}", hint=f"`syncd check {spec.name}` names the line.") from error
    return Bound(mapping=mapping, endpoints=endpoints, fingerprint=fingerprint(spec))


def _types(spec: MappingSpec, endpoints: Mapping[Side, Endpoint]) -> tuple[str, dict[Side, Types]]:
    """The site's zone, and the types of both sides' fields. Raises `HaltError` where a mapped one is not there."""
    from syncd.app.checking import missing_fields

    zone = endpoints[Side.ERPNEXT].capabilities().zone
    erpnext, source = endpoints[Side.ERPNEXT].schema(), endpoints[Side.SOURCE].schema()
    missing = missing_fields(spec, erpnext, source)
    if missing:
        told = (f"{each.where}: {each.message}{f' ({each.hint})' if each.hint else ''}" for each in missing)
        raise HaltError(
            GUARD,
            "; ".join(told),
            hint=f"make the mapping and both sides fit; `syncd check {spec.name}` looks at all of it",
        )
    return zone, {
        Side.ERPNEXT: _types_of(erpnext, lambda held: held),
        Side.SOURCE: _types_of(_with_members(spec, source), lambda held: _zoned(held, spec.timezone)),
    }


def _with_members(spec: MappingSpec, source: Schema) -> Schema:
    """The source's schema with every member that lines of nested lists name: lists that are empty yet show none."""
    tables = dict(source.tables)
    for table in spec.tables:
        shown = tables.get(table.erpnext)
        if table.source is None or shown is None:
            continue
        unseen = {name: FieldInfo(name=name, type=_MEMBER) for name in table_layout(table)[1]}
        tables[table.erpnext] = replace(shown, fields={**unseen, **shown.fields})
    return replace(source, tables=tables)


def _types_of(schema: Schema, adapt: Callable[[FieldType], FieldType]) -> Types:
    def adapted(fields: Mapping[str, FieldInfo]) -> dict[str, FieldType]:
        return {name: adapt(info.type) for name, info in fields.items()}

    tables = {name: adapted(table.fields) for name, table in schema.tables.items()}
    allowed = {name for name, info in schema.fields.items() if info.allow_on_submit}
    allowed |= {
        f"{table}.{name}"
        for table, rows in schema.tables.items()
        for name, info in rows.fields.items()
        if info.allow_on_submit
    }
    return Types(fields=adapted(schema.fields), tables=tables, allowed=frozenset(allowed))


def _zoned(held: FieldType, zone: str) -> FieldType:
    """Naive stamps of the source, kept as text too, are in the mapping's `timezone`."""
    if held.zone is not None or held.kind not in {Kind.TEXT, Kind.DATETIME}:
        return held
    return replace(held, zone=ZoneInfo(zone))
