import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.adapters.sources.sql_keys import KeyCodec, KeyProblem, encode_part
from syncd.core.values import FieldType, Kind

TEXT = FieldType(kind=Kind.TEXT, name="TEXT")
INT = FieldType(kind=Kind.INT, name="INTEGER")


def codec(*types):
    return KeyCodec([f"c{number}" for number in range(len(types))], types, loose=True)


@pytest.mark.parametrize(
    ("case", "parts", "key"),
    [
        ("an integer is its digits", (42,), "42"),
        ("a negative integer", (-7,), "-7"),
        ("plain text stays", ("abc-DE_1.2 x",), "abc-DE_1.2 x"),
        ("a slash would look like two parts", ("a/b",), "a%2Fb"),
        ("a percent sign would look encoded", ("50%",), "50%25"),
        ("control characters", ("a\tb\n",), "a%09b%0A"),
        ("blanks at the ends, which MariaDB ignores", (" a ",), "%20a%20"),
        ("markup, which the site sanitises", ("<b>",), "%3Cb%3E"),
        ("other scripts stay", ("東京",), "東京"),
        ("bytes are hex", (b"\x00\xff",), "00ff"),
        ("several parts", ("DE", 7), "DE/7"),
        ("several parts with slashes", ("a/b", "c"), "a%2Fb/c"),
    ],
)
def test_encode(case, parts, key):
    assert codec(*[TEXT] * len(parts)).encode(parts) == key


@pytest.mark.parametrize(
    ("case", "parts", "words"),
    [
        ("NULL", (None,), "is NULL"),
        ("NULL in one part", ("a", None), "'c1' is NULL"),
        ("empty text", ("",), "is empty"),
        ("141 characters", ("x" * 141,), "141 characters"),
        ("141 characters once encoded", ("%" * 47,), "141 characters"),
        ("half a surrogate pair", ("\ud800",), "valid text"),
    ],
)
def test_what_is_no_key(case, parts, words):
    with pytest.raises(KeyProblem, match=words) as problem:
        codec(*[TEXT] * len(parts)).encode(parts)
    problem.value.shown.encode("utf-8")


def test_140_characters_are_a_key():
    assert len(codec(TEXT).encode(("x" * 140,))) == 140


@pytest.mark.parametrize(
    ("case", "types", "key", "candidates"),
    [
        ("integer column", [INT], "42", [(42,)]),
        ("text column keeps digits as text", [TEXT], "42", [("42",)]),
        ("column without a type may hold either", [FieldType(kind=Kind.TEXT)], "42", [("42",), (42,)]),
        ("text in SQLite's integer column", [INT], "abc", [("abc",)]),
        ("too few parts", [INT, TEXT], "42", []),
        ("too many parts", [INT], "4/2", []),
        ("an empty part", [INT, TEXT], "42/", []),
        ("bytes that are no UTF-8", [TEXT], "%FF", []),
        ("more than 64 bits", [INT], "9" * 20, []),
        ("a leading zero is another text, and no integer", [INT], "01", []),
        ("a float that is written otherwise", [INT], "1.50", []),
        ("a float as it is written", [INT], "1.5", [(1.5,)]),
        ("encoded slash", [TEXT, INT], "a%2Fb/3", [("a/b", 3)]),
    ],
)
def test_decode(case, types, key, candidates):
    expected = [candidate if isinstance(candidate, tuple) else (candidate,) for candidate in candidates]
    assert codec(*types).decode(key) == expected


def test_a_database_with_strict_types_is_not_asked_for_text_in_a_number():
    assert KeyCodec(["id"], [INT], loose=False).decode("abc") == []


@settings(max_examples=200)
@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable()), min_size=1, max_size=3))
def test_parts_come_back_from_the_key(parts):
    columns = codec(*[TEXT] * len(parts))
    try:
        key = columns.encode(parts)
    except KeyProblem:
        return
    assert columns.decode(key) == [tuple(parts)]


@settings(max_examples=200)
@given(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=10))
def test_different_parts_have_different_keys(one, other):
    if one != other:
        assert encode_part(one) != encode_part(other)
