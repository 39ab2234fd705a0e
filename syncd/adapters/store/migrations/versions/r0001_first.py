"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    _mappings()
    _runs()
    _conflicts()
    _failures()
    _layouts()
    _leases()
    _operations()
    _pairs()
    _staged()


def _mappings() -> None:
    op.create_table(
        "mappings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("layout", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("halt", sa.String(), nullable=False),
        sa.Column("last_run", KEY, nullable=True),
        sa.Column("last_full", KEY, nullable=True),
        sa.Column("erpnext_cursor", sa.String(), nullable=True),
        sa.Column("source_cursor", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mappings")),
        sa.UniqueConstraint("name", name=op.f("uq_mappings_name")),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("started", KEY, nullable=False),
        sa.Column("finished", KEY, nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("mappings", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_started", "runs", ["started", "id"], unique=False)


def _conflicts() -> None:
    op.create_table(
        "conflicts",
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("erpnext_name", KEY, nullable=True),
        sa.Column("pair", ID, nullable=True),
        sa.Column("erpnext_stamp", sa.String(), nullable=True),
        sa.Column("source_stamp", sa.String(), nullable=True),
        sa.Column("editor", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("opened", KEY, nullable=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.Column("resolution", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_conflicts_mappings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conflicts_erpnext_name", "conflicts", ["mapping_id", "erpnext_name"], unique=False)
    op.create_index("ix_conflicts_external_id", "conflicts", ["mapping_id", "external_id"], unique=False)


def _failures() -> None:
    op.create_table(
        "failures",
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("erpnext_name", KEY, nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("ignored", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first", KEY, nullable=True),
        sa.Column("last", KEY, nullable=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_failures_mappings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failures")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_failures_erpnext_name", "failures", ["mapping_id", "erpnext_name"], unique=False)
    op.create_index("ix_failures_external_id", "failures", ["mapping_id", "external_id"], unique=False)


def _layouts() -> None:
    op.create_table(
        "layouts",
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("erpnext_fields", sa.String(), nullable=False),
        sa.Column("source_fields", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_layouts_mappings")),
        sa.PrimaryKeyConstraint("mapping_id", "number", name=op.f("pk_layouts")),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("mapping_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("pid", ID, nullable=False),
        sa.Column("started", sa.String(), nullable=False),
        sa.Column("taken", KEY, nullable=False),
        sa.Column("heartbeat", KEY, nullable=False),
        sa.Column("expires", KEY, nullable=False),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_leases_mappings")),
        sa.PrimaryKeyConstraint("mapping_id", name=op.f("pk_leases")),
    )


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=140), nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("sent", KEY, nullable=True),
        sa.Column("finished", KEY, nullable=True),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("results", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_operations_mappings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sa.UniqueConstraint("key", name=op.f("uq_operations_key")),
    )
    op.create_index("ix_operations_finished", "operations", ["finished"], unique=False)
    op.create_index("ix_operations_run", "operations", ["run", "id"], unique=False)
    op.create_index("ix_operations_state", "operations", ["mapping_id", "state", "id"], unique=False)


def _pairs() -> None:
    op.create_table(
        "pairs",
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("docstatus", sa.SmallInteger(), nullable=False),
        sa.Column("layout", sa.Integer(), nullable=False),
        sa.Column("linked_erpnext", sa.Boolean(), nullable=False),
        sa.Column("linked_source", sa.Boolean(), nullable=False),
        sa.Column("erpnext_name", KEY, nullable=True),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("creation", sa.String(), nullable=True),
        sa.Column("erpnext_stamp", KEY, nullable=True),
        sa.Column("source_stamp", KEY, nullable=True),
        sa.Column("erpnext_seen", sa.LargeBinary(), nullable=True),
        sa.Column("source_seen", sa.LargeBinary(), nullable=True),
        sa.Column("erpnext_image", sa.LargeBinary(), nullable=True),
        sa.Column("source_image", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_pairs_mappings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairs")),
        sa.UniqueConstraint("mapping_id", "erpnext_name", name=op.f("uq_pairs_mapping_id_erpnext_name")),
        sa.UniqueConstraint("mapping_id", "external_id", name=op.f("uq_pairs_mapping_id_external_id")),
    )
    op.create_index(
        "ix_pairs_erpnext_stamp",
        "pairs",
        ["mapping_id", "erpnext_stamp"],
        unique=False,
        sqlite_where=sa.text("state <> 4"),
        postgresql_where=sa.text("state <> 4"),
    )
    op.create_index(
        "ix_pairs_source_stamp",
        "pairs",
        ["mapping_id", "source_stamp"],
        unique=False,
        sqlite_where=sa.text("state <> 4"),
        postgresql_where=sa.text("state <> 4"),
    )
    op.create_index("ix_pairs_state", "pairs", ["mapping_id", "state", "id"], unique=False)


def _staged() -> None:
    op.create_table(
        "staged",
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("docstatus", sa.SmallInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("pair", ID, nullable=True),
        sa.Column("key", KEY, nullable=False),
        sa.Column("partner", KEY, nullable=True),
        sa.Column("stamp", KEY, nullable=True),
        sa.Column("creation", sa.String(), nullable=True),
        sa.Column("editor", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("match", sa.LargeBinary(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mapping_id"], ["mappings.id"], name=op.f("fk_staged_mappings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged")),
        sa.UniqueConstraint("mapping_id", "side", "key", name=op.f("uq_staged_mapping_id_side_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_staged_pair",
        "staged",
        ["mapping_id", "pair"],
        unique=False,
        sqlite_where=sa.text("pair IS NOT NULL"),
        postgresql_where=sa.text("pair IS NOT NULL"),
    )
    op.create_index(
        "ix_staged_partner",
        "staged",
        ["mapping_id", "side", "partner"],
        unique=False,
        sqlite_where=sa.text("pair IS NULL AND partner IS NOT NULL"),
        postgresql_where=sa.text("pair IS NULL AND partner IS NOT NULL"),
    )
    op.create_index(
        "ix_staged_unpaired",
        "staged",
        ["mapping_id", "side", "state", "id", "match", "pair"],
        unique=False,
        sqlite_where=sa.text("pair IS NULL"),
        postgresql_where=sa.text("pair IS NULL"),
    )
