"""`syncd failures`: the records whose write was refused or broken, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncd.ports.state import FailureRecord, StateStore

_PAGE = 100
"""Records that one list shows."""
_CAUSE = 200
"""Characters of a cause that the list shows."""
_STYLES = {"parked": "yellow", "ignored": "dim"}
_WHEN = {
    "parked": "It is not sent again until the record or the mapping changes.",
    "retries": "The next run tries it again.",
    "ignored": "It is left as it is, and counted nowhere, until the record changes.",
}

FailureId = Annotated[int, typer.Argument(metavar="ID", help="The number that `syncd failures list` shows.")]


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_typer()
    group_default(
        group,
        text="Show failed records, have them tried again, or leave them be.\n\nWithout a command: list.",
        examples=("syncd failures", "syncd failures show 3", "syncd failures retry 3"),
        default=failures_list,
    )
    command(
        group, "list", examples=("syncd failures list", "syncd failures list --json | jq '.failures[] | {id, error}'")
    )(failures_list)
    command(group, "show", examples=("syncd failures show 3",))(failures_show)
    command(group, "retry", examples=("syncd failures retry", "syncd failures retry 3 4"))(failures_retry)
    command(group, "ignore", examples=("syncd failures ignore 3",))(failures_ignore)
    app.add_typer(group, name="failures")


def failures_list(
    session: Session,
    after: Annotated[int, typer.Option("--after", metavar="N", help="Go on after this number.")] = 0,
) -> ExitCode:
    """List the records that failed, a page at a time; with --json all of them."""
    from syncd.report.document import failure_document

    failed = [failure for failure in session.application(offline=True).store().failures() if failure.id > after]
    if session.json:
        session.output.document(
            {"schema": "syncd.failures/1", "failures": [failure_document(failure) for failure in failed]}
        )
        return ExitCode.OK
    if not failed:
        session.output.say("No record failed." if not after else f"No record failed after number {after}.")
        return ExitCode.OK
    heads = ("id", "mapping", "failed in", "ERPNext", "source", "cause", "tried", "last tried", "state")
    page = failed[:_PAGE]
    session.output.table(heads, [_row(failure) for failure in page], styles=_STYLES)
    if len(failed) > len(page):
        more = f"`{session.program} failures list --after {page[-1].id}` goes on"
        session.output.say(f"{len(failed) - len(page):,} more records failed: {more}.")
    session.output.say(f"`{session.program} failures show ID` gives the whole cause and the next step of one.")
    return ExitCode.OK


def _row(failure: FailureRecord) -> tuple[str, ...]:
    from syncd.report.document import failure_state
    from syncd.report.text import moment_text

    cause = " ".join(failure.error.split())
    return (
        str(failure.id),
        failure.mapping,
        "ERPNext" if _in_erpnext(failure) else "source",
        failure.erpnext_name or "",
        failure.external_id or "",
        cause if len(cause) <= _CAUSE else f"{cause[: _CAUSE - 1]}…",
        f"{failure.attempts:,} ×",
        moment_text(failure.last)[: len("2026-03-01 12:00")],
        failure_state(failure),
    )


def _in_erpnext(failure: FailureRecord) -> bool:
    from syncd.core.model import Side

    return failure.side is Side.ERPNEXT


def failures_show(session: Session, failure_id: FailureId) -> ExitCode:
    """Show one failed record: the whole cause, what was to be written, and what a person can do."""
    from syncd.report.document import failure_document

    failure = _found(session.application(offline=True).store(), session, failure_id)
    payload: dict[str, Any] = orjson.loads(failure.payload)
    if session.json:
        session.output.document({"schema": "syncd.failure/1", **failure_document(failure), "payload": payload})
        return ExitCode.OK
    output = session.output
    output.show("\n".join(_head(failure)))
    if payload:
        _show_payload(session, failure, payload)
    output.show("\n".join(_choices(failure, session.program)))
    return ExitCode.OK


def _found(store: StateStore, session: Session, failure_id: int) -> FailureRecord:
    failure = store.failure(failure_id)
    if failure is None:
        hint = f"`{session.program} failures list` shows those that are; a run may have settled it meanwhile"
        raise UsageError(f"no failure {failure_id} is open", hint=hint)
    return failure


def _head(failure: FailureRecord) -> Iterator[str]:
    from syncd.report.document import failure_state
    from syncd.report.text import moment_text, number, printable, record_text

    name = record_text(failure.external_id, failure.erpnext_name)
    yield f"Failure {failure.id} ({failure_state(failure)}), mapping {printable(failure.mapping)}: {name}"
    yield f"  tried        {failure.action.value} in {'ERPNext' if _in_erpnext(failure) else 'the source'}"
    yield f"  cause        {printable(failure.error)}"
    if failure.hint:
        yield f"  next step    {printable(failure.hint)}"
    yield f"  first tried  {moment_text(failure.first)}"
    yield f"  last tried   {moment_text(failure.last)}, {number(failure.attempts, 'attempt')} so far"
    yield f"  run          {printable(failure.run)}"


def _show_payload(session: Session, failure: FailureRecord, payload: dict[str, Any]) -> None:
    from syncd.core.model import Action
    from syncd.report.text import value_text

    place = "source" if _in_erpnext(failure) == (failure.action is Action.CREATE) else "ERPNext"
    title = f"{place} holds" if failure.action is Action.CREATE else f"to be written in {place}"
    rows = [(field, value_text(value)) for field, value in payload.items()]
    session.output.table(("field", title), rows, styles={})


def _choices(failure: FailureRecord, program: str) -> Iterator[str]:
    """When it is tried again, and what a person can do about it."""
    from syncd.report.document import failure_state

    state = failure_state(failure)
    yield _WHEN[state]
    yield "What to do, one of:"
    yield "  correct the record, or the mapping; the next run then tries it by itself"
    if state != "retries":
        yield f"  {program} failures retry {failure.id}     the next run tries it as it is: the cause was elsewhere"
    if state != "ignored":
        yield f"  {program} failures ignore {failure.id}    leave it as it is, and count it no more, until it changes"


def failures_retry(
    session: Session,
    failure_ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", help="Numbers of `syncd failures list`; none: all but the ignored ones."),
    ] = None,
) -> ExitCode:
    """Have failed records tried again by the next run, as they are.

    Once the cause is gone: a right was given, a master record made, a rule changed.
    """
    from syncd.report.text import number

    store = session.application(offline=True).store()
    due = _due(store, session, failure_ids or ())
    store.retry([failure.id for failure in due])
    mappings = sorted({failure.mapping for failure in due})
    if session.json:
        session.output.document({"schema": "syncd.failures_retry/1", "failures": [failure.id for failure in due]})
    elif not due:
        session.output.say("No record failed.")
    else:
        told = number(len(due), "record is", "records are")
        session.output.say(
            f"{told} due. The next run tries again: `{session.program} reconcile {' '.join(mappings)}`, or the daemon."
        )
        _tell_ids(session, due)
    return ExitCode.OK


def _tell_ids(session: Session, due: Sequence[FailureRecord]) -> None:
    """A record whose id cannot stand for it is met again only where everything is read."""
    named = sorted({failure.mapping for failure in due if _is_about_id(failure)})
    if named:
        command_line = f"{session.program} reconcile {' '.join(named)} --full"
        session.output.say(f"An id that was refused is looked at by a full pass: `{command_line}`.")


def _is_about_id(failure: FailureRecord) -> bool:
    """Whether it failed on the side where it is, since its id was refused; creations fail on the other side."""
    from syncd.core.model import Action

    there = failure.erpnext_name if _in_erpnext(failure) else failure.external_id
    across = failure.external_id if _in_erpnext(failure) else failure.erpnext_name
    return failure.action is Action.CREATE and there is not None and across is None


def _due(store: StateStore, session: Session, ids: Sequence[int]) -> list[FailureRecord]:
    """The failures that are meant, each once. Raises `UsageError` when one of `ids` is not open."""
    if not ids:
        return [failure for failure in store.failures() if not failure.ignored]
    return [_found(store, session, failure_id) for failure_id in dict.fromkeys(ids)]


def failures_ignore(session: Session, failure_id: FailureId) -> ExitCode:
    """Leave one failed record as it is, and count it no more, until it changes."""
    store = session.application(offline=True).store()
    failure = _found(store, session, failure_id)
    store.ignore(failure_id)
    if session.json:
        session.output.document({"schema": "syncd.failures_ignore/1", "failure": failure_id})
    else:
        from syncd.report.text import record_text

        name = record_text(failure.external_id, failure.erpnext_name)
        session.output.say(
            f"{name} is ignored until it changes. `{session.program} failures retry {failure_id}` takes that back."
        )
    return ExitCode.OK
