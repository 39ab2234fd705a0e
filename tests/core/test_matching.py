"""Match digests: equal exactly where the values of a rule are the same on both sides."""

from __future__ import annotations

import pytest

from syncd.core.matching import Matcher
from syncd.core.model import Raw, Side
from tests.core.builders import (
    CHECK,
    CURRENCY,
    DATE,
    ERPNEXT_INT,
    INTEGER,
    NUMERIC_2,
    RICH,
    SELECT,
    SITE_DATE,
    Line,
    line,
    mapping,
)

TEXT = line("f", "c")
# (says, field, ERPNext's value, the source's, whether the rule brings them together)
ONE_FIELD: list[tuple[str, Line, Raw, Raw, bool]] = [
    ("equal text", TEXT, "Acme", "Acme", True),
    ("text compares exactly", TEXT, "Acme", "ACME", False),
    ("a trailing blank", TEXT, "Acme", "Acme ", False),
    ("both empty: the rule does not apply", TEXT, "", None, False),
    ("one empty", TEXT, "Acme", "  ", False),
    ("the word None is no empty value", TEXT, "None", None, False),
    ("a normaliser: case does not count", line("f", "c", converters=("lower",)), "Acme", "ACME", True),
    ("two normalisers", line("f", "c", converters=("trim", "upper")), " acme", "Acme ", True),
    ("a converter", line("f", "c", converters=("country",)), "Germany", "de", True),
    ("values", line("f", "c", SELECT, values={"c": "Company"}), "Company", "c", True),
    ("values: a word without an entry", line("f", "c", SELECT, values={"c": "Company"}), "Company", "x", False),
    ("phones as they are written", line("f", "c", converters=("phone(DE)",)), "+49 30 123456", "030/123456", True),
    ("numbers: spelling", line("f", "c", CURRENCY, NUMERIC_2), "1.50", 1.5, True),
    ("numbers at the coarser scale", line("f", "c", CURRENCY, NUMERIC_2), "1.499", 1.5, True),
    ("numbers that differ", line("f", "c", CURRENCY, NUMERIC_2), "1.49", 1.5, False),
    ("cents", line("f", "c", CURRENCY, INTEGER, converters=("cents",)), 19.99, 1999, True),
    ("a number that is none", line("f", "c", ERPNEXT_INT), 5, "five", False),
    ("yes and its text", line("f", "c", CHECK, converters=("bool(Y,N)",)), 1, "Y", True),
    ("a number in text", line("f", "c", ERPNEXT_INT), 5, "5", True),
    ("dates", line("f", "c", SITE_DATE, DATE), "2027-01-31", "2027-01-31 00:00:00", True),
    ("rich text and plain", line("f", "c", RICH, converters=("text",)), "<div><p>a &amp; b</p></div>", "a & b", True),
    ("rich text without text is empty", line("f", "c", RICH, converters=("text",)), "<p><br></p>", "None", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "erpnext", "source", "together"), [row[1:] for row in ONE_FIELD], ids=[row[0] for row in ONE_FIELD]
)
def test_a_rule_of_one_field(entry: Line, erpnext: Raw, source: Raw, together: bool) -> None:
    matcher = Matcher(mapping(entry, match=(("f",),)))
    (left,), (right,) = matcher.digests(Side.ERPNEXT, (erpnext,)), matcher.digests(Side.SOURCE, (source,))
    assert (left is not None and left == right) is together
    assert {len(digest) for digest in (left, right) if digest is not None} <= {16}


def test_a_rule_of_several_fields_does_not_apply_when_one_is_empty() -> None:
    matcher = Matcher(mapping(line("f", "c"), line("g", "d"), match=(("f", "g"), ("g",))))
    both, only = matcher.digests(Side.ERPNEXT, (None, "x"))
    assert both is None
    assert only == matcher.digests(Side.SOURCE, ("a", "x"))[1]


def test_values_do_not_run_into_one_another() -> None:
    matcher = Matcher(mapping(line("f", "c"), line("g", "d"), match=(("f", "g"),)))
    assert matcher.digests(Side.ERPNEXT, ("ab", "c")) != matcher.digests(Side.ERPNEXT, ("a", "bc"))
    assert matcher.digests(Side.ERPNEXT, ("astr:b", "c")) != matcher.digests(Side.ERPNEXT, ("a", "bstr:c"))


def test_rules_come_in_their_order_whatever_the_order_of_the_fields() -> None:
    matcher = Matcher(mapping(line("f", "c"), line("g", "d"), match=(("g",), ("f",))))
    assert matcher.digests(Side.ERPNEXT, ("one", "two")) == matcher.digests(Side.SOURCE, ("one", "two"))
    assert matcher.digests(Side.ERPNEXT, ("one", None))[0] is None


def test_markup_around_nothing_is_empty_and_contradicts_nothing() -> None:
    matcher = Matcher(mapping(line("f", "c", RICH, converters=("text",)), match=(("f",),)))
    assert matcher.digests(Side.ERPNEXT, ("<p><br></p>",)) == (None,)


def test_no_rules_no_digests() -> None:
    assert Matcher(mapping(TEXT)).digests(Side.SOURCE, ("a",)) == ()
