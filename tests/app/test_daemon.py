"""The daemon: schedules, never two passes of one mapping at once, signals, and what systemd is told."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from syncd.app.context import Stop
from syncd.app.daemon import Daemon, Schedule, cron_trigger, notify
from syncd.app.results import Result, RunResult
from syncd.app.status import statuses
from syncd.errors import ExitCode, UnreachableError
from tests.app.harness import NAME


class Wall:
    def now(self):
        return datetime.now(UTC)

    def sleep(self, seconds):
        time.sleep(seconds)


def result(mapping):
    now = datetime.now(UTC)
    return RunResult(
        run="r", started=now, finished=now, result=Result.IN_SYNC, exit_code=ExitCode.OK, mappings={}, report=mapping
    )


def schedule(mapping, every=0.05, full_every=None):
    return Schedule(mapping=mapping, every=every, cron=None, full_every=full_every)


def test_each_mapping_runs_by_its_schedule_and_never_twice_at_once():
    stop, lock = Stop(), threading.Lock()
    running: set[str] = set()
    passes: dict[str, int] = {"a": 0, "b": 0}
    doubled: list[str] = []

    def run(mapping, _full):
        with lock:
            if mapping in running:
                doubled.append(mapping)
            running.add(mapping)
        time.sleep(0.08)  # longer than its interval
        with lock:
            running.discard(mapping)
            passes[mapping] += 1
            if min(passes.values()) >= 3:
                stop.ask()
        return result(mapping)

    daemon = Daemon([schedule("a"), schedule("b", 0.07)], run, lambda _mapping: None, clock=Wall(), stop=stop)
    assert daemon.run() is ExitCode.OK
    assert doubled == []
    assert running == set(), "what was in flight was finished"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_after_the_pass(number):
    stop = Stop()
    ended: list[bool] = []

    def run(mapping, _full):
        os.kill(os.getpid(), number)
        stop.wait(5.0)
        time.sleep(0.05)
        ended.append(stop.asked)
        return result(mapping)

    before = signal.getsignal(number)
    daemon = Daemon([schedule(NAME, 60.0)], run, lambda _mapping: None, clock=Wall(), stop=stop)
    assert daemon.run() is ExitCode.OK
    assert ended == [True]
    assert signal.getsignal(number) is before


def test_a_pass_that_fails_does_not_end_the_schedule():
    stop = Stop()
    calls: list[str] = []

    def run(mapping, _full):
        calls.append(mapping)
        if len(calls) == 1:
            raise UnreachableError("no route to host")
        if len(calls) == 2:
            raise ZeroDivisionError("a defect")
        stop.ask()
        return result(mapping)

    daemon = Daemon([schedule(NAME)], run, lambda _mapping: None, clock=Wall(), stop=stop)
    assert daemon.run() is ExitCode.OK
    assert len(calls) >= 3


@pytest.mark.parametrize(
    ("ago", "every", "full"),
    [
        pytest.param(timedelta(hours=25), 86400.0, True, id="a day and an hour ago: due"),
        pytest.param(timedelta(hours=1), 86400.0, False, id="an hour ago: not due"),
        pytest.param(timedelta(days=9), None, False, id="never asked for"),
        pytest.param(None, 86400.0, False, id="before the first pass, which reads everything anyway"),
    ],
)
def test_full_passes_are_due_by_their_own_interval(ago, every, full):
    stop = Stop()
    asked: list[bool] = []

    def run(mapping, wanted):
        asked.append(wanted)
        stop.ask()
        return result(mapping)

    last = None if ago is None else datetime.now(UTC) - ago
    Daemon([schedule(NAME, 60.0, every)], run, lambda _mapping: last, clock=Wall(), stop=stop).run()
    assert asked[0] is full


MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.mark.parametrize(
    ("field", "days"),
    [
        pytest.param("*", "mon tue wed thu fri sat sun", id="every day"),
        pytest.param("0", "sun", id="0 is Sunday"),
        pytest.param("7", "sun", id="7 is Sunday too"),
        pytest.param("1", "mon", id="1 is Monday"),
        pytest.param("1-5", "mon tue wed thu fri", id="a range"),
        pytest.param("5-7", "fri sat sun", id="a range that ends with 7"),
        pytest.param("0-2", "mon tue sun", id="a range that begins with Sunday"),
        pytest.param("1,3", "mon wed", id="a list"),
        pytest.param("1-5/2", "mon wed fri", id="a range with a step"),
        pytest.param("*/2", "tue thu sat sun", id="every second day, counted from Sunday"),
        pytest.param("1/3", "mon thu", id="from Monday on, every third"),
        pytest.param("mon", "mon", id="a name"),
        pytest.param("MON-fri", "mon tue wed thu fri", id="a range of names"),
        pytest.param("sun-tue", "mon tue sun", id="a range of names that begins with Sunday"),
        pytest.param("mon-fri/2", "mon wed fri", id="a range of names with a step"),
    ],
)
def test_weekdays_are_counted_as_crontab_counts_them(field, days):
    trigger = cron_trigger(f"0 12 * * {field}")
    found, moment = [], MONDAY
    while (moment := trigger.get_next_fire_time(None, moment)) < MONDAY + timedelta(days=7):
        found.append(WEEKDAYS[moment.weekday()])
        moment += timedelta(minutes=1)
    assert found == days.split()


def test_a_day_of_the_month_or_a_weekday_as_crontab_says():
    trigger = cron_trigger("0 0 13 * 5")
    found, moment = [], datetime(2026, 3, 1, tzinfo=UTC)
    while (moment := trigger.get_next_fire_time(None, moment)) < datetime(2026, 4, 1, tzinfo=UTC):
        found.append(moment.day)
        moment += timedelta(minutes=1)
    assert found == [6, 13, 20, 27], "Fridays, and the 13th whatever day it is"
    trigger = cron_trigger("0 0 14 * 5")
    assert [trigger.get_next_fire_time(None, datetime(2026, 3, day, 1, tzinfo=UTC)).day for day in (6, 13, 14)] == [
        13,
        14,
        20,
    ]


def test_systemd_is_told_when_the_daemon_is_ready_and_when_it_stops(tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        stop = Stop()

        def run(mapping, _full):
            stop.ask()
            return result(mapping)

        Daemon([schedule(NAME)], run, lambda _mapping: None, clock=Wall(), stop=stop).run()
        assert [channel.recv(100), channel.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_nobody_is_told_where_systemd_does_not_listen(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with capture_logs() as quiet:
        notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with capture_logs() as told:
        notify("READY=1")
    assert quiet == []
    assert [line["event"] for line in told] == ["systemd could not be told"]


def test_status_tells_of_every_mapping_from_the_store_alone(world):
    [(document, row), _] = world.agreed(2)
    world.erpnext.edit(document, customer_name="A")
    world.source.edit(row, name="B")
    world.run()
    world.clock.sleep(30.0)
    planned = [schedule(NAME, 60.0), schedule("other", 60.0)]
    first, second = statuses(world.store, planned, {NAME}, world.clock.now())
    assert (first.pairs, first.held, first.lag, first.last_result) == (2, 1, 30.0, "attention")
    assert first.next_run == world.clock.now() + timedelta(seconds=30)
    assert (second.enabled, second.last_run, second.next_run) == (False, None, None)
