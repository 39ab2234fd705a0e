"""An endpoint in memory: either side of a mapping without a site or a database, for tests of the application.

It keeps the port's promises as the real ones do: pages by (stamp, key) and by key, writes under a condition, creation
exactly once under an operation key. Faults are injected by the hooks `before` and `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from syncd.core.model import Action, Image, Raw, Row, Side, Write
from syncd.core.values import FieldType, Kind, parse_stamp
from syncd.errors import GoneError, RecordError, RefusedError, StaleError
from syncd.ports.endpoint import (
    Capabilities,
    Done,
    Failed,
    FieldInfo,
    Page,
    Schema,
    WriteResult,
)

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)

Hook = Callable[[str, Sequence[Write]], None]
"""Called with the port's method and its writes. What it raises, happens: before anything is done, or after."""

Naming = Callable[[Mapping[str, Raw], int], str]
"""The key of a new record from its values and its number (1, 2, …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it is held. `values` may hold more fields than the mapping reads."""

    values: Mapping[str, Raw]
    stamp: str | None
    partner: str | None = None
    creation: str | None = None
    editor: str | None = None
    deleted: bool = False
    docstatus: int = 0


@dataclass(slots=True, kw_only=True)
class MemoryOptions:
    """How an endpoint in memory behaves. The defaults are those of a site, or of a table with every column."""

    page_size: int = 1000
    zone: str = "UTC"
    stamped: bool = True
    """Records carry stamps; without them every pass reads all."""
    keyed: bool = True
    """Creation is exactly-once."""
    own_editor: str = "syncd@example.com"
    """Who syncd's own writes are by; only on the ERPNext side."""
    naming: Naming = field(default=lambda _values, number: str(number))
    fits: Callable[[Mapping[str, Raw]], bool] = field(default=lambda _values: True)
    """Whether a record belongs to the mapping."""
    check: Callable[[Mapping[str, Raw]], str] = field(default=lambda _values: "")
    """Why the side refuses a record with these values; empty where it takes it."""
    store: Callable[[str, Raw], Raw] = field(default=lambda _name, value: value)
    """What the side makes of a value it is given (sites round, cut and sanitise)."""


class MemoryEndpoint:
    """One side of a mapping, in memory. `fields` are the mapping's fields of this side, in order."""

    def __init__(self, side: Side, fields: Mapping[str, FieldType], options: MemoryOptions | None = None) -> None:
        self.side = side
        self.fields = dict(fields)
        self.options = options or MemoryOptions()
        self.records: dict[str, Record] = {}
        self.before: Hook = lambda _method, _writes: None
        self.after: Hook = lambda _method, _writes: None
        self.writes: list[Write] = []
        """Every write that was done, for tests to look at."""
        self._requests = 0
        self._made = 0
        self._now = _FIRST
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
            keyed_creation=self.options.keyed,
            editor=self.options.own_editor if self.side is Side.ERPNEXT else None,
            seen_by=f"memory {self.side.value}",
        )

    def schema(self) -> Schema:
        """The fields this endpoint was made with; a DATETIME is in the options' zone."""
        return Schema(
            entity="memory",
            fields={name: FieldInfo(name=name, type=kind) for name, kind in self.fields.items()},
        )

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

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The records that name these partners."""
        self._call("find")
        wanted = set(partners)
        return [self._row(key) for key, record in self.records.items() if record.partner in wanted]

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """All of them or none; the same operation again gives back what it made."""
        try:
            self._call("create", writes)
            keys = self._operations.get(operation) if self.options.keyed else None
            if keys is None:
                keys = self._make(writes)
                self._operations[operation] = keys
                self.writes += writes
            self.after("create", writes)
        except RecordError as error:
            return [Failed(error)] * len(writes)
        return [
            Done(self._row(key)) if key in self.records else Failed(GoneError(f"{key} is not there any more"))
            for key in keys
        ]

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

    def insert(self, key: str | None = None, *, partner: str | None = None, **values: Raw) -> str:
        """A person makes a record; gives its key."""
        return self._insert(values, key, partner)

    def _insert(self, values: Mapping[str, Raw], key: str | None, partner: str | None) -> str:
        self._made += 1
        key = key or self.options.naming(values, self._made)
        if key in self.records:
            raise RefusedError(f"there is a record {key} already", code="DuplicateEntryError")
        stamp = self._stamp()
        self.records[key] = Record(
            values={name: self.options.store(name, value) for name, value in values.items()},
            stamp=stamp if self.options.stamped else None,
            partner=partner,
            creation=f"{stamp} {self._made:09d}" if self.side is Side.SOURCE else stamp,
            editor="person@example.com",
        )
        return key

    def edit(self, key: str, *, stamp: str | None = None, **values: Raw) -> None:
        """A person edits a record; `stamp` is set instead of the clock's."""
        record = self.records[key]
        moved = stamp or self._stamp()
        self.records[key] = replace(
            record,
            values={**record.values, **values},
            stamp=moved if self.options.stamped else None,
            editor="person@example.com",
        )

    def change(self, key: str, **parts: object) -> None:
        """Set parts of a record as they are held (`deleted`, `partner`, `stamp`, `values`), no stamp moved."""
        self.records[key] = replace(self.records[key], **parts)  # type: ignore[arg-type]

    def delete(self, key: str) -> None:
        """A person deletes a record."""
        del self.records[key]

    def rename(self, old: str, new: str) -> None:
        """A person renames a record: everything but its key and stamp stays."""
        self.records[new] = replace(self.records.pop(old), stamp=self._stamp() if self.options.stamped else None)

    def values(self, key: str) -> dict[str, Raw]:
        """What a record holds now."""
        return dict(self.records[key].values)

    def _call(self, method: str, writes: Sequence[Write] = ()) -> None:
        self._requests += 1
        self.before(method, writes)

    def _page(
        self, method: str, order: Callable[[str, Record], tuple[str, str]], last: tuple[str, str] | None
    ) -> list[str]:
        self._call(method)
        found = [(order(key, record), key) for key, record in self.records.items() if self.options.fits(record.values)]
        return [key for place, key in sorted(found) if last is None or place > last]

    def _row(self, key: str) -> Row:
        record, erpnext = self.records[key], self.side is Side.ERPNEXT
        return Row(
            key,
            record.stamp,
            self._image(record),
            record.partner,
            record.creation if erpnext else None,
            record.editor if erpnext else None,
            record.deleted,
            record.docstatus,
        )

    def _image(self, record: Record) -> Image:
        return tuple(record.values.get(name) for name in self.fields)

    def _make(self, writes: Sequence[Write]) -> list[str]:
        kept, made = dict(self.records), self._made
        try:
            keys = []
            for write in writes:
                self._refuse(write.values)
                partner = write.partner if write.link else None
                key = self._insert(write.values, None, partner)
                self.records[key] = replace(self.records[key], editor=self.options.own_editor)
                keys.append(key)
        except RecordError:
            self.records, self._made = kept, made
            raise
        return keys

    def _apply(self, write: Write) -> Row:
        key = write.key or ""
        record = self.records.get(key)
        if record is None:
            raise GoneError(f"{key} is not there any more")
        moved = self.options.stamped and record.stamp != write.stamp
        if moved or (write.expected is not None and self._image(record) != tuple(write.expected)):
            raise StaleError(f"{key} was changed since it was read")
        if write.action is Action.DELETE:
            row = self._row(key)
            del self.records[key]
            return row._replace(deleted=True)
        values = {**record.values, **{name: self.options.store(name, value) for name, value in write.values.items()}}
        if write.action is Action.DISABLE:
            values["disabled"] = 1
        self._refuse(values)
        linked = write.link or write.action is Action.LINK
        self.records[key] = replace(
            record,
            values=values,
            stamp=self._stamp() if self.options.stamped else None,
            partner=write.partner if linked else record.partner,
            editor=self.options.own_editor,
            deleted=record.deleted or write.action is Action.MARK,
        )
        return self._row(key)

    def _refuse(self, values: Mapping[str, Raw]) -> None:
        reason = self.options.check(values)
        if reason:
            raise RefusedError(reason, code="Refused")

    def _stamp(self) -> str:
        self._now += _TICK
        return self._text(self._now)

    def _text(self, at: datetime) -> str:
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def text_fields(*names: str) -> dict[str, FieldType]:
    """Fields of plain text, for tests that need no other."""
    return {name: FieldType(kind=Kind.TEXT, name="Data") for name in names}


__all__ = ["Hook", "MemoryEndpoint", "MemoryOptions", "Naming", "Record", "text_fields"]
