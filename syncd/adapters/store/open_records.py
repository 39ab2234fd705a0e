"""Conflicts and failures: what is open on a record.

A record is known by its external id, by its ERPNext name, or by both. Two entries are of the same record when their
external ids are equal, or, where one of them has none, when their ERPNext names are: an ambiguous record that is
paired later, or renamed, leaves nothing behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from syncd.adapters.store import statements
from syncd.adapters.store.codec import moment_text
from syncd.adapters.store.record_codec import (
    CONFLICT_COLUMNS,
    CONFLICTS,
    FAILURE_COLUMNS,
    FAILURES,
    conflict_tuple,
    failure_tuple,
)
from syncd.core.resolution import as_moved
from syncd.ports.state import ConflictRecord, FailureRecord

RecordKey = tuple[str | None, str | None]
"""(external id, ERPNext name)"""

_ADD_CONFLICT = statements.insert(CONFLICTS, CONFLICT_COLUMNS)
_CHANGE_CONFLICT = statements.update(CONFLICTS, CONFLICT_COLUMNS)
_ADD_FAILURE = statements.insert(FAILURES, FAILURE_COLUMNS)
_CHANGE_FAILURE = statements.update(FAILURES, FAILURE_COLUMNS)


class _Entry(NamedTuple):
    """An open entry of `conflicts` or `failures`: its row id, its record, and what a newer entry takes over."""

    id: int
    external_id: str | None
    name: str | None
    kept: tuple[Any, ...]


class _Entries:
    """The open entries that may concern some records."""

    def __init__(
        self, connection: Connection, table: str, mapping_id: int, kept: str, keys: Iterable[RecordKey]
    ) -> None:
        self._by_id: dict[str, list[_Entry]] = defaultdict(list)
        self._by_name: dict[str, list[_Entry]] = defaultdict(list)
        if not statements.select(connection, f"SELECT 1 FROM {table} WHERE mapping_id = ? LIMIT 1", (mapping_id,)):
            return
        external_ids = sorted({external_id for external_id, _ in keys if external_id is not None})
        names = sorted({name for _, name in keys if name is not None})
        found: set[int] = set()
        for column, values in (("external_id", external_ids), ("erpnext_name", names)):
            for some in statements.chunks(values):
                text = (
                    f"SELECT id, external_id, erpnext_name, {kept} FROM {table} "
                    f"WHERE mapping_id = ? AND {column} IN ({statements.placeholders(len(some))}) ORDER BY id"
                )
                for number, external_id, name, *rest in statements.select(connection, text, (mapping_id, *some)):
                    if number not in found:
                        found.add(number)
                        self._add(_Entry(number, external_id, name, tuple(rest)))

    def _add(self, entry: _Entry) -> None:
        if entry.external_id is not None:
            self._by_id[entry.external_id].append(entry)
        if entry.name is not None:
            self._by_name[entry.name].append(entry)

    def of(self, key: RecordKey) -> list[_Entry]:
        """The entries of one record, oldest first."""
        external_id, name = key
        same = list(self._by_id.get(external_id, ())) if external_id is not None else []
        if name is not None:
            same += [entry for entry in self._by_name.get(name, ()) if external_id is None or entry.external_id is None]
        return sorted({entry.id: entry for entry in same}.values(), key=lambda entry: entry.id)


def close(connection: Connection, table: str, mapping_id: int, keys: Sequence[RecordKey]) -> None:
    """Remove the open entries of these records from `conflicts` or `failures`."""
    if not statements.select(connection, f"SELECT 1 FROM {table} WHERE mapping_id = ? LIMIT 1", (mapping_id,)):
        return  # the common case, and a first contact closes records by the hundred thousand
    entries = _Entries(connection, table, mapping_id, "id", keys)
    _remove(connection, table, {entry.id for key in keys for entry in entries.of(key)})


def _remove(connection: Connection, table: str, ids: Iterable[int]) -> None:
    for some in statements.chunks(sorted(ids)):
        holes = statements.placeholders(len(some))
        statements.run(connection, f"DELETE FROM {table} WHERE id IN ({holes})", some)


def hold(connection: Connection, mapping_id: int, conflicts: Sequence[ConflictRecord], now: datetime) -> None:
    """Open conflicts. One that replaces another keeps its number and the time it was opened.

    A person's decision stays with it as long as it is the same question (kind and fields): it may have been noted
    after the run looked for decisions. Beside another question it stays as one that moved, so that the person is told.
    """
    last = {(record.external_id, record.erpnext_name): record for record in conflicts}
    entries = _Entries(connection, "conflicts", mapping_id, "kind, fields, opened, resolution", last)
    new, changed = [], []
    removed: set[int] = set()
    present = moment_text(now)
    for key, record in last.items():
        opened, resolution = moment_text(record.opened) or present, record.resolution
        held = entries.of(key)
        if not held:
            new.append(conflict_tuple(mapping_id, record, opened, resolution))
            continue
        kind, fields, first_opened, decided = held[0].kept
        if resolution is None and decided is not None:
            same = (kind, bytes(fields)) == (record.kind, record.fields)
            resolution = bytes(decided) if same else as_moved(bytes(decided))
        row = conflict_tuple(mapping_id, record, first_opened or opened, resolution)
        changed.append((*row, held[0].id))
        removed.update(entry.id for entry in held[1:])
    statements.run_many(connection, _ADD_CONFLICT, new)
    statements.run_many(connection, _CHANGE_CONFLICT, changed)
    _remove(connection, "conflicts", removed)


def fail(connection: Connection, mapping_id: int, failures: Sequence[FailureRecord], now: datetime) -> None:
    """Record failures. The same record and side again keeps its number and first time, and counts an attempt more.

    One that a person ignores stays ignored as long as it is the same record with the same content.
    """
    last = {(record.external_id, record.erpnext_name, record.side): record for record in failures}
    keys = [(external_id, name) for external_id, name, _ in last]
    entries = _Entries(connection, "failures", mapping_id, "side, attempts, first, ignored, digest", keys)
    new, changed = [], []
    removed: set[int] = set()
    present = moment_text(now)
    for (external_id, name, side), record in last.items():
        first, latest = moment_text(record.first) or present, moment_text(record.last) or present
        held = [entry for entry in entries.of((external_id, name)) if entry.kept[0] == side.value]
        if not held:
            new.append(failure_tuple(mapping_id, record, record.attempts, first, latest, ignored=record.ignored))
            continue
        _, attempts, first_time, was_ignored, mark = held[0].kept
        ignored = bool(was_ignored) and mark is not None and bytes(mark) == record.digest
        row = failure_tuple(mapping_id, record, attempts + 1, first_time or first, latest, ignored=ignored)
        changed.append((*row, held[0].id))
        removed.update(entry.id for entry in held[1:])
    statements.run_many(connection, _ADD_FAILURE, new)
    statements.run_many(connection, _CHANGE_FAILURE, changed)
    _remove(connection, "failures", removed)


def resolve(connection: Connection, decisions: Sequence[tuple[ConflictRecord, bytes]]) -> list[int]:
    """Note decisions on conflicts that still ask what was shown (kind and fields); the numbers of the others."""
    text = "UPDATE conflicts SET resolution = ? WHERE id = ? AND kind = ? AND fields = ?"
    return [
        shown.id
        for shown, resolution in decisions
        if statements.run(connection, text, (resolution, shown.id, shown.kind, shown.fields)) == 0
    ]


def retry(connection: Connection, ids: Sequence[int]) -> int:
    """Make these failures due: neither parked nor ignored any more. Returns how many there were."""
    due = 0
    for some in statements.chunks(ids):
        text = f"UPDATE failures SET permanent = ?, ignored = ? WHERE id IN ({statements.placeholders(len(some))})"
        due += statements.run(connection, text, (False, False, *some))
    return due


def ignore(connection: Connection, failure_id: int) -> bool:
    """Park a failure and mark it as ignored; whether it was there."""
    text = "UPDATE failures SET permanent = ?, ignored = ? WHERE id = ?"
    return statements.run(connection, text, (True, True, failure_id)) > 0
