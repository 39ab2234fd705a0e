"""The file of `syncd conflicts export` and `import`: TOML that a person edits.

Each held record is one `[[conflict]]`, with what both sides hold in comments above its keys:

    id = 17                       the conflict's number
    record = "ERPNext CUST-1"     for people, and for messages
    shown = "3f9a2c40b1d2"        a mark of what the file shows; the decision counts for that alone
    take = ""                     "erpnext" or "source"
    # set.tax_id = "DE2"          or, uncommented, a value for each field, in ERPNext's terms

A record with neither is left as it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

import tomli_w

from syncd.config.toml import BrokenFile, as_toml, dotted, in_words, read_toml
from syncd.core.merge import Choice
from syncd.core.model import Raw, Side
from syncd.core.values import nearest
from syncd.errors import ConfigError, Problem

SCHEMA = "syncd.conflict_file/1"
_KEYS = ("id", "record", "shown", "take", "set")
_LINE = 110
"""Characters of a comment; longer ones are cut, the whole value is in `syncd conflicts show`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileField:
    """One field in conflict as the file shows it."""

    name: str
    notes: tuple[str, ...]
    """Lines on what it is about: the last agreement and both sides."""
    value: object = None
    """What the commented `set` line suggests: ERPNext's value, as JSON holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One held record as the file shows it. `choice` is what was decided already; `settable`: values can be given."""

    id: int
    record: str
    shown: str
    notes: tuple[str, ...] = ()
    fields: tuple[FileField, ...] = ()
    settable: bool = True
    choice: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDecision:
    """One decision as read from the file. `key` is its place (`conflict[2]`), for messages; `choice` None: left open.

    Values of `choice` are text, or None where the person emptied the field.
    """

    key: str
    id: int
    record: str
    shown: str
    choice: Choice | None = field(default=None)


def write_conflicts(entries: Iterable[FileEntry], notes: Sequence[str]) -> str:
    """The file's text; `notes` are the comment at its head."""
    lines = [*(_comment(note) for note in notes), f"schema = {_value(SCHEMA)}", ""]
    for entry in entries:
        lines += [*_entry_lines(entry), ""]
    return "\n".join(lines)


def _entry_lines(entry: FileEntry) -> Iterator[str]:
    yield _comment("─" * 100)
    yield from (_comment(note) for note in entry.notes)
    yield "[[conflict]]"
    yield f"id = {entry.id}"
    yield f"record = {_value(entry.record)}"
    yield f"shown = {_value(entry.shown)}"
    take = entry.choice.take if entry.choice is not None else None
    yield f"take = {_value(take.value if take is not None else '')}"
    given = entry.choice.values if entry.choice is not None else {}
    for each in entry.fields:
        yield ""
        yield from (_comment(note) for note in each.notes)
        if not entry.settable:
            continue
        decided = each.name in given
        value = given[each.name] if decided else each.value
        yield f"{'' if decided else '# '}set.{_line(each.name, value)}"


def _comment(text: str) -> str:
    shown = "".join(_visible(character) for character in text)
    return f"# {shown if len(shown) <= _LINE else f'{shown[:_LINE]}…'}".rstrip()


def _visible(character: str) -> str:
    """Nothing in a comment ends it, turns the direction of text, or is no TOML."""
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return f"\\u{ord(character):04x}"
    return character


def _value(value: object) -> str:
    return _line("v", value).removeprefix("v = ")


def _line(key: str, value: object) -> str:
    """`key = value` in TOML, of a JSON scalar: nothing is an empty text, and what TOML cannot hold is text."""
    if value is None:
        value = ""
    if not isinstance(value, bool | int | float | str):
        value = str(value)
    return tomli_w.dumps({key: value}).rstrip("\n")


def read_conflicts(path: Path, known_as: str) -> list[FileDecision]:
    """What the file decides, in its order, entries that are left open among them.

    `known_as` is the file as the user named it. Raises `ConfigError` with every problem of the file at once.
    """
    try:
        content = read_toml(path)
    except BrokenFile as broken:
        raise ConfigError([Problem(file=known_as, key="", message=broken.reason, hint=broken.hint)]) from None
    reader = _Reader(known_as)
    decisions = reader.read(content)
    if reader.problems:
        raise ConfigError(reader.problems)
    return decisions


class _Reader:
    """Reads the parsed file and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []

    def _problem(self, key: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(file=self._file, key=key, message=message, hint=hint))

    def read(self, content: Mapping[str, object]) -> list[FileDecision]:
        if content.get("schema") != SCHEMA:
            self._problem(
                "schema",
                f"this is no file of `syncd conflicts export`: schema is not {as_toml(SCHEMA)}",
                "export again, and edit that file",
            )
        for name in content.keys() - {"schema", "conflict"}:
            self._problem(dotted(name), "there is no such key", "each record is one [[conflict]]")
        tables = content.get("conflict", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._problem("conflict", f"is {in_words(tables)}", "each record is one [[conflict]]")
            return []
        decisions = [self._decision(f"conflict[{at}]", table) for at, table in enumerate(tables, start=1)]
        read = [decision for decision in decisions if decision is not None]
        self._refuse_twice(read)
        return read

    def _refuse_twice(self, decisions: Sequence[FileDecision]) -> None:
        first: dict[int, FileDecision] = {}
        for decision in decisions:
            if decision.id in first:
                message = f"{decision.record}: conflict {decision.id} stands in {first[decision.id].key} already"
                self._problem(f"{decision.key}.id", message, "keep one of the two")
            first.setdefault(decision.id, decision)

    def _decision(self, key: str, table: Mapping[str, object]) -> FileDecision | None:
        found = len(self.problems)
        number, record, shown = table.get("id"), table.get("record", ""), table.get("shown")
        named = f"{record}: " if isinstance(record, str) and record else ""
        for name in table.keys() - set(_KEYS):
            near = nearest(name, _KEYS, 1)
            hint = f"did you mean {near[0]}?" if near else f"keys are {', '.join(_KEYS)}"
            self._problem(f"{key}.{dotted(name)}", f"{named}there is no such key", hint)
        if not isinstance(number, int) or isinstance(number, bool):
            self._problem(f"{key}.id", f"{named}the conflict's number is missing", "export again: leave id as it is")
        if not isinstance(shown, str) or not shown:
            self._problem(
                f"{key}.shown", f"{named}the mark of what was shown is missing", "export again: leave shown as it is"
            )
        choice = self._choice(key, named, table)
        if len(self.problems) > found or not isinstance(number, int) or not isinstance(shown, str):
            return None
        return FileDecision(key=key, id=number, record=str(record), shown=shown, choice=choice)

    def _choice(self, key: str, named: str, table: Mapping[str, object]) -> Choice | None:
        take, given = table.get("take", ""), table.get("set", {})
        sides = {side.value: side for side in Side}
        if take != "" and (not isinstance(take, str) or take not in sides):
            self._problem(
                f"{key}.take", f"{named}{as_toml(take)} is no side", 'write take = "erpnext" or take = "source"'
            )
            return None
        if not isinstance(given, dict):
            self._problem(f"{key}.set", f"{named}is {in_words(given)}", 'write set.FIELD = "value"')
            return None
        if take and given:
            self._problem(
                f"{key}.take",
                f"{named}both take and set decide it",
                'keep one: take = "", or the set lines as comments',
            )
            return None
        values = {name: self._scalar(f"{key}.{dotted('set', name)}", named, held) for name, held in given.items()}
        if take:
            return Choice(take=sides[str(take)])
        return Choice(values=values) if values else None

    def _scalar(self, key: str, named: str, value: object) -> Raw:
        """A value as text, as the command line would give it; "" empties the field."""
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, int | float | str):
            return str(value) or None
        self._problem(key, f"{named}is {in_words(value)}, not one value", "write one text, number or date")
        return None
