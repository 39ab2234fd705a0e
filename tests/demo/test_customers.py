"""The demo's customers are what demo/README.md says: as many, as various, and the same each time."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from demo.stories import LONGEST_NAME, Demo, Story, write_demo


@pytest.fixture(scope="module")
def demo() -> Demo:
    return write_demo()


KNOWN_TO_BOTH = (Story.SAME, Story.GAPS, Story.DIFFERS, Story.BY_NAME, Story.CONFLICT, Story.AMBIGUOUS)


def test_two_thousand_customers_of_which_the_site_holds_twelve_hundred(demo: Demo) -> None:
    assert len(demo.rows) == 2_000
    assert sum(demo.told[story][1] for story in KNOWN_TO_BOTH) == 1_200
    assert sum(documents for _, documents in demo.told.values()) == len(demo.documents)


def test_the_same_seed_makes_the_same_demo(demo: Demo) -> None:
    assert write_demo() == demo
    assert write_demo(seed=1) != demo


@pytest.mark.parametrize(
    "script",
    ["LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI"],
)
def test_names_come_in_many_scripts(demo: Demo, script: str) -> None:
    written = [row.name for row in demo.rows if any(unicodedata.name(sign, "").startswith(script) for sign in row.name)]
    assert len(written) >= 10


@pytest.mark.parametrize(
    ("what", "sign"),
    [
        ("an apostrophe", "'"),
        ("an ampersand", "&"),
        ("a quote", '"'),
        ("two blanks in a row", "  "),
        ("a slash", "/"),
        ("a percent sign", "%"),
    ],
)
def test_names_hold_what_breaks_programs(demo: Demo, what: str, sign: str) -> None:
    assert sum(sign in row.name for row in demo.rows) >= 3, what


def test_names_end_and_begin_with_blanks_and_hold_emoji_and_decomposed_accents(demo: Demo) -> None:
    names = [row.name for row in demo.rows]
    assert sum(name != name.rstrip() for name in names) > 50
    assert sum(name != name.lstrip() for name in names) > 10
    assert sum(any(ord(sign) > 0x1F000 for sign in name) for name in names) > 20
    assert sum(name != unicodedata.normalize("NFC", name) for name in names) > 10


def test_some_names_just_fit_and_some_do_not(demo: Demo) -> None:
    lengths = [len(row.name.strip()) for row in demo.rows]
    assert LONGEST_NAME in lengths
    assert sum(length > LONGEST_NAME for length in lengths) == 3


def test_some_customers_are_namesakes(demo: Demo) -> None:
    names = Counter(row.name for row in demo.rows if row.name.strip())
    assert sum(count > 1 for count in names.values()) >= 10


def test_values_are_missing_in_both_ways(demo: Demo) -> None:
    assert {None, ""} <= {row.vat for row in demo.rows}
    assert sum(row.website == "" for row in demo.rows) > 100
    assert sum(row.currency is None for row in demo.rows) > 100


def test_sign_ups_were_written_in_many_zones(demo: Demo) -> None:
    assert len({row.created_at[19:] for row in demo.rows}) > 8


def test_updated_at_is_one_form_that_sorts(demo: Demo) -> None:
    assert {len(row.updated_at) for row in demo.rows} == {len("2025-01-01 00:00:00.000")}


def test_the_site_can_hold_each_document_under_its_name(demo: Demo) -> None:
    folded = Counter(unicodedata.normalize("NFKC", str(row["name"])).casefold() for row in demo.documents)
    assert [name for name, count in folded.items() if count > 1] == []
    assert max(len(str(row["name"])) for row in demo.documents) <= LONGEST_NAME
