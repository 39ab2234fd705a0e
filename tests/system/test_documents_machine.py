"""A machine over a real site: a shop and people who submit, cancel, amend, pay and edit, and answers that get lost.

In the end, once every conflict is decided: one live document at most for each invoice of the shop, both sides say the
same of it, and the ledger is exactly the sum of the documents that stand submitted.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from syncd.bootstrap import Application
from syncd.core.merge import Choice
from syncd.core.model import Side
from syncd.core.resolution import encode_resolution
from syncd.errors import ExitCode
from tests.system.documents import INVOICE, Books, books, template
from tests.system.examples import PERSON

PICK = st.integers(0, 1000)
STATES = st.sampled_from(["open", "issued", "sent", "void"])
POLICY = """
[delete]
source_deleted = "cancel"

[lifecycle]
changed_after_submit = "{after}"
reopened = "{reopened}"
"""
PUT, INSERT = {"method": "PUT"}, {"path_contains": "insert_many"}


class Machine(RuleBasedStateMachine):
    prepared: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: Books

    @initialize(after=st.sampled_from(["hold", "amend", "erpnext"]), reopened=st.sampled_from(["hold", "amend"]))
    def begin(self, after: str, reopened: str) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-test-"))) / "deployment"
        shutil.copytree(self.prepared, folder)
        self.world = self.stack.enter_context(books(folder))
        policy = POLICY.format(after=after, reopened=reopened)
        (folder / "mappings" / "invoice.toml").write_text(INVOICE.replace("\n[lifecycle]\n", policy, 1))
        self.buyer = self.world.buyer()
        for state in ("issued", "issued", "open"):
            self.world.invoice(self.buyer, ("A", 2, 50), state=state)
        self.world.run()

    def row(self, number: int) -> int | None:
        rows = [row["id"] for row in self.world.shop.rows("SELECT id FROM invoices ORDER BY id")]
        return rows[number % len(rows)] if rows else None

    @rule(state=STATES, quantity=st.integers(1, 5), sku=st.sampled_from(["A", "B", "Nothing"]))
    def order(self, state: str, quantity: int, sku: str) -> None:
        self.world.invoice(self.buyer, (sku, quantity, 10), state=state)

    @rule(number=PICK, state=st.one_of(st.none(), STATES), quantity=st.one_of(st.none(), st.integers(1, 5)))
    def shop_edits(self, number: int, state: str | None, quantity: int | None) -> None:
        row = self.row(number)
        if row is None:
            return
        if quantity is not None:
            self.world.lines(row, ("A", quantity, 10))
        values: dict[str, Any] = {"reference": f"PO-{number}"} | ({} if state is None else {"state": state})
        self.world.shop.change("invoices", row, **values)

    @rule(number=PICK)
    def shop_deletes(self, number: int) -> None:
        row = self.row(number)
        if row is not None and row > 1:  # a side that is empty would halt
            self.world.shop.do("DELETE FROM lines WHERE invoice_id = ?", row)
            self.world.shop.do("DELETE FROM invoices WHERE id = ?", row)

    @rule(number=PICK, action=st.sampled_from(["save", "submit", "cancel", "amend", "amend_and_submit", "pay"]))
    def person(self, number: int, action: str) -> None:
        found = self.world.desk.list("Sales Invoice", "docstatus")
        if not found:
            return
        name = found[number % len(found)]["name"]
        values = {"po_no": f"desk {number}"} if action == "save" else {}
        given = {"action": action, "doctype": "Sales Invoice", "name": name, "values": values, "user": PERSON}
        answer = self.world.desk.http.post("/_sandbox/act", json=given)
        assert answer.status_code in {200, 400}, answer.text  # what the site does not let them, they do not do

    @rule(number=PICK)
    def person_cancels_a_payment(self, number: int) -> None:
        found = self.world.desk.list("Payment Entry", "docstatus", docstatus=1)
        if found:
            self.world.desk.act("cancel", "Payment Entry", found[number % len(found)]["name"])

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        self.reconcile(full=full)

    @rule(
        kind=st.sampled_from(["drop_after_commit", "drop_before", "truncate", "html", "deadlock"]),
        where=st.sampled_from([PUT, INSERT]),
        full=st.booleans(),
    )
    def faulty(self, kind: str, where: dict[str, str], full: bool) -> None:
        self.world.desk.admin("faults", kind=kind, **where)
        self.reconcile(full=full)
        self.world.desk.http.delete("/_sandbox/faults")

    def reconcile(self, *, full: bool) -> None:
        application = Application.open(self.world.deployment.settings, quiet=True)
        try:
            result = application.reconcile([], full=full, force=True, wait=30.0, progress=None)
            assert result.exit_code is not ExitCode.DEFECT, result.mappings
        finally:
            application.close()

    def decide(self, take: Side) -> list[Any]:
        """Decide every conflict; those that were open."""
        application = Application.open(self.world.deployment.settings, quiet=True)
        try:
            store = application.store()
            held = store.conflicts()
            decidable = [conflict for conflict in held if conflict.pair is not None]
            store.resolve([(conflict, encode_resolution(Choice(take=take))) for conflict in decidable])
            return held
        finally:
            application.close()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.promise()
        finally:
            self.stack.close()

    def promise(self) -> None:
        for take in (Side.SOURCE, Side.ERPNEXT, Side.ERPNEXT):
            for full in (True, False):
                self.reconcile(full=full)
            for conflict in self.decide(take):
                assert conflict.text, "held with a reason"
        for _ in range(2):
            self.reconcile(full=True)
        held = {conflict.external_id for conflict in self.decide(Side.ERPNEXT)}
        assert held <= self.refused(), "decided, and ERPNext takes the fields that go along just as little"
        mark, before = self.world.desk.mark(), self.world.shop.dump()
        self.reconcile(full=True)
        assert self.world.desk.writes(mark) == []
        assert self.world.shop.dump() == before
        self.one_document_each()
        self.the_ledger_is_the_documents()

    def refused(self) -> set[str | None]:
        """The invoices that have failed, each with a cause."""
        application = Application.open(self.world.deployment.settings, quiet=True)
        try:
            failures = application.store().failures()
            assert all("Could not find Row #1: Item: Nothing" in failure.error for failure in failures)
            return {failure.external_id for failure in failures}
        finally:
            application.close()

    def one_document_each(self) -> None:
        words, refused = {0: {"open"}, 1: {"issued", "sent"}, 2: {"void"}}, self.refused()
        for row in self.world.shop.rows("SELECT id, state FROM invoices"):
            found = self.world.documents(row["id"])
            live = [document for document in found if document["docstatus"] != 2]
            assert len(live) <= 1, f"two documents stand for invoice {row['id']}: {found}"
            stands = live[0] if live else (found[-1] if found else None)
            if stands is not None and str(row["id"]) not in refused:
                assert row["state"] in words[stands["docstatus"]], (row, stands)

    def the_ledger_is_the_documents(self) -> None:
        desk = self.world.desk
        invoices = desk.list("Sales Invoice", "grand_total", docstatus=1)
        payments = desk.list("Payment Entry", "paid_amount", docstatus=1)
        standing = {document["name"]: document["grand_total"] for document in invoices}
        standing |= {document["name"]: document["paid_amount"] for document in payments}
        assert self.world.booked() == {name: total for name, total in standing.items() if total}


HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_one_document_for_each_invoice_and_a_ledger_that_is_their_sum(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "full")
    monkeypatch.setenv("SHOP_SECRET", "full")
    Machine.prepared = template(tmp_path_factory.mktemp("machine") / "deployment")
    Machine.TestCase.settings = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=HEALTH,
        print_blob=True,
    )
    Machine.TestCase().runTest()
