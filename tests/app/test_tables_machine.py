"""A machine over orders with rows and links: edits on both sides, faults, deaths; then the promise is asked for.

As `test_machine` does it for one flat mapping. Every order, row and customer carries a token that nobody edits, every
edit a value of its own, so that what was made twice, lost or overwritten shows.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.merge import Choice
from syncd.core.model import Side, Wins
from syncd.core.resolution import encode_resolution
from tests.app.harness import Killed, KillSwitch
from tests.app.test_machine import FAULTS
from tests.app.trade import Trade, customers, linked, mapping, plain, rows

SIDES = st.sampled_from(Side)
PICK = st.integers(0, 1000)
FORMS = {
    "by key": {"source": "lines", "key": ("line",)},
    "by position": {"source": "lines", "key": ()},
    "related": {"source": None, "entity": "order_lines", "parent": ("order_id",), "key": ("line",)},
}
NUMBERS = {Side.ERPNEXT: "qty", Side.SOURCE: "quantity"}
TOKENS = {Side.ERPNEXT: "uom", Side.SOURCE: "unit"}
TITLES = {Side.ERPNEXT: "po_no", Side.SOURCE: "number"}


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="syncd-test-")
        self.world: Trade
        self.made = 0
        self.last: dict[str, tuple[Side, int]] = {}
        """The last edit of each row's number, by its token."""
        self.removed: set[str] = set()

    @initialize(form=st.sampled_from(sorted(FORMS)), stamped=st.booleans())
    def begin(self, form: str, stamped: bool) -> None:
        given = FORMS[form]
        self.slot = {Side.ERPNEXT: "items", Side.SOURCE: "lines" if given["source"] else "order_lines"}
        fields = (plain("uom", "unit"), plain("qty", "quantity"), linked("customer", "customer_id", "customer"))
        self.world = Trade(
            Path(self.folder.name),
            [
                customers(),
                mapping(
                    "order",
                    plain("po_no", "number"),
                    linked("customer", "customer_id", "customer", wins=Wins.SOURCE),
                    tables=(rows(*fields, **given),),
                ),
            ],
            erpnext=lambda _name: MemoryOptions(page_size=3),
            source=lambda _name: MemoryOptions(page_size=3, stamped=stamped),
        )
        for number in (1, 2):
            self.world["customer"].source.insert(name=f"Customer {number}")

    def token(self) -> str:
        self.made += 1
        return f"T{self.made}"

    def order(self, side: Side, number: int) -> str | None:
        keys = sorted(self.world["order"].side(side).records)
        return keys[number % len(keys)] if keys else None

    def customer(self, side: Side, number: int) -> object:
        keys = sorted(self.world["customer"].side(side).records)
        key = keys[number % len(keys)] if keys else None
        return key if side is Side.ERPNEXT or key is None else int(key)

    def row(self, side: Side, line: int = 0) -> dict[str, object]:
        token = self.token()
        self.last[token] = (side, self.made)
        made = {TOKENS[side]: token, NUMBERS[side]: self.made}
        return {"line": line, **made} if side is Side.SOURCE else made

    @rule(side=SIDES)
    def new_customer(self, side: Side) -> None:
        name = {Side.ERPNEXT: "customer_name", Side.SOURCE: "name"}[side]
        self.world["customer"].side(side).insert(**{name: self.token()})

    @rule(side=SIDES, number=PICK, count=st.integers(0, 3))
    def new_order(self, side: Side, number: int, count: int) -> None:
        link = {Side.ERPNEXT: "customer", Side.SOURCE: "customer_id"}[side]
        lines = [self.row(side, at) for at in range(1, count + 1)]
        values = {TITLES[side]: self.token(), link: self.customer(side, number), self.slot[side]: lines}
        self.world["order"].side(side).insert(**values)

    @rule()
    def order_of_a_customer_to_come(self) -> None:
        """It waits until somebody makes the customer."""
        known = [int(key) for key in self.world["customer"].source.records]
        self.world["order"].source.insert(number=self.token(), customer_id=max(known) + 1)

    @rule(side=SIDES, number=PICK, to=PICK)
    def relink(self, side: Side, number: int, to: int) -> None:
        key, link = self.order(side, number), {Side.ERPNEXT: "customer", Side.SOURCE: "customer_id"}[side]
        if key is not None:
            self.world["order"].side(side).edit(key, **{link: self.customer(side, to)})

    @rule(side=SIDES, number=PICK, at=PICK, what=st.sampled_from(["edit", "add", "remove", "move", "link"]))
    def rows_edited(self, side: Side, number: int, at: int, what: str) -> None:
        self.change(side, number, at, what)

    def change(self, side: Side, number: int, at: int, what: str) -> None:
        key = self.order(side, number)
        if key is None:
            return
        endpoint = self.world["order"].side(side)
        held = endpoint.items(key, self.slot[side])
        place = at % len(held) if held else 0
        if what == "add":
            held.insert(
                at % (len(held) + 1), self.row(side, max((int(row.get("line") or 0) for row in held), default=0) + 1)
            )
        elif held and what == "remove":
            self.removed.add(str(held.pop(place)[TOKENS[side]]))
        elif held and what == "move":
            held.append(held.pop(place))
        elif held and what == "link":
            held[place]["customer" if side is Side.ERPNEXT else "customer_id"] = self.customer(side, at)
        elif held:
            self.made += 1
            held[place][NUMBERS[side]] = self.made
            self.last[str(held[place][TOKENS[side]])] = (side, self.made)
        endpoint.edit(key, **{self.slot[side]: held})

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        self.world.run(full=full, force=True)

    @rule(full=st.booleans(), point=st.integers(1, 90))
    def killed(self, full: bool, point: int) -> None:
        self.world.watch(KillSwitch(at=point))
        with contextlib.suppress(Killed):
            self.world.run(full=full, force=True)
        self.world.restart()

    @rule(
        name=st.sampled_from(["order", "customer"]),
        side=SIDES,
        when=st.sampled_from(["before", "after"]),
        fault=st.sampled_from(sorted(FAULTS)),
        call=st.integers(1, 8),
    )
    def faulty(self, name: str, side: Side, when: str, fault: str, call: int) -> None:
        calls: list[str] = []

        def hook(method, _writes):
            calls.append(method)
            if len(calls) == call:
                writes = method in {"create", "apply"}
                told = fault if writes and (when == "before" or fault != "busy") else "unreachable"
                error = FAULTS[told]()
                raise error

        setattr(self.world[name].side(side), when, hook)
        self.world.run(force=True)
        self.world.unwatch()

    @rule(
        hooked=SIDES,
        edited=SIDES,
        call=st.integers(1, 8),
        number=PICK,
        at=PICK,
        what=st.sampled_from(["edit", "add", "remove", "move"]),
        after=st.booleans(),
    )
    def edited_meanwhile(
        self, hooked: Side, edited: Side, call: int, number: int, at: int, what: str, after: bool
    ) -> None:
        calls: list[str] = []

        def hook(method, _writes):
            calls.append(method)
            if len(calls) == call:
                self.change(edited, number, at, what)

        setattr(self.world["order"].side(hooked), "after" if after else "before", hook)
        self.world.run(force=True)
        self.world.unwatch()

    @precondition(lambda self: self.made % 7 == 6)
    @rule()
    def settle(self) -> None:
        self.promise()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.promise()
        finally:
            if hasattr(self, "world"):
                self.world.close()
            self.folder.cleanup()

    def promise(self) -> None:
        world = self.world
        missing = {int(record.values.get("customer_id") or 0) for record in world["order"].source.records.values()}
        for number in sorted(missing):
            if number and str(number) not in world["customer"].source.records:
                world["customer"].source.insert(str(number), name=self.token())
        lost: set[str] = set()
        for _ in range(4):
            for name, counts in world.run(full=True, force=True).mappings.items():
                assert counts.error is None, (name, counts.error)
            lost |= self.decide()
        world.quiet(full=True)
        world.quiet()
        assert world.open_operations() == []
        assert [world.failed(name) for name in world.parts] == [[], []]
        assert [world.held(name) for name in world.parts] == [[], []]
        self.everything_agrees()
        self.nothing_lost(lost)

    def decide(self) -> set[str]:
        """Conflicts are decided for the source; ERPNext's values in them are given up."""
        given_up: set[str] = set()
        for conflict in self.world.store.conflicts("order"):
            if conflict.external_id is not None and conflict.external_id in self.world["order"].source.records:
                rows_of = [
                    *self.world["order"].source.items(conflict.external_id, self.slot[Side.SOURCE]),
                    *self.world["order"].erpnext.items(conflict.erpnext_name or "", "items"),
                ]
                given_up |= {str(row.get("unit") or row.get("uom")) for row in rows_of}
            self.world.store.resolve([(conflict, encode_resolution(Choice(take=Side.SOURCE)))])
        return given_up

    def lines(self, side: Side, key: str) -> list[tuple[str, int, str]]:
        ids = self.world.pairs("customer")
        found = []
        for row in self.world["order"].side(side).items(key, self.slot[side]):
            link = row.get("customer") if side is Side.ERPNEXT else ids.get(str(row.get("customer_id")))
            found.append((str(row[TOKENS[side]]), int(row[NUMBERS[side]]), str(link)))
        return found

    def everything_agrees(self) -> None:
        world = self.world
        pairs = world.pairs("order")
        ids = world.pairs("customer")
        assert set(pairs) == set(world["order"].source.records)
        assert set(pairs.values()) == set(world["order"].erpnext.records)
        for key, name in pairs.items():
            row, document = world.record("order", key), world.document("order", name or "")
            assert document["po_no"] == row["number"]
            assert document.get("customer") == ids.get(str(row.get("customer_id")))
            ours, theirs = self.lines(Side.ERPNEXT, name or ""), self.lines(Side.SOURCE, str(key))
            assert sorted(ours) == sorted(theirs)
            tokens = [token for token, *_ in ours]
            assert len(tokens) == len(set(tokens)), f"made twice: {tokens}"

    def nothing_lost(self, given_up: set[str]) -> None:
        held = {
            token: number
            for key in self.world["order"].source.records
            for token, number, _ in self.lines(Side.SOURCE, key)
        }
        for token, (side, number) in self.last.items():
            if token in self.removed or token in given_up:
                continue
            assert token in held, f"row {token}, last edited in {side.value}, vanished"
            assert held[token] == number, f"the last edit of row {token}, in {side.value}, was overwritten"
        self.last = {token: entry for token, entry in self.last.items() if token in held and token not in given_up}


HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Machine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=18, deadline=None, suppress_health_check=HEALTH, print_blob=True
)


class TestThePromise(Machine.TestCase):
    pass


class Soak(Machine):
    pass


Soak.TestCase.settings = settings(Machine.TestCase.settings, max_examples=80, stateful_step_count=30)
TestSoak = pytest.mark.timeout(0)(pytest.mark.slow(Soak.TestCase))
