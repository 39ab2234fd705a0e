"""Fields, filters, order and paging of lists."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from syncd.adapters.sandbox import SandboxServer

from .site_client import SiteClient, refused

PEOPLE = [
    {"customer_name": "alpha", "territory": "Canada", "tax_id": "1", "default_commission_rate": 1.5},
    {"customer_name": "Beta", "territory": "Mexico", "tax_id": "", "default_commission_rate": 0},
    {"customer_name": "Ápex", "territory": None, "tax_id": None, "disabled": 1},
    {"customer_name": "gamma ", "territory": "Canada", "tax_id": "3", "customer_type": "Individual"},
]


@pytest.fixture
def people(client: SiteClient) -> SiteClient:
    for values in PEOPLE:
        client.create("Customer", **values)
    return client


def names(client: SiteClient, **query: Any) -> list[str]:
    return [row["name"] for row in client.rows("Customer", order_by="name asc", **query)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param([["name", "=", "ALPHA"]], ["alpha"], id="equal without case"),
        pytest.param([["name", "=", "apex  "]], ["Ápex"], id="equal without accents and trailing blanks"),
        pytest.param({"territory": "Canada"}, ["alpha", "gamma"], id="dictionary"),
        pytest.param({"territory": ["!=", "Canada"]}, ["Ápex", "Beta"], id="not equal meets null"),
        pytest.param([["Customer", "tax_id", "=", "1"]], ["alpha"], id="four parts"),
        pytest.param([["tax_id", "is", "set"]], ["alpha", "gamma"], id="is set"),
        pytest.param([["tax_id", "is", "not set"]], ["Ápex", "Beta"], id="is not set: null and empty"),
        pytest.param([["name", "like", "%A"]], ["alpha", "Beta", "gamma"], id="like without case"),
        pytest.param([["name", "like", "_pex"]], ["Ápex"], id="like with one character"),
        pytest.param([["territory", "not like", "Can%"]], ["Ápex", "Beta"], id="not like meets null"),
        pytest.param([["name", "in", ["beta", " gamma "]]], ["Beta", "gamma"], id="in, members stripped"),
        pytest.param([["name", "in", "beta,alpha"]], ["alpha", "Beta"], id="in, as text"),
        pytest.param([["territory", "not in", ["Mexico"]]], ["alpha", "Ápex", "gamma"], id="not in meets null"),
        pytest.param([["name", "in", []]], [], id="in nothing"),
        pytest.param([["default_commission_rate", ">", 1]], ["alpha"], id="numbers compare as numbers"),
        pytest.param([["disabled", "=", "1"]], ["Ápex"], id="a number as text"),
        pytest.param([["name", ">", "beta"]], ["gamma"], id="order of names"),
        pytest.param(
            [["modified", "between", ["2020-01-01", "2099-12-31"]]], ["alpha", "Ápex", "Beta", "gamma"], id="between"
        ),
        pytest.param([["creation", "timespan", "today"]], ["alpha", "Ápex", "Beta", "gamma"], id="timespan"),
        pytest.param([["creation", "timespan", "last year"]], [], id="timespan before"),
        pytest.param(
            [["territory", "descendants of", "All Territories"]], ["alpha", "Beta", "gamma"], id="descendants of"
        ),
        pytest.param([["territory", "not descendants of", "All Territories"]], ["Ápex"], id="not descendants of"),
        pytest.param([["territory", "descendants of", "Canada"]], [], id="descendants leave the node itself out"),
        pytest.param(
            [["territory", "descendants of (inclusive)", "Canada"]], ["alpha", "gamma"], id="inclusive descendants"
        ),
    ],
)
def test_filters(people: SiteClient, filters: Any, expected: list[str]) -> None:
    assert names(people, filters=filters) == expected


def test_or_filters_are_anded_with_filters(people: SiteClient) -> None:
    found = names(people, filters={"territory": "Canada"}, or_filters=[["name", "=", "alpha"], ["name", "=", "Beta"]])
    assert found == ["alpha"]


def test_paging_and_page_sizes(client: SiteClient) -> None:
    client.admin("bulk_load", doctype="Customer", rows=[{"customer_name": f"N{i:03d}"} for i in range(45)])
    assert len(client.rows("Customer")) == 20
    assert len(client.rows("Customer", limit_page_length=0)) == 45
    assert len(client.rows("Customer", limit=3)) == 3
    assert names(client, limit_start=40, limit_page_length=20) == [f"N{i:03d}" for i in range(40, 45)]
    called = client.call(
        "frappe.client.get_list", doctype="Customer", order_by="name desc", limit_page_length=1, as_dict=False
    )
    assert called == [["N044"]]


def test_star_gives_every_column_and_nulls(people: SiteClient) -> None:
    row = people.rows("Customer", fields=["*"], filters={"name": "Beta"})[0]
    assert (row["docstatus"], row["website"], row["territory"]) == (0, None, "Mexico")
    assert "sales_team" not in row
    assert "doctype" not in row


def test_aggregates(people: SiteClient) -> None:
    rows = people.rows(
        "Customer",
        fields=["territory", "count(name) as n", "sum(default_commission_rate) as rate", "max(modified) as last"],
        group_by="territory",
        order_by="n desc",
    )
    assert (rows[0]["territory"], rows[0]["n"], rows[0]["rate"]) == ("Canada", 2, 1.5)
    assert rows[0]["last"] > "2020"
    assert sum(row["n"] for row in rows) == 4


@pytest.mark.parametrize(
    ("query", "status", "exc_type", "text"),
    [
        pytest.param({"fields": ["nope"]}, 417, "DataError", "Field not permitted in query: nope", id="field"),
        pytest.param({"filters": [["nope", "=", 1]]}, 417, "DataError", "not permitted in query: nope", id="filter"),
        pytest.param({"filters": [["Customer", "nope", "=", 1]]}, 417, "DataError", "nope", id="filter of four"),
        pytest.param({"filters": ["name", "=", "x"]}, 417, "ValidationError", "Filter must be", id="flat filter"),
        pytest.param({"filters": [["name", "~", "x"]]}, 417, "ValidationError", "Operator must be", id="operator"),
        pytest.param({"order_by": "nope asc"}, 500, "OperationalError", "Unknown column 'nope'", id="order"),
        pytest.param({"order_by": "name; drop"}, 417, "ValidationError", "Illegal SQL Query", id="injection"),
        pytest.param({"fields": ["sales_team"]}, 417, "DataError", "sales_team", id="a table is no column"),
        pytest.param({"fields": ["name from tabUser"]}, 417, "DataError", "not permitted", id="sql in a field"),
    ],
)
def test_bad_queries(client: SiteClient, query: Any, status: int, exc_type: str, text: str) -> None:
    assert text in refused(client.find("Customer", **query), status, exc_type)["exception"]


def test_child_columns_and_child_lists(client: SiteClient) -> None:
    for name in ("A", "B"):
        client.customer(name, credit_limits=[{"credit_limit": 1}, {"credit_limit": 2}])
    client.customer("C")
    joined = client.rows("Customer", fields=["name", "credit_limits.credit_limit as amount"], order_by="name asc")
    assert sorted((row["name"], row["amount"] or 0) for row in joined) == [
        ("A", 1.0),
        ("A", 2.0),
        ("B", 1.0),
        ("B", 2.0),
        ("C", 0),
    ]
    by_child = client.rows("Customer", filters=[["Customer Credit Limit", "credit_limit", "=", 2]])
    assert sorted(row["name"] for row in by_child) == ["A", "B"]
    rows = client.rows(
        "Customer Credit Limit",
        parent="Customer",
        fields=["parent", "idx", "credit_limit"],
        filters=[["parent", "in", ["B"]]],
        order_by="idx asc",
    )
    assert [(row["parent"], row["credit_limit"]) for row in rows] == [("B", 1.0), ("B", 2.0)]
    for parent in ({}, {"parent": "Item"}):
        body = refused(client.find("Customer Credit Limit", **parent), 403, "PermissionError")
        assert "_server_messages" not in body


def test_link_columns(people: SiteClient) -> None:
    rows = people.rows("Customer", fields=["name", "territory.parent_territory as above"], filters={"name": "Beta"})
    assert rows == [{"name": "Beta", "above": "All Territories"}]


def test_get_value_and_count(people: SiteClient, limited: SiteClient) -> None:
    value = people.call(
        "frappe.client.get_value", doctype="Customer", filters={"name": "beta"}, fieldname=["name", "territory"]
    )
    assert value == {"name": "Beta", "territory": "Mexico"}
    assert people.call("frappe.client.get_value", doctype="Customer", filters="Nobody", fieldname="name") == {}
    assert people.call("frappe.client.get_count", doctype="Customer", filters={"territory": "Canada"}) == 2
    assert limited.call("frappe.client.get_count", doctype="Journal Entry") == 0, "version 15 asks for no permission"


def test_get_list_over_get_and_post_agree(people: SiteClient) -> None:
    query = {"doctype": "Customer", "fields": ["name"], "order_by": "name asc", "limit_page_length": 2}
    posted = people.call("frappe.client.get_list", **query)
    params = {key: json.dumps(value) if isinstance(value, list) else str(value) for key, value in query.items()}
    assert people.get("/api/method/frappe.client.get_list", params=params).json()["message"] == posted
    assert [row["name"] for row in posted] == ["alpha", "Ápex"]


def keyset_pages(client: SiteClient, length: int) -> Any:
    """Names page by page, each page asked for after the last row of the one before."""
    stamp, name = "2000-01-01 00:00:00.000000", ""
    while True:
        rows = client.call(
            "frappe.client.get_list",
            doctype="Customer",
            fields=["name", "modified"],
            filters=[["modified", ">=", stamp]],
            or_filters=[["modified", ">", stamp], ["name", ">", name]],
            order_by="modified asc, name asc",
            limit_page_length=length,
        )
        if not rows:
            return
        yield [row["name"] for row in rows]
        stamp, name = rows[-1]["modified"], rows[-1]["name"]


def test_ten_thousand_documents_of_one_stamp_are_read_once_each(client: SiteClient) -> None:
    marks = ("a", "À", "á", "B", "ß", "9", "_x", "’", "Ж", "日")
    rows = [{"customer_name": f"{marks[i % 10]}{i // 10:04d} {i % 10}"} for i in range(10_000)]
    client.admin("bulk_load", doctype="Customer", rows=rows, stamp="2026-05-05 05:05:05.123456")
    seen = [name for page in keyset_pages(client, 1000) for name in page]
    assert len(seen) == 10_000
    assert set(seen) == {row["customer_name"] for row in rows}


def test_edits_between_pages_lose_nothing(client: SiteClient) -> None:
    client.admin("bulk_load", doctype="Customer", rows=[{"customer_name": f"E{i:04d}"} for i in range(500)])
    seen: list[str] = []
    for number, page in enumerate(keyset_pages(client, 100)):
        seen += page
        if number < 5:
            for name in (f"E{number * 100 + 3:04d}", f"E{499 - number:04d}"):
                assert client.update("Customer", name, tax_id=str(number)).status_code == 200
    assert set(seen) == {f"E{i:04d}" for i in range(500)}
    assert len(seen) > 500, "edited documents come again with their new stamp"


def test_unknown_doctype(client: SiteClient) -> None:
    assert refused(client.find("Nonexistent Thing"), 404, "DoesNotExistError")
    assert (
        "No module named" in refused(client.get("/api/resource/Nonexistent Thing/x"), 500, "ImportError")["exception"]
    )


def test_a_page_of_a_thousand_is_quick(client: SiteClient, server: SandboxServer) -> None:
    rows = [{"customer_name": f"Q{i:05d}", "tax_id": str(i)} for i in range(5000)]
    client.admin("bulk_load", doctype="Customer", rows=rows)
    params = {
        "fields": json.dumps(["name", "modified", "tax_id", "website", "territory", "disabled", "docstatus", "idx"]),
        "order_by": "modified asc, name asc",
        "limit_page_length": "1000",
    }
    elapsed = []
    for _ in range(5):
        answer: httpx.Response = client.get("/api/resource/Customer", params=params)
        elapsed.append(answer.elapsed.total_seconds())
        assert len(answer.json()["data"]) == 1000
    assert min(elapsed) < 0.1
