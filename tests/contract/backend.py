"""What a backend of the Endpoint contract supplies beside the endpoint: a hand that edits past syncd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncd.core.model import Raw, Side
from syncd.ports.endpoint import Endpoint


class Backend(Protocol):
    """One empty entity, its endpoint, and edits as another program makes them.

    The endpoint reads exactly three fields, in this order: a text that may not be empty, a text that may be NULL, a
    number that may be NULL (or shows 0 for it). They are called `title`, `note` and `amount` here; `fields` gives the
    backend's own names. The feed's pages hold 10 rows.
    """

    endpoint: Endpoint
    side: Side
    fields: tuple[str, str, str]
    compares_values: bool
    """A write is refused when a mapped value moved under the same stamp."""
    soft_deletes: bool
    """MARK is there."""

    def insert(self, title: str, note: str | None = None, amount: int | None = None, partner: str | None = None) -> str:
        """Make a record; gives its key."""
        ...

    def edit(self, key: str, *, keep_stamp: bool = False, **values: Raw) -> None:
        """Change `title`, `note` or `amount`; the stamp moves on unless it is to be kept."""
        ...

    def delete(self, key: str) -> None:
        """Remove a record."""
        ...

    def tie(self, keys: Sequence[str]) -> None:
        """Give all these records one stamp."""
        ...

    def titles(self) -> list[str]:
        """The titles of all records, sorted."""
        ...
