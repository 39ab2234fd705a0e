"""Metadata of DocTypes as schemas."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import httpx
import pytest

from syncd.adapters.erpnext import SiteClient
from syncd.adapters.erpnext.meta import field_type, load_schema
from syncd.core.values import FieldType, Kind
from syncd.errors import HaltError, UnreachableError
from tests.erpnext.helpers import FakeClock, answers, mock_client

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("fieldtype", "given", "expected"),
    [
        ("Data", {}, FieldType(kind=Kind.TEXT, name="Data", length=140)),
        ("Data", {"length": 30}, FieldType(kind=Kind.TEXT, name="Data", length=30)),
        ("Small Text", {}, FieldType(kind=Kind.TEXT, name="Small Text")),
        ("Text Editor", {}, FieldType(kind=Kind.TEXT, name="Text Editor")),
        ("Link", {"options": "Territory"}, FieldType(kind=Kind.TEXT, name="Link", length=140)),
        (
            "Select",
            {"options": "\nCompany\nIndividual "},
            FieldType(kind=Kind.TEXT, name="Select", length=140, options=("Company", "Individual")),
        ),
        ("Check", {}, FieldType(kind=Kind.BOOL, name="Check", zero_is_empty=True)),
        ("Int", {}, FieldType(kind=Kind.INT, name="Int", zero_is_empty=True)),
        ("Long Int", {}, FieldType(kind=Kind.INT, name="Long Int", zero_is_empty=True)),
        ("Currency", {}, FieldType(kind=Kind.NUMBER, name="Currency", scale=9, zero_is_empty=True)),
        ("Percent", {}, FieldType(kind=Kind.NUMBER, name="Percent", scale=9, zero_is_empty=True)),
        ("Duration", {}, FieldType(kind=Kind.DURATION, name="Duration", scale=9, zero_is_empty=True)),
        ("Date", {}, FieldType(kind=Kind.DATE, name="Date")),
        ("Datetime", {}, FieldType(kind=Kind.DATETIME, name="Datetime", zone=PARIS)),
        ("Time", {}, FieldType(kind=Kind.TIME, name="Time")),
        ("JSON", {}, FieldType(kind=Kind.JSON, name="JSON")),
    ],
)
def test_field_types(fieldtype: str, given: dict[str, object], expected: FieldType) -> None:
    assert field_type(fieldtype, zone=PARIS, **given) == expected  # type: ignore[arg-type]


def described(*fields: dict[str, object], **given: object) -> httpx.Response:
    return httpx.Response(200, json={"docs": [{"name": "Thing", "fields": fields, **given}, {"name": "Child"}]})


def test_a_schema_has_standard_fields_and_those_with_a_column(clock: FakeClock) -> None:
    handle, asked = answers(
        described(
            {"fieldname": "s", "fieldtype": "Section Break"},
            {"fieldname": "rows", "fieldtype": "Table", "options": "Child"},
            {"fieldname": "seen", "fieldtype": "Data", "is_virtual": 1},
            {"fieldname": "naming_series", "fieldtype": "Select", "options": "A-.YYYY.-"},
            {"fieldname": "kind", "fieldtype": "Select", "options": "\nA\nB"},
            {"fieldname": "secret", "fieldtype": "Password"},
            {
                "fieldname": "code",
                "fieldtype": "Data",
                "label": "Code",
                "reqd": 1,
                "unique": 1,
                "permlevel": 2,
                "set_only_once": 1,
                "allow_on_submit": 1,
                "read_only": 1,
                "length": "60",
                "default": "x",
            },
            is_submittable=1,
            autoname="field:code",
        )
    )
    schema = load_schema(mock_client(handle, clock, zone="Europe/Paris"), "Thing")
    assert list(schema.fields) == [
        *("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"),
        *("naming_series", "kind", "secret", "code"),
    ]
    code = schema.fields["code"]
    assert (code.label, code.required, code.unique, code.permlevel) == ("Code", True, True, 2)
    assert (code.set_only_once, code.allow_on_submit, code.read_only) == (True, True, True)
    assert (code.type.length, code.has_default, code.writable) == (60, True, True)
    assert schema.fields["naming_series"].type.options is None
    assert schema.fields["naming_series"].has_default
    assert not schema.fields["kind"].has_default
    assert not schema.fields["secret"].writable
    assert not schema.fields["modified"].writable
    assert schema.fields["modified"].type.zone == PARIS
    assert (schema.submittable, schema.autoname, schema.key) == (True, "field:code", ("name",))
    assert len(asked) == 1


def test_metadata_is_asked_once_for_all_mappings_of_a_site(clock: FakeClock) -> None:
    handle, asked = answers(described())
    client = mock_client(handle, clock, zone="UTC")
    load_schema(client, "Thing")
    load_schema(client, "Thing")
    assert len(asked) == 1


def test_answers_about_another_doctype_are_not_taken(clock: FakeClock) -> None:
    handle, _ = answers(described())
    with pytest.raises(UnreachableError, match="answers the metadata of other DocTypes"):
        load_schema(mock_client(handle, clock, zone="UTC"), "Other")


def test_an_unknown_zone_names_the_key_to_set(clock: FakeClock) -> None:
    handle, _ = answers(described())
    with pytest.raises(HaltError, match="'Mars/Olympus' is not known") as caught:
        load_schema(mock_client(handle, clock, zone="Mars/Olympus"), "Thing")
    assert "timezone" in caught.value.hint


def test_customer_of_a_site(client: SiteClient) -> None:
    schema = load_schema(client, "Customer")
    assert schema.fields["customer_name"].required
    assert schema.fields["syncd_shop_id"].unique
    assert schema.fields["customer_type"].type.options == ("Company", "Individual", "Partnership")
    assert schema.fields["default_commission_rate"].type.kind is Kind.NUMBER
    assert not schema.submittable
    assert "items" not in schema.fields


def test_a_doctype_that_the_site_does_not_have(client: SiteClient) -> None:
    with pytest.raises(HaltError, match="has no DocType Custommer") as caught:
        load_schema(client, "Custommer")
    assert caught.value.guard == "schema"
