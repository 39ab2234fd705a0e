"""Every situation of a document that can be submitted, and every policy that the transition table looks at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from syncd.core.lifecycle import Asked, Changed, Policy, Situation, Stands
from syncd.core.model import Direction
from syncd.core.spec import ChangedAfterSubmit, DraftVoided, LifecycleSpec, Reopened, SourceDeleted

WORDS = {"field": "status", "draft": ("pending",), "submitted": ("paid", "shipped"), "cancelled": ("void",)}


def situations() -> list[Situation]:
    """All of them, those that no run can meet among them."""
    parts = (Stands, Stands, Asked, Asked, Changed, (False, True))
    return [
        Situation(before=before, now=now, asked_before=was, asked=asked, changed=changed, ours=ours)
        for before, now, was, asked, changed, ours in product(*parts)
    ]


def is_met(situation: Situation) -> bool:
    """Whether a run can meet it: a pair that ended is not decided on, and nothing was asked before the first look."""
    return (
        situation.before is not Stands.DELETED
        and situation.asked_before is not Asked.DELETED
        and not (situation.first and situation.asked_before is not Asked.UNSAID)
        and not (situation.now is Stands.ABSENT and not situation.first)
    )


def policies(directions: tuple[Direction, ...] = (Direction.BOTH,)) -> Iterator[Policy]:
    """All policies that decide about the state of a document."""
    keys = (ChangedAfterSubmit, Reopened, DraftVoided, SourceDeleted, directions)
    for changed_after_submit, reopened, draft_voided, source_deleted, direction in product(*keys):
        lifecycle = LifecycleSpec(
            **WORDS, changed_after_submit=changed_after_submit, reopened=reopened, draft_voided=draft_voided
        )
        yield Policy(lifecycle=lifecycle, source_deleted=source_deleted, direction=direction)
