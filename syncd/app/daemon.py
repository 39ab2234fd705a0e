"""The daemon: each mapping on its schedule, never two passes of one mapping at once.

Schedules only say when to look; what is done follows from what both sides hold. SIGTERM and SIGINT finish what is in
flight. systemd is told READY and STOPPING.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.app.context import Stop
from syncd.app.results import RunResult
from syncd.app.troubles import Rests, Troubles
from syncd.core.model import Counts
from syncd.errors import ExitCode, SyncdError
from syncd.ports.endpoint import Clock

log = structlog.get_logger("syncd.daemon")

MAX_PARALLEL = 4
"""Mappings that run at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When one mapping runs: every so many seconds, or by a cron line; and how often a pass is a full one."""

    mapping: str
    every: float | None
    cron: str | None
    full_every: float | None


RunMapping = Callable[[str, bool], RunResult]
"""(mapping, full) → the result of one scheduled pass."""
LastFull = Callable[[str], datetime | None]
IsHalted = Callable[[str], bool]
"""Whether a mapping halted last, in whatever process."""


class Daemon:
    """Runs mappings by schedule until it is asked to stop."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        run: RunMapping,
        last_full: LastFull,
        *,
        clock: Clock,
        stop: Stop,
        is_halted: IsHalted = lambda _mapping: True,
    ) -> None:
        """`is_halted` is asked before a mapping is left alone because it halted: a person may have run it since."""
        self._schedules = schedules
        self._run = run
        self._last_full = last_full
        self._clock = clock
        self._stop = stop
        self._is_halted = is_halted
        self._troubles = Troubles()
        self._rests = Rests()

    def run(self) -> ExitCode:
        """Block until SIGTERM or SIGINT; answers 0 once what was in flight is finished."""
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(MAX_PARALLEL)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for schedule in self._schedules:
            scheduler.add_job(
                self._tick,
                _trigger(schedule),
                args=[schedule],
                id=schedule.mapping,
                next_run_time=self._clock.now(),
            )
        previous = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            scheduler.start()
            notify("READY=1")
            log.info("running", mappings=[schedule.mapping for schedule in self._schedules])
            while not self._stop.wait(1.0):
                continue
            notify("STOPPING=1")
            log.info("stopping: finishing what is in flight")
            scheduler.shutdown(wait=True)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return ExitCode.OK

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.ask()

    def _tick(self, schedule: Schedule) -> None:
        """One pass. Whatever happens is in the run's result and the log; the next tick comes all the same.

        A mapping that goes on halting is looked at less and less often.
        """
        name = schedule.mapping
        if self._stop.asked or (self._rests.resting(name, self._clock.now()) and self._is_halted(name)):
            return
        try:
            result = self._run(name, self._full_is_due(schedule))
        except SyncdError as error:
            if self._troubles.is_news(name, error.message, self._clock.now()):
                log.warning("pass failed", mapping=name, error=error.message, hint=error.hint)
            else:
                log.debug("pass failed again", mapping=name, error=error.message)
            return
        counts = result.mappings.get(name)
        if counts is not None and counts.halt:
            self._rests.halted(name, self._clock.now(), timedelta(seconds=schedule.every or 60.0))
        else:
            self._rests.over(name)
        self._tell(name, result, counts)

    def _tell(self, name: str, result: RunResult, counts: Counts | None) -> None:
        """Trouble that lasts is told once, and again from time to time; that it is over is told, too."""
        now = self._clock.now()
        trouble = None if counts is None else counts.halt or counts.error
        if counts is not None and trouble:
            if self._troubles.is_news(name, trouble["message"], now):
                log.warning("pass ended", mapping=name, run=result.run, error=counts.error, halt=counts.halt)
        elif result.exit_code is ExitCode.OK:
            if self._troubles.over(name) or result.writes:
                log.info("pass ended", mapping=name, run=result.run, writes=result.writes)
        elif self._troubles.is_news(name, result.exit_code.name, now) or result.writes:
            log.info("pass ended", mapping=name, run=result.run, writes=result.writes, result=result.result.value)

    def _full_is_due(self, schedule: Schedule) -> bool:
        if schedule.full_every is None:
            return False
        last = self._last_full(schedule.mapping)
        return last is not None and self._clock.now() - last >= timedelta(seconds=schedule.full_every)


def _trigger(schedule: Schedule) -> BaseTrigger:
    if schedule.cron is not None:
        return cron_trigger(schedule.cron)
    return IntervalTrigger(seconds=schedule.every or 60.0, timezone="UTC")


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


def cron_trigger(line: str) -> BaseTrigger:
    """A crontab line of five fields as a trigger, in UTC.

    APScheduler counts weekdays from Monday = 0; crontab(5), which users write, from Sunday = 0 (and 7). They are
    therefore given to it as names, ranges spelt out. Where both the day of the month and the weekday are limited,
    crontab(5) runs on either.
    """
    minute, hour, day, month, weekday = line.split()
    time = {"minute": minute, "hour": hour, "month": month, "timezone": "UTC"}
    weekdays = ",".join(_weekdays(part) for part in weekday.split(","))
    trigger: BaseTrigger = CronTrigger(**time, day=day, day_of_week=weekdays)
    if not (day.startswith("*") or weekday.startswith("*")):
        trigger = OrTrigger([CronTrigger(**time, day=day), CronTrigger(**time, day_of_week=weekdays)])
    return trigger


def _weekdays(part: str) -> str:
    """One part of the weekday field: `*`, `*/2`, `1-5`, `5`, `mon`, `mon-fri`, `1-5/2`."""
    days, _, step = part.partition("/")
    first, _, last = ("0", "-", "6") if days == "*" else days.partition("-")
    low = _day(first)
    numbers = range(low, (_day(last) if last else 6 if step else low) + 1, int(step or 1))
    return ",".join(dict.fromkeys(_DAYS[number] for number in numbers))


def _day(text: str) -> int:
    return int(text) if text.isdigit() else _DAYS.index(text.lower())


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3): a datagram to $NOTIFY_SOCKET); nothing where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), target)
        except OSError as error:
            log.warning("systemd could not be told", state=state, error=str(error))
