"""Runs of syncd in processes of their own that are killed where a test says, each a fork of one that is warm.

As a program (`python -m tests.system.crash_process`) it imports everything once and then takes jobs, a line of JSON
each: it forks, the child opens the deployment as the program does and runs, and the answer tells how the child ended.
The child counts its points: HTTP requests, transactions of the state store, transactions of the shop's database, each
`before` and `after`. At the one that the job names it sends itself SIGKILL.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.system.crash_process"
LONGEST_WAIT = 0.02
"""Seconds that a process under test sleeps at most between two attempts at a request."""
UNDER_WAY = 0.03
"""Seconds after sending a request at which a process is killed that is to be killed while it waits for the answer."""


@dataclass(frozen=True)
class Point:
    """A place to be killed at: `before` or `after` the `number`th (from 1) event of a kind, or while it is `under way`.

    `kind` is `request`, `store` (a transaction of the state store) or `shop` (one of the shop's database).
    """

    kind: str
    number: int
    when: str


@dataclass(frozen=True)
class Run:
    """One run of a job."""

    full: bool = False
    force: bool = False


@dataclass
class Ended:
    """How a job's process ended. `signal` is 0 where it came to its end; `runs` holds each run's counts by mapping.

    `events` are the points that it passed: kind and name of each event, in order; `marks` how many of them had passed
    at the end of each run.
    """

    signal: int
    runs: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    error: str = ""

    def writes(self, run: int) -> list[tuple[str, str]]:
        """What run number `run` (from 0) wrote on either side."""
        first = self.marks[run - 1] if run else 0
        return [
            (kind, name)
            for kind, name in self.events[first : self.marks[run]]
            if (kind == "shop" and not name.endswith(": 0 rows")) or (kind == "request" and not name.startswith("GET"))
        ]


class Processes:
    """The warm process, and the forks of it."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._program = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def run(self, settings: Path, *runs: Run, kill: Point | None = None) -> Ended:
        """Run a deployment in a new process, once for each of `runs`; killed at `kill`."""
        job = {
            "settings": str(settings),
            "runs": [asdict(run) for run in runs],
            "kill": None if kill is None else asdict(kill),
        }
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(job) + "\n")
        self._program.stdin.flush()
        line = self._program.stdout.readline()
        assert line, "the warm process is gone"
        answer = json.loads(line)
        ended = Ended(**answer)
        ended.events = [(kind, name) for kind, name in ended.events]
        return ended

    def close(self) -> None:
        """End the warm process."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        self._program.wait(timeout=30)
        self._program.stdout.close()


# The program.


class _Points:
    """Counts events, and kills at the one that was named."""

    def __init__(self, kill: Point | None) -> None:
        self._kill = kill
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self.events: list[tuple[str, str]] = []

    def before(self, kind: str, name: str) -> int:
        """An event begins; its number."""
        with self._lock:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            self.events.append((kind, name))
        self._reached(kind, number, "before")
        if self._kill == Point(kind, number, "under way"):
            threading.Timer(UNDER_WAY, os.kill, [os.getpid(), signal.SIGKILL]).start()
        return number

    def after(self, kind: str, number: int) -> None:
        """The event is over."""
        self._reached(kind, number, "after")

    def _reached(self, kind: str, number: int, when: str) -> None:
        if self._kill == Point(kind, number, when):
            os.kill(os.getpid(), signal.SIGKILL)


def _watch(points: _Points) -> None:
    """Make the program's requests and transactions events of `points`. It is a fork: nobody else sees it."""
    import httpx

    from syncd.adapters.sources.sql_session import Session
    from syncd.adapters.store import sqlite
    from syncd.adapters.store.sqlite import SqliteDatabase

    connect = sqlite._connect_engine
    handle, commit, writing = httpx.HTTPTransport.handle_request, Session._commit, SqliteDatabase.writing

    changes: dict[Any, int] = {}

    def handled(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        number = points.before("request", f"{request.method} {request.url.raw_path.decode()[:90]}")
        response = handle(self, request)
        response.read()
        points.after("request", number)
        return response

    def committed(self: Session, connection: Any, cursor: Any) -> None:
        changed = connection.driver_connection.total_changes - changes.get(connection.driver_connection, 0)
        changes[connection.driver_connection] = connection.driver_connection.total_changes
        number = points.before("shop", f"{self.place}: {changed} rows")
        commit(self, connection, cursor)
        points.after("shop", number)

    @contextmanager
    def written(self: SqliteDatabase) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            number = points.before("store", _caller())
        points.after("store", number)

    def connected(path: Path, *, busy_seconds: float, synchronous: str) -> Any:
        # A killed process loses nothing that it wrote: only a power failure tells FULL from OFF, and FULL takes time.
        assert synchronous in {"FULL", "OFF"}
        return connect(path, busy_seconds=busy_seconds, synchronous="OFF")

    sqlite._connect_engine = connected
    httpx.HTTPTransport.handle_request = handled  # type: ignore[method-assign]
    Session._commit = committed  # type: ignore[method-assign]
    SqliteDatabase.writing = written  # type: ignore[method-assign]


def _caller() -> str:
    """Which part of the program wrote to the state store: the first frame outside of the store's own modules."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("syncd.") and not name.startswith("syncd.adapters.store"):
            return f"{name.removeprefix('syncd.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "?"


def _perform(job: dict[str, Any]) -> dict[str, Any]:
    """Open the deployment and run it, as the program does."""
    from syncd.bootstrap import Application
    from syncd.bootstrap.clock import SystemClock
    from syncd.config import load

    class Hasty(SystemClock):
        def sleep(self, seconds: float) -> None:
            time.sleep(min(seconds, LONGEST_WAIT))

    points = _Points(Point(**job["kill"]) if job["kill"] else None)
    _watch(points)
    application = Application(load(Path(job["settings"])), clock=Hasty())
    told: list[Any] = []
    marks: list[int] = []
    try:
        for run in job["runs"]:
            result = application.reconcile([], full=run["full"], force=run["force"], wait=0.0, progress=None)
            told.append({name: asdict(counts) for name, counts in result.mappings.items()})
            marks.append(len(points.events))
    finally:
        application.close()
    return {"runs": told, "events": points.events, "marks": marks}


def _child(job: dict[str, Any], out: int) -> None:
    """The forked process: perform the job, tell what came of it, and be gone."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a run prints is no answer
    try:
        told = _perform(job)
    except BaseException as error:  # noqa: BLE001 - told to the test, which fails on it
        told = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(out, "w") as stream:
        json.dump(told, stream, default=str)
    os._exit(0)


def _forked(job: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(job, writing)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    _, status = os.waitpid(pid, 0)
    told = json.loads(text) if text and not os.WIFSIGNALED(status) else {}
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, **told}


def _warm() -> None:
    """Import all that a run needs, so that no fork has to."""
    import syncd

    for module in pkgutil.walk_packages(syncd.__path__, "syncd."):
        if not module.name.startswith(
            ("syncd.__main__", "syncd.cli", "syncd.adapters.sandbox", "syncd.adapters.store.migrations")
        ):
            import_module(module.name)
    gc.collect()
    gc.freeze()


def main(_arguments: Sequence[str]) -> None:
    """Take jobs until there are no more."""
    import logging

    logging.disable(logging.CRITICAL)
    _warm()
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
