"""A small company's documents for the accounting tests, and its ledger as they should see it."""

from __future__ import annotations

from typing import Any

from .site_client import SiteClient, data

COMPANY = "Acme Inc"
PAYMENT = "erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry"
ITEMS = [{"item_code": "A", "qty": 2, "rate": 50}]


def open_shop(client: SiteClient) -> SiteClient:
    client.customer("Buyer")
    client.create("Supplier", supplier_name="Mill")
    for code in ("A", "B"):
        client.create("Item", item_code=code, item_group="Products", stock_uom="Nos")
    return client


def invoice(shop: SiteClient, **values: Any) -> dict[str, Any]:
    return shop.create("Sales Invoice", **{"customer": "Buyer", "company": COMPANY, "items": ITEMS, **values})


def submitted_invoice(shop: SiteClient, **values: Any) -> dict[str, Any]:
    return shop.read("Sales Invoice", invoice(shop, docstatus=1, **values)["name"])


def bill(shop: SiteClient, **values: Any) -> dict[str, Any]:
    return shop.create("Purchase Invoice", **{"supplier": "Mill", "company": COMPANY, "items": ITEMS, **values})


def order(shop: SiteClient, **values: Any) -> dict[str, Any]:
    return shop.create("Sales Order", **{"customer": "Buyer", "delivery_date": "2090-01-01", "items": ITEMS, **values})


def proposal(shop: SiteClient, doctype: str, name: str) -> dict[str, Any]:
    proposed: dict[str, Any] = shop.call(PAYMENT, dt=doctype, dn=name)
    return proposed | {"reference_no": "REF-1"}


def payment(shop: SiteClient, doctype: str, name: str, amount: float | None = None, **values: Any) -> dict[str, Any]:
    made = proposal(shop, doctype, name)
    if amount is not None:
        made |= {"paid_amount": amount, "received_amount": amount}
        made["references"][0]["allocated_amount"] = amount
    return shop.create("Payment Entry", **{**made, "docstatus": 1, **values})


def journal(shop: SiteClient, *rows: dict[str, Any], **values: Any) -> dict[str, Any]:
    head = {"company": COMPANY, "posting_date": "2026-03-31", "voucher_type": "Journal Entry"}
    return shop.create("Journal Entry", **{**head, "accounts": list(rows), **values})


def debit(account: str, amount: float, **values: Any) -> dict[str, Any]:
    return {"account": f"{account} - AI", "debit_in_account_currency": amount, **values}


def credit(account: str, amount: float, **values: Any) -> dict[str, Any]:
    return {"account": f"{account} - AI", "credit_in_account_currency": amount, **values}


def entries(shop: SiteClient, **filters: Any) -> list[dict[str, Any]]:
    fields = ["name", "account", "debit", "credit", "party", "cost_center", "against_voucher", "is_cancelled"]
    return shop.rows("GL Entry", filters=filters, fields=[*fields, "voucher_type", "voucher_no"], limit_page_length="0")


def booked(shop: SiteClient, voucher: str) -> dict[str, float]:
    """What a voucher's entries come to on each account: debits positive."""
    sums: dict[str, float] = {}
    for row in entries(shop, voucher_no=voucher, is_cancelled=0):
        account = row["account"].removesuffix(" - AI")
        sums[account] = round(sums.get(account, 0.0) + row["debit"] - row["credit"], 2)
    return sums


def submit(shop: SiteClient, doctype: str, name: str, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = data(shop.update(doctype, name, docstatus=1, **values))
    return made


def cancel(shop: SiteClient, doctype: str, name: str) -> dict[str, Any]:
    made: dict[str, Any] = data(shop.update(doctype, name, docstatus=2))
    return made
