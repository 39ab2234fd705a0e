"""Ask a side for records of which one that is left out is certainly not there."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.app.context import Pass
from syncd.core.model import Row, Side


def certain(run: Pass, side: Side, keys: Sequence[str]) -> list[Row]:
    """The records with these keys. What a list leaves out is asked for by itself: a list hides what may not be read.

    Raises `HaltError` (guard `lost_right`) for a record that is there and may not be read.
    """
    if not keys:
        return []
    endpoint = run.endpoints[side]
    rows = list(endpoint.fetch(keys))
    there = {row.key for row in rows}
    missing = [key for key in keys if key not in there]
    return rows + list(endpoint.fetch_singly(missing)) if missing else rows
