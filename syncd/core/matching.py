"""Match digests: what a match rule compares, brought to one form for both sides."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from syncd.core.links import UnresolvedLinkError
from syncd.core.mapping import CompiledField, CompiledMapping
from syncd.core.model import Image, Side
from syncd.core.values import InvalidValue, Value, show


class Matcher:
    """Gives rows of both sides a digest for each rule of `[match] by`; equal digests mean equal values.

    The values compared are ERPNext's, after converters and normalisers. A rule with an empty or unreadable value does
    not apply: its digest is None.
    """

    def __init__(self, mapping: CompiledMapping) -> None:
        by_name = {entry.name: entry for entry in mapping.fields}
        self._rules = tuple(tuple(by_name[name] for name in rule) for rule in mapping.spec.match)
        self.linked = any(entry.spec.link is not None for rule in self._rules for entry in rule)
        """Whether a rule goes through a link: the link books must be filled before `digests` is called."""

    def digests(self, side: Side, values: Image) -> tuple[bytes | None, ...]:
        """One digest (16 bytes) a rule, in the order of the rules.

        Behind a rule whose link leads nowhere yet no other applies: it might be contradicted once the link leads
        somewhere.
        """
        if not self.linked:
            return tuple([self._digest(rule, side, values) for rule in self._rules]) if self._rules else ()
        return tuple(self._told(side, values))

    def _told(self, side: Side, values: Image) -> Iterator[bytes | None]:
        waits = False
        for rule in self._rules:
            try:
                yield None if waits else self._digest(rule, side, values)
            except UnresolvedLinkError:
                waits = True
                yield None

    def _digest(self, rule: tuple[CompiledField, ...], side: Side, values: Image) -> bytes | None:
        parts = []
        for entry in rule:
            try:
                value = _erpnext_value(entry, side, values)
            except UnresolvedLinkError:
                raise
            except InvalidValue:
                return None
            counted = None if value is None else entry.lens.key(value)
            if counted is None:  # empty, or markup around no text
                return None
            text = f"{type(counted).__name__}:{show(counted)}"
            parts.append(f"{len(text)}:{text}")  # with its length, so that no two rows of values read the same
        return blake2b("".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _erpnext_value(entry: CompiledField, side: Side, values: Image) -> Value:
    if side is Side.ERPNEXT:
        return entry.read(side, values[entry.erpnext_at])
    return entry.lens.to_erpnext(entry.read(side, values[entry.source_at]))
