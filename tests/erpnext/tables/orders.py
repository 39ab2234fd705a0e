"""Sales orders with rows, as mappings, writes and people's edits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self
from urllib.parse import quote

import httpx

from syncd.adapters.erpnext import ErpnextEndpoint
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec, layout
from syncd.core.model import Action, Direction, Raw, Row, Rows, Side, TableRow, Write
from syncd.errors import RecordError
from syncd.ports.endpoint import Done, Failed, WriteResult
from tests.erpnext.helpers import customer_spec

ITEMS = ("A", "B", "C")
COLUMNS = ("item_code", "qty", "rate", "delivery_date", "customer_item_code")


def table(name: str, *fields: str | FieldSpec, source: str = "lines", **given: Any) -> TableSpec:
    entries = tuple(FieldSpec(erpnext=held, source=held) if isinstance(held, str) else held for held in fields)
    return TableSpec(erpnext=name, fields=entries, source=source, **given)


def order_spec(*tables: TableSpec, **changes: Any) -> MappingSpec:
    given: dict[str, Any] = {
        "name": "sales-order",
        "file": "mappings/sales-order.toml",
        "doctype": "Sales Order",
        "entity": "orders",
        "fields": tuple(FieldSpec(erpnext=name, source=name) for name in ("customer", "po_no")),
        "tables": tables or (table("items", *COLUMNS),),
    }
    return customer_spec(**{**given, **changes})


def rows(*lines: tuple[Any, ...]) -> Rows:
    """Rows of `items`: (name or None, item code, quantity, rate, and the reference of the customer)."""
    return Rows(
        tuple(
            TableRow(name, (code, qty, rate, "2030-01-01", *(reference or (None,))))
            for name, code, qty, rate, *reference in lines
        )
    )


def creation(partner: str, items: Rows | None = None, **values: Raw) -> Write:
    sent: dict[str, Raw] = {"customer": "Buyer", "items": items or rows((None, "A", 1, 10)), **values}
    return Write(Action.CREATE, Side.ERPNEXT, None, partner, sent, link=True)


def made(endpoint: ErpnextEndpoint, *writes: Write) -> list[Row]:
    return [row_of(result) for result in endpoint.create(writes, f"op-{writes[0].partner}")]


def update(row: Row, values: dict[str, Raw], **given: Any) -> Write:
    return Write(
        action=Action.UPDATE,
        side=Side.ERPNEXT,
        key=row.key,
        values=values,
        **{"partner": row.partner, "stamp": row.stamp, "expected": row.values, **given},
    )


def one(endpoint: ErpnextEndpoint, write: Write) -> WriteResult:
    ((_, result),) = list(endpoint.apply([write]))
    return result


def row_of(result: WriteResult) -> Row:
    assert isinstance(result, Done), result
    return result.row


def error_of(result: WriteResult) -> RecordError:
    assert isinstance(result, Failed), result
    return result.error


def held(row: Row, spec: MappingSpec | None = None, name: str = "items") -> Rows:
    value = row.values[layout(spec or order_spec())[0].index(name)]
    assert isinstance(value, Rows)
    return value


def names(value: Rows) -> list[str]:
    return [str(row.name) for row in value.rows]


def changed(value: Rows, position: int, column: str, raw: Raw) -> Rows:
    """The same rows with one value changed."""
    at = COLUMNS.index(column)
    row = value.rows[position]
    values = (*row.values[:at], raw, *row.values[at + 1 :])
    return Rows((*value.rows[:position], TableRow(row.name, values), *value.rows[position + 1 :]))


class Person:
    """A user with a browser: reads and saves whole documents."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": "token limited:limited"}, trust_env=False, timeout=30
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def read(self, name: str, doctype: str = "Sales Order") -> dict[str, Any]:
        answer = self._http.get(f"/api/resource/{doctype}/{quote(name, safe='')}")
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()["data"]
        return document

    def save(self, name: str, doctype: str = "Sales Order", **values: Any) -> dict[str, Any]:
        answer = self._http.put(f"/api/resource/{doctype}/{quote(name, safe='')}", json=values)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()["data"]
        return document

    def delete(self, name: str, doctype: str = "Sales Order") -> None:
        answer = self._http.delete(f"/api/resource/{doctype}/{quote(name, safe='')}")
        assert answer.status_code == 202, answer.text

    def rename(self, old: str, new: str, doctype: str = "Customer") -> None:
        body = {"doctype": doctype, "old_name": old, "new_name": new}
        answer = self._http.post("/api/method/frappe.client.rename_doc", json=body)
        assert answer.status_code == 200, answer.text


def all_rows(pages: Iterable[Any]) -> list[Row]:
    return [row for page in pages for row in page.rows]


__all__ = [
    "COLUMNS",
    "ITEMS",
    "Direction",
    "Person",
    "all_rows",
    "changed",
    "creation",
    "error_of",
    "held",
    "made",
    "names",
    "one",
    "order_spec",
    "row_of",
    "rows",
    "table",
    "update",
]
