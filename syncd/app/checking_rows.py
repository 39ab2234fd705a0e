"""Live rows there and back: what of the first rows of both sides would be refused, or would not come back the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from syncd.app.checking_words import finding
from syncd.app.results import Finding, Severity
from syncd.core.creation import table_direction
from syncd.core.kinds import quote
from syncd.core.lifecycle import Asked, asked_for, word
from syncd.core.links import LinkLens
from syncd.core.mapping import CompiledField, CompiledMapping, CompiledTable
from syncd.core.merge_fields import effective_direction
from syncd.core.model import Direction, Raw, Row, Side, Unreadable
from syncd.core.rows import rows_of
from syncd.core.values import InvalidValue, Kind, Value
from syncd.ports.endpoint import RowProblem

MOST_ROWS = 200
"""Rows of each side that are looked at (contract, "Commands")."""
_NAMED = 3
"""Rows that a finding names."""
_WRITTEN_ONE_WAY = frozenset({Kind.INT, Kind.NUMBER, Kind.DATE, Kind.TEXT})
"""Kinds of ERPNext whose values are written in one way only: `007` comes back as `7`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRows:
    """The first rows of both sides, in the mapping's layout, and those of the source whose ids cannot stand."""

    erpnext: Sequence[Row] = ()
    source: Sequence[Row] = ()
    problems: Sequence[RowProblem] = ()


@dataclass(slots=True)
class _Broken:
    """Values of one line that do not go one way, with the rows that hold them."""

    shown: list[str] = field(default_factory=list)
    count: int = 0
    reason: str = ""

    def add(self, place: str, raw: Raw, reason: str) -> None:
        self.count += 1
        self.reason = self.reason or reason
        if len(self.shown) < _NAMED:
            self.shown.append(place if isinstance(raw, Unreadable) else f"{place}: {quote(raw)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One value of a live row: which row, for a person, and what it holds there."""

    place: str
    raw: Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One line of the mapping with its values on both sides."""

    key: str
    entry: CompiledField
    direction: Direction
    required: bool
    erpnext: Sequence[_Cell]
    source: Sequence[_Cell]


def check_rows(mapping: CompiledMapping, live: LiveRows, *, required: frozenset[str] = frozenset()) -> list[Finding]:
    """Values of live rows that are refused on the way, or come back as another value, each line told once a way.

    `required` are the fields that ERPNext must have (`customer_name`, `items.qty`).
    """
    findings = [*_ids(mapping, live), *_states(mapping, live.source), *_lists(mapping, live)]
    for column in _columns(mapping, live, required):
        findings += [*_computed(mapping, column), *_there(mapping, column), *_back(mapping, column)]
    return findings


def names_sent(mapping: CompiledMapping, live: LiveRows) -> dict[str, dict[str, list[str]]]:
    """Texts that live rows of the source would put into ERPNext: line → text → the rows that hold it.

    Linked fields are left out: their names come from pairs.
    """
    sent: dict[str, dict[str, list[str]]] = {}
    for column in _columns(mapping, live, frozenset()):
        if isinstance(column.entry.lens, LinkLens) or not column.direction.reaches(Side.ERPNEXT):
            continue
        texts: defaultdict[str, list[str]] = defaultdict(list)
        for cell in column.source:
            try:
                value = column.entry.convert(column.entry.read(Side.SOURCE, cell.raw), Side.ERPNEXT)
            except InvalidValue:
                continue
            if isinstance(value, str):
                texts[value].append(cell.place)
        if texts:
            sent[column.key] = dict(texts)
    return sent


def _columns(mapping: CompiledMapping, live: LiveRows, required: frozenset[str]) -> Iterator[_Column]:
    for entry in mapping.fields:
        yield _Column(
            key=f"fields.{entry.name}",
            entry=entry,
            direction=effective_direction(mapping, entry),
            required=entry.name in required,
            erpnext=[_Cell(place=row.key, raw=row.values[entry.erpnext_at]) for row in live.erpnext],
            source=[_Cell(place=row.key, raw=row.values[entry.source_at]) for row in _there_rows(live.source)],
        )
    for table in mapping.tables:
        around = table_direction(mapping, table)
        for entry in table.fields:
            yield _Column(
                key=f"tables.{table.name}.fields.{entry.name}",
                entry=entry,
                direction=entry.spec.direction if around is Direction.BOTH else around,
                required=f"{table.name}.{entry.name}" in required,
                erpnext=list(_cells(table, entry, Side.ERPNEXT, live.erpnext)),
                source=list(_cells(table, entry, Side.SOURCE, _there_rows(live.source))),
            )


def _there_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that are not marked as deleted: nothing of those flows."""
    return [row for row in rows if not row.deleted]


def _cells(table: CompiledTable, entry: CompiledField, side: Side, rows: Iterable[Row]) -> Iterator[_Cell]:
    at = entry.erpnext_at if side is Side.ERPNEXT else entry.source_at
    for row in rows:
        held = row.values[table.at(side)]
        if isinstance(held, Unreadable):
            continue
        for number, child in enumerate(rows_of(held).rows, 1):
            yield _Cell(place=f"{row.key}, row {number}", raw=child.values[at])


def _ids(mapping: CompiledMapping, live: LiveRows) -> Iterator[Finding]:
    if live.problems:
        named = "; ".join(f"{problem.key!r}: {problem.reason}" for problem in live.problems[:_NAMED])
        yield finding(
            Severity.WARNING,
            mapping.spec,
            "source.id",
            f"{_rows(len(live.problems))} of {mapping.spec.entity} cannot be told by an id: {named}",
            "Name other columns as the id, or correct these rows: they are failures until then.",
        )


def _states(mapping: CompiledMapping, rows: Sequence[Row]) -> Iterator[Finding]:
    """Values of the state column that stand in no list of `[lifecycle]`."""
    lifecycle = mapping.spec.lifecycle
    if lifecycle is None or lifecycle.field is None:
        return
    broken: dict[str, list[str]] = {}
    for row in _there_rows(rows):
        asks = mapping.asks(row.values)
        if asked_for(lifecycle, asks) is Asked.UNKNOWN:
            broken.setdefault(word(asks), []).append(row.key)
    for text, keys in broken.items():
        yield finding(
            Severity.WARNING,
            mapping.spec,
            "lifecycle.field",
            f"{lifecycle.field} = {quote(text)} stands in no list, in {_rows(len(keys))} of {mapping.spec.entity} "
            f"({_listed(keys)}): such records are held",
            f'Add "{text}" to draft, submitted or cancelled.',
        )


def _lists(mapping: CompiledMapping, live: LiveRows) -> Iterator[Finding]:
    """Tables whose rows cannot be read at all in some records."""
    for table in mapping.tables:
        broken = _Broken()
        for row in _there_rows(live.source):
            held = row.values[table.source_at]
            if isinstance(held, Unreadable):
                broken.add(row.key, held, held.reason)
        if broken.count:
            yield finding(
                Severity.WARNING,
                mapping.spec,
                f"tables.{table.name}",
                f"{_rows(broken.count)} of {mapping.spec.entity} ({', '.join(broken.shown)}): {broken.reason}",
                "Correct these rows, or the table's source and key: they are failures until then.",
            )


def _computed(mapping: CompiledMapping, column: _Column) -> Iterator[Finding]:
    """Rows on which an expression fails."""
    broken = _Broken()
    for cell in column.source if column.entry.spec.compute is not None else ():
        if isinstance(cell.raw, Unreadable):
            broken.add(cell.place, cell.raw, cell.raw.reason)
    if broken.count:
        yield finding(
            Severity.WARNING,
            mapping.spec,
            f"{column.key}.compute",
            f"the expression fails on {_share(broken.count, len(column.source), mapping.spec.entity)} "
            f"({', '.join(broken.shown)}): {broken.reason}",
            "Make the expression hold for these rows too: has(source.x) tells whether a column holds anything.",
        )


def _there(mapping: CompiledMapping, column: _Column) -> Iterator[Finding]:
    """Values of the source on their way to ERPNext, and back where the line flows both ways."""
    entry = column.entry
    refused, changed, empty = _Broken(), _Broken(), _Broken()
    if column.direction.reaches(Side.ERPNEXT):
        for cell in column.source:
            if isinstance(cell.raw, Unreadable):
                continue
            try:
                value = entry.read(Side.SOURCE, cell.raw)
                if isinstance(entry.lens, LinkLens):
                    sent: Value = entry.lens.key_of(value)
                else:
                    sent = entry.convert(value, Side.ERPNEXT)
                    if column.direction is Direction.BOTH and _comes_back_otherwise(entry, value, sent):
                        changed.add(cell.place, cell.raw, "")
            except InvalidValue as error:
                refused.add(cell.place, cell.raw, error.reason)
                continue
            if sent is None and column.required:
                empty.add(cell.place, Unreadable(""), "")
    yield from _told(mapping, column, mapping.spec.entity, len(column.source), refused, changed)
    if empty.count:
        yield finding(
            Severity.WARNING,
            mapping.spec,
            column.key,
            f"{entry.name} is mandatory in ERPNext, and {_share(empty.count, len(column.source), mapping.spec.entity)} "
            f"({', '.join(empty.shown)}) would leave it empty: such records are refused",
            f'Add default = "…" to this line, or fill {entry.spec.source}.',
        )


def _back(mapping: CompiledMapping, column: _Column) -> Iterator[Finding]:
    """Values of ERPNext on their way to the source, and back where the line flows both ways."""
    entry = column.entry
    refused, changed = _Broken(), _Broken()
    if column.direction.reaches(Side.SOURCE) and not isinstance(entry.lens, LinkLens):
        for cell in column.erpnext:
            try:
                value = entry.read(Side.ERPNEXT, cell.raw)
                if entry.is_empty(Side.ERPNEXT, value):
                    continue
                there = entry.convert(value, Side.SOURCE)
                if column.direction is Direction.BOTH and not entry.lens.same(
                    value, entry.convert(there, Side.ERPNEXT)
                ):
                    changed.add(cell.place, cell.raw, "")
            except InvalidValue as error:
                refused.add(cell.place, cell.raw, error.reason)
    yield from _told(mapping, column, mapping.spec.doctype, len(column.erpnext), refused, changed)


def _comes_back_otherwise(entry: CompiledField, value: Value, sent: Value) -> bool:
    """Whether a value of the source, sent to ERPNext as `sent`, would come back as another. Raises `InvalidValue`.

    What the lens says that it loses, and what a normaliser takes off, is no news; nor is the form of a stamp.
    """
    if value is None or sent is None:
        return False
    if entry.default is not None and entry.lens.same(sent, entry.default):
        return False
    back = entry.convert(sent, Side.SOURCE)
    if not entry.lens.same(sent, entry.convert(back, Side.ERPNEXT)):
        return True
    exact = entry.lens.invertible and not entry.lens.loses
    return exact and back != value and entry.erpnext_type.kind in _WRITTEN_ONE_WAY


def _told(
    mapping: CompiledMapping, column: _Column, place: str, total: int, refused: _Broken, changed: _Broken
) -> Iterator[Finding]:
    if refused.count:
        yield finding(
            Severity.WARNING,
            mapping.spec,
            column.key,
            f"{_share(refused.count, total, place)} cannot go across ({'; '.join(refused.shown)}): {refused.reason}",
            "Such records are failures: correct the values, or the converter or values of this line.",
        )
    if changed.count:
        yield finding(
            Severity.WARNING,
            mapping.spec,
            column.key,
            f"{_share(changed.count, total, place)} would come back as something else ({'; '.join(changed.shown)})",
            "Use a converter that undoes itself on these values, or let the line flow one way.",
        )


def _share(count: int, total: int, place: str) -> str:
    return f"the only row of {place}" if total == 1 else f"{count:,} of the first {_rows(total)} of {place}"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more


__all__ = ["MOST_ROWS", "LiveRows", "check_rows", "names_sent"]
