"""The state store on SQLite, through SQLModel and SQLAlchemy."""

from syncd.adapters.store.opening import open_store, open_temporary

__all__ = ["open_store", "open_temporary"]
