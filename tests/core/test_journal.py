"""Journal entries come back as they were written."""

# ruff: noqa: DTZ001 - naive datetimes are what sites and drivers give

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.journal import Entry, Outcome, decode_entries, encode_entries, encode_results, tell_entries
from syncd.core.model import FieldChange, Raw
from syncd.core.values import encode_image, show

FULL = Entry(
    external_id="7/a%2Fb",
    erpnext_name="CUST-1",
    names=("customer_name", "credit", "since", "at", "blob", "n"),
    values=("O'Neil \U0001f600", Decimal("1.50"), date(2027, 1, 31), datetime(2027, 1, 31, 10), b"\x00\xff", None),
    changes=(FieldChange(field="customer_name", old=None, new="O'Neil"), FieldChange(field="n", old=True, new=None)),
    stamp="2027-01-31 10:00:00.123456",
    link=True,
    pair=5,
    staged=9,
    result="refused",
    error="too long",
    hint="shorten it",
    request_id="r-1",
    action="update",
    origin=encode_image(("x", Decimal(2))),
    labels=("customer_name", "credit_limit", "since", "at", "blob", "n"),
)
OPEN = FULL._replace(result="", error="", hint="", request_id="")


def test_a_full_entry_and_an_empty_one() -> None:
    empty = Entry(external_id=None, erpnext_name=None, names=(), values=())
    assert decode_entries(encode_entries([FULL, empty])) == [FULL, empty]
    assert decode_entries(encode_entries([])) == []


def test_values_keep_their_kinds() -> None:
    (back,) = decode_entries(encode_entries([FULL]))
    assert [type(value) for value in back.values] == [type(value) for value in FULL.values]
    assert str(back.values[1]) == "1.50"


def test_a_number_beyond_64_bits_in_a_change_does_not_stop_the_batch() -> None:
    huge = FieldChange(field="n", old=show(10**20), new=show(5))
    (back,) = decode_entries(encode_entries([FULL._replace(changes=(huge,))]))
    assert back.changes == (FieldChange(field="n", old="100000000000000000000", new=5),)


OUTCOMES: list[tuple[str, Entry, Outcome, dict[str, str]]] = [
    ("still open", OPEN, None, {"result": ""}),
    ("none told later: what the entry says", FULL, None, {"result": "refused", "error": "too long"}),
    ("told later", OPEN, ["stale", "it moved", "look again", "r-2"], {"result": "stale", "hint": "look again"}),
    ("told later goes before", FULL, ["done", "", "", ""], {"result": "done", "error": "", "request_id": ""}),
    ("a document was made for a record of the source", OPEN._replace(erpnext_name=None), "CUST-9",
     {"result": "done", "external_id": "7/a%2Fb", "erpnext_name": "CUST-9"}),
    ("a row was made for a document", OPEN._replace(external_id=None), "8",
     {"result": "done", "external_id": "8", "erpnext_name": "CUST-1"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "outcome", "expect"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_what_became_of_it_is_told_apart(entry: Entry, outcome: Outcome, expect: dict[str, str]) -> None:
    records, results = encode_entries([FULL, entry]), encode_results([None, outcome])
    (_, back) = decode_entries(records, results)
    assert {name: getattr(back, name) for name in expect} == expect
    assert back.values == entry.values
    (_, told) = tell_entries(records, results)
    assert told | expect == told


def test_a_creation_is_told_by_its_values_under_erpnexts_fieldnames() -> None:
    (told,) = tell_entries(encode_entries([OPEN._replace(changes=())]))
    assert told["changes"][:3] == [
        {"field": "customer_name", "old": None, "new": "O'Neil \U0001f600"},
        {"field": "credit_limit", "old": None, "new": "1.50"},
        {"field": "since", "old": None, "new": "2027-01-31"},
    ]
    json.dumps(told)
    (update,) = tell_entries(encode_entries([OPEN]))
    assert update["changes"] == [
        {"field": "customer_name", "old": None, "new": "O'Neil"},
        {"field": "n", "old": True, "new": None},
    ]


@pytest.mark.parametrize("damaged", [b"[]", b"{}", b"7", b"not json"])
def test_other_bytes_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError):
        decode_entries(damaged)


def test_as_many_outcomes_as_entries() -> None:
    with pytest.raises(ValueError):
        decode_entries(encode_entries([FULL, OPEN]), encode_results([None]))


texts = st.text(max_size=8)
raws: st.SearchStrategy[Raw] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=[]), max_size=8),  # halves of surrogate pairs as well
    st.binary(max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(min_value=timedelta(days=-99), max_value=timedelta(days=99)),
)
shown = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), texts, st.dates(), st.binary(max_size=4), st.just(time(1))
).map(show)
changes = st.builds(lambda f, old, new: FieldChange(field=f, old=old, new=new), texts, shown, shown)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    values = tuple(draw(st.lists(raws, max_size=4)))
    ended = draw(st.booleans())  # how a record fared is kept once there is a result
    return Entry(
        external_id=draw(st.none() | texts),
        erpnext_name=draw(st.none() | texts),
        names=tuple(draw(st.lists(texts, min_size=len(values), max_size=len(values)))),
        values=values,
        changes=tuple(draw(st.lists(changes, max_size=3))),
        stamp=draw(raws),
        link=draw(st.booleans()),
        pair=draw(st.none() | st.integers(0, 2**60)),
        staged=draw(st.none() | st.integers(0, 2**60)),
        result=draw(st.sampled_from(["done", "refused", "unknown"])) if ended else "",
        error=draw(texts) if ended else "",
        hint=draw(texts) if ended else "",
        request_id=draw(texts) if ended else "",
        action=draw(texts),
        origin=draw(st.none() | st.lists(raws, max_size=3).map(encode_image)),
        labels=tuple(draw(st.lists(texts, max_size=4))),
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(entries(), max_size=3))
def test_entries_round_trip(written: list[Entry]) -> None:
    back = decode_entries(encode_entries(written))
    assert back == written
    assert [[type(value) for value in entry.values] for entry in back] == [
        [type(value) for value in entry.values] for entry in written
    ]
