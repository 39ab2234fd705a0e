"""Lines of a mapping against the types of both sides: can a value flow, and does it come back as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.app.checking_words import Line, suggested
from syncd.app.results import Finding, Severity
from syncd.core.convert import Lens, build_lens
from syncd.core.model import Raw, Side
from syncd.core.values import FieldType, InvalidValue, Kind, canonical, coerce, quote
from syncd.ports.endpoint import FieldInfo

_ID = FieldType(kind=Kind.TEXT, name="id")
_LIKE_IDS = frozenset({Kind.TEXT, Kind.INT, Kind.NUMBER, Kind.JSON})
"""Kinds whose values may be the id of another record."""
_NAMES_SHOWN = 5


def check_types(line: Line, linked: Mapping[str, FieldType]) -> Iterator[Finding]:
    """What is wrong with a line whose names are there on both sides.

    `linked`: for each mapping that links lead to, the type of its id in the source (left out where nobody could tell).
    """
    entry = line.entry
    info = line.erpnext.get(entry.erpnext)
    if info is None:
        return
    if entry.source is None:
        yield from _fixed(line, "constant", entry.constant, info.type)
        return
    yield from _fixed(line, "default", entry.default, info.type)
    yield from _once(line, info)
    yield from _read_only(line, info)
    column = line.source.get(entry.source)
    if column is None:
        yield from _unseen(line, entry.source)
        return
    if entry.compute is not None:
        return
    if entry.link is not None:
        yield from _linked(line, column, linked.get(entry.link))
    else:
        yield from _plain(line, info, column)


def _unseen(line: Line, name: str) -> Iterator[Finding]:
    """A member that no list shows. Lists that are all empty tell nothing."""
    if line.nested and line.source:
        near = suggested(name, line.source, "The list")
        yield line.finding(Severity.WARNING, f"no row of {line.entity} has a member {name}", near)


def _fixed(line: Line, what: str, value: Raw, held: FieldType) -> Iterator[Finding]:
    """A `constant` or `default` that the field cannot hold stops every run of the mapping."""
    try:
        coerce(canonical(value, held), held)
    except InvalidValue as error:
        yield line.finding(Severity.ERROR, error.reason, "Write a value that the field can hold.", key=what)


def _once(line: Line, info: FieldInfo) -> Iterator[Finding]:
    if info.set_only_once and line.flows(Side.ERPNEXT):
        yield line.finding(
            Severity.WARNING,
            f"{info.name} can be set only once in {line.doctype}: a later edit in the source is refused, record by "
            "record",
            'Write a constant, or let the line only read: direction = "to_source".',
        )


def _read_only(line: Line, info: FieldInfo) -> Iterator[Finding]:
    if info.read_only and line.flows(Side.ERPNEXT) and not info.name.startswith("syncd_"):
        yield line.finding(
            Severity.WARNING,
            f"{info.name} is read-only in {line.doctype}: ERPNext may compute it itself and overwrite what is sent",
            'If so, add direction = "to_source" to this line.',
        )


def _linked(line: Line, column: FieldInfo, target: FieldType | None) -> Iterator[Finding]:
    """The column holds ids of the linked mapping's records: the kinds of both must be able to be the same."""
    entry = line.entry
    try:
        lens = build_lens(entry.converters, entry.values, column.type, _ID)
    except InvalidValue as error:
        yield line.finding(Severity.ERROR, error.reason, "Correct the converter of this line.", key="convert")
        return
    yield from _undone(line, lens)
    if entry.converters or target is None or column.type.kind is target.kind:
        return
    kinds = {column.type.kind, target.kind}
    if not kinds <= _LIKE_IDS:
        yield line.finding(
            Severity.ERROR,
            f"{column.name} holds {_worded(column.type)}, the ids of the mapping {entry.link} are {_worded(target)}: "
            "no value is one of them",
            f"Name the column that holds the id of {entry.link}.",
            key="link",
        )
    else:
        yield line.finding(
            Severity.WARNING,
            f"{column.name} holds {_worded(column.type)}, the ids of the mapping {entry.link} are {_worded(target)}: "
            "7 and 007 are not the same id",
            "Make both columns of one type, or add a converter that writes the id as the linked table does.",
            key="link",
        )


def _worded(held: FieldType) -> str:
    return held.name or held.kind.value


def _plain(line: Line, info: FieldInfo, column: FieldInfo) -> Iterator[Finding]:
    entry = line.entry
    try:
        lens = build_lens(entry.converters, entry.values, column.type, info.type)
    except InvalidValue as error:
        yield line.finding(Severity.ERROR, error.reason, "Correct the converter or the values of this line.")
        return
    yield from _undone(line, lens)
    yield from _choices(line, info, column)
    if line.flows(Side.ERPNEXT):
        yield from _too_long(line, column, info)
    if line.flows(Side.SOURCE):
        yield from _too_long(line, info, column)


def _undone(line: Line, lens: Lens) -> Iterator[Finding]:
    two_way = line.flows(Side.ERPNEXT) and line.flows(Side.SOURCE)
    if two_way and not lens.invertible and not lens.normalising:
        yield line.finding(
            Severity.ERROR,
            f"cannot be undone, so it cannot flow both ways: {lens.loses or 'values are lost on the way back'}",
            'Add direction = "to_erpnext" (or "to_source") to this line.',
        )


def _choices(line: Line, info: FieldInfo, column: FieldInfo) -> Iterator[Finding]:
    """Options of a Select, or of a column with a list of choices, that have no counterpart across."""
    values, options = line.entry.values, info.type.options
    if values is not None:
        if options is not None and line.flows(Side.SOURCE):
            strange = [option for option in options if option not in values.values()]
            if strange:
                yield line.finding(
                    Severity.WARNING,
                    f"no entry gives {_shown(strange)}, which {line.doctype} takes: documents with it are failures",
                    "Add an entry for each, or let the line flow to ERPNext only.",
                    key="values",
                )
        if column.type.options is not None and line.flows(Side.ERPNEXT):
            strange = [option for option in column.type.options if option not in values]
            if strange:
                yield line.finding(
                    Severity.WARNING,
                    f"there is no entry for {_shown(strange)}, which {column.name} may hold: such records are failures",
                    "Add an entry for each.",
                    key="values",
                )
        return
    if line.entry.converters or options is None or column.type.options is None:
        return
    strange = [option for option in column.type.options if option not in options]
    if strange and line.flows(Side.ERPNEXT):
        yield line.finding(
            Severity.WARNING,
            f"{column.name} may hold {_shown(strange)}, which is no option of {info.name}: it takes {_shown(options)}",
            f"Add values = {{ {strange[0]} = … }} to this line.",
        )


def _shown(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(quote, names[:_NAMES_SHOWN])) + more


def _too_long(line: Line, giving: FieldInfo, taking: FieldInfo) -> Iterator[Finding]:
    longest, room = giving.type.length, taking.type.length
    texts = giving.type.kind is Kind.TEXT and taking.type.kind is Kind.TEXT
    if texts and longest and room and longest > room and not line.entry.values and taking.type.options is None:
        yield line.finding(
            Severity.WARNING,
            f"{giving.name} holds up to {longest} characters, {taking.name} {room}: longer values are refused, record "
            "by record",
            f"Make {taking.name} longer, or shorten what stands in {giving.name}.",
        )
