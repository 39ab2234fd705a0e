"""What a database says when it cannot go on, as `StateError` with cause and next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from syncd.adapters.store import postgresql_faults
from syncd.adapters.store.hints import DAMAGED_HINT, OTHER_TABLES
from syncd.errors import StateError

_LOCKED_HINT = "close what has the file open (a database browser, a copy in progress), then run again"
_CAUSES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "the disk is full; what was being recorded is undone, what was recorded before it stands",
        "free space on its file system, then run again: it goes on from the last recorded step",
    ),
    sqlite3.SQLITE_READONLY: (
        "the file or its folder may not be written",
        "give the user that runs syncd the right to write the file and its folder",
    ),
    sqlite3.SQLITE_PERM: (
        "the file may not be used",
        "give the user that runs syncd the right to read and write the file",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened, or no file can be made beside it",
        "give the user that runs syncd the right to write the file and its folder",
    ),
    sqlite3.SQLITE_BUSY: (
        "another program keeps it locked",
        _LOCKED_HINT,
    ),
    sqlite3.SQLITE_LOCKED: (
        "another program keeps it locked",
        _LOCKED_HINT,
    ),
    sqlite3.SQLITE_IOERR: (
        "reading or writing the disk failed",
        "look at the system's log for the disk or file system; nothing half was recorded",
    ),
    sqlite3.SQLITE_PROTOCOL: (
        "locking does not work on its file system",
        "keep the state on a local disk, not on a network share",
    ),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", DAMAGED_HINT),
    sqlite3.SQLITE_NOTADB: ("this is no database, or its beginning is damaged", DAMAGED_HINT),
}


def state_error(name: str, error: BaseException) -> StateError | None:
    """What `error` (of a database driver, SQLAlchemy or the file system) means for the store called `name`.

    None where it says nothing about the store: a defect, to be seen as one.
    """
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    cause: tuple[str, str] | None = None
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        cause = _sqlite_cause(int(code), str(original))
    elif type(original).__module__.partition(".")[0] == "psycopg":
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        cause = postgresql_faults.cause_of(original, lost=lost)
    elif isinstance(original, OSError):
        reason = original.strerror or str(original)
        return StateError(
            f"{name}: {reason[:1].lower()}{reason[1:]} ({original.filename or name})",
            hint="check the path, free space and the rights of the user that runs syncd",
        )
    if cause is None:
        return None
    words = " ".join(str(original).strip().partition("\n")[0].split())
    return StateError(f"{name}: {cause[0]} ({words})", hint=cause[1])


def _sqlite_cause(code: int, words: str) -> tuple[str, str] | None:
    if code == sqlite3.SQLITE_ERROR and words.startswith(("no such table", "no such column")):
        return OTHER_TABLES
    # The low byte is the kind, the rest its variety (SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC).
    return _CAUSES.get(code & 0xFF)


@contextmanager
def explained(name: str, *kinds: type[Exception]) -> Iterator[None]:
    """Raise as `StateError` what the database raises about the store called `name`; `kinds` are its driver's own."""
    with _explained(name, (DBAPIError, sqlite3.Error, *kinds)):
        yield


@contextmanager
def explained_file(name: str) -> Iterator[None]:
    """The same, and what the file system raises; only around what does nothing but handle the store's own files."""
    with _explained(name, (DBAPIError, sqlite3.Error, OSError)):
        yield


@contextmanager
def _explained(name: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        explanation = state_error(name, error)
        if explanation is None:
            raise
        raise explanation from error
