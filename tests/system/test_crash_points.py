"""Killed everywhere: at every request, every write to the state store and every write to the shop of a scripted run.

A run over customers, items and orders with rows has creations, updates, links, submissions, an amendment, cancellations
and deletions on both sides to do (`crash_trade`). It is recorded once; then, from the same beginning each time, a
process of its own is killed with SIGKILL *before* and *after* each of its events, and while a writing request is *under
way* and carried out only when the next process is already looking; and the answer of each request is *lost*, the
process living on. The next process must bring both sides to exactly what the run that nobody killed came to: nothing
twice, nothing lost, nothing half, nothing open, and nothing left to write.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.sandbox.faults import FaultKind, Rule
from tests.system.crash_process import Ended, Point, Processes, Run
from tests.system.crash_told import half, told
from tests.system.crash_trade import Trade, copied, prepare, served

SHARDS = 6
SAMPLE = 10
"""In the quick tier every so manyth point is tried."""
LOST = "lost"
UNDER_WAY = "under way"
LATE = (0.06, 0.15, 0.3)
"""Seconds that the site takes for a request whose sender is killed meanwhile: the next process is starting, or resolves
what was left open, or is past that."""
RESTARTED = (Run(), Run(full=True), Run(full=True))
"""What the next process does: the last of it must be quiet."""


@dataclass(frozen=True)
class Recorded:
    """The run that nobody killed: where it began, its events, and what it came to."""

    template: Path
    events: list[tuple[str, str]]
    expected: Mapping[str, Any]

    def points(self) -> list[tuple[Point, str]]:
        """Every place to be killed at, with the name of its event."""
        numbers: dict[str, int] = {}
        points = []
        for kind, name in self.events:
            number = numbers[kind] = numbers.get(kind, 0) + 1
            whens = ["before", "after"]
            if kind == "request":
                whens.append(LOST)
                whens += [] if name.startswith("GET") else [UNDER_WAY]
            points += [(Point(kind, number, when), name) for when in whens]
        return points


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with closing(Processes()) as made:
        yield made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, processes: Processes) -> Recorded:
    template = tmp_path_factory.mktemp("recorded") / "template"
    prepare(template)
    with served(copied(template, template.with_name("reference"))) as trade:
        first = processes.run(trade.settings, Run(full=True))
        settled(trade, processes, "nobody killed it")
        return Recorded(template, first.events, told(trade))


def settled(trade: Trade, processes: Processes, what: str) -> None:
    """The next process; its last run writes nothing, and nothing of any record is half."""
    ended = processes.run(trade.settings, *RESTARTED)
    assert (ended.signal, ended.error) == (0, ""), what
    for counts in ended.runs:
        assert [(each["error"], each["halt"]) for each in counts.values()] == [(None, None)] * 3, what
    assert ended.writes(len(RESTARTED) - 1) == [], f"{what}: not quiet"
    assert half(trade) == [], what


def suffered(trade: Trade, processes: Processes, point: Point) -> Ended:
    """The run up to a point: killed there, or with its answer lost."""
    skip = point.number - 1
    if point.when == LOST:
        trade.server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, skip=skip))
        ended = processes.run(trade.settings, Run(full=True))
        assert (ended.signal, ended.error) == (0, "")
    else:
        if point.when == UNDER_WAY:
            seconds = LATE[point.number % len(LATE)]
            trade.server.site.faults.add(Rule(kind=FaultKind.LATE_COMMIT, skip=skip, seconds=seconds))
        ended = processes.run(trade.settings, Run(full=True), kill=point)
        assert ended.signal == 9, f"{point} was not reached"
    return ended


def survived(recorded: Recorded, processes: Processes, folder: Path, point: Point, name: str) -> None:
    """Killed at one point, and brought to the same end by the next process."""
    what = f"{point.when} {point.kind} {point.number} ({name})"
    with served(copied(recorded.template, folder)) as trade:
        suffered(trade, processes, point)
        settled(trade, processes, what)
        found = told(trade)
    for part, expected in recorded.expected.items():
        assert found[part] == expected, f"{what}: {part}"
    shutil.rmtree(folder)


def test_the_script_has_something_of_everything(recorded: Recorded) -> None:
    """What the run that nobody killed came to: every edit of both sides is there, each record once, nothing open."""
    found = recorded.expected
    customers = {(token, side): (name, url) for token, side, name, url, *_ in found["customers"]}
    assert len(customers) == len(found["customers"]) == 18
    for side in ("site", "shop"):
        assert customers["C1", side] == ("Customer 1 of the shop", "https://old.example")
        assert customers["C2", side] == ("Customer 2", "https://site.example")
        assert customers["C3", side] == ("Customer 3 of the site", "https://shop.example")
        assert customers["C6", side][0] == "Customer 6 renamed"
        assert ("C4", side) not in customers
        assert ("C5", side) not in customers
    assert [each[0] for each in found["items"]] == [
        sku for sku in ("D1", "I1", "I2", "I3", "I6", "S1", "S2") for _ in "ab"
    ]
    orders = {number: (state, document) for number, _, _, state, _, _, document, _ in found["orders"]}
    assert orders == {
        "D1": ("placed", ("D1", 0, False)),
        "N1": ("issued", ("N1", 1, False)),
        "N2": ("issued", ("N2", 1, False)),
        "N3": ("placed", ("N3", 0, False)),
        "O1": ("issued", ("O1", 1, False)),
        "O2": ("issued", ("O2", 1, True)),
        "O3": ("void", ("O3", 2, False)),
        "O4": ("issued", ("O4", 1, False)),
        "O5": ("placed", ("O5", 0, False)),
        "O6": ("issued", ("O6", 1, True)),
        "O7": ("issued", ("O7", 1, False)),
        "O8": ("placed", ("O8", 0, False)),
        "O11": ("issued", ("O11", 1, False)),
    }
    invoices = sorted((number, docstatus, amended) for number, docstatus, amended, *_ in found["invoices"])
    kept = sorted(
        [*(document for _, document in orders.values()), ("O2", 2, False), ("O6", 2, False), ("O9", 2, False)]
    )
    assert invoices == kept
    titles = {number: title for number, docstatus, _, title, *_ in found["invoices"] if docstatus < 2}
    assert (titles["O4"], titles["O5"]) == ("Order 4, called anew", "Order 5 of the site")
    lines = {number: rows for number, *_, rows in found["orders"]}
    assert lines["O2"] == ((1, "I1", 7, 5000), (2, "I2", 1, 1250), (3, "S1", 1, 300))
    assert lines["O6"] == ((1, "I1", 6, 5000),)
    assert [found[part] for part in ("open", "failures", "conflicts", "staged")] == [[]] * 4


def test_some_points(recorded: Recorded, processes: Processes, tmp_path: Path) -> None:
    points = recorded.points()
    tried = points[:: len(points) // SAMPLE]
    for at, (point, name) in enumerate(tried):
        survived(recorded, processes, tmp_path / str(at), point, name)
    print(f"\n{len(tried)} of {len(points)} points, each survived")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_point(recorded: Recorded, processes: Processes, tmp_path: Path, shard: int) -> None:
    points = recorded.points()
    assert len(points) > 400, "the script does less than it did"
    tried = points[shard::SHARDS]
    for at, (point, name) in enumerate(tried):
        survived(recorded, processes, tmp_path / str(at), point, name)
    print(f"\n{len(tried)} of {len(points)} points, each survived")
