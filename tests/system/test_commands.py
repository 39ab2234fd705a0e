"""The commands as a user and as other programs meet them: exit codes, one JSON document, work without a network."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.adapters.sandbox import SandboxServer
from tests.system.harness import (
    LONGEST,
    NAME,
    NOTHING,
    PROGRAM,
    Deployment,
    Shop,
    Site,
    World,
    customers,
    deploy,
    findings,
    until,
)


def conflict(erp: World, number: int = 1) -> int:
    """Both sides change one field of a customer differently; the conflict's number."""
    erp.shop.edit([number], url="https://shop.example")
    erp.site.edit(f"Shop customer {number:05d}", website="https://site.example")
    assert erp.deployment.reconcile(code=3)["conflicts"] == 1
    held = json.loads(erp.deployment.run("conflicts", "list", "--json").stdout)["conflicts"]
    return int(held[0]["id"])


def one_document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON document on stdout; anything beside it makes this fail."""
    found = json.loads(done.stdout)
    assert found["schema"].startswith("syncd.")
    return dict(found)


JSON: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("check", ("check",), 0),
    ("provision", ("provision", "--apply"), 0),
    ("plan", ("plan",), 0),
    ("plan --exit-code", ("plan", "--exit-code"), 10),
    ("reconcile", ("reconcile",), 0),
    ("plan --exit-code, nothing to do", ("plan", "--exit-code"), 0),
    ("status", ("status",), 0),
    ("conflicts", ("conflicts",), 0),
    ("conflicts show, no such", ("conflicts", "show", "99"), 2),
    ("report list", ("report", "list"), 0),
    ("report show", ("report", "show"), 0),
    ("report show, no such", ("report", "show", "nosuchrun"), 2),
    ("an unknown mapping", ("reconcile", "custommer"), 2),
    ("an unknown command", ("reconcil",), 2),
)


def test_with_json_there_is_one_document_on_stdout_and_nothing_else(erp: World) -> None:
    erp.shop.add(customers(5))
    for what, arguments, code in JSON:
        done = erp.deployment.run(*arguments, "--json")
        assert done.returncode == code, (what, done.stdout, done.stderr)
        document = one_document(done)
        if code == 2:
            assert document["schema"] == "syncd.error/1", what
            assert document["exit_code"] == 2
        assert done.stderr == "", what


def test_the_global_options_may_stand_on_either_side_of_the_command(erp: World, tmp_path: Path) -> None:
    settings = str(erp.deployment.settings)
    for arguments in (("--config", settings, "--json", "status"), ("status", "--config", settings, "--json")):
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=tmp_path, env=erp.deployment.env(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert one_document(done)["schema"] == "syncd.status/1"
    named = subprocess.run(
        [PROGRAM, "status", "--json"],
        cwd=tmp_path,
        env=erp.deployment.env(SYNCD_CONFIG=settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert one_document(named)["schema"] == "syncd.status/1"


def test_a_run_tells_the_numbers_of_the_contract(erp: World) -> None:
    erp.shop.add(customers(3))
    document = one_document(erp.deployment.run("reconcile", "--json"))
    assert list(document) == ["schema", "run", "started", "finished", "result", "mappings"]
    assert document["schema"] == "syncd.run/1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", document["started"])
    keys = "seen adopted created updated deleted submitted cancelled amended linked unmatched conflicts held failed "
    keys += "ended disagree requests halt error"
    assert list(document["mappings"][NAME]) == keys.split()


def test_a_plan_is_what_the_run_does_and_changes_nothing(erp: World) -> None:
    erp.shop.add(customers(6))
    erp.site.add(customer_name="From the site")
    mark, writes = erp.site.mark(), erp.shop.writes
    first = one_document(erp.deployment.run("plan", "--json"))
    assert not erp.deployment.state.exists()
    assert [(each["side"], each["action"]) for each in first["operations"]].count(("erpnext", "create")) == 6
    assert [(each["side"], each["action"]) for each in first["operations"]].count(("source", "create")) == 1
    assert erp.site.writes(mark) == []
    assert erp.shop.writes == writes
    counts = erp.deployment.reconcile()
    assert counts["created"] == {"erpnext": 6, "source": 1}
    erp.shop.edit([2], url="https://two.example")
    state = erp.deployment.state.read_bytes()
    second = one_document(erp.deployment.run("plan", "--json"))
    (operation,) = second["operations"]
    assert (operation["external_id"], operation["changes"][0]["new"]) == ("2", "https://two.example")
    assert erp.deployment.state.read_bytes() == state
    assert erp.deployment.reconcile()["updated"] == {"erpnext": 1, "source": 0}
    assert one_document(erp.deployment.run("plan", "--json"))["operations"] == []


@pytest.mark.parametrize(
    ("decision", "website"),
    [
        pytest.param(("--take", "erpnext"), "https://site.example", id="take erpnext", marks=pytest.mark.slow),
        pytest.param(("--take", "source"), "https://shop.example", id="take source"),
        pytest.param(
            ("--set", "website=https://mine.example"), "https://mine.example", id="set", marks=pytest.mark.slow
        ),
    ],
)
def test_a_conflict_is_listed_shown_and_decided(erp: World, decision: tuple[str, ...], website: str) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    number = conflict(erp)
    listed = erp.deployment.run("conflicts").stdout
    assert "Shop customer 00001" in listed
    shown = erp.deployment.run("conflicts", "show", str(number)).stdout
    for text in ("https://1.example", "https://shop.example", "https://site.example", "limited@example.com"):
        assert text in shown
    resolved = erp.deployment.run("conflicts", "resolve", str(number), *decision)
    assert resolved.returncode == 0, resolved.stderr
    assert erp.site.get("Shop customer 00001")["website"] == "https://site.example", "decided is not yet done"
    counts = erp.deployment.reconcile()
    assert (counts["held"], counts["conflicts"]) == (0, 0)
    assert erp.site.get("Shop customer 00001")["website"] == website
    assert erp.shop.value("SELECT url FROM customers WHERE id = 1") == website
    assert "No record is held." in erp.deployment.run("conflicts").stdout
    erp.quiet("--full")


def test_state_and_reports_are_read_without_site_source_and_secrets(erp: World) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    number = conflict(erp)
    erp.server.stop()
    erp.shop.path.unlink()
    erp.deployment.environment.clear()
    run = one_document(erp.deployment.run("report", "list", "--json"))["runs"][0]["run"]
    for arguments, words in (
        (("status",), "customer"),
        (("conflicts", "show", str(number)), "https://shop.example"),
        (("conflicts", "resolve", str(number), "--take", "source"), "Noted."),
        (("report", "show"), "https://site.example"),
        (("report", "show", run, "--format", "json"), '"conflicts"'),
        (("report", "show", run, "--format", "html"), "<!doctype html>"),
    ):
        done = erp.deployment.run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert words.lower() in done.stdout.lower(), arguments
    refused = erp.deployment.run("reconcile")
    assert refused.returncode == 2
    assert "SHOP_SECRET is not set" in refused.stderr


def test_the_report_of_a_run_is_one_file_that_names_every_operation(erp: World) -> None:
    erp.shop.add(customers(3))
    run = erp.deployment.reconcile()["run"]
    folder = erp.deployment.state.parent / "reports"
    page = (folder / f"{run}.html").read_text()
    document = json.loads((folder / f"{run}.json").read_text())
    created = [each for each in document["operations"] if each["action"] == "create"]
    assert sorted(each["external_id"] for each in created) == ["1", "2", "3"]
    assert all(each["erpnext_name"] == f"Shop customer {int(each['external_id']):05d}" for each in created)
    for name in ("Shop customer 00001", "https://2.example"):
        assert name in page
    assert re.search(r"<(?:script|link|img)[^>]*\s(?:src|href)=", page) is None
    before = sorted(folder.iterdir())
    erp.quiet()
    assert sorted(folder.iterdir()) == before, "a pass that found nothing leaves no file"


def test_provision_shows_makes_and_removes_what_the_site_needs(tmp_path: Path) -> None:
    with SandboxServer(tmp_path / "site.db") as server, closing(Site(server.url)) as site:
        deployment = deploy(tmp_path / "deployment", server.url)

        def states(*arguments: str) -> tuple[set[str], bool]:
            mark = site.mark()
            document = one_document(deployment.run("provision", *arguments, "--json"))
            return {step["state"] for step in document["steps"]}, bool(site.writes(mark))

        assert states() == ({"missing"}, False)
        assert states("--apply") == ({"made"}, True)
        assert states("--apply") == ({"present"}, False)
        assert states("--remove") == ({"present"}, False)
        assert states("--remove", "--apply") == ({"removed"}, True)
        assert states() == ({"missing"}, False)


def test_a_new_deployment_works_from_its_first_command_on(tmp_path: Path) -> None:
    """init, then what it says next: the embedded sandbox, a shop of one's own, check, provision, reconcile."""
    made = subprocess.run([PROGRAM, "init", "shop"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    deployment = Deployment(tmp_path / "shop", Shop(tmp_path / "shop" / "shop.db"), {})
    assert deployment.run("check").returncode == 0, "nothing is enabled yet: a warning, no error"
    missing = deployment.run("check", NAME, "--json")
    assert missing.returncode == 2
    assert "shop.db is not there" in findings(missing)
    assert "provision --apply" in findings(missing)
    with closing(sqlite3.connect(deployment.shop.path)) as connection, connection:
        connection.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, vat TEXT, updated_at TEXT)"
        )
        connection.execute("INSERT INTO customers VALUES (1, 'Ada', 'person', 'X1', '2026-01-02 03:04:05')")
    deployment.replace(deployment.mapping, "enabled = false", "enabled = true")
    deployment.provision()
    checked = deployment.run("check")
    assert checked.returncode == 0, checked.stdout
    assert deployment.reconcile()["created"] == {"erpnext": 1, "source": 0}
    assert deployment.reconcile()["created"] == NOTHING
    unsure = deployment.run("sandbox", "reset")
    assert (unsure.returncode, (deployment.folder / "state" / "sandbox.db").exists()) == (2, True)
    reset = one_document(deployment.run("sandbox", "reset", "--yes", "--json"))
    assert reset["schema"] == "syncd.sandbox_reset/1"
    assert not (deployment.folder / "state" / "sandbox.db").exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_sandbox_is_served_alone_and_ends_when_told(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [PROGRAM, "sandbox", "serve", "--port", str(port), "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:

        def answers() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/api/method/frappe.ping").status_code == 200
            except httpx.TransportError:
                return False

        until(answers, what="the sandbox")
        for token, user in (("full:full", "sync@example.com"), ("limited:limited", "limited@example.com")):
            answer = httpx.get(
                f"http://127.0.0.1:{port}/api/method/frappe.auth.get_logged_user",
                headers={"Authorization": f"token {token}"},
            )
            assert answer.json() == {"message": user}
        taken = subprocess.run(
            [PROGRAM, "sandbox", "serve", "--port", str(port)], capture_output=True, text=True, check=False
        )
        assert taken.returncode == 2
        assert f"port {port}" in taken.stderr
        process.terminate()
        out, err = process.communicate(timeout=LONGEST)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["url"] == f"http://127.0.0.1:{port}"


def test_help_comes_at_once() -> None:
    """Imports are lazy: the best of five is under 0.4 s, also for the help of a command."""
    for arguments in (("--help",), ("reconcile", "--help")):
        took = []
        for _ in range(5):
            began = time.monotonic()
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
            took.append(time.monotonic() - began)
            assert done.returncode == 0
            assert "Usage: syncd" in done.stdout
        assert min(took) < 0.4, took


def test_a_deployment_without_an_enabled_mapping_is_told_so(tmp_path: Path) -> None:
    def syncd(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=LONGEST, check=False)

    assert syncd("init", str(tmp_path / "shop")).returncode == 0
    ran = syncd("--config", str(tmp_path / "shop" / "syncd.toml"), "reconcile")
    assert ran.returncode == 2
    assert "no mapping is enabled" in ran.stderr
    assert "enabled = true" in ran.stderr
