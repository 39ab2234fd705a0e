"""Failures: what is kept of a record whose write was refused or broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from syncd.app.context import Pass
from syncd.core.model import Action, Raw, Side
from syncd.core.values import show
from syncd.errors import BusyError, Kind, RecordError
from syncd.ports.state import FailureRecord


def parked_of(failures: Iterable[FailureRecord]) -> frozenset[tuple[str | None, str | None, bytes]]:
    """(external id, ERPNext name, mark of the content) of what is not sent again as it is (`Pass.parked`)."""
    return frozenset(
        (failure.external_id, failure.erpnext_name, failure.digest)
        for failure in failures
        if failure.permanent and failure.digest is not None
    )


def passing(error: RecordError) -> RecordError:
    """The error as one that every run tries again: what stands in the way may go without the record changing."""
    if error.kind is not Kind.PERMANENT:
        return error
    return BusyError(error.message, hint=error.hint, code=error.code, request_id=error.request_id)


def failure_of(
    run: Pass,
    *,
    side: Side,
    action: Action,
    external_id: str | None,
    erpnext_name: str | None,
    error: RecordError,
    digest: bytes | None,
    values: Mapping[str, Raw],
) -> FailureRecord:
    """A failure with its cause, next step and payload. `side` is where the write failed."""
    now = run.clock.now()
    return FailureRecord(
        mapping=run.mapping.name,
        side=side,
        external_id=external_id,
        erpnext_name=erpnext_name,
        action=action,
        permanent=error.kind is Kind.PERMANENT,
        error=error.message,
        hint=error.hint,
        payload=orjson.dumps({name: show(value) for name, value in values.items()}, default=str),
        digest=digest,
        first=now,
        last=now,
        run=run.run,
    )
