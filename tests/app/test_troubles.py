"""Trouble that lasts floods neither the log, nor the reports, nor the sides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from syncd.app.context import Stop
from syncd.app.daemon import Daemon, Schedule
from syncd.app.troubles import LONGEST_REST, REMIND, Rests, Troubles
from syncd.core.mapping import SourceDeleted
from syncd.errors import ExitCode, UnreachableError
from tests.app.harness import NAME, FakeClock, spec

MINUTE = timedelta(minutes=1)


def test_the_same_trouble_is_news_once_and_again_after_an_hour():
    clock, troubles = FakeClock(), Troubles()
    told = []
    for _ in range(180):
        told.append(troubles.is_news("a", f"{len(told)} of 80 pairs would be deleted", clock.now()))
        clock.sleep(60)
    assert [at for at, news in enumerate(told) if news] == [0, 60, 120]
    assert troubles.is_news("b", "1 of 80 pairs would be deleted", clock.now()), "another mapping"
    assert troubles.is_news("a", "no connection", clock.now()), "another trouble"
    assert troubles.over("a")
    assert not troubles.over("a")
    assert troubles.is_news("a", "no connection", clock.now()), "it was over in between"
    assert timedelta(minutes=10) < REMIND


def test_a_mapping_that_goes_on_halting_is_looked_at_less_often_but_never_given_up():
    clock, rests, looks = FakeClock(), Rests(), []
    for second in range(0, 7200, 30):
        if not rests.resting("a", clock.now()):
            looks.append(second)
            rests.halted("a", clock.now(), timedelta(seconds=30))
        clock.sleep(30)
    assert looks[:5] == [0, 30, 90, 210, 450]
    assert max(b - a for a, b in pairwise(looks)) == LONGEST_REST.total_seconds()
    rests.over("a")
    assert not rests.resting("a", clock.now())


def daemon(world, *, every=60.0, full_every=None):
    """The daemon over a world, ticked by hand: (tick, the passes that were made)."""
    passes, reconciler = [], world.reconciler()
    schedule = Schedule(mapping=NAME, every=every, cron=None, full_every=full_every)

    def once(mapping, full):
        passes.append(full)
        return reconciler.run([mapping], replace(world.options, full=full, scheduled=True), stop=Stop())

    made = Daemon(
        [schedule],
        once,
        lambda mapping: world.store.mapping_state(mapping).last_full,
        clock=world.clock,
        stop=Stop(),
        is_halted=lambda mapping: bool(world.store.mapping_state(mapping).halt),
    )

    def tick():
        made._tick(schedule)
        world.clock.sleep(every)

    return tick, passes


def test_a_mapping_that_halts_for_a_day_is_told_a_few_times_and_harms_nothing(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    couples = world.agreed(80)
    gone = {row: world.source.records.pop(row) for _, row in couples[:20]}
    tick, passes = daemon(world, full_every=3600.0)
    world.clock.sleep(4000)
    with capture_logs() as logs:
        for _ in range(24 * 60):
            tick()
    assert world.store.mapping_state(NAME).halt.startswith("max_deletes")
    assert len(world.erpnext.records) == 80
    assert not world.writes
    assert len(passes) < 160, "far fewer looks than the 1,440 ticks"
    assert len(world.reports) <= 26, "about one an hour"
    assert len(logs) <= 26
    world.source.records.update(gone)
    with capture_logs() as logs:
        for _ in range(12):
            tick()
    assert world.store.mapping_state(NAME).halt == ""
    assert [entry["event"] for entry in logs] == ["pass ended"], "that it is over is told"


def test_a_person_who_lets_it_pass_is_not_waited_for(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    couples = world.agreed(80)
    for _, row in couples[:20]:
        world.source.delete(row)
    tick, passes = daemon(world, full_every=3600.0)
    world.clock.sleep(4000)
    for _ in range(60):
        tick()
    before = len(passes)
    tick()
    assert len(passes) - before <= 1
    assert world.counts(full=True, force=True).deleted["erpnext"] == 20
    world.source.edit(couples[-1][1], name="At once")
    tick()
    assert world.customer(couples[-1][0])[0] == "At once"


def test_an_emptied_side_stays_halted_although_an_incremental_pass_would_see_nothing_of_it(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    world.agreed(3)
    records = dict(world.source.records)
    world.source.records.clear()
    assert world.run(full=True).exit_code is ExitCode.HALTED
    assert world.run().exit_code is ExitCode.HALTED, "the next ordinary pass looks at everything again"
    assert world.store.mapping_state(NAME).halt.startswith("emptied_side")
    world.source.records.update(records)
    assert world.quiet().exit_code is ExitCode.OK
    assert world.store.mapping_state(NAME).halt == ""


@pytest.mark.parametrize(
    ("scheduled", "reports"),
    [
        pytest.param(True, 1, id="the daemon: one report"),
        pytest.param(False, 3, id="a person: one for each run"),
    ],
)
def test_a_site_that_is_down_is_reported_once_by_the_daemon(world, scheduled, reports):
    world.agreed()
    before = len(world.reports)

    def down(_method, _writes):
        raise UnreachableError("no connection, 3 attempts")

    world.erpnext.before = down
    reconciler = world.reconciler()
    with capture_logs() as logs:
        for _ in range(3):
            result = reconciler.run([NAME], replace(world.options, scheduled=scheduled), stop=Stop())
            assert result.exit_code is ExitCode.UNREACHABLE
    assert len(world.reports) - before == reports
    assert len([entry for entry in logs if entry["event"] == "mapping failed"]) == reports
