"""Custom fields, property setters and custom DocTypes."""

from __future__ import annotations

from typing import Any

import pytest

from .site_client import SiteClient, data, refused, side_messages

EXTERNAL_ID: dict[str, Any] = {
    "dt": "Customer",
    "fieldname": "syncd_external_id",
    "label": "Syncd External ID",
    "fieldtype": "Data",
    "unique": 1,
    "no_copy": 1,
    "read_only": 1,
    "insert_after": "customer_name",
}


def test_a_custom_field_is_there_at_once(client: SiteClient) -> None:
    client.customer("Old")
    assert client.create("Custom Field", **EXTERNAL_ID)["name"] == "Customer-syncd_external_id"
    assert client.stored("Customer", "Old", "syncd_external_id") is None
    assert client.customer("New", syncd_external_id="s-1")["syncd_external_id"] == "s-1"
    meta = client.get("/api/method/frappe.desk.form.load.getdoctype", params={"doctype": "Customer"}).json()["docs"]
    fields = [field["fieldname"] for field in meta[0]["fields"]]
    assert fields.index("syncd_external_id") == fields.index("customer_name") + 1
    own = next(field for field in meta[0]["fields"] if field["fieldname"] == "syncd_external_id")
    assert (own["is_custom_field"], own["unique"], own["read_only"]) == (1, 1, 1)
    assert {doc["name"] for doc in meta[1:]} >= {"Sales Team", "Party Account"}


def test_unique_is_the_databases_and_ignores_case_accents_and_trailing_blanks(client: SiteClient) -> None:
    client.create("Custom Field", **EXTERNAL_ID)
    client.customer("A", syncd_external_id="Shop-É1")
    for value in ("Shop-É1", "shop-e1", "SHOP-é1  "):
        answer = client.post("/api/resource/Customer", json={"customer_name": "B", "syncd_external_id": value})
        body = refused(answer, 417, "UniqueValidationError")
        assert f"Duplicate entry '{value}' for key 'syncd_external_id'" in body["exception"]
        assert side_messages(body)[0]["message"] == "Syncd External ID must be unique"
    client.customer("C", syncd_external_id="")
    client.customer("D", syncd_external_id="")
    assert client.stored("Customer", "D", "syncd_external_id") is None, "empty text in a unique field becomes null"
    refused(client.update("Customer", "C", syncd_external_id="shop-e1"), 417, "UniqueValidationError")


def test_a_custom_field_twice_is_refused(client: SiteClient, limited: SiteClient) -> None:
    refused(limited.post("/api/resource/Custom Field", json=EXTERNAL_ID), 403, "PermissionError")
    client.create("Custom Field", **EXTERNAL_ID)
    body = refused(client.post("/api/resource/Custom Field", json=EXTERNAL_ID), 417, "ValidationError")
    assert "already exists in Customer" in body["exception"]


@pytest.mark.parametrize(
    ("values", "fieldname"),
    [
        pytest.param({"label": "Shop Nr."}, "custom_shop_nr", id="made out of the label"),
        pytest.param({"fieldname": "Shop_ID", "label": "x"}, "shop_id", id="lower case"),
    ],
)
def test_fieldnames(client: SiteClient, values: dict, fieldname: str) -> None:
    made = client.create("Custom Field", dt="Customer", fieldtype="Int", **values)
    assert made["fieldname"] == fieldname
    assert client.customer("A", **{fieldname: "7"})[fieldname] == 7


def test_unique_is_refused_where_values_are_not(client: SiteClient) -> None:
    client.create("Custom Field", **{**EXTERNAL_ID, "unique": 0})
    client.customer("A", syncd_external_id="1")
    client.customer("B", syncd_external_id="1")
    refused(client.update("Custom Field", "Customer-syncd_external_id", unique=1), 417, "ValidationError")
    assert data(client.update("Customer", "B", syncd_external_id="2"))
    data(client.update("Custom Field", "Customer-syncd_external_id", unique=1))
    refused(client.update("Customer", "B", syncd_external_id="1"), 417, "UniqueValidationError")


def test_a_deleted_custom_field_is_gone_and_may_come_again(client: SiteClient) -> None:
    client.create("Custom Field", **EXTERNAL_ID)
    client.customer("A", syncd_external_id="1")
    data(client.delete("/api/resource/Custom Field/Customer-syncd_external_id"))
    assert "syncd_external_id" not in client.read("Customer", "A")
    refused(client.find("Customer", fields=["syncd_external_id"]), 417, "DataError")
    client.create("Custom Field", **EXTERNAL_ID)
    assert client.stored("Customer", "A", "syncd_external_id") == "1", "the column had stayed"


def test_a_custom_doctype(client: SiteClient, limited: SiteClient) -> None:
    values: dict[str, Any] = {
        "name": "Shop Note",
        "module": "Custom",
        "custom": 1,
        "autoname": "prompt",
        "fields": [
            {"fieldname": "customer", "label": "Customer", "fieldtype": "Link", "options": "Customer", "reqd": 1},
            {"fieldname": "text", "label": "Text", "fieldtype": "Long Text"},
        ],
        "permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}],
    }
    made = client.create("DocType", **values)
    assert [row["fieldname"] for row in made["fields"]] == ["customer", "text"]
    assert made["permissions"][0]["submit"] == 0
    refused(client.post("/api/resource/DocType", json=values), 409, "DuplicateEntryError")
    client.customer("A")
    assert client.create("Shop Note", name="n-1", customer="a", text="x")["customer"] == "A"
    refused(client.post("/api/resource/Shop Note", json={"name": "N-1", "customer": "A"}), 409, "DuplicateEntryError")
    refused(client.post("/api/resource/Shop Note", json={"name": "n-2"}), 417, "MandatoryError")
    refused(limited.get("/api/resource/Shop Note"), 403, "PermissionError")
    refused(client.delete("/api/resource/Customer/A"), 417, "LinkExistsError")
    client.call("frappe.client.rename_doc", doctype="Customer", old_name="A", new_name="B")
    assert client.read("Shop Note", "n-1")["customer"] == "B"
    data(client.delete("/api/resource/Shop Note/n-1"))
    data(client.delete("/api/resource/DocType/Shop Note"))
    refused(client.get("/api/resource/Shop Note"), 404, "DoesNotExistError")


def test_standard_doctypes_are_readable_without_custom_fields(client: SiteClient) -> None:
    client.create("Custom Field", **EXTERNAL_ID)
    fields = {row["fieldname"] for row in client.read("DocType", "Customer")["fields"]}
    assert "customer_name" in fields
    assert "syncd_external_id" not in fields
    values = {"name": "Mine", "module": "Custom", "fields": []}
    assert (
        "Developer Mode"
        in refused(client.post("/api/resource/DocType", json=values), 417, "ValidationError")["exception"]
    )


def test_a_property_setter_changes_a_field(client: SiteClient) -> None:
    client.create(
        "Property Setter",
        doctype_or_field="DocField",
        doc_type="Customer",
        field_name="tax_id",
        property="reqd",
        property_type="Check",
        value="1",
    )
    body = refused(client.post("/api/resource/Customer", json={"customer_name": "A"}), 417, "MandatoryError")
    assert body["exception"].endswith(": tax_id")


def test_a_refused_custom_field_leaves_no_column(client: SiteClient) -> None:
    docs = [
        {"doctype": "Custom Field", **EXTERNAL_ID},
        {"doctype": "Customer", "customer_name": "A", "territory": "Atlantis"},
    ]
    refused(client.method("frappe.client.insert_many", docs=docs), 417, "LinkValidationError")
    refused(client.find("Customer", fields=["syncd_external_id"]), 417, "DataError")
    client.create("Custom Field", **EXTERNAL_ID)
