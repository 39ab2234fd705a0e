"""The status of mappings, from the state store alone: it works while the daemon runs, and offline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from syncd.app.daemon import Schedule, cron_trigger
from syncd.app.results import MappingStatus
from syncd.ports.state import RunRecord, StateStore

_RUNS = 200
"""How many of the newest runs are searched for a mapping's last result."""


def statuses(
    store: StateStore, schedules: Sequence[Schedule], enabled: Collection[str], now: datetime
) -> list[MappingStatus]:
    """One line for each mapping, in the order of `schedules`. Times are aware, in UTC."""
    runs = store.runs(_RUNS)
    return [_status(store, schedule, runs, now, enabled=schedule.mapping in enabled) for schedule in schedules]


def _status(
    store: StateStore, schedule: Schedule, runs: Sequence[RunRecord], now: datetime, *, enabled: bool
) -> MappingStatus:
    name = schedule.mapping
    state, totals = store.mapping_state(name), store.totals(name)
    last = next((run for run in runs if name in run.mappings and run.finished is not None), None)
    return MappingStatus(
        mapping=name,
        enabled=enabled,
        last_run=last.started if last is not None else None,
        last_result=last.result if last is not None else "",
        last_full=state.last_full,
        next_run=_next_run(schedule, state.last_run, now) if enabled else None,
        lag=None if state.last_run is None else (now - state.last_run).total_seconds(),
        pairs=totals.pairs,
        held=totals.held,
        failed=totals.failed,
        unmatched=totals.unmatched,
        ended=totals.ended,
        halt=state.halt,
    )


def _next_run(schedule: Schedule, last: datetime | None, now: datetime) -> datetime | None:
    """When the daemon, if it runs, looks next."""
    if schedule.cron is not None:
        moment: datetime | None = cron_trigger(schedule.cron).get_next_fire_time(last, now)
        return moment
    if last is None or schedule.every is None:
        return now
    return max(now, last + timedelta(seconds=schedule.every))
