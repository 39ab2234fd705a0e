"""The writes of one mapping in one database transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from syncd.adapters.store import open_records, statements
from syncd.adapters.store.codec import (
    LAYOUTS,
    MAPPINGS,
    PAIR_CONTENT,
    PAIRS,
    SIDES,
    STAGED,
    STAGED_COLUMNS,
    moment_text,
    names_text,
    pair_tuple,
    staged_tuple,
    stamp_text,
)
from syncd.adapters.store.record_codec import OPERATION_COLUMNS, OPERATIONS, operation_tuple
from syncd.core.model import Raw, Side
from syncd.errors import StateError
from syncd.ports.state import (
    ConflictRecord,
    FailureRecord,
    MappingState,
    NewPair,
    Operation,
    OperationState,
    PairChange,
    Staged,
    StagedState,
)

_STAGE = statements.upsert(STAGED, STAGED_COLUMNS, ["mapping_id", "side", "key"])
_MARK = statements.update(STAGED, ["state"])
_SUPERSEDE = "DELETE FROM staged WHERE mapping_id = ? AND pair = ? AND side = ? AND key <> ?"
_TIE = (
    "UPDATE staged SET pair = (SELECT id FROM pairs WHERE mapping_id = ? AND erpnext_name = ?), match = NULL "
    "WHERE id = ?"
)
_TOUCH_STAGED = statements.update(STAGED, ["stamp"])
_TOUCH = {side: statements.update(PAIRS, [f"{side.value}_stamp"]) for side in Side}
_ADD_PAIR = statements.insert(PAIRS, ["mapping_id", *PAIR_CONTENT])
_CHANGE_PAIR = statements.update(PAIRS, PAIR_CONTENT)
_FREE_KEYS = "UPDATE pairs SET erpnext_name = NULL, external_id = NULL WHERE id = ?"
_JOURNAL = statements.insert(OPERATIONS, OPERATION_COLUMNS)
_FINISH = "UPDATE operations SET state = ?, error = ?, results = ?, finished = ? WHERE key = ? AND mapping_id = ?"
_STATE_COLUMNS = ["layout", "fingerprint", "halt", "last_run", "last_full", "erpnext_cursor", "source_cursor"]
_SET_STATE = statements.update(MAPPINGS, _STATE_COLUMNS)
_READ_LAYOUT = "SELECT erpnext_fields, source_fields FROM layouts WHERE mapping_id = ? AND number = ?"
_ADD_LAYOUT = statements.insert(LAYOUTS, ["mapping_id", "number", "erpnext_fields", "source_fields"])


class SqlTransaction:
    """`ports.state.Transaction` over a connection that is in a writing transaction. `now` is aware."""

    def __init__(self, connection: Connection, mapping: str, mapping_id: int, now: datetime) -> None:
        self._connection = connection
        self._mapping = mapping
        self._mapping_id = mapping_id
        self._now = now

    def stage(self, rows: Sequence[Staged]) -> None:
        """Insert, or replace those with the same side and key, which keep their id.

        A pair has one row of a side: what was staged of it under another key goes.
        """
        others = [(self._mapping_id, row.pair, SIDES[row.side], row.key) for row in rows if row.pair is not None]
        statements.run_many(self._connection, _SUPERSEDE, others)
        tuples = [staged_tuple(self._mapping_id, row) for row in rows]
        statements.run_many(self._connection, _STAGE, tuples)

    def unstage(self, ids: Sequence[int]) -> None:
        """Remove staged rows."""
        for some in statements.chunks(ids):
            holes = statements.placeholders(len(some))
            statements.run(self._connection, f"DELETE FROM staged WHERE id IN ({holes})", some)

    def mark_staged(self, states: Sequence[tuple[int, StagedState]]) -> None:
        """Set the state of staged rows by id."""
        statements.run_many(self._connection, _MARK, [(state.value, number) for number, state in states])

    def tie(self, ties: Sequence[tuple[int, str]]) -> None:
        """(staged id, ERPNext name): make staged rows those of the pair of that name, which may have been added in
        this transaction; they are not matched any more."""
        rows = [(self._mapping_id, name, staged) for staged, name in ties]
        statements.run_many(self._connection, _TIE, rows)

    def touch(self, side: Side, stamps: Sequence[tuple[int, Raw]]) -> None:
        """(pair id, stamp): the record moved, its mapped values did not."""
        statements.run_many(self._connection, _TOUCH[side], [(stamp_text(stamp), pair) for pair, stamp in stamps])

    def touch_staged(self, stamps: Sequence[tuple[int, Raw]]) -> None:
        """(staged id, stamp): the same for staged rows."""
        rows = [(stamp_text(stamp), staged) for staged, stamp in stamps]
        statements.run_many(self._connection, _TOUCH_STAGED, rows)

    def add_pairs(self, pairs: Sequence[NewPair], layout: int) -> None:
        """Insert pairs. Raises `StateError` when one of their keys has a pair already; nothing is stored then."""
        rows = [(self._mapping_id, *pair_tuple(pair, layout)) for pair in pairs]
        try:
            statements.run_many(self._connection, _ADD_PAIR, rows)
        except IntegrityError as error:
            raise self._taken(error) from error

    def change_pairs(self, changes: Sequence[PairChange], layout: int) -> None:
        """Replace the content of pairs by id. Keys may move from pair to pair among them, in circles too.

        Raises `StateError` when a key is a pair's that is not among them; nothing is stored then.
        """
        rows = [(*pair_tuple(change.content, layout), change.id) for change in changes]
        try:
            with self._connection.begin_nested():
                statements.run_many(self._connection, _CHANGE_PAIR, rows)
        except IntegrityError:
            # Row by row a key may still be where it moves away from: let go of all of them first.
            statements.run_many(self._connection, _FREE_KEYS, [(change.id,) for change in changes])
            try:
                statements.run_many(self._connection, _CHANGE_PAIR, rows)
            except IntegrityError as error:
                raise self._taken(error) from error

    def _taken(self, error: IntegrityError) -> StateError:
        return StateError(
            f"mapping {self._mapping}: an ERPNext name or external id would belong to two pairs ({error.orig}); "
            "nothing of this step was recorded",
            hint="run again with --full; if it comes back, put a backup of the state back",
        )

    def journal(self, operations: Sequence[Operation]) -> None:
        """Write operations before they are sent; `sent` is the present where they do not say.

        Raises `StateError` for a key that was used before: what is sent under it would count as done.
        """
        rows = [operation_tuple(self._mapping_id, operation, self._now) for operation in operations]
        try:
            statements.run_many(self._connection, _JOURNAL, rows)
        except IntegrityError as error:
            keys = ", ".join(operation.key for operation in operations)
            raise StateError(
                f"mapping {self._mapping}: an operation key was used before ({keys}); nothing was sent",
                hint="run again: new keys are made for every run",
            ) from error

    def finish(self, results: Sequence[tuple[str, OperationState, str, bytes]]) -> None:
        """(operation key, state, error, results): what became of operations and of each of their records."""
        now = moment_text(self._now)
        rows = [
            (state.value, error, outcomes, None if state is OperationState.OPEN else now, key, self._mapping_id)
            for key, state, error, outcomes in results
        ]
        statements.run_many(self._connection, _FINISH, rows)

    def hold(self, conflicts: Sequence[ConflictRecord]) -> None:
        """Open conflicts, or replace the open one of the same record (see `open_records`)."""
        open_records.hold(self._connection, self._mapping_id, conflicts, self._now)

    def close_conflicts(self, keys: Sequence[tuple[str | None, str | None]]) -> None:
        """Close the open conflicts of records by (external id, ERPNext name)."""
        open_records.close(self._connection, "conflicts", self._mapping_id, keys)

    def fail(self, failures: Sequence[FailureRecord]) -> None:
        """Record failures; the same record and side again counts its attempts up."""
        open_records.fail(self._connection, self._mapping_id, failures, self._now)

    def close_failures(self, keys: Sequence[tuple[str | None, str | None]]) -> None:
        """Close the failures of records by (external id, ERPNext name), on both sides."""
        open_records.close(self._connection, "failures", self._mapping_id, keys)

    def free_names(self, pairs: Sequence[int]) -> None:
        """Take the ERPNext name from pairs: another document bears it now."""
        for some in statements.chunks(pairs):
            holes = statements.placeholders(len(some))
            statements.run(self._connection, f"UPDATE pairs SET erpnext_name = NULL WHERE id IN ({holes})", some)

    def drop_staged(self) -> None:
        """Remove every staged row of the mapping: its content changed, everything is read anew."""
        statements.run(self._connection, "DELETE FROM staged WHERE mapping_id = ?", (self._mapping_id,))

    def set_state(self, state: MappingState) -> None:
        """Replace the mapping's state; the fields of every layout number are kept.

        Raises ValueError when `state` gives other fields to a number that has its fields already: images that carry
        the number would be read wrongly.
        """
        row = (
            state.layout,
            state.fingerprint,
            state.halt,
            moment_text(state.last_run),
            moment_text(state.last_full),
            state.erpnext_cursor,
            state.source_cursor,
            self._mapping_id,
        )
        statements.run_many(self._connection, _SET_STATE, [row])
        if not state.erpnext_fields and not state.source_fields:
            return
        fields = (names_text(state.erpnext_fields), names_text(state.source_fields))
        held = statements.select(self._connection, _READ_LAYOUT, (self._mapping_id, state.layout))
        if not held:
            statements.run_many(self._connection, _ADD_LAYOUT, [(self._mapping_id, state.layout, *fields)])
        elif tuple(held[0]) != fields:
            raise ValueError(f"mapping {self._mapping}: layout {state.layout} holds {held[0]}, not {fields}")
