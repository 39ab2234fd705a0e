"""Plan: what a run would do, field by field. Everything is staged in a temporary store; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from syncd.app.commit import is_parked
from syncd.app.context import Options, Pass, Progress, Stop, no_progress
from syncd.app.deciding import Case, cases
from syncd.app.pairing import PAGE
from syncd.app.pairs import owes_link
from syncd.app.reconciler import OpenMapping, guard_writes, observe_both, start_pass
from syncd.app.recovery import doubt_open_creations
from syncd.app.results import PlannedHold, PlannedOperation, PlanResult, worst
from syncd.core.matching import Matcher
from syncd.core.model import Action, Counts, Side
from syncd.core.plan import Verdict, decide_new
from syncd.core.values import decode_image
from syncd.errors import ExitCode, HaltError, SyncdError, UnreachableError
from syncd.ports.endpoint import Clock
from syncd.ports.state import Staged, StagedState, StateStore

TemporaryStore = Callable[[], AbstractContextManager[StateStore]]


class Planner:
    """Says what a run would do. Takes no lease and works before there is a store."""

    def __init__(
        self, *, temporary: TemporaryStore, open_mapping: OpenMapping, clock: Clock, redact: Callable[[str], str] = str
    ) -> None:
        self._temporary = temporary
        self._open = open_mapping
        self._clock = clock
        self._redact = redact

    def plan(
        self, mappings: Sequence[str], options: Options, *, stop: Stop, progress: Progress = no_progress
    ) -> PlanResult:
        """The plan over `mappings`. Its exit code is 4 where a run would halt, 5 where a side is out of reach."""
        result = PlanResult()
        codes: list[ExitCode] = []
        with self._temporary() as store:
            for name in mappings:
                try:
                    self._plan_mapping(store, name, options, result, stop, progress)
                except HaltError as error:
                    result.halts[name] = self._redact(str(error))
                    codes.append(ExitCode.HALTED)
                except UnreachableError as error:
                    result.errors[name] = self._redact(str(error))
                    codes.append(error.exit_code)
                except SyncdError as error:
                    if error.exit_code is ExitCode.INTERRUPTED:
                        raise
                    result.errors[name] = self._redact(str(error))
                    codes.append(error.exit_code)
        result.exit_code = worst(codes)
        return result

    def _plan_mapping(
        self, store: StateStore, name: str, options: Options, result: PlanResult, stop: Stop, progress: Progress
    ) -> None:
        lease = store.acquire(name, wait=0)
        bound = self._open(name, "plan")
        run = start_pass(store, lease, bound, "plan", options, Counts(), self._clock, stop, progress)
        doubt_open_creations(run)
        observe_both(run, Matcher(run.mapping))
        result.adopted[name] = run.counts.adopted
        for conflict in store.conflicts(name):
            if conflict.pair is None:
                result.holds.append(
                    PlannedHold(
                        mapping=name,
                        kind=conflict.kind,
                        external_id=conflict.external_id,
                        erpnext_name=conflict.erpnext_name,
                        text=conflict.text,
                    )
                )
        for target in Side:
            self._plan_creations(run, target, result)
        for page in cases(run):
            for case in page:
                _plan_case(run, case, result)
        guard_writes(run)

    def _plan_creations(self, run: Pass, target: Side, result: PlanResult) -> None:
        name, after = run.mapping.name, 0
        while page := run.store.unpaired(name, target.other, after=after, limit=PAGE, states=[StagedState.NEW]):
            after = page[-1].id
            for row in page:
                _plan_creation(run, target, row, result)
        totals = run.store.totals(name)
        result.unmatched[name] = result.unmatched.get(name, 0) + (totals.unmatched if target is Side.SOURCE else 0)


def _plan_creation(run: Pass, target: Side, row: Staged, result: PlanResult) -> None:
    name = run.mapping.name
    decision = decide_new(run.mapping, row.side, row.key, decode_image(row.image))
    external_id, erpnext_name = (row.key, None) if target is Side.ERPNEXT else (None, row.key)
    if decision.verdict is Verdict.UNMATCHED:
        result.unmatched[name] = result.unmatched.get(name, 0) + 1
    elif decision.verdict is Verdict.FAIL:
        result.holds.append(
            PlannedHold(
                mapping=name, kind="failed", external_id=external_id, erpnext_name=erpnext_name, text=decision.text
            )
        )
    else:
        write = decision.writes[0]
        result.operations.append(
            PlannedOperation(
                mapping=name,
                side=target,
                action=write.action,
                external_id=external_id,
                erpnext_name=erpnext_name,
                changes=write.changes,
            )
        )
        if owes_link(run.mapping, target.other):
            result.operations.append(
                PlannedOperation(
                    mapping=name,
                    side=target.other,
                    action=Action.LINK,
                    external_id=external_id,
                    erpnext_name=erpnext_name,
                    changes=(),
                )
            )


def _plan_case(run: Pass, case: Case, result: PlanResult) -> None:
    decision, name = case.decision, run.mapping.name
    if is_parked(run, case):  # refused for good before: nothing is sent until it changes
        text = decision.text or "refused before, and neither side has changed since"
        parked = PlannedHold(
            mapping=name,
            kind="failed",
            external_id=case.pair.external_id,
            erpnext_name=case.pair.erpnext_name,
            text=text,
        )
        result.holds.append(parked)
        return
    for write in decision.writes:
        result.operations.append(
            PlannedOperation(
                mapping=name,
                side=write.side,
                action=write.action,
                external_id=case.pair.external_id,
                erpnext_name=case.pair.erpnext_name,
                changes=write.changes,
            )
        )
    if decision.verdict in {Verdict.HOLD, Verdict.FAIL}:
        held = decision.verdict is Verdict.HOLD
        text = decision.text or ", ".join(conflict.field for conflict in decision.conflicts)
        result.holds.append(
            PlannedHold(
                mapping=name,
                kind=decision.kind if held else "failed",
                external_id=case.pair.external_id,
                erpnext_name=case.pair.erpnext_name,
                text=text,
            )
        )
