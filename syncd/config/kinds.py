"""The kinds of keys in syncd's files: what each takes, and what it says when it gets something else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.config.durations import DURATION_HINT, LONGEST, SHARE_HINT, parse_duration, parse_limit
from syncd.config.problems import Place, Wrong, suggestion
from syncd.config.secrets import LITERAL_HINT, Resolved, Secret, Unresolved, has_reference, located
from syncd.config.tables import KeyKind
from syncd.config.toml import as_toml, dotted, in_words
from syncd.core.guards import Limit

EnumT = TypeVar("EnumT", bound=Enum)


def resolved(text: str, at: Place) -> Resolved | None:
    """`text` with its references replaced; None, and a warning, where that fails and the reading is offline.

    Raises `Wrong` when a reference leads nowhere.
    """
    try:
        found = at.reading.references.resolve(text)
    except Unresolved as missing:
        if not at.reading.offline:
            raise Wrong(missing.reason, missing.hint) from None
        at.warn(missing.reason, missing.hint)
        return None
    for path in found.exposed:
        at.warn(f"every user of this machine may read the secret in {path.name}", f"chmod 600 {path}")
    return found


class Text(KeyKind[str]):
    """A string that is not blank; with `references`, `${…}` in it are replaced (they are not held to be secret)."""

    expected = "a string"
    blank = ""

    def __init__(self, check: Callable[[str], None] | None = None, *, references: bool = False) -> None:
        self._check = check
        self._references = references

    def _read(self, value: object, at: Place) -> str:
        if not isinstance(value, str):
            hint = "" if isinstance(value, list | dict) else f'text needs quotes: {dotted(at.key)} = "{as_toml(value)}"'
            raise self.wrong_type(value, hint)
        if self._references and has_reference(value):
            found = resolved(value, at)
            if found is None:
                return value
            value = found.text
        if not value.strip():
            raise Wrong("is empty", "write a value, or leave the key out")
        if self._check is not None:
            self._check(value)
        return value


class SecretText(KeyKind[Secret]):
    """A secret, by reference or (with a warning) literally. Its value is never shown."""

    expected = "a string with a reference to a secret, like ${env:NAME}"
    blank = Secret("")

    def _read(self, value: object, at: Place) -> Secret:
        if not isinstance(value, str):
            raise Wrong(f"expected {self.expected}, found something else", LITERAL_HINT)
        found = resolved(value, at)
        if found is None:
            return Secret("", why=f"{at.path} in {at.reading.file} could not be resolved")
        if not found.text.strip():
            raise Wrong("is empty", LITERAL_HINT)
        at.reading.redactor.add(found.text)
        for part in found.secrets:
            at.reading.redactor.add(part)
        if not found.secrets:
            at.warn("this is the secret itself", LITERAL_HINT)
        if any(not character.isprintable() for character in found.text):
            raise Wrong("the secret has a line break or another control character", "store it as one line of text")
        return Secret(found.text)


class Flag(KeyKind[bool]):
    """true or false."""

    expected = "a boolean"
    blank = False

    def _read(self, value: object, at: Place) -> bool:
        if not isinstance(value, bool):
            right = "true" if str(value).lower() in {"true", "yes", "on", "1"} else "false"
            raise self.wrong_type(value, f"write {dotted(at.key)} = {right}")
        return value


class Whole(KeyKind[int]):
    """A whole number between two bounds."""

    blank = 0

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most
        self.expected = f"an integer from {least} to {most}"

    def _read(self, value: object, at: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            digits = value.strip() if isinstance(value, str) else ""
            raise self.wrong_type(value, f"without quotes: {dotted(at.key)} = {digits}" if digits.isdigit() else "")
        return value


class Rate(KeyKind[float]):
    """A number above 0."""

    expected = "a number above 0"
    blank = 0.0

    def _read(self, value: object, at: Place) -> float:  # noqa: ARG002 - not every kind looks around
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise self.wrong_type(value)
        return float(value)


class Duration(KeyKind[float]):
    """A duration, in seconds."""

    expected = "a duration"
    blank = 0.0

    def __init__(self, least: float = 0.0, most: float = LONGEST) -> None:
        self.least = least
        self.most = most

    def _read(self, value: object, at: Place) -> float:  # noqa: ARG002 - not every kind looks around
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.wrong_type(value, DURATION_HINT)
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise Wrong(str(error), DURATION_HINT) from None
        if not self.least <= seconds <= self.most:
            side, edge, bound = ("short", "least", self.least)
            if seconds > self.most:
                side, edge, bound = ("long", "most", self.most)
            raise Wrong(f"{as_toml(value)} is too {side}", f"the {edge} is {bound:g} seconds")
        return seconds


def _limit_hint(value: object, at: Place) -> str:
    if isinstance(value, float) and 0 < value < 1:
        return f'write {dotted(at.key)} = "{value * 100:g}%"'
    if isinstance(value, str) and value.strip().isdigit():
        return f'write {dotted(at.key)} = "{value.strip()}%" for a share, = {value.strip()} for a count'
    return SHARE_HINT


class LimitKind(KeyKind[Limit]):
    """A share or a count of records."""

    expected = 'a share like "10%" or a whole number of records'
    blank = Limit(count=0)

    def _read(self, value: object, at: Place) -> Limit:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.wrong_type(value, _limit_hint(value, at))
        try:
            return parse_limit(value)
        except ValueError as error:
            raise Wrong(str(error), _limit_hint(value, at)) from None


class Choice(KeyKind[EnumT]):
    """One of an enum's values."""

    def __init__(self, enum: type[EnumT]) -> None:
        self.enum = enum
        self.words = tuple(str(member.value) for member in enum)
        self.expected = "one of " + ", ".join(f'"{word}"' for word in self.words)

    @property
    def blank(self) -> EnumT:
        """The first of the values."""
        return next(iter(self.enum))

    def _read(self, value: object, at: Place) -> EnumT:
        if not isinstance(value, str):
            raise self.wrong_type(value, f'for example {dotted(at.key)} = "{self.words[0]}"')
        if value in self.words:
            return self.enum(value)
        if at.not_yet(value):
            return self.blank
        raise Wrong(f"{at.key} cannot be {as_toml(value)}", suggestion(value, self.words, plural="values"))


class Zone(KeyKind[str]):
    """An IANA time zone; with `auto`, also that word."""

    blank = ""

    def __init__(self, *, auto: bool) -> None:
        self._auto = auto
        self.expected = 'an IANA time zone like "Europe/Berlin"' + (' or "auto"' if auto else "")

    def _read(self, value: object, at: Place) -> str:  # noqa: ARG002 - not every kind looks around
        if not isinstance(value, str):
            raise self.wrong_type(value)
        if self._auto and value == "auto":
            return value
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            from zoneinfo import available_timezones

            close = suggestion(value.strip(), available_timezones())
            hint = close if close.startswith("did") else f"expected {self.expected}"
            raise Wrong(f"{as_toml(value)} is no time zone", hint) from None
        return value


class Texts(KeyKind[tuple[str, ...]]):
    """A string, or a list of strings that differ."""

    expected = "a string or an array of strings"
    blank: tuple[str, ...] = ()

    def _read(self, value: object, at: Place) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if not items:
            raise Wrong("is empty", "name at least one")
        for item in items:
            if not isinstance(item, str):
                raise self.wrong_type(item, f'for example {dotted(at.key)} = ["one", "two"]')
            if not item.strip():
                raise Wrong("an empty name stands in it", "take it out")
        return tuple(items)


class FilePath(KeyKind[Path]):
    """A path; relative ones start at the deployment's folder."""

    expected = "a path"
    blank = Path()

    def _read(self, value: object, at: Place) -> Path:
        return located(at.reading.directory, Text(references=True).read(value, at))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


class TrustKind(KeyKind["bool | Path"]):
    """`verify_tls`: true, false, or the path of a CA bundle that is there."""

    expected = "true, false or the path of a CA bundle"
    blank = True

    def _read(self, value: object, at: Place) -> bool | Path:
        if value is False:
            at.warn("the site's certificate is not checked: anybody in between can read the secret", "set it to true")
        if isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise self.wrong_type(value)
        path = FilePath().read(value, at)
        if not _is_file(path):
            raise Wrong(f"the CA bundle {as_toml(value)} does not exist", "name a PEM file, or write true")
        return path


class Values(KeyKind[Mapping[str, str]]):
    """`values`: the source's values, as text, and what each is in ERPNext."""

    expected = "a table of values"
    blank: Mapping[str, str] = {}

    def _read(self, value: object, at: Place) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise self.wrong_type(value, 'write values = { company = "Company", person = "Individual" }')
        if not value:
            raise Wrong("is empty", 'write values = { company = "Company", person = "Individual" }')
        return {name: self._text(item, at.child(name, chosen=True)) for name, item in value.items()}

    @staticmethod
    def _text(value: object, at: Place) -> str:
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int | str):
            return str(value)
        at.problem(f"expected a string, found {in_words(value)}", 'write source_value = "ERPNext value"')
        return ""
