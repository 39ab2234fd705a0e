"""The state-store port: pairs, staged rows, the journal, conflicts, failures, runs, leases.

Everything is by page and by mapping; nothing here costs a statement per record. All writing happens in a
`Transaction`: all of it or nothing, and only while the lease is held (`LeaseLostError` is a defect of an owner that
woke up late: it stops without having written).

Staged rows are what a feed showed and no pair agrees with yet. Two kinds live in one table: rows of a pair (`pair` is
set; they go when the pair is settled) and rows without a partner (they stay after the run, so that a partner that
appears later is matched against them without asking the other side again).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from syncd.core.model import Action, Pair, PairState, Raw, Side


class StagedState(IntEnum):
    """Where a staged row without a partner stands."""

    NEW = 0
    """Not decided on yet in its present form."""
    UNMATCHED = 1
    """Has no partner and may not get one."""
    HELD = 2
    """Waits for a person (an ambiguous match)."""
    FAILED = 3
    """Its creation was refused; retried as the failure allows."""
    UNFINISHED = 4
    """Its creation was sent and nobody knows yet whether it was done."""
    OUT = 5
    """Of a pair: the record is there, but no longer fits the mapping's filters."""


class Known(NamedTuple):
    """What the store knows of one key of one side: enough to drop an unchanged row."""

    pair: int | None
    staged: int | None
    pair_state: PairState | None
    staged_state: StagedState | None
    stamp: Raw
    digest: bytes | None
    creation: str | None
    key: str
    """The key that the pair carries now; differs from the one asked for when it was found by `partner`."""


class Staged(NamedTuple):
    """One staged row. `image` and `digest` are of `values.encode_image`; `id` is 0 before it is stored."""

    id: int
    side: Side
    key: str
    pair: int | None
    state: StagedState
    stamp: Raw
    image: bytes
    digest: bytes
    partner: str | None
    creation: str | None
    editor: str | None
    deleted: bool
    docstatus: int
    match: tuple[bytes | None, ...] = ()
    """A digest for each match rule; None where the rule does not apply to this row."""


class Work(NamedTuple):
    """One pair to decide on, with what was staged of either side."""

    pair: Pair
    layout: int
    erpnext: Staged | None
    source: Staged | None


class NewPair(NamedTuple):
    """A pair to store. Images are encoded baselines; None where the pair is tied but not agreed yet."""

    erpnext_name: str | None
    external_id: str | None
    state: PairState
    creation: str | None
    erpnext_stamp: Raw
    source_stamp: Raw
    erpnext_seen: bytes | None
    source_seen: bytes | None
    erpnext_image: bytes | None
    source_image: bytes | None
    linked_erpnext: bool
    linked_source: bool
    docstatus: int


class PairChange(NamedTuple):
    """The new content of a pair: the whole row, by id."""

    id: int
    content: NewPair


class Match(NamedTuple):
    """Two staged rows that a rule (index into the mapping's `match.by`) brings together.

    Rule -1 is the external id in ERPNext or the ERPNext name in the source.
    """

    rule: int
    erpnext: int
    source: int


class OperationState(Enum):
    """Where a journalled operation stands. OPEN ones are resolved before anything else at the next run."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    """Found not done after an unclean end; what it was to do is decided anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the journal, written before anything is sent.

    `records` holds one entry for each record, as JSON-able objects in the journal's own shape (see
    `syncd.core.journal`), enough to find out afterwards what was done and to say so in a report.
    """

    key: str
    """Unique, at most 140 characters: it is the name of the `Syncd Operation` too."""
    mapping: str
    run: str
    side: Side
    action: Action
    records: bytes
    count: int
    results: bytes = b""
    """What became of each record (`syncd.core.journal`); empty while nobody knows."""
    state: OperationState = OperationState.OPEN
    sent: datetime | None = None
    finished: datetime | None = None
    request_id: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRecord:
    """One held record. `fields` is a JSON list of {field, base, erpnext, source, reason}.

    `kind`: fields (both sides changed them), match (several candidates), deleted (deleted here, edited there), refused.
    """

    id: int = 0
    mapping: str
    kind: str
    external_id: str | None
    erpnext_name: str | None
    pair: int | None
    fields: bytes
    erpnext_stamp: Raw = None
    source_stamp: Raw = None
    editor: str | None = None
    text: str = ""
    opened: datetime | None = None
    run: str = ""
    resolution: bytes | None = None
    """What a person decided, as JSON; carried out by the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """One record whose write was refused or broken."""

    id: int = 0
    mapping: str
    side: Side
    external_id: str | None
    erpnext_name: str | None
    action: Action
    permanent: bool
    error: str
    hint: str = ""
    payload: bytes = b"{}"
    digest: bytes | None = None
    """Of the record that failed: another digest means that it changed, and is tried again."""
    attempts: int = 1
    first: datetime | None = None
    last: datetime | None = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One line of the run table. `counts` is the JSON of the mappings' counts."""

    id: str
    started: datetime
    finished: datetime | None = None
    result: str = ""
    mappings: tuple[str, ...] = ()
    counts: bytes = b"{}"
    report: str = ""
    """Path of RUN.json; empty where a pass found nothing."""
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingState:
    """What is kept of one mapping between runs."""

    mapping: str
    erpnext_cursor: str | None = None
    source_cursor: str | None = None
    layout: int = 0
    erpnext_fields: tuple[str, ...] = ()
    source_fields: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of the mapping's content: another one asks for a full pass."""
    last_run: datetime | None = None
    last_full: datetime | None = None
    halt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingTotals:
    """Numbers for `status`."""

    pairs: int
    held: int
    failed: int
    conflicts: int
    unmatched: int
    ended: int
    staged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The fields that images of one layout number hold, in order."""

    number: int
    erpnext_fields: tuple[str, ...] = field(default=())
    source_fields: tuple[str, ...] = field(default=())


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
        """Insert, or replace those with the same side and key, match digests included."""
        ...

    def unstage(self, ids: Sequence[int]) -> None:
        """Remove staged rows."""
        ...

    def mark_staged(self, states: Sequence[tuple[int, StagedState]]) -> None:
        """Set the state of staged rows by id."""
        ...

    def tie(self, ties: Sequence[tuple[int, int]]) -> None:
        """(staged id, pair id): make staged rows those of a pair."""
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
        """Record failures; the same record and side again counts its attempts up."""
        ...

    def close_failures(self, keys: Sequence[tuple[str | None, str | None]]) -> None:
        """Close the failures of records by (external id, ERPNext name)."""
        ...

    def free_names(self, pairs: Sequence[int]) -> None:
        """Take the ERPNext name from ended pairs: another document bears it now."""
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

    def pairs_by_key(self, mapping: str, side: Side, keys: Sequence[str]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these keys."""
        ...

    def pairs_by_id(self, mapping: str, ids: Sequence[int]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these pair ids; those that are not there are left out."""
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

    def resolve(self, conflict_id: int, resolution: bytes) -> None:
        """Note a person's decision for the next run."""
        ...

    def failures(self, mapping: str | None = None) -> list[FailureRecord]:
        """Open failures."""
        ...

    def totals(self, mapping: str) -> MappingTotals:
        """Numbers for `status` and for guards."""
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
