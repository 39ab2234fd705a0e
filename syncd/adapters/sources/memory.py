"""An endpoint in memory: either side of a mapping without a site or a database, for tests of the application.

It keeps the port's promises as the real ones do: pages by (stamp, key) and by key, writes under a condition, creation
exactly once under an operation key, child tables whole, documents that are submitted. Faults are injected by the hooks
`before` and `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.adapters.sources.memory_documents import CANCELLED, DRAFT, SUBMITTED, MemoryDocuments
from syncd.adapters.sources.memory_records import (
    MemoryOptions,
    MemoryTable,
    Naming,
    Record,
    memory_tables,
    text_fields,
)
from syncd.core.model import Action, Row, Side, Write
from syncd.core.values import FieldType, parse_stamp
from syncd.errors import GoneError, RecordError, RefusedError
from syncd.ports.endpoint import Capabilities, Deletion, Done, Failed, Page, WriteResult

Hook = Callable[[str, Sequence[Write]], None]
"""Called with the port's method and its writes. What it raises, happens: before anything is done, or after. Between the
two steps of an AMEND `before` is called with `cancelled`."""


class MemoryEndpoint(MemoryDocuments):
    """One side of a mapping, in memory. `fields` are the mapping's fields of this side, in order, `tables` its child
    tables (`memory_tables`).
    """

    def __init__(
        self,
        side: Side,
        fields: Mapping[str, FieldType],
        options: MemoryOptions | None = None,
        tables: Sequence[MemoryTable] = (),
    ) -> None:
        super().__init__(side, fields, options, tables)
        self.before: Hook = lambda _method, _writes: None
        self.after: Hook = lambda _method, _writes: None
        self.writes: list[Write] = []
        """Every write that was done, for tests to look at."""
        self.told_deletions: list[Deletion] = []
        """The side's own list of deletions."""
        self._requests = 0
        self._operations: dict[str, list[str]] = {}

    @property
    def requests(self) -> int:
        """Calls of the port so far; a page counts as one."""
        return self._requests

    def capabilities(self) -> Capabilities:
        """As the options say."""
        return Capabilities(
            side=self.side,
            zone=self.options.zone,
            incremental=self.options.stamped,
            editor=self.options.own_editor if self.side is Side.ERPNEXT else None,
            seen_by=f"memory {self.side.value}",
        )

    def keyed_creation(self) -> bool:
        """Whether the same creation can be sent again without harm."""
        return self.options.keyed

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Records stamped at or after `overlap` seconds before `cursor`, in the order of (stamp, key)."""
        since = parse_stamp(cursor or None, self.options.zone) if self.options.stamped else None
        low = "" if since is None else self._text(since.at - timedelta(seconds=overlap))
        last: tuple[str, str] | None = None
        stands = cursor or ""
        while True:
            rows = self._page("changes", lambda key, record: (record.stamp or "", key), last)
            rows = [key for key in rows if (self.records[key].stamp or low) >= low]
            page = rows[: self.options.page_size]
            if page:
                last = (self.records[page[-1]].stamp or "", page[-1])
                stands = last[0] or stands
            yield Page(rows=[self._row(key) for key in page], cursor=stands)
            if len(rows) <= len(page):
                return

    def scan(self) -> Iterator[Page]:
        """Every record in the order it was made; the cursor is where `changes` goes on from."""
        newest = max((record.stamp or "" for record in self.records.values()), default="")
        last: tuple[str, str] | None = None
        while True:
            rows = self._page("scan", lambda key, record: (record.creation or "", key), last)
            page = rows[: self.options.page_size]
            if page:
                last = (self.records[page[-1]].creation or "", page[-1])
            done = len(rows) <= len(page)
            yield Page(rows=[self._row(key) for key in page], cursor=newest if done else "")
            if done:
                return

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The records with these keys, in their order."""
        self._call("fetch")
        return [self._row(key) for key in dict.fromkeys(keys) if key in self.records]

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """As `fetch`."""
        self._call("fetch_singly")
        return [self._row(key) for key in dict.fromkeys(keys) if key in self.records]

    def deletions(self, cursor: str | None, *, overlap: float) -> list[Deletion]:  # noqa: ARG002 - all are told
        """What `told_deletions` holds, whatever the cursor."""
        return list(self.told_deletions)

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The records that name these partners."""
        self._call("find")
        wanted = set(partners)
        return [
            self._row(key) for key in self._live(key for key, held in self.records.items() if held.partner in wanted)
        ]

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """All of them or none; the same operation again gives back what it made."""
        try:
            self._call("create", writes)
            keys = self._operations.get(operation) if self.options.keyed else None
            if keys is None:
                keys = self._make(writes)
                self._operations[operation] = keys
                self.writes += writes
            # A source reads back in the transaction that wrote; ERPNext's rows are read afterwards.
            made = {key: self._row(key) for key in keys if key in self.records and self.side is Side.SOURCE}
            self.after("create", writes)
        except RecordError as error:
            return [Failed(error)] * len(writes)
        return [self._created(key, made.get(key)) for key in keys]

    def _created(self, key: str, made: Row | None) -> WriteResult:
        if made is not None:
            return Done(made)
        return Done(self._row(key)) if key in self.records else Failed(GoneError(f"{key} is not there any more"))

    def created(
        self,
        writes: Sequence[Write],
        operation: str,
        *,
        sent: datetime | None = None,  # noqa: ARG002 - the port's
    ) -> list[Row | None] | None:
        """The rows of an operation, None for those that are gone; None where it was not done."""
        self._call("created", writes)
        keys = self._operations.get(operation)
        return None if keys is None else [self._row(key) if key in self.records else None for key in keys]

    def apply(self, writes: Sequence[Write]) -> Iterator[tuple[int, WriteResult]]:
        """Each write by itself, under the condition of its stamp and image."""
        for index, write in enumerate(writes):
            try:
                self._call("apply", [write])
                done = self._apply(write)
                self.writes.append(write)
                self.after("apply", [write])
                yield index, Done(done)
            except RecordError as error:
                yield index, Failed(error)

    def close(self) -> None:
        """Nothing to give back."""

    def _call(self, method: str, writes: Sequence[Write] = ()) -> None:
        self._requests += 1
        self.before(method, writes)

    def _page(
        self, method: str, order: Callable[[str, Record], tuple[str, str]], last: tuple[str, str] | None
    ) -> list[str]:
        self._call(method)
        found = [(order(key, record), key) for key, record in self.records.items() if self.options.fits(record.values)]
        return [key for place, key in sorted(found) if last is None or place > last]

    def _between(self, step: str, write: Write) -> None:
        self.before(step, [write])

    def _make(self, writes: Sequence[Write]) -> list[str]:
        kept, made = dict(self.records), self._made
        try:
            return [self._make_one(write) for write in writes]
        except RecordError:
            self.records, self._made = kept, made
            raise

    def _make_one(self, write: Write) -> str:
        values, tables = self._written(None, write.values)
        self._refuse(values)
        reason = self.options.refuse_submit(values) if write.docstatus == SUBMITTED else ""
        if reason:
            raise RefusedError(f"it cannot be submitted: {reason}", code="Refused")
        key = self.options.naming(write.values, self._made + 1)
        self._insert(values, key, write.partner if write.link else None)
        self.records[key] = replace(
            self.records[key], tables=tables, docstatus=write.docstatus, editor=self.options.own_editor
        )
        return key

    def _apply(self, write: Write) -> Row:
        steps = {
            Action.SUBMIT: self._submit_write,
            Action.CANCEL: self._cancel_write,
            Action.AMEND: self._amend_write,
            Action.DELETE: self._delete_write,
        }
        return steps.get(write.action, self._update_write)(write)

    def _delete_write(self, write: Write) -> Row:
        record = self._checked(write)
        if record.docstatus == SUBMITTED:
            raise RefusedError(f"{write.key} is submitted: cancel it first", code="ValidationError")
        row = self._row(write.key or "")
        del self.records[row.key]
        return row._replace(deleted=True)

    def _update_write(self, write: Write) -> Row:
        key = write.key or ""
        record = self._checked(write)
        self._check_submitted(key, record, write)
        values, tables = self._written(record, write.values)
        if write.action is Action.DISABLE:
            values["disabled"] = 1
        self._refuse(values)
        linked = write.link or write.action is Action.LINK
        self.records[key] = replace(
            record,
            values=values,
            tables=tables,
            stamp=self._stamp() if self.options.stamped else None,
            partner=write.partner if linked else record.partner,
            editor=self.options.own_editor,
            deleted=record.deleted or write.action is Action.MARK,
        )
        return self._row(key)


__all__ = [
    "CANCELLED",
    "DRAFT",
    "SUBMITTED",
    "Hook",
    "MemoryEndpoint",
    "MemoryOptions",
    "MemoryTable",
    "Naming",
    "Record",
    "memory_tables",
    "text_fields",
]
