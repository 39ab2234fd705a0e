"""Child rows told apart: which row of ERPNext is which row of the source.

The tie between an ERPNext row name and the source's key lives in the baselines (`Rows.ties`). Where there is none, and
after an amendment or a rebuild, rows are tied by equal mapped values, then by position (contract, "Child rows").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from syncd.core.mapping import CompiledField, CompiledMapping, CompiledTable
from syncd.core.model import Baseline, Image, Missing, Raw, Rows, Side, TableRow, Unreadable
from syncd.core.values import InvalidValue, Value, show

Ties: TypeAlias = tuple[tuple[str, str], ...]
"""(ERPNext's row name, the source's row key)"""


_SENT = "?"
"""First character of what a row is called whose name was not read back."""
UNAGREED = Unreadable("it was not mapped when both sides agreed last")
"""Stands in rows of a baseline for a column that was not mapped then."""


def rebased(rows: Rows, old: Sequence[str], new: Sequence[str]) -> Rows:
    """Rows of a baseline, whose columns were `old`, with the columns `new`. Their ties stay."""
    made = []
    for row in rows.rows:
        held = dict(zip(old, row.values, strict=True))
        made.append(TableRow(row.name, tuple(held.get(name, UNAGREED) for name in new)))
    return Rows(tuple(made), rows.ties)


def rows_of(held: Raw | Missing) -> Rows:
    """The rows in a table's place of an image; none where the side holds nothing there."""
    return held if isinstance(held, Rows) else Rows()


def named(rows: Rows) -> dict[str, TableRow]:
    """The rows by their names; a row that was sent without one goes by its place."""
    return {row.name if row.name is not None else f"{_SENT}{place}": row for place, row in enumerate(rows.rows)}


def as_sent(rows: Rows) -> Rows:
    """Rows as they were sent: new ones, whose names nobody knows yet, go by their places."""
    return Rows(tuple(TableRow(name, row.values) for name, row in named(rows).items()))


Form: TypeAlias = tuple[Value, ...]


def form(table: CompiledTable, side: Side, row: TableRow, *, without: Collection[int] = ()) -> Form:
    """A row in the terms of ERPNext, brought to what counts: two rows of equal form say the same.

    `without`: places in the row that are left out.
    """
    places = [(entry, entry.erpnext_at if side is Side.ERPNEXT else entry.source_at) for entry in table.fields]
    return tuple(_form_of(entry, side, row.values[at]) for entry, at in places if at not in without)


def _form_of(entry: CompiledField, side: Side, raw: Raw) -> Value:
    try:
        value = entry.read(side, raw)
        if side is Side.SOURCE:
            value = entry.convert(value, Side.ERPNEXT)
        counted = None if value is None else entry.lens.key(value)
    except InvalidValue as error:
        return f"\x00{side.value}:{error.reason}"  # equals nothing of the other side
    return None if not counted and (entry.erpnext_type.zero_is_empty or counted == "") else counted


def tie_equal(
    table: CompiledTable, erpnext: Mapping[str, TableRow], source: Mapping[str, TableRow]
) -> list[tuple[str, str]]:
    """Ties of rows that say the same, the first with the first."""
    if not erpnext or not source:
        return []
    waiting: defaultdict[Form, list[str]] = defaultdict(list)
    for key, row in source.items():
        waiting[form(table, Side.SOURCE, row)].append(key)
    ties = []
    for name, row in erpnext.items():
        same = waiting.get(form(table, Side.ERPNEXT, row))
        if same:
            ties.append((name, same.pop(0)))
    return ties


def tie(table: CompiledTable, erpnext: Rows, source: Rows, known: Ties = ()) -> Ties:
    """Ties of the rows of both sides: those that are known, then rows that say the same, then by position."""
    ours, theirs = named(erpnext), named(source)
    ties = [(name, key) for name, key in known if name in ours and key in theirs] if table.spec.key else []
    for name, key in ties:
        del ours[name], theirs[key]
    equal = tie_equal(table, ours, theirs)
    for name, key in equal:
        del ours[name], theirs[key]
    placed = list(zip(ours, theirs, strict=False))
    return tuple(ties + equal + placed)


def retie(table: CompiledTable, side: Side, before: Rows, now: Rows) -> dict[str, str] | None:
    """Which of a side's rows is which of its rows at the last agreement, where names do not tell: old name → new.

    That is where every row has lost its name (an amendment, lines written anew), where a row was sent and its name was
    not read back, and always where a position is all that there is. Rows that say the same first, then by position.
    None where names tell.
    """
    old, new = named(before), named(now)
    renamed: dict[str, str] = {}
    if side is Side.ERPNEXT or table.spec.key:
        renamed = {name: name for name in old if name in new}
        if (renamed and not any(name.startswith(_SENT) for name in old)) or not old or not new:
            return None
    lost = {name: row for name, row in old.items() if not renamed or name.startswith(_SENT)}
    without = {at for row in lost.values() for at, held in enumerate(row.values) if held == UNAGREED}
    waiting: defaultdict[Form, list[str]] = defaultdict(list)
    taken = set(renamed.values())
    for name, row in new.items():
        if name not in taken:
            waiting[form(table, side, row, without=without)].append(name)
    for name, row in lost.items():
        same = waiting.get(form(table, side, row, without=without))
        if same:
            renamed[name] = same.pop(0)
    taken = set(renamed.values())
    left = (name for name in new if name not in taken)
    renamed.update(zip((name for name in lost if name not in renamed), left, strict=False))
    return renamed


def tied(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    images: tuple[Sequence[Raw | Missing], Sequence[Raw | Missing]],
) -> list[Ties]:
    """For each table the ties of the rows that both images hold, those of `base` first."""
    return [
        tie(
            table,
            rows_of(images[0][table.erpnext_at]),
            rows_of(images[1][table.source_at]),
            () if base is None else rows_of(base[0][table.erpnext_at]).ties,
        )
        for table in mapping.tables
    ]


def tied_as_made(mapping: CompiledMapping, images: tuple[Image, Image]) -> list[Ties]:
    """For each table the ties of rows of which ERPNext's were made of the source's, in their order."""
    found = []
    for table in mapping.tables:
        ours, theirs = rows_of(images[0][table.erpnext_at]), rows_of(images[1][table.source_at])
        whole = len(ours.rows) == len(theirs.rows)
        found.append(tuple(zip(named(ours), named(theirs), strict=True)) if whole else tie(table, ours, theirs))
    return found


def agreed(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    images: tuple[Image, Image],
    *,
    made: bool = False,
) -> tuple[Image, Image]:
    """Both sides' images as baselines: their rows tied to one another.

    `made`: ERPNext's record was made of the source's just now, so its rows stand in the same order.
    """
    if not mapping.tables:
        return images
    erpnext, source = list(images[0]), list(images[1])
    found = tied_as_made(mapping, images) if made else tied(mapping, base, images)
    for table, ties in zip(mapping.tables, found, strict=True):
        erpnext[table.erpnext_at] = Rows(rows_of(erpnext[table.erpnext_at]).rows, ties)
        source[table.source_at] = Rows(rows_of(source[table.source_at]).rows, ties)
    return tuple(erpnext), tuple(source)


def same_rows(table: CompiledTable, side: Side, one: Rows, other: Rows) -> bool:
    """Whether both hold rows of one side that say the same, in the same order."""
    return [form(table, side, row) for row in one.rows] == [form(table, side, row) for row in other.rows]


def row_edits(
    table: CompiledTable, side: Side, before: Rows, now: Rows
) -> Iterator[tuple[str, str | None, str | None]]:
    """(`items[KEY]`, the row as it was, as it is) of the rows of one side that do not say what they said; last, where
    nothing else is to be told, the order of the table."""
    names = retie(table, side, before, now) or {}
    keys = {own: key for tie in before.ties for own, key in ((tie[0] if side is Side.ERPNEXT else tie[1], tie[1]),)}
    old, new = named(before), named(now)
    met, told = [], False
    for name, row in old.items():
        found = names.get(name, name)
        met.append(found)
        without = {at for at, held in enumerate(row.values) if held == UNAGREED}
        stands = new.get(found)
        if stands is None or form(table, side, row, without=without) != form(table, side, stands, without=without):
            told = True
            text = None if stands is None else row_text(table, side, stands)
            yield f"{table.name}[{keys.get(name, name)}]", row_text(table, side, row), text
    added = [name for name in new if name not in met]
    for name in added:
        yield f"{table.name}[{name}]", None, row_text(table, side, new[name])
    if not told and not added and moved(met, list(new)):
        yield f"{table.name} (order)", None, "moved"


def row_text(table: CompiledTable, side: Side, row: TableRow) -> str:
    """A row for people: its fields by their names in ERPNext, as far as they hold anything."""
    told = []
    for entry in table.fields:
        raw = row.values[entry.erpnext_at if side is Side.ERPNEXT else entry.source_at]
        try:
            value = show(entry.read(side, raw))
        except InvalidValue:
            value = None if raw == UNAGREED else show(raw)
        told += [] if value is None else [f"{entry.name}={value}"]
    return ", ".join(told)


def moved(before: Sequence[str], now: Sequence[str]) -> bool:
    """Whether those that stand in both lists stand there in another order."""
    left, right = set(now), set(before)
    return [name for name in before if name in left] != [name for name in now if name in right]


def in_order(current: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """`current`, with those that stand in `wanted` in its order; the others keep their places behind the one before."""
    rank = {name: place for place, name in enumerate(wanted)}
    current = list(current)
    queue = iter(sorted((name for name in current if name in rank), key=rank.__getitem__))
    return [next(queue) if name in rank else name for name in current]
