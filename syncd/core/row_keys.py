"""Rows of child tables in a source: what they are called, how they are ordered, and the keys of new ones.

A row is told by the values of its key, or by its position where the mapping names none (contract, "Child rows").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeGuard

from syncd.core.keys import encode_part, part_text
from syncd.core.model import Raw

_DIGITS = re.compile(r"-?[0-9]{1,18}")

Place = tuple[tuple[int, Decimal, str], ...]
"""Where a row stands among those of its record: compared part by part, numbers before text."""


class RowKeyError(ValueError):
    """Rows that cannot be told apart by the key that the mapping names. `reason` says which, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def row_name(parts: Sequence[Raw]) -> str:
    """The name of a row: the parts of its key, percent-encoded and joined by `/`. Raises `RowKeyError`."""
    if any(part is None or part in ("", b"") for part in parts):
        shown = "/".join("NULL" if part is None else part_text(part) for part in parts)
        raise RowKeyError(f"a row has no key ({shown or 'empty'}); rows are told from one another by it")
    return "/".join(encode_part(part_text(part)) for part in parts)


def row_names(keys: Sequence[Sequence[Raw]]) -> tuple[str, ...]:
    """The names of a record's rows by their keys. Raises `RowKeyError` where one has none or two share one."""
    names = tuple(row_name(parts) for parts in keys)
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise RowKeyError(f"{names.count(doubled)} rows have the key {doubled!r}; a key must name one row")
    return names


def positions(count: int) -> tuple[str, ...]:
    """The names of a record's rows where the mapping names no key."""
    return tuple(str(number) for number in range(count))


def place(parts: Sequence[Raw]) -> Place:
    """What rows are sorted by: numbers, and texts that are whole numbers, by their size; other texts as they are."""
    return tuple(_part_place(part) for part in parts)


def _part_place(part: Raw) -> tuple[int, Decimal, str]:
    text = part_text(part)
    if isinstance(part, int | float | Decimal):
        return (0, Decimal(text), "")
    return (0, Decimal(text), text) if _DIGITS.fullmatch(text) else (1, Decimal(0), text)


def next_number(held: Iterable[Raw]) -> int:
    """The key of a new row: the largest plus one (contract, "Child rows"); 1 for the first."""
    return max((int(part) for part in held if is_number(part)), default=0) + 1


def is_number(part: Raw) -> TypeGuard[int | float | Decimal]:
    """Whether a part of a key is a number, not yes or no and not text made of digits."""
    return isinstance(part, int | float | Decimal) and not isinstance(part, bool)


def in_steady_order(names: Sequence[str | None]) -> bool:
    """Whether rows told by position stand in their old order with new ones (None) behind them all."""
    held = [int(name) for name in names if name is not None]
    return held == sorted(held) and None not in names[: len(held)]
