"""The daemon as a process: ready, at work by its schedule, and ended by SIGTERM without anything left half."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.system.harness import LONGEST, World, customers, until, world

SOON = 8.0


@pytest.fixture
def often(tmp_path: Path, provisioned: Path) -> Iterator[World]:
    """A deployment whose daemon looks five times a second."""
    with world(tmp_path, provisioned, every="200ms") as made:
        yield made


class Listener:
    """What systemd would hear."""

    def __init__(self) -> None:
        self.name = f"@syncd-test-{os.getpid()}-{time.monotonic_ns()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.name[1:])
        self._socket.setblocking(False)
        self._heard: list[str] = []

    def heard(self) -> list[str]:
        while True:
            try:
                self._heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self._heard

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listener() -> Iterator[Listener]:
    made = Listener()
    try:
        yield made
    finally:
        made.close()


def test_it_says_ready_works_by_schedule_and_ends_when_told(often: World) -> None:
    often.shop.add(customers(20))
    with listener() as systemd, often.deployment.started("run", NOTIFY_SOCKET=systemd.name) as daemon:
        until(lambda: "READY=1" in systemd.heard(), what="READY=1", seconds=SOON)
        until(lambda: len(often.site.customers()) == 20, what="the first pass", seconds=SOON)
        often.shop.edit([7], url="https://seven.example")
        often.site.edit("Shop customer 00003", website="https://three.example")
        until(
            lambda: often.shop.value("SELECT url FROM customers WHERE id = 3") == "https://three.example",
            what="an edit of the site in the shop",
            seconds=SOON,
        )
        until(
            lambda: often.site.get("Shop customer 00007")["website"] == "https://seven.example",
            what="an edit of the shop at the site",
            seconds=SOON,
        )
        status = often.deployment.run("status", "--json")
        assert status.returncode == 0, status.stderr
        assert json.loads(status.stdout)["mappings"][0]["pairs"] == 20
        assert daemon.poll() is None
        began = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=LONGEST)
        assert time.monotonic() - began < 5.0
        assert daemon.returncode == 0, err
        assert systemd.heard()[-1] == "STOPPING=1"
    often.agree()
    often.quiet()


def test_told_to_stop_it_finishes_and_records_what_is_in_flight(often: World) -> None:
    often.shop.add(customers(10))
    often.deployment.reconcile()
    often.shop.edit(range(1, 11), url="https://moved.example")
    often.site.fault("delay", method="PUT", seconds=1.0, times=-1)
    with often.deployment.started("run") as daemon:
        until(lambda: often.site.met() > 0, what="an update on its way", seconds=SOON)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=LONGEST)
        assert daemon.returncode == 0, err
    often.site.clear_faults()
    carried_out = sum(row["website"] == "https://moved.example" for row in often.site.customers("website"))
    assert carried_out > 0
    rest = often.deployment.reconcile()
    assert rest["updated"]["erpnext"] == 10 - carried_out
    often.agree()
    often.quiet("--full")


def test_a_pass_that_takes_longer_than_its_interval_is_let_finish(often: World) -> None:
    """Ticks meanwhile are left out without a word: never two passes of one mapping at once."""
    often.shop.add(customers(5))
    often.site.fault("delay", path_contains="insert_many", seconds=1.0)
    with often.deployment.started("run") as daemon:
        until(lambda: often.shop.value("SELECT count(erp_ref) FROM customers") == 5, what="the slow pass", seconds=SOON)
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=LONGEST)
    assert daemon.returncode == 0
    assert [json.loads(line)["level"] for line in err.splitlines() if "instances" in line] == []
    spans = often.deployment.state_rows("SELECT started, finished FROM runs ORDER BY started")
    assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))
    often.agree()


def test_a_site_that_goes_away_does_not_end_it(often: World) -> None:
    often.shop.add(customers(5))
    often.site.fault("status", path_contains="/api/", status=401, times=3)
    with often.deployment.started("run") as daemon:
        until(
            lambda: often.shop.value("SELECT count(erp_ref) FROM customers") == 5,
            what="a pass after the failed ones",
            seconds=SOON,
        )
        daemon.send_signal(signal.SIGINT)
        _, err = daemon.communicate(timeout=LONGEST)
    assert daemon.returncode == 0, err
    assert "refuses the credentials" in err
    lines = [json.loads(line) for line in err.splitlines()]
    assert {line["level"] for line in lines} <= {"info", "warning"}
    often.agree()
