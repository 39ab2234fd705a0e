"""Errors of databases as errors of syncd: the database's words in plain form, the column, and the next step."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError

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

_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"})
_UNUSABLE = {
    "SQLITE_FULL": ("its disk is full", "make room on the disk that holds it; syncd tries again"),
    "SQLITE_READONLY": ("it is read-only", "give the user that runs syncd the right to write the file and its folder"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "check that the file is there and may be read and written"),
    "SQLITE_IOERR": ("reading or writing its file failed", "check the disk that holds it"),
    "SQLITE_CORRUPT": ("its file is damaged", "restore it from a backup (`PRAGMA integrity_check` tells more)"),
    "SQLITE_NOTADB": ("its file is no SQLite database", "check `url` of the source in syncd.toml"),
    "SQLITE_NOMEM": ("there is not enough memory", "free some memory and run again"),
}
_CONSTRAINT = re.compile(r"(?P<kind>UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: (?P<what>.*))?")
_CONSTRAINT_WORDS = {
    "UNIQUE": (
        "another row already has this value in {what}",
        "change one of both, or map the field that is to differ",
    ),
    "NOT NULL": ("{what} must not be empty", "fill the value on the other side, or give the mapped field a `default`"),
    "CHECK": ("the rule {what} is not met", "correct the value on the other side"),
    "FOREIGN KEY": (
        "it refers to a row that is not there, or other rows refer to it",
        "let syncd handle the other table first, or delete what refers to the row",
    ),
}


def native(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def error_name(error: BaseException) -> str:
    """SQLite's name of an error (`SQLITE_CONSTRAINT_UNIQUE`), else the SQLSTATE or the number that the driver gives."""
    inner = native(error)
    name = getattr(inner, "sqlite_errorname", None) or getattr(inner, "sqlstate", None)
    if name:
        return str(name)
    first = inner.args[0] if inner.args else ""
    return str(first) if isinstance(first, int) else type(inner).__name__


def _base_name(error: BaseException) -> str:
    name = error_name(error)
    return "_".join(name.split("_")[:2]) if name.startswith("SQLITE_") else name


def is_busy(error: BaseException) -> bool:
    """Whether the database said that another connection is in the way: nothing was done, and it may be tried again."""
    # 40001, 40P01, 55P03: PostgreSQL's serialisation failure, deadlock, lock not available; 1205, 1213: MariaDB's.
    return _base_name(error) in _BUSY | {"40001", "40P01", "55P03", "1205", "1213"}


def is_constraint(error: BaseException) -> bool:
    """Whether a constraint of the table (or a trigger's RAISE) refused the row."""
    return _base_name(error) == "SQLITE_CONSTRAINT" or type(native(error)).__name__ == "IntegrityError"


def read_error(error: BaseException, place: str) -> SyncdError:
    """What a failed read means: unreachable, refused, or a table that is not what it was."""
    if is_busy(error):
        return UnreachableError(
            f"{place} is locked by another program for too long",
            hint="find out which program keeps a transaction open; the next run tries again",
        )
    return _unusable(error, place) or UnreachableError(
        f"{place} cannot be read: {_words(error)}", hint="check the database; the next run tries again"
    )


def write_error(error: BaseException, place: str) -> SyncdError:
    """What a failed write means. A `RecordError` concerns the row alone; everything else stops the mapping."""
    if is_busy(error):
        return BusyError(
            f"{place} is locked by another program; nothing was written",
            hint="syncd tries again",
            code=error_name(error),
        )
    return _unusable(error, place) or refused(error, place)


def commit_error(error: BaseException, place: str) -> SyncdError:
    """What a failed COMMIT means: certainly not done where the database says why, else nobody knows."""
    if is_busy(error) or is_constraint(error):
        return write_error(error, place)
    if _base_name(error) in ("SQLITE_FULL", "SQLITE_READONLY"):
        return write_error(error, place)
    return UnknownOutcomeError(
        f"{place} gave no usable answer to COMMIT: {_words(error)}",
        hint="syncd looks at the rows to find out whether they were written",
        code=error_name(error),
    )


def refused(error: BaseException, place: str) -> RecordError:
    """A row that the database refuses: which rule and column, in plain words, with the database's own behind them."""
    words = _words(error)
    found = _CONSTRAINT.fullmatch(words)
    if found is None:
        return RefusedError(
            f"{place} refuses the row: {words}",
            hint="a rule or trigger of the database refuses it; correct the record, or the rule",
            code=error_name(error),
        )
    plain, hint = _CONSTRAINT_WORDS[found["kind"]]
    return RefusedError(
        f"{place} refuses the row: {plain.format(what=found['what'] or 'the table')} ({words})",
        hint=hint,
        code=error_name(error),
    )


def _words(error: BaseException) -> str:
    inner = native(error)
    text = " ".join(str(part) for part in inner.args if not isinstance(part, int)) or type(inner).__name__
    return text.strip().splitlines()[0] if text.strip() else type(inner).__name__


def _unusable(error: BaseException, place: str) -> SyncdError | None:
    """Errors that concern the database or the table as a whole; None for those of single rows."""
    known = _UNUSABLE.get(_base_name(error))
    if known is not None:
        return UnreachableError(f"{place} cannot be used: {known[0]}", hint=known[1])
    if _base_name(error) in ("SQLITE_AUTH", "SQLITE_PERM", "42501", "1142", "1044", "1045", "28P01"):
        return AccessError(f"{place} refuses: {_words(error)}", hint="give the database user of syncd that right")
    if re.match(r"no such (table|column)|has no column|table .* has no column", _words(error)):
        return HaltError(
            "schema",
            f"{place} is not what it was when the run began: {_words(error)}",
            hint="adapt the mapping to the table, then run again; `syncd check` shows what fits",
        )
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return UnreachableError(f"the connection to {place} was lost: {_words(error)}", hint="the next run tries again")
    inner = native(error)
    if type(inner).__name__ in ("OperationalError", "InterfaceError") and not isinstance(inner, sqlite3.Error):
        return UnreachableError(f"{place} does not answer: {_words(error)}", hint="check that the database is up")
    return None


__all__ = [
    "commit_error",
    "error_name",
    "is_busy",
    "is_constraint",
    "native",
    "read_error",
    "refused",
    "write_error",
]
