"""Contract, "What the keys mean": `newest`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.sentences.place import Place

SITE_ZONE = ZoneInfo("America/New_York")
"""The sandbox's own."""
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)
"""A moment that no stamp of the test's own machine reaches."""
NULLABLE = 'id = "id"\nmodified = "seen_at"\ntouch = "never"'


def autumn() -> datetime:
    """Half past one in the night in which the site's clock goes back, next time: wall time."""
    day = datetime(datetime.now(UTC).year + 1, 11, 1)  # noqa: DTZ001 - wall time, which is the point
    while day.weekday() != 6:
        day += timedelta(days=1)
    return day.replace(hour=1, minute=30)


def wall(moment: datetime) -> str:
    """A moment as the site writes it."""
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")


def clash(site: Place, stamp: str | None, site_stamp: str, zone: str = "UTC") -> tuple[str, int]:
    """Both sides edit `website` at these moments of their own clocks, and a run looks."""
    site.shop.do("ALTER TABLE customers ADD COLUMN seen_at TEXT")
    site.map(source=f'{NULLABLE}\ntimezone = "{zone}"', conflict='wins = "newest"')
    document, row = site.agreed(name="Ada", url="old", seen_at="2026-01-01 00:00:00")
    site.desk.admin("clock", freeze=site_stamp)
    site.edit(document, website="theirs")
    site.shop.do("UPDATE customers SET url = 'ours', seen_at = ? WHERE id = ?", stamp, row)
    site.counts(full=True)
    return document, row


def text(moment: datetime, zone: str = "UTC") -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S.%f")


@pytest.mark.parametrize(
    ("stamp", "zone", "wins"),
    [
        pytest.param(text(NOON - timedelta(hours=1)), "UTC", "theirs", id="later, though its wall clock is behind"),
        pytest.param(text(NOON + timedelta(microseconds=1)), "UTC", "ours", id="earlier by a microsecond"),
        pytest.param(text(NOON - timedelta(hours=1), "Asia/Tokyo"), "Asia/Tokyo", "theirs", id="a source in the east"),
        pytest.param(
            text(NOON + timedelta(hours=1), "America/Los_Angeles"), "America/Los_Angeles", "ours", id="in the west"
        ),
        pytest.param((NOON + timedelta(hours=1)).isoformat(), "Asia/Tokyo", "ours", id="a stamp with its own offset"),
    ],
)
def test_the_later_edit_wins_by_aware_times(site: Place, stamp: str, zone: str, wins: str) -> None:
    """**`newest`** compares the stamps of the last edits that were not syncd's own, as aware times; a tie, a missing
    stamp or an ambiguous hour makes a conflict.
    """
    document, row = clash(site, stamp, wall(NOON), zone)
    assert (site.customer(document, "website"), site.row(row, "url")) == ((wins,), (wins,))
    assert site.held() == []


@pytest.mark.parametrize(
    ("stamp", "site_stamp", "reason"),
    [
        pytest.param(text(NOON), wall(NOON), "both stamps are equal", id="a tie"),
        pytest.param(None, wall(NOON), "the source gives no stamp for this record", id="a missing stamp"),
        pytest.param(text(NOON), str(autumn()), "the hour that is repeated", id="an ambiguous hour"),
    ],
)
def test_what_cannot_be_told_is_a_conflict(site: Place, stamp: str | None, site_stamp: str, reason: str) -> None:
    """**`newest`** compares the stamps of the last edits that were not syncd's own, as aware times; a tie, a missing
    stamp or an ambiguous hour makes a conflict.
    """
    document, row = clash(site, stamp, site_stamp)
    [told] = site.held()
    assert reason in told
    assert site.contested() == [("website", "theirs", "ours")]
    assert (site.customer(document, "website"), site.row(row, "url")) == (("theirs",), ("ours",))


def test_a_stamp_of_syncds_own_is_nobodys_edit(site: Place) -> None:
    """**`newest`** compares the stamps of the last edits that were not syncd's own, as aware times; a tie, a missing
    stamp or an ambiguous hour makes a conflict.

    syncd wrote the document last, after the row was edited; the document's own edit by a person is older.
    """
    site.map(conflict='wins = "newest"')
    document, row = site.agreed(name="Ada", url="old")
    site.edit(document, website="theirs")
    site.edit_row(row, url="ours")
    # What syncd writes into the document carries a stamp beyond that of the person's edit of the row.
    site.desk.admin("clock", offset_seconds=3600)
    site.edit_row(row, vat="V1", url="ours")
    site.desk.admin("clock", offset_seconds=0)
    site.settled()
    assert (site.customer(document, "website"), site.row(row, "url")) == (("ours",), ("ours",))


def test_an_edit_that_moved_no_stamp_is_not_dated_by_syncds_own(site: Place) -> None:
    """**`newest`** compares the stamps of the last edits that were not syncd's own, as aware times; a tie, a missing
    stamp or an ambiguous hour makes a conflict.

    The row's stamp is the one of syncd's own write: when the row was edited, nobody knows.
    """
    site.map(conflict='wins = "newest"')
    document, row = site.agreed(name="Ada", url="old")
    site.edit(document, tax_id="V1")
    site.settled()
    site.shop.do("UPDATE customers SET url = 'ours' WHERE id = ?", row)
    site.edit(document, website="theirs")
    site.counts(full=True)
    assert site.contested() == [("website", "theirs", "ours")]
