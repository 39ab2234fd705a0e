"""What becomes of a document once a person decides about its state, in words: shown before the decision is made."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.lifecycle import STANDS, Situation, Stands, Step, decided, word_for
from syncd.core.model import Direction, Side
from syncd.core.spec import LifecycleSpec

STATES: Mapping[Stands, str] = {Stands.DRAFT: "draft", Stands.SUBMITTED: "submitted", Stands.CANCELLED: "cancelled"}
_KEPT = {Stands.DRAFT: "stays a draft", Stands.SUBMITTED: "stays submitted", Stands.CANCELLED: "stays cancelled"}
_HOLDS = "with what the source holds"


def outcomes(situation: Situation, lifecycle: LifecycleSpec, direction: Direction) -> tuple[str, str]:
    """What taking (ERPNext's, the source's) side does; ("", "") where there is no document to decide about."""
    if situation.now not in STANDS:
        return "", ""
    return _outcome(situation, lifecycle, direction, Side.ERPNEXT), _outcome(
        situation, lifecycle, direction, Side.SOURCE
    )


def _outcome(situation: Situation, lifecycle: LifecycleSpec, direction: Direction, take: Side) -> str:
    found = decided(situation, erpnext=take is Side.ERPNEXT)
    text = _words(found.step, situation.now)
    said = word_for(lifecycle, STANDS.index(found.after(situation.now))) if found.tell else None
    if said is None or not direction.reaches(Side.SOURCE):
        return text
    return f"{text}; the source's {lifecycle.field} becomes “{said}”"


def _words(step: Step, now: Stands) -> str:
    begins = "the cancelled document is amended" if now is Stands.CANCELLED else "the document is cancelled and amended"
    words = {
        Step.SUBMIT: f"the draft is submitted, {_HOLDS}",
        Step.CANCEL: "the document is cancelled, whatever refers to it",
        Step.AMEND: f"{begins}, {_HOLDS}, and the amendment is submitted",
        Step.AMEND_DRAFT: f"{begins}, {_HOLDS}; the amendment is a draft",
        Step.DELETE: "the draft is deleted, and the record is no longer synced",
        Step.END: "the document stays as it is, and is no longer synced",
        Step.ERPNEXT_WINS: f"the document {_KEPT[now]}, and its values go to the source",
    }
    return words.get(step, f"the document {_KEPT[now]}")
