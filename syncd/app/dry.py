"""An endpoint that only pretends to write: what a plan gives to a run in place of the real one.

Reads go to the real endpoint. A write is noted and answered as if it had been done exactly as it was asked for; what it
made is remembered, so that the run finds it when it asks. Records that would be made bear a key that says what they are
made for, `(customer 17, new)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from syncd.core.mapping import AMENDED_FROM, DOCSTATUS, CompiledMapping
from syncd.core.model import Action, Image, Raw, Row, Rows, Side, TableRow, Write
from syncd.errors import UnknownOutcomeError
from syncd.ports.endpoint import Capabilities, Deletion, Done, Endpoint, Page, Schema, WriteResult

Note = Callable[[Side, Write, str], None]
"""(side, write, key of the record afterwards): called for each write that would be sent."""


class DryEndpoint:
    """`ports.endpoint.Endpoint` over another one, which is only read."""

    def __init__(
        self, side: Side, mapping: CompiledMapping, inner: Endpoint, note: Note, written: dict[str, Row]
    ) -> None:
        """`written`: what was pretended so far, by key; a mapping may be opened several times in one plan."""
        self._side, self._mapping, self._inner, self._note = side, mapping, inner, note
        self._written = written

    @property
    def requests(self) -> int:
        """Of the real endpoint."""
        return self._inner.requests

    def capabilities(self) -> Capabilities:
        """Of the real endpoint."""
        return self._inner.capabilities()

    def keyed_creation(self) -> bool:
        """Of the real endpoint."""
        return self._inner.keyed_creation()

    def schema(self) -> Schema:
        """Of the real endpoint."""
        return self._inner.schema()

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Of the real endpoint."""
        return self._inner.changes(cursor, overlap=overlap)

    def scan(self) -> Iterator[Page]:
        """Of the real endpoint."""
        return self._inner.scan()

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """What would have been written, as it would be; everything else from the real endpoint."""
        others = [key for key in keys if key not in self._written]
        found = {row.key: row for row in (self._inner.fetch(others) if others else ())}
        found.update((key, self._written[key]) for key in keys if key in self._written)
        return [found[key] for key in dict.fromkeys(keys) if key in found]

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """Of the real endpoint."""
        return self._inner.fetch_singly(keys)

    def deletions(self, cursor: str | None, *, overlap: float) -> Sequence[Deletion]:
        """Of the real endpoint."""
        return self._inner.deletions(cursor, overlap=overlap)

    def find(self, partners: Sequence[str]) -> list[Row]:
        """Of the real endpoint."""
        return self._inner.find(partners)

    def amendments(self, names: Sequence[str]) -> Mapping[str, Row]:
        """Of the real endpoint."""
        return self._inner.amendments(names)

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:  # noqa: ARG002 - the port's
        """Nothing is refused: what a side makes of a record only writing it tells."""
        return [Done(self._make(write)) for write in writes]

    def created(
        self,
        writes: Sequence[Write],
        operation: str,  # noqa: ARG002 - the port's
        *,
        sent: datetime | None = None,  # noqa: ARG002
    ) -> list[Row | None] | None:
        """Not asked: finding out makes sure that a late attempt comes to nothing, and that is a write."""
        raise UnknownOutcomeError(
            f"whether {len(writes)} creation(s) of an earlier run were done is not known before the next run asks",
            hint="`syncd reconcile` finds out, then plan again.",
        )

    def apply(self, writes: Sequence[Write]) -> Iterator[tuple[int, WriteResult]]:
        """Each as if it had been done."""
        for index, write in enumerate(writes):
            yield index, Done(self._apply(write))

    def close(self) -> None:
        """The real endpoint is closed by whoever opened it."""

    def _make(self, write: Write) -> Row:
        key = f"({self._mapping.name} {write.partner}, new)"
        row = Row(
            key=key,
            stamp=None,
            values=self._image(None, write),
            partner=write.partner if write.link else None,
            docstatus=write.docstatus,
        )
        self._note(self._side, write, key)
        self._written[key] = row
        return row

    def _apply(self, write: Write) -> Row:
        key, before = write.key or "", self._written.get(write.key or "")
        docstatus = self._mapping.docstatus(write.expected or ()) if self._side is Side.ERPNEXT else 0
        if write.action is Action.AMEND:
            key = f"({key}, amended)"
        if write.action in {Action.SUBMIT, Action.CANCEL, Action.AMEND}:
            docstatus = write.docstatus
        row = Row(
            key=key,
            stamp=write.stamp,
            values=self._image(write.expected, write),
            partner=write.partner if write.link else (None if before is None else before.partner),
            deleted=write.action in {Action.DELETE, Action.MARK},
            docstatus=docstatus,
        )
        self._note(self._side, write, key)
        self._written[key] = row
        return row

    def _image(self, before: Image | None, write: Write) -> Image:
        """The record with what was written in its place."""
        names = self._mapping.names(self._side)
        held = dict(zip(names, before or (None,) * len(names), strict=True))
        held.update((name, _named(value)) for name, value in write.values.items() if name in held)
        states = {Action.CREATE, Action.SUBMIT, Action.CANCEL, Action.AMEND}
        if self._side is Side.ERPNEXT and self._mapping.spec.lifecycle is not None and write.action in states:
            held[DOCSTATUS] = write.docstatus
            held[AMENDED_FROM] = write.key if write.action is Action.AMEND else held[AMENDED_FROM]
        return tuple(held.values())


def _named(value: Raw) -> Raw:
    """Rows under names of their own."""
    if not isinstance(value, Rows):
        return value
    rows = (TableRow(f"?{at}" if row.name is None else row.name, row.values) for at, row in enumerate(value.rows))
    return Rows(tuple(rows))
