"""Three-way merge of one record: its fields one by one, its child tables row by row.

Everything is symmetrical: swapping the sides mirrors the outcome. A conflict holds the whole record.
"""

from __future__ import annotations

from syncd.core.mapping import CompiledField, CompiledMapping
from syncd.core.merge_fields import (
    UNKNOWN_AGE,
    Choice,
    Flow,
    Merge,
    Newest,
    Problem,
    contest,
    effective_direction,
    merge_field,
    problem_of,
)
from syncd.core.merge_rows import TableMerge
from syncd.core.model import Baseline, Image, Missing, Raw, Side, Unreadable

__all__ = [
    "UNKNOWN_AGE",
    "Choice",
    "Flow",
    "Merge",
    "Newest",
    "Problem",
    "contest",
    "effective_direction",
    "merge",
    "problem_of",
]


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
        merge_field(mapping, entry, before, now, newest, choice, result)
    for table in mapping.tables:
        held = (erpnext[table.erpnext_at], source[table.source_at])
        was = None if base is None else (base[0][table.erpnext_at], base[1][table.source_at])
        unreadable = [(side, rows) for side, rows in zip(Side, held, strict=True) if isinstance(rows, Unreadable)]
        result.problems.extend(Problem(table.name, side, rows.reason) for side, rows in unreadable)
        if was != held and not unreadable:
            TableMerge(mapping, table, newest, choice, result).run(was, held)
    return result


def _baseline(entry: CompiledField, base: tuple[Baseline, Baseline] | None) -> tuple[Raw, Raw] | None:
    """The field's baseline on both sides; None before the first agreement, and where it was not mapped then."""
    if base is None:
        return None
    erpnext, source = base[0][entry.erpnext_at], base[1][entry.source_at]
    return None if isinstance(erpnext, Missing) or isinstance(source, Missing) else (erpnext, source)
