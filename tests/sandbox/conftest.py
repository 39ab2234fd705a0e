from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from syncd.adapters.sandbox import SandboxServer

from .site_client import SiteClient


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh site's file, filled once for all tests."""
    path = tmp_path_factory.mktemp("sandbox") / "seeded.db"
    with SandboxServer(path):
        pass
    return path


@pytest.fixture
def database(seeded: Path, tmp_path: Path) -> Path:
    path = tmp_path / "site.db"
    shutil.copy(seeded, path)
    return path


@pytest.fixture
def server(database: Path) -> Iterator[SandboxServer]:
    with SandboxServer(database) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[SiteClient]:
    with SiteClient(server.url) as full:
        yield full


@pytest.fixture
def limited(server: SandboxServer) -> Iterator[SiteClient]:
    with SiteClient(server.url, token="limited:limited") as user:
        yield user


@pytest.fixture
def anonymous(server: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, verify=False) as plain:
        yield plain
