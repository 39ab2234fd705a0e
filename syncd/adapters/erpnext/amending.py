"""Amending: a cancelled document, and in its place a new one with what people had entered and the merged fields.

The steps are: cancel; look whether an amendment is there already; read the cancelled document whole; insert its copy
under an operation key of its own. Stopped between any two, the same write sent again goes on from there. Like
ERPNext's own *Amend* the copy takes every field along, those marked No Copy too (posting date, remarks, return
against): only what the site gives each document anew is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.building import Dating, as_new, as_new_row
from syncd.adapters.erpnext.calls import ListQuery, document_path, filters_for
from syncd.adapters.erpnext.child_rows import UnknownRowError, sent_rows
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.operations import find_key, has_operations, key_document
from syncd.adapters.erpnext.taken import carried, missed_by_creation
from syncd.adapters.erpnext.wire import TableShape, to_json, trimmed_stamp
from syncd.core.mapping import AMENDED_FROM, MappingSpec
from syncd.core.model import Row, Rows, Write
from syncd.errors import GoneError, HeldError, RecordError, RefusedError, StaleError, UnknownOutcomeError
from syncd.ports.endpoint import Done, Schema, WriteResult

_NOT_COPIED: Final = frozenset({AMENDED_FROM, "amendment_date", "cancel_reason", "workflow_state"})
"""Fields that tell of the cancelled document's own life; ERPNext's *Amend* leaves the first three out as well."""
_DUPLICATE: Final = frozenset({"DuplicateEntryError", "HTTP 409"})
CANCELLED: Final = 2
_MOST_KEYS: Final = 20
"""How many amendments of one document, each deleted again by a person, are made before syncd asks."""


class Chains:
    """Amendments of documents, by `amended_from`."""

    def __init__(self, client: SiteClient, schema: Schema) -> None:
        self._client = client
        self._doctype = schema.entity
        self._amendable = AMENDED_FROM in schema.fields

    def newest(self, names: Sequence[str]) -> dict[str, str]:
        """For each of `names` that was amended the name of the newest document of its chain.

        Where a chain forks, a document that is not cancelled counts before one that is. One request for each link of
        the longest chain. Errors are those of `SiteClient.read_list`.
        """
        after: dict[str, list[tuple[bool, str, str]]] = {}
        seen: set[str] = set()
        asked = list(dict.fromkeys(names)) if self._amendable else []
        while asked:
            seen.update(asked)
            found = list(self._amendments(asked))
            for document in found:
                live = int(document["docstatus"] or 0) != CANCELLED
                entry = (live, str(document["creation"]), str(document["name"]))
                after.setdefault(str(document[AMENDED_FROM]), []).append(entry)
            asked = [name for name in dict.fromkeys(str(document["name"]) for document in found) if name not in seen]
        return {name: newest for name in names if (newest := _end(name, after)) is not None}

    def _amendments(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The documents that were made from these."""
        wanted = set(names)
        for filters in filters_for(AMENDED_FROM, names):
            query = ListQuery(
                doctype=self._doctype,
                fields=("name", "creation", "docstatus", AMENDED_FROM),
                filters=filters,
                or_filters=[],
                order_by="creation asc, name asc",
                limit=0,
            )
            yield from (row for row in self._client.read_list(query) if row[AMENDED_FROM] in wanted)


def _end(name: str, after: Mapping[str, list[tuple[bool, str, str]]]) -> str | None:
    """The newest document behind `name`, those that are not cancelled first; a chain that bites its tail ends."""
    behind: set[tuple[bool, str, str]] = set()
    following = [name]
    seen = {name}
    while following:
        entries = [entry for entry in after.get(following.pop(), ()) if entry[2] not in seen]
        behind.update(entries)
        seen.update(entry[2] for entry in entries)
        following += [entry[2] for entry in entries]
    return max(behind)[2] if behind else None


class Amending:
    """Amendments of one DocType. `cancel` cancels a submitted document as the mapping's policy says."""

    def __init__(
        self,
        client: SiteClient,
        spec: MappingSpec,
        schema: Schema,
        layout: tuple[str, ...],
        lookup: Lookup,
        tables: Sequence[TableShape],
        *,
        run: str,
        cancel: Callable[[Write, str], WriteResult],
    ) -> None:
        self._client = client
        self._spec = spec
        self._schema = schema
        self._layout = layout
        self._lookup = lookup
        self._tables = tuple(tables)
        self._run = run
        self._cancel = cancel
        self._chains = Chains(client, schema)
        self._dating = Dating(spec, schema)

    def amend(self, write: Write, subject: str) -> WriteResult:
        """Cancel the document if it is submitted, and make its amendment; an amendment of syncd's own is taken.

        Raises `StaleError` where a person cancelled, amended or changed it meanwhile, `HeldError` where the document
        is cancelled but its amendment is refused (it waits as a draft then, if it can).
        """
        try:
            cancelled = self._cancel(write, subject)
        except StaleError as moved:
            self._cancelled_by_us(write, subject, moved)
        else:
            if not isinstance(cancelled, Done):
                return cancelled
        newest = self._chains.newest([str(write.key)]).get(str(write.key))
        if newest is not None:
            return self._take(write, newest, subject)
        return self._replace(write, subject)

    def _row(self, name: str, subject: str) -> Row:
        for row in self._lookup.by_name([name]):
            return row
        raise GoneError(f"{subject}: it is not there any more", hint="the next run finds out what became of it")

    def _cancelled_by_us(self, write: Write, subject: str, moved: StaleError) -> None:
        """Raise `moved` but for a document that was cancelled when this was decided, or by an attempt before."""
        stands = self._row(str(write.key), subject)
        ours = stands.editor == self._client.user()
        if stands.docstatus != CANCELLED or not (ours or stands.stamp == trimmed_stamp(write.stamp)):
            raise moved

    def _take(self, write: Write, name: str, subject: str) -> WriteResult:
        """The amendment that is there: an earlier attempt's is finished, a person's is to be looked at first."""
        row = self._row(name, subject)
        ours = row.docstatus != CANCELLED and row.editor == self._client.user() and self._carries(write, row)
        if not ours:
            raise StaleError(
                f"{subject}: it was amended as “{name}” meanwhile", hint="that one is read and decided on instead"
            )
        if row.docstatus >= write.docstatus:
            return Done(row)
        try:
            self._client.write(
                "PUT",
                document_path(self._spec.doctype, name),
                {"docstatus": 1, "modified": row.stamp},
                subject,
                expects=("data", dict),
            )
        except RefusedError as error:
            raise self._waiting(subject, name, error) from error
        return Done(self._row(name, subject))

    def _carries(self, write: Write, row: Row) -> bool:
        """Whether an amendment holds exactly what this write gives it: one of another content is not this one's."""
        held = carried(write.values, row, self._schema, self._layout, self._tables, new=True)
        return held and (not write.link or row.partner == write.partner)

    def _replace(self, write: Write, subject: str) -> WriteResult:
        """Insert the amendment; refused as a submitted document it is inserted as a draft, and a person decides."""
        document = self._copy(write, subject)
        try:
            return self._insert(write, {**document, "docstatus": write.docstatus}, subject)
        except RefusedError as error:
            if write.docstatus == 0:
                raise self._gap(subject, error) from error
            return self._keep_draft(write, document, subject, error)

    def _keep_draft(self, write: Write, document: dict[str, Any], subject: str, why: RefusedError) -> WriteResult:
        try:
            draft = self._insert(write._replace(docstatus=0), {**document, "docstatus": 0}, subject)
        except RefusedError as error:
            raise self._gap(subject, error) from error
        if isinstance(draft, Done):
            raise self._waiting(subject, draft.row.key, why)
        return draft

    def _waiting(self, subject: str, name: str, error: RefusedError) -> HeldError:
        return HeldError(
            f"{subject}: it is cancelled, and its amendment “{name}” waits as a draft: the site refuses to submit it: "
            f"{words(error, subject)}",
            hint=f"correct “{name}” in ERPNext and submit it there, or correct the record in the source",
            code=error.code,
            request_id=error.request_id,
        )

    def _gap(self, subject: str, error: RefusedError) -> HeldError:
        return HeldError(
            f"{subject}: it is cancelled, and the site refuses its amendment: {words(error, subject)}",
            hint="correct the record in the source, or amend it by hand in ERPNext: nothing stands in its place now",
            code=error.code,
            request_id=error.request_id,
        )

    def _copy(self, write: Write, subject: str) -> dict[str, Any]:
        """The cancelled document as read, as a new one, with the write's values laid over it."""
        path = document_path(self._spec.doctype, str(write.key))
        stored = self._client.get(path, {}, subject, ("data", dict))["data"]
        zone = ZoneInfo(self._client.zone())
        document = {name: held for name, held in as_new(stored).items() if name not in _NOT_COPIED}
        if "status" in self._schema.fields and self._schema.fields["status"].read_only:
            document.pop("status", None)
        for name, raw in write.values.items():
            document[name] = self._rows(name, raw, stored, subject) if isinstance(raw, Rows) else to_json(raw, zone)
        document |= {"doctype": self._spec.doctype, AMENDED_FROM: stored["name"]}
        if write.link and self._spec.external_id:
            document[self._spec.external_id] = write.partner
        return {**document, **self._dating.switch(document, write.values)}

    def _rows(self, name: str, rows: Rows, stored: Mapping[str, Any], subject: str) -> list[dict[str, Any]]:
        """A child table: a row with a name takes along what the stored one holds besides; a new one the constants."""
        table = next(entry for entry in self._tables if entry.name == name)
        try:
            sent = sent_rows(table, rows, stored.get(name) or (), ZoneInfo(self._client.zone()))
        except UnknownRowError as error:
            raise StaleError(
                f"{subject}: row {error.name} of {name} is not there any more", hint="it is read again and decided anew"
            ) from error
        return [as_new_row(row) for row in sent]

    def _insert(self, write: Write, document: dict[str, Any], subject: str) -> WriteResult:
        """Insert an amendment exactly once: of several attempts at once one is done, and the others find it.

        Raises `RefusedError` as the site refuses it.
        """
        refused: RefusedError | None = None
        for attempt in range(_MOST_KEYS):
            operation = self._operation(document, attempt)
            try:
                return self._made(write, self._send(document, operation, subject), subject)
            except RefusedError as error:
                if error.code not in _DUPLICATE:
                    raise
                refused = error
            except UnknownOutcomeError:
                # The name of an amendment follows from its predecessor's: what comes late is refused as a duplicate.
                found = self._found(write, subject)
                if found is None:
                    raise
                return found
            found = self._found(write, subject)
            if found is not None:
                return found
            if not has_operations(self._client) or find_key(self._client, operation) is None:
                raise refused
        raise refused or RefusedError(f"{subject}: it was not amended", code="DuplicateEntryError")

    def _found(self, write: Write, subject: str) -> WriteResult | None:
        newest = self._chains.newest([str(write.key)]).get(str(write.key))
        return None if newest is None else self._take(write, newest, subject)

    def _operation(self, document: Mapping[str, Any], attempt: int) -> str:
        """The key of one attempt at one document: a key whose amendment was deleted since is never used again."""
        text = f"{self._client.base_url}\n{self._spec.doctype}\n{document[AMENDED_FROM]}"
        return f"amend-{sha256(text.encode()).hexdigest()[:32]}-{attempt}-{document['docstatus']}"

    def _send(self, document: dict[str, Any], operation: str, subject: str) -> str:
        keyed = has_operations(self._client)
        documents = [document]
        if keyed:
            records = f"{self._spec.doctype} {document[AMENDED_FROM]}"
            documents.insert(0, key_document(operation, mapping=self._spec.name, run=self._run, records=records))
        answer = self._client.write(
            "POST",
            "/api/method/frappe.client.insert_many",
            {"docs": documents},
            subject,
            expects=("message", list),
            keyed=keyed,
        )
        return str(answer["message"][-1])

    def _made(self, write: Write, name: str, subject: str) -> WriteResult:
        for row in self._lookup.by_name([name]):
            return Done(row, missed_by_creation(write.values, row, self._schema, self._layout, self._tables))
        raise UnknownOutcomeError(
            f"{subject}: its amendment was made as “{name}” but cannot be read back",
            hint="it was deleted or renamed at once, or a User Permission hides it from the integration user",
        )


def words(error: RecordError, subject: str) -> str:
    """What a refusal says beside the record's name."""
    return error.message.removeprefix(f"{subject}: ").removeprefix("the site refuses it: ")
