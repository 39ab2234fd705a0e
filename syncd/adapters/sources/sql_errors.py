"""Errors of databases as errors of syncd: the database's words in plain form, the column, and the next step."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from syncd.adapters.sources.sql_codes import UNUSABLE, Cause, base_name, cause_of, error_name, native, words_of
from syncd.errors import (
    AccessError,
    BusyError,
    HaltError,
    RecordError,
    RefusedError,
    SyncdError,
    UnknownOutcomeError,
    UnreachableError,
)

_UNIQUE = ("another row already has this value in {what}", "change one of both, or map the field that is to differ")
_NOT_NULL = (
    "{what} must not be empty",
    "fill the value on the other side, or give the mapped field a `default`",
)
_CHECK = ("the rule {what} is not met", "correct the value on the other side")
_FOREIGN = (
    "it refers to a row that is not there, or other rows refer to it",
    "let syncd handle the other table first, or delete what refers to the row",
)
_TOO_LONG = ("a value is too long for {what}", "shorten the value on the other side, or widen the column")
_OUT_OF_RANGE = ("a number is too large for {what}", "correct the number on the other side, or widen the column")
_NOT_OF_TYPE = ("{what} does not take such a value", "correct the value on the other side, or map another column")
_BY_RULE = {
    "UNIQUE": _UNIQUE,
    "NOT NULL": _NOT_NULL,
    "CHECK": _CHECK,
    "FOREIGN KEY": _FOREIGN,
}
_SQLITE = re.compile(r"(?P<kind>UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: (?P<what>.*))?")
_BY_CODE = {
    "23505": _UNIQUE,
    "23P01": _UNIQUE,
    "23502": _NOT_NULL,
    "23514": _CHECK,
    "23503": _FOREIGN,
    "23001": _FOREIGN,
    "22001": _TOO_LONG,
    "22003": _OUT_OF_RANGE,
    "22P02": _NOT_OF_TYPE,
    "22007": _NOT_OF_TYPE,
    "22008": _NOT_OF_TYPE,
    "1062": _UNIQUE,
    "1048": _NOT_NULL,
    "1364": _NOT_NULL,
    "4025": _CHECK,
    "3819": _CHECK,
    "1216": _FOREIGN,
    "1217": _FOREIGN,
    "1451": _FOREIGN,
    "1452": _FOREIGN,
    "1406": _TOO_LONG,
    "1264": _OUT_OF_RANGE,
    "1265": _NOT_OF_TYPE,
    "1292": _NOT_OF_TYPE,
    "1366": _NOT_OF_TYPE,
}
_CERTAINLY_NOT_DONE = frozenset({"SQLITE_FULL", "SQLITE_READONLY"})
_DUPLICATE_KEY = re.compile(r"Key \((?P<what>.*?)\)=")
_MARIADB_COLUMN = re.compile(
    r"(?:[Cc]olumn|[Ff]ield|for key|CONSTRAINT|constraint) (?:[`'][^`']+[`']\.)*[`'](?P<what>[^`']+)[`']"
)


def is_busy(error: BaseException) -> bool:
    """Whether the database said that another connection is in the way: nothing was done, and it may be tried again."""
    return cause_of(error) is Cause.BUSY


def is_constraint(error: BaseException) -> bool:
    """Whether a constraint of the table (or a trigger's RAISE) refused the row."""
    return base_name(error) == "SQLITE_CONSTRAINT" or any(
        base.__name__ == "IntegrityError" for base in type(native(error)).__mro__
    )


def _is_sqlstate(error: BaseException) -> bool:
    """Whether PostgreSQL answered with an error of its own: then it rolled back."""
    return hasattr(native(error), "diag") and re.fullmatch(r"[0-9A-Z]{5}", error_name(error)) is not None


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and with it a transaction that was not committed."""
    return cause_of(error) is Cause.LOST


def read_error(error: BaseException, place: str) -> SyncdError:
    """What a failed read means: unreachable, refused, or a table that is not what it was."""
    if is_busy(error):
        return UnreachableError(
            f"{place} is locked by another program for too long",
            hint="find out which program keeps a transaction open; the next run tries again",
        )
    return _as_a_whole(error, place) or UnreachableError(
        f"{place} cannot be read: {words_of(error)}", hint="check the database; the next run tries again"
    )


def write_error(error: BaseException, place: str) -> SyncdError:
    """What a failed write means. A `RecordError` concerns the row alone; everything else stops the mapping."""
    cause = cause_of(error)
    if cause in (Cause.BUSY, Cause.SLOW):
        words = "is locked by another program" if cause is Cause.BUSY else "took too long"
        return BusyError(f"{place} {words}; nothing was written", hint="syncd tries again", code=error_name(error))
    return _as_a_whole(error, place) or refused(error, place)


def commit_error(error: BaseException, place: str) -> SyncdError:
    """What a failed COMMIT means: certainly not done where the database says why, else nobody knows."""
    told = base_name(error) in _CERTAINLY_NOT_DONE or _is_sqlstate(error)
    if is_busy(error) or is_constraint(error) or (told and cause_of(error) is not Cause.LOST):
        return write_error(error, place)
    return UnknownOutcomeError(
        f"{place} gave no usable answer to COMMIT: {words_of(error)}",
        hint="syncd looks at the rows to find out whether they were written",
        code=error_name(error),
    )


def refused(error: BaseException, place: str) -> RecordError:
    """A row that the database refuses: which rule and column, in plain words, with the database's own behind them."""
    words, code = words_of(error), error_name(error)
    found = _SQLITE.fullmatch(words)
    rule = _BY_RULE[found["kind"]] if found else _BY_CODE.get(code)
    if rule is None:
        return RefusedError(
            f"{place} refuses the row: {words}",
            hint="a rule or trigger of the database refuses it; correct the record, or the rule",
            code=code,
        )
    plain, hint = rule
    what = (found["what"] if found else _what(error, words)) or "the table"
    return RefusedError(f"{place} refuses the row: {plain.format(what=what)} ({words})", hint=hint, code=code)


def _what(error: BaseException, words: str) -> str:
    """The column or the constraint that an error of PostgreSQL or MariaDB is about, with its table where it is told."""
    diag = getattr(native(error), "diag", None)
    if diag is None:
        told = _MARIADB_COLUMN.search(words)
        return told["what"] if told else ""
    key = _DUPLICATE_KEY.search(diag.message_detail or "")
    name = diag.column_name or (key["what"] if key and diag.sqlstate == "23505" else None) or diag.constraint_name
    if name is None:
        return f"a column of type {diag.datatype_name}" if diag.datatype_name else "a column"
    return f"{diag.table_name}.{name}" if diag.table_name and name != diag.constraint_name else str(name)


class _Meaning(NamedTuple):
    kind: Callable[..., SyncdError]
    words: str
    hint: str


_MEANINGS = {
    Cause.ACCESS: _Meaning(AccessError, "{place} refuses: {words}", "give the database user of syncd that right"),
    Cause.LOST: _Meaning(
        UnreachableError,
        "{place} cannot be reached: {words}",
        "check that the database is up, and `url` of the source in syncd.toml; the next run tries again",
    ),
    Cause.SLOW: _Meaning(
        UnreachableError,
        "{place} took too long to answer: {words}",
        "an index on the modified column and on the id makes reading quick; the next run tries again",
    ),
}


def _as_a_whole(error: BaseException, place: str) -> SyncdError | None:
    """Errors that concern the database or the table as a whole; None for those of single rows."""
    cause, words = cause_of(error), words_of(error)
    meaning = _MEANINGS.get(cause)
    if meaning is not None:
        return meaning.kind(meaning.words.format(place=place, words=words), hint=meaning.hint)
    if cause is Cause.UNUSABLE:
        plain, hint = UNUSABLE.get(base_name(error), (words, "look into the database's own log"))
        shown = plain if words.startswith(plain) or base_name(error).startswith("SQLITE") else f"{plain} ({words})"
        return UnreachableError(f"{place} cannot be used: {shown}", hint=hint)
    if cause is Cause.SCHEMA:
        return HaltError(
            "schema",
            f"{place} is not what it was when the run began: {words}",
            hint="adapt the mapping to the table, then run again; `syncd check` shows what fits",
        )
    return None


__all__ = [
    "commit_error",
    "is_busy",
    "is_constraint",
    "is_lost",
    "read_error",
    "refused",
    "write_error",
]
