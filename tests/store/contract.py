"""What every state store must do. A subclass gives the fixture `store`; `clock` is the clock it was opened with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from syncd.core.model import Action, PairState, Raw, Side
from syncd.core.values import digest, encode_image
from syncd.errors import LeaseHeldError, StateError, UsageError
from syncd.ports.state import (
    ConflictRecord,
    FailureRecord,
    Layout,
    MappingState,
    Match,
    NewPair,
    Operation,
    OperationState,
    PairChange,
    RunRecord,
    Staged,
    StagedState,
    StateStore,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves when it is told to, and while someone sleeps."""

    def __init__(self) -> None:
        self.time = START
        self.slept = 0.0

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.time += timedelta(seconds=seconds)


def staged(side: Side, key: str, **changes) -> Staged:
    image = encode_image(changes.pop("values", [key]))
    row = Staged(
        id=0,
        side=side,
        key=key,
        pair=None,
        state=StagedState.NEW,
        stamp="2026-01-01 00:00:00.000001",
        image=image,
        digest=digest(image),
        partner=None,
        creation="2025-01-01 00:00:00.000000" if side is Side.ERPNEXT else None,
        editor="someone@example.com" if side is Side.ERPNEXT else None,
        deleted=False,
        docstatus=0,
    )
    return row._replace(**changes)


def new_pair(name: str | None, external_id: str | None, **changes) -> NewPair:
    erpnext, source = encode_image([name, 1]), encode_image([external_id, 2])
    pair = NewPair(
        erpnext_name=name,
        external_id=external_id,
        state=PairState.AGREED,
        creation="2025-01-01 00:00:00.000000",
        erpnext_stamp="2026-01-01 00:00:00.000001",
        source_stamp="2026-01-02 00:00:00",
        erpnext_seen=digest(erpnext),
        source_seen=digest(source),
        erpnext_image=erpnext,
        source_image=source,
        linked_erpnext=True,
        linked_source=False,
        docstatus=0,
    )
    return pair._replace(**changes)


def conflict(external_id: str | None, name: str | None, **changes) -> ConflictRecord:
    record = ConflictRecord(
        mapping="customer",
        kind="fields",
        external_id=external_id,
        erpnext_name=name,
        pair=None,
        fields=b'[{"field":"name"}]',
        run="run-1",
    )
    return replace(record, **changes)


def failure(external_id: str | None, name: str | None, **changes) -> FailureRecord:
    record = FailureRecord(
        mapping="customer",
        side=Side.ERPNEXT,
        external_id=external_id,
        erpnext_name=name,
        action=Action.UPDATE,
        permanent=True,
        error="refused",
        hint="change it",
        payload=b'{"a":1}',
        digest=b"d" * 16,
        run="run-1",
    )
    return replace(record, **changes)


def operation(key: str, **changes) -> Operation:
    entry = Operation(
        key=key,
        mapping="customer",
        run="run-1",
        side=Side.ERPNEXT,
        action=Action.CREATE,
        records=b"[1]",
        count=1,
    )
    return replace(entry, **changes)


def match_digest(text: str) -> bytes:
    return digest(text.encode())


class StateStoreContract:
    """Run by every store."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def lease(self, store: StateStore):
        held = store.acquire("customer", wait=0)
        yield held
        held.release()

    @pytest.fixture
    def write(self, store: StateStore, lease):
        """A function that runs one call in a transaction of its own."""

        def run(name: str, *arguments) -> None:
            with store.transaction(lease) as tx:
                getattr(tx, name)(*arguments)

        return run

    def all_unpaired(self, store: StateStore, side: Side, states=tuple(StagedState)) -> list[Staged]:
        return store.unpaired("customer", side, after=0, limit=1000, states=states)

    def row_ids(self, store: StateStore) -> dict[str, int]:
        return {row.key: row.id for side in Side for row in self.all_unpaired(store, side)}

    def pair_id(self, store: StateStore, name: str) -> int:
        return store.pairs_by_key("customer", Side.ERPNEXT, [name])[0][0].id

    # An empty store

    def test_an_unknown_mapping_has_nothing(self, store):
        assert store.mapping_state("customer") == MappingState(mapping="customer")
        assert store.layouts("customer") == {}
        assert store.known("customer", Side.ERPNEXT, ["A", "B"], [None, "1"]) == [None, None]
        assert store.work("customer", after=0, limit=10) == []
        assert list(store.matches("customer")) == []
        assert list(store.pair_ids("customer")) == []
        assert store.open_operations("customer") == []
        assert store.totals("customer").pairs == 0

    # Staged rows

    def test_a_staged_row_comes_back_as_it_was_given(self, store, write):
        row = staged(
            Side.ERPNEXT,
            "CUST-1",
            partner="7",
            docstatus=1,
            deleted=True,
            state=StagedState.HELD,
            match=(match_digest("a"), None, match_digest("b")),
        )
        write("stage", [row])
        (found,) = self.all_unpaired(store, Side.ERPNEXT)
        assert found == row._replace(id=found.id)
        assert found.id > 0

    @pytest.mark.parametrize(
        ("description", "stamp"),
        [
            ("ERPNext's text", "2026-01-01 00:00:00.000001"),
            ("text that looks encoded", "=[1]"),
            ("empty text", ""),
            ("an epoch", 1_767_225_600),
            ("a fraction", 1.5),
            ("a decimal", Decimal("1.50")),
            ("a naive time", datetime.fromisoformat("2026-01-01T03:04:05.000006")),
            ("an aware time", datetime(2026, 1, 1, tzinfo=UTC)),
            ("a date", date(2026, 1, 1)),
            ("a time of day", time(1, 2)),
            ("a rowversion", b"\x00\x01"),
            ("nothing", None),
        ],
    )
    def test_stamps_of_every_kind_survive(self, store, write, description, stamp: Raw):
        write("stage", [staged(Side.SOURCE, "1", stamp=stamp)])
        write("add_pairs", [new_pair("A", "9", source_stamp=stamp)], 0)
        found = self.all_unpaired(store, Side.SOURCE)[0].stamp
        in_pair = store.pairs_by_key("customer", Side.SOURCE, ["9"])[0][0].source_stamp
        assert (found, type(found)) == (stamp, type(stamp)), description
        assert (in_pair, type(in_pair)) == (stamp, type(stamp)), description

    def test_staging_again_replaces_and_keeps_the_id(self, store, write):
        write("stage", [staged(Side.ERPNEXT, "A", match=(match_digest("old"),)), staged(Side.SOURCE, "A")])
        (before,) = self.all_unpaired(store, Side.ERPNEXT)
        newer = staged(Side.ERPNEXT, "A", values=["other"], match=(match_digest("new"),), state=StagedState.FAILED)
        write("stage", [newer])
        (found,) = self.all_unpaired(store, Side.ERPNEXT)
        assert found == newer._replace(id=found.id)
        assert store.staged([found.id]) == [found]
        assert found.id == before.id
        assert len(self.all_unpaired(store, Side.SOURCE)) == 1

    def test_ids_of_removed_rows_are_not_given_again(self, store, write):
        write("stage", [staged(Side.ERPNEXT, "A")])
        first = self.row_ids(store)["A"]
        write("unstage", [first])
        assert self.all_unpaired(store, Side.ERPNEXT) == []
        write("stage", [staged(Side.ERPNEXT, "A")])
        assert self.row_ids(store)["A"] > first

    def test_unpaired_pages_by_id_and_state(self, store, write):
        write("stage", [staged(Side.ERPNEXT, f"A{number}") for number in range(10)])
        ids = self.row_ids(store)
        write("mark_staged", [(ids["A1"], StagedState.HELD), (ids["A3"], StagedState.UNMATCHED)])
        wanted = [StagedState.NEW, StagedState.HELD]
        first = store.unpaired("customer", Side.ERPNEXT, after=0, limit=4, states=wanted)
        rest = store.unpaired("customer", Side.ERPNEXT, after=first[-1].id, limit=100, states=wanted)
        assert [row.key for row in first] == ["A0", "A1", "A2", "A4"]
        assert [row.key for row in rest] == ["A5", "A6", "A7", "A8", "A9"]
        assert first[1].state is StagedState.HELD
        assert [row.key for row in self.all_unpaired(store, Side.ERPNEXT, [StagedState.UNMATCHED])] == ["A3"]
        assert self.all_unpaired(store, Side.ERPNEXT, []) == []

    def test_touch_staged_moves_the_stamp_alone(self, store, write):
        write("stage", [staged(Side.SOURCE, "1")])
        (row,) = self.all_unpaired(store, Side.SOURCE)
        write("touch_staged", [(row.id, 99)])
        assert self.all_unpaired(store, Side.SOURCE) == [row._replace(stamp=99)]

    def test_drop_staged_empties_one_mapping(self, store, write):
        other = store.acquire("item", wait=0)
        with store.transaction(other) as tx:
            tx.stage([staged(Side.SOURCE, "1")])
        write("stage", [staged(Side.SOURCE, "1"), staged(Side.ERPNEXT, "A")])
        write("drop_staged")
        assert self.row_ids(store) == {}
        assert len(store.unpaired("item", Side.SOURCE, after=0, limit=9, states=[StagedState.NEW])) == 1

    def test_more_rows_than_one_statement_takes(self, store, write):
        keys = [f"K{number:05d}" for number in range(2500)]
        write("stage", [staged(Side.SOURCE, key) for key in keys])
        rows = store.unpaired("customer", Side.SOURCE, after=0, limit=5000, states=[StagedState.NEW])
        assert [row.key for row in rows] == keys
        known = store.known("customer", Side.SOURCE, keys[::-1], [None] * len(keys))
        assert [entry.staged for entry in known] == [row.id for row in rows][::-1]
        assert len(store.staged([row.id for row in rows])) == 2500
        write("unstage", [row.id for row in rows[:2400]])
        assert store.totals("customer").staged == 100

    # Known

    def test_known_finds_by_key_in_the_order_asked(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2", state=PairState.HELD)], 3)
        write("stage", [staged(Side.ERPNEXT, "C")])
        b, none, c, a = store.known("customer", Side.ERPNEXT, ["B", "X", "C", "A"], [None] * 4)
        assert none is None
        assert (a.pair, a.staged, a.pair_state, a.key) == (self.pair_id(store, "A"), None, PairState.AGREED, "A")
        assert (a.stamp, a.digest) == ("2026-01-01 00:00:00.000001", digest(encode_image(["A", 1])))
        assert a.creation == "2025-01-01 00:00:00.000000"
        assert b.pair_state is PairState.HELD
        assert (c.pair, c.staged, c.staged_state) == (None, self.row_ids(store)["C"], StagedState.NEW)
        assert c.digest == digest(encode_image(["C"]))
        (source,) = store.known("customer", Side.SOURCE, ["2"], [None])
        assert (source.pair, source.stamp) == (self.pair_id(store, "B"), "2026-01-02 00:00:00")
        assert source.digest == digest(encode_image(["2", 2]))

    def test_known_finds_the_pair_whose_partner_the_row_names(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2")], 0)
        (renamed,) = store.known("customer", Side.ERPNEXT, ["A-new"], ["1"])
        assert (renamed.pair, renamed.key) == (self.pair_id(store, "A"), "A")
        (moved,) = store.known("customer", Side.SOURCE, ["22"], ["B"])
        assert (moved.pair, moved.key) == (self.pair_id(store, "B"), "2")
        (by_key,) = store.known("customer", Side.ERPNEXT, ["A"], ["2"])
        assert by_key.pair == self.pair_id(store, "A"), "its own pair goes before the one it names"

    def test_what_was_staged_of_a_pair_was_seen_last(self, store, write):
        write("add_pairs", [new_pair("A", "1", state=PairState.FAILED)], 0)
        pair = self.pair_id(store, "A")
        write("stage", [staged(Side.ERPNEXT, "A", pair=pair, values=["new"], stamp="later")])
        (entry,) = store.known("customer", Side.ERPNEXT, ["A"], ["1"])
        assert (entry.pair, entry.pair_state, entry.stamp) == (pair, PairState.FAILED, "later")
        assert entry.digest == digest(encode_image(["new"]))
        assert entry.staged == store.work("customer", after=0, limit=1)[0].erpnext.id

    def test_a_row_staged_under_a_new_key_leads_to_its_pair(self, store, write):
        write("add_pairs", [new_pair("A", "1")], 0)
        pair = self.pair_id(store, "A")
        write("stage", [staged(Side.ERPNEXT, "A-new", pair=pair, partner="1")])
        (entry,) = store.known("customer", Side.ERPNEXT, ["A-new"], ["1"])
        assert (entry.pair, entry.pair_state, entry.key) == (pair, PairState.AGREED, "A")

    @pytest.mark.parametrize(
        ("description", "before", "now", "same"),
        [
            ("none named, none named", None, None, True),
            ("empty text names none", None, "", True),
            ("the same partner", "7", "7", True),
            ("a partner was entered", None, "7", False),
            ("another partner was entered", "7", "8", False),
            ("the partner was removed", "7", None, False),
        ],
    )
    def test_an_unpaired_row_that_names_another_partner_is_not_unchanged(
        self, store, write, description, before, now, same
    ):
        write("stage", [staged(Side.ERPNEXT, "A", partner=before)])
        (entry,) = store.known("customer", Side.ERPNEXT, ["A"], [now])
        assert (entry.digest == digest(encode_image(["A"]))) is same, description

    # Pairs

    def test_a_pair_comes_back_as_it_was_given(self, store, write):
        given = new_pair(
            "A",
            "1",
            state=PairState.PAUSED,
            erpnext_image=encode_image([Decimal("1.50"), None, "x"]),
            source_image=None,
            linked_erpnext=False,
            linked_source=True,
            docstatus=1,
        )
        write("add_pairs", [given], 4)
        ((pair, layout),) = store.pairs("customer", after=0, limit=10)
        assert layout == 4
        assert (pair.erpnext_name, pair.external_id, pair.state) == ("A", "1", PairState.PAUSED)
        assert pair.erpnext == (Decimal("1.50"), None, "x")
        assert pair.source is None
        assert (pair.linked_erpnext, pair.linked_source, pair.docstatus) == (False, True, 1)
        assert pair.creation == given.creation
        assert (pair.erpnext_stamp, pair.source_stamp) == (given.erpnext_stamp, given.source_stamp)
        assert store.pairs_by_key("customer", Side.SOURCE, ["1", "2"]) == [(pair, 4)]
        assert store.pairs_by_id("customer", [pair.id, pair.id + 1]) == [(pair, 4)]
        assert store.pairs_by_creation("customer", [str(given.creation), "2001-01-01 00:00:00"]) == [(pair, 4)]
        assert store.pairs_by_creation("another", [str(given.creation)]) == []

    def test_pairs_page_by_id_and_leave_out_ended_ones(self, store, write):
        states = [PairState.AGREED, PairState.ENDED, PairState.HELD, PairState.AGREED, PairState.PAUSED]
        write("add_pairs", [new_pair(f"A{i}", str(i), state=state) for i, state in enumerate(states)], 0)
        first = store.pairs("customer", after=0, limit=2)
        rest = store.pairs("customer", after=first[-1][0].id, limit=10)
        assert [pair.erpnext_name for pair, _ in first + rest] == ["A0", "A2", "A3", "A4"]
        assert len(store.pairs("customer", after=0, limit=10, live=False)) == 5
        assert list(store.pair_ids("customer")) == [pair.id for pair, _ in first + rest]

    def test_ended_pairs_page_by_id(self, store, write):
        states = [PairState.ENDED, PairState.AGREED, PairState.ENDED, PairState.HELD, PairState.ENDED]
        write("add_pairs", [new_pair(f"A{i}", str(i), state=state) for i, state in enumerate(states)], 0)
        first = store.ended_pairs("customer", after=0, limit=2)
        rest = store.ended_pairs("customer", after=first[-1][0].id, limit=2)
        assert [pair.erpnext_name for pair, _ in first + rest] == ["A0", "A2", "A4"]
        assert store.ended_pairs("item", after=0, limit=2) == []

    def test_agreed_pairs_page_by_id_and_leave_out_what_is_staged_or_of_another_layout(self, store, write):
        states = [PairState.AGREED, PairState.HELD, PairState.AGREED, PairState.ENDED, PairState.AGREED]
        pairs = [new_pair(f"A{i}", str(i), state=state) for i, state in enumerate(states)]
        write("add_pairs", [pairs[0]._replace(differs=("website", "items[1].qty")), *pairs[1:]], 7)
        write("add_pairs", [new_pair("B", "9")], 8)
        first = store.agreed_pairs("customer", layout=7, after=0, limit=2)
        rest = store.agreed_pairs("customer", layout=7, after=first[-1].id, limit=2)
        assert [pair.erpnext_name for pair in first + rest] == ["A0", "A2", "A4"]
        stored = first[0]
        assert (stored.external_id, stored.differs, first[1].differs) == ("0", ("website", "items[1].qty"), ())
        assert (stored.erpnext_image, stored.erpnext_seen) == (pairs[0].erpnext_image, pairs[0].erpnext_seen)
        assert (stored.source_image, stored.source_seen) == (pairs[0].source_image, pairs[0].source_seen)
        assert store.pairs("customer", after=0, limit=1)[0][0].differs == ("website", "items[1].qty")
        write("stage", [staged(Side.SOURCE, "2", pair=first[1].id)])
        assert [p.erpnext_name for p in store.agreed_pairs("customer", layout=7, after=0, limit=9)] == ["A0", "A4"]
        assert store.agreed_pairs("item", layout=7, after=0, limit=9) == []

    @pytest.mark.parametrize(
        ("description", "pair"),
        [("the name", new_pair("A", "2")), ("the external id", new_pair("B", "1"))],
    )
    def test_a_key_belongs_to_one_pair(self, store, write, description, pair):
        write("add_pairs", [new_pair("A", "1")], 0)
        with pytest.raises(StateError, match="customer"):
            write("add_pairs", [new_pair("C", "3"), pair], 0)
        assert [pair.erpnext_name for pair, _ in store.pairs("customer", after=0, limit=9)] == ["A"], description

    def test_a_missing_key_may_be_missing_often_and_mappings_do_not_meet(self, store, write):
        write("add_pairs", [new_pair(None, "1"), new_pair(None, "2"), new_pair("A", None), new_pair("B", None)], 0)
        other = store.acquire("item", wait=0)
        with store.transaction(other) as tx:
            tx.add_pairs([new_pair("A", "1")], 0)
        assert store.totals("customer").pairs == 4
        assert store.totals("item").pairs == 1
        assert store.pairs_by_key("item", Side.ERPNEXT, ["A", "B"])[0][0].external_id == "1"

    def test_change_replaces_the_whole_pair(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2")], 1)
        changed = new_pair("A2", "1", state=PairState.HELD, erpnext_image=None, docstatus=2, creation=None)
        write("change_pairs", [PairChange(self.pair_id(store, "A"), changed)], 2)
        (pair, layout), (other, other_layout) = store.pairs("customer", after=0, limit=9)
        assert (pair.erpnext_name, pair.state, pair.erpnext, pair.docstatus, layout) == (
            "A2",
            PairState.HELD,
            None,
            2,
            2,
        )
        assert (other.erpnext_name, other_layout) == ("B", 1)
        assert store.known("customer", Side.ERPNEXT, ["A"], [None]) == [None]

    def test_keys_may_move_in_a_circle(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2"), new_pair("C", "3")], 0)
        ids = [self.pair_id(store, name) for name in "ABC"]
        moved = [new_pair("B", "1"), new_pair("C", "2"), new_pair("A", "3")]
        write("change_pairs", [PairChange(*change) for change in zip(ids, moved, strict=True)], 0)
        found = [
            (pair.id, pair.erpnext_name, pair.external_id) for pair, _ in store.pairs("customer", after=0, limit=9)
        ]
        assert found == [(ids[0], "B", "1"), (ids[1], "C", "2"), (ids[2], "A", "3")]

    def test_a_change_to_a_taken_key_changes_nothing(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2")], 0)
        before = store.pairs("customer", after=0, limit=9)
        with pytest.raises(StateError, match="two pairs"):
            write("change_pairs", [PairChange(self.pair_id(store, "A"), new_pair("B", "1"))], 0)
        assert store.pairs("customer", after=0, limit=9) == before

    def test_free_names_lets_another_pair_have_the_name(self, store, write):
        pairs = [new_pair("A", "1", state=PairState.ENDED), new_pair("B", "2"), new_pair("C", "3")]
        write("add_pairs", pairs, 0)
        write("free_names", [self.pair_id(store, "A"), self.pair_id(store, "B")])
        write("add_pairs", [new_pair("A", "9"), new_pair("B", "8")], 0)
        names = {p.external_id: p.erpnext_name for p, _ in store.pairs("customer", after=0, limit=9, live=False)}
        assert names == {"1": None, "2": None, "3": "C", "9": "A", "8": "B"}

    def test_a_pair_has_one_staged_row_of_a_side(self, store, write):
        write("add_pairs", [new_pair("A", "1"), new_pair("B", "2")], 0)
        first, second = self.pair_id(store, "A"), self.pair_id(store, "B")
        write("stage", [staged(Side.ERPNEXT, "A", pair=first), staged(Side.ERPNEXT, "B", pair=second)])
        write("stage", [staged(Side.ERPNEXT, "gone", pair=first)])
        write("stage", [staged(Side.ERPNEXT, "A", pair=first), staged(Side.SOURCE, "1", pair=first)])
        found = store.work("customer", after=0, limit=9)
        assert [(work.pair.id, work.erpnext.key) for work in found] == [(first, "A"), (second, "B")]
        assert store.totals("customer").staged == 3

    def test_touch_moves_the_stamp_of_one_side(self, store, write):
        write("add_pairs", [new_pair("A", "1")], 0)
        ((before, _),) = store.pairs("customer", after=0, limit=1)
        write("touch", Side.SOURCE, [(before.id, 1_800_000_000)])
        ((after, _),) = store.pairs("customer", after=0, limit=1)
        assert after == replace(before, source_stamp=1_800_000_000)

    def test_newest_pairs_are_the_live_ones_with_the_latest_stamps(self, store, write):
        stamps = {"A": "2026-01-03", "B": "2026-01-09", "C": None, "D": "2026-01-05", "E": "2026-01-30"}
        pairs = [
            new_pair(name, name.lower(), erpnext_stamp=stamp, state=PairState.ENDED if name == "E" else PairState.HELD)
            for name, stamp in stamps.items()
        ]
        write("add_pairs", [*pairs, new_pair(None, "z", erpnext_stamp="2026-02-01")], 0)
        assert store.newest_pairs("customer", Side.ERPNEXT, 2) == [("B", "2026-01-09"), ("D", "2026-01-05")]
        assert len(store.newest_pairs("customer", Side.ERPNEXT, 9)) == 3

    # Work

    def test_work_is_what_is_staged_and_what_is_open(self, store, write):
        states = {
            "A": PairState.AGREED,
            "B": PairState.AGREED,
            "C": PairState.HELD,
            "D": PairState.FAILED,
            "E": PairState.UNFINISHED,
            "F": PairState.PAUSED,
            "G": PairState.ENDED,
            "H": PairState.PAUSED,
        }
        write("add_pairs", [new_pair(name, name.lower(), state=state) for name, state in states.items()], 5)
        ids = {name: self.pair_id(store, name) for name in states}
        write(
            "stage",
            [
                staged(Side.SOURCE, "b", pair=ids["B"]),
                staged(Side.ERPNEXT, "C", pair=ids["C"]),
                staged(Side.SOURCE, "c", pair=ids["C"]),
                staged(Side.ERPNEXT, "H", pair=ids["H"]),
                staged(Side.ERPNEXT, "unpaired"),
            ],
        )
        found = store.work("customer", after=0, limit=100)
        shape = [(w.pair.erpnext_name, w.erpnext and w.erpnext.key, w.source and w.source.key, w.layout) for w in found]
        assert shape == [
            ("B", None, "b", 5),
            ("C", "C", "c", 5),
            ("D", None, None, 5),
            ("E", None, None, 5),
            ("H", "H", None, 5),
        ]
        assert store.count_work("customer") == 5
        first = store.work("customer", after=0, limit=2)
        rest = store.work("customer", after=first[-1].pair.id, limit=2)
        last = store.work("customer", after=rest[-1].pair.id, limit=2)
        assert [w.pair.erpnext_name for w in (*first, *rest, *last)] == ["B", "C", "D", "E", "H"]
        assert found[0].source.pair == ids["B"]

    def test_tied_rows_are_work_and_no_longer_candidates(self, store, write):
        rule = (match_digest("same"),)
        write("stage", [staged(Side.ERPNEXT, "A", match=rule), staged(Side.SOURCE, "1", match=rule)])
        ids = self.row_ids(store)
        assert len(list(store.matches("customer"))) == 1
        write("add_pairs", [new_pair("A", "1", state=PairState.UNFINISHED)], 0)
        pair = self.pair_id(store, "A")
        write("tie", [(ids["A"], "A"), (ids["1"], "A")])
        (item,) = store.work("customer", after=0, limit=9)
        assert (item.erpnext.id, item.source.id, item.erpnext.pair) == (ids["A"], ids["1"], pair)
        assert self.row_ids(store) == {}
        write("stage", [staged(Side.SOURCE, "2", match=rule)])
        assert list(store.matches("customer")) == []

    # Matches

    def edges(self, store: StateStore) -> list[tuple[int, str, str]]:
        keys = {number: key for key, number in self.row_ids(store).items()}
        found = list(store.matches("customer"))
        assert found == sorted(found, key=lambda m: (m.rule, m.erpnext))
        assert all(isinstance(edge, Match) for edge in found)
        return [(edge.rule, keys[edge.erpnext], keys[edge.source]) for edge in found]

    def test_matches_by_rule_and_by_what_records_say(self, store, write):
        one, two = match_digest("1"), match_digest("2")
        write(
            "stage",
            [
                staged(Side.ERPNEXT, "A", match=(one, None)),
                staged(Side.ERPNEXT, "B", match=(None, two), partner="b"),
                staged(Side.ERPNEXT, "C", match=(None, None)),
                staged(Side.ERPNEXT, "D", partner="nowhere"),
                staged(Side.SOURCE, "a", match=(one, two)),
                staged(Side.SOURCE, "b", match=(two, one), partner="B"),
                staged(Side.SOURCE, "c", match=(None, None), partner="C"),
            ],
        )
        assert self.edges(store) == [(-1, "B", "b"), (-1, "C", "c"), (0, "A", "a"), (1, "B", "a")]

    def test_candidates_need_a_new_row(self, store, write):
        rule = (match_digest("same"),)
        keys = ["A", "B"]
        write("stage", [staged(Side.ERPNEXT, key, match=rule, state=StagedState.HELD) for key in keys])
        write("stage", [staged(Side.SOURCE, "a", match=rule, state=StagedState.HELD, partner="A")])
        assert self.edges(store) == []
        ids = self.row_ids(store)
        write("mark_staged", [(ids["B"], StagedState.NEW)])
        assert self.edges(store) == [(0, "B", "a")]
        write("mark_staged", [(ids["a"], StagedState.NEW)])
        assert self.edges(store) == [(-1, "A", "a"), (0, "A", "a"), (0, "B", "a")]

    def test_few_new_rows_among_many_old_ones(self, store, write):
        old = [
            staged(side, f"{side.value}{i}", match=(match_digest(f"{side}{i}"),), state=StagedState.UNMATCHED)
            for side in Side
            for i in range(50)
        ]
        old[7] = old[7]._replace(match=(match_digest("x"),))
        write("stage", [*old, staged(Side.SOURCE, "new", match=(match_digest("x"),))])
        assert self.edges(store) == [(0, "erpnext7", "new")]

    def test_crowds_show_every_row_as_ambiguous_without_a_product(self, store, write):
        rule = (match_digest("crowd"),)
        write("stage", [staged(Side.ERPNEXT, f"A{i:03d}", match=rule) for i in range(200)])
        write("stage", [staged(Side.SOURCE, f"a{i:03d}", match=rule) for i in range(150)])
        edges = self.edges(store)
        assert len(edges) < 3 * 350
        for position, count in ((1, 200), (2, 150)):
            candidates: dict[str, set[str]] = {}
            for edge in edges:
                candidates.setdefault(edge[position], set()).add(edge[3 - position])
            assert len(candidates) == count
            assert all(len(across) > 1 for across in candidates.values())

    def test_matches_are_those_of_one_moment(self, store, write):
        write("stage", [staged(Side.ERPNEXT, f"A{i}", match=(match_digest(str(i)),)) for i in range(20)])
        write("stage", [staged(Side.SOURCE, f"a{i}", match=(match_digest(str(i)),)) for i in range(20)])
        edges = store.matches("customer")
        first = next(edges)
        write("drop_staged")
        assert len([first, *edges]) == 20

    # The mapping's state

    def test_mapping_state_and_layouts(self, store, write):
        state = MappingState(
            mapping="customer",
            erpnext_cursor="c1",
            source_cursor=None,
            layout=1,
            erpnext_fields=("name", "tax_id"),
            source_fields=("id",),
            fingerprint="f",
            last_run=START,
            last_full=None,
            halt="emptied",
        )
        write("set_state", state)
        assert store.mapping_state("customer") == state
        newer = replace(state, layout=2, erpnext_fields=("name",), source_cursor="s", halt="")
        write("set_state", newer)
        assert store.mapping_state("customer") == newer
        assert store.layouts("customer") == {
            1: Layout(number=1, erpnext_fields=("name", "tax_id"), source_fields=("id",)),
            2: Layout(number=2, erpnext_fields=("name",), source_fields=("id",)),
        }
        with pytest.raises(ValueError, match="layout 2"):
            write("set_state", replace(newer, erpnext_fields=("other",)))
        assert store.mapping_state("customer") == newer

    # The journal

    def test_operations_are_open_until_they_are_finished(self, store, write, clock):
        write("journal", [operation("k1"), operation("k2", sent=START - timedelta(hours=1)), operation("k3")])
        assert [o.key for o in store.open_operations("customer")] == ["k1", "k2", "k3"]
        assert store.open_operations("customer")[0] == operation("k1", sent=START)
        assert store.open_operations("customer")[1].sent == START - timedelta(hours=1)
        clock.time += timedelta(seconds=5)
        write(
            "finish",
            [("k1", OperationState.DONE, "", b"[2]"), ("k3", OperationState.REFUSED, "no such group", b"")],
        )
        assert [o.key for o in store.open_operations("customer")] == ["k2"]
        one, two, three = store.operations("run-1")
        assert (one.state, one.finished) == (OperationState.DONE, START + timedelta(seconds=5))
        assert (one.records, one.results) == (b"[1]", b"[2]")
        assert (two.state, two.finished) == (OperationState.OPEN, None)
        assert (three.state, three.error, three.results) == (OperationState.REFUSED, "no such group", b"")
        assert list(store.operations("run-2")) == []

    def test_an_operation_key_is_used_once(self, store, write):
        write("journal", [operation("k1")])
        with pytest.raises(StateError, match="used before"):
            write("journal", [operation("k1", run="run-2")])
        assert list(store.operations("run-2")) == []

    def test_a_long_journal_is_read_whole(self, store, write):
        write("journal", [operation(f"k{i:04d}") for i in range(900)])
        assert [o.key for o in store.operations("run-1")] == [f"k{i:04d}" for i in range(900)]

    # Conflicts and failures

    def test_a_conflict_opens_is_replaced_and_closes(self, store, write, clock):
        given = conflict("1", "A", erpnext_stamp="s1", source_stamp=5, editor="x@y.z", text="why", pair=None)
        write("hold", [given])
        (first,) = store.conflicts("customer")
        assert first == replace(given, id=first.id, opened=START)
        assert store.conflict(first.id) == first
        clock.time += timedelta(hours=1)
        write("hold", [replace(given, fields=b"[2]", run="run-2")])
        (second,) = store.conflicts()
        assert second == replace(first, fields=b"[2]", run="run-2"), "same number, same opening"
        assert store.conflicts(run="run-1") == []
        assert store.conflicts("customer", run="run-2") == [second]
        assert store.conflicts("item") == []
        write("close_conflicts", [("1", "A")])
        assert store.conflicts() == []
        assert store.conflict(first.id) is None
        write("hold", [given])
        assert store.conflicts()[0].id > first.id, "a closed conflict's number does not come back"

    @pytest.mark.parametrize(
        ("description", "held", "closed", "is_closed"),
        [
            ("both keys the same", ("1", "A"), ("1", "A"), True),
            ("ambiguous source row, paired since", ("1", None), ("1", "A"), True),
            ("ambiguous document, paired since", (None, "A"), ("1", "A"), True),
            ("renamed document", ("1", "A"), ("1", "A-new"), True),
            ("only its name known by now", ("1", "A"), (None, "A"), True),
            ("another record that has the name now", ("1", "A"), ("2", "A"), False),
            ("another record", ("1", "A"), ("2", "B"), False),
            ("another document without id", (None, "A"), (None, "B"), False),
            ("no key at all", ("1", "A"), (None, None), False),
        ],
    )
    def test_which_record_is_the_same(self, store, write, description, held, closed, is_closed):
        write("hold", [conflict(*held)])
        write("fail", [failure(*held)])
        write("close_conflicts", [closed])
        write("close_failures", [closed])
        assert (store.conflicts() == []) is is_closed, description
        assert (store.failures() == []) is is_closed, description

    def test_two_conflicts_of_one_record_become_one(self, store, write):
        write("hold", [conflict("1", None, kind="match"), conflict(None, "A", kind="match"), conflict("2", None)])
        write("hold", [conflict("1", "A")])
        assert [(c.external_id, c.erpnext_name, c.kind) for c in store.conflicts()] == [
            ("1", "A", "fields"),
            ("2", None, "fields"),
        ]

    def test_a_decision_stays_with_its_question(self, store, write):
        write("hold", [conflict("1", "A")])
        (held,) = store.conflicts()
        store.resolve([(held, b'{"take":"source"}')])
        write("hold", [conflict("1", "A", run="run-2", erpnext_stamp="moved")])
        assert store.conflict(held.id).resolution == b'{"take":"source"}', "the same question"
        write("hold", [conflict("1", "A", fields=b"[3]")])
        assert store.conflict(held.id).resolution == b'{"moved":{"take":"source"}}', "decided on other values"
        write("hold", [conflict("1", "A", fields=b"[4]")])
        assert store.conflict(held.id).resolution == b'{"moved":{"take":"source"}}', "and not told twice"

    def test_decisions_are_noted_on_what_was_shown_all_or_none(self, store, write):
        write("hold", [conflict("1", "A"), conflict("2", "B"), conflict("3", "C")])
        first, second, third = store.conflicts()
        write("hold", [conflict("2", "B", fields=b"[3]")])
        write("close_conflicts", [("3", "C")])
        take = b'{"take":"source"}'
        with pytest.raises(UsageError, match=f"conflict {second.id}, {third.id}; nothing is noted"):
            store.resolve([(first, take), (second, take), (third, take)])
        assert [held.resolution for held in store.conflicts()] == [None, None]
        store.resolve([(first, take), (store.conflict(second.id), b'{"take":"erpnext"}')])
        assert [held.resolution for held in store.conflicts()] == [take, b'{"take":"erpnext"}']

    def test_failures_count_attempts(self, store, write, clock):
        write("fail", [failure("1", "A"), failure("1", "A", side=Side.SOURCE, action=Action.CREATE)])
        clock.time += timedelta(minutes=1)
        write("fail", [failure("1", "A", error="refused again", permanent=False, digest=None)])
        first, second = store.failures("customer")
        assert (first.attempts, first.error, first.permanent, first.digest) == (2, "refused again", False, None)
        assert (first.first, first.last) == (START, START + timedelta(minutes=1))
        assert (second.attempts, second.side, second.action) == (1, Side.SOURCE, Action.CREATE)
        assert second.payload == b'{"a":1}'
        assert store.totals("customer").failed == 1, "one record, two writes of it failed"
        write("close_failures", [("1", None)])
        assert store.failures() == []

    def test_a_failure_that_is_ignored_is_parked_and_counted_no_more(self, store, write):
        write("fail", [failure("1", "A", permanent=False), failure("2", "B")])
        first, second = store.failures()
        assert not first.ignored
        store.ignore(first.id)
        held = store.failure(first.id)
        assert held == replace(first, permanent=True, ignored=True)
        assert store.failures() == [held, second], "it is still there to be looked at"
        assert store.totals("customer").failed == 1
        with pytest.raises(UsageError, match="failure 999"):
            store.ignore(999)
        assert store.failure(999) is None

    @pytest.mark.parametrize(
        ("description", "again", "ignored", "permanent", "failed"),
        [
            ("the same content, refused again", {}, True, True, 0),
            ("the same content, a passing trouble: parked all the same", {"permanent": False}, True, True, 0),
            ("another content", {"digest": b"other"}, False, True, 1),
            ("another content, a passing trouble", {"digest": b"other", "permanent": False}, False, False, 1),
            ("nobody knows which content", {"digest": None}, False, True, 1),
        ],
    )
    def test_an_ignored_failure_stays_so_until_its_record_changes(
        self, store, write, description, again, ignored, permanent, failed
    ):
        write("fail", [failure("1", "A")])
        (first,) = store.failures()
        store.ignore(first.id)
        write("fail", [failure("1", "A", **again)])
        (second,) = store.failures()
        assert (second.id, second.attempts) == (first.id, 2), description
        assert (second.ignored, second.permanent) == (ignored, permanent), description
        assert store.totals("customer").failed == failed, description

    def test_an_ignored_failure_without_a_digest_is_not_ignored_for_ever(self, store, write):
        write("fail", [failure("1", "A", digest=None)])
        store.ignore(store.failures()[0].id)
        write("fail", [failure("1", "A", digest=None)])
        assert not store.failures()[0].ignored

    def test_a_failure_that_is_to_be_tried_again_is_neither_parked_nor_ignored(self, store, write):
        write("fail", [failure("1", "A"), failure("2", "B"), failure("3", "C")])
        first, second, third = store.failures()
        store.ignore(second.id)
        assert store.retry([first.id, second.id, 999]) == 2
        assert store.failures() == [replace(first, permanent=False), replace(second, permanent=False), third]
        assert store.totals("customer").failed == 3
        assert store.retry([]) == 0

    # Numbers

    def test_totals(self, store, write):
        states = [PairState.AGREED, PairState.AGREED, PairState.HELD, PairState.ENDED, PairState.PAUSED]
        write("add_pairs", [new_pair(f"A{i}", str(i), state=state) for i, state in enumerate(states)], 0)
        write("stage", [staged(Side.ERPNEXT, "x"), staged(Side.SOURCE, "y"), staged(Side.SOURCE, "z")])
        ids = self.row_ids(store)
        write("mark_staged", [(ids["x"], StagedState.UNMATCHED), (ids["y"], StagedState.UNMATCHED)])
        write("hold", [conflict("1", "A"), conflict(None, "x", kind="match"), conflict("3", "C", kind="deleted")])
        write("fail", [failure("5", None)])
        totals = store.totals("customer")
        assert (totals.pairs, totals.ended) == (4, 1)
        assert (totals.held, totals.conflicts, totals.failed) == (3, 2, 1)
        assert (totals.unmatched, totals.staged) == (2, 3)

    # Runs

    def test_runs(self, store):
        runs = [
            RunRecord(id=f"2026-{i}", started=START + timedelta(minutes=i), mappings=("customer", "item"), full=i == 1)
            for i in range(3)
        ]
        for run in runs:
            store.begin_run(run)
        done = replace(
            runs[1], finished=START + timedelta(hours=1), result="in_sync", counts=b'{"customer":{}}', report="r.json"
        )
        store.finish_run(done)
        assert store.runs(2) == [runs[2], done]
        assert store.run("2026-1") == done
        assert store.run("2026") is None, "several begin so"
        assert store.run("") is None
        assert store.run("2025") is None
        store.begin_run(RunRecord(id="2026-11", started=START))
        assert store.run("2026-1") == done, "the whole id goes before a beginning"

    def test_prune_keeps_what_is_open_or_young(self, store, write, clock):
        write("journal", [operation("old"), operation("open", run="run-0"), operation("young")])
        write("finish", [("old", OperationState.DONE, "", b"")])
        store.begin_run(RunRecord(id="run-0", started=START, finished=START))
        store.begin_run(RunRecord(id="run-1", started=START, finished=START))
        clock.time += timedelta(days=10)
        write("finish", [("young", OperationState.DONE, "", b"")])
        store.begin_run(RunRecord(id="run-2", started=clock.time))
        assert store.prune(START + timedelta(days=1)) == 2
        assert [o.key for o in store.operations("run-1")] == ["young"]
        assert [o.key for o in store.open_operations("customer")] == ["open"]
        assert [run.id for run in store.runs(9)] == ["run-2", "run-0"]

    # Transactions, leases, threads

    def test_a_transaction_is_all_or_nothing(self, store, lease):
        def write_half() -> None:
            with store.transaction(lease) as tx:
                tx.stage([staged(Side.ERPNEXT, "A")])
                tx.add_pairs([new_pair("A", "1")], 0)
                tx.journal([operation("k")])
                raise RuntimeError("half way")

        with pytest.raises(RuntimeError, match="half way"):
            write_half()
        assert self.row_ids(store) == {}
        assert store.totals("customer").pairs == 0
        assert store.open_operations("customer") == []

    def test_others_see_nothing_before_the_commit(self, store, lease):
        with store.transaction(lease) as tx:
            tx.stage([staged(Side.ERPNEXT, "A")])
            assert self.row_ids(store) == {}
        assert set(self.row_ids(store)) == {"A"}

    def test_a_mapping_is_held_once(self, store, clock):
        lease = store.acquire("customer", wait=0)
        with pytest.raises(LeaseHeldError, match=r"customer.*process"):
            store.acquire("customer", wait=3)
        assert clock.slept == pytest.approx(3)
        store.acquire("item", wait=0).release()
        lease.release()
        lease.release()
        store.acquire("customer", wait=0).release()

    def test_a_lease_that_was_taken_over_writes_nothing(self, store, clock):
        late = store.acquire("customer", wait=0)
        clock.time += timedelta(seconds=59)
        late.beat()
        clock.time += timedelta(seconds=59)
        with pytest.raises(LeaseHeldError):
            store.acquire("customer", wait=0)
        clock.time += timedelta(seconds=1)
        owner = store.acquire("customer", wait=0)
        with pytest.raises(LeaseHeldError), store.transaction(late) as tx:
            tx.stage([staged(Side.ERPNEXT, "A")])
        with pytest.raises(LeaseHeldError):
            late.beat()
        late.release()
        with store.transaction(owner) as tx:
            tx.stage([staged(Side.ERPNEXT, "B")])
        assert set(self.row_ids(store)) == {"B"}
        owner.release()
        with pytest.raises(LeaseHeldError, match="lost its hold"):
            owner.beat()

    def test_a_transaction_counts_as_a_heartbeat(self, store, clock):
        lease = store.acquire("customer", wait=0)
        clock.time += timedelta(seconds=50)
        with store.transaction(lease) as tx:
            tx.stage([staged(Side.ERPNEXT, "A")])
        clock.time += timedelta(seconds=50)
        with pytest.raises(LeaseHeldError):
            store.acquire("customer", wait=0)

    def test_threads_write_their_mappings_side_by_side(self, store):
        def work(mapping: str) -> int:
            lease = store.acquire(mapping, wait=0)
            for number in range(20):
                with store.transaction(lease) as tx:
                    tx.add_pairs([new_pair(f"A{number}", str(number))], 0)
                assert store.known(mapping, Side.ERPNEXT, [f"A{number}"], [None])[0] is not None
            lease.release()
            return store.totals(mapping).pairs

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(work, [f"m{number}" for number in range(6)])) == [20] * 6
        assert [store.totals(f"m{number}").pairs for number in range(6)] == [20] * 6

    def test_forget_drops_one_mapping_whole(self, store, write, lease):
        rows = [staged(Side.ERPNEXT, "A", match=(match_digest("a"),))]
        for mapping, held in (("customer", lease), ("item", store.acquire("item", wait=0))):
            with store.transaction(held) as tx:
                tx.set_state(MappingState(mapping=mapping, layout=1, erpnext_fields=("f",), erpnext_cursor="c"))
                tx.add_pairs([new_pair("A", "1")], 1)
                tx.stage(rows)
                tx.hold([conflict("1", "A", mapping=mapping)])
                tx.fail([failure("1", "A", mapping=mapping)])
                tx.journal([operation(f"k-{mapping}", mapping=mapping)])
        with pytest.raises(LeaseHeldError):
            store.forget("customer")
        lease.release()
        store.forget("customer")
        assert store.mapping_state("customer") == MappingState(mapping="customer")
        assert store.layouts("customer") == {}
        totals = store.totals("customer")
        assert (totals.pairs, totals.staged, totals.held, totals.failed) == (0, 0, 0, 0)
        assert store.open_operations("customer") == []
        other = store.totals("item")
        assert (other.pairs, other.staged, other.held, other.failed) == (1, 1, 1, 1)
        assert store.mapping_state("item").erpnext_cursor == "c"
        assert other.ended == 0
