"""Contract, "What the keys mean": Child rows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sentences.place import Place

ALIKE = [(1, 1, 2, 10), (2, 1, 2, 10), (3, 2, 1, 5)]
"""Two lines that hold the same."""
APART = [(1, 1, 2, 10), (2, 2, 1, 5), (3, 3, 4, 7)]


def made(
    site: Place, lines: list[tuple[int, int, Any, Any]], state: str = "pending", **sections: str
) -> tuple[str, int]:
    site.map_orders(**sections)
    order = site.order(lines, state=state)
    site.settled()
    return site.partner(order, "order"), order


def ids(site: Place, order: int) -> dict[int, int]:
    """Line number → the id that the shop's own table gave the row."""
    found = site.shop.rows("SELECT id, line_no FROM order_lines WHERE order_id = ?", order)
    return {row["line_no"]: row["id"] for row in found}


def save(site: Place, document: str, items: list[dict[str, Any]]) -> None:
    """A person saves the rows in this order."""
    items = [{key: value for key, value in row.items() if key != "idx"} for row in items]
    site.desk.act("save", "Sales Order", document, items=items)


@pytest.mark.parametrize("line", [0, 1], ids=["the first", "the second"])
def test_rows_that_hold_the_same_are_told_apart_by_their_tie(site: Place, line: int) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild rows
    are tied by equal mapped values, then by position.

    A person turns the rows round and edits one: neither value nor position says which of the two it was.
    """
    document, order = made(site, ALIKE)
    items = site.items(document)
    items[line]["qty"] = 9
    save(site, document, [items[1], items[2], items[0]])
    site.settled()
    wanted = [list(each) for each in ALIKE]
    wanted[line][2] = 9
    assert site.lines(order) == [tuple(each) for each in wanted]


def test_the_tie_follows_the_sources_key(site: Place) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild rows
    are tied by equal mapped values, then by position.

    The shop edits the second of two lines that hold the same; no row of ERPNext is made anew.
    """
    document, order = made(site, ALIKE)
    names = [row["name"] for row in site.items(document)]
    site.shop.do("UPDATE order_lines SET quantity = 9 WHERE order_id = ? AND line_no = 2", order)
    site.shop.touch("orders", order)
    site.settled()
    assert [(row["name"], row["qty"]) for row in site.items(document)] == [(names[0], 2), (names[1], 9), (names[2], 1)]


def test_after_a_rebuild_rows_are_tied_by_equal_values(site: Place) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild rows
    are tied by equal mapped values, then by position.
    """
    document, order = made(site, APART)
    kept = ids(site, order)
    items = site.items(document)
    save(site, document, [items[2], items[0], items[1]])
    site.settled()
    site.rebuild()
    site.settled()
    assert (site.lines(order), ids(site, order)) == (APART, kept)
    items = site.items(document)
    assert [row["item_code"] for row in items] == ["SKU-3", "SKU-1", "SKU-2"], "nothing was put in order"
    items[0]["qty"] = 9
    save(site, document, items)
    site.settled()
    assert site.lines(order) == [(1, 1, 2, 10), (2, 2, 1, 5), (3, 3, 9, 7)]


def test_after_a_rebuild_what_is_left_is_tied_by_position(site: Place) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild rows
    are tied by equal mapped values, then by position.

    One line was changed while the state was lost: it is the one that is left, and not a new one beside an old one.
    """
    document, order = made(site, APART, conflict='wins = "source"')
    names = [row["name"] for row in site.items(document)]
    site.shop.do("UPDATE order_lines SET quantity = 9 WHERE order_id = ? AND line_no = 2", order)
    site.shop.touch("orders", order)
    site.rebuild()
    site.settled()
    assert [(row["name"], row["qty"]) for row in site.items(document)] == [(names[0], 2), (names[1], 9), (names[2], 4)]
    assert len(site.lines(order)) == 3


def test_after_an_amendment_rows_are_tied_by_equal_values_then_by_position(site: Place) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild
    rows are tied by equal mapped values, then by position.

    A person amends: the rows have new names, two have changed places and one has another quantity. The shop's lines
    keep their ids, their numbers and their products, and one gets the quantity.
    """
    document, order = made(site, APART, state="paid")
    kept = ids(site, order)
    site.desk.act("cancel", "Sales Order", document)
    items = [{key: row[key] for key in ("item_code", "qty", "rate", "delivery_date")} for row in site.items(document)]
    items[2]["qty"] = 9
    site.desk.act("amend_and_submit", "Sales Order", document, items=[items[1], items[0], items[2]])
    site.settled()
    amended = site.partner(order, "order")
    assert amended != document
    assert (site.lines(order), ids(site, order)) == ([(1, 1, 2, 10), (2, 2, 1, 5), (3, 3, 9, 7)], kept)


def test_after_an_amendment_by_syncd_later_edits_find_their_rows(site: Place) -> None:
    """The tie between an ERPNext row name and the source's key lives in the state; after an amendment or a rebuild rows
    are tied by equal mapped values, then by position.
    """
    document, order = made(site, ALIKE, state="paid", lifecycle='changed_after_submit = "amend"\n')
    for quantity in (7, 8):
        site.shop.do("UPDATE order_lines SET quantity = ? WHERE order_id = ? AND line_no = 2", quantity, order)
        site.shop.touch("orders", order)
        site.settled()
        amended = site.partner(order, "order")
        assert [row["qty"] for row in site.items(amended)] == [2, quantity, 1]
    assert amended.startswith(document)


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        pytest.param((1, 2), 3, id="without gaps"),
        pytest.param((1, 7), 8, id="behind a gap"),
        pytest.param((30, 20), 31, id="behind the largest, not the last"),
        pytest.param((-5, -9), -4, id="below zero"),
    ],
)
def test_new_integer_keys(site: Place, numbers: tuple[int, int], wanted: int) -> None:
    """New integer keys are the largest plus one."""
    document, order = made(site, [(number, at + 1, 1, 5) for at, number in enumerate(numbers)])
    row = {"item_code": "SKU-3", "qty": 4, "rate": 7, "delivery_date": "2026-11-01"}
    save(site, document, [row, *site.items(document)])
    site.settled()
    assert {line[0]: line[1] for line in site.lines(order)} == {numbers[0]: 1, numbers[1]: 2, wanted: 3}
    save(site, document, [*site.items(document), {**row, "qty": 5}, {**row, "qty": 6}])
    site.settled()
    assert [line[2] for line in site.lines(order)][-2:] == [5, 6]
    assert [line[0] for line in site.lines(order)][-2:] == [wanted + 1, wanted + 2]
