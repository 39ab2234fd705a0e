"""One pass over one mapping: how it is set up, and its phases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from syncd.app.absence import judge_absent, look_again, recheck_absent
from syncd.app.commit import is_parked, waits_for_person
from syncd.app.context import Options, Pass, Progress, Stop
from syncd.app.creating import Creator
from syncd.app.deciding import cases, counts_as
from syncd.app.executor import ROUNDS, Executor
from syncd.app.failures import parked_of
from syncd.app.gate import OPEN, Gate
from syncd.app.gone import guard_gone
from syncd.app.observe import observe
from syncd.app.pairing import pair_up
from syncd.core.guards import Halt, restored_backup, too_many_deletes, too_many_updates
from syncd.core.mapping import CompiledMapping
from syncd.core.matching import Matcher
from syncd.core.model import Action, Counts, Side
from syncd.errors import HaltError
from syncd.ports.endpoint import Clock, Endpoint
from syncd.ports.state import Lease, StagedState, StateStore

_FULL_AGAIN = ("emptied_side:", "lost_right:")
"""Halts that only a full pass meets: only a full pass that goes through tells that they are over."""

NEWEST = 200
"""Most recently stamped pairs that the restored-backup guard looks at (design.md, "Guard")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A mapping bound to both of its sides, ready to run. `fingerprint` is of the mapping's content."""

    mapping: CompiledMapping
    endpoints: Mapping[Side, Endpoint]
    fingerprint: str
    gate: Gate = OPEN


OpenMapping = Callable[[str, str], Bound]
"""(mapping, run id) → bound; raises UnreachableError, HaltError, ConfigError."""


def start_pass(
    store: StateStore,
    lease: Lease,
    bound: Bound,
    run_id: str,
    options: Options,
    counts: Counts,
    clock: Clock,
    stop: Stop,
    progress: Progress,
) -> Pass:
    """Set a pass up. A mapping whose content changed since its last run is compared whole, from the beginning."""
    mapping = bound.mapping
    state = store.mapping_state(mapping.name)
    names = (mapping.stored_names(Side.ERPNEXT), mapping.stored_names(Side.SOURCE))
    layout_changed = (state.erpnext_fields, state.source_fields) != names
    # A first pass that was killed has no fingerprint yet, but rows that were staged in the layout of its mapping.
    renewed = bool(state.layout) and (state.fingerprint not in {"", bound.fingerprint} or layout_changed)
    if renewed or layout_changed:
        # The fingerprint is stored when the pass is complete: killed before, it is begun anew.
        state = replace(
            state,
            layout=state.layout + 1 if layout_changed else state.layout,
            erpnext_fields=names[0],
            source_fields=names[1],
            # What is staged is dropped: killed before it is complete, the next pass reads everything as well.
            erpnext_cursor=None if renewed else state.erpnext_cursor,
            source_cursor=None if renewed else state.source_cursor,
        )
        with store.transaction(lease) as tx:
            if renewed:
                tx.drop_staged()
            tx.set_state(state)
    failures = store.failures(mapping.name)
    return Pass(
        mapping=mapping,
        store=store,
        lease=lease,
        endpoints=bound.endpoints,
        run=run_id,
        options=options,
        clock=clock,
        stop=stop,
        state=state,
        layouts=store.layouts(mapping.name),
        counts=counts,
        progress=progress,
        gate=bound.gate,
        full=options.full or renewed or state.halt.startswith(_FULL_AGAIN),
        renewed=renewed,
        parked=frozenset() if renewed else parked_of(failures),
        told={(failure.external_id, failure.erpnext_name): failure for failure in failures},
    )


def observe_both(run: Pass, matcher: Matcher) -> None:
    """Read both sides, judge what is absent, find who belongs to whom."""
    if not run.options.force:
        for side in Side:
            _guard_restored(run, side)
    retry_creations(run)
    recheck_absent(run, matcher)
    fewer = False
    for side in Side:
        observation = observe(run, side, matcher)
        judge_absent(run, observation, matcher)
        fewer = fewer or observation.fewer
    guard_gone(run)
    pair_up(run, matcher, fewer=fewer)


def _guard_restored(run: Pass, side: Side) -> None:
    recorded = dict(run.store.newest_pairs(run.mapping.name, side, NEWEST))
    if not recorded:
        return
    rows = run.endpoints[side].fetch(list(recorded))
    halt = restored_backup(side, ((row.key, recorded[row.key], row.stamp) for row in rows), run.mapping.zone(side))
    _raise(halt)


def _raise(halt: Halt | None) -> None:
    if halt is not None:
        raise HaltError(halt.guard, halt.message, hint=halt.hint)


def retry_creations(run: Pass) -> None:
    """Creations that failed for a passing reason are due again; refused ones wait until their record changes."""
    due = {
        (failure.external_id, failure.erpnext_name)
        for failure in run.store.failures(run.mapping.name)
        if not failure.permanent and failure.action is Action.CREATE
    }
    if not due:
        return
    again: list[tuple[int, StagedState]] = []
    for side in Side:
        after = 0
        while page := run.store.unpaired(
            run.mapping.name, side, after=after, limit=NEWEST, states=[StagedState.FAILED]
        ):
            after = page[-1].id
            again.extend(
                (row.id, StagedState.NEW)
                for row in page
                if ((row.key, None) if side is Side.SOURCE else (None, row.key)) in due
            )
    with run.store.transaction(run.lease) as tx:
        tx.mark_staged(again)


def guard_writes(run: Pass) -> None:
    """Halt before damage: too many deletions, and in scheduled passes too many updates.

    What this run has deleted or cancelled already counts: a side may empty itself between being read and being written
    to.
    """
    options = run.options
    if options.force:
        return
    pairs = run.store.totals(run.mapping.name).pairs
    lowest = options.max_deletes.allowed(pairs, 0)
    if options.scheduled:
        lowest = min(lowest, options.max_updates.allowed(pairs, 0))
    updates, deletes = 0, sum(run.counts.deleted.values()) + run.counts.cancelled
    if run.store.count_work(run.mapping.name) + deletes <= lowest:
        return
    for page in cases(run):
        for case in page:
            if is_parked(run, case) or waits_for_person(run, case):  # nothing of it is sent
                continue
            update, delete = counts_as(case.decision)
            updates, deletes = updates + update, deletes + delete
    _raise(too_many_deletes(deletes, pairs, options.max_deletes))
    if options.scheduled:
        _raise(too_many_updates(updates, pairs, options.max_updates))


def execute(run: Pass, matcher: Matcher) -> None:
    """Create partners, write what was decided on pairs, look again at what moved meanwhile."""
    for target in Side:
        Creator(run, target).run_all()
    executor = Executor(run)
    executor.run_all()
    for _ in range(ROUNDS):
        again = sorted(executor.take_again())
        if not again:
            return
        for side in Side:
            look_again(run, side, again, matcher)
        guard_writes(run)
        executor.run_all(set(again))
    executor.leave()


def close_counts(run: Pass) -> None:
    """Counts of what is open when the pass ends."""
    totals = run.store.totals(run.mapping.name)
    run.counts.unmatched = totals.unmatched
    run.counts.conflicts = totals.conflicts
    run.counts.held = totals.held
    run.counts.failed = totals.failed
