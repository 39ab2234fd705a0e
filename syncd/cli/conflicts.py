"""`syncd conflicts`: the held records, and what a person decides about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import conflicts_text as text
from syncd.cli.conflicts_decide import Take, conflicts_resolve
from syncd.cli.conflicts_file import conflicts_export, conflicts_import
from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncd.app.waiting import Surroundings
    from syncd.core.model import Pair
    from syncd.ports.state import ConflictRecord

PAGE = 50
"""Ended pairs that are listed at once."""

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
    command(
        group,
        "list",
        examples=(
            "syncd conflicts list",
            "syncd conflicts list --mapping customer",
            "syncd conflicts list --ended --mapping customer",
            "syncd conflicts list --json | jq '.conflicts[].id'",
        ),
    )(conflicts_list)
    command(group, "show", examples=("syncd conflicts show 17",))(conflicts_show)
    command(
        group,
        "resolve",
        examples=(
            "syncd conflicts resolve 17 --take source",
            "syncd conflicts resolve 17 18 19 --take erpnext",
            "syncd conflicts resolve 17 --set tax_id=DE811907980 --set credit_limit=5000",
            "syncd conflicts resolve --mapping customer --field phone --take source --dry-run",
        ),
    )(conflicts_resolve)
    command(
        group,
        "export",
        examples=("syncd conflicts export held.toml", "syncd conflicts export held.toml --mapping customer"),
    )(conflicts_export)
    command(
        group,
        "import",
        examples=("syncd conflicts import held.toml --dry-run", "syncd conflicts import held.toml"),
    )(conflicts_import)
    command(
        group,
        "revive",
        examples=("syncd conflicts revive customer 4711", "syncd conflicts revive customer CUST-00042 --anew"),
    )(conflicts_revive)
    app.add_typer(group, name="conflicts")


def conflicts_list(
    session: Session,
    *,
    mapping: Annotated[str | None, typer.Option("--mapping", metavar="NAME", help="Only of this mapping.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Instead: pairs whose partner is gone for good.")] = False,
    after: Annotated[int, typer.Option("--after", metavar="N", help="With --ended: go on after this number.")] = 0,
) -> ExitCode:
    """List the held records."""
    from syncd.report.document import conflict_document

    if ended:
        return _list_ended(session, mapping, after)
    held = session.application(offline=True).store().conflicts(mapping)
    if session.json:
        session.output.document(
            {"schema": "syncd.conflicts/1", "conflicts": [conflict_document(conflict) for conflict in held]}
        )
        return ExitCode.OK
    if not held:
        session.output.say("No record is held." if mapping is None else f"No record of {mapping} is held.")
        return ExitCode.OK
    heads = ("id", "mapping", "kind", "ERPNext", "source", "what", "decided")
    session.output.table(heads, [_row(conflict) for conflict in held], styles={})
    session.output.say(f"`{session.program} conflicts show ID` shows both sides of one.")
    return ExitCode.OK


def _row(conflict: ConflictRecord) -> tuple[str, ...]:
    from syncd.report.text import moment_text

    return (
        str(conflict.id),
        conflict.mapping,
        conflict.kind,
        conflict.erpnext_name or "",
        conflict.external_id or "",
        conflict.text or ", ".join(text.names_of(conflict)) or f"since {moment_text(conflict.opened)}",
        text.decision_text(conflict),
    )


def conflicts_show(session: Session, conflict_id: ConflictId) -> ExitCode:
    """Show one held record: the last agreement, both sides, who edited when, and what each choice would do."""
    from syncd.report.document import conflict_document

    application = session.application(offline=True)
    conflict = application.store().conflict(conflict_id)
    if conflict is None:
        hint = f"`{session.program} conflicts list` shows those that are; a run may have settled it meanwhile"
        raise UsageError(f"no conflict {conflict_id} is open", hint=hint)
    around = application.surroundings(conflict)
    document = conflict_document(conflict)
    if session.json:
        session.output.document({"schema": "syncd.conflict/1", **document, **_more(conflict, around)})
        return ExitCode.OK
    output = session.output
    output.show("\n".join(text.head_lines(conflict)))
    heads, rows = text.values_table(conflict)
    if rows:
        output.table(heads, rows, styles={})
    lines = [*text.difference_lines(document["fields"]), *text.choice_lines(conflict, around, session.program)]
    output.show("\n".join(lines))
    return ExitCode.OK


def _more(conflict: ConflictRecord, around: Surroundings) -> dict[str, Any]:
    """What `show` tells beyond the conflict itself, as JSON."""
    resolution = text.resolution_of(conflict)
    takes = [take.value for take in Take] if text.is_decidable(conflict) and conflict.kind != text.DELETED else []
    return {
        "shown": text.mark_of(conflict),
        "decision": None if resolution is None else {"text": resolution.text, "moved": resolution.moved},
        "choices": [{"take": take, **_what_it_does(conflict, take, around)} for take in takes],
        "waiting": [
            {"field": each.field, "changed_in": each.side.value, "base": each.base, "value": each.value}
            for each in around.waiting
        ],
    }


def _what_it_does(conflict: ConflictRecord, take: str, around: Surroundings) -> dict[str, Any]:
    """What taking a side writes; of a document's state, what becomes of the document, in words."""
    if conflict.kind in text.DOCUMENT_STATES:
        return {"outcome": text.outcome_of(conflict, take)}
    return {"writes": text.writes_of(conflict, take, around)}


def _list_ended(session: Session, mapping: str | None, after: int) -> ExitCode:
    application = session.application(offline=True)
    if mapping is None:
        counts = {each.mapping: each.ended for each in application.status() if each.ended}
        if len(counts) != 1:
            return _count_ended(session, counts)
        [mapping] = counts
    found = [pair for pair, _ in application.store().ended_pairs(mapping, after=after, limit=PAGE + 1)]
    page, more = found[:PAGE], len(found) > PAGE
    if session.json:
        session.output.document(
            {
                "schema": "syncd.ended/1",
                "mapping": mapping,
                "ended": [_ended_document(pair) for pair in page],
                "next": page[-1].id if more else None,
            }
        )
        return ExitCode.OK
    if not page:
        session.output.say(f"No pair of {mapping} has ended{' beyond that number' if after else ''}.")
        return ExitCode.OK
    rows = [(str(pair.id), pair.erpnext_name or "(deleted)", pair.external_id or "") for pair in page]
    session.output.table(("number", "ERPNext", "source"), rows, styles={})
    listing = f"{session.program} conflicts list --ended --mapping {mapping}"
    if more:
        session.output.say(f"There are more: `{listing} --after {page[-1].id}`.")
    session.output.say(f"`{session.program} conflicts revive {mapping} KEY` has one synced again.")
    return ExitCode.OK


def _ended_document(pair: Pair) -> dict[str, Any]:
    return {"number": pair.id, "external_id": pair.external_id, "erpnext_name": pair.erpnext_name}


def _count_ended(session: Session, counts: dict[str, int]) -> ExitCode:
    if session.json:
        session.output.document({"schema": "syncd.ended/1", "mapping": None, "counts": counts})
    elif not counts:
        session.output.say("No pair has ended.")
    else:
        session.output.table(("mapping", "ended"), [(name, f"{each:,}") for name, each in counts.items()], styles={})
        session.output.say(f"`{session.program} conflicts list --ended --mapping NAME` lists them.")
    return ExitCode.OK


def conflicts_revive(
    session: Session,
    mapping: Annotated[str, typer.Argument(metavar="MAPPING", help="The mapping's name.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The ERPNext name, or the external id.")],
    *,
    side: Annotated[Take | None, typer.Option("--side", help="Where KEY is from, if both sides know it.")] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Forget the tie: the record that is left gets a new partner.")
    ] = False,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help="How long to wait for a run to end.")] = 30.0,
) -> ExitCode:
    """Have an ended pair synced again: its record is back, or its end was a mistake.

    The pair stays tied, and the next run compares both records as at first contact; where one is still gone it ends
    again. With --anew, or where the document was deleted, the tie is forgotten instead: a full pass pairs the record
    that is left by the match rules, or creates its partner.
    """
    from syncd.core.model import Side

    revived = session.application(offline=True).revive(
        mapping, key, side=None if side is None else Side(side.value), anew=anew, wait=wait
    )
    if session.json:
        session.output.document(
            {
                "schema": "syncd.revived/1",
                "mapping": revived.mapping,
                "external_id": revived.external_id,
                "erpnext_name": revived.erpnext_name,
                "tied": revived.tied,
            }
        )
        return ExitCode.OK
    from syncd.report.text import record_text

    name = record_text(revived.external_id, revived.erpnext_name)
    again = f"{session.program} reconcile {mapping}"
    if revived.tied:
        session.output.say(f"{name} is synced again: the next run compares both (`{again}`, or the daemon).")
        session.output.say("A record that is still gone ends the pair again: bring it back under the same key first.")
    else:
        session.output.say(f"{name} is forgotten: `{again} --full` takes what is left as a new record.")
        session.output.say("If it still carries the key of its old partner, empty that field first, or it ends again.")
    return ExitCode.OK
