"""A SQL database as a source: tables behind the endpoint port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from syncd.adapters.sources.sql_create import Creator
from syncd.adapters.sources.sql_dialect import Dialect
from syncd.adapters.sources.sql_errors import read_error
from syncd.adapters.sources.sql_feed import Feed
from syncd.adapters.sources.sql_open import open_database
from syncd.adapters.sources.sql_relations import Relation, relations
from syncd.adapters.sources.sql_rows import ChildTables, table_schemas
from syncd.adapters.sources.sql_session import Session
from syncd.adapters.sources.sql_table import BoundTable, TableFacts, entities
from syncd.adapters.sources.sql_values import Values
from syncd.adapters.sources.sql_write import Changer
from syncd.core.mapping import MappingSpec
from syncd.core.model import Row, Side, Write
from syncd.errors import UsageError
from syncd.ports.endpoint import Capabilities, Clock, Deletion, Page, Schema, WriteResult

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another program's lock."""
_CREATE_BATCH = 5000
_UPDATE_BATCH = 500


class SqlEndpoint:
    """One table bound to a mapping. Implements `syncd.ports.endpoint.Endpoint`.

    The table is looked at on first use. `HaltError` (guard `schema`) names the table or the columns that the mapping
    asks for and the database does not have.
    """

    def __init__(self, dialect: Dialect, spec: MappingSpec, clock: Clock, page_size: int) -> None:
        self._dialect = dialect
        self._spec = spec
        self._clock = clock
        self._page_size = page_size
        self._place = f"{spec.source} {spec.entity}"
        self._session = Session(dialect, self._place)

    @property
    def requests(self) -> int:
        """SQL statements sent so far."""
        return self._session.requests

    def capabilities(self) -> Capabilities:
        """What this table can do: told by the mapping alone, so it asks nothing."""
        return Capabilities(
            side=Side.SOURCE,
            zone=self._spec.timezone,
            incremental=self._spec.modified is not None,
            create_batch=_CREATE_BATCH,
            update_batch=_UPDATE_BATCH,
            seen_by=self._place,
        )

    def keyed_creation(self) -> bool:
        """Whether the same creation can be sent again without harm."""
        return self._spec.erpnext_name is not None

    def schema(self) -> Schema:
        """Every column of the table. Raises `HaltError` where there is no such table."""
        with self._asking():
            schema = self._facts.schema(self._spec.entity)
            if not self._spec.tables:
                return schema
            return replace(schema, tables=table_schemas(self._session, self._facts, self._spec))

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Rows stamped at or after `overlap` seconds before `cursor`; rows without a stamp every time.

        At least one page, so that there is a cursor. Without a modified column: all rows, by id.
        """
        with self._asking():
            yield from self._feed.changes(cursor, overlap)

    def scan(self) -> Iterator[Page]:
        """Every row in the mapping's scope, by id. `changes` goes on from the last page's cursor."""
        with self._asking():
            yield from self._feed.scan()

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The rows with these keys, whatever the filters say."""
        with self._asking():
            return self._feed.fetch(keys)

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """As `fetch`: a table hides no row."""
        return self.fetch(keys)

    def deletions(self, cursor: str | None, *, overlap: float) -> list[Deletion]:  # noqa: ARG002 - the port's
        """None: a table keeps no list of what was deleted."""
        return []

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The rows that name these ERPNext documents; none where the mapping has no `erpnext_name`."""
        with self._asking():
            return self._feed.find(partners)

    def amendments(self, names: Sequence[str]) -> dict[str, Row]:  # noqa: ARG002 - the port's
        """None: rows are not amended."""
        return {}

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:  # noqa: ARG002 - the port's
        """Insert all rows in one transaction, or none. `operation` is not stored: `erpnext_name` is the key."""
        with self._asking():
            return self._creator.create(writes)

    def created(
        self,
        writes: Sequence[Write],
        operation: str,  # noqa: ARG002 - the port's
        *,
        sent: datetime | None = None,  # noqa: ARG002 - the port's
    ) -> list[Row | None] | None:
        """The rows that `create` made, or None. A database commits at once or not at all: `sent` does not matter."""
        with self._asking():
            return self._creator.created(writes)

    def apply(self, writes: Sequence[Write]) -> list[tuple[int, WriteResult]]:
        """UPDATE, LINK, MARK and DELETE under their conditions, all of them in one transaction."""
        with self._asking():
            return self._changer.apply(writes)

    def close(self) -> None:
        """Nothing: connections belong to the source."""

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What goes wrong while the database is asked how it is made (tables, triggers, rules) is a failed read."""
        try:
            yield
        except self._dialect.errors as error:
            raise read_error(error, self._place) from error

    @cached_property
    def _facts(self) -> TableFacts:
        return TableFacts(self._dialect, self._spec)

    @cached_property
    def _table(self) -> BoundTable:
        table = BoundTable(self._facts, self._spec)
        self._session.wall_clock = ZoneInfo(self._spec.timezone)
        return table

    @cached_property
    def _children(self) -> ChildTables:
        children = ChildTables(self._session, self._table)
        if self._dialect.shifts_moments and (self._table.moments or children.moments):
            self._session.wall_clock = None
        return children

    @cached_property
    def _feed(self) -> Feed:
        zone = ZoneInfo(self._spec.timezone)
        return Feed(self._session, self._children, self._page_size, zone, self._clock.now)

    @cached_property
    def _values(self) -> Values:
        return Values(self._session, self._table, self._feed, ZoneInfo(self._spec.timezone))

    @cached_property
    def _creator(self) -> Creator:
        return Creator(self._session, self._children, self._feed, self._values)

    @cached_property
    def _changer(self) -> Changer:
        return Changer(self._session, self._children, self._values)


class SqlSource:
    """One database. Endpoints share its connections."""

    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock

    def endpoint(self, spec: MappingSpec, page_size: int) -> SqlEndpoint:
        """The table that a mapping names; nothing is asked yet."""
        return SqlEndpoint(self._dialect, spec, self._clock, page_size)

    def entities(self) -> list[str]:
        """The names of tables and views. Raises `UnreachableError`."""
        try:
            return entities(self._dialect)
        except self._dialect.errors as error:
            raise read_error(error, "the source's database") from error

    def relations(self) -> list[Relation]:
        """The foreign keys of its tables. Raises `UnreachableError`."""
        try:
            return relations(self._dialect)
        except self._dialect.errors as error:
            raise read_error(error, "the source's database") from error

    def close(self) -> None:
        """Close every connection."""
        self._dialect.engine.dispose()


def open_source(url: str, directory: Path, clock: Clock, *, busy_timeout: float = BUSY_TIMEOUT) -> SqlSource:
    """The database behind a URL; relative SQLite paths start at `directory`.

    `busy_timeout` is in seconds. Raises `UnreachableError` for a SQLite file that is not there, `UsageError` for a URL
    that is none. No message holds the URL's password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(
            "`url` of the source is no database URL",
            hint='it looks like "sqlite:///shop.db" or "postgresql://user:password@host/database"',
        ) from None
    return SqlSource(open_database(parsed, directory, busy_timeout), clock)


__all__ = ["BUSY_TIMEOUT", "SqlEndpoint", "SqlSource", "open_source"]
