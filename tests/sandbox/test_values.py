"""What the site makes of values: the answer shows the document in memory, the list what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from .site_client import SiteClient, data, refused

ABSENT = object()


@pytest.mark.parametrize(
    ("field", "sent", "answered", "stored"),
    [
        pytest.param("tax_id", "  x y ", "  x y ", "  x y ", id="blanks stay"),
        pytest.param("tax_id", 123, 123, "123", id="number in Data is text in the store"),
        pytest.param("tax_id", True, True, "1", id="true in Data is 1"),
        pytest.param("tax_id", 12.5, 12.5, "12.5", id="fraction in Data"),
        pytest.param("tax_id", None, ABSENT, None, id="null"),
        pytest.param("tax_id", "", "", "", id="empty text is kept in Data"),
        pytest.param("disabled", "yes", 0, 0, id="a word in a Check is 0"),
        pytest.param("disabled", 2, 1, 1, id="two in a Check is 1"),
        pytest.param("default_commission_rate", "7.5", 7.5, 7.5, id="text in a Float"),
        pytest.param("default_commission_rate", "1,234.5", 1234.5, 1234.5, id="thousands separator"),
        pytest.param("default_commission_rate", "abc", 0.0, 0.0, id="a word in a Float is 0"),
        pytest.param("default_commission_rate", 0.1 + 0.2, 0.30000000000000004, 0.3, id="nine decimals are kept"),
        pytest.param("customer_details", "a < b & c > d", "a < b & c > d", "a < b & c > d", id="signs are no markup"),
        pytest.param("customer_details", "l1\r\nl2\x00", "l1\r\nl2\x00", "l1\r\nl2\x00", id="line breaks and NUL"),
        pytest.param(
            "customer_details",
            "<b>x</b><script>y()</script>",
            "<b>x</b>&lt;script&gt;y()&lt;/script&gt;",
            "<b>x</b>&lt;script&gt;y()&lt;/script&gt;",
            id="scripts are shown as text",
        ),
        pytest.param(
            "customer_details",
            '<a href="javascript:x()" onclick="y()">z</a>',
            "<a>z</a>",
            "<a>z</a>",
            id="handlers are taken out",
        ),
    ],
)
def test_customer_values(client: SiteClient, field: str, sent: Any, answered: Any, stored: Any) -> None:
    made = client.customer("Value", **{field: sent})
    shown = made.get(field, ABSENT)
    assert shown == answered
    assert type(shown) is type(answered)
    kept = client.stored("Customer", "Value", field)
    assert kept == stored
    assert type(kept) is type(stored)


@pytest.mark.parametrize(
    ("field", "sent", "answered", "stored"),
    [
        pytest.param("end_of_life", "2027-01-31 10:00:00", "2027-01-31 10:00:00", "2027-01-31", id="date with a time"),
        pytest.param("end_of_life", "", ABSENT, None, id="empty text in a Date is null"),
        pytest.param("lead_time_days", 3.9, 3, 3, id="an Int is cut"),
        pytest.param("lead_time_days", "12abc", 0, 0, id="half a number in an Int is 0"),
        pytest.param("description", "a & b", "a &amp; b", "a &amp; b", id="ampersand in a Text Editor"),
        pytest.param("description", "a &amp; b", "a &amp; b", "a &amp; b", id="entities stay"),
    ],
)
def test_item_values(client: SiteClient, field: str, sent: Any, answered: Any, stored: Any) -> None:
    made = client.create("Item", item_code="V", item_group="Products", stock_uom="Nos", **{field: sent})
    assert made.get(field, ABSENT) == answered
    assert client.stored("Item", "V", field) == stored


@pytest.mark.parametrize(
    ("field", "sent", "exc_type", "text"),
    [
        pytest.param("end_of_life", "31-01-2027", "OperationalError", "Incorrect date value", id="day first"),
        pytest.param("end_of_life", "2027-01-31T10:00:00Z", "OperationalError", "Incorrect date value", id="zone"),
        pytest.param("end_of_life", "2027-02-31", "OperationalError", "Incorrect date value", id="no such day"),
        pytest.param("standard_rate", 1e30, "DataError", "Out of range value", id="too large a number"),
        pytest.param("lead_time_days", 2**31, "DataError", "Out of range value", id="too large an Int"),
    ],
)
def test_what_the_database_refuses_is_500(client: SiteClient, field: str, sent: Any, exc_type: str, text: str) -> None:
    values = {"item_code": "V", "item_group": "Products", "stock_uom": "Nos", field: sent}
    body = refused(client.post("/api/resource/Item", json=values), 500, exc_type)
    assert text in body["exception"]
    assert body["exception"].startswith("pymysql.err.")
    assert client.rows("Item") == []


def test_item_fills_in_what_follows_from_code_and_company(client: SiteClient) -> None:
    made = client.create("Item", item_code=" A-1 ", item_group="products", stock_uom="nos", standard_rate=12.5)
    assert (made["name"], made["item_name"], made["description"]) == ("A-1", "A-1", "A-1")
    assert (made["item_group"], made["stock_uom"]) == ("Products", "Nos")
    assert [(row["uom"], row["conversion_factor"]) for row in made["uoms"]] == [("Nos", 1.0)]
    assert made["item_defaults"][0]["default_warehouse"] == "Stores - AI"
    prices = client.rows("Item Price", fields=["item_code", "price_list", "price_list_rate", "currency", "selling"])
    assert prices == [
        {"item_code": "A-1", "price_list": "Standard Selling", "price_list_rate": 12.5, "currency": "USD", "selling": 1}
    ]
    again = {"item_code": "A-1", "price_list": "Standard Selling", "price_list_rate": 1}
    refused(client.post("/api/resource/Item Price", json=again), 417, "ItemPriceDuplicateItem")


def test_a_change_through_put_is_coerced_too(client: SiteClient) -> None:
    client.customer("P")
    answer = data(client.update("Customer", "P", tax_id=5, disabled="1"))
    assert (answer["tax_id"], answer["disabled"]) == (5, 1)
    assert client.stored("Customer", "P", "tax_id") == "5"
