"""Fixtures of the system tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.adapters.sandbox import SandboxServer
from tests.system.harness import World, deploy, world


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox's file that has what `syncd provision --apply` makes: tests copy it instead of building one each."""
    folder = tmp_path_factory.mktemp("provisioned")
    database = folder / "site.db"
    with SandboxServer(database) as server:
        deploy(folder / "deployment", server.url).provision()
    return database


@pytest.fixture
def erp(tmp_path: Path, provisioned: Path) -> Iterator[World]:
    """A deployment whose shop is empty, and a site without customers."""
    with world(tmp_path, provisioned) as made:
        yield made
