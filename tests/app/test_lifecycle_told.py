"""What is said of transitions: numbers, plans, the journal behind reports; and the guards before them."""

from __future__ import annotations

import pytest

from syncd.core.journal import decode_entries
from syncd.core.mapping import ChangedAfterSubmit, SourceDeleted
from syncd.core.model import Action, Side
from syncd.errors import ExitCode
from tests.app.harness import NAME

AMEND = ChangedAfterSubmit.AMEND


@pytest.fixture
def world(make_documents):
    """Five agreed documents, each of which the source asks something of, and a new record."""
    made = make_documents(changed_after_submit=AMEND)
    states = ["pending", "paid", "paid", "pending", "pending"]
    rows = [made.order(state, f"Order {number}") for number, state in enumerate(states)]
    made.counts()
    made.quiet()
    made.source.edit(rows[0], state="paid")
    made.source.edit(rows[1], title="Amended")
    made.source.edit(rows[2], state="void")
    made.source.edit(rows[3], state="void")
    made.erpnext.submit(made.name(rows[4]))
    made.order("paid", "New")
    return made


STEPS = {
    "submit": ("draft", "submit, with merged fields"),
    "amend": ("submitted", "amend and submit"),
    "cancel": ("submitted", "cancel"),
    "delete": ("draft", "delete the draft"),
}


def test_a_plan_names_the_transitions_and_a_run_does_them(world):
    before = world.writes
    plan = world.plan()
    assert world.writes == before
    planned = {
        operation.action.value: next(
            ((change.old, change.new) for change in operation.changes if change.field == "(document)"), None
        )
        for operation in plan.operations
        if operation.side is Side.ERPNEXT
    }
    assert planned == {**STEPS, "create": None}
    [told] = [operation for operation in plan.operations if operation.side is Side.SOURCE]
    assert [(change.field, change.old, change.new) for change in told.changes] == [("state", "pending", "paid")]
    counts = world.counts()
    assert (counts.submitted, counts.amended, counts.cancelled) == (2, 1, 1)
    assert (counts.created, counts.deleted) == ({"erpnext": 1, "source": 0}, {"erpnext": 1, "source": 0})
    assert (counts.updated, counts.ended) == ({"erpnext": 0, "source": 1}, 1)
    assert world.plan().operations == []


def test_the_journal_keeps_each_transition_for_the_report(world):
    result = world.run()
    entries = [
        (entry.action, change.old, change.new)
        for operation in world.store.operations(result.run)
        for entry in decode_entries(operation.records, operation.results)
        for change in entry.changes
        if change.field == "(document)"
    ]
    assert sorted(entries) == sorted((action, *step) for action, step in STEPS.items())


def cancelling(make_documents, number, cancelled):
    world = make_documents()
    rows = [world.order("paid", f"Order {each}") for each in range(number)]
    world.counts()
    for row in rows[:cancelled]:
        world.source.edit(row, state="void")
    return world


def test_cancellations_count_as_deletions_for_the_guards(make_documents):
    world = cancelling(make_documents, 40, 6)
    result = world.run()
    assert result.exit_code is ExitCode.HALTED
    assert result.mappings[NAME].halt["guard"] == "max_deletes"
    assert set(world.standing.values()) == {1}
    assert world.plan().exit_code is ExitCode.HALTED
    assert world.counts(force=True).cancelled == 6
    world.quiet()


def test_cancellations_of_deleted_records_count_as_well(make_documents):
    world = make_documents(source_deleted=SourceDeleted.CANCEL)
    rows = [world.order("paid", f"Order {each}") for each in range(40)]
    world.counts()
    for row in rows[:6]:
        world.source.delete(row)
    assert world.run(full=True).exit_code is ExitCode.HALTED
    assert set(world.standing.values()) == {1}
    assert world.counts(full=True, force=True).cancelled == 6


def test_what_is_held_already_halts_nobody(make_documents):
    world = cancelling(make_documents, 40, 6)
    world.erpnext.options.hold_cancel = lambda key: f"a payment refers to {key}"
    assert world.counts(force=True).held == 6
    for full in (False, False):
        assert world.counts(full=full).held == 6


def test_a_held_transition_is_planned_as_held(make_documents):
    world = cancelling(make_documents, 3, 1)
    world.erpnext.options.hold_cancel = lambda key: f"a payment refers to {key}"
    assert world.counts().held == 1
    plan = world.plan()
    assert plan.operations == []
    [hold] = plan.holds
    assert hold.kind == "transition"
    assert "a payment refers to" in hold.text


def test_transitions_are_reported_even_where_nothing_else_happened(make_documents):
    world = make_documents()
    _, row = world.made("pending")
    reports = len(world.reports)
    world.source.edit(row, state="paid")
    world.counts()
    assert len(world.reports) == reports + 1
    world.quiet()
    assert len(world.reports) == reports + 1
    assert [write.action for write in world.erpnext.writes][-1] is Action.SUBMIT
