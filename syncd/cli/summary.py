"""What `reconcile` and `plan` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncd.app.results import PlannedHold, PlannedOperation, PlanResult, RunResult, worst
from syncd.cli.session import Session
from syncd.core.model import Action, Side
from syncd.errors import ExitCode
from syncd.report.document import run_document
from syncd.report.model import RunSummary
from syncd.report.text import number, printable, record_text, summary_text, value_text, verdict_of

PLAN_SCHEMA = "syncd.plan/1"
_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.LINK: "=",
    Action.DELETE: "-",
    Action.DISABLE: "~",
    Action.MARK: "~",
}
_WORDS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.LINK: "to link",
    Action.DELETE: "to delete",
    Action.DISABLE: "to disable",
    Action.MARK: "to mark as deleted",
}
_PLACES = {Side.ERPNEXT: "in ERPNext", Side.SOURCE: "in the source"}


def print_run(session: Session, result: RunResult) -> None:
    """A run's result: the contract's JSON, or a text that explains itself; --quiet prints it only where it asks for
    somebody.
    """
    summary = RunSummary(
        run=result.run,
        started=result.started,
        finished=result.finished,
        result=result.result.value,
        mappings=result.mappings,
    )
    if session.json:
        session.output.document(run_document(summary))
        return
    verdict = verdict_of(summary, program=session.program, interrupted=result.exit_code is ExitCode.INTERRUPTED)
    text = summary_text(summary, verdict, report=_near(result.html or result.report))
    if result.exit_code is ExitCode.OK:
        session.output.say(text)
    else:
        session.output.show(text)


def _near(path: str) -> str:
    """A path as a person in the current directory would type it."""
    given = Path(path)
    return str(given.relative_to(Path.cwd())) if path and given.is_relative_to(Path.cwd()) else path


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


def print_plan(session: Session, result: PlanResult, code: ExitCode) -> None:
    """A plan: JSON, or a line for each record and each field, and the counts."""
    output = session.output
    if session.json:
        output.document(_plan_document(result, code))
        return
    lines = list(_hold_lines(result))
    if not session.quiet:
        lines = [*_operation_lines(result), *lines]
    if not session.quiet or result.halts or result.errors:
        lines += _ending(result, session.program)
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
            old = "" if operation.action is Action.CREATE else f"{value_text(change.old)} → "
            yield f"      {printable(change.field)}: {old}{value_text(change.new)}"


def _named(operation: PlannedOperation) -> str:
    name = record_text(operation.external_id, operation.erpnext_name)
    return name if operation.action in {Action.CREATE, Action.UPDATE} else f"{name} ({_WORDS[operation.action][3:]})"


def _hold_lines(result: PlanResult) -> Iterator[str]:
    for hold in result.holds:
        name = record_text(hold.external_id, hold.erpnext_name)
        word = "would fail" if hold.kind == "failed" else f"would be held ({hold.kind})"
        yield f"  ! {printable(hold.mapping)}: {name} {word}: {printable(hold.text)}"


def _ending(result: PlanResult, program: str) -> Iterator[str]:
    for mapping, count in result.adopted.items():
        if count:
            yield f"{printable(mapping)}: {number(count, 'record exists', 'records exist')} on both sides: new pairs"
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
    if result.operations:
        yield f"`{program} reconcile` does it."


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


def _plan_document(result: PlanResult, code: ExitCode) -> dict[str, Any]:
    return {
        "schema": PLAN_SCHEMA,
        "changes": result.changes,
        "operations": [_operation_document(operation) for operation in result.operations],
        "holds": [_hold_document(hold) for hold in result.holds],
        "adopted": result.adopted,
        "unmatched": result.unmatched,
        "halts": result.halts,
        "errors": result.errors,
        "exit_code": int(code),
    }


def _operation_document(operation: PlannedOperation) -> dict[str, Any]:
    return {
        "mapping": operation.mapping,
        "side": operation.side.value,
        "action": operation.action.value,
        "external_id": operation.external_id,
        "erpnext_name": operation.erpnext_name,
        "changes": operation.changes,
    }


def _hold_document(hold: PlannedHold) -> dict[str, Any]:
    return {
        "mapping": hold.mapping,
        "kind": hold.kind,
        "external_id": hold.external_id,
        "erpnext_name": hold.erpnext_name,
        "text": hold.text,
    }
