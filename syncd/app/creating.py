"""Create partners for records that have none.

A batch is one operation: journalled before it is sent, sent under its operation key, committed with its pairs in one
transaction. Only a *refused* batch is split, each part under a key of its own, until the bad record stands alone; a
batch whose outcome is unknown stays open and is resolved by the next run (`recovery`).
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.app.births import Birth, BirthDecider, Patience
from syncd.app.context import Pass
from syncd.app.failures import passing
from syncd.app.linking import forget_links, links_to_lost
from syncd.app.pairs import born_pair, owing
from syncd.app.reuse import reused_keys
from syncd.app.singles import PAGE, record_key
from syncd.core.journal import Entry, Outcome, encode_entries, encode_results
from syncd.core.model import Action, Side
from syncd.core.spec import SubmitFails
from syncd.errors import BusyError, Kind, NotAllowedError, RecordError, SubmitNotAllowedError
from syncd.ports.endpoint import Done, Failed, WriteResult
from syncd.ports.state import NewPair, Operation, OperationState, StagedState

FIRST_BATCH = 50
"""Documents of the first creating call; later ones grow or shrink with what the site answers."""
SLOW = 10.0
"""Seconds after which a creating call counts as too large."""


class Creator:
    """Creates partners on one side."""

    def __init__(self, run: Pass, target: Side) -> None:
        self._run = run
        self._target = target
        self._endpoint = run.endpoints[target]
        self._most = self._endpoint.capabilities().create_batch
        self._decider = BirthDecider(run, target)
        self._size = min(FIRST_BATCH, self._most) if target is Side.ERPNEXT else self._most

    def run_all(self) -> None:
        """Decide on every NEW row of the other side and create what is to be created.

        What links to a record that is made in the same run (of this mapping) is decided again once that is there. In
        the end, what stands in a circle is created without the link, and what leads nowhere waits for the next run
        under its name.
        """
        self._decider.reconsider_held()
        made, waits = self._round(Patience.WAIT)
        while waits and made:
            made, waits = self._round(Patience.WAIT)
        before = waits + 1
        while self._decider.deferrable and 0 < waits < before:  # what failed is in no circle, nor what waits for it
            before = waits
            _, waits = self._round(Patience.PART)
        if waits:
            self._round(Patience.COMPLETE)

    def _round(self, patience: Patience) -> tuple[int, int]:
        """One pass over the NEW rows: (partners made, rows that wait for the target of a link)."""
        run, after = self._run, 0
        before, waits = run.counts.created[self._target.value], 0
        due: list[Birth] = []
        forget_links(run)
        while page := run.store.unpaired(
            run.mapping.name, self._target.other, after=after, limit=PAGE, states=[StagedState.NEW]
        ):
            after = page[-1].id
            births, waiting = self._decider.decide(run.gate.rows(run, page), patience)
            due.extend(run.gate.births(run, births))
            waits += waiting
            while len(due) >= self._size:
                batch, due = due[: self._size], due[self._size :]
                self._create(batch)
        while due:
            batch, due = due[: self._size], due[self._size :]
            self._create(batch)
        return run.counts.created[self._target.value] - before, waits

    def _create(self, births: Sequence[Birth]) -> None:
        """Create one batch; a refused one in halves."""
        run = self._run
        run.checkpoint()
        operation = self._journal(births)
        before = run.clock.now()
        results = self._endpoint.create([birth.write for birth in births], operation.key)
        took = (run.clock.now() - before).total_seconds()
        error = next((result.error for result in results if isinstance(result, Failed)), None)
        if error is None:
            self._size = min(self._most, self._size * 2) if took < SLOW / 2 else max(1, self._size // 2)
            self._commit(operation, births, results)
        elif error.kind in {Kind.UNKNOWN, Kind.STALE}:  # made, but not there to be read back: nobody splits that
            self._leave_open(births, error)
        else:
            self._after_refusal(operation, births, error)
        run.progress(
            f"creating in {self._endpoint.capabilities().seen_by}", run.counts.created[self._target.value], None
        )

    def _after_refusal(self, operation: Operation, births: Sequence[Birth], error: RecordError) -> None:
        """A refused batch is split until the bad record stands alone, unless no part of it would fare better."""
        if isinstance(error, SubmitNotAllowedError) and any(self._may_stay_draft(birth, error) for birth in births):
            self._finish(operation, error)
            self._create([_as_draft(birth) for birth in births])
        elif isinstance(error, NotAllowedError):
            self._refuse(operation, births, error)
        elif len(births) > 1 and not isinstance(error, BusyError):
            self._finish(operation, error)
            self._size = max(1, self._size // 2)
            middle = len(births) // 2
            self._create(births[:middle])
            self._create(births[middle:])
        elif self._may_stay_draft(births[0], error):
            self._finish(operation, error)
            self._create([_as_draft(births[0])])
        else:
            self._refuse(operation, births, self._retried(births[0], error))

    def _may_stay_draft(self, birth: Birth, error: RecordError) -> bool:
        """Whether a document that ERPNext would not submit is made as a draft, whose submission is asked for by itself:
        refused again, it waits for a person."""
        lifecycle = self._run.mapping.spec.lifecycle
        return (
            birth.write.docstatus == 1
            and error.kind is Kind.PERMANENT
            and lifecycle is not None
            and lifecycle.submit_fails is SubmitFails.HOLD
        )

    def _retried(self, birth: Birth, error: RecordError) -> RecordError:
        """What is tried again in every run: a refused submission under `submit_fails = "rollback"`, which keeps
        nothing, and what links to a record that was renamed or deleted a moment ago."""
        if birth.write.docstatus == 1 or links_to_lost(self._run, birth.write, error):
            return passing(error)
        return error

    def _journal(self, births: Sequence[Birth]) -> Operation:
        run = self._run
        operation = Operation(
            key=run.next_operation(),
            mapping=run.mapping.name,
            run=run.run,
            side=self._target,
            action=Action.CREATE,
            records=encode_entries(entry_of(birth) for birth in births),
            count=len(births),
            sent=run.clock.now(),
        )
        with run.store.transaction(run.lease) as tx:
            tx.journal([operation])
        return operation

    def _commit(self, operation: Operation, births: Sequence[Birth], results: Sequence[WriteResult]) -> None:
        run = self._run
        rows = [result.row for result in results if isinstance(result, Done)]
        reused = reused_keys(run, self._target, rows)
        tied = [
            (birth, result)
            for birth, result in zip(births, results, strict=True)
            if isinstance(result, Done) and result.row.key not in reused.taken
        ]
        refused = [
            (birth, reused.taken[row.key]) for birth, row in zip(births, rows, strict=True) if row.key in reused.taken
        ]
        pairs = [self._pair(birth, result) for birth, result in tied]
        outcomes = encode_results([_outcome(row.key, reused.taken.get(row.key)) for row in rows])
        keys = [record_key(birth.staged) for birth, _ in tied]
        with run.store.transaction(run.lease) as tx:
            reused.write(tx)
            tx.add_pairs(pairs, run.state.layout)
            tx.unstage([birth.staged.id for birth, _ in tied])
            tx.close_conflicts(keys)
            tx.close_failures(keys)
            tx.mark_staged([(birth.staged.id, StagedState.FAILED) for birth, _ in refused])
            tx.fail([self._decider.failure(birth.staged, error) for birth, error in refused])
            tx.finish([(operation.key, OperationState.DONE, "", outcomes)])
        run.counts.created[self._target.value] += len(tied)
        run.counts.submitted += sum(birth.write.docstatus == 1 for birth, _ in tied)
        run.noticed = True

    def _pair(self, birth: Birth, done: Done) -> NewPair:
        pair = born_pair(self._run, self._target, birth.staged, birth.write, done.row)
        missed = (*done.missed, *birth.owed)
        return owing(self._run.mapping, self._target, pair, missed) if missed else pair

    def _leave_open(self, births: Sequence[Birth], error: RecordError) -> None:
        """Nobody knows whether it was done: the operation stays open, its rows are not touched again in this run."""
        with self._run.store.transaction(self._run.lease) as tx:
            tx.mark_staged([(birth.staged.id, StagedState.UNFINISHED) for birth in births])
            tx.fail([self._decider.failure(birth.staged, error) for birth in births])
        self._run.noticed = True

    def _finish(self, operation: Operation, error: RecordError) -> None:
        with self._run.store.transaction(self._run.lease) as tx:
            tx.finish([(operation.key, OperationState.REFUSED, error.message, b"")])

    def _refuse(self, operation: Operation, births: Sequence[Birth], error: RecordError) -> None:
        outcomes = encode_results([["refused", error.message, error.hint, error.request_id] for _ in births])
        with self._run.store.transaction(self._run.lease) as tx:
            tx.mark_staged([(birth.staged.id, StagedState.FAILED) for birth in births])
            tx.fail([self._decider.failure(birth.staged, error) for birth in births])
            tx.finish([(operation.key, OperationState.REFUSED, error.message, outcomes)])
        self._run.noticed = True


def _as_draft(birth: Birth) -> Birth:
    return birth._replace(write=birth.write._replace(docstatus=0))


def _outcome(key: str, error: RecordError | None) -> Outcome:
    return key if error is None else ["refused", error.message, error.hint, error.request_id]


def entry_of(birth: Birth) -> Entry:
    """The journal's entry for a creation."""
    staged, write = birth.staged, birth.write
    source = staged.side is Side.SOURCE
    return Entry(
        external_id=staged.key if source else None,
        erpnext_name=None if source else staged.key,
        names=tuple(write.values),
        values=tuple(write.values.values()),
        stamp=staged.stamp,
        link=write.link,
        staged=staged.id,
        origin=staged.image,
        labels=birth.labels,
        docstatus=write.docstatus,
    )
