"""Reads TOML files, and speaks of TOML in plain words."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path

_POSITION = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|(?P<end>end of document))\)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"\s*(?P<key>[^=]+?)\s*=\s*(?P<value>[^\"'\[{#\s][^#]*?)\s*(?:#.*)?")
_SHOWN = 80

_WORDS: tuple[tuple[str, str, str], ...] = (
    ("Invalid value", "what stands after = is no TOML value", 'text needs quotes: key = "text"'),
    ("Expected '=' after a key", "a key without =", "a line is key = value, or [table], or # comment"),
    ("Expected newline or end of document", "something follows a complete value or [table]", "one entry a line"),
    ("Cannot overwrite a value", "this key is given a second time", "keep one of the two"),
    ("Duplicate inline table key", "a key stands twice in one { … }", "keep one of the two"),
    ("Cannot declare", "this [table] is declared a second time", "put its keys under the first"),
    ("Cannot mutate immutable", "a table written as { … } cannot be added to elsewhere", "write it as [table]"),
    ("Cannot redefine", "this name is both a value and a [table]", "keep one of the two"),
    ("Expected ']]'", "a [[table]] without its closing brackets", "write [[name]]"),
    ("Expected ']'", "a [table] without its closing bracket", "write [name]"),
    ("Invalid initial character for a key", "no key begins here", "quote keys with other signs than A-Z 0-9 _ -"),
    ("Unclosed array", "a list without its closing ]", "close it, with commas between the items"),
    ("Unclosed inline table", "a { … } without its closing }", "close it on the same line, with commas between"),
    ("Unescaped '\\'", 'a backslash inside "…" begins no escape', "write \\\\, or use single quotes: 'text'"),
    ("Invalid hex value", "a \\x or \\u without its hex digits", "write \\\\, or use single quotes: 'text'"),
    ("Escaped character", "an escape that is no character", "write \\\\, or use single quotes: 'text'"),
    ("Unterminated string", "a text without its closing quote", "close it"),
    ('Expected \'"""\'', "a text without its closing quotes", "close it"),
    ('Expected "\'"', "a text without its closing quote", "close it"),
    ("Illegal character '\\n'", "a text without its closing quote on the same line", 'close it, or use """ … """'),
    ("Illegal character", "a control character inside text", "write it as \\t, \\n or \\uXXXX"),
    ("Found invalid character", "a control character inside a comment", "take it out"),
    ("Invalid date", "no such date or time", "write 2026-01-31 or 2026-01-31T10:00:00Z"),
    ("Invalid statement", "no key = value, no [table], no # comment", "quote keys with other signs than A-Z 0-9 _ -"),
)


class BrokenFile(ValueError):  # noqa: N818 - it names what is wrong, as the error texts do
    """A file that cannot be read as TOML: `reason` says where and why, `hint` what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def read_toml(path: Path) -> dict[str, object]:
    """The file's content. Raises `BrokenFile` when it is missing, unreadable, not UTF-8 or not TOML."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BrokenFile("there is no such file", "") from None
    except OSError as error:
        raise BrokenFile(f"it cannot be read: {error.strerror}", "let syncd's user read it") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenFile(f"line {line} is not UTF-8 text", "save the file as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _explained(str(error), text) from None


def _explained(error: str, text: str) -> BrokenFile:
    match = _POSITION.fullmatch(error)
    what = match["what"] if match else error
    lines = text.splitlines()
    line, column = len(lines), len(lines[-1]) + 1 if lines else 1
    if match and match["line"]:
        line, column = int(match["line"]), int(match["column"])
    reason, hint = next(((said, do) for start, said, do in _WORDS if what.startswith(start)), (what, ""))
    content = lines[line - 1] if 0 < line <= len(lines) else ""
    if any(quote in content for quote in "“”„‘’"):
        hint = "replace typographic quotes by \" or '"
    elif what == "Invalid value":
        hint = _value_hint(content) or hint
    return BrokenFile(f"line {line}, column {column}: {reason}", hint)


def _value_hint(line: str) -> str:
    """What was probably meant by a line with a bare value; "" where the value could be a secret without quotes."""
    match = _BARE_VALUE.fullmatch(line)
    if match is None or re.search(r"secret|password|key|url|token", match["key"], re.IGNORECASE):
        return ""
    if match["value"].lower() in {"true", "false", "yes", "no"}:
        right = "true" if match["value"].lower() in {"true", "yes"} else "false"
        return f"write {match['key']} = {right}"
    return f'text needs quotes: {match["key"]} = "{match["value"]}"'


def dotted(*names: str) -> str:
    """Keys as one dotted key; quoted where TOML needs it."""
    return ".".join(name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in names)


def as_toml(value: object) -> str:
    """A value as one would write it in TOML, cut when it is long."""
    text = _written(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{dotted(name)} = {_written(item)}" for name, item in value.items()) + " }"
    return str(value)


def in_words(value: object) -> str:
    """What a value is, in TOML's words: `the string "a"`, `the integer 5`, `an array`, `a table`."""
    if isinstance(value, list):
        return "an array"
    if isinstance(value, Mapping):
        return "a table"
    return f"the {_kind(value)} {as_toml(value)}"


def _kind(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "float"),
        (datetime, "date-time"),
        (date, "date"),
        (time, "time"),
    )
    return next(word for kind, word in kinds if isinstance(value, kind))
