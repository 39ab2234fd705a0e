"""Contract, "What the keys mean": Scope."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

ACTIVE = 'id = "id"\nmodified = "updated_at"\nfilters = { active = true }'
COMMERCIAL = 'external_id = "syncd_shop_id"\nfilters = [["customer_group", "=", "Commercial"]]'
GROUPED = 'customer_name = "name"\nwebsite = "url"\ntax_id = "vat"\ncustomer_group = { constant = "Commercial" }'


def others(site: Place) -> None:
    """Customers that stay, so that no guard takes what leaves for an emptied side."""
    for name in ("Bob", "Cem"):
        site.add(name=name)


@pytest.mark.parametrize("full", [False, True], ids=["told by the feed", "by a full pass"])
def test_a_row_that_leaves_the_filter_pauses(site: Place, full: bool) -> None:
    """A record that leaves a filter neither ends nor deletes anything: its pair pauses and goes on when it is back."""
    site.map(source=ACTIVE, delete='source_deleted = "delete"\nerpnext_deleted = "delete"')
    others(site)
    document, row = site.agreed(name="Ada", url="u")
    site.edit_row(row, active=0, url="ours, meanwhile")
    site.settled(full=full)
    site.edit(document, tax_id="theirs, meanwhile")
    counts = site.settled(full=True)
    assert (counts.deleted, counts.ended, counts.created) == (NOTHING, 0, NOTHING)
    assert (site.customer(document, "website"), site.row(row, "vat")) == (("u",), (None,))
    assert site.states()[str(row)] == "paused"
    site.edit_row(row, active=1)
    site.settled()
    assert site.states()[str(row)] == "agreed"
    assert (site.customer(document, "website"), site.row(row, "vat")) == (
        ("ours, meanwhile",),
        ("theirs, meanwhile",),
    )


@pytest.mark.parametrize("full", [False, True], ids=["told by the feed", "by a full pass"])
def test_a_document_that_leaves_the_filter_pauses(site: Place, full: bool) -> None:
    """A record that leaves a filter neither ends nor deletes anything: its pair pauses and goes on when it is back."""
    site.map(GROUPED, erpnext=COMMERCIAL, delete='source_deleted = "delete"\nerpnext_deleted = "delete"')
    others(site)
    document, row = site.agreed(name="Ada", url="u")
    site.edit(document, customer_group="Government", website="theirs, meanwhile")
    site.settled(full=full)
    site.edit_row(row, vat="ours, meanwhile")
    counts = site.settled(full=True)
    assert (counts.deleted, counts.ended, counts.created) == (NOTHING, 0, NOTHING)
    assert (site.row(row, "url"), site.customer(document, "tax_id")) == (("u",), (None,))
    assert site.states()[str(row)] == "paused"
    site.edit(document, customer_group="Commercial")
    site.settled()
    assert site.states()[str(row)] == "agreed"
    assert (site.row(row, "url"), site.customer(document, "tax_id")) == (
        ("theirs, meanwhile",),
        ("ours, meanwhile",),
    )


FREE_GROUP = 'customer_name = "name"\ncustomer_group = "code"'


def test_a_row_that_would_not_fit_erpnexts_filter_is_refused(site: Place) -> None:
    """A record that would not fit the receiving side's filter once written is refused with a name, not created out of
    sight.
    """
    site.map(FREE_GROUP, erpnext=COMMERCIAL)
    fits, other = site.add(name="Ada", code="Commercial"), site.add(name="Bob", code="Government")
    counts = site.counts()
    assert (counts.created, counts.failed) == ({"erpnext": 1, "source": 0}, 1)
    [text] = site.failed()
    assert all(word in text for word in ("customer_group", "Government", "Commercial", "filter")), text
    assert (list(site.pairs()), site.customers()) == ([str(fits)], ["Ada"])
    site.edit_row(other, code="Commercial")
    site.settled()
    assert site.customers() == ["Ada", "Bob"]


def test_an_edit_that_would_take_a_document_out_of_the_filter_is_refused(site: Place) -> None:
    """A record that would not fit the receiving side's filter once written is refused with a name, not created out of
    sight.
    """
    site.map(FREE_GROUP, erpnext=COMMERCIAL)
    document, row = site.agreed(name="Ada", code="Commercial")
    site.edit_row(row, code="Government")
    assert site.counts().failed == 1
    [text] = site.failed()
    assert all(word in text for word in ("customer_group", "Government", "Commercial", "filter")), text
    assert site.customer(document, "customer_group") == ("Commercial",)


def test_a_document_that_would_not_fit_the_sources_filter_is_refused(site: Place) -> None:
    """A record that would not fit the receiving side's filter once written is refused with a name, not created out of
    sight.
    """
    site.map('customer_name = "name"\nx_data = "code"', source='id = "id"\nfilters = { code = "web" }')
    site.new(customer_name="Ada", x_data="web")
    site.new(customer_name="Bob", x_data="fax")
    counts = site.counts()
    assert (counts.created, counts.failed) == ({"erpnext": 0, "source": 1}, 1)
    [text] = site.failed()
    assert all(word in text for word in ("code", "fax", "web", "filter")), text
    assert [row["name"] for row in site.shop.rows()] == ["Ada"]
    site.edit("Bob", x_data="web")
    site.settled()
    assert [row["name"] for row in site.shop.rows()] == ["Ada", "Bob"]


def test_what_is_created_in_the_source_fits_its_filter(site: Place) -> None:
    """A record that would not fit the receiving side's filter once written is refused with a name, not created out of
    sight.

    A column of the filter that no field is mapped to gets the filter's value.
    """
    site.map('customer_name = "name"', source='id = "id"\nmodified = "updated_at"\nfilters = { code = "web" }')
    site.new(customer_name="Ada")
    site.settled()
    assert [(row["name"], row["code"]) for row in site.shop.rows()] == [("Ada", "web")]
    site.quiet(full=True)
