"""Whether what both sides hold of a pair is the same, field by field and row by row, quickly.

A pair that counts as agreed may differ all the same: a site stores something else than it was given, and one-way fields
keep what their receiving side made of them. Which fields do is recorded with the pair when that is settled
(`excused`); a difference that was not recorded is one that nobody knows of, and the audit of a full pass counts it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from syncd.core.links import LinkLens, UnresolvedLinkError
from syncd.core.mapping import CompiledField, CompiledMapping, CompiledTable
from syncd.core.merge_fields import effective_direction
from syncd.core.model import Baseline, Direction, Missing, Raw, Side
from syncd.core.rows import named, rows_of
from syncd.core.values import InvalidValue, Kind

Baselines = tuple[Baseline, Baseline]
"""(ERPNext's, the source's)"""
ANY = "*"
"""Recorded of a pair of which nobody knows what it may differ in: it agreed before that was recorded."""
_REMEMBERED = 4096
"""Pairs of values that are remembered for a field; beyond it nothing more is added."""
_CANCELLED = 2


class Difference(NamedTuple):
    """One field that differs: `website`, `items[KEY].qty`, or a row that stands on one side alone, `items[NAME]`.

    Rows are called by the source's key, which outlives an amendment.
    """

    label: str
    erpnext: Raw
    source: Raw


class Agreement:
    """Compares the baselines of pairs. Compiled once for a pass."""

    def __init__(self, mapping: CompiledMapping) -> None:
        self._mapping = mapping
        self._fields = [_Compared(entry) for entry in mapping.fields]
        self._tables = [(table, [_Compared(entry) for entry in table.fields]) for table in mapping.tables]

    def differences(self, erpnext: Baseline, source: Baseline) -> list[Difference]:
        """What differs, in the mapping's order. Of cancelled documents nothing does: they take no values any more.

        Links must have been looked up; one that leads to no pair cannot be compared, and is passed over.
        """
        found = []
        for field in self._fields:
            ours, theirs = erpnext[field.here], source[field.there]
            if field.text:
                if ours.__class__ is str and ours == theirs:
                    continue
            elif (ours.__class__, ours, theirs.__class__, theirs) in field.agreed:
                continue
            if isinstance(ours, Missing) or isinstance(theirs, Missing) or not field.same(ours, theirs):
                found.append(Difference(field.label, _known(ours), _known(theirs)))
        for table, fields in self._tables:
            self._rows(table, fields, erpnext, source, found)
        return [] if found and self.is_over(erpnext) else found

    def is_over(self, erpnext: Baseline) -> bool:
        """Whether it is a cancelled document: it takes no values any more, and what it owes stands in its baselines."""
        return self._mapping.docstatus(erpnext) == _CANCELLED

    def _rows(
        self,
        table: CompiledTable,
        fields: list[_Compared],
        erpnext: Baseline,
        source: Baseline,
        found: list[Difference],
    ) -> None:
        ours, theirs = rows_of(erpnext[table.erpnext_at]), rows_of(source[table.source_at])
        if not (ours.rows or theirs.rows):
            return
        mine, other = named(ours), named(theirs)
        for name, key in ours.ties:
            row, across = mine.pop(name, None), other.pop(key, None)
            if row is None or across is None:
                continue
            for field in fields:
                if not field.same(row.values[field.here], across.values[field.there]):
                    where = f"{table.name}[{key}].{field.label}"
                    found.append(Difference(where, row.values[field.here], across.values[field.there]))
        found.extend(Difference(f"{table.name}[{name}]", "a row", None) for name in mine)
        found.extend(Difference(f"{table.name}[{name}]", None, "a row") for name in other)

    def excused(
        self, before: Baselines | None, now: Baselines, recorded: Collection[str], sent: Collection[str]
    ) -> tuple[str, ...]:
        """Of what differs in the baselines `now` that are about to be recorded, what differs by right.

        `before` are the baselines that they follow (None: the first), `recorded` what was recorded of those. By right
        differs what was `sent` just now (ERPNext fieldnames): the side has made something else of it; what was recorded
        and has not moved since; and what a one-way field's receiving side made of it.
        """
        return tuple(
            each.label for each in self.differences(*now) if self._is_excused(each.label, before, now, recorded, sent)
        )

    def _is_excused(
        self, label: str, before: Baselines | None, now: Baselines, recorded: Collection[str], sent: Collection[str]
    ) -> bool:
        owner, bracket, _ = label.partition("[")
        if owner in sent:
            return True
        known = not {label, owner, ANY}.isdisjoint(recorded)
        if bracket:
            table = next(each for each in self._mapping.tables if each.name == owner)
            return known or self._is_one_way(table, label)
        entry = next(each for each in self._mapping.fields if each.name == label)
        values = (now[0][entry.erpnext_at], now[1][entry.source_at])
        was = None if before is None else (before[0][entry.erpnext_at], before[1][entry.source_at])
        if was is None or Missing.MISSING in was or Missing.MISSING in values:
            return self._first(entry, values)
        moved = {side: _moved(entry, side, was[at], values[at]) for at, side in enumerate((Side.ERPNEXT, Side.SOURCE))}
        direction = effective_direction(self._mapping, entry)
        if direction is Direction.BOTH or entry.spec.enforce:
            return known and not any(moved.values())
        receiver = Side.SOURCE if direction is Direction.TO_SOURCE else Side.ERPNEXT
        return not moved[receiver.other] and (moved[receiver] or known)

    def _first(self, entry: CompiledField, values: tuple[Raw | Missing, Raw | Missing]) -> bool:
        """At a first agreement a one-way field may differ where the giving side has nothing to give, and where its
        receiving side's value has won."""
        direction = effective_direction(self._mapping, entry)
        if direction is Direction.BOTH or entry.spec.enforce or Missing.MISSING in values:
            return False
        receiver = 1 if direction is Direction.TO_SOURCE else 0
        sides = (Side.ERPNEXT, Side.SOURCE)
        giving = _is_empty(entry, sides[1 - receiver], values[1 - receiver])
        return giving or not _is_empty(entry, sides[receiver], values[receiver])

    def _is_one_way(self, table: CompiledTable, label: str) -> bool:
        """Whether a row, or a field of it, flows in one direction only."""
        if self._mapping.spec.direction is not Direction.BOTH or table.spec.direction is not Direction.BOTH:
            return True
        column = label.rpartition("].")[2] if "]." in label else ""
        entry = next((each for each in table.fields if each.name == column), None)
        return entry is not None and entry.spec.direction is not Direction.BOTH and not entry.spec.enforce


def _known(value: Raw | Missing) -> Raw:
    return None if isinstance(value, Missing) else value


def _moved(entry: CompiledField, side: Side, before: Raw | Missing, now: Raw | Missing) -> bool:
    if isinstance(before, Missing) or isinstance(now, Missing):
        return True
    return before != now and entry.changed(side, before, now)


def _is_empty(entry: CompiledField, side: Side, raw: Raw | Missing) -> bool:
    try:
        return isinstance(raw, Missing) or entry.is_empty(side, entry.read(side, raw))
    except InvalidValue:
        return False


class _Compared:
    """One field, and how it is compared by the quickest way that is right.

    Values that were found to be the same are remembered in `agreed`, each with its kind: 1, 1.0 and True are equal, but
    not the same. Most fields of real data hold few distinct values.
    """

    __slots__ = ("agreed", "entry", "here", "label", "text", "there")

    def __init__(self, entry: CompiledField) -> None:
        self.entry, self.label, self.here, self.there = entry, entry.name, entry.erpnext_at, entry.source_at
        ends = (entry.erpnext_type, entry.source_type)
        plain = entry.lens.identity and all(end.kind is Kind.TEXT and end.options is None for end in ends)
        self.text = plain and not isinstance(entry.lens, LinkLens)
        """Text that goes across as it is: the same where it is equal."""
        self.agreed: set[tuple[type, object, type, object]] = set()

    def same(self, erpnext: Raw, source: Raw) -> bool:
        """Whether two raw values, one of each side, are the same, or both say nothing."""
        if isinstance(self.entry.lens, LinkLens):
            return self._leads_to_the_same(self.entry.lens, erpnext, source)
        try:
            ours, theirs = self.entry.read(Side.ERPNEXT, erpnext), self.entry.read(Side.SOURCE, source)
        except InvalidValue:
            return False
        empty = self.entry.is_empty(Side.ERPNEXT, ours) and self.entry.is_empty(Side.SOURCE, theirs)
        if not (empty or self.entry.agree(ours, theirs)):
            return False
        # Equal moments may differ in their zone, or in the half of a repeated hour.
        if len(self.agreed) < _REMEMBERED and not isinstance(erpnext, datetime) and not isinstance(source, datetime):
            self.agreed.add((erpnext.__class__, erpnext, source.__class__, source))
        return True

    def _leads_to_the_same(self, lens: LinkLens, erpnext: Raw, source: Raw) -> bool:
        """Links are compared through the pairs of what they lead to; one that leads to none cannot be compared."""
        try:
            ours, theirs = self.entry.read(Side.ERPNEXT, erpnext), self.entry.read(Side.SOURCE, source)
            return (ours is theirs is None) or ours == lens.to_erpnext(theirs)
        except UnresolvedLinkError:
            return True
        except InvalidValue:
            return False
