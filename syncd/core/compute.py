"""Computed fields: an expression in CEL makes one value of the columns of a row.

CEL (the Common Expression Language) has no side effects, no clock and no loops but those over a list, so the same row
always gives the same value, in bounded time: an expression has at most `LONGEST` characters, and a macro that walks a
list cannot stand within another one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncd.core.canonical import canonical
from syncd.core.expression_text import (
    LOOPS,
    ROOT,
    Call,
    bound_names,
    calls_of,
    check_loops,
    columns_of,
    place,
    tokens_of,
    with_presence,
)
from syncd.core.kinds import FieldType, InvalidValue, Kind, quote
from syncd.core.model import Raw, Unreadable
from syncd.core.values import nearest

if TYPE_CHECKING:
    from cel import Context, Program

LONGEST = 2_000
"""Most characters of an expression."""

_NATIVE = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("string", "int", "uint", "double", "bytes", "timestamp", "duration", "type", "dyn"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
"""What the library itself has."""
_ADDED = frozenset(
    {
        *("bool", "min", "max", "charAt", "indexOf", "lastIndexOf", "substring", "replace", "split", "join"),
        *("lowerAscii", "upperAscii", "trim", "reverse"),
        *("math.greatest", "math.least", "math.abs", "math.sign"),
        *("math.ceil", "math.floor", "math.round", "math.trunc"),
    }
)
"""Of the library's extensions: those of text and numbers, by the names that cel-go gave them."""
_MACROS = LOOPS | {"has"}
FUNCTIONS = _NATIVE | _ADDED | _MACROS
"""Every function that an expression may call."""

_TYPES = frozenset({"int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type", "type"})
"""Names that `type(x)` is compared with."""

_SYNTAX = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?:Syntax error: )?(?P<what>[^\n]*)")
_UNEXPECTED = re.compile(r"(?:mismatched|extraneous) input '(?P<what>.*?)' expecting|no viable alternative")
_ABSENT = re.compile(r"missing '(?P<what>.)' at")
_TYPES_APART = re.compile(r"Unsupported operation: (?P<what>.+?)\. CEL")
_FUNCTION_FAILED = re.compile(r"Function '(?P<name>[^']*)' error: (?P<why>.*?)\. Check function", re.DOTALL)
_NOT_FOR_THIS = re.compile(r"Undefined variable or function: '(?P<name>[^']*)'")
_CONVERT = "convert with string(…), int(…) or double(…)"

_WHOLE = range(-(2**63), 2**63)


class Expression:
    """One compiled expression. `inputs` are the columns that it names, as `source.NAME` or `source["NAME"]`.

    Raises `InvalidValue`, with the place, for text that is no CEL, names a function or variable that is not there, or
    does not name its columns.
    """

    __slots__ = ("_called", "_program", "inputs", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise InvalidValue(f"the expression has {len(text)} characters: at most {LONGEST} are taken")
        roots = _compiled(text).variables()
        tokens = tokens_of(text)
        self.inputs = columns_of(text, tokens, lambda quoted: _compiled(quoted).execute())
        check_loops(text, tokens)
        calls = tuple(calls_of(tokens))
        _check_calls(text, calls)
        _check_names(roots, bound_names(tokens), calls)
        if not self.inputs:
            raise InvalidValue(f"it names no column: write {ROOT}.NAME for what is in the column NAME")
        self._program = _compiled(with_presence(text, tokens))
        self._called = tuple(sorted({_full(call) for call in calls} & _ADDED))

    def evaluate(self, row: Mapping[str, Raw], types: Mapping[str, FieldType] | None = None) -> Raw:
        """The value for a row, or `Unreadable` with the reason where the expression fails on it.

        `row` holds at least `inputs`; `types` the types of its columns: without one a value's own tells. Numbers of a
        NUMBER (a Decimal too) are doubles unless its scale is 0, those of an INT are ints of 64 bits; yes and no of a
        BOOL are bools; moments are aware, in the zone of their type (UTC without one); a DATE and a TIME are text in
        ISO form; JSON is what it holds; a duration is its seconds; NULL is null. Never raises for a row.
        """
        problems: list[str] = []
        try:
            given = {name: _given(name, row[name], (types or {}).get(name)) for name in self.inputs}
        except InvalidValue as error:
            return Unreadable(error.reason)
        try:
            result = self._program.execute(self._context(given, problems))
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            return Unreadable(_failure(problems[0] if problems else _plain(error), given))
        return Unreadable(_failure(problems[0], given)) if problems else _result(result)

    def _context(self, given: dict[str, object], problems: list[str]) -> dict[str, object] | Context:
        """What the program is run with; what goes wrong in an added function is put into `problems`."""
        if not self._called:
            return {ROOT: given}
        import cel
        from cel.stdlib import STDLIB_FUNCTIONS

        added = {name: _noting(name, STDLIB_FUNCTIONS[name], problems) for name in self._called}
        return cel.Context({ROOT: given}, added)


def _failure(why: str, given: Mapping[str, object]) -> str:
    """Why a row fails, with what it holds; an empty column is mostly the cause."""
    empty = [name for name, value in given.items() if value is None]
    if empty:
        are = "is empty" if len(empty) == 1 else "are empty"
        why += f"; {', '.join(empty)} {are}: say what then, like has({ROOT}.{empty[0]}) ? … : …"
    shown = ", ".join(f"{name} = {'NULL' if value is None else quote(value)}" for name, value in given.items())
    return f"cannot be computed for {shown}: {why}"


def _compiled(text: str) -> Program:
    """The library's program. Raises `InvalidValue`."""
    import cel

    try:
        return cel.compile(text)
    except ValueError as error:
        raise InvalidValue(_syntax(str(error), text)) from None


def _syntax(error: str, text: str) -> str:
    """What the parser says, in plain words and with the place."""
    found = _SYNTAX.search(error)
    if found is None:
        return f"is no CEL expression: {error}"
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    where = place(text, min(starts[min(int(found["line"]), len(starts)) - 1] + int(found["column"]) - 1, len(text)))
    if absent := _ABSENT.search(found["what"]):
        return f"{where}: a {absent['what']} is missing"
    said = _UNEXPECTED.search(found["what"])
    if said is None:
        what = found["what"]
        if what.startswith("token recognition"):
            what = "a text without its closing quote, or a sign that CEL does not know"
        return f"{where}: {what}"
    if said["what"] == "<EOF>":
        return f"{where}: the expression ends where something should follow"
    return f"{where}: {said['what'] or 'this'} is not expected here"


def _full(call: Call) -> str:
    return f"{call.namespace}.{call.name}" if call.namespace == "math" else call.name


def _check_calls(text: str, calls: tuple[Call, ...]) -> None:
    for call in calls:
        if _full(call) in FUNCTIONS:
            continue
        close = nearest(call.name, FUNCTIONS, 1)
        hint = f": did you mean {close[0]}()?" if close else ""
        raise InvalidValue(f"{place(text, call.at)}: there is no function {_full(call)}(){hint}")


def _check_names(roots: list[str], bound: frozenset[str], calls: tuple[Call, ...]) -> None:
    known = {ROOT, *bound, *_TYPES} | ({"math"} if any(call.namespace == "math" for call in calls) else set())
    for name in (root.lstrip(".") for root in roots):
        if name not in known:
            raise InvalidValue(f"{name} is not known: a column is written {ROOT}.{name}, text in quotes")


def _given(name: str, raw: Raw, held: FieldType | None) -> object:
    """A raw value as the library takes it; raises `InvalidValue`, naming the column."""
    try:
        held = held or _type_of(raw)
        # Text is kept as it is, so that an empty one can be told from NULL and added to another.
        value: object = raw if held.kind is Kind.TEXT and isinstance(raw, str) else canonical(raw, held)
        return _for_cel(value, held)
    except InvalidValue as error:
        raise InvalidValue(f"cannot be computed from {name}: {error.reason}") from None


def _for_cel(value: object, held: FieldType) -> object:
    if isinstance(value, Decimal):
        value = int(value) if held.scale == 0 else float(value)
    if isinstance(value, datetime):
        return _fixed(value, held.zone)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValue(f"{value[:20]!a} holds half of a character") from None
        return json.loads(value) if held.kind is Kind.JSON else value
    if isinstance(value, int) and value not in _WHOLE:
        raise InvalidValue(f"{quote(value)} is larger than 64 bits hold")
    return value


def _fixed(moment: datetime, zone: ZoneInfo | None) -> datetime:
    """An aware moment as the clocks of `zone` show it, with the offset that holds then: the library knows no zones."""
    local = moment if zone is None else moment.astimezone(zone)
    return local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)))


_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, Kind.BOOL),
    (int, Kind.INT),
    (float, Kind.NUMBER),
    (Decimal, Kind.NUMBER),
    (str, Kind.TEXT),
    (bytes, Kind.BYTES),
    (datetime, Kind.DATETIME),
    (date, Kind.DATE),
    (time, Kind.TIME),
    (timedelta, Kind.DURATION),
    (type(None), Kind.TEXT),
    (Unreadable, Kind.TEXT),
)


def _type_of(raw: Raw) -> FieldType:
    kind = next((kind for python, kind in _KINDS if isinstance(raw, python)), None)
    if kind is None:
        raise InvalidValue("it holds the rows of a table, not one value")
    return FieldType(kind=kind)


_MISUSE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def _noting(name: str, function: Callable[..., object], problems: list[str]) -> Callable[..., object]:
    """`function` with its failures noted: one that is raised the library would print to stderr as well."""

    def call(*given: object) -> object:
        try:
            return function(*given)
        except _MISUSE as error:
            shown = ", ".join("null" if each is None else quote(each) for each in given)
            own = isinstance(error, LookupError | ValueError)
            problems.append(f"{name}() cannot take {shown}" + (f" ({error})" if own else ""))
            return None

    return call


def _plain(error: Exception) -> str:
    """What the library raised, in plain words."""
    if isinstance(error, ZeroDivisionError):
        return "it divides by 0"
    if isinstance(error, OverflowError):
        return "a value becomes larger than can be held (64 bits, the years 1 to 9999)"
    if isinstance(error, KeyError):
        return f"there is no entry {error.args[0] if error.args else ''!s}"
    said = str(error)
    if apart := _TYPES_APART.search(said):
        return f"{apart['what']} does not go: both must be of one type, {_CONVERT}"
    if said.startswith("No such overload"):
        return f"these types do not go together: {_CONVERT}"
    if failed := _FUNCTION_FAILED.search(said):
        return f"{failed['name']}(): {failed['why'].splitlines()[0]}"
    if other := _NOT_FOR_THIS.search(said):
        return f"{other['name']}() does not take a value of this type"
    return said


def _result(result: object) -> Raw:
    """What the library gives as a raw value; `Unreadable` for what is not one value."""
    if isinstance(result, float) and not math.isfinite(result):
        return Unreadable("gives no finite number: it divides by 0, or becomes too large")
    if result is None or isinstance(result, bool | int | float | str | bytes | datetime | timedelta):
        return result
    if isinstance(result, list):
        return Unreadable("gives a list, not one value: join(…) makes one text of it")
    return Unreadable("gives no single value: name one entry of what it gives")
