"""Contract, "What the keys mean": Same value."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

EMPTY = [None, "", "   "]
NAMED = 'by = [["customer_name"]]\ncreate = "none"'


@pytest.mark.parametrize("theirs", EMPTY, ids=repr)
@pytest.mark.parametrize("ours", EMPTY, ids=repr)
def test_emptiness_of_every_kind_agrees(site: Place, theirs: str | None, ours: str | None) -> None:
    """An empty string, blank text and NULL are the same."""
    site.map('customer_name = "name"\nwebsite = "url"\ncustomer_details = "notes"', match=NAMED)
    document = site.new(customer_name="Ada", website=theirs, customer_details=theirs)
    row = site.add(name="Ada", url=ours, notes=ours)
    assert (site.settled().updated, site.customer(document, "website")) == (NOTHING, (theirs,))
    assert site.row(row, "url") == (ours,)


def test_an_edit_from_one_emptiness_to_another_writes_nothing(site: Place) -> None:
    """An empty string, blank text and NULL are the same."""
    document, row = site.agreed(name="Ada")
    for value in ("", "  ", None):
        site.edit_row(row, url=value)
        assert site.settled().updated == NOTHING
        site.edit(document, website=value)
        assert site.settled().updated == NOTHING
    assert (site.customer(document, "website"), site.row(row, "url")) == ((None,), (None,))


RATE = 'customer_name = "name"\ndefault_commission_rate = "rate"\nx_int = "cents"\nx_check = "blocked"'


def test_zero_stands_for_null(site: Place) -> None:
    """ERPNext's 0 for a NULL in the source is the same until either side changes."""
    site.map(RATE)
    document, row = site.agreed(name="Ada")
    fields = ("default_commission_rate", "x_int", "x_check")
    assert site.customer(document, *fields) == (0, 0, 0)
    site.edit(document, website="another field")
    site.edit_row(row, name="Another field")
    site.settled(full=True)
    assert site.row(row, "rate", "cents", "blocked") == (None, None, None)
    site.rebuild()
    assert site.settled().updated == NOTHING


def test_zero_stands_for_null_until_erpnext_changes(site: Place) -> None:
    """ERPNext's 0 for a NULL in the source is the same until either side changes."""
    site.map(RATE)
    document, row = site.agreed(name="Ada")
    site.edit(document, default_commission_rate=5, x_int=6, x_check=1)
    site.settled()
    assert site.row(row, "rate", "cents", "blocked") == (5, 6, 1)
    site.edit(document, default_commission_rate=0, x_int=0, x_check=0)
    site.settled()
    assert site.row(row, "rate", "cents", "blocked") == (0, 0, 0), "a zero that a person wrote"


def test_zero_stands_for_null_until_the_source_changes(site: Place) -> None:
    """ERPNext's 0 for a NULL in the source is the same until either side changes."""
    site.map(RATE)
    document, row = site.agreed(name="Ada", rate=5, cents=6, blocked=1)
    fields = ("default_commission_rate", "x_int", "x_check")
    assert site.customer(document, *fields) == (5, 6, 1)
    site.edit_row(row, rate=None, cents=None, blocked=None)
    site.settled()
    assert (site.customer(document, *fields), site.row(row, "rate", "cents", "blocked")) == ((0, 0, 0), (None,) * 3)
    site.edit_row(row, rate=7, cents=8, blocked=1)
    site.settled()
    assert site.customer(document, *fields) == (7, 8, 1)


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        pytest.param(12.345, "12.35", True, id="a half goes up"),
        pytest.param(12.344, "12.35", False, id="less than a half goes down"),
        pytest.param(12.344, "12.34", True, id="less than a half is the smaller one"),
        pytest.param(-12.345, "-12.35", True, id="a half goes away from zero"),
        pytest.param(2.675, "2.68", True, id="which floats get wrong"),
        pytest.param(1.005, "1.01", True, id="which floats get wrong, too"),
        pytest.param(0.004, "0", True, id="next to nothing"),
        pytest.param(12.5, "12.50", True, id="zeros at the end"),
    ],
)
def test_numbers_compare_at_the_coarser_scale(site: Place, theirs: float, ours: str, same: bool) -> None:
    """Numbers compare at the coarser scale of the two, rounded half up.

    ERPNext's Float keeps nine decimals, the source's NUMERIC(10, 2) two.
    """
    fields = 'customer_name = "name"\ndefault_commission_rate = "credit"'
    site.map(fields, match=NAMED, conflict='wins = "erpnext"')
    document = site.new(customer_name="Ada", default_commission_rate=theirs)
    row = site.add(name="Ada", credit=ours)
    before = site.row(row, "credit")
    counts = site.settled()
    assert counts.updated == {"erpnext": 0, "source": 0 if same else 1}
    assert (site.row(row, "credit") == before) is same
    assert site.customer(document, "default_commission_rate") == (theirs,)


def test_a_finer_source_is_compared_at_erpnexts_scale(site: Place) -> None:
    """Numbers compare at the coarser scale of the two, rounded half up."""
    fields = 'customer_name = "name"\ndefault_commission_rate = "rate"'
    site.map(fields, match=NAMED, conflict='wins = "source"')
    document = site.new(customer_name="Ada", default_commission_rate=1.123456790)
    row = site.add(name="Ada", rate=1.1234567895)
    assert (site.settled().updated, site.row(row, "rate")) == (NOTHING, (1.1234567895,))
    site.edit_row(row, rate=1.1234567885)
    assert site.settled().updated == {"erpnext": 1, "source": 0}
    assert site.customer(document, "default_commission_rate") == (1.123456789,)


def test_an_edit_below_the_coarser_scale_is_none(site: Place) -> None:
    """Numbers compare at the coarser scale of the two, rounded half up."""
    site.map('customer_name = "name"\ndefault_commission_rate = "credit"')
    document, row = site.agreed(name="Ada", credit="12.35")
    site.edit(document, default_commission_rate=12.346)
    assert (site.settled().updated, site.row(row, "credit")) == (NOTHING, (12.35,))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("Text", "text", id="case"),
        pytest.param("Text", "Text ", id="a blank at the end"),
        pytest.param("Text", " Text", id="a blank in front"),
        pytest.param("a b", "a  b", id="a doubled blank"),
        pytest.param("e", "é", id="an accent"),
        pytest.param("é", "e\u0301", id="another spelling of an accent"),
        pytest.param("1", "1.0", id="numbers in text"),
        pytest.param("ss", "ß", id="letters that fold alike"),
    ],
)
def test_text_compares_exactly(site: Place, before: str, after: str) -> None:
    """Text compares exactly."""
    document, row = site.agreed(name="Ada", url=before)
    site.edit_row(row, url=after)
    assert site.settled().updated == {"erpnext": 1, "source": 0}
    assert site.customer(document, "website") == (after,)
    site.edit(document, website=before)
    assert site.settled().updated == {"erpnext": 0, "source": 1}
    assert site.row(row, "url") == (before,)


def test_text_that_differs_in_case_is_no_agreement(site: Place) -> None:
    """Text compares exactly."""
    site.map(match='by = [["customer_name"]]')
    site.new(customer_name="Ada", website="URL")
    site.add(name="Ada", url="url")
    assert site.counts().conflicts == 1
    assert site.contested() == [("website", "URL", "url")]


UNFIT = [
    pytest.param("x_float", "notes", "abc", "is not a number", id="text for a Float"),
    pytest.param("x_currency", "notes", "1,50", "is not a number", id="a comma for a Currency"),
    pytest.param("x_currency", "rate", 10**12, "too large", id="too large for a Currency"),
    pytest.param("x_percent", "notes", "12 %", "is not a number", id="a sign for a Percent"),
    pytest.param("x_int", "notes", "12abc", "is not a number", id="text for an Int"),
    pytest.param("x_int", "rate", 3.9, "is not a whole number", id="a fraction for an Int"),
    pytest.param("x_int", "cents", 2**31, "too large", id="too large for an Int"),
    pytest.param("x_check", "notes", "yes", "is neither 0 nor 1", id="a word for a Check"),
    pytest.param("x_check", "cents", 2, "is neither 0 nor 1", id="two for a Check"),
    pytest.param("x_short", "notes", "elevenchars", "has 11 characters", id="too long for a length of ten"),
    pytest.param("website", "notes", "u" * 141, "has 141 characters", id="too long for a Data"),
    pytest.param("x_date", "notes", "31-01-2027", "is not a date", id="another form of a date"),
    pytest.param("x_date", "born", "2027-02-30", "no such day", id="a day that is not"),
    pytest.param("x_datetime", "notes", "soon", "is not a date and time", id="a word for a Datetime"),
    pytest.param("x_time", "notes", "25:00:00", "is not a time of day", id="an hour that is not"),
    pytest.param("x_duration", "notes", "2h", "is not a number", id="a word for a Duration"),
    pytest.param("x_select", "notes", "Bronze", "is not one of the options", id="no option of a Select"),
    pytest.param("x_json", "notes", "{broken", "is not JSON", id="no JSON"),
]


@pytest.mark.parametrize(("field", "column", "value", "reason"), UNFIT)
def test_what_a_field_cannot_hold_is_refused_before_it_is_sent(
    site: Place, field: str, column: str, value: object, reason: str
) -> None:
    """A value that the field's type cannot hold (`"abc"` for a number, `"yes"` for a Check, too long, a bad date) is
    refused before it is sent: the site would store 0 without a word.

    As an edit of a pair and in a new record; everything else goes on, and the record does once its value is mended.
    """
    site.map(f'customer_name = "name"\n{field} = "{column}"')
    document, row = site.agreed(name="Ada")
    held = site.customer(document, field)
    site.edit_row(row, **{column: value})
    new = site.add(name="Bob", **{column: value})
    other = site.add(name="Cem")
    mark = site.desk.mark()
    counts = site.counts()
    assert (counts.failed, counts.updated, counts.created) == (2, NOTHING, {"erpnext": 1, "source": 0})
    assert all(field in text and reason in text for text in site.failed()), site.failed()
    assert site.customer(document, field) == held
    assert str(new) not in site.pairs()
    assert site.partner(other)
    assert all("Bob" not in str(request) for request in site.desk.writes(mark))
    site.edit_row(row, **{column: None})
    site.edit_row(new, **{column: None})
    site.settled()


@pytest.mark.parametrize(
    ("column", "declared", "field", "value", "reason"),
    [
        pytest.param("tight", "VARCHAR(3)", "website", "four", "has 4 characters", id="too long for a column"),
        pytest.param("whole", "INTEGER", "x_data", "12a", "is not a number", id="text for an INTEGER"),
        pytest.param("whole", "INTEGER", "x_float", 1.5, "is not a whole number", id="a fraction for an INTEGER"),
        pytest.param("day", "DATE", "x_data", "soon", "is not a date", id="a word for a DATE"),
        pytest.param("flag", "BOOLEAN", "x_data", "yes", "is neither 0 nor 1", id="a word for a BOOLEAN"),
    ],
)
def test_what_a_column_cannot_hold_is_refused_before_it_is_sent(
    site: Place, column: str, declared: str, field: str, value: object, reason: str
) -> None:
    """A value that the field's type cannot hold (`"abc"` for a number, `"yes"` for a Check, too long, a bad date) is
    refused before it is sent: the site would store 0 without a word.
    """
    site.shop.do(f"ALTER TABLE customers ADD COLUMN {column} {declared}")
    site.map(f'customer_name = "name"\n{field} = "{column}"')
    document, _ = site.agreed(name="Ada")
    site.edit(document, **{field: value})
    site.new(customer_name="Bob", **{field: value})
    before = site.shop.dump()
    counts = site.counts()
    assert (counts.failed, counts.updated, counts.created) == (2, NOTHING, NOTHING)
    assert all(field in text and reason in text for text in site.failed()), site.failed()
    assert site.shop.dump() == before
    site.edit(document, **{field: None})
    site.edit("Bob", **{field: None})
    site.settled()
