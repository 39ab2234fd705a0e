"""What people do with documents in ERPNext is followed, told to the source, and never undone unasked."""

from __future__ import annotations

import pytest

from syncd.core.mapping import ChangedAfterSubmit, ErpnextDeleted, SourceDeleted, WriteBack
from syncd.core.model import Action, Side, Wins
from syncd.errors import HeldError

AMEND, HOLD, ERPNEXT = ChangedAfterSubmit.AMEND, ChangedAfterSubmit.HOLD, ChangedAfterSubmit.ERPNEXT


def test_a_person_submits_and_the_source_is_told(make_documents):
    world = make_documents()
    document, row = world.made("new")
    world.erpnext.submit(document)
    counts = world.counts()
    assert (counts.updated["source"], counts.submitted, counts.held) == (1, 0, 0), "syncd submitted nothing itself"
    assert world.shop(row)[0] == "paid", "the first word of the list"
    world.quiet()
    world.quiet(full=True)


def test_a_person_edits_and_submits_between_two_polls(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.erpnext.edit(document, title="Tables", remarks="theirs")
    world.erpnext.submit(document)
    world.counts()
    assert world.shop(row) == ("paid", "Tables", "theirs")
    world.quiet()


def test_a_person_cancels_and_the_source_is_told(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    counts = world.counts()
    assert (counts.updated["source"], counts.cancelled, counts.ended) == (1, 0, 0)
    assert world.shop(row)[0] == "void"
    assert world.standing == {document: 2}
    world.quiet()
    world.quiet(full=True)


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
@pytest.mark.parametrize("write_back", list(WriteBack))
@pytest.mark.parametrize("named", [False, True], ids=["external id", "ERPNext name in the source"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_pair_follows_the_chain_of_amendments(make_documents, full, write_back, named, times):
    changes = {"erpnext_name": "erp_ref"} if named else {}
    world = make_documents(write_back=write_back, **changes)
    document, row = world.made("paid")
    name = document
    for number in range(1, times + 1):
        world.erpnext.cancel(name)
        name = world.erpnext.amend(name, title=f"Tables {number}")
    counts = world.counts(full=full)
    assert (counts.held, counts.ended, counts.created["source"]) == (0, 0, 0)
    assert world.pairs() == {row: name}
    assert world.shop(row) == ("paid", f"Tables {times}", None), "the source is told what was amended"
    if named:
        assert world.source.records[row].partner == name
    world.quiet(full=full)
    world.quiet(full=True)
    assert list(world.standing.values()) == [2] * times + [1]
    world.source.edit(row, note="ring twice")
    world.counts()
    assert world.document(name)[2] == "ring twice", "the pair goes on with the amendment"


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_a_cancellation_and_its_amendment_may_be_seen_by_two_runs(make_documents, full):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.counts(full=full)
    assert world.shop(row)[0] == "void"
    amended = world.erpnext.amend(document, title="Tables")
    counts = world.counts(full=full)
    assert (counts.created["source"], counts.held) == (0, 0)
    assert world.pairs() == {row: amended}
    assert world.shop(row)[:2] == ("paid", "Tables")
    world.quiet(full=True)


def test_an_amendment_that_is_still_a_draft(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    amended = world.erpnext.amend(document, docstatus=0, title="Tables")
    counts = world.counts()
    assert (counts.held, counts.submitted) == (0, 0), "a person is at work on it: it is not submitted for them"
    assert world.pairs() == {row: amended}
    assert world.standing == {document: 2, amended: 0}
    assert world.shop(row)[1] == "Tables"
    world.quiet()
    world.erpnext.submit(amended)
    world.counts()
    assert world.shop(row)[0] == "paid"
    world.quiet(full=True)


@pytest.mark.parametrize(
    ("take", "standing", "state", "title"),
    [(Side.ERPNEXT, [2], "void", "Chairs"), (Side.SOURCE, [2, 1], "paid", "Tables")],
)
def test_cancelled_by_a_person_and_changed_in_the_source(make_documents, take, standing, state, title):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.source.edit(row, title="Tables")
    counts = world.counts()
    assert (counts.conflicts, counts.held) == (1, 1), "a transition that both sides changed differently"
    [conflict] = world.conflicts()
    assert (conflict.kind, conflict.text) == ("state", "cancelled in ERPNext, changed in the source: title")
    assert world.standing == {document: 2}
    assert world.shop(row)[:2] == ("paid", "Tables")
    world.quiet()
    world.resolve(take)
    counts = world.counts()
    assert (counts.held, counts.amended) == (0, len(standing) - 1)
    assert list(world.standing.values()) == standing
    assert world.shop(row)[:2] == (state, title)
    assert world.document(world.name(row))[1] == title
    assert world.conflicts() == []
    world.quiet()
    world.quiet(full=True)


@pytest.mark.parametrize(
    ("wins", "standing", "state", "why"),
    [
        (Wins.ERPNEXT, [2], "void", "ERPNext wins: it stays cancelled, the source is told"),
        (Wins.SOURCE, [2, 1], "paid", "the source wins: it is made again"),
        (Wins.NEWEST, [2, 1], "paid", "the source's edit is the later one"),
    ],
)
def test_a_policy_decides_between_two_changes_of_state(make_documents, wins, standing, state, why):
    world = make_documents(wins=wins)
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.source.edit(row, title="Tables", stamp="2027-01-01 00:00:00.000000")
    counts = world.counts()
    assert counts.held == 0, why
    assert list(world.standing.values()) == standing, why
    assert world.shop(row)[0] == state, why
    world.quiet()


@pytest.mark.parametrize(("take", "docstatus", "state"), [(Side.ERPNEXT, 1, "paid"), (Side.SOURCE, 2, "void")])
def test_submitted_by_a_person_and_cancelled_in_the_source(make_documents, take, docstatus, state):
    world = make_documents()
    document, row = world.made("pending")
    world.erpnext.submit(document)
    world.source.edit(row, state="void")
    assert world.counts().held == 1
    assert world.conflicts()[0].text == "both sides changed what state it is in"
    world.quiet()
    world.resolve(take)
    counts = world.counts()
    assert (counts.held, counts.cancelled) == (0, int(docstatus == 2))
    assert world.standing == {document: docstatus}
    assert world.shop(row)[0] == state
    world.quiet(full=True)


def test_cancelled_on_both_sides_is_agreed(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.source.edit(row, state="void", title="whatever")
    counts = world.counts()
    assert (counts.held, counts.cancelled) == (0, 0)
    assert world.standing == {document: 2}
    world.quiet()


def test_submitted_on_both_sides_is_agreed(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.erpnext.submit(document)
    world.source.edit(row, state="shipped", note="ring twice")
    counts = world.counts()
    assert (counts.held, counts.submitted, counts.updated["erpnext"]) == (0, 0, 1)
    assert world.document(document) == (1, "Chairs", "ring twice")
    assert world.shop(row)[0] == "shipped"
    world.quiet()


def test_a_conflict_that_is_moot_closes_itself(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.source.edit(row, title="Tables")
    world.counts()
    assert len(world.conflicts()) == 1
    world.source.edit(row, state="void")
    assert world.counts().held == 0
    assert world.conflicts() == []
    assert world.standing == {document: 2}


def test_a_decision_is_not_carried_out_on_a_document_that_moved_since(make_documents):
    world = make_documents()
    document, row = world.made("pending")
    world.erpnext.submit(document)
    world.source.edit(row, state="void")
    world.counts()
    world.resolve(Side.SOURCE)
    world.source.edit(row, state="pending", title="Tables")
    counts = world.counts()
    assert counts.cancelled == 0
    assert world.standing == {document: 1}
    assert "was not carried out" in world.conflicts()[0].text


@pytest.mark.parametrize("policy", list(ErpnextDeleted))
@pytest.mark.parametrize("docstatus", [0, 2])
def test_a_person_deletes_a_document(make_documents, policy, docstatus):
    world = make_documents(erpnext_deleted=policy)
    document, row = world.made("paid" if docstatus else "pending")
    world.made("paid", title="Another")
    if docstatus:
        world.erpnext.cancel(document)
        world.counts()
    world.erpnext.delete(document)
    counts = world.counts(full=True)
    assert counts.ended == 1
    assert counts.deleted["source"] == int(policy is not ErpnextDeleted.IGNORE)
    assert world.source.records.get(row) is None or policy is not ErpnextDeleted.DELETE
    world.quiet(full=True)


def test_a_person_deletes_the_cancelled_document_behind_an_amendment(make_documents):
    world = make_documents(changed_after_submit=AMEND)
    document, row = world.made("paid")
    world.source.edit(row, title="Tables")
    world.counts()
    world.erpnext.change(f"{document}-1", values={**world.erpnext.values(f"{document}-1"), "amended_from": None})
    world.erpnext.delete(document)
    counts = world.counts(full=True)
    assert (counts.ended, counts.held) == (0, 0)
    assert world.pairs() == {row: f"{document}-1"}


def test_a_copy_of_a_document_is_no_amendment(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    copy = world.erpnext.insert(title="Chairs", partner=row)
    counts = world.counts()
    assert counts.held == 1
    assert world.pairs() == {row: document}
    assert world.conflicts()[0].erpnext_name == copy
    assert world.conflicts()[0].kind == "match"


@pytest.mark.parametrize("claiming", [True, False], ids=["external id", "match rules"])
@pytest.mark.parametrize("ends", [1, 2], ids=["submitted", "cancelled as well"])
def test_the_end_of_a_chain_is_adopted_when_both_sides_meet_first(make_documents, claiming, ends):
    world = make_documents()
    row = world.source.insert(title="Chairs", state="paid" if ends == 1 else "void")
    name = world.erpnext.insert(title="Chairs", partner=row if claiming else None)
    world.erpnext.submit(name)
    for _ in range(2):
        world.erpnext.cancel(name)
        name = world.erpnext.amend(name)
    if ends == 2:
        world.erpnext.cancel(name)
    counts = world.counts()
    assert (counts.adopted, counts.created) == (1, {"erpnext": 0, "source": 0})
    assert world.pairs() == {row: name}
    assert (counts.held, counts.conflicts, counts.unmatched) == (0, 0, 2)
    world.quiet()
    world.quiet(full=True)


def test_a_live_document_counts_before_a_cancelled_one_that_matches_as_well(make_documents):
    world = make_documents()
    row = world.source.insert(title="Chairs", state="paid")
    cancelled, live = (world.erpnext.insert(title="Chairs") for _ in range(2))
    for name in (cancelled, live):
        world.erpnext.submit(name)
    world.erpnext.cancel(cancelled)
    assert world.counts().adopted == 1
    assert world.pairs() == {row: live}
    world.quiet(full=True)


@pytest.mark.parametrize(
    ("docstatus", "state", "held", "why"),
    [
        (1, "paid", 0, "submitted on both sides"),
        (0, "pending", 0, "a draft on both sides"),
        (1, "pending", 1, "submitted in ERPNext, not in the source"),
        (2, "paid", 1, "cancelled in ERPNext, not in the source"),
        (0, "void", 1, "a person's draft is not deleted unasked"),
        (2, "void", 0, "cancelled on both sides"),
    ],
)
def test_documents_that_are_there_when_both_sides_meet_first(make_documents, docstatus, state, held, why):
    world = make_documents()
    document = world.erpnext.insert(title="Chairs")
    row = world.source.insert(title="Chairs", state=state)
    if docstatus:
        world.erpnext.submit(document)
    if docstatus == 2:
        world.erpnext.cancel(document)
    counts = world.counts()
    assert (counts.adopted, counts.held) == (1, held), why
    assert world.standing == {document: docstatus}, why
    assert world.pairs() == {row: document}
    world.quiet()
    world.quiet(full=True)


def test_a_draft_that_a_person_made_is_submitted_when_the_source_asks_for_it(make_documents):
    world = make_documents()
    document = world.erpnext.insert(title="Chairs")
    world.source.insert(title="Chairs", state="paid")
    counts = world.counts()
    assert (counts.adopted, counts.submitted) == (1, 1)
    assert world.standing == {document: 1}
    assert [write.action for write in world.erpnext.writes] == [Action.SUBMIT]


@pytest.mark.parametrize("back", [WriteBack.AUTO, WriteBack.NEVER], ids=["external id", "no external id"])
@pytest.mark.parametrize("named", [False, True], ids=["", "ERPNext name in the source"])
def test_an_amendment_of_what_has_ended_is_nobodys_partner(make_documents, back, named):
    changes = {"erpnext_name": "erp_ref"} if named else {}
    world = make_documents(source_deleted=SourceDeleted.CANCEL, write_back=back, **changes)
    document, row = world.made("paid")
    world.made("paid", title="Another")
    world.source.delete(row)
    world.counts(full=True)
    amended = world.erpnext.amend(document)
    for full in (False, True):
        counts = world.counts(full=full)
        assert (counts.created["source"], counts.held, counts.failed) == (0, 0, 0)
    assert amended not in world.pairs().values()
    assert world.standing[amended] == 1
    world.quiet(full=True)


def test_a_decision_on_a_conflict_that_erpnext_refuses_stays_shown_as_refused(make_documents):
    world = make_documents()
    document, row = world.made("paid")
    world.erpnext.cancel(document)
    world.source.edit(row, title="wrong")
    assert (world.counts().conflicts, world.conflicts()[0].kind) == (1, "state")
    world.erpnext.options.refuse_submit = lambda values: "No rate is set" if values.get("title") == "wrong" else ""
    world.erpnext.options.refusal = HeldError
    world.resolve(Side.SOURCE)
    for _ in range(3):
        assert world.counts().held == 1
        [conflict] = world.conflicts()
        assert "No rate is set" in conflict.text, "what stands against it is told by later passes, too"
    world.erpnext.options.refuse_submit = lambda _values: ""
    world.resolve(Side.SOURCE)
    assert world.counts().held == 0
    assert world.document(world.name(row))[:2] == (1, "wrong")
    assert list(world.standing.values()) == [2, 1]
    world.quiet(full=True)
