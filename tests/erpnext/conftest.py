"""A sandbox site with what `provision` makes, a clock without waiting, and short ways to ask things."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient, TokenAuth
from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.adapters.sandbox import SandboxServer
from syncd.core.mapping import MappingSpec
from tests.erpnext.helpers import FakeClock, customer_spec, make_client


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provisioned site's database, copied for each test."""
    database = tmp_path_factory.mktemp("site") / "sandbox.db"
    with SandboxServer(database) as server:
        client = make_client(server.url)
        steps = apply_provision(client, plan_provision(client, [customer_spec()]))
        assert [step.state.value for step in steps] == ["made", "made"]
        client.close()
    return database


@pytest.fixture
def server(template: Path, tmp_path: Path) -> Iterator[SandboxServer]:
    """A provisioned site of this test's own."""
    for suffix in ("", "-wal"):
        if Path(f"{template}{suffix}").exists():
            shutil.copy(f"{template}{suffix}", tmp_path / f"sandbox.db{suffix}")
    with SandboxServer(tmp_path / "sandbox.db") as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(server: SandboxServer, clock: FakeClock) -> Iterator[SiteClient]:
    made = make_client(server.url, clock=clock)
    yield made
    made.close()


@pytest.fixture
def endpoint(client: SiteClient) -> ErpnextEndpoint:
    return ErpnextEndpoint(client, customer_spec(), page_size=100, run="run-1")


@pytest.fixture
def admin(server: SandboxServer) -> Iterator[Callable[..., Any]]:
    """POST to the sandbox's own routes: `admin("edit", doctype=…)`."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:

        def post(path: str, **values: Any) -> Any:
            answer = http.post(f"/_sandbox/{path}", json=values)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield post


@pytest.fixture
def limited(server: SandboxServer) -> Iterator[SiteClient]:
    """The same site as the user with the role Sales User."""
    made = SiteClient(server.url, TokenAuth(key="limited", secret="limited"), clock=FakeClock())
    yield made
    made.close()


@pytest.fixture
def spec() -> MappingSpec:
    return customer_spec()
