"""Broken mappings/order.toml: child tables, lifecycles and [create], with the exact text that each problem gets."""

# ruff: noqa: E501 - texts stand whole, as they are printed

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.cases import Case, expect_texts, order

ROWS = 'source = "lines"\nkey = "line_no"'
TABLE = f'[tables.items]\n{ROWS}\n[tables.items.fields]\nitem_code = "sku"\nqty = "quantity"\n\n'
END = 'cancelled = "void"\n'


def field(what: str, added: str, *expect: str) -> Case:
    """One more line of [fields]."""
    return order(what, 'po_no = "number"\n', f'po_no = "number"\n{added}\n', *expect)


def row(what: str, added: str, *expect: str) -> Case:
    """One more line of [tables.items.fields]."""
    return order(what, 'qty = "quantity"\n', f'qty = "quantity"\n{added}\n', *expect)


def rows(what: str, instead: str, *expect: str) -> Case:
    """Other keys of [tables.items] than `ROWS`."""
    return order(what, ROWS, instead, *expect)


def creation_beside(what: str, added: str, *expect: str) -> Case:
    """[create] in a mapping with a child table."""
    return order(what, END, f"{END}\n{added}\n", *expect)


def creation(what: str, added: str, *expect: str, old: str = "", new: str = "") -> Case:
    """[create] in a mapping without a child table, with one more change."""
    return order(what, (TABLE, END, old), ("", f"{END}\n{added}\n", new), *expect)


CASES = (
    # child tables
    order(
        "keys right under [tables]",
        '[tables.items]\nsource = "lines"\nkey = "line_no"\n[tables.items.fields]\nitem_code = "sku"\nqty = "quantity"\n',
        '[tables]\nsource = "lines"\n',
        "tables: source stands right under [tables] (put a name into it: [tables.items])",
    ),
    order(
        "a table in double brackets",
        '[tables.items]\nsource = "lines"\nkey = "line_no"\n[tables.items.fields]',
        '[[tables.items]]\nsource = "lines"\nkey = "line_no"\n[tables.items.fields]',
        "tables.items: expected a table, found an array (write it as a table: [tables.items])",
    ),
    rows(
        "a table without rows",
        'key = "line_no"',
        'tables.items: has neither source nor rows (write source = "lines" for a nested list, or rows = { entity = "order_lines", parent = "order_id" })',
    ),
    rows(
        "a table with two homes for its rows",
        'source = "lines"\nrows = { entity = "order_lines", parent = "order_id" }\nkey = "line_no"',
        "tables.items.rows: source and rows are both given (keep one)",
    ),
    rows(
        "rows without a parent",
        'rows = { entity = "order_lines" }\nkey = "line_no"',
        "tables.items.rows.parent: is missing (expected a string or an array of strings)",
    ),
    rows(
        "rows that are the entity's name",
        'rows = "order_lines"\nkey = "line_no"',
        'tables.items.rows: expected a table, found the string "order_lines" (write it as a table: [tables.items.rows])',
    ),
    rows(
        "rows with a misspelt key",
        'rows = { entity = "order_lines", parnt = "order_id" }\nkey = "line_no"',
        'tables.items.rows.parnt: unknown key (did you mean "parent"?)',
        "tables.items.rows.parent: is missing (expected a string or an array of strings)",
    ),
    rows(
        "rows of the mapping's own entity",
        'rows = { entity = "orders", parent = "order_id" }\nkey = "line_no"',
        'tables.items.rows.entity: "orders" is the mapping\'s own entity, so its records would be rows of one another (name the table that holds the rows; or, where each record is its own one row, parent = "id")',
    ),
    order(
        "rows that name half of an id",
        ('id = "id"', 'source = "lines"\nkey = "line_no"'),
        ('id = ["shop", "number"]', 'rows = { entity = "order_lines", parent = "order_id" }\nkey = "line_no"'),
        "tables.items.rows.parent: names 1 column, but [source] id has 2 columns (name the columns of order_lines that hold shop, number, in this order)",
    ),
    order(
        "a parent twice",
        ('id = "id"', 'source = "lines"\nkey = "line_no"'),
        (
            'id = ["shop", "number"]',
            'rows = { entity = "order_lines", parent = ["order_id", "order_id"] }\nkey = "line_no"',
        ),
        "tables.items.rows.parent: a column stands there twice (name each once)",
    ),
    order(
        "a parent that a row writes",
        ('source = "lines"\nkey = "line_no"', 'qty = "quantity"'),
        (
            'rows = { entity = "order_lines", parent = "order_id" }\nkey = "line_no"',
            'qty = "quantity"\nprevdoc_docname = "order_id"',
        ),
        'tables.items.fields.prevdoc_docname: the column "order_id" is rows.parent: syncd writes it itself (read it only: direction = "to_erpnext")',
    ),
    rows(
        "a key that names the record",
        'rows = { entity = "order_lines", parent = "order_id" }\nkey = "order_id"',
        'tables.items.key: names nothing but the record itself (name what tells its rows apart: key = "line_no")',
    ),
    order(
        "a key twice",
        'key = "line_no"',
        'key = ["line_no", "line_no"]',
        "tables.items.key: a column stands there twice (name each once)",
    ),
    order(
        "a table without fields",
        '[tables.items.fields]\nitem_code = "sku"\nqty = "quantity"\n',
        "",
        "tables.items.fields: is missing (expected a table of fields)",
    ),
    order(
        "a table with no line in its fields",
        'item_code = "sku"\nqty = "quantity"\n',
        "",
        'tables.items.fields: no field of the rows is mapped to a column (write one line for each: qty = "quantity")',
    ),
    order(
        "a table under a label",
        ("[tables.items]", "[tables.items.fields]"),
        ('[tables."Order Items"]', '[tables."Order Items".fields]'),
        'tables."Order Items": "Order Items" is not an ERPNext fieldname (did you mean "order_items"?)',
    ),
    field(
        "a table that is a field too",
        'items = { source = "json_lines", direction = "to_erpnext" }',
        'tables.items: "items" is mapped under [fields] too (keep one: a table is mapped row by row here)',
    ),
    order(
        "a misspelt key of a table",
        'key = "line_no"',
        'keys = "line_no"',
        'tables.items.keys: unknown key (did you mean "key"?)',
    ),
    order(
        "the same rows in two tables",
        "[lifecycle]",
        '[tables.taxes]\nsource = "lines"\n[tables.taxes.fields]\nrate = "rate"\n\n[lifecycle]',
        'tables.taxes: the table "items" has its rows from "lines" as well (take one of them out: the same rows cannot stand in two tables)',
    ),
    order(
        "a table against the mapping's direction",
        ('entity = "orders"', 'key = "line_no"'),
        ('entity = "orders"\ndirection = "to_erpnext"', 'key = "line_no"\ndirection = "to_source"'),
        'tables.items.direction: "to_source" contradicts the mapping\'s direction "to_erpnext" (leave it out, or make the mapping\'s direction "both")',
    ),
    order(
        "a row against its table's direction",
        ('key = "line_no"', 'qty = "quantity"'),
        ('key = "line_no"\ndirection = "to_erpnext"', 'qty = { source = "quantity", direction = "both" }'),
        'tables.items.fields.qty.direction: "both" contradicts the table\'s direction "to_erpnext" (leave it out, or make the table\'s direction "both")',
    ),
    row(
        "a row without a source",
        "rate = { default = 0 }",
        'tables.items.fields.rate: has neither source nor constant (write rate = "column" or rate = { constant = "…" })',
    ),
    row(
        "a number for a line of a row",
        "rate = 5",
        'tables.items.fields.rate: expected the column\'s name or a table, found the integer 5 (write rate = "column" or rate = { constant = 5 })',
    ),
    order(
        "rows of constants alone",
        'item_code = "sku"\nqty = "quantity"\n',
        'uom = { constant = "Nos" }\n',
        'tables.items.fields: no field of the rows is mapped to a column (write one line for each: qty = "quantity")',
    ),
    row(
        "a label in a row",
        '"Item Name" = "name"',
        'tables.items.fields."Item Name": "Item Name" is not an ERPNext fieldname (did you mean "item_name"?)',
    ),
    row(
        "two fields of a row into one column",
        'stock_qty = "quantity"',
        'tables.items.fields.stock_qty: "qty" and "stock_qty" both write to "quantity" (let one of them only read it: direction = "to_erpnext")',
    ),
    row(
        "a standard field of a row",
        'idx = "line_no"',
        'tables.items.fields.idx: ERPNext sets "idx" itself, and takes no value for it (read it only: direction = "to_source")',
    ),
    row(
        "a converter of a row that is none",
        'rate = { source = "price", convert = "cent" }',
        "tables.items.fields.rate.convert: there is no converter 'cent'; nearest: cents, country (for example convert = \"trim\", or a list, applied from source to ERPNext)",
    ),
    row(
        "a default of a row that flows nowhere",
        'rate = { source = "price", default = 0, direction = "to_source" }',
        "tables.items.fields.rate.default: default fills ERPNext when the source is empty, but this field flows to the source only (take default out, or change the direction)",
    ),
    row(
        "enforce in a row that flows both ways",
        'rate = { source = "price", enforce = true }',
        'tables.items.fields.rate.enforce: enforce is for one-way fields: it undoes edits on the receiving side (give the field a direction, "to_erpnext" or "to_source")',
    ),
    # documents that are submitted
    order(
        "a lifecycle without its field",
        'field = "status"\n',
        "",
        "lifecycle.field: is missing (expected a string)",
    ),
    order(
        "a lifecycle that submits nothing",
        'submitted = ["paid", "shipped"]\n',
        "",
        "lifecycle.submitted: is missing (expected a value or an array of values)",
    ),
    order(
        "an empty list of states",
        'submitted = ["paid", "shipped"]',
        "submitted = []",
        "lifecycle.submitted: is empty (name at least one value, or leave the key out)",
    ),
    order(
        "an empty state",
        'submitted = ["paid", "shipped"]',
        'submitted = ["paid", ""]',
        "lifecycle.submitted: an empty value stands in it (take it out)",
    ),
    order(
        "a state that is a date",
        'cancelled = "void"',
        "cancelled = 2026-01-31",
        'lifecycle.cancelled: expected a value or an array of values, found the date 2026-01-31 (for example cancelled = ["one", "two"])',
    ),
    order(
        "one value for two states",
        'cancelled = "void"',
        'cancelled = ["void", "paid"]',
        'lifecycle.cancelled: "paid" stands in submitted too (keep it in one of the two)',
    ),
    order(
        "a value twice for one state",
        'cancelled = "void"',
        'cancelled = ["void", "void"]',
        "lifecycle.cancelled: a value stands there twice (name each once)",
    ),
    order(
        "a misspelt policy",
        'field = "status"',
        'field = "status"\nchanged_after_submit = "ammend"',
        'lifecycle.changed_after_submit: changed_after_submit cannot be "ammend" (did you mean "amend"?)',
    ),
    order(
        "a policy of another key",
        'field = "status"',
        'field = "status"\nsubmit_fails = "amend"',
        'lifecycle.submit_fails: submit_fails cannot be "amend" (known values: hold, rollback)',
    ),
    order(
        "a misspelt key of the lifecycle",
        'field = "status"',
        'field = "status"\ncanceled = "x"',
        'lifecycle.canceled: unknown key (did you mean "cancelled"?)',
    ),
    field(
        "the state's column mapped both ways",
        'status = "status"',
        'fields.status: the column "status" is [lifecycle] field: syncd writes it itself (read it only: direction = "to_erpnext")',
    ),
    order(
        "a state in the soft-delete column",
        ('modified = "updated_at"', 'field = "status"'),
        ('modified = "updated_at"\ndeleted = "gone"', 'field = "gone"'),
        'lifecycle.field: the column "gone" is [source] deleted: it holds no state (name the column that says whether a document is a draft, submitted or cancelled)',
    ),
    order(
        "a state in the id",
        'field = "status"',
        'field = "id"',
        'lifecycle.field: the column "id" is [source] id: it holds no state (name the column that says whether a document is a draft, submitted or cancelled)',
    ),
    order(
        "a match by the state",
        ("[fields]", 'po_no = "number"'),
        (
            '[match]\nby = [["status"]]\n\n[fields]',
            'po_no = "number"\nstatus = { source = "status", direction = "to_erpnext" }',
        ),
        'match.by: "status" is [lifecycle] field: it tells no record from another (match by another field)',
    ),
    field(
        "docstatus mapped",
        'docstatus = "status_code"',
        'fields.docstatus: ERPNext sets "docstatus" itself, and takes no value for it (read it only: direction = "to_source"; which documents are submitted is said under [lifecycle])',
    ),
    field(
        "amended_from mapped",
        'amended_from = "previous"',
        'fields.amended_from: syncd fills "amended_from" itself when it amends a document (read it only: direction = "to_source")',
    ),
    order(
        "a lifecycle that is a word",
        (
            "[mapping]",
            '[lifecycle]\nfield = "status"\ndraft = "pending"\nsubmitted = ["paid", "shipped"]\ncancelled = "void"\n',
        ),
        ('lifecycle = "status"\n[mapping]', ""),
        'lifecycle: expected a table, found the string "status" (write it as a table: [lifecycle])',
    ),
    # documents that ERPNext builds
    order(
        "where partners are created, above all tables",
        "[mapping]",
        'create = "both"\n[mapping]',
        'create: expected a table, found the string "both" (where missing partners are created is said under [match]: create = "both")',
    ),
    creation_beside(
        "a creation without its method",
        '[create]\nargs = { dt = "x" }',
        "create.method: is missing (expected a string)",
        'tables.items: ERPNext builds the rows itself with [create] method (take the table out, or only read it: direction = "to_source")',
    ),
    creation_beside(
        "a creation by a name that is no path",
        '[create]\nmethod = "get_payment_entry()"',
        'create.method: "get_payment_entry()" is no method of a site (write its dotted path, like "erpnext.module.file.function")',
        'tables.items: ERPNext builds the rows itself with [create] method (take the table out, or only read it: direction = "to_source")',
    ),
    creation_beside(
        "a creation beside a table",
        '[create]\nmethod = "erpnext.api.make"',
        'tables.items: ERPNext builds the rows itself with [create] method (take the table out, or only read it: direction = "to_source")',
    ),
    creation(
        "an argument with an unknown field",
        '[create]\nmethod = "erpnext.api.make"\nargs = { dn = "{custmer}" }',
        'create.args.dn: "{custmer}" stands for a field that is not mapped under [fields] (did you mean "customer"?)',
    ),
    creation(
        "an argument with a column",
        '[create]\nmethod = "erpnext.api.make"\nargs = { dn = "{customer_id}" }',
        'create.args.dn: "{customer_id}" stands for a field that is not mapped under [fields] (write the ERPNext field: {customer})',
    ),
    creation(
        "an argument that is a list",
        '[create]\nmethod = "erpnext.api.make"\nargs = { dn = ["{customer}"] }',
        "create.args.dn: expected one value, found an array (write one string, number, boolean or date)",
    ),
    creation(
        "arguments as a list",
        '[create]\nmethod = "erpnext.api.make"\nargs = ["{customer}"]',
        'create.args: expected a table of arguments, found an array (write args = { dt = "Sales Invoice", dn = "{invoice}" })',
    ),
    creation(
        "an argument with a field that flows to the source",
        '[create]\nmethod = "erpnext.api.make"\nargs = { dn = "{note}" }',
        'create.args.dn: "{note}": the field flows to the source only (name a field that flows to ERPNext)',
        old='po_no = "number"',
        new='po_no = "number"\nnote = { source = "note", direction = "to_source" }',
    ),
    creation(
        "a creation where nothing is written",
        '[create]\nmethod = "erpnext.api.make"\n',
        'create: the mapping\'s direction "to_source" writes nothing into ERPNext (take the table out)',
        old='entity = "orders"',
        new='entity = "orders"\ndirection = "to_source"',
    ),
    creation(
        "a creation where nothing is created",
        '[create]\nmethod = "erpnext.api.make"\n',
        'create: [match] create = "source" makes nothing in ERPNext (take the table out)',
        old="[fields]",
        new='[match]\ncreate = "source"\n\n[fields]',
    ),
    creation(
        "where partners are created, in the wrong place",
        '[create]\nmethod = "erpnext.api.make"\nby = "both"',
        "create.by: unknown key (it belongs under [match])",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_every_broken_file_gets_its_text(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_texts(case, tmp_path, monkeypatch)
