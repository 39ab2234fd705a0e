"""What a report says about two values."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from syncd.core.diff import explain

LONG = "\n".join(f"{number}. line of a long description" for number in range(1, 6))

EXPLAINED: list[tuple[str, object, object, list[str]]] = [
    ("equal values", "a", "a", []),
    ("equal JSON in two spellings", '{"a": 1, "b": 2}', '{"b":2,"a":1}', []),
    ("short text", "Acme", "Acme Ltd", ["changed from 'Acme' to 'Acme Ltd'"]),
    ("nothing before", None, "Acme", ["changed from nothing to 'Acme'"]),
    ("numbers", Decimal("1E+2"), Decimal("7.50"), ["changed from 100 to 7.50"]),
    ("an entry of a dictionary", {"a": 1, "b": 2}, {"a": 1, "b": 3}, ["b: changed from 2 to 3"]),
    ("an entry more and one less", {"a": 1}, {"b": 1}, ["a: removed 1", "b: added 1"]),
    ("nested JSON text, counted from 1", '{"lines":[{"q":1},{"q":2}]}', '{"lines":[{"q":1},{"q":5}]}',
     ["lines › 2 › q: changed from 2 to 5"]),
    ("a row more", '[{"q":1}]', '[{"q":1},{"q":2}]', ["2: added {'q': 2}"]),
    ("another kind", {"a": 1}, {"a": "1"}, ["a: changed from 1 to '1'"]),
    ("a list for a dictionary", [1], {"a": 1}, ["the whole: changed from [1] to {'a': 1}"]),
    ("a line of a long text", LONG, LONG.replace("3. line", "3. row"),
     ["line 3: removed '3. line of a long description'", "line 3: added '3. row of a long description'"]),
    ("line breaks of a long text", LONG, LONG.replace("\n", "\r\n"), ["changed in line breaks only"]),
    ("text that only looks like JSON", "[draft", "[final", ["changed from '[draft' to '[final'"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), [row[1:] for row in EXPLAINED], ids=[row[0] for row in EXPLAINED])
def test_explain(old: object, new: object, lines: list[str]) -> None:
    assert explain(old, new) == lines


def test_long_values_are_cut() -> None:
    (line,) = explain(None, "x" * 1000)
    assert len(line) < 150
    assert line.endswith("…")


def test_slow_libraries_are_imported_only_when_needed() -> None:
    code = (
        "import sys, syncd.core.diff, syncd.core.mapping; "
        "print(sorted({'deepdiff', 'phonenumbers', 'pycountry', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
