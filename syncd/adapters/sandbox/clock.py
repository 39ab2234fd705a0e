"""The site's clock: naive local time with microseconds, never the same stamp twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

STAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


class SiteClock:
    """Gives stamps in the site's zone. Tests may shift, freeze or turn it back.

    `now()` strictly advances while the clock runs by itself; while it is frozen every stamp is the same. After
    `shift` to an earlier time stamps are earlier too: that is what a clock set back does.
    """

    def __init__(self, zone: str) -> None:
        self._lock = threading.Lock()
        self._zone = ZoneInfo(zone)
        self._offset = timedelta(0)
        self._frozen: datetime | None = None
        self._last: datetime | None = None

    @property
    def zone(self) -> str:
        """The IANA name of the site's zone."""
        return self._zone.key

    def set_zone(self, zone: str) -> None:
        """Change the site's zone; stamps that were given stay as they are. Raises ZoneInfoNotFoundError."""
        with self._lock:
            self._zone = ZoneInfo(zone)
            self._last = None

    def shift(self, seconds: float) -> None:
        """Run this many seconds ahead of (or, negative, behind) the machine's clock."""
        with self._lock:
            self._offset = timedelta(seconds=seconds)
            self._last = None

    def freeze(self, at: str | None = None) -> str:
        """Give this stamp (default: the present one) again and again until `unfreeze`."""
        stamp = datetime.fromisoformat(at) if at else self._read()
        with self._lock:
            self._frozen = stamp
        return stamp.strftime(STAMP_FORMAT)

    def unfreeze(self) -> None:
        """Run again."""
        with self._lock:
            self._frozen = None

    def _read(self) -> datetime:
        return (datetime.now(UTC) + self._offset).astimezone(self._zone).replace(tzinfo=None)

    def now(self) -> datetime:
        """The present site-local time, naive."""
        with self._lock:
            if self._frozen is not None:
                return self._frozen
            now = self._read()
            if self._last is not None and now <= self._last and self._last - now < timedelta(seconds=1):
                now = self._last + timedelta(microseconds=1)
            self._last = now
            return now

    def stamp(self) -> str:
        """The present site-local time as `YYYY-MM-DD HH:MM:SS.ffffff`."""
        return self.now().strftime(STAMP_FORMAT)
