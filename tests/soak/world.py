"""A trade of its own for each example: copied from one template, its site served in this process."""

from __future__ import annotations

import atexit
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from syncd.adapters.sandbox.faults import FaultKind, Faults, Rule
from tests.soak.book import REGULARS, SHOP_ITEMS, SITE_ITEMS, Book
from tests.soak.deeds import do_deed
from tests.soak.promise import Promise, settle
from tests.system.crash_process import Ended, Point, Processes, Run
from tests.system.crash_trade import TABLES, Trade, copied, found, served

FAULTS: dict[str, Callable[[int], Rule]] = {
    "answer lost": lambda skip: Rule(kind=FaultKind.DROP_AFTER_COMMIT, skip=skip),
    "not arrived": lambda skip: Rule(kind=FaultKind.DROP_BEFORE, skip=skip),
    "delay": lambda skip: Rule(kind=FaultKind.DELAY, skip=skip, seconds=0.05),
    "429 with Retry-After": lambda skip: Rule(kind=FaultKind.STATUS, skip=skip, status=429, retry_after=1, times=2),
    "500": lambda skip: Rule(kind=FaultKind.STATUS, skip=skip, status=500),
    "503": lambda skip: Rule(kind=FaultKind.STATUS, skip=skip, status=503, times=2),
    "truncated answer": lambda skip: Rule(kind=FaultKind.TRUNCATE, skip=skip),
    "HTML with 200": lambda skip: Rule(kind=FaultKind.HTML, skip=skip),
    "deadlock": lambda skip: Rule(kind=FaultKind.DEADLOCK, skip=skip),
    "late commit": lambda skip: Rule(kind=FaultKind.LATE_COMMIT, skip=skip, seconds=0.1),
    "connection reset": lambda skip: Rule(kind=FaultKind.RESET, skip=skip),
}
FOR_WRITES = ("POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Meanwhile:
    """Somebody does something right before request number `at` of a run is served."""

    at: int
    deed: str
    pick: int


@dataclass(frozen=True)
class Fault:
    """What happens to the `at`th request of a run: to any, or only counting those of one HTTP method."""

    kind: str
    at: int
    method: str | None = None


class _Disturbed(Faults):
    """The site's switches; before each request it is somebody's turn to do something."""

    def __init__(self, turn: Callable[[int], None]) -> None:
        super().__init__()
        self._turn = turn
        self._served = 0

    def take(self, method: str, path: str, body: str) -> Rule | None:
        self._served += 1
        self._turn(self._served)
        return super().take(method, path, body)


@cache
def processes() -> Processes:
    """The warm process that runs are forked from: one for this process, ended with it."""
    made = Processes()
    atexit.register(made.close)
    return made


@cache
def template(*, orders: bool) -> Path:
    """A deployment in agreement: the regular customers and the items; `orders`: one more customer, and orders as drafts
    and submitted."""
    parent = Path(tempfile.mkdtemp(prefix="syncd-soak-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    folder = parent / "template"
    # A site gives the number of a deleted document to the next one. Where the order of the first is held, two orders
    # name one document for a while: with a unique column the second could not be told (and that is told).
    found(folder, TABLES.replace("erp_name TEXT UNIQUE", "erp_name TEXT"))
    mapping = folder / "mappings" / "order.toml"
    amends = 'changed_after_submit = "amend"\n'
    mapping.write_text(mapping.read_text().replace(amends, f'{amends}reopened = "amend"\n'))
    with served(folder) as trade:
        for token in REGULARS:
            trade.shop.insert("customers", name=f"Regular {token}", vat=token, url="https://regular.example")
        for sku in SHOP_ITEMS + SITE_ITEMS:
            trade.shop.insert("items", sku=sku, title=f"Item {sku}")
        if orders:
            trade.shop.insert("customers", name="Passing trade", vat="T0", url="https://passing.example")
        for number, state in enumerate(("placed", "placed", "issued", "issued", "issued") if orders else (), 1):
            trade.shop.order(f"A{number}", 1 + number % 3, [(1, 2, 1_050), (2, 1, 500)], state=state)
        trade.run()
        trade.run()
    return folder


@dataclass
class World:
    """One example's trade, its book, and the steps that were taken."""

    concurrency: int = 1
    orders: bool = False
    page_size: int = 1_000
    book: Book = field(default_factory=Book)
    trade: Trade = field(init=False)
    broken: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        parent = Path(tempfile.mkdtemp(prefix="syncd-soak-"))
        self._stack.callback(shutil.rmtree, parent, ignore_errors=True)
        folder = copied(template(orders=self.orders), parent / "trade")
        self.trade = self._stack.enter_context(served(folder, concurrency=self.concurrency))
        settings = self.trade.settings.read_text()
        pages = f"concurrency = {self.concurrency}\npage_size = {self.page_size}\n"
        self.trade.settings.write_text(settings.replace(f"concurrency = {self.concurrency}\n", pages))

    def close(self) -> None:
        """Stop the site and remove the folder."""
        self._stack.close()

    def deed(self, deed: str, pick: int) -> None:
        """Somebody does something while syncd does not run."""
        do_deed(self.trade, self.book, deed, pick)

    def run(
        self,
        *,
        full: bool = False,
        meanwhile: Sequence[Meanwhile] = (),
        faults: Sequence[Fault] = (),
        kill: Point | None = None,
    ) -> Ended:
        """A run of syncd in a process of its own, disturbed."""
        self.book.log.append(f"run: {full=} {list(meanwhile)} {list(faults)} {kill}")
        site = self.trade.server.site
        quiet = site.faults

        def turn(number: int) -> None:
            for each in meanwhile:
                if each.at == number:
                    self._do_meanwhile(each)

        site.faults = _Disturbed(turn)
        for fault in faults:
            rule = FAULTS[fault.kind](fault.at - 1)
            rule.method = fault.method
            site.faults.add(rule)
        try:
            ended = processes().run(self.trade.settings, Run(full=full), kill=kill)
        finally:
            site.faults = quiet
        if self.broken:
            raise self.broken.pop()
        assert ended.error == ""
        assert ended.signal in ((0, signal.SIGKILL) if kill is not None else (0,))
        return ended

    def _do_meanwhile(self, each: Meanwhile) -> None:
        try:
            do_deed(self.trade, self.book, each.deed, each.pick)
        except Exception as error:  # noqa: BLE001 - it is raised where the test can see it
            self.broken.append(error)

    def promise(self) -> None:
        """Let syncd settle, and ask for the six invariants."""
        counts = settle(self.trade, processes())
        Promise(self.trade, self.book, counts).ask()
        self.book.log.append("settled")
