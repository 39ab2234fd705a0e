"""Child tables, links, computed fields, lifecycles and [create] as they are read, and what a mapping is known by."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from syncd.config import load
from syncd.config.fingerprint import fingerprint
from syncd.core.mapping import (
    CancelLinked,
    ChangedAfterSubmit,
    DraftVoided,
    MappingSpec,
    Reopened,
    SubmitFails,
    columns,
    layout,
    table_layout,
)
from syncd.core.model import Direction, Wins
from tests.config.cases import ENVIRONMENT, ORDER, ORDERS, changed, lay_out


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`ORDERS` with `old` replaced by `new`, read."""
    monkeypatch.chdir(tmp_path)

    def order(old: str | tuple[str, ...] = (), new: str | tuple[str, ...] = ()) -> MappingSpec:
        lay_out(tmp_path, {ORDER: changed(ORDERS, old, new)})
        return load(environment=ENVIRONMENT).mappings["order"]

    return order


def test_what_is_left_out_has_its_default(read) -> None:
    spec = read()
    (items,) = spec.tables
    assert (items.direction, items.wins, items.parent, items.entity) == (Direction.BOTH, Wins.MANUAL, (), None)
    lifecycle = spec.lifecycle
    assert lifecycle is not None
    assert (lifecycle.changed_after_submit, lifecycle.submit_fails, lifecycle.reopened) == (
        ChangedAfterSubmit.HOLD,
        SubmitFails.HOLD,
        Reopened.HOLD,
    )
    assert (lifecycle.draft_voided, lifecycle.cancel_linked) == (DraftVoided.DELETE, CancelLinked.HOLD)
    assert spec.create_method is None


def test_every_policy_of_a_lifecycle(read) -> None:
    lifecycle = read(
        'field = "status"',
        'field = "status"\nchanged_after_submit = "erpnext"\nsubmit_fails = "rollback"\nreopened = "amend"\n'
        'draft_voided = "hold"\ncancel_linked = "unlink"',
    ).lifecycle
    assert (lifecycle.changed_after_submit, lifecycle.submit_fails, lifecycle.reopened) == (
        ChangedAfterSubmit.ERPNEXT,
        SubmitFails.ROLLBACK,
        Reopened.AMEND,
    )
    assert (lifecycle.draft_voided, lifecycle.cancel_linked) == (DraftVoided.HOLD, CancelLinked.UNLINK)


def test_states_may_be_numbers_and_yes_or_no(read) -> None:
    spec = read(
        ('draft = "pending"', 'submitted = ["paid", "shipped"]', '"void"'), ("draft = 7", "submitted = true", "[0, 9]")
    )
    lifecycle = spec.lifecycle
    assert (lifecycle.draft, lifecycle.submitted, lifecycle.cancelled) == (("7",), ("1",), ("0", "9"))


def test_related_rows_with_an_id_of_two_columns(read) -> None:
    (items,) = read(
        ('id = "id"', 'source = "lines"'),
        ('id = ["shop", "number"]', 'rows = { entity = "order_lines", parent = ["shop", "order_number"] }'),
    ).tables
    assert (items.source, items.entity, items.parent) == (None, "order_lines", ("shop", "order_number"))
    assert items.key == ("line_no",)


def test_a_record_may_be_its_own_one_row(read) -> None:
    spec = read(
        ('source = "lines"\nkey = "line_no"', 'item_code = "sku"'),
        ('rows = { entity = "orders", parent = "id" }', 'link_doctype = { constant = "Customer" }'),
    )
    (items,) = spec.tables
    assert (items.entity, items.parent, items.key) == ("orders", ("id",), ())
    constant = items.fields[0]
    assert (constant.erpnext, constant.constant, constant.source) == ("link_doctype", "Customer", None)
    assert table_layout(items) == (("qty",), ("quantity",))


def test_rows_take_over_what_their_table_and_mapping_say(read) -> None:
    (items,) = read(
        ('key = "line_no"', "[lifecycle]", 'qty = "quantity"'),
        (
            'key = "line_no"\nwins = "erpnext"\ndirection = "to_erpnext"',
            '[conflict]\nwins = "source"\n\n[lifecycle]',
            'qty = { source = "quantity", wins = "newest" }',
        ),
    ).tables
    assert (items.wins, items.direction) == (Wins.ERPNEXT, Direction.TO_ERPNEXT)
    assert [(field.wins, field.direction) for field in items.fields] == [
        (Wins.ERPNEXT, Direction.TO_ERPNEXT),
        (Wins.NEWEST, Direction.TO_ERPNEXT),
    ]
    (other,) = read(
        ("[lifecycle]", 'entity = "orders"'),
        ('[conflict]\nwins = "source"\n\n[lifecycle]', 'entity = "orders"\ndirection = "to_source"'),
    ).tables
    assert (other.wins, other.direction, other.fields[0].direction) == (
        Wins.SOURCE,
        Direction.TO_SOURCE,
        Direction.TO_SOURCE,
    )


def test_links_with_a_converter_and_a_default(read) -> None:
    spec = read(
        'link = "customer" }',
        'link = "customer", convert = ["trim", "prefix(C-)"], default = "Guest", wins = "source" }',
    )
    field = next(field for field in spec.fields if field.link is not None)
    assert (field.converters, field.default, field.wins) == (("trim", "prefix(C-)"), "Guest", Wins.SOURCE)


def test_the_layout_of_the_source_has_state_rows_and_computed_columns(read) -> None:
    spec = read('po_no = "number"', 'title = { compute = "source.first + source[\'last name\']" }\npo_no = "number"')
    assert layout(spec)[1] == ("number", "customer_id", "first", "last name", "status", "lines[]", "=title")
    assert columns(spec) == ("number", "customer_id", "first", "last name", "status")
    assert table_layout(spec.tables[0]) == (("item_code", "qty"), ("sku", "quantity", "line_no"))


def test_a_computed_field_may_have_a_default_and_be_enforced(read) -> None:
    spec = read('po_no = "number"', 'title = { compute = "source.a", default = "?", enforce = true }\npo_no = "number"')
    field = spec.fields[0]
    assert (field.default, field.enforce, field.direction) == ("?", True, Direction.TO_ERPNEXT)


CHANGES = (
    ("a link", 'link = "customer"', 'link = "order"'),
    ("an expression", 'po_no = "number"', 'po_no = { compute = "source.number" }'),
    ("where rows come from", 'source = "lines"', 'source = "positions"'),
    ("the key of rows", 'key = "line_no"', 'key = "sku"'),
    ("a field of rows", 'qty = "quantity"', 'qty = "pieces"'),
    ("who wins in rows", 'key = "line_no"', 'key = "line_no"\nwins = "source"'),
    ("the column of the state", 'field = "status"', 'field = "state"'),
    ("a state", '"void"', '["void", "gone"]'),
    ("the first state, which is written", '["paid", "shipped"]', '["shipped", "paid"]'),
    ("a policy of documents", 'field = "status"', 'field = "status"\nreopened = "amend"'),
)


@pytest.mark.parametrize(("what", "old", "new"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_mapping_that_says_something_else_is_another_one(what: str, old: str, new: str, read) -> None:
    before = fingerprint(read())
    assert fingerprint(read(old, new)) != before, what
    assert fingerprint(read()) == before


def test_what_has_its_default_does_not_count(read) -> None:
    written = read('field = "status"', 'field = "status"\nreopened = "hold"\ncancel_linked = "hold"')
    assert fingerprint(written) == fingerprint(read())
    assert dataclasses.replace(written, name="other", file="elsewhere", every=5.0) != written
    assert fingerprint(dataclasses.replace(written, name="other", file="elsewhere", every=5.0)) == fingerprint(written)
