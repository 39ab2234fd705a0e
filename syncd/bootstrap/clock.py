"""The wall clock, and names for runs."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from syncd.errors import UnreachableError


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ImpatientClock(SystemClock):
    """A clock for questions that somebody waits for at a terminal: instead of long retries, an answer."""

    def __init__(self, patience: float) -> None:
        self._left = patience

    def sleep(self, seconds: float) -> None:
        """Wait; raises `UnreachableError` once all waiting together would exceed the patience."""
        if seconds > self._left:
            raise UnreachableError("the site or the source did not answer in time")
        self._left -= seconds
        super().sleep(seconds)


def new_run_id(started: datetime) -> str:
    """`20261120T131500Z-3f9a2c`: sorts by time, unique, legal in ERPNext names and file names."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
