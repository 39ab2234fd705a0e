"""Child tables as nested lists: a list of objects in a record, or the JSON text of one.

What the mapping does not name in an object is kept when its row is written. Numbers stay JSON numbers, digit by digit,
and text stays text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from syncd.core.keys import part_text
from syncd.core.model import Raw, Rows, TableRow
from syncd.core.row_keys import RowKeyError, is_number, next_number, positions, row_names
from syncd.core.values import FieldType, Kind
from syncd.errors import RefusedError, StaleError
from syncd.ports.endpoint import FieldInfo, Schema

Item = Mapping[str, Any]
"""One object of a list, its members as JSON has them."""

Member = Callable[[str, Raw], Any]
"""A raw value as the list is to hold it, from the member's name."""

NewKey = Callable[[str, Sequence[Item]], Raw]
"""The value of a key's member in a new row, from the member's name and the rows that stand."""


class NoListError(ValueError):
    """A value that is no list of objects. `reason` says what it is, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def items_of(raw: object) -> list[dict[str, Any]]:
    """The objects in a column's value: a list, or JSON text of one. NULL and empty text are no rows.

    Numbers with decimals come as Decimal, so that none loses a digit. Raises `NoListError`.
    """
    if isinstance(raw, bytes | bytearray | memoryview):
        raw = _decoded(bytes(raw))
    if isinstance(raw, str):
        if not raw or raw.isspace():
            return []
        raw = _parsed(raw)
    if raw is None:
        return []
    if not isinstance(raw, list | tuple):
        raise NoListError(f"it holds {_word(raw)} where a list of rows is expected")
    for number, item in enumerate(raw):
        if not isinstance(item, dict):
            raise NoListError(f"item {number + 1} of its list is {_word(item)}, not an object with named members")
    return list(raw)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NoListError("it holds bytes that are no text") from None


def _parsed(text: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise NoListError(f"it holds text that is no JSON ({error})") from None


def _word(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "null" if value is None else "yes or no" if isinstance(value, bool) else "a number"


def rows_of(items: Sequence[Item], fields: Sequence[str], key: Sequence[str]) -> Rows:
    """The rows of a list in its order, `fields` of each. Raises `RowKeyError` where the key does not tell them apart.

    A member that is an object or a list comes as its JSON text.
    """
    names = row_names([[raw_of(item.get(name)) for name in key] for item in items]) if key else positions(len(items))
    return Rows(
        tuple(
            TableRow(name, tuple(raw_of(item.get(member)) for member in fields))
            for name, item in zip(names, items, strict=True)
        )
    )


def raw_of(member: Any) -> Raw:
    """A member as a raw value."""
    if isinstance(member, dict | list):
        return text_of(member)
    held: Raw = member
    return held


def replaced(
    items: Sequence[Item], rows: Rows, fields: Sequence[str], key: Sequence[str], *, member: Member, new_key: NewKey
) -> list[dict[str, Any]]:
    """The list that holds `rows`, whole and in order: objects that have a name there keep their other members.

    `new_key` gives what a new row's key lacks. Raises `StaleError` for a name that no row of `items` has.
    """
    held = {row.name: item for row, item in zip(rows_of(items, fields, key).rows, items, strict=True)}
    made: list[dict[str, Any]] = []
    standing: list[Item] = list(items)
    for row in rows.rows:
        if row.name is not None:
            if row.name not in held:
                raise StaleError(f"the row {row.name!r} is not in the list any more; nothing was written")
            made.append(_changed(held[row.name], row, fields, key, member))
            continue
        item = {name: member(name, value) for name, value in zip(fields, row.values, strict=True)}
        for name in key:
            if item.get(name) is None:
                item[name] = new_key(name, standing)
        standing.append(item)
        made.append(item)
    _check_keys(made, key)
    return made


def _changed(item: Item, row: TableRow, fields: Sequence[str], key: Sequence[str], member: Member) -> dict[str, Any]:
    made = dict(item)
    for name, value in zip(fields, row.values, strict=True):
        # A key that is not mapped comes without a value: it stays.
        if raw_of(item.get(name)) != value and not (value is None and name in key):
            made[name] = member(name, value)
    return made


def _check_keys(items: Sequence[Item], key: Sequence[str]) -> None:
    if not key:
        return
    try:
        row_names([[raw_of(item.get(name)) for name in key] for item in items])
    except RowKeyError as error:
        raise RefusedError(
            f"the rows would not be told apart by their key ({', '.join(key)}): {error.reason}",
            hint="map a field to the key that has a value of its own in each row, or leave `key` out",
        ) from None


def numbered(member: str, items: Sequence[Item], types: Mapping[str, FieldType]) -> Raw:
    """The largest number in a member plus one. Raises `RefusedError` where the rows' keys are texts.

    In an empty list the other lists tell, through `types`; where there are none either, keys are numbers.
    """
    held = [item.get(member) for item in items if item.get(member) is not None]
    known = types.get(member)
    texts = not held and known is not None and known.kind is not Kind.NUMBER and known.kind is not Kind.INT
    if texts or not all(is_number(part) for part in held):
        raise RefusedError(
            f"nobody gives a new row its key: {member!r} holds text, which syncd does not make up",
            hint=f"map a field to {member!r} under [tables], or leave `key` out to tell rows by position",
        )
    return next_number(held)


def member_of(value: Raw, kind: FieldType | None = None) -> Any:
    """A raw value as JSON has it. Text of a JSON member is put in as what it says."""
    if isinstance(value, str) and kind is not None and kind.kind is Kind.JSON:
        return _parsed(value)
    if value is None or isinstance(value, bool | int | float | str | Decimal):
        return value
    if isinstance(value, timedelta):
        return Decimal(str(value.total_seconds()))
    if isinstance(value, datetime | date | time | bytes):
        return part_text(value)
    raise RefusedError(f"a {type(value).__name__} cannot stand in a list of rows", hint="correct the mapping")


def text_of(value: Any) -> str:
    """JSON text of a list, an object or a single member; decimals digit by digit."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(str(name))}: {text_of(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(text_of, value)) + "]"
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def members(lists: Iterable[Sequence[Item]]) -> dict[str, FieldType]:
    """The members that objects of some lists have, with what they hold, as far as these tell."""
    seen: dict[str, set[Kind]] = {}
    for items in lists:
        for item in items:
            for name, value in item.items():
                kinds = seen.setdefault(str(name), set())
                if value is not None:
                    kinds.add(_kind(value))
    return {name: _type(kinds) for name, kinds in seen.items()}


def _kind(value: object) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOL
    if isinstance(value, int | float | Decimal):
        return Kind.NUMBER
    return Kind.JSON if isinstance(value, dict | list) else Kind.TEXT


def _type(kinds: set[Kind]) -> FieldType:
    kind = next(iter(kinds)) if len(kinds) == 1 else Kind.TEXT
    return FieldType(kind=kind, name=f"JSON {kind.value}")


def list_schema(entity: str, types: Mapping[str, FieldType], key: Sequence[str]) -> Schema:
    """A nested list for `syncd check`: its members."""
    return Schema(
        entity=entity, key=tuple(key), fields={name: FieldInfo(name=name, type=kind) for name, kind in types.items()}
    )
