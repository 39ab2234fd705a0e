"""Types come from the site's metadata, custom fields among them, for users who are not administrators as well.

Each type goes there and back: created from either side, edited on either side, and a second run has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.sentences.place import NOTHING, Place
from tests.sentences.site_fields import TYPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A field's type beside a column's: four values as each side stores them, (source, ERPNext)."""

    field: str
    declared: str
    made: tuple[object, object]
    """A record made in the source."""
    made_here: tuple[object, object]
    """A record made in ERPNext."""
    edited: tuple[object, object]
    """An edit in the source."""
    edited_here: tuple[object, object]
    """An edit in ERPNext."""


def typed(field: str, declared: str, *values: object) -> Typed:
    """Values that look alike on both sides, or (source, ERPNext) where they do not."""
    couples = [value if isinstance(value, tuple) else (value, value) for value in values]
    made, made_here, edited, edited_here = couples
    return Typed(field=field, declared=declared, made=made, made_here=made_here, edited=edited, edited_here=edited_here)


NATURAL = [
    typed("x_data", "VARCHAR(140)", "a", "b", " c ", "d & e"),
    typed("x_check", "BOOLEAN", 1, 1, 0, 1),
    typed("x_int", "INTEGER", 7, -7, 2147483647, 0),
    typed("x_float", "REAL", 0.5, 1.25, -3.125, 0.000000001),
    typed("x_currency", "NUMERIC(12, 2)", 19.99, 0.01, -5.5, 1999999.99),
    typed("x_percent", "NUMERIC", 12.5, 100, 0.1, 99.9),
    typed("x_date", "DATE", "2026-11-01", "2028-02-29", "1999-12-31", "2026-01-01"),
    # The site stands in New York; the source's stamps are UTC.
    typed(
        "x_datetime",
        "DATETIME",
        ("2026-07-01 13:00:00", "2026-07-01 09:00:00"),
        ("2026-12-01 14:30:00", "2026-12-01 09:30:00"),
        ("2026-03-10 15:00:00", "2026-03-10 11:00:00"),
        ("2027-01-01 02:00:00", "2026-12-31 21:00:00"),
    ),
    typed(
        "x_time",
        "TIME",
        ("09:05:00", "9:05:00"),
        ("23:59:59", "23:59:59"),
        ("00:00:00", "0:00:00"),
        ("12:30:15", "12:30:15"),
    ),
    typed("x_duration", "INTEGER", 3600, 59, 86400, 1),
    typed("x_select", "VARCHAR(20)", "Gold", "Silver", "Silver", "Gold"),
    typed("x_link", "VARCHAR(140)", "Germany", "France", "Italy", "Japan"),
    typed("x_small", "TEXT", "a\nb", "c", "d  e", "f"),
    typed("x_text", "TEXT", "a < b & c", "d", "e", "f\r\ng"),
    typed("x_long", "TEXT", "a" * 5000, "b", "c", "d" * 3000),
    typed("x_editor", "TEXT", "<p>a</p>", "<div>b</div>", "<p>c <b>d</b></p>", "<p>e</p>"),
    typed("x_json", "JSON", '{"a":1,"b":[true,null]}', '{"c":2}', "[1,2]", '{"d":"é"}'),
    typed("x_attach", "VARCHAR(500)", "/files/a.pdf", "/files/b.png", "https://example.com/c", "/private/files/d"),
]
"""Beside the type that a database has for it."""

PLAIN = [
    typed("x_check", "TEXT", ("1", 1), ("1", 1), ("0", 0), ("1", 1)),
    typed("x_check", "INTEGER", 1, 1, 0, 1),
    typed("x_int", "TEXT", ("7", 7), ("-7", -7), ("12", 12), ("0", 0)),
    typed("x_float", "TEXT", ("0.5", 0.5), ("1.25", 1.25), ("-3.125", -3.125), ("2", 2)),
    typed("x_currency", "TEXT", ("19.99", 19.99), ("0.01", 0.01), ("-5.5", -5.5), ("100", 100)),
    typed("x_percent", "TEXT", ("12.5", 12.5), ("100", 100), ("0.1", 0.1), ("99.9", 99.9)),
    typed("x_date", "TEXT", "2026-11-01", "2028-02-29", "1999-12-31", "2026-01-01"),
    typed(
        "x_datetime",
        "TEXT",
        ("2026-07-01 13:00:00", "2026-07-01 09:00:00"),
        ("2026-12-01 14:30:00", "2026-12-01 09:30:00"),
        ("2026-03-10 15:00:00", "2026-03-10 11:00:00"),
        ("2027-01-01 02:00:00", "2026-12-31 21:00:00"),
    ),
    typed(
        "x_time",
        "TEXT",
        ("09:05:00", "9:05:00"),
        ("23:59:59", "23:59:59"),
        ("00:00:00", "0:00:00"),
        ("12:30:15", "12:30:15"),
    ),
    typed("x_duration", "TEXT", ("3600", 3600), ("59", 59), ("86400", 86400), ("1", 1)),
    typed("x_json", "TEXT", '{"a":1}', '{"c":2}', "[1,2]", '{"d":3}'),
    typed("x_data", "", "a", "b", "c", "d"),
    typed("x_data", "INTEGER", (7, "7"), (8, "8"), (9, "9"), (10, "10")),
    typed("x_data", "NUMERIC", (1.5, "1.5"), (2, "2"), (3.25, "3.25"), (4, "4")),
    typed(
        "x_data",
        "DATE",
        ("2026-11-01", "2026-11-01"),
        ("2028-02-29", "2028-02-29"),
        ("1999-12-31", "1999-12-31"),
        ("2026-01-01", "2026-01-01"),
    ),
    typed("x_int", "NUMERIC", 7, -7, 12, 0),
    typed("x_float", "INTEGER", 7, -7, 12, 0),
]
"""Beside plain text, and beside numbers of another kind."""


def _ids(cases: list[Typed]) -> list[str]:
    return [f"{case.field[2:]} and {case.declared or 'no type at all'}" for case in cases]


@pytest.fixture
def limited(site: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """syncd is a user whose one role is Sales User."""
    monkeypatch.setenv("SITE_KEY", "limited")
    return site


@pytest.mark.parametrize("case", NATURAL, ids=_ids(NATURAL))
def test_a_type_goes_there_and_back(limited: Place, case: Typed) -> None:
    there_and_back(limited, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", PLAIN, ids=_ids(PLAIN))
def test_a_type_goes_there_and_back_beside_another(limited: Place, case: Typed) -> None:
    there_and_back(limited, case)


def there_and_back(site: Place, case: Typed) -> None:
    site.shop.do(f"ALTER TABLE customers ADD COLUMN given {case.declared}")
    site.map(f'customer_name = "name"\n{case.field} = "given"')
    row = site.add(name="Ada", given=case.made[0])
    document = site.new(customer_name="Bob", **{case.field: case.made_here[1]})
    assert site.settled().created == {"erpnext": 1, "source": 1}
    other = site.partner(row)
    assert holds(site, other, row, case) == case.made
    their = site.row_of(document)["id"]
    assert holds(site, document, their, case) == case.made_here
    site.edit_row(row, given=case.edited[0])
    site.edit(document, **{case.field: case.edited_here[1]})
    site.settled()
    assert (holds(site, other, row, case), holds(site, document, their, case)) == (case.edited, case.edited_here)
    site.edit_row(row, given=None)
    site.edit(document, **{case.field: None})
    site.settled()
    assert not site.customer(other, case.field)[0]
    assert site.row(their, "given")[0] in (None, 0, "0"), "an emptied Check, or number, is a 0"
    assert site.settled(full=True).updated == NOTHING


def holds(site: Place, document: str, row: int, case: Typed) -> tuple[object, object]:
    return site.row(row, "given")[0], site.customer(document, case.field)[0]


def test_every_type_of_the_sites_fields_is_tried() -> None:
    tried = {case.field for case in NATURAL}
    assert tried >= {values["fieldname"] for values in TYPED} - {"x_short"}


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        pytest.param(
            "x_currency", 1.23456789, 1.23456789, id="beyond the precision that is shown, as the site keeps it"
        ),
        pytest.param("x_float", 0.1234567891, 0.123456789, id="nine decimals"),
        pytest.param("x_currency", 0.1 + 0.2, 0.3, id="a sum of floats"),
        pytest.param("x_percent", 33.3333333333, 33.333333333, id="a third"),
    ],
)
def test_decimals_of_a_number(limited: Place, field: str, value: float, stored: float) -> None:
    """The site keeps nine decimals, whatever the field's precision shows; what it rounds does not come back."""
    site = limited
    site.map(f'customer_name = "name"\n{field} = "rate"')
    document, row = site.agreed(name="Ada", rate=value)
    assert (site.customer(document, field), site.row(row, "rate")) == ((stored,), (value,))
    site.quiet(full=True)


def test_the_user_is_no_administrator(limited: Place) -> None:
    """The one who does all this may read no custom field as a document, and write none."""
    answer = limited.desk.http.get("/api/resource/Custom Field", headers={"Authorization": "token limited:limited"})
    assert answer.status_code == 403
