"""What `syncd check` finds in a mapping, each with its exact text, on a sandbox site and a SQLite shop."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.check.conftest import Place, key_of


class Case(NamedTuple):
    """One mistake: what is put in place of what in a mapping, and the finding that it gets."""

    what: str
    mapping: str
    edits: tuple[tuple[str, str], ...]
    severity: str
    key: str
    message: str
    hint: str
    sql: str = ""


CASES = [
    Case(
        "a column that is not there",
        "customer",
        (('tax_id = "vat"', 'tax_id = "vatt"'),),
        "error",
        "fields.tax_id",
        "customers of shop has no column vatt",
        "Did you mean vat?",
    ),
    Case(
        "a field that the DocType has not",
        "customer",
        (('tax_id = "vat"', 'tax_idd = "vat"'),),
        "error",
        "fields.tax_idd",
        "Customer has no field tax_idd",
        "Did you mean tax_id?",
    ),
    Case(
        "a field far from every other",
        "customer",
        (('tax_id = "vat"', 'wholly_unlike_anything = "vat"'),),
        "error",
        "fields.wholly_unlike_anything",
        "Customer has no field wholly_unlike_anything",
        "Look the fieldname up in the DocType's form, not its label.",
    ),
    Case(
        "a link of syncd's own that was not made yet",
        "order",
        (
            (
                "customer = { source",
                (
                    'syncd_buyer = { source = "customer_id", link = "customer", direction = "to_erpnext" }'
                    "\ncustomer = { source"
                ),
            ),
        ),
        "error",
        "fields.syncd_buyer",
        "Sales Order has no field syncd_buyer",
        "Run `syncd provision --apply`: it makes the field.",
    ),
    Case(
        "an id column that is not there",
        "customer",
        (('id = "id"', 'id = "idd"'),),
        "error",
        "source.id",
        "customers of shop has no column idd",
        "Did you mean id?",
    ),
    Case(
        "a stamp column that is not there",
        "customer",
        (('modified = "updated_at"', 'modified = "updated"'),),
        "error",
        "source.modified",
        "customers of shop has no column updated",
        "Did you mean updated_at?",
    ),
    Case(
        "a table of the source that is not there",
        "customer",
        (('entity = "customers"', 'entity = "custmers"'),),
        "error",
        "mapping.entity",
        "the source 'shop' has no table 'custmers'",
        "did you mean 'customers'?",
    ),
    Case(
        "a filter on a column that is not there",
        "customer",
        (('id = "id"', 'id = "id"\nfilters = { activ = 1 }'),),
        "error",
        "source.filters.activ",
        "customers of shop has no column activ",
        "Did you mean contact_id?",
    ),
    Case(
        "a filter on a field that the DocType has not",
        "customer",
        (('external_id = "syncd_shop_id"', 'external_id = "syncd_shop_id"\nfilters = [["customer_groop", "=", "x"]]'),),
        "error",
        "erpnext.filters",
        "Customer has no field customer_groop: the site refuses a filter on it",
        "Did you mean customer_group?",
    ),
    Case(
        "a DocType that the site has not",
        "customer",
        (('doctype = "Customer"', 'doctype = "Custommer"'),),
        "error",
        "site main",
        "{url} has no DocType Custommer",
        "check mapping.doctype (the name as ERPNext shows it, in English), or install the app that brings it",
    ),
    Case(
        "an external-id field that is not there",
        "customer",
        (('external_id = "syncd_shop_id"', 'external_id = "syncd_other_id"'),),
        "error",
        "erpnext.external_id",
        "Customer has no field syncd_other_id",
        "run syncd provision --apply: it makes the field",
    ),
    Case(
        "an external-id field of another type",
        "customer",
        (('external_id = "syncd_shop_id"', 'external_id = "customer_group"'),),
        "error",
        "erpnext.external_id",
        "customer_group is a Link, not a Data field",
        "use another name",
    ),
    Case(
        "neither an external id nor a match rule",
        "customer",
        (('external_id = "syncd_shop_id"\n', ""),),
        "error",
        "erpnext.external_id",
        "is not set, and there is no match rule: after a lost answer nothing tells which document was made",
        'Add external_id = "syncd_shop_id" and run `syncd provision --apply`.',
    ),
    Case(
        "match rules instead of an external id",
        "customer",
        (('external_id = "syncd_shop_id"\n', ""), ("[fields]", '[match]\nby = [["tax_id"]]\n[fields]')),
        "warning",
        "erpnext.external_id",
        "is not set: after a lost answer nothing but the match rules tells which document was made",
        'Add external_id = "syncd_shop_id" and run `syncd provision --apply`.',
    ),
    Case(
        "a match rule on a field without an index",
        "customer",
        (("[fields]", '[match]\nby = [["tax_id"]]\n[fields]'),),
        "note",
        "match.by",
        "tax_id has no index in Customer: nothing there keeps two documents from holding one value, and what "
        "matches both is held",
        "Where its values tell records apart, set Unique or Index for it in Customize Form.",
    ),
    Case(
        "a match rule on a column without an index",
        "customer",
        (("[fields]", '[match]\nby = [["customer_name"]]\n[fields]'),),
        "note",
        "match.by",
        "customer_name has no index in Customer: nothing there keeps two documents from holding one value, and "
        "what matches both is held",
        "Where its values tell records apart, set Unique or Index for it in Customize Form.",
    ),
    Case(
        "a column for ERPNext's name without an index",
        "customer",
        (('modified = "updated_at"', 'modified = "updated_at"\nerpnext_name = "erp_ref"'),),
        "note",
        "source.erpnext_name",
        "erp_ref has no index: each time it is asked for, the database reads all of customers",
        "Give it an index where the table is large.",
    ),
    Case(
        "no stamp of the last change",
        "customer",
        (('modified = "updated_at"\n', ""),),
        "note",
        "source.modified",
        "is not set: every pass reads all rows of customers and compares their digests",
        'Add modified = "…" under [source] where a column holds the stamp of the last change.',
    ),
    Case(
        "newest without stamps",
        "customer",
        (('modified = "updated_at"\n', ""), ("[fields]", '[conflict]\nwins = "newest"\n[fields]')),
        "warning",
        "conflict.wins",
        '"newest" needs the stamps of the source: without them every difference is a conflict',
        'add modified = "updated_at" under [source]',
    ),
    Case(
        "an option that the Select has not",
        "customer",
        (('person = "Individual"', 'person = "Indivdual"'),),
        "error",
        "fields.customer_type",
        "values: 'person' = 'Indivdual': 'Indivdual' is not one of the options; nearest: 'Individual'",
        "Correct the converter or the values of this line.",
    ),
    Case(
        "an option without an entry",
        "customer",
        ((', both = "Partnership"', ""),),
        "warning",
        "fields.customer_type.values",
        "no entry gives 'Partnership', which Customer takes: documents with it are failures",
        "Add an entry for each, or let the line flow to ERPNext only.",
    ),
    Case(
        "a default that is no option",
        "customer",
        (('both = "Partnership" }', 'both = "Partnership" }, default = "Firm"'),),
        "error",
        "fields.customer_type.default",
        "'Firm' is not one of the options; nearest: 'Company', 'Individual', 'Partnership'",
        "Write a value that the field can hold.",
    ),
    Case(
        "a constant that the field cannot hold",
        "customer",
        (('disabled = "blocked"', 'disabled = { constant = "maybe" }'),),
        "error",
        "fields.disabled.constant",
        "'maybe' is neither 0 nor 1 (nor true, false)",
        "Write a value that the field can hold.",
    ),
    Case(
        "types without a value in common",
        "order",
        (('transaction_date = "day"', 'transaction_date = { source = "gone", direction = "to_erpnext" }'),),
        "error",
        "fields.transaction_date",
        "the source's BOOLEAN and ERPNext's Date have no value in common; a converter may help",
        "Correct the converter or the values of this line.",
        sql="ALTER TABLE orders ADD COLUMN gone BOOLEAN;",
    ),
    Case(
        "a converter for other values",
        "customer",
        (
            (
                'territory = { source = "country", convert = "country" }',
                'territory = { source = "id", convert = "cents", direction = "to_erpnext" }',
            ),
        ),
        "warning",
        "fields.territory",
        "no Territory on the site is called “0.01” (1); “0.02” (2): such records are refused",
        "make them in ERPNext, or convert the values (values = { … }), or link through a mapping of Territory",
    ),
    Case(
        "a field that can be set only once",
        "customer",
        (('tax_id = "vat"', 'naming_series = "vat"'),),
        "warning",
        "fields.naming_series",
        "naming_series can be set only once in Customer: a later edit in the source is refused, record by record",
        'Write a constant, or let the line only read: direction = "to_source".',
    ),
    Case(
        "a field that ERPNext computes",
        "customer",
        (('tax_id = "vat"', 'deposit_balance = "bonus"'),),
        "warning",
        "fields.deposit_balance",
        "deposit_balance is read-only in Customer: ERPNext may compute it itself and overwrite what is sent",
        'If so, add direction = "to_source" to this line.',
        sql="ALTER TABLE customers ADD COLUMN bonus NUMERIC;",
    ),
    Case(
        "a mandatory field that nothing fills",
        "customer",
        (('customer_name = "name"', 'customer_details = "name"'),),
        "warning",
        "fields",
        "Customer needs customer_name (Customer Name), which nothing fills",
        'Map it, or add customer_name = { constant = "…" }, unless the site fills it by itself.',
    ),
    Case(
        "texts longer than the field",
        "customer",
        (('tax_id = "vat"', 'tax_id = "long"'),),
        "warning",
        "fields.tax_id",
        "long holds up to 500 characters, tax_id 140: longer values are refused, record by record",
        "Make tax_id longer, or shorten what stands in long.",
        sql="ALTER TABLE customers ADD COLUMN long VARCHAR(500);",
    ),
    Case(
        "a column that the expression reads is not there",
        "contact",
        (('last_name = "last"', 'last_name = { compute = "source.frst + source.last" }'),),
        "error",
        "fields.last_name.compute",
        "contacts of shop has no column frst, which the expression reads",
        "Did you mean first?",
    ),
    Case(
        "an expression that fails on live rows",
        "contact",
        (('last_name = "last"', 'last_name = { compute = "source.first + source.last" }'),),
        "warning",
        "fields.last_name.compute",
        "the expression fails on the only row of contacts (7): cannot be computed for first = 'Nora', last = NULL: "
        "string + null does not go: both must be of one type, convert with string(…), int(…) or double(…); last is "
        "empty: say what then, like has(source.last) ? … : …",
        "Make the expression hold for these rows too: has(source.x) tells whether a column holds anything.",
        sql="UPDATE contacts SET last = NULL;",
    ),
    Case(
        "a disabled field that is not there",
        "order",
        (("[lifecycle]", '[delete]\nsource_deleted = "disable"\n[lifecycle]'),),
        "error",
        "delete.source_deleted",
        '"disable": Sales Order has no field disabled',
        'Write "delete" or "ignore".',
    ),
    Case(
        "cancelling what cannot be submitted",
        "customer",
        (("[fields]", '[delete]\nsource_deleted = "cancel"\n[fields]'),),
        "error",
        "delete.source_deleted",
        '"cancel": Customer cannot be submitted, so nothing of it can be cancelled',
        'Write "disable", "delete" or "ignore".',
    ),
    Case(
        "a lifecycle of what cannot be submitted",
        "customer",
        (
            (
                'disabled = "blocked"\n',
                'disabled = "blocked"\n[lifecycle]\nfield = "erp_ref"\nsubmitted = ["company"]\n',
            ),
        ),
        "error",
        "lifecycle",
        "Customer cannot be submitted: no document of it has a state",
        "Take [lifecycle] out; map the status as a field where the DocType has one.",
    ),
    Case(
        "no lifecycle of what can be submitted",
        "order",
        (('[lifecycle]\nfield = "status"\ndraft = ["pending"]\nsubmitted = ["paid"]\ncancelled = ["void"]\n', ""),),
        "note",
        "lifecycle",
        "Sales Order can be submitted and the mapping has no [lifecycle]: documents are made as drafts, and "
        "nothing is submitted or cancelled for the source",
        "Add [lifecycle] where a column of the source says what is submitted.",
    ),
    Case(
        "a state that stands in no list",
        "order",
        (),
        "warning",
        "lifecycle.field",
        "status = 'shipped' stands in no list, in 1 row of orders (100): such records are held",
        'Add "shipped" to draft, submitted or cancelled.',
        sql="UPDATE orders SET status = 'shipped';",
    ),
    Case(
        "a state column that is not there",
        "order",
        (('field = "status"', 'field = "stat"'),),
        "error",
        "lifecycle.field",
        "orders of shop has no column stat",
        "Did you mean status?",
    ),
    Case(
        "a child table that the DocType has not",
        "order",
        (("[tables.items]", "[tables.itmes]"), ("[tables.items.fields]", "[tables.itmes.fields]")),
        "error",
        "tables.itmes",
        "Sales Order has no child table itmes",
        "did you mean items or taxes?",
    ),
    Case(
        "a mandatory table that nothing fills",
        "order",
        (
            (
                (
                    '[tables.items]\nrows = { entity = "order_lines", parent = "order_id" }\nkey = '
                    '["line_no"]\n[tables.items.fields]\nitem_code = { source = "sku", link = "item" }\nqty = '
                    '"quantity"\nrate = { source = "price_cents", convert = "cents" }\n'
                ),
                "",
            ),
        ),
        "warning",
        "tables",
        "Sales Order needs rows in items, which nothing gives: none can be made",
        "map them under [tables.items]",
    ),
    Case(
        "a child table among the fields",
        "order",
        (('po_no = "ref"', 'taxes = "ref"'),),
        "error",
        "fields.taxes",
        "taxes is a child table of Sales Order, not a field",
        "map its rows under [tables.taxes]",
    ),
    Case(
        "a related table that is not there",
        "order",
        (('entity = "order_lines"', 'entity = "order_line"'),),
        "error",
        "tables.items.rows.entity",
        "the source 'shop' has no table 'order_line'",
        "did you mean 'order_lines' or 'orders'?",
    ),
    Case(
        "a column that ties rows that is not there",
        "order",
        (('parent = "order_id"', 'parent = "ordr_id"'),),
        "error",
        "tables.items.rows.parent",
        "order_lines of shop has no column ordr_id",
        "Did you mean order_id?",
    ),
    Case(
        "a key column that is not there",
        "order",
        (('key = ["line_no"]', 'key = ["line"]'),),
        "error",
        "tables.items.key",
        "order_lines of shop has no column line",
        "Did you mean line_no?",
    ),
    Case(
        "a field that rows have not",
        "order",
        (('qty = "quantity"', 'qtty = "quantity"'),),
        "error",
        "tables.items.fields.qtty",
        "Sales Order Item has no field qtty",
        "Did you mean qty?",
    ),
    Case(
        "a column that rows have not",
        "order",
        (('qty = "quantity"', 'qty = "quantiti"'),),
        "error",
        "tables.items.fields.qty",
        "order_lines of shop has no column quantiti",
        "Did you mean quantity?",
    ),
    Case(
        "a column with a list that is not there",
        "order",
        (('rows = { entity = "order_lines", parent = "order_id" }', 'source = "linez"'), ('key = ["line_no"]\n', "")),
        "error",
        "tables.items.source",
        "orders of shop has no column linez",
        "Did you mean lines?",
    ),
    Case(
        "a member that no list has",
        "order",
        (
            ('rows = { entity = "order_lines", parent = "order_id" }', 'source = "lines"'),
            ('key = ["line_no"]\n', ""),
            ('qty = "quantity"', 'qty = "m"'),
            ('rate = { source = "price_cents", convert = "cents" }\n', ""),
        ),
        "warning",
        "tables.items.fields.qty",
        "no row of the list lines in orders of shop has a member m",
        "The list has: sku, n",
    ),
    Case(
        "a link at a field of another DocType",
        "order",
        (
            (
                'customer = { source = "customer_id", link = "customer" }',
                'customer = { source = "customer_id", link = "contact" }',
            ),
        ),
        "error",
        "fields.customer.link",
        "customer holds names of Customer, the mapping contact makes Contact: the site refuses each of them",
        "link through a mapping of the DocType Customer",
    ),
    Case(
        "a link at a field that is no Link",
        "order",
        (('po_no = "ref"', 'po_no = { source = "ref", link = "customer" }'),),
        "warning",
        "fields.po_no.link",
        "po_no is a Data field, not a Link: the names stand there as text, and ERPNext does not follow a rename",
        "use a Link field where the DocType has one",
    ),
    Case(
        "a link at a number",
        "order",
        (('rate = { source = "price_cents", convert = "cents" }', 'rate = { source = "price_cents", link = "item" }'),),
        "error",
        "tables.items.fields.rate.link",
        "rate is a Currency field, which holds no name of a document",
        "name a Link field, or take link out",
    ),
    Case(
        "a dynamic link without its DocType",
        "contact",
        (
            (
                'last_name = "last"\n',
                (
                    'last_name = "last"\n[tables.links]\nrows = { entity = "contacts", parent = "id" '
                    '}\n[tables.links.fields]\nlink_name = { source = "customer_id", link = "customer" }\n'
                ),
            ),
        ),
        "error",
        "tables.links.fields.link_name.link",
        "link_name leads to the DocType that link_doctype names, and nothing fills link_doctype",
        'add link_doctype = { constant = "Customer" } under [tables.links.fields]',
    ),
    Case(
        "a dynamic link to another DocType",
        "contact",
        (
            (
                'last_name = "last"\n',
                (
                    'last_name = "last"\n[tables.links]\nrows = { entity = "contacts", parent = "id" '
                    '}\n[tables.links.fields]\nlink_doctype = { constant = "Supplier" }\nlink_name = { source = '
                    '"customer_id", link = "customer" }\n'
                ),
            ),
        ),
        "error",
        "tables.links.fields.link_name.link",
        "link_doctype says 'Supplier', and the mapping customer makes Customer",
        'write link_doctype = { constant = "Customer" } under [tables.links.fields]',
    ),
    Case(
        "a column of another type than the linked id",
        "order",
        (('item_code = { source = "sku", link = "item" }', 'item_code = { source = "line_no", link = "item" }'),),
        "warning",
        "tables.items.fields.item_code.link",
        "line_no holds INTEGER, the ids of the mapping item are TEXT: 7 and 007 are not the same id",
        "Make both columns of one type, or add a converter that writes the id as the linked table does.",
    ),
    Case(
        "a column that holds no ids at all",
        "order",
        (('source = "customer_id", link', 'source = "gone", link'),),
        "error",
        "fields.customer.link",
        "gone holds BOOLEAN, the ids of the mapping customer are INTEGER: no value is one of them",
        "Name the column that holds the id of customer.",
        sql="ALTER TABLE orders ADD COLUMN gone BOOLEAN;",
    ),
    Case(
        "a name that no document has",
        "customer",
        (),
        "warning",
        "fields.territory",
        "no Territory on the site is called “Antarctica” (2): such records are refused",
        "make them in ERPNext, or convert the values (values = { … }), or link through a mapping of Territory",
        sql="UPDATE customers SET country = 'AQ' WHERE id = 2;",
    ),
    Case(
        "a constant that no document has",
        "item",
        (('constant = "Nos"', 'constant = "Bunch"'),),
        "error",
        "fields.stock_uom.constant",
        "there is no UOM “Bunch” on the site: every document with it is refused",
        "make it in ERPNext, or name a UOM that is there",
    ),
    Case(
        "values that the converter refuses",
        "customer",
        (),
        "warning",
        "fields.territory",
        "1 of the first 2 rows of customers cannot go across (2: 'XX'): 'XX' is not an ISO 3166-1 country code of "
        "two letters",
        "Such records are failures: correct the values, or the converter or values of this line.",
        sql="UPDATE customers SET country = 'XX' WHERE id = 2;",
    ),
    Case(
        "values that are no option",
        "customer",
        (),
        "warning",
        "fields.customer_type",
        "1 of the first 2 rows of customers cannot go across (2: 'martian'): 'martian' has no entry in `values`",
        "Such records are failures: correct the values, or the converter or values of this line.",
        sql="UPDATE customers SET kind = 'martian' WHERE id = 2;",
    ),
    Case(
        "values without a way back",
        "customer",
        (('tax_id = "vat"', 'tax_id = { source = "vat", convert = "prefix(EU-)" }'),),
        "warning",
        "fields.tax_id",
        "the only row of Customer cannot go across (Aster: 'DE1'): 'DE1' is not 'EU-' with something behind it",
        "Such records are failures: correct the values, or the converter or values of this line.",
    ),
    Case(
        "values of ERPNext that do not fit the column",
        "customer",
        (('tax_id = "vat"', 'tax_id = "number"'),),
        "warning",
        "fields.tax_id",
        "the only row of Customer cannot go across (Aster: 'DE1'): 'DE1' is not a number",
        "Such records are failures: correct the values, or the converter or values of this line.",
        sql="ALTER TABLE customers ADD COLUMN number INTEGER;",
    ),
    Case(
        "values that come back otherwise",
        "customer",
        (
            (
                'default_commission_rate = { source = "credit_cents", convert = "cents" }',
                'default_commission_rate = "rate"',
            ),
        ),
        "warning",
        "fields.default_commission_rate",
        "1 of the first 2 rows of customers would come back as something else (2: '007')",
        "Use a converter that undoes itself on these values, or let the line flow one way.",
        sql="ALTER TABLE customers ADD COLUMN rate TEXT; UPDATE customers SET rate = '007' WHERE id = 2;",
    ),
    Case(
        "dates in another form",
        "customer",
        (('tax_id = "vat"', 'tax_id = { source = "born", convert = "date(dd.mm.yyyy)" }'),),
        "warning",
        "fields.tax_id",
        "1 of the first 2 rows of customers cannot go across (1: '2000-02-29'): '2000-02-29' is not a date of the "
        "form dd.mm.yyyy",
        "Such records are failures: correct the values, or the converter or values of this line.",
    ),
    Case(
        "rows that cannot be read",
        "order",
        (
            ('rows = { entity = "order_lines", parent = "order_id" }', 'source = "lines"'),
            ('key = ["line_no"]', 'key = ["sku"]'),
            ('qty = "quantity"', 'qty = "n"'),
            ('rate = { source = "price_cents", convert = "cents" }\n', ""),
        ),
        "warning",
        "tables.items",
        "1 row of orders (100): the column 'lines' holds no usable rows: it holds text that is no JSON (Expecting "
        "property name enclosed in double quotes: line 1 column 2 (char 1))",
        "Correct these rows, or the table's source and key: they are failures until then.",
        sql="UPDATE orders SET lines = '{broken';",
    ),
    Case(
        "an id that cannot stand",
        "item",
        (),
        "warning",
        "source.id",
        "1 row of products cannot be told by an id: '': the id column 'sku' is empty; a row needs an id to be told by",
        "Name other columns as the id, or correct these rows: they are failures until then.",
        sql="INSERT INTO products VALUES ('', 'Blank', 'x');",
    ),
    Case(
        "a row value that does not fit",
        "order",
        (),
        "warning",
        "tables.items.fields.qty",
        "the only row of orders cannot go across (100, row 1: 'many'): 'many' is not a number",
        "Such records are failures: correct the values, or the converter or values of this line.",
        sql="UPDATE order_lines SET quantity = 'many';",
    ),
    Case(
        "an empty value where one is mandatory",
        "customer",
        (('customer_name = "name"', 'customer_name = "born"'),),
        "warning",
        "fields.customer_name",
        "customer_name is mandatory in ERPNext, and 1 of the first 2 rows of customers (2) would leave it empty: "
        "such records are refused",
        'Add default = "…" to this line, or fill born.',
    ),
    Case(
        "a constant against the filter",
        "customer",
        (
            (
                'external_id = "syncd_shop_id"',
                'external_id = "syncd_shop_id"\nfilters = [["customer_group", "=", "Commercial"]]',
            ),
            ('disabled = "blocked"', 'customer_group = { constant = "Individual" }'),
        ),
        "error",
        "erpnext.filters",
        "no document can be made: customer_group would be 'Individual', but the mapping's filter wants "
        "customer_group = 'Commercial'",
        "Make the constant fit the filter.",
    ),
    Case(
        "a filter that new documents do not fit",
        "customer",
        (
            (
                'external_id = "syncd_shop_id"',
                'external_id = "syncd_shop_id"\nfilters = [["customer_group", "=", "Commercial"]]',
            ),
        ),
        "warning",
        "erpnext.filters",
        "new documents are given no customer_group, so they leave the filter customer_group = 'Commercial' at once",
        'Add customer_group = { constant = "Commercial" } under [fields].',
    ),
    Case(
        "an id that nobody gives to new rows",
        "item",
        (('item_code = "sku"', 'item_code = { source = "sku", direction = "to_erpnext" }'),),
        "warning",
        "source.id",
        "a new row of products needs sku, which nothing fills: records that ERPNext has alone fail",
        'Map a field to it, give the column a default, or set create = "erpnext" under [match] in mappings/item.toml.',
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_a_mistake_is_named(case: Case, place: Place) -> None:
    if case.sql:
        place.sql(case.sql)
    for old, new in case.edits:
        place.change(case.mapping, old, new)
    found = [
        (each.severity.value, key_of(each), each.message.replace(place.url, "{url}"), each.hint)
        for each in place.check(case.mapping)
    ]
    assert (case.severity, case.key, case.message, case.hint) in found


def test_mappings_that_fit_get_notes_alone(place: Place) -> None:
    assert {severity for severity, _, _ in place.told()} == {"note"}
    assert {key for _, key, _ in place.told()} == {"source.modified"}
