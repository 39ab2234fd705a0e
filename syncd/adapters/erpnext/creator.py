"""Creating documents: all of a batch or none, exactly once.

With the DocType `Syncd Operation` on the site a batch begins with its key and may be sent again unchanged; 409 leads to
one look at the key. Without it a batch whose answer was lost is looked for by external id, and only counts as not done
`UNDER_WAY` after it was sent: a slow site may still be working on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from syncd.adapters.erpnext.barred import Barred
from syncd.adapters.erpnext.building import Building
from syncd.adapters.erpnext.child_rows import new_rows
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.operations import Key, abandon_key, find_key, has_operations, key_document
from syncd.adapters.erpnext.taken import carried, missed_by_creation
from syncd.adapters.erpnext.wire import TableShape, to_json
from syncd.core.mapping import MappingSpec
from syncd.core.model import Action, Row, Rows, Write
from syncd.errors import (
    AccessError,
    BusyError,
    NotAllowedError,
    RecordError,
    RefusedError,
    UnknownOutcomeError,
    UnreachableError,
)
from syncd.ports.endpoint import Done, Failed, Schema, WriteResult

UNDER_WAY: Final = timedelta(seconds=150)
"""A site's worker is ended after 120 s by default; a creation that is not there by now will not come."""
LARGEST_BATCH: Final = 199
"""`insert_many` takes 200 documents, the key included."""
_CLOCKS_DIFFER = timedelta(minutes=10)
"""How far this machine's clock may be ahead of the site's."""
_DUPLICATE = frozenset({"DuplicateEntryError", "HTTP 409"})


class Creator:
    """Creations in one DocType."""

    def __init__(
        self,
        client: SiteClient,
        spec: MappingSpec,
        schema: Schema,
        layout: tuple[str, ...],
        lookup: Lookup,
        barred: Barred,
        tables: Sequence[TableShape] = (),
        *,
        run: str,
    ) -> None:
        self._client = client
        self._spec = spec
        self._barred = barred
        self._schema = schema
        self._layout = layout
        self._lookup = lookup
        self._tables = tuple(tables)
        self._run = run
        self._building = Building(client, spec, schema)

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """See `Endpoint.create`."""
        keyed = has_operations(self._client)
        subject = self._subject(writes)
        try:
            for action in _actions(writes):
                self._barred.check(action)
            documents = self._building.documents(writes, [self._document(write) for write in writes])
            if keyed:
                records = orjson.dumps([write.partner for write in writes]).decode()
                documents.insert(0, key_document(operation, mapping=self._spec.name, run=self._run, records=records))
            answer = self._client.write(
                "POST",
                "/api/method/frappe.client.insert_many",
                {"docs": documents},
                subject,
                expects=("message", list),
                keyed=keyed,
            )
            return self._read_back(writes, [str(name) for name in answer["message"]][int(keyed) :])
        except RefusedError as error:
            return self._refused(writes, operation, error, keyed=keyed)
        except RecordError as error:
            return [Failed(error)] * len(writes)
        except AccessError:
            raise
        except UnreachableError as error:
            return [Failed(_unseen(subject, error))] * len(writes)

    def created(self, writes: Sequence[Write], operation: str, sent: datetime | None) -> list[Row | None] | None:
        """See `Endpoint.created`. With an operation key a batch that was not done is also made impossible."""
        if not has_operations(self._client):
            return self._created_without_key(writes, sent)
        key = find_key(self._client, operation)
        if key is None:
            # It may have been sent before the site had the DocType, or still be under way.
            found = self._by_external_id(writes, "")
            if any(found):
                return found
            try:
                key = abandon_key(self._client, operation, mapping=self._spec.name, run=self._run)
            except RecordError as error:
                raise UnknownOutcomeError(
                    f"{self._subject(writes)}: whether it was done cannot be told yet: {error.message}",
                    hint=error.hint,
                    code=error.code,
                    request_id=error.request_id,
                ) from error
        return None if key is None or key.abandoned else self._made(writes, key.creation)

    def _document(self, write: Write) -> dict[str, Any]:
        """The document to insert. Empty values are left out: null means the same, and the site fills its defaults."""
        zone = ZoneInfo(self._client.zone())
        shapes = {table.name: table for table in self._tables}
        values = {
            name: new_rows(shapes[name], raw, zone) if isinstance(raw, Rows) else to_json(raw, zone)
            for name, raw in write.values.items()
            if raw is not None
        }
        if write.link and self._spec.external_id:
            values[self._spec.external_id] = write.partner
        return {"doctype": self._spec.doctype, **values}

    def _subject(self, writes: Sequence[Write]) -> str:
        place = f"{self._spec.doctype} on {self._client.base_url}"
        if len(writes) == 1:
            return f"new {place} for {self._spec.source} {self._spec.entity} “{writes[0].partner}”"
        return f"{len(writes)} new documents of {place}"

    def _read_back(self, writes: Sequence[Write], names: Sequence[str]) -> list[WriteResult]:
        """The documents as they are stored, by one list call."""
        if len(names) != len(writes):
            error = UnknownOutcomeError(
                f"{self._subject(writes)}: the site answered {len(names)} names for {len(writes)} documents",
                hint="the next run looks what was done",
            )
            return [Failed(error)] * len(writes)
        rows = {row.key: row for row in self._lookup.by_name(names)}
        return [self._result(write, rows.get(name), name) for write, name in zip(writes, names, strict=True)]

    def _result(self, write: Write, row: Row | None, name: str) -> WriteResult:
        if row is not None:
            return Done(row, missed_by_creation(write.values, row, self._schema, self._layout, self._tables))
        return Failed(
            UnknownOutcomeError(
                f"{self._subject([write])}: it was made{name and f' as “{name}”'} but cannot be read back",
                hint="it was deleted or renamed at once, or a User Permission hides it from the integration user",
            )
        )

    def _refused(
        self, writes: Sequence[Write], operation: str, error: RefusedError, *, keyed: bool
    ) -> list[WriteResult]:
        """A refused batch; a duplicate may be the batch's own key, and then the batch was done."""
        if error.code == "PermissionError" and keyed and "Syncd Operation" in error.message:
            raise AccessError(
                f"{self._client.user()} may not make Syncd Operation records: {error.message}",
                hint="run syncd provision --apply as a System Manager, or give a role of that user “Create” on it",
            ) from error
        if keyed and error.code in _DUPLICATE:
            try:
                key = find_key(self._client, operation)
                if key is not None:
                    return self._done_before(writes, operation, key)
            except AccessError:
                raise
            except UnreachableError as unreachable:
                return [Failed(_unseen(self._subject(writes), unreachable))] * len(writes)
        judged: RecordError = error
        for action in _actions(writes):
            if not isinstance(judged, NotAllowedError):
                judged = self._barred.judged(action, judged)
        return [Failed(judged)] * len(writes)

    def _done_before(self, writes: Sequence[Write], operation: str, key: Key) -> list[WriteResult]:
        """Results of a batch whose key is taken: by the batch itself, or because it was given up."""
        if key.abandoned:
            error = BusyError(
                f"{self._subject(writes)}: operation {operation} was given up and can never be done",
                hint="nothing was done; the next run decides anew",
            )
            return [Failed(error)] * len(writes)
        made = self._made(writes, key.creation)
        return [self._result(write, row, "") for write, row in zip(writes, made, strict=True)]

    def _made(self, writes: Sequence[Write], since: str) -> list[Row | None]:
        """The documents of a batch that was done, not older than the site's stamp `since`."""
        if self._spec.external_id and all(write.link and write.partner for write in writes):
            return self._by_external_id(writes, since)
        candidates = self._lookup.made_since(since, self._client.user(), 4 * len(writes) + LARGEST_BATCH)
        return self._in_order(writes, candidates)

    def _by_external_id(self, writes: Sequence[Write], since: str) -> list[Row | None]:
        """The document of each write: the first that was made since, or else the last that carries its id."""
        found: dict[str | None, Row] = {}
        for row in self._lookup.by_external_id([write.partner for write in writes if write.link and write.partner]):
            older = found.get(row.partner)
            if older is None or (older.creation or "") < since:
                found[row.partner] = row
        return [found.get(write.partner) if write.link else None for write in writes]

    def _in_order(self, writes: Sequence[Write], candidates: Sequence[Row]) -> list[Row | None]:
        """Documents without an external id, told by their content: a batch is inserted in its order."""
        rest = list(candidates)
        made: list[Row | None] = []
        for write in writes:
            match = next((at for at, row in enumerate(rest) if self._carries(write, row)), None)
            made.append(None if match is None else rest[match])
            rest = rest if match is None else rest[match + 1 :]
        return made

    def _carries(self, write: Write, row: Row) -> bool:
        return carried(write.values, row, self._schema, self._layout, self._tables, new=True)

    def _created_without_key(self, writes: Sequence[Write], sent: datetime | None) -> list[Row | None] | None:
        if self._spec.external_id and all(write.link and write.partner for write in writes):
            found = self._by_external_id(writes, "")
        elif sent is not None:
            since = (sent - _CLOCKS_DIFFER).astimezone(ZoneInfo(self._client.zone())).replace(tzinfo=None)
            found = self._made(writes, since.isoformat(sep=" "))
        else:
            found = []
        if any(found):
            return found
        if sent is None or self._client.clock.now() - sent < UNDER_WAY:
            raise UnknownOutcomeError(
                f"{self._subject(writes)}: it is not there, but the site may still be working on it",
                hint=f"it is looked for again {UNDER_WAY.seconds} s after it was sent; syncd provision --apply makes "
                "creations certain",
            )
        return None


def _unseen(subject: str, error: UnreachableError) -> UnknownOutcomeError:
    return UnknownOutcomeError(
        f"{subject}: sent, but what became of it could not be read: {error.message}",
        hint="the next run looks whether it was done",
    )


def _actions(writes: Sequence[Write]) -> list[Action]:
    """What a batch does to its documents, as far as each needs a right of its own."""
    return [Action.CREATE, Action.SUBMIT] if any(write.docstatus == 1 for write in writes) else [Action.CREATE]
