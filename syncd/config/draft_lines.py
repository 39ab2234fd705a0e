"""One line of a drafted mapping: what a column and a field need between them, and what is not sure about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from syncd.config.draft_names import ACTIVE, ALIKE, COUNTRY, HUNDREDTHS, RELATED
from syncd.core.convert import build_lens
from syncd.core.countries import country_names
from syncd.core.values import InvalidValue, Kind, Value, show
from syncd.ports.endpoint import FieldInfo

MOST_VALUES = 20
"""A column with more distinct values than this is not taken for a list of choices."""
_LONGEST_CHOICE = 60

_SPELT_ALIKE = 0.8
"""Likeness from which a value and an option count as two spellings of one word."""
_YES_NO = (("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("on", "off"), ("j", "n"))
_CALLED: Mapping[str, tuple[str, ...]] = {
    "company": ("business", "b2b", "organization", "organisation", "org", "corporate", "firm", "c"),
    "individual": ("person", "private", "b2c", "consumer", "human", "p", "i"),
    "partnership": ("partner", "partners"),
    "billing": ("invoice", "bill"),
    "shipping": ("delivery", "ship"),
    "lead": ("new",),
    "client": ("customer",),
}
"""Options of ERPNext, in small letters, and what other systems call them."""
_CODES: Mapping[str, re.Pattern[str]] = {
    "Currency": re.compile("[A-Z]{3}"),
    "Language": re.compile("[a-z]{2}(-[A-Z]{2})?"),
    "Gender": re.compile("Male|Female|Other"),
}
"""Link targets whose names are codes, and how they look."""
_ONLY_NEW = frozenset({"standard_rate", "opening_stock"})
"""Fields of Item that ERPNext makes something else of (an Item Price, a Stock Entry) when the Item is made."""
_RICH = frozenset({"Text Editor", "HTML Editor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A column in the first rows: its distinct canonical values, at most `MOST_VALUES`, without the empty ones."""

    values: tuple[Value, ...]
    more: bool
    """There are more than `values`."""
    repeats: bool
    """A value stands in more than one row."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The values as text, where they can be a list of choices."""
        words = tuple(str(show(value)) for value in self.values)
        return None if self.more or not words or max(map(len, words)) > _LONGEST_CHOICE else words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of `[fields]`. `doubt` says what is not sure; a line that is not `active` is written as a comment."""

    field: str
    column: str
    """Empty for a constant."""
    convert: str = ""
    values: Mapping[str, str] | None = None
    direction: str = ""
    link: str = ""
    """The mapping through whose pairs the column's ids become names."""
    constant: str | bool | None = None
    doubt: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    field: FieldInfo
    column: FieldInfo
    link: str
    sample: Sample | None
    forms: tuple[str, ...]

    def line(
        self,
        *,
        convert: str = "",
        values: Mapping[str, str] | None = None,
        direction: str = "",
        doubt: str = "",
        active: bool = True,
    ) -> Line:
        return Line(
            field=self.field.name,
            column=self.column.name,
            convert=convert,
            values=values,
            direction=direction,
            doubt=doubt,
            active=active,
        )


def draft_line(
    field: FieldInfo, column: FieldInfo, link: str, sample: Sample | None, forms: tuple[str, ...], score: int
) -> Line:
    """The line for a pairing. `link` is the DocType a Link field leads to, `forms` those of the column's name."""
    pair = _Pair(field=field, column=column, link=link, sample=sample, forms=forms)
    if field.read_only or field.type.name == "Read Only":
        doubt = f"{field.name} is read only in ERPNext, which fills it itself; this would only copy it into the source"
        return pair.line(direction="to_source", doubt=doubt, active=False)
    line = _proven(pair, _maker(pair)(pair))
    doubts = [line.doubt] if line.doubt else []
    if score <= ALIKE:
        return _with(line, doubt="; ".join(["only the names look alike", *doubts]), active=False)
    if score <= RELATED and line.active and not link:
        doubts.append("may be meant otherwise")
    if field.permlevel:
        doubts.append(f"{field.name} has permission level {field.permlevel}: syncd's user needs a role for it")
    if field.set_only_once:
        doubts.append("ERPNext takes it when a document is made, and refuses later edits")
    if field.name in _ONLY_NEW:
        doubts.append("ERPNext heeds it only when the document is made")
    return _with(line, doubt="; ".join(doubts), active=line.active)


def _with(line: Line, *, doubt: str, active: bool, direction: str | None = None) -> Line:
    return replace(line, doubt=doubt, active=active, direction=line.direction if direction is None else direction)


def _maker(pair: _Pair) -> Callable[[_Pair], Line]:
    field = pair.field
    if pair.link in {"Country", "Territory"} and COUNTRY & set(pair.forms):
        return _country
    if pair.link:
        return _link
    if field.type.options is not None:
        return _select
    if field.type.kind is Kind.BOOL:
        return _flag
    return _plain


def _plain(pair: _Pair) -> Line:
    field, column = pair.field, pair.column
    if field.type.kind is Kind.NUMBER and any(pair.forms[0].endswith(ending) for ending in HUNDREDTHS):
        if column.type.kind is Kind.INT:
            return pair.line(convert="cents")
        return pair.line(convert="cents", doubt=f"whether {column.type.name or 'the column'} holds whole hundredths")
    if field.type.name in _RICH and column.type.kind is Kind.TEXT:
        return pair.line(convert="text")
    if column.type.kind is Kind.TEXT and field.type.kind is not Kind.TEXT and not (pair.sample and pair.sample.values):
        return pair.line(doubt=f"the column is text, the field {field.type.name}, and no row shows a value")
    return pair.line()


def _country(pair: _Pair) -> Line:
    """Codes by the converter, names as they are; a Territory is a country only where the site keeps it so."""
    doubt = "whether the site's territories are countries" if pair.link == "Territory" else ""
    values = pair.sample.values if pair.sample else ()
    if values:
        codes = all(isinstance(value, str) and re.fullmatch("[A-Za-z]{2}", value.strip()) for value in values)
    else:
        codes = (pair.column.type.length or 99) <= 2 or any(re.search("code|iso", form) for form in pair.forms)
    if not codes and not (values and pair.link == "Country" and set(values) <= set(country_names().values())):
        doubt = _joined(doubt, f"each value must be the name of a document of {pair.link} on the site")
    return pair.line(convert="country" if codes else "", doubt=doubt)


def _link(pair: _Pair) -> Line:
    if pair.forms[0].endswith("_id"):
        doubt = f"looks like a key of another table: once a mapping pairs it with {pair.link}, add link = its name"
        return pair.line(doubt=doubt, active=False)
    code, values = _CODES.get(pair.link), pair.sample.values if pair.sample else ()
    if code and all(isinstance(value, str) and code.fullmatch(value) for value in values):
        return pair.line()
    return pair.line(doubt=f"each value must be the name of a document of {pair.link} on the site")


def _select(pair: _Pair) -> Line:
    options = pair.field.type.options or ()
    choices = pair.column.type.options or (pair.sample.choices if pair.sample else None)
    if choices is None:
        why = f"which values the column holds; the field takes {', '.join(options)}"
        return pair.line(doubt=why, active=False)
    if set(choices) <= set(options):
        return pair.line()
    known = {choice: option for choice in choices if (option := _option(choice, options)) is not None}
    strange = [choice for choice in choices if choice not in known]
    if strange:
        table = {choice: known.get(choice, options[0]) for choice in choices}
        shown = ", ".join(map(repr, strange))
        why = f"what {shown} is in ERPNext, which takes {', '.join(options)}"
        return pair.line(values=table, doubt=why, active=False)
    exact = all(choice.casefold() == option.casefold() for choice, option in known.items())
    return pair.line(values=known, doubt="" if exact else "whether these are the right counterparts")


def _option(choice: str, options: tuple[str, ...]) -> str | None:
    """The option that a source's value most likely means."""
    word = choice.strip().casefold()
    for option in options:
        if word == option.casefold() or word in _CALLED.get(option.casefold(), ()):
            return option
    folded = {option.casefold(): option for option in options}
    close = get_close_matches(word, folded, 1, _SPELT_ALIKE)
    return folded[close[0]] if close else None


def _flag(pair: _Pair) -> Line:
    opposite = bool(ACTIVE & set(pair.forms)) and pair.field.name == "disabled"
    if pair.column.type.kind is not Kind.TEXT:
        return pair.line(values={"1": "0", "0": "1"} if opposite else None)
    seen = pair.sample.choices if pair.sample else None
    if seen is None:
        return pair.line(doubt="which texts of the column stand for yes and no", active=False)
    words = _yes_no(seen)
    if words is None:
        shown = ", ".join(map(repr, seen))
        return pair.line(doubt=f"which of {shown} stands for yes, which for no", active=False)
    yes, no = words
    doubt = "" if set(seen) == {yes, no} else f"only {seen[0]!r} was seen in the first rows"
    if opposite:
        return pair.line(values={yes: "0", no: "1"}, doubt=doubt)
    plain = (yes, no) == ("1", "0")
    return pair.line(convert="" if plain else f"bool({yes},{no})", doubt=doubt)


def _yes_no(seen: tuple[str, ...]) -> tuple[str, str] | None:
    """The texts for yes and no, as the column writes them; one that was not seen is written like the other."""
    words = {word.casefold(): word for word in seen}
    for yes, no in _YES_NO:
        if len(words) == len(seen) and set(words) <= {yes, no}:
            like = next(iter(words.values()))
            shape = str.upper if like.isupper() else str.title if like.istitle() else str
            return words.get(yes, shape(yes)), words.get(no, shape(no))
    return None


def _proven(pair: _Pair, line: Line) -> Line:
    """The line with what its converter needs: one way where it cannot be undone, a comment where values do not fit."""
    try:
        lens = build_lens((line.convert,) if line.convert else (), line.values, pair.column.type, pair.field.type)
    except InvalidValue as error:
        return _with(line, doubt=_joined(line.doubt, error.reason), active=False)
    one_way = pair.column.read_only or not pair.column.writable or not (lens.invertible or lens.normalising)
    if one_way:
        line = _with(line, doubt=line.doubt, active=line.active, direction="to_erpnext")
    refused = 0
    for value in pair.sample.values if pair.sample else ():
        try:
            lens.to_erpnext(value)
        except InvalidValue:
            refused += 1
    if refused and line.active:
        doubt = _joined(line.doubt, f"{refused} of the values in the first rows do not fit the field")
        return _with(line, doubt=doubt, active=False)
    return line


def _joined(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
