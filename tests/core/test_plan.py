"""Deciding on pairs and on records without a partner, and the baselines afterwards."""

# ruff: noqa: DTZ001 - naive datetimes are what sites and drivers give

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncd.core.creation import CreationPlan
from syncd.core.mapping import CompiledMapping, Create, ErpnextDeleted, LeftScope, SourceDeleted, WriteBack
from syncd.core.merge import Choice, Newest, Problem
from syncd.core.model import Action, Baseline, Direction, FieldChange, Image, Raw, Side, Wins
from syncd.core.plan import (
    Decision,
    Presence,
    Verdict,
    baseline_after,
    decide_new,
    decide_pair,
    newest_side,
    wants_link,
)
from syncd.core.values import FieldType, Kind
from tests.core.builders import (
    CURRENCY,
    ERPNEXT_INT,
    INTEGER,
    MISSING,
    SELECT,
    SHORT,
    SITE_DATE,
    Line,
    line,
    mapping,
    pair,
    sight,
)

TEXT = line("f", "c")
SITE_STAMP, SHOP_STAMP = "2027-01-31 10:00:00.123456", datetime(2027, 1, 31, 11)

# Stamps ---------------------------------------------------------------------------------------------------------------

STAMPS: list[tuple[str, tuple[str, str], Raw, Raw, Side | None, str]] = [
    ("ERPNext later", ("UTC", "UTC"), "2027-01-31 10:00:01", "2027-01-31 10:00:00", Side.ERPNEXT, ""),
    ("the source later", ("UTC", "UTC"), "2027-01-31 10:00:00", "2027-01-31 10:00:01", Side.SOURCE, ""),
    ("a fraction of a second later", ("UTC", "UTC"), "2027-01-31 10:00:00.000001", datetime(2027, 1, 31, 10),
     Side.ERPNEXT, ""),
    ("wall clocks of two zones", ("Asia/Kolkata", "Europe/Berlin"), "2027-01-31 10:00:00", "2027-01-31 09:00:00",
     Side.SOURCE, ""),
    ("an aware stamp of the source", ("Asia/Kolkata", "Europe/Berlin"), "2027-01-31 15:30:00",
     datetime(2027, 1, 31, 9, 59, tzinfo=UTC), Side.ERPNEXT, ""),
    ("a tie in two zones", ("Asia/Kolkata", "UTC"), "2027-01-31 15:30:00", "2027-01-31 10:00:00", None, "equal"),
    ("no stamp in ERPNext", ("UTC", "UTC"), None, "2027-01-31 10:00:00", None, "ERPNext gives no stamp"),
    ("no stamp in the source", ("UTC", "UTC"), "2027-01-31 10:00:00", None, None, "the source gives no stamp"),
    ("a version that is no time", ("UTC", "UTC"), "2027-01-31 10:00:00", "v7", None, "the source gives no stamp"),
    ("ERPNext's stamp in the hour that is repeated", ("Europe/Berlin", "UTC"), "2027-10-31 02:30:00",
     "2027-10-31 09:00:00", None, "repeated"),
    ("the source's stamp in the hour that is repeated", ("UTC", "Europe/Berlin"), "2027-10-31 09:00:00",
     "2027-10-31 02:30:00", None, "repeated"),
    ("that hour in a zone without it", ("UTC", "UTC"), "2027-10-31 02:30:00", "2027-10-31 02:00:00", Side.ERPNEXT, ""),
    ("right after the repeated hour", ("Europe/Berlin", "UTC"), "2027-10-31 03:00:00", "2027-10-31 01:30:00",
     Side.ERPNEXT, ""),
    ("seconds since 1970", ("UTC", "UTC"), "2027-01-31 10:00:00", 1_801_400_000, Side.SOURCE, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zones", "erpnext", "source", "side", "reason"), [r[1:] for r in STAMPS], ids=[r[0] for r in STAMPS]
)
def test_newest_side(zones: tuple[str, str], erpnext: Raw, source: Raw, side: Side | None, reason: str) -> None:
    found = newest_side(mapping(TEXT, zones=zones), erpnext, source)
    assert found.side is side
    assert reason in found.reason
    assert bool(found.reason) is (side is None)
    assert isinstance(found, Newest)


# Pairs of which both sides are there ----------------------------------------------------------------------------------


def decided(compiled: CompiledMapping, now: tuple[Raw, Raw], base: tuple[Raw, Raw] | None = ("a", "a")) -> Decision:
    held = pair(None, None) if base is None else pair((base[0],), (base[1],))
    return decide_pair(compiled, held, sight(now[0], stamp=SITE_STAMP), sight(now[1], stamp=SHOP_STAMP))


def test_nothing_to_write_settles() -> None:
    assert decided(mapping(TEXT), ("a", "a")) == Decision(verdict=Verdict.SETTLE)
    assert decided(mapping(TEXT), ("b", "b")) == Decision(verdict=Verdict.SETTLE)
    assert decided(mapping(TEXT), ("b", "b"), None) == Decision(verdict=Verdict.SETTLE)


def test_a_write_carries_the_image_and_the_version_it_was_decided_on() -> None:
    (write,) = decided(mapping(TEXT), ("a", "b")).writes
    assert (write.action, write.side, write.key, write.partner) == (Action.UPDATE, Side.ERPNEXT, "CUST-1", "7")
    assert (write.values, write.expected, write.stamp) == ({"f": "b"}, ("a",), SITE_STAMP)
    assert (write.pair, write.link) == (1, False)
    assert write.changes == (FieldChange(field="f", old="a", new="b"),)
    (write,) = decided(mapping(TEXT), ("b", "a")).writes
    assert (write.action, write.side, write.key, write.partner) == (Action.UPDATE, Side.SOURCE, "7", "CUST-1")
    assert (write.values, write.expected, write.stamp) == ({"c": "b"}, ("a",), SHOP_STAMP)


def test_edits_of_different_fields_go_both_ways_erpnext_first() -> None:
    decision = decide_pair(
        mapping(TEXT, line("g", "d")), pair(("a", "a"), ("a", "a")), sight("b", "a"), sight("a", "c")
    )
    assert [(write.side, write.values) for write in decision.writes] == [
        (Side.ERPNEXT, {"g": "c"}),
        (Side.SOURCE, {"c": "b"}),
    ]


def test_a_conflict_holds_the_whole_record() -> None:
    decision = decide_pair(
        mapping(TEXT, line("g", "d"), external_id="x"), pair(("a", "a"), ("a", "a")), sight("b", "b"), sight("c", "a")
    )
    assert (decision.verdict, decision.kind, decision.writes) == (Verdict.HOLD, "fields", ())
    assert [conflict.field for conflict in decision.conflicts] == ["f"]


def test_what_the_policy_decided_is_told() -> None:
    decision = decided(mapping(line("f", "c", wins=Wins.NEWEST)), ("b", "c"))
    assert decision.writes[0].values == {"f": "c"}
    assert [(entry.base, entry.erpnext, entry.source) for entry in decision.decided] == [("a", "b", "c")]


def test_a_problem_fails_the_record_and_goes_before_conflicts() -> None:
    compiled = mapping(line("n", "m", ERPNEXT_INT), line("f", "c"))
    decision = decide_pair(compiled, pair((5, "a"), ("5", "a")), sight(5, "b"), sight("many", "c"))
    assert (decision.verdict, decision.writes) == (Verdict.FAIL, ())
    assert decision.problems == (Problem("n", Side.SOURCE, "'many' is not a number"),)
    assert decision.text == "n: 'many' is not a number (in the value that the source holds)"


def test_a_value_that_a_person_set_and_no_field_holds_is_told_as_theirs() -> None:
    decision = decide_pair(
        mapping(line("f", "c", SHORT)),
        pair(("a",), ("a",)),
        sight("b"),
        sight("c"),
        choice=Choice(values={"f": "abcdef"}),
    )
    assert decision.verdict is Verdict.FAIL
    assert decision.text.endswith("(in the value that a person chose)")


def test_a_choice_is_carried_out() -> None:
    decision = decide_pair(
        mapping(TEXT), pair(("a",), ("a",)), sight("b"), sight("c"), choice=Choice(take=Side.ERPNEXT)
    )
    assert [(write.side, write.values) for write in decision.writes] == [(Side.SOURCE, {"c": "b"})]


def test_half_a_baseline_is_a_first_contact() -> None:
    decision = decide_pair(mapping(TEXT), pair(("a",), None), sight("a"), sight("b"))
    assert decision.verdict is Verdict.HOLD


LINKS: list[tuple[str, dict[str, Any], dict[str, Any], list[Side]]] = [
    ("nowhere to put an id", {}, {}, []),
    ("the external id into ERPNext", {"external_id": "x"}, {}, [Side.ERPNEXT]),
    ("it is there", {"external_id": "x"}, {"linked_erpnext": True}, []),
    ("the name into the source, which is enough", {"external_id": "x", "erpnext_name": "ref"}, {}, [Side.SOURCE]),
    ("both, where both are wanted", {"external_id": "x", "erpnext_name": "ref", "write_back": WriteBack.ALWAYS}, {},
     [Side.ERPNEXT, Side.SOURCE]),
    ("to_source writes no ids into ERPNext", {"external_id": "x", "direction": Direction.TO_SOURCE}, {}, []),
    ("to_erpnext writes the name into the source", {"erpnext_name": "ref", "direction": Direction.TO_ERPNEXT}, {},
     [Side.SOURCE]),
    ("no id to write", {"external_id": "x"}, {"external_id": None}, []),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "given", "sides"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_links(spec: dict[str, Any], given: dict[str, Any], sides: list[Side]) -> None:
    compiled, held = mapping(TEXT, **spec), pair(("a",), ("a",), **given)
    assert [side for side in Side if wants_link(compiled, held, side)] == sides
    decision = decide_pair(compiled, held, sight("a"), sight("a"))
    assert decision.verdict is (Verdict.WRITE if sides else Verdict.SETTLE)
    assert [(write.side, write.action, write.values, write.link) for write in decision.writes] == [
        (side, Action.LINK, {}, True) for side in sides
    ]


def test_a_link_goes_along_with_an_update() -> None:
    (write,) = decided(mapping(TEXT, external_id="x"), ("a", "b")).writes
    assert (write.action, write.link, write.partner) == (Action.UPDATE, True, "7")


# Deletions and scope --------------------------------------------------------------------------------------------------

GONE, THERE, AWAY = Presence.DELETED, Presence.PRESENT, Presence.OUT
DELETE_IN_ERPNEXT = {"source_deleted": SourceDeleted.DELETE}
DELETE_IN_SOURCE = {"erpnext_deleted": ErpnextDeleted.DELETE}
TAKE_ERPNEXT, TAKE_SOURCE = Choice(take=Side.ERPNEXT), Choice(take=Side.SOURCE)
Step = tuple[Action, Side]

# (says, mapping, presence in ERPNext, in the source, ERPNext's value now, the source's, choice, verdict, what is done)
DELETIONS: list[
    tuple[str, dict[str, Any], Presence, Presence, str, str, Choice | None, Verdict, Step | None]
] = [
    ("both gone", DELETE_IN_ERPNEXT, GONE, GONE, "a", "a", None, Verdict.END, None),
    ("gone in the source, ignore", {}, THERE, GONE, "a", "a", None, Verdict.END, None),
    ("gone in the source, ignore, edited in ERPNext", {}, THERE, GONE, "b", "a", None, Verdict.END, None),
    ("gone in the source, delete", DELETE_IN_ERPNEXT, THERE, GONE, "a", "a", None, Verdict.WRITE,
     (Action.DELETE, Side.ERPNEXT)),
    ("gone in the source, disable", {"source_deleted": SourceDeleted.DISABLE}, THERE, GONE, "a", "a", None,
     Verdict.WRITE, (Action.DISABLE, Side.ERPNEXT)),
    ("gone in the source, cancel: nothing to cancel in a DocType that is not submittable",
     {"source_deleted": SourceDeleted.CANCEL}, THERE, GONE, "a", "a", None, Verdict.END, None),
    ("gone in ERPNext, ignore", {}, GONE, THERE, "a", "a", None, Verdict.END, None),
    ("gone in ERPNext, delete", DELETE_IN_SOURCE, GONE, THERE, "a", "a", None, Verdict.WRITE,
     (Action.DELETE, Side.SOURCE)),
    ("gone in ERPNext, mark", {"erpnext_deleted": ErpnextDeleted.MARK}, GONE, THERE, "a", "a", None, Verdict.WRITE,
     (Action.MARK, Side.SOURCE)),
    ("the policy of one side says nothing of the other", DELETE_IN_SOURCE, THERE, GONE, "a", "a", None, Verdict.END,
     None),
    ("gone in the source, to_source: ERPNext is not written", {**DELETE_IN_ERPNEXT, "direction": Direction.TO_SOURCE},
     THERE, GONE, "a", "a", None, Verdict.END, None),
    ("gone in ERPNext, to_erpnext: the source is not written",
     {**DELETE_IN_SOURCE, "direction": Direction.TO_ERPNEXT}, GONE, THERE, "a", "a", None, Verdict.END, None),
    ("edited in ERPNext meanwhile: held", DELETE_IN_ERPNEXT, THERE, GONE, "b", "a", None, Verdict.HOLD, None),
    ("edited in the source meanwhile: held", DELETE_IN_SOURCE, GONE, THERE, "a", "b", None, Verdict.HOLD, None),
    ("only spelled otherwise: no edit", DELETE_IN_SOURCE, GONE, THERE, "a", "a", None, Verdict.WRITE,
     (Action.DELETE, Side.SOURCE)),
    ("edited, but the deleting side wins", {**DELETE_IN_ERPNEXT, "wins": Wins.SOURCE}, THERE, GONE, "b", "a", None,
     Verdict.WRITE, (Action.DELETE, Side.ERPNEXT)),
    ("edited, and the edited side wins: it is kept", {**DELETE_IN_ERPNEXT, "wins": Wins.ERPNEXT}, THERE, GONE, "b",
     "a", None, Verdict.END, None),
    ("edited, newest: a deletion has no stamp", {**DELETE_IN_ERPNEXT, "wins": Wins.NEWEST}, THERE, GONE, "b", "a",
     None, Verdict.HOLD, None),
    ("a person takes the deletion", DELETE_IN_ERPNEXT, THERE, GONE, "b", "a", TAKE_SOURCE, Verdict.WRITE,
     (Action.DELETE, Side.ERPNEXT)),
    ("a person keeps the record", DELETE_IN_ERPNEXT, THERE, GONE, "b", "a", TAKE_ERPNEXT, Verdict.END, None),
    ("a person's choice goes before wins", {**DELETE_IN_ERPNEXT, "wins": Wins.SOURCE}, THERE, GONE, "b", "a",
     TAKE_ERPNEXT, Verdict.END, None),
    ("a set value decides nothing here", DELETE_IN_ERPNEXT, THERE, GONE, "b", "a", Choice(values={"f": "c"}),
     Verdict.HOLD, None),
    ("gone on one side, out of scope on the other", DELETE_IN_ERPNEXT, AWAY, GONE, "a", "a", None, Verdict.END, None),
    ("out of scope in ERPNext", {}, AWAY, THERE, "b", "c", None, Verdict.PAUSE, None),
    ("out of scope in the source", {}, THERE, AWAY, "a", "b", None, Verdict.PAUSE, None),
    ("out of scope on both sides", {"left_scope": LeftScope.DELETE}, AWAY, AWAY, "a", "a", None, Verdict.PAUSE, None),
    ("left_scope = delete, out in ERPNext", {"left_scope": LeftScope.DELETE}, AWAY, THERE, "b", "a", None,
     Verdict.WRITE, (Action.DELETE, Side.SOURCE)),
    ("left_scope = delete, out in the source", {"left_scope": LeftScope.DELETE}, THERE, AWAY, "a", "b", None,
     Verdict.WRITE, (Action.DELETE, Side.ERPNEXT)),
    ("left_scope = delete where nothing may be written",
     {"left_scope": LeftScope.DELETE, "direction": Direction.TO_SOURCE}, THERE, AWAY, "a", "b", None, Verdict.PAUSE,
     None),
    ("left_scope = delete, edited meanwhile", {"left_scope": LeftScope.DELETE}, THERE, AWAY, "b", "a", None,
     Verdict.HOLD, None),
    ("left_scope = delete, edited and kept: the pair pauses", {"left_scope": LeftScope.DELETE}, THERE, AWAY, "b", "a",
     TAKE_ERPNEXT, Verdict.PAUSE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "in_erpnext", "in_source", "erpnext", "source", "choice", "verdict", "done"),
    [row[1:] for row in DELETIONS],
    ids=[row[0] for row in DELETIONS],
)
def test_deletions_and_scope(
    spec: dict[str, Any],
    in_erpnext: Presence,
    in_source: Presence,
    erpnext: str,
    source: str,
    choice: Choice | None,
    verdict: Verdict,
    done: Step | None,
) -> None:
    decision = decide_pair(
        mapping(TEXT, **spec),
        pair(("a",), ("a",)),
        sight(erpnext, stamp=SITE_STAMP, presence=in_erpnext),
        sight(source, stamp=SHOP_STAMP, presence=in_source),
        choice=choice,
    )
    assert decision.verdict is verdict
    assert decision.kind == ("deleted" if verdict is Verdict.HOLD else "")
    assert [(write.action, write.side) for write in decision.writes] == ([done] if done else [])
    for write in decision.writes:
        assert write.values == {}
        assert write.action.removes
        here = write.side is Side.ERPNEXT
        assert (write.key, write.partner) == (("CUST-1", "7") if here else ("7", "CUST-1"))
        assert (write.expected, write.stamp) == (((erpnext,), SITE_STAMP) if here else ((source,), SHOP_STAMP))


EDITED: list[tuple[str, Line, Baseline | None, Raw, bool]] = [
    ("spelled otherwise", line("f", "c", ERPNEXT_INT, INTEGER), (5,), "5", False),
    ("emptied in another way", TEXT, (None,), " ", False),
    ("another value", TEXT, ("a",), "b", True),
    ("a field that was not mapped then", TEXT, (MISSING,), "b", False),
    ("no baseline: nobody knows", TEXT, None, "a", True),
    ("became unreadable", line("f", "c", ERPNEXT_INT, INTEGER), (5,), "abc", True),
    ("unreadable as before", line("f", "c", ERPNEXT_INT, INTEGER), ("abc",), "abc", False),
    ("only a normaliser's difference: held, a deletion cannot be undone", line("f", "c", converters=("lower",)),
     ("acme",), "Acme", True),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "base", "now", "edited"), [r[1:] for r in EDITED], ids=[r[0] for r in EDITED])
def test_what_counts_as_edited_before_a_deletion(entry: Line, base: Baseline | None, now: Raw, edited: bool) -> None:
    compiled = mapping(entry, **DELETE_IN_ERPNEXT)
    decision = decide_pair(compiled, pair(base, None), sight(now), sight(presence=GONE))
    assert decision.verdict is (Verdict.HOLD if edited else Verdict.WRITE)


def test_texts_name_the_sides() -> None:
    decision = decide_pair(mapping(TEXT, **DELETE_IN_SOURCE), pair(("a",), ("a",)), sight(presence=GONE), sight("b"))
    assert decision.text == "deleted in ERPNext, but edited in the source since both sides agreed"
    scope = mapping(TEXT, left_scope=LeftScope.DELETE)
    decision = decide_pair(scope, pair(("a",), ("a",)), sight("a"), sight("a", presence=AWAY))
    assert decision.text == "left the mapping's filters in the source"


# Records without a partner --------------------------------------------------------------------------------------------

TO_SOURCE, TO_ERPNEXT = Direction.TO_SOURCE, Direction.TO_ERPNEXT
CREATES: list[tuple[str, Create, Direction, bool, bool]] = [
    ("both, both ways", Create.BOTH, Direction.BOTH, True, True),
    ("erpnext", Create.ERPNEXT, Direction.BOTH, True, False),
    ("source", Create.SOURCE, Direction.BOTH, False, True),
    ("none", Create.NONE, Direction.BOTH, False, False),
    ("both, to_erpnext", Create.BOTH, TO_ERPNEXT, True, False),
    ("both, to_source", Create.BOTH, TO_SOURCE, False, True),
    ("source, to_erpnext: nowhere", Create.SOURCE, TO_ERPNEXT, False, False),
]


@pytest.mark.parametrize(
    ("create", "way", "in_erpnext", "in_source"), [row[1:] for row in CREATES], ids=[row[0] for row in CREATES]
)
def test_where_missing_partners_are_created(create: Create, way: Direction, in_erpnext: bool, in_source: bool) -> None:
    compiled = mapping(TEXT, create=create, direction=way)
    for side, made in ((Side.SOURCE, in_erpnext), (Side.ERPNEXT, in_source)):
        decision = decide_new(compiled, side, "7", ("a",))
        assert decision.verdict is (Verdict.WRITE if made else Verdict.UNMATCHED)
        assert bool(decision.writes) is made


SENT: list[tuple[str, tuple[Line, ...], Side, Image, dict[str, Raw]]] = [
    ("into ERPNext", (TEXT, line("g", "d")), Side.SOURCE, ("a", "b"), {"f": "a", "g": "b"}),
    ("into the source", (TEXT, line("g", "d")), Side.ERPNEXT, ("a", "b"), {"c": "a", "d": "b"}),
    ("what is empty is not sent", (TEXT, line("g", "d")), Side.SOURCE, ("a", " "), {"f": "a"}),
    ("constants go into ERPNext", (TEXT, line("k", constant="K")), Side.SOURCE, ("a",), {"k": "K", "f": "a"}),
    ("constants do not go into the source", (TEXT, line("k", constant="K")), Side.ERPNEXT, ("a",), {"c": "a"}),
    ("a default for an empty source", (line("f", "c", default="en"),), Side.SOURCE, (None,), {"f": "en"}),
    ("a default does not go back", (line("f", "c", default="en"),), Side.ERPNEXT, (None,), {}),
    ("a default is not for values", (line("f", "c", default="en"),), Side.SOURCE, ("de",), {"f": "de"}),
    ("a one-way field where it flows", (line("f", "c", direction=TO_ERPNEXT),), Side.SOURCE, ("a",), {"f": "a"}),
    ("a one-way field where it does not", (TEXT, line("g", "d", direction=TO_ERPNEXT)), Side.ERPNEXT, ("a", "b"),
     {"c": "a"}),
    ("one column for two fields", (line("f", "c"), line("g", "c", direction=TO_ERPNEXT)), Side.SOURCE, ("a",),
     {"f": "a", "g": "a"}),
    ("one column for two fields, back", (line("f", "c"), line("g", "c", direction=TO_ERPNEXT)), Side.ERPNEXT,
     ("a", "b"), {"c": "a"}),
    ("converters", (line("f", "c", CURRENCY, INTEGER, converters=("cents",)),), Side.SOURCE, (1999,),
     {"f": Decimal("19.99")}),
    ("converters, back", (line("f", "c", CURRENCY, INTEGER, converters=("cents",)),), Side.ERPNEXT, ("19.99",),
     {"c": 1999}),
    ("values", (line("f", "c", SELECT, values={"c": "Company"}),), Side.SOURCE, ("c",), {"f": "Company"}),
    ("0 is a value", (line("f", "c", ERPNEXT_INT, INTEGER),), Side.SOURCE, (0,), {"f": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "side", "values", "sent"), [row[1:] for row in SENT], ids=[row[0] for row in SENT])
def test_what_a_creation_sends(lines: tuple[Line, ...], side: Side, values: Image, sent: dict[str, Raw]) -> None:
    decision = decide_new(mapping(*lines), side, "7", values)
    (write,) = decision.writes
    assert (write.action, write.side, write.key, write.partner) == (Action.CREATE, side.other, None, "7")
    assert (write.stamp, write.expected) == (None, None)
    assert write.values == sent
    assert [(change.old, change.new) for change in write.changes] == [
        (None, str(value) if isinstance(value, Decimal) else value) for value in write.values.values()
    ]


def test_a_creation_is_told_under_erpnexts_fieldnames() -> None:
    (write,) = decide_new(mapping(TEXT, line("g", "d")), Side.ERPNEXT, "CUST-1", ("a", "b")).writes
    assert write.changes == (FieldChange(field="f", old=None, new="a"), FieldChange(field="g", old=None, new="b"))


NEW_LINKS: list[tuple[str, Side, dict[str, Any], bool]] = [
    ("the external id goes into the new document", Side.SOURCE, {"external_id": "x"}, True),
    ("also where ids are not written back", Side.SOURCE, {"external_id": "x", "write_back": WriteBack.NEVER}, True),
    ("also where the source keeps the name", Side.SOURCE, {"external_id": "x", "erpnext_name": "ref"}, True),
    ("no field for it", Side.SOURCE, {"erpnext_name": "ref"}, False),
    ("the name goes into the new row", Side.ERPNEXT, {"erpnext_name": "ref"}, True),
    ("no column for it", Side.ERPNEXT, {"external_id": "x"}, False),
]


@pytest.mark.parametrize(("side", "spec", "link"), [row[1:] for row in NEW_LINKS], ids=[row[0] for row in NEW_LINKS])
def test_what_a_new_record_says_of_its_partner(side: Side, spec: dict[str, Any], link: bool) -> None:
    (write,) = decide_new(mapping(TEXT, **spec), side, "7", ("a",)).writes
    assert write.link is link


def test_every_problem_of_a_creation_is_told_and_nothing_is_sent() -> None:
    compiled = mapping(
        line("f", "c", SHORT),
        line("n", "m", ERPNEXT_INT),
        line("ok", "o"),
        line("d", "e", SITE_DATE, direction=TO_SOURCE),
    )
    decision = decide_new(compiled, Side.SOURCE, "7", ("abcdef", "many", "fine", "no date"))
    assert (decision.verdict, decision.writes) == (Verdict.FAIL, ())
    assert [(problem.field, problem.side) for problem in decision.problems] == [("f", Side.SOURCE), ("n", Side.SOURCE)]
    assert "f: 'abcdef' has 6 characters; Data holds 5 (in the value that the source holds); n: " in decision.text


def test_a_plan_remembers_values_and_keeps_equal_ones_of_other_kinds_apart() -> None:
    json = FieldType(kind=Kind.JSON, name="JSON")
    plan = CreationPlan(mapping(line("f", "c", json, json)), Side.SOURCE)
    for _ in range(2):
        written = [plan.decide("7", (value,)).write for value in (1, True, 0, False, "1", "", None)]
        assert [write.values.get("f") for write in written if write] == ["1", "true", "0", "false", "1", None, None]


def test_a_plan_keeps_the_two_halves_of_a_repeated_hour_apart() -> None:
    berlin = FieldType(kind=Kind.DATETIME, name="TIMESTAMP", zone=ZoneInfo("Europe/Berlin"))
    site = FieldType(kind=Kind.DATETIME, name="Datetime", zone=ZoneInfo("UTC"))
    plan = CreationPlan(mapping(line("f", "c", site, berlin)), Side.SOURCE)
    first, second = datetime(2027, 10, 31, 2, 30), datetime(2027, 10, 31, 2, 30, fold=1)
    sent = [plan.decide("7", (value,)).write for value in (first, second)]
    assert [write.values["f"] for write in sent if write] == [
        datetime(2027, 10, 31, 0, 30),
        datetime(2027, 10, 31, 1, 30),
    ]


# Baselines ------------------------------------------------------------------------------------------------------------

TWO = mapping(TEXT, line("g", "d"))
Images = tuple[Baseline, Baseline]
# (says, base, what both sides held, what stands after writes, pending fields, the new baselines)
AFTER: list[
    tuple[str, Images | None, tuple[Image, Image], tuple[Image | None, Image | None], set[str], Images]
] = [
    ("settled: what both sides hold", (("a", "a"), ("a", "a")), (("b", "a"), ("b", "a")), (None, None), set(),
     (("b", "a"), ("b", "a"))),
    ("first contact, settled", None, (("a", "a"), ("a", "a")), (None, None), set(), (("a", "a"), ("a", "a"))),
    ("written: what was stored, not what was sent", (("a", "a"), ("a", "a")), (("a", "a"), ("bbb", "a")),
     (("bb", "a"), None), set(), (("bb", "a"), ("bbb", "a"))),
    ("both written", (("a", "a"), ("a", "a")), (("b", "a"), ("a", "c")), (("b", "c"), ("b", "c")), set(),
     (("b", "c"), ("b", "c"))),
    ("ERPNext written, the source still owed", (("a", "a"), ("a", "a")), (("b", "a"), ("a", "c")),
     (("b", "c"), None), {"f"}, (("a", "c"), ("a", "c"))),
    ("nothing written yet, both owed", (("a", "a"), ("a", "a")), (("b", "a"), ("a", "c")), (None, None), {"f", "g"},
     (("a", "a"), ("a", "a"))),
    ("owed at first contact: what was done agrees, the rest has not agreed yet", None, (("b", None), (None, "c")),
     (("b", "c"), None), {"f"}, ((MISSING, "c"), (MISSING, "c"))),
    ("owed in a field that was not mapped before", (("a", MISSING), ("a", MISSING)), (("b", "x"), ("a", None)),
     (None, None), {"f", "g"}, (("a", MISSING), ("a", MISSING))),
    ("newly mapped and agreed", (("a", MISSING), ("a", MISSING)), (("b", "x"), ("a", "x")), (None, None), {"f"},
     (("a", "x"), ("a", "x"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "sights", "stored", "pending", "after"), [row[1:] for row in AFTER], ids=[row[0] for row in AFTER]
)
def test_baseline_after(
    base: Images | None,
    sights: tuple[Image, Image],
    stored: tuple[Image | None, Image | None],
    pending: set[str],
    after: Images,
) -> None:
    assert baseline_after(TWO, base, sights, stored, frozenset(pending)) == after


def test_what_is_owed_is_decided_again_and_nothing_else() -> None:
    base: Images = (("a", "a"), ("a", "a"))
    after = baseline_after(TWO, base, (("b", "a"), ("a", "c")), (("b", "c"), None), frozenset({"f"}))
    decision = decide_pair(TWO, pair(*after), sight("b", "c"), sight("a", "c"))
    assert [(write.side, write.values) for write in decision.writes] == [(Side.SOURCE, {"c": "b"})]
