"""A scripted year of a small company: the example mappings over one site, three databases and 60 passes.

The shop takes orders, writes invoices and takes payments; the bookkeepers run payroll; people work in ERPNext. In
between both sides amend, cancel, and edit the same records differently. At the end nothing is there twice, the ledger
balances and equals what the documents say, and every conflict was resolved through `syncd conflicts`.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.bootstrap import Application
from syncd.core.model import Counts
from tests.system.examples import Company, company

PASSES = 60
ORDERS, INVOICES, PAYMENTS, PAYROLLS = 300, 400, 350, 24
AMENDMENTS, CANCELLATIONS, CONFLICTS = 40, 15, 30
BY_PEOPLE = {"payments": 90, "amendments": 15, "cancellations": 6, "document conflicts": 6}
"""How many of them people do in ERPNext; `document conflicts`: drafts that one side submits and the other changes."""
MAPPINGS = ("sales-order", "payment", "journal-entry", "gl-export")
LEDGER_EVERY = 15
FIRST = date(2026, 1, 1)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """The company on the first of January."""
    monkeypatch.setenv("SHOP_KEY", "full")
    monkeypatch.setenv("SHOP_SECRET", "full")
    with company(tmp_path / "deployment", MAPPINGS) as made:
        made.deployment.replace(made.deployment.settings, 'overlap = "10m"', 'overlap = "5s"')
        yield made


@dataclass
class Year:
    """What has happened so far, as those who did it know it."""

    world: Company
    dice: random.Random = field(default_factory=lambda: random.Random(2026))
    done: Counter[str] = field(default_factory=Counter)
    orders: list[int] = field(default_factory=list)
    untouched: list[int] = field(default_factory=list)
    """Invoices that are issued, and that nobody has paid, changed or cancelled."""
    drafts: list[int] = field(default_factory=list)
    """Invoices that wait as drafts for a conflict about them."""
    paid_by_people: int = 0
    accounts: dict[str, int] = field(default_factory=dict)

    def due(self, kind: str, total: int, number: int) -> range:
        """How many of a kind are due in pass `number`, spread evenly; payments begin three passes later."""
        first, late = self.done[kind], 3 if kind == "payments" else 0
        self.done[kind] = total * max(0, number - late) // (PASSES - late)
        return range(first, self.done[kind])

    def day(self, number: int) -> str:
        """The date of a pass."""
        return (FIRST + timedelta(days=number * 6)).isoformat()

    def name(self, table: str, row: int) -> str:
        """What a row's document is called in ERPNext."""
        return str(self.world.shop.value(f"SELECT erp_name FROM {table} WHERE id = ?", row))

    def take(self, rows: list[int]) -> int:
        """One of the rows, which is then not there any more."""
        return rows.pop(self.dice.randrange(len(rows)))


def open_shop(world: Company) -> None:
    """40 customers with contacts and 25 articles."""
    for number in range(1, 41):
        row = world.shop.insert("customers", name=f"Customer {number:02d}", country="US", vat=f"US{number:04d}")
        person = world.shop.insert("contacts", customer_id=row, first_name=f"Person {number:02d}")
        world.shop.change("customers", row, contact_id=person)
    for number in range(1, 26):
        world.shop.insert("products", sku=f"SKU-{number:02d}", title=f"Article {number}", stocked=0)


def lines(year: Year, table: str, parent: str, row: int, **more: str) -> None:
    """One to four lines of an order or an invoice."""
    for line in range(1, year.dice.randint(1, 4) + 1):
        values = {"product_id": year.dice.randint(1, 25), "quantity": year.dice.randint(1, 9)}
        cents = year.dice.randrange(500, 90_000, 5)
        year.world.shop.insert(table, **{parent: row}, line_no=line, unit_cents=cents, **values, **more)


def shop_works(year: Year, number: int) -> None:
    """The shop's own day: orders and invoices come in, some are confirmed later, some payments arrive."""
    shop, today = year.world.shop, year.day(number)
    for count in year.due("orders", ORDERS, number):
        state = "placed" if count % 5 == 0 else "confirmed"
        buyer = year.dice.randint(1, 40)
        row = shop.insert("orders", number=f"W-{count:04d}", customer_id=buyer, ordered_on=today, state=state)
        lines(year, "order_lines", "order_id", row, deliver_by="2090-01-01")
        year.orders.append(row)
    for row in [row for row in year.orders if row % 7 == 0][-3:]:
        if shop.one("orders", row)["state"] == "placed" and shop.one("orders", row)["erp_name"]:
            shop.change("orders", row, state="confirmed")
    for count in year.due("invoices", INVOICES, number):
        waits = len(year.drafts) < 2 and year.done["document conflicts"] < BY_PEOPLE["document conflicts"]
        state = "open" if waits else "issued"
        row = shop.insert(
            "invoices",
            number=f"I-{count:04d}",
            customer_id=year.dice.randint(1, 40),
            issued_on=today,
            due_on="2090-01-31",
            state=state,
        )
        lines(year, "invoice_lines", "invoice_id", row)
        (year.drafts if state == "open" else year.untouched).append(row)


def payroll(year: Year, number: int) -> None:
    """Wages by department, twice a month."""
    books = year.world.books
    centers = {row["name"]: row["id"] for row in books.rows("SELECT id, name FROM cost_centers")}
    for count in year.due("payrolls", PAYROLLS, number):
        row = books.insert("payrolls", period=f"2026-{count:02d}", pay_date=year.day(number), state="closed")
        wages = [year.dice.randrange(100_000, 400_000) for _ in range(3)]
        places = ("Operations", "Administration", "Sales and Marketing")
        legs = [("Salary", centers[place], wage, 0) for place, wage in zip(places, wages, strict=True)]
        legs += [("Payroll Taxes Payable", None, 0, sum(wages) // 4)]
        legs += [("Payroll Payable", None, 0, sum(wages) - sum(wages) // 4)]
        for leg, (account, place, debit, credit) in enumerate(legs, 1):
            values = {"center_id": place, "debit_cents": debit, "credit_cents": credit}
            books.insert("payroll_legs", payroll_id=row, leg_no=leg, account_id=year.accounts[account], **values)


def invoices_move(year: Year, number: int) -> None:
    """What becomes of invoices of earlier passes: amended, cancelled, paid, by the shop and by people."""
    shop, desk = year.world.shop, year.world.desk
    known = [row for row in year.untouched if shop.one("invoices", row)["erp_name"]]
    year.dice.shuffle(known)
    for count in year.due("amendments", AMENDMENTS, number):
        row = known.pop()
        if count % (AMENDMENTS // BY_PEOPLE["amendments"]) == 0 and count // 2 < BY_PEOPLE["amendments"]:
            name = year.name("invoices", row)
            desk.act("cancel", "Sales Invoice", name)
            desk.act("amend_and_submit", "Sales Invoice", name, terms="as agreed by phone")
        else:
            shop.do("UPDATE invoice_lines SET quantity = quantity + 1 WHERE invoice_id = ? AND line_no = 1", row)
            shop.touch("invoices", row)
    for count in year.due("cancellations", CANCELLATIONS, number):
        row = known.pop()
        year.untouched.remove(row)
        if count < BY_PEOPLE["cancellations"]:
            desk.act("cancel", "Sales Invoice", year.name("invoices", row))
        else:
            shop.change("invoices", row, state="void")
    fresh = {row for row in year.untouched if shop.one("invoices", row)["erp_name"]} & set(known)
    for count in year.due("payments", PAYMENTS, number):
        row = year.take(sorted(fresh))
        fresh.discard(row)
        year.untouched.remove(row)
        if count % 4 == 0 and year.paid_by_people < BY_PEOPLE["payments"]:
            year.paid_by_people += 1
            desk.act("pay", "Sales Invoice", year.name("invoices", row))
            continue
        owed = shop.one("invoices", row)["owed_cents"]
        part = owed // 2 if count % 6 == 1 else owed
        values = {"reference": f"T-{count:04d}", "method": ("card", "transfer")[count % 2], "paid_on": year.day(number)}
        shop.insert("payments", invoice_id=row, cents=part, **values)


def disagree(year: Year, number: int) -> None:
    """Both sides change one record differently: customers and articles, and invoices that one side submits."""
    shop, desk = year.world.shop, year.world.desk
    total = CONFLICTS - BY_PEOPLE["document conflicts"]
    for count in year.due("conflicts", total, number):
        if count % 3:
            row = count % 40 + 1
            desk.act("save", "Customer", year.name("customers", row), website=f"https://desk-{count}.example")
            shop.change("customers", row, website=f"https://shop-{count}.example")
        else:
            row = count % 25 + 1
            desk.act("save", "Item", year.name("products", row), item_name=f"Desk's {count}")
            shop.change("products", row, title=f"Shop's {count}")
    ready = [row for row in year.drafts if shop.one("invoices", row)["erp_name"]]
    for _ in year.due("document conflicts", BY_PEOPLE["document conflicts"], number):
        row = ready.pop()
        year.drafts.remove(row)
        desk.act("submit", "Sales Invoice", year.name("invoices", row))
        shop.change("invoices", row, state="void")


def held(world: Company) -> list[dict[str, Any]]:
    """The conflicts that `syncd conflicts list` shows."""
    done = world.deployment.run("conflicts", "list", "--json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["conflicts"]
    return found


def resolve(year: Year) -> None:
    """Resolve what is held through the commands: by number, by mapping and field, and by a file that a person edits."""
    world, open_ones = year.world, held(year.world)
    if not open_ones:
        return
    waiting = [each for each in open_ones if each["kind"] == "link"]
    year.done["waited for a link"] += len(waiting)
    year.done["resolved"] += len(open_ones) - len(waiting)
    documents = [str(each["id"]) for each in open_ones if each["kind"] in {"state", "transition"}]
    if documents:
        command(world, "resolve", *documents, "--take", "source")
    if any(each["mapping"] == "item" for each in open_ones):
        command(world, "resolve", "--mapping", "item", "--field", "item_name", "--take", "erpnext")
    if any(each["mapping"] == "customer" for each in open_ones):
        command(world, "export", "held.toml", "--force")
        file = world.deployment.folder / "held.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r'^take = ""', 'take = "source"', text, flags=re.MULTILINE), encoding="utf-8")
        command(world, "import", "held.toml")


def command(world: Company, *arguments: str) -> None:
    """A command of `syncd conflicts` that has to succeed."""
    done = world.deployment.run("conflicts", *arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"


def reconcile(application: Application, *, ledger: bool) -> dict[str, Counts]:
    """One pass, in which nothing may fail or halt; what is held is for a person."""
    names = [name for name in application.deployment.enabled if ledger or name != "gl-export"]
    result = application.reconcile(names, full=False, force=False, wait=30.0, progress=None)
    for name, counts in result.mappings.items():
        assert (counts.error, counts.halt, counts.failed) == (None, None, 0), f"{name}: {counts}"
    return result.mappings


def live(world: Company, year: Year) -> None:
    """60 passes with what happens between them."""
    application = Application.open(world.deployment.settings, quiet=True)
    totals: Counter[str] = Counter()
    try:
        open_shop(world)
        reconcile(application, ledger=False)
        year.accounts = {row["name"]: row["id"] for row in world.books.rows("SELECT id, name FROM accounts")}
        for number in range(1, PASSES + 1):
            shop_works(year, number)
            payroll(year, number)
            invoices_move(year, number)
            disagree(year, number)
            counts = reconcile(application, ledger=number % LEDGER_EVERY == 0)
            totals["amended"] += sum(each.amended for each in counts.values())
            totals["cancelled"] += sum(each.cancelled for each in counts.values())
            if number % 4 == 0 or number == PASSES:
                resolve(year)
        for _ in range(3):
            reconcile(application, ledger=True)
    finally:
        application.close()
    year.done.update(totals)


def test_a_year_of_a_small_company(world: Company) -> None:
    year = Year(world)
    live(world, year)
    assert held(world) == []
    assert year.done["resolved"] == CONFLICTS
    assert year.done["waited for a link"] > 0, "what links to a held record waits with it, and goes on by itself"
    world.quiet()
    for name, counts in world.settled(full=True).items():
        assert (counts.created, counts.updated) == ({"erpnext": 0, "source": 0},) * 2, name

    nothing_twice(world)
    invoices = invoices_agree(world)
    ledger_agrees(world, invoices)
    export_agrees(world)
    assert year.done["orders"] == len(world.shop.rows("SELECT id FROM orders")) == ORDERS
    assert len(world.shop.rows("SELECT id FROM invoices")) == INVOICES
    made_here = len(world.shop.rows("SELECT id FROM payments"))
    assert made_here + year.paid_by_people == PAYMENTS == len(world.desk.list("Payment Entry"))
    assert len(world.books.rows("SELECT id FROM payrolls")) == PAYROLLS == len(world.desk.list("Journal Entry"))
    amended = [each for each in world.desk.list("Sales Invoice", "amended_from") if each["amended_from"]]
    assert len(amended) == AMENDMENTS
    void = world.shop.value("SELECT count(*) FROM invoices WHERE state = 'void'")
    assert void == CANCELLATIONS + BY_PEOPLE["document conflicts"], "the latter were resolved for the shop"


def nothing_twice(world: Company) -> None:
    """Each record has one document, which it names, and each document of syncd's one record."""
    for source, doctype, table in (
        (world.shop, "Customer", "customers"),
        (world.shop, "Item", "products"),
        (world.shop, "Sales Order", "orders"),
        (world.shop, "Sales Invoice", "invoices"),
        (world.shop, "Payment Entry", "payments"),
        (world.books, "Journal Entry", "payrolls"),
    ):
        field_name = "syncd_shop_id" if source is world.shop else "syncd_books_id"
        documents = world.desk.list(doctype, field_name, "docstatus")
        amended = {each["amended_from"] for each in _amendments(world, doctype)}
        latest = [each for each in documents if each[field_name] and each["name"] not in amended]
        named = {str(row["id"]): row["erp_name"] for row in source.rows(f"SELECT id, erp_name FROM {table}")}
        assert Counter(each[field_name] for each in latest).most_common(1)[0][1] == 1, doctype
        assert {each[field_name]: each["name"] for each in latest} == named, doctype


def _amendments(world: Company, doctype: str) -> list[dict[str, Any]]:
    submittable = doctype not in ("Customer", "Item")
    return world.desk.list(doctype, "amended_from") if submittable else []


def invoices_agree(world: Company) -> dict[str, dict[str, Any]]:
    """The shop knows of each invoice what ERPNext holds; the submitted ones by name."""
    fields = ("docstatus", "grand_total", "outstanding_amount", "status")
    documents = {each["name"]: each for each in world.desk.list("Sales Invoice", *fields)}
    states = {"open": 0, "issued": 1, "void": 2}
    for row in world.shop.rows("SELECT * FROM invoices"):
        document = documents[row["erp_name"]]
        assert states[row["state"]] == document["docstatus"], row
        assert (row["total_cents"], row["progress"]) == (round(document["grand_total"] * 100), document["status"]), row
        assert row["owed_cents"] == round(document["outstanding_amount"] * 100), row
        total = world.shop.value(
            "SELECT sum(round(quantity * unit_cents)) FROM invoice_lines WHERE invoice_id = ?", row["id"]
        )
        assert total == row["total_cents"], row
    return {name: each for name, each in documents.items() if each["docstatus"] == 1}


def balances(world: Company) -> dict[str, int]:
    """The ledger's balance of each account in cents, debits positive, without what was reversed."""
    sums: Counter[str] = Counter()
    for row in world.desk.list("GL Entry", "account", "debit", "credit", is_cancelled=0):
        sums[row["account"].removesuffix(" - AI")] += round(row["debit"] * 100) - round(row["credit"] * 100)
    return {account: cents for account, cents in sums.items() if cents}


def ledger_agrees(world: Company, invoices: dict[str, dict[str, Any]]) -> None:
    """The ledger balances, and is what the documents of the three databases and of people come to."""
    found = balances(world)
    assert sum(found.values()) == 0
    billed = sum(round(each["grand_total"] * 100) for each in invoices.values())
    payments = world.desk.list("Payment Entry", "paid_amount", docstatus=1)
    paid = sum(round(each["paid_amount"] * 100) for each in payments)
    owed = world.shop.value("SELECT sum(owed_cents) FROM invoices WHERE state = 'issued'")
    assert (found["Sales"], found["Main Bank"], found["Debtors"]) == (-billed, paid, billed - paid)
    assert owed == billed - paid
    wages = world.books.rows(
        "SELECT a.name, sum(l.debit_cents - l.credit_cents) AS cents FROM payroll_legs l "
        "JOIN accounts a ON a.id = l.account_id GROUP BY 1"
    )
    assert {row["name"]: row["cents"] for row in wages} == {
        account: cents for account, cents in found.items() if account not in ("Sales", "Main Bank", "Debtors")
    }


def export_agrees(world: Company) -> None:
    """The copy of the ledger in the books is the ledger, and no voucher stands in it twice."""
    rows = world.books.rows(
        "SELECT account, sum(debit_cents - credit_cents) AS cents FROM ledger_entries WHERE reversed = 0 GROUP BY 1"
    )
    copied = {row["account"].removesuffix(" - AI"): row["cents"] for row in rows if row["cents"]}
    assert copied == balances(world)
    entries = world.desk.list("GL Entry", "voucher_no")
    assert world.books.value("SELECT count(*) FROM ledger_entries") == len(entries)
    assert world.books.value("SELECT count(*) FROM ledger_vouchers") == len({each["voucher_no"] for each in entries})
