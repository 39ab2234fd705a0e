"""Comparison of text as utf8mb4_unicode_ci does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.adapters.sandbox.collation import collate, like, sort_key


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("abc", "ABC", id="case"),
        pytest.param("é", "e", id="accent"),
        pytest.param("e\u0301", "é", id="decomposed"),
        pytest.param("a", "a   ", id="trailing blanks"),
        pytest.param("Straße", "STRASSE", id="sharp s"),
        pytest.param("Æther", "aether", id="ligature"),
        pytest.param("😀", "🚀", id="characters beyond U+FFFF have one weight"),
        pytest.param("a\x00b", "ab", id="control characters count for nothing"),
        pytest.param("ひ", "ヒ", id="hiragana and katakana"),
    ],
)
def test_equal(left: str, right: str) -> None:
    assert collate(left, right) == 0


@pytest.mark.parametrize(
    ("less", "more"),
    [
        pytest.param("a", "b", id="letters"),
        pytest.param("a9", "aa", id="digits before letters"),
        pytest.param("a_", "a1", id="punctuation before digits"),
        pytest.param("a b", "a_b", id="blank before punctuation"),
        pytest.param(" a", "a", id="leading blanks count"),
        pytest.param("z", "ж", id="latin before cyrillic"),
        pytest.param("", "a", id="nothing first"),
    ],
)
def test_order(less: str, more: str) -> None:
    assert collate(less, more) == -1
    assert collate(more, less) == 1


@given(st.lists(st.text(max_size=6), min_size=3, max_size=3))
def test_it_is_an_order(texts: list[str]) -> None:
    a, b, c = texts
    assert collate(a, b) == -collate(b, a)
    if collate(a, b) <= 0 and collate(b, c) <= 0:
        assert collate(a, c) <= 0
    assert (collate(a, b) == 0) == (sort_key(a) == sort_key(b))


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        pytest.param("Wire Customer", "wire%", True, id="prefix without case"),
        pytest.param("Café", "%fe", True, id="accent"),
        pytest.param("a.c", "a_c", True, id="one character"),
        pytest.param("abc", "a.c", False, id="a dot is a dot"),
        pytest.param("two\nlines", "two%", True, id="line breaks"),
        pytest.param(None, "%", None, id="null"),
    ],
)
def test_like(value: str | None, pattern: str, expected: bool | None) -> None:
    assert like(pattern, value) is expected
