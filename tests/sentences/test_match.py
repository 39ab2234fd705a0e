"""Contract, "What the keys mean": Match."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

BOTH_RULES = 'by = [["tax_id"], ["customer_name"]]'


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        pytest.param('[["territory"]]', "territory", id="a field that no line maps"),
        pytest.param('[["tax_id"], ["customer_name", "vat"]]', "vat", id="a column instead of the field"),
    ],
)
def test_rules_name_mapped_fields(site: Place, rules: str, wrong: str) -> None:
    """Fields in `by` must be mapped."""
    site.map(match=f"by = {rules}")
    assert f'match.by: "{wrong}" is not mapped under [fields]' in site.refused()
    site.map(match=BOTH_RULES)
    site.counts()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        pytest.param("", "V1", id="nothing in ERPNext"),
        pytest.param("V1", None, id="NULL in the source"),
        pytest.param("V1", "", id="empty text in the source"),
        pytest.param("V1", "  ", id="blank text in the source"),
        pytest.param("", None, id="nothing on both sides"),
    ],
)
def test_an_empty_value_neither_finds_nor_contradicts(site: Place, theirs: str, ours: str | None) -> None:
    """A rule with an empty value on either side does not apply.

    By itself it finds nobody, and before another rule it contradicts nobody.
    """
    site.map(match='by = [["tax_id"]]\ncreate = "none"')
    document = site.new(customer_name="Ada", tax_id=theirs)
    row = site.add(name="Ada", vat=ours)
    site.settled()
    assert site.pairs() == {}
    site.map(match=BOTH_RULES + '\ncreate = "none"')
    assert site.settled().adopted == 1
    assert site.pairs() == {str(row): document}


def test_equal_emptiness_is_no_match(site: Place) -> None:
    """A rule with an empty value on either side does not apply.

    Every document without a tax id would else be a candidate of every row without one.
    """
    site.map(match='by = [["tax_id", "website"]]')
    site.new(customer_name="Ada", website="u")
    site.new(customer_name="Bob", website="u")
    site.add(name="Cem", url="u")
    counts = site.settled()
    assert (counts.adopted, counts.created) == (0, {"erpnext": 1, "source": 2})


@pytest.mark.parametrize(
    ("rules", "wanted", "held"),
    [
        pytest.param('[["tax_id"], ["customer_name"]]', "By number", 1, id="the number first"),
        pytest.param('[["customer_name"], ["tax_id"]]', "By name", 0, id="the name first"),
    ],
)
def test_the_first_rule_that_applies_names_the_candidates(site: Place, rules: str, wanted: str, held: int) -> None:
    """Rules are tried in order; a later rule only narrows an earlier one's candidates.

    Whom only the later rule brings to the row is held, as long as it does: it has one candidate, and that another.
    """
    site.map(match=f'by = {rules}\ncreate = "none"', conflict='wins = "erpnext"')
    found = {"By number": site.new(customer_name="Somebody", tax_id="V1"), "By name": site.new(customer_name="Ada")}
    row = site.add(name="Ada", vat="V1")
    assert site.counts().held == held
    assert site.pairs() == {str(row): found[wanted]}
    site.edit(found["By name"], customer_name="Nobody's name")
    site.settled()
    assert site.pairs() == {str(row): found[wanted]}


def test_what_is_held_stays_held_until_a_person_acts(site: Place) -> None:
    """A match is one-to-one seen from both sides; anything else is held.

    A full pass is nobody's decision: what waits for a person is not made anew on the other side.
    """
    site.map(match=BOTH_RULES, conflict='wins = "erpnext"')
    site.new(customer_name="Somebody", tax_id="V1")
    site.new(customer_name="Ada")
    site.add(name="Ada", vat="V1")
    assert site.counts().held == 1
    counts = site.counts(full=True)
    assert (counts.held, counts.created, len(site.shop.rows())) == (1, NOTHING, 1)


def test_a_later_rule_tells_candidates_of_an_earlier_one_apart(site: Place) -> None:
    """Rules are tried in order; a later rule only narrows an earlier one's candidates."""
    site.map(match=BOTH_RULES + '\ncreate = "none"')
    names = {name: site.new(customer_name=name, tax_id="V1") for name in ("Ada", "Bob")}
    rows = {name: site.add(name=name, vat="V1") for name in ("Bob", "Ada")}
    assert site.settled().adopted == 2
    assert site.pairs() == {str(rows[name]): names[name] for name in names}


def test_a_later_rule_does_not_match_what_an_earlier_one_tells_apart(site: Place) -> None:
    """Rules are tried in order; a later rule only narrows an earlier one's candidates."""
    site.map(match=BOTH_RULES + '\ncreate = "none"')
    site.new(customer_name="Ada", tax_id="V1")
    site.add(name="Ada", vat="V2")
    assert site.settled().adopted == 0
    assert site.pairs() == {}


@pytest.mark.parametrize(
    ("documents", "rows"),
    [
        pytest.param(2, 1, id="two documents for a row"),
        pytest.param(1, 2, id="two rows for a document"),
        pytest.param(2, 2, id="two for two"),
    ],
)
def test_what_is_not_one_to_one_is_held_until_it_is(site: Place, documents: int, rows: int) -> None:
    """A match is one-to-one seen from both sides; anything else is held."""
    site.map(match='by = [["tax_id"]]')
    names = [site.new(customer_name=f"Document {at}", tax_id="V1") for at in range(documents)]
    keys = [site.add(name=f"Document {at}", vat="V1") for at in range(rows)]
    mark, before = site.desk.mark(), site.shop.dump()
    counts = site.counts()
    assert (counts.adopted, counts.created, counts.held) == (0, NOTHING, documents + rows)
    assert counts.conflicts == 0, "nobody's field is contradicted"
    assert (site.desk.writes(mark), site.shop.dump(), site.pairs()) == ([], before, {})
    assert all("V1" in text or "match" in text for text in site.held())
    for at, name in enumerate(names[1:], start=1):
        site.edit(name, tax_id=f"D{at}")
    for at, key in enumerate(keys[1:], start=1):
        site.edit_row(key, vat=f"R{at}")
    assert site.settled().adopted == 1
    assert site.pairs()[str(keys[0])] == names[0]
