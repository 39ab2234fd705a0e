"""Decide on records without a partner: which are to get one, which wait, which are held, failed or left unmatched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple

from syncd.app.context import Pass
from syncd.app.failures import failure_of
from syncd.app.linking import learn_links
from syncd.app.pairs import ended_pair
from syncd.app.singles import all_unpaired, record_key
from syncd.core.creation import Creation, CreationPlan
from syncd.core.documents import TRANSITION
from syncd.core.model import Action, Side, Write
from syncd.core.sights import LINK, Decision, Verdict, refusal
from syncd.core.spec import MappingSpec
from syncd.core.values import decode_image
from syncd.errors import BusyError, RecordError, RefusedError
from syncd.ports.state import ConflictRecord, FailureRecord, Staged, StagedState

WAITS_FOR_LINK = "It is done in the run in which the record it links to has its partner."
_NOTHING_STOPS = refusal([])


class Patience(Enum):
    """What becomes of a record that links to something that has no partner yet."""

    WAIT = "wait"
    """It waits: the target may be made in this pass."""
    PART = "part"
    """It waits on if it may stand in a circle with its target, else it fails until the target arrives."""
    COMPLETE = "complete"
    """It is created without the link, which is completed later; what cannot do without fails."""


class Birth(NamedTuple):
    """A staged row without a partner, and the creation decided for it."""

    staged: Staged
    write: Write
    labels: tuple[str, ...]
    """The ERPNext fieldnames of the write's values."""
    owed: tuple[str, ...] = ()
    """Fields, in the receiving side's names, that are left out until their links lead somewhere."""


class BirthDecider:
    """Decides on the rows of one side that have no partner on the other, `target`."""

    def __init__(self, run: Pass, target: Side) -> None:
        self._run = run
        self._target = target
        self._plan = CreationPlan(run.mapping, target.other)
        spec = run.mapping.spec
        self._refusal = _unsafe(spec.doctype, spec.source) if _is_unsafe(spec, target) else None
        late = run.late | {run.mapping.name}
        self.deferrable = {
            entry.name: (entry.spec.erpnext if target is Side.ERPNEXT else entry.spec.source) or ""
            for entry in run.mapping.fields
            if entry.spec.link in late and not self._required(entry.spec.erpnext, entry.spec.source)
        }
        """Fields that may be completed later, by ERPNext fieldname: their names in the receiving side."""

    def _refuse(self, page: Sequence[Staged], error: RecordError) -> None:
        with self._run.store.transaction(self._run.lease) as tx:
            tx.mark_staged([(row.id, StagedState.FAILED) for row in page])
            tx.fail([self.failure(row, error) for row in page])
        self._run.noticed = True

    def _required(self, erpnext: str, source: str | None) -> bool:
        fields = self._run.endpoints[self._target].schema().fields
        info = fields.get(erpnext if self._target is Side.ERPNEXT else source or "")
        return info is not None and info.required

    def decide(self, page: Sequence[Staged], patience: Patience) -> tuple[list[Birth], int]:
        """(what is to be created, how many rows go on waiting for the target of a link)."""
        run, giving = self._run, self._target.other
        if not self._plan.allowed:
            with run.store.transaction(run.lease) as tx:
                tx.mark_staged([(row.id, StagedState.UNMATCHED) for row in page])
            return [], 0
        if self._refusal is not None:
            self._refuse(page, self._refusal)
            return [], 0
        images = [decode_image(row.image) for row in page]
        learn_links(run, [(giving, image) for image in images])
        births: list[Birth] = []
        marks: list[tuple[int, StagedState]] = []
        failures: list[FailureRecord] = []
        conflicts: list[ConflictRecord] = []
        ended: list[Staged] = []
        waits = 0
        for row, image in zip(page, images, strict=True):
            creation = self._plan.decide(row.key, image)
            stopped = self._stopped(creation) if creation.problems else _NOTHING_STOPS
            owed: Collection[str] = ()
            if creation.problems and stopped.verdict is not Verdict.HOLD:
                waiting, owed = self._waiting(creation, patience)
                waits += waiting
                if waiting:
                    continue
                creation = self._plan.decide(row.key, image, without=owed) if owed else creation
            if creation.ends:
                self._end(row, ended, marks)
            elif creation.holds or stopped.verdict is Verdict.HOLD:
                marks.append((row.id, StagedState.HELD))
                kind = TRANSITION if creation.holds else LINK
                conflicts.append(self._held(row, creation.holds or stopped.text, kind))
            elif creation.write is not None:
                later = tuple(self.deferrable[name] for name in owed)
                births.append(Birth(row, creation.write, creation.labels, later))
            else:
                marks.append((row.id, StagedState.FAILED))
                failures.append(self.failure(row, _error(refusal(creation.problems))))
        self._store(marks, failures, conflicts, ended)
        return births, waits

    def _stopped(self, creation: Creation) -> Decision:
        return refusal([each for each in creation.problems if each.field not in self.deferrable])

    def _store(
        self,
        marks: Sequence[tuple[int, StagedState]],
        failures: Sequence[FailureRecord],
        conflicts: Sequence[ConflictRecord],
        ended: Sequence[Staged],
    ) -> None:
        """What is not created. Who waits as before, for the same, is not told of again."""
        run = self._run
        if not (marks or ended):
            return
        told = [failure for failure in failures if not run.was_told(failure)]
        with run.store.transaction(run.lease) as tx:
            tx.add_pairs([ended_pair(row) for row in ended], run.state.layout)
            tx.unstage([row.id for row in ended])
            tx.mark_staged(marks)
            tx.fail(told)
            tx.hold(conflicts)
        run.noticed = run.noticed or bool(told or conflicts or ended)
        run.counts.ended += len(ended)

    def _waiting(self, creation: Creation, patience: Patience) -> tuple[bool, Collection[str]]:
        """(whether a record whose links lead nowhere yet goes on waiting, the fields that it is created without)."""
        if any(problem.link is None for problem in creation.problems):
            return False, ()
        self._run.waiting = True
        if patience is Patience.WAIT:
            return True, ()
        circle = {each.field for each in creation.problems if each.link is not None and each.link.pending}
        whole = all(each.field in circle and each.field in self.deferrable for each in creation.problems)
        return whole and patience is Patience.PART, circle if whole else ()

    @staticmethod
    def _end(row: Staged, ended: list[Staged], marks: list[tuple[int, StagedState]]) -> None:
        """Nothing is created. A record of the source ends for good; a cancelled document may still be amended."""
        if row.side is Side.SOURCE:
            ended.append(row)
        else:
            marks.append((row.id, StagedState.UNMATCHED))

    def _held(self, row: Staged, text: str, kind: str) -> ConflictRecord:
        run, erpnext = self._run, row.side is Side.ERPNEXT
        external_id, name = record_key(row)
        return ConflictRecord(
            mapping=run.mapping.name,
            kind=kind,
            external_id=external_id,
            erpnext_name=name,
            pair=None,
            fields=b"[]",
            erpnext_stamp=row.stamp if erpnext else None,
            source_stamp=None if erpnext else row.stamp,
            editor=row.editor,
            text=text,
            opened=run.clock.now(),
            run=run.run,
        )

    def reconsider_held(self) -> None:
        """Records that are held for what they link to, and whose target is free now, are new again."""
        run, giving = self._run, self._target.other
        conflicts = run.store.conflicts(run.mapping.name)
        held = {(c.external_id, c.erpnext_name) for c in conflicts if c.kind in {LINK, TRANSITION} and c.pair is None}
        if not held or not self._plan.allowed:
            return
        rows = [row for row in all_unpaired(run, giving, [StagedState.HELD]) if record_key(row) in held]
        images = [decode_image(row.image) for row in rows]
        learn_links(run, [(giving, image) for image in images])
        plans = [(row, self._plan.decide(row.key, image)) for row, image in zip(rows, images, strict=True)]
        free = [row for row, plan in plans if not plan.holds and not self._is_held(plan)]
        if free:
            with run.store.transaction(run.lease) as tx:
                tx.mark_staged([(row.id, StagedState.NEW) for row in free])
                tx.close_conflicts([record_key(row) for row in free])

    def _is_held(self, creation: Creation) -> bool:
        problems = [each for each in creation.problems if each.field not in self.deferrable]
        return refusal(problems).verdict is Verdict.HOLD

    def failure(self, row: Staged, error: RecordError) -> FailureRecord:
        """The failure of a record whose partner could not be made."""
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


def _is_unsafe(spec: MappingSpec, target: Side) -> bool:
    """Whether nothing would tell, after a lost answer, which document was made for which record."""
    return target is Side.ERPNEXT and spec.external_id is None and not spec.match


def _unsafe(doctype: str, source: str) -> RecordError:
    return RefusedError(
        f"no {doctype} is created: the mapping has neither external_id nor a match rule, so that after a lost answer "
        "nothing would tell which document was made for which record, and it might be made twice",
        hint=f'Add external_id = "syncd_{source}_id" under [erpnext] and run `syncd provision --apply`, or add a match '
        "rule.",
    )


def _error(decision: Decision) -> RecordError:
    """A link that leads nowhere yet is tried again in every run; anything else when the record changes."""
    if decision.waiting:
        return BusyError(decision.text, hint=WAITS_FOR_LINK)
    return RefusedError(decision.text, hint="Correct the value, or the field's line in the mapping.")
