"""Runs, operations, conflicts and failures as JSON-able objects: `syncd.run/1` and what RUN.json adds to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeAlias

import orjson

from syncd.core.diff import explain
from syncd.core.journal import tell_entries
from syncd.core.model import Counts
from syncd.core.values import show
from syncd.ports.state import ConflictRecord, FailureRecord, Operation
from syncd.report.model import RUN_SCHEMA, RunSummary, Verdict, utc_text

Document: TypeAlias = dict[str, Any]
"""A JSON object."""


def run_document(summary: RunSummary) -> Document:
    """The contract's `syncd reconcile --json`, key for key."""
    return {
        "schema": RUN_SCHEMA,
        "run": summary.run,
        "started": utc_text(summary.started),
        "finished": utc_text(summary.finished),
        "result": summary.result,
        "mappings": {name: counts_document(counts) for name, counts in summary.mappings.items()},
    }


def counts_document(counts: Counts) -> Document:
    """The numbers of one mapping, in the contract's order; what only some runs have stands behind, where it is."""
    document = asdict(counts)
    for name in ("plan", "disagreements"):
        if not document[name]:
            del document[name]
    return document


def verdict_document(verdict: Verdict) -> Document:
    """`verdict` of RUN.json."""
    return {
        "headline": verdict.headline,
        "sentences": list(verdict.sentences),
        "next_steps": list(verdict.next_steps),
    }


def operation_documents(operation: Operation) -> list[Document]:
    """One object for each record of a journalled operation. Raises ValueError for records that are no journal."""
    key, mapping = operation.key, operation.mapping
    side, action, state = operation.side.value, operation.action.value, operation.state.value
    sent, finished = utc_text(operation.sent), utc_text(operation.finished)
    head = {"operation": key, "mapping": mapping, "side": side, "sent": sent, "finished": finished}
    documents = tell_entries(operation.records, operation.results)
    for document in documents:
        document.update(head)
        document["action"] = document["action"] or action
        document["result"] = document["result"] or state
        document["error"] = document["error"] or operation.error
        document["request_id"] = document["request_id"] or operation.request_id
    return documents


def conflict_document(conflict: ConflictRecord) -> Document:
    """One held record with what both sides hold."""
    return {
        "id": conflict.id,
        "mapping": conflict.mapping,
        "kind": conflict.kind,
        "external_id": conflict.external_id,
        "erpnext_name": conflict.erpnext_name,
        "text": conflict.text,
        "fields": [_with_differences(field) for field in orjson.loads(conflict.fields)],
        "erpnext_stamp": _stamp(conflict.erpnext_stamp),
        "source_stamp": _stamp(conflict.source_stamp),
        "editor": conflict.editor,
        "opened": utc_text(conflict.opened),
        "run": conflict.run,
        "resolution": None if conflict.resolution is None else orjson.loads(conflict.resolution),
    }


_LONG = 60
"""Characters from which a value is no longer compared at a glance."""


def _with_differences(field: Document) -> Document:
    """A field in conflict; where a value is long or nested, what the source's differs in from ERPNext's, in words."""
    erpnext, source = field.get("erpnext"), field.get("source")
    values = [value for value in (erpnext, source) if value is not None]
    if len(values) < 2 or not any(isinstance(value, dict | list) or len(str(value)) >= _LONG for value in values):
        return field
    return {**field, "differences": explain(erpnext, source)}


def own_values(conflict: Document) -> list[tuple[str, object]]:
    """(field, value) of a held record that has no partner yet (kind `match`): only its own side holds anything."""
    side = "source" if conflict["erpnext_name"] is None else "erpnext"
    return [(field.get("field", ""), field.get(side)) for field in conflict["fields"]]


def failure_document(failure: FailureRecord) -> Document:
    """One record whose write was refused or broken."""
    return {
        "id": failure.id,
        "mapping": failure.mapping,
        "side": failure.side.value,
        "action": failure.action.value,
        "external_id": failure.external_id,
        "erpnext_name": failure.erpnext_name,
        "permanent": failure.permanent,
        "state": failure_state(failure),
        "error": failure.error,
        "hint": failure.hint,
        "attempts": failure.attempts,
        "first": utc_text(failure.first),
        "last": utc_text(failure.last),
        "run": failure.run,
    }


def failure_state(failure: FailureRecord) -> str:
    """`retries`: tried again by the next run; `parked`: once the record or the mapping changes; `ignored`: parked, and
    counted nowhere.
    """
    if failure.ignored:
        return "ignored"
    return "parked" if failure.permanent else "retries"


def _stamp(stamp: object) -> object:
    """A stamp of either side as JSON can hold it."""
    return stamp if isinstance(stamp, float) else show(stamp)


def dump(document: object, *, readable: bool = False) -> bytes:
    """A document as JSON bytes, indented where a person reads it.

    What JSON has no form for (half a surrogate pair, integers beyond 64 bits, times) is written as text: a report about
    a strange value must not fail by it.
    """
    option = orjson.OPT_PASSTHROUGH_DATETIME | (orjson.OPT_INDENT_2 if readable else 0)
    try:
        return orjson.dumps(document, default=show, option=option)
    except TypeError:
        return orjson.dumps(_writable(document), default=show, option=option)


def _writable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {str(_writable(key)): _writable(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(held) for held in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value
