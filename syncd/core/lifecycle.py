"""Documents that can be submitted: what is to be done, as one pure table.

A situation is what the document was when both sides agreed last, what it is now, what the source asks for, and what the
source changed. `RULES` are tried in order; the first that applies decides. Every combination has one (a test goes
through all of them), and each rule says in words what it is for: the documentation's table is made from them. The rules
are design.md's, "Transitions of submittable documents", and the contract's `[lifecycle]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from syncd.core.model import Raw
from syncd.core.spec import (
    ChangedAfterSubmit,
    DraftVoided,
    LifecycleSpec,
    Reopened,
    SourceDeleted,
)
from syncd.core.values import quote


class Stands(Enum):
    """Where a document stands in ERPNext."""

    ABSENT = "absent"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    CANCELLED = "cancelled"
    DELETED = "deleted"


STANDS = (Stands.DRAFT, Stands.SUBMITTED, Stands.CANCELLED)
"""By docstatus."""


class Asked(Enum):
    """What the source asks for."""

    UNSAID = "unsaid"
    """The mapping names no column for it, or the column is empty."""
    DRAFT = "draft"
    SUBMITTED = "submitted"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """The column holds a value that stands in none of the lists."""
    DELETED = "deleted"
    """The source's record is gone."""


class Changed(Enum):
    """What the source changed since both sides agreed, of what flows into ERPNext."""

    NOTHING = "nothing"
    ALLOWED = "allowed"
    """Only fields that ERPNext lets change after submission."""
    OTHERS = "others"


class Step(Enum):
    """What is done with a document."""

    CREATE_DRAFT = "create a draft"
    CREATE_SUBMITTED = "create and submit"
    MERGE = "merge fields"
    SUBMIT = "submit, with merged fields"
    CANCEL = "cancel"
    AMEND = "amend and submit"
    AMEND_DRAFT = "amend, as a draft"
    DELETE = "delete the draft"
    KEEP = "write nothing into ERPNext"
    """Values flow to the source; what the source changed counts as seen."""
    ERPNEXT_WINS = "give the source ERPNext's values"
    DELETION = "as any deletion in ERPNext"
    END = "end the pair"
    HOLD = "hold"
    CONFLICT = "conflict"
    """Both sides changed the document's state: `wins` or a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One document. `before` are both sides at the last agreement; ABSENT and UNSAID where there was none."""

    before: Stands
    now: Stands
    asked_before: Asked
    asked: Asked
    changed: Changed

    @property
    def first(self) -> bool:
        """Whether both sides never agreed yet."""
        return self.before is Stands.ABSENT

    @property
    def moved(self) -> bool:
        """Whether the source asks for something else than it did."""
        return self.first or self.asked is not self.asked_before

    @property
    def by_person(self) -> bool:
        """Whether somebody changed the document's state in ERPNext."""
        return not self.first and self.now is not self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the mapping says about it."""

    lifecycle: LifecycleSpec
    source_deleted: SourceDeleted = SourceDeleted.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What is to be done. `tell`: the source is given the word for where the document stands then."""

    step: Step
    tell: bool = False
    reason: str = ""
    """Why it is held, in a conflict, or ended; for people."""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    told: str
    applies: Callable[[Situation], bool]
    answer: Callable[[Situation, Policy], Transition]


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
    for rule in RULES:
        if rule.applies(situation):
            found = rule.answer(situation, policy)
            return Transition(step=found.step, tell=found.tell, reason=found.reason, rule=rule.told)
    raise LookupError(f"no row of the transition table for {situation}")


def decided(situation: Situation, *, erpnext: bool) -> Transition:
    """What is done once a person (or `wins`) decided about a HOLD or CONFLICT: for ERPNext, or for the source."""
    if erpnext or situation.asked is Asked.UNKNOWN:
        submitted = situation.now is Stands.SUBMITTED and situation.changed is Changed.OTHERS
        keep = Step.ERPNEXT_WINS if submitted or situation.now is Stands.CANCELLED else Step.MERGE
        return Transition(step=keep, tell=True, rule="decided for ERPNext")
    asks = {Asked.CANCELLED: Step.CANCEL, Asked.DRAFT: Step.AMEND_DRAFT, Asked.DELETED: Step.CANCEL}
    if situation.now is Stands.DRAFT:
        asks = {Asked.SUBMITTED: Step.SUBMIT, Asked.CANCELLED: Step.DELETE, Asked.DELETED: Step.DELETE}
    elif situation.now is Stands.CANCELLED:
        asks = {Asked.CANCELLED: Step.KEEP, Asked.DRAFT: Step.AMEND_DRAFT, Asked.DELETED: Step.END}
    usual = Step.MERGE if situation.now is Stands.DRAFT else Step.AMEND
    if situation.now is Stands.SUBMITTED and situation.before is Stands.DRAFT and situation.asked is Asked.DRAFT:
        usual = Step.AMEND_DRAFT
    return Transition(step=asks.get(situation.asked, usual), rule="decided for the source")


def _is(*steps: Step, tell: bool = False, reason: str = "") -> Callable[[Situation, Policy], Transition]:
    [step] = steps
    return lambda _situation, _policy: Transition(step=step, tell=tell, reason=reason)


def _draft_voided(_situation: Situation, policy: Policy) -> Transition:
    if policy.lifecycle.draft_voided is DraftVoided.DELETE:
        return Transition(step=Step.DELETE, reason="cancelled in the source while still a draft")
    return Transition(step=Step.HOLD, reason="cancelled in the source, and still a draft in ERPNext")


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


def _after_submit(situation: Situation, policy: Policy) -> Transition:
    """`changed_after_submit`."""
    tells = situation.asked is Asked.DRAFT
    choice = policy.lifecycle.changed_after_submit
    if choice is ChangedAfterSubmit.AMEND:
        return Transition(step=Step.AMEND, tell=tells)
    if choice is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=tells)
    return Transition(
        step=Step.HOLD, tell=tells, reason="the source changed fields that ERPNext does not let change after submission"
    )


def _submitted_again(_situation: Situation, policy: Policy) -> Transition:
    choice = policy.lifecycle.changed_after_submit
    if choice is ChangedAfterSubmit.AMEND:
        return Transition(step=Step.AMEND)
    if choice is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=True)
    return Transition(step=Step.HOLD, reason="the source asks for it again, but it is cancelled in ERPNext")


def _reopened(situation: Situation, policy: Policy) -> Transition:
    if policy.lifecycle.reopened is Reopened.AMEND:
        return Transition(step=Step.AMEND_DRAFT)
    state = "cancelled" if situation.now is Stands.CANCELLED else "submitted"
    return Transition(step=Step.HOLD, reason=f"the source went back to draft, but it is {state} in ERPNext")


def _cancelled_and_changed(situation: Situation, policy: Policy) -> Transition:
    if policy.lifecycle.changed_after_submit is ChangedAfterSubmit.ERPNEXT:
        return Transition(step=Step.ERPNEXT_WINS, tell=situation.asked is not Asked.UNSAID)
    return Transition(step=Step.HOLD, reason="the source changed it, but it is cancelled in ERPNext")


_STATE_CONFLICT = "both sides changed what state it is in"

RULES: tuple[Rule, ...] = (
    # There is no document.
    Rule(
        "no document, and none is there any more: nothing is created",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked in {Asked.CANCELLED, Asked.DELETED},
        _is(Step.END, reason="cancelled before it was ever made"),
    ),
    Rule(
        "no document; the source asks for a submitted one",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked is Asked.SUBMITTED,
        _is(Step.CREATE_SUBMITTED),
    ),
    Rule(
        "no document; the source asks for a draft, or says nothing of states",
        lambda s: s.now is Stands.ABSENT and s.first and s.asked in {Asked.DRAFT, Asked.UNSAID},
        _is(Step.CREATE_DRAFT),
    ),
    Rule(
        "no document, and a word that stands in none of the lists",
        lambda s: s.now is Stands.ABSENT and s.first,
        _is(Step.HOLD),
    ),
    Rule(
        "gone on both sides",
        lambda s: s.now in {Stands.DELETED, Stands.ABSENT} and s.asked is Asked.DELETED,
        _is(Step.END, reason="deleted on both sides"),
    ),
    Rule(
        "deleted in ERPNext",
        lambda s: s.now in {Stands.DELETED, Stands.ABSENT},
        _is(Step.DELETION),
    ),
    # The source's record is gone.
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
        lambda s: s.asked is Asked.DELETED,
        _is(Step.END, reason="deleted in the source"),
    ),
    Rule(
        "a word that stands in none of the lists",
        lambda s: s.asked is Asked.UNKNOWN,
        _is(Step.HOLD),
    ),
    # Drafts.
    Rule(
        "a draft on both sides, or the source says nothing of states",
        lambda s: s.now is Stands.DRAFT and s.asked in {Asked.DRAFT, Asked.UNSAID},
        _is(Step.MERGE),
    ),
    Rule(
        "a draft; the source asks for a submitted document",
        lambda s: s.now is Stands.DRAFT and s.asked is Asked.SUBMITTED,
        _is(Step.SUBMIT),
    ),
    Rule(
        "a draft of a person that the source calls cancelled when both meet first: never deleted unasked",
        lambda s: s.now is Stands.DRAFT and s.first,
        _is(Step.HOLD, reason="cancelled in the source, but a draft in ERPNext that syncd did not make"),
    ),
    Rule(
        "a draft; cancelled in the source",
        lambda s: s.now is Stands.DRAFT,
        _draft_voided,
    ),
    # Submitted documents.
    Rule(
        "submitted on both sides, or the source says nothing of states; nothing or only allowed fields changed",
        lambda s: (
            s.now is Stands.SUBMITTED and s.asked in {Asked.SUBMITTED, Asked.UNSAID} and s.changed is not Changed.OTHERS
        ),
        _is(Step.MERGE),
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
        "submitted, as it was; the source now calls it cancelled",
        lambda s: s.now is Stands.SUBMITTED and s.asked is Asked.CANCELLED and not s.by_person and s.moved,
        _is(Step.CANCEL),
    ),
    Rule(
        "submitted, as it was; the source went back to draft",
        lambda s: s.now is Stands.SUBMITTED and s.asked is Asked.DRAFT and not s.by_person and s.moved,
        _reopened,
    ),
    Rule(
        "submitted (or amended) in ERPNext by a person, while the source changed its state as well",
        lambda s: s.now is Stands.SUBMITTED and s.by_person and s.moved,
        _is(Step.CONFLICT, reason=_STATE_CONFLICT),
    ),
    Rule(
        "submitted (or amended) in ERPNext by a person; the source changed other fields",
        lambda s: s.now is Stands.SUBMITTED and s.changed is Changed.OTHERS,
        _after_submit,
    ),
    Rule(
        "submitted (or amended) in ERPNext by a person; the source is told",
        lambda s: s.now is Stands.SUBMITTED,
        _is(Step.MERGE, tell=True),
    ),
    # Cancelled documents.
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
        "cancelled in ERPNext by a person; nothing changed in the source, which is told",
        lambda s: (
            s.now is Stands.CANCELLED
            and s.by_person
            and not s.moved
            and s.changed is Changed.NOTHING
            and s.asked is not Asked.UNSAID
        ),
        _is(Step.KEEP, tell=True),
    ),
    Rule(
        "cancelled in ERPNext by a person, changed in the source as well",
        lambda s: s.now is Stands.CANCELLED and s.by_person and s.asked is not Asked.UNSAID,
        _is(Step.CONFLICT, reason="cancelled in ERPNext, changed in the source"),
    ),
    Rule(
        "cancelled; the source asks for a submitted document again",
        lambda s: s.now is Stands.CANCELLED and s.asked is Asked.SUBMITTED and s.moved,
        _submitted_again,
    ),
    Rule(
        "cancelled; the source went back to draft",
        lambda s: s.now is Stands.CANCELLED and s.asked is Asked.DRAFT and s.moved,
        _reopened,
    ),
    Rule(
        "cancelled, and nothing changed in the source",
        lambda s: s.now is Stands.CANCELLED and s.changed is Changed.NOTHING,
        _is(Step.KEEP),
    ),
    Rule(
        "cancelled, and changed in the source, which does not call it cancelled",
        lambda s: s.now is Stands.CANCELLED,
        _cancelled_and_changed,
    ),
)
