"""The contract of state stores on SQLite."""

from __future__ import annotations

import pytest

from syncd.adapters.store import open_store
from tests.store.contract import StateStoreContract


class TestSqlite(StateStoreContract):
    @pytest.fixture
    def store(self, tmp_path, clock):
        opened = open_store("sqlite:///state/syncd.db", clock=clock, directory=tmp_path)
        yield opened
        opened.close()
