"""Contract, "What the keys mean": `create` and `direction`."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

BY_NAME = 'by = [["customer_name"]]\n'


@pytest.mark.parametrize(
    ("create", "made"),
    [
        pytest.param("none", (0, 0), id="none"),
        pytest.param("erpnext", (1, 0), id="erpnext"),
        pytest.param("source", (0, 1), id="source"),
        pytest.param("both", (1, 1), id="both"),
    ],
)
def test_create_is_for_records_without_a_partner(site: Place, create: str, made: tuple[int, int]) -> None:
    """`create` limits only records without a partner; pairs flow in `direction`."""
    site.map(match=BY_NAME + f'create = "{create}"')
    document, row = site.new(customer_name="Ada"), site.add(name="Ada")
    site.new(customer_name="Theirs")
    site.add(name="Ours")
    counts = site.settled()
    assert (counts.adopted, counts.created) == (1, {"erpnext": made[0], "source": made[1]})
    site.edit(document, website="theirs")
    site.edit_row(row, vat="ours")
    site.settled()
    assert (site.row(row, "url"), site.customer(document, "tax_id")) == (("theirs",), ("ours",))


@pytest.mark.parametrize(
    ("direction", "website", "tax"),
    [
        pytest.param("both", "theirs", "ours", id="both"),
        pytest.param("to_source", "theirs", None, id="to_source"),
        pytest.param("to_erpnext", None, "ours", id="to_erpnext"),
    ],
)
def test_pairs_flow_in_direction(site: Place, direction: str, website: str | None, tax: str | None) -> None:
    """`create` limits only records without a partner; pairs flow in `direction`."""
    site.map(mapping=f'direction = "{direction}"', match=BY_NAME + 'create = "none"')
    document, row = site.new(customer_name="Ada"), site.add(name="Ada")
    site.settled()
    site.edit(document, website="theirs")
    site.edit_row(row, vat="ours")
    site.settled()
    assert (site.row(row, "url"), site.customer(document, "tax_id")) == ((website,), (tax,))


@pytest.mark.parametrize(
    ("create", "unmatched"),
    [
        pytest.param('create = "none"', 3, id="neither side"),
        pytest.param('create = "erpnext"', 1, id="the document"),
        pytest.param('create = "source"', 2, id="the rows"),
        pytest.param('create = "both"', 0, id="nobody"),
    ],
)
def test_what_may_not_get_a_partner_is_counted(site: Place, create: str, unmatched: int) -> None:
    """What has no partner and may not get one is counted `unmatched`."""
    site.map(match=BY_NAME + create)
    site.new(customer_name="Theirs")
    site.add(name="Ours")
    site.add(name="Ours, too")
    assert site.settled().unmatched == unmatched
    assert site.counts().unmatched == unmatched, "and in every further run"
    assert site.counts(full=True).unmatched == unmatched


def test_to_source_writes_nothing_into_erpnext(site: Place) -> None:
    """`to_source` writes nothing into ERPNext, ids included; `to_erpnext` nothing into the source but
    `erpnext_name`.
    """
    site.map(mapping='direction = "to_source"', match=BY_NAME)
    document, row = site.new(customer_name="Ada", website="theirs"), site.add(name="Ada", vat="ours")
    site.new(customer_name="Bob")
    site.add(name="Cem")
    mark = site.desk.mark()
    counts = site.settled()
    assert (counts.adopted, counts.created) == (1, {"erpnext": 0, "source": 1})
    assert site.row(row, "url") == ("theirs",)
    site.edit_row(row, vat="other")
    mark_edit = site.desk.mark()
    site.settled(full=True)
    assert (site.desk.writes(mark), site.desk.writes(mark_edit)) == ([], [])
    assert site.customer(document, "syncd_shop_id", "tax_id") == (None, None)
    assert len(site.customers()) == 2


@pytest.mark.parametrize("named", [True, False], ids=["with erpnext_name", "without"])
def test_to_erpnext_writes_nothing_into_the_source_but_the_name(site: Place, named: bool) -> None:
    """`to_source` writes nothing into ERPNext, ids included; `to_erpnext` nothing into the source but
    `erpnext_name`.
    """
    source = 'id = "id"\nmodified = "updated_at"\n' + ('erpnext_name = "erp_ref"' if named else "")
    site.map(mapping='direction = "to_erpnext"', match=BY_NAME, source=source)
    document, row = site.new(customer_name="Ada", website="theirs"), site.add(name="Ada", vat="ours")
    new = site.add(name="Bob")
    before = site.shop.rows()
    site.settled()
    site.edit(document, website="other", tax_id="other")
    site.settled(full=True)
    names = {row: document, new: site.partner(new)}
    assert site.shop.rows() == [
        {**each, "erp_ref": names[each["id"]] if named else None, "updated_at": now["updated_at"]}
        for each, now in zip(before, site.shop.rows(), strict=True)
    ]
    assert site.counts().created == NOTHING
