"""Alembic's scripts; run by `syncd.adapters.store.migrate`."""
