"""The switches for faults, the clock, the log of requests and the routes of the sandbox's own."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import pytest

from syncd.adapters.sandbox import SandboxServer

from .site_client import SiteClient, refused

LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        pytest.param("drop_after_commit", True, id="done, the answer lost"),
        pytest.param("drop_before", False, id="closed before anything was done"),
        pytest.param("reset", False, id="connection reset"),
        pytest.param("truncate", True, id="half an answer"),
    ],
)
def test_broken_connections(client: SiteClient, kind: str, made: bool) -> None:
    client.admin("faults", kind=kind, method="POST", path_contains="/api/resource/Customer")
    with pytest.raises(LOST):
        client.customer("A")
    assert [row["name"] for row in client.rows("Customer")] == (["A"] if made else [])
    assert client.customer("B")["name"] == "B", "a rule without `times` meets one request"


@pytest.mark.parametrize(
    ("rule", "status", "exc_type"),
    [
        pytest.param({"kind": "deadlock"}, 500, "QueryDeadlockError", id="deadlock"),
        pytest.param({"kind": "status", "status": 429, "retry_after": 3}, 429, "TooManyRequestsError", id="429"),
        pytest.param({"kind": "status", "status": 503, "retry_after": 3}, 503, "SessionStopped", id="503"),
    ],
)
def test_refusals(client: SiteClient, rule: dict, status: int, exc_type: str) -> None:
    client.admin("faults", **rule)
    answer = client.post("/api/resource/Customer", json={"customer_name": "A"})
    refused(answer, status, exc_type)
    assert answer.headers.get("retry-after") == (str(rule["retry_after"]) if "retry_after" in rule else None)
    assert client.rows("Customer") == []


def test_html_instead_of_json(client: SiteClient) -> None:
    client.admin("faults", kind="html")
    client.admin("faults", kind="status", status=502)
    first, second = client.get("/api/resource/Customer"), client.get("/api/resource/Customer")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (second.status_code, second.headers["content-type"]) == (502, "text/html; charset=utf-8")


def test_rules_choose_by_method_path_body_skip_and_times(client: SiteClient) -> None:
    client.admin("faults", kind="status", status=503, method="POST", body_contains="Doomed", skip=1, times=2)
    statuses = [
        client.post("/api/resource/Customer", json={"customer_name": name}).status_code
        for name in ("Fine", "Doomed 1", "Doomed 2", "Fine 2", "Doomed 3", "Doomed 4")
    ]
    assert statuses == [200, 200, 503, 200, 503, 200]
    state = client.get("/_sandbox/faults").json()["rules"]
    assert state == [{"kind": "status", "met": 2, "skip": 0, "times": 2}]
    client.admin("faults", kind="deadlock", times=-1)
    assert {client.get("/api/method/ping").status_code for _ in range(3)} == {500}
    assert client.delete("/_sandbox/faults").json() == {"rules": [], "locked": [], "rate_limit_reset": None}
    assert client.get("/api/method/ping").status_code == 200


def test_rules_that_cannot_be(client: SiteClient) -> None:
    for rule, text in (({"kind": "nope"}, "kind must be one of"), ({"kind": "html", "when": 1}, "unknown key 'when'")):
        answer = client.post("/_sandbox/faults", json=rule)
        assert answer.status_code == 400
        assert text in answer.json()["error"]


def test_rate_limit(client: SiteClient) -> None:
    client.admin("rate_limit", reset=7)
    answer = client.get("/api/resource/Customer")
    refused(answer, 429, "TooManyRequestsError")
    assert answer.headers["retry-after"] == answer.headers["x-ratelimit-reset"] == "7"
    assert answer.headers["x-ratelimit-limit"] == "200000"
    client.admin("rate_limit", reset=None)
    assert client.get("/api/resource/Customer").status_code == 200


def test_delay(client: SiteClient) -> None:
    client.admin("faults", kind="delay", seconds=0.2)
    started = time.perf_counter()
    client.customer("A")
    assert time.perf_counter() - started >= 0.2


def test_a_late_commit_has_an_early_stamp(client: SiteClient, server: SandboxServer) -> None:
    client.customer("Early")
    client.customer("Late")
    client.admin("faults", kind="late_commit", method="PUT", path_contains="Late", seconds=0.3)

    def put_late() -> None:
        with SiteClient(server.url) as own:
            assert own.update("Customer", "Late", tax_id="1").status_code == 200

    thread = threading.Thread(target=put_late)
    thread.start()
    while server.site.faults.state()[0]["met"] == 0:
        time.sleep(0.005)
    time.sleep(0.02)
    early = client.update("Customer", "Early", tax_id="2").json()["data"]
    assert "tax_id" not in client.read("Customer", "Late"), "not visible yet"
    thread.join()
    late = client.read("Customer", "Late")
    assert late["tax_id"] == "1"
    assert late["modified"] < early["modified"], "visible later, stamped earlier"


def test_log_counts_requests_writes_and_documents(client: SiteClient, server: SandboxServer) -> None:
    client.post("/_sandbox/log/reset")
    client.call("frappe.client.insert_many", docs=[{"doctype": "Customer", "customer_name": "A"}] * 3)
    client.call("frappe.client.get_list", doctype="Customer")
    client.update("Customer", "A", tax_id="1")
    client.update("Customer", "Nobody", tax_id="1")
    log = client.get("/_sandbox/log").json()
    shown = [(item["method"], item["status"], item["documents"], item["writes"]) for item in log["requests"]]
    assert shown == [("POST", 200, 3, True), ("POST", 200, 3, False), ("PUT", 200, 1, True), ("PUT", 404, 0, True)]
    assert log["requests"][0]["user"] == "sync@example.com"
    client.get("/api/method/ping")
    assert [item["path"] for item in client.get(f"/_sandbox/log?since={log['mark']}").json()["requests"]] == [
        "/api/method/ping"
    ]
    assert len(server.site.log.writes()) == 3


def test_clock(client: SiteClient, server: SandboxServer) -> None:
    client.admin("clock", freeze=True)
    first, second = client.customer("A"), client.customer("B")
    assert first["modified"] == second["modified"]
    client.admin("clock", unfreeze=True)
    third = client.customer("C")
    assert third["modified"] > second["modified"]
    client.admin("clock", offset_seconds=-3600)
    assert client.customer("D")["modified"] < first["modified"], "a clock set back"
    client.admin("clock", offset_seconds=0, zone="Asia/Tokyo")
    assert client.call("frappe.client.get_time_zone") == {"time_zone": "Asia/Tokyo"}
    value = client.call("frappe.client.get_value", doctype="System Settings", fieldname="time_zone")
    assert value == {"time_zone": "Asia/Tokyo"}
    assert client.customer("E")["modified"] > third["modified"]
    assert client.post("/_sandbox/clock", json={"zone": "No/Where"}).status_code == 400
    assert server.site.clock.zone == "Asia/Tokyo"


def test_edits_behind_the_apis_back(client: SiteClient) -> None:
    before = client.customer("A")
    edit: dict[str, Any] = {"doctype": "Customer", "name": "A", "values": {"tax_id": "1"}}
    client.admin("edit", **edit, bump=False)
    quiet = client.read("Customer", "A")
    assert (quiet["tax_id"], quiet["modified"]) == ("1", before["modified"])
    client.admin("edit", **edit, user="eve@example.com")
    loud = client.read("Customer", "A")
    assert loud["modified"] > before["modified"]
    assert loud["modified_by"] == "eve@example.com"
    assert client.post("/_sandbox/edit", json={**edit, "name": "Nobody"}).status_code == 400
    client.admin("delete", doctype="Customer", name="A")
    assert client.rows("Customer") == []
    assert client.rows("Deleted Document", filters={"deleted_name": "A"}) == []


def test_bulk_load(client: SiteClient) -> None:
    loaded = client.admin(
        "bulk_load",
        doctype="Customer",
        rows=[{"customer_name": "A", "tax_id": 5}, {"customer_name": "B", "name": "Other", "modified": "2026-01-01"}],
        stamp="2026-02-02 02:02:02.5",
    )
    assert loaded == {"loaded": 2}
    rows = client.rows("Customer", fields=["name", "modified", "tax_id", "customer_type"], order_by="name asc")
    assert rows == [
        {"name": "A", "modified": "2026-02-02 02:02:02.500000", "tax_id": "5", "customer_type": "Company"},
        {"name": "Other", "modified": "2026-01-01 00:00:00", "tax_id": None, "customer_type": "Company"},
    ]
