"""Lenses: what stands between a field of the source and its field in ERPNext.

A lens is a chain of converters (`syncd.core.converters`), the `values` of the field, and the change of type between
both ends. Its laws, for every value x of the source and y of ERPNext that it can convert:

    same(y, to_erpnext(to_source(y)))                   what is sent and comes back counts as unchanged
    to_erpnext(to_source(to_erpnext(x))) is the same as to_erpnext(x)
    same is reflexive, symmetrical and transitive       so records never flap
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from zoneinfo import ZoneInfo

from syncd.core.converters import CONVERTERS
from syncd.core.steps import Ends, Step
from syncd.core.values import FieldType, InvalidValue, Kind, Value, canonical, coerce, nearest, quote, show


class Lens(Protocol):
    """Converts canonical values between a field of the source and its field in ERPNext."""

    @property
    def invertible(self) -> bool:
        """Each converter can be undone."""
        ...

    @property
    def normalising(self) -> bool:
        """What cannot be undone are normalisers only. With neither set, the field must be one-way."""
        ...

    @property
    def loses(self) -> str:
        """What does not survive the way there and back, in plain words; empty if everything does."""
        ...

    @property
    def identity(self) -> bool:
        """Nothing is converted but from one type to the other."""
        ...

    def to_erpnext(self, value: Value) -> Value:
        """A source's value as ERPNext holds it; raises `InvalidValue`."""
        ...

    def to_source(self, value: Value) -> Value:
        """ERPNext's value as the source holds it; raises `InvalidValue`."""
        ...

    def same(self, erpnext: Value, other: Value) -> bool:
        """Whether two ERPNext values differ by nothing that both sides can hold and no normaliser ignores."""
        ...

    def key(self, erpnext: Value) -> Value:
        """What of an ERPNext value counts: two values are the same if, and only if, their keys are equal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLens:
    """A lens made of steps, in order from the source to ERPNext, and the types at both ends."""

    steps: tuple[Step, ...]
    text_type: FieldType | None
    """How text of the source is read where ERPNext holds a date and time; None in any other case."""
    source_type: FieldType
    erpnext_type: FieldType
    invertible: bool
    normalising: bool
    loses: str

    @property
    def identity(self) -> bool:
        """See `Lens`."""
        return not self.steps

    def to_erpnext(self, value: Value) -> Value:
        """See `Lens`."""
        for step in self.steps:
            if value is None or value == "":
                return None
            value = step.forth(value)
        if self.text_type is not None and isinstance(value, str):
            value = coerce(value, self.text_type)
        return coerce(value, self.erpnext_type)

    def to_source(self, value: Value) -> Value:
        """See `Lens`."""
        for step in reversed(self.steps):
            if value is None or value == "":
                return None
            value = step.back(value)
        return coerce(value, self.source_type)

    def same(self, erpnext: Value, other: Value) -> bool:
        """See `Lens`."""
        return erpnext == other or self.key(erpnext) == self.key(other)

    def key(self, erpnext: Value) -> Value:
        """See `Lens`. A value that cannot go to the source and back counts as it is."""
        try:
            key = self.to_erpnext(self.to_source(erpnext))
        except InvalidValue:
            return erpnext
        essence = self.steps[-1].essence if self.steps else None
        return key if key is None or essence is None else essence(key)


_FORM = re.compile(r"\s*([A-Za-z_]+)\s*(?:\((.*)\))?\s*", re.DOTALL)

_COMMA = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)""")
"""A comma outside of quotes."""


def converter_names() -> tuple[str, ...]:
    """The names of all converters, as mapping files use them."""
    return tuple(CONVERTERS)


def parse_converter(text: str) -> tuple[str, tuple[str, ...]]:
    """`name` or `name(argument, …)` as (name, arguments); raises `InvalidValue` if the text has no such form.

    A converter with one argument takes all that stands between the brackets, commas and blanks included. Several are
    separated by commas, blanks around them do not count. Quotes around an argument are taken off.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidValue(f"{quote(text)} is not a converter; it is written name or name(argument)")
    name, inside = found.groups()
    if inside is None or (inside == "" and name in CONVERTERS and not CONVERTERS[name].arguments):
        return name, ()
    if name in CONVERTERS and len(CONVERTERS[name].arguments) == 1:
        return name, (_unquoted(inside),)
    return name, tuple(_unquoted(piece.strip()) for piece in _COMMA.split(inside))


def _unquoted(argument: str) -> str:
    quoted = len(argument) >= 2 and argument[0] == argument[-1] and argument[0] in "\"'"
    return argument[1:-1] if quoted else argument


def _step(text: str, ends: Ends) -> Step:
    name, args = parse_converter(text)
    if name not in CONVERTERS:
        close = nearest(name, CONVERTERS) or converter_names()
        raise InvalidValue(f"there is no converter {quote(name)}; nearest: {', '.join(close)}")
    wanted = CONVERTERS[name].arguments
    if len(args) != len(wanted) or (len(wanted) == 1 and args[0] == ""):
        form = f"{name}({','.join(wanted)})" if wanted else f"{name}, without arguments"
        raise InvalidValue(f"{quote(text)}: the converter is written {form}")
    return CONVERTERS[name].make(args, ends)


def _values_step(values: Mapping[str, str], ends: Ends) -> Step:
    """The field's `values`: source text → ERPNext's value. Two keys of one value cannot be told apart again."""
    forth: dict[str, Value] = {}
    back: dict[Value, str] = {}
    merged: list[str] = []
    for key, word in values.items():
        try:
            source = show(canonical(key, ends.source)) if ends.first else key
            erpnext = coerce(canonical(word, ends.erpnext), ends.erpnext)
        except InvalidValue as error:
            raise InvalidValue(f"values: {quote(key)} = {quote(word)}: {error.reason}") from None
        if source is None or erpnext is None:
            raise InvalidValue(f"values: {quote(key)} = {quote(word)}: an empty value stays empty (`default` fills it)")
        text = _word(source)
        if text in forth:
            raise InvalidValue(f"values: {quote(key)} stands there twice")
        forth[text] = erpnext
        if erpnext in back:
            merged.append(f"{quote(back[erpnext])} and {quote(key)} both become {quote(word)}")
        back.setdefault(erpnext, text)

    def to_erpnext(value: Value) -> Value:
        text = _word(show(value))
        if text not in forth:
            raise InvalidValue(f"{quote(text)} has no entry in `values`{_near(text, forth)}")
        return forth[text]

    def to_source(value: Value) -> Value:
        if value not in back:
            word = _word(show(value))
            known = [_word(show(entry)) for entry in back]
            raise InvalidValue(f"no entry of `values` gives {quote(word)}{_near(word, known)}")
        return back[value]

    return Step(forth=to_erpnext, back=to_source, invertible=not merged, loses="; ".join(merged))


def _word(shown: object) -> str:
    """The text by which `values` knows a value: true and false are 1 and 0, as everywhere."""
    return str(int(shown)) if isinstance(shown, bool) else str(shown)


def _near(word: str, known: Iterable[str]) -> str:
    close = nearest(word, known)
    return f"; nearest: {', '.join(map(quote, close))}" if close else ""


_NUMERIC = frozenset({Kind.INT, Kind.NUMBER, Kind.BOOL, Kind.DURATION})
_DECIMAL = frozenset({Kind.NUMBER, Kind.DURATION})
_DAYS = frozenset({Kind.DATE, Kind.DATETIME})
_PARTS = frozenset({Kind.DATE, Kind.TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Faith:
    """How faithful a step or a change of type is; see the properties of `Lens`."""

    invertible: bool = True
    normalising: bool = False
    loses: str = ""


def _retyping(source: FieldType, erpnext: FieldType) -> _Faith:
    """What the change of type alone loses; raises `InvalidValue` for types that have no value in common."""
    kinds = frozenset({source.kind, erpnext.kind})
    if kinds == _DAYS:
        return _Faith(invertible=False, normalising=True, loses="the time of day")
    if kinds == {Kind.DATETIME, Kind.TIME}:
        return _Faith(invertible=False, loses="the day")
    if len(kinds) > 1 and Kind.TEXT not in kinds and not kinds <= _NUMERIC:
        raise InvalidValue(
            f"the source's {source.name or source.kind.value} and ERPNext's {erpnext.name or erpnext.kind.value} "
            "have no value in common; a converter may help"
        )
    scales = [end.scale for end in (source, erpnext) if end.scale is not None]
    if kinds <= _DECIMAL and scales and source.scale != erpnext.scale:
        return _Faith(loses=f"digits after decimal {min(scales)}")
    return _Faith()


def build_lens(
    converters: tuple[str, ...], values: Mapping[str, str] | None, source_type: FieldType, erpnext_type: FieldType
) -> Lens:
    """The lens of one field: `converters` in order from the source to ERPNext, then `values`, then ERPNext's type.

    Raises `InvalidValue` for an unknown converter (naming the nearest), a bad argument, an entry of `values` that a
    side cannot hold, and types that have nothing in common. Without converters only the types differ: a DATETIME gives
    a DATE its day in the zone of the side that holds datetimes.
    """
    ends = Ends(source=source_type, erpnext=erpnext_type)
    steps = [_step(text, replace(ends, first=at == 0)) for at, text in enumerate(converters)]
    if values is not None:
        steps.append(_values_step(values, replace(ends, first=not converters)))
    said: Sequence[Step | _Faith] = steps or [_retyping(source_type, erpnext_type)]
    lossy = [part for part in said if not part.invertible]
    zone = next((step.zone for step in steps if step.zone is not None), source_type.zone)
    return ChainLens(
        steps=tuple(steps),
        text_type=FieldType(kind=Kind.DATETIME, zone=zone) if erpnext_type.kind is Kind.DATETIME else None,
        source_type=_cut_at(source_type, erpnext_type.zone) if erpnext_type.kind is Kind.DATETIME else source_type,
        erpnext_type=_cut_at(erpnext_type, zone),
        invertible=not lossy,
        normalising=bool(lossy) and all(part.normalising for part in lossy),
        loses="; ".join(dict.fromkeys(part.loses for part in said if part.loses)),
    )


def _cut_at(end: FieldType, zone: ZoneInfo | None) -> FieldType:
    """A DATE or TIME takes its part of a moment in the zone of the side that holds the moment."""
    return replace(end, zone=zone) if end.kind in _PARTS else end
