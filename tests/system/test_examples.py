"""The mappings of mappings/examples: valid as they stand, and run against the sandbox with edits on both sides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.examples import EXAMPLES, NAMES, Company, company
from tests.system.harness import findings

TRADE = ("address", "item-price", "sales-order")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Company]]:
    """Makes the one deployment of a test out of the examples that it names, and what those link to."""
    monkeypatch.setenv("SHOP_KEY", "full")
    monkeypatch.setenv("SHOP_SECRET", "full")
    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(company(tmp_path / "deployment", names))


def customer(world: Company, name: str = "Northern Lights", **values: object) -> int:
    """A customer of the shop with a contact, who is the first one to ask."""
    given = {"name": name, "country": "US", "vat": f"US-{name}", "website": "https://north.example", **values}
    row = world.shop.insert("customers", **given)
    person = world.shop.insert("contacts", customer_id=row, first_name="Ada", last_name=name, job="Buyer")
    world.shop.insert("contact_emails", contact_id=person, position=1, email="ada@north.example", main=1)
    world.shop.insert("contact_phones", contact_id=person, position=1, number="+1 212 555 0100", main=1)
    world.shop.change("customers", row, contact_id=person)
    return row


def product(world: Company, sku: str, **values: object) -> int:
    """An article of the shop."""
    return world.shop.insert("products", **{"sku": sku, "title": f"The {sku}", "details": "Good <and> plain", **values})


def test_every_example_is_valid_and_none_runs_in_this_repository(make: Callable[..., Company]) -> None:
    world = make(*NAMES)
    done = world.deployment.run("check", "--json")
    found = json.loads(done.stdout)["findings"]
    assert (done.returncode, [each for each in found if each["severity"] == "error"]) == (0, []), findings(done)
    assert {each["where"] for each in found if each["severity"] == "ok"} <= {f"mappings/{name}.toml" for name in NAMES}
    for name in NAMES:
        text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
        assert "\nenabled = false\n" in text
    assert {path.parent for path in (EXAMPLES.parent).glob("*.toml")} == {EXAMPLES.parent}, "subfolders are not read"


def test_customers_their_contacts_and_addresses(make: Callable[..., Company]) -> None:
    world = make("address")
    row = customer(world)
    world.shop.insert("addresses", customer_id=row, label="Head office", line1="1 Pole St", city="Nome", country="US")
    counts = world.settled()
    assert [counts[name].created["erpnext"] for name in ("customer", "contact", "address")] == [1, 1, 1]
    document = world.desk.one("Customer", customer_name="Northern Lights")
    contact = world.desk.one("Contact", first_name="Ada")
    address = world.desk.one("Address", address_title="Head office")
    assert document["customer_primary_contact"] == contact["name"], "the circle is closed in the same run"
    assert contact["email_id"] == "ada@north.example"
    links = [(link["link_doctype"], link["link_name"]) for link in (*contact["links"], *address["links"])]
    assert links == [("Customer", document["name"])] * 2
    world.quiet()
    world.quiet(full=True)

    world.desk.act("save", "Customer", document["name"], customer_details="pays late")
    world.desk.act("save", "Address", address["name"], city="Anchorage")
    emails = [{"email_id": "ada@north.example", "is_primary": 1}, {"email_id": "office@north.example", "is_primary": 0}]
    world.desk.act("save", "Contact", contact["name"], email_ids=emails, designation="Head of buying")
    world.shop.change("customers", row, website="https://lights.example")
    world.shop.do("UPDATE contact_phones SET number = '+1 212 555 0199'")
    world.shop.touch("contacts", 1)
    world.settled()
    assert world.desk.get("Customer", document["name"])["website"] == "https://lights.example"
    assert world.desk.get("Contact", contact["name"])["phone"] == "+12125550199"
    assert world.shop.one("customers", row)["notes"] == "pays late"
    assert world.shop.one("addresses", 1)["city"] == "Anchorage"
    assert world.shop.one("contacts", 1)["job"] == "Head of buying"
    mails = world.shop.rows("SELECT position, email, main FROM contact_emails ORDER BY position")
    assert [tuple(mail.values()) for mail in mails] == [(1, "ada@north.example", 1), (2, "office@north.example", 0)]
    world.quiet()


def test_a_customer_of_erpnext_comes_to_the_shop_and_foreign_contacts_stay_away(make: Callable[..., Company]) -> None:
    world = make("contact")
    world.desk.act("create", "Customer", customer_name="Desk made", customer_type="Company", territory="Germany")
    world.desk.act("create", "Contact", first_name="Somebody else's")
    counts = world.run().mappings
    assert counts["customer"].created["source"] == 1
    assert counts["contact"].unmatched == 1
    [made] = world.shop.rows("SELECT name, country, erp_name FROM customers")
    assert tuple(made.values()) == ("Desk made", "DE", "Desk made")
    assert world.shop.rows("SELECT * FROM contacts") == []


def test_articles_and_their_prices(make: Callable[..., Company]) -> None:
    world = make("item-price")
    desk = product(world, "DESK", category="goods")
    product(world, "ADVICE", category="services", unit="hour", stocked=0)
    world.shop.insert("prices", product_id=desk, list="sale", cents=48_000, valid_from="2026-01-01")
    world.shop.insert("prices", product_id=desk, list="purchase", cents=31_000)
    counts = world.settled()
    assert [counts[name].created["erpnext"] for name in ("item", "item-price")] == [2, 2]
    item = world.desk.get("Item", "ADVICE")
    held = (item["item_group"], item["stock_uom"], item["is_stock_item"], item["disabled"])
    assert held == ("Services", "Hour", 0, 0)
    price = world.desk.one("Item Price", item_code="DESK", price_list="Standard Selling")
    assert (price["price_list"], price["price_list_rate"]) == ("Standard Selling", 480.0)
    world.quiet()

    world.desk.act("save", "Item", "DESK", item_name="Standing desk", disabled=1)
    world.shop.change("prices", 1, cents=45_500)
    world.settled()
    assert world.desk.get("Item Price", price["name"])["price_list_rate"] == 455.0
    row = world.shop.one("products", desk)
    assert (row["title"], row["active"]) == ("Standing desk", 0)
    world.quiet()

    world.shop.do("DELETE FROM prices WHERE id = 1")
    world.settled(full=True)
    [left] = world.desk.list("Item Price", "price_list")
    assert left["price_list"] == "Standard Buying"


def test_leads(make: Callable[..., Company]) -> None:
    world = make("lead")
    row = world.crm.insert("leads", first_name="Lea", company="Leads Ltd", email="Lea@Leads.example", country="GB")
    world.desk.act("create", "Lead", first_name="Walk-in", email_id="walk@in.example")
    counts = world.settled()
    assert counts["lead"].created == {"erpnext": 1, "source": 1}
    document = world.desk.one("Lead", first_name="Lea")
    held = (document["status"], document["country"], document["job_title"])
    assert held == ("Lead", "United Kingdom", "Contact at Leads Ltd")
    world.quiet()
    world.desk.act("save", "Lead", document["name"], status="Interested")
    world.crm.change("leads", row, revenue=120_000)
    world.settled()
    assert world.crm.one("leads", row)["stage"] == "interested"
    assert world.desk.get("Lead", document["name"])["annual_revenue"] == 120_000
    world.quiet()


def test_suppliers(make: Callable[..., Company]) -> None:
    world = make("supplier")
    world.desk.act("create", "Supplier", supplier_name="Paper Mill", tax_id="P-1", country="Germany")
    row = world.books.insert("suppliers", name="Paper Mill ", vat="p-1", notes="slow")
    world.books.insert("suppliers", name="City Power", country="US")
    counts = world.settled()
    assert (counts["supplier"].adopted, counts["supplier"].created["erpnext"]) == (1, 1)
    assert world.books.one("suppliers", row)["country"] == "DE", "the empty side is filled"
    assert world.desk.get("Supplier", "Paper Mill")["supplier_details"] == "slow"
    world.quiet()


def test_orders_create_what_they_need_first(make: Callable[..., Company]) -> None:
    world = make(*TRADE)
    order(world)
    counts = world.settled()
    assert [counts[name].created["erpnext"] for name in ("customer", "item", "sales-order")] == [1, 2, 1]
    made = world.desk.one("Sales Order", po_no="W-1")
    assert (made["docstatus"], made["customer"], made["grand_total"]) == (1, "Northern Lights", 1_080.0)
    assert [(row["item_code"], row["qty"], row["rate"]) for row in made["items"]] == [
        ("DESK", 2.0, 480.0),
        ("ADVICE", 1.0, 120.0),
    ]
    world.settled()
    row = world.shop.one("orders", 1)
    assert (row["erp_name"], row["total_cents"]) == (made["name"], 108_000)
    world.quiet()


def test_the_delivery_date_of_a_draft_changes_with_its_lines(make: Callable[..., Company]) -> None:
    world = make(*TRADE)
    order(world, state="placed")
    world.settled()
    for date in ("2090-03-01", "2090-02-01"):
        world.shop.do("UPDATE order_lines SET deliver_by = ?", date)
        world.shop.touch("orders", 1)
        assert world.settled()["sales-order"].updated["erpnext"] == 1
        assert world.desk.one("Sales Order", po_no="W-1")["delivery_date"] == date
        world.quiet()


def test_an_order_changed_after_submission_is_amended(make: Callable[..., Company]) -> None:
    world = make(*TRADE)
    order(world)
    world.settled()
    made = world.desk.one("Sales Order", po_no="W-1")
    world.shop.do("UPDATE order_lines SET quantity = 3, unit_cents = 47000 WHERE line_no = 1")
    world.shop.touch("orders", 1)
    counts = world.settled()
    assert counts["sales-order"].amended == 1
    [live] = world.desk.list("Sales Order", "amended_from", "grand_total", docstatus=1)
    assert (live["amended_from"], live["grand_total"]) == (made["name"], 1_530.0)
    assert world.shop.one("orders", 1)["erp_name"] == live["name"]
    world.settled()
    world.quiet()

    world.desk.act("cancel", "Sales Order", live["name"])
    world.settled()
    assert world.shop.one("orders", 1)["state"] == "cancelled"
    world.quiet()


def order(world: Company, state: str = "confirmed") -> int:
    """A customer's order of two desks and an hour of advice."""
    desk, advice = product(world, "DESK"), product(world, "ADVICE", category="services", unit="hour", stocked=0)
    buyer = customer(world)
    row = world.shop.insert("orders", number="W-1", customer_id=buyer, state=state, ordered_on="2026-03-02")
    for line, (item, quantity, cents) in enumerate(((desk, 2, 48_000), (advice, 1, 12_000)), 1):
        values = {"product_id": item, "quantity": quantity, "unit_cents": cents, "deliver_by": "2090-01-01"}
        world.shop.insert("order_lines", order_id=row, line_no=line, **values)
    return row
