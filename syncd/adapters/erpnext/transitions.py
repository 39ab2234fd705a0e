"""Documents that can be submitted: submitting, changing after that, cancelling, amending.

Submitting and cancelling are PUTs with `modified` like any other change, so a document that moved is left alone. What
the site refuses of them only a person can decide: `HeldError` (`submit_fails = "rollback"`: `RefusedError`, tried
again later). A right that is missing is no such thing and stays a `RefusedError`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from syncd.adapters.erpnext.amending import CANCELLED, Amending, words
from syncd.adapters.erpnext.building import Dating
from syncd.adapters.erpnext.calls import document_path
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.linked import LinkedDocuments, Referring, named
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.wire import TableShape, trimmed_stamp
from syncd.core.mapping import DOCSTATUS, MappingSpec
from syncd.core.model import Action, Write
from syncd.core.spec import CancelLinked, SubmitFails
from syncd.errors import (
    AccessError,
    BusyError,
    HeldError,
    RecordError,
    RefusedError,
    StaleError,
    UnreachableError,
)
from syncd.ports.endpoint import Done, Failed, Schema, WriteResult

DRAFT: Final = 0
SUBMITTED: Final = 1

TRANSITIONS: Final = frozenset({Action.SUBMIT, Action.CANCEL, Action.AMEND})
_NO_RIGHT: Final = frozenset({"PermissionError", "HTTP 403"})

Put = Callable[[Write, str], WriteResult]
"""Sends an UPDATE under the condition of its stamp; the text names the record. Raises `RecordError`."""


class Transitions:
    """Everything that is done to single documents of a DocType that can be submitted, but deleting them."""

    def __init__(
        self,
        client: SiteClient,
        spec: MappingSpec,
        schema: Schema,
        layout: tuple[str, ...],
        lookup: Lookup,
        tables: Sequence[TableShape] = (),
        *,
        run: str,
        put: Put,
    ) -> None:
        self._client = client
        self._spec = spec
        self._schema = schema
        self._lookup = lookup
        self._tables = tuple(tables)
        self._put = put
        self._at = layout.index(DOCSTATUS) if DOCSTATUS in layout else None
        self._linked = LinkedDocuments(client, spec.doctype)
        self._dating = Dating(spec, schema)
        self._amending = Amending(client, spec, schema, layout, lookup, tables, run=run, cancel=self._leave)
        self._referring: dict[str, tuple[Referring, ...]] = {}
        self._leaving: frozenset[str] = frozenset()
        lifecycle = spec.lifecycle
        self._holds_linked = lifecycle is None or lifecycle.cancel_linked is CancelLinked.HOLD
        self._holds_refused = lifecycle is None or lifecycle.submit_fails is SubmitFails.HOLD

    def look_ahead(self, writes: Sequence[Write]) -> None:
        """Ask at once what refers to all documents that these writes cancel. A write of its own asks for itself.

        Payments, orders and deliveries move the stamp of what they refer to, so one that is made after this look makes
        the cancellation stale; of all others the site itself refuses it.
        """
        self._referring = {}
        self._leaving = frozenset(str(write.key) for write in writes if write.action is Action.CANCEL)
        names = [str(write.key) for write in writes if self._asks_for_referring(write)]
        if len(names) < 2:
            return
        try:
            self._referring = self._linked.referring(names)
        except (RecordError, UnreachableError):
            self._referring = {}  # each write then asks for itself, and says what went wrong under its own name

    def _asks_for_referring(self, write: Write) -> bool:
        leaves = write.action is Action.CANCEL or (write.action is Action.AMEND and self._stands(write) == SUBMITTED)
        return leaves and self._holds_linked and not write.forced

    def one(self, write: Write, subject: str) -> WriteResult:
        """Do one write; raises `RecordError`."""
        if write.action in TRANSITIONS and not self._schema.submittable:
            raise RefusedError(
                f"{subject}: a {self._spec.doctype} cannot be submitted, cancelled or amended",
                hint="take [lifecycle] out of the mapping",
                code="NotSubmittable",
            )
        if write.action is Action.SUBMIT:
            return self._submit(write, subject)
        if write.action is Action.CANCEL:
            return self._cancel(write, subject)
        if write.action is Action.AMEND:
            return self._amending.amend(write, subject)
        return self._update(write, subject)

    def _stands(self, write: Write) -> int | None:
        """The docstatus that the write was decided on; None where the mapping's images do not hold it."""
        if self._at is None or write.expected is None or self._at >= len(write.expected):
            return None
        held = write.expected[self._at]
        return held if isinstance(held, int) else None

    def _must_stand(self, write: Write, docstatus: int, subject: str) -> None:
        if self._stands(write) not in (docstatus, None):
            raise StaleError(
                f"{subject}: it is not {('a draft', 'submitted', 'cancelled')[docstatus]} any more",
                hint="it is read again and decided anew",
            )

    def _update(self, write: Write, subject: str) -> WriteResult:
        if write.action in (Action.UPDATE, Action.LINK) and self._stands(write) == DRAFT:
            write = self._dated(write)
        try:
            return self._put(write, subject)
        except RefusedError as error:
            if error.code != "UpdateAfterSubmitError":
                raise
            raise self._not_after_submit(write, subject, error) from error

    def _dated(self, write: Write) -> Write:
        return write._replace(values={**write.values, **self._dating.of_draft(write.values)})

    def _not_after_submit(self, write: Write, subject: str, error: RefusedError) -> RefusedError:
        """The fields that a submitted document does not let change, as the mapping calls them."""
        labels = self._fixed(write)
        said = {name: label for name, label in labels.items() if label in error.message}
        # “Date” is in the message about “Due Date” too.
        exact = [name for name, label in said.items() if not any(label in other != label for other in said.values())]
        return RefusedError(
            f"{subject}: it is submitted, and the site does not let {', '.join(exact or labels) or 'it'} change any "
            f"more: {words(error, subject)}",
            hint="tick “Allow on Submit” for it in ERPNext's Customize Form, or set lifecycle.changed_after_submit to "
            "amend, which replaces the document",
            code=error.code,
            request_id=error.request_id,
        )

    def _fixed(self, write: Write) -> dict[str, str]:
        """What of a write a submitted document does not let change, with its labels; of a table its columns."""
        fields, rows = self._schema.fields, {table.name: table for table in self._tables}
        linked = [self._spec.external_id] if write.link and self._spec.external_id else []
        labels = {}
        for name in [*write.values, *linked]:
            if name in rows:
                columns = {f"{name}.{column}": rows[name].schema.fields[column] for column in rows[name].layout}
            else:
                columns = {name: fields[name]} if name in fields else {}
            labels.update({key: info.label for key, info in columns.items() if not info.allow_on_submit})
        return labels

    def _submit(self, write: Write, subject: str) -> WriteResult:
        """One PUT with the merged fields and docstatus 1: refused, the draft stays exactly as it was."""
        self._must_stand(write, DRAFT, subject)
        dated = self._dated(write)
        update = dated._replace(action=Action.UPDATE, values={**dated.values, DOCSTATUS: SUBMITTED})
        try:
            return self._read_back(self._moved(self._put(update, subject), SUBMITTED, subject))
        except RefusedError as error:
            self._must_not_have_moved(write, subject)
            told = f"{subject}: the site refuses to submit it: {words(error, subject)}; the draft stays as it was"
            raise self._refused(told, error, held=self._holds_refused) from error

    def _cancel(self, write: Write, subject: str) -> WriteResult:
        return self._read_back(self._leave(write, subject))

    def _leave(self, write: Write, subject: str) -> WriteResult:
        """Cancel by one PUT of docstatus 2 and nothing else, once no submitted document refers to it.

        The row is the document as the site answers it.
        """
        self._must_stand(write, SUBMITTED, subject)
        if self._holds_linked and not write.forced:
            self._free(write, subject)
        update = write._replace(action=Action.UPDATE, values={DOCSTATUS: CANCELLED}, link=False)
        try:
            try:
                return self._moved(self._put(update, subject), CANCELLED, subject)
            except RefusedError as error:
                if error.code != "LinkExistsError" or not self._let_go(str(write.key)):
                    raise
                return self._moved(self._put(update, subject), CANCELLED, subject)
        except RefusedError as error:
            self._must_not_have_moved(write, subject)
            told = f"{subject}: the site refuses to cancel it: {words(error, subject)}"
            raise self._refused(told, error, held=True) from error

    def _let_go(self, key: str) -> bool:
        """Take a document out of the Link fields that syncd made; whether it stood in any.

        What refers to it may stay then, as it may where a person entered it: such a field is syncd's own note of what
        ERPNext keeps in rows of a payment, and those the site takes out itself.
        """
        found = list(self._linked.through_own(key))
        for document, field in found:
            path = document_path(document.doctype, document.name)
            self._client.write("PUT", path, {field: ""}, str(document), expects=("data", dict))
        return bool(found)

    @staticmethod
    def _refused(told: str, error: RefusedError, *, held: bool) -> RecordError:
        kind = HeldError if held and error.code not in _NO_RIGHT else RefusedError
        hint = error.hint
        if error.code == "LinkExistsError":
            hint = "cancel the documents that refer to it in ERPNext first, or undo the change in the source"
        return kind(told, hint=hint, code=error.code, request_id=error.request_id)

    def _must_not_have_moved(self, write: Write, subject: str) -> None:
        """Raise `StaleError` where a refusal only says that somebody was there first.

        Not every version compares stamps before it looks at docstatus: one that was cancelled meanwhile “cannot be
        edited” then.
        """
        try:
            rows = self._lookup.by_name([str(write.key)])
        except UnreachableError:
            return  # the refusal stands as it is
        if any(row.stamp != trimmed_stamp(write.stamp) for row in rows):
            raise StaleError(
                f"{subject}: somebody changed it since it was read", hint="it is read again and decided anew"
            )

    def _free(self, write: Write, subject: str) -> None:
        """Raise where submitted documents refer to it."""
        key = str(write.key)
        known = self._referring.pop(key, None)
        referring = known if known is not None else self._ask(key, subject)
        if not referring:
            return
        if all(document.doctype == self._spec.doctype and document.name in self._leaving for document in referring):
            raise BusyError(
                f"{subject}: {named(referring)}, which refers to it, is cancelled in the same run",
                hint="nothing was done to it; the next run cancels it",
            )
        one = len(referring) == 1
        raise HeldError(
            f"{subject}: it is not cancelled: {'a submitted document refers' if one else 'submitted documents refer'} "
            f"to it: {named(referring)}",
            hint=f"cancel {'that one' if one else 'those'} in ERPNext first, undo the change in the source, or set "
            f'lifecycle.cancel_linked = "unlink" in {self._spec.file}: payments then stay, allocated to nothing',
            code="LinkedDocuments",
        )

    def _ask(self, key: str, subject: str) -> tuple[Referring, ...]:
        try:
            return self._linked.referring([key])[key]
        except RefusedError as error:
            raise RefusedError(
                f"{subject}: it is not cancelled: {error.message}", hint=error.hint, code=error.code
            ) from error
        except AccessError:
            raise
        except UnreachableError as error:
            raise BusyError(
                f"{subject}: what refers to it could not be read: {error.message}",
                hint="nothing was done; the next run tries again",
            ) from error

    def _moved(self, result: WriteResult, docstatus: int, subject: str) -> WriteResult:
        """The result, if the transition that the site answered 200 to was carried out."""
        untouched = isinstance(result, Failed) and result.error.code == "NotTaken" and DOCSTATUS in result.error.message
        if untouched or (isinstance(result, Done) and result.row.docstatus != docstatus):
            return Failed(
                BusyError(
                    f"{subject}: the site took the request but has not carried it out: it may do so in the background",
                    hint="the next run looks again",
                )
            )
        return result

    def _read_back(self, result: WriteResult) -> WriteResult:
        """The stored document: what the site does besides a transition is not all in its answer.

        Where somebody else wrote since, the answer stays, so that the edit is seen as one.
        """
        if not isinstance(result, Done):
            return result
        try:
            rows = self._lookup.by_name([result.row.key])
        except UnreachableError:
            return result  # the transition is done all the same; the next pass reads the document
        return Done(next((row for row in rows if row.editor == result.row.editor), result.row), result.missed)
