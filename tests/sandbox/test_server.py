"""The server itself: start, stop, restart, several at once, as a process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from syncd.adapters.sandbox import SandboxServer, create_app, reset

from .site_client import SiteClient


def test_data_survives_a_restart(database: Path) -> None:
    with SandboxServer(database) as first, SiteClient(first.url) as client:
        client.create("Custom Field", dt="Customer", fieldname="shop_id", fieldtype="Data", unique=1)
        made = client.customer("A", shop_id="1")
    with SandboxServer(database) as second, SiteClient(second.url) as client:
        assert client.read("Customer", "A")["modified"] == made["modified"]
        assert client.rows("Customer", filters={"shop_id": "1"}) == [{"name": "A"}]
        assert len(client.rows("Territory")) == 14, "filled once only"


def test_two_servers_share_nothing(database: Path, tmp_path: Path) -> None:
    with (
        SandboxServer(database) as one,
        SandboxServer(tmp_path / "b" / "other.db", zone="Europe/Berlin") as two,
        SiteClient(one.url) as first,
        SiteClient(two.url) as second,
    ):
        first.create("Custom Field", dt="Customer", fieldname="shop_id", fieldtype="Data")
        first.customer("A", shop_id="1")
        assert second.rows("Customer") == []
        assert second.find("Customer", fields=["shop_id"]).status_code == 417
        second.admin("faults", kind="deadlock", times=-1)
        assert first.get("/api/method/ping").status_code == 200
        assert first.get("/_sandbox/health").json()["zone"] == "America/New_York"
        assert second.get("/_sandbox/health").json()["zone"] == "Europe/Berlin"


def test_reset_removes_the_data(database: Path) -> None:
    with SandboxServer(database) as server, SiteClient(server.url) as client:
        client.customer("A")
    reset(database)
    assert not database.exists()
    reset(database)


def test_a_fresh_site_is_up_quickly_and_holds_a_company(tmp_path: Path) -> None:
    started = time.perf_counter()
    with SandboxServer(tmp_path / "fresh.db") as server, SiteClient(server.url) as client:
        assert time.perf_counter() - started < 5
        assert client.rows("Company", fields=["name", "abbr", "default_currency", "country"]) == [
            {"name": "Acme Inc", "abbr": "AI", "default_currency": "USD", "country": "United States"}
        ]
        accounts = client.rows("Account", fields=["name", "lft", "rgt"], limit_page_length=0)
        assert {"Cash - AI", "Sales - AI", "Direct Income - AI", "Debtors - AI"} <= {row["name"] for row in accounts}
        assert sorted(place for row in accounts for place in (row["lft"], row["rgt"])) == list(
            range(1, 2 * len(accounts) + 1)
        )
        assert len(client.rows("Country", limit_page_length=0)) > 240
        new = client.create("Account", account_name="Wire", parent_account="Direct Income - AI", company="Acme Inc")
        assert (new["name"], new["root_type"], new["report_type"]) == ("Wire - AI", "Income", "Profit and Loss")
        above = client.read("Account", "Direct Income - AI")
        assert above["lft"] < new["lft"] < new["rgt"] < above["rgt"]
        assert (
            client.delete("/api/resource/Account/Direct Income - AI").json()["exc_type"] == "NestedSetChildExistsError"
        )


def test_a_taken_port_is_an_error(database: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            SandboxServer(database, port=taken.getsockname()[1]).start()


def test_start_twice_and_stop_twice(database: Path) -> None:
    server = SandboxServer(database)
    server.start()
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = server.site


def test_the_application_runs_under_any_server(database: Path) -> None:
    app = create_app(database)
    site = app.state.site
    assert site.state()["company"] == "Acme Inc"
    with site.writing() as session:
        assert session.exists("Company", "acme inc") == "Acme Inc"
    site.close()


def test_serve_ends_on_sigterm(database: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from pathlib import Path; from syncd.adapters.sandbox import serve; serve(Path({str(database)!r}), {port})"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        for _ in range(200):
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/_sandbox/health").json()["ok"] is True
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        else:
            pytest.fail("the process did not come up")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, syncd.adapters.sandbox; assert not {'uvicorn', 'starlette', 'pycountry'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_stays_inside_the_sandbox() -> None:
    code = (
        "import sys, syncd.adapters.sandbox.server; "
        "others = [m for m in sys.modules if m.startswith('syncd.') and 'sandbox' not in m and m != 'syncd.adapters']; "
        "assert not others, others"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
