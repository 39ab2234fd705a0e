"""Keys of a mapping file, each with what it changes in a run. `keys` lists which test shows which key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.sandbox import SandboxServer
from tests.sentences.place import DEFAULTS, Place, mapping_text
from tests.system.examples import Desk

KEPT = DEFAULTS["source"]

# [mapping] ------------------------------------------------------------------------------------------------------------


def test_a_mapping_pairs_one_doctype_with_one_entity(site: Place) -> None:
    site.texts["item"] = mapping_text(
        "Item",
        "products",
        'item_code = "sku"\nitem_group = { constant = "Products" }\nstock_uom = { constant = "Nos" }',
    )
    site.add(name="Ada")
    site.shop.insert("products", sku="S1")
    site.settled()
    assert (site.customers(), [each["name"] for each in site.desk.list("Item")]) == (["Ada"], ["S1"])


def test_two_mappings_share_a_doctype_and_an_entity(site: Place) -> None:
    """What tells them apart are their filters and their external ids."""
    kinds = {"company": "Company", "person": "Individual"}
    site.texts.clear()
    for kind, customer_type in kinds.items():
        site.texts[kind] = mapping_text(
            fields='customer_name = "name"\nwebsite = "url"\ncustomer_type = { constant = "' + customer_type + '" }',
            erpnext=f'external_id = "syncd_{kind}_id"\nfilters = [["customer_type", "=", "{customer_type}"]]',
            source=f'{KEPT}\nfilters = {{ code = "{kind}" }}',
        )
    site.provision()
    for kind in kinds:
        site.add(name=f"A {kind}", code=kind)
    site.settled(name="company")
    held = site.desk.list("Customer", "customer_type", "syncd_company_id", "syncd_person_id")
    assert [tuple(each.values())[1:] for each in held] == [("Company", "1", None), ("Individual", None, "2")]
    site.edit("A person", website="theirs")
    site.settled(name="person")
    assert site.row(2, "url") == ("theirs",)


@contextmanager
def second_site(folder: Path, database: Path) -> Iterator[tuple[SandboxServer, Desk]]:
    own = folder / "second.db"
    own.write_bytes(database.read_bytes())
    with SandboxServer(own) as server, closing(Desk(server.url)) as desk:
        yield server, desk


def test_a_mapping_names_its_site_where_there_are_several(site: Place, tmp_path: Path, provisioned: Path) -> None:
    with second_site(tmp_path, provisioned) as (server, desk):
        site.extra = f'[sites.second]\nurl = "{server.url}"\nkey = "full"\nsecret = "full"\n'
        assert "mapping.site: is missing, and syncd.toml has several sites" in site.refused()
        site.map(mapping='site = "second"')
        site.texts["item"] = mapping_text(
            "Item",
            "products",
            'item_code = "sku"\nitem_group = { constant = "Products" }\nstock_uom = { constant = "Nos" }',
            mapping='site = "main"',
        )
        site.add(name="Ada")
        site.shop.insert("products", sku="S1")
        site.settled()
        assert (site.customers(), [each["name"] for each in desk.list("Customer")]) == ([], ["Ada"])
        assert (len(site.desk.list("Item")), desk.list("Item")) == (1, [])


def test_a_mapping_that_is_not_enabled_is_left_alone(site: Place) -> None:
    site.texts["item"] = mapping_text("Item", "products", 'item_code = "sku"', mapping="enabled = false")
    site.shop.insert("products", sku="S1")
    assert list(site.run().mappings) == ["customer"]
    assert site.desk.list("Item") == []


# [erpnext] ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write_back", "named", "written"),
    [
        pytest.param("auto", False, True, id="auto, the source has no erpnext_name"),
        pytest.param("auto", True, False, id="auto, the source keeps the name"),
        pytest.param("always", True, True, id="always"),
        pytest.param("never", False, False, id="never"),
    ],
)
def test_write_back_puts_ids_into_documents_that_erpnext_made(
    site: Place, write_back: str, named: bool, written: bool
) -> None:
    source = KEPT + ('\nerpnext_name = "erp_ref"' if named else "")
    site.map(erpnext=f'external_id = "syncd_shop_id"\nwrite_back = "{write_back}"', source=source)
    document = site.new(customer_name="Ada")
    counts = site.settled()
    assert counts.linked == int(written)
    assert site.customer(document, "syncd_shop_id") == ("1" if written else None,)


def test_the_external_id_is_in_documents_that_the_source_made(site: Place) -> None:
    document, row = site.agreed(name="Ada")
    assert site.customer(document, "syncd_shop_id") == (str(row),)
    site.desk.http.post(
        "/api/method/frappe.client.rename_doc",
        json={"doctype": "Customer", "old_name": document, "new_name": "Ada Lovelace"},
    ).raise_for_status()
    site.settled(full=True)
    assert site.pairs() == {str(row): "Ada Lovelace"}


# [source] -------------------------------------------------------------------------------------------------------------


def test_rows_without_stamps_are_compared_in_every_pass(site: Place) -> None:
    site.map(source='id = "id"')
    document, row = site.agreed(name="Ada", url="old")
    site.shop.do("UPDATE customers SET url = 'new' WHERE id = ?", row)
    site.settled()
    assert site.customer(document, "website") == ("new",)


def test_rows_with_stamps_are_read_by_them(site: Place) -> None:
    """Without a stamp that moved an edit waits for a full pass."""
    document, row = site.agreed(name="Ada", url="old", updated_at="2026-01-01 00:00:00")
    site.agreed(name="Bob")
    site.shop.do("UPDATE customers SET url = 'new' WHERE id = ?", row)
    site.settled()
    assert site.customer(document, "website") == ("old",)
    site.settled(full=True)
    assert site.customer(document, "website") == ("new",)


@pytest.mark.parametrize(("touch", "moves"), [("auto", True), ("never", False)])
def test_touch_says_whether_syncd_sets_the_stamp(site: Place, touch: str, moves: bool) -> None:
    site.map(source=f'{KEPT}\ntouch = "{touch}"')
    document, row = site.agreed(name="Ada", updated_at="2026-01-01 00:00:00.000")
    site.edit(document, website="theirs")
    site.settled()
    assert (site.row(row, "updated_at") != ("2026-01-01 00:00:00.000",)) is moves


def test_touch_auto_leaves_the_stamp_to_a_trigger(site: Place) -> None:
    with site.shop.open() as connection:
        connection.executescript(
            "CREATE TRIGGER touched AFTER UPDATE ON customers BEGIN "
            "UPDATE customers SET updated_at = '2026-05-05 05:05:05' WHERE id = NEW.id; END;"
        )
    document, row = site.agreed(name="Ada")
    site.edit(document, website="theirs")
    site.settled()
    assert site.row(row, "url", "updated_at") == ("theirs", "2026-05-05 05:05:05")


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", "09"), ("Europe/Berlin", "07"), ("Asia/Tokyo", "00")], ids=lambda value: str(value)
)
def test_timezone_is_that_of_naive_stamps(site: Place, zone: str, hour: str) -> None:
    """One in the afternoon there is this hour at the site, which stands in New York."""
    site.shop.do("ALTER TABLE customers ADD COLUMN seen DATETIME")
    site.map('customer_name = "name"\nx_datetime = "seen"', source=f'{KEPT}\ntimezone = "{zone}"')
    document, _ = site.agreed(name="Ada", seen="2026-07-01 13:00:00")
    assert site.customer(document, "x_datetime") == (f"2026-07-01 {hour}:00:00",)


def test_a_soft_deleted_row_is_a_deletion(site: Place) -> None:
    source = KEPT + '\ndeleted = "deleted_at"'
    site.map(source=source, delete='source_deleted = "disable"\nerpnext_deleted = "mark"')
    for name in ("Ada", "Bob", "Cem"):
        site.add(name=name)
    site.add(name="Dan", deleted_at="2026-01-01 00:00:00")
    site.settled()
    assert site.customers() == ["Ada", "Bob", "Cem"], "what was deleted before is nobody's new record"
    site.edit_row(1, deleted_at="2026-11-01 00:00:00")
    site.settled()
    assert (site.customer("Ada", "disabled"), site.customer("Bob", "disabled")) == ((1,), (0,))
    site.desk.act("delete", "Customer", "Bob")
    site.settled(full=True)
    assert site.row(2, "deleted_at") != (None,)
    assert site.row(3, "deleted_at") == (None,)


def test_erpnext_name_ties_rows_to_documents(site: Place) -> None:
    site.map(source=KEPT + '\nerpnext_name = "erp_ref"')
    document = site.new(customer_name="Somebody")
    tied, made = site.add(name="Somebody", erp_ref=document), site.add(name="Ada")
    counts = site.settled()
    assert (counts.adopted, counts.created) == (1, {"erpnext": 1, "source": 0})
    assert site.pairs() == {str(tied): document, str(made): "Ada"}
    assert site.row(made, "erp_ref") == ("Ada",)
    site.new(customer_name="Bob")
    site.settled()
    assert site.row_of("Bob")["erp_ref"] == "Bob"


# [conflict], [delete] -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wins", "stays"), [("manual", None), ("erpnext", "theirs"), ("source", "ours"), ("newest", "ours")]
)
def test_wins_decides_between_edits_of_both(site: Place, wins: str, stays: str | None) -> None:
    site.map(conflict=f'wins = "{wins}"')
    document, row = site.agreed(name="Ada", url="old")
    site.edit(document, website="theirs")
    site.edit_row(row, url="ours")
    counts = site.counts()
    wanted = ("theirs", "ours") if stays is None else (stays, stays)
    assert (counts.conflicts, site.customer(document, "website"), site.row(row, "url")) == (
        int(stays is None),
        wanted[:1],
        wanted[1:],
    )


def test_a_deletion_in_the_source_deletes(site: Place) -> None:
    site.map(delete='source_deleted = "delete"')
    for name in ("Ada", "Bob", "Cem"):
        site.add(name=name)
    site.settled()
    site.shop.do("DELETE FROM customers WHERE id = 1")
    assert site.settled(full=True).deleted == {"erpnext": 1, "source": 0}
    assert site.customers() == ["Bob", "Cem"]


def test_a_deletion_in_erpnext_deletes(site: Place) -> None:
    site.map(delete='erpnext_deleted = "delete"')
    for name in ("Ada", "Bob", "Cem"):
        site.add(name=name)
    site.settled()
    site.desk.act("delete", "Customer", "Ada")
    assert site.settled(full=True).deleted == {"erpnext": 0, "source": 1}
    assert [row["name"] for row in site.shop.rows()] == ["Bob", "Cem"]


def test_left_scope_delete_takes_the_partner_along(site: Place) -> None:
    site.map(source=KEPT + "\nfilters = { active = true }", delete='left_scope = "delete"')
    for name in ("Ada", "Bob", "Cem"):
        site.add(name=name)
    site.settled()
    site.edit_row(1, active=0)
    site.settled(full=True)
    assert (site.customers(), len(site.shop.rows())) == (["Bob", "Cem"], 3)


# [fields] -------------------------------------------------------------------------------------------------------------


def test_a_field_is_a_column_in_short_and_in_long(site: Place) -> None:
    site.map('customer_name = "name"\ntax_id = { source = "vat" }\nwebsite = { source = "url" }')
    document, row = site.agreed(name="Ada", vat="V1")
    site.edit(document, website="theirs")
    site.settled()
    assert (site.customer(document, "tax_id"), site.row(row, "url")) == (("V1",), ("theirs",))


def test_a_computed_field_follows_its_columns(site: Place) -> None:
    site.map('customer_name = "name"\nx_data = { compute = "source.vat + \' \' + source.code" }')
    document, row = site.agreed(name="Ada", vat="V1", code="c")
    assert site.customer(document, "x_data") == ("V1 c",)
    site.edit(document, x_data="theirs")
    site.settled()
    assert site.row(row, "vat", "code") == ("V1", "c")
    site.edit_row(row, code="d")
    site.settled()
    assert site.customer(document, "x_data") == ("V1 d",)


def test_a_link_goes_through_the_pairs_of_its_mapping(site: Place) -> None:
    site.map_orders()
    order = site.order([(1, 2, 3, 5)])
    site.settled()
    document = site.desk.get("Sales Order", site.partner(order, "order"))
    assert (document["customer"], document["items"][0]["item_code"]) == ("Ada", "SKU-2")
    second = site.add(name="Bob")
    site.settled()
    site.desk.act("save", "Sales Order", document["name"], customer="Bob")
    site.settled()
    assert site.shop.one("orders", order)["customer_id"] == second


# [tables] -------------------------------------------------------------------------------------------------------------

NESTED = """
customer = { source = "customer_id", link = "customer" }
transaction_date = { source = "day", direction = "to_erpnext" }
delivery_date = { source = "day", direction = "to_erpnext" }
ignore_pricing_rule = { constant = 1 }
[tables.items]
source = "lines"
KEY
[tables.items.fields]
item_code = { source = "product", link = "item" }
qty = "n"
rate = "price"
"""


def nested(site: Place, key: str) -> tuple[str, int]:
    site.shop.do("ALTER TABLE orders ADD COLUMN lines JSON")
    site.map_orders(fields=NESTED.replace("KEY", key))
    order = site.order([])
    lines = [{"line": at, "product": at, "n": at, "price": 5, "note": "kept"} for at in (1, 2)]
    site.shop.change("orders", order, lines=json.dumps(lines))
    site.settled()
    return site.partner(order, "order"), order


def held_lines(site: Place, order: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(site.shop.one("orders", order)["lines"])
    return found


@pytest.mark.parametrize("key", ['key = ["line"]', ""], ids=["rows with a key", "rows by position"])
def test_rows_are_a_nested_list(site: Place, key: str) -> None:
    document, order = nested(site, key)
    items = site.items(document)
    assert [(row["item_code"], row["qty"]) for row in items] == [("SKU-1", 1), ("SKU-2", 2)]
    items[1]["qty"] = 7
    site.desk.act("save", "Sales Order", document, items=items)
    site.settled()
    assert [(line["n"], line["note"]) for line in held_lines(site, order)] == [(1, "kept"), (7, "kept")]
    lines = held_lines(site, order)
    lines[0]["n"] = 9
    site.shop.change("orders", order, lines=json.dumps(lines))
    site.settled()
    assert [row["qty"] for row in site.items(document)] == [9, 7]


# [lifecycle] ----------------------------------------------------------------------------------------------------------


def test_the_words_of_the_sources_column(site: Place) -> None:
    """Every word of a list is understood; what syncd writes is the first."""
    site.map_orders()
    orders = {state: site.order([(1, 1, 2, 10)], state=state, number=state) for state in ("pending", "paid", "shipped")}
    site.settled()
    stands = {state: site.desk.get("Sales Order", site.partner(key, "order")) for state, key in orders.items()}
    assert {state: document["docstatus"] for state, document in stands.items()} == {
        "pending": 0,
        "paid": 1,
        "shipped": 1,
    }
    site.desk.act("submit", "Sales Order", stands["pending"]["name"])
    site.desk.act("cancel", "Sales Order", stands["paid"]["name"])
    site.shop.change("orders", orders["shipped"], state="void")
    site.settled()
    assert {state: site.shop.one("orders", key)["state"] for state, key in orders.items()} == {
        "pending": "paid",
        "paid": "void",
        "shipped": "void",
    }
    assert site.desk.get("Sales Order", stands["shipped"]["name"])["docstatus"] == 2
