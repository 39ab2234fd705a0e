"""Failures: what is kept of a record whose write was refused or broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from syncd.app.context import Pass
from syncd.core.model import Action, Raw, Side
from syncd.core.values import show
from syncd.errors import Kind, RecordError
from syncd.ports.state import FailureRecord


def parked_of(failures: Iterable[FailureRecord]) -> frozenset[tuple[str | None, str | None, bytes]]:
    """(external id, ERPNext name, mark of the content) of what is not sent again as it is (`Pass.parked`)."""
    return frozenset(
        (failure.external_id, failure.erpnext_name, failure.digest)
        for failure in failures
        if failure.permanent and failure.digest is not None
    )


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
