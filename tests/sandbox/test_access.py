"""Credentials and role permissions."""

from __future__ import annotations

import base64

import httpx
import pytest

from .site_client import SiteClient, data, refused, side_messages


@pytest.mark.parametrize(
    ("header", "status", "exc_type"),
    [
        pytest.param("token full:wrong", 401, "AuthenticationError", id="wrong secret"),
        pytest.param("token nonsense", 401, "AuthenticationError", id="no colon"),
        pytest.param("Bearer abc", 401, "AuthenticationError", id="unknown bearer"),
        pytest.param("Basic ###", 400, "InvalidAuthorizationToken", id="Basic that is not base64"),
        pytest.param("", 403, "PermissionError", id="nobody"),
    ],
)
def test_refused_credentials(anonymous: httpx.Client, header: str, status: int, exc_type: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = anonymous.get("/api/resource/Customer", headers=headers)
    refused(answer, status, exc_type)
    assert "sid=Guest" in answer.headers["set-cookie"]


def test_basic_is_the_same_as_token(anonymous: httpx.Client) -> None:
    header = "Basic " + base64.b64encode(b"limited:limited").decode()
    answer = anonymous.get("/api/method/frappe.auth.get_logged_user", headers={"Authorization": header})
    assert answer.json() == {"message": "limited@example.com"}


def test_methods_for_guests_and_not(anonymous: httpx.Client) -> None:
    assert anonymous.get("/api/method/frappe.client.get_time_zone").json()["message"]["time_zone"] == "America/New_York"
    assert anonymous.get("/api/method/frappe.auth.get_logged_user").status_code == 403


def test_limited_user(limited: SiteClient, client: SiteClient) -> None:
    made = limited.customer("Mine")
    assert made["owner"] == "limited@example.com"
    assert data(limited.update("Customer", "Mine", tax_id="1"))["tax_id"] == "1"
    refused(limited.delete("/api/resource/Customer/Mine"), 403, "PermissionError")
    body = refused(limited.get("/api/resource/Deleted Document"), 403, "PermissionError")
    assert body["_error_message"] == "No permission for Deleted Document"
    body = refused(limited.post("/api/resource/Item", json={"item_code": "X"}), 403, "PermissionError")
    assert side_messages(body)[0]["message"].endswith("does not have access to this document: Item - None")
    refused(limited.get("/api/resource/System Settings/System Settings"), 403, "PermissionError")
    refused(limited.method("frappe.client.get_value", doctype="System Settings", fieldname="x"), 403, "PermissionError")
    assert client.read("Customer", "Mine")["modified_by"] == "limited@example.com"


def test_ledgers_are_read_only_even_for_every_role(client: SiteClient) -> None:
    answer = client.post("/api/resource/GL Entry", json={"account": "Cash - AI", "company": "Acme Inc", "debit": 1})
    refused(answer, 403, "PermissionError")


def test_submitting_needs_the_right(client: SiteClient) -> None:
    answer = client.post("/api/resource/Customer", json={"customer_name": "S", "docstatus": 1})
    assert "'submit' permission" in refused(answer, 403, "PermissionError")["_error_message"]


def test_higher_permission_levels_are_put_back_without_a_word(client: SiteClient, limited: SiteClient) -> None:
    setter = {
        "doctype_or_field": "DocField",
        "doc_type": "Customer",
        "field_name": "tax_id",
        "property": "permlevel",
        "property_type": "Int",
        "value": "1",
    }
    client.customer("Level", tax_id="1")
    client.create("Property Setter", **setter)
    assert data(limited.update("Customer", "Level", tax_id="2", website="x"))["website"] == "x"
    client.delete("/api/resource/Property Setter/Customer-tax_id-permlevel")
    assert client.read("Customer", "Level")["tax_id"] == "1"


def test_reading_methods_do_not_write_over_get(client: SiteClient) -> None:
    answer = client.get("/api/method/frappe.client.insert_many", params={"docs": "[]"})
    refused(answer, 403, "PermissionError")
    body = refused(client.method("frappe.client.no_such"), 417, "ValidationError")
    assert "has no attribute 'no_such'" in body["exception"]
