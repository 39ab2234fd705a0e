"""No feed's weakness hides a change: late commits, ties, clocks that are wrong, hours that come twice, edits meanwhile.

Clocks are the sandbox's (offset, zone, frozen) and, for the shop, the stamps that its own program writes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.harness import World, customers, world

LIST = "/api/resource/Customer"
MINUTES = 60.0
DAY = 86_400.0


@pytest.fixture
def close(tmp_path: Path, provisioned: Path) -> Iterator[World]:
    """A deployment that looks back by one second only, in pages of ten."""
    with world(tmp_path, provisioned, overlap="1s", page_size=10) as made:
        yield made


def clock(erp: World, **given: Any) -> None:
    erp.site._admin("POST", "clock", given)


def shop_stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def edit_row(erp: World, number: int, stamp: str | None, **values: Any) -> None:
    """The shop's program edits a row, by its own clock."""
    assigned = ", ".join(f"{name} = ?" for name in (*values, "updated_at"))
    with erp.shop.open() as connection:
        connection.execute(f"UPDATE customers SET {assigned} WHERE id = ?", (*values.values(), stamp, number))


def url_of(erp: World, number: int) -> Any:
    return erp.shop.value("SELECT url FROM customers WHERE id = ?", number)


def name_of(number: int) -> str:
    return f"Shop customer {number:05d}"


def test_a_save_that_is_committed_late_is_found_by_the_overlap(erp: World) -> None:
    """Stamped when the save began, seen three seconds later; a pass in between has read past its stamp."""
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    erp.deployment.reconcile()
    erp.site.fault("late_commit", method="PUT", path_contains=name_of(1), seconds=4.0)
    late = threading.Thread(target=erp.site.edit, args=(name_of(1),), kwargs={"website": "https://late"})
    late.start()
    while erp.site.met() == 0:
        pass
    erp.server.site.clock.now()
    erp.site.edit(name_of(2), website="https://after.the.late.one.began")
    assert erp.deployment.reconcile()["updated"]["source"] == 1
    cursor = erp.deployment.state_rows("SELECT erpnext_cursor FROM mappings")[0][0]
    late.join()
    assert erp.site.get(name_of(1))["modified"] < cursor.split('"')[3]
    assert erp.deployment.reconcile()["updated"]["source"] == 1
    assert url_of(erp, 1) == "https://late"
    erp.quiet("--full")


def test_a_row_that_is_committed_late_is_found_by_the_overlap(erp: World) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    erp.deployment.reconcile()
    now = datetime.now(UTC)
    edit_row(erp, 2, shop_stamp(now), url="https://on.time")
    assert erp.deployment.reconcile()["updated"]["erpnext"] == 1
    edit_row(erp, 1, shop_stamp(now - timedelta(minutes=5)), url="https://late")
    assert erp.deployment.reconcile()["updated"]["erpnext"] == 1
    assert erp.site.get(name_of(1))["website"] == "https://late"


def test_one_stamp_for_more_records_than_a_page_holds(close: World) -> None:
    """A bulk import stamps everything alike: 37 records on each side, pages of ten."""
    close.shop.add({**row, "updated_at": "2026-02-01 00:00:00.000"} for row in customers(37))
    close.site.load([{"customer_name": f"Alike {number:02d}"} for number in range(37)], stamp="2026-02-01 00:00:00")
    counts = close.deployment.reconcile()
    assert (counts["created"], counts["seen"]) == ({"erpnext": 37, "source": 37}, {"erpnext": 37, "source": 37})
    with close.shop.open() as connection:
        connection.execute("UPDATE customers SET url = 'https://alike', updated_at = '2099-02-01 00:00:00.000'")
    close.deployment.reconcile()
    assert {row["website"] for row in close.site.customers("website")} == {"https://alike"}
    close.quiet("--full")


def test_stamps_that_are_null_or_of_the_future_hide_nothing(close: World) -> None:
    with close.shop.open() as connection:
        connection.executescript(
            "ALTER TABLE customers RENAME TO strict_customers;"
            "CREATE TABLE customers AS SELECT * FROM strict_customers WHERE 0;"
            "CREATE UNIQUE INDEX only_one ON customers (id);"
        )
    close.deployment.replace(close.deployment.mapping, 'erpnext_name = "erp_ref"\n', "")
    close.shop.add({**row, "kind": "company", "updated_at": None} for row in customers(3))
    close.deployment.reconcile()
    close.deployment.reconcile()
    edit_row(close, 1, None, url="https://no.stamp")
    edit_row(close, 2, "2099-01-01 00:00:00.000", url="https://future")
    close.deployment.reconcile()
    edit_row(close, 3, shop_stamp(datetime.now(UTC)), url="https://after.the.future")
    edit_row(close, 1, None, url="https://no.stamp.again")
    close.deployment.reconcile()
    urls = {row["customer_name"]: row["website"] for row in close.site.customers("customer_name", "website")}
    assert urls == {
        name_of(1): "https://no.stamp.again",
        name_of(2): "https://future",
        name_of(3): "https://after.the.future",
    }


SKEWS = [
    pytest.param(seconds, id=f"the site's clock is {words}", marks=() if quick else pytest.mark.slow)
    for seconds, words, quick in (
        (10 * MINUTES, "ten minutes ahead", False),
        (-10 * MINUTES, "ten minutes behind", False),
        (DAY, "a day ahead", False),
        (-DAY, "a day behind", True),
    )
]


def run_the_shop_by_another_clock(erp: World, seconds: float) -> None:
    """The database server's own clock: whoever writes a row, a trigger stamps it."""
    now = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '{seconds:+.0f} seconds')"
    with erp.shop.open() as connection:
        connection.executescript(
            f"""
            CREATE TRIGGER stamped AFTER INSERT ON customers
                BEGIN UPDATE customers SET updated_at = {now} WHERE id = NEW.id; END;
            CREATE TRIGGER touched AFTER UPDATE OF name, kind, vat, url, notes, rate, erp_ref ON customers
                BEGIN UPDATE customers SET updated_at = {now} WHERE id = NEW.id; END;
            """
        )


@pytest.mark.parametrize("shop", [-DAY, 10 * MINUTES], ids=["the shop's a day behind", "the shop's ten minutes ahead"])
@pytest.mark.parametrize("seconds", SKEWS)
def test_clocks_that_differ_lose_nothing(close: World, seconds: float, shop: float) -> None:
    """Program, site and source each by a clock of its own: a cursor is compared with stamps of its own side only."""
    clock(close, offset_seconds=seconds)
    run_the_shop_by_another_clock(close, shop)
    close.shop.add(customers(4))
    close.site.add(customer_name="Of the site")
    counts = close.deployment.reconcile()
    assert counts["created"] == {"erpnext": 4, "source": 1}

    def edit(number: int, **values: str) -> None:
        with close.shop.open() as connection:
            for name, value in values.items():
                connection.execute(f"UPDATE customers SET {name} = ? WHERE id = ?", (value, number))

    for step in range(1, 3):
        edit(1, url=f"https://shop/{step}")
        close.site.edit(name_of(2), website=f"https://site/{step}")
        edit(3, notes=f"shop {step}")
        close.site.edit(name_of(3), website=f"https://both/{step}")
        assert close.deployment.reconcile()["updated"] == {"erpnext": 2, "source": 2}
        assert close.site.get(name_of(1))["website"] == f"https://shop/{step}"
        assert url_of(close, 2) == f"https://site/{step}"
        assert close.site.get(name_of(3))["customer_details"] == f"shop {step}"
        assert url_of(close, 3) == f"https://both/{step}"
    close.quiet("--full")


ENDS = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
"""Daylight saving time ends in Berlin: 03:00 becomes 02:00, and 02:00 to 03:00 comes a second time."""


def at(erp: World, moment: datetime) -> None:
    """Set the site's clock to an aware moment."""
    clock(erp, offset_seconds=(moment - datetime.now(UTC)).total_seconds())


def test_the_hour_that_comes_twice_hides_no_edit(close: World) -> None:
    """The overlap is one second: what is stamped 02:10 again, after 02:50 was read, is found all the same."""
    clock(close, zone="Europe/Berlin")
    at(close, ENDS - timedelta(hours=5))
    close.shop.add(customers(4))
    close.deployment.reconcile()
    close.deployment.reconcile()
    at(close, ENDS - timedelta(minutes=10))
    close.site.edit(name_of(1), website="https://02.50.first")
    assert close.deployment.reconcile()["updated"]["source"] == 1
    at(close, ENDS + timedelta(minutes=10))
    found = close.site.edit(name_of(2), website="https://02.10.second")
    assert found["modified"].startswith("2026-10-25 02:10")
    assert close.deployment.reconcile()["updated"]["source"] == 1
    assert url_of(close, 2) == "https://02.10.second"
    at(close, ENDS + timedelta(hours=2))
    close.site.edit(name_of(3), website="https://03.00")
    assert close.deployment.reconcile()["updated"]["source"] == 1
    assert url_of(close, 3) == "https://03.00"


def test_one_record_whose_stamp_was_set_back_is_found_by_a_full_pass(close: World) -> None:
    """Not by that much that it looks like a backup: within the hour that daylight saving time may repeat."""
    close.shop.add(customers(3))
    close.deployment.reconcile()
    close.deployment.reconcile()
    back = shop_stamp(datetime.now(UTC) - timedelta(minutes=40))
    edit_row(close, 1, back, url="https://set.back")
    close.quiet()
    assert close.deployment.reconcile("--full")["updated"]["erpnext"] == 1
    assert close.site.get(name_of(1))["website"] == "https://set.back"


@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_a_restored_backup_halts_names_records_and_goes_on_by_force(close: World, side: str) -> None:
    old = datetime.now(UTC) - timedelta(days=3)
    close.shop.add({**row, "updated_at": shop_stamp(old)} for row in customers(5))
    clock(close, offset_seconds=-3 * DAY)
    close.deployment.reconcile()
    clock(close, offset_seconds=0)
    backup = close.shop.rows()
    for number in (1, 2):
        edit_row(close, number, shop_stamp(datetime.now(UTC)), url=f"https://since.the.backup/{number}")
        close.site.edit(name_of(number), customer_details="since the backup")
    close.deployment.reconcile()
    if side == "source":
        for row in backup:
            edit_row(close, row["id"], shop_stamp(old), url=row["url"], notes=row["notes"])
    else:
        clock(close, offset_seconds=-3 * DAY)
        for number in (1, 2):
            values = {"website": f"https://{number}.example", "customer_details": None}
            close.site._admin("POST", "edit", {"doctype": "Customer", "name": name_of(number), "values": values})
    mark, writes = close.site.mark(), close.shop.writes
    for arguments in ((), ("--full",)):
        done = close.deployment.run("reconcile", *arguments)
        text = " ".join(done.stdout.split())
        assert done.returncode == 4, text
        assert "went back in time" in text
        assert "for example" in text
        assert close.site.writes(mark) == []
        assert close.shop.writes == writes
    assert "restored_backup" in close.deployment.run("status", "--json").stdout
    close.deployment.reconcile("--full", "--force")
    close.quiet()


class EveryRequest:
    """A person who edits both sides after every single request that the site has served."""

    def __init__(self, erp: World, count: int) -> None:
        self._erp, self._count, self.edits = erp, count, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> EveryRequest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        seen = self._erp.site.mark()
        while not self._stop.wait(0.002):
            mark = self._erp.site.mark()
            if mark == seen:
                continue
            number = self.edits % self._count + 1
            self.edits += 1
            self._erp.site.edit(name_of(number), website=f"https://site/{self.edits}")
            self._erp.shop.edit([self._count - number + 1], notes=f"shop {self.edits}")
            seen = self._erp.site.mark()


@pytest.mark.parametrize("arguments", [(), ("--full",)], ids=["incremental", "full"])
def test_edits_after_every_request_of_a_pass_are_all_carried_over_in_the_end(
    close: World, arguments: tuple[str, ...]
) -> None:
    """60 records in pages of ten, both sides edited after each request: nothing is lost, nothing is overwritten."""
    close.shop.add(customers(60))
    close.deployment.reconcile()
    with EveryRequest(close, 60) as person:
        for _ in range(3):
            done = close.deployment.run("reconcile", *arguments)
            assert done.returncode in {0, 3}, done.stdout + done.stderr
    assert person.edits > 10
    close.deployment.reconcile()
    held = {row["name"]: row for row in close.site.customers("website", "customer_details")}
    for row in close.shop.rows():
        document = held[row["erp_ref"]]
        assert (document["website"], document["customer_details"] or None) == (row["url"], row["notes"])
    sites = {row["url"].rpartition("/")[2] for row in close.shop.rows() if row["url"].startswith("https://site/")}
    assert str(person.edits) in sites
    assert f"shop {person.edits}" in {row["notes"] for row in close.shop.rows()}
    close.quiet("--full")
