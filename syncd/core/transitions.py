"""The transition table of documents that can be submitted: its rules, in the order in which they are tried.

Its cells are design.md's, "Transitions of submittable documents". The state of a document is merged as a field is: a
side that did not move follows the one that did; both moved, and it is a conflict.
"""

from __future__ import annotations

from collections.abc import Callable

from syncd.core.situations import Asked, Changed, Policy, Rule, Situation, Stands, Step, Transition
from syncd.core.spec import ChangedAfterSubmit, DraftVoided, Reopened, SourceDeleted

_GONE = frozenset({Stands.ABSENT, Stands.DELETED})
_SILENT = frozenset({Asked.DRAFT, Asked.UNSAID})
_STATES = "both sides changed what state it is in"


def _is(step: Step, *, tell: bool = False, reason: str = "") -> Callable[[Situation, Policy], Transition]:
    return lambda _situation, _policy: Transition(step=step, tell=tell, reason=reason)


def _follow(step: Step) -> Callable[[Situation, Policy], Transition]:
    """The document stays where it is, and the source is told where that is news."""
    return lambda situation, _policy: Transition(step=step, tell=situation.news)


def _draft_voided(situation: Situation, policy: Policy) -> Transition:
    how = "deleted" if situation.asked is Asked.DELETED else "cancelled"
    if policy.lifecycle.draft_voided is DraftVoided.DELETE:
        return Transition(step=Step.DELETE, reason=f"{how} in the source while still a draft")
    return Transition(step=Step.HOLD, reason=f"{how} in the source, and still a draft in ERPNext")


def _deleted_draft(situation: Situation, policy: Policy) -> Transition:
    if policy.source_deleted is SourceDeleted.DELETE:
        return Transition(step=Step.DELETE, reason="deleted in the source")
    if policy.source_deleted is SourceDeleted.CANCEL:
        return _draft_voided(situation, policy)
    return Transition(step=Step.END, reason="deleted in the source")


def _deleted_submitted(_situation: Situation, policy: Policy) -> Transition:
    if policy.source_deleted is SourceDeleted.CANCEL:
        return Transition(step=Step.CANCEL, reason="deleted in the source")
    if policy.source_deleted is SourceDeleted.DELETE:
        return Transition(
            step=Step.HOLD,
            reason="deleted in the source, but a submitted document is never deleted: cancel it, or keep it",
        )
    return Transition(step=Step.END, reason="deleted in the source")


def _unless_touched(
    answer: Callable[[Situation, Policy], Transition],
) -> Callable[[Situation, Policy], Transition]:
    """`answer`, but nothing is taken away unasked: it is a conflict, as with any record that was edited meanwhile."""

    def touched(situation: Situation, policy: Policy) -> Transition:
        found = answer(situation, policy)
        if found.step not in {Step.DELETE, Step.CANCEL}:
            return found
        since = (
            "both sides never agreed on it" if situation.first else f"a person left it {situation.now.value} in ERPNext"
        )
        return Transition(step=Step.CONFLICT, reason=f"deleted in the source, but {since}")

    return touched


def _after_submit(situation: Situation, policy: Policy) -> Transition:
    """`changed_after_submit`."""
    choice = policy.lifecycle.changed_after_submit
    if choice is ChangedAfterSubmit.AMEND:
        return Transition(step=Step.AMEND, tell=situation.news)
    if choice is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=situation.news)
    what = "holds other values in" if situation.first else "changed"
    return Transition(
        step=Step.HOLD, reason=f"the source {what} fields that ERPNext does not let change after submission"
    )


def _submitted_again(situation: Situation, policy: Policy) -> Transition:
    """`changed_after_submit`, for a document that stands cancelled."""
    choice = policy.lifecycle.changed_after_submit
    if choice is ChangedAfterSubmit.AMEND:
        return Transition(step=Step.AMEND, tell=situation.asked is Asked.DRAFT)
    if choice is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=True)
    if situation.cut_short:
        return Transition(step=Step.HOLD, reason="syncd cancelled it, and nothing was put in its place yet")
    return Transition(step=Step.HOLD, reason="the source asks for it again, but it is cancelled in ERPNext")


def _reopened(situation: Situation, policy: Policy) -> Transition:
    if policy.lifecycle.reopened is Reopened.AMEND:
        return Transition(step=Step.AMEND_DRAFT)
    return Transition(
        step=Step.HOLD, reason=f"the source went back to draft, but it is {situation.now.value} in ERPNext"
    )


def _cancelled_and_changed(situation: Situation, policy: Policy) -> Transition:
    if policy.lifecycle.changed_after_submit is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=situation.news)
    how = "holds other values" if situation.first else "changed it"
    return Transition(step=Step.HOLD, reason=f"the source {how}, but it is cancelled in ERPNext")


_ABSENT: tuple[Rule, ...] = (
    Rule(
        "no document yet; the source calls it cancelled",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked is Asked.CANCELLED,
        _is(Step.END, reason="cancelled in the source before it was ever made"),
    ),
    Rule(
        "no document yet, and no record any more",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked is Asked.DELETED,
        _is(Step.END, reason="deleted in the source before it was ever made"),
    ),
    Rule(
        "no document yet; the source asks for a submitted one",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked is Asked.SUBMITTED,
        _is(Step.CREATE_SUBMITTED),
    ),
    Rule(
        "no document yet; the source asks for a draft, or says nothing of states",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked in _SILENT,
        _is(Step.CREATE_DRAFT),
    ),
    Rule(
        "no document yet; the source's word stands in none of the lists",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked is Asked.UNKNOWN,
        _is(Step.HOLD),
    ),
    Rule(
        "gone on both sides",
        lambda s: s.now in _GONE and s.asked is Asked.DELETED,
        _is(Step.END, reason="deleted on both sides"),
    ),
    Rule("deleted in ERPNext", lambda s: s.now in _GONE, _is(Step.DELETION)),
)

_DELETED: tuple[Rule, ...] = (
    Rule(
        "deleted in the source; a draft that a person put there since, or that both sides never agreed on",
        lambda s: s.asked is Asked.DELETED and s.now is Stands.DRAFT and (s.first or s.by_person),
        _unless_touched(_deleted_draft),
    ),
    Rule(
        "deleted in the source; submitted by a person since, or never agreed on by both sides",
        lambda s: s.asked is Asked.DELETED and s.now is Stands.SUBMITTED and (s.first or s.by_person),
        _unless_touched(_deleted_submitted),
    ),
    Rule(
        "deleted in the source while a draft",
        lambda s: s.asked is Asked.DELETED and s.now is Stands.DRAFT,
        _deleted_draft,
    ),
    Rule(
        "deleted in the source while submitted: cancelled or kept, never deleted",
        lambda s: s.asked is Asked.DELETED and s.now is Stands.SUBMITTED,
        _deleted_submitted,
    ),
    Rule(
        "deleted in the source, cancelled in ERPNext",
        lambda s: s.asked is Asked.DELETED and s.now is Stands.CANCELLED,
        _is(Step.END, reason="deleted in the source"),
    ),
    Rule("the source's word stands in none of the lists", lambda s: s.asked is Asked.UNKNOWN, _is(Step.HOLD)),
)

_DRAFTS: tuple[Rule, ...] = (
    Rule(
        "an amendment of syncd's own, not submitted yet; the source says nothing of states",
        lambda s: (
            s.now is Stands.DRAFT
            and s.asked is Asked.UNSAID
            and s.cut_short
            and s.before in {Stands.SUBMITTED, Stands.CANCELLED}
        ),
        _is(Step.SUBMIT),
    ),
    Rule(
        "a draft on both sides, or the source says nothing of states",
        lambda s: s.now is Stands.DRAFT and s.asked in _SILENT,
        _follow(Step.MERGE),
    ),
    Rule(
        "amended in ERPNext by a person and still a draft, while the source changed its state as well",
        lambda s: s.now is Stands.DRAFT and s.by_person and s.moved,
        _is(Step.CONFLICT, reason=_STATES),
    ),
    Rule(
        "amended in ERPNext by a person and still a draft: left to that person, and the source is told",
        lambda s: s.now is Stands.DRAFT and s.by_person,
        _follow(Step.MERGE),
    ),
    Rule(
        "a draft; the source asks for a submitted document",
        lambda s: s.now is Stands.DRAFT and s.asked is Asked.SUBMITTED and (s.moved or s.cut_short),
        _is(Step.SUBMIT),
    ),
    Rule(
        "a draft, as it was, that the source called submitted before: nothing is posted that nobody asks for anew",
        lambda s: s.now is Stands.DRAFT and s.asked is Asked.SUBMITTED,
        _is(Step.HOLD, reason="the source calls it submitted, but it was left a draft in ERPNext"),
    ),
    Rule(
        "a draft of a person that the source calls cancelled when both meet first: never deleted unasked",
        lambda s: s.now is Stands.DRAFT and s.first,
        _is(Step.HOLD, reason="cancelled in the source, but a draft in ERPNext that syncd did not make"),
    ),
    Rule(
        "a draft; cancelled in the source",
        lambda s: s.now is Stands.DRAFT and s.moved,
        _draft_voided,
    ),
    Rule(
        "a draft, as it was, that the source called cancelled before: it was let stand",
        lambda s: s.now is Stands.DRAFT,
        _follow(Step.MERGE),
    ),
)

_SUBMITTED: tuple[Rule, ...] = (
    Rule(
        "submitted on both sides, or the source says nothing of states; nothing or only allowed fields changed",
        lambda s: (
            s.now is Stands.SUBMITTED and s.asked in {Asked.SUBMITTED, Asked.UNSAID} and s.changed is not Changed.OTHERS
        ),
        _follow(Step.MERGE),
    ),
    Rule(
        "submitted on both sides, or the source says nothing of states; other fields changed",
        lambda s: s.now is Stands.SUBMITTED and s.asked in {Asked.SUBMITTED, Asked.UNSAID},
        _after_submit,
    ),
    Rule(
        "submitted in ERPNext and not in the source when both meet first",
        lambda s: s.now is Stands.SUBMITTED and s.first,
        _is(Step.CONFLICT, reason="it is submitted in ERPNext, but not in the source"),
    ),
    Rule(
        "submitted (or amended) in ERPNext by a person, while the source changed its state as well",
        lambda s: s.now is Stands.SUBMITTED and s.by_person and s.moved,
        _is(Step.CONFLICT, reason=_STATES),
    ),
    Rule(
        "submitted, as it was; the source now calls it cancelled",
        lambda s: s.now is Stands.SUBMITTED and s.asked is Asked.CANCELLED and s.moved,
        _is(Step.CANCEL),
    ),
    Rule(
        "submitted, as it was; the source went back to draft",
        lambda s: s.now is Stands.SUBMITTED and s.moved,
        _reopened,
    ),
    Rule(
        "submitted (or amended) in ERPNext, not in the source; the source changed other fields",
        lambda s: s.now is Stands.SUBMITTED and s.changed is Changed.OTHERS,
        _after_submit,
    ),
    Rule(
        "submitted (or amended) in ERPNext by a person, which the source is told; or long since, unmoved on both sides",
        lambda s: s.now is Stands.SUBMITTED,
        _follow(Step.MERGE),
    ),
)

_CANCELLED: tuple[Rule, ...] = (
    Rule(
        "cancelled on both sides: what the source changes no longer counts",
        lambda s: s.now is Stands.CANCELLED and s.asked is Asked.CANCELLED,
        _is(Step.KEEP),
    ),
    Rule(
        "cancelled in ERPNext and not in the source when both meet first",
        lambda s: s.now is Stands.CANCELLED and s.first and s.asked is not Asked.UNSAID,
        _is(Step.CONFLICT, reason="it is cancelled in ERPNext, but not in the source"),
    ),
    Rule(
        "cancelled in ERPNext by a person, changed in the source as well",
        lambda s: (
            s.now is Stands.CANCELLED
            and s.by_person
            and s.asked is not Asked.UNSAID
            and (s.moved or s.changed is not Changed.NOTHING)
        ),
        _is(Step.CONFLICT, reason="cancelled in ERPNext, changed in the source"),
    ),
    Rule(
        "cancelled; the source asks for a submitted document again",
        lambda s: s.now is Stands.CANCELLED and s.asked is Asked.SUBMITTED and (s.moved or s.cut_short),
        _submitted_again,
    ),
    Rule(
        "cancelled; the source went back to draft",
        lambda s: s.now is Stands.CANCELLED and s.asked is Asked.DRAFT and s.moved,
        _reopened,
    ),
    Rule(
        "cancelled by syncd on the way to an amendment; the source is a draft as before, or says nothing of states",
        lambda s: s.now is Stands.CANCELLED and s.asked in _SILENT and s.cut_short,
        _submitted_again,
    ),
    Rule(
        "cancelled in ERPNext by a person, which the source is told; or long since, unmoved on both sides",
        lambda s: s.now is Stands.CANCELLED and s.changed is Changed.NOTHING,
        _follow(Step.KEEP),
    ),
    Rule(
        "cancelled, and changed in the source, which does not call it cancelled",
        lambda s: s.now is Stands.CANCELLED,
        _cancelled_and_changed,
    ),
)

RULES = _ABSENT + _DELETED + _DRAFTS + _SUBMITTED + _CANCELLED
"""Tried in order: the first that applies decides."""
