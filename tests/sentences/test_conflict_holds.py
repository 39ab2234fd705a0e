"""Contract, "What the keys mean": a conflict holds the whole record; `changed_after_submit = "erpnext"`."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.sentences.place import NOTHING, Place, Side


@pytest.mark.parametrize("take", list(Side), ids=lambda side: f"decided for {side.value}")
def test_other_fields_of_it_wait(site: Place, take: Side) -> None:
    """**A conflict holds the whole record**: other fields of it wait too, so that a document is never half one
    person's and half another's.
    """
    site.map('customer_name = "name"\ntax_id = "vat"\nwebsite = "url"\ncustomer_details = "notes"')
    document, row = site.agreed(name="Ada", url="old")
    other, their = site.agreed(name="Bob")
    site.edit(document, website="theirs", tax_id="from ERPNext")
    site.edit_row(row, url="ours", notes="from the shop")
    site.edit(other, tax_id="V2")
    assert site.counts().updated == {"erpnext": 0, "source": 1}, "the other record is nobody's conflict"
    assert site.row(their, "vat") == ("V2",)
    site.edit(document, tax_id="edited meanwhile")
    assert site.counts(full=True).updated == NOTHING
    assert site.customer(document, "website", "customer_details") == ("theirs", None)
    assert site.row(row, "url", "vat") == ("ours", None)
    site.resolve(take)
    site.settled()
    decided = "theirs" if take is Side.ERPNEXT else "ours"
    assert site.customer(document, "website", "tax_id", "customer_details") == (
        decided,
        "edited meanwhile",
        "from the shop",
    )
    assert site.row(row, "url", "vat", "notes") == (decided, "edited meanwhile", "from the shop")


def test_the_rows_of_its_table_wait(site: Place) -> None:
    """**A conflict holds the whole record**: other fields of it wait too, so that a document is never half one
    person's and half another's.
    """
    site.map_orders()
    order = site.order([(1, 1, 2, 10), (2, 2, 1, 5)])
    site.settled()
    document = site.partner(order, "order")
    site.desk.act("save", "Sales Order", document, po_no="theirs")
    site.shop.change("orders", order, number="ours")
    site.shop.do("UPDATE order_lines SET quantity = 9 WHERE line_no = 2")
    assert site.counts(name="order").conflicts == 1
    assert [row["qty"] for row in site.items(document)] == [2, 1]
    site.resolve(Side.ERPNEXT, "order")
    site.settled()
    assert [row["qty"] for row in site.items(document)] == [2, 9]
    assert site.shop.one("orders", order)["number"] == "theirs"


def test_a_contested_row_holds_the_fields_of_its_document(site: Place) -> None:
    """**A conflict holds the whole record**: other fields of it wait too, so that a document is never half one
    person's and half another's.
    """
    site.map_orders()
    order = site.order([(1, 1, 2, 10), (2, 2, 1, 5)])
    site.settled()
    document = site.partner(order, "order")
    items = site.items(document)
    items[1]["qty"] = 8
    site.desk.act("save", "Sales Order", document, items=items)
    site.shop.do("UPDATE order_lines SET quantity = 9 WHERE line_no = 2")
    site.shop.change("orders", order, number="ours")
    assert site.counts(name="order").conflicts == 1
    assert site.desk.get("Sales Order", document)["po_no"] == "PO-1"
    site.resolve(Side.SOURCE, "order")
    site.settled()
    assert site.desk.get("Sales Order", document)["po_no"] == "ours"
    assert [row["qty"] for row in site.items(document)] == [2, 9]


def overwritten(site: Place) -> tuple[str, int]:
    """An order that is submitted, in which the shop then changes a quantity."""
    site.map_orders(lifecycle='changed_after_submit = "erpnext"\n')
    order = site.order([(1, 1, 2, 10)], state="paid")
    site.settled()
    site.shop.do("UPDATE order_lines SET quantity = 9 WHERE order_id = ?", order)
    site.shop.touch("orders", order)
    return site.partner(order, "order"), order


def test_the_sources_edits_of_a_submitted_document_are_overwritten(site: Place) -> None:
    """**`changed_after_submit = "erpnext"`**: the source's edits to those fields are overwritten, and reported as
    conflicts decided.
    """
    document, order = overwritten(site)
    site.settled()
    held = site.desk.get("Sales Order", document)
    assert (site.lines(order), held["docstatus"], held["items"][0]["qty"]) == ([(1, 1, 2, 10)], 1, 2)
    assert len(site.desk.list("Sales Order")) == 1, "nothing was amended"
    site.quiet(full=True)


def test_what_was_overwritten_is_reported_as_a_conflict_decided(site: Place) -> None:
    """**`changed_after_submit = "erpnext"`**: the source's edits to those fields are overwritten, and reported as
    conflicts decided.

    In both reports, with what was overwritten; other changes do not call themselves so.
    """
    overwritten(site)
    result = site.run()
    [decided] = decided_changes(site, result.run)
    assert (decided["field"], decided["old"][0][1], decided["new"][0][1]) == ("items", 9, "2")
    page = (site.folder / "state" / "reports" / f"{result.run}.html").read_text(encoding="utf-8")
    assert page.count("(a conflict, decided)") == 1


def test_the_sources_edits_of_other_fields_flow(site: Place) -> None:
    """**`changed_after_submit = "erpnext"`**: the source's edits to those fields are overwritten, and reported as
    conflicts decided.

    Those fields: which ERPNext does not let change any more. Others it does.
    """
    document, order = overwritten(site)
    site.shop.change("orders", order, number="PO-9")
    site.settled()
    assert (site.lines(order), site.desk.get("Sales Order", document)["po_no"]) == ([(1, 1, 2, 10)], "PO-9")


def test_a_conflict_that_wins_decided_is_reported_as_well(site: Place) -> None:
    """**A conflict holds the whole record**: other fields of it wait too, so that a document is never half one
    person's and half another's.

    One that a policy decides holds nothing, and is told apart from changes that nobody contested.
    """
    site.map(conflict='wins = "erpnext"')
    document, row = site.agreed(name="Ada", url="old")
    site.edit(document, website="theirs", tax_id="V1")
    site.edit_row(row, url="ours", name="Ada L")
    run = site.run().run
    assert [(each["field"], each["old"], each["new"]) for each in decided_changes(site, run)] == [
        ("website", "ours", "theirs")
    ]
    assert site.row(row, "name", "vat", "url") == ("Ada L", "V1", "theirs")
    assert site.customer(document, "customer_name") == ("Ada L",)


def decided_changes(site: Place, run: str) -> list[dict[str, Any]]:
    """The changes of a run's report that decided a conflict."""
    report = orjson.loads((site.folder / "state" / "reports" / f"{run}.json").read_bytes())
    return [change for each in report["operations"] for change in each["changes"] if change.get("decided")]
