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


class NewKey(str):
    """Stands in a plan for the key that a record gets once it is made. It goes as it is wherever a key goes."""

    __slots__ = ()


class LinkTarget(NamedTuple):
    """The record that a link leads to, as far as it is known on both sides."""

    erpnext_name: str | None
    external_id: str | None
    trouble: str = ""
    """Why nothing new may link to it (it is held, or its pair has ended), for people."""
    held: bool = False
    """The trouble is that it waits for a person."""
    pending: bool = False
    """It has no partner yet, but waits for one itself."""

    def key(self, side: Side) -> str | None:
        """Its key on `side`."""
        return self.erpnext_name if side is Side.ERPNEXT else self.external_id


class UnresolvedLinkError(InvalidValue):
    """A link that leads to nothing that may be linked to. `key` is the target's key on the side that gives it."""

    def __init__(
        self, mapping: str, key: str, reason: str, *, held: bool = False, pending: bool = False, barred: bool = False
    ) -> None:
        super().__init__(reason)
        self.mapping = mapping
        self.key = key
        self.held = held
        """The target waits for a person, so what links to it does too."""
        self.pending = pending
        """The target waits for its partner itself: it may be in a circle with what links to it."""
        self.barred = barred
        """Nothing may link to the target, which has a pair; else it has none yet."""


class LinkBook:
    """What is known of the pairs of one mapping, by their keys on both sides."""

    def __init__(self, mapping: str) -> None:
        self.mapping = mapping
        self._known: dict[Side, dict[str, LinkTarget | None]] = {side: {} for side in Side}

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def learn(self, side: Side, key: str, target: LinkTarget | None) -> None:
        """Note what a key of `side` leads to, and back; None: nothing."""
        self._known[side][key] = target
        across = None if target is None else target.key(side.other)
        if across is not None and not isinstance(across, NewKey):
            self._known[side.other].setdefault(across, target)

    def knows(self, side: Side, key: str) -> bool:
        """Whether that key was looked up."""
        return key in self._known[side]

    def forget(self) -> None:
        """What was looked up may have changed: look it up anew."""
        for known in self._known.values():
            known.clear()

    def name_of(self, external_id: str) -> str:
        """The ERPNext name of a record of the source. Raises `UnresolvedLinkError` while it has none."""
        return self._across(Side.SOURCE, external_id)

    def id_of(self, name: str) -> str:
        """The source's key of a document. Raises `UnresolvedLinkError` while it has none."""
        return self._across(Side.ERPNEXT, name)

    def check(self, side: Side, key: str) -> None:
        """Raises `UnresolvedLinkError` where nothing new may link to the record with that key of `side`."""
        target = self._known[side].get(key)
        if target is not None and target.trouble:
            raise self._unresolved(side, key, target)

    def _across(self, side: Side, key: str) -> str:
        target = self._known[side].get(key)
        across = None if target is None else target.key(side.other)
        if across is None:
            raise self._unresolved(side, key, target)
        return across

    def _unresolved(self, side: Side, key: str, target: LinkTarget | None) -> UnresolvedLinkError:
        missing = "record in the source" if side is Side.ERPNEXT else "document in ERPNext"
        shown = quote(key) if side is Side.ERPNEXT else key
        if target is None:
            return UnresolvedLinkError(self.mapping, key, f"{self.mapping} {shown} has no {missing} yet")
        reason = target.trouble or f"{self.mapping} {shown} has no {missing} yet"
        barred = bool(target.trouble)
        return UnresolvedLinkError(self.mapping, key, reason, held=target.held, pending=target.pending, barred=barred)


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

    def check(self, side: Side, value: Value) -> None:
        """Raises `UnresolvedLinkError` where nothing new may link to what a value of `side` leads to."""
        if value is not None:
            self.book.check(side, str(value) if side is Side.ERPNEXT else self.key_of(value) or "")

    def to_erpnext(self, value: Value) -> Value:
        """See `Lens`. Raises `UnresolvedLinkError`."""
        key = self.key_of(value)
        return None if key is None else self.book.name_of(key)

    def to_source(self, value: Value) -> Value:
        """See `Lens`. Raises `UnresolvedLinkError`."""
        if value is None:
            return None
        key = self.book.id_of(str(value))
        return key if isinstance(key, NewKey) else self.inner.to_source(decode_part(key))

    def same(self, erpnext: Value, other: Value) -> bool:
        """See `Lens`: names are compared as they are."""
        return erpnext == other

    def key(self, erpnext: Value) -> Value:
        """See `Lens`."""
        return erpnext
