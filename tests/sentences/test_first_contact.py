"""Contract, "What the keys mean": First contact."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place, Side

NAMED = 'by = [["customer_name"]]\ncreate = "none"'


def test_equal_values_agree(site: Place) -> None:
    """**First contact** (adoption, and again after `state rebuild`): equal values agree; where one side is empty the
    other fills it; where both are set and differ, `wins` decides, `manual` makes a conflict.
    """
    site.map(match=NAMED)
    document, row = site.new(customer_name="Ada", tax_id="V", website="u"), site.add(name="Ada", vat="V", url="u")
    counts = site.settled()
    assert (counts.adopted, counts.updated, counts.linked) == (1, NOTHING, 1)
    assert site.pairs() == {str(row): document}
    site.rebuild()
    counts = site.settled()
    assert (counts.updated, counts.linked, site.pairs()) == (NOTHING, 0, {str(row): document})


@pytest.mark.parametrize("again", [False, True], ids=["adoption", "state rebuild"])
def test_the_other_side_fills_what_is_empty(site: Place, again: bool) -> None:
    """**First contact** (adoption, and again after `state rebuild`): equal values agree; where one side is empty the
    other fills it; where both are set and differ, `wins` decides, `manual` makes a conflict.
    """
    site.map(match=NAMED)
    document, row = site.new(customer_name="Ada", website="theirs"), site.add(name="Ada", vat="ours")
    if again:
        site.settled()
        site.edit(document, tax_id="")
        site.edit_row(row, url=None)
        site.rebuild()
    assert site.settled().updated == {"erpnext": 1, "source": 1}
    assert site.customer(document, "tax_id", "website") == ("ours", "theirs")
    assert site.row(row, "vat", "url") == ("ours", "theirs")


@pytest.mark.parametrize("again", [False, True], ids=["adoption", "state rebuild"])
@pytest.mark.parametrize(
    ("wins", "line", "stays"),
    [
        pytest.param("erpnext", "", "theirs", id="erpnext"),
        pytest.param("source", "", "ours", id="source"),
        pytest.param("newest", "", "ours", id="newest, the row is younger"),
        pytest.param("manual", ', wins = "erpnext"', "theirs", id="the field's own policy"),
    ],
)
def test_wins_decides_where_both_are_set(site: Place, again: bool, wins: str, line: str, stays: str) -> None:
    """**First contact** (adoption, and again after `state rebuild`): equal values agree; where one side is empty the
    other fills it; where both are set and differ, `wins` decides, `manual` makes a conflict.
    """
    fields = f'customer_name = "name"\nwebsite = {{ source = "url"{line} }}'
    site.map(fields, match=NAMED, conflict=f'wins = "{wins}"')
    document = site.new(customer_name="Ada", website="" if again else "theirs")
    row = site.add(name="Ada", url=None if again else "ours")
    if again:
        site.settled()
        site.edit(document, website="theirs")
        site.edit_row(row, url="ours")
        site.rebuild()
    site.settled()
    assert (site.customer(document, "website"), site.row(row, "url")) == ((stays,), (stays,))


@pytest.mark.parametrize("again", [False, True], ids=["adoption", "state rebuild"])
def test_manual_makes_a_conflict_where_both_are_set(site: Place, again: bool) -> None:
    """**First contact** (adoption, and again after `state rebuild`): equal values agree; where one side is empty the
    other fills it; where both are set and differ, `wins` decides, `manual` makes a conflict.

    After a rebuild an edit of one side alone is one as well: nobody knows any more what both agreed on.
    """
    site.map(match=NAMED)
    document = site.new(customer_name="Ada", website="ours" if again else "theirs")
    row = site.add(name="Ada", url="ours")
    if again:
        site.settled()
        site.edit(document, website="theirs")
        site.rebuild()
    counts = site.counts()
    assert (counts.conflicts, counts.held, counts.updated) == (1, 1, NOTHING)
    assert site.contested() == [("website", "theirs", "ours")]
    assert (site.customer(document, "website"), site.row(row, "url")) == (("theirs",), ("ours",))


def test_the_pair_is_there_while_it_is_held(site: Place) -> None:
    """The pair exists from then on, held or not."""
    site.map(match='by = [["customer_name"]]')
    document, row = site.new(customer_name="Ada", website="theirs"), site.add(name="Ada", url="ours")
    site.counts()
    assert (site.pairs(), site.states()) == ({str(row): document}, {str(row): "held"})
    # No rule would find it any more; the tie is what holds, and no second record is made.
    site.edit(document, customer_name="Ada Lovelace")
    assert site.counts(full=True).created == NOTHING
    assert (site.pairs(), len(site.customers()), len(site.shop.rows())) == ({str(row): document}, 1, 1)
    site.resolve(Side.SOURCE)
    site.settled()
    assert site.states() == {str(row): "agreed"}
    assert (site.customer(document, "website"), site.row(row, "name")) == (("ours",), ("Ada",))


def test_the_pair_is_there_when_it_agrees(site: Place) -> None:
    """The pair exists from then on, held or not."""
    site.map(match='by = [["customer_name"]]')
    document, row = site.new(customer_name="Ada"), site.add(name="Ada")
    site.settled()
    site.edit_row(row, name="Somebody else")
    site.settled()
    assert (site.pairs(), site.customer(document, "customer_name")) == ({str(row): document}, ("Somebody else",))
