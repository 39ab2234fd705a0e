"""Amending: what the new document takes along, and that it is made once however an attempt ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.checks import check_site
from syncd.adapters.erpnext.meta import forget_doctype
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.model import Action, Raw, Row, Rows, Side, TableRow, Write
from syncd.core.spec import CancelLinked, ChangedAfterSubmit
from syncd.errors import BusyError, HeldError, StaleError, UnknownOutcomeError
from syncd.ports.endpoint import Done
from tests.erpnext.helpers import FakeClock, make_client
from tests.erpnext.lifecycle.invoices import (
    changed,
    creation,
    done,
    entry_spec,
    error,
    invoice_spec,
    legs,
    line,
    lines,
    live_ledger,
    new_lines,
    pay,
    value,
    write,
)
from tests.sandbox.site_client import SiteClient as Site


@pytest.fixture
def invoice(endpoint: ErpnextEndpoint, site: Site) -> Row:
    """A submitted invoice to which a person had added taxes, remarks and a discount before it was submitted."""
    draft = done(endpoint.create([creation("7")], "op-invoice")[0])
    taxes = [{"charge_type": "Actual", "account_head": "Cash - AI", "description": "Freight", "tax_amount": 5}]
    assert site.update("Sales Invoice", draft.key, taxes=taxes, remarks="call before noon").status_code == 200
    return done(one(endpoint, write(Action.SUBMIT, endpoint.fetch([draft.key])[0])))


def one(endpoint: ErpnextEndpoint, sent: Write) -> Any:
    ((_, result),) = list(endpoint.apply([sent]))
    return result


def amendment(row: Row, *, docstatus: int = 1, qty: float = 3.0, **values: Any) -> Write:
    """The first row's quantity changes, the second row goes, a new one comes."""
    held = lines(row)
    rows = Rows((changed(held.rows[0], qty=qty), TableRow(None, ("B", 4.0, 2.5))))
    return write(Action.AMEND, row, docstatus=docstatus, **{"items": rows, **values})


def documents(site: Site) -> dict[str, tuple[int, str | None]]:
    """Each invoice with its docstatus and what it amends."""
    rows = site.rows("Sales Invoice", fields=["name", "docstatus", "amended_from"], limit_page_length="0")
    return {row["name"]: (row["docstatus"], row["amended_from"]) for row in rows}


def test_an_amendment_takes_along_what_people_had_entered(endpoint: ErpnextEndpoint, invoice: Row, site: Site) -> None:
    row = done(one(endpoint, amendment(invoice, po_no="PO-8")))
    assert (row.key, row.docstatus, row.partner) == (f"{invoice.key}-1", 1, "7")
    assert value(row, "amended_from") == invoice.key
    assert (value(row, "po_no"), value(row, "status")) == ("PO-8", "Unpaid")
    assert [line(lines(row), 0, name) for name in ("item_code", "qty", "rate")] == ["A", 3.0, 50.0]
    assert [line(lines(row), 1, name) for name in ("item_code", "qty", "rate")] == ["B", 4.0, 2.5]
    assert value(row, "grand_total") == 165.0, "totals are computed anew, the freight that a person added included"
    held = site.read("Sales Invoice", row.key)
    assert [(tax["description"], tax["tax_amount"]) for tax in held["taxes"]] == [("Freight", 5.0)]
    assert held["remarks"] == "call before noon"
    assert [entry["description"] for entry in held["items"]] == ["from the shop", "from the shop"], "constants of rows"
    assert {item["name"] for item in held["items"]}.isdisjoint({item.name for item in lines(invoice).rows})
    assert documents(site) == {invoice.key: (2, None), row.key: (1, invoice.key)}
    assert live_ledger(site) == {row.key: 165.0}
    assert endpoint.fetch([row.key]) == [row]


def test_check_names_what_an_amendment_would_lose(client: SiteClient, invoice: Row, site: Site) -> None:
    for name, level in (("approval", 1), ("footnote", 0)):
        site.create("Custom Field", dt="Sales Invoice", fieldname=name, label=name, fieldtype="Data", permlevel=level)
    forget_doctype(client, "Sales Invoice")
    spec = invoice_spec(lifecycle={"changed_after_submit": ChangedAfterSubmit.AMEND})
    (problem,) = [each for each in check_site(client, spec) if each.key == "lifecycle.changed_after_submit"]
    assert problem.warning
    assert "may not read and write approval of Sales Invoice: an amendment is made without what" in problem.message
    assert not [each for each in check_site(client, invoice_spec()) if "amendment" in each.message]


def test_an_amendment_keeps_the_posting_date_of_what_it_replaces(
    endpoint: ErpnextEndpoint, invoice: Row, site: Site
) -> None:
    site.admin("clock", offset_seconds=5 * 86_400)
    row = done(one(endpoint, amendment(invoice)))
    assert value(row, "posting_date") == "2026-11-02"
    assert site.stored("Sales Invoice", row.key, "set_posting_time") == 1


def test_an_amendment_of_an_amendment(endpoint: ErpnextEndpoint, invoice: Row, site: Site) -> None:
    first = done(one(endpoint, amendment(invoice)))
    second = done(one(endpoint, amendment(first, qty=5.0)))
    assert second.key == f"{invoice.key}-2"
    assert documents(site) == {
        invoice.key: (2, None),
        first.key: (2, invoice.key),
        second.key: (1, first.key),
    }
    assert endpoint.amendments([invoice.key, first.key, second.key]) == {invoice.key: second, first.key: second}
    assert endpoint.find(["7"]) == [second], "of a chain only the document that stands counts"


def test_sent_again_it_finds_its_amendment(endpoint: ErpnextEndpoint, invoice: Row, site: Site) -> None:
    row = done(one(endpoint, amendment(invoice)))
    again = ErpnextEndpoint(endpoint._client, invoice_spec())
    assert done(one(again, amendment(invoice))) == row
    assert len(documents(site)) == 2


@pytest.mark.parametrize(
    ("method", "path", "description"),
    [
        ("PUT", "Sales", "the answer of the cancellation is lost"),
        ("POST", "insert_many", "the answer of the insertion is lost"),
    ],
)
def test_a_lost_answer_changes_nothing(
    endpoint: ErpnextEndpoint,
    server: SandboxServer,
    invoice: Row,
    site: Site,
    method: str,
    path: str,
    description: str,
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method=method, path_contains=path))
    row = done(one(endpoint, amendment(invoice)))
    assert documents(site) == {invoice.key: (2, None), row.key: (1, invoice.key)}, description


def test_stopped_after_the_cancellation_it_goes_on_from_there(
    endpoint: ErpnextEndpoint, server: SandboxServer, invoice: Row, site: Site
) -> None:
    server.site.faults.add(
        Rule(kind=FaultKind.STATUS, status=503, method="POST", path_contains="insert_many", times=-1)
    )
    assert isinstance(error(one(endpoint, amendment(invoice))), BusyError)
    assert documents(site) == {invoice.key: (2, None)}
    server.site.faults.clear()
    row = done(one(endpoint, amendment(invoice)))
    assert documents(site) == {invoice.key: (2, None), row.key: (1, invoice.key)}


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before the request", "after it was served"])
def test_killed_at_any_request_the_same_write_finishes_it(
    endpoint: ErpnextEndpoint, server: SandboxServer, site: Site, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    made = endpoint.create([creation(f"k{i}", docstatus=1) for i in range(20)], "op-kill")
    real, points, left = SiteClient._exchange, 0, 0

    def exchange(self: SiteClient, request: Any) -> dict[str, Any]:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Killed
        answer = real(self, request)
        if left == 0:
            raise Killed
        return answer

    monkeypatch.setattr(SiteClient, "_exchange", exchange)
    for number, row in enumerate(done(result) for result in made):
        left = number + 1
        doomed = make_client(server.url)
        try:
            list(ErpnextEndpoint(doomed, invoice_spec()).apply([amendment(row)]))
        except Killed:
            points += 1
        left = 0
        alive = make_client(server.url)
        finished = done(one(ErpnextEndpoint(alive, invoice_spec()), amendment(row)))
        assert (finished.key, line(lines(finished), 0, "qty")) == (f"{row.key}-1", 3.0), f"killed at {number + 1}"
        doomed.close()
        alive.close()
    held = documents(site)
    assert [state for state, _ in held.values()].count(1) == 20
    assert len(held) == 40
    assert sum(live_ledger(site).values()) == 20 * 160.0
    assert points >= 10, "the requests of one amendment"


def test_six_attempts_at_once_make_one_amendment(server: SandboxServer, invoice: Row, site: Site) -> None:
    clients = [make_client(server.url) for _ in range(6)]
    endpoints = [ErpnextEndpoint(client, invoice_spec()) for client in clients]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda each: one(each, amendment(invoice)), endpoints))
    for client in clients:
        client.close()
    assert len(documents(site)) == 2
    keys = {result.row.key for result in results if isinstance(result, Done)}
    assert keys == {f"{invoice.key}-1"}
    assert {type(result.error) for result in results if not isinstance(result, Done)} <= {StaleError, BusyError}


def test_without_operation_keys_an_amendment_is_made_once_too(
    server: SandboxServer, invoice: Row, site: Site, clock: FakeClock
) -> None:
    site.delete("/api/resource/DocType/Syncd Operation").raise_for_status()
    client = make_client(server.url, clock=clock)
    plain = ErpnextEndpoint(client, invoice_spec())
    assert not plain.keyed_creation()
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="POST", path_contains="insert_many"))
    row = done(one(plain, amendment(invoice)))
    server.site.faults.add(Rule(kind=FaultKind.DROP_BEFORE, method="POST", path_contains="insert_many"))
    assert isinstance(error(one(plain, amendment(row, qty=9.0))), UnknownOutcomeError)
    last = done(one(plain, amendment(row, qty=9.0)))
    assert last.key == f"{invoice.key}-2"
    assert len(documents(site)) == 3
    client.close()


@pytest.mark.parametrize(
    ("happens", "description"),
    [
        (lambda site, key: site.update("Sales Invoice", key, po_no="theirs"), "a person edited the invoice"),
        (lambda site, key: site.update("Sales Invoice", key, docstatus=2), "a person cancelled it"),
    ],
)
def test_what_a_person_did_meanwhile_is_looked_at_first(
    endpoint: ErpnextEndpoint,
    invoice: Row,
    site: Site,
    admin: Callable[..., Any],
    happens: Callable[[Site, str], Any],
    description: str,
) -> None:
    happens(site, invoice.key)
    admin("edit", doctype="Sales Invoice", name=invoice.key, values={}, user="p@example.com")
    before = documents(site)
    assert isinstance(error(one(endpoint, amendment(invoice))), StaleError), description
    assert documents(site) == before


def test_an_amendment_by_a_person_is_not_taken_for_ours(endpoint: ErpnextEndpoint, invoice: Row, site: Site) -> None:
    site.update("Sales Invoice", invoice.key, docstatus=2)
    held = site.read("Sales Invoice", invoice.key)
    theirs = site.create(
        "Sales Invoice",
        customer="Buyer",
        company="Acme Inc",
        amended_from=invoice.key,
        items=[{"item_code": "A", "qty": 1, "rate": 1}],
        syncd_shop_id=held["syncd_shop_id"],
    )["name"]
    stale = error(one(endpoint, amendment(invoice)))
    assert isinstance(stale, StaleError)
    assert f"it was amended as “{theirs}” meanwhile" in stale.message
    assert endpoint.amendments([invoice.key])[invoice.key].key == theirs


def test_decided_on_a_cancelled_document_it_is_amended_from_there(
    endpoint: ErpnextEndpoint, invoice: Row, site: Site, admin: Callable[..., Any]
) -> None:
    site.update("Sales Invoice", invoice.key, docstatus=2)
    admin("edit", doctype="Sales Invoice", name=invoice.key, values={}, user="p@example.com")
    row = done(one(endpoint, amendment(endpoint.fetch([invoice.key])[0])))
    assert (row.key, row.docstatus) == (f"{invoice.key}-1", 1)


def test_an_amendment_that_a_person_deleted_is_made_anew(endpoint: ErpnextEndpoint, invoice: Row, site: Site) -> None:
    draft = done(one(endpoint, amendment(invoice, docstatus=0)))
    assert (draft.docstatus, value(draft, "status")) == (0, "Draft")
    site.delete(f"/api/resource/Sales Invoice/{draft.key}").raise_for_status()
    again = done(one(endpoint, amendment(endpoint.fetch([invoice.key])[0], docstatus=0)))
    assert again.creation != draft.creation
    assert len(documents(site)) == 2


def test_a_paid_invoice_is_not_amended_but_held(
    client: SiteClient, endpoint: ErpnextEndpoint, invoice: Row, site: Site
) -> None:
    payment = pay(site, invoice.key)
    paid = endpoint.fetch([invoice.key])[0]
    held = error(one(endpoint, amendment(paid)))
    assert isinstance(held, HeldError)
    assert held.message.endswith(f"Payment Entry {payment}")
    assert endpoint.fetch([invoice.key]) == [paid]
    unlink = ErpnextEndpoint(client, invoice_spec(lifecycle={"cancel_linked": CancelLinked.UNLINK}))
    assert done(one(unlink, amendment(paid))).docstatus == 1


def test_a_row_that_is_not_there_any_more_is_not_sent(endpoint: ErpnextEndpoint, invoice: Row) -> None:
    gone = Rows((TableRow("no-such-row", ("A", 1.0, 1.0)),))
    assert isinstance(error(one(endpoint, write(Action.AMEND, invoice, docstatus=1, items=gone))), StaleError)


def test_an_amendment_that_the_site_refuses_altogether_says_that_nothing_stands_in_its_place(
    endpoint: ErpnextEndpoint, invoice: Row, site: Site
) -> None:
    bad = new_lines(("Nothing", 1.0, 1.0))
    held = error(one(endpoint, write(Action.AMEND, invoice, docstatus=1, items=bad)))
    assert isinstance(held, HeldError)
    assert "it is cancelled, and the site refuses its amendment: Could not find" in held.message
    assert "nothing stands in its place now" in held.hint
    assert documents(site) == {invoice.key: (2, None)}
    row = done(one(endpoint, amendment(endpoint.fetch([invoice.key])[0])))
    assert row.key == f"{invoice.key}-1", "corrected in the source, the next decision finishes it"


def test_an_amendment_whose_submission_is_refused_waits_as_a_draft(client: SiteClient, site: Site) -> None:
    endpoint = ErpnextEndpoint(client, entry_spec())
    values: dict[str, Raw] = {"posting_date": "2026-11-20", "company": "Acme Inc", "accounts": legs(100.0, 100.0)}
    made = Write(Action.CREATE, Side.ERPNEXT, None, "j1", values, link=True, docstatus=1)
    entry = done(endpoint.create([made], "op-entry")[0])
    unbalanced = write(Action.AMEND, entry, docstatus=1, accounts=legs(100.0, 90.0))
    held = error(one(endpoint, unbalanced))
    assert isinstance(held, HeldError)
    draft = f"{entry.key}-1"
    assert (
        f"it is cancelled, and its amendment “{draft}” waits as a draft: the site refuses to submit it: "
        in held.message
    )
    assert f"correct “{draft}” in ERPNext and submit it there" in held.hint
    states = {row["name"]: row["docstatus"] for row in site.rows("Journal Entry", fields=["name", "docstatus"])}
    assert states == {entry.key: 2, draft: 0}
    assert live_ledger(site) == {}
    again = error(one(endpoint, unbalanced))
    assert (type(again), again.message) == (HeldError, held.message), "sent again: the same draft, the same words"
    assert len(site.rows("Journal Entry")) == 2
    row = endpoint.amendments([entry.key])[entry.key]
    assert (row.key, row.docstatus, row.partner) == (draft, 0, "j1")
    assert endpoint.find(["j1"]) == [row]
    rows = row.values[-1]
    assert isinstance(rows, Rows)
    balanced = Rows((rows.rows[0], TableRow(rows.rows[1].name, ("Sales - AI", 0.0, 100.0))))
    assert done(one(endpoint, write(Action.SUBMIT, row, accounts=balanced))).docstatus == 1
    assert live_ledger(site) == {draft: 100.0}


def test_of_several_cancelled_documents_with_one_id_the_newest_counts(endpoint: ErpnextEndpoint, invoice: Row) -> None:
    first = done(one(endpoint, amendment(invoice)))
    last = done(one(endpoint, write(Action.CANCEL, first)))
    assert endpoint.find(["7"]) == [last]
    assert endpoint.amendments([invoice.key]) == {invoice.key: last}


def test_a_chain_that_bites_its_tail_ends(endpoint: ErpnextEndpoint, invoice: Row, admin: Callable[..., Any]) -> None:
    first = done(one(endpoint, amendment(invoice)))
    admin("edit", doctype="Sales Invoice", name=invoice.key, values={"amended_from": first.key})
    assert endpoint.amendments([invoice.key])[invoice.key].key == first.key
