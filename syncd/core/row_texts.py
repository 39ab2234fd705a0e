"""Rows of a record that is created, one by one for people: `items[2]`: `item_code=Nail, qty=100`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.core.model import Rows
from syncd.core.values import show


def table_label(table: str, columns: Sequence[str]) -> str:
    """What a table is called where its rows are sent: its name with the names of its columns."""
    return f"{table}({','.join(columns)})"


def rows_told(label: str, rows: Rows) -> Iterator[tuple[str, str]]:
    """(`items[1]`, its values by name) of each row; `label` is from `table_label`. Counted from 1, as people do."""
    table, _, columns = label.removesuffix(")").partition("(")
    names = columns.split(",")
    for number, row in enumerate(rows.rows, start=1):
        named = zip(names, row.values, strict=False)
        yield f"{table}[{number}]", ", ".join(f"{name}={show(held)}" for name, held in named if held is not None)
