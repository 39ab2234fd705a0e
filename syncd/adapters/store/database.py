"""What the state store asks of the database it lies in, whichever it is. SQLite and PostgreSQL stand behind it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from syncd.errors import StateError

Fill = Callable[[Connection], None]
"""Makes the tables of an empty store, within the transaction that the connection is in."""


class OtherProgramError(StateError):
    """What lies in the store's place is another program's: nobody here may touch it."""


class NewerStoreError(StateError):
    """The store was written by a newer version of the program."""


class Database(Protocol):
    """The place of one state store. Nothing is opened before it is asked for.

    Whatever the database or the file system says on the way is raised as `StateError`, with cause and next step.
    """

    @property
    def name(self) -> str:
        """How texts call it: the file, or the URL without its password."""
        ...

    def exists(self) -> bool:
        """Whether there is a store, whole or damaged."""
        ...

    def create(self, fill: Fill) -> None:
        """Make a whole, empty store; where another process was quicker, its store stands."""
        ...

    def inspect(self) -> None:
        """Refuse what is no state store, before anything is opened for writing."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one moment of the store, and changes nothing."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that no other writer can stand in the way of any more; committed at the end."""
        ...

    def copy(self, target: Path) -> None:
        """Everything that is stored, as of one moment, in a new file of SQLite (mode 0600), while it is in use."""
        ...

    def keep_copy(self, revision: str) -> str:
        """A copy of a store of that revision before it is migrated: how texts call it; empty where none is made."""
        ...

    def backup(self, target: Path, *, replace: bool) -> None:
        """A backup in the file `target`; `replace` lets a file that is there go."""
        ...

    def check(self, connection: Connection) -> list[str]:
        """What the database itself finds wrong with all it holds, in plain words."""
        ...

    def set_aside(self, suffix: str) -> str:
        """Move the store out of the way, whole or damaged, and never over anything: how texts call it from then on."""
        ...

    def close(self) -> None:
        """Give back connections; a temporary store is deleted."""
        ...
