"""Durations and shares as people write them in TOML: `"10m"`, `60`, `"10%"`."""

from __future__ import annotations

import math
import re

from syncd.config.toml import as_toml
from syncd.core.guards import Limit

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
"""Seconds of each unit a duration may carry."""

LONGEST = 36_500 * UNITS["d"]
"""The longest duration that is taken: a hundred years; past it date arithmetic overflows."""

DURATION_HINT = 'write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds'
SHARE_HINT = 'write a share ("10%") or a whole number of records (25)'

_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*")
_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


def parse_duration(value: str | float) -> float:
    """Seconds of `"250ms"`, `"60s"`, `"1m"`, `"2h"`, `"1d"`, `"4w"`, or of a plain number of seconds.

    Raises ValueError, with the cause in plain words, for anything else, negative ones and ones over a hundred years.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ValueError(f"{as_toml(value)} is not a duration")
        unit = UNITS.get(match[2]) or UNITS.get(match[2].lower())
        if unit is None:
            raise ValueError(f"{as_toml(value)}: {as_toml(match[2])} is not a unit of time")
        seconds = float(match[1]) * unit
    else:
        seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{as_toml(value)} is not a duration")
    if seconds > LONGEST:
        raise ValueError(f"{as_toml(value)} is longer than a hundred years")
    return seconds


def parse_limit(value: str | int) -> Limit:
    """The limit that `"10%"` or `25` stands for.

    Raises ValueError, with the cause in plain words, for anything else, negative counts and shares over 100%.
    """
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"{value} is negative")
        return Limit(count=value)
    match = _PERCENT.fullmatch(value)
    if match is None:
        raise ValueError(f"{as_toml(value)} is neither a share nor a count")
    share = float(match[1]) / 100
    if share > 1:
        raise ValueError(f"{as_toml(value)} is more than all")
    return Limit(share=share)
