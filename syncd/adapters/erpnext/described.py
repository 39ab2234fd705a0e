"""What stands in the metadata of a site: flags and numbers, which some versions give as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(described: Mapping[str, Any], key: str) -> int:
    """A whole number; anything else counts as 0."""
    held = described.get(key)
    if isinstance(held, int):
        return int(held)
    return int(held) if isinstance(held, str) and held.strip().isdecimal() else 0


def flag(described: Mapping[str, Any], key: str) -> bool:
    """Whether a property is set."""
    return bool(number(described, key))
