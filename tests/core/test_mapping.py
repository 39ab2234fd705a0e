"""Mappings as compiled: layouts, constants, defaults, what counts as the same, as empty, as changed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from syncd.core.mapping import Create, WriteBack, layout
from syncd.core.model import Direction, Raw, Side
from syncd.core.values import InvalidValue, Value
from tests.core.builders import (
    CHECK,
    CURRENCY,
    ERPNEXT_INT,
    INTEGER,
    NUMERIC_2,
    RICH,
    SELECT,
    SHORT,
    SITE_DATE,
    SITE_TIME,
    TIME,
    VARCHAR,
    Line,
    line,
    mapping,
)


def test_layout_asks_for_each_field_once_and_for_no_constant() -> None:
    compiled = mapping(
        line("a", "x"), line("k", constant="K"), line("b", "x", direction=Direction.TO_ERPNEXT), line("c", "y")
    )
    assert layout(compiled.spec) == (("a", "b", "c"), ("x", "y"))
    assert compiled.names(Side.ERPNEXT) == ("a", "b", "c")
    assert compiled.names(Side.SOURCE) == ("x", "y")
    assert [(entry.name, entry.erpnext_at, entry.source_at) for entry in compiled.fields] == [
        ("a", 0, 0),
        ("b", 1, 0),
        ("c", 2, 1),
    ]


def test_constants_are_brought_to_their_type() -> None:
    compiled = mapping(
        line("f", constant="7", erpnext=ERPNEXT_INT),
        line("g", constant="2027-01-31", erpnext=SITE_DATE),
        line("h", constant=True, erpnext=CHECK),
    )
    assert compiled.constants == {"f": 7, "g": date(2027, 1, 31), "h": True}


REFUSED: list[tuple[str, Line, str]] = [
    ("a constant that is no number", line("f", constant="abc", erpnext=ERPNEXT_INT), "fields.f.constant: 'abc'"),
    ("a constant that is no option", line("f", constant="Other", erpnext=SELECT), "fields.f.constant: 'Other'"),
    ("a default that is no option", line("f", "c", SELECT, default="Other"), "fields.f.default: 'Other'"),
    ("a default without room", line("f", "c", SHORT, default="abcdef"), "fields.f.default: 'abcdef'"),
    ("an unknown converter", line("f", "c", converters=("uper",)), "there is no converter 'uper'; nearest: upper"),
]


@pytest.mark.parametrize(("entry", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_does_not_fit_is_refused_when_it_is_compiled(entry: Line, text: str) -> None:
    with pytest.raises(InvalidValue, match=text):
        mapping(entry)


def test_zones_are_those_of_the_sides() -> None:
    compiled = mapping(line("f", "c"), zones=("Asia/Kolkata", "Europe/Berlin"))
    assert (compiled.zone(Side.ERPNEXT), compiled.zone(Side.SOURCE)) == ("Asia/Kolkata", "Europe/Berlin")


AGREE: list[tuple[str, Line, Value, Value, bool]] = [
    ("equal", line("f", "c"), "a", "a", True),
    ("both empty", line("f", "c"), None, None, True),
    ("one empty", line("f", "c"), "a", None, False),
    ("ERPNext's 0 for NULL", line("f", "c", ERPNEXT_INT, INTEGER), 0, None, True),
    ("a No for NULL", line("f", "c", CHECK), False, None, True),
    ("a number for NULL", line("f", "c", ERPNEXT_INT, INTEGER), 1, None, False),
    ("0 for NULL, where the source is a site", line("f", "c", VARCHAR, ERPNEXT_INT), None, 0, True),
    ("the default for an empty source", line("f", "c", default="en"), "en", None, True),
    ("another than the default", line("f", "c", default="en"), "de", None, False),
    ("the default as the normaliser sees it", line("f", "c", default="en", converters=("lower",)), "EN", None, True),
    ("an empty ERPNext for an empty source, default or not", line("f", "c", default="en"), None, None, True),
    ("the coarser scale", line("f", "c", CURRENCY, NUMERIC_2), Decimal("1.004"), Decimal(1), True),
    ("a value the other side cannot hold", line("f", "c", ERPNEXT_INT), 5, "five", False),
    ("one way only: what the source is given", line("f", "c", SITE_TIME, TIME), None, None, True),
]


@pytest.mark.parametrize(("entry", "erpnext", "source", "same"), [r[1:] for r in AGREE], ids=[r[0] for r in AGREE])
def test_agree(entry: Line, erpnext: Value, source: Value, same: bool) -> None:
    (field,) = mapping(entry).fields
    assert field.agree(erpnext, source) is same


CHANGED: list[tuple[str, Line, Side, Raw, Raw, bool]] = [
    ("text", line("f", "c"), Side.ERPNEXT, "a", "b", True),
    ("NULL and blank text", line("f", "c"), Side.SOURCE, None, " ", False),
    ("case under lower, ERPNext", line("f", "c", converters=("lower",)), Side.ERPNEXT, "a", "A", False),
    ("case under lower, source", line("f", "c", converters=("lower",)), Side.SOURCE, "a", "A", False),
    ("digits the other side cannot hold", line("f", "c", CURRENCY, NUMERIC_2), Side.ERPNEXT, 1.001, 1.002, False),
    ("digits it can hold", line("f", "c", CURRENCY, NUMERIC_2), Side.ERPNEXT, 1.01, 1.02, True),
    ("NULL and 0 where 0 stands for NULL", line("f", "c", ERPNEXT_INT, INTEGER), Side.ERPNEXT, None, 0, False),
    ("NULL and 0 where both are possible", line("f", "c", ERPNEXT_INT, INTEGER), Side.SOURCE, None, 0, True),
    ("from unreadable to readable", line("f", "c", ERPNEXT_INT, INTEGER), Side.SOURCE, "abc", 5, True),
    ("unreadable as before", line("f", "c", ERPNEXT_INT, INTEGER), Side.SOURCE, "abc", "abc", False),
    ("words without an entry", line("f", "c", SELECT, values={"c": "Company"}), Side.SOURCE, "x", "y", True),
]


@pytest.mark.parametrize(
    ("entry", "side", "before", "now", "changed"), [r[1:] for r in CHANGED], ids=[r[0] for r in CHANGED]
)
def test_changed(entry: Line, side: Side, before: Raw, now: Raw, changed: bool) -> None:
    (field,) = mapping(entry).fields
    assert field.changed(side, before, now) is changed


EMPTY: list[tuple[str, Line, Side, Value, bool]] = [
    ("nothing", line("f", "c"), Side.SOURCE, None, True),
    ("text", line("f", "c"), Side.SOURCE, "a", False),
    ("ERPNext's 0", line("f", "c", ERPNEXT_INT, INTEGER), Side.ERPNEXT, 0, True),
    ("a source's 0", line("f", "c", ERPNEXT_INT, INTEGER), Side.SOURCE, 0, False),
    ("markup around nothing", line("f", "c", RICH, converters=("text",)), Side.ERPNEXT, "<p><br></p>", True),
    ("markup around text", line("f", "c", RICH, converters=("text",)), Side.ERPNEXT, "<p>a</p>", False),
    ("a word without an entry", line("f", "c", SELECT, values={"c": "Company"}), Side.SOURCE, "x", False),
]


@pytest.mark.parametrize(("entry", "side", "value", "empty"), [r[1:] for r in EMPTY], ids=[r[0] for r in EMPTY])
def test_is_empty(entry: Line, side: Side, value: Value, empty: bool) -> None:
    (field,) = mapping(entry).fields
    assert field.is_empty(side, value) is empty


IDS: list[tuple[str, dict[str, object], bool]] = [
    ("auto, and the source cannot keep the name", {"external_id": "x"}, True),
    ("auto, and the source keeps the name", {"external_id": "x", "erpnext_name": "ref"}, False),
    ("always", {"external_id": "x", "erpnext_name": "ref", "write_back": WriteBack.ALWAYS}, True),
    ("never", {"external_id": "x", "write_back": WriteBack.NEVER}, False),
    ("no field for it", {"write_back": WriteBack.ALWAYS}, False),
    ("to_source writes nothing into ERPNext, ids included",
     {"external_id": "x", "write_back": WriteBack.ALWAYS, "direction": Direction.TO_SOURCE}, False),
    ("to_erpnext", {"external_id": "x", "direction": Direction.TO_ERPNEXT}, True),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "writes"), [row[1:] for row in IDS], ids=[row[0] for row in IDS])
def test_whether_the_external_id_is_written_back(spec: dict[str, object], writes: bool) -> None:
    assert mapping(line("f", "c"), **spec).spec.writes_external_id is writes


@pytest.mark.parametrize(
    ("create", "erpnext", "source"),
    [
        (Create.BOTH, True, True),
        (Create.ERPNEXT, True, False),
        (Create.SOURCE, False, True),
        (Create.NONE, False, False),
    ],
)
def test_where_partners_may_be_created(create: Create, erpnext: bool, source: bool) -> None:
    assert (create.allows(Side.ERPNEXT), create.allows(Side.SOURCE)) == (erpnext, source)
