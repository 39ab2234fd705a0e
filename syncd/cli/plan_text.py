"""What `plan` prints: a line for each record and each field, and the counts; or the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncd.app.results import PlannedHold, PlannedOperation, PlanResult, worst
from syncd.cli.session import Session
from syncd.core.diff import LONG_TEXT, explain
from syncd.core.model import Action, FieldChange, Side
from syncd.errors import ExitCode
from syncd.report.text import disagreement_lines, number, printable, record_text, value_text

PLAN_SCHEMA = "syncd.plan/1"
_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.LINK: "=",
    Action.DELETE: "-",
    Action.DISABLE: "~",
    Action.MARK: "~",
    Action.SUBMIT: "~",
    Action.CANCEL: "-",
    Action.AMEND: "-/+",
}
_WORDS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.LINK: "to link",
    Action.DELETE: "to delete",
    Action.DISABLE: "to disable",
    Action.MARK: "to mark as deleted",
    Action.SUBMIT: "to submit",
    Action.CANCEL: "to cancel",
    Action.AMEND: "to amend",
}
_PLACES = {Side.ERPNEXT: "in ERPNext", Side.SOURCE: "in the source"}
_DOCUMENT, _RECORD = "(document)", "(record)"
"""What changes of a document's state, and of whether a record is there at all, are called among its fields."""


def plan_code(result: PlanResult, *, changes: bool) -> ExitCode:
    """The exit code of a plan: 4 where a run would halt, 10 for changes where that was asked for, never 3."""
    codes: list[ExitCode] = []
    if result.exit_code not in {ExitCode.ATTENTION, ExitCode.CHANGES}:
        codes.append(result.exit_code)
    if result.halts:
        codes.append(ExitCode.HALTED)
    if changes and result.changes:
        codes.append(ExitCode.CHANGES)
    return worst(codes)


def print_plan(session: Session, result: PlanResult, code: ExitCode, *, file: Path | None = None) -> None:
    """A plan: JSON, or a line for each record and each field, and the counts. `file`: where it was written."""
    output = session.output
    if session.json:
        document = plan_document(result, code)
        output.document({**document, "file": str(file)} if file is not None else document)
        return
    lines = [*_hold_lines(result), *_disagreement_lines(result)]
    if not session.quiet:
        lines = [*_operation_lines(result), *lines]
    if not session.quiet or result.halts or result.errors:
        lines += _ending(result)
    if not session.quiet and file is not None:
        lines.append(f"`{session.program} reconcile --plan {file}` does exactly that.")
    elif not session.quiet and result.operations:
        lines.append(f"`{session.program} reconcile` does it.")
    if lines:
        output.show("\n".join(lines))


def _operation_lines(result: PlanResult) -> Iterator[str]:
    mapping = None
    for operation in result.operations:
        if operation.mapping != mapping:
            mapping = operation.mapping
            yield printable(mapping)
        yield f"  {_SIGNS[operation.action]} {_PLACES[operation.side]:<13}  {_named(operation)}"
        for change in operation.changes:
            yield from _change_lines(operation.action, change)


def _named(operation: PlannedOperation) -> str:
    name = record_text(operation.external_id, operation.erpnext_name)
    submitted = ", submitted" if operation.docstatus == 1 and operation.action in {Action.CREATE, Action.AMEND} else ""
    if operation.action in {Action.CREATE, Action.UPDATE}:
        return f"{name} ({submitted[2:]})" if submitted else name
    return f"{name} ({_WORDS[operation.action][3:]}{submitted})"


def _change_lines(action: Action, change: FieldChange) -> Iterator[str]:
    field, old, new = printable(change.field), change.old, change.new
    if field == _RECORD:
        return
    if field == _DOCUMENT:
        yield f"      document: {printable(str(old or 'none'))} → {printable(str(new))}"
    elif field.endswith("]"):  # a row of a child table as a whole
        signed = "" if action is Action.CREATE else ("+ " if old is None else "- ")
        yield f"      {signed}{field}: {printable(str(old if new is None else new))}"
    elif action is Action.CREATE:
        yield f"      {field}: {value_text(new)}"
    elif isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) >= LONG_TEXT:
        yield f"      {field}:"
        yield from (f"        {printable(line)}" for line in explain(old, new))
    else:
        decided = " (over the other side's change)" if change.decided else ""
        yield f"      {field}: {value_text(old)} → {value_text(new)}{decided}"


def _hold_lines(result: PlanResult) -> Iterator[str]:
    for hold in result.holds:
        name = record_text(hold.external_id, hold.erpnext_name)
        word = "would fail" if hold.kind == "failed" else f"would be held ({hold.kind})"
        yield f"  ! {printable(hold.mapping)}: {name} {word}: {printable(hold.text)}"


def _disagreement_lines(result: PlanResult) -> Iterator[str]:
    for mapping, (count, some) in result.disagreements.items():
        pairs = number(count, "pair differs", "pairs differ")
        yield f"  ! {printable(mapping)}: {pairs} although they count as agreed:"
        yield from (f"      {line}" for line in disagreement_lines(count, some))


def _ending(result: PlanResult) -> Iterator[str]:
    for mapping, count in result.adopted.items():
        if count:
            yield f"{printable(mapping)}: {number(count, 'record exists', 'records exist')} on both sides: new pairs"
    for mapping, count in result.ended.items():
        if count:
            pairs = number(count, "pair ends", "pairs end")
            yield f"{printable(mapping)}: {pairs}: deleted or voided for good on a side"
    for mapping, count in result.unmatched.items():
        if count:
            yield (
                f"{printable(mapping)}: {number(count, 'record has', 'records have')} no partner, "
                "and the mapping creates none"
            )
    for mapping, text in result.halts.items():
        yield from _told(f"{mapping} would be halted: {text}")
    for mapping, text in result.errors.items():
        yield from _told(f"{mapping} could not be planned: {text}")
    yield _count_line(result)


def _told(text: str) -> Iterator[str]:
    """An error's text, whose next step stands on a line of its own."""
    return (printable(line) for line in text.split("\n"))


def _count_line(result: PlanResult) -> str:
    counted = Counter((operation.action, operation.side) for operation in result.operations)
    parts = [
        f"{counted[action, side]:,} {_WORDS[action]} {_PLACES[side]}"
        for action in Action
        for side in Side
        if counted[action, side]
    ]
    failing = sum(hold.kind == "failed" for hold in result.holds)
    if len(result.holds) - failing:
        parts.append(f"{len(result.holds) - failing:,} to hold for a person")
    if failing:
        parts.append(f"{failing:,} that would fail")
    if parts:
        return "Plan: " + ", ".join(parts) + "."
    return "Plan: nothing to do." if not (result.halts or result.errors) else "Plan: nothing past that."


def plan_document(result: PlanResult, code: ExitCode) -> dict[str, Any]:
    """`syncd plan --json`."""
    document: dict[str, Any] = {
        "schema": PLAN_SCHEMA,
        "changes": result.changes,
        "operations": [_operation_document(operation) for operation in result.operations],
        "holds": [_hold_document(hold) for hold in result.holds],
        "adopted": result.adopted,
        "ended": result.ended,
        "unmatched": result.unmatched,
        "halts": result.halts,
        "errors": result.errors,
        "exit_code": int(code),
    }
    if result.disagreements:
        document["disagreements"] = {
            name: {"count": count, "records": list(some)} for name, (count, some) in result.disagreements.items()
        }
    return document


def _operation_document(operation: PlannedOperation) -> dict[str, Any]:
    docstatus = {"docstatus": operation.docstatus} if operation.docstatus else {}
    return docstatus | {
        "mapping": operation.mapping,
        "side": operation.side.value,
        "action": operation.action.value,
        "external_id": operation.external_id,
        "erpnext_name": operation.erpnext_name,
        "changes": [_change_document(change) for change in operation.changes],
    }


def _change_document(change: FieldChange) -> dict[str, Any]:
    document: dict[str, Any] = {"field": change.field, "old": change.old, "new": change.new}
    return {**document, "decided": True} if change.decided else document


def _hold_document(hold: PlannedHold) -> dict[str, Any]:
    return {
        "mapping": hold.mapping,
        "kind": hold.kind,
        "external_id": hold.external_id,
        "erpnext_name": hold.erpnext_name,
        "text": hold.text,
    }
