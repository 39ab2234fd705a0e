"""What of a table has agreed after some of its writes were done, and what is seen as a change once more."""

from __future__ import annotations

import pytest

from syncd.core.merge import merge
from syncd.core.model import Action, Rows, Side, TableRow, Write
from syncd.core.plan import baseline_after
from syncd.core.rows import UNAGREED, agreed, rows_of
from tests.core.test_merge_rows import BASE, erpnext, order, source

SLOT = {Side.ERPNEXT: "items", Side.SOURCE: "order_lines[]"}
CASES = [
    (
        "edits of both sides: what the source is owed stays a change",
        erpnext(("r1", "A", 7), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 5)),
        erpnext(("r1", "A", 7), ("r2", "B", 5)),
    ),
    (
        "two fields of one row, one edited on each side",
        erpnext(("r1", "A", 1), ("r2", "X", 2)),
        source((1, "A", 1), (2, "B", 5)),
        erpnext(("r1", "A", 1), ("r2", "X", 5)),
    ),
    (
        "a row was made in ERPNext, another one is owed to the source",
        erpnext(("r1", "A", 1), ("n", "N", 9), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 2), (3, "C", 3)),
        erpnext(("r1", "A", 1), ("n", "N", 9), ("r2", "B", 2), ("made", "C", 3)),
    ),
    (
        "the new row is stored in other words than it was sent",
        erpnext(("r1", "A", 7), ("r2", "B", 2)),
        source((1, "A", 1), (2, "B", 2), (3, "c", 3)),
        erpnext(("r1", "A", 7), ("r2", "B", 2), ("made", "C", 3)),
    ),
    (
        "a row was removed from ERPNext, another one is to be removed from the source",
        erpnext(("r2", "B", 2)),
        source((1, "A", 1)),
        erpnext(),
    ),
]


@pytest.mark.parametrize(("what", "ours", "theirs", "stored"), CASES, ids=[case[0] for case in CASES])
def test_what_is_owed_is_decided_again_and_nothing_else(what, ours, theirs, stored):
    mapping = order()
    base = agreed(mapping, None, BASE)
    first = merge(mapping, base, ours, theirs)
    assert all(first.writes[side] for side in Side), what
    done = Write(
        Action.UPDATE, Side.ERPNEXT, "SO-1", "1", first.writes[Side.ERPNEXT], changes=tuple(first.changes[Side.ERPNEXT])
    )
    owed = frozenset(change.field for change in first.changes[Side.SOURCE])
    after = baseline_after(mapping, base, (ours, theirs), (stored, None), owed, [done])
    again = merge(mapping, after, stored, theirs)
    assert again.conflicts == again.problems == []
    assert again.writes[Side.ERPNEXT] == {}, "what flowed has agreed"
    assert said(again.writes[Side.SOURCE]) == said(first.writes[Side.SOURCE]), "what is owed is still owed"
    assert [change.field for change in again.changes[Side.SOURCE]] == [
        change.field for change in first.changes[Side.SOURCE]
    ]


def test_without_any_write_the_baseline_stays_as_it_was():
    mapping = order()
    base = agreed(mapping, None, BASE)
    ours, theirs = erpnext(("r1", "A", 7), ("r2", "B", 2)), source((1, "A", 1), (2, "B", 5))
    assert baseline_after(mapping, base, (ours, theirs), (None, None), frozenset({"items[1].qty"})) == base


def test_a_column_that_was_not_mapped_then_is_at_its_first_contact():
    mapping = order()
    base = agreed(mapping, None, BASE)
    ours = [
        row._replace(values=(row.values[0], 0.0)) for row in rows_of(erpnext(("r1", "A", 1), ("r2", "B", 2))[1]).rows
    ]
    ties = rows_of(base[0][1]).ties
    blank = Rows(tuple(TableRow(row.name, (row.values[0], UNAGREED)) for row in ours), ties)
    found = merge(mapping, ((base[0][0], blank), base[1]), ("PO", Rows(tuple(ours))), source((1, "A", 1), (2, "B", 5)))
    assert found.conflicts == []
    assert [float(str(row.values[1])) for row in rows_of(found.writes[Side.ERPNEXT]["items"]).rows] == [1.0, 5.0]


def said(writes):
    return [(row.name, *row.values) for row in rows_of(writes.get(SLOT[Side.SOURCE])).rows]
