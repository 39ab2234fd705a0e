"""A plan's file: exactly the plan is carried out, what moved is refused by name, nothing is missed afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from syncd.app.planned import MOVED, Warrant
from syncd.app.results import PlanResult, RunResult
from syncd.core.mapping import SourceDeleted
from syncd.core.model import Counts
from syncd.core.plan_file import PlanFile, decode_plan, encode_plan
from syncd.errors import ExitCode
from tests.app.harness import NAME, World, spec


def through_a_file(plan: PlanResult) -> PlanFile:
    """The plan as it is after it was written and read."""
    file = PlanFile(
        version="1", made=datetime(2026, 3, 1, tzinfo=UTC), full=False, mappings=(), records=tuple(plan.records)
    )
    read = decode_plan(encode_plan(file))
    assert read == file
    return read


def carry_out(world: World, plan: PlanResult, **options: Any) -> RunResult:
    """One run by the plan, as `syncd reconcile --plan` does it."""
    warrant = Warrant(through_a_file(plan).records)
    reconciler = world.reconciler()
    plain = reconciler._open
    reconciler._open = lambda name, run: replace(plain(name, run), gate=warrant)
    world.clock.sleep(1.0)
    return reconciler.run((NAME,), replace(world.options, **options), stop=world.stop)


def counts_of(result: RunResult) -> Counts:
    counts = result.mappings[NAME]
    assert counts.error is None, counts.error
    assert counts.halt is None, counts.halt
    return counts


def told(counts: Counts) -> tuple[int, int, int]:
    assert counts.plan is not None
    return counts.plan["planned"], counts.plan["refused"], counts.plan["left"]


def refused(counts: Counts) -> list[tuple[str | None, str | None]]:
    assert counts.plan is not None
    assert {record["text"] for record in counts.plan["records"]} <= {MOVED}
    return [(record["external_id"], record["erpnext_name"]) for record in counts.plan["records"]]


def busy(make_world) -> tuple[World, list[tuple[str, str]]]:
    """A world with something of everything to do: (the world, its pairs)."""
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    couples = world.agreed(6)
    world.source.edit(couples[0][1], name="Shop edited")
    world.erpnext.edit(couples[1][0], customer_name="Site edited")
    world.source.edit(couples[2][1], url="shop")
    world.erpnext.edit(couples[2][0], customer_name="both")
    world.source.delete(couples[3][1])
    world.source.insert("N1", name="New in the shop", vat="N1")
    world.erpnext.insert("E1", customer_name="New on the site", tax_id="N2")
    return world, couples


def test_an_unmoved_plan_is_done_whole_and_a_further_run_has_nothing_to_do(make_world):
    world, couples = busy(make_world)
    plan = world.plan(full=True)
    counts = counts_of(carry_out(world, plan, full=True))
    assert told(counts) == (6, 0, 0)
    assert counts.created == {"erpnext": 1, "source": 1}
    assert counts.updated == {"erpnext": 2, "source": 2}
    assert counts.deleted == {"erpnext": 1, "source": 0}
    assert couples[3][0] not in world.erpnext.records
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_an_edit_in_between_is_refused_the_others_done_and_the_next_run_does_the_rest(make_world):
    world, couples = busy(make_world)
    plan = world.plan()
    world.source.edit(couples[0][1], name="Edited again")
    world.source.edit("N1", name="New, but edited")
    world.source.edit(couples[5][1], name="Not in the plan")
    world.source.insert("N3", name="Later", vat="N3")
    result = carry_out(world, plan)
    counts = counts_of(result)
    assert result.exit_code is ExitCode.ATTENTION
    assert told(counts) == (5, 2, 2)
    assert set(refused(counts)) == {("N1", None), (couples[0][1], couples[0][0])}
    assert world.customer(couples[0][0])[0] == "Name 1"
    assert world.customer(couples[5][0])[0] == "Name 6"
    assert world.customer(couples[2][0]) == world.shopper(couples[2][1]) == ("both", "VAT3", "shop")
    assert "N1" not in world.pairs()
    assert "N3" not in world.pairs()
    assert world.failures() == world.conflicts() == []
    rest = world.counts()
    assert rest.created == {"erpnext": 2, "source": 0}
    assert rest.updated == {"erpnext": 2, "source": 0}
    assert rest.plan is None
    assert world.customer(couples[0][0])[0] == "Edited again"
    assert world.customer(couples[5][0])[0] == "Not in the plan"
    assert world.counts(full=True).deleted == {"erpnext": 1, "source": 0}
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_plan_is_not_carried_out_twice(make_world):
    world, _ = busy(make_world)
    plan = world.plan()
    carry_out(world, plan)
    before = world.writes
    again = carry_out(world, plan)
    assert world.writes == before
    assert told(counts_of(again))[1:] == (5, 0)
    assert again.exit_code is ExitCode.ATTENTION


def test_a_record_that_moves_while_it_is_written_is_refused_not_lost(world):
    couples = world.agreed(2)
    for _, row in couples:
        world.source.edit(row, name=f"Edited {row}")
    plan = world.plan()

    def meanwhile(method, writes):
        if method == "apply" and writes[0].key == couples[0][0] and world.customer(couples[0][0])[2] == "u1":
            world.erpnext.edit(couples[0][0], website="meanwhile")

    world.erpnext.before = meanwhile
    result = carry_out(world, plan)
    world.unwatch()
    counts = counts_of(result)
    assert told(counts) == (2, 1, 0)
    assert refused(counts) == [(couples[0][1], couples[0][0])]
    assert world.customer(couples[1][0])[0] == f"Edited {couples[1][1]}"
    world.counts()
    assert world.customer(couples[0][0]) == world.shopper(couples[0][1])
    assert world.customer(couples[0][0])[2] == "meanwhile"
