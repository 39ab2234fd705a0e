"""Documents that can be submitted, as values: where one stands, what is asked of it, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from syncd.core.model import Direction
from syncd.core.spec import LifecycleSpec, SourceDeleted


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


_LEADS_TO = {
    Step.CREATE_DRAFT: Stands.DRAFT,
    Step.CREATE_SUBMITTED: Stands.SUBMITTED,
    Step.SUBMIT: Stands.SUBMITTED,
    Step.CANCEL: Stands.CANCELLED,
    Step.AMEND: Stands.SUBMITTED,
    Step.AMEND_DRAFT: Stands.DRAFT,
    Step.DELETE: Stands.DELETED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One document. `before` are both sides at the last agreement; ABSENT and UNSAID where there was none."""

    before: Stands
    now: Stands
    asked_before: Asked
    asked: Asked
    changed: Changed
    ours: bool = False
    """syncd's own user wrote the document last. Where it does not stand as it did, that is a transition of syncd's own
    that was cut short (cancelled and not amended yet, an amendment that waits as a draft), not the will of a person."""

    @property
    def first(self) -> bool:
        """Whether both sides never agreed yet."""
        return self.before is Stands.ABSENT

    @property
    def cut_short(self) -> bool:
        """Whether syncd began to change the document's state, and did not get to record it."""
        return not self.first and self.ours and self.now is not self.before

    @property
    def moved(self) -> bool:
        """Whether the source asks for something else than it did."""
        return self.first or self.asked is not self.asked_before

    @property
    def by_person(self) -> bool:
        """Whether somebody changed the document's state in ERPNext."""
        return not self.first and not self.ours and self.now is not self.before

    @property
    def agrees(self) -> bool:
        """Whether the source's word is the document's state already."""
        return self.asked.value == self.now.value

    @property
    def news(self) -> bool:
        """Whether the source is to be told where the document stands: it moved since, or both sides meet first, and the
        source's word says something else or is empty. What neither side moved stays, as with fields."""
        return not self.agrees and (self.first or self.now is not self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the mapping says about it."""

    lifecycle: LifecycleSpec
    source_deleted: SourceDeleted = SourceDeleted.IGNORE
    direction: Direction = Direction.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What is to be done. `tell`: the source is given the word for where the document stands then (`after`)."""

    step: Step
    tell: bool = False
    reason: str = ""
    """Why it is held, in a conflict, taken away, or ended; for people."""
    rule: str = ""

    def after(self, now: Stands) -> Stands:
        """Where a document that stands at `now` stands once the step is done."""
        return _LEADS_TO.get(self.step, now)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    told: str
    applies: Callable[[Situation], bool]
    answer: Callable[[Situation, Policy], Transition]
