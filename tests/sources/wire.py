"""A wire between syncd and a database's socket that a test can cut."""

from __future__ import annotations

import re
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from sqlalchemy.engine import make_url


class Cut(Enum):
    BEFORE = auto()
    """What syncd said never arrives."""
    AFTER = auto()
    """The server does it, and its answer never arrives."""


class Wire:
    """Stands between syncd and a socket. `url` leads through it; `cut` ends the connection that says something."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-wire-"))
        if "unix_socket" in parsed.query:
            self._target = str(parsed.query["unix_socket"])
            own = self.folder / "socket"
            self.url = url.replace(self._target, str(own))
        else:
            self._target = f"{parsed.query['host']}/.s.PGSQL.5432"
            own = self.folder / ".s.PGSQL.5432"
            self.url = url.replace(str(parsed.query["host"]), str(self.folder))
        self._trap: tuple[re.Pattern[bytes], Cut] | None = None
        self._times = 0
        self.sprung = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(own))
        self._listener.listen()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self, words: bytes, where: Cut, times: int = 1) -> None:
        """End the next `times` connections that say what the regular expression `words` finds."""
        self._trap, self._times, self.sprung = (re.compile(words), where), times, 0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._ends += [near, far]
                self._start(lambda near=near, far=far: self._carry(near, far))

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            lost = False
            while True:
                ready, _, _ = select.select([near, far], [], [], 10)
                if near in ready:
                    data = near.recv(65536)
                    if not data:
                        break
                    trap = self._trap
                    if trap is not None and self.sprung < self._times and trap[0].search(data):
                        self.sprung += 1
                        if trap[1] is Cut.BEFORE:
                            break
                        lost = True
                    far.sendall(data)
                if far in ready:
                    data = far.recv(65536)
                    if not data or lost:
                        break
                    near.sendall(data)
        near.close()
        far.close()

    def close(self) -> None:
        """End every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for end in self._ends:
            end.close()
        shutil.rmtree(self.folder, ignore_errors=True)
