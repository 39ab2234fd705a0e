"""A store's rows from one database into another, for a plan on a store that is no file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from syncd.adapters.store import statements
from syncd.adapters.store.sqlite import SqliteDatabase
from syncd.adapters.store.sqlite_files import StoreFile
from syncd.adapters.store.tables import StoreTable

_ROWS = 5000


def copy_to_file(origin: Connection, target: Path) -> None:
    """Copy every row that `origin` sees, a transaction of its own, into a new store of SQLite of the same revision.

    Its columns are those of that revision, not of this program's tables: an older store is copied as it is.
    """
    from syncd.adapters.store.migrate import migrate

    revision = str(statements.select(origin, "SELECT version_num FROM alembic_version")[0][0])
    draft = SqliteDatabase(StoreFile(target, target.name), synchronous="OFF")
    draft.create(lambda connection: migrate(connection, revision))
    try:
        with draft.writing() as connection:
            there = set(inspect(connection).get_table_names())
            for table in StoreTable.metadata.sorted_tables:
                if table.name in there:
                    _copy_table(origin, connection, table.name)
    finally:
        draft.close()


def _copy_table(origin: Connection, target: Connection, table: str) -> None:
    columns = ", ".join(column["name"] for column in inspect(target).get_columns(table))
    insert = f"INSERT INTO {table} ({columns}) VALUES ({statements.placeholders(columns.count(',') + 1)})"
    rows: list[tuple[object, ...]] = []
    for row in statements.stream(origin, f"SELECT {columns} FROM {table}"):
        rows.append(tuple(row))
        if len(rows) == _ROWS:
            statements.run_many(target, insert, rows)
            rows = []
    statements.run_many(target, insert, rows)
