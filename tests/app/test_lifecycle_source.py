"""What the source asks of its documents is done in ERPNext: created, submitted, changed, cancelled, amended."""

from __future__ import annotations

import pytest

from syncd.core.mapping import ChangedAfterSubmit, DraftVoided, LifecycleSpec, Reopened, SourceDeleted
from syncd.core.model import Action, Direction, PairState, Side
from tests.app.documents import orders

AMEND, HOLD, ERPNEXT = ChangedAfterSubmit.AMEND, ChangedAfterSubmit.HOLD, ChangedAfterSubmit.ERPNEXT


@pytest.mark.parametrize(
    ("state", "docstatus", "submitted", "why"),
    [
        ("paid", 1, 1, "a word of `submitted`: created and submitted in one request"),
        ("shipped", 1, 1, "any word of the list"),
        ("pending", 0, 0, "a word of `draft`"),
        (None, 0, 0, "an empty column asks for nothing: a draft"),
        ("  ", 0, 0, "blank text is an empty column"),
    ],
)
def test_a_record_becomes_the_document_it_asks_for(make_documents, state, docstatus, submitted, why):
    world = make_documents()
    row = world.order(state, note="ring twice")
    counts = world.counts()
    assert (counts.created["erpnext"], counts.submitted) == (1, submitted), why
    assert world.document(world.name(row)) == (docstatus, "Chairs", "ring twice"), why
    assert world.shop(row) == (state, "Chairs", "ring twice"), "the source keeps its own word"
    assert [write.action for write in world.erpnext.writes] == [Action.CREATE]
    world.quiet()
    world.quiet(full=True)


def test_what_was_cancelled_before_it_was_made_is_ended(make_documents):
    world = make_documents()
    row = world.order("void")
    counts = world.counts()
    assert (counts.created["erpnext"], counts.ended, counts.unmatched) == (0, 1, 0)
    assert world.standing == {}
    world.quiet()
    world.source.edit(row, state="paid")
    world.quiet()
    world.quiet(full=True)
    assert world.standing == {}, "ended for good"


def test_a_word_of_no_list_is_held_and_made_once_it_is_known(make_documents):
    world = make_documents()
    row = world.order("sleeping")
    counts = world.counts()
    assert (counts.held, counts.conflicts) == (1, 0), "it waits; nobody contradicts it"
    [conflict] = world.conflicts()
    assert conflict.kind == "transition"
    assert conflict.text == (
        "state is 'sleeping', which stands in none of the lists of [lifecycle] "
        "('pending', 'new', 'paid', 'shipped', 'void')"
    )
    world.quiet()
    world.source.edit(row, state="paid")
    assert world.counts().submitted == 1
    assert world.conflicts() == []


def test_a_draft_is_submitted_with_what_changed_besides(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.erpnext.writes.clear()
    world.source.edit(row, state="paid", title="Tables")
    counts = world.counts()
    assert (counts.submitted, counts.updated["erpnext"]) == (1, 0)
    assert world.document(document) == (1, "Tables", None)
    assert [write.action for write in world.erpnext.writes] == [Action.SUBMIT], "one request"
    world.quiet()


def test_a_draft_and_its_record_are_merged_like_any_other(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.source.edit(row, title="Tables", state="new")
    world.erpnext.edit(document, remarks="soon")
    counts = world.counts()
    assert (counts.updated, counts.submitted) == ({"erpnext": 1, "source": 1}, 0)
    assert world.document(document) == (0, "Tables", "soon")
    assert world.shop(row) == ("new", "Tables", "soon"), "another word for a draft is the source's own affair"
    world.quiet()


def test_what_may_change_after_submission_is_written(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, note="ring twice", state="shipped")
    counts = world.counts()
    assert (counts.updated["erpnext"], counts.amended, counts.held) == (1, 0, 0)
    assert world.document(document) == (1, "Chairs", "ring twice")
    world.quiet()


@pytest.mark.parametrize("policy", list(ChangedAfterSubmit))
def test_what_may_not_change_after_submission_goes_as_the_mapping_says(make_documents, policy):
    world = make_documents(changed_after_submit=policy)
    document, row = world.made("paid")
    world.source.edit(row, title="Tables", note="ring twice")
    counts = world.counts()
    if policy is HOLD:
        assert (counts.held, counts.conflicts) == (1, 0), "it waits; nobody contradicts it"
        assert world.document(document) == (1, "Chairs", None), "a held record is written whole or not at all"
        assert world.shop(row)[1] == "Tables"
        assert "does not let change after submission" in world.conflicts()[0].text
    elif policy is AMEND:
        assert (counts.amended, counts.held, counts.cancelled, counts.submitted) == (1, 0, 0, 0)
        assert world.standing == {document: 2, f"{document}-1": 1}
        assert world.name(row) == f"{document}-1"
        assert world.document(f"{document}-1") == (1, "Tables", "ring twice")
        assert world.erpnext.records[f"{document}-1"].partner == row
    else:
        assert (counts.updated["source"], counts.held) == (1, 0)
        assert world.document(document) == (1, "Chairs", "ring twice"), "what may change still flows"
        assert world.shop(row) == ("paid", "Chairs", "ring twice"), "the rest is overwritten by ERPNext's"
    world.quiet()
    world.quiet(full=True)


def test_amended_again_and_again_the_pair_stays_with_the_newest(make_documents):
    world = make_documents(changed_after_submit=AMEND)
    document, row = world.made("paid")
    for number in (1, 2, 3):
        world.source.edit(row, title=f"Tables {number}")
        assert world.counts().amended == 1
        assert world.name(row) == f"{document}-{number}"
        world.quiet()
    assert list(world.standing.values()) == [2, 2, 2, 1]
    world.erpnext.edit(f"{document}-3", remarks="theirs")
    world.counts()
    assert world.shop(row)[2] == "theirs"


def test_a_submitted_document_is_cancelled(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, state="void", title="not sent any more")
    counts = world.counts()
    assert (counts.cancelled, counts.deleted["erpnext"], counts.ended) == (1, 0, 0)
    assert world.document(document) == (2, "Chairs", None)
    world.quiet()
    world.source.edit(row, title="nor this", note="or this")
    assert world.counts().held == 0
    world.quiet(full=True)


@pytest.mark.parametrize("policy", list(DraftVoided))
def test_a_draft_that_the_source_cancels(make_documents, policy):
    world = make_documents(draft_voided=policy)
    document, row = world.made("pending")
    world.source.edit(row, state="void")
    counts = world.counts()
    if policy is DraftVoided.DELETE:
        assert (counts.deleted["erpnext"], counts.ended, counts.held) == (1, 1, 0)
        assert world.standing == {}
        world.source.edit(row, state="paid")
        world.quiet(full=True)
        assert world.standing == {}, "ended for good"
    else:
        assert (counts.held, counts.deleted["erpnext"]) == (1, 0)
        assert world.standing == {document: 0}
        assert world.conflicts()[0].text == "cancelled in the source, and still a draft in ERPNext"
    world.quiet()


@pytest.mark.parametrize("policy", list(Reopened))
def test_a_source_that_goes_back_to_draft(make_documents, policy):
    world = make_documents(reopened=policy)
    document, row = world.made("paid")
    world.source.edit(row, state="pending", title="Tables")
    counts = world.counts()
    if policy is Reopened.AMEND:
        assert (counts.amended, counts.submitted) == (1, 0)
        assert world.standing == {document: 2, f"{document}-1": 0}
        assert world.document(f"{document}-1") == (0, "Tables", None)
        world.quiet()
        world.source.edit(row, state="paid")
        assert world.counts().submitted == 1
        assert world.standing == {document: 2, f"{document}-1": 1}
    else:
        assert counts.held == 1
        assert world.conflicts()[0].text == "the source went back to draft, but it is submitted in ERPNext"
        assert world.document(document) == (1, "Chairs", None)
    world.quiet()


@pytest.mark.parametrize("policy", list(ChangedAfterSubmit))
def test_a_source_that_asks_for_a_cancelled_document_again(make_documents, policy):
    world = make_documents(changed_after_submit=policy)
    document, row = world.made("paid")
    world.source.edit(row, state="void")
    world.counts()
    world.source.edit(row, state="paid")
    counts = world.counts()
    if policy is AMEND:
        assert counts.amended == 1
        assert world.standing == {document: 2, f"{document}-1": 1}
        assert world.name(row) == f"{document}-1"
    elif policy is HOLD:
        assert counts.held == 1
        assert world.conflicts()[0].text == "the source asks for it again, but it is cancelled in ERPNext"
    else:
        assert counts.held == 0
        assert world.shop(row)[0] == "void", "ERPNext's state goes to the source"
    world.quiet()


@pytest.mark.parametrize(
    ("policy", "docstatus", "stands", "why"),
    [
        (SourceDeleted.IGNORE, 0, 0, "ignored: the draft stays"),
        (SourceDeleted.IGNORE, 1, 1, "ignored: the document stays"),
        (SourceDeleted.DELETE, 0, None, "a draft is deleted"),
        (SourceDeleted.DELETE, 1, 1, "a submitted document is never deleted: held"),
        (SourceDeleted.CANCEL, 0, None, "a draft is voided"),
        (SourceDeleted.CANCEL, 1, 2, "cancelled"),
        (SourceDeleted.DISABLE, 0, 0, "there is nothing to disable: the draft stays"),
        (SourceDeleted.DISABLE, 1, 1, "there is nothing to disable: the document stays"),
    ],
)
def test_a_record_that_was_deleted_in_the_source(make_documents, policy, docstatus, stands, why):
    world = make_documents(source_deleted=policy)
    document, row = world.made("paid" if docstatus else "pending")
    world.made("paid", title="Another")  # a side that is empty would halt
    world.source.delete(row)
    counts = world.counts(full=True)
    assert world.standing.get(document) == stands, why
    held = policy is SourceDeleted.DELETE and docstatus == 1
    assert (counts.held, counts.ended) == ((1, 0) if held else (0, 1)), why
    assert counts.cancelled == (1 if stands == 2 else 0)
    assert counts.deleted["erpnext"] == (1 if stands is None else 0)
    world.quiet(full=True)


def test_a_deleted_record_whose_document_somebody_edited_is_held(make_documents):
    world = make_documents(source_deleted=SourceDeleted.CANCEL)
    document, row = world.made("paid")
    world.made("paid", title="Another")
    world.erpnext.edit(document, remarks="theirs")
    world.source.delete(row)
    assert world.counts(full=True).held == 1
    assert world.conflicts()[0].kind == "deleted"
    assert world.standing[document] == 1
    world.quiet(full=True)
    world.resolve(Side.SOURCE)
    assert world.counts(full=True).cancelled == 1
    assert world.standing[document] == 2
    assert world.conflicts() == []


def test_without_lifecycle_documents_are_drafts_and_people_are_followed(make_documents):
    world = make_documents(orders(lifecycle=LifecycleSpec()))
    row = world.source.insert(title="Chairs")
    world.counts()
    document = world.name(row)
    assert world.document(document)[0] == 0
    world.quiet()
    world.erpnext.submit(document)
    assert world.counts().held == 0
    world.source.edit(row, note="ring twice")
    assert world.counts().updated["erpnext"] == 1
    world.source.edit(row, title="Tables")
    assert world.counts().held == 1, "a submitted document does not let it change"
    world.source.edit(row, title="Chairs")
    assert world.counts().held == 0, "a conflict that is moot closes itself"
    assert world.conflicts() == []
    world.erpnext.cancel(document)
    amended = world.erpnext.amend(document, title="Stools")
    world.counts()
    assert (world.name(row), world.source.values(row)["title"]) == (amended, "Stools")
    world.quiet(full=True)


def test_documents_go_to_the_source_with_their_words(make_documents):
    world = make_documents()
    draft = world.erpnext.insert(title="Draft")
    submitted = world.erpnext.insert(title="Submitted")
    world.erpnext.submit(submitted)
    cancelled = world.erpnext.insert(title="Cancelled")
    world.erpnext.submit(cancelled)
    world.erpnext.cancel(cancelled)
    counts = world.counts()
    assert counts.created["source"] == 2
    by_title = {values["title"]: values["state"] for values in map(world.source.values, world.source.records)}
    assert by_title == {"Draft": "pending", "Submitted": "paid"}
    assert {draft, submitted} == set(world.pairs().values())
    world.quiet()
    amended = world.erpnext.amend(cancelled)
    assert world.counts().created["source"] == 1
    assert amended in world.pairs().values(), "an amendment of what was never carried is a new record"


def test_to_source_writes_nothing_into_erpnext(make_documents):
    world = make_documents(direction=Direction.TO_SOURCE, changed_after_submit=AMEND)
    document = world.erpnext.insert(title="Chairs")
    world.erpnext.submit(document)
    world.counts()
    [row] = world.source.records
    world.quiet()
    world.source.edit(row, state="void")
    world.counts()
    assert world.standing == {document: 1}
    assert world.erpnext.writes == []
    world.erpnext.cancel(document)
    amended = world.erpnext.amend(document, title="Stools")
    world.counts()
    assert world.shop(row)[1] == "Stools"
    assert world.pairs() == {row: amended}
    assert world.erpnext.writes == []
    world.quiet(full=True)


def test_to_erpnext_tells_the_source_nothing(make_documents):
    world = make_documents(direction=Direction.TO_ERPNEXT)
    document, row = world.made("pending")
    world.erpnext.submit(document)
    world.counts()
    assert world.shop(row)[0] == "pending"
    assert world.source.writes == []
    world.quiet()
    world.source.edit(row, state="paid")
    world.counts()
    assert world.standing == {document: 1}
    world.source.edit(row, state="void")
    world.counts()
    assert world.standing == {document: 2}
    assert world.source.writes == []
    world.quiet(full=True)


def test_a_pair_in_the_middle_of_its_life_keeps_its_state(make_documents):
    world = make_documents()
    _, row = world.made("paid")
    [(pair, _)] = world.store.pairs("customer", after=0, limit=10, live=True)
    assert (pair.external_id, pair.state, pair.docstatus) == (row, PairState.AGREED, 1)


@pytest.mark.parametrize("how", ["changed", "reopened", "asked for again"])
def test_a_source_that_keeps_the_name_is_told_the_amendments(make_documents, how):
    world = make_documents(erpnext_name="erp_ref", changed_after_submit=AMEND, reopened=Reopened.AMEND)
    document, row = world.made("paid")
    if how == "asked for again":
        world.source.edit(row, state="void")
        world.counts()
    world.source.edit(row, state="pending" if how == "reopened" else "paid", title="Tables")
    counts = world.counts()
    assert (counts.amended, counts.linked) == (1, 1)
    assert world.source.records[row].partner == world.name(row) == f"{document}-1"
    world.quiet()
    world.quiet(full=True)


@pytest.mark.parametrize("take", list(Side))
def test_a_word_of_no_list_on_a_document_that_is_there(make_documents, take):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, state="sleeping", note="ring twice")
    assert world.counts().held == 1
    assert world.conflicts()[0].text.startswith("state is 'sleeping', which stands in none of the lists")
    world.quiet()
    world.resolve(take)
    assert world.counts().held == 0
    assert world.document(document) == (1, "Chairs", "ring twice")
    assert world.shop(row)[0] == ("paid" if take is Side.ERPNEXT else "sleeping")
    world.quiet()
    world.source.edit(row, state="void")
    assert world.counts().cancelled == 1
