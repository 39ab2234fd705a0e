"""Answers that are lost, broken or refused on their way, over HTTP: nothing twice, nothing lost, nothing silent."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.system.harness import NAME, World, customers

INSERT = "insert_many"
LIST = "/api/resource/Customer"


@dataclass(frozen=True)
class Fault:
    """What goes wrong once, as `/_sandbox/faults` takes it."""

    what: str
    kind: str
    rule: dict[str, Any] = field(default_factory=dict)

    @property
    def short(self) -> str:
        return f"{self.rule.get('status', self.kind)}"


DONE_BUT_LOST = (
    Fault("done, then the connection is closed", "drop_after_commit"),
    Fault("done, but half of the answer comes", "truncate"),
)
NOT_DONE = (
    Fault("closed before anything is done", "drop_before"),
    Fault("connection reset", "reset"),
    Fault("deadlock", "deadlock"),
    Fault("a page of HTML with status 200", "html"),
    Fault("429 with Retry-After", "status", {"status": 429, "retry_after": 1}),
    Fault("503", "status", {"status": 503}),
    Fault("503 with Retry-After", "status", {"status": 503, "retry_after": 1}),
)
EVERY = DONE_BUT_LOST + NOT_DONE


def cases(*quick: str) -> list[Any]:
    """Every fault; those that are not named here by their kind (and status) belong to the slow tier."""
    return [
        pytest.param(fault, id=fault.what, marks=() if fault.short in quick else pytest.mark.slow) for fault in EVERY
    ]


@pytest.mark.parametrize("fault", cases("drop_after_commit", "deadlock"))
def test_a_creating_call_is_sent_again_under_its_key(erp: World, fault: Fault) -> None:
    """The second of three batches is hit: everything is there once, in the same run."""
    erp.shop.add(customers(150))
    erp.site.fault(fault.kind, path_contains=INSERT, skip=1, **fault.rule)
    mark = erp.site.mark()
    counts = erp.deployment.reconcile()
    assert erp.site.met() == 1
    assert counts["created"]["erpnext"] == 150
    if fault in DONE_BUT_LOST:
        assert [request["status"] for request in erp.site.requests(mark) if INSERT in request["path"]].count(409) == 1
    erp.agree()
    erp.quiet("--full")


@pytest.mark.parametrize("fault", cases("drop_after_commit", "reset"))
def test_an_update_is_done_once(erp: World, fault: Fault) -> None:
    """An update whose answer is lost is not sent again blindly: what became of it is looked up."""
    erp.shop.add(customers(20))
    erp.deployment.reconcile()
    erp.shop.edit(range(1, 21), url="https://moved.example")
    mark = erp.site.mark()
    erp.site.fault(fault.kind, method="PUT", skip=3, **fault.rule)
    done = erp.deployment.run("reconcile")
    assert done.returncode in {0, 3}, done.stdout + done.stderr
    assert erp.site.met() == 1
    if done.returncode == 3:
        assert "1 record failed" in done.stdout
        assert erp.deployment.reconcile()["failed"] == 0
    carried_out = [
        request
        for request in erp.site.requests(mark)
        if request["method"] == "PUT"
        and (request["status"] == 200 or request["fault"] in {"drop_after_commit", "truncate"})
        and request["fault"] != "html"
    ]
    assert len(carried_out) == 20
    assert {row["website"] for row in erp.site.customers("website")} == {"https://moved.example"}
    erp.quiet("--full")


@pytest.mark.parametrize("fault", cases("html", "truncate"))
def test_a_page_that_fails_is_read_again_and_never_shortens_the_pass(erp: World, fault: Fault) -> None:
    erp.site.load([{"customer_name": f"Document {number:04d}"} for number in range(300)])
    erp.deployment.replace(erp.deployment.settings, "page_size = 1000", "page_size = 100")
    erp.site.fault(fault.kind, method="GET", path_contains=LIST, skip=1, **fault.rule)
    assert erp.deployment.reconcile()["created"]["source"] == 300
    assert erp.site.met() == 1
    erp.site.fault(fault.kind, method="GET", path_contains=LIST, skip=1, **fault.rule)
    erp.quiet("--full")


def test_retry_after_is_obeyed_by_every_request(erp: World) -> None:
    erp.shop.add(customers(5))
    erp.site.fault("status", path_contains=INSERT, status=429, retry_after=2)
    began = time.monotonic()
    erp.deployment.reconcile()
    assert time.monotonic() - began > 2.0
    erp.agree()


def test_a_feed_that_breaks_off_for_good_is_no_deletion(erp: World) -> None:
    """The second page of a full pass cannot be had: the pass fails as a whole, and no pair is taken for gone."""
    erp.deployment.replace(
        erp.deployment.mapping,
        "[conflict]",
        '[delete]\nsource_deleted = "delete"\nerpnext_deleted = "delete"\n\n[conflict]',
    )
    erp.deployment.replace(erp.deployment.settings, "page_size = 1000", "page_size = 10")
    erp.shop.add(customers(25))
    erp.deployment.reconcile()
    erp.site.fault("status", method="GET", path_contains=LIST, skip=1, times=-1, status=503, retry_after=3600)
    mark, writes = erp.site.mark(), erp.shop.writes
    done = erp.deployment.run("reconcile", "--full")
    assert done.returncode == 5, done.stdout
    assert "the site asks to wait 3600 s" in done.stdout
    assert erp.site.writes(mark) == []
    assert erp.shop.writes == writes
    erp.site.clear_faults()
    erp.quiet("--full")


@contextmanager
def locked(erp: World, mode: str) -> Iterator[sqlite3.Connection]:
    """Another program is in the middle of a transaction on the shop."""
    with closing(sqlite3.connect(erp.shop.path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute(f"BEGIN {mode}")
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def test_a_short_lock_on_the_source_is_waited_for(erp: World) -> None:
    erp.site.load([{"customer_name": f"Document {number}"} for number in range(5)])
    with locked(erp, "IMMEDIATE") as other:
        threading.Timer(1.5, other.execute, ["ROLLBACK"]).start()
        assert erp.deployment.reconcile()["created"]["source"] == 5
    erp.quiet()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_lock_that_stays_is_told_and_nothing_is_lost(erp: World, mode: str) -> None:
    """IMMEDIATE keeps others from writing, EXCLUSIVE from reading too."""
    erp.site.load([{"customer_name": f"Document {number}"} for number in range(5)])
    with locked(erp, mode):
        done = erp.deployment.run("reconcile")
    assert done.returncode == (5 if mode == "EXCLUSIVE" else 3), done.stdout + done.stderr
    text = done.stdout + done.stderr + erp.deployment.run("report", "show").stdout
    assert "locked by another program" in text
    assert NAME in text
    assert erp.deployment.reconcile()["created"]["source"] == 5
    erp.quiet("--full")
