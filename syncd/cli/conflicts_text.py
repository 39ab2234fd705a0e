"""Held records in words: what both sides hold, and what comes of each choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from syncd.app.waiting import Surroundings, WaitingField
    from syncd.core.merge import Choice
    from syncd.core.resolution import Resolution
    from syncd.ports.state import ConflictRecord

FIELDS = "fields"
DELETED = "deleted"
DOCUMENT_STATES = frozenset({"state", "transition"})
"""A document would be submitted, cancelled or amended, and a person has to say whether; `state`: both sides changed."""
_PLACES = {"erpnext": "ERPNext", "source": "the source"}
_OTHER = {"erpnext": "source", "source": "erpnext"}


def fields_of(conflict: ConflictRecord) -> list[dict[str, Any]]:
    """The fields in conflict: {field, base, erpnext, source, reason} each."""
    fields: list[dict[str, Any]] = orjson.loads(conflict.fields)
    return fields


def names_of(conflict: ConflictRecord) -> list[str]:
    """Their ERPNext fieldnames."""
    return [str(field.get("field", "")) for field in fields_of(conflict)]


def is_decidable(conflict: ConflictRecord) -> bool:
    """Whether taking one side decides it. A document that was never made has no state to take."""
    return conflict.kind in {FIELDS, DELETED} or (conflict.kind in DOCUMENT_STATES and conflict.pair is not None)


def is_settable(conflict: ConflictRecord) -> bool:
    """Whether a person may give values of their own: for fields that hold one value each."""
    held = [field.get(side) for field in fields_of(conflict) for side in _PLACES]
    return conflict.kind == FIELDS and not any(isinstance(value, list | dict) for value in held)


def record_of(conflict: ConflictRecord) -> str:
    """The record by what it is called on both sides."""
    from syncd.report.text import record_text

    return record_text(conflict.external_id, conflict.erpnext_name)


def mark_of(conflict: ConflictRecord) -> str:
    """A short mark of what is shown of a conflict: another one means that it moved since."""
    from syncd.core.resolution import question_mark

    key = conflict.external_id if conflict.external_id is not None else conflict.erpnext_name
    return question_mark(conflict.mapping, conflict.kind, key, conflict.fields)


def resolution_of(conflict: ConflictRecord) -> Resolution | None:
    """What a person decided about it so far."""
    from syncd.core.resolution import decode_resolution

    return None if conflict.resolution is None else decode_resolution(conflict.resolution)


def decision_text(conflict: ConflictRecord) -> str:
    """The decision in few words, for a list."""
    resolution = resolution_of(conflict)
    if resolution is None:
        return ""
    return f"{resolution.text}: not carried out, decide again" if resolution.moved else resolution.text


def head_lines(conflict: ConflictRecord) -> Iterator[str]:
    """Which record it is, since when it is held, who edited it when, and what was decided."""
    from syncd.report.text import moment_text, printable

    yield f"Conflict {conflict.id} ({conflict.kind}), mapping {printable(conflict.mapping)}: {record_of(conflict)}"
    if conflict.text:
        yield f"  {printable(conflict.text)}"
    yield f"  held since      {moment_text(conflict.opened)}"
    yield from _edited(conflict)
    resolution = resolution_of(conflict)
    if resolution is None:
        return
    if resolution.moved:
        yield f"  decided         {printable(resolution.text)}; not carried out, since the record moved: decide again"
    else:
        yield f"  decided         {printable(resolution.text)}; the next run carries it out"


def _edited(conflict: ConflictRecord) -> Iterator[str]:
    from syncd.report.text import printable

    stamps = {"erpnext": conflict.erpnext_stamp, "source": conflict.source_stamp}
    editor = f" by {printable(conflict.editor)}" if conflict.editor else ""
    for side, stamp in stamps.items():
        if stamp is not None:
            label = f"{_PLACES[side].removeprefix('the ')} edited"
            yield f"  {label:<16}{printable(stamp_text(stamp))}{editor if side == 'erpnext' else ''}"
    left, right = stamps.values()
    if isinstance(left, datetime) and isinstance(right, datetime) and left.tzinfo and right.tzinfo:
        yield f"  later           {_later(left, right)}"


def _later(erpnext: datetime, source: datetime) -> str:
    from syncd.report.text import duration_text

    if erpnext == source:
        return "neither: both stamps name the same moment"
    side = "erpnext" if erpnext > source else "source"
    apart = abs((erpnext - source).total_seconds())
    return f"{_PLACES[side]}'s, by {duration_text(apart) if apart >= 1 else 'less than a second'}"


def stamp_text(stamp: object) -> str:
    """A stamp with its offset; one that does not tell its zone is that side's own time, as it was read."""
    if isinstance(stamp, datetime) and stamp.tzinfo is not None:
        return stamp.isoformat(sep=" ")
    return f"{stamp} (that side's own time)"


def values_table(conflict: ConflictRecord) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(heads, rows) of what is held: both sides, or the only one that a record without a partner has."""
    from syncd.report.text import value_text

    if conflict.kind != "match":
        heads = ("field", "last agreement", "ERPNext", "source", "why")
        return heads, [_field_row(field) for field in fields_of(conflict)]
    from syncd.report.document import conflict_document, own_values

    place = "source" if conflict.erpnext_name is None else "ERPNext"
    return ("field", place), [(field, value_text(held)) for field, held in own_values(conflict_document(conflict))]


def _field_row(field: Mapping[str, Any]) -> tuple[str, ...]:
    from syncd.report.text import value_text

    values = (value_text(field.get(side)) for side in ("base", "erpnext", "source"))
    return (str(field.get("field", "")), *values, str(field.get("reason") or ""))


def difference_lines(fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Where values are too long to compare at a glance: in what the source's differs from ERPNext's."""
    from syncd.report.text import printable

    for field in fields:
        if field.get("differences"):
            yield f"{printable(str(field.get('field', '')))}, from ERPNext's value to the source's:"
            yield from (f"  {printable(line)}" for line in field["differences"])


def writes_of(conflict: ConflictRecord, take: str, around: Surroundings) -> list[dict[str, Any]]:
    """What taking a side's values writes: {side, field, old, new} each. A one-way field is written on one side only."""
    across = _OTHER[take]
    one_way = {field: side.value for field, side in around.one_way.items()}
    return [
        {"side": across, "field": field["field"], "old": field.get(across), "new": field.get(take)}
        for field in fields_of(conflict)
        if one_way.get(str(field["field"]), across) == across
    ]


def outcome_of(conflict: ConflictRecord, take: str) -> str:
    """What taking a side does to a document, as it was told when the conflict was opened."""
    told = [field["outcomes"][take] for field in fields_of(conflict) if field.get("outcomes")]
    return str(told[0]) if told else f"what {_PLACES[take]} shows counts, the document's state included"


def choice_text(conflict: ConflictRecord, choice: Choice) -> str:
    """What a decision writes, on one line."""
    from syncd.report.text import printable, value_text

    if choice.take is None:
        given = ", ".join(f"{printable(name)} {value_text(value)}" for name, value in choice.values.items())
        return f"both sides get {given}"
    if conflict.kind == DELETED:
        return f"what {_PLACES[choice.take.value]} shows counts"
    if conflict.kind in DOCUMENT_STATES:
        return outcome_of(conflict, choice.take.value)
    changes = ", ".join(
        f"{printable(str(field['field']))} {value_text(field.get(choice.take.value))}" for field in fields_of(conflict)
    )
    return f"{_PLACES[choice.take.other.value]} gets {changes}"


def choice_lines(conflict: ConflictRecord, around: Surroundings, program: str) -> Iterator[str]:
    """What a person can do, each choice with what comes of it, and what waits besides."""
    if not is_decidable(conflict):
        yield f"What to do: {otherwise(conflict)}."
        return
    resolve, shown = f"{program} conflicts resolve {conflict.id}", f"--shown {mark_of(conflict)}"
    yield "What to do, one of:"
    for take in _PLACES:
        yield f"  {resolve} --take {take} {shown}"
        yield from (f"      {line}" for line in _outcome(conflict, take, around))
    if is_settable(conflict):
        yield f"  {resolve} {' '.join(f'--set {name}=VALUE' for name in names_of(conflict))} {shown}"
        yield "      writes your value, in ERPNext's terms, to both sides"
    if around.waiting:
        yield "These wait too, since a conflict holds the whole record; they go along with whatever you choose:"
        yield from (f"  {line}" for line in waiting_lines(around.waiting))


def _outcome(conflict: ConflictRecord, take: str, around: Surroundings) -> Iterator[str]:
    from syncd.report.text import printable, value_text

    if conflict.kind == DELETED:
        yield _deletion_outcome(conflict, take)
        return
    if conflict.kind in DOCUMENT_STATES:
        yield outcome_of(conflict, take)
        return
    writes = writes_of(conflict, take, around)
    for write in writes:
        change = f"{value_text(write['old'])} → {value_text(write['new'])}"
        yield f"writes into {_PLACES[write['side']]}: {printable(str(write['field']))} {change}"
    kept = [name for name in names_of(conflict) if name not in {write["field"] for write in writes}]
    if kept:
        yield f"leaves as they are on both sides: {printable(', '.join(kept))} (one way only, the other way)"


def _deletion_outcome(conflict: ConflictRecord, take: str) -> str:
    """The edited record is on the side that shows values; on which it is cannot be told where nothing was agreed."""
    edited = {side for field in fields_of(conflict) for side in _PLACES if field.get(side) is not None}
    if edited == {take}:
        return f"keeps the edited record in {_PLACES[take]}; the pair ends, it is no longer synced"
    if edited == {_OTHER[take]}:
        return f"carries out the mapping's [delete] policy: the record in {_PLACES[_OTHER[take]]} goes, edits and all"
    return (
        f"what {_PLACES[take]} shows counts: gone there, the mapping's [delete] policy is carried out across; "
        "still there, it is kept and no longer synced"
    )


def waiting_lines(waiting: Sequence[WaitingField]) -> Iterator[str]:
    """One line for each field that waits."""
    from syncd.report.text import printable, value_text

    for each in waiting:
        change = f"{value_text(each.base)} → {value_text(each.value)}"
        across = _PLACES[each.side.other.value]
        yield f"{printable(each.field)}: {change} in {_PLACES[each.side.value]}, goes to {across}"


def otherwise(conflict: ConflictRecord) -> str:
    """What settles a held record that no choice between two values does."""
    from syncd.report.text import HELD_ADVICE

    return HELD_ADVICE.get(conflict.kind, "make both sides fit; the next run looks again")
