"""Plans over several mappings: links lead to what would be made, and the file is carried out in one run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from syncd.adapters.store import open_temporary
from syncd.app.context import Stop
from syncd.app.planned import Warrant
from syncd.app.planning import Planner
from syncd.core.model import Action, Side
from syncd.errors import ExitCode
from tests.app.harness import STORE
from tests.app.test_plan_file import through_a_file
from tests.app.trade import contacts, customers, items, linked, orders, rows


def plan_of(world, **options):
    """What `syncd plan` says, circles and all."""

    @contextmanager
    def temporary():
        store = open_temporary(STORE, clock=world.clock, directory=world.folder)
        try:
            yield store
        finally:
            store.close()

    planner = Planner(temporary=temporary, open_mapping=world.bound, clock=world.clock, circles=world.circles())
    return planner.plan(world.names(), replace(world.options, **options), stop=Stop())


def carry_out(world, plan, **options):
    """One run by the plan; the counts by mapping."""
    warrant = Warrant(through_a_file(plan).records)
    reconciler = world.reconciler()
    reconciler._open = lambda name, run: replace(world.bound(name, run), gate=warrant)
    world.clock.sleep(1.0)
    result = reconciler.run(world.names(), replace(world.options, **options), stop=world.stop)
    for name, counts in result.mappings.items():
        assert (counts.error, counts.halt) == (None, None), name
    return result


def told(result):
    return {name: (c.plan["planned"], c.plan["refused"], c.plan["left"]) for name, c in result.mappings.items()}


def shown(plan, mapping):
    """(sign, keys, changes) of one mapping's operations."""
    return [
        (o.action.value, o.side.value, o.external_id, o.erpnext_name, {c.field: c.new for c in o.changes})
        for o in plan.operations
        if o.mapping == mapping
    ]


@pytest.fixture
def shop(make_trade):
    world = make_trade(customers(), items(), orders(tables=[rows()]))
    world["customer"].source.insert("17", name="Ada")
    world["item"].source.insert("4", title="Hammer")
    world["order"].source.insert(
        "9", number="PO-9", customer_id=17, lines=[{"line": 1, "item_id": 4, "quantity": 2, "price": 10}]
    )
    world["customer"].erpnext.insert("C-Bob", customer_name="Bob")
    world["order"].erpnext.insert("SO-1", po_no="PO-1", customer="C-Bob", items=[])
    return world


def test_a_plan_shows_links_to_records_that_would_be_made(shop):
    plan = plan_of(shop)
    assert plan.exit_code is ExitCode.OK
    assert plan.holds == []
    created = [each for each in shown(plan, "order") if each[0] == "create"]
    assert created == [
        (
            "create",
            "erpnext",
            "9",
            None,
            {
                "po_no": "PO-9",
                "customer": "(customer 17, new)",
                "items[1]": "item_code=(item 4, new), qty=2, rate=10",
            },
        ),
        ("create", "source", None, "SO-1", {"po_no": "PO-1", "customer": "(customer C-Bob, new)"}),
    ]
    assert [len(shown(plan, name)) for name in ("customer", "item")] == [3, 1]
    assert shop.writes == 0


def test_an_order_whose_customer_is_made_by_the_same_plan_is_done(shop):
    plan = plan_of(shop)
    result = carry_out(shop, plan)
    assert told(result) == {"customer": (2, 0, 0), "item": (1, 0, 0), "order": (2, 0, 0)}
    assert result.exit_code is ExitCode.OK
    order = shop.document("order", shop.name_of("order", 9))
    assert order == {"po_no": "PO-9", "customer": shop.name_of("customer", 17)}
    row = shop.record("order", shop.id_of("order", "SO-1"))
    assert row["customer_id"] == shop.id_of("customer", "C-Bob")
    shop.quiet(full=True)


def test_an_order_whose_customer_moved_is_refused_with_it_and_done_by_the_next_run(shop):
    plan = plan_of(shop)
    shop["customer"].source.edit("17", name="Ada L.")
    result = carry_out(shop, plan)
    assert result.exit_code is ExitCode.ATTENTION
    assert told(result) == {"customer": (2, 1, 0), "item": (1, 0, 0), "order": (2, 1, 0)}
    assert [record["external_id"] for record in result.mappings["order"].plan["records"]] == ["9"]
    assert set(shop.pairs("order")) == {str(shop.id_of("order", "SO-1"))}
    shop.sync()
    assert shop.document("customer", shop.name_of("customer", 17))["customer_name"] == "Ada L."
    assert shop.name_of("order", 9)
    shop.quiet(full=True)


def test_another_customer_under_the_planned_id_is_not_the_planned_one(shop):
    """The order itself did not move, but what it would link to is not what the plan said."""
    plan = plan_of(shop)
    other = shop["customer"].erpnext.insert("C-Old", customer_name="Ada")
    shop["customer"].erpnext.records[other] = replace(shop["customer"].erpnext.records[other], partner="17")
    result = carry_out(shop, plan)
    assert told(result)["customer"][1] == 1
    assert shop.name_of("customer", 17) == "C-Old"
    assert told(result)["order"] == (2, 0, 0), "it links to customer 17, whichever document that is"
    shop.sync()
    shop.quiet(full=True)


def test_a_circle_is_planned_without_the_link_and_completed(make_trade):
    world = make_trade(
        customers(linked("contact", "contact_id", "contact")), contacts(linked("customer", "customer_id", "customer"))
    )
    world["customer"].source.insert("1", name="Ada", contact_id=5)
    world["contact"].source.insert("5", first="A.", customer_id=1)
    plan = plan_of(world)
    assert plan.holds == []
    by_action = {(name, each[0]): each[4] for name in ("customer", "contact") for each in shown(plan, name)}
    completed = [changes for (_, action), changes in by_action.items() if action == "update"]
    assert completed in ([{"contact": "(contact 5, new)"}], [{"customer": "(customer 1, new)"}])
    result = carry_out(world, plan)
    assert told(result) == {"customer": (1, 0, 0), "contact": (1, 0, 0)}
    customer, contact = world.name_of("customer", 1), world.name_of("contact", 5)
    assert world.document("customer", customer)["contact"] == contact
    assert world.document("contact", contact)["customer"] == customer
    world.quiet(full=True)


def test_a_target_that_never_comes_is_planned_as_a_failure(shop):
    shop["order"].source.insert("10", number="PO-10", customer_id=99, lines=[])
    plan = plan_of(shop)
    [hold] = plan.holds
    assert (hold.mapping, hold.kind, hold.external_id) == ("order", "failed", "10")
    assert "customer 99" in hold.text
    assert not any(o.external_id == "10" for o in plan.operations)
    assert {o.action for o in plan.operations} <= {Action.CREATE, Action.LINK}
    assert {o.side for o in plan.operations} == set(Side)
