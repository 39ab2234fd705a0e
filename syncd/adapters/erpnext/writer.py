"""Changing single documents: compare-and-set by `modified`, several in flight.

A PUT carries the `modified` that the decision was made on; of several with one stamp the site does one and refuses the
rest (measured). A deletion has no such condition: the stamp is looked at right before it. A table is sent whole, so its
document is read first, and its stamp and rows must be those that the decision was made on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.barred import Barred
from syncd.adapters.erpnext.calls import document_body, document_path, has_url
from syncd.adapters.erpnext.child_rows import UnknownRowError, as_read, sent_rows
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.hints import hint_for
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.taken import carried, missed_by_update, not_taken
from syncd.adapters.erpnext.transitions import TRANSITIONS, Transitions
from syncd.adapters.erpnext.wire import RowShape, left_out, to_json, trimmed_stamp
from syncd.core.mapping import MappingSpec
from syncd.core.model import Action, Raw, Row, Rows, Write
from syncd.errors import (
    AccessError,
    BusyError,
    GoneError,
    RecordError,
    RefusedError,
    StaleError,
    UnknownOutcomeError,
    UnreachableError,
)
from syncd.ports.endpoint import Done, Failed, Schema, WriteResult

LOST_ANSWERS: Final = 3
"""How often one write is sent although its answer was lost each time."""


class Writer:
    """Updates, links, transitions, deletions and disablings in one DocType."""

    def __init__(
        self,
        client: SiteClient,
        spec: MappingSpec,
        schema: Schema,
        layout: tuple[str, ...],
        shape: RowShape,
        lookup: Lookup,
        barred: Barred,
        *,
        run: str = "",
    ) -> None:
        self._client = client
        self._spec = spec
        self._barred = barred
        self._schema = schema
        self._layout = layout
        self._shape = shape
        self._lookup = lookup
        self._transitions = Transitions(client, spec, schema, layout, lookup, shape.tables, run=run, put=self._put)

    def apply(self, writes: Sequence[Write]) -> Iterator[tuple[int, WriteResult]]:
        """See `Endpoint.apply`. At most `concurrency` of the client are in flight.

        When one meets an error that concerns all (refused credentials, an interrupt), no more are sent, those in
        flight are finished and yielded, and then that error is raised.
        """
        self._transitions.look_ahead(writes)
        if len(writes) == 1:
            yield 0, self.one(writes[0])
            return
        waiting = iter(enumerate(writes))
        running: dict[Future[WriteResult], int] = {}
        failure: BaseException | None = None
        with ThreadPoolExecutor(self._client.concurrency, thread_name_prefix="syncd-write") as pool:
            self._fill(pool, waiting, running)
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    index = running.pop(future)
                    error = future.exception()
                    if error is None:
                        yield index, future.result()
                    else:
                        failure = failure or error
                if failure is None:
                    self._fill(pool, waiting, running)
        if failure is not None:
            raise failure

    def _fill(
        self, pool: ThreadPoolExecutor, waiting: Iterable[tuple[int, Write]], running: dict[Future[WriteResult], int]
    ) -> None:
        for index, write in waiting:
            running[pool.submit(self.one, write)] = index
            if len(running) >= self._client.concurrency:
                return

    def one(self, write: Write) -> WriteResult:
        """Do one write; every error that concerns this record alone is a `Failed`."""
        subject = self._subject(write)
        try:
            self._barred.check(write.action)
            self._addressable(write, subject)
            if write.action is Action.DELETE:
                return self._delete(write, subject)
            if self._schema.submittable or write.action in TRANSITIONS:
                return self._transitions.one(write, subject)
            return self._put(write, subject)
        except RecordError as error:
            return Failed(self._barred.judged(write.action, error))
        except AccessError:
            raise
        except UnreachableError as error:
            return Failed(
                UnknownOutcomeError(
                    f"{subject}: what became of it could not be read: {error.message}",
                    hint="the next run looks whether it was done",
                )
            )

    def _subject(self, write: Write) -> str:
        partner = f" ({self._spec.source} {self._spec.entity} “{write.partner}”)" if write.partner else ""
        return f"{self._spec.doctype} “{write.key}” on {self._client.base_url}{partner}"

    def _addressable(self, write: Write, subject: str) -> None:
        if write.key is None or write.action in (Action.CREATE, Action.MARK):
            raise ValueError(f"not a write of one ERPNext document: {write.action} of {write.key!r}")
        if not has_url(write.key):
            raise RefusedError(
                f"{subject}: a document whose name is “.”, holds a tab or a line break, or begins or ends with a slash "
                "cannot be reached over HTTP",
                hint="rename it in ERPNext",
                code="UnreachableName",
            )

    def _values(self, write: Write) -> dict[str, Raw]:
        """What the document is to hold: by field, the external id included where it is linked."""
        if write.action is Action.DISABLE:
            if "disabled" not in self._schema.fields:
                raise RefusedError(
                    f"{self._subject(write)}: {self._spec.doctype} has no field `disabled`",
                    hint="set delete.source_deleted to ignore or delete",
                    code="NoSuchField",
                )
            return {"disabled": True}
        values = dict(write.values)
        if write.link and self._spec.external_id:
            values[self._spec.external_id] = write.partner
        return values

    def _put(self, write: Write, subject: str) -> WriteResult:
        """PUT with `modified`; after a lost answer the document is looked at before anything is sent again."""
        values = self._values(write)
        if not isinstance(write.stamp, str):
            raise StaleError(f"{subject}: the version it was decided on is not known", hint="it is read again")
        body = self._body(write, values, subject)
        lost: UnknownOutcomeError | None = None
        absent: GoneError | None = None
        for _ in range(LOST_ANSWERS):
            try:
                answer = self._client.write(
                    "PUT",
                    document_path(self._spec.doctype, str(write.key)),
                    document_body(body),
                    subject,
                    expects=("data", dict),
                )
                return self._done(write, values, self._shape.row(answer["data"]), subject)
            except UnknownOutcomeError as error:
                lost = error
            except StaleError:
                if lost is None:
                    raise
            except GoneError as error:
                absent = error
            row = self._look(write, subject)
            if trimmed_stamp(row.stamp) != trimmed_stamp(write.stamp):
                return self._done(write, values, self._ours(values, row, subject), subject)
            if absent is not None:
                raise _of_another(subject, absent) from absent
        raise lost or StaleError(f"{subject}: somebody changed it since it was read")

    def _body(self, write: Write, values: dict[str, Raw], subject: str) -> dict[str, Any]:
        """What is PUT. Tables that are not among `values` are not sent, and so stay untouched."""
        zone = ZoneInfo(self._client.zone())
        body = {name: to_json(raw, zone) for name, raw in values.items() if not isinstance(raw, Rows)}
        body["modified"] = trimmed_stamp(write.stamp)
        tables = [(table, rows) for table in self._shape.tables if isinstance(rows := values.get(table.name), Rows)]
        document = self._stored(write, subject) if tables else {}
        for table, rows in tables:
            expected = write.expected[self._layout.index(table.name)] if write.expected else None
            try:
                if isinstance(expected, Rows) and not as_read(table, expected, document):
                    raise StaleError(
                        f"{subject}: its {table.name} are not as they were read",
                        hint="it is read again and decided anew",
                    )
                body[table.name] = sent_rows(table, rows, document[table.name], zone)
            except UnknownRowError as error:
                raise StaleError(
                    f"{subject}: row {error.name} of {table.name} is not there any more",
                    hint="it is read again and decided anew",
                ) from error
            except KeyError as error:
                key = f"tables.{table.name}"
                raise left_out(table.place, key, 0, self._client.user()) from error
        return body

    def _stored(self, write: Write, subject: str) -> dict[str, Any]:
        """The whole document at the version that the write was decided on; raises `StaleError` when it moved on."""
        path = document_path(self._spec.doctype, str(write.key))
        try:
            document: dict[str, Any] = self._client.get(path, {}, subject, ("data", dict))["data"]
        except AccessError:
            raise
        except UnreachableError as error:
            raise BusyError(
                f"{subject}: its rows could not be read before they were to be changed: {error.message}",
                hint="nothing was done; the next run tries again",
            ) from error
        if trimmed_stamp(document.get("modified")) != trimmed_stamp(write.stamp):
            raise StaleError(
                f"{subject}: somebody changed it since it was read", hint="it is read again and decided anew"
            )
        return document

    def _look(self, write: Write, subject: str) -> Row:
        for row in self._lookup.by_name([str(write.key)]):
            return row
        raise GoneError(f"{subject}: it is not there any more", hint="the next run finds out what became of it")

    def _ours(self, values: dict[str, Raw], row: Row, subject: str) -> Row:
        """The document after a lost answer, if the change that it shows is the one that was sent."""
        linked = self._spec.external_id not in values or values[self._spec.external_id] == row.partner
        held = carried(values, row, self._schema, self._layout, self._shape.tables)
        if held and linked and row.editor == self._client.user():
            return row
        raise StaleError(f"{subject}: somebody changed it since it was read", hint="it is read again and decided anew")

    def _done(self, write: Write, values: dict[str, Raw], row: Row, subject: str) -> WriteResult:
        missed = missed_by_update(values, write.expected, row, self._schema, self._layout, self._shape.tables)
        if write.link and self._spec.external_id and row.partner != write.partner:
            missed = (*missed, self._spec.external_id)
        if missed:
            return Failed(not_taken(subject, missed, self._schema, self._client.user()))
        return Done(row)

    def _delete(self, write: Write, subject: str) -> WriteResult:
        """Look at the stamp, then DELETE; after a lost answer look whether it is still there."""
        lost: UnknownOutcomeError | None = None
        for _ in range(LOST_ANSWERS):
            try:
                row = self._look(write, subject)
            except GoneError:
                if lost is None:
                    raise
                return Done(self._last(write))
            if trimmed_stamp(row.stamp) != trimmed_stamp(write.stamp):
                raise StaleError(
                    f"{subject}: somebody changed it since it was read", hint="it is read again and decided anew"
                )
            try:
                self._client.write("DELETE", document_path(self._spec.doctype, str(write.key)), None, subject)
            except UnknownOutcomeError as error:
                lost = error
                continue
            except GoneError as error:
                if lost is None:
                    self._look(write, subject)
                    raise _of_another(subject, error) from error
            return Done(self._last(write))
        raise lost or StaleError(f"{subject}: somebody changed it since it was read")

    def _last(self, write: Write) -> Row:
        """A deleted document as it was last known."""
        return Row(
            key=str(write.key),
            stamp=write.stamp,
            values=write.expected or (),
            partner=write.partner,
            deleted=True,
        )


def _of_another(subject: str, error: GoneError) -> RefusedError:
    """A 404 for a document that is there: what the site looked for while it handled the request is not."""
    said = error.message.removeprefix(f"{subject}: ").removeprefix("it is not there any more: ")
    return RefusedError(
        f"{subject}: the site refuses it: {said}",
        hint=hint_for(error.code, 404),
        code=error.code,
        request_id=error.request_id,
    )
