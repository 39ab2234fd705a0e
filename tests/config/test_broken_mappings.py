"""Broken mappings/customer.toml: the exact text each problem gets, with file, key, cause and next step."""

# ruff: noqa: E501 - texts stand whole, as they are printed

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.cases import Case, customer, expect_texts, line

CASES = (
    customer(
        "an unclosed list",
        'by = [["tax_id"]]',
        'by = [["tax_id"]',
        "line 16, column 1: a list without its closing ] (close it, with commas between the items)",
    ),
    customer(
        "two entries on one line",
        'doctype = "Customer"',
        'doctype = "Customer" source = "shop"',
        "line 2, column 22: something follows a complete value or [table] (one entry a line)",
    ),
    customer(
        "a misspelt key of a mapping",
        "entity =",
        "entitty =",
        'mapping.entitty: unknown key (did you mean "entity"?)',
        "mapping.entity: is missing (expected a string)",
    ),
    customer(
        "a key of a mapping in the wrong table",
        'id = "id"',
        'id = "id"\nexternal_id = "x"',
        "source.external_id: unknown key (it belongs under [erpnext])",
    ),
    customer(
        "a key before any table",
        '[mapping]\ndoctype = "Customer"',
        'doctype = "Customer"\n[mapping]',
        "doctype: unknown key (it belongs under [mapping])",
        "mapping.doctype: is missing (expected a string)",
    ),
    line(
        "a misspelt key of a field",
        'language = { source = "lang", defualt = "en" }',
        'fields.language.defualt: unknown key (did you mean "default"?)',
    ),
    customer(
        "no doctype",
        'doctype = "Customer"\n',
        "",
        "mapping.doctype: is missing (expected a string)",
    ),
    customer(
        "no [mapping]",
        '[mapping]\ndoctype = "Customer"\nsource = "shop"\nentity = "customers"\n',
        "",
        "mapping: the table [mapping] is missing (it needs doctype, source and entity)",
    ),
    customer(
        "no [source]",
        '[source]\nid = "id"\nmodified = "updated_at"\n',
        "",
        'source: the table [source] is missing (it needs id, the column that tells one record from another: id = "id")',
    ),
    customer(
        "no fields",
        '[fields]\ncustomer_name = "name"\ntax_id = "vat"\n',
        "[fields]\n",
        'fields: no field is mapped to a column (write one line for each: customer_name = "name")',
    ),
    customer(
        "a boolean in quotes",
        'entity = "customers"',
        'entity = "customers"\nenabled = "yes"',
        'mapping.enabled: expected a boolean, found the string "yes" (write enabled = true)',
    ),
    customer(
        "a number for a text",
        'entity = "customers"',
        "entity = 7",
        'mapping.entity: expected a string, found the integer 7 (text needs quotes: entity = "7")',
    ),
    customer(
        "a date for a text",
        'entity = "customers"',
        "entity = 2026-01-31",
        'mapping.entity: expected a string, found the date 2026-01-31 (text needs quotes: entity = "2026-01-31")',
    ),
    customer(
        "an empty text",
        'entity = "customers"',
        'entity = " "',
        "mapping.entity: is empty (write a value, or leave the key out)",
    ),
    customer(
        "a list for a text",
        'entity = "customers"',
        'entity = ["customers"]',
        "mapping.entity: expected a string, found an array",
    ),
    line(
        "a number for a field",
        "credit_limit = 5",
        'fields.credit_limit: expected the column\'s name or a table, found the integer 5 (write credit_limit = "column" or credit_limit = { constant = 5 })',
    ),
    customer(
        "a misspelt direction",
        'entity = "customers"',
        'entity = "customers"\ndirection = "to_erpnxt"',
        'mapping.direction: direction cannot be "to_erpnxt" (did you mean "to_erpnext"?)',
    ),
    customer(
        "a word that is no direction",
        'entity = "customers"',
        'entity = "customers"\ndirection = "sideways"',
        'mapping.direction: direction cannot be "sideways" (known values: both, to_erpnext, to_source)',
    ),
    customer(
        "a number for a choice",
        'entity = "customers"',
        'entity = "customers"\ndirection = 2',
        'mapping.direction: expected one of "both", "to_erpnext", "to_source", found the integer 2 (for example direction = "both")',
    ),
    customer(
        "an offset for a time zone",
        'id = "id"',
        'id = "id"\ntimezone = "+02:00"',
        'source.timezone: "+02:00" is no time zone (expected an IANA time zone like "Europe/Berlin")',
    ),
    customer(
        "a source nobody knows",
        'source = "shop"',
        'source = "shopp"',
        'mapping.source: syncd.toml has no source "shopp" (did you mean "shop"?)',
    ),
    customer(
        "a site nobody knows",
        'source = "shop"',
        'source = "shop"\nsite = "mian"',
        'mapping.site: syncd.toml has no site "mian" (did you mean "main"?)',
    ),
    customer(
        "one flat filter",
        "[source]",
        'filters = ["customer_group", "=", "Commercial"]\n[source]',
        'erpnext.filters: one filter stands there without its own brackets (write filters = [["customer_group", "=", "Commercial"]])',
    ),
    customer(
        "filters as a table",
        "[source]",
        'filters = { customer_group = "Commercial" }\n[source]',
        'erpnext.filters: expected an array of filters, found a table (write filters = [["customer_group", "=", "Commercial"]])',
    ),
    customer(
        "an operator of a programmer",
        "[source]",
        'filters = [["disabled", "==", 0]]\n[source]',
        'erpnext.filters: "==" is no operator of a filter (did you mean "="?)',
    ),
    customer(
        "a misspelt operator",
        "[source]",
        'filters = [["customer_name", "lik", "A%"]]\n[source]',
        'erpnext.filters: "lik" is no operator of a filter (did you mean "like"?)',
    ),
    customer(
        "in without a list",
        "[source]",
        'filters = [["territory", "in", "Germany"]]\n[source]',
        'erpnext.filters: ["territory", "in", "Germany"]: "in" takes a list (write ["territory", "in", ["Germany"]])',
    ),
    customer(
        "= with a list",
        "[source]",
        'filters = [["territory", "=", ["Germany", "France"]]]\n[source]',
        'erpnext.filters: ["territory", "=", ["Germany", "France"]]: "=" takes one value (for a list write ["territory", "in", ["Germany", "France"]])',
    ),
    customer(
        "between with one",
        "[source]",
        'filters = [["creation", "between", ["2026-01-01"]]]\n[source]',
        'erpnext.filters: ["creation", "between", ["2026-01-01"]]: "between" takes a list of two (write ["creation", "between", ["from", "to"]])',
    ),
    customer(
        "is with something else",
        "[source]",
        'filters = [["tax_id", "is", "empty"]]\n[source]',
        'erpnext.filters: ["tax_id", "is", "empty"]: "is" takes "set" or "not set" (write ["tax_id", "is", "set"])',
    ),
    customer(
        "a filter with the DocType",
        "[source]",
        'filters = [["Customer", "disabled", "=", 0]]\n[source]',
        'erpnext.filters: ["Customer", "disabled", "=", 0] names the DocType too (leave it out: ["disabled", "=", 0])',
    ),
    customer(
        "a filter of two parts",
        "[source]",
        'filters = [["disabled", 0]]\n[source]',
        'erpnext.filters: ["disabled", 0] is no filter: it takes a field, an operator and a value (write a list of lists: filters = [["customer_group", "=", "Commercial"]])',
    ),
    customer(
        "a source filter of a list",
        'modified = "updated_at"',
        "filters = { active = [1, 2] }",
        "source.filters.active: expected one value, found an array (write the value that active must have: filters = { active = true })",
    ),
    customer(
        "source filters as a list",
        'modified = "updated_at"',
        'filters = [["active", "=", 1]]',
        "source.filters: expected a table of columns and values, found an array (write filters = { active = true })",
    ),
    customer(
        "a rule without its own brackets",
        'by = [["tax_id"]]',
        'by = ["tax_id"]',
        'match.by: the fields stand there without a rule\'s own brackets (write by = [["tax_id"]])',
    ),
    customer(
        "a match field that is not mapped",
        'by = [["tax_id"]]',
        'by = [["tax_ids"]]',
        'match.by: "tax_ids" is not mapped under [fields] (did you mean "tax_id"?)',
    ),
    customer(
        "a match by the column's name",
        'by = [["tax_id"]]',
        'by = [["vat"]]',
        'match.by: "vat" is not mapped under [fields] (write the ERPNext field: "tax_id")',
    ),
    customer(
        "a match by a constant",
        'by = [["tax_id"]]\n\n[fields]',
        'by = [["customer_group"]]\n\n[fields]\ncustomer_group = { constant = "All" }',
        'match.by: "customer_group" is a constant: it tells no record from another (match by a field with a source)',
    ),
    line(
        "a label for a fieldname",
        '"Customer Group" = "grp"',
        'fields."Customer Group": "Customer Group" is not an ERPNext fieldname (did you mean "customer_group"?)',
    ),
    line(
        "a field with neither source nor constant",
        'language = { default = "en" }',
        'fields.language: has neither source nor constant nor compute (write language = "column" or language = { constant = "…" })',
    ),
    line(
        "a field with source and constant",
        'language = { source = "lang", constant = "en" }',
        "fields.language.constant: source and constant are both given (keep one; default fills empty values)",
    ),
    line(
        "a constant with a direction",
        'language = { constant = "en", direction = "to_erpnext" }',
        "fields.language.direction: a constant takes no other key: it is written at creation only (take direction out, or name a source)",
    ),
    line(
        "a default that flows nowhere",
        'language = { source = "lang", default = "en", direction = "to_source" }',
        "fields.language.default: default fills ERPNext when the source is empty, but this field flows to the source only (take default out, or change the direction)",
    ),
    line(
        "two fields into one column",
        'customer_details = "vat"',
        'fields.customer_details: "tax_id" and "customer_details" both write to "vat" (let one of them only read it: direction = "to_erpnext")',
    ),
    line(
        "a column of syncd's own",
        'customer_details = "updated_at"',
        'fields.customer_details: the column "updated_at" is [source] modified: syncd writes it itself (read it only: direction = "to_erpnext")',
    ),
    line(
        "ERPNext's own field",
        'modified = "changed"',
        'fields.modified: ERPNext sets "modified" itself, and takes no value for it (read it only: direction = "to_source")',
    ),
    line(
        "enforce on a two-way field",
        'language = { source = "lang", enforce = true }',
        'fields.language.enforce: enforce is for one-way fields: it undoes edits on the receiving side (give the field a direction, "to_erpnext" or "to_source")',
    ),
    line(
        "a converter nobody knows",
        'territory = { source = "cc", convert = "contry" }',
        "fields.territory.convert: there is no converter 'contry'; nearest: country, cents (for example convert = \"trim\", or a list, applied from source to ERPNext)",
    ),
    line(
        "a converter without its argument",
        'credit_limit = { source = "cents", convert = "decimal" }',
        "fields.credit_limit.convert: 'decimal': the converter is written decimal(n) (for example convert = \"trim\", or a list, applied from source to ERPNext)",
    ),
    line(
        "values that cannot be undone",
        'gender = { source = "sex", values = { m = "Male", man = "Male" } }',
        "fields.gender.values: this cannot be undone: 'm' and 'man' both become 'Male' (give the field one way: direction = \"to_erpnext\")",
    ),
    line(
        "values of the wrong shape",
        'gender = { source = "sex", values = ["m", "f"] }',
        'fields.gender.values: expected a table of values, found an array (write values = { company = "Company", person = "Individual" })',
    ),
    line(
        "an empty table of values",
        'gender = { source = "sex", values = {} }',
        'fields.gender.values: is empty (write values = { company = "Company", person = "Individual" })',
    ),
    line(
        "the external id as a field",
        'syncd_shop_id = "id"',
        "fields.syncd_shop_id: this is [erpnext] external_id: syncd writes it itself (take the line out)",
    ),
    customer(
        "a field against the mapping's direction",
        ('entity = "customers"', 'tax_id = "vat"\n'),
        ('entity = "customers"\ndirection = "to_erpnext"', 'tax_id = { source = "vat", direction = "to_source" }\n'),
        'fields.tax_id.direction: "to_source" contradicts the mapping\'s direction "to_erpnext" (leave it out, or make the mapping\'s direction "both")',
    ),
    customer(
        "creation against the direction",
        ('entity = "customers"', 'by = [["tax_id"]]'),
        ('entity = "customers"\ndirection = "to_erpnext"', 'create = "source"'),
        'match.create: "source": the mapping\'s direction "to_erpnext" writes nothing into the source (write "erpnext" or "none")',
    ),
    customer(
        "deletion against the direction",
        ('entity = "customers"', "[fields]"),
        ('entity = "customers"\ndirection = "to_source"', '[delete]\nsource_deleted = "disable"\n[fields]'),
        'delete.source_deleted: "disable": the mapping\'s direction "to_source" writes nothing into ERPNext (write "ignore")',
    ),
    customer(
        "ids written against the direction",
        ('entity = "customers"', "[source]\n"),
        ('entity = "customers"\ndirection = "to_source"', 'write_back = "always"\n[source]\n'),
        'erpnext.write_back: "always": the mapping\'s direction "to_source" writes no ids either (leave it out)',
    ),
    customer(
        "ids written without a field for them",
        'external_id = "syncd_shop_id"',
        'write_back = "always"',
        'erpnext.write_back: "always" needs external_id, the field that holds the id (add external_id = "syncd_…_id")',
    ),
    customer(
        "marking without a column for it",
        "[fields]",
        '[delete]\nerpnext_deleted = "mark"\n[fields]',
        'delete.erpnext_deleted: "mark" needs the column that marks deleted records (add deleted = "deleted_at" under [source])',
    ),
    customer(
        "an id column twice",
        'id = "id"',
        'id = ["id", "id"]',
        "source.id: a column stands there twice (name each once)",
    ),
    customer(
        "an id that is a number",
        'id = "id"',
        "id = 1",
        'source.id: expected a string or an array of strings, found the integer 1 (for example id = ["one", "two"])',
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_every_broken_file_gets_its_text(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_texts(case, tmp_path, monkeypatch)
