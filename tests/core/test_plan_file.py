"""A plan's file: nothing is lost on the way, and nothing but a whole and unchanged one is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from syncd.core.links import NewKey
from syncd.core.model import Action, Rows, Side, TableRow
from syncd.core.plan_file import (
    PlanFile,
    PlanFileError,
    PlannedMapping,
    PlannedRecord,
    PlannedStep,
    PlannedWrite,
    decode_plan,
    encode_plan,
)

VALUES = {
    "text": 'say "hello"\n],"seal":"',
    "empty": None,
    "number": 12,
    "large": 2**70,
    "float": 0.1,
    "decimal": Decimal("12.50"),
    "flag": True,
    "day": date(2026, 3, 1),
    "moment": datetime(2026, 10, 25, 2, 30, fold=1),  # noqa: DTZ001 - naive, as sources have it
    "clock": time(12, 30),
    "span": timedelta(minutes=5),
    "bytes": b"\x00\xff",
    "link": NewKey("(customer 17, new)"),
    "items": Rows((TableRow(None, (NewKey("(item 4, new)"), Decimal(2))), TableRow("row-1", ("NAIL", None)))),
}
RECORD = PlannedRecord(
    mapping="order",
    external_id="9",
    erpnext_name=None,
    made=("(order 9, new)",),
    steps=(
        PlannedStep(
            mark=b"\x01" * 16,
            writes=(PlannedWrite(side=Side.ERPNEXT, action=Action.CREATE, values=VALUES, link=True, docstatus=1),),
        ),
        PlannedStep(mark=None, writes=(PlannedWrite(side=Side.SOURCE, action=Action.LINK, link=True),)),
    ),
)
ENDS = PlannedRecord(mapping="order", external_id="1", erpnext_name="SO-1", steps=(PlannedStep(mark=b"\x02" * 16),))
PLAN = PlanFile(
    version="1.0",
    made=datetime(2026, 3, 1, 12, tzinfo=UTC),
    full=True,
    mappings=(
        PlannedMapping(name="order", fingerprint="ab", erpnext="https://erp.example Order", source="shop orders"),
    ),
    records=(RECORD, ENDS),
)


def test_a_plan_survives_its_file():
    read = decode_plan(encode_plan(PLAN))
    assert read == PLAN
    values = read.records[0].steps[0].writes[0].values
    for name, value in VALUES.items():
        assert type(values[name]) is type(value), name
    rows = values["items"]
    assert isinstance(rows, Rows)
    assert [type(value) for value in rows.rows[0].values] == [NewKey, Decimal]


def test_an_empty_plan_is_a_plan():
    empty = PlanFile(version="1", made=PLAN.made, full=False, mappings=(), records=())
    assert decode_plan(encode_plan(empty)) == empty


def test_each_record_has_a_line():
    assert len(encode_plan(PLAN).splitlines()) == 2 + len(PLAN.records)


def test_a_plan_that_is_cut_off_anywhere_is_refused():
    content = encode_plan(PLAN)
    for length in range(len(content)):
        with pytest.raises(PlanFileError):
            decode_plan(content[:length])


def test_a_plan_that_was_edited_is_refused():
    content = encode_plan(PLAN)
    with pytest.raises(PlanFileError, match="was changed after it was written"):
        decode_plan(content.replace(b"SO-1", b"SO-2"))
    with pytest.raises(PlanFileError, match="cut off"):
        decode_plan(content + b"\n\n")


@pytest.mark.parametrize(
    ("what", "content", "said"),
    [
        ("nothing", b"", "is no plan"),
        ("something else", b'{"schema":"syncd.run/1"}', "is no plan"),
        ("a database", b"SQLite format 3\x00", "is no plan"),
        ("another format", encode_plan(PLAN).replace(b"plan-file/1", b"plan-file/2"), "another format"),
    ],
)
def test_what_is_no_plan_is_refused(what, content, said):
    with pytest.raises(PlanFileError, match=said):
        decode_plan(content)
