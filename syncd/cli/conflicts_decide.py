"""`syncd conflicts resolve`, and what it shares with `import`: looking at decisions, and noting them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from syncd.cli import conflicts_text as text
from syncd.cli.session import Session
from syncd.errors import ExitCode, SyncdError, UsageError

if TYPE_CHECKING:
    from syncd.core.merge import Choice
    from syncd.core.model import Raw
    from syncd.ports.state import ConflictRecord

_LISTED = 20
"""Decisions that are told one by one; more are counted."""


class Take(enum.Enum):
    """Whose values win."""

    ERPNEXT = "erpnext"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One decision that a person wants noted."""

    conflict: ConflictRecord
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a decision cannot be noted, and what to do about it. `about` is the key it is about, where it is one."""

    message: str
    hint: str = ""
    about: str = ""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """What a command line asks for: decisions, conflicts that stay and why, and what is wrong with it."""

    wishes: list[Wish] = field(default_factory=list)
    left: list[tuple[ConflictRecord, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def conflicts_resolve(
    session: Session,
    conflict_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Numbers that `syncd conflicts list` shows.")
    ] = None,
    *,
    take: Annotated[Take | None, typer.Option("--take", help="Whose values win on both sides.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A value for both sides; repeat it.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option("--mapping", metavar="NAME", help="Instead of IDs: all fields conflicts of a mapping.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="FIELD", help="Instead of IDs: those in these fields alone; repeat it."),
    ] = None,
    shown: Annotated[
        str | None, typer.Option("--shown", metavar="MARK", help="Refuse when it moved since `show` gave this mark.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be noted; note nothing.")] = False,
) -> ExitCode:
    """Decide about held records, by number or many at once. The decision is noted; the next run carries it out.

    A decision counts for what is shown now: a record that moves before the next run stays held, and the list says so.
    """
    _check_usage(session, conflict_ids or (), take, values or (), mapping, fields or (), shown)
    if conflict_ids:
        asked = _by_number(session, conflict_ids, take, values or (), shown)
    else:
        asked = _by_selection(session, take, mapping, fields or ())
    if not asked.refusals:
        unfit, unchecked = misfits(session, asked.wishes)
        asked.refusals = [refusal for refusals in unfit.values() for refusal in refusals]
        tell_unchecked(session, unchecked)
    if asked.refusals:
        raise _refused(asked.refusals)
    note(session, asked.wishes, dry_run=dry_run)
    _tell(session, asked, dry_run=dry_run)
    return ExitCode.OK


def _check_usage(
    session: Session,
    ids: Sequence[int],
    take: Take | None,
    values: Sequence[str],
    mapping: str | None,
    fields: Sequence[str],
    shown: str | None,
) -> None:
    """Raise `UsageError` for arguments that do not go together."""
    listing = f"`{session.program} conflicts list` shows the numbers"
    if ids and (mapping is not None or fields):
        raise UsageError("give either IDs, or --mapping and --field", hint=listing)
    if not ids and mapping is None and not fields:
        raise UsageError("which conflicts? Give their IDs, or --mapping, or --field", hint=listing)
    named = f"conflict {', '.join(map(str, ids))}" if ids else "this"
    if (take is None) == (not values):
        show = f"{session.program} conflicts show {ids[0] if ids else 'ID'}"
        raise UsageError(
            f"{named} needs one decision: either --take or --set", hint=f"`{show}` shows both sides and the choices"
        )
    if values and not ids:
        raise UsageError("--set needs IDs: one value does not fit many records", hint=listing)
    if shown is not None and len(ids) != 1:
        raise UsageError("--shown is the mark of one conflict", hint="give one ID with it")


def _by_number(
    session: Session, ids: Sequence[int], take: Take | None, values: Sequence[str], shown: str | None
) -> _Asked:
    store = session.application(offline=True).store()
    asked = _Asked()
    for number in dict.fromkeys(ids):
        conflict = store.conflict(number)
        if conflict is None:
            asked.refusals.append(not_open(session, number))
            continue
        if shown is not None and shown != text.mark_of(conflict):
            asked.refusals.append(moved(session, conflict))
            continue
        try:
            choice = _choice(conflict, take, values)
        except UsageError as error:
            asked.refusals.append(Refusal(message=error.message, hint=error.hint))
            continue
        refusals = refusals_of(conflict, choice)
        asked.refusals += refusals
        if not refusals:
            asked.wishes.append(Wish(conflict=conflict, choice=choice))
    return asked


def not_open(session: Session, number: int) -> Refusal:
    """There is no such conflict."""
    hint = f"`{session.program} conflicts list` shows those that are; a run may have settled it meanwhile"
    return Refusal(message=f"no conflict {number} is open", hint=hint)


def moved(session: Session, conflict: ConflictRecord) -> Refusal:
    """It is not what was shown."""
    return Refusal(
        message=f"conflict {conflict.id} ({text.record_of(conflict)}) is not what was shown: the record moved since",
        hint=f"`{session.program} conflicts show {conflict.id}` shows it as it is now",
    )


def _choice(conflict: ConflictRecord, take: Take | None, given: Sequence[str]) -> Choice:
    from syncd.core.merge import Choice
    from syncd.core.model import Side

    if take is not None:
        return Choice(take=Side(take.value))
    values: dict[str, Raw] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: there is no `=`", hint="write --set FIELD=VALUE")
        name = name.strip()
        if name in values:
            raise UsageError(f"--set {each}: {name} is given twice", hint=f"conflict {conflict.id}: keep one of them")
        values[name] = value or None
    return Choice(values=values)


def _by_selection(session: Session, take: Take | None, mapping: str | None, fields: Sequence[str]) -> _Asked:
    """All conflicts of fields that the selection covers whole; every other one of it stays, with the reason."""
    store = session.application(offline=True).store()
    asked = _Asked()
    for conflict in store.conflicts(mapping):
        names = text.names_of(conflict)
        if fields and not set(names) & set(fields):
            continue
        why = _stays(session, conflict, names, fields)
        if why:
            asked.left.append((conflict, why))
        else:
            asked.wishes.append(Wish(conflict=conflict, choice=_choice(conflict, take, ())))
    if not asked.wishes and not asked.left:
        asked.refusals.append(_nothing_selected(store.conflicts(), mapping, fields))
    return asked


def _stays(session: Session, conflict: ConflictRecord, names: Sequence[str], fields: Sequence[str]) -> str:
    """Why a bulk decision leaves a conflict alone; empty where it does not."""
    resolution = text.resolution_of(conflict)
    if conflict.kind != text.FIELDS:
        by_number = f"decide it by its number: {session.program} conflicts show {conflict.id}"
        return f"its kind is {conflict.kind}; {by_number}"
    if resolution is not None and not resolution.moved:
        return f"it is decided already ({resolution.text})"
    others = [name for name in names if fields and name not in fields]
    return f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} in conflict too" if others else ""


def _nothing_selected(held: Sequence[ConflictRecord], mapping: str | None, fields: Sequence[str]) -> Refusal:
    from syncd.core.values import nearest

    place = f" of mapping {mapping}" if mapping is not None else ""
    known = {each.mapping for each in held}
    if mapping is not None and mapping not in known:
        near = nearest(mapping, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"mappings with held records: {', '.join(sorted(known)) or '-'}"
        return Refusal(message=f"no record{place} is held", hint=hint)
    inside = {name for each in held if mapping in (None, each.mapping) for name in text.names_of(each)}
    near = tuple(dict.fromkeys(name for given in fields for name in nearest(given, inside, 1)))
    hint = f"did you mean {', '.join(near)}?" if near else f"fields in conflict: {', '.join(sorted(inside)) or '-'}"
    return Refusal(message=f"no held record{place} is in conflict in {', '.join(fields)}", hint=hint)


def refusals_of(conflict: ConflictRecord, choice: Choice) -> list[Refusal]:
    """Why a decision does not answer a conflict's question; empty where it does."""
    from syncd.core.values import nearest

    named = f"conflict {conflict.id} ({conflict.kind})"
    if not text.is_decidable(conflict):
        return [Refusal(message=f"{named} cannot be decided by a value", hint=text.otherwise(conflict))]
    if choice.take is not None:
        return []
    if not text.is_settable(conflict):
        return [Refusal(message=f"{named} is decided by taking a side only", hint="take erpnext, or take source")]
    known = text.names_of(conflict)
    refusals = []
    for name in choice.values:
        if name not in known:
            near = nearest(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"fields in conflict: {', '.join(known)}"
            refusals.append(
                Refusal(message=f"{name!r} is not a field in conflict {conflict.id}", hint=hint, about=name)
            )
    absent = [name for name in known if name not in choice.values]
    if absent and not refusals:
        hint = "give each of them: " + " ".join(f"--set {name}=VALUE" for name in absent)
        refusals.append(
            Refusal(message=f"conflict {conflict.id} has more fields to decide: {', '.join(absent)}", hint=hint)
        )
    return refusals


def misfits(session: Session, wishes: Sequence[Wish]) -> tuple[dict[int, list[Refusal]], list[str]]:
    """(refusals by the conflict's number, why some could not be looked at) of values that people chose.

    Their types are asked from both sides, once for each mapping.
    """
    refusals: dict[int, list[Refusal]] = {}
    unchecked: list[str] = []
    by_mapping: dict[str, list[Wish]] = {}
    for wish in wishes:
        if wish.choice.values:
            by_mapping.setdefault(wish.conflict.mapping, []).append(wish)
    for mapping, some in by_mapping.items():
        try:
            reasons = session.application(offline=True).unfit(mapping, [wish.choice.values for wish in some])
        except SyncdError as error:
            unchecked.append(f"{mapping}: {error.message}")
            continue
        for wish, unfit in zip(some, reasons, strict=True):
            if unfit:
                refusals[wish.conflict.id] = [_misfit(wish.conflict, name, why) for name, why in unfit.items()]
    return refusals, unchecked


def _misfit(conflict: ConflictRecord, name: str, why: str) -> Refusal:
    message = f"conflict {conflict.id} ({text.record_of(conflict)}): {name}: {why}"
    return Refusal(message=message, hint="give a value that the field can hold, in ERPNext's terms", about=name)


def tell_unchecked(session: Session, unchecked: Sequence[str]) -> None:
    """Values that nobody could look at are noted all the same: the run looks again."""
    for why in unchecked:
        session.output.say(f"Not checked whether the values fit: {why}. The next run refuses what does not.")


def _refused(refusals: Sequence[Refusal]) -> UsageError:
    if len(refusals) == 1:
        return UsageError(refusals[0].message, hint=refusals[0].hint)
    told = "\n".join(f"  {each.message}{f' ({each.hint})' if each.hint else ''}" for each in refusals)
    return UsageError(f"{len(refusals)} of these decisions cannot be noted, so none is:\n{told}")


def note(session: Session, wishes: Sequence[Wish], *, dry_run: bool) -> None:
    """Note decisions, all or none. Raises `UsageError` when a run changed one of the conflicts meanwhile."""
    from syncd.core.resolution import encode_resolution

    if wishes and not dry_run:
        decisions = [(wish.conflict, encode_resolution(wish.choice)) for wish in wishes]
        session.application(offline=True).store().resolve(decisions)


def wish_document(wish: Wish) -> dict[str, Any]:
    """A decision as JSON."""
    from syncd.core.resolution import encode_resolution

    resolution = orjson.loads(encode_resolution(wish.choice))
    return {"conflict": wish.conflict.id, "mapping": wish.conflict.mapping, "resolution": resolution}


def tell_wishes(session: Session, wishes: Sequence[Wish], *, dry_run: bool) -> None:
    """What is noted, or would be, and the next step."""
    from syncd.report.text import number

    output = session.output
    for wish in wishes if dry_run else wishes[:_LISTED]:
        what = text.choice_text(wish.conflict, wish.choice)
        output.say(f"  {wish.conflict.id}  {text.record_of(wish.conflict)}: {what}")
    if len(wishes) > _LISTED and not dry_run:
        output.say(f"  … and {number(len(wishes) - _LISTED, 'more', 'more')}")
    if dry_run:
        output.say(f"{number(len(wishes), 'decision')} would be noted. Nothing was.")
    elif wishes:
        names = " ".join(sorted({wish.conflict.mapping for wish in wishes}))
        output.say(f"Noted. The next run carries it out: `{session.program} reconcile {names}`, or the daemon.")


def _tell(session: Session, asked: _Asked, *, dry_run: bool) -> None:
    if session.json:
        left: list[Mapping[str, Any]] = [
            {"conflict": conflict.id, "mapping": conflict.mapping, "reason": why} for conflict, why in asked.left
        ]
        session.output.document(
            {
                "schema": "syncd.resolutions/1",
                "dry_run": dry_run,
                "resolved": [wish_document(wish) for wish in asked.wishes],
                "left": left,
            }
        )
        return
    tell_wishes(session, asked.wishes, dry_run=dry_run)
    for conflict, why in asked.left:
        session.output.say(f"  {conflict.id}  {text.record_of(conflict)} stays: {why}")
