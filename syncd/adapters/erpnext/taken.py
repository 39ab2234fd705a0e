"""Whether the site took what it was sent.

A value at a permission level that the user may not write is put back to what was there before, with status 200 and no
word. A value that the site only wrote otherwise (a link in the stored case of its target, sanitised text) was taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.adapters.erpnext.errors import plain_text
from syncd.core.model import Image, Raw, Row
from syncd.core.values import FieldType, InvalidValue, Value, canonical, same
from syncd.errors import RefusedError
from syncd.ports.endpoint import Schema


def agrees(sent: Raw, held: Raw, field_type: FieldType) -> bool:
    """Whether `held` is what was sent, exactly, in the terms of the field's type."""
    ours, theirs = _value(sent, field_type), _value(held, field_type)
    return same(ours, theirs, scale=field_type.scale) or (field_type.zero_is_empty and not ours and not theirs)


def missed_by_update(
    values: Mapping[str, Raw], before: Image | None, row: Row, schema: Schema, layout: tuple[str, ...]
) -> tuple[str, ...]:
    """The fields that hold what they held before an update that was to change them."""
    if before is None or len(before) != len(layout):
        return ()
    missed = []
    for name, position in _positions(values, schema, layout):
        held_type, held = schema.fields[name].type, row.values[position]
        if _taken(values[name], held, held_type) or not agrees(before[position], held, held_type):
            continue
        missed.append(name)
    return tuple(missed)


def missed_by_creation(values: Mapping[str, Raw], row: Row, schema: Schema, layout: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a new document that are empty, or hold a default at a permission level of their own."""
    missed = []
    for name, position in _positions(values, schema, layout):
        info, held = schema.fields[name], row.values[position]
        if not _value(values[name], info.type) or _taken(values[name], held, info.type):
            continue
        if info.permlevel > 0 or not _value(held, info.type):
            missed.append(name)
    return tuple(missed)


def not_taken(subject: str, missed: tuple[str, ...], schema: Schema, user: str) -> RefusedError:
    """The failure, with a name, of an update that the site accepted without taking these fields."""
    named = ", ".join(
        f"{name} (permission level {schema.fields[name].permlevel})" if schema.fields[name].permlevel else name
        for name in missed
    )
    return RefusedError(
        f"{subject}: the site answered 200 but did not take {named}",
        hint=f"give a role of {user} “Write” at that permission level in ERPNext's Role Permissions Manager, or make "
        'the field one-way (direction = "to_source") where ERPNext computes it',
        code="NotTaken",
    )


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
