"""Deciding on one document that can be submitted: its state by the transition table, its fields by the merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncd.core.lifecycle import (
    STANDS,
    Asked,
    Changed,
    Policy,
    Situation,
    Stands,
    Step,
    Transition,
    asked_for,
    decided,
    transition,
    unknown_word,
    word,
    word_for,
)
from syncd.core.mapping import DOCSTATUS, CompiledMapping
from syncd.core.merge import Choice, Merge, Newest, effective_direction, merge, problem_of
from syncd.core.model import Action, Baseline, FieldChange, FieldConflict, Image, Missing, Pair, Side, Wins, Write
from syncd.core.outcomes import STATES, outcomes
from syncd.core.removal import edits_since
from syncd.core.rows_given import rows_given_by
from syncd.core.sights import Decision, Presence, Sight, Verdict, newest_of, refusal, wants_link
from syncd.core.values import InvalidValue, show

TRANSITION = "transition"
"""Kind of what is held because only a person can say whether a document is submitted, cancelled or amended."""
STATE = "state"
"""Kind of the conflict of a document whose state both sides changed, or one side its state and the other its fields."""

DOCUMENT = "(document)"
"""What a change of the document's state is called among the changes of its fields."""
DELETED = "deleted"
"""Kind of the conflict of a record that one side deleted and the other edited."""

_ACTIONS = {
    Step.SUBMIT: (Action.SUBMIT, 1),
    Step.CANCEL: (Action.CANCEL, 2),
    Step.AMEND: (Action.AMEND, 1),
    Step.AMEND_DRAFT: (Action.AMEND, 0),
    Step.DELETE: (Action.DELETE, 0),
}
_IGNORES_FIELDS = frozenset({Step.CANCEL, Step.DELETE, Step.KEEP, Step.ERPNEXT_WINS, Step.END})
"""Steps before which ERPNext is not given fields: differences there are nobody's conflict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCase:
    """One document and its record, with what a merge of their fields comes to."""

    mapping: CompiledMapping
    pair: Pair
    erpnext: Sight
    source: Sight
    merged: Merge
    situation: Situation
    choice: Choice | None

    @property
    def base(self) -> tuple[Baseline, Baseline] | None:
        """Both sides at the last agreement."""
        return None if self.pair.erpnext is None or self.pair.source is None else (self.pair.erpnext, self.pair.source)


def decide_document(
    mapping: CompiledMapping, pair: Pair, erpnext: Sight, source: Sight, choice: Choice | None
) -> Decision | None:
    """Decide on a document that is there. None: as on any other record that was deleted in ERPNext."""
    lifecycle = mapping.spec.lifecycle
    if lifecycle is None:
        raise AssertionError("called for DocTypes that can be submitted")
    base = None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)
    newest = newest_of(mapping, erpnext, source)
    gone = source.presence is Presence.DELETED
    merged = _nothing() if gone else merge(mapping, base, erpnext.values, source.values, newest=newest, choice=choice)
    before = base is not None and not isinstance(_docstatus(base[0], mapping), Missing)
    situation = Situation(
        before=STANDS[mapping.docstatus(base[0])] if base is not None and before else Stands.ABSENT,
        now=Stands.DELETED if erpnext.presence is Presence.DELETED else STANDS[mapping.docstatus(erpnext.values)],
        asked_before=Asked.UNSAID if base is None else asked_for(lifecycle, mapping.asks(base[1])),
        asked=asked_for(lifecycle, mapping.asks(source.values), deleted=gone),
        changed=changed(mapping, merged),
        ours=erpnext.ours,
    )
    case = DocumentCase(
        mapping=mapping,
        pair=pair,
        erpnext=erpnext,
        source=source,
        merged=merged,
        situation=situation,
        choice=choice,
    )
    policy = Policy(lifecycle=lifecycle, source_deleted=mapping.spec.source_deleted, direction=mapping.spec.direction)
    found = transition(situation, policy)
    forced = False
    if found.step in {Step.HOLD, Step.CONFLICT}:
        winner = _winner(case, found, newest)
        if winner is None:
            return _hold(case, found, newest)
        forced = choice is not None and choice.take is winner
        found = replace(decided(situation, erpnext=winner is Side.ERPNEXT), reason=found.reason)
    elif choice is not None and choice.take is not None and found.step in _ACTIONS:
        # A person looked at a transition that ERPNext refused, or that other documents stand against.
        forced = choice.take is Side.SOURCE
        if choice.take is Side.ERPNEXT:
            found = replace(decided(situation, erpnext=True), reason=found.reason)
    return _carry_out(case, found, forced=forced)


def _docstatus(image: Baseline, mapping: CompiledMapping) -> object:
    return image[mapping.erpnext_fields.index(DOCSTATUS)]


def _nothing() -> Merge:
    return Merge(
        writes={side: {} for side in Side},
        changes={side: [] for side in Side},
        conflicts=[],
        decided=[],
        problems=[],
    )


def changed(mapping: CompiledMapping, merged: Merge) -> Changed:
    """What kind of fields the source changed, of those that flow into ERPNext; contested ones count as well."""
    names = [change.field for change in merged.changes[Side.ERPNEXT]]
    names += [conflict.field for conflict in merged.conflicts]
    names += [problem.field for problem in merged.problems if problem.side is not Side.ERPNEXT]
    if not names:
        return Changed.NOTHING
    return Changed.ALLOWED if all(_plain_name(name) in mapping.allowed for name in names) else Changed.OTHERS


def _plain_name(label: str) -> str:
    """`items[3].qty` → `items.qty`; a whole row, or their order, is the table's."""
    table, bracket, rest = label.partition("[")
    if not bracket:
        return label.partition(" (")[0]
    column = rest.rpartition("].")[2] if "]." in rest else ""
    return f"{table}.{column}" if column else table


def _winner(case: DocumentCase, found: Transition, newest: Newest) -> Side | None:
    """Who decides about a state: a person; for conflicts of both sides, `wins` as well."""
    if case.choice is not None and case.choice.take is not None:
        return case.choice.take
    if found.step is Step.HOLD:
        return None
    wins = case.mapping.spec.wins
    return {Wins.ERPNEXT: Side.ERPNEXT, Wins.SOURCE: Side.SOURCE, Wins.NEWEST: newest.side}.get(wins)


def _hold(case: DocumentCase, found: Transition, newest: Newest) -> Decision:
    lifecycle = case.mapping.spec.lifecycle
    if lifecycle is None:
        raise AssertionError("called for DocTypes that can be submitted")
    reason = found.reason
    if case.situation.asked is Asked.UNKNOWN:
        reason = unknown_word(lifecycle, case.mapping.asks(case.source.values))
    elif found.step is Step.CONFLICT and case.mapping.spec.wins is Wins.NEWEST:
        reason = f"{reason} ({newest.reason})"
    fields = [
        FieldConflict(
            field=change.field, base=None if case.base is None else change.old, erpnext=change.old, source=change.new
        )
        for change in case.merged.changes[Side.ERPNEXT]
    ]
    edited = [each.field for each in (*fields, *case.merged.conflicts) if not case.situation.moved]
    return Decision(
        verdict=Verdict.HOLD,
        kind=STATE if found.step is Step.CONFLICT else TRANSITION,
        text=f"{reason}: {', '.join(edited)}" if edited else reason,
        conflicts=(_state_conflict(case), *fields, *case.merged.conflicts),
    )


def _state_conflict(case: DocumentCase) -> FieldConflict:
    lifecycle, situation = case.mapping.spec.lifecycle, case.situation
    asks = case.mapping.asks(case.source.values)
    return FieldConflict(
        field=(lifecycle.field if lifecycle is not None else None) or "docstatus",
        base=STATES.get(situation.before),
        erpnext=STATES.get(situation.now, situation.now.value),
        source="deleted" if situation.asked is Asked.DELETED else (None if asks is None else word(asks)),
        outcomes=("", "") if lifecycle is None else outcomes(situation, lifecycle, case.mapping.spec.direction),
    )


def _carry_out(case: DocumentCase, found: Transition, *, forced: bool) -> Decision | None:
    if found.step is Step.DELETION:
        return None
    if found.step is Step.END:
        return Decision(verdict=Verdict.END, text=found.reason)
    merged = case.merged
    if found.step not in _IGNORES_FIELDS:
        if merged.problems:
            return refusal(merged.problems)
        if merged.conflicts:
            return Decision(verdict=Verdict.HOLD, kind="fields", conflicts=tuple(merged.conflicts))
    elif found.step is Step.KEEP and (unfit := tuple(p for p in merged.problems if p.side is Side.ERPNEXT)):
        return refusal(unfit)
    if case.situation.asked is Asked.DELETED or found.step is Step.DELETE:
        return _remove(case, found, forced=forced)
    if found.step is Step.ERPNEXT_WINS:
        merged = _erpnext_wins(case)
    writes = [
        write
        for write in (_erpnext_write(case, found, merged, forced=forced), _source_write(case, found, merged))
        if write
    ]
    return Decision(
        verdict=Verdict.WRITE if writes else Verdict.SETTLE,
        writes=tuple(writes),
        decided=tuple(merged.decided),
        text=found.reason,
        state=_state_conflict(case) if found.step in _ACTIONS else None,
        owed=_kept_back(merged) if found.step in {Step.KEEP, Step.CANCEL} else frozenset(),
    )


def _kept_back(merged: Merge) -> frozenset[str]:
    """What the source changed and a cancelled document does not take."""
    changes = {change.field for change in merged.changes[Side.ERPNEXT]}
    return frozenset(changes | {conflict.field for conflict in merged.conflicts})


def _remove(case: DocumentCase, found: Transition, *, forced: bool) -> Decision | None:
    """The source's record is gone, or it voided a draft: the document goes as well, and the pair ends.

    Unless the document was edited meanwhile: then `wins` or a person decides.
    """
    write = _erpnext_write(case, found, case.merged, forced=forced)
    if write is None:
        return Decision(verdict=Verdict.END, text=found.reason)
    edits = edits_since(case.mapping, case.pair, Side.ERPNEXT, case.erpnext)
    if edits and not forced and case.mapping.spec.wins is not Wins.SOURCE:
        text = f"{found.reason}, but edited in ERPNext since both sides agreed"
        if case.mapping.spec.wins is Wins.ERPNEXT:
            kept = replace(decided(case.situation, erpnext=True), reason=f"{text}; ERPNext wins and keeps it")
            return _carry_out(case, kept, forced=False)
        if case.situation.asked is Asked.DELETED:
            return Decision(verdict=Verdict.HOLD, kind=DELETED, conflicts=edits, text=text)
        return Decision(verdict=Verdict.HOLD, kind=STATE, conflicts=(_state_conflict(case), *edits), text=text)
    return Decision(verdict=Verdict.WRITE, writes=(write,), text=found.reason, ends=True, state=_state_conflict(case))


def _erpnext_write(case: DocumentCase, found: Transition, merged: Merge, *, forced: bool) -> Write | None:
    pair, sight = case.pair, case.erpnext
    link = wants_link(case.mapping, pair, Side.ERPNEXT) and case.situation.now is not Stands.CANCELLED
    fields = found.step in {Step.MERGE, Step.SUBMIT, Step.AMEND, Step.AMEND_DRAFT, Step.ERPNEXT_WINS}
    values = merged.writes[Side.ERPNEXT] if fields else {}
    changes = list(merged.changes[Side.ERPNEXT]) if fields else []
    action, docstatus = _ACTIONS.get(found.step, (Action.UPDATE if values else Action.LINK, 0))
    if action in {Action.UPDATE, Action.LINK} and not values and not link:
        return None
    if found.step in _ACTIONS:
        changes.append(FieldChange(field=DOCUMENT, old=STATES.get(case.situation.now), new=found.step.value))
    return Write(
        action=action,
        side=Side.ERPNEXT,
        key=pair.key(Side.ERPNEXT),
        partner=pair.key(Side.SOURCE),
        values=values,
        stamp=sight.stamp,
        expected=sight.values,
        link=link and action not in {Action.CANCEL, Action.DELETE},
        changes=tuple(changes),
        pair=pair.id,
        docstatus=docstatus,
        forced=forced,
    )


def _source_write(case: DocumentCase, found: Transition, merged: Merge) -> Write | None:
    mapping, pair = case.mapping, case.pair
    values = dict(merged.writes[Side.SOURCE])
    changes = list(merged.changes[Side.SOURCE])
    told = _told(case, found) if found.tell else None
    if told is not None:
        values[told.field] = told.new if isinstance(told.new, str) else None
        changes.append(told)
    link = wants_link(mapping, pair, Side.SOURCE)
    if found.step is Step.DELETE or (not values and not link):
        return None
    return Write(
        action=Action.UPDATE if values else Action.LINK,
        side=Side.SOURCE,
        key=pair.key(Side.SOURCE),
        partner=pair.key(Side.ERPNEXT),
        values=values,
        stamp=case.source.stamp,
        expected=case.source.values,
        link=link,
        changes=tuple(changes),
        pair=pair.id,
    )


def _told(case: DocumentCase, found: Transition) -> FieldChange | None:
    """The source's word for where the document stands then, where the source may be written and says something else."""
    lifecycle = case.mapping.spec.lifecycle
    if lifecycle is None or lifecycle.field is None or not case.mapping.spec.direction.reaches(Side.SOURCE):
        return None
    said = word_for(lifecycle, STANDS.index(found.after(case.situation.now)))
    held = case.mapping.asks(case.source.values)
    if said is None or (held is not None and word(held) == said):
        return None
    return FieldChange(field=lifecycle.field, old=show(held), new=said)


def _erpnext_wins(case: DocumentCase) -> Merge:
    """ERPNext's values for every field that the source changed and ERPNext no longer lets change; reported as decided.

    Fields that may still change after submission flow as ever.
    """
    mapping, merged = case.mapping, case.merged
    flows = mapping.allowed if case.situation.now is Stands.SUBMITTED else frozenset()
    result = replace(
        merged,
        writes={
            Side.ERPNEXT: {name: value for name, value in merged.writes[Side.ERPNEXT].items() if name in flows},
            Side.SOURCE: dict(merged.writes[Side.SOURCE]),
        },
        changes={
            Side.ERPNEXT: [change for change in merged.changes[Side.ERPNEXT] if change.field in flows],
            Side.SOURCE: list(merged.changes[Side.SOURCE]),
        },
        conflicts=[],
        problems=[],
    )
    result.decided.extend(
        FieldConflict(field=change.field, base=None, erpnext=change.old, source=change.new)
        for change in merged.changes[Side.ERPNEXT]
        if change.field not in flows
    )
    result.decided.extend(merged.conflicts)
    contested = {conflict.field for conflict in merged.conflicts}
    for entry in mapping.fields:
        locked = merged.writes[Side.ERPNEXT].keys() - flows
        mine = entry.spec.erpnext in locked or entry.name in contested
        if not mine or entry.spec.source is None or not effective_direction(mapping, entry).reaches(Side.SOURCE):
            continue
        try:
            value = entry.convert(entry.read(Side.ERPNEXT, case.erpnext.values[entry.erpnext_at]), Side.SOURCE)
        except InvalidValue as error:
            result.problems.append(problem_of(entry.name, Side.ERPNEXT, error))
            continue
        result.writes[Side.SOURCE][entry.spec.source] = entry.raw(value, Side.SOURCE)
        old = case.source.values[entry.source_at]
        result.changes[Side.SOURCE].append(FieldChange(field=entry.name, old=show(old), new=show(value)))
    _rows_of_erpnext(case, contested, result)
    return result


def _rows_of_erpnext(case: DocumentCase, contested: Sequence[str] | set[str], result: Merge) -> None:
    for table in case.mapping.tables:
        named = any(field.startswith(f"{table.name}[") for field in contested)
        if table.name in case.merged.writes[Side.ERPNEXT] or named:
            rows_given_by(case.mapping, table, case.base, images(case), result)


def images(case: DocumentCase) -> tuple[Image, Image]:
    """What both sides hold now: (ERPNext's, the source's)."""
    return case.erpnext.values, case.source.values
