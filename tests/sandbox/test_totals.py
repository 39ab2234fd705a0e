"""What rows, taxes, discounts and rounding of a sales or purchase document come to."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.adapters.sandbox.controllers.rounding import rounded

from .site_client import SiteClient, data, refused
from .trade import bill, booked, invoice, open_shop, order, submit

VAT = {"charge_type": "On Net Total", "account_head": "Sales Tax - AI", "description": "Tax", "rate": 10}
FREIGHT = {"charge_type": "Actual", "account_head": "Freight and Forwarding Charges - AI", "description": "Freight"}


@pytest.fixture
def shop(client: SiteClient) -> SiteClient:
    return open_shop(client)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        pytest.param(0.125, 2, 0.12, id="a half goes to the even digit"),
        pytest.param(0.135, 2, 0.14, id="a half goes to the even digit upwards"),
        pytest.param(2.675, 2, 2.68, id="a half that binary numbers just miss is a half"),
        pytest.param(-0.125, 2, -0.12, id="below zero as above"),
        pytest.param(-0.001, 2, 0.0, id="what vanishes is plain zero"),
        pytest.param(1.0004999, 3, 1.0, id="three digits"),
    ],
)
def test_rounding(value: float, digits: int, expected: float) -> None:
    assert rounded(value, digits) == expected
    assert str(rounded(value, digits)) == str(expected)


ROWS = [{"item_code": "A", "qty": 3, "rate": 33.335}, {"item_code": "B", "qty": 1, "rate": 0.99}]
CASES: list[Any] = [
    pytest.param({}, {"net_total": 101.01, "grand_total": 101.01, "rounded_total": 101.01}, id="no taxes"),
    pytest.param({"taxes": [VAT]}, {"total_taxes_and_charges": 10.1, "grand_total": 111.11}, id="a percentage"),
    pytest.param(
        {"taxes": [{**FREIGHT, "tax_amount": 12.34}]}, {"net_total": 101.01, "grand_total": 113.35}, id="a fixed charge"
    ),
    pytest.param(
        {"taxes": [VAT, {**VAT, "charge_type": "On Previous Row Total", "row_id": 1, "rate": 5}]},
        {"total_taxes_and_charges": 15.66, "grand_total": 116.67},
        id="a tax on a tax",
    ),
    pytest.param(
        {"taxes": [VAT, {**VAT, "charge_type": "On Previous Row Amount", "row_id": 1, "rate": 50}]},
        {"grand_total": 116.16},
        id="a tax on the tax before alone",
    ),
    pytest.param(
        {"taxes": [{**VAT, "charge_type": "On Item Quantity", "rate": 2}]}, {"grand_total": 109.01}, id="for each piece"
    ),
    pytest.param(
        {"taxes": [{**VAT, "included_in_print_rate": 1}]},
        {"total": 101.01, "net_total": 91.83, "total_taxes_and_charges": 9.18, "grand_total": 101.01},
        id="a tax that the rates have in them",
    ),
    pytest.param(
        {"taxes": [VAT], "discount_amount": 10, "apply_discount_on": "Net Total"},
        {"net_total": 91.01, "total_taxes_and_charges": 9.1, "grand_total": 100.11},
        id="a discount before taxes",
    ),
    pytest.param(
        {"taxes": [VAT], "discount_amount": 11.11, "apply_discount_on": "Grand Total"},
        {"net_total": 90.91, "grand_total": 100.0},
        id="a discount on the total",
    ),
    pytest.param(
        {"additional_discount_percentage": 50, "apply_discount_on": "Net Total"},
        {"discount_amount": 50.5, "net_total": 50.51},
        id="a discount in percent: half of 101.01, the half cent to the even digit",
    ),
    pytest.param(
        {"taxes_and_charges": "US ST 6% - AI"},
        {"total_taxes_and_charges": 6.06, "grand_total": 107.07},
        id="a template",
    ),
    pytest.param({"disable_rounded_total": 1}, {"grand_total": 101.01, "rounded_total": 0.0}, id="not rounded"),
    pytest.param(
        {"currency": "JPY", "conversion_rate": 0.01},
        {"grand_total": 101.01, "rounded_total": 101.0, "rounding_adjustment": -0.01, "base_grand_total": 1.01},
        id="a currency without coins, and the company's currency beside",
    ),
    pytest.param(
        {"currency": "CHF", "conversion_rate": 1},
        {"rounded_total": 101.0, "rounding_adjustment": -0.01},
        id="0.05 coins",
    ),
]


@pytest.mark.parametrize(("values", "expected"), CASES)
def test_totals(shop: SiteClient, values: dict[str, Any], expected: dict[str, float]) -> None:
    made = order(shop, items=[dict(row) for row in ROWS], **values)
    assert [row["amount"] for row in made["items"]] == [100.02, 0.99], "33.335 is 33.34 before it is multiplied"
    assert {key: made[key] for key in expected} == expected
    saved = data(shop.update("Sales Order", made["name"], title="again"))
    same = ("net_total", "grand_total", "total_taxes_and_charges", "discount_amount")
    assert {key: saved[key] for key in same} == {key: made[key] for key in same}, "saving again adds nothing"


def test_an_invoice_with_every_kind_of_amount_balances(shop: SiteClient) -> None:
    values = {"taxes": [VAT, {**FREIGHT, "tax_amount": 5}], "discount_amount": 7.77, "apply_discount_on": "Grand Total"}
    made = invoice(shop, items=[dict(row) for row in ROWS], currency="CHF", conversion_rate=1.1, **values)
    submit(shop, "Sales Invoice", made["name"])
    sums = booked(shop, made["name"])
    assert sums["Debtors"] == made["base_rounded_total"]
    assert sums["Sales"] == -made["base_net_total"]
    assert sums["Sales Tax"] == -made["taxes"][0]["base_tax_amount_after_discount_amount"]
    assert sums["Freight and Forwarding Charges"] == -5.5
    assert round(sum(sums.values()), 2) == 0


def test_a_bill_deducts_and_values(shop: SiteClient) -> None:
    taxes = [
        {**VAT, "category": "Total", "add_deduct_tax": "Add"},
        {**VAT, "category": "Total", "add_deduct_tax": "Deduct", "rate": 2},
        {**VAT, "category": "Valuation", "add_deduct_tax": "Add", "rate": 50},
    ]
    made = bill(shop, taxes=taxes)
    assert (made["taxes_and_charges_added"], made["taxes_and_charges_deducted"]) == (10.0, 2.0)
    assert made["grand_total"] == 108.0
    submit(shop, "Purchase Invoice", made["name"])
    assert booked(shop, made["name"]) == {"Creditors": -108.0, "Cost of Goods Sold": 100.0, "Sales Tax": 8.0}


@pytest.mark.parametrize(
    ("tax", "text"),
    [
        pytest.param({"charge_type": "On Previous Row Total"}, "valid Row ID", id="a row before without its number"),
        pytest.param({"charge_type": "On Previous Row Total", "row_id": 1}, "Cannot refer row number", id="itself"),
        pytest.param(
            {"charge_type": "Actual", "included_in_print_rate": 1}, "cannot be included", id="a fixed one inside"
        ),
    ],
)
def test_taxes_that_cannot_be(shop: SiteClient, tax: dict[str, Any], text: str) -> None:
    made = {"customer": "Buyer", "items": ROWS, "taxes": [{**VAT, **tax}]}
    body = refused(shop.post("/api/resource/Sales Invoice", json=made), 417, "ValidationError")
    assert text in body["exception"]


def test_a_price_list_fills_rates_and_a_rate_above_it_is_a_margin_that_stays(shop: SiteClient) -> None:
    shop.create("Item Price", item_code="A", price_list="Standard Selling", price_list_rate=12.5)
    made = order(shop, items=[{"item_code": "A", "qty": 2}, {"item_code": "A", "qty": 1, "rate": 50}])
    listed, dear = made["items"]
    assert (listed["rate"], listed["amount"]) == (12.5, 25.0)
    assert (dear["margin_type"], dear["margin_rate_or_amount"], dear["discount_amount"]) == ("Amount", 37.5, -37.5)
    zero = order(shop, items=[{"item_code": "A", "qty": 2, "rate": 0}])
    assert zero["items"][0]["rate"] == 12.5, "a rate of 0 is no rate where the list has one"
    rows = [listed, {**dear, "rate": 10}]
    lowered = data(shop.update("Sales Order", made["name"], items=rows))
    assert lowered["items"][1]["rate"] == 87.5, (
        "the row's own margin and discount outlive a rate that is sent with them"
    )
    plain = {"margin_type": "", "margin_rate_or_amount": 0, "discount_amount": 0}
    lowered = data(shop.update("Sales Order", made["name"], items=[listed, {**dear, "rate": 10, **plain}]))
    assert lowered["items"][1]["rate"] == 10.0


def test_the_schedule_wins_over_the_due_date(shop: SiteClient) -> None:
    made = invoice(shop, due_date="2090-01-01")
    assert [row["due_date"] for row in made["payment_schedule"]] == ["2090-01-01"]
    kept = data(shop.update("Sales Invoice", made["name"], due_date="2091-01-01"))
    assert kept["due_date"] == "2090-01-01"
    moved = data(shop.update("Sales Invoice", made["name"], due_date="2091-01-01", payment_schedule=[]))
    assert moved["due_date"] == moved["payment_schedule"][0]["due_date"] == "2091-01-01"
    halves = [{"due_date": f"209{year}-01-01", "invoice_portion": 50} for year in (2, 3)]
    split = data(shop.update("Sales Invoice", made["name"], payment_schedule=halves))
    assert [row["payment_amount"] for row in split["payment_schedule"]] == [50.0, 50.0]
    assert split["due_date"] == "2093-01-01"
    short = shop.update("Sales Invoice", made["name"], payment_schedule=halves[:1])
    assert "must be equal to Grand" in refused(short, 417, "ValidationError")["exception"]
