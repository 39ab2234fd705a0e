"""Deciding on one record: a pure function from what both sides hold to what is to be done.

`decide_pair` is for a stored pair, `decide_new` for a record without a partner. Both return data; the executor writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from syncd.core.creation import CreationPlan, creation_changes
from syncd.core.mapping import CompiledField, CompiledMapping, ErpnextDeleted, LeftScope, SourceDeleted
from syncd.core.merge import Choice, Merge, Newest, Problem, merge
from syncd.core.model import (
    Action,
    Baseline,
    FieldChange,
    FieldConflict,
    Image,
    Missing,
    Pair,
    Raw,
    Rows,
    Side,
    Wins,
    Write,
)
from syncd.core.rows import rows_of, same_rows, tied
from syncd.core.scope import out_of_scope
from syncd.core.values import InvalidValue, parse_stamp, show


class Verdict(Enum):
    """What is to be done with one record."""

    SETTLE = "settle"
    """Nothing to write: both sides agree, the baseline moves."""
    WRITE = "write"
    HOLD = "hold"
    FAIL = "fail"
    END = "end"
    PAUSE = "pause"
    UNMATCHED = "unmatched"


class Presence(Enum):
    """Whether a side has the record."""

    PRESENT = "present"
    DELETED = "deleted"
    OUT = "out"
    """It is there, but no longer fits the mapping's filters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One side of a record as it stands now. `values` is its last known image where it is gone."""

    values: Image
    stamp: Raw = None
    presence: Presence = Presence.PRESENT
    partner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done with one record. `writes` come in their order: ERPNext's first, it is the stricter side."""

    verdict: Verdict
    writes: tuple[Write, ...] = ()
    conflicts: tuple[FieldConflict, ...] = ()
    decided: tuple[FieldConflict, ...] = ()
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    text: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it fails only because what it links to is not there yet."""
        return bool(self.problems) and all(problem.link is not None for problem in self.problems)


def newest_side(mapping: CompiledMapping, erpnext: Raw, source: Raw) -> Newest:
    """Which side carries the later stamp, as aware times (contract, "`newest`")."""
    left = parse_stamp(erpnext, mapping.erpnext_zone)
    right = parse_stamp(source, mapping.source_zone)
    if left is None or right is None:
        missing = "ERPNext" if left is None else "the source"
        return Newest(None, f"{missing} gives no stamp for this record, so neither side is known to be newer")
    if left.ambiguous or right.ambiguous:
        return Newest(None, "a stamp falls into the hour that is repeated when daylight saving time ends")
    if left.at == right.at:
        return Newest(None, "both stamps are equal")
    return Newest(Side.ERPNEXT if left.at > right.at else Side.SOURCE)


def decide_pair(
    mapping: CompiledMapping,
    pair: Pair,
    erpnext: Sight,
    source: Sight,
    *,
    choice: Choice | None = None,
) -> Decision:
    """Decide on a pair of which both sides are known."""
    if Presence.DELETED in (erpnext.presence, source.presence):
        return _decide_deletion(mapping, pair, erpnext, source, choice)
    if Presence.OUT in (erpnext.presence, source.presence):
        return _decide_out(mapping, pair, erpnext, source, choice)
    base = None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)
    merged = merge(
        mapping,
        base,
        erpnext.values,
        source.values,
        newest=newest_side(mapping, erpnext.stamp, source.stamp),
        choice=choice,
    )
    if merged.problems:
        return Decision(verdict=Verdict.FAIL, problems=tuple(merged.problems), text=problem_text(merged.problems))
    if merged.conflicts:
        return Decision(verdict=Verdict.HOLD, kind="fields", conflicts=tuple(merged.conflicts))
    outside = [
        Problem("filters", side.other, reason)
        for side in Side
        if merged.writes[side] and (reason := out_of_scope(mapping.spec, side, merged.writes[side])) is not None
    ]
    if outside:
        return Decision(verdict=Verdict.FAIL, problems=tuple(outside), text=problem_text(outside))
    writes = tuple(
        write
        for write in (
            _pair_write(mapping, pair, Side.ERPNEXT, erpnext, merged),
            _pair_write(mapping, pair, Side.SOURCE, source, merged),
        )
        if write is not None
    )
    return Decision(verdict=Verdict.WRITE if writes else Verdict.SETTLE, writes=writes, decided=tuple(merged.decided))


def wants_link(mapping: CompiledMapping, pair: Pair, side: Side) -> bool:
    """Whether the partner's id is still to be written into the record on `side`."""
    if side is Side.ERPNEXT:
        return mapping.spec.writes_external_id and not pair.linked_erpnext and pair.external_id is not None
    return mapping.spec.erpnext_name is not None and not pair.linked_source and pair.erpnext_name is not None


def _pair_write(mapping: CompiledMapping, pair: Pair, side: Side, sight: Sight, merged: Merge) -> Write | None:
    values = merged.writes[side]
    link = wants_link(mapping, pair, side)
    if not values and not link:
        return None
    return Write(
        action=Action.UPDATE if values else Action.LINK,
        side=side,
        key=pair.key(side),
        partner=pair.key(side.other),
        values=values,
        stamp=sight.stamp,
        expected=sight.values,
        link=link,
        changes=tuple(merged.changes[side]),
        pair=pair.id,
    )


def problem_text(problems: Sequence[Problem]) -> str:
    """Problems as one text for people."""
    return "; ".join(
        f"{problem.field}: {problem.reason} "
        f"(in the value that {'a person chose' if problem.side is None else f'{_place(problem.side)} holds'})"
        for problem in problems
    )


def _decide_deletion(
    mapping: CompiledMapping, pair: Pair, erpnext: Sight, source: Sight, choice: Choice | None
) -> Decision:
    """One side deleted the record: the policy of that side decides, unless the other side was edited meanwhile."""
    sights = {Side.ERPNEXT: erpnext, Side.SOURCE: source}
    if all(sight.presence is Presence.DELETED for sight in sights.values()):
        return Decision(verdict=Verdict.END, text="deleted on both sides")
    gone = Side.ERPNEXT if erpnext.presence is Presence.DELETED else Side.SOURCE
    left = gone.other
    action = _deletion_action(mapping, gone)
    text = f"deleted in {_place(gone)}"
    if action is None or sights[left].presence is Presence.OUT:
        return Decision(verdict=Verdict.END, text=text)
    return _remove(mapping, pair, left, sights[left], action, text, choice, spared=Verdict.END)


def _decide_out(mapping: CompiledMapping, pair: Pair, erpnext: Sight, source: Sight, choice: Choice | None) -> Decision:
    """A record left the filters: its pair pauses, or under `left_scope = "delete"` its partner is deleted."""
    if erpnext.presence is source.presence or mapping.spec.left_scope is not LeftScope.DELETE:
        return Decision(verdict=Verdict.PAUSE)
    left, sight = (Side.SOURCE, source) if erpnext.presence is Presence.OUT else (Side.ERPNEXT, erpnext)
    if not mapping.spec.direction.reaches(left):
        return Decision(verdict=Verdict.PAUSE)
    text = f"left the mapping's filters in {_place(left.other)}"
    return _remove(mapping, pair, left, sight, Action.DELETE, text, choice, spared=Verdict.PAUSE)


def _remove(
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
    baseline = pair.baseline(left)
    edits = () if baseline is None else _edits(mapping, left, baseline, sight.values)
    if baseline is None or edits:
        winner = choice.take if choice is not None else None
        if winner is None:
            winner = {Wins.ERPNEXT: Side.ERPNEXT, Wins.SOURCE: Side.SOURCE}.get(mapping.spec.wins)
        if winner is None:
            return Decision(
                verdict=Verdict.HOLD,
                kind="deleted",
                conflicts=edits,
                text=f"{text}, but edited in {_place(left)} since both sides agreed",
            )
        if winner is left:
            return Decision(verdict=spared, text=f"{text}; {_place(left)} wins and keeps it")
    return Decision(
        verdict=Verdict.WRITE,
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


def _place(side: Side) -> str:
    return "ERPNext" if side is Side.ERPNEXT else "the source"


def _deletion_action(mapping: CompiledMapping, gone: Side) -> Action | None:
    """What the other side is to do about a deletion on `gone`; None: nothing, the pair just ends."""
    if not mapping.spec.direction.reaches(gone.other):
        return None
    if gone is Side.SOURCE:
        return {SourceDeleted.DELETE: Action.DELETE, SourceDeleted.DISABLE: Action.DISABLE}.get(
            mapping.spec.source_deleted
        )
    return {ErpnextDeleted.DELETE: Action.DELETE, ErpnextDeleted.MARK: Action.MARK}.get(mapping.spec.erpnext_deleted)


def _edits(mapping: CompiledMapping, side: Side, before: Baseline, now: Image) -> tuple[FieldConflict, ...]:
    """The fields of `side` that are not as they were when both sides agreed; the other side has nothing any more."""
    edits = []
    for entry in mapping.fields:
        at = entry.erpnext_at if side is Side.ERPNEXT else entry.source_at
        old = before[at]
        if isinstance(old, Missing) or old == now[at] or _same(entry, side, old, now[at]):
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
        if isinstance(was, Missing) or was == held or same_rows(table, side, rows_of(was), rows_of(held)):
            continue
        edits.append(
            FieldConflict(
                field=table.name,
                base=show(was),
                erpnext=show(held) if side is Side.ERPNEXT else None,
                source=show(held) if side is Side.SOURCE else None,
            )
        )
    return tuple(edits)


def _same(entry: CompiledField, side: Side, before: Raw, now: Raw) -> bool:
    try:
        return entry.read(side, before) == entry.read(side, now)
    except InvalidValue:
        return False


def decide_new(mapping: CompiledMapping, side: Side, key: str, values: Image) -> Decision:
    """Decide on a record of `side` that has no partner: create one across, or leave it unmatched.

    For many records of one mapping, `creation.CreationPlan` is compiled once.
    """
    plan = CreationPlan(mapping, side)
    if not plan.allowed:
        return Decision(verdict=Verdict.UNMATCHED)
    creation = plan.decide(key, values)
    if creation.write is None:
        problems = creation.problems
        return Decision(verdict=Verdict.FAIL, problems=problems, text=problem_text(problems))
    return Decision(verdict=Verdict.WRITE, writes=(creation.write._replace(changes=creation_changes(creation)),))


def baseline_after(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    sights: tuple[Image, Image],
    stored: tuple[Image | None, Image | None],
    pending: frozenset[str],
) -> tuple[Baseline, Baseline]:
    """The baselines after some writes of a record were done: (ERPNext's, source's).

    `stored` are the images as they stand after a write that was done, None where a side was not written. `pending`
    are the source columns or ERPNext fields (by ERPNext fieldname) whose write is still owed: their old baselines stay
    on both sides, so that the same change is seen again; where there is none, both stay without, and the field's next
    look is a first contact again.
    """
    erpnext: list[Raw | Missing] = list(stored[0] if stored[0] is not None else sights[0])
    source: list[Raw | Missing] = list(stored[1] if stored[1] is not None else sights[1])
    for entry in mapping.fields:
        if entry.name in pending:
            erpnext[entry.erpnext_at] = Missing.MISSING if base is None else base[0][entry.erpnext_at]
            source[entry.source_at] = Missing.MISSING if base is None else base[1][entry.source_at]
    if not mapping.tables:
        return tuple(erpnext), tuple(source)
    owed = {name.partition("[")[0].partition(" (")[0] for name in pending}
    for table, ties in zip(mapping.tables, tied(mapping, base, (erpnext, source)), strict=True):
        for images, was, at in ((erpnext, 0, table.erpnext_at), (source, 1, table.source_at)):
            if table.name in owed:
                images[at] = Missing.MISSING if base is None else base[was][at]
            else:
                images[at] = Rows(rows_of(images[at]).rows, ties)
    return tuple(erpnext), tuple(source)
