"""Child tables as nested lists: read, and written so that nothing else in them changes."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from syncd.adapters.sources.nested import (
    NoListError,
    items_of,
    member_of,
    members,
    numbered,
    replaced,
    rows_of,
    text_of,
)
from syncd.core.model import Rows, TableRow
from syncd.core.row_keys import RowKeyError
from syncd.core.values import FieldType, Kind
from syncd.errors import RefusedError, StaleError

FIELDS = ("sku", "qty")


def write(items, *rows, fields=FIELDS, key=()):
    return replaced(
        items,
        Rows(tuple(TableRow(name, values) for name, values in rows)),
        fields,
        key,
        member=lambda _name, value: member_of(value),
        new_key=lambda name, standing: numbered(name, standing, {}),
    )


@pytest.mark.parametrize(
    ("case", "raw", "items"),
    [
        ("NULL", None, []),
        ("empty text", "", []),
        ("blank text", "  ", []),
        ("JSON null", "null", []),
        ("an empty list", "[]", []),
        ("JSON text", '[{"a": 1}]', [{"a": 1}]),
        ("JSON in bytes", b'[{"a": "\xc3\xa9"}]', [{"a": "é"}]),
        ("a list that the driver has read", [{"a": 1}], [{"a": 1}]),
        ("every digit of a decimal", '[{"a": 12345678901234567890.10}]', [{"a": Decimal("12345678901234567890.10")}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_list_is_read(case, raw, items):
    assert items_of(raw) == items


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("{}", "an object where a list of rows is expected"),
        ("3", "a number where a list"),
        ("true", "yes or no where a list"),
        ('"x"', "a text where a list"),
        ("[1]", "item 1 of its list is a number, not an object"),
        ('[{"a": 1}, null]', "item 2 of its list is null"),
        ("[{", "text that is no JSON"),
        (b"\xff", "bytes that are no text"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_list_of_rows_is_told(raw, reason):
    with pytest.raises(NoListError, match=reason):
        items_of(raw)


def test_rows_are_told_by_position_or_by_key():
    items = [{"sku": "B", "qty": 2}, {"sku": "A", "qty": None}]
    assert rows_of(items, FIELDS, ()) == Rows((TableRow("0", ("B", 2)), TableRow("1", ("A", None))))
    assert [row.name for row in rows_of(items, FIELDS, ("sku",)).rows] == ["B", "A"], "in the list's order"
    with pytest.raises(RowKeyError):
        rows_of(items, FIELDS, ("qty",))


def test_a_member_that_is_missing_reads_as_null_and_an_object_as_its_text():
    assert rows_of([{"qty": {"n": [1, "x"]}}], FIELDS, ()).rows[0].values == (None, '{"n": [1, "x"]}')


def test_other_members_are_kept_when_a_row_changes():
    items = [{"sku": "A", "qty": 1, "note": "keep", "deep": {"x": 1}}, {"sku": "B", "qty": 2, "note": "too"}]
    made = write(items, ("0", ("A", 5)), ("1", ("B", 2)))
    assert made == [{"sku": "A", "qty": 5, "note": "keep", "deep": {"x": 1}}, {"sku": "B", "qty": 2, "note": "too"}]
    assert items[0]["qty"] == 1, "what was read is not changed"


def test_rows_move_with_their_other_members_and_new_ones_stand_where_they_are_put():
    items = [{"sku": "A", "note": "a"}, {"sku": "B", "note": "b"}]
    made = write(items, ("1", ("B", None)), (None, ("C", 1)), ("0", ("A", None)))
    assert made == [{"sku": "B", "note": "b"}, {"sku": "C", "qty": 1}, {"sku": "A", "note": "a"}]


def test_a_member_that_was_missing_stays_so_while_it_is_empty():
    assert write([{"sku": "A"}], ("0", ("A", None))) == [{"sku": "A"}]
    assert write([{"sku": "A", "qty": 1}], ("0", ("A", None))) == [{"sku": "A", "qty": None}]


def test_a_name_that_is_not_in_the_list_is_stale():
    with pytest.raises(StaleError, match="'7' is not in the list"):
        write([{"sku": "A"}], ("7", ("A", 1)))


def test_new_keys_are_the_largest_plus_one_of_all_that_stood():
    items = [{"line": 4, "sku": "A"}, {"line": 9, "sku": "B"}]
    fields = ("sku", "line")
    made = write(items, ("4", ("A", 4)), (None, ("C", None)), (None, ("D", None)), fields=fields, key=("line",))
    assert [item["line"] for item in made] == [4, 10, 11], "9 was removed, and is not given again"


def test_a_mapped_key_takes_its_value_and_an_unmapped_one_stays():
    items = [{"line": 4, "sku": "A"}]
    made = write(items, ("4", ("A", None)), (None, ("B", 7)), fields=("sku", "line"), key=("line",))
    assert [item["line"] for item in made] == [4, 7]


def test_a_key_of_text_that_nobody_gives_is_refused():
    with pytest.raises(RefusedError, match="nobody gives a new row its key: 'line' holds text"):
        write([{"line": "a"}], (None, ("C", None)), fields=("sku", "line"), key=("line",))
    text = FieldType(kind=Kind.TEXT, name="JSON text")
    with pytest.raises(RefusedError, match="nobody gives"):
        numbered("line", [], {"line": text})
    assert numbered("line", [], {}) == 1


def test_rows_that_would_share_a_key_are_refused():
    with pytest.raises(RefusedError, match="would not be told apart by their key"):
        write([{"line": 4}], ("4", ("A", 4)), (None, ("B", 4)), fields=("sku", "line"), key=("line",))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("12345678901234567890.123"), "12345678901234567890.123"),
        (7, "7"),
        (True, "true"),
        (None, "null"),
        ("é\n", '"é\\n"'),
        ([{"a": Decimal("1.0")}, {}], '[{"a": 1.0}, {}]'),
    ],
)
def test_numbers_stay_numbers_digit_by_digit(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("raw", "kind", "member"),
    [
        ("7", None, "7"),
        (Decimal("7.5"), None, Decimal("7.5")),
        (date(2026, 1, 2), None, "2026-01-02"),
        (datetime.fromisoformat("2026-01-02T03:04:05"), None, "2026-01-02T03:04:05"),
        (timedelta(seconds=90), None, Decimal("90.0")),
        ('{"a": 1}', FieldType(kind=Kind.JSON), {"a": 1}),
    ],
)
def test_values_become_members(raw, kind, member):
    assert member_of(raw, kind) == member


def test_what_members_hold_is_told_from_the_rows_that_are_there():
    found = members([[{"a": 1, "b": "x", "c": None}], [{"a": Decimal("2.5"), "b": 3, "d": True, "e": []}]])
    assert {name: kind.kind for name, kind in found.items()} == {
        "a": Kind.NUMBER,
        "b": Kind.TEXT,
        "c": Kind.TEXT,
        "d": Kind.BOOL,
        "e": Kind.JSON,
    }
