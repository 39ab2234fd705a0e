"""Plans of documents and of child tables, carried out from their file; and runs by a plan that are killed."""

from __future__ import annotations

import contextlib

import pytest

from syncd.core.mapping import ChangedAfterSubmit, SourceDeleted
from syncd.errors import ExitCode
from tests.app.harness import Killed, KillSwitch, spec
from tests.app.test_plan_file import carry_out, counts_of, refused, told
from tests.app.test_plan_links import carry_out as carry_out_all
from tests.app.test_plan_links import plan_of
from tests.app.test_plan_links import told as told_all
from tests.app.trade import customers, items, orders, rows


@pytest.fixture
def documents(make_documents):
    """Five agreed documents, each of which the source asks something of, and a new record."""
    made = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    states = ["pending", "paid", "paid", "pending", "pending"]
    numbers = [made.order(state, f"Order {number}") for number, state in enumerate(states)]
    made.counts()
    made.quiet()
    made.source.edit(numbers[0], state="paid")
    made.source.edit(numbers[1], title="Amended")
    made.source.edit(numbers[2], state="void")
    made.source.edit(numbers[3], state="void")
    made.erpnext.submit(made.name(numbers[4]))
    made.order("paid", "New")
    return made, numbers


def test_transitions_are_carried_out_from_a_file(documents):
    world, _ = documents
    plan = world.plan()
    counts = counts_of(carry_out(world, plan))
    assert told(counts) == (6, 0, 0)
    assert (counts.submitted, counts.amended, counts.cancelled) == (2, 1, 1)
    assert (counts.created["erpnext"], counts.deleted["erpnext"]) == (1, 1)
    world.quiet(full=True)


def test_a_document_that_a_person_moved_is_refused(documents):
    world, numbers = documents
    plan = world.plan()
    world.erpnext.submit(world.name(numbers[0]))
    world.erpnext.edit(world.name(numbers[2]), remarks="do not cancel")
    counts = counts_of(carry_out(world, plan))
    assert {external_id for external_id, _ in refused(counts)} == {numbers[0], numbers[2]}
    assert world.document(world.name(numbers[2]))[0] == 1, "it was not cancelled"
    assert (counts.submitted, counts.amended, counts.cancelled) == (1, 1, 0)


def test_rows_that_change_are_readable_and_carried_out(make_trade):
    world = make_trade(customers(), items(), orders(tables=[rows()]))
    customer = world["customer"].source.insert(name="Ada")
    hammer, nail = (world["item"].source.insert(title=title) for title in ("Hammer", "Nail"))
    lines = [{"line": 1, "item_id": int(hammer), "quantity": 2, "price": 10}]
    order = world["order"].source.insert(number="PO-1", customer_id=int(customer), lines=lines)
    world.agree()
    changed = [
        {"line": 1, "item_id": int(hammer), "quantity": 3, "price": 10},
        {"line": 2, "item_id": int(nail), "quantity": 100, "price": 1},
    ]
    world["order"].source.edit(order, lines=changed)
    plan = plan_of(world)
    [operation] = plan.operations
    shown = {change.field: (change.old, change.new) for change in operation.changes}
    assert shown["items[1].qty"] == ("2", "3") or shown["items[1].qty"] == (2, 3)
    assert shown["items[2]"][0] is None
    assert "item_code=" in str(shown["items[2]"][1])
    assert told_all(carry_out_all(world, plan))["order"] == (1, 0, 0)
    world.quiet(full=True)


def test_a_row_that_moved_is_refused(make_trade):
    world = make_trade(customers(), items(), orders(tables=[rows()]))
    customer, item = world["customer"].source.insert(name="Ada"), world["item"].source.insert(title="Nail")
    lines = [{"line": 1, "item_id": int(item), "quantity": 2, "price": 10}]
    order = world["order"].source.insert(number="PO-1", customer_id=int(customer), lines=lines)
    world.agree()
    world["order"].source.edit(order, number="PO-2")
    plan = plan_of(world)
    world["order"].source.edit(order, lines=[{**lines[0], "quantity": 5}])
    assert told_all(carry_out_all(world, plan))["order"] == (1, 1, 0)
    world.sync()
    assert world["order"].erpnext.items(world.name_of("order", order), "items")[0]["qty"] == 5


def killed_everywhere(make_world, tmp_path):
    """A run by a plan, killed at each of its points: (the world after a restart, its pairs)."""
    template = make_world(spec(source_deleted=SourceDeleted.DELETE, erpnext_name="erp_ref"))
    couples = template.agreed(3)
    template.source.edit(couples[0][1], name="Shop")
    template.erpnext.edit(couples[1][0], website="site")
    template.source.insert("N1", name="New", vat="N1")
    template.erpnext.insert("E1", customer_name="New too", tax_id="N2")
    plan = template.plan()
    template.source.edit(couples[2][1], name="Not in the plan")
    point, dead = 0, True
    while dead:
        point += 1
        world = template.copy(tmp_path / f"killed-{point}")
        switch = KillSwitch(at=point)
        world.watch(switch)
        with contextlib.suppress(Killed):
            carry_out(world, plan)
        dead = switch.dead
        world.restart()
        world.clock.sleep(200.0)
        yield world, couples
        world.close()


def test_a_run_by_a_plan_that_is_killed_anywhere_is_finished_by_an_ordinary_one(make_world, tmp_path):
    points = 0
    for world, couples in killed_everywhere(make_world, tmp_path):
        points += 1
        world.counts()
        world.counts()
        assert world.open_operations() == [], points
        for document, row in couples:
            assert world.customer(document) == world.shopper(row), points
        assert world.customer(couples[2][0])[0] == "Not in the plan", "nothing that the plan left is missed"
        assert sorted(str(world.erpnext.values(key)["tax_id"]) for key in world.erpnext.records) == [
            "N1",
            "N2",
            "VAT1",
            "VAT2",
            "VAT3",
        ]
        assert len(world.source.records) == 5
        assert world.quiet(full=True).exit_code is ExitCode.OK
    print(f"\n{points} points")
    assert points > 25
