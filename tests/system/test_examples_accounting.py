"""The accounting mappings of mappings/examples, run against the sandbox's ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.system.examples import Company, company


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Company]]:
    """Makes the one deployment of a test out of the examples that it names, and what those link to."""
    monkeypatch.setenv("SHOP_KEY", "full")
    monkeypatch.setenv("SHOP_SECRET", "full")
    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(company(tmp_path / "deployment", names))


def invoice(world: Company, number: str = "I-1", state: str = "issued", cents: int = 12_000) -> int:
    """An invoice of two hours of advice for a customer; both are made with the first one."""
    if not world.shop.rows("SELECT id FROM products"):
        world.shop.insert("products", sku="ADVICE", title="Advice", category="services", unit="hour", stocked=0)
        world.shop.insert("customers", name="Northern Lights", country="US")
    row = world.shop.insert(
        "invoices", number=number, customer_id=1, issued_on="2026-03-02", due_on="2090-04-01", state=state
    )
    line = {"product_id": 1, "quantity": 2, "unit_cents": cents}
    world.shop.insert("invoice_lines", invoice_id=row, line_no=1, **line)
    return row


def told(world: Company, row: int) -> tuple[Any, ...]:
    """(state, total, owed, progress) of an invoice in the shop."""
    held = world.shop.one("invoices", row)
    return tuple(held[name] for name in ("state", "total_cents", "owed_cents", "progress"))


def ledger(world: Company, voucher: str) -> dict[str, float]:
    """What a voucher has booked and not taken back, by account; debits are positive."""
    sums: dict[str, float] = {}
    for row in world.desk.list("GL Entry", "account", "debit", "credit", voucher_no=voucher, is_cancelled=0):
        account = row["account"].removesuffix(" - AI")
        sums[account] = round(sums.get(account, 0.0) + row["debit"] - row["credit"], 2)
    return {account: amount for account, amount in sums.items() if amount}


def exported(world: Company) -> dict[tuple[str, str], dict[str, int]]:
    """The ledger's copy: by voucher and account, in cents, without what was reversed."""
    rows = world.books.rows(
        "SELECT v.kind, v.number, e.account, sum(e.debit_cents - e.credit_cents) AS cents FROM ledger_vouchers v "
        "JOIN ledger_entries e ON e.voucher_id = v.id WHERE e.reversed = 0 GROUP BY 1, 2, 3"
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        found.setdefault((row["kind"], row["number"]), {})[row["account"].removesuffix(" - AI")] = row["cents"]
    return found


def test_an_invoice_and_its_payments_tell_the_shop_where_they_stand(make: Callable[..., Company]) -> None:
    world = make("payment")
    row = invoice(world)
    world.settled()
    world.settled()
    made = world.desk.one("Sales Invoice", po_no="I-1")
    assert (made["docstatus"], made["posting_date"], made["grand_total"]) == (1, "2026-03-02", 240.0)
    assert told(world, row) == ("issued", 24_000, 24_000, "Unpaid")
    world.quiet()

    paid = {"method": "transfer", "paid_on": "2026-03-20"}
    world.shop.insert("payments", invoice_id=row, cents=10_000, reference="T-1", **paid)
    counts = world.settled()
    assert counts["payment"].submitted == 1
    payment = world.desk.one("Payment Entry", reference_no="T-1")
    [settled] = payment["references"]
    assert (settled["reference_name"], settled["allocated_amount"]) == (made["name"], 100.0)
    assert payment["syncd_invoice"] == made["name"]
    assert ledger(world, payment["name"]) == {"Main Bank": 100.0, "Debtors": -100.0}
    world.settled()
    assert told(world, row) == ("issued", 24_000, 14_000, "Partly Paid")

    world.desk.act("pay", "Sales Invoice", made["name"])
    world.settled()
    assert told(world, row) == ("issued", 24_000, 0, "Paid")
    assert len(world.shop.rows("SELECT * FROM payments")) == 1, "payments that people enter stay theirs"
    world.quiet()


def test_a_payment_that_bounces_makes_the_invoice_owed_again(make: Callable[..., Company]) -> None:
    world = make("payment")
    row = invoice(world)
    payment = world.shop.insert(
        "payments", invoice_id=row, cents=24_000, reference="T-1", method="card", paid_on="2026-03-20"
    )
    world.settled()
    world.settled()
    assert told(world, row)[2:] == (0, "Paid")
    world.shop.change("payments", payment, state="bounced")
    assert world.settled()["payment"].cancelled == 1
    world.settled()
    assert told(world, row)[2:] == (24_000, "Unpaid")
    assert ledger(world, world.desk.one("Payment Entry", reference_no="T-1")["name"]) == {}
    world.quiet()


def test_a_paid_invoice_is_voided_and_its_payment_stays_where_the_mapping_says_so(make: Callable[..., Company]) -> None:
    """The site itself refuses to cancel what a Link field refers to, and `syncd_invoice` is one."""
    world = make("payment")
    row = invoice(world)
    world.shop.insert("payments", invoice_id=row, cents=24_000, reference="T-1", method="card", paid_on="2026-03-20")
    world.settled()
    world.settled()
    world.shop.change("invoices", row, state="void")
    held = world.run().mappings["sales-invoice"]
    assert (held.held, held.cancelled) == (1, 0)
    mapping = world.deployment.folder / "mappings" / "sales-invoice.toml"
    world.deployment.replace(mapping, 'cancel_linked = "hold"', 'cancel_linked = "unlink"')
    assert world.settled()["sales-invoice"].cancelled == 1
    payment = world.desk.one("Payment Entry", reference_no="T-1")
    assert (payment["docstatus"], payment["syncd_invoice"] or None) == (1, None)
    world.settled()
    world.quiet()


def test_a_payment_waits_for_an_invoice_that_is_still_a_draft(make: Callable[..., Company]) -> None:
    world = make("payment")
    row = invoice(world, state="open")
    paid = {"reference": "T-1", "method": "card", "paid_on": "2026-03-20"}
    world.shop.insert("payments", invoice_id=row, cents=24_000, **paid)
    for _ in range(2):
        assert world.run().mappings["payment"].failed == 1
        assert world.desk.list("Payment Entry") == [], "nothing is kept of it"
    world.shop.change("invoices", row, state="issued")
    counts = world.settled()
    assert counts["payment"].submitted == 1
    world.settled()
    assert told(world, row) == ("issued", 24_000, 0, "Paid")
    world.quiet()


def test_an_invoice_changes_its_state_on_either_side(make: Callable[..., Company]) -> None:
    world = make("sales-invoice")
    ours, theirs = invoice(world, "I-1", state="open"), invoice(world, "I-2", state="open")
    world.settled()
    first, second = (world.desk.one("Sales Invoice", po_no=number) for number in ("I-1", "I-2"))
    assert (first["docstatus"], second["docstatus"]) == (0, 0)
    world.shop.change("invoices", ours, state="issued")
    world.desk.act("submit", "Sales Invoice", second["name"])
    world.settled()
    world.settled()
    assert world.desk.get("Sales Invoice", first["name"])["docstatus"] == 1
    assert [told(world, row)[0] for row in (ours, theirs)] == ["issued", "issued"]
    world.quiet()

    world.desk.act("cancel", "Sales Invoice", second["name"])
    world.shop.change("invoices", ours, state="void")
    world.settled()
    assert world.desk.get("Sales Invoice", first["name"])["docstatus"] == 2
    assert told(world, theirs)[0] == "void"
    world.settled()
    world.quiet()


def test_an_amended_invoice_keeps_what_people_entered(make: Callable[..., Company]) -> None:
    world = make("sales-invoice")
    row = invoice(world, state="open")
    world.settled()
    draft = world.desk.one("Sales Invoice", po_no="I-1")
    world.desk.act("save", "Sales Invoice", draft["name"], terms="14 days net")
    world.shop.change("invoices", row, state="issued")
    world.settled()
    world.shop.do("UPDATE invoice_lines SET quantity = 3")
    world.shop.touch("invoices", row)
    assert world.settled()["sales-invoice"].amended == 1
    world.settled()
    live = world.desk.one("Sales Invoice", docstatus=1)
    assert (live["amended_from"], live["terms"], live["grand_total"]) == (draft["name"], "14 days net", 360.0)
    assert told(world, row) == ("issued", 36_000, 36_000, "Unpaid")
    assert ledger(world, draft["name"]) == {}
    world.quiet()


def test_what_erpnext_works_out_reaches_the_shop_in_the_same_run(make: Callable[..., Company]) -> None:
    world = make("sales-invoice")
    row = invoice(world, state="open")
    world.settled()
    assert told(world, row)[:2] == ("open", 24_000), "of a new document"
    world.shop.do("UPDATE invoice_lines SET quantity = 5")
    world.shop.touch("invoices", row)
    world.settled()
    assert told(world, row)[:2] == ("open", 60_000), "of a changed one"
    world.quiet()
    world.shop.change("invoices", row, total_cents=1)
    world.settled()
    assert world.desk.one("Sales Invoice")["grand_total"] == 600.0, "it never comes back as a change"


def accounts(world: Company) -> dict[str, int]:
    """The copy of the chart of accounts in the books, as a first run fills it: name → id."""
    world.settled("chart-of-accounts", "cost-center")
    return {row["name"]: row["id"] for row in world.books.rows("SELECT id, name FROM accounts")}


def center(world: Company, name: str) -> int:
    """The id of a cost centre in the books."""
    return int(world.books.value("SELECT id FROM cost_centers WHERE name = ?", name))


def test_the_chart_of_accounts_is_copied_with_its_tree(make: Callable[..., Company]) -> None:
    world = make("chart-of-accounts", "cost-center")
    ids = accounts(world)
    there = world.desk.list("Account", "account_name", "parent_account", "is_group")
    assert len(ids) == len(there) > 60
    tree = world.books.rows(
        "SELECT c.erp_name AS child, p.erp_name AS parent FROM accounts c LEFT JOIN accounts p ON p.id = c.parent_id"
    )
    assert {row["child"]: row["parent"] for row in tree} == {
        row["name"]: row["parent_account"] or None for row in there
    }
    kinds = {"account_name": "Petty Cash", "parent_account": "Cash In Hand - AI", "company": "Acme Inc"}
    world.quiet()
    world.desk.act("create", "Account", account_type="Cash", root_type="Asset", **kinds)
    world.settled()
    made = world.books.rows("SELECT kind, parent_id FROM accounts WHERE name = 'Petty Cash'")
    assert made == [{"kind": "Cash", "parent_id": ids["Cash In Hand"]}]
    world.quiet()


def payroll(world: Company, ids: dict[str, int], period: str, *, state: str = "closed", off: int = 0) -> int:
    """A month's wages of two departments; `off` cents make it unbalanced."""
    row = world.books.insert("payrolls", period=period, pay_date=f"{period}-28", memo=f"Wages {period}", state=state)
    legs = (
        ("Salary", "Operations", 300_000, 0),
        ("Salary", "Administration", 200_000 + off, 0),
        ("Payroll Taxes Payable", None, 0, 120_000),
        ("Payroll Payable", None, 0, 380_000),
    )
    for leg, (account, place, debit, credit) in enumerate(legs, 1):
        values = {"debit_cents": debit, "credit_cents": credit, "center_id": place and center(world, place)}
        world.books.insert("payroll_legs", payroll_id=row, leg_no=leg, account_id=ids[account], **values)
    return row


def test_payroll_is_booked_by_account_and_cost_centre(make: Callable[..., Company]) -> None:
    world = make("journal-entry")
    ids = accounts(world)
    row = payroll(world, ids, "2026-01")
    assert world.settled()["journal-entry"].submitted == 1
    made = world.desk.one("Journal Entry", cheque_no="2026-01")
    assert ledger(world, made["name"]) == {
        "Salary": 5_000.0,
        "Payroll Taxes Payable": -1_200.0,
        "Payroll Payable": -3_800.0,
    }
    places = world.desk.list("GL Entry", "cost_center", "debit", voucher_no=made["name"])
    assert {(entry["cost_center"], entry["debit"]) for entry in places if entry["debit"]} == {
        ("Operations - AI", 3_000.0),
        ("Administration - AI", 2_000.0),
    }
    world.settled()
    world.quiet()
    world.books.change("payrolls", row, state="reversed")
    assert world.settled()["journal-entry"].cancelled == 1
    assert ledger(world, made["name"]) == {}


def test_payroll_that_does_not_balance_stays_a_draft_until_it_does(make: Callable[..., Company]) -> None:
    world = make("journal-entry")
    row = payroll(world, accounts(world), "2026-01", off=100)
    counts = world.run().mappings["journal-entry"]
    assert (counts.created["erpnext"], counts.held) == (1, 1)
    shown = world.deployment.run("conflicts", "show", "1").stdout
    assert "Total Debit must be equal to Total Credit. The difference is 1.0" in shown
    draft = world.desk.one("Journal Entry", cheque_no="2026-01")
    assert draft["docstatus"] == 0
    world.books.do("UPDATE payroll_legs SET debit_cents = debit_cents - 100 WHERE leg_no = 2")
    world.books.touch("payrolls", row)
    world.settled()
    assert world.desk.get("Journal Entry", draft["name"])["docstatus"] == 1
    world.settled()
    world.quiet()


def test_bills_are_booked_once_they_are_approved(make: Callable[..., Company]) -> None:
    world = make("purchase-invoice")
    ids = accounts(world)
    supplier = world.books.insert("suppliers", name="City Power")
    dates = {"dated": "2026-02-27", "due_on": "2090-03-31", "approved_on": "2026-03-02"}
    row = world.books.insert("bills", supplier_id=supplier, number="P-77", state="booked", **dates)
    line = {"account_id": ids["Utility Expenses"], "center_id": center(world, "Operations")}
    world.books.insert("bill_lines", bill_id=row, line_no=1, what="Electricity", unit_cents=31_415, **line)
    assert world.settled()["purchase-invoice"].seen["source"] == 0
    world.books.change("bills", row, approved=1)
    assert world.settled()["purchase-invoice"].submitted == 1
    made = world.desk.one("Purchase Invoice", bill_no="P-77")
    assert (made["supplier"], made["posting_date"]) == ("City Power", "2026-03-02")
    assert ledger(world, made["name"]) == {"Utility Expenses": 314.15, "Creditors": -314.15}
    world.settled()
    assert (world.books.one("bills", row)["owed_cents"], world.books.one("bills", row)["progress"]) == (
        31_415,
        "Unpaid",
    )
    world.quiet()
    world.desk.act("pay", "Purchase Invoice", made["name"])
    world.settled()
    assert (world.books.one("bills", row)["owed_cents"], world.books.one("bills", row)["progress"]) == (0, "Paid")
    world.quiet()


def test_the_ledger_is_exported_by_voucher(make: Callable[..., Company]) -> None:
    world = make("sales-invoice", "gl-export")
    invoice(world)
    invoice(world, "I-2")
    world.settled()
    world.settled()
    first, second = (world.desk.one("Sales Invoice", po_no=number)["name"] for number in ("I-1", "I-2"))
    booked = {"Debtors": 24_000, "Sales": -24_000}
    assert exported(world) == {("Sales Invoice", first): booked, ("Sales Invoice", second): booked}
    world.quiet()

    before = world.books.dump()
    assert world.desk.admin("jobs/hourly")["changed"] == 4
    world.settled(full=True)
    assert world.books.dump() == before, "new names of the entries are no change"

    world.desk.act("pay", "Sales Invoice", first)
    world.desk.act("cancel", "Sales Invoice", second)
    world.settled()
    world.settled()
    payment = world.desk.one("Payment Entry")["name"]
    assert exported(world) == {
        ("Sales Invoice", first): booked,
        ("Payment Entry", payment): {"Main Bank": 24_000, "Debtors": -24_000},
    }
    reversed_entries = world.books.value("SELECT count(*) FROM ledger_entries WHERE reversed = 1")
    assert reversed_entries == 4, "the cancelled voucher stays, with what took it back"
    world.quiet()
    world.quiet(full=True)


def test_entries_that_are_booked_anew_replace_the_voucher_s_as_a_set(make: Callable[..., Company]) -> None:
    world = make("sales-invoice", "gl-export")
    invoice(world)
    world.settled()
    world.settled()
    entries = world.desk.list("GL Entry", "account", "debit", "credit")
    debit, credit = sorted(entries, key=lambda entry: entry["credit"])
    world.desk.admin("delete", doctype="GL Entry", name=debit["name"])
    world.desk.admin("delete", doctype="GL Entry", name=credit["name"])
    whole = world.desk.one("Sales Invoice")
    kept = {"voucher_type": "Sales Invoice", "voucher_no": whole["name"], "company": "Acme Inc"}
    rows = [
        {**kept, "posting_date": "2026-03-02", "account": account, "debit": amounts[0], "credit": amounts[1]}
        for account, amounts in (("Debtors - AI", (240, 0)), ("Sales - AI", (0, 140)), ("Service - AI", (0, 100)))
    ]
    world.desk.admin(
        "bulk_load", doctype="GL Entry", rows=[{"name": f"new-{at}", **row} for at, row in enumerate(rows)]
    )
    counts = world.settled()
    assert counts["gl-export"].updated == {"erpnext": 0, "source": 1}
    assert exported(world) == {
        ("Sales Invoice", whole["name"]): {"Debtors": 24_000, "Sales": -14_000, "Service": -10_000}
    }
    assert world.books.value("SELECT count(*) FROM ledger_vouchers") == 1
    world.quiet()
