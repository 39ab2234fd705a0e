"""Transitions that ERPNext refuses: held with the reason, asked again when it may help, decided by a person."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from syncd.core.mapping import ChangedAfterSubmit, SourceDeleted, SubmitFails
from syncd.core.model import Action, Side
from syncd.errors import BusyError, ExitCode, HeldError, RefusedError, StaleError
from tests.app.harness import lost_once

AMEND = ChangedAfterSubmit.AMEND
NO_RATE = "Account Income has no rate"


def no_rate(values):
    return NO_RATE if "wrong" in (values.get("title") or "") else ""


@contextmanager
def asked(world):
    """The calls that would write into ERPNext, refused ones too."""
    calls: list[str] = []

    def note(method, writes):
        calls.extend(write.action.value for write in writes if method in {"apply", "create"})

    before, world.erpnext.before = world.erpnext.before, note
    try:
        yield calls
    finally:
        world.erpnext.before = before


@pytest.fixture
def world(make_documents):
    made = make_documents(changed_after_submit=AMEND)
    made.erpnext.options.refuse_submit = no_rate
    made.erpnext.options.refusal = HeldError
    return made


def held_draft(world):
    """A document that was to be created and submitted, and stays a draft: (document, row)."""
    row = world.order("paid", "wrong", note="ring twice")
    counts = world.counts()
    assert (counts.created["erpnext"], counts.submitted, counts.held, counts.failed) == (1, 0, 1, 0)
    return world.name(row), row


def test_a_refused_create_and_submit_leaves_a_draft_that_is_held(world):
    document, row = held_draft(world)
    assert world.document(document) == (0, "wrong", "ring twice")
    assert world.pairs() == {row: document}
    [conflict] = world.conflicts()
    assert (conflict.kind, conflict.external_id, conflict.erpnext_name) == ("transition", row, document)
    assert conflict.pair is not None, "a person can decide on it"
    assert NO_RATE in conflict.text
    assert world.run().exit_code is ExitCode.ATTENTION


def test_a_held_transition_is_not_sent_again_in_every_pass(world):
    held_draft(world)
    with asked(world) as calls:
        for _ in range(3):
            assert world.counts().held == 1
    assert calls == []
    with asked(world) as calls:
        world.counts(full=True)
    assert calls == ["submit"], "a full pass asks once: what stood in its way may be gone"
    assert len(world.conflicts()) == 1
    with asked(world) as calls:
        world.counts()
    assert calls == []


@pytest.mark.parametrize("who", ["source", "erpnext"])
def test_it_is_sent_again_when_either_side_corrects_it(world, who):
    document, row = held_draft(world)
    if who == "source":
        world.source.edit(row, title="right")
    else:
        world.erpnext.edit(document, title="right")
    counts = world.counts()
    assert (counts.held, counts.submitted) == (0, 1)
    assert world.document(document) == (1, "right", "ring twice")
    assert world.shop(row) == ("paid", "right", "ring twice")
    assert world.conflicts() == []
    world.quiet(full=True)


def test_a_person_submits_what_was_held(world):
    document, row = held_draft(world)
    world.erpnext.submit(document)
    counts = world.counts()
    assert (counts.held, counts.submitted) == (0, 0)
    assert world.shop(row)[0] == "paid"
    assert world.conflicts() == []
    world.quiet(full=True)


@pytest.mark.parametrize("voided", ["in the source", "deleted in ERPNext"])
def test_what_was_held_and_is_wanted_no_more(world, voided):
    document, row = held_draft(world)
    if voided == "in the source":
        world.source.edit(row, state="void")
    else:
        world.made("paid", "Another")
        world.erpnext.delete(document)
    counts = world.counts(full=True)
    assert (counts.held, counts.ended) == (0, 1)
    assert document not in world.standing
    assert world.conflicts() == []
    world.quiet(full=True)


def test_taking_the_source_tries_again_and_taking_erpnext_keeps_the_draft(world):
    document, row = held_draft(world)
    world.resolve(Side.SOURCE)
    with asked(world) as calls:
        assert world.counts().held == 1
    assert calls == ["submit"], "tried once, and refused again"
    assert world.conflicts()[0].text.endswith("; the decision (take source) was tried, and refused")
    with asked(world) as calls:
        assert world.counts().held == 1
    assert calls == [], "a decision counts once"
    world.resolve(Side.ERPNEXT)
    counts = world.counts()
    assert (counts.held, counts.submitted) == (0, 0)
    assert world.document(document)[0] == 0
    assert world.shop(row)[0] == "pending", "the source is told"
    assert world.conflicts() == []
    world.quiet(full=True)


def test_once_the_reason_is_gone_taking_the_source_submits_it(world):
    document, row = held_draft(world)
    world.erpnext.options.refuse_submit = lambda _values: ""
    world.quiet()
    world.resolve(Side.SOURCE)
    assert world.counts().submitted == 1
    assert world.document(document)[0] == 1
    assert world.shop(row)[0] == "paid"
    assert world.conflicts() == []


def test_one_refused_document_does_not_stop_the_others_of_its_batch(world):
    rows = [world.order("paid", f"Order {number}") for number in range(20)]
    world.source.edit(rows[7], title="wrong")
    counts = world.counts()
    assert (counts.created["erpnext"], counts.submitted, counts.held) == (20, 19, 1)
    assert sorted(world.standing.values()) == [0] + [1] * 19
    assert len(world.pairs()) == 20


def test_what_is_refused_as_a_draft_as_well_has_failed(world):
    world.erpnext.options.check = no_rate
    row = world.order("paid", "wrong")
    counts = world.counts()
    assert (counts.failed, counts.held) == (1, 0)
    assert world.standing == {}
    [failure] = world.failures()
    assert (failure.external_id, failure.permanent) == (row, True)
    with asked(world) as calls:
        world.counts()
    assert calls == []
    world.source.edit(row, title="right")
    assert world.counts().submitted == 1
    assert world.failures() == []


def test_under_rollback_nothing_is_kept_and_every_run_tries_again(make_documents):
    world = make_documents(submit_fails=SubmitFails.ROLLBACK)
    world.erpnext.options.refuse_submit = no_rate
    row = world.order("paid", "wrong")
    counts = world.counts()
    assert (counts.failed, counts.held, counts.created["erpnext"]) == (1, 0, 0)
    assert world.standing == {}
    [failure] = world.failures()
    assert (failure.external_id, failure.permanent, NO_RATE in failure.error) == (row, False, True)
    with asked(world) as calls:
        world.counts()
    assert calls == ["create"]
    world.erpnext.options.refuse_submit = lambda _values: ""
    assert world.counts().submitted == 1
    assert list(world.standing.values()) == [1]
    assert world.failures() == []


def test_under_rollback_a_draft_that_cannot_be_submitted_stays_and_is_tried_again(make_documents):
    world = make_documents(submit_fails=SubmitFails.ROLLBACK)
    world.erpnext.options.refuse_submit = no_rate
    document, row = world.made("pending", "wrong")
    world.source.edit(row, state="paid")
    counts = world.counts()
    assert (counts.failed, counts.held) == (1, 0)
    assert world.standing == {document: 0}
    with asked(world) as calls:
        world.counts()
    assert calls == ["submit"]
    world.erpnext.options.refuse_submit = lambda _values: ""
    assert world.counts().submitted == 1
    assert world.failures() == []


def test_a_refused_submission_is_held_with_its_fields(world):
    document, row = world.made("pending", "Chairs")
    world.source.edit(row, state="paid", title="wrong", note="ring twice")
    counts = world.counts()
    assert (counts.held, counts.submitted) == (1, 0)
    assert world.document(document) == (0, "Chairs", None)
    [conflict] = world.conflicts()
    assert NO_RATE in conflict.text
    with asked(world) as calls:
        world.counts()
    assert calls == []
    world.source.edit(row, state="pending")
    counts = world.counts()
    assert (counts.held, counts.updated["erpnext"]) == (0, 1)
    assert world.document(document) == (0, "wrong", "ring twice")
    assert world.conflicts() == []


def linked(key):
    return "Payment Entry PE-1 refers to it"


def test_a_cancellation_that_other_documents_stand_against_is_held(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.options.hold_cancel = linked
    world.source.edit(row, state="void")
    counts = world.counts()
    assert (counts.held, counts.cancelled) == (1, 0)
    [conflict] = world.conflicts()
    assert conflict.kind == "transition"
    assert "PE-1" in conflict.text
    assert world.standing == {document: 1}
    with asked(world) as calls:
        for _ in range(3):
            world.counts()
    assert calls == []
    world.erpnext.options.hold_cancel = lambda _key: ""
    with asked(world) as calls:
        world.counts(full=True)
    assert calls == ["cancel"]
    assert world.standing == {document: 2}
    assert world.conflicts() == []
    world.quiet()


def test_taking_the_source_cancels_whatever_refers_to_it(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.options.hold_cancel = linked
    world.source.edit(row, state="void")
    world.counts()
    world.resolve(Side.SOURCE)
    counts = world.counts()
    assert (counts.held, counts.cancelled) == (0, 1)
    assert world.erpnext.writes[-1].forced
    assert world.standing == {document: 2}
    assert world.conflicts() == []


def test_taking_erpnext_undoes_what_the_source_asked(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.options.hold_cancel = linked
    world.source.edit(row, state="void")
    world.counts()
    world.resolve(Side.ERPNEXT)
    counts = world.counts()
    assert (counts.held, counts.cancelled) == (0, 0)
    assert world.standing == {document: 1}
    assert world.shop(row)[0] == "paid"
    world.quiet(full=True)


def test_the_source_takes_back_what_was_held(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.options.hold_cancel = linked
    world.source.edit(row, state="void")
    world.counts()
    world.source.edit(row, state="paid")
    assert world.counts().held == 0
    assert world.standing == {document: 1}
    assert world.conflicts() == []
    world.quiet(full=True)


def test_a_deleted_record_whose_document_cannot_be_cancelled(make_documents):
    world = make_documents(source_deleted=SourceDeleted.CANCEL)
    document, row = world.made("paid")
    world.made("paid", "Another")
    world.erpnext.options.hold_cancel = linked
    world.source.delete(row)
    counts = world.counts(full=True)
    assert (counts.held, counts.cancelled, counts.ended) == (1, 0, 0)
    assert "PE-1" in world.conflicts()[0].text
    with asked(world) as calls:
        world.counts()
    assert calls == []
    world.resolve(Side.SOURCE)
    counts = world.counts()
    assert (counts.held, counts.cancelled, counts.ended) == (0, 1, 1)
    assert world.standing[document] == 2
    world.quiet(full=True)


def test_a_deleted_record_whose_document_is_kept_by_a_person(make_documents):
    world = make_documents(source_deleted=SourceDeleted.CANCEL)
    document, row = world.made("paid")
    world.made("paid", "Another")
    world.erpnext.options.hold_cancel = linked
    world.source.delete(row)
    world.counts(full=True)
    world.resolve(Side.ERPNEXT)
    counts = world.counts()
    assert (counts.held, counts.cancelled, counts.ended) == (0, 0, 1)
    assert world.standing[document] == 1
    world.quiet(full=True)


def test_a_submitted_document_is_never_deleted_and_a_person_cancels_or_keeps_it(make_documents):
    for take, stands in ((Side.SOURCE, 2), (Side.ERPNEXT, 1)):
        world = make_documents(source_deleted=SourceDeleted.DELETE)
        document, row = world.made("paid")
        world.made("paid", "Another")
        world.source.delete(row)
        assert world.counts(full=True).held == 1
        assert "a submitted document is never deleted" in world.conflicts()[0].text
        world.resolve(take)
        counts = world.counts()
        assert (counts.held, counts.ended) == (0, 1)
        assert world.standing[document] == stands
        assert world.conflicts() == []
        world.quiet(full=True)


def test_a_refused_amendment_leaves_a_draft_and_the_pair_follows_it(world):
    document, row = world.made("paid")
    world.source.edit(row, title="wrong")
    counts = world.counts()
    assert counts.held == 1
    assert world.standing == {document: 2, f"{document}-1": 0}
    [conflict] = world.conflicts()
    assert NO_RATE in conflict.text
    assert world.shop(row)[0] == "paid", "the source is not told that it was cancelled"
    with asked(world) as calls:
        for _ in range(3):
            assert world.counts().held == 1
    assert calls == []
    world.source.edit(row, title="right")
    counts = world.counts()
    assert counts.held == 0
    assert world.standing == {document: 2, f"{document}-1": 1}
    assert world.name(row) == f"{document}-1"
    assert world.document(f"{document}-1")[1] == "right"
    assert world.shop(row)[:2] == ("paid", "right")
    assert world.conflicts() == []
    world.quiet(full=True)


def test_a_person_corrects_the_draft_of_a_refused_amendment(world):
    document, row = world.made("paid")
    world.source.edit(row, title="wrong")
    world.counts()
    world.erpnext.edit(f"{document}-1", title="corrected")
    world.erpnext.submit(f"{document}-1")
    counts = world.counts()
    assert counts.held == 0
    assert world.name(row) == f"{document}-1"
    assert world.shop(row)[:2] == ("paid", "corrected")
    world.quiet(full=True)


def test_an_amendment_that_other_documents_stand_against_is_held(world):
    document, row = world.made("paid")
    world.erpnext.options.hold_cancel = linked
    world.source.edit(row, title="Tables")
    assert world.counts().held == 1
    assert world.standing == {document: 1}
    assert "PE-1" in world.conflicts()[0].text
    world.resolve(Side.SOURCE)
    counts = world.counts()
    assert (counts.held, counts.amended) == (0, 1)
    assert world.standing == {document: 2, f"{document}-1": 1}
    world.quiet(full=True)


@pytest.mark.parametrize("take", list(Side))
def test_a_person_decides_about_a_change_after_submission(make_documents, take):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, title="Tables")
    world.erpnext.edit(document, remarks="theirs")
    assert world.counts().held == 1
    with asked(world) as calls:
        world.quiet()
    assert calls == []
    world.resolve(take)
    counts = world.counts()
    assert counts.held == 0
    title = "Tables" if take is Side.SOURCE else "Chairs"
    assert world.document(world.name(row))[1:] == (title, "theirs")
    assert world.shop(row) == ("paid", title, "theirs")
    assert counts.amended == int(take is Side.SOURCE)
    world.quiet(full=True)


@pytest.mark.parametrize("take", list(Side))
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_person_decides_about_an_order_that_went_back_to_draft(make_documents, take, cancelled):
    world = make_documents()
    document, row = world.made("paid")
    if cancelled:
        world.source.edit(row, state="void")
        world.counts()
    world.source.edit(row, state="pending", title="Tables")
    assert world.counts().held == 1
    world.resolve(take)
    counts = world.counts()
    assert counts.held == 0
    if take is Side.SOURCE:
        assert world.standing == {document: 2, f"{document}-1": 0}
        assert world.shop(row)[:2] == ("pending", "Tables")
    else:
        assert world.standing == {document: 2 if cancelled else 1}
        assert world.shop(row)[:2] == ("void" if cancelled else "paid", "Chairs")
    world.quiet(full=True)


def test_a_right_that_is_missing_fails_and_is_tried_again(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.source.edit(row, state="paid")
    world.erpnext.options.refuse_submit = lambda _values: "no permission for submit"
    world.erpnext.options.refusal = RefusedError
    assert world.counts().failed == 1
    world.erpnext.options.refuse_submit = lambda _values: ""
    counts = world.counts()
    assert (counts.failed, counts.submitted) == (0, 1)
    assert world.standing == {document: 1}


def test_a_site_that_is_busy_is_asked_again_in_the_next_run(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, state="void")
    world.erpnext.before = lost_once(BusyError("the document is locked"))
    assert world.counts().failed == 1
    counts = world.counts()
    assert (counts.failed, counts.cancelled) == (0, 1)
    assert world.standing == {document: 2}


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.CANCEL, Action.AMEND])
def test_a_document_that_moved_under_our_hands_is_looked_at_again(world, action):
    document, row = world.made("pending" if action is Action.SUBMIT else "paid")
    changes = {"state": "void"} if action is Action.CANCEL else {"state": "paid", "title": "Tables"}
    world.source.edit(row, **changes)

    def edit_once(method, _writes):
        if method == "apply":
            world.erpnext.before = lambda _method, _writes: None
            world.erpnext.edit(document, remarks="theirs")

    world.erpnext.before = edit_once
    counts = world.counts()
    assert (counts.submitted, counts.cancelled, counts.amended) == tuple(
        int(action is each) for each in (Action.SUBMIT, Action.CANCEL, Action.AMEND)
    )
    assert world.document(world.name(row))[2] == "theirs", "nothing lost"
    world.quiet(full=True)


def test_somebody_cancels_while_it_is_being_amended(world):
    document, row = world.made("paid")
    world.source.edit(row, title="Tables")
    hooked = [StaleError]

    def cancel_once(method, _writes):
        if method == "apply" and hooked:
            hooked.pop()
            world.erpnext.cancel(document)

    world.erpnext.before = cancel_once
    counts = world.counts()
    assert list(world.standing.values()) in ([2], [2, 1])
    if world.standing == {document: 2}:
        assert counts.held == 1
