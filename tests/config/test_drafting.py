"""Drafting a mapping from two schemas: what is paired with what, what is left to a person, and that the file loads."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from syncd.config import load, schema
from syncd.config.draft_lines import Sample
from syncd.config.draft_text import text_of
from syncd.config.drafting import Draft, Sides, draft, mapping_name, roles_of
from syncd.core.values import FieldType, Kind
from syncd.ports.endpoint import FieldInfo, Schema
from tests.config.cases import CUSTOMER, ENVIRONMENT, lay_out

TYPES = {
    "Data": FieldType(kind=Kind.TEXT, name="Data", length=140),
    "Link": FieldType(kind=Kind.TEXT, name="Link", length=140),
    "Read Only": FieldType(kind=Kind.TEXT, name="Read Only", length=140),
    "Text Editor": FieldType(kind=Kind.TEXT, name="Text Editor"),
    "Check": FieldType(kind=Kind.BOOL, name="Check", zero_is_empty=True),
    "Currency": FieldType(kind=Kind.NUMBER, name="Currency", scale=9, zero_is_empty=True),
    "Date": FieldType(kind=Kind.DATE, name="Date"),
    "Select": FieldType(kind=Kind.TEXT, name="Select", options=("Company", "Individual", "Partnership")),
    "TEXT": FieldType(kind=Kind.TEXT, name="TEXT"),
    "INTEGER": FieldType(kind=Kind.INT, name="INTEGER"),
    "REAL": FieldType(kind=Kind.NUMBER, name="REAL"),
    "BOOLEAN": FieldType(kind=Kind.BOOL, name="BOOLEAN"),
    "TIMESTAMP": FieldType(kind=Kind.DATETIME, name="TIMESTAMP"),
    "BLOB": FieldType(kind=Kind.BYTES, name="BLOB"),
}
FIELDS = {
    "customer_name": ("Data", "Customer Name"),
    "customer_type": ("Select", "Customer Type"),
    "customer_group": ("Link", "Customer Group"),
    "territory": ("Link", "Territory"),
    "country": ("Link", "Country"),
    "tax_id": ("Data", "Tax ID"),
    "language": ("Link", "Print Language"),
    "default_currency": ("Link", "Billing Currency"),
    "represents_company": ("Link", "Represents Company"),
    "primary_contact": ("Link", "Primary Contact"),
    "website": ("Data", "Website"),
    "email_id": ("Read Only", "Email Id"),
    "about": ("Text Editor", "About"),
    "credit": ("Currency", "Credit"),
    "disabled": ("Check", "Disabled"),
    "since": ("Date", "Customer Since"),
}
LINKS = {
    "customer_group": "Customer Group",
    "territory": "Territory",
    "country": "Country",
    "language": "Language",
    "default_currency": "Currency",
    "represents_company": "Company",
    "primary_contact": "Contact",
}


def doctype(*names: str) -> Schema:
    chosen = {name: FIELDS[name] for name in names or FIELDS}
    infos = {
        name: FieldInfo(name=name, type=TYPES[kind], label=label, required=name == "customer_name")
        for name, (kind, label) in chosen.items()
    }
    return Schema(entity="Customer", fields=infos, key=("name",))


def table(columns: Mapping[str, str], key: tuple[str, ...] = ("id",), **flags: set[str]) -> Schema:
    infos = {
        name: FieldInfo(
            name=name,
            type=TYPES[kind],
            required=name in flags.get("required", ()),
            unique=name in flags.get("unique", ()),
            read_only=name in flags.get("generated", ()),
        )
        for name, kind in columns.items()
    }
    return Schema(entity="customers", fields=infos, key=key)


def seen(*values: object, more: bool = False, repeats: bool = False) -> Sample:
    return Sample(values=values, more=more, repeats=repeats)  # type: ignore[arg-type]


def sides(columns: Mapping[str, str], *fields: str, samples: Mapping[str, Sample] | None = None, **more) -> Sides:
    given = {"doctype": "Customer", "source": "shop", "entity": "customers", "links": LINKS, **more}
    source = given.pop("table", None) or table({"id": "INTEGER", **columns})
    return Sides(erpnext=doctype(*fields), table=source, samples=samples or {}, **given)


def drafted(columns: Mapping[str, str], *fields: str, samples: Mapping[str, Sample] | None = None, **more) -> Draft:
    return draft(sides(columns, *fields, samples=samples, **more))


def fields_of(made: Draft) -> dict[str, object]:
    """`[fields]` of the draft's file."""
    return tomllib.loads(text_of(made, "customers", schema=True))["fields"]


@pytest.mark.parametrize(
    ("column", "kind", "field", "what"),
    [
        ("tax_id", "TEXT", "tax_id", "the very name"),
        ("TaxID", "TEXT", "tax_id", "capitals where words begin"),
        ("Tax-Id", "TEXT", "tax_id", "other signs between words"),
        ("name", "TEXT", "customer_name", "the fieldname without the DocType's name"),
        ("cust_name", "TEXT", "customer_name", "an abbreviation"),
        ("customer_tax_id", "TEXT", "tax_id", "the table's name before the column's"),
        ("vat", "TEXT", "tax_id", "a synonym"),
        ("VATNumber", "TEXT", "tax_id", "a synonym with an abbreviation of its own"),
        ("ust_id", "TEXT", "tax_id", "a synonym of another language"),
        ("url", "TEXT", "website", "another synonym"),
        ("lang", "TEXT", "language", "a Link whose names are codes"),
        ("currency", "TEXT", "default_currency", "the fieldname without default_"),
        ("customer since", "TEXT", "since", "the label"),
        ("about", "TEXT", "about", "rich text"),
        ("credit_cents", "INTEGER", "credit", "a unit behind the name"),
    ],
)
def test_columns_find_their_fields(column: str, kind: str, field: str, what: str) -> None:
    lines = {line.field: line for line in drafted({column: kind, "zzz": "TEXT"}).lines}
    assert lines[field].column == column, what
    assert lines[field].active, what


@pytest.mark.parametrize(
    ("column", "kind", "what"),
    [
        ("represents_company", "TEXT", "a Link to the user's own company"),
        ("tax_id", "BLOB", "binary data"),
        ("since", "BOOLEAN", "types without a value in common"),
        ("primary_contact", "INTEGER", "a number for a Link"),
        ("zzz", "TEXT", "nothing like it"),
    ],
)
def test_what_cannot_be_paired_is_left_over(column: str, kind: str, what: str) -> None:
    made = drafted({"name": "TEXT", column: kind})
    assert (column in made.left_over, [line.column for line in made.lines]) == (True, ["name"]), what
    assert column in text_of(made, "customers", schema=False), "a comment says so"


@pytest.mark.parametrize(
    ("columns", "field", "sample", "line", "what"),
    [
        ({"country_code": "TEXT"}, "country", None, {"convert": "country"}, "codes by the column's name"),
        ({"nation": "TEXT"}, "country", seen("DE", "fr"), {"convert": "country"}, "codes by what it holds"),
        ({"country_code": "TEXT"}, "country", seen("Germany"), "country_code", "names, whatever the column is called"),
        ({"country_code": "TEXT"}, "territory", None, {"convert": "country"}, "no field for the country"),
        ({"credit_cents": "INTEGER"}, "credit", None, {"convert": "cents"}, "hundredths"),
        ({"credit": "INTEGER"}, "credit", None, "credit", "a whole number that nothing calls hundredths"),
        ({"about": "TEXT"}, "about", None, {"convert": "text"}, "plain text for rich text"),
        ({"blocked": "BOOLEAN"}, "disabled", None, "blocked", "yes and no as such"),
        ({"blocked": "TEXT"}, "disabled", seen("Y", "N"), {"convert": "bool(Y,N)"}, "yes and no as text"),
        ({"blocked": "TEXT"}, "disabled", seen("No"), {"convert": "bool(Yes,No)"}, "one of the two was not seen"),
        ({"active": "BOOLEAN"}, "disabled", None, {"values": {"1": "0", "0": "1"}}, "the opposite"),
        ({"active": "TEXT"}, "disabled", seen("yes", "no"), {"values": {"yes": "0", "no": "1"}}, "its text"),
        (
            {"kind": "TEXT"},
            "customer_type",
            seen("company", "person"),
            {"values": {"company": "Company", "person": "Individual"}},
            "choices and their counterparts",
        ),
        ({"kind": "TEXT"}, "customer_type", seen("Company"), "kind", "choices that are ERPNext's own"),
        (
            {"kind": "TEXT"},
            "customer_type",
            seen("person", "private"),
            {"values": {"person": "Individual", "private": "Individual"}, "direction": "to_erpnext"},
            "two values of one option cannot be told apart again",
        ),
    ],
)
def test_lines_have_what_their_values_need(
    columns: dict[str, str], field: str, sample: Sample | None, line: object, what: str
) -> None:
    column = next(iter(columns))
    made = drafted({"name": "TEXT", **columns}, "customer_name", field, samples={column: sample} if sample else None)
    expected = {"source": column, **line} if isinstance(line, dict) else line
    assert fields_of(made) == {"customer_name": "name", field: expected}, what


@pytest.mark.parametrize(
    ("columns", "samples", "unsure", "what"),
    [
        ({"kind": "TEXT"}, {}, "which values the column holds", "choices that nobody knows"),
        (
            {"kind": "TEXT"},
            {"kind": seen(*"abc", more=True)},
            "which values the column holds",
            "too many to be choices",
        ),
        ({"kind": "TEXT"}, {"kind": seen("company", "alien")}, "what 'alien' is in ERPNext", "a value without option"),
        ({"blocked": "TEXT"}, {}, "which texts of the column stand for yes", "yes and no that nobody knows"),
        ({"blocked": "TEXT"}, {"blocked": seen("maybe")}, "which of 'maybe' stands for yes", "neither yes nor no"),
        ({"disabled": "INTEGER"}, {"disabled": seen(0, 7)}, "1 of the values in the first rows", "a 7 for a Check"),
        ({"email": "TEXT"}, {}, "email_id is read only in ERPNext", "a field that ERPNext fills"),
        ({"websites": "TEXT"}, {}, "only the names look alike", "names that are alike"),
        ({"primary_contact_id": "TEXT"}, {}, "looks like a key of another table", "a foreign key"),
    ],
)
def test_what_may_be_wrong_is_a_comment(
    columns: dict[str, str], samples: dict[str, Sample], unsure: str, what: str
) -> None:
    made = drafted({"name": "TEXT", **columns}, samples=samples)
    text = text_of(made, "customers", schema=True)
    if columns != {"primary_contact_id": "TEXT"}:
        assert f"# unsure: {unsure}" in text, what
    else:
        assert unsure in text, what
    assert fields_of(made) == {"customer_name": "name"}, what


@pytest.mark.parametrize(
    ("columns", "unsure", "what"),
    [
        ({"category": "TEXT"}, "each value must be the name of a document of Customer Group", "a Link to a list"),
        ({"company": "TEXT"}, "may be meant otherwise", "a related word"),
        ({"since": "TEXT"}, "no row shows a value", "text for a Date"),
    ],
)
def test_what_works_but_wants_a_look_is_marked(columns: dict[str, str], unsure: str, what: str) -> None:
    made = drafted(columns)
    assert [line.doubt for line in made.lines if line.active and unsure in line.doubt], what
    assert unsure in text_of(made, "customers", schema=False)


def test_a_column_is_used_once_and_the_likeliest_wins() -> None:
    made = drafted({"vat": "TEXT", "tax_id": "TEXT", "name": "TEXT"})
    assert {line.field: line.column for line in made.lines} == {"tax_id": "tax_id", "customer_name": "name"}
    assert made.left_over == ("vat",)


def test_a_generated_column_is_only_read() -> None:
    source = table({"id": "INTEGER", "name": "TEXT"}, generated={"name"})
    assert fields_of(drafted({}, table=source)) == {"customer_name": {"source": "name", "direction": "to_erpnext"}}


@pytest.mark.parametrize(
    ("columns", "key", "expected", "what"),
    [
        ({"id": "INTEGER"}, ("id",), (("id",), True, None, None, None), "a primary key"),
        ({"a": "TEXT", "b": "TEXT"}, ("a", "b"), (("a", "b"), True, None, None, None), "of two columns"),
        ({"x": "TEXT", "customer_id": "TEXT"}, (), (("customer_id",), False, None, None, None), "no key, but a name"),
        ({"x": "TEXT", "y": "TEXT"}, (), (("x",), False, None, None, None), "neither"),
        (
            {"id": "INTEGER", "updated_at": "TIMESTAMP", "deleted_at": "TEXT", "erp_ref": "TEXT"},
            ("id",),
            (("id",), True, "updated_at", "deleted_at", "erp_ref"),
            "all of them",
        ),
        (
            {"id": "INTEGER", "LastModified": "TEXT", "IsDeleted": "BOOLEAN", "ERPNext Name": "TEXT"},
            ("id",),
            (("id",), True, "LastModified", "IsDeleted", "ERPNext Name"),
            "in another manner of writing",
        ),
        (
            {"id": "INTEGER", "updated_at": "BLOB", "erp_id": "INTEGER"},
            ("id",),
            (("id",), True, None, None, None),
            "types that cannot be it",
        ),
        (
            {"id": "INTEGER", "created_at": "TIMESTAMP"},
            ("id",),
            (("id",), True, None, None, None),
            "made is not edited",
        ),
    ],
)
def test_columns_with_a_role(columns: dict[str, str], key: tuple[str, ...], expected: object, what: str) -> None:
    roles = roles_of(table(columns, key))
    assert (roles.id, roles.id_is_sure, roles.modified, roles.deleted, roles.erpnext_name) == expected, what


def test_columns_with_a_role_are_not_fields() -> None:
    made = drafted({"name": "TEXT", "updated_at": "TEXT", "deleted_at": "TEXT", "erp_ref": "TEXT"})
    document = tomllib.loads(text_of(made, "customers", schema=False))
    assert document["source"] == {
        "id": "id",
        "modified": "updated_at",
        "deleted": "deleted_at",
        "erpnext_name": "erp_ref",
    }
    assert document["fields"] == {"customer_name": "name"}
    assert made.left_over == ()


def test_a_natural_key_is_a_value_too() -> None:
    source = table({"vat": "TEXT", "name": "TEXT"}, key=("vat",), unique={"vat"})
    made = drafted({}, table=source)
    assert fields_of(made) == {"tax_id": "vat", "customer_name": "name"}
    assert made.match == ("tax_id",)


def test_rules_are_made_of_what_tells_records_apart() -> None:
    columns = {"name": "TEXT", "vat": "TEXT"}
    assert drafted(columns).match == ("tax_id",)
    doubled = drafted(columns, samples={"vat": seen("DE1", repeats=True)})
    assert (doubled.match, doubled.doubtful_match) == ((), ("tax_id",))
    assert "tax_id: a value stands in more than one" in text_of(doubled, "customers", schema=False)
    source = table({"id": "INTEGER", **columns}, unique={"name"})
    assert drafted({}, table=source).match == ("customer_name", "tax_id"), "an index is surer than a name"


def test_mandatory_fields_that_nothing_fills_are_lines_to_complete() -> None:
    made = drafted({"vat": "TEXT"})
    assert made.unfilled == ("customer_name",)
    assert '# customer_name = { constant = "…" }  # Customer Name: Data' in text_of(made, "customers", schema=False)


def test_the_external_id_is_named_after_the_source_and_never_shared() -> None:
    assert drafted({"name": "TEXT"}).external_id == "syncd_shop_id"
    assert drafted({"name": "TEXT"}, source="My Shop-2").external_id == "syncd_my_shop_2_id"
    taken = frozenset({"syncd_shop_id"})
    assert drafted({"name": "TEXT"}, taken=taken).external_id == "syncd_shop_customers_id"
    assert len(drafted({"name": "TEXT"}, source="s" * 90).external_id) <= 60


def test_child_tables_and_the_site_are_told() -> None:
    made = drafted({"name": "TEXT"}, tables={"accounts": "Party Account"}, site="main")
    text = text_of(made, "customers", schema=True)
    assert "# Child tables that nothing was found for ([tables.NAME] maps one): accounts (Party Account)." in text
    assert tomllib.loads(text)["mapping"]["site"] == "main"
    assert text.startswith("#:schema ../.syncd/mapping.schema.json\n")


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        ("customers", "customers"),
        ("public.Kunden Liste", "public_kunden_liste"),
        ("Größe", "groe"),
        ("客户", "customer"),
    ],
)
def test_a_mapping_is_named_after_its_entity(entity: str, name: str) -> None:
    assert mapping_name(entity, "Customer") == name


NAMES = st.one_of(
    st.sampled_from(
        ["name", 'Na"me', "vat'; --", "a\nb", "\x7f", "\x00", "ключ", "客户名", "a.b", "#", "=", "\\", "''"]
    ),
    st.sampled_from(["tax id", "TAX_ID", "country_code", "blocked", "kind", "updated_at", "deleted", "erp_ref", " "]),
    st.text(min_size=1, max_size=12),
)


@given(
    columns=st.dictionaries(NAMES, st.sampled_from([name for name in TYPES if name.isupper()]), min_size=1, max_size=8),
    entity=NAMES,
    words=st.lists(st.text(min_size=1, max_size=8).filter(lambda word: not word.isspace()), max_size=3, unique=True),
    keyed=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_names_hold_the_draft_loads(
    tmp_path: Path, columns: dict[str, str], entity: str, words: list[str], keyed: bool
) -> None:
    if not any(name.strip() for name in columns) or not entity.strip():
        return
    key = (next(name for name in columns if name.strip()),) if keyed else ()
    samples = {name: seen(*words) for name, kind in columns.items() if kind == "TEXT" and words}
    made = draft(sides({}, table=table(columns, key), entity=entity, samples=samples))
    text = text_of(made, "customer", schema=True)
    lay_out(tmp_path, {CUSTOMER: text})
    spec = load(tmp_path, environment=ENVIRONMENT).mappings["customer"]
    assert (spec.entity, spec.enabled) == (entity, False)
    assert spec.fields
    assert {field.source for field in spec.fields} <= set(columns)
    document = tomllib.loads(text)
    assert list(Draft7Validator(schema.generate("mapping.schema.json")).iter_errors(document)) == []
