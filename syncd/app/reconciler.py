"""One run: the mappings in order, each observed, paired, decided on, guarded, executed and committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import orjson
import structlog

from syncd.app.auditing import audit
from syncd.app.context import Options, Pass, Progress, Stop, no_progress
from syncd.app.heartbeat import kept
from syncd.app.pairing import pair_up
from syncd.app.passes import OpenMapping, close_counts, execute, guard_writes, observe_both, retry_creations, start_pass
from syncd.app.recovery import recover
from syncd.app.results import Result, RunResult, worst
from syncd.app.troubles import Troubles
from syncd.core.matching import Matcher
from syncd.core.model import Counts
from syncd.errors import ExitCode, HaltError, LeaseHeldError, StateError, SyncdError
from syncd.ports.endpoint import Clock
from syncd.ports.state import Lease, RunRecord, StateStore

log = structlog.get_logger("syncd.run")


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
                codes[name], met = self._guarded(name, run_id, options, counts[name], stop, progress, after=operations)
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
            with kept(lease):
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


def _result(code: ExitCode) -> Result:
    if code is ExitCode.OK:
        return Result.IN_SYNC
    if code is ExitCode.ATTENTION:
        return Result.ATTENTION
    return Result.HALTED if code is ExitCode.HALTED else Result.FAILED
