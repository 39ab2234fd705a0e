"""Plan: what a run would do, field by field, without doing it.

A plan is a whole run, over a temporary copy of the state store and over endpoints that only pretend to write
(`app.dry`): so it says what a run does, in its order, through links and circles, and halts where a run would halt.
Nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from syncd.app.commit import is_parked, waits_for_person
from syncd.app.context import Options, Pass, Progress, Stop, no_progress
from syncd.app.dry import DryEndpoint
from syncd.app.gate import Gate
from syncd.app.passes import Bound, OpenMapping
from syncd.app.reconciler import Reconciler
from syncd.app.results import PlannedHold, PlannedOperation, PlanResult
from syncd.core.links import LinkTarget, NewKey
from syncd.core.model import Action, Counts, FieldChange, Raw, Row, Rows, Side, Write
from syncd.core.plan import Verdict
from syncd.core.plan_file import PlannedRecord, PlannedStep, PlannedWrite
from syncd.core.values import show
from syncd.errors import ExitCode, InterruptedRunError
from syncd.ports.endpoint import Clock
from syncd.ports.state import Staged, StateStore

if TYPE_CHECKING:
    from syncd.app.births import Birth
    from syncd.app.cases import Case
    from syncd.core.mapping import CompiledMapping

TemporaryStore = Callable[[], AbstractContextManager[StateStore]]
Key = tuple[str | None, str | None]
"""(external id, ERPNext name)"""


class Planner:
    """Says what a run would do. Takes no lease of the store itself, and works before there is one.

    `circles`: see `Reconciler`.
    """

    def __init__(
        self,
        *,
        temporary: TemporaryStore,
        open_mapping: OpenMapping,
        clock: Clock,
        redact: Callable[[str], str] = str,
        circles: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._temporary = temporary
        self._open = open_mapping
        self._clock = clock
        self._redact = redact
        self._circles = circles

    def plan(
        self, mappings: Sequence[str], options: Options, *, stop: Stop, progress: Progress = no_progress
    ) -> PlanResult:
        """The plan over `mappings`. Its exit code is 4 where a run would halt, 5 where a side is out of reach.

        Raises `InterruptedRunError` where somebody asked to stop, and `StateError` for a store that cannot be read.
        """
        with self._temporary() as store:
            recorder = Recorder(self._open)
            reconciler = Reconciler(
                store=store,
                open_mapping=recorder.open,
                write_report=lambda _record: ("", ""),
                clock=self._clock,
                new_run=lambda _started: "plan",
                redact=self._redact,
                circles=self._circles,
            )
            ran = reconciler.run(mappings, options, stop=stop, progress=_reading(progress))
            if ran.exit_code is ExitCode.INTERRUPTED:
                raise InterruptedRunError("asked to stop; nothing was changed", hint="Plan again.")
            result = PlanResult(
                operations=recorder.operations(mappings),
                records=recorder.records(mappings),
                exit_code=ExitCode.OK if ran.exit_code is ExitCode.ATTENTION else ran.exit_code,
            )
            for name, counts in ran.mappings.items():
                _take_counts(result, name, counts)
                result.holds.extend(_holds(store, name))
        return result


def _reading(progress: Progress) -> Progress:
    """What a plan reads is told; what it only pretends to do is not."""

    def told(what: str, done: int, total: int | None) -> None:
        if what.startswith("reading"):
            progress(what, done, total)

    return told


def _take_counts(result: PlanResult, name: str, counts: Counts) -> None:
    """The numbers of one mapping, and what stood in the way of it."""
    if counts.halt is not None:
        result.halts[name] = _told(counts.halt)
    elif counts.error is not None:
        result.errors[name] = _told(counts.error)
    else:
        result.adopted[name] = counts.adopted
        result.ended[name] = counts.ended
        result.unmatched[name] = counts.unmatched
        if counts.disagree:
            result.disagreements[name] = (counts.disagree, counts.disagreements)


def _told(trouble: Mapping[str, str]) -> str:
    guard, message, hint = trouble.get("guard", ""), trouble["message"], trouble["hint"]
    text = f"{guard}: {message}" if guard and not message.startswith(guard) else message
    return f"{text}\n  → {hint}" if hint else text


def _holds(store: StateStore, name: str) -> list[PlannedHold]:
    """What would wait for a person, or would have failed, when the run ends."""
    held = [
        PlannedHold(
            mapping=name,
            kind=conflict.kind,
            external_id=conflict.external_id,
            erpnext_name=conflict.erpnext_name,
            text=conflict.text,
        )
        for conflict in store.conflicts(name)
    ]
    failed = [
        PlannedHold(
            mapping=name,
            kind="failed",
            external_id=failure.external_id,
            erpnext_name=failure.erpnext_name,
            text=failure.error,
        )
        for failure in store.failures(name)
        if not failure.ignored
    ]
    return held + failed


@dataclass(slots=True)
class _Noted:
    """What is planned for one record."""

    operations: list[PlannedOperation] = field(default_factory=list)
    steps: list[PlannedStep] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


class Recorder(Gate):
    """Lets everything through to endpoints that do nothing, and notes it."""

    def __init__(self, open_mapping: OpenMapping) -> None:
        self._open = open_mapping
        self._written: dict[tuple[str, Side], dict[str, Row]] = {}
        self._noted: dict[str, dict[Key, _Noted]] = {}
        self._order: dict[str, list[PlannedOperation]] = {}
        self._new: dict[str, str | None] = {}
        """Keys that stand for what nobody knows yet → the key that the record has now."""
        self._names: dict[int, tuple[Key, bytes]] = {}
        """Of the pairs of the page: what they are called, and the mark of what both sides hold."""
        self._marks: dict[tuple[str, Side, str], bytes] = {}
        """Of records without a partner: (mapping, side, key) → digest."""

    def open(self, name: str, run: str) -> Bound:
        """The mapping over endpoints that are only read."""
        bound = self._open(name, run)

        def dry(side: Side) -> DryEndpoint:
            written = self._written.setdefault((name, side), {})
            return DryEndpoint(side, bound.mapping, bound.endpoints[side], self._taking(bound.mapping), written)

        return replace(bound, endpoints={side: dry(side) for side in Side}, gate=self)

    def births(self, run: Pass, births: list[Birth]) -> list[Birth]:
        """Note what they are made from."""
        for birth in births:
            staged: Staged = birth.staged
            self._marks[run.mapping.name, staged.side, staged.key] = staged.digest
        return births

    def cases(self, run: Pass, page: Sequence[Case]) -> Sequence[Case]:
        """Note what they are decided on; pairs that only end are noted whole."""
        self._names.clear()
        for case in page:
            key = (case.pair.external_id, case.pair.erpnext_name)
            if case.decision.verdict is Verdict.WRITE and not (is_parked(run, case) or waits_for_person(run, case)):
                self._names[case.pair.id] = (key, case.mark())
                self._step(run.mapping.name, key, case.mark(), ())
            elif case.decision.verdict is Verdict.END:
                self._step(run.mapping.name, key, case.mark(), ())
        return page

    def target(self, target: LinkTarget) -> LinkTarget:
        """A key that nobody knows yet is marked as one, so that nothing is made of it but what it is."""
        name, external_id = target.erpnext_name, target.external_id
        return target._replace(
            erpnext_name=NewKey(name) if name in self._new else name,
            external_id=NewKey(external_id) if external_id in self._new else external_id,
        )

    def operations(self, mappings: Collection[str]) -> list[PlannedOperation]:
        """Everything that would be written, by mapping, in its order."""
        return [operation for name in mappings for operation in self._order.get(name, ())]

    def records(self, mappings: Collection[str]) -> list[PlannedRecord]:
        """The same by record, for `reconcile --plan`. What recovers an earlier run stands in no plan."""
        return [
            PlannedRecord(
                mapping=name,
                external_id=external_id,
                erpnext_name=erpnext_name,
                steps=tuple(noted.steps),
                made=tuple(noted.made),
            )
            for name in mappings
            for (external_id, erpnext_name), noted in self._noted.get(name, {}).items()
            if noted.steps
        ]

    def _note_of(self, mapping: str, key: Key) -> tuple[Key, _Noted]:
        """The record as it is called now, and what is noted of it."""
        external_id, name = (self._new.get(part, part) if part is not None else None for part in key)
        return (external_id, name), self._noted.setdefault(mapping, {}).setdefault((external_id, name), _Noted())

    def _step(self, mapping: str, key: Key, mark: bytes, writes: tuple[PlannedWrite, ...]) -> None:
        _, noted = self._note_of(mapping, key)
        # What follows from an earlier step stands on what that one makes, which only a run tells.
        noted.steps.append(PlannedStep(mark=None if noted.steps else mark, writes=writes))

    def _taking(self, mapping: CompiledMapping) -> Callable[[Side, Write, str], None]:
        labels = {side: _labels(mapping, side) for side in Side}

        def take(side: Side, write: Write, key: str) -> None:
            self._take(mapping, side, write, key, labels[side])

        return take

    def _take(self, mapping: CompiledMapping, side: Side, write: Write, key: str, labels: Mapping[str, str]) -> None:
        """Note one write. `key` is the record's afterwards."""
        if write.action is Action.CREATE:
            called: Key = (write.partner, None) if side is Side.ERPNEXT else (None, write.partner)
            mark = self._marks.get((mapping.name, side.other, write.partner or ""))
            if mark is not None:
                self._step(mapping.name, called, mark, (PlannedWrite.of(write),))
            changes = created(mapping, side, write, labels)
        else:
            called = (write.partner, write.key) if side is Side.ERPNEXT else (write.key, write.partner)
            if write.pair in self._names:
                called = self._names[write.pair][0]
                step = self._note_of(mapping.name, called)[1].steps
                step[-1] = replace(step[-1], writes=(*step[-1].writes, PlannedWrite.of(write)))
            changes = write.changes
        (external_id, name), noted = self._note_of(mapping.name, called)
        if key != write.key:
            self._new[key] = None if write.action is Action.CREATE else self._new.get(write.key or "", write.key)
            noted.made.append(key)
        self._order.setdefault(mapping.name, []).append(
            PlannedOperation(
                mapping=mapping.name,
                side=side,
                action=write.action,
                external_id=external_id,
                erpnext_name=name,
                changes=changes,
                docstatus=write.docstatus,
            )
        )


def _labels(mapping: CompiledMapping, side: Side) -> dict[str, str]:
    """What a side calls a field → its ERPNext fieldname; the first one, where several fields fill one column."""
    if side is Side.ERPNEXT:
        return {}
    found = {table.slot(side): table.name for table in mapping.tables}
    for entry in mapping.fields:
        found.setdefault(entry.spec.source or "", entry.name)
    return found


def created(mapping: CompiledMapping, side: Side, write: Write, labels: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """A creation in a person's terms: its fields by their ERPNext fieldnames, the rows of its tables one by one."""
    changes = []
    tables = {table.slot(side): table for table in mapping.tables}
    for own, value in write.values.items():
        label = labels.get(own, own)
        if own in tables and isinstance(value, Rows):
            names = tables[own].names(side)
            for number, row in enumerate(value.rows, start=1):
                changes.append(FieldChange(field=f"{label}[{number}]", old=None, new=_row_text(names, row.values)))
        else:
            changes.append(FieldChange(field=label, old=None, new=show(value)))
    return tuple(changes)


def _row_text(names: Sequence[str], values: Sequence[Raw]) -> str:
    """`item_code=SKU-1, qty=2`"""
    return ", ".join(f"{name}={show(value)}" for name, value in zip(names, values, strict=True) if value is not None)
