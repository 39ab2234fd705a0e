"""Contract, "What the keys mean": One-way fields."""

from __future__ import annotations

import pytest

from tests.sentences.place import Place


def one_way(direction: str, more: str = "") -> str:
    return f'customer_name = "name"\ntax_id = "vat"\nwebsite = {{ source = "url", direction = "{direction}"{more} }}'


def test_edits_in_erpnext_stay_until_the_source_changes(site: Place) -> None:
    """Edits on the receiving side stay until the giving side's value changes; `enforce = true` restores it every
    time.
    """
    site.map(one_way("to_erpnext"))
    document, row = site.agreed(name="Ada", url="ours")
    site.edit(document, website="theirs")
    site.settled()
    site.edit_row(row, vat="another field")
    site.settled(full=True)
    assert (site.customer(document, "website", "tax_id"), site.row(row, "url")) == (
        ("theirs", "another field"),
        ("ours",),
    )
    site.edit_row(row, url="ours, new")
    site.settled()
    assert (site.customer(document, "website"), site.row(row, "url")) == (("ours, new",), ("ours, new",))


def test_edits_in_the_source_stay_until_erpnext_changes(site: Place) -> None:
    """Edits on the receiving side stay until the giving side's value changes; `enforce = true` restores it every
    time.
    """
    site.map(one_way("to_source"))
    document, row = site.agreed(name="Ada")
    site.edit(document, website="theirs")
    site.settled()
    site.edit_row(row, url="ours")
    site.settled(full=True)
    assert (site.customer(document, "website"), site.row(row, "url")) == (("theirs",), ("ours",))
    site.edit(document, website="theirs, new")
    site.settled()
    assert (site.customer(document, "website"), site.row(row, "url")) == (("theirs, new",), ("theirs, new",))


def test_enforce_restores_it_in_erpnext_every_time(site: Place) -> None:
    """Edits on the receiving side stay until the giving side's value changes; `enforce = true` restores it every
    time.
    """
    site.map(one_way("to_erpnext", ", enforce = true"))
    document, row = site.agreed(name="Ada", url="ours")
    for value in ("theirs", "theirs again", ""):
        site.edit(document, website=value)
        site.settled()
        assert (site.customer(document, "website"), site.row(row, "url")) == (("ours",), ("ours",))


def test_enforce_restores_it_in_the_source_every_time(site: Place) -> None:
    """Edits on the receiving side stay until the giving side's value changes; `enforce = true` restores it every
    time.
    """
    site.map(one_way("to_source", ", enforce = true"))
    document, row = site.agreed(name="Ada")
    site.edit(document, website="theirs")
    site.settled()
    for value in ("ours", "ours again", None):
        site.edit_row(row, url=value)
        site.settled()
        assert (site.customer(document, "website"), site.row(row, "url")) == (("theirs",), ("theirs",))


CONSTANT = 'customer_name = "name"\ntax_id = "vat"\nwebsite = { constant = "https://shop" }'


def test_constants_are_written_at_creation(site: Place) -> None:
    """Constants are written at creation only."""
    site.map(CONSTANT)
    document, row = site.agreed(name="Ada")
    assert site.customer(document, "website") == ("https://shop",)
    site.edit(document, website="theirs")
    site.settled()
    site.edit_row(row, vat="V1")
    site.settled(full=True)
    assert site.customer(document, "website", "tax_id") == ("theirs", "V1")


def test_constants_are_not_written_into_documents_that_are_adopted(site: Place) -> None:
    """Constants are written at creation only."""
    site.map(CONSTANT, match='by = [["customer_name"]]')
    full, empty = site.new(customer_name="Ada", website="theirs"), site.new(customer_name="Bob")
    site.add(name="Ada")
    row = site.add(name="Bob", vat="V1")
    assert site.settled().adopted == 2
    assert (site.customer(full, "website"), site.customer(empty, "website")) == (("theirs",), (None,))
    assert site.customer(empty, "tax_id") == ("V1",)
    site.edit_row(row, vat="V2")
    site.settled()
    assert site.customer(empty, "website") == (None,)


DEFAULT = 'customer_name = "name"\nlanguage = { source = "code", default = "en" }'


@pytest.mark.parametrize("empty", [None, "", "  "], ids=["NULL", "empty text", "blank text"])
def test_a_default_fills_erpnext_and_does_not_flow_back(site: Place, empty: str | None) -> None:
    """`default` fills ERPNext when the source is empty and does not flow back."""
    site.map(DEFAULT)
    document, row = site.agreed(name="Ada", code=empty)
    assert site.customer(document, "language") == ("en",)
    site.edit(document, website="another field")
    site.settled(full=True)
    assert site.row(row, "code") == (empty,)
    site.edit_row(row, code="de")
    site.settled()
    assert site.customer(document, "language") == ("de",)
    site.edit_row(row, code=empty)
    site.settled()
    assert (site.customer(document, "language"), site.row(row, "code")) == (("en",), (empty,))


def test_a_default_fills_documents_that_are_adopted(site: Place) -> None:
    """`default` fills ERPNext when the source is empty and does not flow back."""
    site.map(DEFAULT, match='by = [["customer_name"]]')
    empty, same, other = (
        site.new(customer_name=name, language=language) for name, language in (("A", ""), ("B", "en"), ("C", "fr"))
    )
    rows = [site.add(name=name) for name in "ABC"]
    site.settled()
    assert [site.customer(each, "language") for each in (empty, same, other)] == [("en",), ("en",), ("fr",)]
    # What a person chose is no default: it fills the source.
    assert [site.row(each, "code") for each in rows] == [(None,), (None,), ("fr",)]
