"""What ERPNext works out by itself: totals, what is owed, a status, the rows of a document that it builds.

Such fields flow to the source only, so a write never carries them, and yet it changes them: the answer that tells what
was stored already holds their new values. Taken for agreed, those would never reach the source.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncd.core.creation import table_direction
from syncd.core.mapping import CompiledField, CompiledMapping
from syncd.core.merge import effective_direction
from syncd.core.model import Image, Raw, Side
from syncd.core.rows import rows_of
from syncd.core.values import InvalidValue


def worked_out(mapping: CompiledMapping, erpnext: Image, source: Image) -> tuple[str, ...]:
    """The fields and tables, by fieldname, that ERPNext alone gives and that `source` does not hold yet."""
    fields = [
        entry.name
        for entry in _fields(mapping)
        if not _agrees(entry, erpnext[entry.erpnext_at], source[entry.source_at])
    ]
    tables = [
        table.name
        for table in mapping.tables
        if not table_direction(mapping, table).reaches(Side.ERPNEXT) and rows_of(erpnext[table.erpnext_at]).rows
    ]
    return (*fields, *tables)


def without_worked_out(mapping: CompiledMapping, stored: Image, before: Image) -> Image:
    """`stored`, an image of ERPNext, with the values of `before` in what ERPNext alone gives."""
    places = [entry.erpnext_at for entry in _fields(mapping)]
    tables = (table for table in mapping.tables if not table_direction(mapping, table).reaches(Side.ERPNEXT))
    places += [table.erpnext_at for table in tables]
    if not places:
        return stored
    kept = list(stored)
    for at in places:
        kept[at] = before[at]
    return tuple(kept)


def _fields(mapping: CompiledMapping) -> Iterator[CompiledField]:
    """The fields that flow to the source only."""
    return (entry for entry in mapping.fields if not effective_direction(mapping, entry).reaches(Side.ERPNEXT))


def _agrees(entry: CompiledField, erpnext: Raw, source: Raw) -> bool:
    try:
        return entry.agree(entry.read(Side.ERPNEXT, erpnext), entry.read(Side.SOURCE, source))
    except InvalidValue:
        return False
