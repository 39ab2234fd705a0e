"""Alembic's environment: the caller hands over a connection that is in a transaction; all revisions go into it."""

from __future__ import annotations

from alembic import context

from syncd.adapters.store.tables import StoreTable

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=StoreTable.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
