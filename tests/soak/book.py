"""What was done to a trade, as the promise is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from syncd.core.model import Side

CUSTOMER, ITEM, ORDER = "customer", "item", "order"
REGULARS: Final = ("K1", "K2", "K3")
"""Customers that orders are for; nobody deletes them."""
SHOP_ITEMS: Final = ("I1", "I2", "I3")
SITE_ITEMS: Final = ("I4", "I5")
"""Which items each side adds to orders: where both add one, two rows of it are right."""
Record = tuple[str, str]
"""(kind, token)"""
Told = tuple[Side, Any]
"""Who wrote a value last, and which; None: the line was taken out."""


@dataclass
class Book:
    """What was done: the model that the promise is asked of."""

    values: int = 10
    """The greatest number that was used; smaller ones stand in the template."""
    last: dict[tuple[Record, str], Told] = field(default_factory=dict)
    gone: set[tuple[Record, Side]] = field(default_factory=set)
    buried: set[Record] = field(default_factory=set)
    """Records that were gone when both sides were last seen in agreement: they never come back by themselves."""
    touched: dict[Record, set[Side]] = field(default_factory=dict)
    """Sides on which a record was written to since it was last seen in agreement."""
    vague: set[tuple[Record, str]] = field(default_factory=set)
    """Fields of which nobody can say what stands there in the end: only that both sides hold the same."""
    voided: set[Record] = field(default_factory=set)
    """Orders that were voided at some time: one that had no document, or a draft, has ended by that for good."""
    names_given_again: bool = False
    """A customer bears the name that another one had before."""
    clock_was_set_back: bool = False
    tokens: dict[tuple[str, Side, str], str] = field(default_factory=dict)
    """(kind, side, key) → token, also of records that are gone."""
    log: list[str] = field(default_factory=list)

    def value(self) -> int:
        """A number that was not used before."""
        self.values += 1
        return self.values

    def wrote(self, record: Record, side: Side, **values: Any) -> None:
        """Somebody wrote values of a record."""
        self.touched.setdefault(record, set()).add(side)
        for name, value in values.items():
            if (record, name) not in self.vague:
                self.last[record, name] = (side, value)
        self.log.append(f"{side.value}: {record[0]} {record[1]} {values or ''}".rstrip())

    def blurred(self, record: Record, side: Side, name: str) -> None:
        """Somebody wrote what nobody can tell from what stood there before, or from what somebody else wrote."""
        self.wrote(record, side)
        self.vague.add((record, name))
        self.last.pop((record, name), None)

    def deleted(self, record: Record, side: Side) -> None:
        """Somebody deleted a record, and what was written there with it."""
        self.wrote(record, side)
        self.last = {at: told for at, told in self.last.items() if (at[0], told[0]) != (record, side)}
        self.gone.add((record, side))

    def is_gone(self, record: Record) -> bool:
        """Whether it was deleted on any side."""
        return any((record, side) in self.gone for side in Side)
