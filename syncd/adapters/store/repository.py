"""The state store over SQLAlchemy.

One `SqlStateStore` may be used from several threads: each call has a connection of its own from a pool. Reads see the
last committed state; nothing but `acquire`, `transaction` and the calls about runs and decisions writes, and never
inside an open transaction of the same thread (SQLite has one writer: it would wait for itself).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from syncd.adapters.store import leases, matching, open_records, pair_reads, record_reads, statements
from syncd.adapters.store.codec import MAPPINGS, moment_text
from syncd.adapters.store.database import Database
from syncd.adapters.store.record_codec import RUN_COLUMNS, RUNS, run_tuple
from syncd.adapters.store.transaction import SqlTransaction
from syncd.core.model import Pair, Raw, Side
from syncd.errors import StateError, UsageError
from syncd.ports.endpoint import Clock
from syncd.ports.state import (
    AgreedPair,
    ConflictRecord,
    FailureRecord,
    Known,
    Layout,
    Lease,
    MappingState,
    MappingTotals,
    Match,
    Operation,
    RunRecord,
    Staged,
    StagedState,
    Transaction,
    Work,
)

_PAGE = 5000
_LEASE_POLL = 0.25
_NEW_MAPPING = f"{statements.insert(MAPPINGS, ['name', 'layout', 'fingerprint', 'halt'])} ON CONFLICT (name) DO NOTHING"
_MAPPING_ID = "SELECT id FROM mappings WHERE name = ?"
_ENTER_RUN = statements.upsert(RUNS, RUN_COLUMNS, ["id"])
_FORGET = (
    "DELETE FROM staged WHERE mapping_id = ?",
    "DELETE FROM conflicts WHERE mapping_id = ?",
    "DELETE FROM failures WHERE mapping_id = ?",
    "DELETE FROM operations WHERE mapping_id = ?",
    "DELETE FROM pairs WHERE mapping_id = ?",
    "DELETE FROM layouts WHERE mapping_id = ?",
    (
        "UPDATE mappings SET layout = 0, fingerprint = '', halt = '', last_run = NULL, last_full = NULL, "
        "erpnext_cursor = NULL, source_cursor = NULL WHERE id = ?"
    ),
)


class SqlLease:
    """`ports.state.Lease`: held until `release`, or for 60 s after the last heartbeat or transaction."""

    def __init__(self, store: SqlStateStore, mapping: str, owner: str) -> None:
        self.mapping = mapping
        self.owner = owner
        self._store = store

    def beat(self) -> None:
        """Renew; raises `LeaseHeldError` when it was taken over."""
        self._store.renew(self)

    def release(self) -> None:
        """Give it back; harmless when repeated, or when it is another's by now."""
        self._store.drop(self)


class SqlStateStore:
    """`ports.state.StateStore` in one database. Made by `open_store`; `revision` is the schema it was opened with."""

    def __init__(self, database: Database, clock: Clock, *, revision: str) -> None:
        self._database = database
        self._clock = clock
        self._revision = revision
        self._ids: dict[str, int] = {}

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A connection in a transaction that no other writer can stand in the way of any more.

        Raises `StateError` where another version of the program has upgraded the store since it was opened.
        """
        with self._database.writing() as connection:
            rows = statements.select(connection, "SELECT version_num FROM alembic_version")
            if [row[0] for row in rows] != [self._revision]:
                raise StateError(
                    f"{self._database.name}: another version of syncd has upgraded the state store since this program "
                    f"was started: its schema is not {self._revision} any more; nothing of this step was recorded",
                    hint="stop this program, and start the version that upgraded it",
                )
            yield connection

    def _find(self, connection: Connection, mapping: str) -> int:
        """The mapping's number; 0, which no mapping has, where it is not known yet."""
        number = self._ids.get(mapping)
        if number is None:
            rows = statements.select(connection, _MAPPING_ID, (mapping,))
            if not rows:
                return 0
            # Rows of `mappings` are never deleted: what was read once stays true.
            number = self._ids[mapping] = int(rows[0][0])
        return number

    def _enter(self, connection: Connection, mapping: str) -> int:
        """A new mapping's number; not remembered, for it is not committed yet."""
        statements.run(connection, _NEW_MAPPING, (mapping, 0, "", ""))
        return int(statements.select(connection, _MAPPING_ID, (mapping,))[0][0])

    # Leases and transactions

    def acquire(self, mapping: str, *, wait: float) -> SqlLease:
        """The mapping's lease; waits at most `wait` seconds, then raises `LeaseHeldError` naming the holder."""
        waited = 0.0
        while True:
            with self._write() as connection:
                number = self._find(connection, mapping) or self._enter(connection, mapping)
                taken = leases.take(connection, number, self._clock.now())
            if isinstance(taken, str):
                return SqlLease(self, mapping, taken)
            if waited >= wait:
                raise taken.refusal(mapping)
            pause = min(_LEASE_POLL, wait - waited)
            self._clock.sleep(pause)
            waited += pause

    def renew(self, lease: SqlLease) -> None:
        """`SqlLease.beat`."""
        with self._write() as connection:
            self._renew(connection, lease)

    def _renew(self, connection: Connection, lease: SqlLease) -> int:
        number = self._find(connection, lease.mapping)
        leases.renew(connection, number, lease.mapping, lease.owner, self._clock.now())
        return number

    def drop(self, lease: SqlLease) -> None:
        """`SqlLease.release`."""
        with self._write() as connection:
            leases.drop(connection, self._find(connection, lease.mapping), lease.owner)

    @contextmanager
    def transaction(self, lease: Lease) -> Iterator[Transaction]:
        """Write under a lease, which is renewed by it. Raises `LeaseHeldError` when it was taken over: nothing is
        written then. From the check to the commit nobody else can take it."""
        if not isinstance(lease, SqlLease):
            raise TypeError(f"{lease!r} is no lease of this store")
        with self._write() as connection:
            number = self._renew(connection, lease)
            yield SqlTransaction(connection, lease.mapping, number, self._clock.now())

    # Pairs and staged rows

    def mapping_state(self, mapping: str) -> MappingState:
        """The mapping's state; a fresh one where there is none."""
        with self._read() as connection:
            return record_reads.mapping_state(connection, mapping)

    def layouts(self, mapping: str) -> dict[int, Layout]:
        """Every layout that stored images may carry."""
        with self._read() as connection:
            return record_reads.layouts(connection, self._find(connection, mapping))

    def known(
        self, mapping: str, side: Side, keys: Sequence[str], partners: Sequence[str | None]
    ) -> list[Known | None]:
        """One entry a key, in order: its pair or its staged row, by key, else the pair whose partner it names.

        Where a row is staged its digest and stamp count; the digest is None when a row without a pair names another
        partner than the one that was staged.
        """
        with self._read() as connection:
            return pair_reads.known(connection, self._find(connection, mapping), side, keys, partners)

    def work(self, mapping: str, *, after: int, limit: int) -> list[Work]:
        """Pairs with staged rows, and open pairs, by ascending pair id beyond `after`."""
        with self._read() as connection:
            return pair_reads.work(connection, self._find(connection, mapping), after, limit)

    def count_work(self, mapping: str) -> int:
        """How many pairs `work` would give in all."""
        with self._read() as connection:
            return pair_reads.count_work(connection, self._find(connection, mapping))

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
        """See `StateStore`."""
        with self._read() as connection:
            mapping_id = self._find(connection, mapping)
            return pair_reads.unpaired(connection, mapping_id, side, after, limit, states, claiming=claiming)

    def staged(self, ids: Sequence[int]) -> list[Staged]:
        """Staged rows by id, ascending; those that are gone are left out."""
        with self._read() as connection:
            return pair_reads.staged(connection, ids)

    def matches(self, mapping: str) -> Iterator[Match]:
        """Candidates among staged rows without a pair where at least one of both is NEW, by (rule, ERPNext id).

        What is yielded is how things stood at the first one, whatever is written meanwhile. Where more than 64 rows
        of one side share a digest, each row of both sides comes with at most two of the other.
        """
        with self._read() as connection:
            yield from matching.matches(connection, self._find(connection, mapping))

    def pairs(self, mapping: str, *, after: int, limit: int, live: bool = True) -> list[tuple[Pair, int]]:
        """(pair, layout) by ascending id; `live` leaves out ended ones."""
        with self._read() as connection:
            return pair_reads.pairs(connection, self._find(connection, mapping), after, limit, live=live)

    def agreed_pairs(self, mapping: str, *, layout: int, after: int, limit: int) -> list[AgreedPair]:
        """Agreed pairs of that layout of which nothing is staged, by ascending id beyond `after`."""
        with self._read() as connection:
            return pair_reads.agreed(connection, self._find(connection, mapping), layout, after, limit)

    def ended_pairs(self, mapping: str, *, after: int, limit: int) -> list[tuple[Pair, int]]:
        """(pair, layout) of ended pairs by ascending id beyond `after`; those that were forgotten are left out."""
        with self._read() as connection:
            return pair_reads.ended(connection, self._find(connection, mapping), after, limit)

    def pairs_by_key(self, mapping: str, side: Side, keys: Sequence[str]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these keys, by ascending id."""
        with self._read() as connection:
            return pair_reads.pairs_by_key(connection, self._find(connection, mapping), side, keys)

    def pairs_by_id(self, mapping: str, ids: Sequence[int]) -> list[tuple[Pair, int]]:
        """(pair, layout) of these ids, ascending; ended ones too."""
        with self._read() as connection:
            return pair_reads.pairs_by_id(connection, self._find(connection, mapping), ids)

    def pairs_by_creation(self, mapping: str, creations: Sequence[str]) -> list[tuple[Pair, int]]:
        """(pair, layout) of the pairs whose documents were created at these moments, by ascending id."""
        with self._read() as connection:
            return pair_reads.pairs_by_creation(connection, self._find(connection, mapping), creations)

    def pair_ids(self, mapping: str) -> Iterator[int]:
        """Ids of all live pairs, ascending. Read by page: pairs that change meanwhile show as they are by then."""
        after = 0
        while True:
            with self._read() as connection:
                page = pair_reads.live_ids(connection, self._find(connection, mapping), after, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]

    def newest_pairs(self, mapping: str, side: Side, limit: int) -> list[tuple[str, Raw]]:
        """(key, stamp) of the most recently stamped live pairs."""
        with self._read() as connection:
            return pair_reads.newest_pairs(connection, self._find(connection, mapping), side, limit)

    def totals(self, mapping: str) -> MappingTotals:
        """Numbers for `status` and for guards. `pairs` are the live ones; `held` are all held records, `conflicts`
        those of them where both sides changed; `failed` counts a record once, however many writes of it failed, and
        leaves out what a person ignores."""
        with self._read() as connection:
            return pair_reads.totals(connection, self._find(connection, mapping))

    # The journal, conflicts, failures

    def open_operations(self, mapping: str) -> list[Operation]:
        """Operations whose outcome is not recorded, oldest first."""
        with self._read() as connection:
            return record_reads.open_operations(connection, self._find(connection, mapping))

    def operations(self, run: str) -> Iterator[Operation]:
        """The journal of one run, oldest first, by page."""
        after = 0
        while True:
            with self._read() as connection:
                page = record_reads.operations(connection, run, after, 200)
            yield from (operation for _, operation in page)
            if not page:
                return
            after = page[-1][0]

    def conflicts(self, mapping: str | None = None, *, run: str | None = None) -> list[ConflictRecord]:
        """Open conflicts, oldest first. `run` is the one that met the conflict last."""
        with self._read() as connection:
            return record_reads.conflicts(connection, mapping, run)

    def conflict(self, conflict_id: int) -> ConflictRecord | None:
        """One open conflict."""
        with self._read() as connection:
            return record_reads.conflict(connection, conflict_id)

    def resolve(self, decisions: Sequence[tuple[ConflictRecord, bytes]]) -> None:
        """Note decisions, all or none. Raises `UsageError` when one of the conflicts is not as it was shown."""
        with self._write() as connection:
            moved = open_records.resolve(connection, decisions)
            if moved:
                named = ", ".join(str(number) for number in moved)
                raise UsageError(
                    f"a run has changed or settled what was shown meanwhile: conflict {named}; nothing is noted",
                    hint="`syncd conflicts list` shows what is open now; then decide again",
                )

    def failures(self, mapping: str | None = None) -> list[FailureRecord]:
        """Open failures, oldest first; ignored ones too."""
        with self._read() as connection:
            return record_reads.failures(connection, mapping)

    def failure(self, failure_id: int) -> FailureRecord | None:
        """One open failure."""
        with self._read() as connection:
            return record_reads.failure(connection, failure_id)

    def retry(self, ids: Sequence[int]) -> int:
        """Make failures due at the next run, parked and ignored ones too; returns how many of them are open."""
        with self._write() as connection:
            return open_records.retry(connection, ids)

    def ignore(self, failure_id: int) -> None:
        """Park a failure and count it no more, until its record changes. Raises `UsageError` when it is not open."""
        with self._write() as connection:
            if not open_records.ignore(connection, failure_id):
                raise UsageError(
                    f"there is no open failure {failure_id}",
                    hint="`syncd failures list` shows the open ones; a run may have closed it meanwhile",
                )

    # Runs

    def begin_run(self, run: RunRecord) -> None:
        """Enter a run."""
        with self._write() as connection:
            statements.run_many(connection, _ENTER_RUN, [run_tuple(run)])

    def finish_run(self, run: RunRecord) -> None:
        """Record how it ended."""
        self.begin_run(run)

    def runs(self, limit: int) -> list[RunRecord]:
        """The newest runs first."""
        with self._read() as connection:
            return record_reads.runs(connection, limit)

    def run(self, run_id: str) -> RunRecord | None:
        """One run; `run_id` may be a unique beginning of its id."""
        with self._read() as connection:
            return record_reads.run(connection, run_id)

    def prune(self, before: datetime) -> int:
        """Drop finished operations and runs older than that; returns how many."""
        with self._write() as connection:
            return record_reads.prune(connection, moment_text(before) or "")

    # The store as a whole

    def mappings(self) -> list[str]:
        """Every mapping that was ever run, by name; of some nothing may be kept any more."""
        with self._read() as connection:
            return [str(row[0]) for row in statements.select(connection, "SELECT name FROM mappings ORDER BY name")]

    def forget(self, mapping: str) -> None:
        """Drop everything of one mapping. Raises `LeaseHeldError` while a run holds it."""
        lease = self.acquire(mapping, wait=0)
        try:
            with self._write() as connection:
                number = self._renew(connection, lease)
                for text in _FORGET:
                    statements.run(connection, text, (number,))
        finally:
            lease.release()

    def close(self) -> None:
        """Give back connections; a temporary store is deleted."""
        self._database.close()
