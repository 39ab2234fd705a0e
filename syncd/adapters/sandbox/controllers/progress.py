"""How far orders are delivered and billed: counted from the documents that refer to their rows."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.database import quoted
from syncd.adapters.sandbox.documents import get
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from .rounding import rounded

_DONE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One kind of progress: rows of `source` name a row of `target` and add to its counted field."""

    source: str
    parent_link: str
    row_link: str
    amount: str
    target: str
    counted: str
    percent: str
    word: str
    status_field: str = ""


BILLED_BY_INVOICE = (
    Progress(
        source="Sales Invoice",
        parent_link="sales_order",
        row_link="so_detail",
        amount="amount",
        target="Sales Order",
        counted="billed_amt",
        percent="per_billed",
        word="Billed",
        status_field="billing_status",
    ),
    Progress(
        source="Sales Invoice",
        parent_link="delivery_note",
        row_link="dn_detail",
        amount="amount",
        target="Delivery Note",
        counted="billed_amt",
        percent="per_billed",
        word="Billed",
    ),
)
DELIVERED_BY_NOTE = (
    Progress(
        source="Delivery Note",
        parent_link="against_sales_order",
        row_link="so_detail",
        amount="qty",
        target="Sales Order",
        counted="delivered_qty",
        percent="per_delivered",
        word="Delivered",
        status_field="delivery_status",
    ),
)


def order_status(document: Document) -> str:
    """The word for the state of a sales order."""
    if cint(document["docstatus"]) != 1:
        return "Cancelled" if cint(document["docstatus"]) else "Draft"
    if document.get("status") in ("Closed", "On Hold"):
        return str(document["status"])
    delivered = flt(document.get("per_delivered")) >= _DONE or cint(document.get("skip_delivery_note"))
    billed = flt(document.get("per_billed")) >= _DONE
    words = {(0, 0): "To Deliver and Bill", (0, 1): "To Deliver", (1, 0): "To Bill", (1, 1): "Completed"}
    return words[int(bool(delivered)), int(billed)]


def delivery_status(document: Document) -> str:
    """The word for the state of a delivery note."""
    if cint(document["docstatus"]) != 1:
        return "Cancelled" if cint(document["docstatus"]) else "Draft"
    if cint(document.get("is_return")):
        return "Return"
    done = flt(document.get("per_billed")) >= _DONE or not flt(document.get("grand_total"))
    return "Completed" if done else "To Bill"


_STATUS = {"Sales Order": order_status, "Delivery Note": delivery_status}


def advance(session: Session, document: Document, kinds: tuple[Progress, ...]) -> None:
    """Count anew what a document that was submitted or cancelled counts towards; moves the stamp of the targets.

    Raises OverAllowanceError where a submitted row takes more than was ordered.
    """
    for kind in kinds:
        if kind.source != document["doctype"]:
            continue
        rows = [row for row in document["items"] if row.get(kind.row_link)]
        for row in rows:
            _count(session, document, kind, row)
        for name in dict.fromkeys(str(row[kind.parent_link]) for row in rows if row.get(kind.parent_link)):
            _sum_up(session, kind, name)


def _count(session: Session, document: Document, kind: Progress, row: Document) -> None:
    items = quoted(f"tab{kind.source} Item")
    detail = row[kind.row_link]
    found = session.one(
        f"SELECT sum({quoted(kind.amount)}) FROM {items} WHERE {quoted(kind.row_link)} = ? AND docstatus = 1", detail
    )
    done = rounded(flt(found[0]) if found else 0.0, 9)
    ordered = flt(session.value(f"{kind.target} Item", detail, kind.amount))
    over = rounded(done - ordered, 3)
    if over > 0 and cint(document["docstatus"]) == 1:
        label = session.meta(f"{kind.source} Item").by_name[kind.amount].label
        raise invalid(
            f"This document is over limit by <strong>{label} {over}</strong> for item "
            f"<strong>{row.get('item_code')}</strong>. Are you making another <strong>{kind.source}</strong> against "
            f"the same <strong>{kind.target} Item</strong>?",
            "OverAllowanceError",
            title="Limit Crossed",
        )
    values = {kind.counted: done}
    saving.set_directly(session, session.meta(f"{kind.target} Item"), str(detail), values)


def _sum_up(session: Session, kind: Progress, name: str) -> None:
    meta = session.meta(kind.target)
    document = get(session, meta, name)
    whole = sum(abs(flt(row[kind.amount])) for row in document["items"])
    done = sum(min(abs(flt(row[kind.counted])), abs(flt(row[kind.amount]))) for row in document["items"])
    percent = rounded(done / whole * 100.0, 6) if whole else 0.0
    values: dict[str, object] = {kind.percent: percent}
    if kind.status_field:
        share = "Not" if not percent else "Fully" if percent >= _DONE else "Partly"
        values[kind.status_field] = f"{share} {kind.word}"
    document.update(values)
    if cint(document["docstatus"]) == 1:
        values["status"] = _STATUS[kind.target](document)
    saving.set_directly(session, meta, name, values)
