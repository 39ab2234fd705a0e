"""Several documents in one request, and several requests at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from syncd.adapters.sandbox import SandboxServer

from .site_client import SiteClient, refused

KEY = {
    "name": "Syncd Operation",
    "module": "Custom",
    "custom": 1,
    "autoname": "prompt",
    "fields": [{"fieldname": "mapping", "label": "Mapping", "fieldtype": "Data"}],
    "permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}],
}


@pytest.fixture
def keyed(client: SiteClient) -> SiteClient:
    client.create("DocType", **KEY)
    return client


def customers(*names: str) -> list[dict[str, Any]]:
    return [{"doctype": "Customer", "customer_name": name} for name in names]


def test_insert_many_answers_names_in_order(client: SiteClient) -> None:
    names = client.call("frappe.client.insert_many", docs=customers("B", "A", "B", "C"))
    assert names == ["B", "A", "B - 1", "C"]


def test_insert_many_is_all_or_nothing(client: SiteClient) -> None:
    docs = [*customers("A"), {"doctype": "Customer", "customer_name": "B", "territory": "Atlantis"}]
    refused(client.method("frappe.client.insert_many", docs=docs), 417, "LinkValidationError")
    assert client.rows("Customer") == []


def test_insert_many_takes_two_hundred(client: SiteClient) -> None:
    assert len(client.call("frappe.client.insert_many", docs=customers(*(f"N{i}" for i in range(200))))) == 200
    body = refused(
        client.method("frappe.client.insert_many", docs=customers(*(f"M{i}" for i in range(201)))),
        417,
        "ValidationError",
    )
    assert "Only 200 inserts allowed" in body["exception"]
    assert client.call("frappe.client.get_count", doctype="Customer") == 200


def test_a_key_makes_a_batch_idempotent(keyed: SiteClient) -> None:
    docs = [{"doctype": "Syncd Operation", "name": "op-1", "mapping": "customer"}, *customers("A", "B")]
    assert keyed.call("frappe.client.insert_many", docs=docs) == ["op-1", "A", "B"]
    body = refused(keyed.method("frappe.client.insert_many", docs=docs), 409, "DuplicateEntryError")
    assert "('Syncd Operation', 'op-1'" in body["exception"]
    assert keyed.call("frappe.client.get_count", doctype="Customer") == 2


def test_six_identical_keyed_batches_at_once_make_one(keyed: SiteClient, server: SandboxServer) -> None:
    docs = [{"doctype": "Syncd Operation", "name": "op-1"}, *customers("A", "B", "C")]

    def send(_: int) -> int:
        with SiteClient(server.url) as own:
            return own.method("frappe.client.insert_many", docs=docs).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(send, range(6)))
    assert statuses == [200, 409, 409, 409, 409, 409]
    assert keyed.call("frappe.client.get_count", doctype="Customer") == 3


def test_eight_puts_with_one_stamp_one_is_done(client: SiteClient, server: SandboxServer) -> None:
    stamp = client.customer("Race")["modified"]

    def send(number: int) -> int:
        with SiteClient(server.url) as own:
            return own.update("Customer", "Race", tax_id=str(number), modified=stamp).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(8)))
    assert statuses == [200] + [417] * 7


def test_eight_puts_without_a_stamp_are_all_done(client: SiteClient, server: SandboxServer) -> None:
    client.customer("Race")

    def send(number: int) -> tuple[int, str]:
        with SiteClient(server.url) as own:
            answer = own.update("Customer", "Race", tax_id=str(number))
            return answer.status_code, answer.json()["data"]["modified"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({stamp for _, stamp in answers}) == 8, "no two saves share a stamp"


def test_bulk_update_goes_on_after_a_failure(client: SiteClient) -> None:
    client.customer("A")
    stale = {"doctype": "Customer", "docname": "A", "tax_id": "9", "modified": "2001-01-01 00:00:00"}
    docs = [
        {"doctype": "Customer", "docname": "Nobody", "tax_id": "1"},
        stale,
        {"doctype": "Customer", "docname": "A", "tax_id": "2"},
    ]
    failed = client.call("frappe.client.bulk_update", docs=json.dumps(docs))["failed_docs"]
    assert [entry["doc"] for entry in failed] == [docs[0], stale]
    assert "TimestampMismatchError" in failed[1]["exc"]
    assert client.read("Customer", "A")["tax_id"] == "2"
    refused(client.method("frappe.client.bulk_update", docs=docs), 500, "TypeError")


def test_a_failed_part_of_a_bulk_update_leaves_what_it_wrote(client: SiteClient) -> None:
    """Version 15 has no savepoint: the parent's row is written before a row of a table is refused."""
    client.create("Custom Field", dt="Customer Credit Limit", fieldname="limit_key", fieldtype="Data", unique=1)
    client.customer("A", credit_limits=[{"credit_limit": 1, "limit_key": "taken"}])
    client.customer("B")
    docs = [{"doctype": "Customer", "docname": "B", "tax_id": "written", "credit_limits": [{"limit_key": "taken"}]}]
    failed = client.call("frappe.client.bulk_update", docs=json.dumps(docs))["failed_docs"]
    assert "UniqueValidationError" in failed[0]["exc"]
    assert client.read("Customer", "B")["tax_id"] == "written"


def test_child_rows_through_methods(client: SiteClient) -> None:
    row = client.customer("A", credit_limits=[{"credit_limit": 1, "company": "Acme Inc"}])["credit_limits"][0]
    client.call(
        "frappe.client.set_value", doctype="Customer Credit Limit", name=row["name"], fieldname="credit_limit", value=5
    )
    kept = client.read("Customer", "A")["credit_limits"][0]
    assert (kept["credit_limit"], kept["company"]) == (5.0, "Acme Inc")
    values = {"doctype": "Customer Credit Limit", "parent": "A", "parenttype": "Customer", "credit_limit": 7}
    parent = client.call("frappe.client.insert", doc={**values, "parentfield": "credit_limits"})
    assert [item["credit_limit"] for item in parent["credit_limits"]] == [5.0, 7.0]
    refused(
        client.method("frappe.client.set_value", doctype="Customer", name="A", fieldname="owner", value="x"),
        417,
        "ValidationError",
    )


def test_client_delete(client: SiteClient) -> None:
    client.customer("A")
    answer = client.method("frappe.client.delete", doctype="Customer", name="A")
    assert (answer.status_code, answer.json()) == (200, {})
    assert client.rows("Customer") == []
