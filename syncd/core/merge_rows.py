"""Three-way merge of one child table, row by row: added, removed, changed and moved on either side.

Rows are tied by the baselines (`core.rows`); tied rows merge field by field like documents. A row that one side removed
goes, unless the other side changed it: then `wins` decides. Both sides' own order is compared with their own order at
the last agreement, so that sources without an order of their own never move anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncd.core.mapping import CompiledMapping, CompiledTable
from syncd.core.merge_fields import Choice, Merge, Newest, contest, merge_field, problem_of
from syncd.core.model import Direction, FieldChange, FieldConflict, Image, Missing, Raw, Rows, Side, TableRow
from syncd.core.rows import UNAGREED, Ties, in_order, moved, named, retie, row_text, rows_of, tie_equal
from syncd.core.values import InvalidValue

_AT = {Side.ERPNEXT: 0, Side.SOURCE: 1}


@dataclass(slots=True)
class _Line:
    """One row, as both sides hold it. `base` are the images at the last agreement, where it had one."""

    now: dict[Side, TableRow | None]
    base: dict[Side, TableRow | None] = field(default_factory=lambda: dict.fromkeys(Side))
    label: str = ""
    keep: dict[Side, bool] = field(default_factory=lambda: dict.fromkeys(Side, True))
    values: dict[Side, Image] = field(default_factory=dict)

    @property
    def tied(self) -> bool:
        """Whether it stood on both sides at the last agreement."""
        return self.base[Side.ERPNEXT] is not None and self.base[Side.SOURCE] is not None


class TableMerge:
    """Merges one table of one record into `result`."""

    def __init__(
        self,
        mapping: CompiledMapping,
        table: CompiledTable,
        newest: Newest,
        choice: Choice | None,
        result: Merge,
    ) -> None:
        self._mapping, self._table = mapping, table
        self._newest, self._choice, self._result = newest, choice, result
        of_mapping = mapping.spec.direction
        self._direction = table.spec.direction if of_mapping is Direction.BOTH else of_mapping
        self._changes: dict[Side, list[FieldChange]] = {side: [] for side in Side}

    def run(self, before: tuple[Raw | Missing, Raw | Missing] | None, now: tuple[Raw, Raw]) -> None:
        """`before`: the table on both sides when they agreed last, None where it never did; `now`: as it stands."""
        base = None
        if before is not None and not any(isinstance(held, Missing) for held in before):
            base = {side: rows_of(before[_AT[side]]) for side in Side}
        rows = {side: rows_of(now[_AT[side]]) for side in Side}
        lines = self._lines(base, rows)
        for line in lines:
            self._merge_line(line, first=base is None, rows=rows)
        if self._stopped():
            return
        for side in Side:
            final = self._final(side, lines, base, rows)
            if final is None:
                return
            if final != rows[side]:
                self._result.writes[side][self._table.slot(side)] = final
                self._result.changes[side].extend(self._changes[side])

    def _stopped(self) -> bool:
        return bool(self._result.conflicts or self._result.problems)

    # --- which row is which -------------------------------------------------------------------------------------------

    def _lines(self, base: Mapping[Side, Rows] | None, rows: Mapping[Side, Rows]) -> list[_Line]:
        now = {side: named(rows[side]) for side in Side}
        lines: list[_Line] = []
        if base is not None:
            renamed = {side: retie(self._table, side, base[side], rows[side]) for side in Side}
            old = {side: named(base[side]) for side in Side}

            def present(side: Side, name: str) -> TableRow | None:
                new_names = renamed[side]
                return now[side].pop(name if new_names is None else new_names.get(name, ""), None)

            for name, key in base[Side.ERPNEXT].ties:
                at = {Side.ERPNEXT: name, Side.SOURCE: key}
                found = {side: present(side, own) for side, own in at.items()}
                was = {side: old[side].pop(own, None) for side, own in at.items()}
                lines.append(_Line(found, was, label=key))
            for side in Side:  # rows of one side alone: those that may not flow
                for name, row in old[side].items():
                    held = present(side, name)
                    if held is not None:
                        lines.append(_Line({side: held, side.other: None}, {side: row, side.other: None}, label=name))
        for name, key in self._new_ties(now, first=base is None):
            lines.append(
                _Line({Side.ERPNEXT: now[Side.ERPNEXT].pop(name), Side.SOURCE: now[Side.SOURCE].pop(key)}, label=key)
            )
        for side in Side:
            lines.extend(_Line({side: row, side.other: None}, label=name) for name, row in now[side].items())
        return lines

    def _new_ties(self, now: Mapping[Side, Mapping[str, TableRow]], *, first: bool) -> Ties:
        """Rows that are new on both sides: those that say the same, at first contact then by position."""
        ours, theirs = dict(now[Side.ERPNEXT]), dict(now[Side.SOURCE])
        equal = tie_equal(self._table, ours, theirs)
        for name, key in equal:
            del ours[name], theirs[key]
        placed = list(zip(ours, theirs, strict=False)) if first else []
        return tuple(equal + placed)

    # --- what becomes of each -----------------------------------------------------------------------------------------

    def _merge_line(self, line: _Line, *, first: bool, rows: Mapping[Side, Rows]) -> None:
        here = [side for side in Side if line.now[side] is not None]
        if len(here) == 2:
            self._merge_both(line)
        elif not here:
            line.keep = dict.fromkeys(Side, False)
        elif line.tied:
            self._removed(line, here[0])
        elif line.base[here[0]] is not None:  # of one side alone, and it stays so
            line.keep[here[0].other] = False
        else:
            self._added(line, here[0], contested=first and bool(rows[here[0].other].rows))

    def _merge_both(self, line: _Line) -> None:
        part = Merge(
            writes={side: {} for side in Side},
            changes={side: [] for side in Side},
            conflicts=[],
            decided=[],
            problems=[],
        )
        erpnext, source = line.now[Side.ERPNEXT], line.now[Side.SOURCE]
        if erpnext is None or source is None:
            raise AssertionError("called for rows of both sides only")
        for entry in self._table.fields:
            now = (erpnext.values[entry.erpnext_at], source.values[entry.source_at])
            ours, theirs = line.base[Side.ERPNEXT], line.base[Side.SOURCE]
            before = None
            if ours is not None and theirs is not None:
                agreed = (ours.values[entry.erpnext_at], theirs.values[entry.source_at])
                before = None if UNAGREED in agreed else agreed
            if before != now or entry.spec.enforce:
                merge_field(self._mapping, entry, before, now, self._newest, self._choice_of(line), part)
        self._take_over(line, part)
        for side, row in ((Side.ERPNEXT, erpnext), (Side.SOURCE, source)):
            names = self._table.names(side)
            line.values[side] = tuple(
                part.writes[side].get(name, held) for name, held in zip(names, row.values, strict=True)
            )

    def _take_over(self, line: _Line, part: Merge) -> None:
        """What the fields of one row came to, under the row's name."""

        def label(name: str) -> str:
            return f"{self._label(line)}.{name}"

        for side in Side:
            self._changes[side].extend(
                FieldChange(field=label(change.field), old=change.old, new=change.new) for change in part.changes[side]
            )
        self._result.problems.extend(problem._replace(field=label(problem.field)) for problem in part.problems)
        for found, kept in ((part.conflicts, self._result.conflicts), (part.decided, self._result.decided)):
            kept.extend(
                FieldConflict(
                    field=label(conflict.field),
                    base=conflict.base,
                    erpnext=conflict.erpnext,
                    source=conflict.source,
                    reason=conflict.reason,
                )
                for conflict in found
            )

    def _label(self, line: _Line) -> str:
        return f"{self._table.name}[{line.label}]"

    def _choice_of(self, line: _Line) -> Choice | None:
        """A person's decision as far as it is on this row."""
        if self._choice is None:
            return None
        prefix = f"{self._label(line)}."
        values = {
            name.removeprefix(prefix): value for name, value in self._choice.values.items() if name.startswith(prefix)
        }
        return Choice(take=self._choice.take, values=values)

    def _removed(self, line: _Line, left: Side) -> None:
        """The other side removed the row, which is `left` on this one."""
        row, was = line.now[left], line.base[left]
        if row is None or was is None:
            raise AssertionError("called for a row that was tied and stands on one side")
        if not self._direction.reaches(left):
            line.keep[left.other] = False
            return
        if not self._edited(left, was, row):
            self._take_out(line, left)
            return
        winner = self._winner(
            FieldConflict(
                field=self._label(line),
                base=self._shown(left, was),
                erpnext=self._shown(left, row) if left is Side.ERPNEXT else None,
                source=self._shown(left, row) if left is Side.SOURCE else None,
                reason=f"removed in {'the source' if left is Side.ERPNEXT else 'ERPNext'}, edited on the other side",
            )
        )
        if winner is left and self._direction.reaches(left.other):
            self._put_across(line, left)
        elif winner is left:
            line.keep[left.other] = False
        elif winner is not None:
            self._take_out(line, left)

    def _edited(self, side: Side, before: TableRow, now: TableRow) -> bool:
        for entry in self._table.fields:
            at = entry.erpnext_at if side is Side.ERPNEXT else entry.source_at
            old, new = before.values[at], now.values[at]
            if old not in (new, UNAGREED) and entry.changed(side, old, new):
                return True
        return False

    def _winner(self, conflict: FieldConflict) -> Side | None:
        """Who decides a contest on a whole row; None: nobody yet, and it is noted as a conflict."""
        choice = self._choice.take if self._choice is not None else None
        winner, reason = contest(self._table.spec.wins, self._newest)
        if winner is None:
            winner = choice
        if winner is None:
            self._result.conflicts.append(_with_reason(conflict, reason))
        else:
            self._result.decided.append(conflict)
        return winner

    def _added(self, line: _Line, side: Side, *, contested: bool) -> None:
        """A row that stands on one side alone and is new there."""
        row = line.now[side]
        if row is None:
            raise AssertionError("called for a row that stands on one side")
        if not self._direction.reaches(side.other):
            # The giving side does not know it. At first contact its word counts, later a row that was added stays.
            line.keep[side.other] = False
            return
        if contested and self._direction is Direction.BOTH:
            winner = self._winner(
                FieldConflict(
                    field=self._label(line),
                    base=None,
                    erpnext=self._shown(side, row) if side is Side.ERPNEXT else None,
                    source=self._shown(side, row) if side is Side.SOURCE else None,
                    reason="both sides have rows, but this one stands on one side alone",
                )
            )
            if winner is None:
                return
            if winner is not side:
                self._take_out(line, side)
                return
        self._put_across(line, side)

    def _put_across(self, line: _Line, side: Side) -> None:
        """The row is made on the other side."""
        row = line.now[side]
        if row is None:
            raise AssertionError("called for a row that stands on this side")
        target = side.other
        made: dict[str, Raw] = {}
        for entry in self._table.fields:
            at, own = (
                (entry.erpnext_at, entry.spec.source) if side is Side.ERPNEXT else (entry.source_at, entry.spec.erpnext)
            )
            if not entry.spec.direction.reaches(target) or own is None:
                continue
            try:
                made[own] = entry.raw(entry.give(entry.read(side, row.values[at]), target), target)
            except InvalidValue as error:
                label = f"{self._label(line)}.{entry.name}"
                self._result.problems.append(problem_of(label, side, error))
        line.values[target] = tuple(made.get(name) for name in self._table.names(target))
        given = TableRow(None, line.values[target])
        self._changes[target].append(
            FieldChange(field=self._label(line), old=None, new=row_text(self._table, target, given))
        )

    def _take_out(self, line: _Line, side: Side) -> None:
        """The row is removed from the side that still has it."""
        row = line.now[side]
        line.keep = dict.fromkeys(Side, False)
        if row is not None:
            self._changes[side].append(FieldChange(field=self._label(line), old=self._shown(side, row), new=None))

    def _shown(self, side: Side, row: TableRow) -> str:
        return row_text(self._table, side, row)

    # --- in which order -----------------------------------------------------------------------------------------------

    def _final(
        self, side: Side, lines: list[_Line], base: Mapping[Side, Rows] | None, rows: Mapping[Side, Rows]
    ) -> Rows | None:
        """The rows that `side` is to hold, in their order; None: the order is a conflict."""
        numbered = dict(enumerate(lines))
        own = self._places(side, numbered, rows[side])
        other = self._places(side.other, numbered, rows[side.other])
        order = [number for number in own if numbered[number].keep[side]]
        if base is not None and self._direction.reaches(side) and self._ordered(side):
            verdict = self._moves(side, numbered, base, own, other)
            if verdict is None:
                return None
            if verdict:
                order = [int(name) for name in in_order(map(str, order), [str(number) for number in other])]
                if order != [number for number in own if numbered[number].keep[side]]:
                    self._changes[side].append(
                        FieldChange(field=f"{self._table.name} (order)", old=None, new="as on the other side")
                    )
        for place, number in enumerate(other):  # new rows, each behind the row that it follows on its own side
            line = numbered[number]
            if line.now[side] is None and line.keep[side]:
                before = [known for known in other[:place] if known in order]
                order.insert(order.index(before[-1]) + 1 if before else 0, number)
        return Rows(tuple(self._row(side, numbered[number]) for number in order))

    def _places(self, side: Side, numbered: Mapping[int, _Line], rows: Rows) -> list[int]:
        """Numbers of the lines that stand on `side`, in its order."""
        by_row = {id(line.now[side]): number for number, line in numbered.items() if line.now[side] is not None}
        return [by_row[id(row)] for row in rows.rows if id(row) in by_row]

    def _ordered(self, side: Side) -> bool:
        """Whether a side has an order that can be written: related tables with a key have none."""
        return side is Side.ERPNEXT or self._table.spec.source is not None

    def _moves(
        self,
        side: Side,
        numbered: Mapping[int, _Line],
        base: Mapping[Side, Rows],
        own: Iterable[int],
        other: Iterable[int],
    ) -> bool | None:
        """Whether `side` is to take the other's order; None: both moved rows differently, which is a conflict."""
        was = {each: self._base_places(each, numbered, base[each]) for each in Side}
        theirs = moved(was[side.other], [str(number) for number in other if numbered[number].tied])
        ours = moved(was[side], [str(number) for number in own if numbered[number].tied])
        if not theirs:
            return False
        if not ours or not moved([str(number) for number in own], [str(number) for number in other]):
            return True
        winner = self._winner(
            FieldConflict(
                field=f"{self._table.name} (order)",
                base=None,
                erpnext="moved",
                source="moved",
                reason="both sides put the rows in another order",
            )
        )
        return None if winner is None else winner is side.other

    @staticmethod
    def _base_places(side: Side, numbered: Mapping[int, _Line], rows: Rows) -> list[str]:
        by_row = {id(line.base[side]): number for number, line in numbered.items() if line.base[side] is not None}
        return [str(by_row[id(row)]) for row in rows.rows if id(row) in by_row]

    @staticmethod
    def _row(side: Side, line: _Line) -> TableRow:
        held = line.now[side]
        values = line.values.get(side, held.values if held is not None else ())
        return TableRow(held.name if held is not None else None, values)


def _with_reason(conflict: FieldConflict, reason: str) -> FieldConflict:
    if not reason:
        return conflict
    return FieldConflict(
        field=conflict.field,
        base=conflict.base,
        erpnext=conflict.erpnext,
        source=conflict.source,
        reason=f"{conflict.reason}; {reason}",
    )
