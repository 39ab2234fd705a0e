"""The wall clock, and names for runs."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def new_run_id(started: datetime) -> str:
    """`20261120T131500Z-3f9a2c`: sorts by time, unique, legal in ERPNext names and file names."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
