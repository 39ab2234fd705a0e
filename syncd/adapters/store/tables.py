"""The tables of the state store, as SQLModel models: the one place that says what is stored.

They are declarations only. Bulk work goes through SQLAlchemy's core (`statements`), and no model leaves this package.
Names of mappings stand in `mappings` alone; every other table carries the small number, so that indices stay small.
Large columns stand last in each row: SQLite then finds the small ones without reading the pages that follow.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

SCHEMA_REVISION = "0002"
"""The newest revision in `migrations`; a test holds the two together."""

Id = BigInteger().with_variant(Integer, "sqlite")
"""Row ids. SQLite numbers rows by itself only in a column of exactly the type INTEGER."""
Key = String().with_variant(String(collation="C"), "postgresql")
"""Keys, stamps and times: compared and sorted byte by byte, as SQLite does, whatever the database's locale.

Times are text in UTC to the microsecond, always of one length, so that they sort as time does on every dialect.
"""


class StoreTable(SQLModel):
    """Base of the store's tables, with metadata of its own."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
        }
    )


def _of_mapping() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["mapping_id"], ["mappings.id"])


class Mappings(StoreTable, table=True):
    """One row a mapping. Rows are never deleted (`forget` empties them): a number never comes to mean another one."""

    __tablename__ = "mappings"
    __table_args__: ClassVar[Any] = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    name: str = Field(sa_type=Key)
    layout: int = Field(default=0, sa_type=Integer)
    fingerprint: str = Field(default="", sa_type=String)
    halt: str = Field(default="", sa_type=String)
    last_run: str | None = Field(default=None, sa_type=Key)
    last_full: str | None = Field(default=None, sa_type=Key)
    erpnext_cursor: str | None = Field(default=None, sa_type=String)
    source_cursor: str | None = Field(default=None, sa_type=String)


class Layouts(StoreTable, table=True):
    """The fields that images of one layout number hold: JSON lists of names, in order."""

    __tablename__ = "layouts"
    __table_args__: ClassVar[Any] = (_of_mapping(),)

    mapping_id: int = Field(primary_key=True, sa_type=Integer)
    number: int = Field(primary_key=True, sa_type=Integer)
    erpnext_fields: str = Field(sa_type=String)
    source_fields: str = Field(sa_type=String)


class Pairs(StoreTable, table=True):
    """The ties. Seen digests and baselines stand beside one another: what was seen is not what was agreed."""

    __tablename__ = "pairs"
    __table_args__: ClassVar[Any] = (
        _of_mapping(),
        UniqueConstraint("mapping_id", "erpnext_name"),
        UniqueConstraint("mapping_id", "external_id"),
        Index("ix_pairs_state", "mapping_id", "state", "id"),
        Index(
            "ix_pairs_erpnext_stamp",
            "mapping_id",
            "erpnext_stamp",
            sqlite_where=text("state <> 4"),
            postgresql_where=text("state <> 4"),
        ),
        Index(
            "ix_pairs_source_stamp",
            "mapping_id",
            "source_stamp",
            sqlite_where=text("state <> 4"),
            postgresql_where=text("state <> 4"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mapping_id: int = Field(sa_type=Integer)
    state: int = Field(sa_type=SmallInteger)
    docstatus: int = Field(default=0, sa_type=SmallInteger)
    layout: int = Field(sa_type=Integer)
    linked_erpnext: bool = Field(default=False)
    linked_source: bool = Field(default=False)
    erpnext_name: str | None = Field(default=None, sa_type=Key)
    external_id: str | None = Field(default=None, sa_type=Key)
    creation: str | None = Field(default=None, sa_type=String)
    erpnext_stamp: str | None = Field(default=None, sa_type=Key)
    source_stamp: str | None = Field(default=None, sa_type=Key)
    erpnext_seen: bytes | None = Field(default=None, sa_type=LargeBinary)
    source_seen: bytes | None = Field(default=None, sa_type=LargeBinary)
    erpnext_image: bytes | None = Field(default=None, sa_type=LargeBinary)
    source_image: bytes | None = Field(default=None, sa_type=LargeBinary)
    # Added later, and nearly always NULL, which takes no room.
    differs: str | None = Field(default=None, sa_type=String)


class StagedRows(StoreTable, table=True):
    """What a feed showed and no pair agrees with yet.

    `pair` is no foreign key: pairs are never deleted but by `forget`, which takes the staged rows along, and a check
    for each staged row would buy nothing. `verify` looks for orphans.

    `match` holds the digests of all match rules one after another (see `codec`). It stands in the row, and in the index
    that is read from end to end when candidates are looked for: an index by digest would cost every staged row a
    write at a random place, far more than the one sort that it saves.
    """

    __tablename__ = "staged"
    __table_args__: ClassVar[Any] = (
        _of_mapping(),
        UniqueConstraint("mapping_id", "side", "key"),
        Index(
            "ix_staged_pair",
            "mapping_id",
            "pair",
            sqlite_where=text("pair IS NOT NULL"),
            postgresql_where=text("pair IS NOT NULL"),
        ),
        Index(
            "ix_staged_unpaired",
            "mapping_id",
            "side",
            "state",
            "id",
            "match",
            # Always NULL here; without it SQLite looks each row up in the table to see that.
            "pair",
            sqlite_where=text("pair IS NULL"),
            postgresql_where=text("pair IS NULL"),
        ),
        Index(
            "ix_staged_partner",
            "mapping_id",
            "side",
            "partner",
            sqlite_where=text("pair IS NULL AND partner IS NOT NULL"),
            postgresql_where=text("pair IS NULL AND partner IS NOT NULL"),
        ),
        # The journal names staged rows: a number never comes to mean another one.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mapping_id: int = Field(sa_type=Integer)
    side: int = Field(sa_type=SmallInteger)
    state: int = Field(sa_type=SmallInteger)
    docstatus: int = Field(default=0, sa_type=SmallInteger)
    deleted: bool = Field(default=False)
    pair: int | None = Field(default=None, sa_type=Id)
    key: str = Field(sa_type=Key)
    partner: str | None = Field(default=None, sa_type=Key)
    stamp: str | None = Field(default=None, sa_type=Key)
    creation: str | None = Field(default=None, sa_type=String)
    editor: str | None = Field(default=None, sa_type=String)
    digest: bytes = Field(sa_type=LargeBinary)
    match: bytes | None = Field(default=None, sa_type=LargeBinary)
    image: bytes = Field(sa_type=LargeBinary)


class Operations(StoreTable, table=True):
    """The journal."""

    __tablename__ = "operations"
    __table_args__: ClassVar[Any] = (
        _of_mapping(),
        UniqueConstraint("key"),
        Index("ix_operations_run", "run", "id"),
        Index("ix_operations_state", "mapping_id", "state", "id"),
        Index("ix_operations_finished", "finished"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mapping_id: int = Field(sa_type=Integer)
    key: str = Field(sa_type=String(140))
    run: str = Field(sa_type=Key)
    side: str = Field(sa_type=String)
    action: str = Field(sa_type=String)
    state: str = Field(sa_type=String)
    count: int = Field(sa_type=Integer)
    sent: str | None = Field(default=None, sa_type=Key)
    finished: str | None = Field(default=None, sa_type=Key)
    request_id: str = Field(default="", sa_type=String)
    error: str = Field(default="", sa_type=String)
    records: bytes = Field(sa_type=LargeBinary)
    results: bytes = Field(default=b"", sa_type=LargeBinary)


class Conflicts(StoreTable, table=True):
    """Held records, while they are held."""

    __tablename__ = "conflicts"
    __table_args__: ClassVar[Any] = (
        _of_mapping(),
        Index("ix_conflicts_external_id", "mapping_id", "external_id"),
        Index("ix_conflicts_erpnext_name", "mapping_id", "erpnext_name"),
        # A closed conflict's number is never given again: a person may still act on it.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mapping_id: int = Field(sa_type=Integer)
    kind: str = Field(sa_type=String)
    external_id: str | None = Field(default=None, sa_type=Key)
    erpnext_name: str | None = Field(default=None, sa_type=Key)
    pair: int | None = Field(default=None, sa_type=Id)
    erpnext_stamp: str | None = Field(default=None, sa_type=String)
    source_stamp: str | None = Field(default=None, sa_type=String)
    editor: str | None = Field(default=None, sa_type=String)
    text: str = Field(default="", sa_type=String)
    opened: str | None = Field(default=None, sa_type=Key)
    run: str = Field(default="", sa_type=String)
    fields_: bytes = Field(sa_type=LargeBinary, sa_column_kwargs={"name": "fields"})
    resolution: bytes | None = Field(default=None, sa_type=LargeBinary)


class Failures(StoreTable, table=True):
    """Records whose write was refused or broken, while that lasts."""

    __tablename__ = "failures"
    __table_args__: ClassVar[Any] = (
        _of_mapping(),
        Index("ix_failures_external_id", "mapping_id", "external_id"),
        Index("ix_failures_erpnext_name", "mapping_id", "erpnext_name"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Id)
    mapping_id: int = Field(sa_type=Integer)
    side: str = Field(sa_type=String)
    external_id: str | None = Field(default=None, sa_type=Key)
    erpnext_name: str | None = Field(default=None, sa_type=Key)
    action: str = Field(sa_type=String)
    permanent: bool = Field()
    ignored: bool = Field(default=False)
    attempts: int = Field(default=1, sa_type=Integer)
    first: str | None = Field(default=None, sa_type=Key)
    last: str | None = Field(default=None, sa_type=Key)
    run: str = Field(default="", sa_type=String)
    error: str = Field(sa_type=String)
    hint: str = Field(default="", sa_type=String)
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    payload: bytes = Field(sa_type=LargeBinary)


class Runs(StoreTable, table=True):
    """The run table."""

    __tablename__ = "runs"
    __table_args__: ClassVar[Any] = (Index("ix_runs_started", "started", "id"),)

    id: str = Field(primary_key=True, sa_type=Key)
    started: str = Field(sa_type=Key)
    finished: str | None = Field(default=None, sa_type=Key)
    result: str = Field(default="", sa_type=String)
    mappings: str = Field(sa_type=String)
    report: str = Field(default="", sa_type=String)
    whole: bool = Field(default=False)
    counts: bytes = Field(sa_type=LargeBinary)


class Leases(StoreTable, table=True):
    """Who may write a mapping's state. `scope` says where `pid` and `started` mean something (see `leases`)."""

    __tablename__ = "leases"
    __table_args__: ClassVar[Any] = (_of_mapping(),)

    mapping_id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    owner: str = Field(sa_type=String(36))
    host: str = Field(sa_type=String)
    scope: str = Field(sa_type=String)
    pid: int = Field(sa_type=Id)
    started: str = Field(sa_type=String)
    taken: str = Field(sa_type=Key)
    heartbeat: str = Field(sa_type=Key)
    expires: str = Field(sa_type=Key)
