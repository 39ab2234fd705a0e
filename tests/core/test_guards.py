"""Guards at, below and above their limits."""

# ruff: noqa: DTZ001 - naive stamps are what sites and drivers give

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.guards import Halt, Limit, emptied_side, restored_backup, too_many_deletes, too_many_updates
from syncd.core.model import Raw, Side

ALLOWED: list[tuple[str, Limit, int, int, int]] = [
    ("a share", Limit(share=0.1), 1000, 5, 100),
    ("a share is rounded down", Limit(share=0.1), 1009, 5, 100),
    ("29% of 100 is 29, whatever floats make of it", Limit(share=0.29), 100, 5, 29),
    ("57.3% of 1000", Limit(share=57.3 / 100), 1000, 5, 573),
    ("a small set: at least so many", Limit(share=0.1), 12, 5, 5),
    ("a share of nothing still lets a few through", Limit(share=0.0), 1000, 5, 5),
    ("all of it", Limit(share=1.0), 1000, 5, 1000),
    ("a count is taken as it is", Limit(count=3), 1000, 5, 3),
    ("a count of 0 lets nothing through", Limit(count=0), 1000, 5, 0),
    ("a count does not grow with the set", Limit(count=3), 10, 5, 3),
]


@pytest.mark.parametrize(("limit", "pairs", "least", "allowed"), [r[1:] for r in ALLOWED], ids=[r[0] for r in ALLOWED])
def test_what_a_limit_lets_through(limit: Limit, pairs: int, least: int, allowed: int) -> None:
    assert limit.allowed(pairs, least) == allowed


DELETES: list[tuple[str, int, int, Limit, bool]] = [
    ("below the share", 99, 1000, Limit(share=0.1), False),
    ("at the share", 100, 1000, Limit(share=0.1), False),
    ("above the share", 101, 1000, Limit(share=0.1), True),
    ("a small set: five of five", 5, 5, Limit(share=0.1), False),
    ("a small set: six of six", 6, 6, Limit(share=0.1), True),
    ("at a count", 3, 1000, Limit(count=3), False),
    ("above a count", 4, 1000, Limit(count=3), True),
    ("none allowed, none planned", 0, 1000, Limit(count=0), False),
    ("none allowed, one planned", 1, 1000, Limit(count=0), True),
]


@pytest.mark.parametrize(("deletes", "pairs", "limit", "halts"), [r[1:] for r in DELETES], ids=[r[0] for r in DELETES])
def test_too_many_deletes(deletes: int, pairs: int, limit: Limit, halts: bool) -> None:
    assert (too_many_deletes(deletes, pairs, limit) is not None) is halts


def test_too_many_deletes_says_how_many_and_what_next() -> None:
    halt = too_many_deletes(101, 1000, Limit(share=0.1))
    assert halt is not None
    assert halt.guard == "max_deletes"
    assert "101 of 1000 pairs" in halt.message
    assert "max_deletes = 10% lets 100 through" in halt.message
    assert "--force" in halt.hint
    assert "max_deletes = 3 lets 3 through" in str(too_many_deletes(4, 10, Limit(count=3)))


UPDATES: list[tuple[str, int, int, Limit, bool]] = [
    ("at the share", 500, 1000, Limit(share=0.5), False),
    ("above the share", 501, 1000, Limit(share=0.5), True),
    ("a small set: fifty of fifty", 50, 50, Limit(share=0.5), False),
    ("a small set: above fifty", 51, 60, Limit(share=0.5), True),
    ("above a count", 11, 1000, Limit(count=10), True),
]


@pytest.mark.parametrize(("updates", "pairs", "limit", "halts"), [r[1:] for r in UPDATES], ids=[r[0] for r in UPDATES])
def test_too_many_updates(updates: int, pairs: int, limit: Limit, halts: bool) -> None:
    halt = too_many_updates(updates, pairs, limit)
    assert (halt is not None) is halts
    assert halt is None or halt.guard == "max_updates"


EMPTIED: list[tuple[str, int, int, bool]] = [
    ("records are there", 1, 1000, False),
    ("nothing there, and nothing expected", 0, 0, False),
    ("nothing there of one", 0, 1, True),
    ("nothing there of many", 0, 1000, True),
]


@pytest.mark.parametrize(("seen", "pairs", "halts"), [r[1:] for r in EMPTIED], ids=[r[0] for r in EMPTIED])
def test_emptied_side(seen: int, pairs: int, halts: bool) -> None:
    halt = emptied_side(Side.SOURCE, seen, pairs)
    assert (halt is not None) is halts
    assert halt is None or (halt.guard == "emptied_side" and halt.message.startswith("the source answered"))


Stamps = list[tuple[str, Raw, Raw]]
RESTORED: list[tuple[str, str, Stamps, bool]] = [
    ("nothing to look at", "UTC", [], False),
    ("unchanged", "UTC", [("a", "2027-01-31 10:00:00.5", "2027-01-31 10:00:00.5")], False),
    ("newer", "UTC", [("a", "2027-01-31 10:00:00", "2027-01-31 10:00:01")], False),
    ("older by minutes: a clock set right", "UTC", [("a", "2027-01-31 10:00:00", "2027-01-31 09:50:00")], False),
    ("older by an hour", "UTC", [("a", "2027-01-31 10:00:00", "2027-01-31 09:00:00")], False),
    ("older by more than an hour", "UTC", [("a", "2027-01-31 10:00:00", "2027-01-31 08:59:59")], True),
    ("one among many", "UTC", [("a", "2027-01-31 10:00:00", "2027-01-31 10:00:00"),
     ("b", "2027-01-31 10:00:00", "2027-01-30 10:00:00")], True),
    ("the repeated hour: edited in its first half, then in its second", "Europe/Berlin",
     [("a", "2027-10-31 02:59:59", "2027-10-31 02:00:00")], False),
    ("the repeated hour and a real step back", "Europe/Berlin",
     [("a", "2027-10-31 02:59:59", "2027-10-31 01:30:00")], True),
    ("the clocks went forward meanwhile", "Europe/Berlin", [("a", "2027-03-28 01:59:59", "2027-03-28 03:00:00")],
     False),
    ("stepping back over the gap: wall clocks show two hours, one passed", "Europe/Berlin",
     [("a", "2027-03-28 03:30:00", "2027-03-28 01:30:00")], False),
    ("naive datetimes of a driver", "Europe/Berlin", [("a", datetime(2027, 1, 31, 10), datetime(2027, 1, 30, 10))],
     True),
    ("aware stamps in two zones, one moment", "UTC",
     [("a", "2027-01-31T10:00:00+02:00", datetime(2027, 1, 31, 8, tzinfo=UTC))], False),
    ("seconds since 1970", "UTC", [("a", 1_800_000_000, 1_799_000_000)], True),
    ("no stamp before", "UTC", [("a", None, "2027-01-31 10:00:00")], False),
    ("no stamp now", "UTC", [("a", "2027-01-31 10:00:00", None)], False),
    ("a version that is no time", "UTC", [("a", "v9", "v3")], False),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "stamps", "halts"), [r[1:] for r in RESTORED], ids=[r[0] for r in RESTORED])
def test_restored_backup(zone: str, stamps: Stamps, halts: bool) -> None:
    assert (restored_backup(Side.ERPNEXT, stamps, zone) is not None) is halts


def test_restored_backup_counts_and_shows_an_example() -> None:
    halt = restored_backup(
        Side.ERPNEXT,
        [
            ("CUST-1", "2027-01-31 10:00:00", "2027-01-31 10:00:00"),
            ("CUST-2", "2027-01-31 10:00:00", "2027-01-01 10:00:00"),
            ("CUST-3", "2027-01-31 10:00:00", "2027-01-01 11:00:00"),
        ],
        "UTC",
    )
    assert isinstance(halt, Halt)
    assert halt.guard == "restored_backup"
    assert "ERPNext went back in time: 2 records" in halt.message
    assert "CUST-2 (2027-01-01 10:00:00, seen before as 2027-01-31 10:00:00)" in halt.message
    assert "--force" in halt.hint
