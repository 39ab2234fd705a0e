"""Documents that link to a renamed one: ERPNext writes the new name into all of them, and that is nobody's edit.

It moves no stamp either. What a link of the baseline leads to is told by the source's side of the baseline; where the
document holds that target's present name, the baseline is read as if it had been called so all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from syncd.core.links import LinkLens
from syncd.core.mapping import CompiledField, CompiledMapping, CompiledTable
from syncd.core.model import Baseline, Image, Missing, Pair, Raw, Rows, Side, TableRow
from syncd.core.rows import UNAGREED, rows_of
from syncd.core.values import InvalidValue


def as_named_now(mapping: CompiledMapping, pair: Pair, document: Image) -> Pair:
    """The pair with the links of ERPNext's baseline under the names that `document`, as it stands, gives them."""
    if not mapping.books or pair.erpnext is None or pair.source is None:
        return pair
    named, across = list(pair.erpnext), pair.source
    for entry in mapping.fields:
        at = entry.erpnext_at
        named[at] = _named_now(entry, named[at], across[entry.source_at], (document[at],))
    for table in mapping.tables:
        if any(isinstance(entry.lens, LinkLens) for entry in table.fields):
            was, there = named[table.erpnext_at], across[table.source_at]
            named[table.erpnext_at] = _rows_named_now(table, was, there, rows_of(document[table.erpnext_at]))
    found: Baseline = tuple(named)
    return pair if found == pair.erpnext else replace(pair, erpnext=found)


def _rows_named_now(table: CompiledTable, was: Raw | Missing, there: Raw | Missing, held: Rows) -> Raw | Missing:
    if not isinstance(was, Rows) or not was.rows:
        return was
    partners, ties = {row.name: row for row in rows_of(there).rows}, dict(was.ties)
    present = {row.name: row for row in held.rows}

    def named() -> Iterator[TableRow]:
        for row in was.rows:
            partner, own = partners.get(ties.get(row.name or "")), present.get(row.name)
            # An amendment has rows of its own: any of them may be the one.
            stands = held.rows if own is None else (own,)
            yield row if partner is None else _row_named_now(table, row, partner, stands)

    return Rows(tuple(named()), was.ties)


def _row_named_now(table: CompiledTable, row: TableRow, partner: TableRow, stands: tuple[TableRow, ...]) -> TableRow:
    values = list(row.values)
    for entry in table.fields:
        at = entry.erpnext_at
        held = tuple(each.values[at] for each in stands)
        name = _named_now(entry, values[at], partner.values[entry.source_at], held)
        if not isinstance(name, Missing):
            values[at] = name
    return row._replace(values=tuple(values))


def _named_now(
    entry: CompiledField, before: Raw | Missing, across: Raw | Missing, held: tuple[Raw, ...]
) -> Raw | Missing:
    """A link's value as its target is called now, where it is `held` so; else as it was."""
    if not isinstance(entry.lens, LinkLens) or before in held:
        return before
    if before in (UNAGREED, Missing.MISSING) or across in (UNAGREED, Missing.MISSING) or isinstance(across, Missing):
        return before
    try:
        name = entry.lens.to_erpnext(entry.read(Side.SOURCE, across))
    except InvalidValue:
        return before
    return str(name) if name is not None and str(name) in held else before
