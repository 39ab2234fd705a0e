"""Reads of the journal, of what is open on records, of runs and of a mapping's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from syncd.adapters.store import statements
from syncd.adapters.store.codec import moment_of, names_of
from syncd.adapters.store.record_codec import (
    CONFLICT_READ,
    FAILURE_READ,
    OPERATION_READ,
    RUN_COLUMNS,
    conflict_of,
    failure_of,
    operation_of,
    run_of,
)
from syncd.ports.state import ConflictRecord, FailureRecord, Layout, MappingState, Operation, RunRecord

_OPERATIONS = f"SELECT {OPERATION_READ} FROM operations o JOIN mappings m ON m.id = o.mapping_id"
_CONFLICTS = f"SELECT {CONFLICT_READ} FROM conflicts c JOIN mappings m ON m.id = c.mapping_id"
_FAILURES = f"SELECT {FAILURE_READ} FROM failures f JOIN mappings m ON m.id = f.mapping_id"
_RUNS = f"SELECT {', '.join(RUN_COLUMNS)} FROM runs"
_STATE = (
    "SELECT m.layout, m.fingerprint, m.halt, m.last_run, m.last_full, m.erpnext_cursor, m.source_cursor, "
    "l.erpnext_fields, l.source_fields FROM mappings m "
    "LEFT JOIN layouts l ON l.mapping_id = m.id AND l.number = m.layout WHERE m.name = ?"
)
_LAYOUTS = "SELECT number, erpnext_fields, source_fields FROM layouts WHERE mapping_id = ? ORDER BY number"


def mapping_state(connection: Connection, mapping: str) -> MappingState:
    """See `StateStore.mapping_state`."""
    rows = statements.select(connection, _STATE, (mapping,))
    if not rows:
        return MappingState(mapping=mapping)
    layout, fingerprint, halt, last_run, last_full, erpnext_cursor, source_cursor, erpnext, source = rows[0]
    return MappingState(
        mapping=mapping,
        erpnext_cursor=erpnext_cursor,
        source_cursor=source_cursor,
        layout=layout,
        erpnext_fields=names_of(erpnext or "[]"),
        source_fields=names_of(source or "[]"),
        fingerprint=fingerprint,
        last_run=moment_of(last_run),
        last_full=moment_of(last_full),
        halt=halt,
    )


def layouts(connection: Connection, mapping_id: int) -> dict[int, Layout]:
    """See `StateStore.layouts`."""
    return {
        number: Layout(number=number, erpnext_fields=names_of(erpnext), source_fields=names_of(source))
        for number, erpnext, source in statements.select(connection, _LAYOUTS, (mapping_id,))
    }


def open_operations(connection: Connection, mapping_id: int) -> list[Operation]:
    """See `StateStore.open_operations`."""
    text = f"{_OPERATIONS} WHERE o.mapping_id = ? AND o.state = 'open' ORDER BY o.id"
    return [operation_of(row) for row in statements.select(connection, text, (mapping_id,))]


def operations(connection: Connection, run: str, after: int, limit: int) -> list[tuple[int, Operation]]:
    """(row id, operation): one page of `StateStore.operations`."""
    text = f"{_OPERATIONS} WHERE o.run = ? AND o.id > ? ORDER BY o.id LIMIT ?"
    return [(row[0], operation_of(row)) for row in statements.select(connection, text, (run, after, limit))]


def _where(conditions: Sequence[tuple[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    """`WHERE` of those conditions that have a value, and the values."""
    held = [(text, value) for text, value in conditions if value is not None]
    return (" WHERE " + " AND ".join(text for text, _ in held) if held else ""), tuple(value for _, value in held)


def conflicts(connection: Connection, mapping: str | None, run: str | None) -> list[ConflictRecord]:
    """See `StateStore.conflicts`: by ascending id. `run` is the run that met the conflict last."""
    where, values = _where([("m.name = ?", mapping), ("c.run = ?", run)])
    return [conflict_of(row) for row in statements.select(connection, f"{_CONFLICTS}{where} ORDER BY c.id", values)]


def conflict(connection: Connection, conflict_id: int) -> ConflictRecord | None:
    """See `StateStore.conflict`."""
    rows = statements.select(connection, f"{_CONFLICTS} WHERE c.id = ?", (conflict_id,))
    return conflict_of(rows[0]) if rows else None


def failures(connection: Connection, mapping: str | None) -> list[FailureRecord]:
    """See `StateStore.failures`: by ascending id."""
    where, values = _where([("m.name = ?", mapping)])
    return [failure_of(row) for row in statements.select(connection, f"{_FAILURES}{where} ORDER BY f.id", values)]


def failure(connection: Connection, failure_id: int) -> FailureRecord | None:
    """See `StateStore.failure`."""
    rows = statements.select(connection, f"{_FAILURES} WHERE f.id = ?", (failure_id,))
    return failure_of(rows[0]) if rows else None


def runs(connection: Connection, limit: int) -> list[RunRecord]:
    """See `StateStore.runs`."""
    text = f"{_RUNS} ORDER BY started DESC, id DESC LIMIT ?"
    return [run_of(row) for row in statements.select(connection, text, (limit,))]


def run(connection: Connection, run_id: str) -> RunRecord | None:
    """See `StateStore.run`. None, too, where several ids begin so."""
    if not run_id:
        return None
    # Ids sort byte by byte: those that begin so stand between it and it with the last character there is.
    text = f"{_RUNS} WHERE id >= ? AND id < ? ORDER BY id LIMIT 2"
    rows = statements.select(connection, text, (run_id, f"{run_id}\U0010ffff"))
    if rows and (len(rows) == 1 or rows[0][0] == run_id):
        return run_of(rows[0])
    return None


def prune(connection: Connection, before: str) -> int:
    """See `StateStore.prune`; `before` is text as it is stored. Open operations stay, and so do their runs."""
    return statements.run(
        connection, "DELETE FROM operations WHERE finished < ? AND state <> 'open'", (before,)
    ) + statements.run(
        connection,
        "DELETE FROM runs WHERE started < ? AND coalesce(finished, started) < ? "
        "AND id NOT IN (SELECT run FROM operations WHERE state = 'open')",
        (before, before),
    )
