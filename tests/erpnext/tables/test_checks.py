"""What `syncd check` finds about the child tables of a mapping."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.adapters.erpnext import SiteClient
from syncd.adapters.erpnext.checks import check_site
from syncd.core.mapping import Create, FieldSpec
from syncd.core.model import Direction
from tests.erpnext.tables.orders import order_spec, table


def found(client: SiteClient, *tables: Any, **changes: Any) -> list[tuple[str, str, str, bool]]:
    spec = order_spec(*tables, **changes)
    return [
        (problem.key, problem.message, problem.hint, problem.warning)
        for problem in check_site(client, spec)
        if problem.key.startswith("tables")
    ]


def test_a_mapping_that_fits_has_no_finding(client: SiteClient) -> None:
    assert found(client) == []


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (table("itmes", "qty"), "Sales Order has no child table itmes", "did you mean items"),
        (table("po_no", "qty"), "po_no is a Data field of Sales Order, not a child table", "there are: items"),
    ],
)
def test_a_table_that_is_not_there(client: SiteClient, wrong: Any, message: str, hint: str) -> None:
    ((key, text, step, warning),) = found(client, table("items", "qty"), wrong)
    assert (key, text, warning) == (f"tables.{wrong.erpnext}", message, False)
    assert hint in step


def test_a_mandatory_table_that_nothing_fills(client: SiteClient) -> None:
    one_sided = order_spec().tables[0]
    needed = ("tables", "Sales Order needs rows in items, which nothing gives: none can be made")
    taxes = table("taxes", "rate")
    assert [problem[:2] for problem in found(client, taxes)] == [needed]
    assert found(client, taxes, create=Create.SOURCE) == []
    assert found(client, taxes, direction=Direction.TO_SOURCE) == []
    assert found(client, one_sided) == []


def test_a_field_of_rows_that_the_user_may_not_read(client: SiteClient) -> None:
    client.write("PUT", "/api/resource/Customer/Buyer", {"things": [{"title": "a"}]}, "rows")
    things = table("things", "title", FieldSpec(erpnext="secret_level", source="s"))
    (key, message, hint, warning), written = found(client, things, doctype="Customer", fields=(), external_id=None)
    assert (written[0], written[3]) == ("tables.things.fields.secret_level", False)
    assert "sync@example.com may not write: the site drops what is sent" in written[1]
    assert (key, warning) == ("tables.things", False)
    assert "leaves the field secret_level out of its answers" in message
    assert "permission level 1" in message
    assert "tables.things.fields.secret_level" in hint
