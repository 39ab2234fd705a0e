"""`syncd state`: care for the state store, which holds the pairs and what both sides looked like when they agreed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncd.adapters.store.verifying import Verified
    from syncd.app.rebuild import Rebuilt
    from syncd.bootstrap.state_care import Forgetting, Rebuild

_TEXT = """Back up, check, upgrade and rebuild the state store.

It holds the pairs and what both sides looked like when they last agreed. Back it up; when it is lost or damaged all the
same, rebuild finds the pairs again by the ids that both sides hold.
"""
_HEADS = ("mapping", "pairs", "agree", "to write", "held", "failed", "ended", "alone in ERPNext", "alone in the source")


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_typer()
    group_default(
        group,
        text=_TEXT,
        examples=("syncd state backup /backup/syncd.db", "syncd state verify", "syncd state rebuild"),
    )
    command(
        group,
        "backup",
        examples=("syncd state backup /backup/syncd.db", "syncd state backup --force /backup/last-night.db"),
    )(backup)
    command(
        group,
        "verify",
        examples=("syncd state verify", "syncd state verify --json | jq -r '.findings[].message'"),
    )(verify)
    command(group, "rebuild", examples=("syncd state rebuild", "syncd plan     what the next run then does"))(rebuild)
    command(group, "upgrade", examples=("syncd state upgrade",))(upgrade)
    command(group, "forget", examples=("syncd state forget customer", "syncd state forget customer --yes"))(forget)
    app.add_typer(group, name="state")


def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Let a file that is there go.")] = False,
) -> ExitCode:
    """Copy the state store into FILE, while syncd runs.

    The copy is of one moment, and for its owner alone (mode 0600). To put it back, stop syncd, remove what lies beside
    the store's file (-wal, -shm), and copy FILE over it.
    """
    made = session.application(offline=True).care().backup(file, force=force)
    if session.json:
        session.output.document({"schema": "syncd.state_backup/1", "file": str(made.file), "bytes": made.size})
    else:
        session.output.say(f"The state store is backed up in {made.file} ({made.size:,} bytes).")
    return ExitCode.OK


def verify(session: Session) -> ExitCode:
    """Check the whole state store; change nothing.

    The database's own check, and that all rows can be read and fit each other. Exit code 2: something is wrong.
    """
    care = session.application(offline=True).care()
    with session.output.progress() as progress:
        found = care.verify(progress)
    if session.json:
        session.output.document(_verify_document(found))
    elif found.findings or not session.quiet:
        session.output.show("\n".join(_verify_lines(found, session.program)))
    return ExitCode.OK if found.whole else ExitCode.USAGE


def _verify_document(found: Verified) -> dict[str, Any]:
    return {
        "schema": "syncd.state_verify/1",
        "store": found.store,
        "revision": found.revision,
        "whole": found.whole,
        "pairs": found.pairs,
        "staged": found.staged,
        "findings": [
            {"mapping": each.mapping or None, "message": each.message, "problem": not each.note}
            for each in found.findings
        ],
    }


def _verify_lines(found: Verified, program: str) -> Iterator[str]:
    from syncd.report.text import number, printable

    if found.whole:
        read = f"{number(found.pairs, 'pair')} and {number(found.staged, 'staged row')} can be read and fit"
        yield f"{printable(found.store)}: the state store is whole; {read}."
    else:
        wrong = sum(not each.note for each in found.findings)
        yield f"{printable(found.store)}: {number(wrong, 'thing is', 'things are')} wrong with the state store:"
    for each in found.findings:
        place = f"mapping {printable(each.mapping)}: " if each.mapping else ""
        yield f"  {'note: ' if each.note else ''}{place}{printable(each.message)}"
    if found.newer:
        yield "Next: install a newer syncd."
    elif not found.whole:
        yield f"Next: put a backup back; or `{program} state rebuild` moves this store aside and finds the pairs again."


def upgrade(session: Session) -> ExitCode:
    """Bring the state store to this version's schema.

    Any run does so by itself where nobody uses the store. A copy is left beside the file first; a store of a newer
    version is refused.
    """
    done = session.application(offline=True).care().upgrade()
    if session.json:
        steps = [{"revision": revision, "does": text} for revision, text in done.steps]
        session.output.document(
            {
                "schema": "syncd.state_upgrade/1",
                "store": done.store,
                "from": done.before,
                "to": done.after,
                "steps": steps,
                "copy": done.copy or None,
            }
        )
        return ExitCode.OK
    if not done.steps:
        session.output.say(f"{done.store}: the schema is {done.after}, this version's own; nothing to do.")
        return ExitCode.OK
    for revision, text in done.steps:
        session.output.say(f"  {revision}  {text}")
    kept = f" The store as it was is kept in {done.copy}." if done.copy else ""
    session.output.say(f"{done.store}: upgraded from {done.before} to {done.after}.{kept}")
    return ExitCode.OK


def rebuild(
    session: Session,
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also a whole store, or one of a newer version; and let a guard pass once."),
    ] = False,
) -> ExitCode:
    """Find the pairs again when the state store is lost or damaged.

    Moves the store aside, makes a new one, reads both sides of every enabled mapping whole, and ties records by the ids
    that both sides hold, else by the match rules. Writes nothing on either side.
    """
    care = session.application().care()
    with session.output.progress() as progress:
        done = care.rebuild(force=force, progress=progress)
    from syncd.app.rebuild import exit_code

    if session.json:
        session.output.document(_rebuild_document(done))
    else:
        _show_rebuild(session, done)
    return exit_code(done.mappings)


def _rebuild_document(done: Rebuild) -> dict[str, Any]:
    return {
        "schema": "syncd.state_rebuild/1",
        "aside": done.aside or None,
        "mappings": {
            name: {
                "pairs": found.pairs,
                "agreed": found.agreed,
                "to_write": found.waiting,
                "held": found.held,
                "failed": found.failed,
                "ended": found.ended,
                "alone": found.alone,
                "error": found.error,
            }
            for name, found in done.mappings.items()
        },
    }


def _show_rebuild(session: Session, done: Rebuild) -> None:
    from syncd.core.model import Side
    from syncd.report.text import printable, trouble_text

    output = session.output
    if done.aside:
        output.say(f"The old state store is kept as {printable(done.aside)}.")
    good = {name: found for name, found in done.mappings.items() if found.error is None}
    if good and not session.quiet:
        rows = [
            (name, *_numbers(found), *(f"{found.alone[side.value]:,}" for side in Side)) for name, found in good.items()
        ]
        output.table(_HEADS, rows, styles={})
    for name, found in done.mappings.items():
        if found.error is not None:
            output.show(f"{printable(name)}: not rebuilt: {trouble_text(found.error)}")
            output.show(f"  → {printable(found.error['hint'])}")
    output.say(f"Next: `{session.program} plan` shows what a run would do, `{session.program} reconcile` does it.")


def _numbers(found: Rebuilt) -> Iterator[str]:
    for count in (found.pairs, found.agreed, found.waiting, found.held, found.failed, found.ended):
        yield f"{count:,}"


def forget(
    session: Session,
    mapping: Annotated[str, typer.Argument(metavar="MAPPING", help="The mapping's name.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> ExitCode:
    """Drop everything that is kept of one mapping.

    Its pairs, conflicts, failures and journal; no record on either side is touched. The next run of the mapping reads
    both sides whole and finds the pairs again, as at the first time.
    """
    care = session.application(offline=True).care()
    what = care.forgetting(mapping)
    if not yes:
        _confirm(session, what)
    care.forget(mapping)
    if session.json:
        totals = what.totals
        session.output.document(
            {
                "schema": "syncd.state_forget/1",
                "mapping": mapping,
                "forgotten": {
                    "pairs": totals.pairs,
                    "ended": totals.ended,
                    "held": totals.held,
                    "failed": totals.failed,
                    "staged": totals.staged,
                },
                "found_again": not what.unfindable,
            }
        )
    else:
        session.output.say(f"Forgotten: {_kept(what)}.")
        session.output.show(_next_run(what))
    return ExitCode.OK


def _confirm(session: Session, what: Forgetting) -> None:
    from syncd.report.text import printable

    name = printable(what.mapping)
    if session.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"this forgets {_kept(what)} of mapping {name}; nothing was changed. {_next_run(what)}",
            hint=f"to do it: `{session.program} state forget {name} --yes`",
        )
    typer.echo(_next_run(what), err=True)
    if not typer.confirm(f"Forget {_kept(what)} of mapping {name}?", err=True):
        raise UsageError("nothing was changed")


def _kept(what: Forgetting) -> str:
    from syncd.report.text import number

    totals = what.totals
    parts = [
        number(totals.pairs, "pair"),
        number(totals.ended, "ended pair"),
        number(totals.held, "conflict"),
        number(totals.failed, "failure"),
    ]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing but where the feeds stand"


def _next_run(what: Forgetting) -> str:
    if not what.known:
        return "There is no such mapping any more, so no run will make it again."
    when = "The next run" if what.enabled else "Once it is enabled, the next run"
    if what.unfindable:
        return f"{when} would make every record anew on the other side, for {what.unfindable}: correct that first."
    return f"{when} reads both sides whole and finds the pairs again by their ids, else by the match rules."
