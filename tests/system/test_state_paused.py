"""Leases across processes: an owner that was suspended for longer than its lease lives wakes up late and does no harm.

The 60 s are not waited for: while the owner is suspended its last heartbeat is moved back in the store.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.harness import LONGEST, NAME, World, customers, until

SLOW = pytest.mark.slow
LONG_AGO = "2020-01-01T00:00:00.000000+00:00"


def age(erp: World) -> None:
    """As if the owner had been silent for more than 60 s."""
    with closing(sqlite3.connect(erp.deployment.state, timeout=10.0)) as connection, connection:
        changed = connection.execute("UPDATE leases SET heartbeat = ?, expires = ?", (LONG_AGO, LONG_AGO)).rowcount
    assert changed == 1, "nobody held the mapping"


def is_stopped(process: subprocess.Popen[str]) -> bool:
    """Whether the system shows it as stopped (proc(5))."""
    text = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace")
    return text[text.rindex(")") + 2] == "T"


def _create(erp: World) -> None:
    erp.shop.add(customers(120))


def _update_site(erp: World) -> None:
    erp.shop.add(customers(40))
    erp.deployment.reconcile()
    erp.shop.edit(range(1, 41), url="https://moved.example")


def _update_shop(erp: World) -> None:
    erp.shop.add(customers(40))
    erp.deployment.reconcile()
    for row in erp.shop.rows():
        erp.site.edit(row["erp_ref"], website="https://moved.example")


@dataclass(frozen=True)
class Moment:
    """What is to be done, and the request in whose midst the owner is suspended."""

    what: str
    prepare: Callable[[World], None]
    method: str
    path: str
    skip: int = 0
    quick: bool = True


MOMENTS = (
    Moment("in its first creating call", _create, "POST", "insert_many"),
    Moment("in its second creating call", _create, "POST", "insert_many", skip=1, quick=False),
    Moment("in an update", _update_site, "PUT", "/Customer/", skip=5),
    Moment("before anything is sent to the shop", _update_shop, "GET", "/Customer", quick=False),
)


@pytest.mark.parametrize(
    "moment", [pytest.param(each, id=each.what, marks=() if each.quick else SLOW) for each in MOMENTS]
)
def test_an_owner_that_wakes_up_late_does_no_harm(erp: World, moment: Moment) -> None:
    moment.prepare(erp)
    mark, shop_writes = erp.site.mark(), erp.shop.writes
    erp.site.fault("delay", method=moment.method, path_contains=moment.path, skip=moment.skip, seconds=0.7)
    with erp.deployment.started("reconcile", "--json") as first:
        until(lambda: erp.site.met() > 0, what="the request that takes long")
        first.send_signal(signal.SIGSTOP)
        until(lambda: is_stopped(first), what="the first run to stand still")
        held = erp.deployment.run("reconcile", "--wait", "0s")
        assert held.returncode == 6, held.stdout + held.stderr
        assert f"process {first.pid} " in held.stdout + held.stderr
        age(erp)
        second = erp.deployment.reconcile()
        assert (second["failed"], second["held"]) == (0, 0)
        erp.agree()
        in_flight = "the request that was in flight to be logged"
        until(lambda: any(each["fault"] for each in erp.site.requests(mark)), what=in_flight)
        settled, rows = erp.site.mark(), erp.shop.writes
        first.send_signal(signal.SIGCONT)
        out, err = first.communicate(timeout=LONGEST)
    assert first.returncode == 6, out + err
    assert "another run took over" in out or "another run holds it" in out
    assert json.loads(out)["mappings"][NAME]["error"]["hint"]
    # Requests that were in flight when it was suspended are the last that it may have sent.
    late = [request for request in erp.site.writes(settled) if request["status"] == 200]
    assert late == [], "the one that woke up late wrote something"
    assert erp.shop.writes == rows
    done = Counter(request["path"] for request in erp.site.writes(mark) if request["method"] == "PUT")
    assert [path for path, times in done.items() if times > 2] == []
    assert shop_writes <= rows
    erp.agree()
    erp.quiet()
    erp.quiet("--full")


def test_a_dead_owner_is_followed_at_once(erp: World) -> None:
    erp.shop.add(customers(60))
    erp.site.fault("delay", path_contains="insert_many", seconds=0.5)
    mark = erp.site.mark()
    with erp.deployment.started("reconcile") as first:
        until(lambda: erp.site.met() > 0, what="a creating call")
        first.kill()
        first.wait(timeout=LONGEST)
    assert erp.deployment.reconcile("--wait", "0s")["error"] is None
    erp.agree()
    until(lambda: len(_creating(erp, mark)) >= 2, what="the dead run's call to be logged")
    assert _creating(erp, mark).count(200) == 2, "60 customers in two calls, none of them done again"
    erp.quiet("--full")


def _creating(erp: World, mark: int) -> list[int]:
    return [each["status"] for each in erp.site.requests(mark) if "insert_many" in each["path"]]
