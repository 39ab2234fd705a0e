"""The transition table of documents that can be submitted: every combination, its rules one by one, its laws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from syncd.core.lifecycle import (
    RULES,
    STANDS,
    Asked,
    Changed,
    Policy,
    Situation,
    Stands,
    Step,
    Transition,
    asked_for,
    decided,
    transition,
    unknown_word,
    word_for,
)
from syncd.core.model import Direction
from syncd.core.spec import ChangedAfterSubmit, DraftVoided, LifecycleSpec, Reopened, SourceDeleted
from tests.core.combinations import WORDS, is_met, policies, situations

ABSENT, DRAFT, SUBMITTED, CANCELLED, DELETED = Stands
TO_SOURCE = (Direction.TO_SOURCE,)
HOLD_AFTER, AMEND_AFTER, ERPNEXT_AFTER = ChangedAfterSubmit

ALL = situations()
MET = [situation for situation in ALL if is_met(situation)]
POLICIES = list(policies())
FOUND = [(situation, policy, transition(situation, policy)) for situation in MET for policy in POLICIES]
"""Everything that a run can meet, under every policy."""

OPEN = frozenset({Step.HOLD, Step.CONFLICT})
TAKES = frozenset({Step.CANCEL, Step.DELETE, Step.AMEND, Step.AMEND_DRAFT})
"""Steps after which the document is not there any more as it was."""


def policy(**given: Any) -> Policy:
    outer = {name: given.pop(name) for name in ("source_deleted", "direction") if name in given}
    return Policy(lifecycle=LifecycleSpec(**{**WORDS, **given}), **outer)


def at(
    before: Stands,
    now: Stands,
    was: str,
    asks: str,
    changed: Changed = Changed.NOTHING,
    *,
    ours: bool = False,
) -> Situation:
    return Situation(before=before, now=now, asked_before=Asked(was), asked=Asked(asks), changed=changed, ours=ours)


# Every combination ----------------------------------------------------------------------------------------------------


def test_every_combination_has_a_row(capsys) -> None:
    """The full product, with the combinations that cannot occur, under every policy and both kinds of direction."""
    count = 0
    for situation, each in product(ALL, policies((Direction.BOTH, *TO_SOURCE))):
        assert transition(situation, each).rule
        count += 1
    with capsys.disabled():
        print(f"\ntransition table: {len(RULES)} rules, {len(ALL)} situations, {count} combinations with the policies")
    assert (len(ALL), count) == (5400, 518_400)


def test_each_rule_decides_something_that_can_occur() -> None:
    told = [rule.told for rule in RULES]
    assert len(set(told)) == len(told), "each is told apart"
    hit = Counter(found.rule for _, _, found in FOUND)
    assert [rule for rule in told if not hit[rule]] == []


def test_each_rule_decides_what_would_be_decided_otherwise_without_it() -> None:
    """A rule that could be taken out without a change says nothing."""
    idle = []
    for number, rule in enumerate(RULES):
        mine = [s for s in MET if next(each for each in RULES if each.applies(s)) is rule]
        rest = RULES[:number] + RULES[number + 1 :]
        following = [(s, next((each for each in rest if each.applies(s)), None)) for s in mine]
        if all(
            after is not None and all(after.answer(s, p) == rule.answer(s, p) for p in POLICIES)
            for s, after in following
        ):
            idle.append(rule.told)
    assert idle == []


def test_what_is_held_ended_or_taken_away_says_why() -> None:
    mute = {
        found.rule
        for situation, _, found in FOUND
        if found.step in {Step.HOLD, Step.CONFLICT, Step.END, Step.DELETE}
        and not found.reason
        and situation.asked is not Asked.UNKNOWN
    }
    assert mute == set()


# The rows of design.md and those between them ------------------------------------------------------------------------

NOTHING, ALLOWED, OTHERS = Changed
ROWS: list[tuple[str, Situation, dict[str, Any], Step, bool]] = [
    ("absent, cancelled", at(ABSENT, ABSENT, "unsaid", "cancelled"), {}, Step.END, False),
    ("absent, deleted", at(ABSENT, ABSENT, "unsaid", "deleted"), {}, Step.END, False),
    ("absent, submitted", at(ABSENT, ABSENT, "unsaid", "submitted"), {}, Step.CREATE_SUBMITTED, False),
    ("absent, draft", at(ABSENT, ABSENT, "unsaid", "draft"), {}, Step.CREATE_DRAFT, False),
    ("absent, nothing said", at(ABSENT, ABSENT, "unsaid", "unsaid"), {}, Step.CREATE_DRAFT, False),
    ("absent, an unknown word", at(ABSENT, ABSENT, "unsaid", "unknown"), {}, Step.HOLD, False),
    ("draft, draft", at(DRAFT, DRAFT, "draft", "draft", OTHERS), {}, Step.MERGE, False),
    ("draft, nothing said", at(DRAFT, DRAFT, "unsaid", "unsaid", OTHERS), {}, Step.MERGE, False),
    ("draft, submitted", at(DRAFT, DRAFT, "draft", "submitted", OTHERS), {}, Step.SUBMIT, False),
    ("a draft that was refused before", at(DRAFT, DRAFT, "unsaid", "submitted"), {}, Step.SUBMIT, False),
    ("a draft that the source called submitted all along", at(DRAFT, DRAFT, "submitted", "submitted"), {},
     Step.HOLD, False),
    ("draft, cancelled", at(DRAFT, DRAFT, "draft", "cancelled"), {}, Step.DELETE, False),
    ("draft, cancelled, held", at(DRAFT, DRAFT, "draft", "cancelled"), {"draft_voided": DraftVoided.HOLD},
     Step.HOLD, False),
    ("a draft let stand", at(DRAFT, DRAFT, "cancelled", "cancelled", OTHERS), {}, Step.MERGE, False),
    ("submitted, allowed fields", at(SUBMITTED, SUBMITTED, "submitted", "submitted", ALLOWED), {}, Step.MERGE, False),
    ("submitted, other fields", at(SUBMITTED, SUBMITTED, "submitted", "submitted", OTHERS), {}, Step.HOLD, False),
    ("submitted, other fields, amended", at(SUBMITTED, SUBMITTED, "submitted", "submitted", OTHERS),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, False),
    ("submitted, other fields, overwritten", at(SUBMITTED, SUBMITTED, "submitted", "submitted", OTHERS),
     {"changed_after_submit": ERPNEXT_AFTER}, Step.ERPNEXT_WINS, False),
    ("submitted, nothing said, other fields", at(SUBMITTED, SUBMITTED, "unsaid", "unsaid", OTHERS), {},
     Step.HOLD, False),
    ("submitted, the column was emptied", at(SUBMITTED, SUBMITTED, "submitted", "unsaid"), {}, Step.MERGE, False),
    ("submitted, cancelled", at(SUBMITTED, SUBMITTED, "submitted", "cancelled", OTHERS), {}, Step.CANCEL, False),
    ("submitted, reopened", at(SUBMITTED, SUBMITTED, "submitted", "draft", OTHERS), {}, Step.HOLD, False),
    ("submitted, reopened, amended", at(SUBMITTED, SUBMITTED, "submitted", "draft"), {"reopened": Reopened.AMEND},
     Step.AMEND_DRAFT, False),
    ("cancelled, submitted again", at(CANCELLED, CANCELLED, "cancelled", "submitted"), {}, Step.HOLD, False),
    ("cancelled, submitted again, amended", at(CANCELLED, CANCELLED, "cancelled", "submitted"),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, False),
    ("cancelled, submitted again, overwritten", at(CANCELLED, CANCELLED, "cancelled", "submitted"),
     {"changed_after_submit": ERPNEXT_AFTER}, Step.ERPNEXT_WINS, True),
    ("cancelled, draft again", at(CANCELLED, CANCELLED, "cancelled", "draft"), {"reopened": Reopened.AMEND},
     Step.AMEND_DRAFT, False),
    ("cancelled, cancelled, fields changed", at(CANCELLED, CANCELLED, "cancelled", "cancelled", OTHERS), {},
     Step.KEEP, False),
    ("cancelled, nothing said, fields changed", at(CANCELLED, CANCELLED, "unsaid", "unsaid", ALLOWED), {},
     Step.HOLD, False),
    # What people did in ERPNext.
    ("submitted by a person, unchanged", at(DRAFT, SUBMITTED, "draft", "draft"), {}, Step.MERGE, True),
    ("submitted by a person, allowed fields", at(DRAFT, SUBMITTED, "draft", "draft", ALLOWED), {}, Step.MERGE, True),
    ("submitted by a person, other fields", at(DRAFT, SUBMITTED, "draft", "draft", OTHERS), {}, Step.HOLD, False),
    ("submitted by a person, other fields, amended", at(DRAFT, SUBMITTED, "draft", "draft", OTHERS),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, True),
    ("submitted by a person, and by the source", at(DRAFT, SUBMITTED, "draft", "submitted"), {}, Step.MERGE, False),
    ("submitted by a person, cancelled", at(DRAFT, SUBMITTED, "draft", "cancelled"), {}, Step.CONFLICT, False),
    ("submitted by a person, an empty column", at(DRAFT, SUBMITTED, "unsaid", "unsaid"), {}, Step.MERGE, True),
    ("submitted by a person and never told", at(SUBMITTED, SUBMITTED, "draft", "draft"), {}, Step.MERGE, False),
    ("cancelled by a person, unchanged", at(SUBMITTED, CANCELLED, "submitted", "submitted"), {}, Step.KEEP, True),
    ("cancelled by a person, an empty column", at(SUBMITTED, CANCELLED, "unsaid", "unsaid"), {}, Step.KEEP, True),
    ("cancelled by a person, fields changed", at(SUBMITTED, CANCELLED, "submitted", "submitted", ALLOWED), {},
     Step.CONFLICT, False),
    ("cancelled by a person, reopened", at(SUBMITTED, CANCELLED, "submitted", "draft"), {}, Step.CONFLICT, False),
    ("cancelled by a person, and by the source", at(SUBMITTED, CANCELLED, "submitted", "cancelled"), {},
     Step.KEEP, False),
    ("submitted and cancelled by a person", at(DRAFT, CANCELLED, "draft", "draft"), {}, Step.KEEP, True),
    ("amended by a person", at(CANCELLED, SUBMITTED, "cancelled", "cancelled"), {}, Step.MERGE, True),
    ("amended by a person, between two looks", at(SUBMITTED, SUBMITTED, "submitted", "submitted"), {},
     Step.MERGE, False),
    ("amended by a person as a draft", at(SUBMITTED, DRAFT, "submitted", "submitted", OTHERS), {}, Step.MERGE, True),
    ("amended as a draft after it was told cancelled", at(CANCELLED, DRAFT, "cancelled", "cancelled"), {},
     Step.MERGE, True),
    ("amended as a draft, cancelled in the source", at(SUBMITTED, DRAFT, "submitted", "cancelled"), {},
     Step.CONFLICT, False),
    ("amended as a draft, reopened in the source", at(SUBMITTED, DRAFT, "submitted", "draft"), {}, Step.MERGE, False),
    # Both meet first.
    ("first: submitted on both sides", at(ABSENT, SUBMITTED, "unsaid", "submitted"), {}, Step.MERGE, False),
    ("first: a draft to submit", at(ABSENT, DRAFT, "unsaid", "submitted"), {}, Step.SUBMIT, False),
    ("first: a draft that the source cancelled", at(ABSENT, DRAFT, "unsaid", "cancelled"), {}, Step.HOLD, False),
    ("first: submitted, the source's is a draft", at(ABSENT, SUBMITTED, "unsaid", "draft"), {}, Step.CONFLICT, False),
    ("first: cancelled, the source's is not", at(ABSENT, CANCELLED, "unsaid", "submitted"), {}, Step.CONFLICT, False),
    ("first: cancelled on both sides", at(ABSENT, CANCELLED, "unsaid", "cancelled", OTHERS), {}, Step.KEEP, False),
    ("first: an empty column is filled", at(ABSENT, SUBMITTED, "unsaid", "unsaid"), {}, Step.MERGE, True),
    # Deletions.
    ("deleted in ERPNext", at(DRAFT, DELETED, "draft", "draft"), {}, Step.DELETION, False),
    ("deleted in ERPNext, an unknown word", at(DRAFT, DELETED, "draft", "unknown"), {}, Step.DELETION, False),
    ("deleted on both sides", at(SUBMITTED, DELETED, "submitted", "deleted"),
     {"source_deleted": SourceDeleted.CANCEL}, Step.END, False),
    ("draft, deleted", at(DRAFT, DRAFT, "draft", "deleted"), {}, Step.END, False),
    ("draft, deleted, delete", at(DRAFT, DRAFT, "draft", "deleted"), {"source_deleted": SourceDeleted.DELETE},
     Step.DELETE, False),
    ("draft, deleted, cancel", at(DRAFT, DRAFT, "draft", "deleted"), {"source_deleted": SourceDeleted.CANCEL},
     Step.DELETE, False),
    ("draft, deleted, cancel, voided drafts held", at(DRAFT, DRAFT, "draft", "deleted"),
     {"source_deleted": SourceDeleted.CANCEL, "draft_voided": DraftVoided.HOLD}, Step.HOLD, False),
    ("draft, deleted, disable", at(DRAFT, DRAFT, "draft", "deleted"), {"source_deleted": SourceDeleted.DISABLE},
     Step.END, False),
    ("submitted, deleted", at(SUBMITTED, SUBMITTED, "submitted", "deleted"), {}, Step.END, False),
    ("submitted, deleted, cancel", at(SUBMITTED, SUBMITTED, "submitted", "deleted"),
     {"source_deleted": SourceDeleted.CANCEL}, Step.CANCEL, False),
    ("submitted, deleted, delete", at(SUBMITTED, SUBMITTED, "submitted", "deleted"),
     {"source_deleted": SourceDeleted.DELETE}, Step.HOLD, False),
    ("submitted by a person, deleted, cancel", at(DRAFT, SUBMITTED, "draft", "deleted"),
     {"source_deleted": SourceDeleted.CANCEL}, Step.CONFLICT, False),
    ("amended as a draft, deleted, delete", at(SUBMITTED, DRAFT, "submitted", "deleted"),
     {"source_deleted": SourceDeleted.DELETE}, Step.CONFLICT, False),
    ("never agreed, deleted, cancel", at(ABSENT, SUBMITTED, "unsaid", "deleted"),
     {"source_deleted": SourceDeleted.CANCEL}, Step.CONFLICT, False),
    ("cancelled, deleted", at(CANCELLED, CANCELLED, "cancelled", "deleted"),
     {"source_deleted": SourceDeleted.DELETE}, Step.END, False),
    ("an unknown word", at(SUBMITTED, SUBMITTED, "submitted", "unknown", ALLOWED), {}, Step.HOLD, False),
    # What syncd itself began.
    ("cancelled, not amended yet", at(SUBMITTED, CANCELLED, "submitted", "submitted", OTHERS, ours=True),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, False),
    ("cancelled, not amended yet, nothing said", at(SUBMITTED, CANCELLED, "unsaid", "unsaid", ours=True),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, False),
    ("cancelled, not amended yet, still a draft in the source", at(DRAFT, CANCELLED, "draft", "draft", ours=True),
     {"changed_after_submit": AMEND_AFTER}, Step.AMEND, True),
    ("cancelled by a decision, not amended yet", at(SUBMITTED, CANCELLED, "submitted", "submitted", OTHERS, ours=True),
     {}, Step.HOLD, False),
    ("cancelled for the source", at(SUBMITTED, CANCELLED, "submitted", "cancelled", ours=True), {}, Step.KEEP, False),
    ("amended, not submitted yet", at(SUBMITTED, DRAFT, "submitted", "submitted", ours=True), {}, Step.SUBMIT, False),
    ("amended, not submitted yet, nothing said", at(SUBMITTED, DRAFT, "unsaid", "unsaid", ours=True), {},
     Step.SUBMIT, False),
    ("amended as a draft, as asked", at(SUBMITTED, DRAFT, "submitted", "draft", ours=True), {}, Step.MERGE, False),
    ("amended, the source not told yet", at(DRAFT, SUBMITTED, "draft", "draft", ours=True), {}, Step.MERGE, True),
    ("submitted, cancelled in the source since", at(DRAFT, SUBMITTED, "draft", "cancelled", ours=True), {},
     Step.CANCEL, False),
]  # fmt: skip


@pytest.mark.parametrize(("situation", "given", "step", "tell"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_row(situation: Situation, given: dict[str, Any], step: Step, tell: bool) -> None:
    assert is_met(situation)
    found = transition(situation, policy(**given))
    assert (found.step, found.tell) == (step, tell), found.rule


def test_each_rule_has_a_row_of_its_own() -> None:
    hit = {transition(situation, policy(**given)).rule for _, situation, given, _, _ in ROWS}
    assert [rule.told for rule in RULES if rule.told not in hit] == []


# Laws -----------------------------------------------------------------------------------------------------------------

POSSIBLE = {
    Step.CREATE_DRAFT: {ABSENT},
    Step.CREATE_SUBMITTED: {ABSENT},
    Step.MERGE: {DRAFT, SUBMITTED},
    Step.SUBMIT: {DRAFT},
    Step.CANCEL: {SUBMITTED},
    Step.AMEND: {SUBMITTED, CANCELLED},
    Step.AMEND_DRAFT: {SUBMITTED, CANCELLED},
    Step.DELETE: {DRAFT},
    Step.KEEP: {CANCELLED},
    Step.ERPNEXT_WINS: {SUBMITTED, CANCELLED},
    Step.DELETION: {DELETED},
    Step.END: set(Stands),
    Step.HOLD: {ABSENT, DRAFT, SUBMITTED, CANCELLED},
    Step.CONFLICT: {DRAFT, SUBMITTED, CANCELLED},
}
"""What ERPNext lets be done with a document: erpnext-api.md, docstatus (0 → 2 is refused, so is deleting 1)."""


def test_no_step_is_asked_of_erpnext_that_it_refuses() -> None:
    wrong = {(found.rule, situation.now) for situation, _, found in FOUND if situation.now not in POSSIBLE[found.step]}
    assert wrong == set()


def test_fields_that_a_submitted_document_does_not_let_change_are_never_merged() -> None:
    merged = {
        found.rule
        for situation, _, found in FOUND
        if found.step is Step.MERGE and situation.now is SUBMITTED and situation.changed is Changed.OTHERS
    }
    assert merged == set()


def test_what_a_person_did_in_erpnext_is_never_undone_unasked() -> None:
    """Only `changed_after_submit = "amend"` touches such a document, and only for fields that changed."""
    undone = [
        (situation, found)
        for situation, each, found in FOUND
        if situation.by_person
        and found.step in {*TAKES, Step.SUBMIT}
        and not (
            found.step is Step.AMEND
            and each.lifecycle.changed_after_submit is AMEND_AFTER
            and situation.changed is Changed.OTHERS
        )
    ]
    assert undone == []


def test_when_both_sides_meet_first_nothing_is_taken_away() -> None:
    taken = {
        found.rule
        for situation, each, found in FOUND
        if situation.first
        and found.step in TAKES
        and not (found.step is Step.AMEND and each.lifecycle.changed_after_submit is AMEND_AFTER)
    }
    assert taken == set()


def test_nothing_is_posted_or_taken_back_while_neither_side_moved() -> None:
    moved = {
        found.rule
        for situation, _, found in FOUND
        if not situation.moved
        and situation.now is situation.before
        and situation.changed is Changed.NOTHING
        and (found.step not in {Step.MERGE, Step.KEEP, Step.HOLD} or found.tell)
    }
    assert moved == set()


def test_the_source_is_told_only_what_its_word_does_not_say() -> None:
    """A list may hold several words for one state: the source's own is not replaced by the first."""
    wrong = {
        found.rule
        for situation, _, found in FOUND
        if found.tell and found.after(situation.now).value == situation.asked.value
    }
    assert wrong == set()


def test_nothing_is_told_of_what_waits_or_is_gone() -> None:
    assert {found.step for _, _, found in FOUND if found.tell} == {
        Step.MERGE,
        Step.KEEP,
        Step.AMEND,
        Step.ERPNEXT_WINS,
    }


def test_an_unknown_word_does_nothing() -> None:
    steps = {found.step for situation, _, found in FOUND if situation.asked is Asked.UNKNOWN}
    assert steps == {Step.HOLD, Step.DELETION}


STATES = {Asked.DRAFT: DRAFT, Asked.SUBMITTED: SUBMITTED, Asked.CANCELLED: CANCELLED}


def test_the_state_is_merged_as_a_field_is() -> None:
    """Of two sides that agreed: one moved, and the other follows or it is held by policy; both moved to one state, and
    they agree; both moved apart, and it is a conflict."""
    seen = Counter[str]()
    for situation, _, found in FOUND:
        before, now = situation.before, situation.now
        if situation.ours or now not in STANDS or situation.asked not in STATES or situation.changed is Changed.OTHERS:
            continue
        if STATES.get(situation.asked_before) is not before or situation.changed is Changed.ALLOWED:
            continue
        asked = STATES[situation.asked]
        if now is asked:
            assert (found.step, found.tell) == (Step.KEEP if now is CANCELLED else Step.MERGE, False), situation
            seen["agree"] += 1
        elif now is before:
            assert found.after(now) is asked or found.step is Step.HOLD or found.tell or found.step is Step.DELETE
            seen["source moved"] += 1
        elif asked is before:
            assert (found.step, found.tell) == (Step.KEEP if now is CANCELLED else Step.MERGE, True), situation
            seen["ERPNext moved"] += 1
        else:
            assert found.step is Step.CONFLICT, situation
            seen["both moved"] += 1
    assert len(seen) == 4


def test_a_mapping_to_the_source_writes_nothing_into_erpnext() -> None:
    for situation, each in product(MET, policies(TO_SOURCE)):
        found = transition(situation, each)
        if not (situation.first and situation.now is ABSENT):
            assert found.step in {Step.MERGE, Step.KEEP, Step.DELETION, Step.END}, situation
        if found.tell:
            assert not situation.agrees, situation
            assert situation.first or situation.now is not situation.before, "an edited word stays, as edits do"


def test_directions_that_reach_erpnext_decide_alike() -> None:
    for situation, each in product(MET[::7], POLICIES[::5]):
        assert transition(situation, each) == transition(situation, replace(each, direction=Direction.TO_ERPNEXT))


# Doing what is said, and asking again ---------------------------------------------------------------------------------


def afterwards(situation: Situation, found: Transition, *, told: bool = True) -> Situation:
    """The next look after the step was done; `told`: the source could be written."""
    stands = found.after(situation.now)
    asked = Asked(stands.value) if found.tell and told else situation.asked
    return Situation(
        before=stands, now=stands, asked_before=asked, asked=asked, changed=Changed.NOTHING, ours=situation.ours
    )


def goes_on(found: Transition) -> bool:
    """Whether there is a pair to look at again."""
    return found.step not in {*OPEN, Step.END, Step.DELETE, Step.DELETION}


def test_asked_again_there_is_nothing_to_do() -> None:
    for situation, each, found in FOUND:
        if goes_on(found) and situation.asked is not Asked.DELETED:
            again = transition(afterwards(situation, found), each)
            assert (again.step in {Step.MERGE, Step.KEEP}, again.tell) == (True, False), (situation, found, again)


def test_asked_again_nothing_is_written_where_the_source_cannot_be_told() -> None:
    for situation, each, found in FOUND:
        if goes_on(found) and situation.asked is not Asked.DELETED:
            again = transition(afterwards(situation, found, told=False), each)
            assert again.step in {Step.MERGE, Step.KEEP, Step.HOLD}, (situation, found, again)


def test_what_is_cut_short_is_taken_up_again() -> None:
    """syncd died after it had changed the document, before it recorded it: the next look does not fight it."""
    for situation, each, found in FOUND:
        if not goes_on(found) or found.after(situation.now) is situation.now or situation.now not in STANDS:
            continue
        if situation.asked is Asked.DELETED or situation.first:
            continue
        half = replace(situation, now=found.after(situation.now), ours=True, changed=Changed.NOTHING)
        again = transition(half, each)
        assert again.step in {Step.MERGE, Step.KEEP}, (situation, found, again)


# Decisions ------------------------------------------------------------------------------------------------------------


def open_ones() -> list[tuple[Situation, Policy, Transition]]:
    return [(s, p, found) for s, p, found in FOUND if found.step in OPEN and s.now in STANDS]


@pytest.mark.parametrize("erpnext", [True, False], ids=["for ERPNext", "for the source"])
def test_a_decision_can_be_carried_out_and_settles_it(erpnext: bool) -> None:
    cases = open_ones()
    assert cases
    for situation, each, _ in cases:
        found = decided(situation, erpnext=erpnext)
        assert found.step not in {*OPEN, Step.DELETION}, situation
        assert situation.now in POSSIBLE[found.step], situation
        if goes_on(found) and situation.asked not in {Asked.DELETED, Asked.UNKNOWN}:
            again = transition(afterwards(situation, found), each)
            assert (again.step in {Step.MERGE, Step.KEEP}, again.tell) == (True, False), (situation, found, again)


def test_decided_for_erpnext_the_document_stays_as_it_is() -> None:
    for situation, _, _ in open_ones():
        found = decided(situation, erpnext=True)
        assert found.step in {Step.MERGE, Step.ERPNEXT_WINS, Step.END}, situation
        assert found.step is not Step.MERGE or situation.now is DRAFT or situation.changed is not Changed.OTHERS
        if found.step is not Step.END:
            assert found.tell is not situation.agrees, "the source's own word for the same state stays"


def test_decided_for_the_source_the_document_is_what_it_says() -> None:
    for situation, _, _ in open_ones():
        found = decided(situation, erpnext=False)
        assert not found.tell
        if situation.asked in STATES:
            wanted = (
                DELETED if (situation.asked, situation.now) == (Asked.CANCELLED, DRAFT) else STATES[situation.asked]
            )
            assert found.after(situation.now) is wanted, situation
        if situation.changed is Changed.OTHERS and situation.now is SUBMITTED:
            assert found.step is not Step.MERGE, "its fields get there by an amendment only"


@pytest.mark.parametrize(
    ("now", "erpnext", "source"),
    [(DRAFT, Step.END, Step.DELETE), (SUBMITTED, Step.END, Step.CANCEL), (CANCELLED, Step.END, Step.END)],
)
def test_decisions_on_what_the_source_deleted(now: Stands, erpnext: Step, source: Step) -> None:
    situation = at(now, now, "draft", "deleted")
    assert (decided(situation, erpnext=True).step, decided(situation, erpnext=False).step) == (erpnext, source)


def test_nothing_is_decided_about_a_document_that_is_not_there() -> None:
    with pytest.raises(LookupError, match="no document"):
        decided(at(ABSENT, ABSENT, "unsaid", "unknown"), erpnext=True)


# Words ----------------------------------------------------------------------------------------------------------------

SPEC = LifecycleSpec(field="status", draft=("0", "pending"), submitted=("1", "paid"), cancelled=("2", "True"))


@pytest.mark.parametrize(
    ("raw", "asked", "why"),
    [
        ("pending", Asked.DRAFT, "a word of a list"),
        (1, Asked.SUBMITTED, "a number, as the list writes it"),
        (True, Asked.SUBMITTED, "a truth value is 1, and not the text True"),
        (False, Asked.DRAFT, "a truth value is 0"),
        ("True", Asked.CANCELLED, "the text True"),
        (None, Asked.UNSAID, "an empty column"),
        ("  ", Asked.UNSAID, "blank text is empty, too"),
        ("Paid", Asked.UNKNOWN, "words compare exactly"),
        (3, Asked.UNKNOWN, "a number of no list"),
    ],
)
def test_what_a_value_asks_for(raw: Any, asked: Asked, why: str) -> None:
    assert asked_for(SPEC, raw) is asked, why


def test_a_record_that_is_gone_and_a_mapping_that_names_no_column() -> None:
    assert asked_for(SPEC, "paid", deleted=True) is Asked.DELETED
    assert asked_for(LifecycleSpec(), "paid") is Asked.UNSAID


def test_words_for_the_source() -> None:
    assert [word_for(SPEC, docstatus) for docstatus in range(3)] == ["0", "1", "2"]
    assert word_for(LifecycleSpec(), 1) is None
    assert word_for(replace(SPEC, cancelled=()), 2) is None


def test_an_unknown_word_is_named_with_the_lists() -> None:
    text = unknown_word(SPEC, "shiped")
    assert "status" in text
    assert "shiped" in text
    assert all(word in text for word in ("pending", "paid", "True"))
