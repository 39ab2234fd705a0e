"""Leases across processes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.adapters.store import leases, open_store
from syncd.errors import ExitCode, LeaseHeldError
from tests.store.contract import FakeClock

URL = "sqlite:///syncd.db"

HOLD = """
import sys
from pathlib import Path
from syncd.adapters.store import open_store
from tests.store.contract import FakeClock
store = open_store("sqlite:///syncd.db", clock=FakeClock(), directory=Path(sys.argv[1]))
store.acquire("customer", wait=0)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    opened = open_store(URL, clock=clock, directory=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def holder(tmp_path, store):
    """Another process that holds the lease of `customer`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def change_lease(store, **values) -> None:
    assignments = ", ".join(f"{name} = ?" for name in values)
    with store._write() as connection:
        connection.exec_driver_sql(f"UPDATE leases SET {assignments}", tuple(values.values()))


def test_a_living_process_keeps_its_lease_and_is_named(store, clock, holder):
    with pytest.raises(LeaseHeldError) as refusal:
        store.acquire("customer", wait=1)
    assert f"process {holder.pid} " in refusal.value.message
    assert "mapping customer" in refusal.value.message
    assert "--wait" in refusal.value.hint
    assert refusal.value.exit_code is ExitCode.LEASE_HELD


def test_the_lease_of_a_dead_process_is_taken_over_at_once(store, clock, holder):
    holder.kill()
    holder.wait()
    lease = store.acquire("customer", wait=0)
    assert clock.slept == 0
    lease.beat()


def test_a_process_that_died_and_was_not_collected_is_dead(store, clock, holder):
    holder.kill()
    # Its output ends with it; it stays a zombie, with a number and a start time, until somebody waits for it.
    holder.stdout.read()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{holder.pid}/stat").exists()
    store.acquire("customer", wait=0)
    assert clock.slept == 0


def test_a_number_that_was_given_again_is_another_process(store, clock, holder):
    change_lease(store, pid=os.getpid(), started="1")
    store.acquire("customer", wait=0)
    assert clock.slept == 0


@pytest.mark.parametrize(
    ("description", "scope"),
    [("another host", "elsewhere 1 pid:[1]"), ("a host that cannot say", "")],
)
def test_elsewhere_only_silence_tells(store, clock, holder, description, scope):
    holder.kill()
    holder.wait()
    change_lease(store, scope=scope, host="elsewhere")
    with pytest.raises(LeaseHeldError, match="elsewhere"):
        store.acquire("customer", wait=0)
    clock.time += timedelta(seconds=59)
    with pytest.raises(LeaseHeldError):
        store.acquire("customer", wait=0)
    clock.time += timedelta(seconds=1)
    store.acquire("customer", wait=0).beat()


def test_waiting_ends_when_the_other_is_done(store, clock, holder, monkeypatch):
    def sleep(seconds: float) -> None:
        FakeClock.sleep(clock, seconds)
        if clock.slept >= 2:
            holder.kill()
            holder.wait()

    monkeypatch.setattr(clock, "sleep", sleep)
    store.acquire("customer", wait=30)
    assert 2 <= clock.slept < 3


def test_this_process_is_not_gone_and_others_are_told_apart():
    present = leases.Process.present()
    assert (present.pid, present.is_gone()) == (os.getpid(), False)
    assert present.scope.startswith(present.host)
    assert present.started.isdigit()
