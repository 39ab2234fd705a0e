from decimal import Decimal

import pytest

from syncd.core.row_keys import RowKeyError, in_steady_order, next_number, place, positions, row_name, row_names


@pytest.mark.parametrize(
    ("case", "parts", "name"),
    [
        ("a number", (7,), "7"),
        ("a text", ("A-1",), "A-1"),
        ("several parts", ("A", 7), "A/7"),
        ("a slash inside a part is no separator", ("A/B", 7), "A%2FB/7"),
        ("a percent sign", ("5%",), "5%25"),
        ("a decimal has no exponent", (Decimal("1E+2"),), "100"),
        ("zero is a key", (0,), "0"),
        ("no is a key", (False,), "0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_is_called_by_the_parts_of_its_key(case, parts, name):
    assert row_name(parts) == name


@pytest.mark.parametrize("parts", [(None,), ("",), ("A", None), (b"",)], ids=repr)
def test_a_row_without_a_key_is_told(parts):
    with pytest.raises(RowKeyError, match="has no key"):
        row_name(parts)


def test_rows_that_share_a_key_are_told():
    with pytest.raises(RowKeyError, match="2 rows have the key 'A'"):
        row_names([("A",), ("B",), ("A",)])
    assert row_names([("A",), ("a",)]) == ("A", "a")


def test_positions_count_from_zero():
    assert positions(3) == ("0", "1", "2")


@pytest.mark.parametrize(
    ("case", "parts", "ordered"),
    [
        ("numbers by their size", [10, 9, Decimal("9.5")], [9, Decimal("9.5"), 10]),
        ("texts of digits by their size", ["10", "9", "2"], ["2", "9", "10"]),
        ("numbers before texts", ["b", 3, "a"], [3, "a", "b"]),
        ("texts as they are", ["b", "B", "a10", "a9"], ["B", "a10", "a9", "b"]),
        ("negative ones first", [1, -2], [-2, 1]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_stand_in_the_order_of_their_keys(case, parts, ordered):
    assert sorted(parts, key=lambda part: place([part])) == ordered


@pytest.mark.parametrize(
    ("case", "held", "number"),
    [
        ("the first", [], 1),
        ("the largest plus one", [3, 1], 4),
        ("decimals of a database", [Decimal("2.0")], 3),
        ("texts and yes do not count", ["9", True, None], 1),
        ("below zero", [-5], -4),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_new_key_is_the_largest_plus_one(case, held, number):
    assert next_number(held) == number


@pytest.mark.parametrize(
    ("case", "names", "steady"),
    [
        ("all as they were", ["0", "1", "2"], True),
        ("one removed", ["0", "2"], True),
        ("new ones at the end", ["0", "1", None, None], True),
        ("only new ones", [None, None], True),
        ("ten comes behind nine", ["9", "10"], True),
        ("moved", ["1", "0"], False),
        ("a new one between", ["0", None, "1"], False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whether_rows_told_by_position_kept_their_order(case, names, steady):
    assert in_steady_order(names) is steady
