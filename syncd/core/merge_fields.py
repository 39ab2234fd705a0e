"""Three-way merge of one field, over one baseline for each side.

Each side is compared with what *that side* looked like at the last agreement, so a site that rounds, cuts or sanitises
what it was given never echoes. Without a baseline (first contact, and again after a rebuild) equal values agree, an
empty side is filled, and where both are set and differ `wins` decides (contract, "First contact"). Everything is
symmetrical: swapping the sides mirrors the outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from syncd.core.links import UnresolvedLinkError
from syncd.core.mapping import CompiledField, CompiledMapping
from syncd.core.model import Direction, FieldChange, FieldConflict, Raw, Side, Wins
from syncd.core.values import InvalidValue, Value, coerce, show

_AT = {Side.ERPNEXT: 0, Side.SOURCE: 1}
"""Where a side stands in (ERPNext's value, the source's value)."""


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
    side: Side | None
    """The side whose value it is; None: a person chose it."""
    reason: str
    link: UnresolvedLinkError | None = None
    """The link whose target is not there yet."""


def problem_of(name: str, side: Side | None, error: InvalidValue) -> Problem:
    """The problem that `error` makes of a field."""
    return Problem(name, side, error.reason, error if isinstance(error, UnresolvedLinkError) else None)


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


def merge_field(
    mapping: CompiledMapping,
    entry: CompiledField,
    before: tuple[Raw, Raw] | None,
    now: tuple[Raw, Raw],
    newest: Newest,
    choice: Choice | None,
    result: Merge,
) -> None:
    """Merge one field into `result`: `before` (None: never agreed) and `now` are (ERPNext's, the source's) values."""
    direction = effective_direction(mapping, entry)
    values, unreadable = _read(entry, now)
    if unreadable:
        moved = [side for side in unreadable if before is None or before[_AT[side]] != now[_AT[side]]]
        result.problems.extend(Problem(entry.name, side, unreadable[side]) for side in moved)
        overwritten = None if moved or before is None else _overwritten(entry, direction, before, now, unreadable)
        if overwritten is not None:
            _write(entry, overwritten, values, values[overwritten.other], result)
        return
    flow, reason, contested = _decide(entry, direction, before, now, values, newest)
    if contested:
        conflict = _conflict(entry, before, values, reason)
        if flow is Flow.CONFLICT and choice is not None:
            _choose(entry, direction, conflict, values, choice, result)
            return
        if flow is Flow.CONFLICT:
            early = _too_early(entry, values) if before is None else None
            if early is not None:
                result.problems.append(early)
            else:
                result.conflicts.append(conflict)
            return
        result.decided.append(conflict)
    if flow is Flow.TO_ERPNEXT:
        _write(entry, Side.ERPNEXT, values, values[Side.SOURCE], result)
    elif flow is Flow.TO_SOURCE:
        _write(entry, Side.SOURCE, values, values[Side.ERPNEXT], result)


def _too_early(entry: CompiledField, values: Mapping[Side, Value]) -> Problem | None:
    """At first contact: both sides link to records without a pair, so nobody knows yet whether it is the same one."""
    found: list[Problem] = []
    for side in Side:
        try:
            entry.convert(values[side], side.other)
        except UnresolvedLinkError as error:
            if not error.barred:
                found.append(problem_of(entry.name, side, error))
        except InvalidValue:
            return None
    return found[-1] if len(found) == len(Side) else None


def _read(entry: CompiledField, now: tuple[Raw, Raw]) -> tuple[dict[Side, Value], dict[Side, str]]:
    """Both sides' canonical values, and why a side's cannot be read; such a one stands there as its text."""
    values: dict[Side, Value] = {}
    unreadable: dict[Side, str] = {}
    for side in Side:
        try:
            values[side] = entry.read(side, now[_AT[side]])
        except InvalidValue as error:
            values[side], unreadable[side] = str(now[_AT[side]]), error.reason
    return values, unreadable


def _overwritten(
    entry: CompiledField,
    direction: Direction,
    before: tuple[Raw, Raw],
    now: tuple[Raw, Raw],
    unreadable: Collection[Side],
) -> Side | None:
    """The side whose unreadable value gives way: it did not change, and the other side's value flows there."""
    if len(unreadable) > 1:
        return None
    side = next(iter(unreadable))
    at = _AT[side.other]
    flows = _is_enforced(entry, direction) or entry.changed(side.other, before[at], now[at])
    return side if flows and direction.reaches(side) else None


def effective_direction(mapping: CompiledMapping, entry: CompiledField) -> Direction:
    """The field's direction within the mapping's: a one-way mapping makes every field one-way."""
    return entry.spec.direction if mapping.spec.direction is Direction.BOTH else mapping.spec.direction


def _decide(
    entry: CompiledField,
    direction: Direction,
    before: tuple[Raw, Raw] | None,
    now: tuple[Raw, Raw],
    values: Mapping[Side, Value],
    newest: Newest,
) -> tuple[Flow, str, bool]:
    """(flow, why no side wins, whether both sides hold differing values of their own)."""
    enforced = _is_enforced(entry, direction)
    if (before is None or enforced) and _default_fills(entry, direction, values):
        return Flow.TO_ERPNEXT, "", False
    if entry.agree(values[Side.ERPNEXT], values[Side.SOURCE]):
        return Flow.STAY, "", False
    giver = Side.ERPNEXT if direction is Direction.TO_SOURCE else Side.SOURCE
    if enforced:
        return Flow.to(giver.other), "", before is None and not entry.is_empty(giver.other, values[giver.other])
    if before is None:
        filled = _fill(entry, direction, values)
        return (filled, "", False) if filled is not None else (*_contest(entry, direction, newest), True)
    changed = {side: entry.changed(side, before[_AT[side]], now[_AT[side]]) for side in Side}
    if direction is not Direction.BOTH:
        return (Flow.to(giver.other) if changed[giver] else Flow.STAY), "", False
    if changed[Side.ERPNEXT] and changed[Side.SOURCE]:
        return (*_contest(entry, direction, newest), True)
    if changed[Side.SOURCE]:
        return Flow.TO_ERPNEXT, "", False
    return (Flow.TO_SOURCE if changed[Side.ERPNEXT] else Flow.STAY), "", False


def _is_enforced(entry: CompiledField, direction: Direction) -> bool:
    return entry.spec.enforce and direction is not Direction.BOTH


def _default_fills(entry: CompiledField, direction: Direction, values: Mapping[Side, Value]) -> bool:
    """Whether both sides are empty, so that `default` is what ERPNext is to hold."""
    return (
        entry.default is not None
        and values[Side.SOURCE] is None
        and direction.reaches(Side.ERPNEXT)
        and entry.is_empty(Side.ERPNEXT, values[Side.ERPNEXT])
        and not entry.is_empty(Side.ERPNEXT, entry.default)
    )


def _fill(entry: CompiledField, direction: Direction, values: Mapping[Side, Value]) -> Flow | None:
    """First contact with one side empty: the other fills it, where values may flow there. None: both are set."""
    empty = {side: entry.is_empty(side, values[side]) for side in Side}
    for side in Side:
        if empty[side]:
            return Flow.to(side) if direction.reaches(side) and not empty[side.other] else Flow.STAY
    return None


def contest(wins: Wins, newest: Newest) -> tuple[Side | None, str]:
    """(the side that wins, or None where a person has to decide; why no side does)."""
    if wins is Wins.MANUAL:
        return None, ""
    winner = {Wins.ERPNEXT: Side.ERPNEXT, Wins.SOURCE: Side.SOURCE}.get(wins, newest.side)
    return winner, newest.reason if winner is None else ""


def _contest(entry: CompiledField, direction: Direction, newest: Newest) -> tuple[Flow, str]:
    winner, reason = contest(entry.spec.wins, newest)
    if winner is None:
        return Flow.CONFLICT, reason
    return (Flow.to(winner.other) if direction.reaches(winner.other) else Flow.STAY), ""


def _conflict(
    entry: CompiledField, before: tuple[Raw, Raw] | None, values: Mapping[Side, Value], reason: str
) -> FieldConflict:
    base: object = None
    if before is not None:
        try:
            base = show(entry.read(Side.ERPNEXT, before[0]))
        except InvalidValue:
            base = show(before[0])
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
        result.decided.append(conflict)
        _set(entry, direction, values, choice.values[entry.name], result)
    elif choice.take is not None:
        result.decided.append(conflict)
        if direction.reaches(choice.take.other):
            _write(entry, choice.take.other, values, values[choice.take], result)
    else:
        result.conflicts.append(conflict)


def _set(entry: CompiledField, direction: Direction, values: Mapping[Side, Value], raw: Raw, result: Merge) -> None:
    """Give a value that a person chose, in ERPNext's terms, to each side that the field flows to."""
    chosen: dict[Side, Value] = {}
    try:
        value = coerce(entry.read(Side.ERPNEXT, raw), entry.erpnext_type)
        if direction.reaches(Side.ERPNEXT):
            chosen[Side.ERPNEXT] = value
        if direction.reaches(Side.SOURCE):
            chosen[Side.SOURCE] = entry.convert(value, Side.SOURCE)
    except InvalidValue as error:
        result.problems.append(Problem(entry.name, None, error.reason))
        return
    for side, given in chosen.items():
        if given != values[side]:
            _put(entry, side, values, given, result)


def _write(entry: CompiledField, to: Side, values: Mapping[Side, Value], giving: Value, result: Merge) -> None:
    try:
        converted = entry.give(giving, to)
    except InvalidValue as error:
        result.problems.append(problem_of(entry.name, to.other, error))
        return
    _put(entry, to, values, converted, result)


def _put(entry: CompiledField, to: Side, values: Mapping[Side, Value], value: Value, result: Merge) -> None:
    name = entry.spec.erpnext if to is Side.ERPNEXT else entry.spec.source
    if name is None:  # constants are compiled apart and never reach a merge
        return
    result.writes[to][name] = entry.raw(value, to)
    result.changes[to].append(FieldChange(field=entry.name, old=show(values[to]), new=show(value)))
