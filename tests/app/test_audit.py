"""The audit of a full pass: a wrong baseline cannot hide for ever, and nothing right is ever called wrong."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import FieldSpec
from syncd.core.model import Direction, Side, Wins
from syncd.core.values import decode_baseline, digest, encode_baseline
from syncd.errors import ExitCode, UnknownOutcomeError
from tests.app.harness import FIELDS, NAME, Killed, KillSwitch, World, lost_once, spec
from tests.app.test_machine import Machine

CREDIT = FieldSpec(erpnext="credit", source="credit")


def audited(world: World, **options):
    """The counts of a full pass."""
    return world.counts(full=True, **options)


def stored(world: World, query: str, *values):
    with closing(sqlite3.connect(world.folder / "syncd.db")) as connection, connection:
        return connection.execute(query, values).fetchall()


def plant(world: World, side: Side, row: str, at: int, value, *, seen: bool = True) -> None:
    """Put a wrong value into a baseline, past the program; `seen`: as if it had been read so, too."""
    [(image,)] = stored(world, f"SELECT {side.value}_image FROM pairs WHERE external_id = ?", row)
    values = list(decode_baseline(image))
    values[at] = value
    wrong = encode_baseline(tuple(values))
    stored(world, f"UPDATE pairs SET {side.value}_image = ? WHERE external_id = ?", wrong, row)
    if seen:
        stored(world, f"UPDATE pairs SET {side.value}_seen = ? WHERE external_id = ?", digest(wrong), row)


def test_a_wrong_baseline_is_found_by_the_next_full_pass_and_by_a_plan(world):
    couples = world.agreed(5)
    assert audited(world).disagree == 0
    plant(world, Side.ERPNEXT, couples[1][1], 2, "wrong", seen=False)
    assert world.run().exit_code is ExitCode.OK, "an ordinary pass does not look"
    plan = world.plan(full=True)
    before = world.writes
    result = world.run(full=True)
    counts = result.mappings[NAME]
    assert (result.exit_code, counts.disagree, world.writes) == (ExitCode.ATTENTION, 1, before)
    assert counts.disagreements == [
        {
            "external_id": couples[1][1],
            "erpnext_name": couples[1][0],
            "field": "website",
            "erpnext": "wrong",
            "source": "u2",
        }
    ]
    assert plan.disagreements == {NAME: (1, counts.disagreements)}
    assert result.report, "it is worth a report"
    assert audited(world).disagree == 1, "it is told until somebody has done something about it"
    world.erpnext.edit(couples[1][0], website="new")
    world.counts()
    assert audited(world).disagree == 0


@pytest.mark.parametrize("side", list(Side))
def test_a_baseline_that_one_side_contradicts_is_put_right(world, side):
    """One side is read afresh, the write that would follow is refused as stale, and what stands there is agreed."""
    [(document, row)] = world.agreed()
    for each in Side:
        plant(world, each, row, 2, "both wrong", seen=each is not side)
    assert audited(world).disagree == 0
    assert (world.customer(document)[2], world.shopper(row)[2]) == ("u1", "u1")
    images = stored(world, "SELECT erpnext_image, source_image FROM pairs")[0]
    assert [decode_baseline(image)[2] for image in images] == ["u1", "u1"]


def test_a_baseline_that_nobody_read_so_is_found(world):
    [(_, row)] = world.agreed()
    for side in Side:
        plant(world, side, row, 2, "both wrong", seen=False)
    counts = audited(world)
    assert counts.disagree == 1
    assert counts.disagreements[0]["field"] == "(record)"


def test_a_value_that_never_arrived_is_found(world):
    """As if an earlier version had recorded an agreement that was none."""
    [(document, row)] = world.agreed()
    held = world.erpnext.records[document]
    world.erpnext.records[document] = replace(held, values={**held.values, "website": "elsewhere"})
    plant(world, Side.ERPNEXT, row, 2, "elsewhere")
    counts = audited(world)
    assert [(each["field"], each["erpnext"], each["source"]) for each in counts.disagreements] == [
        ("website", "elsewhere", "u1")
    ]


def cut(name, value):
    return value[:5] if isinstance(value, str) and name in {"customer_name", "name"} else value


@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_what_a_side_made_of_a_value_is_no_alarm_until_it_moves(make_world, side):
    world = make_world(spec(match=()), **{side: MemoryOptions(store=cut, naming=lambda _v, n: f"K{n}")})
    giving = world.source if side == "erpnext" else world.erpnext
    field = "name" if side == "erpnext" else "customer_name"
    other = "url" if side == "erpnext" else "website"
    key = giving.insert(**{field: "A name too long", other: "a"})
    world.counts()
    assert audited(world).disagree == 0
    giving.edit(key, **{other: "b"})  # another field moves: what differs goes on to differ by right
    world.counts()
    assert audited(world).disagree == 0
    giving.edit(key, **{field: "Another long name"})
    world.counts()
    assert audited(world).disagree == 0


def test_an_agreed_value_is_no_excuse_for_a_later_difference(world):
    """What was sent and arrived as it was is not recorded as what may differ."""
    [(_, row)] = world.agreed()
    assert stored(world, "SELECT differs FROM pairs") == [(None,)]
    world.source.edit(row, url="later")
    world.counts()
    assert stored(world, "SELECT differs FROM pairs") == [(None,)]
    plant(world, Side.ERPNEXT, row, 2, "u1", seen=False)
    assert audited(world).disagree == 1


@pytest.mark.parametrize("direction", [Direction.TO_ERPNEXT, Direction.TO_SOURCE])
def test_edits_on_the_receiving_side_of_a_one_way_field_are_no_alarm(make_world, direction):
    one_way = FieldSpec(erpnext="website", source="url", direction=direction)
    world = make_world(spec(fields=(FIELDS[0], FIELDS[1], one_way)))
    world.source.insert("1", name="Ada", vat="A1", url="u1")
    world.erpnext.insert("C9", customer_name="Bob", tax_id="B1", website="w")
    world.source.insert("2", name="Bob", vat="B1")
    world.counts()
    assert audited(world).disagree == 0
    world.source.edit("1", url="mine" if direction is Direction.TO_SOURCE else "given")
    document = world.partner_of("1")
    world.counts()
    world.erpnext.edit(document, website="mine" if direction is Direction.TO_ERPNEXT else "given")
    world.counts()
    assert audited(world).disagree == 0
    world.quiet(full=True)
    plant(world, Side.ERPNEXT, "2", 0, "planted", seen=False)
    assert [each["field"] for each in audited(world).disagreements] == ["customer_name"]


def test_a_mapping_that_converts_otherwise_now_is_told(make_world):
    """Neither side moved, so nothing is written; but what they hold is not the same any more."""
    world = make_world()
    [(_, row)] = world.agreed()
    world.remap(fields=(replace(FIELDS[0], converters=("prefix(X-)",)), *FIELDS[1:]))
    counts = world.run().mappings[NAME]
    assert counts.error is None
    assert (counts.disagree, counts.disagreements[0]["field"]) == (1, "customer_name")
    world.source.edit(row, name="X-Name")
    world.counts()
    assert audited(world).disagree == 0


def test_pairs_of_before_the_audit_are_taken_as_they_are(make_world):
    world = make_world(spec(match=()), erpnext=MemoryOptions(store=cut, naming=lambda _v, n: f"K{n}"))
    world.source.insert("1", name="A name too long")
    world.counts()
    stored(world, """UPDATE pairs SET differs = '["*"]'""")
    assert audited(world).disagree == 0
    world.source.edit("1", url="new")
    world.counts()
    assert stored(world, "SELECT differs FROM pairs") == [('["customer_name"]',)]
    assert audited(world).disagree == 0


@pytest.mark.parametrize("method", ["create", "apply"])
def test_a_write_that_is_recovered_is_no_alarm(make_world, method):
    """The answer of a write to a site that cuts is lost: what it stored is recorded when it is found."""
    world = make_world(spec(match=()), erpnext=MemoryOptions(store=cut, naming=lambda _v, n: f"K{n}"))
    row = world.source.insert(name="A name too long", url="a")
    if method == "apply":
        world.counts()
        world.source.edit(row, name="Another long name")
    world.erpnext.after = lost_once(UnknownOutcomeError("no answer"), method)
    world.run()
    world.unwatch()
    assert len(world.open_operations()) == 1
    world.counts()
    assert audited(world).disagree == 0
    assert stored(world, "SELECT differs FROM pairs") == [('["customer_name"]',)]


def test_many_differences_are_all_counted_and_some_named(world):
    couples = world.agreed(150)
    for _, row in couples:
        plant(world, Side.ERPNEXT, row, 0, "wrong", seen=False)
    counts = audited(world)
    assert (counts.disagree, len(counts.disagreements)) == (150, 100)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "run", "full", "killed", "insert"]),
        st.sampled_from(list(Side)),
        st.integers(0, 5),
        st.sampled_from(["customer_name", "tax_id", "website", "credit"]),
        st.sampled_from(["", "  padded ", "A long name, too long", "x", "0", "1.005", "12.3456"]),
        st.integers(1, 40),
    ),
    max_size=14,
)
OWN = {"customer_name": "name", "tax_id": "vat", "website": "url", "credit": "credit"}


def rough(name, value):
    """A side that cuts, trims, empties and rounds."""
    if name == "credit":
        return None if value in (None, "") else float(round(Decimal(str(value)), 2))
    return value.strip()[:7] or None if isinstance(value, str) else value


def given_value(name: str, text: str):
    if name != "credit":
        return text
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    edits=EDITS,
    rough_side=st.sampled_from([None, *Side]),
    wins=st.sampled_from([Wins.ERPNEXT, Wins.SOURCE]),
    direction=st.sampled_from(list(Direction)),
)
def test_whatever_is_edited_a_settled_world_has_nothing_that_disagrees(
    tmp_path_factory, edits, rough_side, wins, direction
):
    options = {
        side.value: MemoryOptions(store=rough, naming=lambda _v, n: f"K{n}") for side in Side if side is rough_side
    }
    fields = (
        replace(FIELDS[0], wins=wins),
        replace(FIELDS[1], wins=wins),
        replace(FIELDS[2], wins=wins, direction=direction),
        replace(CREDIT, wins=wins),
    )
    world = World(tmp_path_factory.mktemp("audit"), spec(fields=fields, match=(), wins=wins), **options)
    try:
        for action, side, number, name, text, point in edits:
            endpoint = world.erpnext if side is Side.ERPNEXT else world.source
            column = name if side is Side.ERPNEXT else OWN[name]
            keys = sorted(endpoint.records)
            if action == "insert":
                endpoint.insert(**{column: given_value(name, text)})
            elif action == "edit" and keys:
                endpoint.edit(keys[number % len(keys)], **{column: given_value(name, text)})
            elif action == "killed":
                world.watch(KillSwitch(at=point))
                with contextlib.suppress(Killed):
                    world.run(force=True)
                world.restart()
            elif action in {"run", "full"}:
                world.run(full=action == "full", force=True)
        for _ in range(2):
            world.counts(force=True)
        counts = world.counts(full=True, force=True)
        assert counts.disagree == 0, counts.disagreements
        assert world.counts(full=True, force=True).disagree == 0
    finally:
        world.close()


class Audited(Machine):
    """The machine that breaks everything; after it has settled, nothing disagrees."""

    def promise(self) -> None:
        super().promise()
        counts = self.world.counts(full=True, force=True)
        assert counts.disagree == 0, counts.disagreements


Audited.TestCase.settings = settings(Machine.TestCase.settings, max_examples=20)


class TestAudited(Audited.TestCase):
    pass
