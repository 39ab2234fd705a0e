"""What one pass over one mapping stands on: its mapping, store, lease, endpoints and the run's options."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from syncd.app.gate import OPEN, Gate
from syncd.core.agreement import Agreement
from syncd.core.guards import Limit
from syncd.core.mapping import CompiledMapping, CompiledTable
from syncd.core.model import Baseline, Counts, Image, Missing, Raw, Row, Rows, Side
from syncd.core.rows import UNAGREED, rebased
from syncd.core.values import without_ties
from syncd.errors import InterruptedRunError
from syncd.ports.endpoint import Clock, Endpoint
from syncd.ports.state import FailureRecord, Layout, Lease, MappingState, StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run was asked for. `scheduled` passes have a limit on updates; a person's run has a plan to look at."""

    full: bool = False
    force: bool = False
    scheduled: bool = False
    wait: float = 30.0
    overlap: float = 600.0
    max_deletes: Limit = field(default_factory=lambda: Limit(share=0.1))
    max_updates: Limit = field(default_factory=lambda: Limit(share=0.5))


class Stop:
    """A request to stop, heard between batches: what is in flight is finished first."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ask(self) -> None:
        """Ask the run to stop."""
        self._event.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks, at most that long; whether they did."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `InterruptedRunError` once somebody asked."""
        if self.asked:
            raise InterruptedRunError(
                "asked to stop; what was in flight was finished and is recorded",
                hint="The next run goes on from there.",
            )


Progress = Callable[[str, int, int | None], None]


def no_progress(what: str, done: int, total: int | None) -> None:
    """Where nobody watches."""


@dataclass(slots=True, kw_only=True)
class Pass:
    """One pass over one mapping."""

    mapping: CompiledMapping
    store: StateStore
    lease: Lease
    endpoints: Mapping[Side, Endpoint]
    run: str
    options: Options
    clock: Clock
    stop: Stop
    state: MappingState
    layouts: dict[int, Layout]
    counts: Counts
    progress: Progress = no_progress
    gate: Gate = OPEN
    full: bool = False
    renewed: bool = False
    """The mapping's content changed since the last run: everything is compared anew."""
    noticed: bool = False
    """Something was done or met that is worth a report."""
    parked: frozenset[tuple[str | None, str | None, bytes]] = frozenset()
    """(external id, ERPNext name, mark of the content): what was refused for good, or a person ignores. A record may
    have been refused on both sides, with different content."""
    doubtful: dict[Side, set[str]] = field(default_factory=lambda: {side: set() for side in Side})
    """Keys of records, by their side, for which a creation was sent of which nobody knows yet whether it was done."""
    told: Mapping[tuple[str | None, str | None], FailureRecord] = field(default_factory=dict)
    """Failures that were open when the pass began, by (external id, ERPNext name)."""
    late: frozenset[str] = frozenset()
    """Mappings whose records may be made only after this mapping's, in a circle of links: what links to them is created
    without the link and completed later."""
    waiting: bool = False
    """A record waits for the target of a link."""
    _editors: dict[Side, str | None] = field(default_factory=dict)
    _agreement: Agreement | None = None
    operations: int = 0
    """Operation keys given out so far."""

    @property
    def agreement(self) -> Agreement:
        """Compares what both sides hold."""
        if self._agreement is None:
            self._agreement = Agreement(self.mapping)
        return self._agreement

    def next_operation(self) -> str:
        """A new operation key: unique for ever, and a legal ERPNext name."""
        self.operations += 1
        return f"syncd-{self.run}-{self.operations}-{self.mapping.name}"[:140]

    def is_foreign(self, side: Side, row: Row) -> bool:
        """Whether somebody else than syncd edited a record last, where its side tells."""
        if side not in self._editors:
            self._editors[side] = self.endpoints[side].capabilities().editor
        editor = self._editors[side]
        return editor is not None and row.editor is not None and row.editor != editor

    def was_told(self, failure: FailureRecord) -> bool:
        """Whether a record that waits fails exactly as it did before: nothing was tried, and nothing is new."""
        before = self.told.get((failure.external_id, failure.erpnext_name))
        known = before is not None and not before.permanent and not failure.permanent
        return known and before is not None and (before.error, before.digest) == (failure.error, failure.digest)

    def is_own(self, side: Side, editor: str | None) -> bool:
        """Whether `editor`, as a record names who edited it last, is known to be syncd itself."""
        if side not in self._editors:
            self._editors[side] = self.endpoints[side].capabilities().editor
        return editor is not None and editor == self._editors[side]

    def checkpoint(self) -> None:
        """Between batches: renew the lease, hear a request to stop."""
        self.lease.beat()
        self.stop.check()

    def rebase(self, side: Side, image: Baseline, layout: int) -> Baseline:
        """A stored image of `layout` in the order of the fields that are mapped now."""
        if layout == self.state.layout:
            return image
        old = self.layouts[layout]
        names = old.erpnext_fields if side is Side.ERPNEXT else old.source_fields
        known = dict(zip(names, image, strict=True))
        rows = {
            table.erpnext_at if side is Side.ERPNEXT else table.source_at: _rows_as_now(table, side, known)
            for table in self.mapping.tables
        }
        return tuple(
            known[name] if name in known else rows.get(at, Missing.MISSING)
            for at, name in enumerate(self.mapping.stored_names(side))
        )


def _rows_as_now(table: CompiledTable, side: Side, known: Mapping[str, Raw | Missing]) -> Raw | Missing:
    """A stored table whose columns were others, with those that it has now; MISSING where there was none."""
    head = f"{table.slot(side)}("
    for name, held in known.items():
        if name.startswith(head) and isinstance(held, Rows):
            columns = name.removeprefix(head).removesuffix(")").split(",")
            if all(len(row.values) == len(columns) for row in held.rows):
                return rebased(held, columns, table.names(side))
    return Missing.MISSING


def whole(image: Baseline) -> Image | None:
    """The baseline as an image, or None where a field was not mapped then."""
    values: list[Raw] = [value for value in image if not isinstance(value, Missing)]
    tables = [value for value in values if isinstance(value, Rows)]
    if len(values) < len(image) or any(UNAGREED in row.values for rows in tables for row in rows.rows):
        return None
    return without_ties(values)
