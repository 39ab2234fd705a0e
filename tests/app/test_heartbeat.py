"""The lease of a run that waits long for a side."""

from __future__ import annotations

import time

import pytest

from syncd.app import heartbeat
from syncd.app.heartbeat import kept
from syncd.errors import LeaseHeldError, StateError
from tests.app.harness import World


class Lease:
    mapping = "customer"

    def __init__(self, *errors: Exception) -> None:
        self.beats, self._errors = 0, list(errors)

    def beat(self) -> None:
        self.beats += 1
        if self._errors:
            raise self._errors.pop()

    def release(self) -> None:
        raise AssertionError("not the heartbeat's to do")


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(heartbeat, "EVERY", 0.005)


def test_it_is_renewed_while_the_block_runs_and_not_afterwards():
    lease = Lease()
    with kept(lease):
        until(lambda: lease.beats > 3)
    beats = lease.beats
    time.sleep(0.03)
    assert lease.beats == beats


@pytest.mark.parametrize("error", [LeaseHeldError("taken over"), StateError("the disk is full")])
def test_what_goes_wrong_with_it_ends_the_heartbeats_alone(error):
    lease = Lease(error)
    with kept(lease):
        until(lambda: lease.beats)
        time.sleep(0.03)
    assert lease.beats == 1


def test_a_run_that_waits_for_an_answer_is_heard_of(make_world):
    """The site takes its time over one call: the lease in the store moves on meanwhile."""
    world: World = make_world()
    world.source.insert(name="Anna")
    seen = []

    def slow(method, _writes):
        if method == "create" and not seen:
            before = heard(world)
            world.clock.sleep(1)
            until(lambda: heard(world) > before)
            seen.append(before)

    world.erpnext.before = slow
    assert world.counts().created["erpnext"] == 1
    assert seen, "the call was met"


def heard(world):
    with world.store._read() as connection:
        return connection.exec_driver_sql("SELECT max(expires) FROM leases").scalar()
