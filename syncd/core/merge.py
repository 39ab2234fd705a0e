"""Three-way merge of one record, field by field, over one baseline for each side.

Each side is compared with what *that side* looked like at the last agreement, so a site that rounds, cuts or sanitises
what it was given never echoes. Without a baseline (first contact, and again after a rebuild) equal values agree, an
empty side is filled, and where both are set and differ `wins` decides (contract, "First contact"). Everything is
symmetrical: swapping the sides mirrors the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from syncd.core.mapping import CompiledField, CompiledMapping
from syncd.core.model import Baseline, Direction, FieldChange, FieldConflict, Image, Missing, Raw, Side, Wins
from syncd.core.values import InvalidValue, Value, show


class Flow(Enum):
    """What becomes of one field."""

    STAY = "stay"
    TO_ERPNEXT = "to_erpnext"
    TO_SOURCE = "to_source"
    CONFLICT = "conflict"

    @classmethod
    def to(cls, side: Side) -> Flow:
        """The flow into `side`."""
        return cls.TO_ERPNEXT if side is Side.ERPNEXT else cls.TO_SOURCE


class Newest(NamedTuple):
    """Which side was edited last by somebody else than syncd; `side` None: cannot be told, and why."""

    side: Side | None
    reason: str = ""


UNKNOWN_AGE = Newest(None, "it is not known which side was edited last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A person's decision on a held record: a side for all conflicting fields, or a value for each (by fieldname).

    Values of `values` are ERPNext's, as text or JSON scalars; they are brought to the field's type.
    """

    take: Side | None = None
    values: Mapping[str, Raw] = field(default_factory=dict)


class Problem(NamedTuple):
    """A field whose value cannot be read or cannot be held by the other side."""

    field: str
    side: Side
    """The side whose value it is."""
    reason: str


@dataclass(slots=True, kw_only=True)
class Merge:
    """The outcome for one record. `writes` holds, for each side, what it is to be given in its own field names.

    With `conflicts` or `problems` nothing is written: a conflict holds the whole record. `decided` lists the fields
    on which both sides differed and the policy chose.
    """

    writes: dict[Side, dict[str, Raw]]
    changes: dict[Side, list[FieldChange]]
    conflicts: list[FieldConflict]
    decided: list[FieldConflict]
    problems: list[Problem]

    @property
    def quiet(self) -> bool:
        """Nothing to write and nothing in the way."""
        return not (self.conflicts or self.problems or self.writes[Side.ERPNEXT] or self.writes[Side.SOURCE])


def merge(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    erpnext: Image,
    source: Image,
    *,
    newest: Newest = UNKNOWN_AGE,
    choice: Choice | None = None,
) -> Merge:
    """Merge one record: `base` are the baselines (ERPNext's, source's), the other two what both sides hold now."""
    result = Merge(
        writes={Side.ERPNEXT: {}, Side.SOURCE: {}},
        changes={Side.ERPNEXT: [], Side.SOURCE: []},
        conflicts=[],
        decided=[],
        problems=[],
    )
    for entry in mapping.fields:
        now = (erpnext[entry.erpnext_at], source[entry.source_at])
        before = _baseline(entry, base)
        if before == now and not entry.spec.enforce:
            continue
        _merge_field(mapping, entry, before, now, newest, choice, result)
    return result


def _baseline(entry: CompiledField, base: tuple[Baseline, Baseline] | None) -> tuple[Raw, Raw] | None:
    """The field's baseline on both sides; None before the first agreement, and where it was not mapped then."""
    if base is None:
        return None
    erpnext, source = base[0][entry.erpnext_at], base[1][entry.source_at]
    return None if isinstance(erpnext, Missing) or isinstance(source, Missing) else (erpnext, source)


def _merge_field(
    mapping: CompiledMapping,
    entry: CompiledField,
    before: tuple[Raw, Raw] | None,
    now: tuple[Raw, Raw],
    newest: Newest,
    choice: Choice | None,
    result: Merge,
) -> None:
    values: dict[Side, Value] = {}
    for side, raw in zip((Side.ERPNEXT, Side.SOURCE), now, strict=True):
        try:
            values[side] = entry.read(side, raw)
        except InvalidValue as error:
            if before is None or not _same_raw(before, now, side):
                result.problems.append(Problem(entry.name, side, error.reason))
            return
    direction = effective_direction(mapping, entry)
    flow, reason, contested = _decide(entry, direction, before, values, newest)
    if contested:
        conflict = _conflict(entry, before, values, reason)
        if flow is Flow.CONFLICT and choice is not None:
            _choose(entry, direction, conflict, values, choice, result)
            return
        if flow is Flow.CONFLICT:
            result.conflicts.append(conflict)
            return
        result.decided.append(conflict)
    if flow is Flow.TO_ERPNEXT:
        _write(entry, Side.ERPNEXT, values, values[Side.SOURCE], result)
    elif flow is Flow.TO_SOURCE:
        _write(entry, Side.SOURCE, values, values[Side.ERPNEXT], result)


def _same_raw(before: tuple[Raw, Raw], now: tuple[Raw, Raw], side: Side) -> bool:
    at = 0 if side is Side.ERPNEXT else 1
    return before[at] == now[at]


def effective_direction(mapping: CompiledMapping, entry: CompiledField) -> Direction:
    """The field's direction within the mapping's: a one-way mapping makes every field one-way."""
    return entry.spec.direction if mapping.spec.direction is Direction.BOTH else mapping.spec.direction


def _decide(
    entry: CompiledField,
    direction: Direction,
    before: tuple[Raw, Raw] | None,
    values: Mapping[Side, Value],
    newest: Newest,
) -> tuple[Flow, str, bool]:
    """(flow, why no side wins, whether both sides hold differing values of their own)."""
    if entry.agree(values[Side.ERPNEXT], values[Side.SOURCE]):
        return Flow.STAY, "", False
    if before is None:
        filled = _fill(entry, direction, values)
        return (filled, "", False) if filled is not None else (*_contest(entry, direction, newest), True)
    changed = {side: _changed(entry, side, before, values[side]) for side in Side}
    if direction is not Direction.BOTH:
        giver = Side.SOURCE if direction is Direction.TO_ERPNEXT else Side.ERPNEXT
        return (Flow.to(giver.other) if changed[giver] or entry.spec.enforce else Flow.STAY), "", False
    if changed[Side.ERPNEXT] and changed[Side.SOURCE]:
        return (*_contest(entry, direction, newest), True)
    if changed[Side.SOURCE]:
        return Flow.TO_ERPNEXT, "", False
    return (Flow.TO_SOURCE if changed[Side.ERPNEXT] else Flow.STAY), "", False


def _changed(entry: CompiledField, side: Side, before: tuple[Raw, Raw], value: Value) -> bool:
    try:
        return entry.read(side, before[0 if side is Side.ERPNEXT else 1]) != value
    except InvalidValue:
        return True


def _fill(entry: CompiledField, direction: Direction, values: Mapping[Side, Value]) -> Flow | None:
    """First contact with one side empty: the other fills it, where values may flow there. None: both are set."""
    erpnext, source = values[Side.ERPNEXT], values[Side.SOURCE]
    empty = {
        Side.ERPNEXT: erpnext is None or (entry.erpnext_type.zero_is_empty and not erpnext),
        Side.SOURCE: source is None or (entry.source_type.zero_is_empty and not source),
    }
    for side in Side:
        if empty[side]:
            default_fills = side is Side.ERPNEXT and entry.spec.default is not None
            if empty[side.other] and not default_fills:
                return Flow.STAY
            return Flow.to(side) if direction.reaches(side) else Flow.STAY
    return None


def _contest(entry: CompiledField, direction: Direction, newest: Newest) -> tuple[Flow, str]:
    wins = entry.spec.wins
    if wins is Wins.MANUAL:
        return Flow.CONFLICT, ""
    winner = {Wins.ERPNEXT: Side.ERPNEXT, Wins.SOURCE: Side.SOURCE}.get(wins, newest.side)
    if winner is None:
        return Flow.CONFLICT, newest.reason
    return (Flow.to(winner.other) if direction.reaches(winner.other) else Flow.STAY), ""


def _conflict(
    entry: CompiledField, before: tuple[Raw, Raw] | None, values: Mapping[Side, Value], reason: str
) -> FieldConflict:
    base: object = None
    if before is not None:
        try:
            base = show(entry.read(Side.ERPNEXT, before[0]))
        except InvalidValue:
            base = before[0]
    return FieldConflict(
        field=entry.name,
        base=base,
        erpnext=show(values[Side.ERPNEXT]),
        source=show(values[Side.SOURCE]),
        reason=reason,
    )


def _choose(
    entry: CompiledField,
    direction: Direction,
    conflict: FieldConflict,
    values: Mapping[Side, Value],
    choice: Choice,
    result: Merge,
) -> None:
    """Carry out a person's decision on one conflicting field; what they left open stays a conflict."""
    if entry.name in choice.values:
        try:
            chosen = entry.convert(entry.read(Side.ERPNEXT, choice.values[entry.name]), Side.SOURCE)
            for_erpnext = entry.read(Side.ERPNEXT, choice.values[entry.name])
        except InvalidValue as error:
            result.problems.append(Problem(entry.name, Side.ERPNEXT, error.reason))
            return
        if for_erpnext != values[Side.ERPNEXT] and direction.reaches(Side.ERPNEXT):
            _put(entry, Side.ERPNEXT, values, for_erpnext, result)
        if chosen != values[Side.SOURCE] and direction.reaches(Side.SOURCE):
            _put(entry, Side.SOURCE, values, chosen, result)
    elif choice.take is not None:
        result.decided.append(conflict)
        if direction.reaches(choice.take.other):
            _write(entry, choice.take.other, values, values[choice.take], result)
    else:
        result.conflicts.append(conflict)


def _write(entry: CompiledField, to: Side, values: Mapping[Side, Value], giving: Value, result: Merge) -> None:
    try:
        converted = entry.convert(giving, to)
    except InvalidValue as error:
        result.problems.append(Problem(entry.name, to.other, error.reason))
        return
    _put(entry, to, values, converted, result)


def _put(entry: CompiledField, to: Side, values: Mapping[Side, Value], value: Value, result: Merge) -> None:
    name = entry.spec.erpnext if to is Side.ERPNEXT else entry.spec.source
    if name is None:  # constants are compiled apart and never reach a merge
        return
    result.writes[to][name] = entry.raw(value, to)
    result.changes[to].append(FieldChange(field=entry.name, old=show(values[to]), new=show(value)))
