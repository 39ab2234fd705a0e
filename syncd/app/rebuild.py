"""Rebuild: find the pairs again when the state store was lost.

Both sides are read whole, as at a first contact, and records are tied by what they say of each other, else by the match
rules. Nothing is created and nothing is written on either side. What agrees is settled, what differs waits for the next
run, and what names a partner that is gone is ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from syncd.app.context import Options, Pass, Progress, Stop, no_progress
from syncd.app.deciding import cases
from syncd.app.executor import Executor
from syncd.app.gone import guard_gone
from syncd.app.heartbeat import kept
from syncd.app.observe import observe
from syncd.app.pairing import pair_up
from syncd.app.passes import Bound, OpenMapping, close_counts, start_pass
from syncd.app.results import worst
from syncd.app.singles import all_unpaired
from syncd.core.mapping import MappingSpec
from syncd.core.matching import Matcher
from syncd.core.model import Counts, Side
from syncd.core.plan import Verdict
from syncd.errors import ExitCode, HaltError, LeaseHeldError, SyncdError
from syncd.ports.endpoint import Clock
from syncd.ports.state import Lease, StagedState, StateStore

log = structlog.get_logger("syncd.rebuild")


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What was found again of one mapping. `error` is {message, hint}, and with a guard's name a halt."""

    pairs: int = 0
    agreed: int = 0
    waiting: int = 0
    """Pairs that the next run writes: their sides differ, or an id is owed."""
    held: int = 0
    failed: int = 0
    ended: int = 0
    alone: dict[str, int] = field(default_factory=lambda: {side.value: 0 for side in Side})
    """Records without a partner, by their side: the next run creates it where the mapping says so."""
    error: dict[str, str] | None = None
    exit_code: ExitCode = ExitCode.OK


def unfindable(spec: MappingSpec) -> str:
    """Why pairs of this mapping could not be found again; empty where they can be.

    What syncd made is known by the id that it put there; everything else by the match rules.
    """
    if spec.match:
        return ""
    makes = {side: spec.create.allows(side) and spec.direction.reaches(side) for side in Side}
    if spec.external_id is None and spec.erpnext_name is None:
        return "it has no erpnext.external_id, no source.erpnext_name and no match rule"
    if makes[Side.SOURCE] and not (spec.writes_external_id or spec.erpnext_name):
        return "records that ERPNext made get no id on either side (erpnext.write_back), and it has no match rule"
    return ""


class Rebuilder:
    """Finds the pairs of mappings again, in a store that knows nothing of them. One that fails stops no other."""

    def __init__(
        self,
        *,
        store: StateStore,
        open_mapping: OpenMapping,
        clock: Clock,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._store = store
        self._open = open_mapping
        self._clock = clock
        self._redact = redact

    def rebuild(
        self, mappings: Sequence[str], options: Options, run_id: str, *, stop: Stop, progress: Progress = no_progress
    ) -> dict[str, Rebuilt]:
        """Find the pairs of each mapping again. Raises `StateError` only; all else is in the results.

        First all of them are tied, then all compared: records are compared through what they link to.
        """
        found = {name: Rebuilt() for name in mappings}
        for step in (_tie, _compare):
            for name, result in found.items():
                if result.exit_code is ExitCode.OK:
                    self._take(step, name, result, options, run_id, stop, progress)
        return found

    def _take(
        self, step: _Step, name: str, result: Rebuilt, options: Options, run_id: str, stop: Stop, progress: Progress
    ) -> None:
        try:
            lease = self._store.acquire(name, wait=0.0)
        except LeaseHeldError as error:
            self._fail(result, error)
            return
        try:
            with kept(lease):
                bound = self._open(name, run_id)
                run = start_pass(self._store, lease, bound, run_id, options, Counts(), self._clock, stop, progress)
                step(run, bound, result)
        except LeaseHeldError as error:
            self._fail(result, error)
        except SyncdError as error:
            log.warning("mapping not rebuilt", mapping=name, error=self._redact(error.message))
            self._fail(result, error)
            self._start_anew(name, lease)
        finally:
            lease.release()

    def _fail(self, result: Rebuilt, error: SyncdError) -> None:
        result.error = {"message": self._redact(error.message), "hint": self._redact(error.hint)}
        if isinstance(error, HaltError):
            result.error["guard"] = error.guard
        result.exit_code = error.exit_code

    def _start_anew(self, name: str, lease: Lease) -> None:
        """What was read is forgotten where nothing was paired yet: the next attempt begins with both sides whole."""
        if self._store.totals(name).pairs:
            return
        state = self._store.mapping_state(name)
        with self._store.transaction(lease) as tx:
            tx.drop_staged()
            tx.set_state(replace(state, erpnext_cursor=None, source_cursor=None))


_Step = Callable[[Pass, Bound, Rebuilt], None]


def _tie(run: Pass, _bound: Bound, _result: Rebuilt) -> None:
    """Read both sides whole, and find who belongs to whom."""
    matcher = Matcher(run.mapping)
    for side in Side:
        observe(run, side, matcher)
    guard_gone(run)
    pair_up(run, matcher)


def _compare(run: Pass, bound: Bound, result: Rebuilt) -> None:
    """Settle what needs no write, and count what is there."""
    result.waiting = _settle(run)
    state = run.store.mapping_state(run.mapping.name)
    with run.store.transaction(run.lease) as tx:
        tx.set_state(replace(state, fingerprint=bound.fingerprint, halt=""))
    _tell(run, result)
    if result.held or result.failed:
        result.exit_code = ExitCode.ATTENTION


def _settle(run: Pass) -> int:
    """Record what needs no write: agreement, conflicts, ends. Returns how many pairs the next run writes."""
    executor, waiting = Executor(run), 0
    for page in cases(run):
        run.checkpoint()
        quiet = [case for case in page if case.decision.verdict is not Verdict.WRITE]
        waiting += len(page) - len(quiet)
        executor.execute(quiet)
        run.progress(f"{run.mapping.name}: comparing", len(page), None)
    return waiting


def _tell(run: Pass, result: Rebuilt) -> None:
    close_counts(run)
    totals = run.store.totals(run.mapping.name)
    result.pairs, result.ended = totals.pairs, totals.ended
    result.held, result.failed = totals.held, totals.failed
    result.agreed = totals.pairs - run.store.count_work(run.mapping.name)
    for side in Side:
        result.alone[side.value] = sum(1 for _ in all_unpaired(run, side, [StagedState.NEW, StagedState.UNMATCHED]))


def exit_code(found: dict[str, Rebuilt]) -> ExitCode:
    """The exit code of a rebuild over several mappings."""
    return worst([each.exit_code for each in found.values()])
