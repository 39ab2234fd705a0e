"""Check a mapping against what both sides say of themselves, before anything is run. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from syncd.app.results import Finding, Severity
from syncd.core.convert import build_lens
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Direction, Raw, Side
from syncd.core.values import FieldType, InvalidValue, canonical, coerce
from syncd.ports.endpoint import FieldInfo, Schema


def check_fields(spec: MappingSpec, erpnext: Schema, source: Schema) -> list[Finding]:
    """Fields on both sides: do they exist, do their types fit, is what is mandatory filled.

    Whether the site has the external-id field, and as it should be, is told by the site's own check.
    """
    findings = list(_missing_columns(spec, source))
    for entry in spec.fields:
        findings.extend(_check_field(spec, entry, erpnext.fields, source.fields))
    if spec.create.allows(Side.ERPNEXT) and spec.direction.reaches(Side.ERPNEXT):
        findings.extend(_unfilled(spec, erpnext))
        findings.extend(_not_exactly_once(spec))
    return findings


def missing_fields(spec: MappingSpec, erpnext: Schema, source: Schema) -> list[Finding]:
    """Fields and columns that the mapping names and a side does not have: without them nothing can be read."""
    findings = [*_missing_columns(spec, source), *_missing_external_id(spec, erpnext)]
    for entry in spec.fields:
        findings.extend(_missing_of_field(spec, entry, erpnext.fields, source.fields))
    return findings


def _finding(severity: Severity, spec: MappingSpec, key: str, message: str, hint: str = "") -> Finding:
    return Finding(severity=severity, mapping=spec.name, where=f"{spec.file}: {key}", message=message, hint=hint)


def nearest(name: str, names: Mapping[str, object]) -> str:
    """A suggestion for a name that is not there."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else ""


def _missing_columns(spec: MappingSpec, source: Schema) -> Iterator[Finding]:
    for key, name in _source_columns(spec):
        if name not in source.fields:
            hint = nearest(name, source.fields) or f"{spec.entity} has: {', '.join(list(source.fields)[:12])}"
            yield _finding(Severity.ERROR, spec, key, f"{spec.entity} of {spec.source} has no column {name}", hint)


def _missing_external_id(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    if spec.external_id is not None and spec.external_id not in erpnext.fields:
        yield _finding(
            Severity.ERROR,
            spec,
            "erpnext.external_id",
            f"{spec.doctype} has no field {spec.external_id}",
            "Run `syncd provision --apply`: it makes the field.",
        )


def _source_columns(spec: MappingSpec) -> Iterator[tuple[str, str]]:
    for column in spec.source_id:
        yield "source.id", column
    for key in ("modified", "deleted", "erpnext_name"):
        column = getattr(spec, key)
        if column is not None:
            yield f"source.{key}", column
    for column in spec.source_filters:
        yield f"source.filters.{column}", column


def _check_field(
    spec: MappingSpec, entry: FieldSpec, erpnext: Mapping[str, FieldInfo], source: Mapping[str, FieldInfo]
) -> Iterator[Finding]:
    yield from _missing_of_field(spec, entry, erpnext, source)
    info = erpnext.get(entry.erpnext)
    if info is None:
        return
    if entry.source is None:
        yield from _check_value(spec, entry, "constant", entry.constant, info.type)
    elif entry.source in source:
        yield from _check_value(spec, entry, "default", entry.default, info.type)
        yield from _check_types(spec, entry, info, source[entry.source])


def _missing_of_field(
    spec: MappingSpec, entry: FieldSpec, erpnext: Mapping[str, FieldInfo], source: Mapping[str, FieldInfo]
) -> Iterator[Finding]:
    key = f"fields.{entry.erpnext}"
    if entry.erpnext not in erpnext:
        hint = nearest(entry.erpnext, erpnext) or "Look the fieldname up in the DocType's form, not its label."
        yield _finding(Severity.ERROR, spec, key, f"{spec.doctype} has no field {entry.erpnext}", hint)
    if entry.source is not None and entry.source not in source:
        hint = nearest(entry.source, source) or f"{spec.entity} has: {', '.join(list(source)[:12])}"
        yield _finding(Severity.ERROR, spec, key, f"{spec.entity} of {spec.source} has no column {entry.source}", hint)


def _check_value(spec: MappingSpec, entry: FieldSpec, what: str, value: Raw, held: FieldType) -> Iterator[Finding]:
    """A `constant` or `default` that the field cannot hold stops every run of the mapping."""
    try:
        coerce(canonical(value, held), held)
    except InvalidValue as error:
        key = f"fields.{entry.erpnext}.{what}"
        yield _finding(Severity.ERROR, spec, key, error.reason, "Write a value that the field can hold.")


def _check_types(spec: MappingSpec, entry: FieldSpec, info: FieldInfo, column: FieldInfo) -> Iterator[Finding]:
    key = f"fields.{entry.erpnext}"
    try:
        lens = build_lens(entry.converters, entry.values, column.type, info.type)
    except InvalidValue as error:
        yield _finding(Severity.ERROR, spec, key, error.reason, "Correct the converter or the values of this line.")
        return
    two_way = spec.direction is Direction.BOTH and entry.direction is Direction.BOTH
    if two_way and not lens.invertible and not lens.normalising:
        yield _finding(
            Severity.ERROR,
            spec,
            key,
            f"cannot be undone, so it cannot flow both ways: {lens.loses or 'values are lost on the way back'}",
            'Add direction = "to_erpnext" (or "to_source") to this line.',
        )
    reaches_erpnext = spec.direction.reaches(Side.ERPNEXT) and entry.direction.reaches(Side.ERPNEXT)
    if reaches_erpnext and info.read_only and not info.name.startswith("syncd_"):
        yield _finding(
            Severity.WARNING,
            spec,
            key,
            f"{info.name} is read-only in {spec.doctype}: ERPNext may compute it itself and overwrite what is sent",
            'If so, add direction = "to_source" to this line.',
        )
    if info.type.length and column.type.length and column.type.length > info.type.length and reaches_erpnext:
        yield _finding(
            Severity.WARNING,
            spec,
            key,
            f"{column.name} holds up to {column.type.length} characters, {info.name} {info.type.length}: longer values "
            "are refused, record by record",
            "",
        )


def _unfilled(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    filled = {entry.erpnext for entry in spec.fields}
    for info in erpnext.fields.values():
        if info.required and not info.has_default and info.name not in filled and info.writable:
            yield _finding(
                Severity.WARNING,
                spec,
                "fields",
                f"{spec.doctype} needs {info.name} ({info.label or info.name}), which nothing fills",
                f'Map it, or add {info.name} = {{ constant = "…" }}, unless the site fills it by itself.',
            )


def _not_exactly_once(spec: MappingSpec) -> Iterator[Finding]:
    """Creation needs something to find its documents by after a lost answer."""
    if spec.external_id is None:
        safe = bool(spec.match)
        yield _finding(
            Severity.WARNING if safe else Severity.ERROR,
            spec,
            "erpnext.external_id",
            "is not set: after a lost answer nothing but the match rules tells which document was made"
            if safe
            else "is not set, and there is no match rule: after a lost answer nothing tells which document was made",
            f'Add external_id = "syncd_{spec.source}_id" and run `syncd provision --apply`.',
        )
