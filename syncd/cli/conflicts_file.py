"""`syncd conflicts export` and `import`: held records as a file that a person edits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import conflicts_text as text
from syncd.cli.conflicts_decide import (
    Refusal,
    Wish,
    misfits,
    moved,
    not_open,
    note,
    refusals_of,
    tell_unchecked,
    tell_wishes,
    wish_document,
)
from syncd.cli.session import Session
from syncd.errors import ConfigError, ExitCode, Problem, UsageError

if TYPE_CHECKING:
    from syncd.config.conflict_file import FileDecision, FileEntry
    from syncd.ports.state import ConflictRecord

STDOUT = Path("-")


def conflicts_export(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - is stdout.")],
    *,
    mapping: Annotated[
        str | None, typer.Option("--mapping", metavar="NAME", help="Only the held records of this mapping.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
) -> ExitCode:
    """Write the held records to a TOML file: edit it, then `syncd conflicts import` it."""
    from syncd.config.conflict_file import write_conflicts

    if file == STDOUT and session.json:
        raise UsageError("--json and - both want stdout", hint="name a file")
    if file != STDOUT and file.exists() and not force:
        raise UsageError(f"{file} is there already: decisions in it would be lost", hint="name another, or --force")
    held = session.application(offline=True).store().conflicts(mapping)
    decidable = [conflict for conflict in held if text.is_decidable(conflict)]
    left = len(held) - len(decidable)
    content = write_conflicts((_entry(session, each) for each in decidable), _head(session, file, decidable, left))
    if file == STDOUT:
        session.output.raw(content.encode())
        return ExitCode.OK
    _write(file, content)
    _tell_export(session, file, len(decidable), left)
    return ExitCode.OK


def _head(session: Session, file: Path, decidable: Sequence[ConflictRecord], left: int) -> list[str]:
    from syncd.report.text import number

    name = "FILE" if file == STDOUT else str(file)
    lines = [
        f"{number(len(decidable), 'held record')} of syncd. Decide as many as you like, save, and:",
        f"    {session.program} conflicts import {name} --dry-run",
        f"    {session.program} conflicts import {name}",
        'take = "erpnext" or "source": whose values win. Or uncomment every set line of a record, with your values',
        'in ERPNext\'s terms ("" empties a field). A record with neither stays held. Leave id and shown as they are.',
    ]
    if left:
        lines.append(
            f"{number(left, 'more record is', 'more records are')} held that no choice between two values decides: "
            f"{session.program} conflicts list"
        )
    return lines


def _entry(session: Session, conflict: ConflictRecord) -> FileEntry:
    from syncd.config.conflict_file import FileEntry, FileField
    from syncd.report.text import value_text

    resolution = text.resolution_of(conflict)
    around = session.application(offline=True).surroundings(conflict)
    fields = [
        FileField(
            name=str(field.get("field", "")),
            notes=(
                f"{field.get('field', '')}{': ' + str(field['reason']) if field.get('reason') else ''}",
                *(
                    f"    {label}{value_text(field.get(side))}"
                    for label, side in (("agreed   ", "base"), ("ERPNext  ", "erpnext"), ("source   ", "source"))
                ),
            ),
            value=field.get("erpnext"),
        )
        for field in text.fields_of(conflict)
    ]
    waiting = [f"waits too: {line}" for line in text.waiting_lines(around.waiting)]
    return FileEntry(
        id=conflict.id,
        record=text.record_of(conflict),
        shown=text.mark_of(conflict),
        notes=(*text.head_lines(conflict), *waiting),
        fields=tuple(fields),
        settable=text.is_settable(conflict),
        choice=None if resolution is None or resolution.moved else resolution.choice,
    )


def _write(file: Path, content: str) -> None:
    """Whole or not at all, readable by its owner alone. Raises `UsageError`."""
    from syncd.report.files import atomic

    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no directory {file.parent}", hint="make it, or name another place")
    with atomic(file) as stream:
        stream.write(content.encode())


def _tell_export(session: Session, file: Path, written: int, left: int) -> None:
    from syncd.report.text import number

    if session.json:
        document = {"schema": "syncd.conflicts_export/1", "file": str(file), "conflicts": written, "left": left}
        session.output.document(document)
        return
    session.output.say(f"{number(written, 'held record')} written to {file}.")
    if left:
        told = number(left, "record is", "records are")
        session.output.say(f"{told} not in it: no choice between two values decides them.")
    session.output.say(f"Edit it, then `{session.program} conflicts import {file}`.")


def conflicts_import(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `syncd conflicts export`.")],
    *,
    skip_moved: Annotated[
        bool,
        typer.Option("--skip-moved", help="Leave out records that moved or were settled since; note the rest."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be noted; note nothing.")] = False,
) -> ExitCode:
    """Note the decisions of an edited file: all of them, or none while any line of it is wrong."""
    from syncd.config.conflict_file import read_conflicts

    decisions = read_conflicts(file, str(file))
    decided = [decision for decision in decisions if decision.choice is not None]
    wishes, stale, problems = _look(session, file, decided)
    if not skip_moved:
        problems = sorted([*problems, *stale], key=lambda each: _place(each.key))
    if not problems:
        problems, unchecked = _unfit(session, file, wishes)
        tell_unchecked(session, unchecked)
    if problems:
        raise ConfigError(problems)
    noted = [wish for wish, _ in wishes]
    note(session, noted, dry_run=dry_run)
    _tell_import(session, noted, stale, len(decisions) - len(decided), dry_run=dry_run)
    return ExitCode.OK


def _place(key: str) -> int:
    """Where in the file a key of `conflict[N]` stands."""
    return int(key.partition("[")[2].partition("]")[0])


def _look(
    session: Session, file: Path, decided: Sequence[FileDecision]
) -> tuple[list[tuple[Wish, FileDecision]], list[Problem], list[Problem]]:
    """(decisions that answer what is open, those on records that moved or were settled, mistakes)."""
    store = session.application(offline=True).store()
    held = {conflict.id: conflict for conflict in store.conflicts()}
    wishes: list[tuple[Wish, FileDecision]] = []
    stale: list[Problem] = []
    problems: list[Problem] = []
    for decision in decided:
        if decision.choice is None:
            continue
        conflict = held.get(decision.id)
        if conflict is None:
            stale.append(_problem(file, decision, "id", not_open(session, decision.id), skippable=True))
        elif text.mark_of(conflict) != decision.shown:
            stale.append(_problem(file, decision, "shown", moved(session, conflict), skippable=True))
        else:
            refusals = refusals_of(conflict, decision.choice)
            problems += [_problem(file, decision, _key(refusal), refusal) for refusal in refusals]
            if not refusals:
                wishes.append((Wish(conflict=conflict, choice=decision.choice), decision))
    return wishes, stale, problems


def _key(refusal: Refusal) -> str:
    return f"set.{refusal.about}" if refusal.about else "set"


def _problem(file: Path, decision: FileDecision, key: str, refusal: Refusal, *, skippable: bool = False) -> Problem:
    hint = refusal.hint.replace("--set ", "set.").replace("=VALUE", ' = "…"')
    if skippable:
        hint = f"{hint}; --skip-moved notes the others"
    return Problem(
        file=str(file), key=f"{decision.key}.{key}", message=f"{decision.record}: {refusal.message}", hint=hint
    )


def _unfit(
    session: Session, file: Path, wishes: Sequence[tuple[Wish, FileDecision]]
) -> tuple[list[Problem], list[str]]:
    unfit, unchecked = misfits(session, [wish for wish, _ in wishes])
    problems = [
        _problem(file, decision, _key(refusal), refusal)
        for wish, decision in wishes
        for refusal in unfit.get(wish.conflict.id, ())
    ]
    return problems, unchecked


def _tell_import(
    session: Session, noted: Sequence[Wish], stale: Sequence[Problem], undecided: int, *, dry_run: bool
) -> None:
    from syncd.report.text import number

    if session.json:
        session.output.document(
            {
                "schema": "syncd.conflicts_import/1",
                "dry_run": dry_run,
                "resolved": [wish_document(wish) for wish in noted],
                "skipped": [{"key": problem.key, "reason": problem.message} for problem in stale],
                "undecided": undecided,
            }
        )
        return
    tell_wishes(session, noted, dry_run=dry_run)
    for problem in stale:
        session.output.show(f"  skipped: {problem.message}")
    if undecided:
        session.output.say(f"{number(undecided, 'record is', 'records are')} left open in the file.")
    if not noted and not dry_run:
        session.output.say("No decision was noted.")
