"""What a person is asked about a held record, and whether what they decided still answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import orjson

from syncd.app.cases import Case
from syncd.app.context import Pass
from syncd.core.documents import STATE, TRANSITION
from syncd.core.merge import Choice
from syncd.core.model import FieldConflict, Raw, Side
from syncd.core.plan import Decision, Sight, Verdict
from syncd.core.resolution import decode_resolution
from syncd.core.values import parse_stamp
from syncd.errors import HeldError
from syncd.ports.state import ConflictRecord


def choice_of(conflict: ConflictRecord, decision: Decision) -> Choice | None:
    """A person's decision on a conflict; None where there is none, or what was shown is not what stands there now.

    Values are compared, not stamps: not every source has stamps, and edits of other fields change nothing about it.
    """
    if conflict.resolution is None:
        return None
    resolution = decode_resolution(conflict.resolution)
    if conflict.kind == TRANSITION and decision.verdict is Verdict.WRITE:
        # Refused by ERPNext: the decision on it is bound to the same transition, which is tried again.
        same = decision.state is not None and conflict.fields == _shown([decision.state])
        return resolution.choice if same and not resolution.moved else None
    if decision.verdict is not Verdict.HOLD:
        return None
    return None if resolution.moved or not is_same_question(conflict, decision) else resolution.choice


def is_same_question(conflict: ConflictRecord, decision: Decision) -> bool:
    """Whether a held decision asks what an open conflict shows."""
    if (conflict.kind, decision.kind) == (TRANSITION, STATE):
        # What a person decided about it was tried, and ERPNext refused it: shown is the refusal.
        return conflict.fields == _shown(decision.conflicts[:1])
    return (conflict.kind, conflict.fields) == (decision.kind, shown_fields(decision))


def conflict_of(run: Pass, case: Case) -> ConflictRecord:
    """The conflict that a held decision opens."""
    decision = case.decision
    staged = case.row(Side.ERPNEXT)
    return ConflictRecord(
        mapping=run.mapping.name,
        kind=decision.kind,
        external_id=case.pair.external_id,
        erpnext_name=case.pair.erpnext_name,
        pair=case.pair.id,
        fields=shown_fields(decision),
        erpnext_stamp=told_stamp(run, case.sights, Side.ERPNEXT),
        source_stamp=told_stamp(run, case.sights, Side.SOURCE),
        editor=staged.editor if staged is not None else None,
        text=(decision.text or _conflict_text(decision)) + _not_carried_out(case),
        opened=run.clock.now(),
        run=run.run,
    )


def is_shown(shown: ConflictRecord, conflict: ConflictRecord, case: Case) -> bool:
    """Whether an open conflict says it already: that ERPNext refused a decision says more than the question."""
    if (shown.erpnext_stamp, shown.source_stamp) != (conflict.erpnext_stamp, conflict.source_stamp):
        return False
    if shown.kind == TRANSITION and conflict.kind == STATE and shown.resolution is None:
        return is_same_question(shown, case.decision)
    return (shown.fields, shown.text) == (conflict.fields, conflict.text)


def told_stamp(run: Pass, sights: Mapping[Side, Sight], side: Side) -> Raw:
    """A side's stamp with the offset of its zone, so that a person can compare the two; as it was read where the zone
    repeats that hour, or where it is no time."""
    raw, zone = sights[side].stamp, run.mapping.zone(side)
    stamp = parse_stamp(raw, zone) if isinstance(raw, str | datetime) else None
    if stamp is None or stamp.ambiguous:
        return raw
    offset = stamp.at.astimezone(ZoneInfo(zone)).utcoffset()
    return raw if offset is None else stamp.at.astimezone(timezone(offset))


def transition_conflict(run: Pass, case: Case, error: HeldError) -> ConflictRecord:
    """The conflict of a document whose transition only a person can decide on. A decision that was tried is spent."""
    text = f"{error.message} → {error.hint}" if error.hint else error.message
    decision = replace(case.decision, kind=TRANSITION, text=text)
    held = conflict_of(run, replace(case, decision=decision, conflict=None))
    return replace(
        held,
        text=text + _refused_again(case),
        fields=_shown([] if case.decision.state is None else [case.decision.state]),
    )


def decides(case: Case) -> bool:
    """Whether a person's decision on the record was noted when it was decided on."""
    return case.conflict is not None and case.conflict.resolution is not None


def _refused_again(case: Case) -> str:
    """What is said about a decision that was tried, or was made on something else than stands there now."""
    if case.conflict is None or case.conflict.resolution is None:
        return ""
    resolution = decode_resolution(case.conflict.resolution)
    what = "not carried out, since the record moved after it was shown" if resolution.moved else "tried, and refused"
    return f"; the decision ({resolution.text}) was {what}"


def _not_carried_out(case: Case) -> str:
    """What is said about a decision that was made on other values than stand there now."""
    if case.conflict is None or case.conflict.resolution is None:
        return ""
    resolution = decode_resolution(case.conflict.resolution)
    if not resolution.moved and is_same_question(case.conflict, case.decision):
        return ""
    return f"; the decision ({resolution.text}) was not carried out, since the record moved after it was shown"


def shown_fields(decision: Decision) -> bytes:
    """The fields of a held decision as a person is shown them, as JSON."""
    return _shown(decision.conflicts)


def _shown(conflicts: Iterable[FieldConflict]) -> bytes:
    """`outcomes` stand with a document's state only: what taking either side does."""
    shown: list[dict[str, object]] = []
    for conflict in conflicts:
        names = ("field", "base", "erpnext", "source", "reason")
        shown.append({name: getattr(conflict, name) for name in names})
        if any(conflict.outcomes):
            shown[-1]["outcomes"] = dict(zip((side.value for side in Side), conflict.outcomes, strict=True))
    return orjson.dumps(shown, default=str)


def _conflict_text(decision: Decision) -> str:
    names = ", ".join(conflict.field for conflict in decision.conflicts)
    reasons = "; ".join(dict.fromkeys(conflict.reason for conflict in decision.conflicts if conflict.reason))
    text = f"both sides hold values of their own in {names}"
    return f"{text} ({reasons})" if reasons else text
