"""What a field can hold, and how to say that it cannot hold something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import TypeAlias
from zoneinfo import ZoneInfo

Value: TypeAlias = bool | int | Decimal | str | bytes | date | datetime | time | None
"""A canonical value."""

SHOWN = 60
"""Most characters of a value that an error text quotes."""


class Kind(Enum):
    """The kinds of values a field may hold."""

    TEXT = "text"
    INT = "int"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    JSON = "json"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """What a field can hold. `name` is the side's own word for it (Data, Currency, VARCHAR(40))."""

    kind: Kind
    name: str = ""
    length: int | None = None
    """Most characters of a TEXT."""
    scale: int | None = None
    """Decimal places of a NUMBER or DURATION that are kept; None: as many as are given."""
    options: tuple[str, ...] | None = None
    """The values a Select takes."""
    zone: ZoneInfo | None = None
    """Zone of naive datetimes."""
    zero_is_empty: bool = False
    """The side cannot hold NULL here and shows 0 for it (ERPNext's Check, Int, Float, Currency, Percent)."""


class InvalidValue(ValueError):  # noqa: N818 - it names what is wrong, as the error texts do
    """A value that a field, a converter or the other side cannot hold. `reason` says why, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def quote(value: object) -> str:
    """`value` as an error text shows it: text in quotes, long ones cut."""
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}… ({len(value)} long)"
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
