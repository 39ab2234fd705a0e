"""Documents of a shop on their way through a site: submitted, paid, amended, cancelled; and answers that get lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.documents import Books, books, template

AMEND = ('cancelled = ["void"]\n', 'cancelled = ["void"]\nchanged_after_submit = "amend"\n')
INSERT = "insert_many"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_KEY", "full")
        patch.setenv("SHOP_SECRET", "full")
        return template(tmp_path_factory.mktemp("prepared") / "deployment")


@pytest.fixture
def world(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("SHOP_KEY", "full")
    monkeypatch.setenv("SHOP_SECRET", "full")
    shutil.copytree(prepared, tmp_path / "deployment")
    with books(tmp_path / "deployment") as made:
        yield made


def stands(world: Books, row: int) -> tuple[object, ...]:
    """(state, total, owed, progress) of an invoice in the shop."""
    held = world.shop.one("invoices", row)
    return (held["state"], held["total"], held["owed"], held["progress"])


def test_what_payments_move_reaches_the_shop_and_never_comes_back(world: Books) -> None:
    row = world.invoice(world.buyer(), ("A", 2, 50), ("B", 1, 10))
    counts = world.settled()["invoice"]
    assert (counts.created["erpnext"], counts.submitted) == (1, 1)
    assert stands(world, row) == ("issued", 110, 110, "Unpaid"), "in the very run that made it"
    name = world.live(row)["name"]
    world.quiet()
    world.desk.act("pay", "Sales Invoice", name, amount=60)
    counts = world.settled()["invoice"]
    assert stands(world, row) == ("issued", 110, 50, "Partly Paid")
    assert counts.updated == {"erpnext": 0, "source": 1}
    world.desk.act("pay", "Sales Invoice", name)
    world.settled()
    assert stands(world, row) == ("issued", 110, 0, "Paid")
    world.shop.change("invoices", row, owed=77, progress="Overdue")
    mark = world.desk.mark()
    world.settled()
    assert world.desk.writes(mark) == [], "what the site works out is nobody's to change"
    world.quiet()
    world.quiet(full=True)


def test_the_source_leads_a_document_through_its_life(world: Books) -> None:
    world.say("invoice", *AMEND)
    row = world.invoice(world.buyer(), state="open")
    counts = world.settled()["invoice"]
    assert (counts.created["erpnext"], counts.submitted) == (1, 0)
    assert (world.live(row)["docstatus"], world.booked()) == (0, {})
    world.lines(row, ("A", 3, 50))
    world.settled()
    assert world.live(row)["grand_total"] == 150.0
    world.shop.change("invoices", row, state="issued", reference="PO-1")
    assert world.settled()["invoice"].submitted == 1
    first = world.live(row)
    assert (first["docstatus"], first["po_no"], world.booked()) == (1, "PO-1", {first["name"]: 150.0})
    world.shop.change("invoices", row, reference="PO-2")
    counts = world.settled()["invoice"]
    assert (counts.updated["erpnext"], counts.amended) == (1, 0), "allowed after submission"
    world.lines(row, ("A", 3, 50), ("B", 1, 25))
    assert world.settled()["invoice"].amended == 1
    second = world.live(row)
    assert (second["amended_from"], second["po_no"]) == (first["name"], "PO-2")
    assert world.booked() == {second["name"]: 175.0}
    assert stands(world, row) == ("issued", 175, 175, "Unpaid")
    world.shop.change("invoices", row, state="void")
    assert world.settled()["invoice"].cancelled == 1
    assert world.booked() == {}
    assert stands(world, row)[0::3] == ("void", "Cancelled")
    world.quiet()
    world.quiet(full=True)


def test_what_people_entered_beside_the_mapping_survives_an_amendment(world: Books) -> None:
    world.say("invoice", *AMEND)
    row = world.invoice(world.buyer(), state="open")
    world.settled()
    tax = {
        "charge_type": "On Net Total",
        "account_head": world.desk.list("Account", account_type="Tax", is_group=0)[0]["name"],
        "rate": 10,
        "description": "a person's tax",
    }
    name = world.live(row)["name"]
    world.desk.act("save", "Sales Invoice", name, taxes=[tax], remarks="by hand", terms="two weeks")
    world.shop.change("invoices", row, state="issued")
    world.settled()
    assert stands(world, row)[1] == 110, "a person's tax counts"
    world.lines(row, ("A", 4, 50))
    assert world.settled()["invoice"].amended == 1
    amended = world.live(row)
    assert (amended["remarks"], amended["terms"], amended["grand_total"]) == ("by hand", "two weeks", 220.0)
    assert [each["description"] for each in amended["taxes"]] == ["a person's tax"]
    assert stands(world, row)[1] == 220


def test_people_lead_and_the_shop_follows(world: Books) -> None:
    row = world.invoice(world.buyer(), state="open")
    world.settled()
    first = world.live(row)["name"]
    world.desk.act("submit", "Sales Invoice", first)
    world.settled()
    assert stands(world, row) == ("issued", 100, 100, "Unpaid")
    world.desk.act("cancel", "Sales Invoice", first)
    second = world.desk.act("amend_and_submit", "Sales Invoice", first, po_no="PO-7")["name"]
    world.desk.act("cancel", "Sales Invoice", second)
    third = world.desk.act("amend_and_submit", "Sales Invoice", second)["name"]
    counts = world.settled()["invoice"]
    assert (counts.amended, counts.created["source"]) == (0, 0)
    assert world.shop.one("invoices", row)["reference"] == "PO-7"
    world.desk.act("pay", "Sales Invoice", third)
    world.settled()
    assert stands(world, row) == ("issued", 100, 0, "Paid")
    world.quiet(full=True)
    [payment] = world.desk.list("Payment Entry")
    world.desk.act("cancel", "Payment Entry", payment["name"])
    world.desk.act("cancel", "Sales Invoice", third)
    world.settled()
    assert stands(world, row)[0::3] == ("void", "Cancelled")
    assert world.booked() == {}
    world.quiet(full=True)


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"kind": "drop_after_commit", "method": "PUT"}, "the cancellation was done, its answer is lost"),
        ({"kind": "drop_before", "method": "PUT"}, "the cancellation never arrived"),
        ({"kind": "drop_after_commit", "path_contains": INSERT}, "the amendment was made, its answer is lost"),
        ({"kind": "drop_before", "path_contains": INSERT}, "the amendment never arrived"),
        ({"kind": "truncate", "path_contains": INSERT}, "half of the answer arrived"),
        ({"kind": "html", "path_contains": INSERT}, "a page of HTML instead of an answer"),
    ],
)
def test_an_amendment_whose_answer_is_lost_is_made_once(world: Books, fault: dict[str, str], where: str) -> None:
    world.say("invoice", *AMEND)
    row = world.invoice(world.buyer())
    world.settled()
    world.lines(row, ("A", 3, 50))
    world.desk.admin("faults", **fault)
    world.run()
    world.settled()
    assert [each["docstatus"] for each in world.documents(row)] == [2, 1], where
    assert world.booked() == {world.live(row)["name"]: 150.0}, where
    assert stands(world, row) == ("issued", 150, 150, "Unpaid"), where
    world.quiet(full=True)


@pytest.mark.parametrize("kind", ["drop_after_commit", "drop_before", "truncate", "html"])
@pytest.mark.parametrize(("state", "booked"), [("issued", 100.0), ("void", None)])
def test_a_transition_whose_answer_is_lost_is_done_once(
    world: Books, kind: str, state: str, booked: float | None
) -> None:
    buyer = world.buyer()
    rows = [world.invoice(buyer, state="open" if state == "issued" else "issued") for _ in range(3)]
    world.settled()
    names = [world.live(row)["name"] for row in rows]
    for row in rows:
        world.shop.change("invoices", row, state=state)
    world.desk.admin("faults", kind=kind, method="PUT")
    world.run()
    world.settled()
    assert world.booked() == ({} if booked is None else dict.fromkeys(names, booked))
    assert {stands(world, row)[0] for row in rows} == {state}
    world.quiet(full=True)


def test_created_and_submitted_whose_answer_is_lost_is_posted_once(world: Books) -> None:
    buyer = world.buyer()
    rows = [world.invoice(buyer) for _ in range(3)]
    rows.append(world.invoice(buyer, ("Nothing", 1, 1)))
    world.run("customer")
    world.desk.admin("faults", kind="drop_after_commit", path_contains=INSERT)
    world.run()
    assert world.run().mappings["invoice"].failed == 1
    assert [len(world.documents(row)) for row in rows] == [1, 1, 1, 0]
    assert list(world.booked().values()) == [100.0] * 3
