"""SIGINT and SIGTERM as a request to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.app.context import Stop


@contextmanager
def heard(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM ask the run to stop; a second one ends the program as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, _frame: object) -> None:
        stop.ask()
        signal.signal(number, previous[number])

    previous: dict[int, Any] = {}
    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        previous[number] = signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
