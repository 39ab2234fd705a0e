"""Computed fields: what an expression may say, what it gives for a row, and what it says when it fails."""

# ruff: noqa: E501 - texts stand whole, as they are printed

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.compute import FUNCTIONS, LONGEST, Expression
from syncd.core.kinds import FieldType, InvalidValue, Kind
from syncd.core.model import Raw, Rows, Unreadable

BERLIN = ZoneInfo("Europe/Berlin")
ROW: dict[str, Raw] = {
    "first": "Ada",
    "last": "Lovelace",
    "nick": None,
    "note": "",
    "n": 3,
    "f": 2.5,
    "zero": 0,
    "tags": "a, b,c",
    "first name": "Augusta",
    "day": date(2026, 1, 31),
    "at": time(8, 5),
    "when": datetime.fromisoformat("2026-07-01 12:30"),
    "flag": True,
    "price": Decimal("19.90"),
    "span": timedelta(minutes=90),
    "raw": b"ab",
    "meta": '{"vat": "DE1", "codes": [1, 2]}',
}
TYPES = {
    "when": FieldType(kind=Kind.DATETIME, zone=BERLIN),
    "meta": FieldType(kind=Kind.JSON),
}


@pytest.mark.parametrize(
    ("text", "expected", "what"),
    [
        ("source.first + ' ' + source.last", "Ada Lovelace", "the contract's own"),
        ('source["first name"] + "!"', "Augusta!", "a column whose name is no word"),
        ("source.n > 2 ? 'many' : 'few'", "many", "a condition"),
        ("has(source.nick) ? source.nick : source.first", "Ada", "has() of a NULL"),
        ("has(source.note) ? source.note : 'none'", "none", "has() of an empty text: the same as NULL"),
        ("has(source.zero)", True, "has() of a 0: it says something"),
        ("!has(source.nick) && has( source . first )", True, "has() within, and with blanks"),
        ("source.nick == null", True, "NULL is null"),
        ("size(source.first)", 3, "the length of a text"),
        ("string(source.n) + '/' + string(source.f)", "3/2.5", "numbers as text"),
        ("double(source.n) * source.f", 7.5, "a whole number and one with decimals"),
        ("source.n * 2 + 1", 7, "whole numbers"),
        ("source.price * 2.0", 39.8, "a Decimal is a double"),
        ("int(source.price)", 19, "decimals are cut"),
        ("math.round(source.price)", 20.0, "and rounded"),
        ("source.n in [1, 3]", True, "one of several"),
        ("{'Ada': 'A', 'Bob': 'B'}[source.first]", "A", "a map as a table of values"),
        ("source.first.startsWith('A')", True, "the beginning of a text"),
        ("source.first.matches('^[A-Z][a-z]+$')", True, "a pattern"),
        ("source.first.upperAscii()", "ADA", "capitals"),
        ("source.last.substring(0, 4)", "Love", "a part of a text"),
        ("source.last.replace('love', 'x')", "Lovelace", "replace minds capitals"),
        ("source.tags.split(',').map(tag, tag.trim()).join('|')", "a|b|c", "a list made and joined"),
        ("source.tags.split(',').exists(tag, tag == 'c')", True, "a list searched"),
        ("source.day", "2026-01-31", "a date is ISO text"),
        ("source.day.substring(0, 4)", "2026", "so its year is its beginning"),
        ("source.at", "08:05:00", "a time of day is ISO text"),
        ("source.when.getHours()", 12, "a moment shows the clocks of its zone"),
        ("source.when", datetime(2026, 7, 1, 10, 30, tzinfo=UTC), "and is aware"),
        ("string(source.when)", "2026-07-01T12:30:00+02:00", "with its offset as text"),
        ("source.when + duration('24h')", datetime(2026, 7, 2, 10, 30, tzinfo=UTC), "a day later"),
        ("source.span / 60.0", 90.0, "a duration is its seconds"),
        ("source.flag ? 1 : 0", 1, "yes and no"),
        ("source.raw", b"ab", "bytes stay bytes"),
        ("source.meta.vat", "DE1", "an entry of JSON"),
        ("source.meta.codes[1]", 2, "an entry of a list in JSON"),
        ("source.nick", None, "nothing is nothing"),
        ("source.first // + source.last", "Ada", "a comment is no column"),
        ("source.first == 'source.x' ? 'y' : \"it's source\"", "it's source", "what stands in quotes is no column"),
        ("'a\\\\' + source.first", "a\\Ada", "a backslash before a closing quote"),
        ("r'\\' + source.first", "\\Ada", "a raw text"),
        ("'''it's ''' + source.first", "it's Ada", "three quotes"),
    ],
)
def test_what_an_expression_gives(text: str, expected: Raw, what: str) -> None:
    assert Expression(text).evaluate(ROW, TYPES) == expected, what


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("source.first + ' ' + source.last", ("first", "last")),
        ("source.last + source.first + source.last", ("last", "first")),
        ("source [ 'first name' ] + source . n", ("first name", "n")),
        ("source['it\\'s']", ("it's",)),
        ("has(source.nick) ? source.nick : 'source.no'", ("nick",)),
        ("source.meta.source.first", ("meta",)),
        ("[1].map(x, source.n)", ("n",)),
        ('source.a + "source.b" // source.c', ("a",)),
    ],
)
def test_inputs_are_the_columns_that_are_named(text: str, inputs: tuple[str, ...]) -> None:
    assert Expression(text).inputs == inputs


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("source.a +", "character 11: the expression ends where something should follow"),
        ("source.a source.b", "character 10: source is not expected here"),
        ("source.a\n  + *", "line 2, character 5: * is not expected here"),
        ("(source.a", "character 10: a ) is missing"),
        ("source.a + 'b", "character 12: a text without its closing quote, or a sign that CEL does not know"),
        ("source", 'character 1: source stands without a column: name it, like source.first or source["first name"]'),
        (
            "source[source.a]",
            'character 1: source stands without a column: name it, like source.first or source["first name"]',
        ),
        (
            "source.a + source.size()",
            'character 12: source stands without a column: name it, like source.first or source["first name"]',
        ),
        (
            "[1].map(source, source.a)",
            'character 9: source stands without a column: name it, like source.first or source["first name"]',
        ),
        ("first + last", "first is not known: a column is written source.first, text in quotes"),
        ("source.a + first.trim()", "first is not known: a column is written source.first, text in quotes"),
        (".source.a + .b", "b is not known: a column is written source.b, text in quotes"),
        ("source.a.lower()", "character 10: there is no function lower(): did you mean lowerAscii()?"),
        ("now() + source.a", "character 1: there is no function now()"),
        ("math.sqrt(source.a)", "character 6: there is no function math.sqrt()"),
        ("'a'", "it names no column: write source.NAME for what is in the column NAME"),
        ("[1].map(x, [2].filter(y, y > source.a))", "character 16: filter() stands within another such function"),
        ("source.a" + " + 1" * 500, f"the expression has 2008 characters: at most {LONGEST} are taken"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Expression(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "source.first + source.nick",
            "cannot be computed for first = 'Ada', nick = NULL: string + null does not go: both must be of one type, convert with string(…), int(…) or double(…); nick is empty: say what then, like has(source.nick) ? … : …",
        ),
        (
            "source.n + source.f",
            "cannot be computed for n = 3, f = 2.5: these types do not go together: convert with string(…), int(…) or double(…)",
        ),
        ("source.n / source.zero", "cannot be computed for n = 3, zero = 0: it divides by 0"),
        ("source.f / 0.0", "gives no finite number: it divides by 0, or becomes too large"),
        (
            "source.n + 9223372036854775807",
            "cannot be computed for n = 3: a value becomes larger than can be held (64 bits, the years 1 to 9999)",
        ),
        (
            "source.first.substring(9)",
            "cannot be computed for first = 'Ada': substring() cannot take 'Ada', 9 (substring: [9:3] out of range for string of length 3)",
        ),
        (
            "source.nick.trim()",
            "cannot be computed for nick = NULL: trim() cannot take null; nick is empty: say what then, like has(source.nick) ? … : …",
        ),
        (
            "int(source.first)",
            "cannot be computed for first = 'Ada': int(): string parse error: invalid digit found in string",
        ),
        ("string(source.flag)", "cannot be computed for flag = True: string() does not take a value of this type"),
        ("{'Bob': 'B'}[source.first]", "cannot be computed for first = 'Ada': there is no entry Ada"),
        ("source.tags.split(',')", "gives a list, not one value: join(…) makes one text of it"),
        ("{'a': source.n}", "gives no single value: name one entry of what it gives"),
        ("source.meta", "gives no single value: name one entry of what it gives"),
    ],
)
def test_a_row_on_which_it_fails_is_unreadable_and_says_why(text: str, reason: str) -> None:
    assert Expression(text).evaluate(ROW, TYPES) == Unreadable(reason)


@pytest.mark.parametrize(
    ("raw", "held", "reason"),
    [
        (2**63, None, "cannot be computed from x: 9223372036854775808 is larger than 64 bits hold"),
        ("half \ud800", None, "cannot be computed from x: 'half \\ud800' holds half of a character"),
        ("yes", FieldType(kind=Kind.BOOL), "cannot be computed from x: 'yes' is neither 0 nor 1 (nor true, false)"),
        ("1.2.3", FieldType(kind=Kind.NUMBER), "cannot be computed from x: '1.2.3' is not a number"),
        (
            "{",
            FieldType(kind=Kind.JSON),
            "cannot be computed from x: '{' is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (Unreadable("the column is broken"), None, "cannot be computed from x: the column is broken"),
        (Rows(), None, "cannot be computed from x: it holds the rows of a table, not one value"),
    ],
)
def test_a_value_that_cannot_be_given_is_named(raw: Raw, held: FieldType | None, reason: str) -> None:
    types = {} if held is None else {"x": held}
    assert Expression("source.x == null").evaluate({"x": raw}, types) == Unreadable(reason)


@pytest.mark.parametrize(
    ("raw", "held", "expected", "what"),
    [
        (5, FieldType(kind=Kind.NUMBER), "double", "SQLite gives 5 for a NUMERIC of 5.00"),
        (Decimal(5), FieldType(kind=Kind.NUMBER, scale=2), "double", "scale 2"),
        (Decimal(5), FieldType(kind=Kind.NUMBER, scale=0), "int", "NUMERIC(9, 0) holds whole numbers"),
        (Decimal(5), None, "double", "a Decimal without a type"),
        ("7", FieldType(kind=Kind.INT), "int", "a number kept as text"),
        (1, FieldType(kind=Kind.BOOL), "bool", "TINYINT(1)"),
        (7, FieldType(kind=Kind.TEXT), "string", "a number in a column of text"),
        ("2026-01-31 10:00:00", FieldType(kind=Kind.DATETIME), "Timestamp", "a moment kept as text"),
        (" ", FieldType(kind=Kind.INT), "null_type", "blank text in a column of numbers"),
        ("", FieldType(kind=Kind.TEXT), "string", "an empty text stays text, so that it can be added to another"),
    ],
)
def test_the_columns_type_decides_not_the_value_of_this_row(
    raw: Raw, held: FieldType | None, expected: str, what: str
) -> None:
    types = {} if held is None else {"x": held}
    assert str(Expression("type(source.x)").evaluate({"x": raw}, types)).endswith(expected), what


def test_the_hour_that_occurs_twice_has_the_offset_of_its_own() -> None:
    hour = Expression("string(source.x)")
    types = {"x": FieldType(kind=Kind.DATETIME, zone=BERLIN)}
    for utc, shown in ((0, "2026-10-25T02:30:00+02:00"), (1, "2026-10-25T02:30:00+01:00")):
        assert hour.evaluate({"x": datetime(2026, 10, 25, utc, 30, tzinfo=UTC)}, types) == shown


def test_a_moment_with_an_offset_is_shown_in_the_zone_of_its_column() -> None:
    given = datetime(2026, 7, 1, 23, tzinfo=timezone(timedelta(hours=-5)))
    types = {"x": FieldType(kind=Kind.DATETIME, zone=BERLIN)}
    assert Expression("source.x.getDate()").evaluate({"x": given}, types) == 2


def test_every_function_that_is_promised_is_there() -> None:
    """A name that the library does not have would be accepted at load and fail on every row."""
    import cel
    from cel.stdlib import STDLIB_FUNCTIONS

    moment, text = "timestamp('2026-01-31T10:00:00Z')", "'abc'"
    samples = {
        "has": "has({'a': 1}.a)",
        "map": "[1].map(x, x)",
        "filter": "[1].filter(x, true)",
        "all": "[1].all(x, true)",
        "exists": "[1].exists(x, true)",
        "exists_one": "[1].exists_one(x, true)",
        "matches": f"{text}.matches('b')",
        "contains": f"{text}.contains('b')",
        "startsWith": f"{text}.startsWith('b')",
        "endsWith": f"{text}.endsWith('b')",
        "timestamp": moment,
        "duration": "duration('1h')",
        **{
            name: f"{name}('1')" for name in ("size", "string", "int", "uint", "double", "bytes", "type", "dyn", "bool")
        },
    }
    for name in FUNCTIONS:
        if name.startswith("get"):
            samples[name] = f"{moment}.{name}()"
        elif name not in samples:
            assert name in STDLIB_FUNCTIONS, name
            continue
        cel.compile(samples[name]).execute(cel.Context({}, dict(STDLIB_FUNCTIONS)))


def test_it_may_be_used_by_several_threads_at_once() -> None:
    expression = Expression("source.first.trim() + source.last")
    found: list[Raw] = []
    rows = [{"first": f" {number} ", "last": "!"} for number in range(200)]

    def work(part: list[dict[str, Raw]]) -> None:
        found.extend(expression.evaluate(row) for row in part)

    threads = [threading.Thread(target=work, args=(rows[at::4],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == sorted(f"{number}!" for number in range(200))


def test_nothing_is_printed_when_a_function_fails(capfd: pytest.CaptureFixture[str]) -> None:
    Expression("source.x.substring(9)").evaluate({"x": "a"})
    assert capfd.readouterr() == ("", "")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(),
    st.decimals(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.timedeltas(),
)
TEXTS = (
    "source.a + source.b",
    "has(source.a) ? source.a : source.b",
    "source.a == source.b",
    "source.a < source.b",
    "string(source.a) + string(source.b)",
    "source.a.trim() + source.b.upperAscii()",
    "source.a.split(source.b).join(',')",
    "source.a.substring(int(source.b))",
    "math.greatest(source.a, source.b)",
    "source.a.getHours() + source.b.getDate()",
    "source.a.matches(source.b)",
    "[source.a, source.b]",
    "double(source.a) / double(source.b)",
)


@given(st.sampled_from([Expression(text) for text in TEXTS]), SCALARS, SCALARS)
def test_no_row_raises_and_the_same_row_gives_the_same(expression: Expression, a: Raw, b: Raw) -> None:
    first, second = expression.evaluate({"a": a, "b": b}), expression.evaluate({"a": a, "b": b})
    assert first == second
    assert not isinstance(first, Unreadable) or first.reason


@given(st.text(st.sampled_from("source.ab('\")+?:[] {}\\\n//has,mp1"), max_size=40))
def test_no_text_raises_anything_but_its_reason(text: str) -> None:
    with contextlib.suppress(InvalidValue):
        expression = Expression(text)
        expression.evaluate(dict.fromkeys(expression.inputs, "x"))
