"""What a database says when it cannot go on, as `StateError` with cause and next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from syncd.errors import StateError

DAMAGED_HINT = (
    "nothing was changed; put a backup of it back, or move this file away: the next `syncd reconcile` then finds the "
    "pairs again by the ids that both sides hold"
)

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
        "close what has the file open (a database browser, a copy in progress), then run again",
    ),
    sqlite3.SQLITE_LOCKED: (
        "another program keeps it locked",
        "close what has the file open (a database browser, a copy in progress), then run again",
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


def state_error(file: str, error: BaseException) -> StateError | None:
    """What `error` (of sqlite3, SQLAlchemy or the file system) means for the store in `file`.

    None where it says nothing about the store: a defect, to be seen as one.
    """
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        # The low byte is the kind, the rest its variety (SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC).
        cause = _CAUSES.get(code & 0xFF)
        return StateError(f"{file}: {cause[0]} ({original})", hint=cause[1]) if cause else None
    if isinstance(original, OSError):
        reason = original.strerror or str(original)
        return StateError(
            f"{file}: {reason[:1].lower()}{reason[1:]} ({original.filename or file})",
            hint="check the path, free space and the rights of the user that runs syncd",
        )
    return None


@contextmanager
def explained(file: str) -> Iterator[None]:
    """Raise as `StateError` what the database raises about the store in `file`."""
    with _explained(file, (DBAPIError, sqlite3.Error)):
        yield


@contextmanager
def explained_file(file: str) -> Iterator[None]:
    """The same, and what the file system raises; only around what does nothing but handle the store's own files."""
    with _explained(file, (DBAPIError, sqlite3.Error, OSError)):
        yield


@contextmanager
def _explained(file: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        explanation = state_error(file, error)
        if explanation is None:
            raise
        raise explanation from error
