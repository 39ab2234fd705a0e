"""What has agreed of a child table once some of what was decided on it was written, while more of it is still owed.

A table may be written on both sides for one decision, ERPNext first. If it ends there, what flowed into ERPNext has
agreed, and what is owed to the source must be seen as a change again: there the old baselines stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncd.core.mapping import CompiledTable
from syncd.core.model import FieldChange, Raw, Rows, Side, TableRow, Write
from syncd.core.rows import named, retie, rows_of, tie, tie_equal

_MADE = "+"
"""First character of what a new row is called where rows are told by position: the old ones keep their names, by which
what was written is known in the journal."""


@dataclass(slots=True)
class _Line:
    """One row: as both sides agreed on it last (`base`), and as it stands (`now`; None where its side removed it)."""

    label: str
    base: dict[Side, TableRow | None]
    now: dict[Side, TableRow | None]
    places: dict[Side, int] = field(default_factory=dict)
    """Where it stood at the last agreement; none where it was made since."""


def rows_done(
    table: CompiledTable, base: tuple[Rows, Rows], now: tuple[Rows, Rows], done: Iterable[Write]
) -> tuple[Rows, Rows]:
    """The baselines of a table, ERPNext's and the source's, after the writes `done`; others of the decision are owed.

    `base`: at the last agreement; `now`: as both sides hold it after the writes.
    """
    writes = [write for write in done if table.slot(write.side) in write.values]
    if any(change.field == table.name for write in writes for change in write.changes):  # it was given whole
        ties = tie(table, *now, base[0].ties)
        return Rows(now[0].rows, ties), Rows(now[1].rows, ties)
    return _Done(table, base, now).after(writes)


class _Done:
    """One table of one record."""

    def __init__(self, table: CompiledTable, base: tuple[Rows, Rows], now: tuple[Rows, Rows]) -> None:
        self._table = table
        self._base, self._rows = dict(zip(Side, base, strict=True)), dict(zip(Side, now, strict=True))
        self._now = {side: named(self._rows[side]) for side in Side}
        self._names = {side: retie(table, side, self._base[side], self._rows[side]) for side in Side}

    def after(self, writes: Sequence[Write]) -> tuple[Rows, Rows]:
        """The new baselines."""
        changes = [(write, change) for write in writes for change in write.changes]
        flowed = {change.field for _, change in changes}
        lines = self._lines()
        whole = {line.label: line for line in lines if self._label(line.label) in flowed}
        kept = [self._updated(line, flowed) for line in lines if line.label not in whole]
        for write in writes:
            made = [change for owner, change in changes if owner is write and change.new is not None]
            kept += self._made(write, [self._giving(write.side.other, change, whole) for change in made])
        ordered = f"{self._table.name} (order)" in flowed
        ties = tuple(
            (erpnext.name or "", source.name or "")
            for erpnext, source in ((line.base[Side.ERPNEXT], line.base[Side.SOURCE]) for line in kept)
            if erpnext is not None and source is not None
        )
        return (
            Rows(self._in_order(Side.ERPNEXT, kept, ordered=ordered), ties),
            Rows(self._in_order(Side.SOURCE, kept, ordered=ordered), ties),
        )

    def _label(self, name: str) -> str:
        return f"{self._table.name}[{name}]"

    def _lines(self) -> list[_Line]:
        """Every row of the last agreement, those of one side alone behind the others."""
        old = {side: named(self._base[side]) for side in Side}
        places = {side: {name: at for at, name in enumerate(old[side])} for side in Side}
        lines = []
        tied = [{Side.ERPNEXT: name, Side.SOURCE: key} for name, key in self._base[Side.ERPNEXT].ties]
        alone = [{side: name} for side in Side for name in old[side] if not any(tie.get(side) == name for tie in tied)]
        for names in tied + alone:
            rows = {side: old[side].get(names.get(side, "")) for side in Side}
            now = {side: self._stands(side, row) for side, row in rows.items()}
            at = {side: places[side][name] for side, name in names.items() if name in places[side]}
            lines.append(_Line(names.get(Side.SOURCE) or names.get(Side.ERPNEXT, ""), rows, now, at))
        return lines

    def _stands(self, side: Side, row: TableRow | None) -> TableRow | None:
        names = self._names[side]
        if row is None or row.name is None:
            return None
        return self._now[side].get(row.name if names is None else names.get(row.name, ""))

    def _updated(self, line: _Line, flowed: set[str]) -> _Line:
        """The row with what flowed of its fields."""
        for side in Side:
            row, stands = line.base[side], line.now[side]
            if row is None:
                continue
            values: list[Raw] = list(row.values)
            for entry in self._table.fields:
                at = entry.erpnext_at if side is Side.ERPNEXT else entry.source_at
                if stands is not None and f"{self._label(line.label)}.{entry.name}" in flowed:
                    values[at] = stands.values[at]
            line.base[side] = TableRow(row.name, tuple(values))
        return line

    def _giving(self, side: Side, change: FieldChange, whole: dict[str, _Line]) -> TableRow | None:
        """The row of `side` that a change made on the other one; None where it is about something else."""
        start, name = f"{self._table.name}[", change.field
        if not name.startswith(start) or not name.endswith("]"):
            return None
        key = name.removeprefix(start).removesuffix("]")
        return whole[key].now[side] if key in whole else self._now[side].get(key)

    def _made(self, write: Write, giving: Sequence[TableRow | None]) -> list[_Line]:
        """Rows that a write made, each with the row that it was made of: those that say the same, then in order."""
        sent, stored = rows_of(write.values[self._table.slot(write.side)]).rows, self._rows[write.side].rows
        if len(sent) != len(stored):  # somebody else has been there: it is told by what it says
            return []
        made = {row.name or "": row for place, row in zip(sent, stored, strict=True) if place.name is None}
        given = {row.name or "": row for row in giving if row is not None}
        both = {write.side: made, write.side.other: given}
        equal = tie_equal(self._table, both[Side.ERPNEXT], both[Side.SOURCE])
        pairs = [(both[Side.ERPNEXT].pop(name), both[Side.SOURCE].pop(key)) for name, key in equal]
        pairs += zip(both[Side.ERPNEXT].values(), both[Side.SOURCE].values(), strict=False)
        made_lines = []
        for erpnext, source in pairs:
            rows: dict[Side, TableRow | None] = {Side.ERPNEXT: erpnext, Side.SOURCE: source}
            made_lines.append(
                _Line(source.name or "", {side: self._new(side, row) for side, row in rows.items()}, rows)
            )
        return made_lines

    def _new(self, side: Side, row: TableRow | None) -> TableRow | None:
        told = row is None or self._names[side] is None
        return row if told or row is None else TableRow(f"{_MADE}{row.name}", row.values)

    def _in_order(self, side: Side, lines: Sequence[_Line], *, ordered: bool) -> tuple[TableRow, ...]:
        """The rows of one side: as at the last agreement, or, where the order flowed, as they stand; new ones behind
        the row that they follow."""
        standing = {name: at for at, name in enumerate(self._now[side])}

        def place(line: _Line) -> int:
            row = line.now[side]
            return len(standing) if row is None else standing[row.name or ""]

        held = [line for line in lines if side in line.places]
        held.sort(key=place if ordered else lambda line: line.places[side])
        for line in sorted((line for line in lines if side not in line.places and line.base[side]), key=place):
            before = [at for at, each in enumerate(held) if place(each) < place(line)]
            held.insert(before[-1] + 1 if before else 0, line)
        return tuple(row for line in held if (row := line.base[side]) is not None)
