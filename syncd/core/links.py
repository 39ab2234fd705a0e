"""Links: an id of the source becomes an ERPNext name through the pairs of another mapping, and back.

A `LinkBook` holds what was looked up of one mapping's pairs. The application fills it for the records of a page before
it decides on them (`app.linking`); the lens of a linked field reads in it and looks nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from syncd.core.convert import Lens
from syncd.core.keys import decode_part, encode_part
from syncd.core.kinds import InvalidValue, Value, quote
from syncd.core.model import Side


class LinkTarget(NamedTuple):
    """The record that a link leads to. `trouble`: why nothing new may link to it now (it is held), for people."""

    erpnext_name: str | None
    external_id: str | None
    trouble: str = ""


class UnresolvedLinkError(InvalidValue):
    """A link whose target has no partner across yet. `key` is the target's key on the side that gives it."""

    def __init__(self, mapping: str, key: str, reason: str, *, held: bool = False) -> None:
        super().__init__(reason)
        self.mapping = mapping
        self.key = key
        self.held = held
        """The target waits for a person, so what links to it does too."""


class LinkBook:
    """What is known of the pairs of one mapping, by their keys on both sides."""

    def __init__(self, mapping: str) -> None:
        self.mapping = mapping
        self._by_id: dict[str, LinkTarget | None] = {}
        self._by_name: dict[str, LinkTarget | None] = {}

    def learn(self, side: Side, key: str, target: LinkTarget | None) -> None:
        """Note what a key of `side` leads to; None: nothing."""
        (self._by_name if side is Side.ERPNEXT else self._by_id)[key] = target

    def knows(self, side: Side, key: str) -> bool:
        """Whether that key was looked up."""
        return key in (self._by_name if side is Side.ERPNEXT else self._by_id)

    def forget(self) -> None:
        """What was looked up may have changed: look it up anew."""
        self._by_id.clear()
        self._by_name.clear()

    def name_of(self, external_id: str) -> str:
        """The ERPNext name of a record of the source. Raises `UnresolvedLinkError` while it has none."""
        target = self._by_id.get(external_id)
        if target is None or target.erpnext_name is None:
            raise UnresolvedLinkError(
                self.mapping, external_id, f"{self.mapping} {external_id} has no document in ERPNext yet"
            )
        return target.erpnext_name

    def id_of(self, name: str) -> str:
        """The source's key of a document. Raises `UnresolvedLinkError` while it has none."""
        target = self._by_name.get(name)
        if target is None or target.external_id is None:
            raise UnresolvedLinkError(
                self.mapping, name, f"{self.mapping} {quote(name)} has no record in the source yet"
            )
        return target.external_id

    def trouble(self, side: Side, key: str) -> str:
        """Why nothing new may link to the record of that key; "" where nothing speaks against it."""
        target = (self._by_name if side is Side.ERPNEXT else self._by_id).get(key)
        return "" if target is None else target.trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLens:
    """The lens of a linked field: `inner` converts between the source's column and the text of the target's id."""

    inner: Lens
    book: LinkBook
    identity: bool = False
    invertible: bool = True
    normalising: bool = False
    loses: str = ""

    def key_of(self, source: Value) -> str | None:
        """The target's key as the linked mapping's pairs know it; None for an empty value."""
        held = self.inner.to_erpnext(source)
        return None if held is None else encode_part(str(held))

    def to_erpnext(self, value: Value) -> Value:
        """See `Lens`. Raises `UnresolvedLinkError`."""
        key = self.key_of(value)
        return None if key is None else self.book.name_of(key)

    def to_source(self, value: Value) -> Value:
        """See `Lens`. Raises `UnresolvedLinkError`."""
        return None if value is None else self.inner.to_source(decode_part(self.book.id_of(str(value))))

    def same(self, erpnext: Value, other: Value) -> bool:
        """See `Lens`: names are compared as they are."""
        return erpnext == other

    def key(self, erpnext: Value) -> Value:
        """See `Lens`."""
        return erpnext
