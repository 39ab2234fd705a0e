"""What changed between two values, in words, for reports. Never used to decide anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

SHOWN = 80
"""Most characters of one value that a line shows."""
LONG_TEXT = 60
"""Text from this length on is compared line by line."""

_VERBS = {
    "dictionary_item_added": "added",
    "iterable_item_added": "added",
    "dictionary_item_removed": "removed",
    "iterable_item_removed": "removed",
    "values_changed": "changed",
    "type_changes": "changed",
}


def explain(old: object, new: object) -> list[str]:
    """One line for each difference of two values, as `model.FieldChange` holds them; [] if they are equal.

    JSON text that holds an object or a list is compared entry by entry, long text line by line, everything else as a
    whole. Entries and lines are counted from 1, as people do.
    """
    before, after = _opened(old), _opened(new)
    if before == after:
        return []
    if isinstance(before, dict | list) and isinstance(after, dict | list):
        return _nested(before, after)
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) >= LONG_TEXT:
        return _lines(before, after)
    return [f"changed from {_shown(before)} to {_shown(after)}"]


def _opened(value: object) -> object:
    """A list or dictionary out of what is one, also as JSON text; else the value itself."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _nested(before: object, after: object) -> list[str]:
    from deepdiff import DeepDiff

    lines = []
    tree = DeepDiff(before, after, view="tree", ignore_numeric_type_changes=True, threshold_to_diff_deeper=0)
    for report, changes in tree.items():
        verb = _VERBS.get(report, "changed")
        for change in changes:
            where = _path(change.path(output_format="list"))
            if verb == "added":
                lines.append(f"{where}: added {_shown(change.t2)}")
            elif verb == "removed":
                lines.append(f"{where}: removed {_shown(change.t1)}")
            else:
                lines.append(f"{where}: changed from {_shown(change.t1)} to {_shown(change.t2)}")
    return sorted(lines)


def _path(keys: list[Any]) -> str:
    """`lines › 2 › price` for the price of the second line; `the whole` for the value itself."""
    return " › ".join(str(key + 1) if isinstance(key, int) else str(key) for key in keys) or "the whole"


def _lines(before: str, after: str) -> list[str]:
    from difflib import SequenceMatcher

    old, new = before.splitlines(), after.splitlines()
    told = []
    for tag, from_old, to_old, from_new, to_new in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        told += [f"line {at + 1}: removed {_shown(old[at])}" for at in range(from_old, to_old)]
        told += [f"line {at + 1}: added {_shown(new[at])}" for at in range(from_new, to_new)]
    return told or ["changed in line breaks only"]


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = f"{value:f}" if isinstance(value, Decimal) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
