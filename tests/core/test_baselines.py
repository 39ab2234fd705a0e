"""Baselines as bytes: images, with a mark where a field has not agreed yet."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.model import Baseline, Raw
from syncd.core.values import decode_baseline, decode_image, encode_baseline, encode_image
from tests.core.builders import MISSING

KEPT: list[tuple[str, Baseline]] = [
    ("nothing mapped", ()),
    ("one field that never agreed", (MISSING,)),
    ("among others", ("a", MISSING, None, Decimal("1.50"), MISSING, 10**30)),
    ("text that looks like the mark", ('["m"]', MISSING, "m", '"m"')),
    ("text that looks like the mark, alone", ('["m"]', "]", "[")),
]


@pytest.mark.parametrize("baseline", [row[1] for row in KEPT], ids=[row[0] for row in KEPT])
def test_a_baseline_comes_back(baseline: Baseline) -> None:
    assert decode_baseline(encode_baseline(baseline)) == baseline


def test_a_whole_baseline_is_an_image() -> None:
    image = ("a", None, Decimal("1.50"))
    assert encode_baseline(image) == encode_image(image)
    assert decode_image(encode_baseline(image)) == decode_baseline(encode_image(image)) == image


raws: st.SearchStrategy[Raw] = st.one_of(
    st.none(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=[]), max_size=6),
    st.sampled_from(['["m"]', "[", '"']),
    st.binary(max_size=6),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.dates(),
    st.timedeltas(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(raws | st.just(MISSING), max_size=6).map(tuple))
def test_baselines_round_trip(baseline: Baseline) -> None:
    back = decode_baseline(encode_baseline(baseline))
    assert back == baseline
    assert [type(value) for value in back] == [type(value) for value in baseline]
