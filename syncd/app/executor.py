"""Execute what was decided on pairs, and commit what was done.

The promise, which everything here keeps:

1. **Nothing twice.** However a run dies, whatever answer is lost, no record is created twice on either side.
2. **Nothing lost.** No edit made by a person or another program is overwritten unseen: a write carries the version it
   was decided on, and a record that moved is looked at again.
3. **Nothing half.** At every moment each record on each side holds its old or its new value, or an open operation
   names the step it stands at and the next run finishes or holds it; the state store is unchanged or tells what was
   really done.
4. **Nothing missed.** A change is found even when stamps tie, move backwards, are committed late, or do not move at
   all; the last two by the overlap and by full passes.
5. **Nothing silent.** What could not be done is held or failed under a name, with cause and next step, and one bad
   record never stops another.
6. **Nothing by accident.** An empty answer, a refused login, a broken page or a restored backup is never read as
   deletions; guards halt before damage.

A record that is to be written on both sides is written in ERPNext first, the stricter side; the source's write is sent
only once that was done. Writes of a page are journalled together before the first is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from syncd.app.cases import Case
from syncd.app.commit import Settled, is_parked, settle_case, waits_for_person
from syncd.app.context import Pass
from syncd.app.deciding import cases
from syncd.app.given_again import free_given_again
from syncd.core.journal import DONE, Entry, Outcome, encode_entries, encode_results
from syncd.core.model import Action, FieldChange, PairState, Side, Write
from syncd.core.plan import Verdict
from syncd.core.values import encode_image
from syncd.errors import GoneError, Kind, RecordError, RefusedError, StaleError
from syncd.ports.endpoint import Done, WriteResult
from syncd.ports.records import FailureRecord, Operation, OperationState

ROUNDS = 3
"""How often a record that moved under our hands is looked at again within one run."""

_ORDER = (Side.ERPNEXT, Side.SOURCE)
_TRANSITIONS = {Action.SUBMIT: "submitted", Action.CANCEL: "cancelled", Action.AMEND: "amended"}
"""Actions that are counted by a name of their own."""
_RESULT = {StaleError: "stale", GoneError: "gone"}


@dataclass(slots=True)
class _Page:
    """What one page of cases came to. `done` holds, for each case, the results of its writes by side."""

    results: dict[int, dict[Side, WriteResult]] = field(default_factory=dict)
    finished: list[tuple[str, OperationState, str, bytes]] = field(default_factory=list)

    def failed(self, pair: int) -> RecordError | None:
        """The error that stopped a pair's writes."""
        for result in self.results.get(pair, {}).values():
            if not isinstance(result, Done):
                return result.error
        return None


class Executor:
    """Carries out decisions on pairs."""

    def __init__(self, run: Pass) -> None:
        self._run = run
        self._again: dict[int, FailureRecord | None] = {}

    def take_again(self) -> set[int]:
        """The pairs that moved under our hands since the last call: their records are to be read afresh."""
        again, self._again = self._again, {}
        return set(again)

    def leave(self) -> None:
        """Records that moved again and again are left for the next run, under their names."""
        left = [failure for failure in self._again.values() if failure is not None]
        if left:
            with self._run.store.transaction(self._run.lease) as tx:
                tx.fail(left)
            self._run.noticed = True

    def run_all(self, only: Collection[int] | None = None) -> None:
        """Decide and execute, page by page, until every pair (of `only`) was looked at once."""
        for page in cases(self._run, only):
            self._run.checkpoint()
            self.execute(page)

    def execute(self, page: Sequence[Case]) -> None:
        """Execute one page and commit it."""
        run = self._run
        page = run.gate.cases(run, page)
        writing = [
            case
            for case in page
            if case.decision.verdict is Verdict.WRITE and not is_parked(run, case) and not waits_for_person(run, case)
        ]
        outcome = _Page()
        for side in _ORDER:
            self._write_side(side, writing, outcome)
        self._commit(page, outcome)

    def _write_side(self, side: Side, page: Sequence[Case], outcome: _Page) -> None:
        due = [
            (case, write)
            for case in page
            for write in case.decision.writes
            if write.side is side and outcome.failed(case.pair.id) is None
        ]
        if not due:
            return
        size = self._run.endpoints[side].capabilities().update_batch
        for start in range(0, len(due), size):
            batch = due[start : start + size]
            self._send(side, batch, outcome)
            if side is Side.SOURCE:
                self._send_freed(batch, outcome)

    def _send_freed(self, batch: Sequence[tuple[Case, Write]], outcome: _Page) -> None:
        """Send again what was refused for a name that the row of a deleted document carried still."""
        errors = [(case, write, outcome.failed(case.pair.id)) for case, write in batch if write.link]
        refused = [(case, write) for case, write, error in errors if isinstance(error, RefusedError)]
        freed = free_given_again(self._run, [write for _, write in refused]) if refused else set()
        again = [(case, write) for case, write in refused if write.partner in freed]
        if again:
            self._send(Side.SOURCE, again, outcome)

    def _send(self, side: Side, due: Sequence[tuple[Case, Write]], outcome: _Page) -> None:
        """Journal one batch, send it, note what became of each write."""
        run = self._run
        operation = Operation(
            key=run.next_operation(),
            mapping=run.mapping.name,
            run=run.run,
            side=side,
            action=_main_action(write for _, write in due),
            records=encode_entries(_entry(case, write) for case, write in due),
            count=len(due),
            sent=run.clock.now(),
        )
        with run.store.transaction(run.lease) as tx:
            tx.journal([operation])
        outcomes: list[Outcome] = [None] * len(due)
        for index, result in run.endpoints[side].apply([write for _, write in due]):
            case, write = due[index]
            outcome.results.setdefault(case.pair.id, {})[side] = result
            outcomes[index] = _told(write.action, result)
        # Nobody knows what became of a write without an outcome: the next run looks.
        state = OperationState.OPEN if None in outcomes else OperationState.DONE
        outcome.finished.append((operation.key, state, "", encode_results(outcomes)))

    def _commit(self, page: Sequence[Case], outcome: _Page) -> None:
        """Pairs, baselines, conflicts, failures and the journal of a page in one transaction."""
        run = self._run
        committed = [settle_case(run, case, outcome.results.get(case.pair.id, {})) for case in page]
        former = [
            (case.work.pair.external_id, case.work.pair.erpnext_name)
            for case, entry in zip(page, committed, strict=True)
            if entry.change is not None and _is_known_otherwise(case)
        ]
        with run.store.transaction(run.lease) as tx:
            tx.change_pairs([entry.change for entry in committed if entry.change is not None], run.state.layout)
            tx.close_conflicts(former)
            tx.close_failures(former)
            tx.unstage([staged for entry in committed for staged in entry.unstage])
            tx.stage([row for entry in committed for row in entry.stage])
            tx.close_conflicts([entry.key for entry in committed if entry.spent])
            tx.hold([entry.conflict for entry in committed if entry.conflict is not None])
            tx.fail([entry.failure for entry in committed if entry.failure is not None])
            tx.close_conflicts([entry.key for entry in committed if entry.settled])
            tx.close_failures([entry.key for entry in committed if entry.settled or entry.conflict is not None])
            tx.finish(outcome.finished)
        for case, entry in zip(page, committed, strict=True):
            self._count(case, entry, outcome)

    def _count(self, case: Case, entry: Settled, outcome: _Page) -> None:
        counts, run = self._run.counts, self._run
        for write in case.decision.writes:
            if not isinstance(outcome.results.get(case.pair.id, {}).get(write.side), Done):
                continue
            run.noticed = True
            if write.action is Action.LINK:
                counts.linked += 1
            elif write.action in _TRANSITIONS:
                name = _TRANSITIONS[write.action]
                setattr(counts, name, getattr(counts, name) + 1)
            elif write.action.removes:
                counts.deleted[write.side.value] += 1
            else:
                counts.updated[write.side.value] += 1
        if entry.again:
            self._again[case.pair.id] = entry.left
        if entry.conflict is not None or entry.failure is not None or case.decision.decided:
            run.noticed = True
        if entry.settled and (case.decision.verdict is Verdict.END or case.decision.ends):
            counts.ended += 1
            run.noticed = True


def _is_known_otherwise(case: Case) -> bool:
    """Whether a record that is held or failed stands under the id that its row had before, where nobody finds it."""
    stored = case.work.pair
    return stored.state in {PairState.HELD, PairState.FAILED} and stored.external_id != case.pair.external_id


def _main_action(writes: Iterable[Write]) -> Action:
    """The action that a batch is filed under: the one that does most."""
    actions = {write.action for write in writes}
    order = (
        *(Action.AMEND, Action.CANCEL, Action.SUBMIT),
        *(Action.DELETE, Action.DISABLE, Action.MARK, Action.UPDATE, Action.LINK),
    )
    return next(action for action in order if action in actions)


def _entry(case: Case, write: Write) -> Entry:
    other = case.sights[write.side.other].values
    return Entry(
        external_id=case.pair.external_id,
        erpnext_name=case.pair.erpnext_name,
        names=tuple(write.values),
        values=tuple(write.values.values()),
        changes=_with_decided(case, write),
        stamp=write.stamp,
        link=write.link,
        pair=case.pair.id,
        action=write.action.value,
        origin=encode_image(other),
        docstatus=write.docstatus,
    )


def _with_decided(case: Case, write: Write) -> tuple[FieldChange, ...]:
    """The write's changes; those by which a policy decided a conflict say so. Rows count as their table."""
    decided = {conflict.field.partition("[")[0] for conflict in case.decision.decided}
    if not decided:
        return write.changes
    return tuple(
        replace(change, decided=True) if change.field.partition("[")[0] in decided else change
        for change in write.changes
    )


def _told(action: Action, result: WriteResult) -> Outcome:
    """What became of one write, for the journal; None where nobody knows.

    Nobody knows either how far an amendment has come that was not refused: the next run looks, and goes on with it.
    """
    if isinstance(result, Done):
        return [DONE, "", "", ""]
    error = result.error
    if error.kind is Kind.UNKNOWN or (action is Action.AMEND and error.kind is Kind.TRANSIENT):
        return None
    word = _RESULT.get(type(error), "refused" if error.kind is Kind.PERMANENT else "busy")
    return [word, error.message, error.hint, error.request_id]
