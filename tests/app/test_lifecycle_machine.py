"""A machine that submits, cancels, amends and edits on both sides, breaks what can break, kills and restarts.

Every order carries a number of its own (`amount`) that nobody edits, so that what was made twice shows. In the end,
once every conflict is decided: one live document at most for each order, exactly one where the order asks for one, both
sides say the same, and what ERPNext refuses is held with its reason.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from syncd.core.mapping import ChangedAfterSubmit, DraftVoided, Reopened, SourceDeleted, SubmitFails, WriteBack
from syncd.core.model import Side, Wins
from syncd.errors import BusyError, HeldError, RefusedError, UnknownOutcomeError, UnreachableError
from tests.app.documents import WORDS, Documents, decide, orders
from tests.app.harness import Killed, KillSwitch

SIDES = st.sampled_from(Side)
PICK = st.integers(0, 1000)
STATES = st.sampled_from(["pending", "new", "paid", "shipped", "void"])
TITLES = st.sampled_from(["Chairs", "Tables", "Stools", "wrong Chairs"])
REASON = "it has no rate"
DRAFT, SUBMITTED, CANCELLED = range(3)
FAULTS = {
    "unknown": lambda: UnknownOutcomeError("no answer"),
    "busy": lambda: BusyError("deadlock"),
    "unreachable": lambda: UnreachableError("connection reset"),
}


def refuses(values):
    return REASON if "wrong" in (values.get("title") or "") else ""


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="syncd-test-")
        self.world: Documents
        self.orders = 0
        self.gone: set[object] = set()
        self.log: list[str] = []

    @initialize(
        after=st.sampled_from(ChangedAfterSubmit),
        reopened=st.sampled_from(Reopened),
        voided=st.sampled_from(DraftVoided),
        fails=st.sampled_from(SubmitFails),
        wins=st.sampled_from(Wins),
        back=st.sampled_from([WriteBack.AUTO, WriteBack.NEVER]),
        named=st.booleans(),
    )
    def begin(self, after, reopened, voided, fails, wins, back, named) -> None:
        mapping = orders(
            changed_after_submit=after,
            reopened=reopened,
            draft_voided=voided,
            submit_fails=fails,
            wins=wins,
            write_back=back,
            source_deleted=SourceDeleted.CANCEL,
            match=(("amount",),),
            **({"erpnext_name": "erp_ref"} if named else {}),
        )
        self.world = Documents(Path(self.folder.name), mapping)
        self.world.erpnext.options.refuse_submit = refuses
        self.world.erpnext.options.refusal = HeldError if fails is SubmitFails.HOLD else RefusedError
        for state in ("paid", "paid", "shipped", "pending", "new"):
            self.world.order(state, "Chairs", amount=self.number())
        self.world.run()

    def number(self) -> int:
        self.orders += 1
        return self.orders

    def pick(self, side: Side, number: int) -> str | None:
        keys = sorted((self.world.erpnext if side is Side.ERPNEXT else self.world.source).records)
        return keys[number % len(keys)] if keys else None

    @rule(state=STATES, title=TITLES)
    def order(self, state: str, title: str) -> None:
        self.world.order(state, title, amount=self.number())

    @rule(title=TITLES)
    def person_makes(self, title: str) -> None:
        self.world.erpnext.insert(title=title, amount=self.number())

    @rule(number=PICK, state=st.one_of(st.none(), STATES), title=st.one_of(st.none(), TITLES), note=st.booleans())
    def shop_edits(self, number: int, state: str | None, title: str | None, note: bool) -> None:
        self.change(number, state, title, note=note)

    @rule(number=PICK, state=STATES, title=TITLES, full=st.booleans())
    def shop_edits_and_it_runs(self, number: int, state: str, title: str, full: bool) -> None:
        self.change(number, state, title, note=True)
        self.world.run(full=full, force=True)

    def change(self, number: int, state: str | None, title: str | None, *, note: bool) -> None:
        row = self.pick(Side.SOURCE, number)
        values = {"state": state, "title": title, "note": f"note {len(self.log)}" if note else None}
        if row is not None:
            self.log.append(f"shop edits {row}")
            self.world.source.edit(row, **{name: value for name, value in values.items() if value is not None})

    @rule(number=PICK)
    def shop_deletes(self, number: int) -> None:
        row = self.pick(Side.SOURCE, number)
        if row is not None:
            self.gone.add(self.world.source.values(row)["amount"])
            self.world.source.delete(row)

    @rule(
        number=PICK,
        what=st.sampled_from(["edit", "submit", "cancel", "amend", "amend a draft", "delete"]),
        title=TITLES,
    )
    def person(self, number: int, what: str, title: str) -> None:
        name = self.pick(Side.ERPNEXT, number)
        if name is not None:
            self.act(name, what, title)

    def act(self, name: str, what: str, title: str) -> None:
        """A person does something at the desk, as far as ERPNext lets them."""
        site = self.world.erpnext
        stands = site.records[name].docstatus
        self.log.append(f"person: {what} {name}")
        if what == "edit" and stands == DRAFT:
            site.edit(name, title=title, remarks=f"remark {len(self.log)}")
        elif what == "edit" and stands == SUBMITTED:
            site.edit(name, remarks=f"remark {len(self.log)}")
        elif what == "submit" and stands == DRAFT and not refuses(site.values(name)):
            site.submit(name)
        elif what == "cancel" and stands == SUBMITTED:
            site.cancel(name)
        elif what.startswith("amend") and stands == CANCELLED and not site.amendments([name]):
            site.amend(name, docstatus=DRAFT if "draft" in what else SUBMITTED, title=title.removeprefix("wrong "))
        elif what == "delete" and stands == DRAFT:
            self.gone.add(site.values(name)["amount"])
            site.delete(name)

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
                writes = method in {"create", "apply", "cancelled"}
                # What was done cannot be "busy", and a read has no outcome.
                told = fault if writes and (when == "before" or fault != "busy") else "unreachable"
                error = FAULTS[told]()
                raise error

        setattr(self.world.erpnext if side is Side.ERPNEXT else self.world.source, when, hook)
        self.world.run(full=full, force=True)
        self.world.unwatch()

    @rule(
        call=st.integers(1, 8),
        number=PICK,
        what=st.sampled_from(["edit", "submit", "cancel", "amend"]),
        title=TITLES,
        full=st.booleans(),
    )
    def meanwhile(self, call: int, number: int, what: str, title: str, full: bool) -> None:
        calls: list[str] = []

        def hook(method, _writes):
            calls.append(method)
            name = self.pick(Side.ERPNEXT, number)
            if len(calls) == call and name is not None:
                self.act(name, what, title)

        self.world.erpnext.before = hook
        self.world.run(full=full, force=True)
        self.world.unwatch()

    @rule(take=SIDES)
    def decide_all(self, take: Side) -> None:
        for conflict in self.world.conflicts():
            if conflict.pair is not None:
                decide(self.world, conflict, take)

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.promise()
        finally:
            if hasattr(self, "world"):
                self.world.close()
            self.folder.cleanup()

    def promise(self) -> None:
        self.settle()
        world = self.world
        assert world.open_operations() == []
        for conflict in world.conflicts():
            assert conflict.text, "held with a reason"
            assert conflict.pair is not None, conflict
        for failure in world.failures():
            assert REASON in failure.error, failure
        self.nothing_twice()
        self.both_sides_agree()

    def settle(self) -> None:
        """Decide every conflict; what ERPNext refuses for the source's sake is decided for ERPNext in the end."""
        world = self.world
        for take in (Side.SOURCE, Side.SOURCE, Side.ERPNEXT, Side.ERPNEXT, Side.ERPNEXT):
            for _ in range(2):
                result = world.run(full=True, force=True)
                error = result.mappings["customer"].error
                assert error is None, error
            for conflict in world.conflicts():
                decide(world, conflict, take)
        for _ in range(2):
            world.run(full=True, force=True)
        assert world.conflicts() == [], [conflict.text for conflict in world.conflicts()]
        world.quiet(full=True)
        world.quiet()

    def nothing_twice(self) -> None:
        standing = [
            record.values["amount"] for record in self.world.erpnext.records.values() if record.docstatus != CANCELLED
        ]
        assert len(standing) == len(set(standing)), f"two documents stand for one order: {sorted(standing)}"
        rows = [record.values["amount"] for record in self.world.source.records.values()]
        assert len(rows) == len(set(rows)), f"one document has two orders: {sorted(rows)}"

    def both_sides_agree(self) -> None:
        world = self.world
        pairs = world.pairs()
        failed = {failure.external_id for failure in world.failures()}
        for row, record in world.source.records.items():
            if record.values["amount"] in self.gone or row in failed:
                continue
            name = pairs.get(row)
            if name is None:
                self.without_partner(record.values)
                continue
            document = world.erpnext.records[name]
            assert record.values["state"] in STANDS[document.docstatus], (row, name, record.values, document)
            assert document.values["amount"] == record.values["amount"]
            if document.docstatus != CANCELLED:
                assert world.document(name)[1:] == world.shop(row)[1:], (row, name)
            assert not world.erpnext.amendments([name]), f"{name} was amended, and the pair did not follow"

    def without_partner(self, values: object) -> None:
        """An order has no document only where it was cancelled before it had one, or while it was a draft."""
        of_it = [
            record
            for record in self.world.erpnext.records.values()
            if record.values["amount"] == values["amount"] and record.docstatus != CANCELLED  # type: ignore[index]
        ]
        assert of_it == []


STANDS = (WORDS["draft"], WORDS["submitted"], WORDS["cancelled"])
HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Machine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=HEALTH, print_blob=True
)


class TestDocuments(Machine.TestCase):
    pass


class Soak(Machine):
    pass


Soak.TestCase.settings = settings(Machine.TestCase.settings, max_examples=200, stateful_step_count=30)
TestSoak = pytest.mark.timeout(0)(pytest.mark.slow(Soak.TestCase))
