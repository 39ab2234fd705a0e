"""Documents and a run that is killed anywhere: nothing is posted twice, nothing is left half, nobody is misunderstood.

A scripted run creates, submits, amends, cancels, reopens, voids and follows people. It is killed at point n, for every
n, and every answer is lost once; then the process is started anew and runs twice. Both sides must then hold what they
hold after the run that nobody killed, and a further run must write nothing.
"""

from __future__ import annotations

import pytest

from syncd.core.mapping import ChangedAfterSubmit, Reopened, SourceDeleted
from syncd.core.model import Side, Wins
from syncd.errors import BusyError, HeldError, UnknownOutcomeError, UnreachableError
from tests.app.harness import Killed, KillSwitch, lost_once
from tests.app.test_crash import lose


def refuses(values):
    return "it has no rate" if "wrong" in (values.get("title") or "") else ""


def scripted(make_documents, **changes):
    """Twelve agreed documents, and something of everything that a run has to do with them."""
    policies = {"changed_after_submit": ChangedAfterSubmit.AMEND, "reopened": Reopened.AMEND}
    world = make_documents(source_deleted=SourceDeleted.CANCEL, **policies, **changes)
    world.erpnext.options.refuse_submit = refuses
    world.erpnext.options.refusal = HeldError
    states = [
        "pending",
        "paid",
        "paid",
        "pending",
        "paid",
        "paid",
        "pending",
        "paid",
        "paid",
        "paid",
        "pending",
        "paid",
    ]
    rows = [world.order(state, f"Order {number}") for number, state in enumerate(states)]
    world.counts()
    world.quiet()
    names = [world.name(row) for row in rows]
    world.source.edit(rows[0], state="paid", note="submitted with it")
    world.source.edit(rows[1], title="Amended 1")
    world.source.edit(rows[2], state="void")
    world.source.edit(rows[3], state="void")
    world.source.delete(rows[4])
    world.source.edit(rows[5], state="pending", title="Reopened 5")
    world.erpnext.submit(names[6])
    world.erpnext.cancel(names[7])
    world.erpnext.amend(names[7], title="Amended by a person")
    world.erpnext.cancel(names[8])
    world.source.edit(rows[9], note="allowed")
    world.source.edit(rows[10], state="paid", title="wrong 10")
    world.source.edit(rows[11], title="wrong 11")
    for number, state in enumerate(["paid", "pending", "void", "paid"]):
        world.order(state, f"New {number}")
    world.order("paid", "wrong new")
    draft = world.erpnext.insert(title="Site draft")
    world.erpnext.insert(title="Site submitted")
    world.erpnext.submit(world.erpnext.insert(title="Site submitted too"))
    world.erpnext.edit(draft, remarks="edited")
    return world


def told(world):
    """What both sides hold and who is paired with whom, in a form that does not depend on names given on the way."""
    documents = {
        key: (*world.document(key), record.values.get("amended_from") is not None)
        for key, record in world.erpnext.records.items()
    }
    rows = {key: world.shop(key) for key in world.source.records}
    pairs = sorted((repr(documents.get(name or "")), repr(rows.get(key or ""))) for key, name in world.pairs().items())
    return {
        "documents": sorted(map(repr, documents.values())),
        "rows": sorted(map(repr, rows.values())),
        "pairs": pairs,
        "partners": sorted(
            repr((rows.get(key), documents.get(record.partner or ""))) for key, record in world.source.records.items()
        ),
        "held": sorted(conflict.kind for conflict in world.conflicts()),
        "failed": [failure.error for failure in world.failures()],
        "open": len(world.open_operations()),
    }


def settled(world, expected, what):
    """Two runs, and everything is as if nothing had happened; the third writes nothing."""
    for _ in range(2):
        counts = world.run(full=True, force=True).mappings["customer"]
        assert counts.error is None, (what, counts.error)
    assert told(world) == expected, what
    world.quiet(full=True)


MAPPINGS = pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="external id"),
        pytest.param({"erpnext_name": "erp_ref"}, id="ERPNext name in the source", marks=pytest.mark.slow),
    ],
)


def reference(template, folder, full):
    """(what both sides hold after a run that nobody killed, how many points it had)."""
    world = template.copy(folder)
    switch = KillSwitch()
    world.watch(switch)
    counts = world.run(full=full, force=True).mappings["customer"]
    assert (counts.submitted, counts.amended, counts.cancelled) == (3, 2, 1 + full), "deletions show in full"
    world.restart()
    for _ in range(2):
        world.run(full=True, force=True)
    expected = told(world)
    world.close()
    assert expected["held"] == ["transition"] * 3
    assert (expected["open"], expected["failed"]) == (0, [])
    return expected, switch.points


@MAPPINGS
@pytest.mark.parametrize(
    "full", [pytest.param(True, id="full"), pytest.param(False, id="incremental", marks=pytest.mark.slow)]
)
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(make_documents, tmp_path, changes, full):
    template = scripted(make_documents, **changes)
    expected, points = reference(template, tmp_path / "reference", full)
    for point in range(1, len(points) + 1):
        world = template.copy(tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        world.watch(killer)
        with pytest.raises(Killed):
            world.run(full=full, force=True)
        world.restart()
        settled(world, expected, f"killed at point {point}: {killer.points[-1]}")
        world.close()
    assert points.count("erpnext before cancelled") == 3
    print(f"\n{len(points)} points of a {'full' if full else 'incremental'} run, each killed and finished")


@MAPPINGS
def test_a_run_that_loses_any_answer_is_finished_by_the_next(make_documents, tmp_path, changes):
    template = scripted(make_documents, **changes)
    expected, _ = reference(template, tmp_path / "reference", full=True)
    lost = 0
    for side in ("erpnext", "source"):
        for when in ("before", "after"):
            number = 0
            while True:
                number += 1
                world = template.copy(tmp_path / f"{side}-{when}-{number}")
                met = lose(getattr(world, side), when, number)
                world.run(full=True, force=True)
                setattr(getattr(world, side), when, lambda _method, _writes: None)
                settled(world, expected, f"{side}: answer {number} lost {when} it was done ({met})")
                world.close()
                if not met:
                    break
                lost += 1
    assert lost >= 30, "the script no longer reaches its calls"
    print(f"\n{lost} answers lost, each found out by the next run")


def interrupted(world, error):
    """Let the next amendment break off between the cancellation and the new document."""
    left = [error]

    def hook(step, _writes):
        if step == "cancelled" and left:
            raise left.pop()

    world.erpnext.before = hook


CUTS = pytest.mark.parametrize(
    "cut", [Killed("gone"), UnreachableError("gone"), UnknownOutcomeError("gone"), BusyError("locked")], ids=type
)


def cut_short(world, cut):
    """A run whose amendment breaks off: (document, row)."""
    document, row = world.made("paid")
    world.source.edit(row, title="Tables")
    interrupted(world, cut)
    if isinstance(cut, Killed):
        with pytest.raises(Killed):
            world.run()
        world.restart()
    else:
        world.run()
    assert world.standing == {document: 2}
    world.erpnext.before = lambda _method, _writes: None
    return document, row


@CUTS
@pytest.mark.parametrize("wins", list(Wins))
@pytest.mark.parametrize("full", [True, False], ids=["full", "incremental"])
def test_an_amendment_that_broke_off_is_gone_on_with(make_documents, cut, wins, full):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND, wins=wins)
    document, row = cut_short(world, cut)
    counts = world.counts(full=full)
    assert world.standing == {document: 2, f"{document}-1": 1}, "never taken for a cancellation of a person's"
    assert (counts.held, counts.failed) == (0, 0)
    assert world.shop(row)[:2] == ("paid", "Tables")
    assert world.pairs() == {row: f"{document}-1"}
    assert world.conflicts() == world.failures() == world.open_operations() == []
    world.quiet(full=full)
    world.quiet(full=True)


@CUTS
def test_it_is_gone_on_with_although_the_source_changed_meanwhile(make_documents, cut):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    _, row = cut_short(world, cut)
    world.source.edit(row, title="Stools", note="ring twice")
    for _ in range(2):
        world.counts()
    name = world.name(row)
    assert world.document(name) == (1, "Stools", "ring twice")
    assert sorted(world.standing.values()) == [1] + [2] * (len(world.standing) - 1)
    world.quiet(full=True)


@CUTS
def test_it_is_given_up_where_the_source_cancels_meanwhile(make_documents, cut):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    _, row = cut_short(world, cut)
    world.source.edit(row, state="void")
    for _ in range(2):
        world.counts()
    assert set(world.standing.values()) == {2}
    assert world.shop(row)[0] == "void"
    world.quiet(full=True)


@CUTS
def test_a_person_who_amends_it_meanwhile_is_followed(make_documents, cut):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    document, row = cut_short(world, cut)
    amended = world.erpnext.amend(document, title="Theirs", remarks="theirs")
    for _ in range(2):
        world.counts()
    assert len(world.standing) - list(world.standing.values()).count(2) == 1, "one document stands for the order"
    assert world.name(row) == max(world.standing)
    assert amended in world.standing


@CUTS
def test_a_site_that_stays_busy_leaves_it_open_under_its_name(make_documents, cut):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    document, row = cut_short(world, cut)
    for _ in range(2):
        world.erpnext.before = lost_once(BusyError("the document is locked"))
        world.run()
    world.erpnext.before = lambda _method, _writes: None
    assert world.shop(row)[0] == "paid", "the source is not told that it was cancelled"
    world.counts()
    assert world.standing == {document: 2, f"{document}-1": 1}
    assert world.failures() == world.conflicts() == []
    world.quiet(full=True)


@CUTS
def test_a_decision_of_a_person_that_broke_off_is_gone_on_with(make_documents, cut):
    world = make_documents()
    document, row = world.made("paid")
    world.source.edit(row, title="Tables")
    world.counts()
    world.resolve(Side.SOURCE)
    interrupted(world, cut)
    if isinstance(cut, Killed):
        with pytest.raises(Killed):
            world.run()
        world.restart()
    else:
        world.run()
    world.erpnext.before = lambda _method, _writes: None
    assert world.standing == {document: 2}
    counts = world.counts()
    assert world.standing == {document: 2, f"{document}-1": 1}
    assert counts.held == 0
    assert world.conflicts() == []
    world.quiet(full=True)


@pytest.mark.parametrize("what", ["as a draft too", "submission alone"])
def test_an_amendment_that_is_refused_is_never_a_cancellation(make_documents, what):
    world = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND, wins=Wins.ERPNEXT)
    document, row = world.made("paid")
    if what == "submission alone":
        world.erpnext.options.refuse_submit = refuses
        world.erpnext.options.refusal = HeldError
    else:
        interrupted(world, HeldError("it is cancelled, and the site refuses its amendment"))
    world.source.edit(row, title="wrong")
    for _ in range(3):
        counts = world.counts()
        if what == "submission alone":
            assert counts.held == 1
    assert world.shop(row)[0] == "paid"
    world.source.edit(row, title="right")
    world.counts()
    assert world.standing == {document: 2, f"{document}-1": 1}
    assert world.document(f"{document}-1")[1] == "right"
    assert world.conflicts() == []
    world.quiet(full=True)


def test_a_source_is_told_what_a_person_submitted_though_the_amendment_of_it_was_cut_short(make_documents, tmp_path):
    """Submitted by a person and edited in the source: amended, and then the source is told. Killed in between it owes
    the source the word that it was about to give."""
    template = make_documents(changed_after_submit=ChangedAfterSubmit.AMEND)
    name, row = template.made("pending")
    template.erpnext.submit(name)
    template.source.edit(row, title="Tables")
    whole = template.copy(tmp_path / "whole")
    switch = KillSwitch()
    whole.watch(switch)
    assert whole.counts().amended == 1
    whole.close()
    for point in range(1, len(switch.points) + 1):
        world = template.copy(tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        world.watch(killer)
        with pytest.raises(Killed):
            world.run()
        world.restart()
        for _ in range(2):
            assert world.counts().held == 0, killer.points[-1]
        assert world.shop(row)[:2] == ("paid", "Tables"), killer.points[-1]
        assert world.document(world.name(row))[:2] == (1, "Tables"), killer.points[-1]
        world.quiet(full=True)
        world.close()
