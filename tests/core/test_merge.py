"""The three-way merge: a table of what becomes of one field, and what a person's choice does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from syncd.core.merge import Choice, Merge, Newest, merge
from syncd.core.model import Baseline, Direction, FieldChange, FieldConflict, Missing, Raw, Side, Wins
from tests.core.builders import (
    BOOLEAN,
    CHECK,
    CURRENCY,
    DATA,
    DATE,
    ERPNEXT_INT,
    INTEGER,
    MISSING,
    NUMERIC_2,
    RICH,
    SELECT,
    SHORT,
    SITE_DATE,
    SITE_TIME,
    TIME,
    Line,
    line,
    mapping,
)

STAY: tuple[Any, ...] = ("stay",)
CONFLICT: tuple[Any, ...] = ("conflict",)


def to_erpnext(value: Raw) -> tuple[Any, ...]:
    return ("erpnext", value)


def to_source(value: Raw) -> tuple[Any, ...]:
    return ("source", value)


def problem(side: Side | None, text: str) -> tuple[Any, ...]:
    return ("problem", side, text)


def outcome(result: Merge) -> tuple[Any, ...]:
    """What became of the one field `f` (column `c`), in the words of the tables below."""
    if result.problems:
        (found,) = result.problems
        return problem(found.side, found.reason)
    if result.conflicts:
        return CONFLICT
    (erpnext, source) = (result.writes[Side.ERPNEXT], result.writes[Side.SOURCE])
    if erpnext and source:
        return ("both", erpnext["f"], source["c"])
    if erpnext:
        return to_erpnext(erpnext["f"])
    return to_source(source["c"]) if source else STAY


TEXT = line("f", "c")
AMOUNT = line("f", "c", CURRENCY, NUMERIC_2)
COUNT = line("f", "c", ERPNEXT_INT, INTEGER)
FLAG = line("f", "c", CHECK, BOOLEAN)
DAY = line("f", "c", SITE_DATE, DATE)
TRIM = line("f", "c", converters=("trim",))
LOWER = line("f", "c", converters=("lower",))
CENTS = line("f", "c", CURRENCY, INTEGER, converters=("cents",))
HTML = line("f", "c", RICH, converters=("text",))
WORDS = line("f", "c", SELECT, values={"c": "Company", "i": "Individual"})
LANGUAGE = line("f", "c", default="en")
LEVEL = line("f", "c", ERPNEXT_INT, INTEGER, default=3)
IN = {"direction": Direction.TO_ERPNEXT}
OUT = {"direction": Direction.TO_SOURCE}
INTO_ERPNEXT = line("f", "c", **IN)
INTO_SOURCE = line("f", "c", **OUT)
CLOCK_OUT = line("f", "c", SITE_TIME, TIME, **OUT)


def wins(policy: Wins, **more: Any) -> Line:
    return line("f", "c", wins=policy, **more)


def enforced(**more: Any) -> Line:
    return line("f", "c", enforce=True, **more)


class Case(NamedTuple):
    says: str
    line: Line
    base: tuple[Raw | Missing, Raw | Missing] | None
    now: tuple[Raw, Raw]
    expect: tuple[Any, ...]
    newest: Newest = Newest(None, "no stamps")


ERPNEXT_LATER = Newest(Side.ERPNEXT)
SOURCE_LATER = Newest(Side.SOURCE)
TIE = Newest(None, "both stamps are equal")

CASES = [
    # Two ways, over a baseline.
    Case("nothing changed", TEXT, ("a", "a"), ("a", "a"), STAY),
    Case("ERPNext changed", TEXT, ("a", "a"), ("b", "a"), to_source("b")),
    Case("ERPNext emptied", TEXT, ("a", "a"), ("", "a"), to_source(None)),
    Case("ERPNext filled", TEXT, (None, None), ("b", None), to_source("b")),
    Case("the source changed", TEXT, ("a", "a"), ("a", "b"), to_erpnext("b")),
    Case("the source emptied", TEXT, ("a", "a"), ("a", None), to_erpnext(None)),
    Case("the source filled", TEXT, (None, None), (None, "b"), to_erpnext("b")),
    Case("equal edits", TEXT, ("a", "a"), ("b", "b"), STAY),
    Case("both emptied, each in its way", TEXT, ("a", "a"), ("", None), STAY),
    Case("both changed differently", TEXT, ("a", "a"), ("b", "c"), CONFLICT),
    Case("changed in ERPNext, emptied in the source", TEXT, ("a", "a"), ("b", None), CONFLICT),
    Case("emptied in ERPNext, changed in the source", TEXT, ("a", "a"), (None, "c"), CONFLICT),
    Case("empty is empty: NULL became blank text", TEXT, (None, None), (" ", None), STAY),
    Case("text compares exactly: a blank more", TEXT, ("a", "a"), ("a", "a "), to_erpnext("a ")),
    Case("the sides differed when they agreed (the site had cut it): no echo", TEXT, ("abc", "abcdef"),
         ("abc", "abcdef"), STAY),
    Case("the sides differed when they agreed, and now one is only spelled otherwise", AMOUNT, ("1.00", "2.00"),
         ("1.00", "2.0"), STAY),
    Case("the sides differed when they agreed, then the source changed", TEXT, ("abc", "abcdef"), ("abc", "xyz"),
         to_erpnext("xyz")),
    # First contact.
    Case("first contact: equal", TEXT, None, ("a", "a"), STAY),
    Case("first contact: both empty", TEXT, None, (None, ""), STAY),
    Case("first contact: ERPNext empty is filled", TEXT, None, ("", "a"), to_erpnext("a")),
    Case("first contact: the source empty is filled", TEXT, None, ("a", " "), to_source("a")),
    Case("first contact: differing values are a conflict under manual", TEXT, None, ("a", "b"), CONFLICT),
    Case("first contact: ERPNext wins", wins(Wins.ERPNEXT), None, ("a", "b"), to_source("a")),
    Case("first contact: the source wins", wins(Wins.SOURCE), None, ("a", "b"), to_erpnext("b")),
    Case("first contact: the newer wins", wins(Wins.NEWEST), None, ("a", "b"), to_erpnext("b"), SOURCE_LATER),
    Case("first contact: filling asks no policy", wins(Wins.ERPNEXT), None, (None, "b"), to_erpnext("b")),
    Case("newly mapped in both images: first contact for this field", TEXT, (MISSING, MISSING), ("a", None),
         to_source("a")),
    Case("newly mapped on one side (the column fed another field): first contact", TEXT, (MISSING, "b"), ("a", "b"),
         CONFLICT),
    Case("newly mapped, equal", TEXT, (MISSING, MISSING), ("a", "a"), STAY),
    # Policies.
    Case("both changed, ERPNext wins", wins(Wins.ERPNEXT), ("a", "a"), ("b", "c"), to_source("b")),
    Case("both changed, the source wins", wins(Wins.SOURCE), ("a", "a"), ("b", "c"), to_erpnext("c")),
    Case("ERPNext emptied and wins", wins(Wins.ERPNEXT), ("a", "a"), (None, "c"), to_source(None)),
    Case("a policy does not touch one-sided edits", wins(Wins.ERPNEXT), ("a", "a"), ("a", "c"), to_erpnext("c")),
    Case("newest: ERPNext", wins(Wins.NEWEST), ("a", "a"), ("b", "c"), to_source("b"), ERPNEXT_LATER),
    Case("newest: the source", wins(Wins.NEWEST), ("a", "a"), ("b", "c"), to_erpnext("c"), SOURCE_LATER),
    Case("newest: a tie", wins(Wins.NEWEST), ("a", "a"), ("b", "c"), CONFLICT, TIE),
    Case("newest: no stamps", wins(Wins.NEWEST), ("a", "a"), ("b", "c"), CONFLICT),
    Case("newest does not touch one-sided edits", wins(Wins.NEWEST), ("a", "a"), ("b", "a"), to_source("b"),
         SOURCE_LATER),
    # One-way fields.
    Case("to_erpnext: the source changed", INTO_ERPNEXT, ("a", "a"), ("a", "b"), to_erpnext("b")),
    Case("to_erpnext: the source emptied", INTO_ERPNEXT, ("a", "a"), ("a", None), to_erpnext(None)),
    Case("to_erpnext: an edit in ERPNext stays", INTO_ERPNEXT, ("a", "a"), ("b", "a"), STAY),
    Case("to_erpnext: both changed, the giving side goes before", INTO_ERPNEXT, ("a", "a"), ("b", "c"),
         to_erpnext("c")),
    Case("to_erpnext: the edit that stayed goes when the source changes", INTO_ERPNEXT, ("b", "a"), ("b", "c"),
         to_erpnext("c")),
    Case("to_source: ERPNext changed", INTO_SOURCE, ("a", "a"), ("b", "a"), to_source("b")),
    Case("to_source: an edit in the source stays", INTO_SOURCE, ("a", "a"), ("a", "b"), STAY),
    Case("to_source: both changed", INTO_SOURCE, ("a", "a"), ("b", "c"), to_source("b")),
    Case("one-way, first contact: the receiver is filled", INTO_ERPNEXT, None, (None, "b"), to_erpnext("b")),
    Case("one-way, first contact: the giver is not filled", INTO_ERPNEXT, None, ("a", None), STAY),
    Case("one-way, first contact: both set, manual", INTO_ERPNEXT, None, ("a", "b"), CONFLICT),
    Case("one-way, first contact: the giver wins", wins(Wins.SOURCE, **IN), None, ("a", "b"), to_erpnext("b")),
    Case("one-way, first contact: the receiver wins and keeps its own", wins(Wins.ERPNEXT, **IN), None, ("a", "b"),
         STAY),
    # enforce
    Case("enforce: an edit of the receiver is undone", enforced(**IN), ("a", "a"), ("b", "a"), to_erpnext("a")),
    Case("enforce: an edit that had stayed is undone", enforced(**IN), ("b", "a"), ("b", "a"), to_erpnext("a")),
    Case("enforce: the receiver emptied", enforced(**IN), ("a", "a"), (None, "a"), to_erpnext("a")),
    Case("enforce: an empty giver empties", enforced(**IN), (None, None), ("b", None), to_erpnext(None)),
    Case("enforce: nothing to restore", enforced(**IN), ("a", "a"), ("a", "a"), STAY),
    Case("enforce to the source", enforced(**OUT), ("a", "a"), ("a", "b"), to_source("a")),
    Case("enforce at first contact: the giver's value, whatever wins says", enforced(wins=Wins.ERPNEXT, **IN), None,
         ("a", "b"), to_erpnext("b")),
    Case("enforce at first contact: an empty giver", enforced(**IN), None, ("a", None), to_erpnext(None)),
    Case("enforce at first contact: the receiver is filled", enforced(**IN), None, (None, "b"), to_erpnext("b")),
    Case("enforce: the source's default is restored", enforced(default="en", **IN), ("en", None), (None, None),
         to_erpnext("en")),
    Case("enforce: a value other than the default is undone", enforced(default="en", **IN), ("en", None),
         ("de", None), to_erpnext("en")),
    # default
    Case("default: fills ERPNext when the source is emptied", LANGUAGE, ("de", "de"), ("de", None),
         to_erpnext("en")),
    Case("default: fills at first contact", LANGUAGE, None, (None, None), to_erpnext("en")),
    Case("default: fills a newly mapped field", LANGUAGE, (MISSING, MISSING), ("", None), to_erpnext("en")),
    Case("default: does not flow back", LANGUAGE, None, ("en", None), STAY),
    Case("default: stands for the empty source", LANGUAGE, ("de", "de"), ("en", None), STAY),
    Case("default: another value flows back", LANGUAGE, ("en", None), ("de", None), to_source("de")),
    Case("default: another value fills the source at first contact", LANGUAGE, None, ("de", None), to_source("de")),
    Case("default: what a person empties in ERPNext stays empty", LANGUAGE, ("en", None), (None, None), STAY),
    Case("default: the source is filled", LANGUAGE, ("en", None), ("en", "fr"), to_erpnext("fr")),
    Case("default: chosen in ERPNext against another value in the source", LANGUAGE, ("de", "de"), ("en", "de"),
         to_source("en")),
    Case("default: fills ERPNext's 0 for nothing", LEVEL, None, (0, None), to_erpnext(3)),
    Case("default of 0: ERPNext's 0 is it already", line("f", "c", ERPNEXT_INT, INTEGER, default=0), None, (0, None),
         STAY),
    # ERPNext's 0 for NULL
    Case("0 for NULL: first contact", COUNT, None, (0, None), STAY),
    Case("0 for NULL: the source was emptied and ERPNext shows 0", COUNT, (5, 5), (0, None), STAY),
    Case("0 for NULL: ERPNext changed from it", COUNT, (0, None), (4, None), to_source(4)),
    Case("0 for NULL: the source changed from it", COUNT, (0, None), (0, 4), to_erpnext(4)),
    Case("0 for NULL: a real 0 in the source is the same as well", COUNT, (0, None), (0, 0), STAY),
    Case("0 is a value: ERPNext changed to it", COUNT, (5, 5), (0, 5), to_source(0)),
    Case("0 is a value: the source changed to it", COUNT, (5, 5), (5, 0), to_erpnext(0)),
    Case("0 fills nothing: first contact with a number across", COUNT, None, (0, 4), to_erpnext(4)),
    Case("0 in the source is its own: first contact with a number in ERPNext", COUNT, None, (4, 0), CONFLICT),
    Case("NULL that became 0 in ERPNext is no edit", COUNT, (None, None), (0, 4), to_erpnext(4)),
    Case("Check: 0 for NULL", FLAG, None, (0, None), STAY),
    Case("Check: ERPNext ticked", FLAG, (0, None), (1, None), to_source(True)),
    Case("Check: spelling of yes", FLAG, (1, True), (True, 1), STAY),
    Case("the site of a source: 0 for NULL there", line("f", "c", DATA, ERPNEXT_INT), ("5", 5), (None, 0), STAY),
    # Converters, normalisers, values, numbers
    Case("cents: to ERPNext", CENTS, (Decimal(1), 100), (Decimal(1), 1999), to_erpnext(Decimal("19.99"))),
    Case("cents: to the source", CENTS, (Decimal(1), 100), ("2.50", 100), to_source(250)),
    Case("cents: equal edits in each side's terms", CENTS, (1, 100), (2.5, 250), STAY),
    Case("numbers compare at the coarser scale", AMOUNT, None, ("1.004", "1.00"), STAY),
    Case("numbers: half up at the coarser scale", AMOUNT, None, ("1.005", "1.01"), STAY),
    Case("numbers: differing at the coarser scale", AMOUNT, None, ("1.006", "1.00"), CONFLICT),
    Case("numbers: digits the source cannot hold are no edit", AMOUNT, ("1.001", "1.00"), ("1.002", "2.00"),
         to_erpnext(Decimal(2))),
    Case("numbers: spelling", AMOUNT, ("1.50", "1.5"), (1.5, Decimal("1.500")), STAY),
    Case("trim: blanks are not rewritten", TRIM, ("a", "a"), ("a", " a "), STAY),
    Case("trim: what is written is trimmed", TRIM, ("a", "a"), ("a", " b "), to_erpnext("b")),
    Case("lower: blanked case at first contact", LOWER, None, ("ACME", "acme"), STAY),
    Case("lower: a change of case is no edit against one across", LOWER, ("acme", "acme"), ("widget", "ACME"),
         to_source("widget")),
    Case("lower, one way: a change of case does not undo the receiver's edit",
         line("f", "c", converters=("lower",), **IN), ("acme", "acme"), ("mine", "ACME"), STAY),
    Case("lower: ERPNext's change of case loses against the source's edit", line("f", "c", converters=("lower",),
         wins=Wins.ERPNEXT), ("acme", "acme"), ("Acme", "widget"), to_erpnext("widget")),
    Case("rich text: an empty editor's markup is empty", HTML, None, ("<p><br></p>", "hello"), to_erpnext("hello")),
    Case("rich text: markup alone is no difference", HTML, None, ("<p>hello</p>", "hello"), STAY),
    Case("values: to ERPNext", WORDS, ("Company", "c"), ("Company", "i"), to_erpnext("Individual")),
    Case("values: to the source", WORDS, ("Company", "c"), ("Individual", "c"), to_source("i")),
    Case("values: a word without an entry", WORDS, ("Company", "c"), ("Company", "x"),
         problem(Side.SOURCE, "'x' has no entry in `values`")),
    Case("values: a word without an entry that did not change is left alone", WORDS, ("Company", "x"),
         ("Company", "x"), STAY),
    Case("values: ERPNext's word is unknown", WORDS, ("Company", "c"), ("Other", "c"),
         problem(Side.ERPNEXT, "no entry of `values` gives 'Other'")),
    Case("dates: spelling", DAY, ("2027-01-31", date(2027, 1, 31)), ("2027-01-31 00:00:00", "2027-01-31"), STAY),
    Case("dates: the source changed", DAY, ("2027-01-31", "2027-01-31"), ("2027-01-31", "2027-02-01"),
         to_erpnext(date(2027, 2, 1))),
    Case("a one-way change of type that cannot go back agrees by what it gives", CLOCK_OUT, None,
         ("2027-01-31 10:00:00", "10:00:00"), STAY),
    Case("a one-way change of type that cannot go back, differing", CLOCK_OUT, None,
         ("2027-01-31 10:00:00", "11:00:00"), CONFLICT),
    # What a side cannot hold
    Case("too long for ERPNext", line("f", "c", SHORT), ("a", "a"), ("a", "abcdef"),
         problem(Side.SOURCE, "'abcdef' has 6 characters; Data holds 5")),
    Case("no option of the Select", line("f", "c", SELECT), ("Company", "Company"), ("Company", "Comp"),
         problem(Side.SOURCE, "'Comp' is not one of the options; nearest: 'Company'")),
    Case("text for a number", line("f", "c", ERPNEXT_INT), (5, "5"), (5, "abc"),
         problem(Side.SOURCE, "'abc' is not a number")),
    # What a side holds but cannot be read
    Case("unreadable and unchanged: left alone", COUNT, (5, "abc"), (5, "abc"), STAY),
    Case("became unreadable in the source", COUNT, (5, 5), (5, "abc"), problem(Side.SOURCE, "'abc' is not a number")),
    Case("became unreadable in ERPNext", COUNT, (5, 5), ("abc", 5), problem(Side.ERPNEXT, "'abc' is not a number")),
    Case("unreadable at first contact", COUNT, None, (5, "abc"), problem(Side.SOURCE, "'abc' is not a number")),
    Case("unreadable in a newly mapped field", COUNT, (MISSING, MISSING), (5, "abc"),
         problem(Side.SOURCE, "'abc' is not a number")),
    Case("unreadable in ERPNext and unchanged there: the source's edit flows over it", COUNT, ("abc", 5),
         ("abc", 6), to_erpnext(6)),
    Case("unreadable in the source and unchanged there: ERPNext's edit flows over it", COUNT, (5, "abc"),
         (6, "abc"), to_source(6)),
    Case("unreadable receiver and unchanged: only spelling changed across", COUNT, ("abc", 5), ("abc", "5"), STAY),
    Case("unreadable giver and unchanged: the receiver's edit stays", line("f", "c", ERPNEXT_INT, INTEGER, **IN),
         (5, "abc"), (6, "abc"), STAY),
    Case("unreadable receiver under enforce", enforced(erpnext=ERPNEXT_INT, source=INTEGER, **IN), ("abc", 5),
         ("abc", 5), to_erpnext(5)),
    Case("unreadable in ERPNext, and newly so in the source", COUNT, ("abc", 5), ("abc", "xyz"),
         problem(Side.SOURCE, "'xyz' is not a number")),
    Case("unreadable on both sides, as before", COUNT, ("abc", "xyz"), ("abc", "xyz"), STAY),
    Case("readable again", COUNT, (5, "abc"), (5, 6), to_erpnext(6)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_one_field(case: Case) -> None:
    base: tuple[Baseline, Baseline] | None = None if case.base is None else ((case.base[0],), (case.base[1],))
    found = outcome(merge(mapping(case.line), base, (case.now[0],), (case.now[1],), newest=case.newest))
    if found[0] == "problem":
        assert found[:2] == case.expect[:2]
        assert case.expect[2] in found[2]
    else:
        assert found == case.expect


MAPPING_WAY: list[tuple[str, Direction, Line, tuple[str, str], tuple[Any, ...]]] = [
    ("to_erpnext: the source changed", Direction.TO_ERPNEXT, TEXT, ("a", "c"), to_erpnext("c")),
    ("to_erpnext: ERPNext's edit stays", Direction.TO_ERPNEXT, TEXT, ("b", "a"), STAY),
    ("to_erpnext: both changed", Direction.TO_ERPNEXT, TEXT, ("b", "c"), to_erpnext("c")),
    ("to_source: ERPNext changed", Direction.TO_SOURCE, TEXT, ("b", "a"), to_source("b")),
    ("to_source: the source's edit stays", Direction.TO_SOURCE, TEXT, ("a", "c"), STAY),
    ("to_source: both changed, wins does not matter", Direction.TO_SOURCE, wins(Wins.SOURCE), ("b", "c"),
     to_source("b")),
    ("to_source: enforce by the mapping's direction", Direction.TO_SOURCE, enforced(), ("a", "c"), to_source("a")),
    ("both: the field's own direction counts", Direction.BOTH, INTO_ERPNEXT, ("b", "a"), STAY),
]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "entry", "now", "expect"), [row[1:] for row in MAPPING_WAY], ids=[row[0] for row in MAPPING_WAY]
)
def test_direction_of_the_mapping(way: Direction, entry: Line, now: tuple[str, str], expect: tuple[Any, ...]) -> None:
    result = merge(mapping(entry, direction=way), (("a",), ("a",)), now[:1], now[1:])
    assert outcome(result) == expect


def test_fields_merge_one_by_one_and_a_conflict_is_told_apart() -> None:
    result = merge(
        mapping(line("one", "c1"), line("two", "c2"), line("three", "c3"), line("four", "c4", wins=Wins.SOURCE)),
        (("a", "a", "a", "a"), ("a", "a", "a", "a")),
        ("b", "a", "b", "b"),
        ("a", "c", "c", "c"),
    )
    assert result.writes == {Side.ERPNEXT: {"two": "c", "four": "c"}, Side.SOURCE: {"c1": "b"}}
    assert result.changes[Side.SOURCE] == [FieldChange(field="one", old="a", new="b")]
    assert result.conflicts == [FieldConflict(field="three", base="a", erpnext="b", source="c")]
    assert result.decided == [FieldConflict(field="four", base="a", erpnext="b", source="c")]


def test_a_conflict_shows_base_and_both_sides_in_erpnext_and_source_terms() -> None:
    result = merge(mapping(CENTS), ((Decimal("1.50"),), (150,)), ("2.5",), (300,), newest=TIE)
    assert result.conflicts == [FieldConflict(field="f", base="1.5", erpnext="2.5", source=300)]
    tie = merge(mapping(wins(Wins.NEWEST)), (("a",), ("a",)), ("b",), ("c",), newest=TIE)
    assert [conflict.reason for conflict in tie.conflicts] == ["both stamps are equal"]


def test_a_base_that_cannot_be_read_is_shown_as_it_is() -> None:
    result = merge(mapping(COUNT), ((2.5,), ("abc",)), (6,), (7,))
    assert [conflict.base for conflict in result.conflicts] == ["2.5"]


def test_what_enforce_overwrites_at_first_contact_is_reported_as_decided() -> None:
    overwritten = merge(mapping(enforced(**IN)), None, ("a",), ("b",))
    assert overwritten.decided == [FieldConflict(field="f", base=None, erpnext="a", source="b")]
    assert merge(mapping(enforced(**IN)), None, ("",), ("b",)).decided == []


def test_an_unreadable_value_that_is_overwritten_is_shown_as_its_text() -> None:
    result = merge(mapping(COUNT), (("abc",), (5,)), ("abc",), (6,))
    assert result.changes[Side.ERPNEXT] == [FieldChange(field="f", old="abc", new=6)]


def test_quiet_is_nothing_to_do_and_nothing_in_the_way() -> None:
    base = (("a",), ("a",))
    assert merge(mapping(TEXT), base, ("b",), ("b",)).quiet
    assert not merge(mapping(TEXT), base, ("b",), ("a",)).quiet
    assert not merge(mapping(TEXT), base, ("b",), ("c",)).quiet
    assert not merge(mapping(COUNT), ((5,), (5,)), ("abc",), (5,)).quiet


CHOICES: list[tuple[str, Line, tuple[Raw, Raw], Choice, tuple[Any, ...]]] = [
    ("take ERPNext's", TEXT, ("b", "c"), Choice(take=Side.ERPNEXT), to_source("b")),
    ("take the source's", TEXT, ("b", "c"), Choice(take=Side.SOURCE), to_erpnext("c")),
    ("take an empty value", TEXT, (None, "c"), Choice(take=Side.ERPNEXT), to_source(None)),
    ("take nothing: it stays a conflict", TEXT, ("b", "c"), Choice(), CONFLICT),
    ("set a third value: both are given it", TEXT, ("b", "c"), Choice(values={"f": "d"}), ("both", "d", "d")),
    ("set ERPNext's own: only the source is written", TEXT, ("b", "c"), Choice(values={"f": "b"}), to_source("b")),
    ("set to nothing", TEXT, ("b", "c"), Choice(values={"f": ""}), ("both", None, None)),
    ("set: text is brought to the field's type, the source's by its converter", CENTS, (2, 300),
     Choice(values={"f": "19.99"}), ("both", Decimal("19.99"), 1999)),
    ("set another field: this one stays a conflict", TEXT, ("b", "c"), Choice(values={"g": "d"}), CONFLICT),
    ("set goes before take", TEXT, ("b", "c"), Choice(take=Side.ERPNEXT, values={"f": "c"}), to_erpnext("c")),
    ("set what is no such value", CENTS, (2, 300), Choice(values={"f": "much"}), problem(None, "not a number")),
    ("set what has no room in ERPNext", line("f", "c", SHORT), ("b", "c"), Choice(values={"f": "abcdef"}),
     problem(None, "has 6 characters; Data holds 5")),
    ("set what is no option", line("f", "c", SELECT), ("b", "c"), Choice(values={"f": "Other"}),
     problem(None, "is not one of the options")),
    ("set what the source has no word for", WORDS, ("Company", "i"), Choice(values={"f": "Other"}),
     problem(None, "is not one of the options")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "now", "choice", "expect"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES]
)
def test_a_persons_choice(entry: Line, now: tuple[Raw, Raw], choice: Choice, expect: tuple[Any, ...]) -> None:
    result = merge(mapping(entry), None if entry is WORDS else ((1,), (1,)), now[:1], now[1:], choice=choice)
    found = outcome(result)
    if expect[0] == "problem":
        assert found[:2] == expect[:2]
        assert expect[2] in found[2]
    else:
        assert found == expect
        assert bool(result.decided) is (expect != CONFLICT)


ONE_WAY_CHOICES: list[tuple[str, Line, Choice, tuple[Any, ...]]] = [
    ("take the receiver's: it keeps its own", INTO_ERPNEXT, Choice(take=Side.ERPNEXT), STAY),
    ("take the giver's", INTO_ERPNEXT, Choice(take=Side.SOURCE), to_erpnext("10:00")),
    ("set: only the receiver is given it", INTO_ERPNEXT, Choice(values={"f": "d"}), to_erpnext("d")),
    ("set towards the source", INTO_SOURCE, Choice(values={"f": "d"}), to_source("d")),
    ("set, where the value could not go back", line("f", "c", DATA, INTEGER, **IN), Choice(values={"f": "d"}),
     to_erpnext("d")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "choice", "expect"), [row[1:] for row in ONE_WAY_CHOICES], ids=[row[0] for row in ONE_WAY_CHOICES]
)
def test_a_persons_choice_at_first_contact_of_a_one_way_field(
    entry: Line, choice: Choice, expect: tuple[Any, ...]
) -> None:
    source: Raw = 4 if entry.source is INTEGER else "10:00"
    assert outcome(merge(mapping(entry), None, ("a",), (source,), choice=choice)) == expect


def test_a_choice_does_not_touch_what_is_no_conflict() -> None:
    two = mapping(line("f", "c"), line("g", "d"))
    result = merge(two, (("a", "a"), ("a", "a")), ("b", "b"), ("c", "a"), choice=Choice(take=Side.SOURCE))
    assert result.writes == {Side.ERPNEXT: {"f": "c"}, Side.SOURCE: {"d": "b"}}
