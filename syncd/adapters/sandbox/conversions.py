"""Numbers out of whatever a client sends: unreadable text is 0, without an error (measured)."""

from __future__ import annotations

from typing import Any


def cint(value: Any) -> int:
    """A whole number: cut, not rounded; what is not a number is 0."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def flt(value: Any) -> float:
    """A number; thousands separators are taken out of text; what is not a number is 0.0."""
    if isinstance(value, str):
        value = value.replace(",", "")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if number == number else 0.0
