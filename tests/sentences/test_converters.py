"""Contract, "What the keys mean": the paragraph on converters."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from syncd.core.convert import converter_names
from tests.sentences.place import NOTHING, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A converter at work: what the source holds and what that is in ERPNext, and a second such couple."""

    line: str
    """What stands behind the column in the mapping's line."""
    field: str
    declared: str
    first: tuple[object, object]
    second: tuple[object, object]


PAIRS = {
    "country": Case(
        line='convert = "country"', field="territory", declared="TEXT", first=("DE", "Germany"), second=("FR", "France")
    ),
    "cents": Case(
        line='convert = "cents"', field="x_currency", declared="INTEGER", first=(1999, 19.99), second=(-5, -0.05)
    ),
    "decimal(n)": Case(
        line='convert = "decimal(3)"', field="x_float", declared="INTEGER", first=(12345, 12.345), second=(1, 0.001)
    ),
    "bool(yes,no)": Case(
        line='convert = "bool(Y,N)"', field="x_check", declared="TEXT", first=("Y", 1), second=("N", 0)
    ),
    "date(format)": Case(
        line='convert = "date(dd.mm.yyyy)"',
        field="x_date",
        declared="TEXT",
        first=("29.02.2028", "2028-02-29"),
        second=("01.12.2026", "2026-12-01"),
    ),
    "datetime(zone)": Case(
        line='convert = "datetime(Europe/Berlin)"',
        field="x_datetime",
        declared="TEXT",
        # The site stands in New York: six hours behind, five in the weeks between both changes of the clock.
        first=("2026-07-01 15:00:00", "2026-07-01 09:00:00"),
        second=("2026-03-10 15:00:00", "2026-03-10 10:00:00"),
    ),
    "epoch": Case(
        line='convert = "epoch"',
        field="x_datetime",
        declared="INTEGER",
        first=(1782910800, "2026-07-01 09:00:00"),
        second=(0, "1969-12-31 19:00:00"),
    ),
    "epoch_ms": Case(
        line='convert = "epoch_ms"',
        field="x_datetime",
        declared="INTEGER",
        first=(1782910800250, "2026-07-01 09:00:00.250000"),
        second=(0, "1969-12-31 19:00:00"),
    ),
    "prefix(text)": Case(
        line='convert = "prefix(WEB-)"', field="x_data", declared="TEXT", first=("17", "WEB-17"), second=("x", "WEB-x")
    ),
    "split(sep)": Case(
        line='convert = "split(;)"', field="x_small", declared="TEXT", first=("a;b", "a\nb"), second=("c", "c")
    ),
    "json": Case(
        line='convert = "json"', field="x_long", declared="TEXT", first=('{"a":1}', '{"a":1}'), second=("[1]", "[1]")
    ),
    "values": Case(
        line='values = { g = "Gold", s = "Silver" }',
        field="x_select",
        declared="TEXT",
        first=("g", "Gold"),
        second=("s", "Silver"),
    ),
}


def mapped(site: Place, field: str, declared: str, line: str, **sections: str) -> None:
    """The mapping of a column of its own, declared so."""
    site.shop.do(f"ALTER TABLE customers ADD COLUMN given {declared}")
    more = f", {line}" if line else ""
    site.map(f'customer_name = "name"\n{field} = {{ source = "given"{more} }}', **sections)


@pytest.mark.parametrize("name", PAIRS)
def test_converters_undo_each_other(site: Place, name: str) -> None:
    """Converters come in pairs that undo each other (`country`, `cents`, `decimal(n)`, `bool(yes,no)`, `date(format)`,
    `datetime(zone)`, `epoch`, `epoch_ms`, `prefix(text)`, `split(sep)`, `json`, `values`), or are normalisers
    (`upper`, `lower`, `trim`, `phone(region)`, `text` for rich text): values that differ only by a normaliser are the
    same and are not rewritten.

    There in a creation, back in a creation, there and back in an edit; each lands exactly as the other side wrote it.
    """
    case = PAIRS[name]
    mapped(site, case.field, case.declared, case.line)
    row = site.add(name="Ada", given=case.first[0])
    site.settled()
    document = site.partner(row)
    assert site.customer(document, case.field) == (case.first[1],)
    theirs = site.new(customer_name="Bob", **{case.field: case.second[1]})
    site.edit(document, **{case.field: case.second[1]})
    site.settled()
    assert (site.row(row, "given"), site.row_of(theirs)["given"]) == ((case.second[0],), case.second[0])
    site.edit_row(row, given=case.first[0])
    site.settled(full=True)
    assert site.customer(document, case.field) == (case.first[1],)


NORMALISERS = {
    "upper": (
        'convert = "upper"',
        "x_data",
        [("abc", "ABC"), ("Abc", "aBC")],
        ("abd", "ABD"),
    ),
    "lower": ('convert = "lower"', "x_data", [("ABC", "abc"), ("Abc", "aBC")], ("ABD", "abd")),
    "trim": ('convert = "trim"', "x_data", [("a ", "a"), (" a", "a  ")], (" b ", "b")),
    "phone(region)": (
        'convert = "phone(DE)"',
        "x_data",
        [("030 123456", "+4930123456"), ("+49 (30) 12 34 56", "030/123456")],
        ("030 654321", "+4930654321"),
    ),
    "text": (
        'convert = "text"',
        "x_editor",
        [("plain & simple", "<div><p>plain &amp; <b>simple</b></p></div>"), ("a\nb", "<p>a</p><p><br></p><p>b</p>")],
        ("new & bold", "<div>new &amp; bold</div>"),
    ),
}


def _same() -> list[object]:
    found = []
    for name, (line, field, same, _) in NORMALISERS.items():
        found += [pytest.param(line, field, *values, id=f"{name} {at}") for at, values in enumerate(same)]
    return found


@pytest.mark.parametrize(("line", "field", "ours", "theirs"), _same())
def test_what_differs_by_a_normaliser_is_not_rewritten(
    site: Place, line: str, field: str, ours: str, theirs: str
) -> None:
    """Converters come in pairs that undo each other (`country`, `cents`, `decimal(n)`, `bool(yes,no)`, `date(format)`,
    `datetime(zone)`, `epoch`, `epoch_ms`, `prefix(text)`, `split(sep)`, `json`, `values`), or are normalisers
    (`upper`, `lower`, `trim`, `phone(region)`, `text` for rich text): values that differ only by a normaliser are the
    same and are not rewritten.

    Neither when both sides meet, nor when one of them is rewritten by a person, nor by a full pass.
    """
    mapped(site, field, "TEXT", line, match='by = [["customer_name"]]')
    document, row = site.new(customer_name="Ada", **{field: theirs}), site.add(name="Ada", given=ours)
    stored = site.customer(document, field)
    assert (site.settled().updated, site.customer(document, field), site.row(row, "given")) == (
        NOTHING,
        stored,
        (ours,),
    )
    site.edit_row(row, given=f"{ours} other")
    site.settled()
    site.edit_row(row, given=ours)
    site.settled()
    site.edit(document, **{field: theirs})
    assert (site.settled(full=True).updated, site.row(row, "given")) == (NOTHING, (ours,))


@pytest.mark.parametrize("name", NORMALISERS)
def test_what_a_normaliser_writes_is_in_its_form(site: Place, name: str) -> None:
    """Converters come in pairs that undo each other (`country`, `cents`, `decimal(n)`, `bool(yes,no)`, `date(format)`,
    `datetime(zone)`, `epoch`, `epoch_ms`, `prefix(text)`, `split(sep)`, `json`, `values`), or are normalisers
    (`upper`, `lower`, `trim`, `phone(region)`, `text` for rich text): values that differ only by a normaliser are the
    same and are not rewritten.

    A value that differs by more is written, brought to its form, and what it was made of stays as it was written.
    """
    line, field, [(first, _), *_], (ours, normal) = NORMALISERS[name]
    mapped(site, field, "TEXT", line)
    document, row = site.agreed(name="Ada", given=first)
    site.edit_row(row, given=ours)
    assert site.settled().updated == {"erpnext": 1, "source": 0}
    [written] = site.customer(document, field)
    assert (written if field != "x_editor" else normal, site.row(row, "given")) == (normal, (ours,))


def test_every_converter_of_the_program_is_tried_here() -> None:
    """Converters come in pairs that undo each other (`country`, `cents`, `decimal(n)`, `bool(yes,no)`, `date(format)`,
    `datetime(zone)`, `epoch`, `epoch_ms`, `prefix(text)`, `split(sep)`, `json`, `values`), or are normalisers
    (`upper`, `lower`, `trim`, `phone(region)`, `text` for rich text): values that differ only by a normaliser are the
    same and are not rewritten.
    """
    tried = {name.partition("(")[0] for name in (*PAIRS, *NORMALISERS)}
    assert tried == {*converter_names(), "values"}


LOSSY = [
    pytest.param(
        "x_select",
        "TEXT",
        'values = { a = "Gold", b = "Gold" }',
        "'a' and 'b' both become 'Gold'",
        id="two values to one",
    ),
    pytest.param(
        "x_select", "TEXT", 'convert = "lower", values = { a = "Gold", b = "Gold" }', "both become", id="behind another"
    ),
    pytest.param("x_time", "DATETIME", "", "the day", id="a moment kept as a time of day"),
]


@pytest.mark.parametrize(("field", "declared", "line", "loses"), LOSSY)
def test_what_cannot_be_undone_needs_a_one_way_field(
    site: Place, field: str, declared: str, line: str, loses: str
) -> None:
    """One that can be neither undone nor is a normaliser needs a one-way field."""
    mapped(site, field, declared, line)
    try:
        told = site.refused()
    except AssertionError:  # what only the types of both sides tell
        told = "\n".join(f"{each.severity.value} {each.where}: {each.message}" for each in site.check())
        assert told.startswith("error ")
    assert field in told
    assert loses in told
    more = f"{line}, " if line else ""
    site.map(f'customer_name = "name"\n{field} = {{ source = "given", {more}direction = "to_erpnext" }}')
    site.settled()
    assert all(loses not in each.message for each in site.check())


def test_what_is_computed_needs_a_one_way_field(site: Place) -> None:
    """One that can be neither undone nor is a normaliser needs a one-way field."""
    site.map('customer_name = "name"\nx_data = { compute = "source.vat", direction = "both" }')
    assert "fields.x_data" in site.refused()


def test_several_are_applied_from_source_to_erpnext(site: Place) -> None:
    """Several are given as a list, applied from source to ERPNext."""
    mapped(site, "x_data", "TEXT", 'convert = ["trim", "upper", "prefix(c-)"]')
    document, row = site.agreed(name="Ada", given=" ab ")
    assert site.customer(document, "x_data") == ("c-AB",), "capitals before the prefix, which keeps its small letter"
    site.edit(document, x_data="c-XY")
    site.settled()
    assert site.row(row, "given") == ("XY",)
    site.edit(document, x_data="C-XZ")
    assert site.counts().failed == 1, "the last one is undone first: this is not its prefix"


def test_the_order_of_several_counts(site: Place) -> None:
    """Several are given as a list, applied from source to ERPNext."""
    mapped(site, "x_data", "TEXT", 'convert = ["prefix(c-)", "upper"]')
    document, _ = site.agreed(name="Ada", given="ab")
    assert site.customer(document, "x_data") == ("C-AB",)


def test_check_tries_the_round_trip_on_live_rows(site: Place) -> None:
    """`syncd check` proves the round trip on live rows."""
    mapped(site, "x_date", "TEXT", 'convert = "date(yymmdd)"')
    site.add(name="Ada", given="261101")
    assert [each for each in site.check() if "x_date" in each.where] == []
    site.add(name="Bob", given="1 Nov 2026")
    site.add(name="Cem", given="261232")
    found = "\n".join(f"{each.where} {each.message} {each.hint}" for each in site.check() if "x_date" in each.where)
    assert "1 Nov 2026" in found
    assert "2" in found


def test_check_finds_what_does_not_come_back(site: Place) -> None:
    """`syncd check` proves the round trip on live rows."""
    mapped(site, "territory", "TEXT", 'convert = "country"')
    site.add(name="Ada", given="DE")
    assert [each for each in site.check() if "territory" in each.where] == []
    site.add(name="Bob", given="XX")
    [found] = [each for each in site.check() if "territory" in each.where]
    assert "XX" in f"{found.message} {found.hint}"
