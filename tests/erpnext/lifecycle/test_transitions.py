"""Submitting, changing after that, and cancelling: what is sent, what is refused, and what a person reads then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.model import Action, Raw, Row, Rows
from syncd.core.spec import CancelLinked, SubmitFails
from syncd.errors import BusyError, HeldError, NotAllowedError, RefusedError, StaleError
from syncd.ports.endpoint import Done
from tests.erpnext.lifecycle.invoices import (
    changed,
    creation,
    done,
    error,
    invoice_spec,
    line,
    lines,
    live_ledger,
    new_lines,
    pay,
    value,
    write,
)
from tests.sandbox.site_client import SiteClient as Site

Admin = Callable[..., Any]


@pytest.fixture
def drafts(endpoint: ErpnextEndpoint) -> list[Row]:
    """Three invoices that are drafts."""
    return [done(result) for result in endpoint.create([creation(str(i)) for i in range(3)], "op-drafts")]


@pytest.fixture
def submitted(endpoint: ErpnextEndpoint) -> list[Row]:
    """Three invoices, created and submitted at once."""
    made = endpoint.create([creation(str(i), docstatus=1) for i in range(3)], "op-submitted")
    return [done(result) for result in made]


def one(endpoint: ErpnextEndpoint, sent: Any) -> Any:
    ((index, result),) = list(endpoint.apply([sent]))
    assert index == 0
    return result


def test_created_and_submitted_at_once(endpoint: ErpnextEndpoint, submitted: list[Row], site: Site) -> None:
    row = submitted[0]
    assert (row.docstatus, value(row, "docstatus"), value(row, "status")) == (1, 1, "Unpaid")
    assert (value(row, "grand_total"), value(row, "outstanding_amount")) == (110.0, 110.0), "as stored, not as answered"
    assert value(row, "posting_date") == "2026-11-02", "a posting date that is sent is kept"
    assert endpoint.fetch([row.key]) == [row]
    assert live_ledger(site) == {each.key: 110.0 for each in submitted}


def test_a_refused_submission_undoes_the_creation_and_tells_the_code(endpoint: ErpnextEndpoint, site: Site) -> None:
    wrong = new_lines(("A", 1.0, 1.0), ("Nothing", 1.0, 1.0))
    refused = error(endpoint.create([creation("1", docstatus=1, items=wrong)], "op-1")[0])
    assert isinstance(refused, RefusedError)
    assert refused.code == "LinkValidationError"
    assert site.rows("Sales Invoice") == []
    draft = done(endpoint.create([creation("1")], "op-2")[0])
    assert draft.docstatus == 0


def test_submit_sends_the_merged_fields_in_the_same_request(
    endpoint: ErpnextEndpoint, drafts: list[Row], server: SandboxServer
) -> None:
    server.site.log.reset()
    held = lines(drafts[0])
    row = done(one(endpoint, write(Action.SUBMIT, drafts[0], po_no="PO-7", items=new_lines(("A", 3.0, 50.0)))))
    assert (row.docstatus, value(row, "po_no"), value(row, "grand_total"), value(row, "status")) == (
        1,
        "PO-7",
        150.0,
        "Unpaid",
    )
    assert [line(lines(row), 0, name) for name in ("item_code", "qty")] == ["A", 3.0]
    assert len(held.rows) == 2
    assert value(row, "posting_date") == "2026-11-02", "submitting does not move a mapped posting date"
    assert [entry.method for entry in server.site.log.writes()] == ["PUT"]
    assert endpoint.fetch([row.key]) == [row]


def test_a_refused_submission_leaves_the_draft_and_is_held(endpoint: ErpnextEndpoint, drafts: list[Row]) -> None:
    bad = write(Action.SUBMIT, drafts[0], po_no="PO-7", customer="Nobody")
    refused = error(one(endpoint, bad))
    assert isinstance(refused, HeldError)
    assert refused.message.startswith(f"Sales Invoice “{drafts[0].key}” on http://127.0.0.1:")
    assert "(shop invoices “0”): the site refuses to submit it: " in refused.message
    assert "Could not find Customer: Nobody" in refused.message, "the site's own words"
    assert refused.message.endswith("; the draft stays as it was")
    assert refused.code == "LinkValidationError"
    assert endpoint.fetch([drafts[0].key]) == [drafts[0]]


def test_under_rollback_a_refused_submission_is_a_failure(client: SiteClient, drafts: list[Row]) -> None:
    spec = invoice_spec(lifecycle={"submit_fails": SubmitFails.ROLLBACK})
    rollback = ErpnextEndpoint(client, spec)
    refused = error(one(rollback, write(Action.SUBMIT, drafts[0], customer="Nobody")))
    assert type(refused) is RefusedError
    assert "refuses to submit it" in refused.message


def test_a_missing_right_is_a_failure_with_a_name_not_a_persons_decision(
    limited: SiteClient, endpoint: ErpnextEndpoint, drafts: list[Row]
) -> None:
    refused = error(one(ErpnextEndpoint(limited, invoice_spec()), write(Action.SUBMIT, drafts[0])))
    assert isinstance(refused, NotAllowedError)
    assert refused.code == "PermissionError"
    assert endpoint.fetch([drafts[0].key]) == [drafts[0]]


@pytest.mark.parametrize(
    ("action", "happens", "description"),
    [
        (Action.SUBMIT, {"docstatus": 1}, "somebody submitted the draft: the site would answer 200 and do nothing"),
        (Action.SUBMIT, {"po_no": "theirs"}, "somebody edited the draft"),
        (Action.UPDATE, {"po_no": "theirs"}, "somebody edited the draft that is to be changed"),
    ],
)
def test_a_document_that_moved_is_left_alone(
    endpoint: ErpnextEndpoint,
    drafts: list[Row],
    site: Site,
    action: Action,
    happens: dict[str, Any],
    description: str,
) -> None:
    assert site.update("Sales Invoice", drafts[0].key, **happens).status_code == 200
    now = endpoint.fetch([drafts[0].key])[0]
    assert isinstance(error(one(endpoint, write(action, drafts[0], po_no="ours"))), StaleError), description
    assert endpoint.fetch([drafts[0].key]) == [now]


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.CANCEL])
def test_a_transition_from_another_state_is_stale_and_not_sent(
    endpoint: ErpnextEndpoint, drafts: list[Row], submitted: list[Row], action: Action
) -> None:
    row = submitted[0] if action is Action.SUBMIT else drafts[0]
    before = endpoint.requests
    assert isinstance(error(one(endpoint, write(action, row))), StaleError)
    assert endpoint.requests == before


@pytest.mark.parametrize(("action", "values"), [(Action.UPDATE, {"po_no": "PO-1"}), (Action.LINK, {})])
def test_a_draft_keeps_its_mapped_posting_date_when_something_else_changes(
    endpoint: ErpnextEndpoint, site: Site, action: Action, values: dict[str, Raw]
) -> None:
    made = site.create(
        "Sales Invoice", customer="Buyer", company="Acme Inc", items=[{"item_code": "A", "qty": 1, "rate": 5}]
    )
    before = endpoint.fetch([made["name"]])[0]
    site.admin("clock", offset_seconds=3 * 86_400)
    row = done(one(endpoint, write(action, before, **values)._replace(partner="7", link=True)))
    assert row.partner == "7"
    assert value(row, "posting_date") == value(before, "posting_date")
    assert site.stored("Sales Invoice", row.key, "set_posting_time") == 1


def test_a_posting_date_that_is_not_mapped_is_the_sites(client: SiteClient, site: Site) -> None:
    spec = invoice_spec()
    spec = invoice_spec(fields=tuple(entry for entry in spec.fields if entry.erpnext != "posting_date"))
    row = done(ErpnextEndpoint(client, spec).create([creation("1", posting_date=None)], "op-1")[0])
    assert site.stored("Sales Invoice", row.key, "set_posting_time") == 0


def test_after_submission_allowed_fields_change_and_others_are_refused_by_name(
    endpoint: ErpnextEndpoint, submitted: list[Row]
) -> None:
    row = done(one(endpoint, write(Action.UPDATE, submitted[0], po_no="PO-9")))
    assert (row.docstatus, value(row, "po_no")) == (1, "PO-9")
    refused = error(one(endpoint, write(Action.UPDATE, row, po_no="PO-10", posting_date="2026-11-03")))
    assert type(refused) is RefusedError
    assert refused.code == "UpdateAfterSubmitError"
    assert "it is submitted, and the site does not let posting_date change any more: " in refused.message
    assert "lifecycle.changed_after_submit" in refused.hint
    held = lines(row)
    rows = Rows((changed(held.rows[0], qty=9.0), held.rows[1]))
    refused = error(one(endpoint, write(Action.UPDATE, row, po_no="PO-10", items=rows)))
    assert "does not let items.qty change any more: Row #1: Not allowed to change" in refused.message
    assert endpoint.fetch([row.key]) == [row]


def test_cancel_sends_docstatus_and_nothing_else(endpoint: ErpnextEndpoint, submitted: list[Row], site: Site) -> None:
    row = done(one(endpoint, write(Action.CANCEL, submitted[0], po_no="never sent")))
    assert (row.docstatus, value(row, "docstatus"), value(row, "status")) == (2, 2, "Cancelled")
    assert value(row, "po_no") == value(submitted[0], "po_no")
    assert endpoint.fetch([row.key]) == [row]
    assert set(live_ledger(site)) == {submitted[1].key, submitted[2].key}


def test_a_paid_invoice_is_held_with_its_payments_name(
    endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    payment = pay(site, submitted[0].key)
    paid = endpoint.fetch([submitted[0].key])[0]
    assert (value(paid, "status"), value(paid, "outstanding_amount")) == ("Paid", 0.0)
    held = error(one(endpoint, write(Action.CANCEL, paid)))
    assert isinstance(held, HeldError)
    assert held.message.endswith(
        f": it is not cancelled: a submitted document refers to it: Payment Entry {payment}"
    ), held.message
    assert 'lifecycle.cancel_linked = "unlink" in mappings/invoice.toml' in held.hint
    assert endpoint.fetch([paid.key]) == [paid], "nothing was done"
    site.update("Payment Entry", payment, docstatus=2)
    again = endpoint.fetch([paid.key])[0]
    assert done(one(endpoint, write(Action.CANCEL, again))).docstatus == 2


def test_a_payment_that_is_a_draft_does_not_stand_in_the_way(
    endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    pay(site, submitted[0].key, submit=False)
    row = endpoint.fetch([submitted[0].key])[0]
    assert done(one(endpoint, write(Action.CANCEL, row))).docstatus == 2


def test_under_unlink_a_paid_invoice_is_cancelled_without_asking(
    client: SiteClient, endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    payment = pay(site, submitted[0].key)
    paid = endpoint.fetch([submitted[0].key])[0]
    unlink = ErpnextEndpoint(client, invoice_spec(lifecycle={"cancel_linked": CancelLinked.UNLINK}))
    assert done(one(unlink, write(Action.CANCEL, paid))).docstatus == 2
    assert site.read("Payment Entry", payment)["unallocated_amount"] == 110.0


def test_a_journal_entry_that_settles_the_invoice_is_found(
    endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    key = submitted[0].key
    entry = site.create(
        "Journal Entry",
        company="Acme Inc",
        posting_date="2026-11-20",
        voucher_type="Journal Entry",
        docstatus=1,
        accounts=[
            {"account": "Cash - AI", "debit_in_account_currency": 110},
            {
                "account": "Debtors - AI",
                "party_type": "Customer",
                "party": "Buyer",
                "credit_in_account_currency": 110,
                "reference_type": "Sales Invoice",
                "reference_name": key,
            },
        ],
    )
    held = error(one(endpoint, write(Action.CANCEL, endpoint.fetch([key])[0])))
    assert isinstance(held, HeldError)
    assert held.message.endswith(f"Journal Entry {entry['name']}")


def test_a_return_is_found_and_where_it_is_not_the_site_refuses(
    client: SiteClient, endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    back = site.create(
        "Sales Invoice",
        customer="Buyer",
        company="Acme Inc",
        is_return=1,
        return_against=submitted[0].key,
        docstatus=1,
        items=[{"item_code": "A", "qty": -1, "rate": 50}],
    )["name"]
    row = endpoint.fetch([submitted[0].key])[0]
    held = error(one(endpoint, write(Action.CANCEL, row)))
    assert isinstance(held, HeldError)
    assert f"Sales Invoice {back}" in held.message
    unlink = ErpnextEndpoint(client, invoice_spec(lifecycle={"cancel_linked": CancelLinked.UNLINK}))
    refused = error(one(unlink, write(Action.CANCEL, row)))
    assert isinstance(refused, HeldError)
    assert refused.code == "LinkExistsError"
    assert f"is linked with Sales Invoice {back}" in refused.message, "the site's own words, without markup"
    assert "cancel the documents that refer to it" in refused.hint
    both = dict(endpoint.apply([write(Action.CANCEL, row), write(Action.CANCEL, endpoint.fetch([back])[0])]))
    assert isinstance(error(both[0]), BusyError), "what refers to it goes in the same run: nobody is asked"
    assert done(both[1]).docstatus == 2
    assert done(one(endpoint, write(Action.CANCEL, endpoint.fetch([row.key])[0]))).docstatus == 2


def test_a_page_of_cancellations_asks_once_what_refers_to_all_of_them(
    endpoint: ErpnextEndpoint, server: SandboxServer, site: Site
) -> None:
    rows = [
        done(result) for result in endpoint.create([creation(f"c{i}", docstatus=1) for i in range(20)], "op-twenty")
    ]
    payments = {i: pay(site, rows[i].key) for i in (3, 7)}
    rows = endpoint.fetch([row.key for row in rows])
    server.site.log.reset()
    results = dict(endpoint.apply([write(Action.CANCEL, row) for row in rows]))
    held = {index: result.error.message for index, result in results.items() if not isinstance(result, Done)}
    assert {index: text.rsplit(" ", 1)[1] for index, text in held.items()} == payments
    asked = [entry for entry in server.site.log.since() if "Payment Entry Reference" in unquote(entry.path)]
    assert len(asked) == 1, "one list for the page, not one a document"


def test_more_than_ten_documents_are_counted(endpoint: ErpnextEndpoint, submitted: list[Row], site: Site) -> None:
    accounts = [
        {"account": "Cash - AI", "debit_in_account_currency": 1},
        {
            "account": "Debtors - AI",
            "party_type": "Customer",
            "party": "Buyer",
            "credit_in_account_currency": 1,
            "reference_type": "Sales Invoice",
            "reference_name": submitted[0].key,
        },
    ]
    for _ in range(12):
        site.create("Journal Entry", company="Acme Inc", posting_date="2026-11-20", docstatus=1, accounts=accounts)
    held = error(one(endpoint, write(Action.CANCEL, endpoint.fetch([submitted[0].key])[0])))
    assert held.message.count("Journal Entry ") == 10
    assert held.message.endswith(" and 2 more")


@pytest.mark.parametrize("action", [Action.SUBMIT, Action.CANCEL])
def test_a_lost_answer_of_a_transition_is_looked_up(
    endpoint: ErpnextEndpoint, server: SandboxServer, drafts: list[Row], submitted: list[Row], action: Action
) -> None:
    row = drafts[0] if action is Action.SUBMIT else submitted[0]
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="PUT"))
    after = done(one(endpoint, write(action, row)))
    assert after.docstatus == row.docstatus + 1
    assert endpoint.fetch([row.key]) == [after]


def test_a_locked_document_is_busy(endpoint: ErpnextEndpoint, drafts: list[Row], server: SandboxServer) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DEADLOCK, method="PUT", times=-1))
    assert isinstance(error(one(endpoint, write(Action.SUBMIT, drafts[0]))), BusyError)


def test_an_edit_between_a_submission_and_its_reading_back_is_not_taken_for_ours(
    endpoint: ErpnextEndpoint, drafts: list[Row], admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SiteClient.write

    def write_then_somebody_edits(self: SiteClient, verb: str, *given: Any, **named: Any) -> Any:
        answer = real(self, verb, *given, **named)
        if verb == "PUT":
            admin("edit", doctype="Sales Invoice", name=drafts[0].key, values={"po_no": "theirs"}, user="p@example.com")
        return answer

    monkeypatch.setattr(SiteClient, "write", write_then_somebody_edits)
    row = done(one(endpoint, write(Action.SUBMIT, drafts[0])))
    assert value(row, "po_no") is None, "the baseline is what was written, so that their edit is seen as one"
    assert endpoint.fetch([row.key])[0].stamp != row.stamp


def test_a_doctype_that_cannot_be_submitted_says_so(client: SiteClient, site: Site, spec: Any) -> None:
    plain = ErpnextEndpoint(client, spec)
    row = plain.fetch(["Buyer"])[0]
    refused = error(one(plain, write(Action.SUBMIT, row)))
    assert isinstance(refused, RefusedError)
    assert "a Customer cannot be submitted" in refused.message


def test_a_mapping_without_a_lifecycle_holds_what_is_paid_as_well(
    client: SiteClient, endpoint: ErpnextEndpoint, submitted: list[Row], site: Site
) -> None:
    pay(site, submitted[0].key)
    bare = ErpnextEndpoint(client, invoice_spec(lifecycle={"field": None}))
    assert isinstance(error(one(bare, write(Action.CANCEL, bare.fetch([submitted[0].key])[0]))), HeldError)


def test_metadata_tells_what_may_change_after_submission(endpoint: ErpnextEndpoint) -> None:
    schema = endpoint.schema()
    assert schema.submittable
    assert (schema.fields["po_no"].allow_on_submit, schema.fields["posting_date"].allow_on_submit) == (True, False)
    row = schema.tables["items"].fields
    assert (row["income_account"].allow_on_submit, row["qty"].allow_on_submit) == (True, False)


def test_a_refusal_of_what_somebody_cancelled_meanwhile_is_stale_in_every_version(
    endpoint: ErpnextEndpoint, submitted: list[Row], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.update("Sales Invoice", submitted[0].key, docstatus=2)
    real = SiteClient.write

    def docstatus_first(self: SiteClient, verb: str, path: str, body: Any, subject: str, **given: Any) -> Any:
        if verb == "PUT":
            raise RefusedError(
                f"{subject}: the site refuses it: Cannot edit cancelled document", code="ValidationError"
            )
        return real(self, verb, path, body, subject, **given)

    monkeypatch.setattr(SiteClient, "write", docstatus_first)
    assert isinstance(error(one(endpoint, write(Action.CANCEL, submitted[0]))), StaleError)
    held = error(one(endpoint, write(Action.CANCEL, submitted[1])))
    assert isinstance(held, HeldError), "one that did not move is refused for what it is"
    assert held.message.endswith("the site refuses to cancel it: Cannot edit cancelled document")


def test_a_transition_that_the_site_only_queued_is_not_done(
    endpoint: ErpnextEndpoint, drafts: list[Row], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queued(*_: Any, **__: Any) -> Any:
        return {"data": site.read("Sales Invoice", drafts[0].key)}

    monkeypatch.setattr(SiteClient, "write", queued)
    busy = error(one(endpoint, write(Action.SUBMIT, drafts[0])))
    assert isinstance(busy, BusyError)
    assert "in the background" in busy.message


def test_a_transition_that_cannot_be_read_back_is_done_all_the_same(
    endpoint: ErpnextEndpoint, drafts: list[Row], server: SandboxServer
) -> None:
    endpoint.fetch([drafts[0].key])
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=503, method="GET", times=-1))
    row = done(one(endpoint, write(Action.SUBMIT, drafts[0])))
    server.site.faults.clear()
    assert row.docstatus == 1
    assert endpoint.fetch([row.key])[0].docstatus == 1
