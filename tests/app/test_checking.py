"""`check` names the constant or the default that a field cannot hold, which would stop every run."""

from __future__ import annotations

import pytest

from syncd.app.checking import check_fields
from syncd.app.results import Severity
from syncd.core.mapping import FieldSpec
from syncd.core.values import FieldType, Kind
from syncd.ports.endpoint import FieldInfo, Schema
from tests.app.harness import spec


def schema(entity: str, **types: FieldType) -> Schema:
    return Schema(entity=entity, fields={name: FieldInfo(name=name, type=held) for name, held in types.items()})


TEXT = FieldType(kind=Kind.TEXT)
SELECT = FieldType(kind=Kind.TEXT, options=("Company", "Individual"))


@pytest.mark.parametrize(
    ("what", "entry", "wrong"),
    [
        ("a default that is an option", FieldSpec(erpnext="kind", source="kind", default="Company"), None),
        ("a default that is none", FieldSpec(erpnext="kind", source="kind", default="Martian"), "fields.kind.default"),
        ("a constant that is an option", FieldSpec(erpnext="kind", constant="Individual"), None),
        ("a constant that is none", FieldSpec(erpnext="kind", constant="Martian"), "fields.kind.constant"),
    ],
)
def test_what_a_field_cannot_hold_is_named(what, entry, wrong):
    checked = spec(fields=(entry,), source_id=("id",), modified=None, erpnext_name=None, external_id=None, match=())
    findings = check_fields(checked, schema("Customer", kind=SELECT), schema("customers", id=TEXT, kind=TEXT))
    keys = [each.where.rpartition(": ")[2] for each in findings if each.severity is Severity.ERROR]
    assert [key for key in keys if key.startswith("fields.")] == ([wrong] if wrong else []), what
