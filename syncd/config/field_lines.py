"""The lines of `[fields]` and of `[tables.NAME]`: contract, "mappings/NAME.toml"."""

# ruff: noqa: RUF009 - `entry` and `optional` make dataclass fields, as dataclasses.field does

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Generic, TypeVar

from syncd.config.kinds import Choice, Flag, Text, Texts, Values
from syncd.config.problems import Place, Wrong
from syncd.config.tables import KeyKind, Section, Table, entry, optional, read_table
from syncd.config.toml import as_toml, in_words
from syncd.core.model import Direction, Raw, Wins

_FIELDNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_fieldname(text: str) -> None:
    """Raises `Wrong` when `text` cannot be an ERPNext fieldname; a label gets the fieldname that it stands for."""
    if _FIELDNAME.fullmatch(text):
        return
    scrubbed = re.sub(r"\W+", "_", text.strip().lower()).strip("_")
    hint = f"did you mean {as_toml(scrubbed)}?" if _FIELDNAME.fullmatch(scrubbed) else "letters, digits and _ alone"
    raise Wrong(f"{as_toml(text)} is not an ERPNext fieldname", hint)


def scalar(value: object) -> Raw:
    """`value` as one value; raises `Wrong`."""
    if not isinstance(value, str | int | float | datetime | date | time):
        raise Wrong(f"expected one value, found {in_words(value)}", "write one string, number, boolean or date")
    return value


class Scalar(KeyKind[Raw]):
    """One value: a string, number, boolean, date or time."""

    expected = "one value"
    blank = None

    def _read(self, value: object, at: Place) -> Raw:  # noqa: ARG002 - not every kind looks around
        return scalar(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLine(Table):
    """One line of `[tables.NAME.fields]`, in its long form; the short form `fieldname = "column"` gives `source`."""

    source: str | None = optional(Text())
    link: str | None = optional(Text())
    convert: tuple[str, ...] = entry(Texts())
    values: Mapping[str, str] | None = optional(Values())
    default: Raw = optional(Scalar())
    constant: Raw = optional(Scalar())
    direction: Direction | None = optional(Choice(Direction))
    wins: Wins | None = optional(Choice(Wins))
    enforce: bool = entry(Flag())


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine(RowLine):
    """One line of `[fields]`, in its long form."""

    compute: str | None = optional(Text())


LineT = TypeVar("LineT", bound=RowLine)


class FieldLines(KeyKind[Mapping[str, LineT]], Generic[LineT]):
    """`[fields]`, or `[tables.NAME.fields]`: `line` describes one of their lines."""

    expected = "a table of fields"
    blank: Mapping[str, LineT] = {}

    def __init__(self, line: type[LineT]) -> None:
        self.line = line

    def _read(self, value: object, at: Place) -> Mapping[str, LineT]:
        if not isinstance(value, dict):
            raise self.wrong_type(value, f'write [{at.path}] and one line for each: customer_name = "name"')
        lines: dict[str, LineT] = {}
        for name, item in value.items():
            place = at.child(name, chosen=True)
            try:
                check_fieldname(name)
                lines[name] = self._line(item, place)
            except Wrong as wrong:
                place.problem(wrong.message, wrong.hint)
        return lines

    def _line(self, item: object, at: Place) -> LineT:
        if isinstance(item, dict):
            return read_table(self.line, item, at)
        if isinstance(item, str):
            return self.line(source=Text().read(item, at))
        hint = f'write {at.key} = "column" or {at.key} = {{ constant = {as_toml(item)} }}'
        raise Wrong(f"expected the column's name or a table, found {in_words(item)}", hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRows(Table):
    """`rows = { entity = "order_lines", parent = "order_id" }`: the related table that holds a child table's rows."""

    entity: str = entry(Text(), required=True)
    parent: tuple[str, ...] = entry(Texts(), required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildTable(Table):
    """One `[tables.NAME]`."""

    source: str | None = optional(Text())
    rows: RelatedRows | None = optional(Section(RelatedRows))
    key: tuple[str, ...] = entry(Texts())
    direction: Direction | None = optional(Choice(Direction))
    wins: Wins | None = optional(Choice(Wins))
    fields: Mapping[str, RowLine] = entry(FieldLines(RowLine), required=True)
