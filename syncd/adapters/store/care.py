"""What is done to a state store as a whole: backed up, upgraded, moved aside so that it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncd.adapters.store import leases
from syncd.adapters.store.database import Database, NewerStoreError, OtherProgramError
from syncd.adapters.store.opening import Upgrade, database_at, upgrade_database
from syncd.adapters.store.sqlite import SqliteDatabase
from syncd.adapters.store.verifying import require, verify_store
from syncd.errors import StateError
from syncd.ports.endpoint import Clock, ProgressReport

_STAMP = "%Y%m%dT%H%M%SZ"


@contextmanager
def _database(url: str, directory: Path) -> Iterator[Database]:
    database = database_at(url, directory)
    try:
        yield database
    finally:
        database.close()


def require_store(url: str, *, directory: Path) -> None:
    """Raise `StateError` where there is no store at `url`: nothing is made for those who only ask."""
    with _database(url, directory) as database:
        require(database)


def backup_store(url: str, target: Path, *, directory: Path, replace: bool) -> None:
    """Copy the store into the file `target` (mode 0600) while it is in use; what is in it as of one moment.

    `replace` lets a file that is there go. Raises `StateError`: no store, a damaged one, a file that may not be made,
    a store in PostgreSQL, which has means of its own.
    """
    with _database(url, directory) as database:
        require(database)
        database.inspect()
        database.backup(target, replace=replace)


def upgrade_store(url: str, *, directory: Path, clock: Clock) -> Upgrade:
    """Bring a store to this program's schema, after a copy was written beside it. See `opening.upgrade_database`."""
    with _database(url, directory) as database:
        require(database)
        database.inspect()
        return upgrade_database(database, clock)


def set_aside_store(
    url: str, *, directory: Path, clock: Clock, force: bool, progress: ProgressReport | None = None
) -> str:
    """Move the store at `url` out of the way, never over anything; how texts call it now, empty where there was none.

    A whole store with pairs in it, and one of a newer version, only with `force`; another program's never. Raises
    `StateError` for those, and `LeaseHeldError` while a run holds a mapping.
    """
    with _database(url, directory) as database:
        if not database.exists():
            # The log of a file that vanished is moved away too: no new file may lie beside it.
            left = isinstance(database, SqliteDatabase) and database.file.has_log()
            return database.set_aside(_suffix("damaged", clock)) if left else ""
        try:
            database.inspect()
        except OtherProgramError:
            raise
        except StateError:
            return database.set_aside(_suffix("damaged", clock))
        verified = verify_store(url, directory=directory, progress=progress)
        if verified.whole and verified.pairs and not force:
            raise StateError(
                f"{database.name}: the state store is whole and holds {verified.pairs} pairs; nothing was changed",
                hint="`syncd reconcile --full` compares both sides whole. To find all pairs again nevertheless, and to "
                "lose what was decided on conflicts: `syncd state rebuild --force`",
            )
        if verified.newer and not force:
            raise NewerStoreError(
                f"{database.name}: the state store was written by a newer syncd: its schema is {verified.revision}; "
                "nothing was changed",
                hint="install a newer syncd, or move this store aside nevertheless: `syncd state rebuild --force`",
            )
        if verified.whole:
            _refuse_while_held(database, clock)
        return database.set_aside(_suffix("replaced" if verified.whole else "damaged", clock))


def _suffix(what: str, clock: Clock) -> str:
    return f"{what}-{clock.now().strftime(_STAMP)}"


def _refuse_while_held(database: Database, clock: Clock) -> None:
    with database.reading() as connection:
        for mapping, holding in leases.held(connection, clock.now()):
            raise holding.refusal(mapping)
