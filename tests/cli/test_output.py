from __future__ import annotations

import pytest

from syncd.cli.output import table_text

LONG = "the user sync@example.com may not write Customer on the site; " * 4
UUID = "8f14e45f-ceea-467f-a0e6-1234567890ab"


@pytest.mark.parametrize(
    ("what", "heads", "rows", "widest"),
    [
        ("short cells are not stretched", ("a", "b"), [("x", "y")], 10),
        ("one long text", ("id", "what"), [("1", LONG)], 100),
        ("two long texts share the room", ("id", "what", "next step"), [("1", LONG, LONG)], 100),
        ("a word without end", ("id", "what"), [("1", "x" * 500)], 100),
        ("wide characters", ("id", "what"), [("1", "株式会社" * 60)], 100),
        ("no row at all", ("a", "b"), [], 10),
    ],
)
def test_a_table_for_no_terminal_is_as_wide_as_it_must_be(
    what: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], widest: int
) -> None:
    from rich.cells import cell_len

    lines = table_text(heads, rows, styles={}, terminal=False).splitlines()
    assert max(map(cell_len, lines)) <= widest, what
    told = "".join(lines).replace("─", "")
    given = "".join((*heads, *(cell for row in rows for cell in row)))
    assert sorted("".join(told.split())) == sorted("".join(given.split())), "nothing is cut"


def test_names_ids_and_times_are_kept_in_one_piece_however_many_columns_there_are() -> None:
    row = (UUID, "2026-03-01 12:00:00 +0000", LONG, "2026-03-02 12:00:00 +0000", "attention", "CUST-00042", LONG)
    text = table_text(tuple("abcdefg"), [row], styles={}, terminal=False)
    for cell in (UUID, "2026-03-01 12:00:00 +0000", "2026-03-02 12:00:00 +0000", "CUST-00042"):
        assert cell in text.splitlines()[2]
    assert "\x1b" not in text
