"""How fast requests may go to one site: a ceiling, pauses that the site asks for, and its own rate limit.

With `rate_limit` set a site answers with `X-RateLimit-Limit`, `-Remaining` and `-Used` in microseconds of server time
and `-Reset` in seconds (measured on version 15; version 16 gives `Remaining` in whole seconds and no `Used`). A client
that heeds them slows down before it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

_LOW: Final = 0.2
"""The share of the site's limit below which requests are spread over the time that is left."""
_WIDEST: Final = 5.0
"""Most seconds between two requests that the site's limit may cause; past it the 429 itself says how long to wait."""


class Pace:
    """When the next request to one site may be sent. Shared by all threads that talk to it."""

    def __init__(self, per_second: float | None, monotonic: Callable[[], float]) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._limited_gap = 0.0
        self._monotonic = monotonic
        self._last = float("-inf")
        self._resume = float("-inf")
        self._lock = Lock()

    def reserve(self) -> float:
        """Take the next slot; returns the seconds to wait for it."""
        with self._lock:
            now = self._monotonic()
            slot = max(now, self._resume, self._last + max(self._gap, self._limited_gap))
            self._last = slot
            return slot - now

    def pause(self, seconds: float) -> None:
        """Let nobody send for `seconds` from now."""
        with self._lock:
            self._resume = max(self._resume, self._monotonic() + seconds)

    def heed(self, headers: Mapping[str, str], took: float) -> None:
        """Slow down, or speed up again, as the rate-limit headers of an answer say that took `took` seconds."""
        limit, remaining = _number(headers, "x-ratelimit-limit"), _number(headers, "x-ratelimit-remaining")
        reset, used = _number(headers, "x-ratelimit-reset"), _number(headers, "x-ratelimit-used")
        if not limit or remaining is None or reset is None:
            self._limited_gap = 0.0
            return
        if used is None and remaining * 1_000_000 <= limit:
            remaining *= 1_000_000
        if remaining > _LOW * limit:
            self._limited_gap = 0.0
            return
        cost = max(used or took * 1_000_000, 1.0)
        self._limited_gap = min(reset / max(remaining / cost, 1.0), _WIDEST)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name, "")
    try:
        return float(text)
    except ValueError:
        return None
