"""A child table whose rows one side gives whole."""

from __future__ import annotations

from syncd.core.mapping import CompiledMapping, CompiledTable
from syncd.core.merge_fields import Merge, effective_direction, problem_of
from syncd.core.model import Baseline, FieldChange, Image, Raw, Rows, Side, TableRow
from syncd.core.rows import named, rows_of, tie
from syncd.core.values import InvalidValue, show


def rows_given_by(
    mapping: CompiledMapping,
    table: CompiledTable,
    base: tuple[Baseline, Baseline] | None,
    images: tuple[Image, Image],
    result: Merge,
) -> None:
    """Give the source ERPNext's rows of a table, whatever it changed; noted in `result`."""
    ours, theirs = rows_of(images[0][table.erpnext_at]), rows_of(images[1][table.source_at])
    known = () if base is None else rows_of(base[0][table.erpnext_at]).ties
    keys = dict(tie(table, ours, theirs, known))
    held = named(theirs)
    given = []
    for name, row in named(ours).items():
        there = held.get(keys.get(name, ""))
        values: list[Raw] = list(there.values) if there is not None else [None] * len(table.source_fields)
        for entry in table.fields:
            if not effective_direction(mapping, entry).reaches(Side.SOURCE):
                continue
            try:
                value = entry.convert(entry.read(Side.ERPNEXT, row.values[entry.erpnext_at]), Side.SOURCE)
                values[entry.source_at] = entry.raw(value, Side.SOURCE)
            except InvalidValue as error:
                result.problems.append(problem_of(f"{table.name}[{name}].{entry.name}", Side.ERPNEXT, error))
        given.append(TableRow(there.name if there is not None else None, tuple(values)))
    final = Rows(tuple(given))
    if final != theirs:
        result.writes[Side.SOURCE][table.slot(Side.SOURCE)] = final
        result.changes[Side.SOURCE].append(FieldChange(field=table.name, old=show(theirs), new=show(final)))
