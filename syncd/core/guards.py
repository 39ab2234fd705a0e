"""Guards: pure predicates that halt a mapping before damage, each with a name.

| guard | halts when |
|---|---|
| emptied_side | a side that has pairs answers a complete pass with no record at all |
| max_deletes | more deletions are planned than `[safety] max_deletes` lets through |
| max_updates | a scheduled pass plans more updates than `[safety] max_updates` lets through |
| restored_backup | records carry older stamps than were recorded: the site or source went back in time |

Each returns None or a `Halt` with the numbers in plain words; `--force` passes them once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from syncd.core.model import Raw, Side
from syncd.core.values import parse_stamp, show

LEAST_DELETES = 5
"""Small sets: this many deletions are let through whatever the percentage (contract, `[safety]`)."""
LEAST_UPDATES = 50
"""The same for updates."""
_HAIR = 1e-6
REPEATED_HOUR = timedelta(hours=1)
"""Naive stamps go back by this much when daylight saving time ends, without anything being wrong."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a mapping stops. `hint` is the next step."""

    guard: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of `[safety]`: a share of the mapping's pairs (0 to 1) or a count."""

    share: float | None = None
    count: int | None = None

    def allowed(self, pairs: int, least: int) -> int:
        """How many are let through among `pairs`; a count is taken as it is."""
        if self.count is not None:
            return self.count
        # 29% of 100 is 29, although 0.29 * 100 is a hair less.
        return max(least, int((self.share or 0.0) * pairs + _HAIR))

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{(self.share or 0.0) * 100:g}%"


def _place(side: Side) -> str:
    return "ERPNext" if side is Side.ERPNEXT else "the source"


def emptied_side(side: Side, seen: int, pairs: int) -> Halt | None:
    """A complete pass over `side` saw `seen` records although `pairs` live pairs have one there."""
    if seen or not pairs:
        return None
    return Halt(
        "emptied_side",
        f"{_place(side)} answered a complete pass with no record at all, but {pairs} pairs have one there",
        "Look at that side (wrong database, lost rights, an emptied table). If it is really meant to be empty, "
        "run `syncd reconcile --full --force` once.",
    )


def too_many_deletes(deletes: int, pairs: int, limit: Limit) -> Halt | None:
    """`deletes` counts every operation that takes a record away: delete, cancel, disable, mark."""
    allowed = limit.allowed(pairs, LEAST_DELETES)
    if deletes <= allowed:
        return None
    return Halt(
        "max_deletes",
        f"{deletes} of {pairs} pairs would be deleted, cancelled, disabled or marked; [safety] max_deletes = "
        f"{limit} lets {allowed} through",
        "Look at `syncd plan`. If all of it is meant, run `syncd reconcile --force` once.",
    )


def too_many_updates(updates: int, pairs: int, limit: Limit) -> Halt | None:
    """For scheduled passes: a person who starts a run has a plan to look at."""
    allowed = limit.allowed(pairs, LEAST_UPDATES)
    if updates <= allowed:
        return None
    return Halt(
        "max_updates",
        f"{updates} of {pairs} pairs would be updated in one scheduled pass; [safety] max_updates = {limit} lets "
        f"{allowed} through",
        "Look at `syncd plan`. If all of it is meant, run `syncd reconcile --force` once.",
    )


def restored_backup(side: Side, stamps: Iterable[tuple[str, Raw, Raw]], zone: str) -> Halt | None:
    """`stamps`: (key, stamp as recorded, stamp as it is now) of the most recently stamped pairs still there."""
    older = []
    for key, recorded, now in stamps:
        before, after = parse_stamp(recorded, zone), parse_stamp(now, zone)
        if before is not None and after is not None and before.at - after.at > REPEATED_HOUR:
            older.append((key, recorded, now))
    if not older:
        return None
    key, recorded, now = older[0]
    was, has = str(show(recorded)), str(show(now))
    return Halt(
        "restored_backup",
        f"{_place(side)} went back in time: {len(older)} records carry an older stamp than syncd has seen, for "
        f"example {key} ({has}, seen before as {was}); a backup seems to have been restored there",
        "Decide which side is right. `syncd reconcile --full --force` compares everything and goes on from what is "
        "there now.",
    )
