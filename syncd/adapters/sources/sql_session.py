"""Statements on one table's database: counted, with the driver's errors turned into those of syncd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine.interfaces import DBAPICursor

from syncd.adapters.sources.sql_dialect import Dialect, Prepared, TableName
from syncd.adapters.sources.sql_errors import commit_error, is_lost, read_error, write_error
from syncd.errors import RecordError, SyncdError


class Transaction:
    """One writing transaction. Driver errors pass through; `failure` says what they mean."""

    def __init__(self, session: Session, connection: Any, cursor: DBAPICursor) -> None:
        self._session = session
        self._connection = connection
        self._savepoint = False
        self.cursor = cursor

    def run(self, prepared: Prepared, values: Sequence[object]) -> int:
        """Execute; returns the number of rows concerned."""
        self._session.requests += 1
        self.cursor.execute(prepared.sql, prepared.bind(values))
        return self.cursor.rowcount

    def rows(self, prepared: Prepared, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Execute a query; returns all its rows."""
        self._session.requests += 1
        return self._session.fetch(self._connection, self.cursor, prepared, values)

    def insert(self, prepared: Prepared, rows: Sequence[Any]) -> list[tuple[Any, ...] | None]:
        """Insert rows, each given as the driver's parameters; what each gave back, None for one that was not taken."""
        self._session.requests += len(rows)
        return self._session.dialect.insert(self.cursor, prepared.sql, rows)

    def take_turn(self, table: TableName) -> None:
        """Wait until no other connection of syncd makes rows of `table`; nobody else does until the end of this."""
        self._session.dialect.take_turn(self.cursor, table)

    def aborted(self, error: BaseException) -> bool:
        """Whether the database ended the transaction by itself because of `error`."""
        return self._session.dialect.aborted(self._connection, error)

    @contextmanager
    def savepoint(self, *, needed: bool) -> Iterator[None]:
        """What fails inside is undone alone. `needed` asks for it where the database does not."""
        if not (needed or self._session.dialect.savepoints):
            yield
            return
        self.cursor.execute("SAVEPOINT syncd_write")
        try:
            yield
        except Exception as error:
            if not (self.aborted(error) or is_lost(error)):
                self.cursor.execute("ROLLBACK TO SAVEPOINT syncd_write")
                self.cursor.execute("RELEASE SAVEPOINT syncd_write")
            raise
        self.cursor.execute("RELEASE SAVEPOINT syncd_write")


class Session:
    """Statements of one endpoint. `place` names the table in messages; `requests` counts what was sent."""

    def __init__(self, dialect: Dialect, place: str) -> None:
        self.dialect = dialect
        self.place = place
        self.requests = 0
        self.wall_clock: ZoneInfo | None = None
        """The zone of the table's naive stamps; None where the table is not known, or holds moments as well."""

    def rows(self, prepared: Prepared, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a query by itself: no transaction stays open, so nobody waits for syncd between two pages.

        Raises `UnreachableError`, or `HaltError` where the table is not what it was.
        """
        try:
            return self._rows_once(prepared, values)
        except self.dialect.errors as error:
            if not is_lost(error):
                raise read_error(error, self.place) from error
        try:
            # The connection was lost on the way: reading is safe to repeat, on another one.
            return self._rows_once(prepared, values)
        except self.dialect.errors as error:
            raise read_error(error, self.place) from error

    def _rows_once(self, prepared: Prepared, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.requests += 1
        connection = self.dialect.engine.raw_connection()
        try:
            cursor = connection.cursor()
            return self.fetch(connection.driver_connection, cursor, prepared, values)
        except self.dialect.errors as error:
            if is_lost(error):
                connection.invalidate(error)
            raise
        finally:
            connection.close()

    def fetch(
        self, connection: Any, cursor: DBAPICursor, prepared: Prepared, values: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        """All rows of a query. One text that is not valid UTF-8 does not cost the others: it comes as bytes."""
        parameters = prepared.bind(values)
        try:
            cursor.execute(prepared.sql, parameters)
            return list(cursor.fetchall())
        except self.dialect.errors as error:
            if "decode" not in str(error).lower() or not self.dialect.tolerant(connection):
                raise
        cursor.execute(prepared.sql, parameters)
        return list(cursor.fetchall())

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything inside, or nothing. Raises what `failure` and `commit_error` make of the driver's errors."""
        try:
            connection = self.dialect.engine.raw_connection()
        except self.dialect.errors as error:
            raise read_error(error, self.place) from error
        try:
            cursor = connection.cursor()
            try:
                self.dialect.begin(cursor, self.wall_clock)
                yield Transaction(self, connection.driver_connection, cursor)
            except self.dialect.errors as error:
                self._undo(connection, cursor)
                raise self.failure(error) from error
            except BaseException:
                self._undo(connection, cursor)
                raise
            self._commit(connection, cursor)
        finally:
            connection.close()

    def _commit(self, connection: Any, cursor: DBAPICursor) -> None:
        self.requests += 1
        try:
            connection.commit()
        except self.dialect.errors as error:
            meaning = commit_error(error, self.place)
            self._undo(connection, cursor)
            raise meaning from error
        try:
            self.dialect.end(cursor)
        except self.dialect.errors as error:
            # What was written stands; the connection is not used again.
            connection.invalidate(error)

    def _undo(self, connection: Any, cursor: DBAPICursor) -> None:
        """Roll back; a connection that does not even do that is gone, and the transaction with it."""
        try:
            connection.rollback()
            self.dialect.end(cursor)
        except self.dialect.errors as error:
            connection.invalidate(error)

    def failure(self, error: BaseException) -> SyncdError:
        """What a driver's error in a write means."""
        return write_error(error, self.place)

    def record_failure(self, error: Exception) -> RecordError:
        """The same for an error that concerns one row; anything else is raised."""
        meaning = self.failure(error)
        if isinstance(meaning, RecordError):
            return meaning
        raise meaning from error

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        return self.dialect.errors


__all__ = ["Session", "Transaction"]
