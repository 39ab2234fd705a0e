"""The laws of deciding, over generated mappings and records.

Each is stated in its test's docstring. Mappings draw types, converters, directions and policies; records draw values
that both sides can read, and now and then one that a side cannot.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from syncd.core.creation import CreationPlan
from syncd.core.mapping import CompiledField, CompiledMapping, ErpnextDeleted, SourceDeleted
from syncd.core.merge import Merge, effective_direction, merge
from syncd.core.model import Action, Baseline, Direction, FieldChange, FieldConflict, Image, Pair, Raw, Side, Wins
from syncd.core.plan import Decision, Presence, Sight, Verdict, baseline_after, decide_new, decide_pair, newest_side
from syncd.core.values import InvalidValue, Value
from tests.core.builders import (
    BOOLEAN,
    CHECK,
    CURRENCY,
    DATA,
    DATE,
    ERPNEXT_INT,
    INTEGER,
    NUMERIC_2,
    RICH,
    SELECT,
    SITE_DATE,
    VARCHAR,
    applied,
    line,
    mapping,
    pair,
)

LAW = settings(max_examples=200, deadline=None)

WORDS: list[Raw] = [None, "", " ", "a", "b", "A", " a", "a ", "ab"]
COUNTS: list[Raw] = [None, 0, 1, 2, "2", -7]
AMOUNTS: list[Raw] = [None, 0, "1.50", 1.5, Decimal("1.004"), Decimal("1.005"), "2.00", 2, 1999]
FLAGS: list[Raw] = [None, 0, 1, True, False, "1"]
DAYS: list[Raw] = [None, "2027-01-31", date(2027, 1, 31), date(2027, 2, 1), "2027-02-01 00:00:00"]


class Shape(NamedTuple):
    """What a field may look like, and the values each side may hold in it."""

    entry: dict[str, Any]
    erpnext: list[Raw]
    source: list[Raw]
    mirrored: bool = True
    """Nothing is converted, so that the two sides can be swapped."""


def shape(erpnext: Any, source: Any, left: list[Raw], right: list[Raw], **more: Any) -> Shape:
    return Shape({"erpnext": erpnext, "source": source, **more}, left, right, not more)


SHAPES = [
    shape(DATA, VARCHAR, WORDS, WORDS),
    shape(ERPNEXT_INT, INTEGER, COUNTS, COUNTS),
    shape(CURRENCY, NUMERIC_2, AMOUNTS, AMOUNTS),
    shape(CURRENCY, CURRENCY, AMOUNTS, AMOUNTS),
    shape(CHECK, BOOLEAN, FLAGS, FLAGS),
    shape(SITE_DATE, DATE, DAYS, DAYS),
    shape(ERPNEXT_INT, VARCHAR, COUNTS, [None, "1", "2", "many"]),
    shape(DATA, VARCHAR, WORDS, WORDS, converters=("trim",)),
    shape(DATA, VARCHAR, WORDS, WORDS, converters=("trim", "lower")),
    shape(CURRENCY, INTEGER, AMOUNTS, [None, 0, 150, 101, 200], converters=("cents",)),
    shape(CHECK, VARCHAR, FLAGS, [None, "Y", "N"], converters=("bool(Y,N)",)),
    shape(RICH, VARCHAR, ["", "<p><br></p>", "<p>a</p>", "<div><p>a</p></div>", "b"], WORDS, converters=("text",)),
    shape(
        SELECT,
        VARCHAR,
        [None, "Company", "Individual"],
        [None, "c", "i", "x"],
        values={"c": "Company", "i": "Individual"},
    ),
    shape(DATA, VARCHAR, ["", "a", "en"], ["", "a", "b"], default="en"),
    shape(ERPNEXT_INT, INTEGER, COUNTS, COUNTS, default=1),
]

directions = st.sampled_from([Direction.BOTH, Direction.BOTH, Direction.TO_ERPNEXT, Direction.TO_SOURCE])
policies = st.sampled_from(list(Wins))
STAMPS: list[Raw] = [None, "2027-01-31 10:00:00", "2027-01-31 10:00:01", "2027-01-31 10:00:02"]
stamps = st.sampled_from(STAMPS)


class World(NamedTuple):
    """A mapping, and what both sides held when they agreed (None: they never did) and hold now."""

    mapping: CompiledMapping
    base: tuple[Image, Image] | None
    now: tuple[Image, Image]
    stamps: tuple[Raw, Raw]


@st.composite
def worlds(draw: st.DrawFn, *, mirrored: bool = False, enforce: bool = True, agreed: bool = False) -> World:
    """`agreed`: the baseline is what a merge of two records came to, as in real life."""
    pool = [found for found in SHAPES if found.mirrored] if mirrored else SHAPES
    shapes = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
    lines = []
    for at, found in enumerate(shapes):
        way = draw(directions)
        more = {"direction": way, "wins": draw(policies)}
        more["enforce"] = enforce and way is not Direction.BOTH and draw(st.booleans())
        lines.append(line(f"f{at}", f"c{at}", **found.entry, **more))
    compiled = mapping(*lines, direction=draw(directions))

    def image(side: Side) -> Image:
        values = [found.erpnext if side is Side.ERPNEXT else found.source for found in shapes]
        return tuple(draw(st.sampled_from(known)) for known in values)

    def edited(image: Image, other: Image) -> Image:
        return tuple(draw(st.sampled_from([old, old, new])) for old, new in zip(image, other, strict=True))

    base = None
    if draw(st.booleans()):
        base = (image(Side.ERPNEXT), image(Side.SOURCE))
        if agreed:
            base = settled(compiled, base)
    now = (image(Side.ERPNEXT), image(Side.SOURCE))
    if base is not None:
        now = (edited(base[0], now[0]), edited(base[1], now[1]))
    return World(compiled, base, now, (draw(stamps), draw(stamps)))


def settled(compiled: CompiledMapping, now: tuple[Image, Image]) -> tuple[Image, Image]:
    """Two records after their first contact, the source's values going before; what cannot be converted is emptied."""
    lines = [replace(entry, spec=replace(entry.spec, wins=Wins.SOURCE)) for entry in compiled.fields]
    first = merge(replace(compiled, fields=tuple(lines)), None, *now)
    bad = {problem.field for problem in first.problems}
    now = after(compiled, now, first)
    return (
        tuple(None if entry.name in bad else value for entry, value in zip(compiled.fields, now[0], strict=True)),
        tuple(None if entry.name in bad else value for entry, value in zip(compiled.fields, now[1], strict=True)),
    )


def after(compiled: CompiledMapping, now: tuple[Image, Image], merged: Merge) -> tuple[Image, Image]:
    """Both images once the sides took what the merge decided, exactly."""
    return (
        applied(compiled.erpnext_fields, now[0], merged.writes[Side.ERPNEXT]),
        applied(compiled.source_fields, now[1], merged.writes[Side.SOURCE]),
    )


def merged(world: World, base: tuple[Baseline, Baseline] | None, now: tuple[Image, Image]) -> Merge:
    return merge(world.mapping, base, *now, newest=newest_side(world.mapping, *world.stamps))


def decide(world: World, held: Pair, now: tuple[Image, Image]) -> Decision:
    sights = [Sight(values=image, stamp=stamp) for image, stamp in zip(now, world.stamps, strict=True)]
    return decide_pair(world.mapping, held, *sights)


def done(world: World, decision: Decision, now: tuple[Image, Image], *sides: Side) -> tuple[Image, Image]:
    """Both images once the writes on `sides` (none given: on both) were taken exactly."""
    images = list(now)
    for write in decision.writes:
        if not sides or write.side in sides:
            at = 0 if write.side is Side.ERPNEXT else 1
            images[at] = applied(world.mapping.names(write.side), images[at], write.values)
    return images[0], images[1]


def base_pair(world: World) -> Pair:
    return pair(None, None) if world.base is None else pair(*world.base)


# 1 --------------------------------------------------------------------------------------------------------------------


@LAW
@given(worlds())
def test_replanning_after_applying_is_empty(world: World) -> None:
    """Apply what was decided to both sides exactly and take that as the baselines: nothing is left to decide."""
    first = decide(world, base_pair(world), world.now)
    event(first.verdict.value)
    assume(first.verdict in {Verdict.WRITE, Verdict.SETTLE})
    images = done(world, first, world.now)
    again = decide(world, pair(*images), images)
    assert again == Decision(verdict=Verdict.SETTLE)


@LAW
@given(worlds())
def test_a_rebuild_after_applying_finds_agreement(world: World) -> None:
    """Where one side of a field was written, both agree, so that losing the state changes nothing.

    Only a field that a person emptied is given its default anew.
    """
    first = decide(world, base_pair(world), world.now)
    assume(first.verdict is Verdict.WRITE)
    images = done(world, first, world.now)
    plain = {entry.name for entry in world.mapping.fields if entry.default is None}
    written = {change.field for write in first.writes for change in write.changes} & plain
    again = merged(world, None, images)
    assert not written & {conflict.field for conflict in again.conflicts}
    assert not written & {change.field for side in Side for change in again.changes[side]}


@LAW
@given(worlds(agreed=True), st.sampled_from(Side))
def test_what_was_not_done_is_decided_again_and_nothing_else(world: World, side: Side) -> None:
    """Only one side's writes were done: the baselines kept for the rest lead to the same writes on the other side."""
    first = decide(world, base_pair(world), world.now)
    assume(first.verdict is Verdict.WRITE)
    images = done(world, first, world.now, side)
    owed = [write for write in first.writes if write.side is not side]
    pending = frozenset(change.field for write in owed for change in write.changes)
    stored = (images[0] if side is Side.ERPNEXT else None, images[1] if side is Side.SOURCE else None)
    baselines = baseline_after(world.mapping, world.base, world.now, stored, pending)
    again = decide(world, pair(*baselines), images)
    assert [(write.side, write.values) for write in again.writes] == [(write.side, write.values) for write in owed]


@LAW
@given(worlds(enforce=False))
def test_a_creation_leaves_nothing_to_do_for_the_fields_it_sent(world: World) -> None:
    """A record that was created from the other one agrees with it in every field that was sent."""
    for side in Side:
        at = 0 if side is Side.ERPNEXT else 1
        decision = decide_new(world.mapping, side, "7", world.now[at])
        assert decision == decide_new(world.mapping, side, "7", world.now[at])
        if decision.verdict is not Verdict.WRITE:
            continue
        names = world.mapping.names(side.other)
        image = tuple(decision.writes[0].values.get(name) for name in names)
        images = (world.now[0], image) if side is Side.ERPNEXT else (image, world.now[1])
        assert decide(world, pair(*images), images).verdict is Verdict.SETTLE
        sent = {change.field for change in decision.writes[0].changes}
        again = merged(world, None, images)
        assert not sent & {conflict.field for conflict in again.conflicts}
        assert not sent & {change.field for one in Side for change in again.changes[one]}


@LAW
@given(st.lists(worlds(), min_size=1, max_size=1), st.data())
def test_a_creation_plan_forgets_nothing_and_mixes_nothing_up(found: list[World], data: st.DataObject) -> None:
    """Deciding on many records with one plan is deciding on each with a plan of its own."""
    compiled = found[0].mapping
    pools = [st.sampled_from(WORDS + COUNTS + AMOUNTS + FLAGS + DAYS)] * len(compiled.fields)
    images = data.draw(st.lists(st.tuples(*pools), max_size=8))
    plan = CreationPlan(compiled, Side.SOURCE)
    for image in images:
        alone = CreationPlan(compiled, Side.SOURCE).decide("7", image)
        assert repr(plan.decide("7", image)) == repr(alone)


# 2 --------------------------------------------------------------------------------------------------------------------

_OTHER_WAY = {
    Direction.BOTH: Direction.BOTH,
    Direction.TO_ERPNEXT: Direction.TO_SOURCE,
    Direction.TO_SOURCE: Direction.TO_ERPNEXT,
}
_OTHER_WINNER = {Wins.ERPNEXT: Wins.SOURCE, Wins.SOURCE: Wins.ERPNEXT}


def swapped(compiled: CompiledMapping) -> CompiledMapping:
    """The mapping seen from the other side; field names stay with their fields."""
    spec = compiled.spec
    lines = [
        line(
            entry.spec.erpnext,
            entry.spec.source,
            entry.source_type,
            entry.erpnext_type,
            direction=_OTHER_WAY[entry.spec.direction],
            wins=_OTHER_WINNER.get(entry.spec.wins, entry.spec.wins),
            enforce=entry.spec.enforce,
        )
        for entry in compiled.fields
    ]
    return mapping(
        *lines,
        direction=_OTHER_WAY[spec.direction],
        wins=_OTHER_WINNER.get(spec.wins, spec.wins),
        source_deleted=SourceDeleted(spec.erpnext_deleted.value),
        erpnext_deleted=ErpnextDeleted(spec.source_deleted.value),
        left_scope=spec.left_scope,
    )


def mirror(conflict: FieldConflict) -> tuple[str, object, object]:
    return conflict.field, conflict.source, conflict.erpnext


def straight(conflict: FieldConflict) -> tuple[str, object, object]:
    return conflict.field, conflict.erpnext, conflict.source


@LAW
@given(
    worlds(mirrored=True),
    st.tuples(*[st.sampled_from([Presence.PRESENT, Presence.PRESENT, Presence.DELETED, Presence.OUT])] * 2),
    st.sampled_from([SourceDeleted.IGNORE, SourceDeleted.DELETE]),
    st.sampled_from([ErpnextDeleted.IGNORE, ErpnextDeleted.DELETE]),
    policies,
)
def test_swapping_the_sides_mirrors_the_plan(
    world: World,
    there: tuple[Presence, Presence],
    source_deleted: SourceDeleted,
    erpnext_deleted: ErpnextDeleted,
    wins: Wins,
) -> None:
    """What is decided depends on no side's name: types, direction, policies and records swapped give swapped writes."""
    spec = replace(world.mapping.spec, source_deleted=source_deleted, erpnext_deleted=erpnext_deleted, wins=wins)
    compiled = replace(world.mapping, spec=spec)
    sights = [
        Sight(values=image, stamp=stamp, presence=presence)
        for image, stamp, presence in zip(world.now, world.stamps, there, strict=True)
    ]
    held = base_pair(world)
    plain = decide_pair(compiled, held, sights[0], sights[1])
    flipped = replace(held, erpnext=held.source, source=held.erpnext, erpnext_name="7", external_id="CUST-1")
    other = decide_pair(swapped(compiled), flipped, sights[1], sights[0])
    event(plain.verdict.value)
    assert other.verdict is plain.verdict
    column = {entry.spec.erpnext: entry.spec.source for entry in compiled.fields}
    back = {value: key for key, value in column.items()}

    def told(write: Any, swap: bool) -> Any:
        names = column if write.side is Side.ERPNEXT else back
        values = {names.get(name): value for name, value in write.values.items()} if swap else dict(write.values)
        side = write.side.other if swap else write.side
        return (side.value, write.action, write.key, write.partner, values, write.stamp, write.expected, write.changes)

    assert sorted(told(write, True) for write in other.writes) == sorted(told(write, False) for write in plain.writes)
    assert [mirror(entry) for entry in other.conflicts] == [straight(entry) for entry in plain.conflicts]
    assert [mirror(entry) for entry in other.decided] == [straight(entry) for entry in plain.decided]
    assert sorted((p.field, p.side.other.value, p.reason) for p in other.problems if p.side) == sorted(
        (p.field, p.side.value, p.reason) for p in plain.problems if p.side
    )


# 3 --------------------------------------------------------------------------------------------------------------------


def canonical(entry: CompiledField, side: Side, image: Image) -> Value:
    return entry.read(side, image[entry.erpnext_at if side is Side.ERPNEXT else entry.source_at])


@LAW
@given(worlds())
def test_no_value_vanishes_unless_planned(world: World) -> None:
    """What one side holds is afterwards on at least one side, or the plan says why not.

    Reasons are: the field was told as decided by a policy; or the other side, and it alone, changed it since both
    agreed; or the field flows one way, and the giving side changed it or is enforced. Nothing else takes a value away,
    and held or failed records lose nothing at all.
    """
    found = merged(world, world.base, world.now)
    if found.conflicts or found.problems:
        assert decide(world, base_pair(world), world.now).writes == ()
        return
    images = after(world.mapping, world.now, found)
    decided = {conflict.field for conflict in found.decided}
    for entry in world.mapping.fields:
        for side in Side:
            try:
                value = canonical(entry, side, world.now[0 if side is Side.ERPNEXT else 1])
            except InvalidValue:
                continue
            if entry.is_empty(side, value) or entry.name in decided or _is_there(entry, side, value, images):
                continue
            direction = effective_direction(world.mapping, entry)
            one_way = direction is not Direction.BOTH
            event("replaced")
            assert direction.reaches(side)
            assert (one_way and entry.spec.enforce) or _moved(entry, side.other, world)
            assert one_way or not _moved(entry, side, world)


def _is_there(entry: CompiledField, side: Side, value: Value, images: tuple[Image, Image]) -> bool:
    """Whether `value` of `side` is on a side, as far as that side can hold it."""
    if canonical(entry, side, images[0 if side is Side.ERPNEXT else 1]) == value:
        return True
    try:
        across = canonical(entry, side.other, images[1 if side is Side.ERPNEXT else 0])
        return entry.agree(value, across) if side is Side.ERPNEXT else entry.agree(across, value)
    except InvalidValue:
        return False


def _moved(entry: CompiledField, side: Side, world: World) -> bool:
    """Whether `side` holds another value than it had when both agreed."""
    assert world.base is not None
    number, at = (0, entry.erpnext_at) if side is Side.ERPNEXT else (1, entry.source_at)
    return entry.changed(side, world.base[number][at], world.now[number][at])


# 4 --------------------------------------------------------------------------------------------------------------------


@LAW
@given(worlds(enforce=False, agreed=True))
def test_merging_is_idempotent(world: World) -> None:
    """Merging what a merge came to, over the *old* baselines, writes nothing: a run that was killed before it committed
    its baselines does no more when it is done again."""
    found = merged(world, world.base, world.now)
    assume(not found.conflicts and not found.problems)
    again = merged(world, world.base, after(world.mapping, world.now, found))
    assert again.quiet


@LAW
@given(worlds(), st.data())
def test_equal_edits_only_move_the_baseline(world: World, data: st.DataObject) -> None:
    """Both sides hold the same, whatever they held before: nothing is written and nothing is held."""
    source = world.now[1]
    erpnext = []
    for entry in world.mapping.fields:
        try:
            value = entry.convert(entry.read(Side.SOURCE, source[entry.source_at]), Side.ERPNEXT)
        except InvalidValue:
            assume(False)
        erpnext.append(entry.raw(value, Side.ERPNEXT))
    decision = decide(world, base_pair(world), (tuple(erpnext), source))
    assert decision == Decision(verdict=Verdict.SETTLE)


@LAW
@given(worlds(enforce=False))
def test_untouched_rows_never_write(world: World) -> None:
    """Both sides hold what they held when they agreed: nothing is done, agreed or not, readable or not."""
    decision = decide(world, pair(*world.now), world.now)
    assert decision == Decision(verdict=Verdict.SETTLE)


@LAW
@given(worlds())
def test_writes_go_only_where_the_direction_leads_and_change_something(world: World) -> None:
    """No write into a side that the field does not reach, none that a side holds already, none in held records."""
    decision = decide(world, base_pair(world), world.now)
    if decision.verdict in {Verdict.HOLD, Verdict.FAIL}:
        assert decision.writes == ()
    fields = {entry.name: entry for entry in world.mapping.fields}
    for write in decision.writes:
        assert write.action is Action.UPDATE
        for change in write.changes:
            assert isinstance(change, FieldChange)
            assert effective_direction(world.mapping, fields[change.field]).reaches(write.side)
            assert change.old != change.new


@LAW
@given(worlds(enforce=False), st.sampled_from(Side))
def test_edits_of_one_side_never_conflict_and_are_never_undone(world: World, side: Side) -> None:
    """Only `side` was edited since both agreed: no policy is asked, and that side is not written."""
    assume(world.base is not None)
    assert world.base is not None
    now = (world.now[0], world.base[1]) if side is Side.ERPNEXT else (world.base[0], world.now[1])
    found = merged(world, world.base, now)
    assert found.conflicts == []
    assert found.decided == []
    assert found.writes[side] == {}
