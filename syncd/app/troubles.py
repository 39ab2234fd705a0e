"""Troubles that last: a mapping that halts, or a site that is down, is not told anew at every tick."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

REMIND = timedelta(hours=1)
"""After so long the same trouble is told again: a log that is kept for a day still says it."""
LONGEST_REST = timedelta(minutes=10)
"""A mapping that goes on halting is looked at this often at least."""
_NUMBERS = re.compile(r"\d+")


class Troubles:
    """What was told of each mapping, and when. Each mapping is told of by one thread at a time."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, datetime]] = {}

    def is_news(self, mapping: str, text: str, now: datetime) -> bool:
        """Whether a trouble is another one than was told last of the mapping, or was told `REMIND` ago.

        Texts that differ in numbers only (attempts, counts) are of the same trouble.
        """
        kind = _NUMBERS.sub("#", text)
        before, at = self._told.get(mapping, ("", now))
        if kind == before and now - at < REMIND:
            return False
        self._told[mapping] = (kind, now)
        return True

    def over(self, mapping: str) -> bool:
        """The mapping went through; whether that is news."""
        return self._told.pop(mapping, None) is not None


class Rests:
    """Mappings that halted are looked at less and less often: what halts them may ask both sides for everything."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[datetime, timedelta]] = {}

    def resting(self, mapping: str, now: datetime) -> bool:
        """Whether the mapping is to be left alone for now."""
        return mapping in self._until and now < self._until[mapping][0]

    def halted(self, mapping: str, now: datetime, every: timedelta) -> None:
        """It halted: the first rest is one interval, each further one twice as long."""
        _, last = self._until.get(mapping, (now, every / 2))
        rest = min(last * 2, max(LONGEST_REST, every))
        self._until[mapping] = (now + rest, rest)

    def over(self, mapping: str) -> None:
        """It did not halt."""
        self._until.pop(mapping, None)
