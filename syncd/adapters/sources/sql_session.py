"""Statements on one table's database: counted, with the driver's errors turned into those of syncd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor

from syncd.adapters.sources.sql_dialect import Dialect, Prepared
from syncd.adapters.sources.sql_errors import commit_error, native, read_error, write_error
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

    @property
    def aborted(self) -> bool:
        """Whether the database ended the transaction by itself."""
        return self._session.dialect.aborted(self._connection)

    @contextmanager
    def savepoint(self, *, needed: bool) -> Iterator[None]:
        """What fails inside is undone alone. `needed` asks for it where the database does not."""
        if not (needed or self._session.dialect.savepoints):
            yield
            return
        self.cursor.execute("SAVEPOINT syncd_write")
        try:
            yield
        except Exception:
            if not self.aborted:
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

    def rows(self, prepared: Prepared, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a query by itself: no transaction stays open, so nobody waits for syncd between two pages.

        Raises `UnreachableError`, or `HaltError` where the table is not what it was.
        """
        self.requests += 1
        try:
            connection = self.dialect.engine.raw_connection()
            try:
                cursor = connection.cursor()
                return self.fetch(connection.driver_connection, cursor, prepared, values)
            finally:
                connection.close()
        except self.dialect.errors as error:
            raise read_error(error, self.place) from error

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
                self.dialect.begin(cursor)
                yield Transaction(self, connection.driver_connection, cursor)
            except self.dialect.errors as error:
                connection.rollback()
                raise self.failure(error) from error
            except BaseException:
                connection.rollback()
                raise
            self._commit(connection)
        finally:
            connection.close()

    def _commit(self, connection: Any) -> None:
        self.requests += 1
        try:
            connection.commit()
        except self.dialect.errors as error:
            meaning = commit_error(error, self.place)
            try:
                connection.rollback()
            except self.dialect.errors:
                connection.invalidate(native(error))
            raise meaning from error

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
