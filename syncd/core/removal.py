"""Deciding on records that one side deleted, or that left the filters."""

from __future__ import annotations

from syncd.core.mapping import CompiledField, CompiledMapping, ErpnextDeleted, LeftScope, SourceDeleted
from syncd.core.merge import Choice, effective_direction
from syncd.core.model import (
    Action,
    FieldChange,
    FieldConflict,
    Missing,
    Pair,
    Raw,
    Side,
    Wins,
    Write,
)
from syncd.core.rows import row_edits, rows_of
from syncd.core.sights import Decision, Presence, Sight, Verdict, place_of
from syncd.core.values import InvalidValue, show


def decide_deletion(
    mapping: CompiledMapping, pair: Pair, erpnext: Sight, source: Sight, choice: Choice | None
) -> Decision:
    """One side deleted the record: the policy of that side decides, unless the other side was edited meanwhile."""
    sights = {Side.ERPNEXT: erpnext, Side.SOURCE: source}
    if all(sight.presence is Presence.DELETED for sight in sights.values()):
        return Decision(verdict=Verdict.END, text="deleted on both sides")
    gone = Side.ERPNEXT if erpnext.presence is Presence.DELETED else Side.SOURCE
    left = gone.other
    action = _deletion_action(mapping, gone)
    text = f"deleted in {place_of(gone)}"
    if action is None or sights[left].presence is Presence.OUT:
        return Decision(verdict=Verdict.END, text=text)
    return remove(mapping, pair, left, sights[left], action, text, choice, spared=Verdict.END)


def decide_out(mapping: CompiledMapping, pair: Pair, erpnext: Sight, source: Sight, choice: Choice | None) -> Decision:
    """A record left the filters: its pair pauses, or under `left_scope = "delete"` its partner is deleted."""
    if erpnext.presence is source.presence or mapping.spec.left_scope is not LeftScope.DELETE:
        return Decision(verdict=Verdict.PAUSE)
    left, sight = (Side.SOURCE, source) if erpnext.presence is Presence.OUT else (Side.ERPNEXT, erpnext)
    if not mapping.spec.direction.reaches(left):
        return Decision(verdict=Verdict.PAUSE)
    text = f"left the mapping's filters in {place_of(left.other)}"
    return remove(mapping, pair, left, sight, Action.DELETE, text, choice, spared=Verdict.PAUSE)


def remove(
    mapping: CompiledMapping,
    pair: Pair,
    left: Side,
    sight: Sight,
    action: Action,
    text: str,
    choice: Choice | None,
    *,
    spared: Verdict,
) -> Decision:
    """Take the record that is `left` away, unless it was edited: then `wins` or a person decides.

    `text` says what became of its partner; `spared` becomes of the pair where the edited record is kept.
    """
    edits = edits_since(mapping, pair, left, sight)
    if pair.baseline(left) is None or edits:
        winner = choice.take if choice is not None else None
        if winner is None:
            winner = {Wins.ERPNEXT: Side.ERPNEXT, Wins.SOURCE: Side.SOURCE}.get(mapping.spec.wins)
        if winner is None:
            return Decision(
                verdict=Verdict.HOLD,
                kind="deleted",
                conflicts=edits,
                text=f"{text}, but edited in {place_of(left)} since both sides agreed",
            )
        if winner is left:
            return Decision(verdict=spared, text=f"{text}; {place_of(left)} wins and keeps it")
    return Decision(
        verdict=Verdict.WRITE,
        ends=True,
        text=text,
        writes=(
            Write(
                action=action,
                side=left,
                key=pair.key(left),
                partner=pair.key(left.other),
                values={},
                stamp=sight.stamp,
                expected=sight.values,
                pair=pair.id,
                changes=(FieldChange(field="(record)", old="present", new=action.value),),
            ),
        ),
    )


def _deletion_action(mapping: CompiledMapping, gone: Side) -> Action | None:
    """What the other side is to do about a deletion on `gone`; None: nothing, the pair just ends."""
    if not mapping.spec.direction.reaches(gone.other):
        return None
    if gone is Side.SOURCE:
        return {SourceDeleted.DELETE: Action.DELETE, SourceDeleted.DISABLE: Action.DISABLE}.get(
            mapping.spec.source_deleted
        )
    return {ErpnextDeleted.DELETE: Action.DELETE, ErpnextDeleted.MARK: Action.MARK}.get(mapping.spec.erpnext_deleted)


def edits_since(mapping: CompiledMapping, pair: Pair, side: Side, sight: Sight) -> tuple[FieldConflict, ...]:
    """The fields of `side` that are not as they were when both sides agreed; the other side has nothing any more.

    What that side works out by itself (totals) moves with syncd's own writes as well: where syncd was the last to edit
    the record, that is nobody's edit.
    """
    before = pair.baseline(side)
    if before is None:
        return ()
    edits, now = [], sight.values
    for entry in mapping.fields:
        at = entry.erpnext_at if side is Side.ERPNEXT else entry.source_at
        old = before[at]
        if isinstance(old, Missing) or old == now[at] or _same(entry, side, old, now[at]):
            continue
        if sight.mine and not effective_direction(mapping, entry).reaches(side):
            continue
        present = show(now[at])
        edits.append(
            FieldConflict(
                field=entry.name,
                base=show(old),
                erpnext=present if side is Side.ERPNEXT else None,
                source=present if side is Side.SOURCE else None,
            )
        )
    for table in mapping.tables:
        was, held = before[table.at(side)], now[table.at(side)]
        if isinstance(was, Missing) or was == held:
            continue
        for label, old, new in row_edits(table, side, rows_of(was), rows_of(held)):
            erpnext, source = (new, None) if side is Side.ERPNEXT else (None, new)
            edits.append(FieldConflict(field=label, base=old, erpnext=erpnext, source=source))
    return tuple(edits)


def _same(entry: CompiledField, side: Side, before: Raw, now: Raw) -> bool:
    try:
        return entry.read(side, before) == entry.read(side, now)
    except InvalidValue:
        return False
