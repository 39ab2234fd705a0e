"""Which submitted documents refer to others: how that is asked, and what is done where it may not be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.linked import LinkedDocuments, Referring, forget_references, named
from syncd.core.model import Action, Row
from syncd.errors import RefusedError, UnreachableError
from tests.erpnext.helpers import FakeClock, mock_client, refusal
from tests.erpnext.lifecycle.invoices import creation, done, error, invoice_spec, write
from tests.sandbox.site_client import SiteClient as Site

TOLD = {
    "POS Invoice": {"fieldname": ["consolidated_invoice"]},
    "Sales Invoice": {"fieldname": ["amended_from", "return_against"]},
    "Delivery Note": {"child_doctype": "Delivery Note Item", "fieldname": ["against_sales_invoice"]},
    "Payment Entry": {
        "child_doctype": "Payment Entry Reference",
        "fieldname": ["reference_name"],
        "doctype_fieldname": "reference_doctype",
    },
    "Payment Ledger Entry": {"fieldname": ["against_voucher_no"], "doctype_fieldname": "against_voucher_type"},
    "Sales Team Report": {"get_parent": True},
}
"""An answer of `get_linked_doctypes` as a running site gave it, shortened; the last entry is another form of it."""

Handler = Callable[[str, dict[str, Any]], httpx.Response]


Asked = list[tuple[str, dict[str, Any]]]


def asked_of(handler: Handler, doctype: str = "Sales Invoice") -> tuple[LinkedDocuments, Asked]:
    """Questions to a site whose lists `handler` answers, by DocType and query; and what was asked."""
    asked: Asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        if "get_linked_doctypes" in request.url.path:
            asked.append(("get_linked_doctypes", dict(request.url.params)))
            return httpx.Response(200, json={"message": TOLD})
        if "get_logged_user" in request.url.path:
            return httpx.Response(200, json={"message": "sync@example.com"})
        listed = request.url.path.rsplit("/", 1)[1]
        query = {key: orjson.loads(held) if held[0] in "[{" else held for key, held in request.url.params.items()}
        asked.append((listed, query))
        return handler(listed, query)

    return LinkedDocuments(mock_client(handle, FakeClock()), doctype), asked


def nothing(*_: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": []})


def test_each_field_that_can_refer_is_asked_once_for_all_documents() -> None:
    linked, asked = asked_of(nothing)
    assert linked.referring(["SI-1", "SI-2"]) == {"SI-1": (), "SI-2": ()}
    assert [name for name, _ in asked] == [
        "get_linked_doctypes",
        "POS Invoice",
        "Sales Invoice",
        "Delivery Note Item",
        "Payment Entry Reference",
        "Journal Entry Account",
    ], "what follows from the invoice itself is no reason, and an amendment refers to what is cancelled already"
    queries = dict(asked)
    assert queries["Sales Invoice"]["fields"] == ["name", "return_against"]
    assert queries["Sales Invoice"]["filters"] == [["return_against", "in", ["SI-1", "SI-2"]], ["docstatus", "=", 1]]
    assert "parent" not in queries["Sales Invoice"]
    assert queries["Payment Entry Reference"]["parent"] == "Payment Entry", "without it the site answers 403"
    assert queries["Payment Entry Reference"]["limit_page_length"] == "0"
    assert queries["Journal Entry Account"]["filters"] == [
        ["reference_name", "in", ["SI-1", "SI-2"]],
        ["docstatus", "=", 1],
        ["reference_type", "=", "Sales Invoice"],
        ["parenttype", "=", "Journal Entry"],
    ], "asked although the site's answer, which is cached, does not name it"


def test_what_can_refer_is_asked_once_in_a_run() -> None:
    linked, asked = asked_of(nothing)
    linked.referring(["SI-1"])
    linked.referring(["SI-2"])
    assert [name for name, _ in asked].count("get_linked_doctypes") == 1
    forget_references(linked._client, "Sales Invoice")
    linked.referring(["SI-3"])
    assert [name for name, _ in asked].count("get_linked_doctypes") == 2


def test_documents_are_told_apart_exactly_and_named_once() -> None:
    def answer(listed: str, _: Any) -> httpx.Response:
        if listed == "Payment Entry Reference":
            rows = [("PE-1", "SI-1"), ("PE-1", "SI-1"), ("PE-2", "SI-1"), ("PE-3", "si-1")]
            return httpx.Response(200, json={"data": [{"parent": by, "reference_name": to} for by, to in rows]})
        if listed == "Sales Invoice":
            return httpx.Response(200, json={"data": [{"name": "SI-1", "return_against": "SI-1"}]})
        return nothing()

    linked, _ = asked_of(answer)
    found = linked.referring(["SI-1", "SI-2"])
    assert found == {"SI-1": (Referring("Payment Entry", "PE-1"), Referring("Payment Entry", "PE-2")), "SI-2": ()}
    assert named(found["SI-1"]) == "Payment Entry PE-1, Payment Entry PE-2"


@pytest.mark.parametrize(
    ("answer", "description"),
    [
        (refusal(404, "DoesNotExistError", "DocType POS Invoice not found"), "the site does not have the DocType"),
        (refusal(403, "PermissionError", "No permission for POS Invoice"), "the user may not read it"),
        (refusal(417, "DataError", "Field not permitted in query: x"), "it may not be asked by this field"),
    ],
)
def test_what_cannot_be_asked_is_left_to_the_sites_own_check(answer: httpx.Response, description: str) -> None:
    linked, _ = asked_of(lambda listed, _: answer if listed == "POS Invoice" else nothing())
    assert linked.referring(["SI-1"]) == {"SI-1": ()}, description


def test_payments_that_may_not_be_read_are_never_taken_for_absent() -> None:
    def answer(listed: str, _: Any) -> httpx.Response:
        return refusal(403, "PermissionError", "No permission") if listed == "Payment Entry Reference" else nothing()

    linked, _ = asked_of(answer)
    with pytest.raises(RefusedError, match="whether a Payment Entry refers to it cannot be told") as caught:
        linked.referring(["SI-1"])
    assert "“Read” on Payment Entry" in caught.value.hint
    other, _ = asked_of(answer, "Maintenance Visit")
    assert other.referring(["MV-1"]) == {"MV-1": ()}, "what no payment can settle needs no right on payments"


def test_a_reference_at_a_permission_level_counts_as_one_that_may_not_be_read() -> None:
    def answer(hidden: str) -> Handler:
        return lambda listed, _: (
            httpx.Response(200, json={"data": [{"name": "X-1", "parent": "X-1"}]}) if (listed == hidden) else nothing()
        )

    linked, _ = asked_of(answer("POS Invoice"))
    assert linked.referring(["SI-1"]) == {"SI-1": ()}, "the site refuses the cancellation itself"
    payments, _ = asked_of(answer("Payment Entry Reference"))
    with pytest.raises(RefusedError, match="its reference_name is left out"):
        payments.referring(["SI-1"])


def test_a_site_that_does_not_answer_is_an_error() -> None:
    linked, _ = asked_of(lambda *_: refusal(500, "AttributeError", exception="AttributeError: x"))
    with pytest.raises((UnreachableError, RefusedError)):
        linked.referring(["SI-1"])


def test_a_user_without_a_right_on_payments_is_told_so_and_nothing_is_cancelled(
    limited: SiteClient, endpoint: ErpnextEndpoint, site: Site
) -> None:
    rows: list[Row] = [
        done(result) for result in endpoint.create([creation(str(i), docstatus=1) for i in range(2)], "op-1")
    ]
    results = dict(ErpnextEndpoint(limited, invoice_spec()).apply([write(Action.CANCEL, row) for row in rows]))
    for index, row in enumerate(rows):
        refused = error(results[index])
        assert (type(refused), refused.code) == (RefusedError, "PermissionError")
        assert refused.message.startswith(f"Sales Invoice “{row.key}”")
        assert "it is not cancelled: whether a Payment Entry refers to it cannot be told: " in refused.message
    assert endpoint.fetch([row.key for row in rows]) == rows
