"""Runs as a whole: interruption, leases, one mapping's failure, exit codes, and `plan`."""

from __future__ import annotations

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.app.results import worst
from syncd.core.mapping import Create, SourceDeleted
from syncd.core.model import Action, Side
from syncd.errors import ExitCode, HaltError, UnreachableError
from tests.app.harness import NAME, World, spec


@pytest.mark.parametrize("target", ["erpnext", "source"])
def test_a_run_that_is_asked_to_stop_records_what_was_in_flight(make_world, target):
    world = make_world(spec(match=()))
    for number in range(300):
        if target == "erpnext":
            world.source.insert(name=f"N{number}")
        else:
            world.erpnext.insert(customer_name=f"N{number}")
    getattr(world, target).after = lambda method, _writes: world.stop.ask() if method == "create" else None
    result = world.run()
    assert result.exit_code is ExitCode.INTERRUPTED
    made = len(getattr(world, target).records)
    assert 0 < made < 300
    assert (len(world.pairs()), world.open_operations()) == (made, [])
    world.unwatch()
    world.stop = type(world.stop)()
    assert world.run().exit_code is ExitCode.OK
    assert (len(getattr(world, target).records), len(world.pairs())) == (300, 300)
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_run_that_is_asked_to_stop_does_not_begin_the_next_mapping(world):
    world.agreed()
    world.on_open = lambda _name: world.stop.ask()
    result = world.run(NAME, "second")
    assert (result.exit_code, list(result.mappings)) == (ExitCode.INTERRUPTED, [NAME])


def test_a_mapping_that_another_run_holds_is_left_alone(world):
    world.agreed()
    lease = world.store.acquire(NAME, wait=0)
    result = world.run(wait=5.0)
    assert result.exit_code is ExitCode.LEASE_HELD
    error = result.mappings[NAME].error
    assert error is not None
    assert "another run holds it" in error["message"]
    assert "process" in error["message"]
    lease.release()
    assert world.run().exit_code is ExitCode.OK


def test_an_owner_whose_lease_was_taken_over_writes_nothing_any_more(world):
    [(_document, row)] = world.agreed()
    world.source.edit(row, name="Edited")

    def asleep(method, _writes):
        if method == "apply":
            world.clock.sleep(120.0)
            world.store.acquire(NAME, wait=0)

    world.erpnext.before = asleep
    assert world.run().exit_code is ExitCode.LEASE_HELD
    assert len(world.open_operations()) == 1, "what was sent is looked up by the next run"


def test_one_mapping_that_fails_does_not_stop_the_others(world):
    world.source.insert(name="Ada", vat="A1")

    def broken(name):
        if name == "broken":
            raise UnreachableError("no route to host", hint="look at the network")
        if name == "defect":
            raise ZeroDivisionError("a bug")

    world.on_open = broken
    result = world.run("broken", NAME)
    assert result.exit_code is ExitCode.UNREACHABLE
    assert result.mappings["broken"].error == {"message": "no route to host", "hint": "look at the network"}
    assert result.mappings[NAME].created["erpnext"] == 1
    result = world.run("defect", NAME)
    assert result.exit_code is ExitCode.DEFECT
    assert "report it" in result.mappings["defect"].error["hint"]
    assert world.store.acquire("defect", wait=0), "its lease was given back"


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0),
        ([0, 3], 3),
        ([3, 10], 3),
        ([6, 3, 0], 6),
        ([5, 6], 5),
        ([4, 5], 4),
        ([130, 4], 130),
        ([1, 130], 1),
        ([0, 10], 10),
        ([0, 0], 0),
    ],
)
def test_the_worst_exit_code_counts(codes, code):
    assert worst([ExitCode(entry) for entry in codes]) == code


def test_a_pass_that_found_nothing_leaves_no_report(world):
    world.agreed()
    reports = len(world.reports)
    assert world.quiet().report == ""
    assert len(world.reports) == reports


def everything(make_world, **changes) -> World:
    """A world in which a run has to do something of everything."""
    world = make_world(spec(source_deleted=SourceDeleted.DELETE, **changes))
    couples = world.agreed(6)
    world.source.edit(couples[0][1], name="Shop edited")
    world.erpnext.edit(couples[1][0], customer_name="Site edited")
    world.source.edit(couples[2][1], url="shop")
    world.erpnext.edit(couples[2][0], customer_name="both")
    world.source.edit(couples[3][1], name="A")
    world.erpnext.edit(couples[3][0], customer_name="B")
    world.source.delete(couples[4][1])
    world.source.edit(couples[5][1], name="x" * 200)
    world.source.insert(name="New in the shop", vat="N1")
    world.erpnext.insert(customer_name="New on the site", tax_id="N2")
    world.source.insert(name="Adopted", vat="AD")
    world.erpnext.insert("CUST-AD", customer_name="Adopted", tax_id="AD", website="ad")
    return world


def snapshot(world):
    files = {file.name: file.read_bytes() for file in world.folder.iterdir() if not file.name.endswith("-shm")}
    return files, world.writes, dict(world.erpnext.records), dict(world.source.records)


@pytest.mark.parametrize("full", [True, False], ids=["full", "incremental"])
def test_a_plan_changes_nothing_and_says_what_the_run_then_does(make_world, full):
    world = everything(make_world)
    before = snapshot(world)
    plan = world.plan(full=full)
    assert snapshot(world) == before
    counts = world.counts(full=full)
    planned = {
        (side, kind): sum(o.side is side and o.action in actions for o in plan.operations)
        for side in Side
        for kind, actions in {
            "created": {Action.CREATE},
            "updated": {Action.UPDATE},
            "deleted": {Action.DELETE},
        }.items()
    }
    done = {
        (side, kind): getattr(counts, kind)[side.value] for side in Side for kind in ("created", "updated", "deleted")
    }
    assert planned == done
    assert done[Side.ERPNEXT, "created"] == done[Side.SOURCE, "created"] == 1
    assert plan.adopted[NAME] == counts.adopted == 1
    assert sum(o.action is Action.LINK for o in plan.operations) == counts.linked
    assert sorted(hold.kind for hold in plan.holds) == ["failed", "fields"]
    assert (counts.held, counts.failed) == (1, 1)
    assert world.plan(full=full).operations == []


def test_a_plan_before_anything_ran_needs_no_store(make_world):
    world = make_world()
    world.source.insert(name="Ada", vat="A1")
    (world.folder / "syncd.db").unlink()
    plan = world.plan()
    assert [operation.action for operation in plan.operations] == [Action.CREATE]
    assert not (world.folder / "syncd.db").exists()
    assert plan.changes


def test_a_plan_counts_what_would_be_unmatched(make_world):
    world = make_world(spec(create=Create.NONE))
    world.source.insert(name="Ada", vat="A1")
    world.erpnext.insert(customer_name="Bob", tax_id="B1")
    assert world.plan().unmatched == {NAME: 2}
    assert world.counts().unmatched == 2
    assert world.plan().unmatched == {NAME: 2}


def test_a_plan_says_where_a_run_would_halt_or_not_reach_a_side(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    couples = world.agreed(20)
    for _, row in couples[:10]:
        world.source.delete(row)
    plan = world.plan(full=True)
    assert (plan.exit_code, list(plan.halts)) == (ExitCode.HALTED, [NAME])
    assert "max_deletes" in plan.halts[NAME]
    assert world.store.mapping_state(NAME).halt == ""

    def refuse(_name):
        raise UnreachableError("no route to host")

    world.on_open = refuse
    plan = world.plan()
    assert (plan.exit_code, plan.errors) == (ExitCode.UNREACHABLE, {NAME: "no route to host"})


def test_a_plan_works_while_a_run_holds_the_mapping_and_takes_no_lease(world):
    world.agreed()
    lease = world.store.acquire(NAME, wait=0)
    assert world.plan().exit_code is ExitCode.OK
    lease.beat()


def test_a_plan_does_not_plan_what_is_in_doubt(world):
    from syncd.errors import UnknownOutcomeError
    from tests.app.harness import lost_once

    world.source.insert(name="Ada", vat="A1")
    world.erpnext.before = lost_once(UnknownOutcomeError("no answer"), "create")
    world.run()
    sent = len(world.erpnext.records)
    assert world.plan().operations == []
    assert len(world.erpnext.records) == sent


def test_a_mapping_whose_schema_no_longer_fits_halts(world):
    def gone(_name):
        raise HaltError("schema", "the column vat is mapped, but it is not there any more")

    world.agreed()
    world.on_open = gone
    result = world.run()
    assert (result.exit_code, result.mappings[NAME].halt["guard"]) == (ExitCode.HALTED, "schema")


def test_creations_come_in_growing_batches(make_world):
    world = make_world(spec(match=()), source=MemoryOptions())
    for number in range(700):
        world.source.insert(name=f"N{number}")
    sizes = []
    world.erpnext.before = lambda method, writes: sizes.append(len(writes)) if method == "create" else None
    world.counts()
    assert sum(sizes) == 700
    assert sizes[0] == 50
    assert max(sizes) == world.erpnext.capabilities().create_batch
