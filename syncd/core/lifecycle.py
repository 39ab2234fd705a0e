"""Documents that can be submitted: what is to be done, as one pure table.

A situation is what the document was when both sides agreed last, what it is now, what the source asks for, and what the
source changed. `transitions.RULES` are tried in order; the first that applies decides. Every combination has one (a
test goes through all of them), and each rule says in words what it is for: docs/transitions.md is made from them. The
rules are design.md's, "Transitions of submittable documents", and the contract's `[lifecycle]`.
"""

from __future__ import annotations

from dataclasses import replace

from syncd.core.model import Raw, Side
from syncd.core.situations import (
    STANDS,
    Asked,
    Changed,
    Policy,
    Rule,
    Situation,
    Stands,
    Step,
    Transition,
)
from syncd.core.spec import LifecycleSpec, SourceDeleted
from syncd.core.transitions import RULES
from syncd.core.values import quote

__all__ = [
    "RULES",
    "STANDS",
    "Asked",
    "Changed",
    "Policy",
    "Rule",
    "Situation",
    "Stands",
    "Step",
    "Transition",
    "asked_for",
    "decided",
    "transition",
    "unknown_word",
    "word",
    "word_for",
]


def asked_for(spec: LifecycleSpec, raw: Raw, *, deleted: bool = False) -> Asked:
    """What a value of the source's lifecycle column asks for."""
    if deleted:
        return Asked.DELETED
    if spec.field is None or raw is None or (isinstance(raw, str) and not raw.strip()):
        return Asked.UNSAID
    text = word(raw)
    for asked, words in (
        (Asked.DRAFT, spec.draft),
        (Asked.SUBMITTED, spec.submitted),
        (Asked.CANCELLED, spec.cancelled),
    ):
        if text in words:
            return asked
    return Asked.UNKNOWN


def word(raw: Raw) -> str:
    """A value of the lifecycle column as the mapping's lists write it."""
    return str(int(raw)) if isinstance(raw, bool) else str(raw)


def word_for(spec: LifecycleSpec, docstatus: int) -> str | None:
    """What syncd writes into the source for a document of that docstatus; None: nothing is said of it."""
    words = (spec.draft, spec.submitted, spec.cancelled)[docstatus]
    return words[0] if spec.field is not None and words else None


def unknown_word(spec: LifecycleSpec, raw: Raw) -> str:
    """Why a record is held whose lifecycle column holds a value of no list."""
    known = ", ".join(quote(each) for each in (*spec.draft, *spec.submitted, *spec.cancelled))
    return f"{spec.field} is {quote(raw)}, which stands in none of the lists of [lifecycle] ({known})"


def transition(situation: Situation, policy: Policy) -> Transition:
    """What is to be done in a situation. Raises LookupError where the table has no row: there is none such."""
    seen, policy = (situation, policy) if policy.direction.reaches(Side.ERPNEXT) else _unheard(situation, policy)
    for rule in RULES:
        if rule.applies(seen):
            found = rule.answer(seen, policy)
            return replace(found, tell=found.tell and not situation.agrees, rule=rule.told)
    raise LookupError(f"no row of the transition table for {situation}")


def _unheard(situation: Situation, policy: Policy) -> tuple[Situation, Policy]:
    """The situation of a mapping that writes nothing into ERPNext: whatever the source says there asks for nothing."""
    if situation.asked is Asked.DELETED:
        return situation, replace(policy, source_deleted=SourceDeleted.IGNORE)
    heard = replace(situation, asked_before=Asked.UNSAID, asked=Asked.UNSAID, changed=Changed.NOTHING, ours=False)
    return heard, policy


def decided(situation: Situation, *, erpnext: bool) -> Transition:
    """What is done once a person (or `wins`) decided about a HOLD or CONFLICT: for ERPNext, or for the source.

    For ERPNext the document stays where it is and the source follows it; for the source the document becomes what the
    source says, through an amendment where ERPNext lets nothing change any more. Raises LookupError for a document that
    is not there: nothing can be decided about its state.
    """
    if situation.now not in STANDS:
        raise LookupError(f"there is no document to decide about in {situation}")
    return _for_erpnext(situation) if erpnext else _for_source(situation)


def _for_erpnext(situation: Situation) -> Transition:
    rule = "decided for ERPNext"
    if situation.asked is Asked.DELETED:
        return Transition(step=Step.END, reason="deleted in the source, and kept in ERPNext", rule=rule)
    submitted = situation.now is Stands.SUBMITTED and situation.changed is Changed.OTHERS
    keep = Step.ERPNEXT_WINS if submitted or situation.now is Stands.CANCELLED else Step.MERGE
    # A word that says the same already stays as it is: a list may hold several for one state.
    return Transition(step=keep, tell=not situation.agrees, rule=rule)


def _for_source(situation: Situation) -> Transition:
    """An unknown word is left alone, as if nothing were said: only the fields are the source's."""
    now, edited = situation.now, situation.changed is Changed.OTHERS
    if now is Stands.DRAFT:
        asks = {Asked.SUBMITTED: Step.SUBMIT, Asked.CANCELLED: Step.DELETE, Asked.DELETED: Step.DELETE}
        usual = Step.MERGE
    elif now is Stands.SUBMITTED:
        asks = {Asked.CANCELLED: Step.CANCEL, Asked.DRAFT: Step.AMEND_DRAFT, Asked.DELETED: Step.CANCEL}
        usual = Step.AMEND if edited else Step.MERGE
    else:
        asks = {Asked.CANCELLED: Step.KEEP, Asked.DRAFT: Step.AMEND_DRAFT, Asked.DELETED: Step.END}
        asks[Asked.UNKNOWN] = Step.KEEP
        usual = Step.AMEND
    return Transition(step=asks.get(situation.asked, usual), rule="decided for the source")
