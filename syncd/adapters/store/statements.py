"""SQL text for bulk work, and the one helper that runs it.

Statements are text with `?`, within what SQLite and PostgreSQL both understand, and run by `exec_driver_sql` with
positional tuples: the driver gets them as they are, without a SQLAlchemy object for each row or value. Names of tables
and columns come from the models; none of them needs quoting (a test runs every statement).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Table

IN_LIST = 1000
"""Most values in one IN list: what the drivers take at once by far, and where a longer list gains nothing."""


_AT_ONCE = 4096
"""Rows that `stream` holds at a time."""


def placeholders(count: int) -> str:
    """`?, ?, …` for `count` values."""
    return ", ".join("?" * count)


def chunks(values: Sequence[Any], size: int = IN_LIST) -> Iterator[Sequence[Any]]:
    """`values` in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def select(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a read written with `?`, as the driver's tuples (SQLAlchemy's rows would cost more than reading)."""
    result = _run(connection, statement, tuple(values))
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


def stream(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Iterator[Any]:
    """The rows of a read, a few thousand at a time; the connection is busy until it is read to its end."""
    if connection.dialect.supports_server_side_cursors:
        # A driver that would fetch all rows at once (psycopg): the server keeps them for us.
        marked = _marked(statement, connection.dialect.paramstyle)
        streamed = connection.exec_driver_sql(marked, tuple(values), execution_options={"yield_per": _AT_ONCE})
        yield from streamed
        return
    result = _run(connection, statement, tuple(values))
    try:
        while rows := result.cursor.fetchmany(_AT_ONCE):
            yield from rows
    finally:
        result.close()


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> int:
    """Run one statement written with `?`; returns how many rows it changed."""
    return _run(connection, statement, tuple(values)).rowcount


def run_many(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement written with `?` for each tuple of `rows`."""
    if rows:
        connection.exec_driver_sql(_marked(statement, connection.dialect.paramstyle), list(rows))


def insert(table: Table, columns: Sequence[str]) -> str:
    """INSERT of `columns`, in that order."""
    names = ", ".join(table.c[column].name for column in columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({placeholders(len(columns))})"


def upsert(table: Table, columns: Sequence[str], conflict: Sequence[str]) -> str:
    """INSERT of `columns`, or where a row has the same `conflict` columns (a unique constraint), an UPDATE of the rest.

    SQLite took the clause over from PostgreSQL; a dialect that writes it otherwise gets its own text here.
    """
    rest = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in conflict)
    return f"{insert(table, columns)} ON CONFLICT ({', '.join(conflict)}) DO UPDATE SET {rest}"


def update(table: Table, columns: Sequence[str], key: str = "id") -> str:
    """UPDATE of `columns`, in that order, WHERE `key`, which comes last."""
    assignments = ", ".join(f"{table.c[column].name} = ?" for column in columns)
    return f"UPDATE {table.name} SET {assignments} WHERE {table.c[key].name} = ?"


def _run(connection: Connection, statement: str, values: tuple[Any, ...]) -> CursorResult[Any]:
    return connection.exec_driver_sql(_marked(statement, connection.dialect.paramstyle), values)


@lru_cache(maxsize=512)
def _marked(statement: str, style: str) -> str:
    """`?` as the driver writes it. No statement of the store holds a `?` or `%` of another meaning."""
    return statement if style == "qmark" else statement.replace("?", "%s")
