"""Shared by the tests of documents that can be submitted: sales invoices of the sandbox, mapped with their rows."""

from __future__ import annotations

from typing import Any

from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec, layout, table_layout
from syncd.core.model import Action, Raw, Row, Rows, Side, TableRow, Write
from syncd.core.spec import CreateMethod, LifecycleSpec
from syncd.errors import RecordError
from syncd.ports.endpoint import Done, Failed, WriteResult
from tests.sandbox.site_client import SiteClient as Site

FIELDS = ("customer", "posting_date", "due_date", "po_no", "remarks", "grand_total", "outstanding_amount", "status")
LEG_FIELDS = ("account", "debit_in_account_currency", "credit_in_account_currency")
PAYMENT_FIELDS = ("paid_invoice", "reference_no", "paid_amount")
GET_PAYMENT_ENTRY = "erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry"
ITEM_FIELDS = ("item_code", "qty", "rate")


def invoice_spec(**changes: Any) -> MappingSpec:
    """Sales invoices with rows; `lifecycle` as keywords of `LifecycleSpec` may be given as a dict."""
    lifecycle = {"field": "status", "draft": ("open",), "submitted": ("billed",), "cancelled": ("void",)}
    given: dict[str, Any] = {
        "name": "invoice",
        "file": "mappings/invoice.toml",
        "doctype": "Sales Invoice",
        "source": "shop",
        "entity": "invoices",
        "site": "main",
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "fields": (
            *(FieldSpec(erpnext=name, source=name) for name in FIELDS),
            FieldSpec(erpnext="company", constant="Acme Inc"),
        ),
        "tables": (
            TableSpec(
                erpnext="items",
                source="lines",
                key=("line_no",),
                fields=(
                    *(FieldSpec(erpnext=name, source=name) for name in ITEM_FIELDS),
                    FieldSpec(erpnext="description", constant="from the shop"),
                ),
            ),
        ),
        "lifecycle": LifecycleSpec(**{**lifecycle, **changes.pop("lifecycle", {})}),
    }
    return MappingSpec(**{**given, **changes})


def payment_spec(**changes: Any) -> MappingSpec:
    """Payments that ERPNext builds from the invoice that a custom field names."""
    given: dict[str, Any] = {
        "name": "payment",
        "file": "mappings/payment.toml",
        "doctype": "Payment Entry",
        "source": "shop",
        "entity": "payments",
        "site": "main",
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "fields": tuple(
            FieldSpec(erpnext=name, source=name) for name in ("paid_invoice", "reference_no", "paid_amount")
        ),
        "create_method": CreateMethod(
            method=GET_PAYMENT_ENTRY,
            args={"dt": "Sales Invoice", "dn": "{paid_invoice}", "party_amount": "{paid_amount}"},
        ),
        "lifecycle": LifecycleSpec(),
    }
    return MappingSpec(**{**given, **changes})


def entry_spec(**changes: Any) -> MappingSpec:
    """Journal entries: what does not balance is taken as a draft and refused when it is submitted (measured)."""
    given: dict[str, Any] = {
        "name": "entry",
        "file": "mappings/entry.toml",
        "doctype": "Journal Entry",
        "source": "shop",
        "entity": "entries",
        "site": "main",
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "fields": (*(FieldSpec(erpnext=name, source=name) for name in ("posting_date", "user_remark", "company")),),
        "tables": (
            TableSpec(
                erpnext="accounts",
                source="legs",
                fields=tuple(FieldSpec(erpnext=name, source=name) for name in LEG_FIELDS),
            ),
        ),
        "lifecycle": LifecycleSpec(),
    }
    return MappingSpec(**{**given, **changes})


def legs(debit: float, credit: float) -> Rows:
    """Two new rows of a journal entry."""
    return Rows((TableRow(None, ("Cash - AI", debit, 0.0)), TableRow(None, ("Sales - AI", 0.0, credit))))


SPEC = invoice_spec()


def value(row: Row, name: str, spec: MappingSpec = SPEC) -> Raw:
    return row.values[layout(spec)[0].index(name)]


def lines(row: Row, spec: MappingSpec = SPEC) -> Rows:
    held = value(row, "items", spec)
    assert isinstance(held, Rows)
    return held


def line(rows: Rows, at: int, column: str) -> Raw:
    return rows.rows[at].values[table_layout(SPEC.tables[0])[0].index(column)]


def new_lines(*rows: tuple[str, float, float]) -> Rows:
    """Rows to be made of (item_code, qty, rate)."""
    return Rows(tuple(TableRow(None, row) for row in rows))


def changed(row: TableRow, **columns: Raw) -> TableRow:
    names = table_layout(SPEC.tables[0])[0]
    return TableRow(row.name, tuple(columns.get(name, held) for name, held in zip(names, row.values, strict=True)))


def creation(partner: str, *, docstatus: int = 0, **values: Raw) -> Write:
    given: dict[str, Raw] = {
        "customer": "Buyer",
        "company": "Acme Inc",
        "posting_date": "2026-11-02",
        "due_date": "2099-12-31",
        "items": new_lines(("A", 2.0, 50.0), ("B", 1.0, 10.0)),
    }
    held = {name: raw for name, raw in {**given, **values}.items() if raw is not None}
    return Write(Action.CREATE, Side.ERPNEXT, None, partner, held, link=True, docstatus=docstatus)


def write(action: Action, row: Row, *, docstatus: int = 0, **values: Raw) -> Write:
    return Write(
        action, Side.ERPNEXT, row.key, row.partner, values, stamp=row.stamp, expected=row.values, docstatus=docstatus
    )


def done(result: WriteResult) -> Row:
    assert isinstance(result, Done), result
    assert result.missed == ()
    return result.row


def error(result: WriteResult) -> RecordError:
    assert isinstance(result, Failed), result
    return result.error


def pay(site: Site, invoice: str, *, submit: bool = True) -> str:
    """A payment that settles the invoice, as a person makes it."""
    made = site.call(GET_PAYMENT_ENTRY, dt="Sales Invoice", dn=invoice)
    made |= {"reference_no": "R-1", "docstatus": int(submit)}
    return str(site.create("Payment Entry", **{key: held for key, held in made.items() if key != "doctype"})["name"])


def live_ledger(site: Site) -> dict[str, float]:
    """What each voucher has booked and not reversed, as its debits."""
    rows = site.rows(
        "GL Entry",
        filters={"is_cancelled": 0},
        fields=["voucher_no", "debit", "credit"],
        limit_page_length="0",
    )
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["voucher_no"]] = totals.get(row["voucher_no"], 0.0) + row["debit"]
    assert round(sum(row["debit"] - row["credit"] for row in rows), 2) == 0, "the ledger balances"
    return totals
