"""Create partners for records that have none.

A batch is one operation: journalled before it is sent, sent under its operation key, committed with its pairs in one
transaction. Only a *refused* batch is split, each part under a key of its own, until the bad record stands alone; a
batch whose outcome is unknown stays open and is resolved by the next run (`recovery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from syncd.app.context import Pass
from syncd.app.failures import failure_of
from syncd.app.singles import PAGE, record_key
from syncd.core.creation import CreationPlan
from syncd.core.journal import Entry, encode_entries, encode_results
from syncd.core.mapping import CompiledMapping
from syncd.core.model import Action, Baseline, Image, Missing, PairState, Row, Side, Write
from syncd.core.plan import problem_text
from syncd.core.values import decode_baseline, decode_image, digest, encode_baseline, encode_image
from syncd.errors import BusyError, Kind, RecordError, RefusedError
from syncd.ports.endpoint import Done, Failed, WriteResult
from syncd.ports.state import FailureRecord, NewPair, Operation, OperationState, Staged, StagedState

FIRST_BATCH = 50
"""Documents of the first creating call; later ones grow or shrink with what the site answers."""
SLOW = 10.0
"""Seconds after which a creating call counts as too large."""


class Birth(NamedTuple):
    """A staged row without a partner, and the creation decided for it."""

    staged: Staged
    write: Write
    labels: tuple[str, ...]
    """The ERPNext fieldnames of the write's values."""


class Creator:
    """Creates partners on one side."""

    def __init__(self, run: Pass, target: Side) -> None:
        self._run = run
        self._target = target
        self._endpoint = run.endpoints[target]
        self._most = self._endpoint.capabilities().create_batch
        self._plan = CreationPlan(run.mapping, target.other)
        self._size = min(FIRST_BATCH, self._most) if target is Side.ERPNEXT else self._most

    def run_all(self) -> None:
        """Decide on every NEW row of the other side and create what is to be created."""
        after = 0
        waiting: list[Birth] = []
        run = self._run
        while page := run.store.unpaired(
            run.mapping.name, self._target.other, after=after, limit=PAGE, states=[StagedState.NEW]
        ):
            after = page[-1].id
            waiting.extend(self._decide(page))
            while len(waiting) >= self._size:
                batch, waiting = waiting[: self._size], waiting[self._size :]
                self._create(batch)
        while waiting:
            batch, waiting = waiting[: self._size], waiting[self._size :]
            self._create(batch)

    def _decide(self, page: Sequence[Staged]) -> list[Birth]:
        births: list[Birth] = []
        unmatched: list[tuple[int, StagedState]] = []
        failures: list[FailureRecord] = []
        if not self._plan.allowed:
            unmatched = [(row.id, StagedState.UNMATCHED) for row in page]
            page = ()
        for row in page:
            creation = self._plan.decide(row.key, decode_image(row.image))
            if creation.write is not None:
                births.append(Birth(row, creation.write, creation.labels))
            else:
                unmatched.append((row.id, StagedState.FAILED))
                text = problem_text(creation.problems)
                error = RefusedError(text, hint="Correct the value, or the field's line in the mapping.")
                failures.append(self._failure(row, error))
        if unmatched or failures:
            with self._run.store.transaction(self._run.lease) as tx:
                tx.mark_staged(unmatched)
                tx.fail(failures)
            self._run.noticed = self._run.noticed or bool(failures)
        return births

    def _failure(self, row: Staged, error: RecordError) -> FailureRecord:
        external_id, erpnext_name = record_key(row)
        return failure_of(
            self._run,
            side=self._target,
            action=Action.CREATE,
            external_id=external_id,
            erpnext_name=erpnext_name,
            error=error,
            digest=row.digest,
            values=dict(zip(self._run.mapping.names(row.side), decode_image(row.image), strict=True)),
        )

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
        elif len(births) > 1 and not isinstance(error, BusyError):
            self._finish(operation, error)
            self._size = max(1, self._size // 2)
            middle = len(births) // 2
            self._create(births[:middle])
            self._create(births[middle:])
        else:
            self._refuse(operation, births, error)
        run.progress(
            f"creating in {self._endpoint.capabilities().seen_by}", run.counts.created[self._target.value], None
        )

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
        done = [result for result in results if isinstance(result, Done)]
        pairs = [self._pair(birth, result) for birth, result in zip(births, done, strict=True)]
        outcomes = encode_results([result.row.key for result in done])
        keys = [record_key(birth.staged) for birth in births]
        with run.store.transaction(run.lease) as tx:
            tx.add_pairs(pairs, run.state.layout)
            tx.unstage([birth.staged.id for birth in births])
            tx.close_conflicts(keys)
            tx.close_failures(keys)
            tx.finish([(operation.key, OperationState.DONE, "", outcomes)])
        run.counts.created[self._target.value] += len(births)
        run.noticed = True

    def _pair(self, birth: Birth, done: Done) -> NewPair:
        pair = born_pair(self._run, self._target, birth.staged, birth.write, done.row)
        return _owing(self._run.mapping, self._target, pair, done.missed) if done.missed else pair

    def _leave_open(self, births: Sequence[Birth], error: RecordError) -> None:
        """Nobody knows whether it was done: the operation stays open, its rows are not touched again in this run."""
        with self._run.store.transaction(self._run.lease) as tx:
            tx.mark_staged([(birth.staged.id, StagedState.UNFINISHED) for birth in births])
            tx.fail([self._failure(birth.staged, error) for birth in births])
        self._run.noticed = True

    def _finish(self, operation: Operation, error: RecordError) -> None:
        with self._run.store.transaction(self._run.lease) as tx:
            tx.finish([(operation.key, OperationState.REFUSED, error.message, b"")])

    def _refuse(self, operation: Operation, births: Sequence[Birth], error: RecordError) -> None:
        outcomes = encode_results([["refused", error.message, error.hint, error.request_id] for _ in births])
        with self._run.store.transaction(self._run.lease) as tx:
            tx.mark_staged([(birth.staged.id, StagedState.FAILED) for birth in births])
            tx.fail([self._failure(birth.staged, error) for birth in births])
            tx.finish([(operation.key, OperationState.REFUSED, error.message, outcomes)])
        self._run.noticed = True


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
    )


def owes_link(mapping: CompiledMapping, side: Side) -> bool:
    """Whether records of `side` are given their partner's id."""
    spec = mapping.spec
    return spec.writes_external_id if side is Side.ERPNEXT else spec.erpnext_name is not None


def born_pair(run: Pass, target: Side, staged: Staged, write: Write, row: Row, *, at_once: bool = True) -> NewPair:
    """The pair of a record and the partner that was created for it.

    `row` is the partner as read back. Where somebody else edited it in between, what was sent is the baseline and the
    edit flows at the next look (design.md, "Execute"). Unless it was read back `at_once`, a stamp that moved since its
    creation counts as such an edit whoever made it: people may share syncd's user, although they should not.
    """
    moved = not at_once and row.creation is not None and row.stamp != row.creation
    foreign = moved or run.is_foreign(target, row)
    baseline = sent_over(run, target, row.values, write) if foreign else row.values
    seen = encode_image(row.values)
    image = encode_image(baseline) if foreign else seen
    erpnext_row = target is Side.ERPNEXT
    linked_here = write.link
    linked_there = staged.partner == row.key
    linked_erpnext = linked_here if erpnext_row else linked_there
    linked_source = linked_there if erpnext_row else linked_here
    links = {Side.ERPNEXT: linked_erpnext, Side.SOURCE: linked_source}
    owed = any(owes_link(run.mapping, side) and not linked for side, linked in links.items())
    return NewPair(
        erpnext_name=row.key if erpnext_row else staged.key,
        external_id=staged.key if erpnext_row else row.key,
        state=PairState.UNFINISHED if owed else PairState.AGREED,
        creation=row.creation if erpnext_row else staged.creation,
        erpnext_stamp=row.stamp if erpnext_row else staged.stamp,
        source_stamp=staged.stamp if erpnext_row else row.stamp,
        # A digest that no row has makes the next look stage the row, so that the foreign edit is decided on.
        erpnext_seen=(b"" if foreign else digest(seen)) if erpnext_row else staged.digest,
        source_seen=staged.digest if erpnext_row else digest(seen),
        erpnext_image=image if erpnext_row else staged.image,
        source_image=staged.image if erpnext_row else image,
        linked_erpnext=linked_erpnext,
        linked_source=linked_source,
        docstatus=row.docstatus if erpnext_row else staged.docstatus,
    )


def _owing(mapping: CompiledMapping, target: Side, pair: NewPair, missed: Sequence[str]) -> NewPair:
    """A new pair some of whose fields the site silently did not take (no right at their permission level).

    Those fields have not agreed: they are written once more by themselves, and then fail under their names.
    """
    images = {Side.ERPNEXT: list(_decoded(pair.erpnext_image)), Side.SOURCE: list(_decoded(pair.source_image))}
    for field in mapping.fields:
        if (field.spec.erpnext if target is Side.ERPNEXT else field.spec.source) in missed:
            images[Side.ERPNEXT][field.erpnext_at] = Missing.MISSING
            images[Side.SOURCE][field.source_at] = Missing.MISSING
    return pair._replace(
        state=PairState.UNFINISHED,
        erpnext_image=encode_baseline(tuple(images[Side.ERPNEXT])),
        source_image=encode_baseline(tuple(images[Side.SOURCE])),
    )


def _decoded(image: bytes | None) -> Baseline:
    return () if image is None else decode_baseline(image)


def sent_over(run: Pass, side: Side, values: Image, write: Write) -> Image:
    """`values` with what was sent in its place: what the record looked like right after the write."""
    names = run.mapping.names(side)
    return tuple(write.values.get(name, value) for name, value in zip(names, values, strict=True))
