"""One run: the mappings in order, each observed, paired, decided on, guarded, executed and committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson
import structlog

from syncd.app.absence import judge_absent, look_again, recheck_absent
from syncd.app.auditing import audit
from syncd.app.commit import is_parked, waits_for_person
from syncd.app.context import Options, Pass, Progress, Stop, no_progress
from syncd.app.creating import Creator
from syncd.app.deciding import cases, counts_as
from syncd.app.executor import ROUNDS, Executor
from syncd.app.failures import parked_of
from syncd.app.gate import OPEN, Gate
from syncd.app.gone import guard_gone
from syncd.app.observe import observe
from syncd.app.pairing import pair_up
from syncd.app.recovery import recover
from syncd.app.results import Result, RunResult, worst
from syncd.app.troubles import Troubles
from syncd.core.guards import Halt, restored_backup, too_many_deletes, too_many_updates
from syncd.core.mapping import CompiledMapping
from syncd.core.matching import Matcher
from syncd.core.model import Action, Counts, Side
from syncd.errors import ExitCode, HaltError, LeaseHeldError, StateError, SyncdError
from syncd.ports.endpoint import Clock, Endpoint
from syncd.ports.state import Lease, RunRecord, StagedState, StateStore

NEWEST = 200
"""Most recently stamped pairs that the restored-backup guard looks at (design.md, "Guard")."""

_FULL_AGAIN = ("emptied_side:", "lost_right:")
"""Halts that only a full pass meets: only a full pass that goes through tells that they are over."""

log = structlog.get_logger("syncd.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A mapping bound to both of its sides, ready to run. `fingerprint` is of the mapping's content."""

    mapping: CompiledMapping
    endpoints: Mapping[Side, Endpoint]
    fingerprint: str
    gate: Gate = OPEN


OpenMapping = Callable[[str, str], Bound]
"""(mapping, run id) → bound; raises UnreachableError, HaltError, ConfigError."""
WriteReport = Callable[[RunRecord], tuple[str, str]]
"""Writes the report of a finished run; answers the paths of RUN.json and RUN.html."""


class Reconciler:
    """Runs mappings against the state store. One mapping that fails never stops the others."""

    def __init__(
        self,
        *,
        store: StateStore,
        open_mapping: OpenMapping,
        write_report: WriteReport,
        clock: Clock,
        new_run: Callable[[datetime], str],
        redact: Callable[[str], str] = str,
        circles: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """`circles`: for each mapping that stands in a circle of links, the others of it."""
        self._circles = circles or {}
        self._store = store
        self._open = open_mapping
        self._write_report = write_report
        self._clock = clock
        self._new_run = new_run
        self._redact = redact
        self._troubles = Troubles()

    def run(
        self, mappings: Sequence[str], options: Options, *, stop: Stop, progress: Progress = no_progress
    ) -> RunResult:
        """One run over `mappings`, in their order. Raises `StateError` only; all else is in the result.

        Mappings whose records wait for what they link to are gone through once more at the end, without reading either
        side again, for as long as that gets them any further.
        """
        started = self._clock.now()
        run_id = self._new_run(started)
        record = RunRecord(id=run_id, started=started, mappings=tuple(mappings), full=options.full)
        self._store.begin_run(record)
        counts: dict[str, Counts] = {}
        codes: dict[str, ExitCode] = {}
        noticed = False
        waiting: dict[str, int] = {}
        for name in mappings:
            counts[name] = Counts()
            codes[name], met = self._guarded(name, run_id, options, counts[name], stop, progress)
            done = codes[name] in {ExitCode.OK, ExitCode.ATTENTION}
            noticed = noticed or met.noticed
            if met.waiting and done:
                waiting[name] = met.operations
            if codes[name] is ExitCode.INTERRUPTED:
                break
        # In a circle nobody may have been able to begin, for want of knowing that the others wait as well.
        before = -1 if waiting.keys() & self._circles.keys() else 0
        while waiting and not stop.asked and _done(counts) > before:
            before, due, waiting = _done(counts), waiting, {}
            for name, operations in due.items():
                codes[name], met = self._guarded(
                    name, run_id, options, counts[name], stop, progress, after=operations
                )
                noticed = noticed or met.noticed
                if met.waiting and codes[name] in {ExitCode.OK, ExitCode.ATTENTION}:
                    waiting[name] = met.operations
        code = worst(list(codes.values()))
        result = _result(code)
        record = replace(
            record,
            finished=self._clock.now(),
            result=result.value,
            counts=orjson.dumps({name: asdict(entry) for name, entry in counts.items()}),
        )
        json_path, html_path = self._report(record) if noticed else ("", "")
        record = replace(record, report=json_path)
        self._store.finish_run(record)
        return RunResult(
            run=run_id,
            started=started,
            finished=record.finished or started,
            result=result,
            exit_code=code,
            mappings=counts,
            report=json_path,
            html=html_path,
        )

    def _report(self, record: RunRecord) -> tuple[str, str]:
        """The paths of the run's report; a run whose report cannot be written is recorded without one."""
        try:
            return self._write_report(record)
        except StateError:
            self._store.finish_run(record)
            raise

    def _guarded(
        self,
        name: str,
        run_id: str,
        options: Options,
        counts: Counts,
        stop: Stop,
        progress: Progress,
        *,
        after: int | None = None,
    ) -> tuple[ExitCode, _Met]:
        """(exit code, what was met) of one mapping; every error ends here and is told in the counts.

        `after`: the mapping was gone through in this run already, with so many operations; only what waits is looked at
        again, under keys that were not given out yet.
        """
        met = _Met(operations=after or 0)
        try:
            lease = self._store.acquire(name, wait=options.wait)
        except LeaseHeldError as error:
            counts.error = self._told(error)
            self._notice(name, counts.error, options, met)
            return error.exit_code, met
        try:
            bound = self._open(name, run_id)
            run = start_pass(self._store, lease, bound, run_id, options, counts, self._clock, stop, progress)
            run.late = self._circles.get(name, frozenset())
            run.operations = met.operations
            self._reconcile(run, bound.fingerprint, met, completing=after is not None)
        except HaltError as error:
            counts.halt = {"guard": error.guard, **self._told(error)}
            self._note_halt(name, lease, error)
            self._notice(name, counts.halt, options, met)
            return error.exit_code, met
        except SyncdError as error:
            counts.error = self._told(error)
            if self._notice(name, counts.error, options, met):
                log.warning("mapping failed", mapping=name, error=counts.error["message"])
            return error.exit_code, met
        except Exception as error:  # the one place that keeps a defect in one mapping from the others
            text = self._redact(f"unexpected error: {type(error).__name__}: {error}")
            counts.error = {"message": text, "hint": "This is a defect in syncd. Please report it with the log."}
            if self._notice(name, counts.error, options, met):
                log.exception("unexpected error", mapping=name)
            return ExitCode.DEFECT, met
        finally:
            lease.release()
        self._troubles.over(name)
        return (ExitCode.ATTENTION if counts.attention else ExitCode.OK), met

    def _notice(self, name: str, told: Mapping[str, str], options: Options, met: _Met) -> bool:
        """Note that trouble is worth a report and a line in the log; at a scheduled pass only where it is news."""
        news = not options.scheduled or self._troubles.is_news(name, told["message"], self._clock.now())
        met.noticed = met.noticed or news
        return news

    def _told(self, error: SyncdError) -> dict[str, str]:
        return {"message": self._redact(error.message), "hint": self._redact(error.hint)}

    def _note_halt(self, name: str, lease: Lease, error: HaltError) -> None:
        state = self._store.mapping_state(name)
        with self._store.transaction(lease) as tx:
            tx.set_state(replace(state, halt=f"{error.guard}: {error.message}"))

    def _reconcile(self, run: Pass, fingerprint: str, met: _Met, *, completing: bool) -> None:
        before = {side: endpoint.requests for side, endpoint in run.endpoints.items()}
        matcher = Matcher(run.mapping)
        try:
            if completing:
                retry_creations(run)
                pair_up(run, matcher)
            else:
                recover(run)
                observe_both(run, matcher)
            guard_writes(run)
            execute(run, matcher)
            if run.full and not completing:
                audit(run)
            run.gate.close(run)
            if not completing:
                self._note_complete(run, fingerprint)
        finally:
            met.noticed, met.waiting, met.operations = run.noticed, run.waiting, run.operations
            for side, endpoint in run.endpoints.items():
                run.counts.requests[side.value] += endpoint.requests - before[side]
            close_counts(run)

    def _note_complete(self, run: Pass, fingerprint: str) -> None:
        now = self._clock.now()
        run.state = replace(
            self._store.mapping_state(run.mapping.name),
            last_run=now,
            # The first pass read everything; later ones only where they were full.
            last_full=now if run.full or run.state.last_full is None else run.state.last_full,
            fingerprint=fingerprint,
            halt="",
        )
        with self._store.transaction(run.lease) as tx:
            tx.set_state(run.state)


@dataclass(slots=True)
class _Met:
    """What a pass met: anything worth a report; records that wait for what they link to."""

    noticed: bool = False
    waiting: bool = False
    operations: int = 0
    """Operation keys given out so far."""


def _done(counts: Mapping[str, Counts]) -> int:
    """How many records a run has tied or written: only these may be what others wait for."""
    return sum(
        sum(entry.created.values()) + sum(entry.updated.values()) + entry.adopted + entry.linked
        for entry in counts.values()
    ) + sum(entry.amended + entry.submitted for entry in counts.values())


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

    What this run has deleted or cancelled already counts: a side may empty itself between being read and being written to.
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


def _result(code: ExitCode) -> Result:
    if code is ExitCode.OK:
        return Result.IN_SYNC
    if code is ExitCode.ATTENTION:
        return Result.ATTENTION
    return Result.HALTED if code is ExitCode.HALTED else Result.FAILED
