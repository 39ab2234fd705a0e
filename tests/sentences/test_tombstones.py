"""Contract, "What the keys mean": Tombstones."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

SOFT = 'id = "id"\nmodified = "updated_at"\ndeleted = "deleted_at"'


def three(site: Place) -> tuple[str, int]:
    """Three customers on both sides, so that no guard takes a deletion for an emptied side: one of them."""
    for name in ("Ada", "Bob", "Cem"):
        site.add(name=name)
    site.settled()
    return site.partner(1), 1


def stays_ended(site: Place, row: int) -> None:
    """Full passes, edits of what is left and a restart of the program make nothing anew."""
    assert site.states()[str(row)] == "ended"
    documents, rows = len(site.customers()), len(site.shop.rows())
    counts = site.settled(full=True)
    assert (counts.created, counts.deleted, counts.ended) == (NOTHING, NOTHING, 0)
    assert (len(site.customers()), len(site.shop.rows())) == (documents, rows)


@pytest.mark.parametrize(("policy", "disabled"), [("ignore", 0), ("disable", 1)])
def test_a_document_whose_row_was_deleted(site: Place, policy: str, disabled: int) -> None:
    """A pair whose partner was deleted under `ignore`, `disable`, `cancel` or `mark` is ended, and its record is never
    created anew.
    """
    site.map(delete=f'source_deleted = "{policy}"')
    document, row = three(site)
    site.shop.do("DELETE FROM customers WHERE id = ?", row)
    assert site.counts(full=True).ended == 1
    assert site.customer(document, "disabled") == (disabled,)
    stays_ended(site, row)
    site.edit(document, website="an edit of what is left")
    stays_ended(site, row)
    assert len(site.shop.rows()) == 2


@pytest.mark.parametrize("policy", ["ignore", "mark"])
def test_a_row_whose_document_was_deleted(site: Place, policy: str) -> None:
    """A pair whose partner was deleted under `ignore`, `disable`, `cancel` or `mark` is ended, and its record is never
    created anew.
    """
    site.map(source=SOFT, delete=f'erpnext_deleted = "{policy}"')
    document, row = three(site)
    site.desk.act("delete", "Customer", document)
    assert site.counts(full=True).ended == 1
    assert (site.row(row, "deleted_at") != (None,)) is (policy == "mark")
    stays_ended(site, row)
    site.edit_row(row, url="an edit of what is left")
    stays_ended(site, row)
    assert len(site.customers()) == 2


def test_a_submitted_document_whose_row_was_deleted(site: Place) -> None:
    """A pair whose partner was deleted under `ignore`, `disable`, `cancel` or `mark` is ended, and its record is never
    created anew.
    """
    site.map_orders(delete='source_deleted = "cancel"')
    order, other = (site.order([(1, 1, 2, 10)], state="paid", number=number) for number in ("PO-1", "PO-2"))
    site.settled()
    document = site.partner(order, "order")
    site.shop.do("DELETE FROM orders WHERE id = ?", order)
    assert site.counts(full=True, name="order").ended == 1
    assert site.desk.get("Sales Order", document)["docstatus"] == 2
    assert site.states("order") == {str(order): "ended", str(other): "agreed"}
    counts = site.settled(full=True, name="order")
    assert (counts.created, len(site.desk.list("Sales Order")), len(site.shop.rows("SELECT * FROM orders"))) == (
        NOTHING,
        2,
        1,
    )


@pytest.mark.parametrize("policy", ["ignore", "disable", "delete"])
@pytest.mark.parametrize("rebuilt", [False, True], ids=["at first sight", "after state rebuild"])
def test_an_id_whose_row_is_missing_is_a_deletion(site: Place, policy: str, rebuilt: bool) -> None:
    """An external id in ERPNext whose row is missing in the source is a deletion there, never a new record, also after
    `state rebuild`.
    """
    site.map(delete=f'source_deleted = "{policy}"')
    three(site)
    document = site.new(customer_name="Dan", syncd_shop_id="99")
    if rebuilt:
        site.rebuild()
    site.settled(full=True)
    assert [row["name"] for row in site.shop.rows()] == ["Ada", "Bob", "Cem"]
    assert site.states()["99"] == "ended"
    site.edit(document, website="an edit of what is left")
    site.settled(full=True)
    assert len(site.shop.rows()) == 3


def test_a_row_that_was_deleted_stays_deleted_when_the_state_is_lost(site: Place) -> None:
    """An external id in ERPNext whose row is missing in the source is a deletion there, never a new record, also after
    `state rebuild`.
    """
    document, row = three(site)
    site.shop.do("DELETE FROM customers WHERE id = ?", row)
    site.rebuild()
    assert site.settled(full=True).created == NOTHING
    assert (len(site.shop.rows()), site.customer(document, "syncd_shop_id")) == (2, ("1",))
    assert site.states()["1"] == "ended"
