"""Creating partners: what a record without one becomes on the other side.

A plan is compiled once for a mapping and a direction; deciding on a record then looks nothing up. Values are converted
through a small memory for each field, since most fields of real data hold few distinct values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

from syncd.core.lifecycle import (
    Asked,
    Changed,
    Policy,
    Situation,
    Stands,
    Step,
    asked_for,
    transition,
    unknown_word,
    word_for,
)
from syncd.core.mapping import CompiledField, CompiledMapping, CompiledTable
from syncd.core.merge import Problem, effective_direction, problem_of
from syncd.core.model import Action, Direction, FieldChange, Image, Raw, Rows, Side, TableRow, Unreadable, Write
from syncd.core.row_texts import rows_told, table_label
from syncd.core.rows import rows_of
from syncd.core.scope import filled_by_scope, out_of_scope
from syncd.core.values import InvalidValue, Kind, show

_REMEMBERED = 2048
"""Distinct values that are remembered for a field; beyond it nothing more is added."""

Translate = Callable[[Raw], Raw]
"""A raw value of the giving side → what the receiving side is given; None: nothing. Raises `InvalidValue`."""


class Creation(NamedTuple):
    """What creating one record takes. With `problems` nothing is created."""

    write: Write | None
    labels: tuple[str, ...] = ()
    """The ERPNext fieldnames of `write.values`, in their order."""
    problems: tuple[Problem, ...] = ()
    ends: str = ""
    """Why nothing is created for it, now or later."""
    holds: str = ""
    """Why a person has to decide before anything is created."""


class CreationPlan:
    """Decides on records of `side` that have no partner."""

    def __init__(self, mapping: CompiledMapping, side: Side) -> None:
        target = side.other
        spec = mapping.spec
        self._side, self._target = side, target
        self._mapping = mapping
        self.allowed = spec.create.allows(target) and spec.direction.reaches(target)
        """Whether partners may be created on the other side at all."""
        self._spec = spec
        self._scoped = bool(spec.erpnext_filters if target is Side.ERPNEXT else spec.source_filters)
        self._constants = {**filled_by_scope(spec, target), **(mapping.constants if target is Side.ERPNEXT else {})}
        self._link = spec.external_id is not None if target is Side.ERPNEXT else spec.erpnext_name is not None
        self._fields = [
            (
                entry.erpnext_at if side is Side.ERPNEXT else entry.source_at,
                entry.spec.erpnext if target is Side.ERPNEXT else entry.spec.source or "",
                entry.name,
                _translation(entry, side),
            )
            for entry in mapping.fields
            if effective_direction(mapping, entry).reaches(target)
        ]
        self._tables = [table for table in mapping.tables if table_direction(mapping, table).reaches(target)]
        self._row_fields = {table.name: _row_translations(mapping, table, side) for table in self._tables}
        self._labels: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._names = {own: label for _, own, label, _ in self._fields}
        self._names.update((table.slot(target), _table_label(table, target)) for table in self._tables)

    def decide(self, key: str, values: Image, *, without: Collection[str] = ()) -> Creation:
        """What is sent for the record with this key and image; call it only where `allowed`.

        `without`: fields (by ERPNext fieldname) that are left out, to be completed once their links lead somewhere.
        """
        sent: dict[str, Raw] = dict(self._constants)
        problems: list[Problem] = []
        refused, docstatus = self._state(values, sent)
        if refused is not None:
            return refused
        for at, own, label, translate in self._fields:
            if label in without:
                continue
            try:
                value = translate(values[at])
            except InvalidValue as error:
                problems.append(problem_of(label, self._side, error))
                continue
            if value is not None:
                sent[own] = value
        for table in self._tables:
            rows = self._rows(table, values, problems)
            if rows.rows:
                sent[table.slot(self._target)] = rows
        if self._scoped and (reason := out_of_scope(self._spec, self._target, sent)) is not None:
            problems.append(Problem("filters", self._side, reason))
        if problems:
            return Creation(None, (), tuple(problems))
        write = Write(Action.CREATE, self._target, None, key, sent, link=self._link, docstatus=docstatus)
        return Creation(write, self._labelled(sent))

    def _state(self, values: Image, sent: dict[str, Raw]) -> tuple[Creation | None, int]:
        """(why nothing is created, the new document's docstatus); the source's word for a document goes into `sent`."""
        mapping, lifecycle = self._mapping, self._spec.lifecycle
        if lifecycle is None:
            return None, 0
        if self._target is Side.SOURCE:
            docstatus = mapping.docstatus(values)
            said = word_for(lifecycle, docstatus)
            if lifecycle.field is not None and said is not None:
                sent[lifecycle.field] = said
            return (Creation(None, ends="cancelled in ERPNext before it was known here") if docstatus == 2 else None), 0
        asks = mapping.asks(values)
        situation = Situation(
            before=Stands.ABSENT,
            now=Stands.ABSENT,
            asked_before=Asked.UNSAID,
            asked=asked_for(lifecycle, asks),
            changed=Changed.NOTHING,
        )
        found = transition(situation, Policy(lifecycle=lifecycle))
        if found.step is Step.END:
            return Creation(None, ends=found.reason), 0
        if found.step is Step.HOLD:
            return Creation(None, holds=unknown_word(lifecycle, asks)), 0
        return None, int(found.step is Step.CREATE_SUBMITTED)

    def _rows(self, table: CompiledTable, values: Image, problems: list[Problem]) -> Rows:
        """The rows of a table as the receiving side is given them; what is wrong with them is added to `problems`."""
        made = []
        given = values[table.at(self._side)]
        if isinstance(given, Unreadable):
            problems.append(Problem(table.name, self._side, given.reason))
        for row in rows_of(given).rows:
            held: list[Raw] = [None] * len(table.names(self._target))
            for at, to, label, translate in self._row_fields[table.name]:
                try:
                    held[to] = translate(row.values[at])
                except InvalidValue as error:
                    where = f"{table.name}[{row.name}].{label}"
                    problems.append(problem_of(where, self._side, error))
            made.append(TableRow(None, tuple(held)))
        return Rows(tuple(made))

    def _labelled(self, sent: dict[str, Raw]) -> tuple[str, ...]:
        names = tuple(sent)
        labels = self._labels.get(names)
        if labels is None:
            labels = self._labels[names] = tuple(self._names.get(name, name) for name in names)
        return labels


def creation_changes(creation: Creation) -> tuple[FieldChange, ...]:
    """A creation in a person's terms."""
    if creation.write is None:
        return ()
    changes = []
    for label, value in zip(creation.labels, creation.write.values.values(), strict=True):
        told = rows_told(label, value) if isinstance(value, Rows) else [(label, show(value))]
        changes += [FieldChange(field=field, old=None, new=new) for field, new in told]
    return tuple(changes)


def _table_label(table: CompiledTable, target: Side) -> str:
    """The table with its columns, by their names in ERPNext; a key that is not mapped goes by its own name."""
    names = {entry.spec.erpnext if target is Side.ERPNEXT else entry.spec.source: entry.name for entry in table.fields}
    return table_label(table.name, [names.get(column, column) for column in table.names(target)])


def table_direction(mapping: CompiledMapping, table: CompiledTable) -> Direction:
    """A table's direction within the mapping's."""
    return table.spec.direction if mapping.spec.direction is Direction.BOTH else mapping.spec.direction


def _row_translations(
    mapping: CompiledMapping, table: CompiledTable, side: Side
) -> list[tuple[int, int, str, Translate]]:
    """(position in the giving row, position in the receiving row, fieldname, translation) of a table's fields."""
    erpnext = side is Side.ERPNEXT
    return [
        (
            entry.erpnext_at if erpnext else entry.source_at,
            entry.source_at if erpnext else entry.erpnext_at,
            entry.name,
            _translation(entry, side),
        )
        for entry in table.fields
        if effective_direction(mapping, entry).reaches(side.other)
    ]


def _translation(entry: CompiledField, side: Side) -> Translate:
    """The field's raw value of `side` → its raw value across, by the quickest way that is right."""

    def convert(raw: Raw) -> Raw:
        return entry.raw(entry.give(entry.read(side, raw), side.other), side.other)

    if entry.spec.link is not None:  # what a link leads to may change while a run goes on
        return convert
    return _plain_text(entry, side, convert) if _is_plain_text(entry) else _remembering(convert)


def _is_plain_text(entry: CompiledField) -> bool:
    ends = (entry.erpnext_type, entry.source_type)
    return entry.lens.identity and all(end.kind is Kind.TEXT and end.options is None for end in ends)


def _plain_text(entry: CompiledField, side: Side, convert: Translate) -> Translate:
    """Text that goes across as it is, if it is not blank and not too long; anything else goes the long way."""
    taking = entry.source_type if side is Side.ERPNEXT else entry.erpnext_type
    longest = taking.length if taking.length is not None else 1 << 30

    def translate(raw: Raw) -> Raw:
        if raw.__class__ is str and len(raw) <= longest and not raw.isspace() and raw:
            return raw
        return convert(raw)

    return translate


def _remembering(convert: Translate) -> Translate:
    """`convert` with a memory. Values are told apart by their kind too: 1, 1.0 and True are equal, but not the same."""
    memory: dict[tuple[type, Raw], Raw] = {}

    def translate(raw: Raw) -> Raw:
        if isinstance(raw, datetime):  # equal ones may differ in what counts: their zone, and half of a repeated hour
            return convert(raw)
        held = (raw.__class__, raw)
        try:
            return memory[held]
        except KeyError:
            value = convert(raw)
            if len(memory) < _REMEMBERED:
                memory[held] = value
            return value

    return translate
