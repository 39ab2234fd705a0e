"""A converter at its place in the chain between source and ERPNext, and what all converters share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

from syncd.core.values import FieldType, InvalidValue, Kind, Value, coerce, quote

Function: TypeAlias = Callable[[Value], Value]

TEXT = FieldType(kind=Kind.TEXT)
NUMBER = FieldType(kind=Kind.NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One converter at its place. `forth` goes towards ERPNext, `back` towards the source."""

    forth: Function
    back: Function
    invertible: bool = True
    normalising: bool = False
    loses: str = ""
    """What does not survive the way to the other side and back, in plain words."""
    zone: ZoneInfo | None = None
    """The zone in which the source's wall time is meant, where the step says so."""
    essence: Function | None = None
    """What of an ERPNext value counts when two are compared, where that is less than the whole value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The types at both ends of the chain a step stands in, and whether it is the first, next to the source."""

    source: FieldType
    erpnext: FieldType
    first: bool = True

    @property
    def source_kind(self) -> Kind:
        """The kind the step is fed with; behind another step it counts as text."""
        return self.source.kind if self.first else Kind.TEXT


def text_of(value: Value) -> str:
    """A canonical value as text."""
    text = coerce(value, TEXT)
    return text if isinstance(text, str) else ""


def number_of(value: Value) -> Decimal:
    """A canonical value as a number; raises `InvalidValue`."""
    number = coerce(value, NUMBER)
    if not isinstance(number, Decimal):
        raise InvalidValue(f"{quote(value)} is not a number")
    return number


def refuse(ends: Ends, kinds: tuple[Kind, ...], converter: str, wanted: str) -> None:
    """Raise where the source's column already is what the converter would make of it."""
    if ends.source_kind in kinds:
        held = ends.source.name or ends.source.kind.value
        raise InvalidValue(f"{converter} is for {wanted}, but the source's column is {held}; leave the converter out")
