"""A machine that edits both sides, breaks what can break, kills and restarts; then the promise is asked for.

Every record carries a token that nobody edits, every edit a value of its own, so that what was made twice, lost or
overwritten shows.
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
from syncd.core.mapping import SourceDeleted
from syncd.core.model import Side
from syncd.errors import BusyError, UnknownOutcomeError, UnreachableError
from tests.app.harness import Killed, KillSwitch, World, spec

FIELDS = {
    "name": {Side.ERPNEXT: "customer_name", Side.SOURCE: "name"},
    "url": {Side.ERPNEXT: "website", Side.SOURCE: "url"},
}
TOKEN = {Side.ERPNEXT: "tax_id", Side.SOURCE: "vat"}
SIDES = st.sampled_from(Side)
PICK = st.integers(0, 1000)
FAULTS = {
    "unknown": lambda: UnknownOutcomeError("no answer"),
    "busy": lambda: BusyError("deadlock"),
    "unreachable": lambda: UnreachableError("connection reset"),
}


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="syncd-test-")
        self.world: World
        self.edits = 0
        self.last: dict[tuple[str, str], tuple[Side, str]] = {}
        self.deleted: set[str] = set()
        self.log: list[str] = []

    @initialize(stamped=st.booleans(), named=st.booleans())
    def begin(self, stamped: bool, named: bool) -> None:
        changes = {"erpnext_name": "erp_ref"} if named else {}
        self.world = World(
            Path(self.folder.name),
            spec(source_deleted=SourceDeleted.DELETE, **changes),
            erpnext=MemoryOptions(naming=lambda _values, number: f"CUST-{number:05d}", page_size=3),
            source=MemoryOptions(stamped=stamped, page_size=3),
        )

    def side(self, side: Side):
        return self.world.erpnext if side is Side.ERPNEXT else self.world.source

    def value(self) -> str:
        self.edits += 1
        return f"value {self.edits}"

    def pick(self, side: Side, number: int) -> str | None:
        keys = sorted(self.side(side).records)
        return keys[number % len(keys)] if keys else None

    def token(self, side: Side, key: str) -> str:
        return str(self.side(side).values(key)[TOKEN[side]])

    @rule(side=SIDES)
    def insert(self, side: Side) -> None:
        token = f"T{len(self.log)}-{self.edits}"
        values = {name: self.value() for name in FIELDS}
        for name, value in values.items():
            self.last[token, name] = (side, value)
        self.side(side).insert(**{FIELDS[name][side]: value for name, value in values.items()}, **{TOKEN[side]: token})
        self.log.append(f"insert {token}")

    @rule(side=SIDES, number=PICK, name=st.sampled_from(sorted(FIELDS)))
    def edit(self, side: Side, number: int, name: str) -> None:
        key = self.pick(side, number)
        if key is not None:
            self.change(side, key, name)

    def change(self, side: Side, key: str, name: str) -> None:
        value = self.value()
        self.last[self.token(side, key), name] = (side, value)
        self.side(side).edit(key, **{FIELDS[name][side]: value})
        self.log.append(f"edit {self.token(side, key)} {name}")

    @rule(side=SIDES, number=PICK)
    def delete(self, side: Side, number: int) -> None:
        key = self.pick(side, number)
        if key is not None:
            self.deleted.add(self.token(side, key))
            self.side(side).delete(key)

    @rule(number=PICK)
    def rename(self, number: int) -> None:
        key = self.pick(Side.ERPNEXT, number)
        if key is not None and self.world.erpnext.records[key].partner is not None:
            self.world.erpnext.rename(key, f"{key}R")

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        self.world.run(full=full, force=True)

    @rule(full=st.booleans(), point=st.integers(1, 60))
    def killed(self, full: bool, point: int) -> None:
        self.world.watch(KillSwitch(at=point))
        with contextlib.suppress(Killed):
            self.world.run(full=full, force=True)
        self.world.restart()

    @rule(
        side=SIDES,
        when=st.sampled_from(["before", "after"]),
        fault=st.sampled_from(sorted(FAULTS)),
        call=st.integers(1, 8),
        full=st.booleans(),
    )
    def faulty(self, side: Side, when: str, fault: str, call: int, full: bool) -> None:
        calls: list[str] = []

        def hook(method, _writes):
            calls.append(method)
            if len(calls) == call:
                writes = method in {"create", "apply"}
                # What was done cannot be "busy", and a read has no outcome.
                told = fault if writes and (when == "before" or fault != "busy") else "unreachable"
                error = FAULTS[told]()
                raise error

        setattr(self.side(side), when, hook)
        self.world.run(full=full, force=True)
        self.world.unwatch()

    @rule(
        hooked=SIDES,
        edited=SIDES,
        call=st.integers(1, 8),
        number=PICK,
        name=st.sampled_from(sorted(FIELDS)),
        after=st.booleans(),
    )
    def edited_meanwhile(self, hooked: Side, edited: Side, call: int, number: int, name: str, after: bool) -> None:
        calls: list[str] = []

        def hook(method, _writes):
            calls.append(method)
            key = self.pick(edited, number)
            if len(calls) == call and key is not None:
                self.change(edited, key, name)

        setattr(self.side(hooked), "after" if after else "before", hook)
        self.world.run(force=True)
        self.world.unwatch()

    @precondition(lambda self: len(self.log) % 7 == 6)
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
        for _ in range(3):
            result = world.run(full=True, force=True)
            error = result.mappings["customer"].error
            assert error is None, error
        world.quiet(full=True)
        world.quiet()
        assert world.open_operations() == []
        assert world.failures() == []
        self.nothing_twice()
        self.everything_agrees()
        self.nothing_lost()

    def nothing_twice(self) -> None:
        for side in Side:
            tokens = [self.token(side, key) for key in self.side(side).records]
            assert len(tokens) == len(set(tokens)), f"made twice in {side.value}: {sorted(tokens)}"

    def everything_agrees(self) -> None:
        world = self.world
        held = {conflict.external_id for conflict in world.conflicts()}
        pairs = world.pairs()
        assert set(world.source.records) >= {key for key in pairs if key not in held}
        for row in world.source.records:
            token = self.token(Side.SOURCE, row)
            if token in self.deleted or row in held:
                continue
            assert row in pairs, f"{token} has no partner"
            assert world.customer(pairs[row] or "") == world.shopper(row)
            if world.spec.writes_external_id:
                assert world.erpnext.records[pairs[row] or ""].partner == row
            else:
                assert world.source.records[row].partner == pairs[row]

    def nothing_lost(self) -> None:
        for (token, name), (side, value) in self.last.items():
            if token in self.deleted:
                continue
            keys = [key for key in self.side(side).records if self.token(side, key) == token]
            assert len(keys) == 1, f"{token} vanished from {side.value}"
            found = self.side(side).values(keys[0])[FIELDS[name][side]]
            assert found == value, f"the last edit of {token}.{name}, in {side.value}, was overwritten"


HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Machine.TestCase.settings = settings(
    max_examples=50, stateful_step_count=20, deadline=None, suppress_health_check=HEALTH, print_blob=True
)


class TestThePromise(Machine.TestCase):
    pass


class Soak(Machine):
    pass


Soak.TestCase.settings = settings(Machine.TestCase.settings, max_examples=200, stateful_step_count=30)
TestSoak = pytest.mark.timeout(0)(pytest.mark.slow(Soak.TestCase))
