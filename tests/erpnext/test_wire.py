"""Values on their way to a site and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncd.adapters.erpnext.meta import field_type
from syncd.adapters.erpnext.wire import RowShape, as_stored, to_json, trimmed_stamp
from syncd.core.model import Raw
from syncd.errors import AccessError
from syncd.ports.endpoint import FieldInfo, Schema

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("raw", "sent", "why"),
    [
        (True, 1, "a Check is 0 or 1"),
        (False, 0, "a Check is 0 or 1"),
        (None, None, "null clears a field"),
        ("  x ", "  x ", "text goes as it is"),
        (Decimal("12.50"), 12.5, "exact as a float"),
        (Decimal("0.1"), 0.1, "the float's shortest form is the same number"),
        (Decimal(12), 12, "whole numbers"),
        (Decimal("123456789012.123456789"), "123456789012.123456789", "more digits than a float holds"),
        (datetime.fromisoformat("2026-07-01T10:00"), "2026-07-01 10:00:00", "naive: wall time of the site"),
        (datetime.fromisoformat("2026-07-01T10:00:00.000005"), "2026-07-01 10:00:00.000005", "microseconds"),
        (datetime(2026, 7, 1, 10, 0, tzinfo=UTC), "2026-07-01 12:00:00", "aware: into the site's zone"),
        (date(2026, 7, 1), "2026-07-01", "a date"),
        (time(9, 5), "09:05:00", "a time"),
        (timedelta(minutes=2), 120, "a duration in seconds"),
        (timedelta(milliseconds=1500), 1.5, "with a fraction"),
    ],
)
def test_to_json(raw: Raw, sent: Any, why: str) -> None:
    made = to_json(raw, PARIS)
    assert made == sent, why
    assert type(made) is type(sent), why


def test_binary_data_has_no_field() -> None:
    with pytest.raises(TypeError, match="binary"):
        to_json(b"x", PARIS)


@pytest.mark.parametrize(
    ("fieldtype", "answered", "stored", "why"),
    [
        ("Data", 123, "123", "a number in a Data field is stored as text"),
        ("Data", 12.5, "12.5", "a number in a Data field is stored as text"),
        ("Data", True, "1", "true in a Data field"),
        ("Data", "", "", "an empty text is kept"),
        ("Data", "  x y ", "  x y ", "nothing is trimmed"),
        ("Float", 0.30000000000000004, 0.3, "nine decimals are kept"),
        ("Float", 1.23456789012, 1.23456789, "nine decimals are kept"),
        ("Currency", 0, 0.0, "a list gives a float"),
        ("Check", True, 1, "a list gives 0 or 1"),
        ("Int", 3, 3, "an integer"),
        ("Date", "2027-01-31 10:00:00", "2027-01-31", "the date part is stored"),
        ("Date", "", None, "an empty date is stored as null"),
        ("Datetime", "2027-01-31 10:00:00.000000", "2027-01-31 10:00:00", "a re-read leaves zero microseconds out"),
        ("Time", "09:05:00", "9:05:00", "hours are not padded"),
        ("Time", "7:5:0.588351", "7:05:00.588351", "a document pads nothing (measured)"),
        ("Time", "0:0:9", "0:00:09", "a document pads nothing (measured)"),
        ("JSON", {"a": 1}, '{"a":1}', "JSON is text"),
        ("Date", "nonsense", "nonsense", "what does not fit stays as it is"),
        ("Data", None, None, "null"),
    ],
)
def test_an_answer_is_brought_to_what_a_list_gives(fieldtype: str, answered: Any, stored: Any, why: str) -> None:
    made = as_stored(answered, field_type(fieldtype, zone=PARIS))
    assert made == stored, why
    assert type(made) is type(stored), why


def test_trimmed_stamp() -> None:
    assert trimmed_stamp("2026-01-01 00:00:00.000000") == "2026-01-01 00:00:00"
    assert trimmed_stamp("2026-01-01 00:00:00.000001") == "2026-01-01 00:00:00.000001"


def shape(*layout: str, external_id: str | None = None, submittable: bool = False, permlevel: int = 0) -> RowShape:
    names = ["name", "a", "b", "ext"]
    fields = {n: FieldInfo(name=n, type=field_type("Data"), permlevel=permlevel) for n in names}
    schema = Schema(entity="Thing", fields=fields, submittable=submittable)
    return RowShape(schema, layout, external_id, place="https://e Thing", user=lambda: "sync@example.com")


HEAD = {"name": "N", "modified": "M", "creation": "C", "modified_by": "E"}


@pytest.mark.parametrize(
    ("made", "document", "expected"),
    [
        (shape("a", "b"), {"a": 1, "b": None}, ("N", "M", (1, None), None, "C", "E", False, 0)),
        (shape("a", external_id="ext"), {"a": 1, "ext": "7"}, ("N", "M", (1,), "7", "C", "E", False, 0)),
        (shape(external_id="ext"), {"ext": ""}, ("N", "M", (), None, "C", "E", False, 0)),
        (shape("a", submittable=True), {"a": 1, "docstatus": 2}, ("N", "M", (1,), None, "C", "E", False, 2)),
        (
            shape("b", "name", external_id="ext", submittable=True),
            {"b": 1, "ext": "7", "docstatus": 1},
            ("N", "M", (1, "N"), "7", "C", "E", False, 1),
        ),
    ],
    ids=["plain", "external-id", "empty-id-and-no-fields", "submittable", "all"],
)
def test_rows_of_a_list(made: RowShape, document: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert set(made.fields) == {*HEAD, *document}
    assert [tuple(row) for row in made.rows([{**HEAD, **document}])] == [expected]


def test_a_name_that_is_a_number_becomes_text() -> None:
    assert shape("a").rows([{**HEAD, "name": 12, "a": 1}])[0].key == "12"


def test_no_rows() -> None:
    assert shape("a").rows([]) == []


def test_a_field_that_is_left_out_is_a_missing_right_not_an_empty_value() -> None:
    with pytest.raises(
        AccessError, match=r"leaves the field a out .* sync@example.com .* permission level 2"
    ) as caught:
        shape("a", permlevel=2).rows([dict(HEAD)])
    assert "“Read” at permission level 2" in caught.value.hint


def test_the_row_of_an_answer_takes_left_out_nulls_as_empty() -> None:
    row = shape("a", "b", external_id="ext").row({**HEAD, "modified": "2026-01-01 00:00:00.000000", "a": 5})
    assert row.values == ("5", None)
    assert (row.stamp, row.partner, row.editor) == ("2026-01-01 00:00:00", None, "E")
