"""The state-store port: pairs, staged rows, the journal, conflicts, failures, runs, leases.

Everything is by page and by mapping; nothing here costs a statement per record. All writing happens in a
`Transaction`: all of it or nothing, and only while the lease is held (`LeaseHeldError`: an owner that woke up late
stops without having written).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from syncd.core.model import Pair, Raw, Side
from syncd.ports.records import (
    AgreedPair,
    ConflictRecord,
    FailureRecord,
    Known,
    Layout,
    MappingState,
    MappingTotals,
    Match,
    NewPair,
    Operation,
    OperationState,
    PairChange,
    RunRecord,
    Staged,
    StagedState,
    Work,
)


class Lease(Protocol):
    """The right to write one mapping's state."""

    mapping: str

    def beat(self) -> None:
        """Renew the lease; raises `LeaseHeldError` when it was taken over meanwhile."""
        ...

    def release(self) -> None:
        """Give it back; harmless when repeated."""
        ...


class Transaction(Protocol):
    """Writes of one mapping: all or nothing."""

    def stage(self, rows: Sequence[Staged]) -> None:
        """Insert, or replace those with the same side and key, match digests included.

        A pair has one row of a side: what was staged of it under another key goes.
        """
        ...

    def unstage(self, ids: Sequence[int]) -> None:
        """Remove staged rows."""
        ...

    def mark_staged(self, states: Sequence[tuple[int, StagedState]]) -> None:
        """Set the state of staged rows by id."""
        ...

    def tie(self, ties: Sequence[tuple[int, str]]) -> None:
        """(staged id, ERPNext name): make staged rows those of the pair of that name, were it added in this
        transaction."""
        ...

    def touch(self, side: Side, stamps: Sequence[tuple[int, Raw]]) -> None:
        """(pair id, stamp): the record moved, its mapped values did not."""
        ...

    def touch_staged(self, stamps: Sequence[tuple[int, Raw]]) -> None:
        """(staged id, stamp): the same for rows without a partner."""
        ...

    def add_pairs(self, pairs: Sequence[NewPair], layout: int) -> None:
        """Insert pairs."""
        ...

    def change_pairs(self, changes: Sequence[PairChange], layout: int) -> None:
        """Replace the content of pairs by id."""
        ...

    def journal(self, operations: Sequence[Operation]) -> None:
        """Write operations before they are sent."""
        ...

    def finish(self, results: Sequence[tuple[str, OperationState, str, bytes]]) -> None:
        """(operation key, state, error, results): what became of operations and of each of their records."""
        ...

    def hold(self, conflicts: Sequence[ConflictRecord]) -> None:
        """Open conflicts, or replace the open one of the same record (mapping, external id, name)."""
        ...

    def close_conflicts(self, keys: Sequence[tuple[str | None, str | None]]) -> None:
        """Close the open conflicts of records by (external id, ERPNext name)."""
        ...

    def fail(self, failures: Sequence[FailureRecord]) -> None:
        """Record failures; the same record and side again counts its attempts up.

        An ignored one stays ignored, and parked, as long as the digest of its record is the same.
        """
        ...

    def close_failures(self, keys: Sequence[tuple[str | None, str | None]]) -> None:
        """Close the failures of records by (external id, ERPNext name)."""
        ...

    def free_names(self, pairs: Sequence[int]) -> None:
        """Take the ERPNext name from pairs: another document bears it now."""
        ...

    def drop_staged(self) -> None:
        """Remove every staged row of the mapping: its content changed, everything is read anew."""
        ...

    def set_state(self, state: MappingState) -> None:
        """Replace the mapping's state; a changed layout is kept for images that still carry the old one."""
        ...


class StateStore(Protocol):
    """The state store. Reads see the last committed state."""

    def acquire(self, mapping: str, *, wait: float) -> Lease:
        """The mapping's lease; waits at most `wait` seconds, then raises `LeaseHeldError` naming the holder."""
        ...

    def transaction(self, lease: Lease) -> AbstractContextManager[Transaction]:
        """Write under a lease; checks that it is still held before committing."""
        ...

    def mapping_state(self, mapping: str) -> MappingState:
        """The mapping's state; a fresh one where there is none."""
        ...

    def layouts(self, mapping: str) -> dict[int, Layout]:
        """Every layout that stored images may carry."""
        ...

    def known(
        self, mapping: str, side: Side, keys: Sequence[str], partners: Sequence[str | None]
    ) -> list[Known | None]:
        """One entry a key, in order: its pair or its staged row, by key, else the pair whose partner it names."""
        ...

    def work(self, mapping: str, *, after: int, limit: int) -> list[Work]:
        """Pairs with staged rows, and open pairs, by ascending pair id beyond `after`."""
        ...

    def count_work(self, mapping: str) -> int:
        """How many pairs `work` would give in all."""
        ...

    def unpaired(
        self,
        mapping: str,
        side: Side,
        *,
        after: int,
        limit: int,
        states: Sequence[StagedState],
        claiming: bool = False,
    ) -> list[Staged]:
        """Staged rows without a pair, by ascending id beyond `after`; `claiming`: only those that name a partner."""
        ...

    def staged(self, ids: Sequence[int]) -> list[Staged]:
        """Staged rows by id."""
        ...

    def matches(self, mapping: str) -> Iterator[Match]:
        """Candidates among staged rows without a pair where at least one of both is NEW, by (rule, ERPNext id)."""
        ...

    def pairs(self, mapping: str, *, after: int, limit: int, live: bool = True) -> list[tuple[Pair, int]]:
        """(pair, layout) by ascending id; `live` leaves out ended ones."""
        ...

    def agreed_pairs(self, mapping: str, *, layout: int, after: int, limit: int) -> list[AgreedPair]:
        """Agreed pairs of that layout of which nothing is staged, by ascending id beyond `after`."""
        ...

    def ended_pairs(self, mapping: str, *, after: int, limit: int) -> list[tuple[Pair, int]]:
        """(pair, layout) of ended pairs by ascending id beyond `after`; those that were forgotten are left out."""
        ...

    def pairs_by_key(self, mapping: str, side: Side, keys: Sequence[str]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these keys."""
        ...

    def pairs_by_id(self, mapping: str, ids: Sequence[int]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these pair ids; those that are not there are left out."""
        ...

    def pairs_by_creation(self, mapping: str, creations: Sequence[str]) -> list[tuple[Pair, int]]:
        """(pair, layout) of the pairs whose documents were created at these moments (ERPNext's `creation`)."""
        ...

    def pair_ids(self, mapping: str) -> Iterator[int]:
        """Ids of all live pairs, ascending: a full pass checks them against what it saw."""
        ...

    def newest_pairs(self, mapping: str, side: Side, limit: int) -> list[tuple[str, Raw]]:
        """(key, stamp) of the most recently stamped live pairs: what the restored-backup guard looks at."""
        ...

    def open_operations(self, mapping: str) -> list[Operation]:
        """Operations whose outcome is not recorded, oldest first."""
        ...

    def operations(self, run: str) -> Iterator[Operation]:
        """The journal of one run, for its report."""
        ...

    def conflicts(self, mapping: str | None = None, *, run: str | None = None) -> list[ConflictRecord]:
        """Open conflicts."""
        ...

    def conflict(self, conflict_id: int) -> ConflictRecord | None:
        """One open conflict."""
        ...

    def resolve(self, decisions: Sequence[tuple[ConflictRecord, bytes]]) -> None:
        """Note decisions for the next run, on conflicts as they were shown: all or none.

        Raises `UsageError` when one of them was settled or asks something else (kind or fields) by now.
        """
        ...

    def failures(self, mapping: str | None = None) -> list[FailureRecord]:
        """Open failures, ignored ones too."""
        ...

    def failure(self, failure_id: int) -> FailureRecord | None:
        """One open failure."""
        ...

    def retry(self, ids: Sequence[int]) -> int:
        """Make failures due at the next run, parked and ignored ones too; returns how many of them are open."""
        ...

    def ignore(self, failure_id: int) -> None:
        """Park a failure and count it no more, until its record changes. Raises `UsageError` when it is not open."""
        ...

    def totals(self, mapping: str) -> MappingTotals:
        """Numbers for `status` and for guards; ignored failures are in none of them."""
        ...

    def begin_run(self, run: RunRecord) -> None:
        """Enter a run."""
        ...

    def finish_run(self, run: RunRecord) -> None:
        """Record how it ended."""
        ...

    def runs(self, limit: int) -> list[RunRecord]:
        """The newest runs first."""
        ...

    def run(self, run_id: str) -> RunRecord | None:
        """One run; `run_id` may be a unique beginning of its id."""
        ...

    def prune(self, before: datetime) -> int:
        """Drop finished operations and runs older than that; returns how many."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


__all__ = [
    "AgreedPair",
    "ConflictRecord",
    "FailureRecord",
    "Known",
    "Layout",
    "Lease",
    "MappingState",
    "MappingTotals",
    "Match",
    "NewPair",
    "Operation",
    "OperationState",
    "PairChange",
    "RunRecord",
    "Staged",
    "StagedState",
    "StateStore",
    "Transaction",
    "Work",
]
