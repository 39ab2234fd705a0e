"""Documents that ERPNext builds (`create.method`), and what every creation of them carries."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.building import as_new
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec, layout
from syncd.core.model import Action, Raw, Row, Side, Write
from syncd.core.spec import CreateMethod
from syncd.errors import AccessError, BusyError, RefusedError
from tests.erpnext.lifecycle.invoices import GET_PAYMENT_ENTRY, creation, done, error, invoice_spec, pay, payment_spec
from tests.sandbox.site_client import SiteClient as Site

SPEC = payment_spec()


@pytest.fixture
def invoices(endpoint: ErpnextEndpoint) -> list[Row]:
    return [done(result) for result in endpoint.create([creation(str(i), docstatus=1) for i in range(4)], "op-inv")]


@pytest.fixture
def payments(client: SiteClient) -> ErpnextEndpoint:
    return ErpnextEndpoint(client, SPEC, run="run-1")


def payment(partner: str, invoice: str | None, amount: float = 110.0, **values: Raw) -> Write:
    held = {"paid_invoice": invoice, "reference_no": f"R-{partner}", "paid_amount": amount, **values}
    given = {name: raw for name, raw in held.items() if raw is not None}
    return Write(Action.CREATE, Side.ERPNEXT, None, partner, given, link=True, docstatus=1)


def test_payments_are_built_submitted_and_settle_their_invoices(
    payments: ErpnextEndpoint, endpoint: ErpnextEndpoint, invoices: list[Row], site: Site, server: SandboxServer
) -> None:
    server.site.log.reset()
    results = payments.create([payment(str(i), row.key) for i, row in enumerate(invoices[:3])], "op-pay")
    rows = [done(result) for result in results]
    assert [(row.docstatus, row.partner) for row in rows] == [(1, "0"), (1, "1"), (1, "2")]
    held = site.read("Payment Entry", rows[0].key)
    assert (held["reference_no"], held["party"], held["paid_invoice"]) == ("R-0", "Buyer", invoices[0].key)
    assert [(ref["reference_name"], ref["allocated_amount"]) for ref in held["references"]] == [
        (invoices[0].key, 110.0)
    ]
    assert {site.stored("Sales Invoice", row.key, "status") for row in invoices[:3]} == {"Paid"}
    writes = [entry for entry in server.site.log.since() if entry.path.endswith("insert_many")]
    assert len(writes) == 1, "one call of the method a document, one insertion for all"
    assert payments.fetch([rows[0].key]) == [rows[0]]


def test_a_lost_answer_pays_nothing_twice(
    payments: ErpnextEndpoint, invoices: list[Row], site: Site, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="POST", path_contains="insert_many"))
    row = done(payments.create([payment("1", invoices[0].key)], "op-pay")[0])
    assert [entry["name"] for entry in site.rows("Payment Entry")] == [row.key]


@pytest.mark.parametrize(
    ("sent", "says", "description"),
    [
        (payment("9", None), "create.args needs paid_invoice, which is empty", "the argument's field is empty"),
        (payment("9", "ACC-SINV-0000"), "refuses to build it: ", "there is no such invoice"),
    ],
)
def test_what_cannot_be_built_is_refused_under_its_name(
    payments: ErpnextEndpoint, invoices: list[Row], site: Site, sent: Write, says: str, description: str
) -> None:
    results = payments.create([payment("1", invoices[0].key), sent], "op-pay")
    for result in results:
        refused = error(result)
        assert type(refused) is RefusedError, description
        assert refused.message.startswith("new Payment Entry for shop payments “9”: ")
        assert says in refused.message
    assert site.rows("Payment Entry") == [], "all or none: the caller splits"


def test_a_paid_invoice_is_refused_in_the_sites_words(
    payments: ErpnextEndpoint, invoices: list[Row], site: Site
) -> None:
    pay(site, invoices[0].key)
    refused = error(payments.create([payment("1", invoices[0].key)], "op-pay")[0])
    assert type(refused) is RefusedError
    assert refused.message.startswith("new Payment Entry ")


@pytest.mark.parametrize(
    ("method", "code", "description"),
    [
        ("frappe.client.get_count", "NotTheDocType", "a method that answers no document"),
        ("no.such.method", "ValidationError", "a method that the site does not have"),
    ],
)
def test_a_wrong_method_is_said_so(
    client: SiteClient, invoices: list[Row], method: str, code: str, description: str
) -> None:
    spec = payment_spec(create_method=CreateMethod(method=method, args={"doctype": "Customer"}))
    refused = error(ErpnextEndpoint(client, spec).create([payment("1", invoices[0].key)], "op-pay")[0])
    assert (type(refused), refused.code) == (RefusedError, code), description
    assert method in refused.message


def test_no_answer_of_the_method_is_nothing_done(
    payments: ErpnextEndpoint, invoices: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_BEFORE, path_contains="get_payment_entry", times=-1))
    busy = error(payments.create([payment("1", invoices[0].key)], "op-pay")[0])
    assert isinstance(busy, BusyError)
    assert "nothing was done" in busy.hint


def test_refused_credentials_stop_the_mapping(
    payments: ErpnextEndpoint, invoices: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    payments.fetch(["warm"])
    payments.capabilities()

    def refuse(*_: Any, **__: Any) -> httpx.Response:
        return httpx.Response(401, json={"exc_type": "AuthenticationError", "exception": "x"})

    monkeypatch.setattr(httpx.Client, "request", refuse)
    with pytest.raises(AccessError):
        payments.create([payment("1", invoices[0].key)], "op-pay")


def test_arguments_keep_their_types_and_may_be_part_of_a_text(
    client: SiteClient, invoices: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    real = SiteClient.ask

    def ask(self: SiteClient, method: str, arguments: Any, subject: str) -> Any:
        asked.append(dict(arguments))
        return real(self, method, {"dt": arguments["dt"], "dn": arguments["dn"]}, subject)

    monkeypatch.setattr(SiteClient, "ask", ask)
    args: dict[str, Raw] = {
        "dt": "Sales Invoice",
        "dn": "{paid_invoice}",
        "party_amount": "{paid_amount}",
        "note": "no. {reference_no} of {paid_amount}",
        "days": 30,
    }
    spec = payment_spec(create_method=CreateMethod(method=GET_PAYMENT_ENTRY, args=args))
    done(ErpnextEndpoint(client, spec).create([payment("1", invoices[0].key)], "op-pay")[0])
    assert asked == [
        {
            "dt": "Sales Invoice",
            "dn": invoices[0].key,
            "party_amount": 110.0,
            "note": "no. R-1 of 110.0",
            "days": 30,
        }
    ]


def test_what_the_site_gives_each_document_anew_is_left_out() -> None:
    built = {
        "doctype": "X",
        "name": "X-1",
        "owner": "a",
        "creation": "b",
        "modified": "c",
        "modified_by": "d",
        "docstatus": 2,
        "idx": 3,
        "title": "kept",
        "__islocal": 1,
        "_user_tags": ",a",
        "rows": [{"name": "r", "parent": "X-1", "parenttype": "X", "parentfield": "rows", "idx": 1, "qty": 2}],
        "tags": ["plain"],
    }
    assert as_new(built) == {"doctype": "X", "title": "kept", "rows": [{"qty": 2}], "tags": ["plain"]}


def test_a_mapped_posting_time_alone_is_kept_too(client: SiteClient) -> None:
    spec = invoice_spec(
        fields=(
            FieldSpec(erpnext="customer", source="customer"),
            FieldSpec(erpnext="posting_time", source="at"),
            FieldSpec(erpnext="company", constant="Acme Inc"),
        )
    )
    sent = creation("1", posting_date=None, due_date=None, posting_time="08:15:00")
    row = done(ErpnextEndpoint(client, spec).create([sent], "op-1")[0])
    assert row.values[layout(spec)[0].index("posting_time")] == "8:15:00"
