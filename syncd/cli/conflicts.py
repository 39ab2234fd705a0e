"""`syncd conflicts`: the held records, and what a person decides about them."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncd.ports.state import ConflictRecord

_DECIDABLE = frozenset({"fields", "deleted"})
"""Kinds of conflicts that taking one side decides."""


class Take(enum.Enum):
    """Whose values win."""

    ERPNEXT = "erpnext"
    SOURCE = "source"


ConflictId = Annotated[int, typer.Argument(metavar="ID", help="The number that `syncd conflicts list` shows.")]


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_typer()
    group_default(
        group,
        text="Show and decide held records.\n\nThey wait for a person. Without a command: list.",
        examples=("syncd conflicts", "syncd conflicts show 17", "syncd conflicts resolve 17 --take erpnext"),
        default=conflicts_list,
    )
    command(group, "list", examples=("syncd conflicts list", "syncd conflicts list --json | jq '.conflicts[].id'"))(
        conflicts_list
    )
    command(group, "show", examples=("syncd conflicts show 17",))(conflicts_show)
    command(
        group,
        "resolve",
        examples=(
            "syncd conflicts resolve 17 --take source",
            "syncd conflicts resolve 17 --set tax_id=DE811907980 --set credit_limit=5000",
        ),
    )(conflicts_resolve)
    app.add_typer(group, name="conflicts")


def conflicts_list(session: Session) -> ExitCode:
    """List the held records."""
    from syncd.report.document import conflict_document

    held = session.application(offline=True).store().conflicts()
    if session.json:
        session.output.document(
            {"schema": "syncd.conflicts/1", "conflicts": [conflict_document(conflict) for conflict in held]}
        )
        return ExitCode.OK
    if not held:
        session.output.say("No record is held.")
        return ExitCode.OK
    heads = ("id", "mapping", "kind", "ERPNext", "source", "what", "decided")
    session.output.table(heads, [_row(conflict) for conflict in held], styles={})
    session.output.say(f"`{session.program} conflicts show ID` shows both sides of one.")
    return ExitCode.OK


def _row(conflict: ConflictRecord) -> tuple[str, ...]:
    from syncd.report.text import moment_text

    named = ", ".join(str(field.get("field", "")) for field in _fields(conflict))
    return (
        str(conflict.id),
        conflict.mapping,
        conflict.kind,
        conflict.erpnext_name or "",
        conflict.external_id or "",
        conflict.text or named or f"since {moment_text(conflict.opened)}",
        _decision(conflict) if conflict.resolution is not None else "",
    )


def _fields(conflict: ConflictRecord) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = orjson.loads(conflict.fields)
    return fields


def _decision(conflict: ConflictRecord) -> str:
    resolution = orjson.loads(conflict.resolution or b"{}")
    if "take" in resolution:
        return f"take {resolution['take']}"
    return "set " + ", ".join(f"{field}={value or ''}" for field, value in resolution.get("set", {}).items())


def conflicts_show(session: Session, conflict_id: ConflictId) -> ExitCode:
    """Show one held record: the last agreement, both sides, and what each choice would do."""
    from syncd.report.document import conflict_document

    conflict = _found(session, conflict_id)
    if session.json:
        session.output.document({"schema": "syncd.conflict/1", **conflict_document(conflict)})
        return ExitCode.OK
    output = session.output
    output.show("\n".join(_head(conflict)))
    heads, rows = _values(conflict)
    if rows:
        output.table(heads, rows, styles={})
    output.show("\n".join([*_differences(conflict_document(conflict)["fields"]), *_choices(conflict, session.program)]))
    return ExitCode.OK


def _found(session: Session, conflict_id: int) -> ConflictRecord:
    conflict = session.application(offline=True).store().conflict(conflict_id)
    if conflict is None:
        hint = f"`{session.program} conflicts list` shows those that are; a run may have settled it meanwhile"
        raise UsageError(f"no conflict {conflict_id} is open", hint=hint)
    return conflict


def _head(conflict: ConflictRecord) -> Iterator[str]:
    from syncd.report.text import moment_text, printable, record_text

    name = record_text(conflict.external_id, conflict.erpnext_name)
    yield f"Conflict {conflict.id} ({conflict.kind}), mapping {printable(conflict.mapping)}: {name}"
    if conflict.text:
        yield f"  {printable(conflict.text)}"
    yield f"  held since      {moment_text(conflict.opened)}"
    if conflict.erpnext_stamp is not None:
        editor = f" by {printable(conflict.editor)}" if conflict.editor else ""
        yield f"  ERPNext edited  {printable(str(conflict.erpnext_stamp))}{editor}"
    if conflict.source_stamp is not None:
        yield f"  source edited   {printable(str(conflict.source_stamp))}"
    if conflict.resolution is not None:
        yield f"  decided         {printable(_decision(conflict))}; the next run carries it out"


def _values(conflict: ConflictRecord) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(heads, rows) of what is held: both sides, or the only one that a record without a partner has."""
    if conflict.kind != "match":
        heads = ("field", "last agreement", "ERPNext", "source", "why")
        return heads, [_field_row(field) for field in _fields(conflict)]
    from syncd.report.document import conflict_document, own_values
    from syncd.report.text import value_text

    place = "source" if conflict.erpnext_name is None else "ERPNext"
    return ("field", place), [(field, value_text(held)) for field, held in own_values(conflict_document(conflict))]


def _differences(fields: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Where values are too long to compare at a glance: in what the source's differs from ERPNext's."""
    from syncd.report.text import printable

    for field in fields:
        if field.get("differences"):
            yield f"{printable(str(field.get('field', '')))}, from ERPNext's value to the source's:"
            yield from (f"  {printable(line)}" for line in field["differences"])


def _field_row(field: dict[str, Any]) -> tuple[str, ...]:
    from syncd.report.text import value_text

    values = (value_text(field.get(side)) for side in ("base", "erpnext", "source"))
    return (str(field.get("field", "")), *values, str(field.get("reason") or ""))


def _choices(conflict: ConflictRecord, program: str) -> Iterator[str]:
    """What a person can do, each choice with what comes of it."""
    if conflict.kind not in _DECIDABLE:
        yield f"What to do: {_otherwise(conflict)}."
        return
    resolve = f"{program} conflicts resolve {conflict.id}"
    yield "What to do, one of:"
    if conflict.kind == "deleted":
        yield f"  {resolve} --take erpnext    what ERPNext shows counts: gone there, the mapping's [delete] policy is"
        yield "      carried out in the source; still there, it is kept and no longer synced"
        yield f"  {resolve} --take source     what the source shows counts, in the same way"
        return
    names = [str(field.get("field", "")) for field in _fields(conflict)]
    listed = ", ".join(names)
    yield f"  {resolve} --take erpnext    ERPNext's {listed} goes to the source"
    yield f"  {resolve} --take source     the source's {listed} goes to ERPNext"
    yield f"  {resolve} {' '.join(f'--set {name}=VALUE' for name in names)}    your value goes to both sides"


def _otherwise(conflict: ConflictRecord) -> str:
    from syncd.report.text import HELD_ADVICE

    return HELD_ADVICE.get(conflict.kind, "make both sides fit; the next run looks again")


def conflicts_resolve(
    session: Session,
    conflict_id: ConflictId,
    *,
    take: Annotated[Take | None, typer.Option("--take", help="Whose values win on both sides.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A value for both sides; repeat it.")
    ] = None,
) -> ExitCode:
    """Decide about one held record. The decision is noted; the next run carries it out."""
    conflict = _found(session, conflict_id)
    if conflict.kind not in _DECIDABLE:
        raise UsageError(
            f"conflict {conflict_id} ({conflict.kind}) cannot be decided by a value", hint=_otherwise(conflict)
        )
    if (take is None) == (not values):
        raise UsageError(
            f"conflict {conflict_id} needs one decision: either --take or --set",
            hint=f"`{session.program} conflicts show {conflict_id}` shows both sides and the choices",
        )
    resolution = {"take": take.value} if take is not None else {"set": _set(conflict, values or ())}
    session.application(offline=True).store().resolve(conflict_id, orjson.dumps(resolution))
    if session.json:
        session.output.document({"schema": "syncd.resolution/1", "conflict": conflict_id, "resolution": resolution})
    else:
        session.output.say(
            f"Noted. The next run carries it out: `{session.program} reconcile {conflict.mapping}`, or the daemon."
        )
    return ExitCode.OK


def _set(conflict: ConflictRecord, given: Sequence[str]) -> dict[str, str | None]:
    """FIELD=VALUE for each field in conflict; an empty VALUE empties the field. Raises `UsageError`."""
    from syncd.core.values import nearest

    if conflict.kind != "fields":
        raise UsageError(f"conflict {conflict.id} ({conflict.kind}) is decided by --take only")
    known = [str(field.get("field", "")) for field in _fields(conflict)]
    values: dict[str, str | None] = {}
    for each in given:
        name, equals, value = each.partition("=")
        name = name.strip()
        if not equals:
            raise UsageError(f"--set {each}: there is no `=`", hint="write --set FIELD=VALUE")
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near[0]}?" if near else f"fields in conflict: {', '.join(known)}"
            raise UsageError(f"--set {each}: {name!r} is not a field in conflict {conflict.id}", hint=hint)
        values[name] = value or None
    absent = [name for name in known if name not in values]
    if absent:
        raise UsageError(
            f"conflict {conflict.id} has more fields to decide: {', '.join(absent)}",
            hint="give each of them: " + " ".join(f"--set {name}=VALUE" for name in absent),
        )
    return values
