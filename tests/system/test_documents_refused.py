"""Eleven refusals of real runs, as a person reads them: the cause in plain words, the record on both sides, what to do.

Nothing is lost by any of them: each is settled in the end, by what its own text says.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.adapters.sandbox import permissions, rpc
from syncd.adapters.sandbox.meta import DocTypeMeta
from syncd.adapters.sandbox.session import Session
from tests.system.documents import YEAR, Books, books, template

CHANGED = 'changed_after_submit = "amend"\n'
CANCELLED = 'cancelled = ["void"]\n'


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


def unbalanced(world: Books) -> int:
    return world.entry(("Cash", 100, 0), ("Sales", 0, 90))


def corrected(world: Books, row: int) -> None:
    world.legs(row, ("Cash", 100, 0), ("Sales", 0, 100))


def test_an_entry_that_does_not_balance_is_kept_as_a_draft(world: Books) -> None:
    row = unbalanced(world)
    counts = world.run().mappings["entry"]
    assert (counts.created["erpnext"], counts.submitted, counts.held) == (1, 0, 1)
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping entry: ERPNext ACC-JV-2026-00001 = source 1
  Journal Entry “ACC-JV-2026-00001” on http://site (shop entries “1”): the site refuses to submit it: \
Total Debit must be equal to Total Credit. The difference is 10.0; the draft stays as it was → \
a rule of ERPNext refuses the content: change the value in the source, or leave the field out
field   last agreement   ERPNext   source     why
─────────────────────────────────────────────────
state   "draft"          "draft"   "booked"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays a draft; the source's state becomes “open”
  syncd conflicts resolve 1 --take source
      the draft is submitted, with what the source holds"""
    )
    assert world.booked() == {}
    corrected(world, row)
    assert world.settled()["entry"].submitted == 1
    assert list(world.booked().values()) == [100.0]


def test_a_paid_invoice_is_not_cancelled(world: Books) -> None:
    row = world.invoice(world.buyer())
    world.settled()
    name = world.live(row)["name"]
    world.desk.act("pay", "Sales Invoice", name)
    world.settled()
    world.shop.change("invoices", row, state="void")
    assert world.run().mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1
  Sales Invoice “ACC-SINV-2026-00001” on http://site (shop invoices “1”): it is not cancelled: \
a submitted document refers to it: Payment Entry ACC-PAY-2026-00001 → cancel that one in ERPNext first, \
undo the change in the source, or set lifecycle.cancel_linked = "unlink" in mappings/invoice.toml: \
payments then stay, allocated to nothing
field   last agreement   ERPNext       source   why
───────────────────────────────────────────────────
state   "submitted"      "submitted"   "void"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays submitted; the source's state becomes “issued”
  syncd conflicts resolve 1 --take source
      the document is cancelled, whatever refers to it"""
    )
    world.desk.act("cancel", "Payment Entry", f"ACC-PAY-{YEAR}-00001")
    assert world.settled()["invoice"].cancelled == 1
    assert world.booked() == {}


def test_a_paid_invoice_is_cancelled_all_the_same_where_a_person_says_so(world: Books) -> None:
    row = world.invoice(world.buyer())
    world.settled()
    world.desk.act("pay", "Sales Invoice", world.live(row)["name"])
    world.shop.change("invoices", row, state="void")
    assert world.run().mappings["invoice"].held == 1
    world.resolve("source")
    assert world.settled()["invoice"].cancelled == 1
    [payment] = world.desk.list("Payment Entry", "docstatus", "unallocated_amount")
    assert (payment["docstatus"], payment["unallocated_amount"]) == (1, 100.0), "allocated to nothing, as it was told"


def test_a_word_that_nobody_knows(world: Books) -> None:
    row = world.invoice(world.buyer(), state="sleeping")
    assert world.run().mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping invoice: source 1
  state is 'sleeping', which stands in none of the lists of [lifecycle] ('open', 'issued', 'sent', 'void')
What to do: correct the value in the source, or put it into one of the lists of [lifecycle] in the mapping's file; \
the next run looks again."""
    )
    world.say("invoice", 'draft = ["open"]', 'draft = ["open", "sleeping"]')
    world.settled()
    assert world.live(row)["docstatus"] == 0


def test_what_may_not_change_after_submission(world: Books) -> None:
    row = world.invoice(world.buyer())
    world.settled()
    world.lines(row, ("A", 3, 50))
    assert world.run().mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1
  the source changed fields that ERPNext does not let change after submission: items[1].qty
field          last agreement   ERPNext       source     why
────────────────────────────────────────────────────────────
state          "submitted"      "submitted"   "issued"
items[1].qty   "2"              "2"           "3"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays submitted, and its values go to the source
  syncd conflicts resolve 1 --take source
      the document is cancelled and amended, with what the source holds, and the amendment is submitted"""
    )
    world.resolve("source")
    assert world.settled()["invoice"].amended == 1
    assert world.live(row)["grand_total"] == 150.0


def test_cancelled_here_and_changed_there(world: Books) -> None:
    row = world.invoice(world.buyer())
    world.settled()
    world.desk.act("cancel", "Sales Invoice", world.live(row)["name"])
    world.lines(row, ("A", 3, 50))
    assert world.run().mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (state), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1
  cancelled in ERPNext, changed in the source: items[1].qty
field          last agreement   ERPNext       source     why
────────────────────────────────────────────────────────────
state          "submitted"      "cancelled"   "issued"
items[1].qty   "2"              "2"           "3"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays cancelled, and its values go to the source; the source's state becomes “void”
  syncd conflicts resolve 1 --take source
      the cancelled document is amended, with what the source holds, and the amendment is submitted
These wait too, since a conflict holds the whole record; they go along with whatever you choose:
  status: "Unpaid" → "Cancelled" in ERPNext, goes to the source"""
    )
    world.resolve("erpnext")
    world.settled()
    assert world.shop.one("invoices", row)["state"] == "void"
    assert [document["docstatus"] for document in world.documents(row)] == [2]
    world.quiet()


def test_an_article_that_is_not_there(world: Books) -> None:
    row = world.invoice(world.buyer(), ("Nothing", 1, 1))
    assert world.run().mappings["invoice"].failed == 1
    assert world.shown("failures").splitlines()[:4] == [
        "Failure 1 (parked), mapping invoice: source 1",
        "  tried        create in ERPNext",
        (
            "  cause        new Sales Invoice on http://site for shop invoices “1”: the site refuses it: "
            "Could not find Row #1: Item: Nothing"
        ),
        (
            "  next step    a linked record does not exist: make it in ERPNext, or convert the value (values = { … }) "
            "in the mapping"
        ),
    ]
    world.lines(row, ("A", 1, 1))
    assert world.settled()["invoice"].submitted == 1


def test_a_customer_that_is_not_there(world: Books) -> None:
    row = world.invoice(99)
    assert world.run().mappings["invoice"].failed == 1
    assert world.shown("failures").splitlines()[:4] == [
        "Failure 1 (retries), mapping invoice: source 1",
        "  tried        create in ERPNext",
        "  cause        customer: customer 99 has no document in ERPNext yet (in the value that the source holds)",
        "  next step    It is done in the run in which the record it links to has its partner.",
    ]
    world.shop.insert("customers", id=99, name="Late", vat="US99")
    assert world.settled()["invoice"].submitted == 1
    assert world.live(row)["customer"] == "Late"


def test_a_source_that_goes_back_to_draft(world: Books) -> None:
    row = world.invoice(world.buyer())
    world.settled()
    world.shop.change("invoices", row, state="open")
    assert world.run().mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1
  the source went back to draft, but it is submitted in ERPNext
field   last agreement   ERPNext       source   why
───────────────────────────────────────────────────
state   "submitted"      "submitted"   "open"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays submitted; the source's state becomes “issued”
  syncd conflicts resolve 1 --take source
      the document is cancelled and amended, with what the source holds; the amendment is a draft"""
    )
    world.resolve("source")
    world.settled()
    assert [document["docstatus"] for document in world.documents(row)] == [2, 0]
    assert world.booked() == {}
    world.quiet()


def test_an_amendment_that_is_refused(world: Books) -> None:
    world.say("invoice", CANCELLED, CANCELLED + CHANGED)
    row = world.invoice(world.buyer())
    world.settled()
    world.lines(row, ("Nothing", 3, 50))
    assert world.run().mappings["invoice"].held == 1
    shown = world.shown()
    assert shown.splitlines()[:2] == [
        "Conflict 1 (transition), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1",
        (
            "  Sales Invoice “ACC-SINV-2026-00001” on http://site (shop invoices “1”): it is cancelled, and the site "
            "refuses its amendment: Could not find Row #1: Item: Nothing → correct the record in the source, or amend "
            "it by hand in ERPNext: nothing stands in its place now"
        ),
    ]
    mark = world.desk.mark()
    for _ in range(2):
        world.run()
    assert world.desk.writes(mark) == [], "it is not sent again until it changes"
    assert world.shown() == shown
    assert world.shop.one("invoices", row)["state"] == "issued", "nobody cancelled it"
    world.lines(row, ("B", 3, 50))
    world.settled()
    assert world.live(row)["name"] == f"ACC-SINV-{YEAR}-00001-1"
    assert world.booked() == {f"ACC-SINV-{YEAR}-00001-1": 150.0}


def test_an_amendment_that_is_not_submitted(world: Books) -> None:
    world.say("entry", CANCELLED, CANCELLED + CHANGED)
    row = world.entry(("Cash", 100, 0), ("Sales", 0, 100))
    world.settled()
    world.legs(row, ("Cash", 100, 0), ("Sales", 0, 90))
    assert world.run().mappings["entry"].held == 1
    shown = world.shown()
    assert (
        shown
        == """\
Conflict 1 (transition), mapping entry: ERPNext ACC-JV-2026-00001-1 = source 1
  Journal Entry “ACC-JV-2026-00001” on http://site (shop entries “1”): it is cancelled, and its amendment \
“ACC-JV-2026-00001-1” waits as a draft: the site refuses to submit it: Total Debit must be equal to Total Credit. \
The difference is 10.0 → correct “ACC-JV-2026-00001-1” in ERPNext and submit it there, \
or correct the record in the source
field   last agreement   ERPNext   source     why
─────────────────────────────────────────────────
state   "submitted"      "draft"   "booked"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays a draft; the source's state becomes “open”
  syncd conflicts resolve 1 --take source
      the draft is submitted, with what the source holds"""
    )
    mark = world.desk.mark()
    for _ in range(2):
        world.run()
    assert world.desk.writes(mark) == [], "it is not sent again until it changes"
    assert world.shown() == shown
    corrected(world, row)
    assert world.settled()["entry"].submitted == 1
    assert [document["docstatus"] for document in world.documents(row, "Journal Entry")] == [2, 1]
    assert list(world.booked().values()) == [100.0]


def test_a_submitted_document_is_never_deleted(world: Books) -> None:
    world.say("invoice", "[lifecycle]", '[delete]\nsource_deleted = "delete"\n\n[lifecycle]')
    buyer = world.buyer()
    row = world.invoice(buyer)
    world.invoice(buyer)
    world.settled()
    world.shop.do("DELETE FROM invoices WHERE id = ?", row)
    assert world.run(full=True).mappings["invoice"].held == 1
    assert (
        world.shown()
        == """\
Conflict 1 (transition), mapping invoice: ERPNext ACC-SINV-2026-00001 = source 1
  deleted in the source, but a submitted document is never deleted: cancel it, or keep it
field   last agreement   ERPNext       source      why
──────────────────────────────────────────────────────
state   "submitted"      "submitted"   "deleted"
What to do, one of:
  syncd conflicts resolve 1 --take erpnext
      the document stays as it is, and is no longer synced
  syncd conflicts resolve 1 --take source
      the document is cancelled, whatever refers to it"""
    )
    world.resolve("source")
    counts = world.settled()["invoice"]
    assert (counts.cancelled, counts.ended) == (1, 1)
    world.quiet(full=True)


def test_without_the_right_to_submit_drafts_are_made_together_and_say_what_is_missing(
    world: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is refused, one question tells why; the drafts are one batch, submitted once the right is given."""
    given = permissions.allowed

    def withheld(session: Session, meta: DocTypeMeta, right: str, permlevel: int = 0) -> bool:
        return (meta.name, right) != ("Journal Entry", "submit") and given(session, meta, right, permlevel)

    for number in range(30):
        world.entry(("Cash", 100 + number, 0), ("Sales", 0, 100 + number))
    mark = world.desk.mark()
    with monkeypatch.context() as patch:
        for module in (permissions, rpc):
            patch.setattr(module, "allowed", withheld)
        counts = world.run().mappings["entry"]
    assert (counts.created["erpnext"], counts.submitted, counts.failed) == (30, 0, 30)
    assert {document["docstatus"] for document in world.desk.list("Journal Entry", "docstatus")} == {0}
    writes = [each["path"] for each in world.desk.writes(mark) if each["path"].endswith("insert_many")]
    assert len(writes) == 2, "all at once as submitted ones, which is refused, then all at once as drafts"
    shown = json.loads(world.deployment.run("failures", "list", "--json").stdout)["failures"]
    assert {each["error"].split(" on ")[0] for each in shown} == {"sync@example.com may not submit Journal Entry"}
    assert world.deployment.run("failures", "retry").returncode == 0
    counts = world.run().mappings["entry"]
    assert (counts.created["erpnext"], counts.submitted, counts.failed) == (0, 30, 0)
    world.quiet()
