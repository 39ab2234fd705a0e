"""Scope: what would not fit the receiving side's filter is refused with a name."""

from dataclasses import replace

import pytest

from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Side
from syncd.core.scope import filled_by_scope, out_of_scope

SPEC = MappingSpec(
    name="customer",
    file="mappings/customer.toml",
    doctype="Customer",
    source="shop",
    entity="customers",
    site="main",
    fields=(FieldSpec(erpnext="customer_name", source="name"),),
    source_id=("id",),
)


@pytest.mark.parametrize(
    ("why", "filters", "values", "fits"),
    [
        ("equal", [("customer_group", "=", "Commercial")], {"customer_group": "Commercial"}, True),
        ("the database ignores case and blanks at the end", [("g", "=", "Commercial")], {"g": "COMMERCIAL "}, True),
        ("another value", [("g", "=", "Commercial")], {"g": "Retail"}, False),
        ("a field that is emptied", [("g", "=", "Commercial")], {"g": None}, False),
        ("a field that nothing is sent for is the site's to fill", [("g", "=", "Commercial")], {"h": "x"}, True),
        ("a Check against a number", [("disabled", "=", 0)], {"disabled": False}, True),
        ("a Check that is set", [("disabled", "=", 0)], {"disabled": True}, False),
        ("not equal", [("g", "!=", "Retail")], {"g": "Retail"}, False),
        ("among", [("g", "in", ("A", "B"))], {"g": "b"}, True),
        ("not among", [("g", "in", ("A", "B"))], {"g": "C"}, False),
        ("excluded", [("g", "not in", ("A", "B"))], {"g": "A"}, False),
        ("greater, as numbers", [("n", ">", 9)], {"n": 10}, True),
        ("not greater, as numbers", [("n", ">", "9")], {"n": "8.5"}, False),
        ("later, as dates", [("d", ">=", "2026-01-01")], {"d": "2025-12-31"}, False),
        ("like", [("g", "like", "%merc%")], {"g": "Commercial"}, True),
        ("a point in a pattern is a point", [("g", "like", "a.c%")], {"g": "abc"}, False),
        ("set", [("g", "is", "set")], {"g": ""}, False),
        ("not set", [("g", "is", "not set")], {"g": None}, True),
        ("an operator that only the site can judge", [("g", "descendants of", "All")], {"g": "x"}, True),
        ("every filter counts", [("g", "=", "A"), ("n", "<", 5)], {"g": "A", "n": 7}, False),
    ],
)
def test_filters_of_erpnext(why, filters, values, fits):
    spec = replace(SPEC, erpnext_filters=tuple(filters))
    assert (out_of_scope(spec, Side.ERPNEXT, values) is None) is fits, why


def test_the_reason_names_field_value_and_filter():
    spec = replace(SPEC, erpnext_filters=(("customer_group", "in", ("A", "B")),))
    reason = out_of_scope(spec, Side.ERPNEXT, {"customer_group": "C"})
    assert reason == "customer_group would be 'C', but the mapping's filter wants customer_group in 'A', 'B'"


def test_filters_of_the_source_fill_new_rows_and_judge_what_is_sent():
    spec = replace(SPEC, source_filters={"active": True})
    assert filled_by_scope(spec, Side.SOURCE) == {"active": True}
    assert filled_by_scope(spec, Side.ERPNEXT) == {}
    assert out_of_scope(spec, Side.SOURCE, {"active": 1}) is None
    assert out_of_scope(spec, Side.SOURCE, {"active": False}) is not None
    assert out_of_scope(spec, Side.SOURCE, {"name": "x"}) is None
