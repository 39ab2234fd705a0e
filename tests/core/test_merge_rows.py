"""Child tables: rows told apart, merged one by one, put in order."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.mapping import CompiledMapping, FieldSpec, MappingSpec, TableSpec, Types, compile_mapping
from syncd.core.merge import Choice, Merge, merge
from syncd.core.model import Direction, Image, Rows, Side, TableRow, Unreadable, Wins
from syncd.core.rows import agreed, rows_of, tie
from syncd.core.values import decode_baseline, decode_image, encode_baseline, encode_image
from tests.core.builders import CURRENCY, DATA, INTEGER, VARCHAR

FIELDS = (("item_code", "sku"), ("qty", "quantity"))


def order(
    *,
    key: tuple[str, ...] = ("line",),
    nested: bool = False,
    wins: Wins = Wins.MANUAL,
    direction: Direction = Direction.BOTH,
) -> CompiledMapping:
    """Orders with a number and items."""
    table = TableSpec(
        erpnext="items",
        fields=tuple(FieldSpec(erpnext=name, source=column, wins=wins) for name, column in FIELDS),
        source="lines" if nested else None,
        entity=None if nested else "order_lines",
        parent=() if nested else ("order_id",),
        key=key,
        wins=wins,
    )
    spec = MappingSpec(
        name="order",
        file="mappings/order.toml",
        doctype="Sales Order",
        source="shop",
        entity="orders",
        site="main",
        source_id=("id",),
        fields=(FieldSpec(erpnext="po_no", source="number"),),
        tables=(table,),
        direction=direction,
    )
    return compile_mapping(
        spec,
        Types(fields={"po_no": DATA}, tables={"items": {"item_code": DATA, "qty": CURRENCY}}),
        Types(fields={"number": VARCHAR}, tables={"items": {"sku": VARCHAR, "quantity": INTEGER, "line": INTEGER}}),
        erpnext_zone="UTC",
    )


def erpnext(*rows: tuple[str, str, int]) -> Image:
    """(row name, item, quantity)"""
    return ("PO", Rows(tuple(TableRow(name, (item, float(qty))) for name, item, qty in rows)))


def source(*rows: tuple[int, str, int]) -> Image:
    """(line, sku, quantity)"""
    return ("PO", Rows(tuple(TableRow(str(line), (sku, qty, line)) for line, sku, qty in rows)))


def nested(*rows: tuple[str, int]) -> Image:
    """(sku, quantity): told apart by their position"""
    return ("PO", Rows(tuple(TableRow(str(at), (sku, qty)) for at, (sku, qty) in enumerate(rows))))


BASE = (erpnext(("r1", "A", 1), ("r2", "B", 2)), source((1, "A", 1), (2, "B", 2)))


Given: TypeAlias = list[tuple[str | None, str, int]]
"""What a side is given: (row name, item, quantity)"""


def run(
    mapping: CompiledMapping,
    now: tuple[Image, Image],
    base: tuple[Image, Image] | None = BASE,
    choice: Choice | None = None,
) -> Merge:
    """Merge `now` over `base`, which had agreed."""
    was = None if base is None else agreed(mapping, None, base)
    return merge(mapping, was, *now, choice=choice)


def given_rows(result: Merge, side: Side) -> Given | None:
    """What a side is given; None where its rows stay."""
    slots = ("items",) if side is Side.ERPNEXT else ("order_lines[]", "lines[]")
    held = next((result.writes[side][slot] for slot in slots if slot in result.writes[side]), None)
    if held is None:
        return None
    return [(row.name, str(row.values[0]), int(Decimal(str(row.values[1])))) for row in rows_of(held).rows]


CASES = [
    (
        "a quantity changed in the source goes to its row in ERPNext, every other value as it stands",
        erpnext(("r1", "A", 1), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 5)),
        [("r1", "A", 1), ("r2", "B", 5)],
        None,
    ),
    (
        "edits of different rows on both sides merge",
        erpnext(("r1", "A", 7), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 5)),
        [("r1", "A", 7), ("r2", "B", 5)],
        [("1", "A", 7), ("2", "B", 5)],
    ),
    (
        "edits of different fields of one row on both sides merge",
        erpnext(("r1", "A", 1), ("r2", "X", 2)),
        source((1, "A", 1), (2, "B", 5)),
        [("r1", "A", 1), ("r2", "X", 5)],
        [("1", "A", 1), ("2", "X", 5)],
    ),
    (
        "a row added in the source is made in ERPNext, without a name",
        erpnext(("r1", "A", 1), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 2), (3, "C", 3)),
        [("r1", "A", 1), ("r2", "B", 2), (None, "C", 3)],
        None,
    ),
    (
        "a row added in ERPNext is made in the source",
        erpnext(("r1", "A", 1), ("n", "C", 3), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 2)),
        None,
        [("1", "A", 1), (None, "C", 3), ("2", "B", 2)],
    ),
    (
        "a row removed in the source goes from ERPNext",
        erpnext(("r1", "A", 1), ("r2", "B", 2)),
        source((2, "B", 2)),
        [("r2", "B", 2)],
        None,
    ),
    (
        "a row removed in ERPNext goes from the source",
        erpnext(("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 2)),
        None,
        [("2", "B", 2)],
    ),
    ("removed on both sides: nothing to do", erpnext(("r2", "B", 2)), source((2, "B", 2)), None, None),
    (
        "the same row added on both sides is one row",
        erpnext(("r1", "A", 1), ("r2", "B", 2), ("n", "C", 3)),
        source((1, "A", 1), (2, "B", 2), (3, "C", 3)),
        None,
        None,
    ),
    (
        "different rows added on both sides: each side gets the other's",
        erpnext(("r1", "A", 1), ("r2", "B", 2), ("n", "D", 4)),
        source((1, "A", 1), (2, "B", 2), (3, "C", 3)),
        [("r1", "A", 1), ("r2", "B", 2), (None, "C", 3), ("n", "D", 4)],
        [("1", "A", 1), ("2", "B", 2), (None, "D", 4), ("3", "C", 3)],
    ),
    (
        "rows moved in ERPNext: a keyed table has no order of its own, nothing happens",
        erpnext(("r2", "B", 2), ("r1", "A", 1)),
        source((1, "A", 1), (2, "B", 2)),
        None,
        None,
    ),
    (
        "every row of ERPNext has a new name (an amendment), one changed: tied by what they say, then by position",
        erpnext(("x1", "A", 1), ("x2", "B", 9)),
        source((1, "A", 1), (2, "B", 2)),
        None,
        [("1", "A", 1), ("2", "B", 9)],
    ),
]


@pytest.mark.parametrize(("told", "ours", "theirs", "to_erpnext", "to_source"), CASES, ids=[case[0] for case in CASES])
def test_rows_merge(
    told: str,
    ours: Image,
    theirs: Image,
    to_erpnext: Given | None,
    to_source: Given | None,
) -> None:
    result = run(order(), (ours, theirs))
    assert result.conflicts == [], told
    assert result.problems == [], told
    assert given_rows(result, Side.ERPNEXT) == to_erpnext
    assert given_rows(result, Side.SOURCE) == to_source


def test_one_field_of_one_row_edited_on_both_sides_is_a_conflict_under_its_name() -> None:
    result = run(order(), (erpnext(("r1", "A", 1), ("r2", "B", 3)), source((1, "A", 1), (2, "B", 5))))
    assert [(c.field, c.base, c.erpnext, c.source) for c in result.conflicts] == [("items[2].qty", "2", "3", 5)]


def test_a_conflict_in_a_row_is_resolved_by_a_value_under_its_name() -> None:
    now = (erpnext(("r1", "A", 1), ("r2", "B", 3)), source((1, "A", 1), (2, "B", 5)))
    result = run(order(), now, choice=Choice(values={"items[2].qty": 4}))
    assert not result.conflicts
    assert given_rows(result, Side.ERPNEXT) == [("r1", "A", 1), ("r2", "B", 4)]
    assert given_rows(result, Side.SOURCE) == [("1", "A", 1), ("2", "B", 4)]


REMOVED = (erpnext(("r1", "A", 1), ("r2", "B", 9)), source((1, "A", 1)))


def test_a_row_removed_here_and_edited_there_is_a_conflict() -> None:
    result = run(order(), REMOVED)
    assert [c.field for c in result.conflicts] == ["items[2]"]
    assert result.conflicts[0].reason == "removed in the source, edited on the other side"


@pytest.mark.parametrize(
    ("wins", "to_erpnext", "to_source"),
    [
        (Wins.SOURCE, [("r1", "A", 1)], None),
        (Wins.ERPNEXT, None, [("1", "A", 1), (None, "B", 9)]),
    ],
)
def test_who_wins_decides_about_a_row_removed_here_and_edited_there(
    wins: Wins, to_erpnext: Given | None, to_source: Given | None
) -> None:
    result = run(order(wins=wins), REMOVED)
    assert [c.field for c in result.decided] == ["items[2]"]
    assert given_rows(result, Side.ERPNEXT) == to_erpnext
    assert given_rows(result, Side.SOURCE) == to_source


@pytest.mark.parametrize(("take", "kept"), [(Side.SOURCE, False), (Side.ERPNEXT, True)])
def test_a_person_decides_about_a_row_removed_here_and_edited_there(take: Side, kept: bool) -> None:
    result = run(order(), REMOVED, choice=Choice(take=take))
    assert not result.conflicts
    assert (given_rows(result, Side.SOURCE) is not None) == kept
    assert (given_rows(result, Side.ERPNEXT) is None) == kept


def test_first_contact_fills_the_empty_side() -> None:
    result = run(order(), (erpnext(), source((1, "A", 1), (2, "B", 2))), base=None)
    assert given_rows(result, Side.ERPNEXT) == [(None, "A", 1), (None, "B", 2)]


def test_first_contact_with_rows_on_one_side_alone_waits_for_a_person() -> None:
    result = run(order(), (erpnext(("r1", "A", 1)), source((1, "A", 1), (2, "B", 2))), base=None)
    assert [c.field for c in result.conflicts] == ["items[2]"]


def test_one_way_rows_of_the_receiving_side_stay() -> None:
    mapping = order(direction=Direction.TO_ERPNEXT)
    result = run(mapping, (erpnext(("r1", "A", 1), ("own", "Z", 1), ("r2", "B", 2)), source((1, "A", 1), (2, "B", 5))))
    assert given_rows(result, Side.ERPNEXT) == [("r1", "A", 1), ("own", "Z", 1), ("r2", "B", 5)]
    assert not result.writes[Side.SOURCE]


def test_a_nested_list_without_a_key_is_told_apart_by_what_rows_say_then_by_position() -> None:
    mapping = order(key=(), nested=True)
    base = (erpnext(("r1", "A", 1), ("r2", "B", 2), ("r3", "C", 3)), nested(("A", 1), ("B", 2), ("C", 3)))
    result = run(mapping, (base[0], nested(("A", 1), ("C", 9))), base=base)
    assert given_rows(result, Side.ERPNEXT) == [("r1", "A", 1), ("r2", "C", 9)]
    result = run(mapping, (base[0], nested(("A", 1), ("C", 3))), base=base)
    assert given_rows(result, Side.ERPNEXT) == [("r1", "A", 1), ("r3", "C", 3)]


def test_rows_moved_in_a_nested_list_move_in_erpnext_and_back() -> None:
    mapping = order(key=("sku",), nested=True)

    def lines(*skus: str) -> Image:
        return ("PO", Rows(tuple(TableRow(sku, (sku, 1)) for sku in skus)))

    base = (erpnext(("r1", "A", 1), ("r2", "B", 1), ("r3", "C", 1)), lines("A", "B", "C"))
    result = run(mapping, (base[0], lines("C", "A", "B")), base=base)
    assert given_rows(result, Side.ERPNEXT) == [("r3", "C", 1), ("r1", "A", 1), ("r2", "B", 1)]
    moved = erpnext(("r2", "B", 1), ("r1", "A", 1), ("r3", "C", 1))
    result = run(mapping, (moved, base[1]), base=base)
    assert given_rows(result, Side.SOURCE) == [("B", "B", 1), ("A", "A", 1), ("C", "C", 1)]
    result = run(mapping, (moved, lines("C", "A", "B")), base=base)
    assert [c.field for c in result.conflicts] == ["items (order)"]


def test_images_with_rows_survive_encoding_ties_and_all() -> None:
    image = agreed(order(), None, BASE)[0]
    assert decode_image(encode_image(image)) == image
    again = decode_baseline(encode_baseline(image))[1]
    assert rows_of(again).ties == (("r1", "1"), ("r2", "2"))
    assert decode_image(encode_image((Rows(), Unreadable("no")))) == (Rows(), Unreadable("no"))
    odd = (Rows((TableRow("a", (10**30, float("nan"), b"\x00", None)),)),)
    assert repr(decode_image(encode_image(odd))) == repr(odd)


ITEMS = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 3)), max_size=4)


def _after(mapping: CompiledMapping, now: tuple[Image, Image], result: Merge) -> tuple[Image, Image]:
    """Both sides once they took what they were given; new rows get names of their side."""
    held = []
    for at, side in enumerate(Side):
        slot = mapping.tables[0].slot(side)
        rows = rows_of(result.writes[side].get(slot, now[at][1]))
        used = [int(row.name) for row in rows.rows if row.name and row.name.isdecimal()]
        fresh = max(used, default=0)
        named: list[TableRow] = []
        for row in rows.rows:
            fresh += row.name is None
            name = row.name if row.name is not None else (str(fresh) if side is Side.SOURCE else f"new{fresh}")
            values = row.values if side is Side.ERPNEXT else (*row.values[:2], int(name))
            named.append(TableRow(name, values))
        held.append((now[at][0], Rows(tuple(named))))
    return held[0], held[1]


@settings(max_examples=300)
@given(start=ITEMS, data=st.data())
def test_merging_and_applying_leaves_nothing_to_do(start: list[tuple[str, int]], data: st.DataObject) -> None:
    mapping = order(wins=Wins.SOURCE)
    base = (
        erpnext(*((f"r{at}", item, qty) for at, (item, qty) in enumerate(start))),
        source(*((at, item, qty) for at, (item, qty) in enumerate(start, 1))),
    )
    now = []
    for image, prefix in ((base[0], "n"), (base[1], "")):
        rows = list(rows_of(image[1]).rows)
        for at in sorted(data.draw(st.sets(st.integers(0, max(0, len(rows) - 1)))), reverse=True):
            if at < len(rows) and data.draw(st.booleans()):
                del rows[at]
            elif at < len(rows):
                rows[at] = TableRow(rows[at].name, (rows[at].values[0], 9, *rows[at].values[2:]))
        for at, (item, qty) in enumerate(data.draw(ITEMS)):
            name = f"{prefix}{50 + at}"
            rows.append(TableRow(name, (item, qty) if prefix else (item, qty, 50 + at)))
        now.append((image[0], Rows(tuple(rows))))
    result = run(mapping, (now[0], now[1]), base=base)
    assert result.conflicts == []
    assert result.problems == []
    after = _after(mapping, (now[0], now[1]), result)
    assert len(rows_of(after[0][1]).rows) == len(rows_of(after[1][1]).rows)
    again = merge(mapping, agreed(mapping, agreed(mapping, None, base), after), *after)
    assert again.quiet
    said = [
        [(row.values[0], int(str(row.values[1]).partition(".")[0])) for row in rows_of(image[1]).rows]
        for image in after
    ]
    assert sorted(said[0]) == sorted(said[1])


def test_ties_take_known_ones_first_then_equal_rows_then_position() -> None:
    table = order().tables[0]
    ours = rows_of(erpnext(("r1", "A", 1), ("r2", "B", 2), ("r3", "C", 3))[1])
    theirs = rows_of(source((1, "B", 2), (2, "A", 7), (3, "Z", 1))[1])
    assert dict(tie(table, ours, theirs, (("r1", "2"),))) == {"r1": "2", "r2": "1", "r3": "3"}
