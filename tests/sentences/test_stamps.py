"""Contract, "What the keys mean": Stamps of the source."""

from __future__ import annotations

import pytest

from tests.sentences.place import NOTHING, Place

STAMPS = [
    pytest.param("TEXT", "2026-11-01 10:00:00", id="to the second"),
    pytest.param("TEXT", "2026-11-01 10:00:00.000", id="zeros behind the point"),
    pytest.param("TEXT", "2026-11-01 10:00:00.1234567", id="seven digits, as SQL Server writes them"),
    pytest.param("TEXT", "2026-11-01T10:00:00Z", id="with T and Z"),
    pytest.param("TEXT", "2026-11-01T10:00:00+02:00", id="with an offset"),
    pytest.param("TEXT", "2026-11-01", id="a day"),
    pytest.param("INTEGER", 1793527200, id="seconds since 1970"),
    pytest.param("INTEGER", 1793527200123, id="milliseconds since 1970"),
    pytest.param("REAL", 1793527200.25, id="a fraction of a second"),
    pytest.param("DATETIME", "2026-11-01 10:00:00.5", id="a datetime column"),
]


@pytest.mark.parametrize(("declared", "stamp"), STAMPS)
def test_a_stamp_stays_as_it_was_read(site: Place, declared: str, stamp: object) -> None:
    """**Stamps of the source** are kept and sent back exactly as they were read.

    The condition of a write names the stamp: were it sent in another form, no row would be found.
    """
    site.shop.do(f"ALTER TABLE customers ADD COLUMN seen_at {declared}")
    site.map(source='id = "id"\nmodified = "seen_at"\ntouch = "never"')
    document, row = site.agreed(name="Ada", seen_at=stamp)
    held = site.shop.rows("SELECT typeof(seen_at) AS kind, seen_at FROM customers")
    for value in ("theirs", "theirs again"):
        site.edit(document, website=value)
        assert site.settled().updated == {"erpnext": 0, "source": 1}
        assert site.row(row, "url") == (value,)
    assert site.shop.rows("SELECT typeof(seen_at) AS kind, seen_at FROM customers") == held
    assert site.settled(full=True).updated == NOTHING


KEYED = 'id = ["branch", "number"]\nmodified = "updated_at"'
BRANCHES = """
CREATE TABLE branch_customers (
    branch TEXT NOT NULL, number TEXT NOT NULL, name TEXT, url TEXT,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), PRIMARY KEY (branch, number)
);
"""


def branches(site: Place) -> None:
    with site.shop.open() as connection:
        connection.executescript(BRANCHES)
    site.map('customer_name = "name"\nwebsite = "url"', source=KEYED)
    site.texts["customer"] = site.texts["customer"].replace('entity = "customers"', 'entity = "branch_customers"')


@pytest.mark.parametrize(
    ("branch", "number", "external_id"),
    [
        pytest.param("North", "7", "North/7", id="plain"),
        pytest.param("A/B", "7", "A%2FB/7", id="a slash in a part"),
        pytest.param("A", "B/7", "A/B%2F7", id="the same letters cut elsewhere"),
        pytest.param("50%", "a b", "50%25/a b", id="a percent sign"),
        pytest.param("%2F", "7", "%252F/7", id="what looks encoded"),
        pytest.param("A<b>", "7", "A%3Cb%3E/7", id="what the site takes for markup"),
        pytest.param("A", "7 ", "A/7%20", id="a blank at the end, which the site's database ignores"),
        pytest.param("A\tb", "7", "A%09b/7", id="a tab"),
        pytest.param("Köln", "7", "Köln/7", id="letters survive as they are"),
    ],
)
def test_composite_ids(site: Place, branch: str, number: str, external_id: str) -> None:
    """Composite ids are their parts percent-encoded and joined by `/`; longer than 140 characters, or colliding when
    case is ignored: refused.
    """
    branches(site)
    site.shop.insert("branch_customers", branch=branch, number=number, name="Ada")
    site.settled()
    document = site.partner(external_id)
    assert site.customer(document, "syncd_shop_id") == (external_id,)
    site.edit(document, website="theirs")
    site.settled()
    [row] = site.shop.rows("SELECT * FROM branch_customers")
    assert (row["branch"], row["number"], row["url"]) == (branch, number, "theirs")


@pytest.mark.parametrize(
    ("branch", "refused"),
    [
        pytest.param("b" * 138, False, id="140 characters"),
        pytest.param("b" * 139, True, id="141 characters"),
        pytest.param("/" * 47, True, id="143 once they are percent-encoded"),
    ],
)
def test_ids_that_are_too_long_are_refused(site: Place, branch: str, refused: bool) -> None:
    """Composite ids are their parts percent-encoded and joined by `/`; longer than 140 characters, or colliding when
    case is ignored: refused.
    """
    branches(site)
    site.shop.insert("branch_customers", branch=branch, number="7", name="Ada")
    site.shop.insert("branch_customers", branch="North", number="7", name="Bob")
    counts = site.counts()
    assert (counts.failed, counts.created["erpnext"]) == ((1, 1) if refused else (0, 2))
    if refused:
        [told] = site.failed()
        assert "140 is the most" in told
        assert site.customers() == ["Bob"]


def test_ids_that_collide_when_case_is_ignored_are_refused(site: Place) -> None:
    """Composite ids are their parts percent-encoded and joined by `/`; longer than 140 characters, or colliding when
    case is ignored: refused.

    The site's own column of ids does not tell them apart.
    """
    branches(site)
    for branch, name in (("North", "Ada"), ("NORTH", "Bob"), ("South", "Cem")):
        site.shop.insert("branch_customers", branch=branch, number="7", name=name)
    counts = site.counts()
    assert (counts.failed, counts.created["erpnext"]) == (2, 1)
    assert all("case" in told for told in site.failed()), site.failed()
    assert site.customers() == ["Cem"]
