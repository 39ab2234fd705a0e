"""First contact against the floor, passes without changes, a full pass: seconds, ratios and peak memory.

    python -m benchmarks.first_contact [--records 100000] [--small 1000] [--rounds 3] [--json]

Every figure is of a fresh process doing its whole job, start-up included, against a site that costs next to nothing
(`benchmarks.stub_site`). Rounds are interleaved, in both orders, and the best of each is taken. Nothing is believed:
after each step the shop's rows and the command's own counts are checked, and the site must have been asked to write
nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from resource import struct_rusage
from urllib.request import urlopen

from benchmarks.shop import AGED, NOW, make_deployment, make_shop

ROOT = Path(__file__).resolve().parents[1]
SYNCD = [str(Path(sys.executable).with_name("syncd"))]
STEP_LIMIT = 180.0
"""Seconds after which a step is given up."""

AIM_FIRST_CONTACT = 4.0
AIM_NO_CHANGES = 1.5
AIM_MEMORY = 250.0


@dataclass(slots=True)
class Figure:
    """The rounds of one step: seconds and megabytes (10^6 bytes) of peak memory."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Seconds of the best round."""
        return min(self.seconds)

    @property
    def peak(self) -> float:
        """The largest peak memory of any round."""
        return max(self.memory)


class BenchError(Exception):
    """A step did not do what it is measured for."""


def run(command: list[str], figure: Figure | None = None) -> dict[str, object]:
    """Run a process to its end, note what it took, and give back the JSON it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=errors)
        usage = _wait(child, started)
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if child.returncode != 0:
            said = output.read().decode()[-2000:] + errors.read().decode()[-2000:]
            raise BenchError(f"{' '.join(command)}: exit {child.returncode}\n{said}")
        if figure is not None:
            figure.seconds.append(seconds)
            figure.memory.append(usage.ru_maxrss * 1024 / 1e6)
        answer: dict[str, object] = json.load(output)
        return answer


def _wait(child: subprocess.Popen[bytes], started: float) -> struct_rusage:
    """The child's resource usage once it has ended; ends it when it takes too long."""
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.perf_counter() - started > STEP_LIMIT:
            child.kill()
            os.wait4(child.pid, 0)
            child.returncode = -9
            raise BenchError(f"{child.args!r} took longer than {STEP_LIMIT:.0f} s")
        time.sleep(0.002)


@contextmanager
def site(records: int) -> Iterator[str]:
    """A site with so many records in a process of its own; its URL. It must not have been asked to write."""
    command = [sys.executable, "-m", "benchmarks.stub_site", "--records", str(records)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        url = child.stdout.readline().strip()
        yield url
        with urlopen(f"{url}/_bench/counts") as answer:
            refused = json.load(answer)["refused"]
        if refused:
            raise BenchError(f"the site was asked for {refused} writes in a bench that has none")
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


def rows_in(database: Path) -> int:
    """Distinct documents that arrived in the shop."""
    with closing(sqlite3.connect(database)) as connection:
        (count,) = connection.execute("SELECT count(DISTINCT erp_ref) FROM customers").fetchone()
        return int(count)


def expect(what: str, wanted: object, found: object) -> None:
    """Raise `BenchError` unless both are the same."""
    if wanted != found:
        raise BenchError(f"{what}: expected {wanted!r}, found {found!r}")


class Bench:
    """One run of the bench in a folder of its own."""

    def __init__(self, folder: Path, records: int, small: int, rounds: int) -> None:
        self.folder, self.records, self.small, self.rounds = folder, records, small, rounds
        self.figures: dict[str, Figure] = {}

    def figure(self, name: str) -> Figure:
        """The figure of that name."""
        return self.figures.setdefault(name, Figure())

    def reconcile(self, deployment: Path, figure: Figure | None, *arguments: str) -> dict[str, object]:
        """`syncd reconcile --json` in a fresh process; the counts of its mapping."""
        command = [*SYNCD, "--config", str(deployment / "syncd.toml"), "reconcile", "--json", *arguments]
        answer = run(command, figure)
        expect("result", "in_sync", answer["result"])
        counts = answer["mappings"]
        assert isinstance(counts, dict)
        found: dict[str, object] = counts["customer"]
        return found

    def floor(self, url: str, round_number: int) -> None:
        """The exchange by hand, into an empty shop."""
        database = self.folder / f"floor-{round_number}.db"
        make_shop(database)
        answer = run([sys.executable, "-m", "benchmarks.floor", url, str(database)], self.figure("floor"))
        expect("rows copied by the floor", self.records, answer["copied"])
        expect("rows in the floor's shop", self.records, rows_in(database))

    def first_contact(self, url: str, name: str, records: int, figure: Figure | None, stamp: str = NOW) -> Path:
        """A new deployment's first run; its folder."""
        deployment = self.folder / name
        make_deployment(deployment, url, stamp)
        counts = self.reconcile(deployment, figure)
        expect("created", {"erpnext": 0, "source": records}, counts["created"])
        expect("rows in the shop", records, rows_in(deployment / "shop.db"))
        return deployment

    def settled(self, url: str, name: str, records: int) -> Path:
        """A deployment in agreement, of a shop that has grown over time; its folder."""
        deployment = self.first_contact(url, name, records, None, AGED)
        self.quiet(deployment, None)  # meets for the first time what the first contact has created
        return deployment

    def quiet(self, deployment: Path, figure: Figure | None, *arguments: str) -> None:
        """A run that must find nothing to do."""
        counts = self.reconcile(deployment, figure, *arguments)
        nothing = {"erpnext": 0, "source": 0}
        expect(
            "writes",
            [nothing, nothing, nothing, 0],
            [counts[key] for key in ("created", "updated", "deleted", "linked")],
        )

    def measure(self) -> None:
        """All steps, `rounds` times."""
        with site(self.records) as url, site(self.small) as small_url:
            for number in range(self.rounds):
                steps: list[Callable[[], object]] = [
                    partial(self.floor, url, number),
                    partial(self.first_contact, url, f"new-{number}", self.records, self.figure("first contact")),
                ]
                for step in steps if number % 2 == 0 else reversed(steps):
                    step()
            small = self.settled(small_url, "small", self.small)
            large = self.settled(url, "large", self.records)
            for number in range(self.rounds):
                pair = [("pass, small", small), ("pass, large", large)]
                for name, place in pair if number % 2 == 0 else reversed(pair):
                    self.quiet(place, self.figure(name))
                self.quiet(large, self.figure("full pass"), "--full")


def table(bench: Bench) -> list[tuple[str, str, str, str, str]]:
    """(what, seconds, ratio, memory, aim) for a person."""
    floor, first = bench.figure("floor"), bench.figure("first contact")
    small, large, full = bench.figure("pass, small"), bench.figure("pass, large"), bench.figure("full pass")
    records, few = f"{bench.records:,}", f"{bench.small:,}"

    def line(what: str, figure: Figure, ratio: str, aim: str) -> tuple[str, str, str, str, str]:
        return what, f"{figure.best:.2f} s", ratio, f"{figure.peak:.0f} MB", aim

    return [
        line(f"floor: {records} records, by hand", floor, "1", ""),
        line(
            f"first contact: {records} records",
            first,
            f"{first.best / floor.best:.1f} × the floor",
            f"≤ {AIM_FIRST_CONTACT:g} ×, < {AIM_MEMORY:.0f} MB",
        ),
        line(f"pass without changes: {few} pairs", small, "1", f"< {AIM_MEMORY:.0f} MB"),
        line(
            f"pass without changes: {records} pairs",
            large,
            f"{large.best / small.best:.2f} × that of {few}",
            f"≤ {AIM_NO_CHANGES:g} ×, < {AIM_MEMORY:.0f} MB",
        ),
        line(
            f"full pass: {records} pairs", full, f"{full.best / floor.best:.1f} × the floor", f"< {AIM_MEMORY:.0f} MB"
        ),
    ]


def missed(bench: Bench) -> list[str]:
    """The aims that were not reached, in words."""
    first = bench.figure("first contact").best / bench.figure("floor").best
    passes = bench.figure("pass, large").best / bench.figure("pass, small").best
    found = []
    if first > AIM_FIRST_CONTACT:
        found.append(f"first contact took {first:.1f} × the floor; the aim is {AIM_FIRST_CONTACT:g} ×")
    if passes > AIM_NO_CHANGES:
        found.append(
            f"the larger pass without changes took {passes:.2f} × the smaller; the aim is {AIM_NO_CHANGES:g} ×"
        )
    found += [
        f"{name} took {figure.peak:.0f} MB; the aim is {AIM_MEMORY:.0f} MB"
        for name, figure in bench.figures.items()
        if figure.peak >= AIM_MEMORY
    ]
    return found


def main() -> int:
    """Run the bench and print it; 1 when an aim was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="all rounds as JSON instead of the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        bench = Bench(Path(folder), arguments.records, arguments.small, arguments.rounds)
        try:
            bench.measure()
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps({name: {"seconds": f.seconds, "megabytes": f.memory} for name, f in bench.figures.items()}))
    else:
        for what, seconds, ratio, memory, aim in [("", "best", "ratio", "peak", "aim"), *table(bench)]:
            print(f"{what:<40} {seconds:>8}   {ratio:<24} {memory:>8}   {aim}")
    short = missed(bench)
    for line in short:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
