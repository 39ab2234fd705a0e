"""Between rows of the tables and the plain data of the port: the journal, conflicts, failures and runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from syncd.adapters.store import tables
from syncd.adapters.store.codec import (
    Tuple,
    moment_of,
    moment_text,
    names_of,
    names_text,
    stamp_of,
    stamp_text,
    table,
)
from syncd.core.model import Action, Side
from syncd.ports.state import ConflictRecord, FailureRecord, Operation, OperationState, RunRecord

OPERATIONS = table(tables.Operations)
CONFLICTS = table(tables.Conflicts)
FAILURES = table(tables.Failures)
RUNS = table(tables.Runs)

OPERATION_COLUMNS = (
    "mapping_id",
    "key",
    "run",
    "side",
    "action",
    "state",
    "count",
    "sent",
    "finished",
    "request_id",
    "error",
    "records",
    "results",
)
OPERATION_READ = "o.id, m.name, " + ", ".join(f"o.{column}" for column in OPERATION_COLUMNS[1:])


def operation_tuple(mapping_id: int, operation: Operation, now: datetime) -> Tuple:
    """`OPERATION_COLUMNS`; `sent` is `now` where the operation does not say."""
    return (
        mapping_id,
        operation.key,
        operation.run,
        operation.side.value,
        operation.action.value,
        operation.state.value,
        operation.count,
        moment_text(operation.sent or now),
        moment_text(operation.finished),
        operation.request_id,
        operation.error,
        operation.records,
        operation.results,
    )


def operation_of(row: Sequence[Any]) -> Operation:
    """An operation from `OPERATION_READ`."""
    (_, mapping, key, run, side, action, state, count, sent, finished, request_id, error, records, results) = row
    return Operation(
        key=key,
        mapping=mapping,
        run=run,
        side=Side(side),
        action=Action(action),
        records=records,
        results=results,
        count=count,
        state=OperationState(state),
        sent=moment_of(sent),
        finished=moment_of(finished),
        request_id=request_id,
        error=error,
    )


CONFLICT_COLUMNS = (
    "mapping_id",
    "kind",
    "external_id",
    "erpnext_name",
    "pair",
    "erpnext_stamp",
    "source_stamp",
    "editor",
    "text",
    "opened",
    "run",
    "fields",
    "resolution",
)
CONFLICT_READ = "c.id, m.name, " + ", ".join(f"c.{column}" for column in CONFLICT_COLUMNS[1:])


def conflict_tuple(mapping_id: int, record: ConflictRecord, opened: str | None, resolution: bytes | None) -> Tuple:
    """`CONFLICT_COLUMNS`."""
    return (
        mapping_id,
        record.kind,
        record.external_id,
        record.erpnext_name,
        record.pair,
        stamp_text(record.erpnext_stamp),
        stamp_text(record.source_stamp),
        record.editor,
        record.text,
        opened,
        record.run,
        record.fields,
        resolution,
    )


def conflict_of(row: Sequence[Any]) -> ConflictRecord:
    """A conflict from `CONFLICT_READ`."""
    (number, mapping, kind, external_id, name, pair, erpnext_stamp, source_stamp, editor, text, opened, *rest) = row
    run, fields, resolution = rest
    return ConflictRecord(
        id=number,
        mapping=mapping,
        kind=kind,
        external_id=external_id,
        erpnext_name=name,
        pair=pair,
        fields=fields,
        erpnext_stamp=stamp_of(erpnext_stamp),
        source_stamp=stamp_of(source_stamp),
        editor=editor,
        text=text,
        opened=moment_of(opened),
        run=run,
        resolution=resolution,
    )


FAILURE_COLUMNS = (
    "mapping_id",
    "side",
    "external_id",
    "erpnext_name",
    "action",
    "permanent",
    "ignored",
    "attempts",
    "first",
    "last",
    "run",
    "error",
    "hint",
    "digest",
    "payload",
)
FAILURE_READ = "f.id, m.name, " + ", ".join(f"f.{column}" for column in FAILURE_COLUMNS[1:])


def failure_tuple(
    mapping_id: int, record: FailureRecord, attempts: int, first: str | None, last: str | None, *, ignored: bool
) -> Tuple:
    """`FAILURE_COLUMNS`. What is ignored is parked too, whatever its last attempt came to."""
    return (
        mapping_id,
        record.side.value,
        record.external_id,
        record.erpnext_name,
        record.action.value,
        record.permanent or ignored,
        ignored,
        attempts,
        first,
        last,
        record.run,
        record.error,
        record.hint,
        record.digest,
        record.payload,
    )


def failure_of(row: Sequence[Any]) -> FailureRecord:
    """A failure from `FAILURE_READ`."""
    (number, mapping, side, external_id, name, action, permanent, ignored, attempts, first, *rest) = row
    last, run, error, hint, digest, payload = rest
    return FailureRecord(
        id=number,
        mapping=mapping,
        side=Side(side),
        external_id=external_id,
        erpnext_name=name,
        action=Action(action),
        permanent=bool(permanent),
        error=error,
        hint=hint,
        payload=payload,
        digest=digest,
        ignored=bool(ignored),
        attempts=attempts,
        first=moment_of(first),
        last=moment_of(last),
        run=run,
    )


RUN_COLUMNS = ("id", "started", "finished", "result", "mappings", "report", "whole", "counts")


def run_tuple(record: RunRecord) -> Tuple:
    """`RUN_COLUMNS`."""
    return (
        record.id,
        moment_text(record.started),
        moment_text(record.finished),
        record.result,
        names_text(record.mappings),
        record.report,
        record.full,
        record.counts,
    )


def run_of(row: Sequence[Any]) -> RunRecord:
    """A run from `RUN_COLUMNS`."""
    number, started, finished, result, mappings, report, whole, counts = row
    return RunRecord(
        id=number,
        started=datetime.fromisoformat(started),
        finished=moment_of(finished),
        result=result,
        mappings=names_of(mappings),
        counts=counts,
        report=report,
        full=bool(whole),
    )
