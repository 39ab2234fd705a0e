"""`syncd` in processes of their own that need not import anything: each is a fork of one that has.

As a program (`python -m tests.system.warm`) it imports all once and then takes command lines, a line of JSON each. A
fork has its own folder, environment, output and end, like a process that was started; only what Python does before the
program's first line is left out. What depends on that is tested with processes that are started (`Deployment.started`).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.system.warm"


class Warm:
    """The warm process."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `syncd` with these arguments to its end. Raises `subprocess.TimeoutExpired`, once it is killed."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.getpid()
            outputs = [f"/proc/{pid}/fd/{stream.fileno()}" for stream in (out, err)]
            job = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "outputs": outputs}
            self._program.stdin.write(json.dumps({**job, "timeout": timeout}) + "\n")
            self._program.stdin.flush()
            line = self._program.stdout.readline()
            assert line, "the warm process is gone"
            code = json.loads(line)
            if code is None:
                raise subprocess.TimeoutExpired(["syncd", *arguments], timeout)
            return subprocess.CompletedProcess(["syncd", *arguments], code, _text(out), _text(err))

    def close(self) -> None:
        """End the warm process."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        self._program.wait(timeout=30)
        self._program.stdout.close()


@cache
def warm() -> Warm:
    """The one of this process, ended with it."""
    made = Warm()
    atexit.register(made.close)
    return made


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


# The program.


def _become(job: Mapping[str, Any]) -> NoReturn:
    """The forked process: the program in its folder, with its environment and output."""
    from syncd.cli.main import main

    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    for number, path in enumerate((os.devnull, *job["outputs"])):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["syncd", *job["arguments"]]
    main()


def _await(pid: int, timeout: float) -> int | None:
    """The exit code of a forked process as `subprocess` tells it; None where it had to be killed."""
    end, pause = time.monotonic() + timeout, 0.0005
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(pause)
        pause = min(pause * 2, 0.01)


def _import_all() -> None:
    import syncd

    for module in pkgutil.walk_packages(syncd.__path__, "syncd."):
        if not module.name.startswith(("syncd.__main__", "syncd.adapters.store.migrations")):
            import_module(module.name)
    for name in ("alembic.command", "sqlalchemy.dialects.sqlite"):
        import_module(name)
    gc.collect()
    gc.freeze()


def _serve() -> None:
    """Take command lines until there are no more."""
    _import_all()
    while line := sys.stdin.readline():
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(job)
        print(json.dumps(_await(pid, job["timeout"])), flush=True)


if __name__ == "__main__":
    _serve()
