"""Everything of the state store that holds for PostgreSQL alone: its URL, its sessions, its schema, its lock.

Writers stand in one queue, as with SQLite: each takes an advisory lock when its transaction begins. A process that was
suspended in the midst of one is thrown out by the server after `_IDLE`; nothing of its transaction is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from syncd.adapters.store import statements
from syncd.adapters.store.database import Fill, OtherProgramError
from syncd.adapters.store.faults import explained
from syncd.adapters.store.postgresql_faults import NO_SCHEMA
from syncd.adapters.store.tables import StoreTable
from syncd.errors import StateError

BUSY_SECONDS = 90.0
"""How long a statement waits for another process's transaction; longer than the server lets one stand still."""
SCHEMES = frozenset({"postgresql", "postgresql+psycopg"})
_IDLE = 60.0
"""Seconds that a transaction may stand still before the server ends it: as long as a lease lives without a beat."""
_CONNECT_SECONDS = 10
_LOCK = 0x73796E63
"""`sync`: the store's lock among the advisory locks of a database; beside it stands the schema."""
_SHOWN = ("host", "port")
"""What of a URL's query is part of the place; the rest may hold secrets, and is not shown."""

_PREPARE = (
    "SELECT set_config('application_name', 'syncd ' || coalesce(current_schema(), ''), false), "
    "set_config('lock_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false), "
    # The journal's row is on disk before anything is sent.
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' ELSE current_setting('synchronous_commit') END, false)"
)
_TAKE_LOCK = f"SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), {_LOCK}))"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_OTHERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
    "AND application_name = current_setting('application_name') AND pid <> pg_backend_pid() ORDER BY pid LIMIT 1"
)
_VERSION_TABLE = "alembic_version"


class PostgresDatabase:
    """`database.Database` in one schema of a PostgreSQL database: the first of the URL's search path."""

    def __init__(self, url: URL, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._busy_seconds = busy_seconds
        self._engine: Engine | None = None
        shown = {name: value for name, value in url.query.items() if name in _SHOWN}
        plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, shown)
        self._name = plain.render_as_string()

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._name

    @property
    def engine(self) -> Engine:
        """The engine, made at the first call. Raises `StateError` where the driver is not installed."""
        if self._engine is None:
            try:
                self._engine = _connect_engine(self._url, self._busy_seconds)
            except ModuleNotFoundError as error:
                raise StateError(
                    f"{self.name}: the driver for PostgreSQL is not installed ({error.name})",
                    hint='install it beside syncd: pip install "syncd[postgresql]"',
                ) from error
        return self._engine

    @contextmanager
    def _explained(self) -> Iterator[None]:
        engine = self.engine  # first: where the driver is missing, this says so
        with explained(self.name, engine.dialect.loaded_dbapi.Error):
            yield

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Database`."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._explained(), self.engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `Database`."""
        with self._explained(), self.engine.connect() as connection, connection.begin():
            statements.select(connection, _TAKE_LOCK)
            yield connection

    def _tables(self, connection: Connection) -> set[str]:
        """The store's tables that are there, and Alembic's."""
        ours = {table.name for table in StoreTable.metadata.sorted_tables} | {_VERSION_TABLE}
        return {row[0] for row in statements.select(connection, _TABLES)} & ours

    def exists(self) -> bool:
        """Whether any of the store's tables is in the schema. Raises `StateError` where the schema is not there."""
        with self.reading() as connection:
            if statements.select(connection, "SELECT current_schema()")[0][0] is None:
                raise StateError(f"{self.name}: {NO_SCHEMA[0]}", hint=NO_SCHEMA[1])
            return bool(self._tables(connection))

    def create(self, fill: Fill) -> None:
        """See `Database`."""
        with self.writing() as connection:
            if self._tables(connection):
                return
            encoding = statements.select(connection, "SHOW server_encoding")[0][0]
            if encoding != "UTF8":
                raise StateError(
                    f"{self.name}: the database's encoding is {encoding}, which cannot hold every text",
                    hint="make a database with `createdb --encoding=UTF8 --template=template0`",
                )
            fill(connection)

    def inspect(self) -> None:
        """Refuse a schema in which another program has tables of these names."""
        with self.reading() as connection:
            tables = self._tables(connection)
        if not tables - {_VERSION_TABLE} or _VERSION_TABLE not in tables:
            raise OtherProgramError(
                f"{self.name}: the tables there ({', '.join(sorted(tables))}) are no state store of syncd",
                hint="give syncd a database of its own, or a schema: ?options=-csearch_path%3DNAME at the end of "
                "[state] url in syncd.toml",
            )

    def copy(self, target: Path) -> None:
        """See `Database`."""
        from syncd.adapters.store.copying import copy_to_file

        with self.reading() as connection:
            copy_to_file(connection, target)

    def keep_copy(self, revision: str) -> str:  # noqa: ARG002 - SQLite names its copy so
        """None: `pg_dump` makes one, and a migration that fails changes nothing."""
        return ""

    def backup(self, target: Path, *, replace: bool) -> None:  # noqa: ARG002 - as SQLite does
        """Refuses: PostgreSQL has better means of its own."""
        raise StateError(
            f"{self.name}: the state store is in PostgreSQL, whose own means back it up while syncd runs",
            hint=f"run `pg_dump --format=custom --file={target} '{self.name}'`; `pg_restore` puts it back",
        )

    def check(self, connection: Connection) -> list[str]:  # noqa: ARG002 - as SQLite does
        """Nothing: the server looks after its own files, and tells where a row cannot be read."""
        return []

    def set_aside(self, suffix: str) -> str:
        """Move the tables into a schema of their own. Raises `StateError` while another process is connected."""
        self.close()
        with self.writing() as connection:
            others = statements.select(connection, _OTHERS)
            if others:
                raise StateError(
                    f"{self.name}: another syncd has the state store open (session {others[0][0]})",
                    hint="stop the daemon, or wait for the run to end; then try again",
                )
            old = str(statements.select(connection, "SELECT current_schema()")[0][0])
            new = f"{old}_{suffix}".lower().replace("-", "_")
            quote = connection.dialect.identifier_preparer.quote_identifier
            statements.run(connection, f"CREATE SCHEMA {quote(new)}")
            for table in sorted(self._tables(connection)):
                statements.run(connection, f"ALTER TABLE {quote(old)}.{quote(table)} SET SCHEMA {quote(new)}")
        return f"schema {new}"

    def close(self) -> None:
        """See `Database`."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _connect_engine(url: URL, busy_seconds: float) -> Engine:
    given = {"connect_timeout": _CONNECT_SECONDS}
    engine = create_engine(
        url,
        connect_args={name: value for name, value in given.items() if name not in url.query},
        isolation_level="READ COMMITTED",
        # A server that was restarted between two passes of the daemon costs nobody a pass.
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=12,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_PREPARE, _milliseconds(busy_seconds, _IDLE))
        connection.commit()

    return engine


def _milliseconds(*seconds: float) -> Sequence[str]:
    return [f"{int(each * 1000)}ms" for each in seconds]
