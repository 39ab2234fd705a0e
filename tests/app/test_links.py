"""Links: records of one mapping lead to those of another, in both directions, in one run."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import orjson
import pytest

from syncd.app import linking
from syncd.core.mapping import FieldSpec
from syncd.core.merge import Choice
from syncd.core.model import Side
from syncd.core.resolution import encode_resolution, unfit_values
from syncd.errors import ExitCode, UnreachableError
from tests.app.trade import accounts, contacts, customers, items, linked, mapping, orders, plain, rows


def shop(make_trade, **given):
    return make_trade(customers(), items(), orders(tables=[rows()]), **given)


def an_order(world, number="PO-1", customer=1, lines=((1, 1, 2, 10), (2, 2, 1, 5)), **more):
    made = [dict(zip(("line", "item_id", "quantity", "price"), line, strict=True)) for line in lines]
    return world["order"].source.insert(number=number, customer_id=customer, lines=made, **more)


def test_customers_items_and_orders_are_made_in_one_run_from_nothing(make_trade):
    world = shop(make_trade)
    customer = world["customer"].source.insert(name="Ada")
    hammer, nail = (world["item"].source.insert(title=title) for title in ("Hammer", "Nail"))
    order = an_order(world, lines=((1, int(hammer), 2, 10), (2, int(nail), 100, 1)))
    counts = world.sync()
    assert {name: entry.created["erpnext"] for name, entry in counts.items()} == {"customer": 1, "item": 2, "order": 1}
    document = world.name_of("order", order)
    assert world.document("order", document) == {
        "po_no": "PO-1",
        "customer": world.name_of("customer", customer),
    }
    made = world["order"].erpnext.items(document, "items")
    assert [row["item_code"] for row in made] == [world.name_of("item", hammer), world.name_of("item", nail)]
    world.quiet()
    world.quiet(full=True)


def test_orders_of_erpnext_become_rows_with_whole_numbers(make_trade):
    world = shop(make_trade)
    customer = world["customer"].erpnext.insert("C-Ada", customer_name="Ada")
    item = world["item"].erpnext.insert("I-Nail", item_name="Nail")
    document = world["order"].erpnext.insert(
        "SO-1", po_no="PO-9", customer=customer, items=[{"item_code": item, "qty": 3.0, "rate": 1.5}]
    )
    world.sync()
    order = world.record("order", world.id_of("order", document))
    assert order["customer_id"] == world.id_of("customer", "C-Ada")
    assert type(order["customer_id"]) is int
    [line] = world["order"].source.items(str(world.id_of("order", document)), "lines")
    assert (line["item_id"], type(line["item_id"]), line["line"]) == (world.id_of("item", "I-Nail"), int, 1)
    world.quiet()
    world.quiet(full=True)


def test_an_edited_link_follows_in_both_directions(make_trade):
    world = shop(make_trade)
    ada, bob = (int(world["customer"].source.insert(name=name)) for name in ("Ada", "Bob"))
    order = an_order(world, customer=ada, lines=())
    world.agree()
    document = world.name_of("order", order)
    world["order"].source.edit(order, customer_id=bob)
    world.agree()
    assert world.document("order", document)["customer"] == world.name_of("customer", bob)
    world["order"].erpnext.edit(document, customer=world.name_of("customer", ada))
    world.agree()
    assert world.record("order", order)["customer_id"] == ada
    world["order"].erpnext.edit(document, customer=None)
    world.agree()
    assert world.record("order", order)["customer_id"] is None


@pytest.mark.parametrize("order", list(permutations(range(5)))[::11], ids=str)
def test_a_chain_of_parents_is_made_in_one_run_whatever_the_order_of_its_rows(make_trade, order):
    world = make_trade(accounts())
    ids = {depth: place + 1 for place, depth in enumerate(order)}
    for depth in order:
        parent = ids[depth - 1] if depth else None
        world["account"].source.insert(name=f"Level {depth}", parent_id=parent)
    world.agree()
    for depth in range(1, 5):
        document = world.document("account", world.name_of("account", ids[depth]))
        assert document["parent_account"] == world.name_of("account", ids[depth - 1])
    assert len(world["account"].erpnext.writes) == 5, "nothing is written a second time"


def test_a_chain_of_parents_made_in_erpnext_flows_to_the_source(make_trade):
    world = make_trade(accounts())
    for depth in (4, 3, 2, 1, 0):
        world["account"].erpnext.insert(
            f"A{depth}", account_name=f"Level {depth}", parent_account=f"A{depth - 1}" if depth else None
        ) if depth == 0 else None
    for depth in range(1, 5):
        world["account"].erpnext.insert(f"A{depth}", account_name=f"Level {depth}", parent_account=f"A{depth - 1}")
    world.agree()
    for depth in range(1, 5):
        row = world.record("account", world.id_of("account", f"A{depth}"))
        assert row["parent_id"] == world.id_of("account", f"A{depth - 1}")


def test_a_variant_and_its_template_agree(make_trade):
    world = make_trade(items(linked("variant_of", "variant_id", "item")))
    world["item"].source.insert(title="Shirt, red", variant_id=2)
    template = world["item"].source.insert(title="Shirt")
    world.agree()
    assert world.document("item", world.name_of("item", 1))["variant_of"] == world.name_of("item", template)


def test_two_records_of_one_mapping_that_link_to_each_other_are_completed_in_the_same_run(make_trade):
    world = make_trade(accounts())
    world["account"].source.insert(name="Hen", parent_id=2)
    world["account"].source.insert(name="Egg", parent_id=1)
    world.agree()
    hen, egg = world.name_of("account", 1), world.name_of("account", 2)
    assert world.document("account", hen)["parent_account"] == egg
    assert world.document("account", egg)["parent_account"] == hen


def test_a_record_that_links_to_itself_is_completed_in_the_same_run(make_trade):
    world = make_trade(accounts())
    world["account"].source.insert(name="Root", parent_id=1)
    world["account"].erpnext.insert("Own", account_name="Own", parent_account="Own")
    world.agree()
    root = world.name_of("account", 1)
    assert world.document("account", root)["parent_account"] == root
    own = world.id_of("account", "Own")
    assert world.record("account", own)["parent_id"] == own


def circle(make_trade, **given):
    return make_trade(
        customers(linked("contact", "contact_id", "contact")),
        contacts(linked("customer", "customer_id", "customer")),
        **given,
    )


def couple(world, number=1):
    world["customer"].source.insert(name=f"Ada {number}", contact_id=number)
    world["contact"].source.insert(first=f"A. {number}", customer_id=number)


def are_together(world, number=1):
    customer, contact = world.name_of("customer", number), world.name_of("contact", number)
    assert world.document("customer", customer)["contact"] == contact
    assert world.document("contact", contact)["customer"] == customer


def test_a_circle_is_created_without_and_completed_in_the_same_run(make_trade):
    world = circle(make_trade)
    for number in (1, 2, 3):
        couple(world, number)
    result = world.run()
    assert result.exit_code is ExitCode.OK
    for number in (1, 2, 3):
        are_together(world, number)
    created = sum(sum(counts.created.values()) for counts in result.mappings.values())
    updated = sum(sum(counts.updated.values()) for counts in result.mappings.values())
    assert (created, updated) == (6, 3), "one side of the circle is completed, the other made whole"
    assert [world.failed(name) for name in world.parts] == [[], []]
    world.quiet()
    world.quiet(full=True)


def test_a_circle_made_in_erpnext_flows_to_the_source(make_trade):
    world = circle(make_trade)
    world["customer"].erpnext.insert("C", customer_name="Ada")
    world["contact"].erpnext.insert("P", first_name="A.", customer="C")
    world["customer"].erpnext.edit("C", contact="P")
    world.agree()
    assert world.record("customer", world.id_of("customer", "C"))["contact_id"] == world.id_of("contact", "P")
    assert world.record("contact", world.id_of("contact", "P"))["customer_id"] == world.id_of("customer", "C")


def adopted_couples(world, last):
    """Three couples that both sides know; in ERPNext the contact of the last one belongs to customer `last`."""
    for number in (1, 2, 3):
        couple(world, number)
        to = last if number == 3 else number
        world["customer"].erpnext.insert(f"C{number}", partner=str(number), customer_name=f"Ada {number}")
        world["contact"].erpnext.insert(f"P{number}", partner=str(number), first_name=f"A. {number}", customer=f"C{to}")
        world["customer"].erpnext.edit(f"C{number}", contact=f"P{number}")


def test_a_circle_that_both_sides_know_agrees_in_the_first_run(make_trade):
    world = circle(make_trade)
    adopted_couples(world, 3)
    result = world.run()
    assert [(counts.adopted, counts.held, counts.failed) for counts in result.mappings.values()] == [(3, 0, 0)] * 2
    assert result.exit_code is ExitCode.OK
    world.quiet(full=True)


def test_what_truly_differs_in_a_circle_is_a_conflict_in_the_first_run(make_trade):
    world = circle(make_trade)
    adopted_couples(world, 1)
    result = world.run()
    assert (result.mappings["contact"].conflicts, result.mappings["contact"].failed) == (1, 0)
    assert result.mappings["customer"].held == 0


@pytest.mark.parametrize("required", ["customer", "contact"])
def test_a_mandatory_link_in_a_circle_waits_for_its_target(make_trade, required):
    world = circle(make_trade)
    world.required = {"contact": {"customer"}} if required == "customer" else {"customer": {"contact"}}
    couple(world)
    world.agree()
    are_together(world)
    waiting = "contact" if required == "customer" else "customer"
    made = world[waiting].erpnext.writes[0]
    assert made.values[required], "it was made with its link"


def test_a_circle_of_mandatory_links_fails_under_the_names_of_its_targets(make_trade):
    world = circle(make_trade)
    world.required = {"contact": {"customer"}, "customer": {"contact"}}
    couple(world)
    assert world.run().exit_code is ExitCode.ATTENTION
    assert "customer 1 has no document in ERPNext yet" in world.failed("contact")[0]
    assert "contact 1 has no document in ERPNext yet" in world.failed("customer")[0]


def test_a_circle_whose_other_mapping_does_not_open_is_completed_when_it_does(make_trade):
    world = circle(make_trade)
    couple(world)

    def refuse(name):
        if name == "customer":
            raise UnreachableError("connection refused")

    world.on_open = refuse
    result = world.run()
    assert result.exit_code is ExitCode.UNREACHABLE
    assert result.mappings["customer"].error is not None
    assert "customer 1 has no document in ERPNext yet" in world.failed("contact")[0]
    world.on_open = lambda _name: None
    world.agree()
    are_together(world)


def test_a_mapping_that_breaks_off_while_it_waits_is_not_called_in_order(make_trade):
    """What went wrong in its first pass is not covered up by a completing one."""
    world = circle(make_trade)
    couple(world)
    world["contact"].source.insert(first="Free")
    left = [UnreachableError("connection reset")]

    def lose(method, _writes):
        if method == "create" and left:
            raise left.pop()

    world["contact"].erpnext.before = lose
    result = world.run()
    assert result.exit_code is ExitCode.UNREACHABLE
    assert result.mappings["contact"].error is not None
    world.agree()
    are_together(world)


def test_a_target_that_never_comes_fails_under_its_name_and_says_so_once(make_trade):
    world = shop(make_trade)
    order = an_order(world, customer=77, lines=())
    result = world.run()
    assert (result.exit_code, result.mappings["order"].failed) == (ExitCode.ATTENTION, 1)
    [failure] = world.store.failures("order")
    assert (failure.external_id, failure.permanent, failure.attempts) == (order, False, 1)
    assert failure.error == (
        "customer: customer 77 has no document in ERPNext yet (in the value that the source holds)"
    )
    assert "the record it links to" in failure.hint
    reports = len(world.reports)
    for _ in range(3):
        result = world.quiet()
        assert (result.exit_code, result.mappings["order"].failed) == (ExitCode.ATTENTION, 1)
    assert len(world.reports) == reports, "nothing new, so no report"
    assert [each.attempts for each in world.store.failures("order")] == [1]


def test_a_target_that_arrives_in_a_later_run_closes_the_failure(make_trade):
    world = shop(make_trade)
    order = an_order(world, customer=1, lines=((1, 1, 1, 1),))
    world.run()
    assert "customer 1" in world.failed("order")[0]
    assert "item 1" in world.failed("order")[0]
    world["customer"].source.insert(name="Ada")
    world.run()
    assert "customer 1" not in world.failed("order")[0]
    assert "items[1].item_code: item 1 has no document" in world.failed("order")[0]
    world["item"].source.insert(title="Nail")
    world.agree()
    assert world.document("order", world.name_of("order", order))["customer"] == world.name_of("customer", 1)


def test_an_edit_that_links_to_nothing_fails_and_is_written_when_the_target_arrives(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    order = an_order(world, lines=())
    world.agree()
    world["order"].source.edit(order, customer_id=2, number="PO-2")
    assert world.run().exit_code is ExitCode.ATTENTION
    [failure] = world.store.failures("order")
    assert failure.error.startswith("customer: customer 2 has no document in ERPNext yet")
    reports = len(world.reports)
    world.quiet()
    assert (len(world.reports), [each.attempts for each in world.store.failures("order")]) == (reports, [1])
    assert world.document("order", world.name_of("order", order))["po_no"] == "PO-1", "nothing is half written"
    world["customer"].source.insert(name="Bob")
    world.agree()
    held = world.document("order", world.name_of("order", order))
    assert held == {"po_no": "PO-2", "customer": world.name_of("customer", 2)}


def test_a_target_whose_pair_has_ended_is_called_so(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    world["customer"].source.insert(name="Bob")
    world.agree()
    ada, bob = world.name_of("customer", 1), world.name_of("customer", 2)
    world["customer"].erpnext.delete(ada)
    world["customer"].source.delete("2")
    world.sync(full=True)
    an_order(world, customer=1, lines=())
    world["order"].erpnext.insert("SO-9", po_no="PO-9", customer=bob)
    world.run()
    by_key = {each.external_id or each.erpnext_name: each for each in world.store.failures("order")}
    assert "customer 1 has no document in ERPNext any more: its pair has ended" in by_key["1"].error
    assert f"customer '{bob}' has no record in the source any more: its pair has ended" in by_key["SO-9"].error
    assert "syncd conflicts" in by_key["1"].error


def test_a_target_that_is_renamed_in_erpnext_moves_nothing(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    world["item"].source.insert(title="Nail")
    order = an_order(world, lines=((1, 1, 2, 3),))
    world.agree()
    document, old = world.name_of("order", order), world.name_of("customer", 1)
    item = world.name_of("item", 1)
    world["customer"].erpnext.rename(old, "Ada Ltd")
    world["item"].erpnext.rename(item, "Nail 5mm")
    # The site rewrites the links of other documents without moving their stamps.
    held = world["order"].erpnext.records[document]
    tables = {"items": [{**row, "item_code": "Nail 5mm"} for row in held.tables["items"]]}
    world["order"].erpnext.change(document, values={**held.values, "customer": "Ada Ltd"}, tables=tables)
    assert world.quiet().exit_code is ExitCode.OK
    assert world.quiet(full=True).exit_code is ExitCode.OK
    assert world.pairs("customer") == {"1": "Ada Ltd"}
    world["order"].source.edit(order, number="PO-2")
    world.agree()
    assert world.document("order", document) == {"po_no": "PO-2", "customer": "Ada Ltd"}


@pytest.mark.parametrize("full", [False, True], ids=["not shown yet", "shown"])
def test_another_target_in_the_source_meets_no_edit_where_the_old_one_was_renamed(make_trade, full):
    """The site wrote the new name into the document: it is nobody's edit that could stand against the source's."""
    world = shop(make_trade)
    for name in ("Ada", "Bob"):
        world["customer"].source.insert(name=name)
    for title in ("Nail", "Screw"):
        world["item"].source.insert(title=title)
    order = an_order(world, lines=((1, 1, 2, 3), (2, 1, 4, 3)))
    world.agree()
    document = world.name_of("order", order)
    world["customer"].erpnext.rename(world.name_of("customer", 1), "Ada Ltd")
    world["item"].erpnext.rename(world.name_of("item", 1), "Nail 5mm")
    held = world["order"].erpnext.records[document]
    tables = {"items": [{**row, "item_code": "Nail 5mm"} for row in held.tables["items"]]}
    world["order"].erpnext.change(document, values={**held.values, "customer": "Ada Ltd"}, tables=tables)
    changed = [{"line": 1, "item_id": 2, "quantity": 2, "price": 3}]
    world["order"].source.edit(order, customer_id=2, lines=changed)
    world.sync(full=full)
    assert world.held("order") == []
    stands = world["order"].erpnext.records[document]
    assert stands.values["customer"] == world.name_of("customer", 2)
    assert [row["item_code"] for row in stands.tables["items"]] == [world.name_of("item", 2)]
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_rename_that_no_full_pass_has_shown_yet_costs_a_second_look_only(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    order = an_order(world, lines=())
    world.agree()
    document = world.name_of("order", order)
    world["customer"].erpnext.rename(world.name_of("customer", 1), "Ada Ltd")
    world["order"].erpnext.change(document, values={"po_no": "PO-1", "customer": "Ada Ltd"})
    world["order"].source.edit(order, number="PO-2")
    world.agree()
    assert world.document("order", document) == {"po_no": "PO-2", "customer": "Ada Ltd"}


def test_an_order_of_an_ambiguous_customer_is_held_and_says_which(make_trade):
    world = make_trade(customers(match=(("tax_id",),)), items(), orders(tables=[rows()]))
    world["customer"].source.insert(name="Ada", vat="T")
    world["customer"].erpnext.insert("C-1", customer_name="Ada", tax_id="T")
    world["customer"].erpnext.insert("C-2", customer_name="Ada", tax_id="T")
    order = an_order(world, lines=())
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    assert world.held("order") == [
        (
            "link",
            "customer: customer 1 of the source is held and waits for a person: `syncd conflicts list` shows it",
        )
    ]
    assert (result.mappings["order"].held, result.mappings["order"].failed) == (1, 0)
    reports = len(world.reports)
    world.quiet()
    assert len(world.reports) == reports, "nothing new, so no report"
    world["customer"].erpnext.edit("C-2", tax_id="OTHER")
    world.agree()
    assert world.document("order", world.name_of("order", order))["customer"] == "C-1"


def test_rows_that_link_to_an_ambiguous_item_hold_their_order(make_trade):
    world = make_trade(customers(), items(match=(("item_name",),)), orders(tables=[rows()]))
    world["customer"].source.insert(name="Ada")
    world["item"].source.insert(title="Nail")
    for name in ("I-1", "I-2"):
        world["item"].erpnext.insert(name, item_name="Nail")
    an_order(world, lines=((7, 1, 1, 1),))
    world.run()
    [(kind, text)] = world.held("order")
    assert (kind, text.partition(" of the source")[0]) == ("link", "items[7].item_code: item 1")
    world["item"].erpnext.edit("I-2", item_name="Screw")
    world.agree()
    assert world["order"].erpnext.items(world.name_of("order", 1), "items")[0]["item_code"] == "I-1"


def in_conflict(world):
    """Customer 1 is in conflict."""
    world["customer"].source.edit("1", name="Shop says")
    world["customer"].erpnext.edit(world.name_of("customer", 1), customer_name="Site says")


def decide(world, name, choice):
    [conflict] = world.store.conflicts(name)
    world.store.resolve([(conflict, encode_resolution(choice))])


def test_an_order_of_a_customer_in_conflict_is_held_until_it_is_resolved(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    world.agree()
    in_conflict(world)
    world["order"].erpnext.insert("SO-9", po_no="PO-9", customer=world.name_of("customer", 1))
    order = an_order(world, lines=())
    world.run()
    assert [kind for kind, _ in world.held("order")] == ["link", "link"]
    assert {text.partition(" is held")[0] for _, text in world.held("order")} == {
        "customer: customer 1 of the source",
        f"customer: customer '{world.name_of('customer', 1)}' of ERPNext",
    }
    decide(world, "customer", Choice(take=Side.SOURCE))
    world.agree()
    assert world.name_of("order", order)
    assert world.id_of("order", "SO-9")


def test_an_edit_that_links_to_a_customer_in_conflict_holds_the_order(make_trade):
    world = shop(make_trade)
    for name in ("Ada", "Bob"):
        world["customer"].source.insert(name=name)
    order = an_order(world, customer=2, lines=())
    world.agree()
    in_conflict(world)
    world["order"].source.edit(order, customer_id=1)
    result = world.run()
    assert [kind for kind, _ in world.held("order")] == ["link"]
    assert (result.mappings["order"].held, result.mappings["order"].failed) == (1, 0)
    reports = len(world.reports)
    world.quiet()
    assert len(world.reports) == reports
    decide(world, "customer", Choice(take=Side.ERPNEXT))
    world.agree()
    assert world.document("order", world.name_of("order", order))["customer"] == world.name_of("customer", 1)


def test_orders_that_stand_already_are_not_held_for_their_customers_conflict(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    order = an_order(world, lines=())
    world.agree()
    in_conflict(world)
    world["order"].source.edit(order, number="PO-2")
    world.run()
    assert world.held("order") == []
    assert world.document("order", world.name_of("order", order))["po_no"] == "PO-2"


def test_a_circle_around_a_conflict_comes_to_rest_when_it_is_resolved(make_trade):
    world = circle(make_trade)
    couple(world)
    world.agree()
    in_conflict(world)
    # A new contact of the customer in conflict, which the customer shall have as its first.
    world["contact"].source.insert(first="New", customer_id=1)
    world["customer"].source.edit("1", contact_id=2)
    world.run()
    assert [kind for kind, _ in world.held("customer")] == ["fields"]
    decide(world, "customer", Choice(take=Side.SOURCE))
    for _ in range(2):
        world.run()
    assert (world.held("customer"), world.held("contact")) == ([], [])
    assert (world.failed("customer"), world.failed("contact")) == ([], [])
    are_customer_and = world.document("customer", world.name_of("customer", 1))
    assert are_customer_and["contact"] == world.name_of("contact", 2)
    assert world.document("contact", world.name_of("contact", 2))["customer"] == world.name_of("customer", 1)
    world.quiet(full=True)


def test_a_link_that_both_sides_changed_is_a_conflict_that_a_person_decides(make_trade):
    world = shop(make_trade)
    for name in ("Ada", "Bob", "Cid", "Dan"):
        world["customer"].source.insert(name=name)
    order = an_order(world, lines=())
    world.agree()
    document = world.name_of("order", order)
    world["order"].source.edit(order, customer_id=2)
    world["order"].erpnext.edit(document, customer=world.name_of("customer", 3))
    world.run()
    [conflict] = world.store.conflicts("order")
    [field] = orjson.loads(conflict.fields)
    assert (field["field"], field["erpnext"], field["source"]) == ("customer", world.name_of("customer", 3), 2)
    decide(world, "order", Choice(values={"customer": world.name_of("customer", 4)}))
    world.agree()
    assert world.record("order", order)["customer_id"] == 4
    assert world.document("order", document)["customer"] == world.name_of("customer", 4)


def test_a_link_set_by_a_person_to_nothing_known_fails_with_its_name(make_trade):
    world = shop(make_trade)
    for name in ("Ada", "Bob", "Cid"):
        world["customer"].source.insert(name=name)
    order = an_order(world, lines=())
    world.agree()
    world["order"].source.edit(order, customer_id=2)
    world["order"].erpnext.edit(world.name_of("order", order), customer=world.name_of("customer", 3))
    world.run()
    decide(world, "order", Choice(values={"customer": "Nobody"}))
    world.run()
    assert "customer: customer 'Nobody' has no record in the source yet" in world.failed("order")[0]


def test_one_mapping_alone_goes_through_the_stored_pairs(make_trade):
    world = shop(make_trade)
    world["customer"].source.insert(name="Ada")
    world["item"].source.insert(title="Nail")
    world.agree("customer", "item")
    an_order(world, lines=((1, 1, 2, 3),))
    world.agree("order")
    assert world.document("order", world.name_of("order", 1))["customer"] == world.name_of("customer", 1)
    world["customer"].source.insert(name="Bob")
    an_order(world, customer=2, lines=())
    world.run("order")
    assert "customer 2 has no document in ERPNext yet" in world.failed("order")[0]
    world.agree()


def test_a_link_may_have_a_default_and_stand_beside_constants(make_trade):
    world = make_trade(
        customers(),
        mapping(
            "order",
            plain("po_no", "number"),
            linked("customer", "customer_id", "customer", default="C-Walk-in"),
            FieldSpec(erpnext="tax_id", constant="T0"),
        ),
    )
    world["customer"].erpnext.insert("C-Walk-in", customer_name="Walk-in")
    world["customer"].source.insert(name="Ada")
    nobody = world["order"].source.insert(number="PO-1")
    somebody = world["order"].source.insert(number="PO-2", customer_id=1)
    world.agree()
    held = [world.document("order", world.name_of("order", key)) for key in (nobody, somebody)]
    assert held == [
        {"po_no": "PO-1", "customer": "C-Walk-in", "tax_id": "T0"},
        {"po_no": "PO-2", "customer": world.name_of("customer", 1), "tax_id": "T0"},
    ]
    assert world.record("order", nobody).get("customer_id") is None, "the default does not flow back"


def test_a_link_that_would_leave_the_filters_is_refused_with_a_name(make_trade):
    world = make_trade(
        customers(),
        mapping(
            "order",
            plain("po_no", "number"),
            linked("customer", "customer_id", "customer"),
            erpnext_filters=(("customer", "=", "CUST-00001"),),
        ),
    )
    for name in ("Ada", "Bob"):
        world["customer"].source.insert(name=name)
    for number in (1, 2):
        world["order"].source.insert(number=f"PO-{number}", customer_id=number)
    world.run()
    assert list(world.pairs("order")) == ["1"]
    [failure] = world.store.failures("order")
    assert "CUST-00002" in failure.error
    assert failure.external_id == "2"


def test_rows_of_the_source_that_a_filter_on_a_link_wants_are_made_with_it(make_trade):
    world = make_trade(
        customers(),
        mapping(
            "order",
            plain("po_no", "number"),
            linked("customer", "customer_id", "customer"),
            source_filters={"customer_id": 1},
        ),
    )
    for name in ("Ada", "Bob"):
        world["customer"].source.insert(name=name)
    world.agree("customer")
    for number in (1, 2):
        world["order"].erpnext.insert(f"SO-{number}", po_no=f"PO-{number}", customer=world.name_of("customer", number))
    world.run()
    assert list(world.pairs("order").values()) == ["SO-1"]
    assert "customer_id would be 2" in world.failed("order")[0]


def test_a_link_is_a_match_rule(make_trade):
    world = make_trade(customers(), orders(match=(("customer", "po_no"),)))
    for name in ("Ada", "Bob"):
        world["customer"].source.insert(name=name)
    world.agree("customer")
    ada, bob = world.name_of("customer", 1), world.name_of("customer", 2)
    for number, customer in ((1, ada), (2, bob)):
        world["order"].erpnext.insert(f"SO-{number}", po_no="PO-1", customer=customer)
        world["order"].source.insert(number="PO-1", customer_id=number)
    world.agree()
    assert world.pairs("order") == {"1": "SO-1", "2": "SO-2"}


def test_a_link_matches_too_when_its_target_was_adopted_in_the_same_run(make_trade):
    world = make_trade(customers(match=(("tax_id",),)), orders(match=(("customer", "po_no"),)))
    world["customer"].erpnext.insert("C-Ada", customer_name="Ada", tax_id="T")
    world["customer"].source.insert(name="Ada", vat="T")
    world["order"].erpnext.insert("SO-1", po_no="PO-1", customer="C-Ada")
    world["order"].source.insert(number="PO-1", customer_id=1)
    world.agree()
    assert world.pairs("order") == {"1": "SO-1"}


def test_a_link_matches_when_its_target_arrives_in_a_later_run(make_trade):
    world = make_trade(customers(match=(("tax_id",),)), orders(match=(("customer", "po_no"),)))
    world["customer"].erpnext.insert("C-Ada", customer_name="Ada", tax_id="T")
    world["order"].erpnext.insert("SO-1", po_no="PO-1", customer="C-Ada")
    world["order"].source.insert(number="PO-1", customer_id=1)
    world.run("order")
    assert "customer 1 has no document" in world.failed("order")[0]
    world["customer"].source.insert(name="Ada", vat="T")
    world.sync()
    assert world.pairs("order") == {"1": "SO-1"}, "adopted, not made a second time"
    assert world.failed("order") == []
    world.quiet()


def test_a_chain_that_matches_by_its_parents_is_adopted_link_by_link(make_trade):
    world = make_trade(replace(accounts(), match=(("account_name", "parent_account"), ("account_name",))))
    world["account"].erpnext.insert("ROOT", account_name="Root")
    parents = {"A": "ROOT", "B": "A", "C": "B"}
    for name, parent in parents.items():
        world["account"].erpnext.insert(name, account_name="Same", parent_account=parent)
    world["account"].source.insert(name="Root")
    for number in (1, 2, 3):
        world["account"].source.insert(name="Same", parent_id=number)
    world.agree()
    assert world.pairs("account") == {"1": "ROOT", "2": "A", "3": "B", "4": "C"}


def test_a_circle_matches_by_its_link_once_the_target_is_adopted(make_trade):
    world = make_trade(
        customers(linked("contact", "contact_id", "contact"), match=(("tax_id",),)),
        contacts(linked("customer", "customer_id", "customer"), match=(("customer", "first_name"),)),
    )
    world["customer"].erpnext.insert("C", customer_name="Ada", tax_id="T")
    world["contact"].erpnext.insert("P", first_name="A.", customer="C")
    world["customer"].source.insert(name="Ada", vat="T")
    world["contact"].source.insert(first="A.", customer_id=1)
    world.required = {"contact": {"customer"}}
    world.agree()
    assert world.pairs("contact") == {"1": "P"}


def test_what_waits_for_something_that_never_comes_is_in_no_circle(make_trade):
    """A links to B, B to an item that nobody has: neither is created without its link."""
    world = make_trade(items(linked("variant_of", "variant_id", "item")))
    world["item"].source.insert(title="A", variant_id=2)
    world["item"].source.insert(title="B", variant_id=77)
    world.run()
    assert world["item"].erpnext.records == {}
    assert sorted(world.failed("item")) == [
        f"variant_of: item {key} has no document in ERPNext yet (in the value that the source holds)" for key in (2, 77)
    ]
    world["item"].source.insert("77", title="C")
    world.agree()


def test_what_links_to_a_target_that_has_ended_is_not_created_without(make_trade):
    world = make_trade(accounts())
    world["account"].source.insert(name="Root")
    world["account"].source.insert(name="Other")
    world.agree()
    world["account"].erpnext.delete(world.name_of("account", 1))
    world.sync(full=True, force=True)
    world["account"].source.insert(name="Child", parent_id=1)
    world.run()
    assert list(world.pairs("account")) == ["2"]
    assert "its pair has ended" in world.failed("account")[0]


def test_what_hangs_on_a_circle_is_made_with_it(make_trade):
    world = make_trade(accounts())
    for name, parent in (("Hen", 2), ("Egg", 1), ("Chick", 1)):
        world["account"].source.insert(name=name, parent_id=parent)
    world.agree()
    assert world.document("account", world.name_of("account", 3))["parent_account"] == world.name_of("account", 1)


def test_a_rule_behind_one_that_waits_for_its_link_matches_nothing(make_trade):
    """It might be contradicted as soon as the link leads somewhere."""
    world = make_trade(customers(match=(("tax_id",),)), orders(match=(("customer", "po_no"), ("po_no",))))
    world["customer"].erpnext.insert("C-Ada", customer_name="Ada", tax_id="A")
    world["customer"].erpnext.insert("C-Bob", customer_name="Bob", tax_id="B")
    world["order"].erpnext.insert("SO-1", po_no="PO-1", customer="C-Bob")
    world["order"].source.insert(number="PO-1", customer_id=1)
    world.run("order")
    assert [key for key, _ in world.pairs("order").items()] == []
    for name, vat in (("Ada", "A"), ("Bob", "B")):
        world["customer"].source.insert(name=name, vat=vat)
    world.agree()
    assert len(world.pairs("order")) == 2
    assert world.document("order", world.name_of("order", 1))["customer"] == "C-Ada"


def test_values_that_a_person_chose_are_not_refused_for_their_links(make_trade):
    world = make_trade(customers(), orders())
    compiled = world.bound("order").mapping
    assert unfit_values(compiled, {"customer": "Anybody", "po_no": "PO"}) == {}
    assert "customer" in unfit_values(compiled, {"customer": "x" * 200})


def test_a_book_is_begun_anew_before_it_grows_for_ever(make_trade, monkeypatch):
    monkeypatch.setattr(linking, "_MOST", 4)
    monkeypatch.setattr(linking, "LOOKUP", 3)
    world = shop(make_trade)
    for number in range(1, 12):
        world["customer"].source.insert(name=f"C{number}")
        an_order(world, number=f"PO-{number}", customer=number, lines=())
    world.agree()
    for number in range(1, 12):
        document = world.document("order", world.name_of("order", number))
        assert document["customer"] == world.name_of("customer", number)
