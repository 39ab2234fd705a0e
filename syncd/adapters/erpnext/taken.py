"""Whether the site took what it was sent.

A value at a permission level that the user may not write is put back to what was there before, with status 200 and no
word. A value that the site only wrote otherwise (a link in the stored case of its target, sanitised text) was taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from syncd.adapters.erpnext.errors import plain_text
from syncd.adapters.erpnext.wire import TableShape
from syncd.core.model import Image, Raw, Row, Rows
from syncd.core.values import FieldType, InvalidValue, Value, canonical, same
from syncd.errors import RefusedError
from syncd.ports.endpoint import FieldInfo, Schema


def agrees(sent: Raw, held: Raw, field_type: FieldType) -> bool:
    """Whether `held` is what was sent, exactly, in the terms of the field's type."""
    ours, theirs = _value(sent, field_type), _value(held, field_type)
    return same(ours, theirs, scale=field_type.scale) or (field_type.zero_is_empty and not ours and not theirs)


def missed_by_update(
    values: Mapping[str, Raw],
    before: Image | None,
    row: Row,
    schema: Schema,
    layout: tuple[str, ...],
    tables: Sequence[TableShape] = (),
) -> tuple[str, ...]:
    """The fields that hold what they held before an update that was to change them; see `missed_rows` for tables."""
    if before is None or len(before) != len(layout):
        return ()
    missed = [
        name
        for name, position in _positions(values, schema, layout)
        if _not_changed(values[name], before[position], row.values[position], schema.fields[name].type)
    ]
    for table, sent, at in _sent_tables(values, layout, tables):
        missed += missed_rows(table, sent, _rows(before[at]), _rows(row.values[at]))
    return tuple(missed)


def missed_by_creation(
    values: Mapping[str, Raw],
    row: Row,
    schema: Schema,
    layout: tuple[str, ...],
    tables: Sequence[TableShape] = (),
) -> tuple[str, ...]:
    """The fields of a new document that are empty, or hold a default at a permission level of their own."""
    missed = [
        name
        for name, position in _positions(values, schema, layout)
        if _not_set(values[name], row.values[position], schema.fields[name])
    ]
    for table, sent, at in _sent_tables(values, layout, tables):
        missed += missed_rows(table, sent, None, _rows(row.values[at]))
    return tuple(missed)


def missed_rows(table: TableShape, sent: Rows, before: Rows | None, held: Rows) -> tuple[str, ...]:
    """What of a table's rows was not taken: the table's name where rows were added, left out or put into another order,
    else fields of rows as `items[2].rate`, by the row number that ERPNext shows. `before` None: the document is new.
    """
    if len(sent.rows) != len(held.rows) or (before is not None and not _same_names(sent, held)):
        return (table.name,)
    known = {row.name: row.values for row in before.rows} if before is not None else {}
    missed: list[str] = []
    for position, (row, now) in enumerate(zip(sent.rows, held.rows, strict=True), 1):
        was = known.get(row.name) if row.name is not None else None
        for at, name in enumerate(table.layout):
            info = table.schema.fields[name]
            given, held_now = row.values[at], now.values[at]
            if _not_set(given, held_now, info) if was is None else _not_changed(given, was[at], held_now, info.type):
                missed.append(f"{table.name}[{position}].{name}")
    return tuple(missed)


def carried(
    values: Mapping[str, Raw],
    row: Row,
    schema: Schema,
    layout: tuple[str, ...],
    tables: Sequence[TableShape],
    *,
    new: bool = False,
) -> bool:
    """Whether a document holds exactly what was sent. `new`: what was sent empty may have been filled by the site."""
    fields = all(
        agrees(values[name], row.values[at], schema.fields[name].type)
        for name, at in _positions(values, schema, layout)
        if not new or values[name] is not None
    )
    return fields and all(
        _carried_rows(table, sent, _rows(row.values[at]), new=new)
        for table, sent, at in _sent_tables(values, layout, tables)
    )


def _carried_rows(table: TableShape, sent: Rows, held: Rows, *, new: bool) -> bool:
    """Whether a table holds exactly what was sent: the same rows in order, new ones with what they were given."""
    if len(sent.rows) != len(held.rows) or not (new or _same_names(sent, held)):
        return False
    return all(
        agrees(given, now, table.schema.fields[name].type)
        for row, other in zip(sent.rows, held.rows, strict=True)
        for name, given, now in zip(table.layout, row.values, other.values, strict=True)
        if given is not None or not (new or row.name is None)
    )


def _sent_tables(
    values: Mapping[str, Raw], layout: tuple[str, ...], tables: Sequence[TableShape]
) -> Iterator[tuple[TableShape, Rows, int]]:
    """Each table that was sent, its rows, and its position in the layout."""
    for table in tables:
        sent = values.get(table.name)
        if isinstance(sent, Rows):
            yield table, sent, layout.index(table.name)


def _rows(held: Raw) -> Rows:
    return held if isinstance(held, Rows) else Rows()


def _same_names(sent: Rows, held: Rows) -> bool:
    return all(row.name in (None, now.name) for row, now in zip(sent.rows, held.rows, strict=True))


def _not_changed(sent: Raw, before: Raw, held: Raw, field_type: FieldType) -> bool:
    """Whether a field still holds what it held before it was to change."""
    return not _taken(sent, held, field_type) and agrees(before, held, field_type)


def _not_set(sent: Raw, held: Raw, info: FieldInfo) -> bool:
    """Whether a new field is empty, or holds a default at a permission level of its own, instead of what was sent."""
    if not _value(sent, info.type) or _taken(sent, held, info.type):
        return False
    return info.permlevel > 0 or not _value(held, info.type)


def not_taken(subject: str, missed: tuple[str, ...], schema: Schema, user: str) -> RefusedError:
    """The failure, with a name, of an update that the site accepted without taking these fields."""
    named = ", ".join(_named(name, schema) for name in missed)
    return RefusedError(
        f"{subject}: the site answered 200 but did not take {named}",
        hint=f"give a role of {user} “Write” at that permission level in ERPNext's Role Permissions Manager, or make "
        'the field one-way (direction = "to_source") where ERPNext computes it',
        code="NotTaken",
    )


def _named(name: str, schema: Schema) -> str:
    """A missed field with its permission level, if that may be why."""
    if name in schema.tables:
        return f"the rows of {name} as they were sent"
    table, _, field = name.partition("].")
    fields = schema.tables[table.partition("[")[0]].fields if field else schema.fields
    level = fields[field or name].permlevel
    return f"{name} (permission level {level})" if level else name


def _positions(values: Mapping[str, Raw], schema: Schema, layout: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, at) for at, name in enumerate(layout) if name in values and name in schema.fields]


def _taken(sent: Raw, held: Raw, field_type: FieldType) -> bool:
    if agrees(sent, held, field_type):
        return True
    if isinstance(sent, str) and isinstance(held, str):
        return plain_text(sent).casefold() == plain_text(held).casefold()
    return False


def _value(raw: Raw, field_type: FieldType) -> Value:
    """The canonical value, or the raw one as text where it is none: it then agrees with nothing but itself."""
    try:
        return canonical(raw, field_type)
    except InvalidValue:
        return str(raw)
