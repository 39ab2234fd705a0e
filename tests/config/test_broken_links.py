"""Broken links and computed fields, and what is wrong between mappings, with the exact text that each problem gets."""

# ruff: noqa: E501 - texts stand whole, as they are printed

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config import load
from tests.config.cases import (
    CUSTOMER,
    ENVIRONMENT,
    MAPPING,
    ORDER,
    ORDERS,
    SETTINGS,
    TOP,
    Case,
    changed,
    expect_texts,
    lay_out,
    order,
)

SECOND_SITE = """
[sites.second]
url = "https://second.example.com"
key = "${env:ERPNEXT_KEY}"
secret = "${env:ERPNEXT_SECRET}"
"""
SECOND_SOURCE = """
[sources.crm]
type = "sql"
url = "sqlite:///crm.db"
"""
LINES = """\
[mapping]
doctype = "Bin"
source = "shop"
entity = "order_lines"

[erpnext]
external_id = "syncd_line_id"

[source]
id = "id"

[fields]
item_code = "sku"
"""
RELATED = 'rows = { entity = "order_lines", parent = "order_id" }'


def field(what: str, added: str, *expect: str) -> Case:
    """One more line of [fields]."""
    return order(what, 'po_no = "number"\n', f'po_no = "number"\n{added}\n', *expect)


def row(what: str, added: str, *expect: str) -> Case:
    """One more line of [tables.items.fields]."""
    return order(what, 'qty = "quantity"\n', f'qty = "quantity"\n{added}\n', *expect)


def beside(what: str, files: dict[str, str], *expect: str) -> Case:
    """mappings/order.toml beside files that are changed; the expected texts name their file."""
    return Case(what=what, files={ORDER: ORDERS, **files}, expect=expect)


CASES = (
    # links
    field(
        "a link to nothing that is there",
        'contact_person = { source = "contact_id", link = "custmer" }',
        'fields.contact_person.link: there is no mapping "custmer" (did you mean "customer"?)',
    ),
    field(
        "a link to a word of its own",
        'contact_person = { source = "contact_id", link = "warehouse" }',
        'fields.contact_person.link: there is no mapping "warehouse" (known mappings: customer)',
    ),
    field(
        "a link without a source",
        'contact_person = { link = "customer" }',
        'fields.contact_person: has neither source nor constant nor compute (write contact_person = "column" or contact_person = { constant = "…" })',
    ),
    field(
        "a link with values",
        'contact_person = { source = "contact_id", link = "customer", values = { a = "A" } }',
        "fields.contact_person.values: link and values are both given: a link makes ERPNext's name of the source's id (keep one)",
    ),
    field(
        "a constant with a link",
        'contact_person = { constant = "A", link = "customer" }',
        "fields.contact_person.link: a constant takes no other key: it is written at creation only (take link out, or name a source)",
    ),
    field(
        "a link that is no text",
        'contact_person = { source = "contact_id", link = ["customer"] }',
        "fields.contact_person.link: expected a string, found an array",
    ),
    field(
        "a link with a converter that is none",
        'contact_person = { source = "contact_id", link = "customer", convert = "uper" }',
        "fields.contact_person.convert: there is no converter 'uper'; nearest: upper (for example convert = \"trim\", or a list, applied from source to ERPNext)",
    ),
    row(
        "a link of a row to nothing that is there",
        'warehouse = { source = "store", link = "warehouse" }',
        'tables.items.fields.warehouse.link: there is no mapping "warehouse" (known mappings: customer)',
    ),
    # computed fields
    field(
        "a computed field with a source",
        'title = { compute = "source.a", source = "a" }',
        "fields.title.source: source and compute are both given (keep one; compute reads its columns itself)",
    ),
    field(
        "a computed field with a constant",
        'title = { compute = "source.a", constant = "a" }',
        "fields.title.constant: constant and compute are both given (keep one)",
    ),
    field(
        "a computed field with a converter",
        'title = { compute = "source.a", convert = "trim" }',
        "fields.title.convert: a computed field takes no convert: the expression gives the value as ERPNext is to hold it (take convert out, or name a source)",
    ),
    field(
        "a computed field with values",
        'title = { compute = "source.a", values = { a = "A" } }',
        "fields.title.values: a computed field takes no values: the expression gives the value as ERPNext is to hold it (take values out, or name a source)",
    ),
    field(
        "a computed field with a link",
        'title = { compute = "source.a", link = "customer" }',
        "fields.title.link: a computed field takes no link: the expression gives the value as ERPNext is to hold it (take link out, or name a source)",
    ),
    field(
        "a computed field with a direction",
        'title = { compute = "source.a", direction = "both" }',
        "fields.title.direction: a computed field flows to ERPNext only (take direction out)",
    ),
    order(
        "a computed field where nothing flows to ERPNext",
        ('entity = "orders"', 'po_no = "number"'),
        ('entity = "orders"\ndirection = "to_source"', 'po_no = "number"\ntitle = { compute = "source.a" }'),
        'fields.title.compute: the mapping\'s direction "to_source" writes nothing into ERPNext (take the line out)',
    ),
    field(
        "an expression that breaks off",
        'title = { compute = "source.a + " }',
        "fields.title.compute: character 12: the expression ends where something should follow (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression with a word that is none of CEL",
        'title = { compute = "source.a and source.b" }',
        "fields.title.compute: character 10: and is not expected here (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression with columns that are not the source's",
        'title = { compute = "first + last" }',
        "fields.title.compute: first is not known: a column is written source.first, text in quotes (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression of the whole record",
        'title = { compute = "source" }',
        'fields.title.compute: character 1: source stands without a column: name it, like source.first or source["first name"] (for example compute = "source.first + \' \' + source.last")',
    ),
    field(
        "an expression with a function that is not there",
        'title = { compute = "source.a.lower()" }',
        "fields.title.compute: character 10: there is no function lower(): did you mean lowerAscii()? (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression without a column",
        "title = { compute = \"'a'\" }",
        "fields.title.compute: it names no column: write source.NAME for what is in the column NAME (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression over several lines",
        'title = { compute = """source.a\n  + )""" }',
        "fields.title.compute: line 2, character 5: ) is not expected here (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "an expression that is no text",
        "title = { compute = 5 }",
        'fields.title.compute: expected a string, found the integer 5 (text needs quotes: compute = "5")',
    ),
    field(
        "lists walked within lists",
        'title = { compute = "[source.a].map(x, [1].map(y, y))" }',
        "fields.title.compute: character 23: map() stands within another such function (for example compute = \"source.first + ' ' + source.last\")",
    ),
    field(
        "a computed docstatus",
        'docstatus = { compute = "source.a" }',
        'fields.docstatus: ERPNext sets "docstatus" itself, and takes no value for it (read it only: direction = "to_source"; which documents are submitted is said under [lifecycle])',
    ),
    order(
        "a match by a computed field",
        ("[fields]", 'po_no = "number"'),
        ('[match]\nby = [["title"]]\n\n[fields]', 'po_no = "number"\ntitle = { compute = "source.a" }'),
        'match.by: "title" is computed: no record of the source can be found by it (match by a field with a source)',
    ),
    row(
        "a computed field in a row",
        'description = { compute = "source.a" }',
        'tables.items.fields.description.compute: "compute" is not supported by this version yet (map the column itself, or compute it in a view of the source)',
    ),
    row(
        "a constant in a row with a direction",
        'uom = { constant = "Nos", direction = "to_erpnext" }',
        "tables.items.fields.uom.direction: a constant takes no other key: it is written at creation only (take direction out, or name a source)",
    ),
    row(
        "a constant in a row with a source",
        'uom = { constant = "Nos", source = "unit" }',
        "tables.items.fields.uom.constant: source and constant are both given (keep one; default fills empty values)",
    ),
    # between mappings
    beside(
        "a link to a mapping of another site",
        {
            TOP: SETTINGS + SECOND_SITE,
            CUSTOMER: changed(MAPPING, 'source = "shop"', 'source = "shop"\nsite = "second"'),
            ORDER: changed(ORDERS, 'source = "shop"', 'source = "shop"\nsite = "main"'),
        },
        'mappings/order.toml: fields.customer.link: the mapping "customer" is of the site "second", this one of "main" (link to a mapping of the same site: a name means nothing on another one)',
    ),
    beside(
        "a link to a mapping of another source",
        {
            TOP: SETTINGS + SECOND_SOURCE,
            CUSTOMER: changed(MAPPING, 'source = "shop"', 'source = "crm"'),
        },
        'mappings/order.toml: fields.customer.link: the mapping "customer" is of the source "crm", this one of "shop" (link to a mapping of the same source: an id means nothing in another one)',
    ),
    beside(
        "a link to a mapping whose id has several columns",
        {CUSTOMER: changed(MAPPING, 'id = "id"', 'id = ["shop", "number"]')},
        'mappings/order.toml: fields.customer.link: the mapping "customer" has an id of 2 columns, and a link has one (link to a mapping whose [source] id is one column)',
    ),
    beside(
        "a link to a mapping that is broken is not said to lead nowhere",
        {CUSTOMER: "[mapping\n"},
        "mappings/customer.toml: line 1, column 9: a [table] without its closing bracket (write [name])",
    ),
    beside(
        "a misspelt source is not said to be another one",
        {ORDER: changed(ORDERS, 'source = "shop"', 'source = "shopp"')},
        'mappings/order.toml: mapping.source: syncd.toml has no source "shopp" (did you mean "shop"?)',
    ),
    beside(
        "rows that another mapping writes as records",
        {ORDER: changed(ORDERS, 'source = "lines"', RELATED), "mappings/order-line.toml": LINES},
        'mappings/order.toml: tables.items.rows.entity: the mapping "order-line" writes the records of shop order_lines as well (let one of them only read: direction = "to_erpnext")',
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_every_broken_file_gets_its_text(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_texts(case, tmp_path, monkeypatch)


def warned(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> list[str]:
    """What the deployment is warned of; `customer`, `order` and `settings` stand in place of the good files."""
    names = {"customer": CUSTOMER, "order": ORDER, "settings": TOP}
    lay_out(folder, {ORDER: ORDERS, **{names.get(name, name): text for name, text in files.items()}})
    monkeypatch.chdir(folder)
    return [str(warning) for warning in load(environment=ENVIRONMENT).warnings]


def test_a_link_to_a_mapping_that_is_not_enabled_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = changed(MAPPING, 'entity = "customers"', 'entity = "customers"\nenabled = false')
    assert warned(tmp_path, monkeypatch, customer=off) == [
        'mappings/order.toml: fields.customer.link: the mapping "customer" is not enabled: records that link to one without a pair wait for it (set enabled = true in mappings/customer.toml)'
    ]
    both = changed(ORDERS, 'entity = "orders"', 'entity = "orders"\nenabled = false')
    assert warned(tmp_path, monkeypatch, customer=MAPPING, order=both) == []


def test_links_may_form_a_cycle_and_lead_to_their_own_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = MAPPING + (
        'last_order = { source = "order_id", link = "order" }\nparent = { source = "parent", link = "customer" }\n'
    )
    assert warned(tmp_path, monkeypatch, customer=customer) == []


@pytest.mark.parametrize(
    ("old", "new", "expected", "what"),
    [
        (
            'key = "line_no"',
            'key = "item_code"',
            'tables.items.key: "item_code" is a field of ERPNext; a key names columns of the source (if its column is meant, write key = "sku")',
            "a key by the field's name",
        ),
        (
            "[lifecycle]",
            '[delete]\nsource_deleted = "delete"\n\n[lifecycle]',
            'delete.source_deleted: "delete" takes drafts only: ERPNext deletes no document that is submitted (write "cancel" for those that are submitted)',
            "deletion of documents that are submitted",
        ),
        (
            ('modified = "updated_at"\n', 'key = "line_no"'),
            ("", 'key = "line_no"\nwins = "newest"'),
            'tables.items.wins: "newest" needs the stamps of the source: without them every difference is a conflict (add modified = "updated_at" under [source])',
            "the newest of rows without stamps",
        ),
    ],
)
def test_what_works_but_ought_to_be_looked_at(
    old: str, new: str, expected: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = warned(tmp_path, monkeypatch, order=changed(ORDERS, old, new, what))
    assert texts == [f"mappings/order.toml: {expected}"], what
